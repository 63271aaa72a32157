package diagnose

import (
	"math"
	"math/bits"
)

// A distinct estimates how many different values it was given: linear counting
// over 512 bits, exact enough to tell one from ten and ten from a hundred.
type distinct [8]uint64

func (d *distinct) add(hash uint64) { d[hash>>6&7] |= 1 << (hash & 63) }

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
	slots []slot[K, V] // a heap, the rarest first
	index map[K]int    // where a key stands in slots
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
		h.slots[i].count += n
	case len(h.slots) < h.limit:
		h.slots = append(h.slots, slot[K, V]{key: key, count: n, value: new(V)})
		i = len(h.slots) - 1
		h.index[key] = i
		for i > 0 && h.slots[i].count < h.slots[(i-1)/2].count {
			h.swap(i, (i-1)/2)
			i = (i - 1) / 2
		}
	default:
		i = 0
		delete(h.index, h.slots[0].key)
		h.slots[0] = slot[K, V]{key: key, count: h.slots[0].count + n, value: new(V)}
		h.index[key] = 0
	}
	value := h.slots[i].value
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h.slots); child++ {
			if h.slots[child].count < h.slots[least].count {
				least = child
			}
		}
		if least == i {
			return value
		}
		h.swap(i, least)
		i = least
	}
}

func (h *hitters[K, V]) swap(i, k int) {
	h.slots[i], h.slots[k] = h.slots[k], h.slots[i]
	h.index[h.slots[i].key], h.index[h.slots[k].key] = i, k
}

// known returns what is kept of key, nil if nothing is.
func (h *hitters[K, V]) known(key K) *V {
	if i, ok := h.index[key]; ok {
		return h.slots[i].value
	}
	return nil
}
