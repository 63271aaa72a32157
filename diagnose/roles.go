package diagnose

import (
	"cmp"
	"net/netip"
	"slices"

	"clearhop/enrich/clientip"
)

// Roles are the addresses of the chain as a Survey inferred them.
type Roles struct {
	NLB      []Peer         `json:"nlb,omitempty"`
	Edge     []Peer         `json:"edge,omitempty"`     // tasks that pass requests on to the web hop
	Internal []Peer         `json:"internal,omitempty"` // clients of your own
	OnHost   []Peer         `json:"on_host,omitempty"`  // proxies on nginx's own host
	CDN      []netip.Prefix `json:"cdn,omitempty"`      // networks of a proxy before the NLB
	Probes   []Probe        `json:"probes,omitempty"`
}

// isWithoutProxies reports whether nothing was found that is a proxy's.
func (r *Roles) isWithoutProxies() bool {
	return len(r.NLB)+len(r.Edge)+len(r.CDN)+len(r.OnHost) == 0
}

// isEmpty reports whether nothing was found at all.
func (r *Roles) isEmpty() bool { return r.isWithoutProxies() && len(r.Internal)+len(r.Probes) == 0 }

// A Peer is an address of the chain, and why it has its role.
type Peer struct {
	Address    netip.Addr `json:"address"`
	Lines      int64      `json:"lines"`
	UserAgents int        `json:"user_agents"` // estimated
	Why        string     `json:"why"`
	// Weak says that a task of the edge which passes no client on would look the
	// same.
	Weak bool `json:"weak,omitempty"`

	asPeer    int64 // access lines, or error lines, that show the address as the peer
	byTraffic bool  // only the number of requests gives it its role
}

// Bounds of what is inferred.
const (
	dominantShare = 0.1 // of all requests: what a node of the NLB carries
	manyAgents    = 5   // user agents behind an address that carries less
	nearlyAll     = 0.9 // of the lines: what a proxy always does
)

// A role is what an address is in the chain.
type role uint8

const (
	nlbNode role = iota
	edgeTask
	ownClient
	hopOnHost // a proxy on nginx's own host, which is in no set
)

// A candidate is one address with all that its role is judged by.
type candidate struct {
	*peerEvidence
	addr     netip.Addr
	paced    int64 // lines that come at a fixed pace
	visitors int64 // ordinary lines that do not
	seen     int64 // visitors and the lines with the address in a forwarded header
	agents   int   // user agents, estimated
	log      surveyTotals
}

// surveyTotals is what a Survey found in all lines.
type surveyTotals struct {
	visitors int64 // ordinary lines that do not come at a fixed pace
	public   int64 // ordinary lines with a $remote_addr that is not private
	named    int64 // lines of peers that speak the PROXY protocol
	agents   int   // user agents, estimated
}

// isTooSmallForAgents reports whether the number of user agents behind an address says
// nothing about it: there is only one in all lines, or the lines are few, and none of
// them shows a public address.
func (t *surveyTotals) isTooSmallForAgents() bool {
	return t.agents < 2 || t.visitors <= fewLines && t.public == 0
}

// A roleRule gives an address its role if it fits.
type roleRule struct {
	role role
	why  string
	fits func(*candidate) bool
	// weak: a task of the edge would look the same, unless the address speaks
	// several versions of HTTP.
	weak bool
}

