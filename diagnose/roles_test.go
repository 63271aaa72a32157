package diagnose

import (
	"net/netip"
	"strconv"
	"testing"

	"clearhop/enrich/clientip"

	"github.com/google/go-cmp/cmp"
)

// agents returns n different user agents.
func agents(n int) (d distinct) {
	for i := range n {
		d.add(hash([]byte("agent " + strconv.Itoa(i))))
	}
	return d
}

// TestRoleRules has a case for each rule, and next to it what keeps the rule from
// applying.
func TestRoleRules(t *testing.T) {
	names := map[role]string{nlbNode: "node", edgeTask: "edge", ownClient: "client"}
	used := map[string]bool{}
	log := surveyTotals{visitors: 1000, agents: 40}
	withNamed := surveyTotals{visitors: 1000, agents: 40, named: 1000}
	f := func(name string, p peerEvidence, log surveyTotals, paced int64, want, wantWhy string) {
		t.Helper()
		s := newCandidate(netip.MustParseAddr("10.16.1.11"), &p, paced, log)
		as, rule := s.findRole()
		got, why := "", ""
		if rule != nil {
			got, why = names[as], rule.why
			if rule.weak && s.protocols.estimate() < 2 {
				got += ", weak"
			}
		}
		if got != want || why != wantWhy {
			t.Errorf("%s: %s (%s), want %s (%s)", name, got, why, want, wantWhy)
		}
		used[why] = true
	}
	f("no line says anything", peerEvidence{}, log, 0, "", "")

	f("named by a hop on this host", peerEvidence{client: 9, local: 9, agents: agents(2)}, log, 0, "node", "a hop on nginx's own host names it in place of the client")
	f("one client named by a hop on this host", peerEvidence{client: 9, local: 9, agents: agents(1)}, log, 0, "client", "it is a client of the chain")
	f("named by an NLB too", peerEvidence{client: 9, local: 8, agents: agents(9)}, log, 0, "client", "it is a client of the chain")
	used["browsers come from it, and no visitor has a loopback address"] = true // TestLoopback

	f("speaks the PROXY protocol", peerEvidence{named: 900, agents: agents(30)}, withNamed, 0, "node", "it speaks the PROXY protocol")
	f("speaks it for few requests", peerEvidence{named: 5, agents: agents(1)}, withNamed, 0, "client", "it speaks the PROXY protocol, but few requests come through it")
	f("speaks it for few requests of many user agents", peerEvidence{named: 5, agents: agents(5)}, withNamed, 0, "node", "it speaks the PROXY protocol")

	f("replaced without a header", peerEvidence{ordinary: 10, replaced: 10}, log, 0, "node", "nginx took client addresses from it, and no header holds them")
	f("replaced, half of the lines have a header", peerEvidence{ordinary: 10, replaced: 5, header: 5}, log, 0, "client", "few user agents come through it")

	f("replaced without a header, and the hop before logged it", peerEvidence{ordinary: 10, replaced: 10, behind: 1}, log, 0, "edge", "the hop before logged the same requests")

	f("PROXY headers only", peerEvidence{unheard: 3}, log, 0, "node", "it sends PROXY protocol headers that nginx does not expect")
	f("one PROXY header of many lines", peerEvidence{unheard: 1, ordinary: 5, agents: agents(1)}, log, 0, "client", "few user agents come through it")

	f("logged before", peerEvidence{ordinary: 9, behind: 2, front: 1}, log, 0, "edge", "the hop before logged the same requests")
	f("logged behind", peerEvidence{ordinary: 9, behind: 1, front: 2}, log, 0, "node", "the hop behind logged the same requests")

	f("headers on nearly all lines", peerEvidence{ordinary: 10, header: 9}, log, 0, "edge", "it sends forwarded headers, and an NLB sends none")
	f("headers on some lines", peerEvidence{ordinary: 10, header: 8}, log, 0, "client", "few user agents come through it")

	f("in headers behind a client", peerEvidence{handedOn: 20, alone: 1}, log, 0, "edge", "forwarded headers name it behind a client")
	f("in headers alone", peerEvidence{handedOn: 20, alone: 2}, log, 0, "client", "few user agents come through it")

	f("HTTP/1.0 on nearly all lines", peerEvidence{ordinary: 10, http10: 9}, log, 0, "edge", "it speaks HTTP/1.0, as nginx does to an upstream")
	f("HTTP/1.0 on some lines", peerEvidence{ordinary: 10, http10: 8}, log, 0, "client", "few user agents come through it")

	f("broken headers", peerEvidence{broken: 10}, log, 0, "node", "nginx waits for its PROXY protocol header")
	f("few broken headers beside an NLB that sends them", peerEvidence{broken: 9}, withNamed, 0, "client", "it reaches nginx without the NLB, which speaks the PROXY protocol")
	f("many broken headers beside an NLB that sends them", peerEvidence{broken: 10}, withNamed, 0, "node", "nginx waits for its PROXY protocol header")

	f("health checks", peerEvidence{checks: 1}, log, 0, "node", "it sends the NLB's health checks")
	f("a client that sends health checks", peerEvidence{checks: 1, client: 1}, log, 0, "client", "it is a client of the chain")

	f("a tenth of the traffic", peerEvidence{ordinary: 100, agents: agents(2), protocols: agents(2)}, log, 0, "node", "much of the traffic comes through it")
	f("a tenth of the traffic by one version of HTTP", peerEvidence{ordinary: 100, agents: agents(2), protocols: agents(1)}, log, 0, "node, weak", "much of the traffic comes through it")
	f("a tenth of the traffic of one user agent", peerEvidence{ordinary: 100, agents: agents(1)}, log, 0, "client", "few user agents come through it")
	f("all traffic is of one user agent", peerEvidence{ordinary: 100, agents: agents(1), protocols: agents(2)}, surveyTotals{visitors: 100, agents: 1}, 0, "node", "much of the traffic comes through it")
	f("many user agents", peerEvidence{ordinary: 20, agents: agents(5), protocols: agents(2)}, log, 0, "node", "many user agents come through it")
	f("many user agents by one version of HTTP", peerEvidence{ordinary: 20, agents: agents(5), protocols: agents(1)}, log, 0, "node, weak", "many user agents come through it")
	f("few user agents", peerEvidence{ordinary: 20, agents: agents(4)}, log, 0, "client", "few user agents come through it")

	f("refused requests only", peerEvidence{refused: 1}, log, 0, "node", "it is logged where nginx refused a request early")
	f("requests at a fixed pace only", peerEvidence{ordinary: 30, agents: agents(1)}, log, 30, "client", "its requests come at a fixed pace")

	for i := range roleRules {
		if why := roleRules[i].why; !used[why] {
			t.Errorf("no case for: %s", why)
		}
	}
}

