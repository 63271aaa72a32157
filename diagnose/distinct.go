package diagnose

import (
	"math"
	"math/bits"
)

// A distinct estimates how many different values it was given, from their
// hashes. It is linear counting over 512 bits: good enough to tell one from ten
// and ten from a hundred. The zero value has seen none.
type distinct [8]uint64

func (d *distinct) add(hash uint64) { d[hash>>6&7] |= 1 << (hash & 63) }

func (d *distinct) estimate() int {
	const size = 512
	set := 0
	for _, word := range d {
		set += bits.OnesCount64(word)
	}
	if set == size {
		return size * 6 // all bits are set: the true number is unknown
	}
	return int(math.Round(-size * math.Log(1-float64(set)/size)))
}

// hash is FNV-1a with its bits mixed. The border between two texts counts: "ab",
// "c" has another hash than "a", "bc".
func hash(texts ...[]byte) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, text := range texts {
		for _, c := range text {
			h = (h ^ uint64(c)) * prime
		}
		h = (h ^ 0x100) * prime
	}
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	h ^= h >> 32
	return h
}
