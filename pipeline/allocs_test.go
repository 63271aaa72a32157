package pipeline_test

import (
	"testing"

	"clearhop/record"
)

// TestProcessAllocatesNothing: in the steady state, when the caches know the
// addresses and user agents of a stream, a line costs no allocation.
func TestProcessAllocatesNothing(t *testing.T) {
	for _, path := range []string{
		"../chain/testdata/ok/web.seed.log",
		"../chain/testdata/ipv6-client/edge.clearhop.log",
		"../chain/testdata/health-http/edge.json.log",
	} {
		w := open(t, chain())
		origin := &record.Origin{Source: path}
		lines := read(t, path)
		each := func() {
			for i := range lines {
				w.Process(&record.Line{Text: lines[i], Offset: int64(i), Origin: origin})
			}
		}
		each()
		if n := testing.AllocsPerRun(100, each); n != 0 {
			t.Errorf("%s: %v allocations for %d lines, want none", path, n, len(lines))
		}
	}
}
