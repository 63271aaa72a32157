package clientip

// A Verdict says in one word how the client is known.
type Verdict string

// The verdicts.
const (
	Direct      Verdict = "direct"       // $remote_addr is the client
	Forwarded   Verdict = "forwarded"    // $remote_addr is a proxy, another field names the client
	Internal    Verdict = "internal"     // the client is a private address that is no proxy
	HealthCheck Verdict = "health_check" // a probe of the load balancer
	Lost        Verdict = "lost"         // only proxies are left
	Disputed    Verdict = "disputed"     // fields that should agree name different clients
	Unreadable  Verdict = "unreadable"   // no field holds an address
)

// A Reason is the one cause that fits a record first. The order of the
// constants is the order in which they are tried.
type Reason string

// The reasons.
const (
	HealthCheckProbe         Reason = "health_check"
	ProxyProtocolNotListened Reason = "proxy_protocol_not_listened"
	NotAnAddress             Reason = "not_an_address"
	RejectedBeforeRealip     Reason = "rejected_before_realip"
	TrustsTooMuch            Reason = "trusts_too_much"
	UnlistedProxy            Reason = "unlisted_proxy"
	FieldsDisagree           Reason = "fields_disagree"
	CDNInFront               Reason = "cdn_in_front"
	EdgeHandedOnProxy        Reason = "edge_handed_on_proxy"
	RealipNotApplied         Reason = "realip_not_applied"
	EdgeHandedOnNothing      Reason = "edge_handed_on_nothing"
	ProxyProtocolOff         Reason = "proxy_protocol_off"
	ProxyProtocolNotSent     Reason = "proxy_protocol_not_sent"
	PastTheNLB               Reason = "past_the_nlb"
	PrivateLink              Reason = "private_link"
	UnreadableHop            Reason = "unreadable_hop"
	ClientSentForwardedFor   Reason = "client_sent_forwarded_for"
	OK                       Reason = "ok"
)

// A Doc explains a verdict or a reason: the documentation is generated from
// it.
type Doc struct {
	Code  string
	Fault bool   // counts as a fault of the chain: alarms ring for these only
	Means string // short enough for a line of a terminal
	Note  string // what else to know; for the documentation
	Mend  string // what to do about a fault
}

// Verdicts returns the verdicts in order with what they mean.
func Verdicts() []Doc {
	return []Doc{
		{Code: string(Direct), Means: "`$remote_addr` is the client"},
		{Code: string(Forwarded), Means: "`$remote_addr` is not the client, another field names it",
			Note: "`$remote_addr` is a proxy's, or was forged, or is masked."},
		{Code: string(Internal), Means: "the client has a private address and is no proxy"},
		{Code: string(HealthCheck), Means: "a probe of the load balancer, not a visitor"},
		{Code: string(Lost), Means: "only proxies are left: nobody can say who the client was",
			Note: "In strict mode also where nobody vouches for the client."},
		{Code: string(Disputed), Means: "fields that should agree name different clients",
			Note: "`client.ip` is then the answer of the rules; it is absent in strict mode."},
		{Code: string(Unreadable), Means: "no field holds an address"},
	}
}

