package diagnose

import (
	"strings"
	"testing"

	"clearhop/enrich/clientip"
	"clearhop/record"
	"clearhop/verdict"
)

// TestDoubtful: lines of which nobody knows the peer acquit no chain, whatever else is
// right, and they hide no fault.
func TestDoubtful(t *testing.T) {
	doubtful := func() *record.Record {
		r := accessRecord("/a")
		r.Access.Logged |= record.LoggedOtherPeer
		return r
	}
	c := NewCounters(Config{})
	for range 9 {
		c.Add(doubtful())
	}
	if r := c.Report(); r.State != Unknown || r.Read.Doubtful != 9 || r.Read.Judged != 0 {
		t.Errorf("%s, %+v", r.State, r.Read)
	}
	c.AddTally(Tally{Reason: verdict.OK, Lines: 5})
	var text strings.Builder
	r := c.Report()
	if err := r.WriteText(&text, Style{}); err != nil || r.State != Unknown || !strings.Contains(text.String(), "No fault can be seen in 5 other lines") {
		t.Errorf("%s\n%s", r.State, text.String())
	}
	c.AddTally(Tally{Reason: verdict.ProxyProtocolOff, Hop: verdict.Edge, Lines: 50})
	if r := c.Report(); r.State != Broken {
		t.Errorf("%s", r.State)
	}
}

// TestNLBShown: an address of the NLB that was given is found wherever it stands.
func TestNLBShown(t *testing.T) {
	f := func(want bool, fill func(a *record.Access)) {
		t.Helper()
		var given clientip.Chain
		given.NLB.Add(node1)
		c := NewCounters(Config{Chain: given, GivenNLB: true}.WithRoles(Roles{}))
		r := accessRecord("/a")
		fill(&r.Access)
		c.Add(r)
		if c.nlbShown != want || c.matchesNothing() == want {
			t.Errorf("shown %t, matches nothing %t, want %t", c.nlbShown, c.matchesNothing(), want)
		}
	}
	text := node1.String()
	f(false, func(a *record.Access) { a.RemoteAddr, a.XForwardedFor = []byte("203.0.113.9"), []byte("1"+text) })
	f(true, func(a *record.Access) { a.RealipRemoteAddr = []byte(text) })
	f(true, func(a *record.Access) { a.XForwardedFor = []byte("203.0.113.9, " + text) })
	f(true, func(a *record.Access) { a.Extra = []record.Pair{{Name: "peer", Value: []byte(text + ":41000")}} })
	f(true, func(a *record.Access) {
		a.Extra = []record.Pair{{Name: "trailing", Value: []byte(`0.012 "` + text + `"`)}}
	})
}
