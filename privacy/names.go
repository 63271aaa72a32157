package privacy

import "encoding/binary"

// The bounds of a Worker's pseudonyms: 4,096 of them in about 200 KB.
const (
	nameSets   = 1 << 10
	nameSetBit = 10 // nameSets is 1 << nameSetBit
	namesInSet = 4
)

// names keeps the pseudonyms of the addresses that a Worker saw last, so that a visitor
// who comes again costs no HMAC. An address has one set, in which it takes the place of
// the one that has been there longest. A found name is that of exactly this address: the
// whole address is compared.
//
// Only the Worker reads it, and the key of a Worker does not change.
type names [nameSets]nameSet

type nameSet struct {
	addrs [namesInSet][16]byte
	names [namesInSet]name // an empty one begins with a zero
	next  uint8            // the place that is taken next
}

// A name is a pseudonym.
type name [pseudonymBytes]byte

// get returns the name of an address; nil if it is not known. It is valid until the next
// call of add.
func (n *names) get(addr *[16]byte) *name {
	set := n.of(addr)
	for i := range set.addrs {
		if set.addrs[i] == *addr && set.names[i][0] != 0 {
			return &set.names[i]
		}
	}
	return nil
}

// add returns the place for the name of an address that has none yet. The caller fills
// it before the next call.
func (n *names) add(addr *[16]byte) *name {
	set := n.of(addr)
	i := set.next % namesInSet
	set.next = i + 1
	set.addrs[i] = *addr
	return &set.names[i]
}

// of returns the set of an address. A visitor who chooses addresses of one set loses only
// the gain for them.
func (n *names) of(addr *[16]byte) *nameSet {
	const odd = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio spreads near numbers
	mixed := binary.BigEndian.Uint64(addr[:8])*odd ^ binary.BigEndian.Uint64(addr[8:])
	return &n[mixed*odd>>(64-nameSetBit)]
}
