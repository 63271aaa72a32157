// Package modeltest is a model of a chain of proxies for tests: the NLB, the edge
// nginx and the web nginx behind it. It says what both nginxes log of a request whose
// visitor is known, whatever headers the visitor sends and however the chain is
// configured, and writes that as lines of their logs.
//
// In go a Setup and a Visitor, out come the values of the variables:
//
//	edge, web := setup.Hops(visitor)
//	edge.Remote // $remote_addr at the edge
//
// A Format writes them as a line, and a Request writes the lines of the error log.
// What the realip module makes of a header is clientip's Walk, which a test there
// holds to a real nginx. All functions are safe for concurrent use.
package modeltest

import (
	"net/netip"

	"clearhop/enrich/clientip"
)

// The addresses of the modelled chain are those of the recorded one.
var (
	Node    = netip.MustParseAddr("10.16.1.11") // of the NLB
	Edge    = netip.MustParseAddr("10.16.1.13") // the edge's task
	CDNEdge = netip.MustParseAddr("203.0.113.5")
)

// CDN is the network of CDNEdge.
const CDN = "203.0.113.0/24"

// A Source is what real_ip_header names.
type Source string

// The sources. NoSource is an nginx without the directive.
const (
	NoSource      Source = "none"
	FromProxy     Source = "proxy_protocol"
	FromForwarded Source = "X-Forwarded-For"
	FromRealIP    Source = "X-Real-IP"
)

// A HandOn is what proxy_set_header of the edge makes of a header.
type HandOn string

// What the edge may make of a header. HandVisitors is an edge without the directive.
const (
	HandProxyAddr  HandOn = "$proxy_protocol_addr"
	HandRemoteAddr HandOn = "$remote_addr"
	HandAppended   HandOn = "$proxy_add_x_forwarded_for"
	HandVisitors   HandOn = "as it came"
	HandNothing    HandOn = `""`
)

// A Believed is whom set_real_ip_from of an nginx names.
type Believed uint8

// Whom an nginx believes: the proxies that it should, everybody (0.0.0.0/0), or a
// network that holds none of them.
const (
	BelievesProxies Believed = iota
	BelievesAll
	BelievesOthers
)

// A Setup says how the chain is configured.
type Setup struct {
	ProxyProtocol bool // the NLB sends it and the edge listens; else the NLB hides the client
	Preserved     bool // the NLB keeps the client's address (target type instance)
	CDN           bool // a CDN that appends to X-Forwarded-For stands in front
	Edge, Web     Source
	// EdgeBelieves and WebBelieves are whom set_real_ip_from names.
	EdgeBelieves, WebBelieves Believed
	// NotRecursive says that real_ip_recursive is off at the web nginx.
	NotRecursive bool
	Forwarded    HandOn // of X-Forwarded-For
	RealIP       HandOn // of X-Real-IP
}

// A Visitor is who sends a request, and what its headers say; "" is a header
// that it does not send.
type Visitor struct {
	Addr     netip.Addr
	PastCDN  bool // it goes to the NLB itself
	Endpoint bool // it comes by PrivateLink: Addr is of its own VPC, and may be any
	XFF      string
	XRI      string
	Provider string // the header in which a CDN names the visitor
}

// A Hop is what the variables of one nginx hold, "" for what is absent.
type Hop struct{ Remote, Realip, Proxy, XFF, XRI, Provider, Endpoint string }

// Hops returns what the edge and the web nginx log of a request.
func (s Setup) Hops(v Visitor) (edge, web Hop) {
	front := v.Addr // who connects to the NLB
	edge.XFF, edge.XRI, edge.Provider = v.XFF, v.XRI, v.Provider
	if s.CDN && !v.PastCDN {
		front, edge.XFF, edge.Provider = CDNEdge, appendTo(edge.XFF, v.Addr.String()), v.Addr.String()
	}
	peer := Node
	if s.Preserved {
		peer = front
	}
	if s.ProxyProtocol {
		edge.Proxy = front.String()
		if v.Endpoint {
			edge.Endpoint = "vpce-1"
		}
	}
	edge.Realip = peer.String()
	edge.Remote = realip(s.Edge, s.EdgeBelieves, true, peer, edge)

	web.Realip = Edge.String()
	web.XFF = s.handOn(s.Forwarded, edge, edge.XFF)
	web.XRI = s.handOn(s.RealIP, edge, edge.XRI)
	web.Provider = edge.Provider // no edge sets it
	web.Remote = realip(s.Web, s.WebBelieves, !s.NotRecursive, Edge, web)
	return edge, web
}

// Probe returns what the edge logs of a health check of the NLB: its PROXY protocol
// header names no client.
func (s Setup) Probe() Hop {
	return Hop{Remote: Node.String(), Realip: Node.String()}
}

func appendTo(header, addr string) string {
	if header == "" {
		return addr
	}
	return header + ", " + addr
}

func (s Setup) handOn(how HandOn, edge Hop, came string) string {
	switch how {
	case HandProxyAddr:
		return edge.Proxy
	case HandRemoteAddr:
		return edge.Remote
	case HandAppended:
		return appendTo(edge.XFF, edge.Remote)
	case HandVisitors:
		return came
	}
	return ""
}

