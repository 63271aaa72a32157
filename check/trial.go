package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"clearhop/diagnose"
	"clearhop/hop"
	"clearhop/internal/terminal"
	"clearhop/record"
	"clearhop/verdict"
)

// settings are the ways to set a target group, the likelier ones first.
var settings = []record.TargetGroup{
	{ProxyProtocolV2: true},
	{},
	{PreserveClientIP: true},
	{ProxyProtocolV2: true, PreserveClientIP: true},
}

// bestTrial tries the ways to set the target group and returns the one that explains the
// log best. others are those that AWS rules out, and that explain it better than all that
// it does not.
func (x *comparer) bestTrial() (best *trial, others []*trial, err error) {
	var allowed, ruledOut []*trial
	for _, g := range settings {
		confirmed := slices.ContainsFunc(x.report.Chain.TargetGroups, func(o record.TargetGroup) bool {
			return o.ProxyProtocolV2 == g.ProxyProtocolV2 && o.PreserveClientIP == g.PreserveClientIP
		})
		for _, nodes := range families(x.chain.NLB) {
			t, err := x.try(g, nodes)
			if err != nil {
				return nil, nil, err
			}
			if t.confirmed = confirmed; confirmed || len(x.report.Chain.TargetGroups) == 0 {
				allowed = append(allowed, t)
			} else {
				ruledOut = append(ruledOut, t)
			}
		}
	}
	best = slices.MinFunc(allowed, byDifferences)
	if len(best.differences) > 0 {
		for _, t := range ruledOut {
			if len(t.differences) == 0 && len(t.open) == 0 {
				others = append(others, t)
			}
		}
	}
	return best, others, nil
}

// byDifferences orders trials by how well they explain the log. Of two that do so alike,
// one that can be judged comes first.
func byDifferences(a, b *trial) int {
	unjudged := func(t *trial) int {
		if t.state == diagnose.Unknown {
			return 1
		}
		return 0
	}
	return cmp.Or(len(a.differences)-len(b.differences), len(a.open)-len(b.open), a.unseen-b.unseen, unjudged(a)-unjudged(b))
}

// families returns the NLB with the nodes of each IP family, of which one reaches the
// targets of a group.
func families(n hop.NLB) []hop.NLB {
	var four, six hop.NLB
	for _, a := range n.Addresses {
		if a.Is4() {
			four.Addresses = append(four.Addresses, a)
		} else {
			six.Addresses = append(six.Addresses, a)
		}
	}
	if len(four.Addresses) == 0 || len(six.Addresses) == 0 {
		return []hop.NLB{n}
	}
	return []hop.NLB{n, four, six}
}

// try predicts what the chain logs with one way to set the target group.
func (x *comparer) try(g record.TargetGroup, nodes hop.NLB) (*trial, error) {
	t := &trial{chain: *x.chain}
	t.chain.NLB = nodes
	t.chain.NLB.ProxyProtocolV2, t.chain.NLB.PreserveClientIP = g.ProxyProtocolV2, g.PreserveClientIP
	r, report, err := simulated(&t.chain)
	if err != nil {
		return nil, err
	}
	t.run, t.state = r, r.state(report)
	for i := range report.Findings {
		f := &report.Findings[i]
		one := fault{hop: f.Hop.String(), codes: []string{f.Code.String()}, isOpen: isVisitors(f.Code)}
		for _, a := range f.Alternatives {
			one.codes = append(one.codes, a.Code.String())
		}
		t.faults = append(t.faults, one)
	}
	result := &Result{Visitors: r.table()}
	result.addForgeries(r)
	for _, f := range result.Findings {
		t.faults = append(t.faults, fault{hop: f.Hop, codes: []string{f.Code}, isOpen: true})
	}
	x.differ(t)
	return t, nil
}

