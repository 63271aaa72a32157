package diagnose

import (
	"net/netip"

	"github.com/gaissmai/bart"

	"clearhop/enrich/clientip"
)

// sets are the addresses of a chain, for questions that each line asks. They answer as the
// methods of clientip.Chain do, in a time that does not depend on how many there are.
type sets struct {
	nodes, trusted bart.Lite
	discovered     map[netip.Addr]string
}

func newSets(c *clientip.Chain) *sets {
	s := &sets{discovered: c.Nodes}
	for _, p := range c.NLB.Prefixes {
		s.nodes.Insert(p.Masked())
	}
	for _, p := range c.Trusted.Prefixes {
		s.trusted.Insert(p.Masked())
	}
	return s
}

func (s *sets) isNode(addr netip.Addr) bool {
	if s.nodes.Contains(addr) {
		return true
	}
	_, found := s.discovered[addr]
	return found
}

func (s *sets) isProxy(addr netip.Addr) bool { return s.isNode(addr) || s.trusted.Contains(addr) }
