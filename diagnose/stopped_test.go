package diagnose

import (
	"net/netip"
	"testing"

	"clearhop/verdict"
)

// TestStopsRequests: requests that begin with a PROXY protocol header are a fault where
// they came in the place of right lines, and nothing where right ones came meanwhile,
// however many they are.
func TestStopsRequests(t *testing.T) {
	type span struct {
		from, to int64 // minutes; one entry a step
		every    int64 // seconds between two lines
	}
	f := func(name string, want bool, ok, refused []span) {
		t.Helper()
		c := NewCounters(Config{})
		add := func(spans []span, tally Tally) {
			for _, s := range spans {
				for at := s.from * 60; at < s.to*60; at += s.every {
					tally.First = 1_795_345_260_000 + at*1000
					tally.Last = tally.First
					c.AddTally(tally)
				}
			}
		}
		add(ok, right("log", netip.Addr{}, 1))
		add(refused, wrong("log", node1, verdict.ProxyProtocolNotListened, 1))
		k := cause{verdict.ProxyProtocolNotListened, verdict.Edge}
		if got := c.isFault(k, c.causes[k]); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
	day := int64(24 * 60)
	f("nothing was right for the last half hour of a day", true, []span{{0, day - 30, 5}}, []span{{day - 30, day, 20}})
	f("… and a scanner came in the morning", true, []span{{0, day - 30, 5}}, []span{{60, 90, 1}, {day - 30, day, 20}})
	f("… and a few requests come through another port", true, []span{{0, day - 30, 5}, {day - 30, day, 300}}, []span{{day - 30, day, 20}})
	f("since five minutes of an hour", true, []span{{0, 55, 2}}, []span{{55, 60, 5}})
	f("most of the log", true, []span{{0, 10, 10}}, []span{{10, day, 30}})
	f("a scanner all day", false, []span{{0, day, 5}}, []span{{0, day, 7}})
	f("a scanner floods the last half hour", false, []span{{0, day, 5}}, []span{{day - 30, day, 1}})
	f("a scanner at the end of a quiet night", false, []span{{0, 600, 5}, {600, day, 1800}}, []span{{day - 60, day, 10}})
	f("a scanner in the only silent hour", false, []span{{0, 600, 5}, {660, day, 5}}, []span{{600, 660, 10}})
	f("nine refused requests at the end", false, []span{{0, day - 30, 5}}, []span{{day - 30, day - 21, 60}})
	f("one task of four in one log", false, []span{{0, day, 5}}, []span{{0, day, 15}})
}
