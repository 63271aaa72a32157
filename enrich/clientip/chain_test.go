package clientip_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"clearhop/enrich/clientip"
	"clearhop/internal/modeltest"
	"clearhop/verdict"
)

// These tests hold Resolve to modeltest's model of the chain, which knows the visitor of
// each request.

// node is the NLB's node.
var node = modeltest.Node

// provider is the header in which the CDN names the visitor.
const provider verdict.Field = "http_cf_connecting_ip"

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

func (which logged) evidence(l modeltest.Hop) *clientip.Evidence {
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
		RemoteAddr: v(0, l.Remote), RealipRemoteAddr: v(1, l.Realip), ProxyProtocolAddr: v(2, l.Proxy),
		XForwardedFor: v(3, l.XFF), XRealIP: v(4, l.XRI), VPCEndpoint: v(5, l.Endpoint).Text,
		Header: func(verdict.Field) clientip.Value { return value(l.Provider) },
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
func holdRightChain(t *testing.T, s modeltest.Setup, v modeltest.Visitor) {
	t.Helper()
	if v.Endpoint && !s.ProxyProtocol {
		return // PrivateLink keeps no source
	}
	edge, web := s.Hops(v)
	for _, c := range chainConfigs(s.CDN) {
		r := resolver(t, c)
		if r.IsProxy(v.Addr) {
			if v.Endpoint {
				holdConsumer(t, r, s, v, edge)
			}
			continue // else this is no visitor
		}
		var a clientip.Answer
		for hop, l := range []modeltest.Hop{edge, web} {
			for which := range allLogged + 1 {
				r.Resolve(which.evidence(l), &a)
				fault := ""
				switch {
				case asksProvider(c) && which&headersLogged != headersLogged:
				case a.Vouched && a.Client != v.Addr && !believesHeaderOfCDN(s, hop, which):
					fault = "vouches for another"
				case which != allLogged:
				case a.Client != v.Addr:
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
func holdConsumer(t *testing.T, r *clientip.Resolver, s modeltest.Setup, v modeltest.Visitor, edge modeltest.Hop) {
	t.Helper()
	var a clientip.Answer
	for which := range allLogged | endpointLogged + 1 {
		r.Resolve(which.evidence(edge), &a)
		fault := ""
		switch {
		case which&proxyLogged == 0 && (which&realipLogged == 0 || v.Addr == node):
			// He looks like the peer: the edge's task, or the NLB.
		case a.Vouched && a.Client != v.Addr:
			fault = "vouches for another"
		case which&endpointLogged != 0 && a.Client.IsValid() && a.Client != v.Addr:
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
func believesHeaderOfCDN(s modeltest.Setup, hop int, which logged) bool {
	return s.CDN && hop == 0 && which == 1<<0|1<<4
}

func TestRightChains(t *testing.T) {
	n := 0
	for _, s := range modeltest.RightSetups() {
		for _, v := range modeltest.Visitors() {
			holdRightChain(t, s, v)
			n++
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d requests through %d chains, each with every choice of variables", n, len(modeltest.RightSetups()))
}

// FuzzRightChain holds the right chains on any headers and any visitor.
func FuzzRightChain(f *testing.F) {
	setups := modeltest.RightSetups()
	for i, v := range modeltest.Visitors() {
		f.Add(uint8(i%len(setups)), v.Addr.AsSlice(), v.PastCDN, v.Endpoint, v.XFF, v.XRI, v.Provider)
	}
	f.Fuzz(func(t *testing.T, i uint8, client []byte, pastCDN, endpoint bool, xff, xri, provider string) {
		addr, ok := netip.AddrFromSlice(client)
		addr = addr.Unmap()
		if _, read := clientip.ParseAddr(addr.String()); !ok || !read || strings.ContainsAny(xff+xri+provider, "\x00\r\n") {
			return // nginx does not take it
		}
		trim := func(s string) string { return strings.Trim(s, " ") }
		holdRightChain(t, setups[int(i)%len(setups)], modeltest.Visitor{
			Addr: addr, PastCDN: pastCDN || endpoint, Endpoint: endpoint, XFF: trim(xff), XRI: trim(xri), Provider: trim(provider),
		})
	})
}

// handsOnProvider reports whether the provider's header is all that the web
// nginx has: no other header names the visitor.
func handsOnProvider(v modeltest.Visitor, web modeltest.Hop) bool {
	return !names(lastOf([]byte(web.XFF)), v.Addr) && !names(lastOf([]byte(web.XRI)), v.Addr)
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
	all := modeltest.Visitors()
	stride := 13 // all of them would take ten seconds
	if testing.Short() {
		stride = 401
	}
	for i, s := range modeltest.WrongSetups() {
		for j := i % stride; j < len(all); j += stride {
			v := all[j]
			if v.Endpoint && !s.ProxyProtocol {
				continue
			}
			edge, web := s.Hops(v)
			for n := range 2 * len(resolvers[s.CDN]) {
				hop, l := n%2, []modeltest.Hop{edge, web}[n%2]
				r := resolvers[s.CDN][n/2]
				which := allLogged
				if i%2 == 0 {
					which |= endpointLogged
				}
				r.Resolve(which.evidence(l), &a)
				switch {
				case !a.Vouched || a.Client == v.Addr:
					held++
				case hop == 1 && v.Endpoint && r.IsProxy(v.Addr):
					consumers++
				case hop == 1 && a.Field == provider && handsOnProvider(v, web):
					providers++
				case hop == 1 && s.HandsOnVisitors(v, edge):
					handedOn++
				case s.CDN && (!s.ProxyProtocol || hop == 1 && edge.Remote == edge.Realip):
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
