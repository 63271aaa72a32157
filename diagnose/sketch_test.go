package diagnose

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// TestHitters: whoever makes up more than one part in limit of all is kept,
// whatever else comes, and the heap holds together.
func TestHitters(t *testing.T) {
	const limit, lines = 64, 200_000
	rng := rand.New(rand.NewPCG(3, 4))
	h := newHitters[int, int64](limit)
	for i := range lines {
		key := i + 1000 // comes once
		if rng.IntN(4) == 0 {
			key = rng.IntN(8) // the frequent ones
		}
		*h.at(key, 1)++
	}
	for key := range 8 {
		n := h.known(key)
		if n == nil || *n < lines/4/8*9/10 {
			t.Errorf("key %d was lost, or counted %v times", key, n)
		}
	}
	if len(h.slots) != limit || len(h.index) != limit {
		t.Fatalf("%d slots and %d keys, want %d", len(h.slots), len(h.index), limit)
	}
	for i, s := range h.slots {
		if h.index[s.key] != i || i > 0 && s.count < h.slots[(i-1)/2].count {
			t.Fatalf("slot %d is out of place", i)
		}
	}
}

func TestDistinct(t *testing.T) {
	for _, n := range []int{0, 1, 2, 5, 20, 100, 400} {
		var d distinct
		for i := range n {
			for range 3 {
				d.add(hash([]byte("user agent " + strconv.Itoa(i))))
			}
		}
		if got := d.estimate(); got < n-n/5 || got > n+n/5 {
			t.Errorf("%d values are estimated as %d", n, got)
		}
	}
}

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
