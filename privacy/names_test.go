package privacy

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// TestNamesThatMakeRoom: a pseudonym does not depend on whether the Worker has kept it.
// There are more addresses than it keeps, and each set gets more than it holds.
func TestNamesThatMakeRoom(t *testing.T) {
	w, slow := worker(t, Config{Mode: Hash}), worker(t, Config{Mode: Hash})
	addr := func(i int) netip.Addr {
		var b [16]byte
		if binary.BigEndian.PutUint32(b[12:], uint32(i*7919)); i%3 == 0 {
			copy(b[10:], "\xff\xff") // IPv4
		} else {
			b[0], b[7] = 0x20, byte(i)
		}
		return netip.AddrFrom16(b).Unmap()
	}
	for round := range 2 {
		for i := range 3 * nameSets * namesInSet / 2 {
			for _, a := range [...]netip.Addr{addr(i), addr(i / 2), addr(i % 5), netip.IPv6Unspecified()} {
				b := a.As16()
				got, want := string(w.appendHidden(nil, a)), string(slow.pseudonym(nil, anAddress, b[:]))
				if got != want {
					t.Fatalf("round %d: %s is %s, want %s", round, a, got, want)
				}
			}
		}
	}
}

// TestHidingAllocatesNothing: neither a known address nor a new one.
func TestHidingAllocatesNothing(t *testing.T) {
	w := worker(t, Config{Mode: Hash})
	dst := make([]byte, 0, pseudonymBytes)
	var b [4]byte
	w.appendHidden(dst, netip.AddrFrom4(b))
	if n := testing.AllocsPerRun(1000, func() {
		b[3]++
		b[1] += b[3]
		w.appendHidden(dst, netip.AddrFrom4(b))
	}); n != 0 {
		t.Errorf("%v allocations for an address", n)
	}
}
