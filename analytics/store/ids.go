package store

import "hash/maphash"

// An idSet knows which event ids are there. It keeps 64 bits of each id, 11 to 21 bytes
// of memory in all, since the ids of a month of traffic do not fit. Two different ids
// are taken for one with a chance of 3 in a million among 10 million events. The seed
// is new in each process, so nobody can choose ids that collide.
//
// It is open addressing with linear probing; the zero value is not ready for use.
type idSet struct {
	seed  maphash.Seed
	slots []uint64 // 0 is free
	used  int
}

func newIDSet() *idSet {
	return &idSet{seed: maphash.MakeSeed(), slots: make([]uint64, 1<<12)}
}

// add adds an id. It reports false if the id is there already.
func (s *idSet) add(id []byte) bool {
	if s.used*4 >= len(s.slots)*3 {
		s.grow()
	}
	hash := maphash.Bytes(s.seed, id)
	if hash == 0 {
		hash = 1
	}
	slot := s.find(hash)
	if s.slots[slot] == hash {
		return false
	}
	s.slots[slot] = hash
	s.used++
	return true
}

// find returns where a hash is, or where it belongs.
func (s *idSet) find(hash uint64) int {
	mask := uint64(len(s.slots) - 1)
	at := hash & mask
	for s.slots[at] != 0 && s.slots[at] != hash {
		at = (at + 1) & mask
	}
	return int(at)
}

func (s *idSet) grow() {
	old := s.slots
	s.slots = make([]uint64, 2*len(old))
	for _, hash := range old {
		if hash != 0 {
			s.slots[s.find(hash)] = hash
		}
	}
}
