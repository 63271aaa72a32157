package diagnose

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"clearhop/enrich/clientip"
)

// TestSets: the tables answer as the chain does.
func TestSets(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	address := func() netip.Addr {
		if random.IntN(3) == 0 {
			return netip.AddrFrom16([16]byte{0xfc, 0, 15: byte(random.IntN(8))})
		}
		return netip.AddrFrom4([4]byte{10, 0, byte(random.IntN(2)), byte(random.IntN(8))})
	}
	yes := 0
	for range 500 {
		var nlb, trusted clientip.Addresses
		for range random.IntN(4) {
			at := address()
			nlb.Prefixes = append(nlb.Prefixes, netip.PrefixFrom(at, random.IntN(at.BitLen()+1)))
			trusted.Add(address())
		}
		chain := clientip.Chain{NLB: nlb, Trusted: trusted, Nodes: map[netip.Addr]string{address(): "edge"}}
		s := newSets(&chain)
		for range 20 {
			at := address()
			if random.IntN(20) == 0 {
				at = netip.Addr{}
			}
			if s.isNode(at) != chain.IsNode(at) || s.isProxy(at) != chain.IsProxy(at) || s.trusted.Contains(at) != trusted.Contains(at) {
				t.Fatalf("%v of %+v", at, chain)
			}
			if s.isProxy(at) {
				yes++
			}
		}
	}
	if yes == 0 {
		t.Error("no address was in a set")
	}
}