// Reasons returns the reasons in the order in which they are tried.
func Reasons() []Doc {
	return []Doc{
		{
			Code:  string(HealthCheckProbe),
			Means: "a probe of the load balancer",
			Note: "The peer is a proxy, no field names a client, and the user agent begins `ELB-HealthChecker/` or the path is that of a configured health check and the user agent no browser's (`Mozilla/…`). " +
				"Normal also when all is right: such probes carry a PROXY protocol header without a client (LOCAL).",
		},
		{
			Code: string(ProxyProtocolNotListened), Fault: true,
			Means: "the request is a PROXY protocol header that nginx did not expect",
			Note: "A single NUL byte and status 400 for version 2, `PROXY TCP…` for version 1, and `$remote_addr` is a proxy's. The address in such a line is a claim. " +
				"A few such lines among healthy ones are scanners. Where `$remote_addr` is a client, it is one, or (as an alternative) a target group that keeps the source.",
			Mend: "edge: add `proxy_protocol` to the `listen` directive",
		},
		{
			Code:  string(NotAnAddress),
			Means: "`$remote_addr` is no address, and no field gives the client",
			Note:  "It is masked, or a name, or not logged.",
		},
		{
			Code:  string(RejectedBeforeRealip),
			Means: "nginx refused the request before its realip module ran",
			Note:  "The peer shows, with status 400, 408, 414, 494 to 497, 501 or 505, or 405 of TRACE or CONNECT, and no upstream was asked: a right set-up logs these too.",
			Mend:  "for the log: `error_page 400 405 414 494 501 505` (with TLS also `495 496 497`) to an internal static file (408 has no error page)",
		},
		{
			Code: string(TrustsTooMuch), Fault: true,
			Means: "nginx took an address that a visitor can write for the client's",
			Note: "`$remote_addr` was replaced although the peer is no proxy; or it stands in X-Forwarded-For to the left of an address that is no proxy; " +
				"or nginx read a header behind an NLB that speaks no PROXY protocol.",
			Mend: "the hop that wrote the line: narrow `set_real_ip_from` to the addresses of the hop before it, and behind an NLB take `real_ip_header proxy_protocol`; " +
				"or name a proxy that is missing in `trusted`",
		},
		{
			Code:  string(UnlistedProxy),
			Means: "nginx believed a private peer that is in no set: probably the edge",
			Note: "`nlb` is given and `trusted` is not. What nginx made of the peer is the client, and nobody vouches. " +
				"Name the peer in `trusted`, or in `nlb` if it is a node.",
		},
		{
			Code: string(FieldsDisagree), Fault: true,
			Means: "fields that should agree name different clients",
			Note:  "X-Forwarded-For and X-Real-IP of one proxy, or the PROXY protocol and `$remote_addr`.",
			Mend:  "edge: set both headers with `proxy_set_header`, one of them is handed on from the visitor; where it reads the PROXY protocol, take `real_ip_header proxy_protocol`",
		},
		{
			Code:  string(CDNInFront),
			Means: "a trusted proxy stands before the NLB, the client behind it",
			Note: "The PROXY protocol names the CDN, and X-Forwarded-For or another header the client. nginx reads one source only, this resolver both. " +
				"Without such a header the client is lost.",
		},
		{
			Code: string(EdgeHandedOnProxy), Fault: true,
			Means: "the forwarded header holds proxies only",
			Note:  "The edge wrote the NLB's address where the client's should be. X-Real-IP may still give the client.",
			Mend:  "edge: hand on `$proxy_protocol_addr`, not `$remote_addr`, and read the PROXY protocol",
		},
		{
			Code: string(RealipNotApplied), Fault: true,
			Means: "`$remote_addr` is a proxy although another field tells more",
			Mend:  "the hop named: `set_real_ip_from` lacks the peer, `real_ip_header` is missing, or `real_ip_recursive` is off behind two proxies",
		},
		{
			Code: string(EdgeHandedOnNothing), Fault: true,
			Means: "`$remote_addr` is a proxy, and there is no forwarded header",
			Note:  "The proxy is none of the NLB. It may also be a health check that the edge passed on.",
			Mend:  "edge: set X-Real-IP and X-Forwarded-For from `$proxy_protocol_addr`; an empty variable sends no header",
		},
		{
			Code: string(ProxyProtocolOff), Fault: true,
			Means: "`$remote_addr` is the NLB's address, and no proxy says more",
			Note:  "A forwarded header behind an NLB node is the visitor's own and changes nothing here.",
			Mend:  "target group: turn on `proxy_protocol_v2.enabled` together with `listen … proxy_protocol` (or `preserve_client_ip.enabled`)",
		},
		{
			Code: string(ProxyProtocolNotSent), Fault: true,
			Means: "nginx waits for the PROXY protocol, and it is not sent",
			Note: "Of error lines only, `broken header: \"…\" while reading PROXY protocol`: such a connection has no access line. " +
				"Probes and scanners that reach nginx past the NLB write a few of these anyway.",
			Mend: "target group: turn on `proxy_protocol_v2.enabled`; or, if the source is kept, take `proxy_protocol` out of the `listen` directive",
		},
		{
			Code:  string(PastTheNLB),
			Means: "a connection that did not come by the NLB, where it should",
			Note: "Of error lines only: it spoke no PROXY protocol, and its address is a private one that the sets do not name as a proxy's: a probe, a scanner, or a service that should call by the NLB. " +
				"As an alternative, of any address that is no proxy's.",
		},
		{
			Code:  string(PrivateLink),
			Means: "the client came by PrivateLink: a VPC endpoint's id is logged",
		},
		{
			Code:  string(UnreadableHop),
			Means: "a token of the forwarded header is no address",
			Note:  "The walk ended there, as nginx's does.",
		},
		{
			Code:  string(ClientSentForwardedFor),
			Means: "the visitor sent a forwarded header of its own",
			Note:  "It is kept apart as a claim.",
		},
		{
			Code:  string(OK),
			Means: "no fault can be seen",
		},
	}
}

// IsFault reports whether the reason counts as a fault of the chain.
func (r Reason) IsFault() bool {
	switch r {
	case ProxyProtocolNotListened, TrustsTooMuch, FieldsDisagree, EdgeHandedOnProxy,
		RealipNotApplied, EdgeHandedOnNothing, ProxyProtocolOff, ProxyProtocolNotSent:
		return true
	}
	return false
}

// A Hop is where a fault sits.
type Hop string

// The hops.
const (
	NoHop Hop = ""
	Edge  Hop = "edge" // between the NLB and the first nginx, or in that nginx
	Web   Hop = "web"  // in an nginx behind the first one
)

// A Field is the nginx variable that an address was read from, without "$".
type Field string

// The fields that are known by themselves; any other $http_NAME can be put in
// the order of fields.
const (
	RemoteAddr        Field = "remote_addr"
	RealipRemoteAddr  Field = "realip_remote_addr"
	ProxyProtocolAddr Field = "proxy_protocol_addr"
	XForwardedFor     Field = "http_x_forwarded_for"
	XRealIP           Field = "http_x_real_ip"
)

// DefaultFields is the order in which the fields are asked for the client.
func DefaultFields() []Field { return []Field{ProxyProtocolAddr, XForwardedFor, XRealIP} }
