package diagnose

import (
	"math"
	"math/bits"
)

// A distinct estimates how many different values it was given: linear counting
// over 512 bits, exact enough to tell one from ten and ten from a hundred.
type distinct [8]uint64

func (d *distinct) add(hash uint64) { d[hash>>6&7] |= 1 << (hash & 63) }

func (d *distinct) merge(other *distinct) {
	for i := range d {
		d[i] |= other[i]
	}
}

func (d *distinct) estimate() int {
	const size = 512
	set := 0
	for _, word := range d {
		set += bits.OnesCount64(word)
	}
	if set == size {
		return size * 6 // more than can be told
	}
	return int(math.Round(-size * math.Log(1-float64(set)/size)))
}

// hash is FNV-1a with its bits mixed, over texts that are kept apart.
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

// hitters keeps what is known of the most frequent keys, at most limit of them
// (the Space-Saving algorithm: a new key takes the place of the rarest one, and
// its count with it). What was kept of a key that lost its place is lost.
type hitters[K comparable, V any] struct {
	limit int
	slots []slot[K, V]
	index map[K]int
}

type slot[K comparable, V any] struct {
	key   K
	count int64
	value *V
}

func newHitters[K comparable, V any](limit int) *hitters[K, V] {
	return &hitters[K, V]{limit: limit, index: map[K]int{}}
}

// at counts key n times and returns what is kept of it.
func (h *hitters[K, V]) at(key K, n int64) *V {
	i, known := h.index[key]
	switch {
	case known:
	case len(h.slots) < h.limit:
		i = len(h.slots)
		h.slots = append(h.slots, slot[K, V]{key: key, value: new(V)})
		h.index[key] = i
	default:
		for k := range h.slots {
			if h.slots[k].count < h.slots[i].count {
				i = k
			}
		}
		delete(h.index, h.slots[i].key)
		h.slots[i].key, h.slots[i].value = key, new(V)
		h.index[key] = i
	}
	h.slots[i].count += n
	return h.slots[i].value
}

// known returns what is kept of key, nil if nothing is.
func (h *hitters[K, V]) known(key K) *V {
	if i, ok := h.index[key]; ok {
		return h.slots[i].value
	}
	return nil
}
