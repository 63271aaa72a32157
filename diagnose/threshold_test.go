package diagnose

import (
	"fmt"
	"net/netip"
	"testing"

	"clearhop/record"
	"clearhop/verdict"
)

var (
	node1 = netip.MustParseAddr("10.16.1.11")
	node2 = netip.MustParseAddr("10.16.2.11")
	edge1 = netip.MustParseAddr("10.16.1.13")
)

// right returns a Tally of healthy lines of a source behind a logged peer.
func right(source string, peer netip.Addr, lines int64) Tally {
	return Tally{Source: source, Peer: peer, PeerAlways: true, Reason: verdict.OK, Lines: lines}
}

// wrong returns a Tally of lines with a fault at the edge.
func wrong(source string, peer netip.Addr, reason verdict.Reason, lines int64) Tally {
	return Tally{Source: source, Peer: peer, PeerAlways: true, Reason: reason, Hop: verdict.Edge, Lines: lines}
}

func counted(c Config, tallies ...Tally) *Counters {
	counters := NewCounters(c)
	for _, t := range tallies {
		counters.AddTally(t)
	}
	return counters
}

// TestIsFault: how many lines of one peer in one source make a fault.
func TestIsFault(t *testing.T) {
	f := func(reason verdict.Reason, healthy, faulty int64, want bool) {
		t.Helper()
		// Half of the healthy lines come by the peer of the faulty ones.
		c := counted(Config{},
			right("log", node1, healthy-healthy/2), right("log", node2, healthy/2), wrong("log", node1, reason, faulty))
		if got := c.isFault(cause{reason, verdict.Edge}, c.causes[cause{reason, verdict.Edge}]); got != want {
			t.Errorf("%s: %d lines beside %d healthy ones: %t", reason, faulty, healthy, got)
		}
	}
	// A small sample.
	f(verdict.RealipNotApplied, 0, 1, true)
	f(verdict.RealipNotApplied, 4, 1, true)  // 20%
	f(verdict.RealipNotApplied, 5, 1, false) // 17%
	// Many lines.
	f(verdict.RealipNotApplied, 995, 5, true) // 0.5%
	f(verdict.RealipNotApplied, 996, 4, false)
	f(verdict.RealipNotApplied, 396, 4, false)  // too few lines
	f(verdict.RealipNotApplied, 2000, 5, false) // less than 0.5%
	// What stops every request leaves hardly any right line. One visitor can write any
	// number of the others.
	f(verdict.ProxyProtocolNotListened, 0, 1, true)
	f(verdict.ProxyProtocolNotListened, 4, 2, false) // a small sample says nothing
	f(verdict.ProxyProtocolNotListened, 1, 9, false)
	f(verdict.ProxyProtocolNotListened, 990, 10, false)
	f(verdict.ProxyProtocolNotListened, 500, 500, false)
	f(verdict.ProxyProtocolNotListened, 101, 899, false)
	f(verdict.ProxyProtocolNotListened, 100, 900, true)
	// Of error lines about the PROXY protocol, scanners inside the network write a few.
	f(verdict.ProxyProtocolNotSent, 0, 1, true)
	f(verdict.ProxyProtocolNotSent, 4, 2, false)
	f(verdict.ProxyProtocolNotSent, 990, 10, true)
	f(verdict.ProxyProtocolNotSent, 991, 9, false)
	f(verdict.ProxyProtocolNotSent, 1100, 10, false)
	// Two lines prove what only the lines of some visitors show.
	f(verdict.TrustsTooMuch, 5000, 1, false)
	f(verdict.TrustsTooMuch, 5000, 2, true)
	f(verdict.FieldsDisagree, 5000, 2, true)
}

