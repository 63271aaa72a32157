package dashboard

import (
	"math/rand/v2"
	"testing"
)

// TestIDs: the numbers are those that were added, whichever width they have had.
func TestIDs(t *testing.T) {
	for most, width := range map[uint32]int{1: 1, 255: 1, 256: 2, 65_535: 2, 65_536: 4, 1 << 31: 4} {
		r := rand.New(rand.NewPCG(1, uint64(most)))
		s, want := newIDs(), []uint32{}
		s.grow(100)
		for i := range 3000 {
			id := r.Uint32N(most/uint32(3000-i) + 1)
			if i == 2999 {
				id = most
			}
			s.append(id)
			want = append(want, id)
		}
		if s.len() != len(want) {
			t.Fatalf("up to %d: %d numbers, want %d", most, s.len(), len(want))
		}
		for i, id := range want {
			if got := s.at(i); got != id {
				t.Fatalf("up to %d: number %d is %d, want %d", most, i, got, id)
			}
		}
		if got := (len(s.small) + 2*len(s.middle) + 4*len(s.large)) / len(want); got != width {
			t.Errorf("up to %d: %d bytes each, want %d", most, got, width)
		}
	}
}
