package check

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"clearhop/diagnose"
	"clearhop/hop"
	"clearhop/nginxconf"
)

// A Result is what a chain would log. Programs rely on the names in the JSON.
type Result struct {
	State diagnose.State `json:"state"`
	// Visitors are what each hop would log of each kind of visitor.
	Visitors []Visitor `json:"visitors"`
	// Findings are the doctor's, of the lines that the hops would log.
	Findings []Finding `json:"findings"`
	// TargetGroup is set where an attribute of the target group is at fault.
	TargetGroup []string `json:"target_group,omitempty"`
	// Changes put the configurations right, Diff is the same as a unified diff. Fixed
	// says that the chain is right with them.
	Changes []Change `json:"changes,omitempty"`
	Diff    string   `json:"diff,omitempty"`
	Fixed   bool     `json:"fixed"`
	// Warnings are no fault of this chain, and deserve attention.
	Warnings []string `json:"warnings,omitempty"`
	// Assumed are facts that nobody gave.
	Assumed []string `json:"assumed,omitempty"`
	// Unknowns are what the configurations do not say.
	Unknowns []nginxconf.Unknown `json:"unknowns,omitempty"`
}

// A Visitor is a kind of simulated visitor.
type Visitor struct {
	Kind string     `json:"kind"`
	From netip.Addr `json:"from,omitzero"`
	Hops []Logged   `json:"hops"`
}

// A Logged is what one hop would log of a visitor.
type Logged struct {
	Conf string `json:"conf"`
	// RemoteAddr is $remote_addr, or "" where no request is logged.
	RemoteAddr string `json:"remote_addr,omitempty"`
	Who        Who    `json:"who"`
	Path       string `json:"path,omitempty"` // of the request, where other paths are logged otherwise
}

// A Who says whose address is logged.
type Who string

// Whose address a hop logs.
const (
	TheVisitor Who = "visitor" // as it should be
	TheForger  Who = "forged"  // the address that the visitor wrote
	TheNLB     Who = "nlb"
	AProxy     Who = "proxy"   // the edge, or another hop
	Refused    Who = "refused" // the request is answered with 400, without a client
	Closed     Who = "closed"  // the connection is closed, and only the error log says so
	Nobody     Who = "nobody"  // nobody listens
	NotKnown   Who = "unknown"
	Anybody    Who = "other"
)

// A Finding is what the doctor says of the simulated lines.
type Finding struct {
	Code  string `json:"code"`
	Hop   string `json:"hop"`
	Title string `json:"title"`
}

// rounds bounds how often what was changed is tried and changed further.
const rounds = 5

// Run checks a chain. The error says why it cannot be checked.
func Run(c *Chain) (*Result, error) {
	r, report, err := simulated(c)
	if err != nil {
		return nil, err
	}
	r.noteUnreached(report)
	result := &Result{Visitors: r.table(), Unknowns: r.unknown, Warnings: r.warnings(), Findings: []Finding{}}
	for _, p := range c.Subnets {
		result.Assumed = append(result.Assumed, fmt.Sprintf("Which address of %s the NLB's node has is not given (--nlb). %s is assumed.", p, FirstOf(p)))
	}
	if len(c.Confs) > 1 {
		result.Assumed = append(result.Assumed, r.assumed...)
	}
	if c.NLB.PreserveClientIP && !c.NLB.ProxyProtocolV2 {
		result.Assumed = append(result.Assumed, "Without the PROXY protocol, consumers by PrivateLink and visitors of the other IP family show as the NLB. They are not simulated.")
	}
	for i := range report.Findings {
		f := &report.Findings[i]
		result.Findings = append(result.Findings, Finding{f.Code.String(), f.Hop.String(), f.Title})
	}
	result.State = r.state(report)
	if result.State != diagnose.Broken {
		return result, nil
	}
	result.addForgeries(r)
	wants := !c.NLB.PreserveClientIP || c.NLB.ProxyProtocolV2
	if wants && !c.NLB.ProxyProtocolV2 {
		result.TargetGroup = append(result.TargetGroup, "proxy_protocol_v2.enabled = true")
	}
	return result, result.mend(c, r, wants)
}