// roleRules give an address its role. The first one that fits decides; an
// address that none fits has no role.
//
// A node of the NLB speaks the PROXY protocol or writes nothing. A task of the
// edge writes forwarded headers. Where neither shows, nodes are the few addresses
// that carry most requests, of many user agents.
var roleRules = [...]roleRule{
	{nlbNode, "a hop on nginx's own host names it in place of the client", func(c *candidate) bool {
		return c.local > 0 && c.local == c.client && (c.agents >= 2 || c.log.agents < 2)
	}, false},
	{ownClient, "it speaks the PROXY protocol, but few requests come through it", func(c *candidate) bool {
		return c.named > 0 && isFew(c.named, c.log.named) && c.agents < manyAgents
	}, false},
	{nlbNode, "it speaks the PROXY protocol", func(c *candidate) bool {
		return c.named > 0
	}, false},
	{nlbNode, "nginx took client addresses from it, and no header holds them", func(c *candidate) bool {
		return c.replaced > 0 && c.visitors > 0 && c.behind == 0 && c.header*2 < c.visitors
	}, false},
	{nlbNode, "it sends PROXY protocol headers that nginx does not expect", func(c *candidate) bool {
		return c.unheard > 0 && c.unheard >= c.visitors
	}, false},
	{edgeTask, "the hop before logged the same requests", func(c *candidate) bool {
		return c.behind > c.front
	}, false},
	{nlbNode, "the hop behind logged the same requests", func(c *candidate) bool {
		return c.front > c.behind
	}, false},
	{edgeTask, "it sends forwarded headers, and an NLB sends none", func(c *candidate) bool {
		return isNearlyAll(c.header, c.visitors)
	}, false},
	{edgeTask, "forwarded headers name it behind a client", func(c *candidate) bool {
		return c.handedOn > c.visitors && c.alone*10 < c.handedOn
	}, false},
	{edgeTask, "it speaks HTTP/1.0, as nginx does to an upstream", func(c *candidate) bool {
		return isNearlyAll(c.http10, c.visitors)
	}, false},
	{ownClient, "it reaches nginx without the NLB, which speaks the PROXY protocol", func(c *candidate) bool {
		return c.broken > 0 && c.visitors <= 0 && isFew(c.broken, c.log.named)
	}, false},
	{nlbNode, "nginx waits for its PROXY protocol header", func(c *candidate) bool {
		return c.broken > 0 && c.visitors <= 0
	}, false},
	{nlbNode, "it sends the NLB's health checks", func(c *candidate) bool {
		return c.checks > 0 && c.client == 0
	}, false},
	{ownClient, "it is a client of the chain", func(c *candidate) bool {
		return c.client > 0 || c.addr.IsLoopback() && c.browsers == 0
	}, false},
	{hopOnHost, "browsers come from it, and no visitor has a loopback address", func(c *candidate) bool {
		return c.addr.IsLoopback()
	}, false},
	{nlbNode, "much of the traffic comes through it", func(c *candidate) bool {
		return c.seen > 0 && float64(c.seen) >= dominantShare*float64(c.log.visitors) && (c.agents >= 2 || c.log.isTooSmallForAgents())
	}, true},
	{nlbNode, "many user agents come through it", func(c *candidate) bool {
		return c.seen > 0 && c.agents >= manyAgents
	}, true},
	{ownClient, "few user agents come through it", func(c *candidate) bool {
		return c.seen > 0
	}, false},
	{nlbNode, "it is logged where nginx refused a request early", func(c *candidate) bool {
		return c.refused > 0
	}, false},
	{ownClient, "its requests come at a fixed pace", func(c *candidate) bool {
		return c.paced > 0
	}, false},
}

// isFew reports whether n is less than a hundredth of all.
func isFew(n, all int64) bool { return n*100 < all }

// isNearlyAll reports whether n is nearly all of all, and not nothing.
func isNearlyAll(n, all int64) bool { return n > 0 && float64(n) >= nearlyAll*float64(all) }

// findRole finds the role of an address and the rule that gives it; nil if it has
// none.
func (c *candidate) findRole() (role, *roleRule) {
	for i := range roleRules {
		if rule := &roleRules[i]; rule.fits(c) {
			return rule.role, rule
		}
	}
	return 0, nil
}