// differ finds what only the log shows, and what only the configurations do.
func (x *comparer) differ(t *trial) {
	for i := range x.shown {
		f := &x.shown[i]
		switch {
		case !x.isHeld(f.hop, f.codes), slices.ContainsFunc(t.faults, f.shares):
		case f.isOpen:
			t.open = append(t.open, *f)
		default:
			t.differences = append(t.differences, Difference{File: x.fileOf(f.hop), Hop: f.hop, Code: f.codes[0], InLog: true})
		}
	}
	for i := range t.faults {
		f := &t.faults[i]
		if !x.isHeld(f.hop, f.codes) || slices.ContainsFunc(x.shown, f.shares) {
			continue
		}
		t.unseen++
		if f.isOpen || x.isNoted(f.codes) || !x.canShow(f) {
			continue
		}
		t.differences = append(t.differences, Difference{File: x.fileOf(f.hop), Hop: f.hop, Code: f.codes[0]})
	}
}

// isHandedOn reports whether only the log of the hop behind shows a fault of the edge.
func isHandedOn(codes []string) bool { return strings.HasPrefix(codes[0], "edge_handed_on_") }

// isHeld reports whether the configurations that are given decide about a fault.
func (x *comparer) isHeld(hop string, codes []string) bool {
	last := len(x.chain.Confs) - 1
	switch {
	case hop == verdict.Web.String():
		return last > 0 && !x.chain.unjudged[last]
	case isHandedOn(codes):
		return last > 0 && !x.chain.unjudged[last] && !x.without
	}
	return !x.without
}

// canShow reports whether the lines of a hop were given that would show a fault.
func (x *comparer) canShow(f *fault) bool {
	h := verdict.Edge
	if f.hop == verdict.Web.String() || isHandedOn(f.codes) {
		h = verdict.Web
	}
	return x.hasLog(h)
}

func (x *comparer) isNoted(codes []string) bool {
	return slices.ContainsFunc(x.report.Noted, func(n diagnose.Note) bool { return slices.Contains(codes, n.Code.String()) })
}

// fileOf returns the configuration of a hop, as it was given.
func (x *comparer) fileOf(hop string) string {
	if hop == verdict.Web.String() {
		return x.files[len(x.files)-1]
	}
	return x.files[0]
}

// result says what the best trial shows.
func (x *comparer) result(t *trial, others []*trial) (*Comparison, error) {
	c := &Comparison{
		Files: x.files, Agreement: Agrees, Unknowns: t.run.unknown, Differences: t.differences, Confirmed: t.confirmed,
		ProxyProtocolV2: t.chain.NLB.ProxyProtocolV2, PreserveClientIP: t.chain.NLB.PreserveClientIP,
	}
	checked, err := Run(&t.chain)
	if err != nil {
		return nil, err
	}
	c.Assumed = checked.Assumed
	if checked.State == diagnose.Broken {
		c.TargetGroup, c.Fixed = checked.TargetGroup, checked.Fixed
		c.Changes, c.Diff = checked.Changes, checked.Diff
		if x.without {
			c.dropFile(t.chain.Confs[0].Files[0].Name)
		}
	}
	switch {
	case t.state == diagnose.Unknown, len(t.differences) > 0 && len(t.run.unknown) > 0:
		c.Agreement = CannotTell
	case len(t.differences) > 0:
		c.Agreement = Differs
	case len(t.open) > 0:
		c.Agreement = CannotTell
	}
	x.say(c, t, others)
	return c, nil
}

// dropFile leaves out the changes of a file.
func (c *Comparison) dropFile(name string) {
	c.Changes = slices.DeleteFunc(c.Changes, func(ch Change) bool { return ch.File == name })
	if _, rest, ok := strings.Cut(c.Diff, "--- "+name+"\n"); ok {
		before, _, _ := strings.Cut(c.Diff, "--- "+name+"\n")
		if i := strings.Index(rest, "\n--- "); i >= 0 {
			before += rest[i+1:]
		}
		c.Diff = before
	}
}

