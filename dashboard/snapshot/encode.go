package snapshot

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
)

// A coded column has a sorted dictionary.
type coded struct {
	name   string
	kind   string
	size   int
	null   bool
	values []byte
	codes  []uint32 // places in the dictionary, by row
}

// An encoding is one way to write the numbers of a column.
type encoding struct {
	parent  string
	numbers []uint32
	order   []uint32 // the places by their rank; nil if the numbers are places
	planes  int
	bits    float64
}

// encode returns the way to write the column that takes the fewest bits: predicted from
// one of its parents or from none, by place or by rank.
func (c *coded) encode(parents []string, done map[string]*coded) encoding {
	if c.size < 2 {
		return encoding{}
	}
	best := c.ranked(encoding{numbers: c.codes}, 0)
	for _, name := range parents {
		const few = 1024 // bits: there is nothing left to win
		if best.bits < few {
			break
		}
		if e := c.ranked(encoding{parent: name, numbers: c.predicted(done[name])}, 1); e.bits < best.bits {
			best = e
		}
	}
	return best
}

// ranked estimates the bits, and replaces the places by their ranks where that takes
// fewer: the low numbers are then frequent, and the high planes empty. The first numbers
// are not places and stay.
func (c *coded) ranked(e encoding, first int) encoding {
	e.planes = planesOf(uint64(c.size - 1 + first))
	e.bits = bitsOf(e.numbers, e.planes)
	if e.planes < 2 {
		return e
	}
	counts := make([]int, c.size)
	for _, n := range e.numbers {
		if int(n) >= first {
			counts[int(n)-first]++
		}
	}
	order := make([]uint32, c.size)
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortStableFunc(order, func(a, b uint32) int { return cmp.Compare(counts[b], counts[a]) })
	ranks := make([]uint32, c.size)
	for rank, place := range order {
		ranks[place] = uint32(rank)
	}
	other := make([]uint32, len(e.numbers))
	for i, n := range e.numbers {
		other[i] = n
		if int(n) >= first {
			other[i] = ranks[int(n)-first] + uint32(first)
		}
	}
	bits := bitsOf(other, e.planes) + bitsOf(order, planesOf(uint64(c.size-1)))
	if bits < e.bits {
		e.numbers, e.order, e.bits = other, order, bits
	}
	return e
}

// predicted returns 0 for each row that has the value of the last row with the same value
// of the parent, and 1 + the place for the others.
func (c *coded) predicted(parent *coded) []uint32 {
	last := make([]uint32, parent.size)
	all := make([]uint32, len(c.codes))
	for i, code := range c.codes {
		if p := parent.codes[i]; last[p] != code {
			last[p], all[i] = code, code+1
		}
	}
	return all
}

// planesOf is how many bytes a number needs.
func planesOf(most uint64) int {
	n := 0
	for ; most > 0; most >>= 8 {
		n++
	}
	return n
}

// bitsOf estimates how many bits the planes take when they are packed: each byte by how
// often it occurs in its plane.
func bitsOf(numbers []uint32, planes int) float64 {
	bits := 0.0
	for p := range planes {
		var counts [256]int
		for _, n := range numbers {
			counts[byte(n>>(8*p))]++
		}
		for _, n := range counts {
			if n > 0 {
				bits -= float64(n) * math.Log2(float64(n)/float64(len(numbers)))
			}
		}
	}
	return bits
}

// planes writes the lowest bytes of all numbers, then the next ones.
func planes[N uint32 | uint64](numbers []N, count int) []byte {
	out := make([]byte, 0, count*len(numbers))
	for p := range count {
		for _, n := range numbers {
			out = append(out, byte(n>>(8*p)))
		}
	}
	return out
}

// timePlanes encodes the times.
func (t *table) timePlanes() (Column, []byte) {
	c := Column{Name: "ts", Kind: "time"}
	if t.rows == 0 {
		return c, nil
	}
	c.Base = t.times[0]
	deltas, most := make([]uint64, t.rows), uint64(0)
	for i := 1; i < t.rows; i++ {
		deltas[i] = uint64(max(t.times[i]-t.times[i-1], 0))
		most = max(most, deltas[i])
	}
	c.Planes = planesOf(most)
	return c, planes(deltas, c.Planes)
}

// packTexts writes a dictionary of texts, which are sorted and valid UTF-8.
func packTexts(sorted []string) []byte {
	var shared, more, rest []byte
	before := ""
	for _, s := range sorted {
		n := sharedBytes(before, s)
		shared = binary.AppendUvarint(shared, unitsOf(s[:n]))
		more = binary.AppendUvarint(more, unitsOf(s[n:]))
		rest = append(rest, s[n:]...)
		before = s
	}
	return append(append(shared, more...), rest...)
}

// sharedBytes is the length of what both texts begin with, in whole characters.
func sharedBytes(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for n > 0 && n < len(b) && !utf8.RuneStart(b[n]) {
		n--
	}
	return n
}

// unitsOf is the length of a text in UTF-16.
func unitsOf(s string) uint64 {
	n := uint64(0)
	for _, r := range s {
		n += uint64(utf16.RuneLen(r))
	}
	return n
}

// packNumbers writes a dictionary of numbers, which are sorted and not negative.
func packNumbers(sorted []int64) []byte {
	var out []byte
	before := int64(0)
	for _, n := range sorted {
		out = binary.AppendUvarint(out, uint64(n-before))
		before = n
	}
	return out
}

// block packs bytes and returns the number of the block; nil for no bytes.
func (s *Snapshot) block(plain []byte) (*int, error) {
	if len(plain) == 0 {
		return nil, nil
	}
	// Numbers without a pattern take less when nothing is looked for.
	best, err := pack(plain, usualLevel)
	if err != nil {
		return nil, err
	}
	if other, err := pack(plain, gzip.HuffmanOnly); err == nil && len(other) < len(best) {
		best = other
	}
	n := len(s.blocks)
	s.blocks = append(s.blocks, best)
	return &n, nil
}

// usualLevel is that of gzip. Higher ones take ten times as long and win nothing.
const usualLevel = 5

func pack(plain []byte, level int) ([]byte, error) {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, level)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(plain); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}
