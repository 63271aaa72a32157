package diagnose

import (
	"slices"

	"clearhop/verdict"
)

// A fault is a cause that enough lines show.
type fault struct {
	cause
	tally *causeTally
	// others are other causes that the same lines allow, and that are fixed in
	// another way. They sit at the edge. Without any the fault is certain.
	others []verdict.Reason
	// began says that lines before it were right.
	began bool
}

// allows reports whether the lines allow another cause.
func (f *fault) allows(other verdict.Reason) bool { return slices.Contains(f.others, other) }

// others returns the other causes that most of the lines allow.
func (c *Counters) others(k cause, n *causeTally) []verdict.Reason {
	var found []verdict.Reason
	for _, other := range verdict.Reasons() { // in a fixed order
		if n.mostAllow(other) && isWorthNaming(k, n, other) && !n.refute(k, other) {
			found = append(found, other)
		}
	}
	if c.peerMayBeEdge(k, n) {
		found = append(found, verdict.EdgeHandedOnNothing)
	}
	if len(found) == 0 && c.mayBeUnknownCDN(k) {
		found = append(found, verdict.CDNInFront)
	}
	if c.mayBeOwnClient(k, n) {
		found = append(found, verdict.OwnClient)
	}
	return found
}

// refute reports whether lines of the same cause, in a format that logs more, show
// that it is not the other one.
func (n *causeTally) refute(k cause, other verdict.Reason) bool {
	without := n.lines - n.alternatives[other]
	return k.reason == verdict.ProxyProtocolOff && other == verdict.RealipNotApplied && without >= concentrateMin && without*10 >= n.lines
}

// isWorthNaming reports whether another cause that the lines allow belongs into
// the report.
func isWorthNaming(k cause, n *causeTally, other verdict.Reason) bool {
	if k.isUnlisted() {
		return false // what else the lines show is a finding of its own, once the address is listed
	}
	switch other {
	case verdict.PrivateLink:
		return k.reason != verdict.ProxyProtocolOff // the fix is the same
	case verdict.HealthCheckProbe:
		return n.agents.estimate() < 3 // a health check has one user agent
	case verdict.EdgeHandedOnNothing:
		return false // peerMayBeEdge decides
	case verdict.RejectedBeforeRealip, verdict.ProxyProtocolNotListened, verdict.PastTheNLB:
		return false // scanners write few such lines, and this is a fault
	}
	return true
}

// peerMayBeEdge reports whether the peer may be a task of the edge that passes no
// client on.
func (c *Counters) peerMayBeEdge(k cause, n *causeTally) bool {
	if n.mostAllow(verdict.EdgeHandedOnNothing) {
		return true
	}
	if k.reason != verdict.ProxyProtocolOff || !c.config.inferredNLB() || len(c.config.Roles.Edge) > 0 {
		return false
	}
	for _, p := range c.config.Roles.NLB {
		if lines := n.peers.known(p.Address); p.Weak && lines != nil && *lines*2 >= n.lines {
			return true
		}
	}
	return false
}

// mayBeUnknownCDN reports whether the address that nginx should not believe may
// be a CDN's that nobody named.
func (c *Counters) mayBeUnknownCDN(k cause) bool {
	return k.reason == verdict.TrustsTooMuch && c.config.inferredTrusted() && len(c.config.Roles.CDN) == 0
}

// mayBeOwnClient reports whether the lines may be those of clients inside the
// network, which were inferred to be nodes of the NLB.
func (c *Counters) mayBeOwnClient(k cause, n *causeTally) bool {
	if k.reason == verdict.UnlistedNode {
		return c.config.Unlisted.areByTraffic()
	}
	if !c.config.inferredNLB() || c.healthy == 0 || n.agents.estimate() >= manyAgents {
		return false
	}
	switch k.reason {
	case verdict.ProxyProtocolOff, verdict.EdgeHandedOnProxy:
		return slices.ContainsFunc(c.config.Roles.NLB, func(p Peer) bool { return p.Weak })
	case verdict.RealipNotApplied:
		// A client that reaches nginx past the NLB can claim any address.
		return k.hop == verdict.Edge && n.named > 0 && len(n.peers.slots) < len(c.config.Roles.NLB)
	}
	return false
}
