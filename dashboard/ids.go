package dashboard

import (
	"math"
	"slices"
)

// ids are numbers that are counted from 0, one for each request. Each takes as many bytes
// as the largest of them needs: most dimensions have fewer than 256 values, and the time
// that a click takes is mostly that of reading them.
type ids struct {
	// Two of these are nil.
	small  []uint8
	middle []uint16
	large  []uint32
}

func newIDs() ids { return ids{small: []uint8{}} }

func (s *ids) len() int { return len(s.small) + len(s.middle) + len(s.large) }

// at returns number i.
func (s *ids) at(i int) uint32 {
	switch {
	case s.small != nil:
		return uint32(s.small[i])
	case s.middle != nil:
		return uint32(s.middle[i])
	}
	return s.large[i]
}

func (s *ids) append(id uint32) {
	if s.small != nil && id > math.MaxUint8 {
		s.small, s.middle = nil, widened[uint16](s.small)
	}
	if s.middle != nil && id > math.MaxUint16 {
		s.middle, s.large = nil, widened[uint32](s.middle)
	}
	switch {
	case s.small != nil:
		s.small = append(s.small, uint8(id))
	case s.middle != nil:
		s.middle = append(s.middle, uint16(id))
	default:
		s.large = append(s.large, id)
	}
}

// grow makes room for n more.
func (s *ids) grow(n int) {
	switch {
	case s.small != nil:
		s.small = slices.Grow(s.small, n)
	case s.middle != nil:
		s.middle = slices.Grow(s.middle, n)
	default:
		s.large = slices.Grow(s.large, n)
	}
}

// widened returns the same numbers with more bytes each, and the same room for more.
func widened[To, From uint8 | uint16 | uint32](from []From) []To {
	to := make([]To, len(from), max(cap(from), len(from)+1))
	for i, id := range from {
		to[i] = To(id)
	}
	return to
}
