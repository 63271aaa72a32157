package store

import "hash/maphash"

// maxNumbered is how many sets of values a numbering knows. When there are more it begins
// again and knows none, so that its memory is bounded: values that come back then stand
// in the table of values a second time, which costs room and changes no answer.
const maxNumbered = 1 << 20

// A numbering gives the sets of values of a group their numbers. It keeps 64 bits of each
// set, as an idSet does of an id, with the same chance of taking two for one: less than 1
// in 10 million for a million sets. It is open addressing with linear probing.
type numbering struct {
	seed  maphash.Seed
	slots []numbered
	used  int
	next  uint32 // the number of the next new set
}

type numbered struct {
	hash   uint64 // 0 is free
	number uint32
}

// newNumbering makes a numbering that knows no sets, and whose first number is next.
func newNumbering(next uint32) *numbering {
	return &numbering{seed: maphash.MakeSeed(), slots: make([]numbered, 1<<8), next: next}
}

// number returns the number of a set of values, and whether the set is new.
func (n *numbering) number(values []byte) (uint32, bool) {
	hash := maphash.Bytes(n.seed, values)
	if hash == 0 {
		hash = 1
	}
	slot := n.find(hash)
	if slot.hash == hash {
		return slot.number, false
	}
	if n.used*2 >= len(n.slots) {
		n.grow()
		slot = n.find(hash)
	}
	*slot = numbered{hash, n.next}
	n.used++
	n.next++
	return slot.number, true
}

// find returns where a hash is, or where it belongs.
func (n *numbering) find(hash uint64) *numbered {
	mask := uint64(len(n.slots) - 1)
	at := hash & mask
	for n.slots[at].hash != 0 && n.slots[at].hash != hash {
		at = (at + 1) & mask
	}
	return &n.slots[at]
}

func (n *numbering) grow() {
	if n.used >= maxNumbered {
		clear(n.slots)
		n.used = 0
		return
	}
	old := n.slots
	n.slots = make([]numbered, 2*len(old))
	for _, slot := range old {
		if slot.hash != 0 {
			*n.find(slot.hash) = slot
		}
	}
}
