package diagnose

import (
	"cmp"
	"net/netip"
	"slices"

	"clearhop/enrich/clientip"
	"clearhop/verdict"
)

// findings makes the findings of a report, in the order of the chain.
func (c *Counters) findings(decided []decision) []Finding {
	// What is a finding of its own is no alternative of another one.
	own := map[cause]bool{}
	for i := range decided {
		own[decided[i].is] = true
	}
	findings := make([]Finding, 0, len(decided))
	for i := range decided {
		d := &decided[i]
		var left []verdict.Reason
		for _, reason := range d.left {
			if reason == d.is.reason || !own[cause{reason, verdict.Edge}] {
				left = append(left, reason)
			}
		}
		findings = append(findings, c.finding(d, left))
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(place(cause{a.Code, a.Hop}), place(cause{b.Code, b.Hop})), cmp.Compare(b.Lines, a.Lines))
	})
	return findings
}

// finding makes one finding; left are the causes that are still possible beside
// it.
func (c *Counters) finding(d *decision, left []verdict.Reason) Finding {
	n, values := d.tally, c.fixValues(d.fault)
	remedy := remedyOf(d.is)
	if d.is.reason == verdict.FieldsDisagree && n.named*2 > n.lines {
		remedy = proxyProtocolDisagrees // only the edge logs a client by the PROXY protocol
	}
	f := Finding{
		Code: d.is.reason, Hop: d.is.hop, Title: remedy.title,
		Certain: len(left) == 0, Why: d.why, FollowsFrom: d.followsFrom,
		Lines: n.lines, Of: c.judgedBeside(d.cause),
		First: timeOf(n.first), Last: timeOf(n.last),
		Peers: c.peerParts(d.cause, n), Sources: c.sourceParts(d.cause),
		Evidence: n.evidence,
		Fix:      d.is.reason.Info().Fix, Steps: remedy.stepsWith(values),
		Joined: joinedOf(d.is, &c.joins.result),
	}
	f.Share = share(f.Lines, f.Of)
	c.setTimes(&f, n)
	for _, reason := range left {
		other := remedyOf(cause{reason, verdict.Edge})
		f.Alternatives = append(f.Alternatives, Alternative{
			Code: reason, Title: other.title, TellApart: tellApart(d.is.reason, reason), Steps: other.stepsWith(values),
		})
	}
	return f
}

// joinedOf returns how many of the requests that both hops logged show a cause.
func joinedOf(k cause, j *Joined) int64 {
	switch {
	case k.hop == verdict.Web:
		return j.Web
	case k.reason == verdict.ProxyProtocolOff:
		return j.BeforeEdge
	case k.reason == verdict.RealipNotApplied:
		return j.EdgeOwnLog + j.EdgeHandsOn
	case k.reason == verdict.EdgeHandedOnProxy, k.reason == verdict.EdgeHandedOnNothing:
		return j.EdgeHandsOn + j.BeforeEdge
	}
	return 0
}

// changeMin is how many lines before or after a fault would show it, if it had
// been there, for the report to say that it began or ended.
const changeMin = 5

// setTimes says when a fault began or ended in the middle of the log.
func (c *Counters) setTimes(f *Finding, n *causeTally) {
	if n.first == 0 || c.right.width == 0 {
		return
	}
	before, after := c.right.before(n.first), c.right.after(n.last+1)
	within := max(c.faulty+c.healthy-before-after, 1)
	share := share(n.lines, within)
	if float64(before)*share >= changeMin {
		f.Since, f.RightBefore = &f.First, before
	}
	if float64(after)*share >= changeMin {
		f.Until, f.RightAfter = &f.Last, after
	}
}

const maxParts = 5

// peerParts lists the peers that show a cause and, where the peer is known for
// all lines, those that do not.
func (c *Counters) peerParts(k cause, n *causeTally) []Part {
	allKnown := n.proven == n.lines
	var parts []Part
	for _, s := range n.peers.slots {
		part := Part{Name: s.key.String(), Lines: *s.value}
		if !clientip.IsPrivate(s.key) {
			part.Name = redactedToken(part.Name)
		}
		if p := c.peers.known(s.key); p != nil && allKnown {
			part.Of = p.judged
		}
		parts = append(parts, part)
	}
	if allKnown {
		for _, s := range c.peers.slots {
			if s.value.judged > 0 && n.peers.known(s.key) == nil && c.isPeerOf(k, s.key) {
				parts = append(parts, Part{Name: s.key.String(), Of: s.value.judged})
			}
		}
	}
	return topParts(parts)
}

// isPeerOf reports whether the hop that shows a cause has a peer of this role.
func (c *Counters) isPeerOf(k cause, peer netip.Addr) bool {
	switch k.reason {
	case verdict.EdgeHandedOnProxy, verdict.EdgeHandedOnNothing:
		return c.isEdge(peer) // the hop behind the edge shows it
	case verdict.FieldsDisagree:
		return false // either hop can show it
	}
	if k.hop == verdict.Web {
		return c.isEdge(peer)
	}
	return c.config.Chain.IsNode(peer)
}

func (c *Counters) sourceParts(k cause) []Part {
	if len(c.sources) < 2 {
		return nil
	}
	var parts []Part
	for _, s := range c.sources {
		if s.causes[k] > 0 {
			parts = append(parts, Part{Name: s.name, Lines: s.causes[k], Of: s.judged})
		}
	}
	return topParts(parts)
}

func topParts(parts []Part) []Part {
	slices.SortFunc(parts, func(a, b Part) int {
		return cmp.Or(cmp.Compare(b.Lines, a.Lines), cmp.Compare(b.Of, a.Of), cmp.Compare(a.Name, b.Name))
	})
	return parts[:min(len(parts), maxParts)]
}

// fixValues collects what the steps of a fault's fix fill in. Where no address of
// the chain is known, the peers that show the fault stand in.
func (c *Counters) fixValues(f *fault) *fixValues {
	v := &fixValues{nlb: c.config.Chain.AllNLB().Texts(), groups: c.config.TargetGroups}
	var edge clientip.Addresses
	for _, prefix := range c.config.Chain.Trusted.Prefixes {
		if clientip.IsPrivate(prefix.Addr()) {
			edge.Prefixes = append(edge.Prefixes, prefix)
		}
	}
	v.edge = edge.Texts()
	var seen []string
	for _, s := range f.tally.peers.slots {
		if isInside(s.key) {
			seen = append(seen, s.key.String())
		}
	}
	slices.Sort(seen)
	if len(v.nlb) == 0 && f.hop == verdict.Edge {
		v.nlb = seen
	}
	if len(v.edge) == 0 && f.hop == verdict.Web {
		v.edge = seen
	}
	return v
}
