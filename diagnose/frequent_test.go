package diagnose

import (
	"math/rand/v2"
	"testing"
)

// TestFrequent: a key that makes up more than one part in limit of all is kept,
// whatever else comes, and the heap stays in order.
func TestFrequent(t *testing.T) {
	const limit, lines = 64, 200_000
	rng := rand.New(rand.NewPCG(3, 4))
	f := newFrequent[int, int64](limit)
	for i := range lines {
		key := i + 1000 // comes once
		if rng.IntN(4) == 0 {
			key = rng.IntN(8) // the frequent ones
		}
		*f.at(key, 1)++
	}
	for key := range 8 {
		n := f.known(key)
		if n == nil || *n < lines/4/8*9/10 {
			t.Errorf("key %d was lost, or counted %v times", key, n)
		}
	}
	if len(f.slots) != limit || len(f.index) != limit {
		t.Fatalf("%d slots and %d keys, want %d", len(f.slots), len(f.index), limit)
	}
	for i, s := range f.slots {
		if f.index[s.key] != i || i > 0 && s.count < f.slots[(i-1)/2].count {
			t.Fatalf("slot %d is out of place", i)
		}
	}
}