// Roles says what the private addresses are, the most frequent first.
func (s *Survey) Roles() Roles {
	roles := Roles{Probes: probesOf(s.paces), CDN: s.cdn()}
	paced := map[netip.Addr]int64{}
	for _, probe := range roles.Probes {
		paced[probe.Peer] += probe.Lines
	}
	lists := map[role]*[]Peer{nlbNode: &roles.NLB, edgeTask: &roles.Edge, ownClient: &roles.Internal, hopOnHost: &roles.OnHost}
	totals := s.totals(paced)
	for _, slot := range s.peers.slots {
		one := newCandidate(slot.key, slot.value, paced[slot.key], totals)
		as, rule := one.findRole()
		if rule == nil {
			continue
		}
		*lists[as] = append(*lists[as], Peer{
			Address: one.addr, Lines: one.lines + one.handedOn, UserAgents: one.agents, Why: rule.why,
			Weak:   rule.weak && one.protocols.estimate() < 2,
			asPeer: max(one.lines, one.broken), byTraffic: rule.weak,
		})
	}
	for _, peers := range lists {
		slices.SortFunc(*peers, func(a, b Peer) int {
			return cmp.Or(cmp.Compare(b.Lines, a.Lines), a.Address.Compare(b.Address))
		})
	}
	return roles
}

func newCandidate(addr netip.Addr, p *peerEvidence, paced int64, log surveyTotals) *candidate {
	visitors := p.ordinary - paced
	return &candidate{
		peerEvidence: p, addr: addr, paced: paced,
		visitors: visitors, seen: visitors + p.handedOn, agents: p.agents.estimate(), log: log,
	}
}

func (s *Survey) totals(paced map[netip.Addr]int64) surveyTotals {
	t := surveyTotals{visitors: s.lines, public: s.public, agents: s.agents.estimate()}
	for _, n := range paced {
		t.visitors -= n
	}
	for _, slot := range s.peers.slots {
		t.named += slot.value.named
	}
	return t
}

// cdn returns the networks that pass on other clients than themselves, if these
// are most of what reaches the NLB and too many for a visitor's trick.
func (s *Survey) cdn() []netip.Prefix {
	const minClients, minUserAgents = 3, 3
	var networks []netip.Prefix
	var lines int64
	for _, slot := range s.fronts.slots {
		f := slot.value
		if isNearlyAll(f.header, f.lines) && f.clients.estimate() >= minClients && f.agents.estimate() >= minUserAgents {
			networks = append(networks, slot.key)
			lines += f.header
		}
	}
	if lines*2 < s.fronted {
		return nil
	}
	slices.SortFunc(networks, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	return networks
}

// Drop takes out what chain says otherwise about: clients of your own, nodes of
// the NLB that look like the edge's tasks, and tasks that look like nodes.
func (r *Roles) Drop(chain clientip.Chain) {
	names := func(set clientip.Addresses, addr netip.Addr) bool {
		return slices.Contains(set.Prefixes, netip.PrefixFrom(addr, addr.BitLen()))
	}
	r.NLB = slices.DeleteFunc(r.NLB, func(p Peer) bool {
		return chain.Internal.Contains(p.Address) || names(chain.Trusted, p.Address)
	})
	r.Edge = slices.DeleteFunc(r.Edge, func(p Peer) bool {
		return chain.Internal.Contains(p.Address) || names(chain.NLB, p.Address)
	})
}

// SameChain reports whether r and other have the same addresses of the chain, so that
// lines read with one of them are judged as with the other.
func (r *Roles) SameChain(other *Roles) bool {
	addresses := func(peers []Peer) []netip.Addr {
		var list []netip.Addr
		for _, p := range peers {
			list = append(list, p.Address)
		}
		slices.SortFunc(list, netip.Addr.Compare)
		return list
	}
	return slices.Equal(addresses(r.NLB), addresses(other.NLB)) && slices.Equal(addresses(r.Edge), addresses(other.Edge)) &&
		slices.Equal(r.CDN, other.CDN) && len(r.Probes) == len(other.Probes)
}
