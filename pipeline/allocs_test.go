package pipeline_test

import (
	"testing"

	"clearhop/internal/chaintest"
	"clearhop/record"
)

// TestProcessAllocatesNothing: in the steady state, when the caches know the
// addresses and user agents of a stream, a line costs no allocation.
func TestProcessAllocatesNothing(t *testing.T) {
	for _, log := range []string{
		"ok/web.seed.log",
		"ipv6-client/edge.clearhop.log",
		"health-http/edge.json.log",
	} {
		w := open(t, chain())
		origin := &record.Origin{Source: log}
		lines := chaintest.Lines(t, log)
		each := func() {
			for i := range lines {
				w.Process(&record.Line{Text: lines[i], Offset: int64(i), Origin: origin})
			}
		}
		each()
		if n := testing.AllocsPerRun(100, each); n != 0 {
			t.Errorf("%s: %v allocations for %d lines, want none", log, n, len(lines))
		}
	}
}
