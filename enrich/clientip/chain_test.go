package clientip_test

import (
	"net/netip"
	"strings"
	"testing"

	"clearhop/enrich/clientip"
)

// A model of the chain: what its nginxes log of a request whose visitor is
// known, whatever headers the visitor sends. What the realip module makes of
// them is Walk, which nginx_test.go holds to a real nginx.

// The addresses of the modelled chain are those of the recorded one.
var (
	node     = netip.MustParseAddr("10.16.1.11")
	edgeTask = netip.MustParseAddr("10.16.1.13")
	cdnEdge  = netip.MustParseAddr("203.0.113.5")
)

// A source is what real_ip_header names, or noSource where there is no such
// directive.
type source string

const (
	noSource      source = "none"
	fromProxy     source = "proxy_protocol"
	fromForwarded source = "X-Forwarded-For"
	fromRealIP    source = "X-Real-IP"
)

// handOn is what proxy_set_header of the edge makes of a header.
type handOn string

const (
	handProxyAddr  handOn = "$proxy_protocol_addr"
	handRemoteAddr handOn = "$remote_addr"
	handAppended   handOn = "$proxy_add_x_forwarded_for"
	handVisitors   handOn = "as it came" // no proxy_set_header
	handNothing    handOn = `""`
)

// A setup says how the chain is configured.
type setup struct {
	proxyProtocol bool // the NLB sends it and the edge listens; else the NLB hides the client
	preserved     bool // the NLB keeps the client's address (target type instance)
	cdn           bool // a CDN that appends to X-Forwarded-For stands in front
	edge, web     source
	// edgeAll says that the edge trusts the whole world, 0.0.0.0/0; webAll the
	// same of web.
	edgeAll, webAll bool
	forwarded       handOn // of X-Forwarded-For
	realIP          handOn // of X-Real-IP
}

// A visitor is who sends a request, and what its headers say; "" is a header
// that it does not send.
type visitor struct {
	addr    netip.Addr
	pastCDN bool // it goes to the NLB itself
	xff     string
	xri     string
}

// A hopLog is what one nginx logs, "" for what is absent.
type hopLog struct{ remote, realip, proxy, xff, xri string }

// logs returns what the edge and the web nginx log of a request.
func (s setup) logs(v visitor) (edge, web hopLog) {
	front := v.addr // who connects to the NLB
	edge.xff, edge.xri = v.xff, v.xri
	if s.cdn && !v.pastCDN {
		front, edge.xff = cdnEdge, appendTo(edge.xff, v.addr.String())
	}
	peer := node
	if s.preserved {
		peer = front
	}
	if s.proxyProtocol {
		edge.proxy = front.String()
	}
	edge.realip = peer.String()
	edge.remote = s.realip(s.edge, s.edgeAll, peer, edge)

	web.realip = edgeTask.String()
	web.xff = s.handOn(s.forwarded, edge, edge.xff)
	web.xri = s.handOn(s.realIP, edge, edge.xri)
	web.remote = s.realip(s.web, s.webAll, edgeTask, web)
	return edge, web
}

func appendTo(header, addr string) string {
	if header == "" {
		return addr
	}
	return header + ", " + addr
}

func (s setup) handOn(how handOn, edge hopLog, came string) string {
	switch how {
	case handProxyAddr:
		return edge.proxy
	case handRemoteAddr:
		return edge.remote
	case handAppended:
		return appendTo(edge.xff, edge.remote)
	case handVisitors:
		return came
	}
	return ""
}

// realIPModules are the realip modules of the chain: of one that trusts whom it
// should, and of one that trusts the world.
var realIPModules = func() (r [2]*clientip.Resolver) {
	for i, from := range []string{"10.16.1.11,10.16.1.13,203.0.113.0/24", "0.0.0.0/0,::/0"} {
		var err error
		if r[i], err = clientip.New(clientip.Config{Trusted: set(from)}); err != nil {
			panic(err)
		}
	}
	return r
}()

func (s setup) realip(from source, world bool, peer netip.Addr, l hopLog) string {
	var header string
	switch from {
	case fromProxy:
		header = l.proxy
	case fromForwarded:
		header = l.xff
	case fromRealIP:
		header = l.xri
	}
	module := realIPModules[0]
	if world {
		module = realIPModules[1]
	}
	return module.Walk(peer, []byte(header), true).String()
}

// logged is which of the five variables a log_format carries.
type logged uint8

const allLogged logged = 1<<5 - 1

