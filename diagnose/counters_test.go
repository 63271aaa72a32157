package diagnose_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"

	"clearhop/diagnose"
	"clearhop/record"

	"github.com/google/go-cmp/cmp"

	"clearhop/verdict"
)

// tallies are what a query over stored events counts, minute by minute.
func tallies(minutes int, reason func(minute int) verdict.Reason) []diagnose.Tally {
	node := netip.MustParseAddr("10.16.1.11")
	var list []diagnose.Tally
	for m := range minutes {
		at := int64(1_795_345_200_000 + m*60_000)
		t := diagnose.Tally{Source: "/ecs/edge", Peer: node, PeerAlways: true, Reason: reason(m), Lines: 100, First: at, Last: at + 59_000}
		if t.Reason.IsFault() {
			t.Hop = verdict.Edge
		}
		list = append(list, t)
	}
	return list
}

// TestTallies: who has counts and no lines gets the same judgement.
func TestTallies(t *testing.T) {
	tests := []struct {
		name   string
		reason func(minute int) verdict.Reason
		want   []string
	}{
		{"healthy", func(int) verdict.Reason { return verdict.OK }, nil},
		{"a deploy", func(m int) verdict.Reason {
			if m < 30 {
				return verdict.OK
			}
			return verdict.RealipNotApplied
		}, []string{"realip_not_applied@edge 3000 since 11:30, 3000 right before"}},
		{"always", func(int) verdict.Reason { return verdict.ProxyProtocolOff }, []string{"proxy_protocol_off@edge 6000"}},
		{"never sent", func(int) verdict.Reason { return verdict.ProxyProtocolNotSent }, []string{"proxy_protocol_not_sent@edge 6000"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := diagnose.NewCounters(diagnose.Config{})
			for _, tally := range tallies(60, test.reason) {
				c.AddTally(tally)
			}
			r := c.Report()
			var got []string
			for _, f := range r.Findings {
				s := fmt.Sprintf("%s@%s %d", f.Code, f.Hop, f.Lines)
				if f.Since != nil {
					s += fmt.Sprintf(" since %s, %d right before", f.Since.Format("15:04"), f.RightBefore)
				}
				got = append(got, s)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if r.Read.Judged != 6000 {
				t.Errorf("%d lines were judged, want 6000", r.Read.Judged)
			}
		})
	}
}

// TestNothingCounted: a report of nothing says so.
func TestNothingCounted(t *testing.T) {
	if r := diagnose.NewCounters(diagnose.Config{}).Report(); r.State != diagnose.Unknown || len(r.Findings) != 0 {
		t.Errorf("state %s with %d findings", r.State, len(r.Findings))
	}
	if roles := diagnose.NewSurvey().Roles(); len(roles.NLB)+len(roles.Edge)+len(roles.Internal)+len(roles.Probes) != 0 {
		t.Errorf("roles of nothing: %+v", roles)
	}
}

// TestFlatMemory: lines that differ in all that is counted by do not make the
// counters grow.
func TestFlatMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads many lines")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	c := diagnose.NewCounters(diagnose.Config{})
	s := diagnose.NewSurvey()
	var r record.Record
	feed := func(n int) uint64 {
		for range n {
			hostile(&r, rng)
			c.Add(&r)
			s.Add(&r)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	// By then all that is bounded is full.
	full := feed(200_000)
	after := feed(200_000)
	const slack = 4 << 20
	if after > full+slack {
		t.Errorf("200,000 lines take %d bytes, 400,000 take %d", full, after)
	}
	if report := c.Report(); report.Read.Lines != 400_000 || len(report.Sources) > 300 {
		t.Errorf("%d lines of %d sources", report.Read.Lines, len(report.Sources))
	}
}

// hostile makes a record of which nothing comes twice.
func hostile(r *record.Record, rng *rand.Rand) {
	r.Reset()
	private := netip.AddrFrom4([4]byte{10, byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())})
	random := func() []byte { return fmt.Appendf(nil, "%016x", rng.Uint64()) }
	reasons := verdict.Reasons()
	r.Dataset = record.AccessLine
	r.Line.Origin = &record.Origin{Source: string(random())}
	r.Timestamp = 1_795_345_200_000 + rng.Int64N(1e12)
	r.URL.Path = random()
	r.Client.SourceIP = private
	r.Provenance.Reason = reasons[rng.IntN(len(reasons))]
	r.Provenance.Hop = verdict.Edge
	a := &r.Access
	a.Logged = record.Logged(rng.Uint32())
	a.RemoteAddr, a.RealipRemoteAddr = []byte(private.String()), []byte(private.String())
	a.XForwardedFor = fmt.Appendf(nil, "%d.%d.%d.9", 20+rng.IntN(200), rng.IntN(256), rng.IntN(256))
	a.ProxyProtocolAddr = fmt.Appendf(nil, "%d.%d.%d.7", 20+rng.IntN(200), rng.IntN(256), rng.IntN(256))
	a.UserAgent, a.RequestID = random(), random()
}

// TestTalliesAndRecords: counts are judged as the records that they count.
func TestTalliesAndRecords(t *testing.T) {
	node := netip.MustParseAddr("10.16.1.11")
	type lines struct {
		n            int64
		reason       verdict.Reason
		alternatives []verdict.Reason
	}
	show := func(c *diagnose.Counters) (list []string) {
		r := c.Report()
		for _, f := range r.Findings {
			text := fmt.Sprintf("%s@%s %d of %d", f.Code, f.Hop, f.Lines, f.Of)
			for _, a := range f.Alternatives {
				text += " or " + a.Code.String()
			}
			list = append(list, text)
		}
		for _, n := range r.Noted {
			list = append(list, fmt.Sprintf("noted: %s %d", n.Code, n.Lines))
		}
		return list
	}
	f := func(name string, all []lines, want ...string) {
		t.Helper()
		tallies, records := diagnose.NewCounters(diagnose.Config{}), diagnose.NewCounters(diagnose.Config{})
		for _, l := range all {
			tallies.AddTally(diagnose.Tally{
				Source: "log", Peer: node, PeerAlways: true, Reason: l.reason, Hop: verdict.Edge, Alternatives: l.alternatives, Lines: l.n,
			})
			var r record.Record
			for range l.n {
				r.Reset()
				r.Dataset = record.AccessLine
				r.Line.Origin = &record.Origin{Source: "log"}
				r.Access.Logged = record.LoggedRealipRemoteAddr | record.LoggedUserAgent
				r.Client.SourceIP = node
				p := &r.Provenance
				p.Reason, p.Hop = l.reason, verdict.Edge
				p.Alternatives = append(p.Alternatives, l.alternatives...)
				records.Add(&r)
			}
		}
		for _, c := range []*diagnose.Counters{tallies, records} {
			if diff := cmp.Diff(want, show(c)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
	alternatives := func(list ...verdict.Reason) []verdict.Reason { return list }
	f("all is right", []lines{{90, verdict.OK, nil}})
	f("two causes", []lines{{20, verdict.ProxyProtocolOff, alternatives(verdict.RealipNotApplied)}},
		"proxy_protocol_off@edge 20 of 20 or realip_not_applied")
	f("half of the lines allow two causes",
		[]lines{{10, verdict.ProxyProtocolOff, alternatives(verdict.TrustsTooMuch)}, {11, verdict.ProxyProtocolOff, nil}},
		"proxy_protocol_off@edge 21 of 21")
	f("a scanner's headers", []lines{{9, verdict.OK, alternatives(verdict.ProxyProtocolNotListened)}, {2000, verdict.OK, nil}},
		"noted: proxy_protocol_not_listened 9")
	f("a scanner's headers, many", []lines{{300, verdict.OK, alternatives(verdict.ProxyProtocolNotListened)}, {700, verdict.OK, nil}},
		"noted: proxy_protocol_not_listened 300")
	f("headers of the NLB", []lines{{950, verdict.OK, alternatives(verdict.ProxyProtocolNotListened)}, {50, verdict.OK, nil}},
		"proxy_protocol_not_listened@edge 950 of 1000")
}
