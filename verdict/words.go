package verdict

// verdicts says of each verdict how it is written and what it means.
var verdicts = [...]Info{
	Direct: {Code: "direct", Means: "`$remote_addr` is the client"},
	Forwarded: {Code: "forwarded", Means: "`$remote_addr` is not the client, another field names it",
		Note: "`$remote_addr` is a proxy's, or was forged, or is masked."},
	Internal:    {Code: "internal", Means: "the client has a private address and is no proxy"},
	HealthCheck: {Code: "health_check", Means: "a probe of the load balancer, not a visitor"},
	Lost: {Code: "lost", Means: "only proxies are left: nobody can say who the client was",
		Note: "In strict mode also where nobody vouches for the client."},
	Disputed: {Code: "disputed", Means: "fields that should agree name different clients",
		Note: "`client.ip` is then the answer of the rules; it is absent in strict mode."},
	Unreadable: {Code: "unreadable", Means: "no field holds an address"},
}

// reasons says of each reason how it is written, whether it is a fault of the
// chain, what it means, and how to fix it.
var reasons = [...]Info{
	HealthCheckProbe: {
		Code:  "health_check",
		Means: "a probe of the load balancer",
		Note: "The peer is a proxy, no field names a client, and the user agent begins `ELB-HealthChecker/` or the path is that of a configured health check and the user agent no browser's (`Mozilla/…`). " +
			"Normal also when all is right: such probes carry a PROXY protocol header without a client (LOCAL).",
	},
	ProxyProtocolNotListened: {
		Code: "proxy_protocol_not_listened", Fault: true,
		Means: "the request is a PROXY protocol header that nginx did not expect",
		Note: "A single NUL byte and status 400 for version 2, `PROXY TCP…` for version 1, and `$remote_addr` is a proxy's. The address in such a line is a claim. " +
			"A few such lines among healthy ones are scanners. Where `$remote_addr` is a client, it is one, or (as an alternative) a target group that keeps the source.",
		Fix: "edge: add `proxy_protocol` to the `listen` directive",
	},
	NotAnAddress: {
		Code:  "not_an_address",
		Means: "`$remote_addr` is no address, and no field gives the client",
		Note:  "It is masked, or a name, or not logged.",
	},
	RejectedBeforeRealip: {
		Code:  "rejected_before_realip",
		Means: "nginx refused the request before its realip module ran",
		Note:  "The peer shows, with status 400, 408, 414, 494 to 497, 501 or 505, or 405 of TRACE or CONNECT, and no upstream was asked: a right set-up logs these too.",
		Fix:   "for the log: `error_page 400 405 414 494 501 505` (with TLS also `495 496 497`) to an internal static file (408 has no error page)",
	},
	TrustsTooMuch: {
		Code: "trusts_too_much", Fault: true,
		Means: "nginx took an address that a visitor can write for the client's",
		Note: "`$remote_addr` was replaced although the peer is no proxy; or it stands in X-Forwarded-For to the left of an address that is no proxy; " +
			"or nginx read a header behind an NLB that speaks no PROXY protocol.",
		Fix: "the hop that wrote the line: narrow `set_real_ip_from` to the addresses of the hop before it, and behind an NLB take `real_ip_header proxy_protocol`; " +
			"or name a proxy that is missing in `trusted`",
	},
	UnlistedProxy: {
		Code:  "unlisted_proxy",
		Means: "nginx believed a private peer that is in no set: probably the edge",
		Note: "`nlb` is given and `trusted` is not. What nginx made of the peer is the client, and nobody vouches. " +
			"Name the peer in `trusted`, or in `nlb` if it is a node.",
	},
	FieldsDisagree: {
		Code: "fields_disagree", Fault: true,
		Means: "fields that should agree name different clients",
		Note:  "X-Forwarded-For and X-Real-IP of one proxy, or the PROXY protocol and `$remote_addr`.",
		Fix:   "edge: set both headers with `proxy_set_header`, one of them is handed on from the visitor; where it reads the PROXY protocol, take `real_ip_header proxy_protocol`",
	},
	CDNInFront: {
		Code:  "cdn_in_front",
		Means: "a trusted proxy stands before the NLB, the client behind it",
		Note: "The PROXY protocol names the CDN, and X-Forwarded-For or another header the client. nginx reads one source only, this resolver both. " +
			"Without such a header the client is lost.",
	},
	EdgeHandedOnProxy: {
		Code: "edge_handed_on_proxy", Fault: true,
		Means: "the forwarded header holds proxies only",
		Note:  "The edge wrote the NLB's address where the client's should be. X-Real-IP may still give the client.",
		Fix:   "edge: hand on `$proxy_protocol_addr`, not `$remote_addr`, and read the PROXY protocol",
	},
	RealipNotApplied: {
		Code: "realip_not_applied", Fault: true,
		Means: "`$remote_addr` is a proxy although another field tells more",
		Fix:   "the hop named: `set_real_ip_from` lacks the peer, `real_ip_header` is missing, or `real_ip_recursive` is off behind two proxies",
	},
	EdgeHandedOnNothing: {
		Code: "edge_handed_on_nothing", Fault: true,
		Means: "`$remote_addr` is a proxy, and there is no forwarded header",
		Note:  "The proxy is none of the NLB. It may also be a health check that the edge passed on.",
		Fix:   "edge: set X-Real-IP and X-Forwarded-For from `$proxy_protocol_addr`; an empty variable sends no header",
	},
	ProxyProtocolOff: {
		Code: "proxy_protocol_off", Fault: true,
		Means: "`$remote_addr` is the NLB's address, and no proxy says more",
		Note:  "A forwarded header behind an NLB node is the visitor's own and changes nothing here.",
		Fix:   "target group: turn on `proxy_protocol_v2.enabled` together with `listen … proxy_protocol` (or `preserve_client_ip.enabled`)",
	},
	ProxyProtocolNotSent: {
		Code: "proxy_protocol_not_sent", Fault: true,
		Means: "nginx waits for the PROXY protocol, and it is not sent",
		Note: "Of error lines only, `broken header: \"…\" while reading PROXY protocol`: such a connection has no access line. " +
			"Probes and scanners that reach nginx past the NLB write a few of these anyway.",
		Fix: "target group: turn on `proxy_protocol_v2.enabled`; or, if the source is kept, take `proxy_protocol` out of the `listen` directive",
	},
	PastTheNLB: {
		Code:  "past_the_nlb",
		Means: "a connection that did not come by the NLB, where it should",
		Note: "Of error lines only: it spoke no PROXY protocol, and its address is a private one that the sets do not name as a proxy's: a probe, a scanner, or a service that should call by the NLB. " +
			"As an alternative, of any address that is no proxy's.",
	},
	PrivateLink: {
		Code:  "private_link",
		Means: "the client came by PrivateLink: a VPC endpoint's id is logged",
	},
	UnreadableHop: {
		Code:  "unreadable_hop",
		Means: "a token of the forwarded header is no address",
		Note:  "The walk ended there, as nginx's does.",
	},
	ClientSentForwardedFor: {
		Code:  "client_sent_forwarded_for",
		Means: "the visitor sent a forwarded header of its own",
		Note:  "It is kept apart as a claim.",
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
