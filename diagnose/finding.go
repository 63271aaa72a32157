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
	// What is a finding of its own is no alternative of another one, unless other
	// peers show it.
	own := map[cause]*causeTally{}
	for i := range decided {
		own[decided[i].is] = decided[i].tally
	}
	findings := make([]Finding, 0, len(decided))
	for i := range decided {
		d := &decided[i]
		var left []verdict.Reason
		for _, reason := range d.left {
			n := own[cause{reason, verdict.Edge}]
			if reason == d.is.reason || n == nil || d.is.hop == verdict.Edge && d.cause.hop == verdict.Edge && !n.sharesPeers(d.tally) {
				left = append(left, reason)
			}
		}
		findings = addFinding(findings, c.finding(d, left))
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(place(cause{a.Code, a.Hop}), place(cause{b.Code, b.Hop})), cmp.Compare(b.Lines, a.Lines))
	})
	setSameFix(findings)
	return findings
}

// addFinding adds a finding to the others. Lines in two formats can show one
// cause at one hop: that is one finding.
func addFinding(findings []Finding, f Finding) []Finding {
	i := slices.IndexFunc(findings, func(other Finding) bool {
		return other.Code == f.Code && other.Hop == f.Hop && other.Certain && f.Certain && other.Title == f.Title
	})
	if i < 0 {
		return append(findings, f)
	}
	all := &findings[i]
	all.Lines += f.Lines
	all.Of = max(all.Of, f.Of, all.Lines)
	all.Share = shareOf(all.Lines, all.Of)
	all.Peers, all.Sources = addParts(all.Peers, f.Peers), addParts(all.Sources, f.Sources)
	evidence := append(slices.Clone(all.Evidence[:min(len(all.Evidence), 1)]), f.Evidence...)
	all.Evidence = evidence[:min(len(evidence), maxEvidence)]
	all.Why = cmp.Or(all.Why, f.Why)
	all.RestsOnGuess = all.RestsOnGuess && f.RestsOnGuess
	all.Joined = max(all.Joined, f.Joined)
	if f.First.Before(all.First) {
		all.First, all.Since, all.RightBefore = f.First, f.Since, f.RightBefore
	}
	if f.Last.After(all.Last) {
		all.Last, all.Until, all.RightAfter = f.Last, f.Until, f.RightAfter
	}
	return findings
}

// addParts joins two lists of parts.
func addParts(all, more []Part) []Part {
	for _, p := range more {
		i := slices.IndexFunc(all, func(other Part) bool { return other.Name == p.Name })
		if i < 0 {
			all = append(all, p)
			continue
		}
		known := all[i].Of > 0 && p.Of > 0
		all[i].Lines += p.Lines
		if all[i].Of = max(all[i].Of, p.Of, all[i].Lines); !known {
			all[i].Of = 0
		}
	}
	return topParts(all)
}

// setSameFix finds the findings whose steps are those of an earlier one.
func setSameFix(findings []Finding) {
	for i := range findings {
		for k := range findings[:i] {
			a, b := &findings[k], &findings[i]
			if a.Certain && b.Certain && a.Hop == b.Hop && sameSteps(a.Steps, b.Steps) {
				b.SameFix = a.Code
				break
			}
		}
	}
}

// sameSteps reports whether two lists of steps change the same lines, and takes
// the notes of b over to a if they do.
func sameSteps(a, b []Step) bool {
	same := slices.EqualFunc(a, b, func(a, b Step) bool { return a.Where == b.Where && slices.Equal(a.Lines, b.Lines) })
	for i := range a {
		if same && len(b[i].Note) > len(a[i].Note) {
			a[i].Note = b[i].Note
		}
	}
	return same && len(a) > 0
}

