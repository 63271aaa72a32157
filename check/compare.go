package check

import (
	"cmp"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"clearhop/diagnose"
	"clearhop/nginxconf"
	"clearhop/verdict"
)

// An Agreement says whether a log can come from an nginx that runs the configurations.
type Agreement string

// The agreements.
const (
	// Agrees: the configurations log what the log shows, with its faults if it has any.
	Agrees Agreement = "agrees"
	// Differs: an nginx that runs these files does not log this.
	Differs Agreement = "differs"
	// CannotTell: something decides that is not known.
	CannotTell Agreement = "unknown"
)

// A Comparison is what configurations say of a log, and the log of them. Programs rely
// on the names in the JSON.
type Comparison struct {
	Files     []string  `json:"files"`
	Agreement Agreement `json:"agreement"`
	// Says are sentences for a person.
	Says []string `json:"says"`
	// Differences are what only the log shows, or only the configurations do.
	Differences []Difference `json:"differences,omitempty"`
	// How the target group is set, as far as the log shows it. Confirmed says that AWS
	// says the same.
	ProxyProtocolV2  bool `json:"proxy_protocol_v2"`
	PreserveClientIP bool `json:"preserve_client_ip"`
	Confirmed        bool `json:"confirmed"`
	// TargetGroup, Changes, Diff and Fixed are those of the Result for this target group.
	TargetGroup []string            `json:"target_group,omitempty"`
	Changes     []Change            `json:"changes,omitempty"`
	Diff        string              `json:"diff,omitempty"`
	Fixed       bool                `json:"fixed"`
	Assumed     []string            `json:"assumed,omitempty"`
	Unknowns    []nginxconf.Unknown `json:"unknowns,omitempty"`
}

// A Difference is a fault that the log shows and the configurations do not have, or the
// other way round.
type Difference struct {
	File string `json:"file"`
	Hop  string `json:"hop"`
	Code string `json:"code"`
	// InLog says that the log shows it, and no nginx with this configuration does so.
	InLog bool `json:"in_log"`
}

// A comparer holds a report against configurations.
type comparer struct {
	report *diagnose.Report
	chain  *Chain
	files  []string // that were given
	// without says that the edge's configuration is not given, and a right one stands in
	// its place.
	without bool
	shown   []fault
}

// A fault is a finding as it is compared: its codes are all causes that are left.
type fault struct {
	hop   string
	codes []string
	// isOpen says that one of the causes is that nothing is broken, or that visitors
	// show it, and not every log has such visitors.
	isOpen bool
}

// A trial is what a chain would log with the target group set in one way.
type trial struct {
	chain       Chain
	run         *run
	state       diagnose.State
	faults      []fault
	differences []Difference
	open        []fault // of the log, which the configurations do not have
	confirmed   bool
	unseen      int // faults of the configurations that the log does not show
}

// Compare holds the doctor's report of a log against the configurations of c. The NLB's
// addresses and the trusted ones are taken from the report where c has none. How the
// target group is set is taken from the report, where AWS was asked; without that every
// way is tried. The error says why nothing can be compared.
func Compare(c *Chain, report *diagnose.Report) (*Comparison, error) {
	x := &comparer{report: report, chain: c}
	for _, conf := range c.Confs {
		x.files = append(x.files, conf.Files[0].Name)
	}
	x.complete()
	x.observe()
	if why := x.nothing(); why != "" {
		return &Comparison{Files: x.files, Agreement: CannotTell, Says: []string{why}}, nil
	}
	best, others, err := x.bestTrial()
	if err != nil {
		return nil, err
	}
	return x.result(best, others)
}

// nothing says why the log cannot be compared; "" if it can.
func (x *comparer) nothing() string {
	switch {
	case x.report.State == diagnose.Unknown:
		return "Nothing in the log could be judged, so it says nothing about the configuration."
	case len(x.chain.NLB.Addresses) == 0:
		return "The log does not show the addresses of the NLB's nodes, and without them nobody can say what the configuration logs. Give --nlb."
	}
	return ""
}

// complete fills in what the report knows of the chain.
func (x *comparer) complete() {
	c := *x.chain
	c.NLB.Addresses = slices.Clone(c.NLB.Addresses)
	add := func(a netip.Addr) {
		if a.IsValid() && !slices.Contains(c.NLB.Addresses, a) {
			c.NLB.Addresses = append(c.NLB.Addresses, a)
		}
	}
	if len(c.NLB.Addresses) == 0 {
		known := &x.report.Chain
		for i := range x.report.Findings { // addresses that the log shows come before those of a subnet
			for _, p := range x.report.Findings[i].Peers {
				if a, err := netip.ParseAddr(p.Name); err == nil && known.NLB.Contains(a) {
					add(a)
				}
			}
		}
		for _, p := range known.NLB.Prefixes {
			if p.IsSingleIP() {
				add(p.Addr())
			} else if !slices.ContainsFunc(c.NLB.Addresses, p.Contains) {
				add(FirstOf(p))
			}
		}
	}
	if c.Trusted.Empty() {
		c.Trusted = x.report.Chain.Trusted
	}
	onlyWeb := x.hasLog(verdict.Web) && !x.hasLog(verdict.Edge)
	if x.without = onlyWeb && len(c.Confs) == 1; x.without {
		add(standIn) // no configuration that is judged speaks of the NLB
		c.Confs = []*nginxconf.Config{rightEdge(&c), c.Confs[0]}
	}
	c.logs = make([][]string, len(c.Confs))
	c.unjudged = make([]bool, len(c.Confs))
	for at := range c.Confs {
		h := x.hopOf(at)
		c.unjudged[at] = h == verdict.NoHop || !x.hasLog(h) && (x.hasLog(verdict.Edge) || x.hasLog(verdict.Web))
		c.logs[at] = x.logsOf(c.Confs[at], h)
	}
	x.chain = &c
}