// modules are the realip modules of the chain, by whom they believe.
var modules = func() (r [3]*clientip.Resolver) {
	for i, from := range []string{Node.String() + "," + Edge.String() + "," + CDN, "0.0.0.0/0,::/0", "172.16.0.0/12"} {
		trusted, err := clientip.ParseAddresses(from)
		if err != nil {
			panic(err)
		}
		if r[i], err = clientip.New(clientip.Config{Trusted: trusted}); err != nil {
			panic(err)
		}
	}
	return r
}()

func realip(from Source, believed Believed, recursive bool, peer netip.Addr, h Hop) string {
	var header string
	switch from {
	case FromProxy:
		header = h.Proxy
	case FromForwarded:
		header = h.XFF
	case FromRealIP:
		header = h.XRI
	}
	return modules[believed].Walk(peer, []byte(header), recursive).String()
}

// RightSetups are the chains in which nothing is wrong.
func RightSetups() []Setup {
	right := func(forwarded, realIP HandOn, web Source) Setup {
		return Setup{ProxyProtocol: true, Edge: FromProxy, Web: web, Forwarded: forwarded, RealIP: realIP}
	}
	cdn := right(HandAppended, HandRemoteAddr, FromForwarded)
	cdn.CDN = true
	preserved := right(HandAppended, HandRemoteAddr, FromForwarded)
	preserved.ProxyProtocol, preserved.Preserved, preserved.Edge = false, true, NoSource
	return []Setup{
		right(HandProxyAddr, HandProxyAddr, FromForwarded),
		right(HandProxyAddr, HandProxyAddr, FromRealIP),
		right(HandAppended, HandProxyAddr, FromForwarded),
		right(HandAppended, HandRemoteAddr, FromRealIP),
		right(HandRemoteAddr, HandNothing, FromForwarded),
		right(HandAppended, HandNothing, FromForwarded),
		right(HandNothing, HandRemoteAddr, FromRealIP),
		cdn, preserved,
	}
}

// WrongSetups are chains with every combination of mistakes, and without.
func WrongSetups() []Setup {
	var all []Setup
	for _, edge := range []Source{NoSource, FromProxy, FromForwarded, FromRealIP} {
		for _, web := range []Source{NoSource, FromForwarded, FromRealIP} {
			for _, forwarded := range []HandOn{HandProxyAddr, HandRemoteAddr, HandAppended, HandVisitors, HandNothing} {
				for _, realIP := range []HandOn{HandProxyAddr, HandRemoteAddr, HandVisitors, HandNothing} {
					for bits := range 1 << 4 {
						on := func(i int) bool { return bits&(1<<i) != 0 }
						s := Setup{ProxyProtocol: on(0), CDN: on(1), Edge: edge, Web: web, Forwarded: forwarded, RealIP: realIP}
						if on(2) {
							s.EdgeBelieves = BelievesAll
						}
						if on(3) {
							s.WebBelieves = BelievesAll
						}
						all = append(all, s)
					}
				}
			}
		}
	}
	return all
}

// HandsOnVisitors reports whether the edge hands what the visitor says on as
// its own word: a header as it came, or an address that it believed. Its own
// lines show that; those of the web nginx cannot.
func (s Setup) HandsOnVisitors(v Visitor, edge Hop) bool {
	handed := func(how HandOn) bool {
		believed := edge.Remote != v.Addr.String() && edge.Remote != edge.Proxy && edge.Remote != edge.Realip
		return how == HandVisitors || believed && (how == HandRemoteAddr || how == HandAppended)
	}
	return handed(s.Forwarded) || handed(s.RealIP)
}

// Visitors are who comes, and what they try: words of their own, the addresses
// of the chain's proxies, their own address, and no address at all. Consumers of
// PrivateLink have the addresses of the chain's proxies, too.
func Visitors() []Visitor {
	var all []Visitor
	for _, addr := range []string{"210.227.0.10", "2001:db8:210::10", "172.31.5.9", "10.16.1.11", "10.16.1.13"} {
		endpoint := netip.MustParseAddr(addr).IsPrivate()
		xffs := []string{
			"", "-", "6.6.6.6", "10.16.1.11", "10.16.1.13", "203.0.113.5", "6.6.6.6, 10.16.1.11", "6.6.6.6, 10.16.1.13", "6.6.6.6, 203.0.113.5",
			"10.16.1.13, 6.6.6.6", "10.16.1.11, " + addr, addr, addr + ", 6.6.6.6", "6.6.6.6, " + addr, "junk", "6.6.6.6, junk", "junk,", ",6.6.6.6,", "unix:",
		}
		for _, xff := range xffs {
			for _, xri := range []string{"", "6.6.6.6", "10.16.1.11", "10.16.1.13", "203.0.113.5", addr, "junk", "6.6.6.6, 10.16.1.13"} {
				for _, past := range []bool{false, true} {
					if endpoint && !past {
						continue
					}
					named := []string{"", "6.6.6.6", "10.16.1.13", addr, "junk"}[len(all)%5]
					all = append(all, Visitor{netip.MustParseAddr(addr), past, endpoint, xff, xri, named})
				}
			}
		}
	}
	return all
}
