package clientip_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"clearhop/enrich/clientip"
	"clearhop/verdict"
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

// provider is the header in which the CDN names the visitor.
const provider verdict.Field = "http_cf_connecting_ip"

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
	addr     netip.Addr
	pastCDN  bool // it goes to the NLB itself
	endpoint bool // it comes by PrivateLink: addr is of its own VPC, and may be any
	xff      string
	xri      string
	provider string
}

// A hopLog is what one nginx logs, "" for what is absent.
type hopLog struct{ remote, realip, proxy, xff, xri, provider, endpoint string }

// logs returns what the edge and the web nginx log of a request.
func (s setup) logs(v visitor) (edge, web hopLog) {
	front := v.addr // who connects to the NLB
	edge.xff, edge.xri, edge.provider = v.xff, v.xri, v.provider
	if s.cdn && !v.pastCDN {
		front, edge.xff, edge.provider = cdnEdge, appendTo(edge.xff, v.addr.String()), v.addr.String()
	}
	peer := node
	if s.preserved {
		peer = front
	}
	if s.proxyProtocol {
		edge.proxy = front.String()
		if v.endpoint {
			edge.endpoint = "vpce-1"
		}
	}
	edge.realip = peer.String()
	edge.remote = s.realip(s.edge, s.edgeAll, peer, edge)

	web.realip = edgeTask.String()
	web.xff = s.handOn(s.forwarded, edge, edge.xff)
	web.xri = s.handOn(s.realIP, edge, edge.xri)
	web.provider = edge.provider // no edge sets it
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

// logged is which of the five variables a log_format carries, and whether it
// carries the id of a VPC endpoint.
type logged uint8

const (
	headersLogged  logged = 1<<3 | 1<<4
	realipLogged   logged = 1 << 1
	proxyLogged    logged = 1 << 2
	allLogged      logged = 1<<5 - 1
	endpointLogged logged = 1 << 5
)

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
		XForwardedFor: v(3, l.xff), XRealIP: v(4, l.xri), VPCEndpoint: v(5, l.endpoint).Text,
		Header: func(verdict.Field) clientip.Value { return value(l.provider) },
	}
}

