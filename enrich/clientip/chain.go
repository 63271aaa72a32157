package clientip

import (
	"encoding/json"
	"net/netip"
	"slices"
)

// A Chain is the addresses of the proxies between a visitor and nginx, and of
// the clients that have an address among them. The settings give it, or a look
// at EC2, or the lines of a log. The Resolver and the doctor's report use the
// same value.
//
// An empty set says that there is no such address. In the zero Chain no address
// is a proxy's.
type Chain struct {
	// NLB are the addresses of the Network Load Balancer's nodes, or the subnets
	// that hold them.
	NLB Addresses
	// Nodes are nodes that were discovered, each with the name of its NLB.
	Nodes map[netip.Addr]string
	// Trusted are the other proxies: the edge's tasks, a CDN's networks.
	Trusted Addresses
	// Internal are clients inside a wider network of the other sets. The longest
	// prefix decides.
	Internal Addresses
	// Inferred says that the NLB's addresses are not known: every private
	// address that no set holds counts as an NLB's.
	Inferred bool
}

// Config returns the configuration of a Resolver for the chain. The fields that
// are not about addresses are left empty. The sets are shared, not copied.
func (c *Chain) Config() Config {
	return Config{
		NLB: c.NLB, Nodes: c.Nodes, NLBUnknown: c.Inferred, Trusted: c.Trusted, Internal: c.Internal,
		Complete: !c.Inferred,
	}
}

// IsNode reports whether addr is one of the NLB's nodes, by its address or by
// its network. addr must be unmapped.
func (c *Chain) IsNode(addr netip.Addr) bool {
	_, discovered := c.Nodes[addr]
	return discovered || c.NLB.Contains(addr)
}

// IsProxy reports whether addr is a node of the NLB or another proxy. addr must
// be unmapped.
func (c *Chain) IsProxy(addr netip.Addr) bool { return c.IsNode(addr) || c.Trusted.Contains(addr) }

// AllNLB returns the set NLB together with the discovered nodes, which come last
// and in the order of their addresses.
func (c *Chain) AllNLB() Addresses {
	nodes := make([]netip.Addr, 0, len(c.Nodes))
	for addr := range c.Nodes {
		nodes = append(nodes, addr)
	}
	slices.SortFunc(nodes, netip.Addr.Compare)
	all := Addresses{Prefixes: slices.Clone(c.NLB.Prefixes), Unix: c.NLB.Unix}
	all.Add(nodes...)
	return all
}

// Add puts single addresses into the set. They must be unmapped and without a
// zone.
func (a *Addresses) Add(addrs ...netip.Addr) {
	for _, addr := range addrs {
		a.Prefixes = append(a.Prefixes, netip.PrefixFrom(addr, addr.BitLen()))
	}
}

// Contains reports whether addr is in the set, by itself or by its network. addr
// must be unmapped. No set contains the zero Addr.
func (a Addresses) Contains(addr netip.Addr) bool {
	for _, p := range a.Prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Texts returns the set in the form that ParseAddresses reads: an address or a
// CIDR each, and the word "unix:" last. It is nil for the empty set.
func (a Addresses) Texts() []string {
	var texts []string
	for _, p := range a.Prefixes {
		if p.IsSingleIP() {
			texts = append(texts, p.Addr().String())
		} else {
			texts = append(texts, p.String())
		}
	}
	if a.Unix {
		texts = append(texts, unixPeer)
	}
	return texts
}

// IsZero is Empty for encoding/json.
func (a Addresses) IsZero() bool { return a.Empty() }

// MarshalJSON writes the set as the list of its Texts.
func (a Addresses) MarshalJSON() ([]byte, error) { return json.Marshal(a.Texts()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *Addresses) UnmarshalJSON(data []byte) error {
	var texts []string
	if err := json.Unmarshal(data, &texts); err != nil {
		return err
	}
	set, err := ParseAddresses(texts...)
	if err != nil {
		return err
	}
	*a = set
	return nil
}
