package verdict

// verdicts says of each verdict how it is written and what it means.
var verdicts = [...]Info{
	Direct: {Code: "direct", Means: "`$remote_addr` is the client"},
	Forwarded: {Code: "forwarded", Means: "`$remote_addr` is not the client, another field names it",
		Note: "`$remote_addr` is a proxy's address, or it was forged, or it is masked."},
	Internal:    {Code: "internal", Means: "the client has a private address and is no proxy"},
	HealthCheck: {Code: "health_check", Means: "a probe of the load balancer, not a visitor"},
	Lost: {Code: "lost", Means: "only proxies are known: nobody can say who the client was",
		Note: "In strict mode this is also the verdict where nobody vouches for the client."},
	Disputed: {Code: "disputed", Means: "fields name different clients, or a visitor can have written the line",
		Note: "`client.ip` then holds the answer of the rules. In strict mode it is absent."},
	Unreadable: {Code: "unreadable", Means: "no field holds an address"},
}

// reasons says of each reason how it is written, whether it is a fault of the
// chain, what it means, and how to fix it.
var reasons = [...]Info{
	InsideErrorRecord: {
		Code:  "inside_error_record",
		Means: "a visitor can have written the line, inside a record of the error log",
		Note: "nginx writes a path into its error log with its line breaks (`%0A`). Where access and error log come in one stream, a visitor so writes whole lines. " +
			"The line stands behind the beginning of an error record that may not have ended, or it is an access line on stderr. Nobody vouches for what it says, and the doctor leaves it out. " +
			"An error line can have this reason too. See [security.md](security.md).",
		Fix: "in each `server`: `if ($request_uri ~* \"%0[ad]\") { return 400; }`; write the access log and the error log to two streams",
	},
	UnlistedNode: {
		Code: "unlisted_node", Fault: true,
		Means: "the peer behaves like a node of the NLB, and no set holds it",
		Note: "The addresses of the NLB are given, and a private address that is in no set speaks the PROXY protocol or sends the load balancer's health checks. " +
			"An Availability Zone was added, or the NLB was created again. Such an address is never the client. The client that its PROXY protocol names is reported, and nobody vouches for it. " +
			"Where `trusted` is not given, a health check alone does not show this, because the edge may have passed it on: the reason is `health_check`, and this one is an alternative.",
		Fix: "settings: add the address to `nlb`, or let Clearhop discover the nodes (`discover:NAME`); at the edge: add it to `set_real_ip_from` too",
	},
	HealthCheckProbe: {
		Code:  "health_check",
		Means: "a probe of the load balancer",
		Note: "The peer is a proxy and no field names a client. The user agent begins with `ELB-HealthChecker/`, or the path is that of a configured health check and the user agent is not a browser's (`Mozilla/…`). " +
			"This is normal in a healthy chain: such probes carry a PROXY protocol header without a client (LOCAL).",
	},
	ProxyProtocolNotListened: {
		Code: "proxy_protocol_not_listened", Fault: true,
		Means: "the request is a PROXY protocol header that nginx did not expect",
		Note: "The request is a single NUL byte with status 400 (version 2) or begins with `PROXY TCP` (version 1), and `$remote_addr` is a proxy's address. The address in such a line is a claim. " +
			"A few such lines among healthy ones come from scanners. Where `$remote_addr` is a client's address, the sender is a scanner, or (as an alternative) the target group keeps the source address.",
		Fix: "edge: add `proxy_protocol` to the `listen` directive",
	},
	NotAnAddress: {
		Code:  "not_an_address",
		Means: "`$remote_addr` is not an address, and no field names the client",
		Note:  "The value is masked, or it is a name, or the variable is not logged.",
	},
	RejectedBeforeRealip: {
		Code:  "rejected_before_realip",
		Means: "nginx refused the request before its realip module ran",
		Note:  "The line shows the peer, no upstream was asked, and the status is 400, 408, 414, 494 to 497, 501 or 505, or 405 for TRACE or CONNECT. A healthy chain logs such lines too.",
		Fix:   "to log the client: send `error_page 400 405 414 494 501 505` (with TLS also `495 496 497`) to an internal static file (408 has no error page)",
	},
	TrustsTooMuch: {
		Code: "trusts_too_much", Fault: true,
		Means: "nginx took the client's address from what a visitor can write",
		Note: "One of three is true: `$remote_addr` was replaced although the peer is not a proxy; `$remote_addr` stands in X-Forwarded-For to the left of an address that is not a proxy's; " +
			"nginx read a header behind an NLB that sends no PROXY protocol.",
		Fix: "at the hop that wrote the line: narrow `set_real_ip_from` to the addresses of the hop before it, and behind an NLB set `real_ip_header proxy_protocol`; " +
			"or add a proxy that is missing to `trusted`",
	},
	UnlistedProxy: {
		Code:  "unlisted_proxy",
		Means: "nginx believed a private peer that is in no set, probably the edge",
		Note: "`nlb` is given and `trusted` is not. The client is the address that nginx took from the peer, and nobody vouches for it. " +
			"Add the peer to `trusted`, or to `nlb` if it is a node of the NLB.",
	},
	FieldsDisagree: {
		Code: "fields_disagree", Fault: true,
		Means: "fields that should agree name different clients",
		Note:  "These are X-Forwarded-For and X-Real-IP of one proxy, or the PROXY protocol and `$remote_addr`.",
		Fix:   "edge: set both headers with `proxy_set_header`, because one of them is passed on from the visitor; where the edge reads the PROXY protocol, set `real_ip_header proxy_protocol`",
	},
	CDNInFront: {
		Code:  "cdn_in_front",
		Means: "a trusted proxy stands before the NLB, and the client behind it",
		Note: "The PROXY protocol names the CDN, and X-Forwarded-For or another header names the client. nginx reads one of the two only; Clearhop reads both. " +
			"Without such a header nobody knows the client.",
	},
	EdgeHandedOnProxy: {
		Code: "edge_handed_on_proxy", Fault: true,
		Means: "the forwarded header holds the addresses of proxies only",
		Note:  "The edge wrote the NLB's address where the client's should be. X-Real-IP may still name the client.",
		Fix:   "edge: pass on `$proxy_protocol_addr`, not `$remote_addr`, and read the PROXY protocol",
	},
	RealipNotApplied: {
		Code: "realip_not_applied", Fault: true,
		Means: "`$remote_addr` is a proxy although another field names the client",
		Fix:   "at the hop named: add the peer to `set_real_ip_from`, set `real_ip_header`, or turn on `real_ip_recursive` behind two proxies",
	},
	EdgeHandedOnNothing: {
		Code: "edge_handed_on_nothing", Fault: true,
		Means: "`$remote_addr` is a proxy, and there is no forwarded header",
		Note:  "The proxy is not the NLB. The request may also be a health check that the edge passed on. Where the peer is loopback and the user agent is a browser's, the proxy stands on nginx's own host, such as a `stream` block: no visitor has a loopback address.",
		Fix:   "edge: set X-Real-IP and X-Forwarded-For from `$proxy_protocol_addr`; an empty variable sends no header",
	},
	ProxyProtocolOff: {
		Code: "proxy_protocol_off", Fault: true,
		Means: "`$remote_addr` is the NLB's address, and no other field names a client",
		Note:  "A forwarded header that arrives behind an NLB node is the visitor's own and is ignored here. The reason fits also where the PROXY protocol names a node of the NLB: a hop before nginx, such as a `stream` block on the same host, writes the PROXY protocol and does not read the NLB's.",
		Fix:   "target group: turn on `proxy_protocol_v2.enabled` together with `listen … proxy_protocol` (or `preserve_client_ip.enabled`)",
	},
	ProxyProtocolNotSent: {
		Code: "proxy_protocol_not_sent", Fault: true,
		Means: "nginx waits for the PROXY protocol, and nobody sends it",
		Note: "Only error lines show it (`broken header: \"…\" while reading PROXY protocol`), because such a connection has no access line. " +
			"Probes and scanners that reach nginx without the NLB cause a few of these in a healthy chain too.",
		Fix: "target group: turn on `proxy_protocol_v2.enabled`; or, if it keeps the source address, remove `proxy_protocol` from the `listen` directive",
	},
	PastTheNLB: {
		Code:  "past_the_nlb",
		Means: "a connection did not come through the NLB, although it should",
		Note: "Only error lines show it. The connection sent no PROXY protocol, and it came from a private address that no set names as a proxy's: a probe, a scanner, or a service that should call through the NLB. " +
			"As an alternative it is listed for any address that is not a proxy's.",
	},
	PrivateLink: {
		Code:  "private_link",
		Means: "the client came through PrivateLink: a VPC endpoint's id is logged",
	},
	UnreadableHop: {
		Code:  "unreadable_hop",
		Means: "a token of the forwarded header is not an address",
		Note:  "The walk ends there, as it does in nginx.",
	},
	ClientSentForwardedFor: {
		Code:  "client_sent_forwarded_for",
		Means: "the visitor sent a forwarded header of its own",
		Note:  "It is kept apart, as a claim.",
	},
	OK: {
		Code:  "ok",
		Means: "no fault can be seen",
	},
	OwnClient: {
		Code:  "internal",
		Means: "the address is a client's inside the network, and nothing is broken",
	},
}