func (which logged) String() string {
	var names []string
	for i, name := range []string{"R", "RR", "PP", "XFF", "XRI", "endpoint"} {
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
// of the chain's proxies, their own address, and no address at all. Consumers of
// PrivateLink have the addresses of the chain's proxies, too.
func visitors() []visitor {
	var all []visitor
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
					all = append(all, visitor{netip.MustParseAddr(addr), past, endpoint, xff, xri, named})
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
	exact, wide, asked := strict, strict, withCDN()
	strict.Strict = true
	wide.NLB = set("10.16.1.0/24")
	asked.Fields = append([]verdict.Field{provider}, clientip.DefaultFields()...)
	if cdn {
		return []clientip.Config{exact, strict, wide, asked}
	}
	return []clientip.Config{exact, strict, wide, asked, withCDN(), subnet(), {}}
}

// asksProvider reports whether the provider's header is asked for the client.
func asksProvider(c clientip.Config) bool { return slices.Contains(c.Fields, provider) }

// holdRightChain: in a right chain Resolve names the visitor at both hops,
// vouched for and without a fault, whatever headers it sends. Where fewer than
// the five variables are logged, nobody else is ever vouched for; a provider's
// header needs both of the others for that.
func holdRightChain(t *testing.T, s setup, v visitor) {
	t.Helper()
	if v.endpoint && !s.proxyProtocol {
		return // PrivateLink keeps no source
	}
	edge, web := s.logs(v)
	for _, c := range chainConfigs(s.cdn) {
		r := resolver(t, c)
		if r.IsProxy(v.addr) {
			if v.endpoint {
				holdConsumer(t, r, s, v, edge)
			}
			continue // else this is no visitor
		}
		var a clientip.Answer
		for hop, l := range []hopLog{edge, web} {
			for which := range allLogged + 1 {
				r.Resolve(which.evidence(l), &a)
				fault := ""
				switch {
				case asksProvider(c) && which&headersLogged != headersLogged:
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

// holdConsumer: a consumer of PrivateLink who has the address of a proxy gets
// nobody vouched for at the edge, and the chain is not at fault. With the id of
// his endpoint logged nobody else is the client.
func holdConsumer(t *testing.T, r *clientip.Resolver, s setup, v visitor, edge hopLog) {
	t.Helper()
	var a clientip.Answer
	for which := range allLogged | endpointLogged + 1 {
		r.Resolve(which.evidence(edge), &a)
		fault := ""
		switch {
		case which&proxyLogged == 0 && (which&realipLogged == 0 || v.addr == node):
			// He looks like the peer: the edge's task, or the NLB.
		case a.Vouched && a.Client != v.addr:
			fault = "vouches for another"
		case which&endpointLogged != 0 && a.Client.IsValid() && a.Client != v.addr:
			fault = "names another than the consumer"
		case which&allLogged == allLogged && a.Reason.IsFault():
			fault = "sees a fault"
		}
		if fault != "" {
			t.Errorf("%s, logged %s: %s\n%+v\n%+v\n%+v", fault, which, answer(&a), s, v, edge)
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
		f.Add(uint8(i%len(setups)), v.addr.AsSlice(), v.pastCDN, v.endpoint, v.xff, v.xri, v.provider)
	}
	f.Fuzz(func(t *testing.T, i uint8, client []byte, pastCDN, endpoint bool, xff, xri, provider string) {
		addr, ok := netip.AddrFromSlice(client)
		addr = addr.Unmap()
		if _, read := clientip.ParseAddr(addr.String()); !ok || !read || strings.ContainsAny(xff+xri+provider, "\x00\r\n") {
			return // nginx does not take it
		}
		trim := func(s string) string { return strings.Trim(s, " ") }
		holdRightChain(t, setups[int(i)%len(setups)], visitor{addr, pastCDN || endpoint, endpoint, trim(xff), trim(xri), trim(provider)})
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

// handsOnProvider reports whether the provider's header is all that the web
// nginx has: no other header names the visitor.
func handsOnProvider(v visitor, web hopLog) bool {
	return !names(lastOf([]byte(web.xff)), v.addr) && !names(lastOf([]byte(web.xri)), v.addr)
}

// TestVisitorsPower: with all five variables logged, no visitor gets another
// address vouched for by any words, whatever is misconfigured. There are these
// exceptions, and nobody can tell them from the line: at the web nginx, an edge
// that hands the visitor's words on, a provider's header among them, or the
// address of a consumer of PrivateLink who has that of a proxy; and a CDN behind
// which nobody speaks or reads the PROXY protocol, since a visitor may go past
// it.
func TestVisitorsPower(t *testing.T) {
	held, handedOn, noProxyProtocol, providers, consumers := 0, 0, 0, 0, 0
	wide, asked := chain(), chain()
	wide.NLB = set("10.16.1.0/24")
	asked.Fields = append([]verdict.Field{provider}, clientip.DefaultFields()...)
	wideCDN, askedCDN := withCDN(), withCDN()
	wideCDN.NLB, askedCDN.Fields = wide.NLB, asked.Fields
	resolvers := map[bool][]*clientip.Resolver{
		false: {resolver(t, chain()), resolver(t, wide), resolver(t, asked)},
		true:  {resolver(t, withCDN()), resolver(t, wideCDN), resolver(t, askedCDN)},
	}
	var a clientip.Answer
	all := visitors()
	stride := 13 // all of them would take ten seconds
	if testing.Short() {
		stride = 401
	}
	for i, s := range wrongSetups() {
		for j := i % stride; j < len(all); j += stride {
			v := all[j]
			if v.endpoint && !s.proxyProtocol {
				continue
			}
			edge, web := s.logs(v)
			for n := range 2 * len(resolvers[s.cdn]) {
				hop, l := n%2, []hopLog{edge, web}[n%2]
				r := resolvers[s.cdn][n/2]
				which := allLogged
				if i%2 == 0 {
					which |= endpointLogged
				}
				r.Resolve(which.evidence(l), &a)
				switch {
				case !a.Vouched || a.Client == v.addr:
					held++
				case hop == 1 && v.endpoint && r.IsProxy(v.addr):
					consumers++
				case hop == 1 && a.Field == provider && handsOnProvider(v, web):
					providers++
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
	t.Logf("%d lines: right or not vouched for; %d where the edge hands the visitor's words on, %d a provider's header, %d a consumer's address; %d behind a CDN without the PROXY protocol",
		held, handedOn, providers, consumers, noProxyProtocol)
	if handedOn == 0 || providers == 0 || consumers == 0 || noProxyProtocol == 0 {
		t.Error("an exception is none")
	}
}
