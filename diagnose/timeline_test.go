package diagnose

import (
	"math/rand/v2"
	"testing"
)

// TestTimeline holds the counts before and after a time against counting them
// one by one, as far as a bucket is wide.
func TestTimeline(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		var line timeline
		var times []int64
		span := int64(1) << (10 + rng.IntN(25))
		for range 300 {
			at := 1_795_345_200_000 + rng.Int64N(span)
			times = append(times, at)
			line.add(at, 1)
		}
		var all int64
		for _, n := range line.buckets {
			all += n
		}
		if all != int64(len(times)) {
			t.Fatalf("%d of %d lines are left", all, len(times))
		}
		cut := times[rng.IntN(len(times))]
		before, nearlyBefore := int64(0), int64(0)
		for _, at := range times {
			count(&before, at < cut)
			count(&nearlyBefore, at < cut-2*line.width)
		}
		if got := line.before(cut); got > before || got < nearlyBefore {
			t.Fatalf("%d before, want %d to %d (buckets of %d ms)", got, nearlyBefore, before, line.width)
		}
		after := line.after(cut)
		if after > int64(len(times))-before || after+line.before(cut) > all {
			t.Fatalf("%d after, of %d not before", after, int64(len(times))-before)
		}
	}
}