// simulated sends the visitors through a chain.
func simulated(c *Chain) (*run, *diagnose.Report, error) {
	r, err := newRun(c)
	if err != nil {
		return nil, nil, err
	}
	r.simulate()
	report, err := r.diagnose()
	return r, report, err
}

// state judges a run: by the doctor, and by the truth, which only a simulation knows.
func (r *run) state(report *diagnose.Report) diagnose.State {
	state := diagnose.Healthy
	for i := range r.seen {
		switch s := &r.seen[i]; r.isWrong(s) {
		case wrong:
			return diagnose.Broken
		case doubtful:
			state = diagnose.Unknown
		}
	}
	switch {
	case len(report.Findings) > 0:
		return diagnose.Broken
	case !slices.ContainsFunc(r.seen, func(s sighting) bool { return s.exchange != nil }), slices.Contains(r.reached, false):
		return diagnose.Unknown
	}
	return state
}

type judgement uint8

const (
	right judgement = iota
	wrong
	doubtful
)

// isWrong judges one sighting by who the visitor really is.
func (r *run) isWrong(s *sighting) judgement {
	var level *nginxconf.Level
	if s.exchange != nil {
		level = s.exchange.Level
	}
	if !r.isJudged(s.hop, level) {
		return right
	}
	if s.exchange == nil && s.answer.Passed != nil {
		return right // a server of stream, whose log is not judged
	}
	switch who := r.who(s); {
	case s.visitor.way == asHealthCheck, who == TheVisitor:
		return right
	case who == NotKnown:
		return doubtful
	case s.visitor.before != "" && (who == Refused || who == Closed):
		return right
	}
	return wrong
}

// who says whose address a sighting shows.
func (r *run) who(s *sighting) Who {
	x := s.exchange
	switch {
	case x == nil && s.answer.Broken:
		return Closed
	case x == nil && s.answer.Refused:
		return Nobody
	case x == nil:
		return NotKnown
	case x.Variable("remote_addr").Unknown != "":
		return NotKnown
	}
	remote := x.Remote()
	switch {
	case x.Request.Refused != 0:
		return Refused
	case remote == s.visitor.from && remote.IsValid():
		return TheVisitor
	case remote == s.visitor.claims && remote.IsValid():
		return TheForger
	case slices.Contains(r.NLB.Addresses, remote):
		return TheNLB
	case s.hop > 0 && remote == x.Peer(), remote == r.edge4, remote == r.edge6, !remote.IsValid():
		return AProxy
	}
	return Anybody
}

// table shows what each hop logs of each kind of visitor. Where the paths differ, the
// first that is wrong stands for all.
func (r *run) table() []Visitor {
	var all []Visitor
	for i := range r.seen {
		s := &r.seen[i]
		if s.exchange == nil && s.answer.Passed != nil {
			continue
		}
		k := slices.IndexFunc(all, func(v Visitor) bool { return v.Kind == s.visitor.kind })
		if k < 0 {
			k = len(all)
			all = append(all, Visitor{Kind: s.visitor.kind, From: s.visitor.from})
		}
		one := Logged{Conf: r.name(s.hop), Who: r.who(s)}
		if s.exchange != nil {
			one.RemoteAddr = s.exchange.Variable("remote_addr").Text
			if one.Who == NotKnown {
				one.RemoteAddr = ""
			}
		}
		all[k].take(one, s.route.path, r.isWrong(s) != right)
	}
	return all
}

// take adds what a hop logs, or replaces what is right by what is wrong.
func (v *Visitor) take(one Logged, path string, isWrong bool) {
	i := slices.IndexFunc(v.Hops, func(l Logged) bool { return l.Conf == one.Conf })
	switch {
	case i < 0:
		v.Hops = append(v.Hops, one)
	case isWrong && v.Hops[i].Who == TheVisitor:
		one.Path = path
		v.Hops[i] = one
	}
}

// addForgeries adds what the lines do not show: that a visitor chose the address.
func (r *Result) addForgeries(of *run) {
	for _, v := range r.Visitors {
		for i, l := range v.Hops {
			if !of.isJudged(i, nil) || l.Who != TheForger || slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == "trusts_too_much" }) {
				continue
			}
			hop := "edge"
			if i > 0 {
				hop = "web"
			}
			r.Findings = append(r.Findings, Finding{"trusts_too_much", hop, "A visitor can choose the address that is logged"})
		}
	}
}