// TestLoopback: the NLB does not connect from nginx's own machine. What comes
// from there is a client of your own, unless browsers show that a proxy runs there.
func TestLoopback(t *testing.T) {
	f := func(p peerEvidence, want role) {
		t.Helper()
		for _, addr := range []string{"127.0.0.1", "127.0.0.2", "::1"} {
			s := newCandidate(netip.MustParseAddr(addr), &p, 0, surveyTotals{visitors: 500, agents: 20})
			if as, rule := s.findRole(); rule == nil || as != want {
				t.Errorf("%s: role %d, %+v", addr, as, rule)
			}
		}
	}
	f(peerEvidence{ordinary: 500, agents: agents(20)}, ownClient)
	f(peerEvidence{ordinary: 500, agents: agents(20), browsers: 3}, hopOnHost)
	f(peerEvidence{ordinary: 500, agents: agents(20), named: 500}, nlbNode)
}

func TestDrop(t *testing.T) {
	addresses := func(text string) clientip.Addresses {
		set, err := clientip.ParseAddresses(text)
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	roles := func(nlb, edge string) Roles {
		peers := func(text string) (list []Peer) {
			for _, p := range addresses(text).Prefixes {
				list = append(list, Peer{Address: p.Addr()})
			}
			return list
		}
		return Roles{NLB: peers(nlb), Edge: peers(edge)}
	}
	f := func(name string, chain clientip.Chain, wantNLB, wantEdge string) {
		t.Helper()
		got, want := roles("10.0.0.1,10.0.0.2", "10.0.1.1,10.0.1.2"), roles(wantNLB, wantEdge)
		got.Drop(chain)
		if diff := cmp.Diff(addressesOf(want.NLB).Texts(), addressesOf(got.NLB).Texts()); diff != "" {
			t.Errorf("%s: NLB (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(addressesOf(want.Edge).Texts(), addressesOf(got.Edge).Texts()); diff != "" {
			t.Errorf("%s: edge (-want +got):\n%s", name, diff)
		}
	}
	f("nothing was given", clientip.Chain{}, "10.0.0.1,10.0.0.2", "10.0.1.1,10.0.1.2")
	f("a client of your own", clientip.Chain{Internal: addresses("10.0.0.1,10.0.1.0/30")}, "10.0.0.2", "")
	f("another proxy by its address", clientip.Chain{Trusted: addresses("10.0.0.1")}, "10.0.0.2", "10.0.1.1,10.0.1.2")
	f("a subnet of other proxies may hold nodes", clientip.Chain{Trusted: addresses("10.0.0.0/24")}, "10.0.0.1,10.0.0.2", "10.0.1.1,10.0.1.2")
	f("a node by its address", clientip.Chain{NLB: addresses("10.0.1.2")}, "10.0.0.1,10.0.0.2", "10.0.1.1")
}

// TestWithRoles: only the sets that were not given are those of a Survey.
func TestWithRoles(t *testing.T) {
	given, err := clientip.ParseAddresses("10.9.9.9")
	if err != nil {
		t.Fatal(err)
	}
	roles := Roles{
		NLB:  []Peer{{Address: netip.MustParseAddr("10.0.0.1")}},
		Edge: []Peer{{Address: netip.MustParseAddr("10.0.1.1")}},
		CDN:  []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
	}
	f := func(name string, c Config, nlb, trusted []string, inferred bool) {
		t.Helper()
		got := c.WithRoles(roles).Chain
		if diff := cmp.Diff([][]string{nlb, trusted}, [][]string{got.NLB.Texts(), got.Trusted.Texts()}); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
		if got.Inferred != inferred {
			t.Errorf("%s: inferred is %t", name, got.Inferred)
		}
		if c.Roles != nil || len(c.Chain.NLB.Prefixes) > 1 {
			t.Errorf("%s: the configuration changed", name)
		}
	}
	edge := []string{"10.0.1.1", "203.0.113.0/24"}
	f("nothing was given", Config{Chain: clientip.Chain{Inferred: true}}, []string{"10.0.0.1"}, edge, false)
	f("the NLB was given", Config{Chain: clientip.Chain{NLB: given}, GivenNLB: true}, []string{"10.9.9.9"}, edge, false)
	f("the others were given", Config{Chain: clientip.Chain{Trusted: given}, GivenTrusted: true}, []string{"10.0.0.1"}, []string{"10.9.9.9"}, false)
	f("nodes are still to be discovered", Config{Chain: clientip.Chain{Inferred: true}, GivenNLB: true}, nil, edge, true)
}
