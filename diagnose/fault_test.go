package diagnose

import (
	"net/netip"
	"slices"
	"testing"

	"clearhop/verdict"
)

// TestOthers: which of the causes that lines allow the report names.
func TestOthers(t *testing.T) {
	const (
		off       = verdict.ProxyProtocolOff
		realip    = verdict.RealipNotApplied
		much      = verdict.TrustsTooMuch
		proxy     = verdict.EdgeHandedOnProxy
		nothing   = verdict.EdgeHandedOnNothing
		ownClient = verdict.OwnClient
	)
	weak := Peer{Address: node1, Weak: true}
	strong := Peer{Address: node1}
	inferred := func(nlb ...Peer) Config { return Config{Roles: &Roles{NLB: nlb}} }

	// Each fault has 10 lines. allowed are lines by the causes that they allow.
	f := func(name string, c Config, reason verdict.Reason, userAgents int, healthy int64, allowed map[verdict.Reason]int64, want ...verdict.Reason) {
		t.Helper()
		counters := NewCounters(c)
		if healthy > 0 {
			counters.AddTally(right("log", node1, healthy))
		}
		counters.AddTally(wrong("log", node1, reason, 10))
		k := cause{reason, verdict.Edge}
		n := counters.causes[k]
		n.agents = agents(userAgents)
		for other, lines := range allowed {
			n.alternatives[other] = lines
		}
		if got := counters.others(k, n); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	type allowed = map[verdict.Reason]int64

	f("nothing else is allowed", Config{}, off, 9, 0, nil)
	f("half of the lines allow another cause", Config{}, off, 9, 0, allowed{much: 5}, much)
	f("lines that log more prove the cause", Config{}, off, 9, 0, allowed{realip: 7})
	f("too few lines prove it", Config{}, off, 9, 0, allowed{realip: 8}, realip)
	f("less than half allow it", Config{}, off, 9, 0, allowed{realip: 4})
	f("several are in the order of the verdicts", Config{}, off, 9, 0, allowed{realip: 10, much: 10}, much, realip)
	f("PrivateLink has the same fix as off", Config{}, off, 9, 0, allowed{verdict.PrivateLink: 10})
	f("PrivateLink has another fix", Config{}, realip, 9, 0, allowed{verdict.PrivateLink: 10}, verdict.PrivateLink)
	f("two user agents may be a health check's", Config{}, nothing, 2, 0, allowed{verdict.HealthCheckProbe: 10}, verdict.HealthCheckProbe)
	f("three user agents are no health check's", Config{}, nothing, 3, 0, allowed{verdict.HealthCheckProbe: 10})
	f("what only scanners cause is no fault", Config{}, off, 9, 0,
		allowed{verdict.RejectedBeforeRealip: 10, verdict.ProxyProtocolNotListened: 10, verdict.PastTheNLB: 10})

	f("the lines allow an edge that passes nothing on", Config{}, proxy, 9, 0, allowed{nothing: 5}, nothing)
	f("the peer may be such an edge", inferred(weak), off, 9, 0, nil, nothing)
	f("the peer is surely a node", inferred(strong), off, 9, 0, nil)
	f("an edge is known", Config{Roles: &Roles{NLB: []Peer{weak}, Edge: []Peer{{Address: edge1}}}}, off, 9, 0, nil)
	f("another peer may be such an edge", inferred(Peer{Address: node2, Weak: true}), off, 9, 0, nil)
	f("the nodes were given", Config{Roles: &Roles{NLB: []Peer{weak}}, GivenNLB: true}, off, 9, 0, nil)

	f("nginx may believe a CDN that nobody named", inferred(), much, 9, 0, nil, verdict.CDNInFront)
	f("a CDN was inferred", Config{Roles: &Roles{CDN: []netip.Prefix{{}}}}, much, 9, 0, nil)
	f("the other proxies were given", Config{Roles: &Roles{}, GivenTrusted: true}, much, 9, 0, nil)
	f("another cause is likelier than a CDN", inferred(), much, 9, 0, allowed{realip: 5}, realip)

	f("a client inside may look like a node", inferred(weak), proxy, 4, 1, nil, ownClient)
	f("many user agents are no client inside", inferred(weak), proxy, 5, 1, nil)
	f("without a healthy line it is no client inside", inferred(weak), proxy, 4, 0, nil)
	f("a node that is surely one is no client inside", inferred(strong), proxy, 4, 1, nil)
}

// TestClientPastNLB: a client that reaches the edge past the NLB can name any
// address by the PROXY protocol.
func TestClientPastNLB(t *testing.T) {
	two := []Peer{{Address: node1}, {Address: node2}}
	f := func(name string, nlb []Peer, hop verdict.Hop, named int64, want bool) {
		t.Helper()
		lines := wrong("log", node1, verdict.RealipNotApplied, 10)
		lines.Hop = hop
		c := counted(Config{Roles: &Roles{NLB: nlb}}, right("log", node1, 1), lines)
		k := cause{lines.Reason, hop}
		c.causes[k].named = named
		if got := c.mayBeOwnClient(k, c.causes[k]); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
	f("one of two nodes", two, verdict.Edge, 10, true)
	f("all nodes", two[:1], verdict.Edge, 10, false)
	f("the web hop's peers are no nodes", two, verdict.Web, 10, false)
	f("nobody is named", two, verdict.Edge, 0, false)
}