// warnings names trust that is wider than it needs to be.
func (r *run) warnings() []string {
	var all []string
	for i := range r.seen {
		s := &r.seen[i]
		if s.exchange == nil {
			continue
		}
		for _, t := range s.exchange.Level.Trusted() {
			text := fmt.Sprintf("%s: set_real_ip_from %s believes whoever reaches this port past the NLB.", t.At(), t.Text)
			if holdsVisitors(&t) && !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return all
}

// mend finds the changes that put the chain right, and leaves out those that it does not
// need.
func (r *Result) mend(c *Chain, first *run, wants bool) error {
	now := *c
	now.NLB = c.passedOn(wants)
	now.Groups = nil
	var made []edit
	at := first
	for range rounds {
		edits := at.fixes(wants)
		if len(edits) == 0 {
			break
		}
		made = append(made, edits...)
		if err := now.reread(edits); err != nil {
			return err
		}
		next, report, err := simulated(&now)
		if err != nil {
			return err
		}
		if at = next; next.state(report) == diagnose.Healthy {
			break
		}
	}
	files, changes := differences(c, &now)
	changes = c.needed(now.NLB, files, changes)
	r.Fixed = c.isRight(now.NLB, files, changes)
	for i := range changes {
		changes[i].explain(made)
	}
	r.Changes = changes
	for _, f := range files {
		own := slices.DeleteFunc(slices.Clone(changes), func(ch Change) bool { return ch.File != f.Name })
		if len(own) > 0 {
			r.Diff += unified(f.Name, linesOf(f.Text), own)
		}
	}
	return nil
}

// reread makes edits in the configurations and reads them again.
func (c *Chain) reread(edits []edit) error {
	confs := make([]*nginxconf.Config, len(c.Confs))
	for i, conf := range c.Confs {
		next, err := conf.With(apply(conf.Files, edits))
		if err != nil {
			return err
		}
		confs[i] = next
	}
	c.Confs = confs
	return nil
}

// differences compares the files of two chains that differ in their texts only.
func differences(was, is *Chain) ([]*nginxconf.File, []Change) {
	var files []*nginxconf.File
	var changes []Change
	for i, conf := range was.Confs {
		for k, f := range conf.Files {
			if slices.ContainsFunc(files, func(o *nginxconf.File) bool { return o.Name == f.Name }) {
				continue
			}
			files = append(files, f)
			changes = append(changes, compare(f.Name, linesOf(f.Text), linesOf(is.Confs[i].Files[k].Text))...)
		}
	}
	return files, changes
}

// needed leaves out the changes without which the chain is right too.
func (c *Chain) needed(nlb hop.NLB, files []*nginxconf.File, changes []Change) []Change {
	if !c.isRight(nlb, files, changes) {
		return changes
	}
	for i := len(changes) - 1; i >= 0; i-- {
		without := slices.Delete(slices.Clone(changes), i, i+1)
		if c.isRight(nlb, files, without) {
			changes = without
		}
	}
	return changes
}

// isRight tries changes.
func (c *Chain) isRight(nlb hop.NLB, files []*nginxconf.File, changes []Change) bool {
	now := *c
	now.NLB, now.Confs, now.Groups = nlb, nil, nil
	for _, conf := range c.Confs {
		var texts []*nginxconf.File
		for _, f := range conf.Files {
			own := slices.DeleteFunc(slices.Clone(changes), func(ch Change) bool { return ch.File != f.Name })
			slices.SortStableFunc(own, func(a, b Change) int { return cmp.Compare(a.Line, b.Line) })
			texts = append(texts, &nginxconf.File{Name: f.Name, Text: []byte(strings.Join(patch(linesOf(f.Text), own), ""))})
		}
		next, err := conf.With(texts)
		if err != nil {
			return false
		}
		now.Confs = append(now.Confs, next)
	}
	r, report, err := simulated(&now)
	return err == nil && r.state(report) == diagnose.Healthy
}