// standIn is a node of the NLB where only the web hop is judged.
var standIn = netip.AddrFrom4([4]byte{10, 255, 255, 1})

// FirstOf returns the first address of a subnet that AWS gives away, and a single
// address itself.
func FirstOf(p netip.Prefix) netip.Addr {
	a := p.Addr()
	if !p.IsSingleIP() {
		const reserved = 4 // AWS keeps the first addresses of a subnet
		for range reserved {
			a = a.Next()
		}
	}
	return a
}

// hopOf returns the hop of a configuration: the first one is the edge, and the last of
// several the web hop. Nobody gives the logs of those between them.
func (x *comparer) hopOf(at int) verdict.Hop {
	switch {
	case at == 0:
		return verdict.Edge
	case x.without || at == len(x.chain.Confs)-1:
		return verdict.Web
	}
	return verdict.NoHop
}

// hasLog reports whether the log of a hop was read: a source is known to be its, or a
// finding is of its lines.
func (x *comparer) hasLog(h verdict.Hop) bool {
	for i := range x.report.Findings {
		f := &x.report.Findings[i]
		is := f.Hop
		if isHandedOn([]string{f.Code.String()}) {
			is = verdict.Web
		}
		if is == h {
			return true
		}
	}
	return slices.ContainsFunc(x.report.Sources, func(s diagnose.Source) bool { return s.Hop == h })
}

// rightEdge is an edge that does everything right, for a web hop whose edge is not known.
func rightEdge(c *Chain) *nginxconf.Config {
	var trust strings.Builder
	for _, a := range c.NLB.Addresses {
		fmt.Fprintf(&trust, "set_real_ip_from %s; ", a)
	}
	to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 255, 255, 3}), 80)
	for _, s := range c.Confs[0].Servers() {
		for i := range s.Listens {
			if l := &s.Listens[i]; l.Address.IsValid() && l.Address.Addr().Is4() && !l.UDP {
				to = netip.AddrPortFrom(to.Addr(), l.Address.Port())
				if !l.Address.Addr().IsUnspecified() {
					to = l.Address
				}
				break
			}
		}
	}
	const edge = `http { server { listen 80 proxy_protocol; listen [::]:80 proxy_protocol; %sreal_ip_header proxy_protocol; location / {
		proxy_pass http://%s; proxy_set_header X-Real-IP $proxy_protocol_addr; proxy_set_header X-Forwarded-For $proxy_protocol_addr; } } }`
	conf, err := nginxconf.Parse(&nginxconf.File{Name: "the edge's configuration, which is not given", Text: fmt.Appendf(nil, edge, trust.String(), to)}, nil)
	if err != nil {
		panic(err) // the text has only addresses of ours
	}
	return conf
}

// logsOf returns which access logs of a configuration are the ones that were read, by
// their path or else by their format; none if that cannot be told.
func (x *comparer) logsOf(conf *nginxconf.Config, h verdict.Hop) []string {
	var names, formats []string
	for _, s := range x.report.Sources {
		if s.Hop != h {
			continue
		}
		names = append(names, filepath.Base(s.Name))
		for i := range x.report.ReadAs {
			if a := &x.report.ReadAs[i]; slices.Contains(a.Streams, s.Name) {
				formats = append(formats, a.Formats...)
			}
		}
	}
	var byName, byFormat []string
	for _, d := range conf.AccessLogs() {
		if slices.Contains(names, filepath.Base(d.Arg(0))) {
			byName = append(byName, logOf(d))
		}
		if slices.Contains(formats, cmp.Or(d.Arg(1), "combined")) {
			byFormat = append(byFormat, logOf(d))
		}
	}
	if len(byName) > 0 {
		return byName
	}
	return byFormat
}

// observe collects the faults that the log shows at the hops whose configurations are
// given, and that have not ended.
func (x *comparer) observe() {
	for i := range x.report.Findings {
		f := &x.report.Findings[i]
		if f.Until != nil {
			continue
		}
		one := fault{hop: f.Hop.String(), codes: []string{f.Code.String()}, isOpen: f.RestsOnGuess || isVisitors(f.Code)}
		for _, a := range f.Alternatives {
			one.codes = append(one.codes, a.Code.String())
			one.isOpen = one.isOpen || a.Code == verdict.OwnClient || a.Code == verdict.CDNInFront
		}
		x.shown = append(x.shown, one)
	}
}

// isVisitors reports whether a fault shows only where visitors send headers of their own,
// or is about the addresses given.
func isVisitors(code verdict.Reason) bool {
	switch code {
	case verdict.TrustsTooMuch, verdict.FieldsDisagree, verdict.UnlistedNode, verdict.UnlistedProxy, verdict.CDNInFront, verdict.PastTheNLB:
		return true
	}
	return false
}

func (f *fault) shares(o fault) bool {
	return (f.hop == o.hop || f.hop == "" || o.hop == "") && slices.ContainsFunc(f.codes, func(c string) bool { return slices.Contains(o.codes, c) })
}
