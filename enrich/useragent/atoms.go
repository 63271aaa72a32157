package useragent

import (
	"iter"
	"math/bits"
	"strings"
)

// An atomIndex finds which atoms occur in a text in one pass over it.
type atomIndex struct {
	// buckets list atoms by a hash of their first three bytes: no atom is
	// shorter.
	buckets [1 << atomHashBits][]uint16
}

const (
	atomHashBits = 12
	atomMinBytes = 3
)

func newAtomIndex() *atomIndex {
	x := new(atomIndex)
	for i, a := range atoms {
		h := atomHash(a)
		x.buckets[h] = append(x.buckets[h], uint16(i))
	}
	return x
}

func atomHash(s string) uint32 {
	key := uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16
	return key * 0x9E3779B1 >> (32 - atomHashBits) // Fibonacci hashing
}

// find appends the atoms of text, which is lower case, to found, each once,
// and marks them in seen.
func (x *atomIndex) find(text string, found []uint16, seen bitset) []uint16 {
	for i := 0; i+atomMinBytes <= len(text); i++ {
		for _, a := range x.buckets[atomHash(text[i:])] {
			if strings.HasPrefix(text[i:], atoms[a]) && !seen.has(a) {
				seen.set(a)
				found = append(found, a)
			}
		}
	}
	return found
}

// fold lower-cases s as far as the rules' expressions may when they ignore
// case: ASCII, and the two signs that the regexp package takes for an ASCII
// letter.
func fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		case c < 0x80:
			b.WriteByte(c)
		case strings.HasPrefix(s[i:], "ſ"):
			b.WriteByte('s')
			i += len("ſ") - 1
		case strings.HasPrefix(s[i:], kelvin):
			b.WriteByte('k')
			i += len(kelvin) - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

const kelvin = "\u212a" // looks like a K

// A bitset is a set of small numbers.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) set(i uint16)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) has(i uint16) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b bitset) hasAny(list []uint16) bool {
	for _, i := range list {
		if b.has(i) {
			return true
		}
	}
	return false
}

// all yields the members in ascending order.
func (b bitset) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range b {
			for ; word != 0; word &= word - 1 {
				if !yield(i*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}