// finding makes one finding; left are the causes that are still possible beside
// it.
func (c *Counters) finding(d *decision, left []verdict.Reason) Finding {
	n, values := d.tally, c.fixValues(d.fault, left)
	remedy := remedyOf(d.is)
	if d.is.reason == verdict.FieldsDisagree && n.named*2 > n.lines {
		remedy = proxyProtocolDisagrees // only the edge logs a client by the PROXY protocol
	}
	if n.isBehindLocalHop() && (d.is.reason == verdict.ProxyProtocolOff || d.is.reason == verdict.EdgeHandedOnNothing) {
		remedy = localHop
		// One change is right for whatever else these lines allow at this hop.
		left = slices.DeleteFunc(slices.Clone(left), func(reason verdict.Reason) bool { return reason.IsFault() })
	}
	f := Finding{
		Code: d.is.reason, Hop: d.is.hop, Title: remedy.title,
		Certain: len(left) == 0, RestsOnGuess: n.restsOnGuess(), Why: d.why, FollowsFrom: d.followsFrom,
		Lines: n.lines, Of: c.judgedBeside(d.cause),
		First: timeOf(n.first), Last: timeOf(n.last),
		Peers: c.peerParts(d.cause, n), Sources: c.sourceParts(d.cause),
		Evidence: n.evidence,
		Fix:      d.is.reason.Info().Fix, Steps: remedy.stepsWith(values),
		Joined: joinedOf(d.is, &c.joins.result),
	}
	if d.is.isUnlisted() {
		f.HealthChecks = n.checks // they are not among the judged lines
		f.Of += n.checks
		for i := range f.Peers {
			if f.Peers[i].Lines > 0 {
				f.Peers[i].Of = 0
			}
		}
	}
	f.Of = max(f.Of, f.Lines)
	f.Share = shareOf(f.Lines, f.Of)
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
	case k.hop == verdict.Web && k.reason == verdict.TrustsTooMuch:
		return j.WebOther
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
	before, after := c.rightAround(n)
	first, last := timeOf(n.first), timeOf(n.last)
	if before > 0 {
		f.Since, f.RightBefore = &first, before
	}
	if after > 0 {
		f.Until, f.RightAfter = &last, after
	}
}

// rightAround counts the lines that were right before a fault began and after it
// ended; 0 where they are too few to say that it did.
func (c *Counters) rightAround(n *causeTally) (before, after int64) {
	return c.right.around(n.first, n.last, n.lines, c.faulty+c.healthy)
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
	case verdict.EdgeHandedOnProxy, verdict.EdgeHandedOnNothing, verdict.UnlistedProxy:
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
// the chain is known, the peers that show the fault stand in. left are the causes
// that are possible beside it: an address that may be a client's of your own must
// not be trusted.
func (c *Counters) fixValues(f *fault, left []verdict.Reason) *fixValues {
	v := &fixValues{nlb: c.config.Chain.AllNLB().Texts(), groups: c.config.TargetGroups}
	if c.config.GivenNLB && c.nlbSeen == 0 && len(c.config.Unlisted.NLB) > 0 {
		v.gone = c.config.givenNLB.Texts()
		v.nlb = slices.DeleteFunc(v.nlb, func(text string) bool { return slices.Contains(v.gone, text) })
	}
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
	if slices.Contains(left, verdict.OwnClient) {
		v.disputed = seen
		v.nlb = slices.DeleteFunc(v.nlb, func(text string) bool { return slices.Contains(seen, text) })
		return v
	}
	v.addPeers(f.cause, seen)
	return v
}

// addPeers fills in the peers that show a fault.
func (v *fixValues) addPeers(k cause, seen []string) {
	switch {
	case k.reason == verdict.UnlistedNode:
		v.nlb = union(v.nlb, seen)
	case k.reason == verdict.UnlistedProxy:
		v.edge = union(v.edge, seen)
	case len(v.nlb) == 0 && k.hop == verdict.Edge:
		v.nlb = seen
	case len(v.edge) == 0 && k.hop == verdict.Web:
		v.edge = seen
	}
}

// union returns a followed by those of b that it does not hold.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, text := range b {
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}