// TestUnprovenIsNoFault: where the peer was not logged, two lines among many
// prove nothing.
func TestUnprovenIsNoFault(t *testing.T) {
	lines := wrong("log", node1, verdict.TrustsTooMuch, 2)
	lines.PeerAlways = false
	k := cause{verdict.TrustsTooMuch, verdict.Edge}
	if c := counted(Config{}, right("log", node1, 5000), lines); c.isFault(k, c.causes[k]) {
		t.Error("it is a fault")
	}
}

// TestConcentrated: a few lines are enough where all of them are in one place,
// and that place has hardly any other.
func TestConcentrated(t *testing.T) {
	f := func(name string, reason verdict.Reason, want bool, tallies ...Tally) {
		t.Helper()
		c := counted(Config{}, append(tallies, right("log", node1, 10_000))...)
		k := cause{reason, verdict.Edge}
		if got := c.isFault(k, c.causes[k]); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
	realip, notListened, notSent := verdict.RealipNotApplied, verdict.ProxyProtocolNotListened, verdict.ProxyProtocolNotSent
	f("all of one node", realip, true, wrong("log", node2, realip, 3))
	f("half of one node", realip, true, wrong("log", node2, realip, 3), right("log", node2, 3))
	f("less than half of one node", realip, false, wrong("log", node2, realip, 3), right("log", node2, 4))
	f("two lines of one node", realip, false, wrong("log", node2, realip, 2))
	f("all of one file", realip, true, wrong("other", node1, realip, 3))
	f("half of one file", realip, true, wrong("other", node1, realip, 3), right("other", node1, 3))
	f("half of one node, where all requests must fail", notSent, false, wrong("log", node2, notSent, 3), right("log", node2, 3))
	f("nine of ten of one node, where all requests must fail", notSent, true, wrong("log", node2, notSent, 9), right("log", node2, 1))
	// A scanner chooses the node. He does not choose the task, whose file it is.
	f("all of one node, which a visitor chose", notListened, false, wrong("log", node2, notListened, 50))
	f("nine of ten of one file", notListened, true, wrong("other", node2, notListened, 18), right("other", node2, 2))
	f("most of one file", notListened, false, wrong("other", node2, notListened, 17), right("other", node2, 3))
	f("a few of one file", notListened, false, wrong("other", node2, notListened, 9))
}

// TestOnlySourceIsNoPlace: a fault is not concentrated in the only source that
// there is.
func TestOnlySourceIsNoPlace(t *testing.T) {
	lines := wrong("log", node1, verdict.ProxyProtocolNotListened, 9)
	lines.PeerAlways = false
	healthy := right("log", node1, 1)
	healthy.PeerAlways = false
	k := cause{verdict.ProxyProtocolNotListened, verdict.Edge}
	if c := counted(Config{}, healthy, lines); c.isFault(k, c.causes[k]) {
		t.Error("nine of ten lines are a fault, although nobody knows whether one peer has all of them")
	}
}

// TestErrorLogIsNoPlace: an error log holds nothing that is right, so that a
// fault is always concentrated in it.
func TestErrorLogIsNoPlace(t *testing.T) {
	c := counted(Config{}, right("access", node1, 10_000), wrong("error", netip.Addr{}, verdict.ProxyProtocolNotSent, 5))
	k := cause{verdict.ProxyProtocolNotSent, verdict.Edge}
	if c.isFault(k, c.causes[k]) {
		t.Error("five connections past the NLB are a fault")
	}
	// Without an access log nobody can say that the rest is right.
	c = counted(Config{}, wrong("error", netip.Addr{}, verdict.ProxyProtocolNotSent, 5))
	if !c.isFault(k, c.causes[k]) {
		t.Error("where no line is right, five are no fault")
	}
}

// TestManyUserAgents: a small share of many lines is a fault if many visitors
// have it.
func TestManyUserAgents(t *testing.T) {
	f := func(lines, userAgents int, want bool) {
		t.Helper()
		k := cause{verdict.RealipNotApplied, verdict.Edge}
		c := counted(Config{}, right("log", node1, 1_000_000), wrong("log", node1, k.reason, int64(lines)))
		c.causes[k].agents = agents(userAgents)
		if got := c.isFault(k, c.causes[k]); got != want {
			t.Errorf("%d lines of %d user agents: %t", lines, userAgents, got)
		}
	}
	f(100, 10, true)
	f(99, 10, false)
	f(100, 9, false)
}

// accessRecord makes a record of an access line without a user agent.
func accessRecord(path string) *record.Record {
	r := &record.Record{Dataset: record.AccessLine}
	r.Line.Origin = &record.Origin{Source: "log"}
	r.URL.Path = []byte(path)
	return r
}

// TestMayBeChecks: lines that may be health checks are no fault while others are
// right, and the note says why.
func TestMayBeChecks(t *testing.T) {
	f := func(name string, healthy int64, want bool, wantWhy string, paths ...string) {
		t.Helper()
		c := NewCounters(Config{})
		if healthy > 0 {
			c.AddTally(right("log", node1, healthy))
		}
		for _, path := range paths {
			r := accessRecord(path)
			r.Provenance.Reason, r.Provenance.Hop = verdict.ProxyProtocolOff, verdict.Edge
			c.Add(r)
		}
		k := cause{verdict.ProxyProtocolOff, verdict.Edge}
		n := c.causes[k]
		if got := c.isFault(k, n); got != want || c.whyNoFault(k, n) != wantWhy {
			t.Errorf("%s: %t, %q", name, got, c.whyNoFault(k, n))
		}
	}
	const checks = "all of them ask for one path, so they may be health checks: log $http_user_agent to be sure"
	f("one path beside healthy lines", 5, false, checks, "/", "/", "/")
	f("two paths beside healthy lines", 5, true, "too few for a fault of the chain", "/", "/a", "/")
	f("one path, and nothing else", 0, true, checks, "/", "/", "/")
}

// TestJudgedBeside: lines of the other hop do not make a share smaller.
func TestJudgedBeside(t *testing.T) {
	c := counted(Config{},
		wrong("edge.log", node1, verdict.RealipNotApplied, 10), right("edge.log", node1, 5), right("edge-2.log", node1, 7),
		right("web.log", edge1, 100), wrong("edge.err", netip.Addr{}, verdict.ProxyProtocolNotSent, 3))
	c.source("edge.log").edge, c.source("edge-2.log").edge, c.source("web.log").web = 1, 1, 1
	f := func(reason verdict.Reason, want int64) {
		t.Helper()
		if got := c.judgedBeside(cause{reason, verdict.Edge}); got != want {
			t.Errorf("%s: of %d lines, want %d", reason, got, want)
		}
	}
	f(verdict.RealipNotApplied, 22)
	f(verdict.ProxyProtocolNotSent, 25) // the error log and the access logs of the same hop
}

// TestFaultsAreInOrder: faults come in the order of the chain, each time in the
// same.
func TestFaultsAreInOrder(t *testing.T) {
	var tallies []Tally
	for _, reason := range verdict.Reasons() {
		if reason.IsFault() {
			tallies = append(tallies, wrong("log", node1, reason, 10))
		}
	}
	web := wrong("log", edge1, verdict.RealipNotApplied, 10)
	web.Hop = verdict.Web
	tallies = append(tallies, web)
	faults, noted := counted(Config{GivenNLB: true}, tallies...).faults()
	if len(noted) != 0 {
		t.Errorf("noted: %+v", noted)
	}
	got := ""
	for _, f := range faults {
		got += fmt.Sprintf("%s@%s\n", f.reason, f.hop)
	}
	want := `unlisted_node@edge
proxy_protocol_not_sent@edge
proxy_protocol_not_listened@edge
proxy_protocol_off@edge
realip_not_applied@edge
trusts_too_much@edge
fields_disagree@edge
edge_handed_on_proxy@edge
edge_handed_on_nothing@edge
realip_not_applied@web
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
}