func (which logged) evidence(l hopLog) *clientip.Evidence {
	v := func(i int, text string) clientip.Value {
		switch {
		case which&(1<<i) == 0:
			return clientip.Value{}
		case text == "" || text == "-": // nginx writes "-" for both
			return clientip.Value{Logged: true}
		}
		return clientip.Value{Text: []byte(text), Logged: true}
	}
	return &clientip.Evidence{
		RemoteAddr: v(0, l.remote), RealipRemoteAddr: v(1, l.realip), ProxyProtocolAddr: v(2, l.proxy),
		XForwardedFor: v(3, l.xff), XRealIP: v(4, l.xri),
	}
}

func (which logged) String() string {
	var names []string
	for i, name := range []string{"R", "RR", "PP", "XFF", "XRI"} {
		if which&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// rightSetups are the chains in which nothing is wrong.
func rightSetups() []setup {
	right := func(forwarded, realIP handOn, web source) setup {
		return setup{proxyProtocol: true, edge: fromProxy, web: web, forwarded: forwarded, realIP: realIP}
	}
	cdn := right(handAppended, handRemoteAddr, fromForwarded)
	cdn.cdn = true
	preserved := right(handAppended, handRemoteAddr, fromForwarded)
	preserved.proxyProtocol, preserved.preserved, preserved.edge = false, true, noSource
	return []setup{
		right(handProxyAddr, handProxyAddr, fromForwarded),
		right(handProxyAddr, handProxyAddr, fromRealIP),
		right(handAppended, handProxyAddr, fromForwarded),
		right(handAppended, handRemoteAddr, fromRealIP),
		right(handRemoteAddr, handNothing, fromForwarded),
		right(handAppended, handNothing, fromForwarded),
		right(handNothing, handRemoteAddr, fromRealIP),
		cdn, preserved,
	}
}

// visitors are who comes, and what they try: words of their own, the addresses
// of the chain's proxies, their own address, and no address at all.
func visitors() []visitor {
	var all []visitor
	for _, addr := range []string{"210.227.0.10", "2001:db8:210::10"} {
		xffs := []string{
			"", "-", "6.6.6.6", "10.16.1.11", "10.16.1.13", "203.0.113.5", "6.6.6.6, 10.16.1.11", "6.6.6.6, 10.16.1.13", "6.6.6.6, 203.0.113.5",
			"10.16.1.13, 6.6.6.6", "10.16.1.11, " + addr, addr, addr + ", 6.6.6.6", "6.6.6.6, " + addr, "junk", "6.6.6.6, junk", "junk,", ",6.6.6.6,", "unix:",
		}
		for _, xff := range xffs {
			for _, xri := range []string{"", "6.6.6.6", "10.16.1.11", "10.16.1.13", "203.0.113.5", addr, "junk", "6.6.6.6, 10.16.1.13"} {
				for _, past := range []bool{false, true} {
					all = append(all, visitor{netip.MustParseAddr(addr), past, xff, xri})
				}
			}
		}
	}
	return all
}

// chainConfigs are what an operator may tell Clearhop of a chain.
func chainConfigs(cdn bool) []clientip.Config {
	strict := withCDN()
	if !cdn {
		strict = chain()
	}
	exact := strict
	strict.Strict = true
	if cdn {
		return []clientip.Config{exact, strict}
	}
	return []clientip.Config{exact, strict, withCDN(), subnet(), {}}
}

// holdRightChain: in a right chain Resolve names the visitor at both hops,
// vouched for and without a fault, whatever headers it sends. Where fewer than
// the five variables are logged, nobody else is ever vouched for.
func holdRightChain(t *testing.T, s setup, v visitor) {
	t.Helper()
	edge, web := s.logs(v)
	for _, c := range chainConfigs(s.cdn) {
		r := resolver(t, c)
		if r.IsProxy(v.addr) {
			continue // this is no visitor
		}
		var a clientip.Answer
		for hop, l := range []hopLog{edge, web} {
			for which := range allLogged + 1 {
				r.Resolve(which.evidence(l), &a)
				fault := ""
				switch {
				case a.Vouched && a.Client != v.addr && !believesHeaderOfCDN(s, hop, which):
					fault = "vouches for another"
				case which != allLogged:
				case a.Client != v.addr:
					fault = "names another"
				case !a.Vouched && !(r.Inferred() && hop == 1): // inferred sets vouch for no header
					fault = "vouches for nobody"
				case a.Reason.IsFault():
					fault = "sees a fault"
				}
				if fault != "" {
					t.Errorf("%s, logged %s: %s\n%+v\n%+v\nhop %d %+v\nwith %+v", fault, which, answer(&a), s, v, hop, l, c)
				}
			}
		}
	}
}

// believesHeaderOfCDN is the one case in which a right chain's line misleads
// (docs/verdicts.md): $remote_addr names a CDN as if it were the peer, and its
// X-Forwarded-For is not logged. X-Real-IP is then taken for its word.
func believesHeaderOfCDN(s setup, hop int, which logged) bool {
	return s.cdn && hop == 0 && which == 1<<0|1<<4
}

func TestRightChains(t *testing.T) {
	n := 0
	for _, s := range rightSetups() {
		for _, v := range visitors() {
			holdRightChain(t, s, v)
			n++
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d requests through %d chains, each with every choice of variables", n, len(rightSetups()))
}

// FuzzRightChain holds the right chains on any headers and any visitor.
func FuzzRightChain(f *testing.F) {
	setups := rightSetups()
	for i, v := range visitors() {
		f.Add(uint8(i%len(setups)), v.addr.AsSlice(), v.pastCDN, v.xff, v.xri)
	}
	f.Fuzz(func(t *testing.T, i uint8, client []byte, pastCDN bool, xff, xri string) {
		addr, ok := netip.AddrFromSlice(client)
		addr = addr.Unmap()
		if _, read := clientip.ParseAddr(addr.String()); !ok || !read || strings.ContainsAny(xff+xri, "\x00\r\n") {
			return // nginx does not take it
		}
		holdRightChain(t, setups[int(i)%len(setups)], visitor{addr, pastCDN, strings.Trim(xff, " "), strings.Trim(xri, " ")})
	})
}

// wrongSetups are chains with every combination of mistakes, and without.
func wrongSetups() []setup {
	var all []setup
	for _, edge := range []source{noSource, fromProxy, fromForwarded, fromRealIP} {
		for _, web := range []source{noSource, fromForwarded, fromRealIP} {
			for _, forwarded := range []handOn{handProxyAddr, handRemoteAddr, handAppended, handVisitors, handNothing} {
				for _, realIP := range []handOn{handProxyAddr, handRemoteAddr, handVisitors, handNothing} {
					for bits := range 1 << 4 {
						on := func(i int) bool { return bits&(1<<i) != 0 }
						all = append(all, setup{
							proxyProtocol: on(0), cdn: on(1), edgeAll: on(2), webAll: on(3),
							edge: edge, web: web, forwarded: forwarded, realIP: realIP,
						})
					}
				}
			}
		}
	}
	return all
}

// handsOnVisitors reports whether the edge hands what the visitor says on as
// its own word: a header as it came, or an address that it believed. Its own
// lines show that; those of the web nginx cannot.
func (s setup) handsOnVisitors(v visitor, edge hopLog) bool {
	handed := func(how handOn) bool {
		believed := edge.remote != v.addr.String() && edge.remote != edge.proxy && edge.remote != edge.realip
		return how == handVisitors || believed && (how == handRemoteAddr || how == handAppended)
	}
	return handed(s.forwarded) || handed(s.realIP)
}

// TestVisitorsPower: with all five variables logged, no visitor gets another
// address vouched for by any words, whatever is misconfigured. There are two
// exceptions, and nobody can tell them from the line: an edge that hands the
// visitor's words on, at the web nginx; and a CDN behind which nobody speaks or reads the
// PROXY protocol, since a visitor may go past it.
func TestVisitorsPower(t *testing.T) {
	held, handedOn, noProxyProtocol := 0, 0, 0
	resolvers := map[bool]*clientip.Resolver{false: resolver(t, chain()), true: resolver(t, withCDN())}
	var a clientip.Answer
	all := visitors()
	stride := 13 // all of them would take ten seconds
	if testing.Short() {
		stride = 401
	}
	for i, s := range wrongSetups() {
		for j := i % stride; j < len(all); j += stride {
			v := all[j]
			edge, web := s.logs(v)
			for hop, l := range []hopLog{edge, web} {
				resolvers[s.cdn].Resolve(allLogged.evidence(l), &a)
				switch {
				case !a.Vouched || a.Client == v.addr:
					held++
				case hop == 1 && s.handsOnVisitors(v, edge):
					handedOn++
				case s.cdn && (!s.proxyProtocol || hop == 1 && edge.remote == edge.realip):
					noProxyProtocol++
				default:
					t.Fatalf("vouches for another: %s\n%+v\n%+v\nhop %d %+v", answer(&a), s, v, hop, l)
				}
			}
		}
	}
	t.Logf("%d lines: right or not vouched for; %d where the edge hands the visitor's words on; %d behind a CDN without the PROXY protocol", held, handedOn, noProxyProtocol)
	if handedOn == 0 || noProxyProtocol == 0 {
		t.Error("an exception is none")
	}
}
