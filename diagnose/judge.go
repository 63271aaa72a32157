package diagnose

import (
	"cmp"
	"slices"

	"clearhop/verdict"
)

// Report judges what was counted, in four steps: which causes enough lines show
// (threshold.go), which other causes the same lines allow (fault.go), which of
// them it is (decide.go), and what to do about it (finding.go, fix.go).
func (c *Counters) Report() *Report {
	faults, noted := c.faults()
	findings := c.findings(c.facts().decide(faults))
	r := &Report{
		State:    c.state(findings),
		Findings: findings,
		Noted:    noted,
		Missing:  c.missing(),
		Unnamed:  c.unnamed(),
		Advice:   c.advice(),
		Read:     c.read,
		Sources:  c.sourceList(faults),
		Chain:    c.chain(),
		Joined:   c.joined(),
	}
	if c.first != 0 {
		first, last := timeOf(c.first), timeOf(c.last)
		r.Read.First, r.Read.Last = &first, &last
	}
	return r
}

func (c *Counters) state(findings []Finding) State {
	switch {
	case slices.ContainsFunc(findings, func(f Finding) bool { return !f.mayBeNothing() }):
		return Broken
	case len(findings) > 0:
		return Uncertain
	case c.read.Doubtful > 0:
		return Unknown
	case c.read.Judged > 0:
		return Healthy
	}
	return Unknown
}

// faults returns the causes that enough lines show, in the order of the chain,
// and notes on those that too few lines show.
func (c *Counters) faults() ([]fault, []Note) {
	var faults []fault
	var noted []Note
	for k, n := range c.causes {
		if c.isFault(k, n) {
			before, _ := c.rightAround(n)
			faults = append(faults, fault{cause: k, tally: n, others: c.others(k, n), began: before > 0})
		} else {
			noted = append(noted, note(k.reason, n.lines, c.whyNoFault(k, n)))
		}
	}
	if n := c.read.PastNLB; n > 0 {
		noted = append(noted, note(verdict.PastTheNLB, n, "it spoke no PROXY protocol, and nginx refused it as it should"))
	}
	slices.SortFunc(faults, func(a, b fault) int {
		return cmp.Or(cmp.Compare(place(a.cause), place(b.cause)), cmp.Compare(a.hop, b.hop))
	})
	slices.SortFunc(noted, func(a, b Note) int {
		return cmp.Or(cmp.Compare(b.Lines, a.Lines), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Why, b.Why))
	})
	return faults, noted
}

func note(reason verdict.Reason, lines int64, why string) Note {
	return Note{Code: reason, Lines: lines, Means: reason.Info().Means, Why: why}
}

// order is the order of the reasons along the chain. What is to be fixed first
// comes first.
var order = [...]verdict.Reason{
	verdict.UnlistedNode, verdict.UnlistedProxy,
	verdict.ProxyProtocolNotSent, verdict.ProxyProtocolNotListened, verdict.ProxyProtocolOff,
	verdict.RealipNotApplied, verdict.TrustsTooMuch, verdict.FieldsDisagree,
	verdict.EdgeHandedOnProxy, verdict.EdgeHandedOnNothing,
}

// place returns the place of a cause in the chain: all of the edge's come before
// those of the web hop.
func place(k cause) int {
	i := slices.Index(order[:], k.reason)
	if k.hop == verdict.Web {
		i += len(order)
	}
	return i
}

// sourceList lists the sources. A line of one counts as faulty if its cause is
// one of faults.
func (c *Counters) sourceList(faults []fault) []Source {
	var list []Source
	for _, s := range c.sources {
		var faulty int64
		for _, f := range faults {
			faulty += s.causes[f.cause]
		}
		// A line may show two faults.
		list = append(list, Source{Name: s.name, Hop: s.hop(), Lines: s.access, Faulty: min(faulty, s.faulty)})
	}
	return list
}

func (c *Counters) chain() Chain {
	nlb, proxies := c.config.Chain, c.config.Chain.Trusted
	if c.config.Roles != nil && c.config.GivenNLB {
		nlb.NLB = c.config.givenNLB
	}
	if c.config.Roles != nil && c.config.GivenTrusted {
		proxies = c.config.givenTrusted
	}
	return Chain{
		InferredNLB: c.config.inferredNLB(), InferredTrusted: c.config.inferredTrusted(),
		NLB: nlb.AllNLB(), Trusted: proxies, Unlisted: c.config.Unlisted,
		Roles: c.config.Roles, TargetGroups: c.config.TargetGroups,
	}
}

func (c *Counters) joined() *Joined {
	if c.joins.result.Requests == 0 {
		return nil
	}
	joined := c.joins.result
	return &joined
}
