package geoip

import (
	"encoding/binary"
	"net/netip"
)

const (
	// maxAnswers bounds how many answers of one database are remembered: about 4 MB of
	// places.
	maxAnswers = 1 << 14
	// blockBits is the length of the blocks of IPv4 that have an entry of their own.
	blockBits = 16
	// recentNetworks is how many networks smaller than a block are remembered. It is a
	// power of two.
	recentNetworks = 1 << 12
)

// answers are the answers of one database that a Reader remembers, each of them once:
// there are a thousand times as many networks as countries. The look-up in the tree of a
// database costs as much as a tenth of all other work on a line. So answers also remember
// which answer holds for a network: for whole blocks of IPv4, where most addresses are in
// a network at least as large, and for the networks that were looked up last.
type answers[T any] struct {
	limit    int                // of answers in known
	list     []T                // the first one says that the database knows nothing
	known    map[uintptr]uint16 // the index of an answer in the list, by where it stands in the database
	blocks   []uint16           // one more than the index of the answer for a whole block of IPv4; or 0
	networks []network          // those that were looked up last, each at a place of its own
}

// A network is one whose addresses all have the same answer.
type network struct {
	prefix netip.Prefix // invalid: nothing is remembered here
	answer uint16
}

// forget forgets all answers but that where the database knows nothing, which is set.
func (a *answers[T]) forget(nothing T) {
	clear(a.list) // they hold texts
	a.list = append(a.list[:0], nothing)
	clear(a.known)
	clear(a.blocks)
	clear(a.networks)
}

// makeRoom makes the tables, which a Reader without databases does not need.
func (a *answers[T]) makeRoom() {
	if a.known == nil {
		a.known = map[uintptr]uint16{}
		a.blocks = make([]uint16, 1<<blockBits)
		a.networks = make([]network, recentNetworks)
	}
}

// find returns the answer for addr if it is remembered. It stays valid until the next
// call of add or forget.
func (a *answers[T]) find(addr netip.Addr) *T {
	if a.known == nil {
		return nil
	}
	if addr.Is4() {
		if i := a.blocks[blockOf(addr)]; i > 0 {
			return &a.list[i-1]
		}
	}
	if n := &a.networks[placeOfNetwork(addr)]; n.prefix.Contains(addr) {
		return &a.list[n.answer]
	}
	return nil
}

// add remembers a new answer, which stands at offset in the database, and returns its
// index. If there is no room, add forgets all others first: it costs a few microseconds to
// read an answer again, which is less than to count its uses.
func (a *answers[T]) add(offset uintptr, answer T) (index uint16) {
	if len(a.known) >= a.limit {
		a.forget(a.list[0])
	}
	index = uint16(len(a.list)) //nolint:gosec // at most maxAnswers
	a.list = append(a.list, answer)
	a.known[offset] = index
	return index
}

// addNetwork remembers the answer for the network of addr that has bits bits.
func (a *answers[T]) addNetwork(addr netip.Addr, bits int, answer uint16) {
	if addr.Is4() && bits <= blockBits {
		a.blocks[blockOf(addr)] = answer + 1
		return
	}
	if prefix, err := addr.Prefix(bits); err == nil {
		a.networks[placeOfNetwork(addr)] = network{prefix, answer}
	}
}

// blockOf returns the first bits of an IPv4 address.
func blockOf(addr netip.Addr) uint16 {
	bytes := addr.As4()
	return binary.BigEndian.Uint16(bytes[:])
}

// placeOfNetwork returns where the network of addr is remembered. Addresses of one IPv4 /24
// or one IPv6 /48 have one place: few networks are smaller.
func placeOfNetwork(addr netip.Addr) uint64 {
	const multiplier = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	var leading uint64
	if addr.Is4() {
		bytes := addr.As4()
		leading = uint64(binary.BigEndian.Uint32(bytes[:]) >> 8)
	} else {
		bytes := addr.As16()
		leading = binary.BigEndian.Uint64(bytes[:]) >> 16
	}
	return leading * multiplier >> 32 % recentNetworks
}
