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
	NotAnAddress             Reason = "not_an_address"
	HealthCheckProbe         Reason = "health_check"
	ProxyProtocolNotListened Reason = "proxy_protocol_not_listened"
	RejectedBeforeRealip     Reason = "rejected_before_realip"
	TrustsTooMuch            Reason = "trusts_too_much"
	FieldsDisagree           Reason = "fields_disagree"
	CDNInFront               Reason = "cdn_in_front"
	EdgeHandedOnProxy        Reason = "edge_handed_on_proxy"
	RealipNotApplied         Reason = "realip_not_applied"
	EdgeHandedOnNothing      Reason = "edge_handed_on_nothing"
	ProxyProtocolOff         Reason = "proxy_protocol_off"
	PrivateLink              Reason = "private_link"
	UnreadableHop            Reason = "unreadable_hop"
	ClientSentForwardedFor   Reason = "client_sent_forwarded_for"
	OK                       Reason = "ok"
)

// A Doc explains a verdict or a reason: the documentation is generated from
// it.
type Doc struct {
	Code  string
	Fault bool // counts as a fault of the chain: alarms ring for these only
	Means string
	Mend  string // what to do about a fault
}

// Verdicts returns the verdicts in order with what they mean.
func Verdicts() []Doc {
	return []Doc{
		{Code: string(Direct), Means: "`$remote_addr` is the client"},
		{Code: string(Forwarded), Means: "`$remote_addr` is a proxy or was forged; another field names the client"},
		{Code: string(Internal), Means: "the client is a private address that is no proxy"},
		{Code: string(HealthCheck), Means: "a probe of the load balancer, not a visitor"},
		{Code: string(Lost), Means: "only proxies are left: nobody can say who the client was"},
		{Code: string(Disputed), Means: "fields that should agree name different clients; `client.ip` is the rules' answer, absent in strict mode"},
		{Code: string(Unreadable), Means: "no field holds an address"},
	}
}

// Reasons returns the reasons in the order in which they are tried.
func Reasons() []Doc {
	return []Doc{
		{string(NotAnAddress), false, "`$remote_addr` is no address (masked, a name), and no other field gives one", ""},
		{string(HealthCheckProbe), false, "the peer is a proxy, no field names a client, and the user agent is the load balancer's or the path a configured health check; normal also when all is right (PROXY protocol LOCAL)", ""},
		{string(ProxyProtocolNotListened), true, "the request is a PROXY protocol header: a single NUL byte and status 400 for version 2, `PROXY TCP…` for version 1. A few such lines among healthy ones are scanners", "edge: add `proxy_protocol` to the `listen` directive"},
		{string(RejectedBeforeRealip), false, "the peer shows, with status 400, 408, 414, 494 or 505: nginx refuses such requests before its realip module runs, so a right set-up logs these too", "for the log: `error_page 400 408 414 494 505` to an internal static file"},
		{string(TrustsTooMuch), true, "nginx took an address that a visitor can write for the client's", "the hop that wrote the line: narrow `set_real_ip_from` to the addresses of the hop before it"},
		{string(FieldsDisagree), true, "X-Forwarded-For and X-Real-IP, or the PROXY protocol and `$remote_addr`, name different clients", "edge: set both headers with `proxy_set_header`; one of them is handed on from the visitor"},
		{string(CDNInFront), false, "the PROXY protocol names a trusted proxy, and X-Forwarded-For the client behind it; nginx reads one source only, this resolver both", ""},
		{string(EdgeHandedOnProxy), true, "the forwarded header holds proxies only", "edge: hand on `$proxy_protocol_addr`, not `$remote_addr`, and read the PROXY protocol"},
		{string(RealipNotApplied), true, "`$remote_addr` is a proxy although another field names the client", "the hop named: `set_real_ip_from` lacks the peer, `real_ip_header` is missing, or `real_ip_recursive` is off behind two proxies"},
		{string(EdgeHandedOnNothing), true, "`$remote_addr` is a proxy behind the NLB, and there is no forwarded header", "edge: set X-Real-IP and X-Forwarded-For from `$proxy_protocol_addr`; an empty variable sends no header"},
		{string(ProxyProtocolOff), true, "`$remote_addr` is the NLB's address and nothing else is there", "target group: turn on `proxy_protocol_v2.enabled` together with `listen … proxy_protocol` (or `preserve_client_ip.enabled`)"},
		{string(PrivateLink), false, "a VPC endpoint's id is logged: the client came by PrivateLink", ""},
		{string(UnreadableHop), false, "a token of the forwarded header is no address; the walk ended there", ""},
		{string(ClientSentForwardedFor), false, "the visitor sent a forwarded header of its own; it is kept apart as a claim", ""},
		{string(OK), false, "nothing is wrong", ""},
	}
}

// IsFault reports whether the reason counts as a fault of the chain.
func (r Reason) IsFault() bool {
	switch r {
	case ProxyProtocolNotListened, TrustsTooMuch, FieldsDisagree, EdgeHandedOnProxy,
		RealipNotApplied, EdgeHandedOnNothing, ProxyProtocolOff:
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
