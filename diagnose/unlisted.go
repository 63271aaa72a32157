package diagnose

import (
	"net/netip"
	"slices"

	"clearhop/enrich/clientip"
	"clearhop/record"
	"clearhop/verdict"
)

// Unlisted are addresses that behave like a part of the chain and that the sets
// given leave out: an Availability Zone was added, the NLB was created again, or
// the edge has new tasks.
type Unlisted struct {
	NLB  []Peer `json:"nlb,omitempty"`
	Edge []Peer `json:"edge,omitempty"`
}

const (
	// minUnlisted is how many lines an address has at least that is unlisted. One
	// line is a trick of somebody inside the network.
	minUnlisted = 2
	// someAgents is how many user agents an address has at least that only the
	// number of requests makes a node, where no node of the given ones shows.
	// Where one shows, it takes manyAgents.
	someAgents = 3
)

// addUnlisted finds the addresses that the sets given leave out. If one of them
// does what only its role does, they are added to the sets, so that the rest of
// the report is about the chain as it is now.
func (c *Config) addUnlisted(roles *Roles) {
	c.Unlisted = Unlisted{}
	given := c.Chain
	c.givenNLB, c.givenTrusted = given.NLB, given.Trusted
	agents := someAgents
	if slices.ContainsFunc(roles.NLB, func(p Peer) bool { return given.IsNode(p.Address) }) {
		agents = manyAgents
	}
	find := func(peers []Peer, set *clientip.Addresses) (unlisted []Peer) {
		set.Prefixes = slices.Clone(set.Prefixes)
		for _, p := range peers {
			switch {
			case given.IsProxy(p.Address), given.Internal.Contains(p.Address), p.asPeer < minUnlisted:
				continue
			case p.byTraffic && p.UserAgents < agents:
				continue
			}
			unlisted = append(unlisted, p)
		}
		// Where one is surely a node, the others are no clients of your own.
		if slices.ContainsFunc(unlisted, func(p Peer) bool { return !p.byTraffic }) {
			for _, p := range unlisted {
				set.Add(p.Address)
			}
		}
		return unlisted
	}
	if c.GivenNLB && !c.Chain.Inferred {
		c.Unlisted.NLB = find(roles.NLB, &c.Chain.NLB)
	}
	if c.GivenTrusted {
		c.Unlisted.Edge = find(roles.Edge, &c.Chain.Trusted)
	}
}

// holds reports whether addr is one of the unlisted, and the reason of a finding
// about it.
func (u *Unlisted) holds(addr netip.Addr) (verdict.Reason, bool) {
	is := func(p Peer) bool { return p.Address == addr }
	switch {
	case slices.ContainsFunc(u.NLB, is):
		return verdict.UnlistedNode, true
	case slices.ContainsFunc(u.Edge, is):
		return verdict.UnlistedProxy, true
	}
	return verdict.NoReason, false
}

// addUnlistedLine counts a line whose peer the sets given leave out, and the lines
// that show an address of the NLB that was given.
func (c *Counters) addUnlistedLine(t *Tally, r *record.Record, remote netip.Addr) {
	peer := address(r.Access.RealipRemoteAddr)
	if !peer.IsValid() {
		peer = remote
	}
	if !peer.IsValid() {
		return
	}
	if given := &c.config.givenNLB; c.config.GivenNLB && (given.Contains(peer) || given.Contains(remote)) {
		c.nlbSeen++
	}
	reason, unlisted := c.config.Unlisted.holds(peer)
	if !unlisted || t.Reason == reason {
		return
	}
	shown := *t
	shown.Reason, shown.Hop, shown.Alternatives, shown.Peer = reason, verdict.NoHop, nil, peer
	c.addCause(cause{reason, verdict.NoHop}, &shown, r)
}

// areByTraffic reports whether the unlisted nodes have their role only because
// many requests come through them, which may be those of your own clients too.
func (u *Unlisted) areByTraffic() bool {
	return len(u.NLB) > 0 && !slices.ContainsFunc(u.NLB, func(p Peer) bool { return !p.byTraffic })
}

// isUnlistedFault reports whether enough lines show an address that the sets
// leave out. A single one may be forged by somebody inside the network.
func (c *Counters) isUnlistedFault(k cause, n *causeTally) bool {
	return n.lines >= systematicMin || n.lines >= minUnlisted && c.isMoreThanVisitors(k, n)
}