// say writes the sentences.
func (x *comparer) say(c *Comparison, t *trial, others []*trial) {
	names := strings.Join(x.files, " and ")
	switch {
	case c.Agreement == Agrees && len(x.held()) > 0 && len(c.Changes)+len(c.TargetGroup) > 0:
		c.add("The configuration explains the findings.")
	case c.Agreement == Agrees:
		c.add("The log shows what an nginx logs that runs %s.", names)
	case c.Agreement == CannotTell && len(t.differences) > 0:
		c.add("The log does not show what %s would log, as far as the files say it. What is not known of them may be the reason.", names)
	case c.Agreement == CannotTell && len(t.open) > 0:
		c.add("No fault of %s gives these lines. Perhaps nothing is broken: visitors can have written the headers themselves, or an address is missing in --nlb or --trusted.", names)
	case c.Agreement == CannotTell:
		c.add("The files do not say enough to tell what an nginx logs that runs %s.", names)
		if len(x.files) > 1 {
			c.add("Check that they are given in the order of a request: the edge's file first.")
		}
	default:
		x.sayDifferences(c, t, others)
	}
	if x.isEnded() {
		c.add("Findings that ended are not held against the files: their lines were logged before nginx got a new configuration.")
	}
	if n := len(x.shown) - len(x.held()); n > 0 {
		c.add("The configuration of the hop that has %s is not given. Give the files of both hops, in the order of a request.", terminal.Plural(int64(n), "finding"))
	}
	x.sayFault(c, t)
}

func (c *Comparison) add(format string, args ...any) {
	c.Says = append(c.Says, fmt.Sprintf(format, args...))
}

// held returns the faults of the log that the files decide about.
func (x *comparer) held() []fault {
	return slices.DeleteFunc(slices.Clone(x.shown), func(f fault) bool { return !x.isHeld(f.hop, f.codes) })
}

func (x *comparer) isEnded() bool {
	return slices.ContainsFunc(x.report.Findings, func(f diagnose.Finding) bool { return f.Until != nil })
}

// sayDifferences says that the running nginx cannot run the files, and what it may be.
func (x *comparer) sayDifferences(c *Comparison, t *trial, others []*trial) {
	for _, d := range c.Differences {
		if d.InLog {
			c.add("The running nginx does not run %s: the log shows %s at the %s hop, and an nginx that runs this file does not log that.", d.File, d.Code, d.Hop)
		} else {
			c.add("The running nginx does not run %s: an nginx that runs this file logs %s at the %s hop, and the log does not show that.", d.File, d.Code, d.Hop)
		}
	}
	c.add("These are the usual reasons: the file was changed and nginx was not reloaded; nginx was started with another file (nginx -T prints the one that a start would read); another server block takes the requests; the lines are older than the file.")
	switch {
	case len(others) > 0:
		o := others[0].chain.NLB
		c.add("With proxy_protocol_v2.enabled = %t and preserve_client_ip.enabled = %t the file would explain the log. AWS says that they are not set so: they may have been changed since these lines were logged.", o.ProxyProtocolV2, o.PreserveClientIP)
	case t.confirmed:
		c.add("AWS confirms how the target group is set.")
	default:
		c.add("However the target group is set, these files do not explain the log. If the NLB has several target groups, ask AWS too (--aws).")
	}
}

// sayFault says whether the fault of the files is that of the log.
func (x *comparer) sayFault(c *Comparison, t *trial) {
	switch {
	case len(c.Changes)+len(c.TargetGroup) == 0:
	case c.Agreement == Agrees && len(x.held()) == 0:
		c.add("The files have a fault that this log does not show: it shows with other visitors.")
	case c.Agreement == Differs:
		c.add("The files have a fault of their own, which takes effect at the next reload.")
	}
	if len(c.TargetGroup) > 0 && !t.confirmed && c.Agreement == Agrees {
		c.add("How the target group is set is concluded from the log. --aws asks AWS.")
	}
}
