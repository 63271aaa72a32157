package diagnose

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"clearhop/enrich/clientip"
	"clearhop/record"
	"clearhop/verdict"
)

// When a fault that was seen is a finding. Few lines among many healthy ones are
// a scanner's, or a visitor's trick; a small sample has no such room.
const (
	fewLines       = 9     // so few lines are judged one by one
	fewShare       = 0.2   // … where so many of them show it
	systematic     = 0.005 // the share of a fault that no visitor causes
	systematicMin  = 5     // … and how many lines it takes
	wideAgents     = 10    // a smaller share of many lines with as many user agents
	wideMin        = 100
	scannable      = 0.01 // the share of a fault that a scanner can cause
	scannableMin   = 10
	concentrated   = 0.5 // the share within one source or peer
	concentrateMin = 3
	allOf          = 0.9 // … of a fault that no request gets around
	changeMin      = 5   // lines that would show the fault, had it been there
)

// Report judges what was counted.
func (c *Counters) Report() *Report {
	r := &Report{Findings: []Finding{}, Read: c.read, Chain: c.chain()}
	if c.first != 0 {
		first, last := when(c.first), when(c.last)
		r.Read.First, r.Read.Last = &first, &last
	}
	if c.joins.result.Requests > 0 {
		joined := c.joins.result
		r.Joined = &joined
	}
	found := map[cause]bool{}
	for k, n := range c.causes {
		if c.isFinding(k, n) {
			found[k] = true
			r.Findings = append(r.Findings, c.finding(k, n))
			continue
		}
		why := "too few for a fault of the chain"
		switch {
		case c.isOfUnlisted(n):
			why = "they came by a peer that --nlb and --trusted do not name, see below"
		case n.mayBeChecks():
			why = "all ask for one path, so they are taken for health checks: log $http_user_agent"
		}
		r.Noted = append(r.Noted, Note{Code: k.reason, Lines: n.lines, Means: k.reason.Info().Means, Why: why})
	}
	r.Sources = c.sourceList(found)
	if n := c.read.PastNLB; n > 0 {
		r.Noted = append(r.Noted, Note{
			Code: verdict.PastTheNLB, Lines: n, Means: verdict.PastTheNLB.Info().Means,
			Why: "it spoke no PROXY protocol, and nginx refused it as it should",
		})
	}
	c.settle(r)
	slices.SortFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(place(a.Code, a.Hop), place(b.Code, b.Hop)), cmp.Compare(b.Lines, a.Lines))
	})
	slices.SortFunc(r.Noted, func(a, b Note) int {
		return cmp.Or(cmp.Compare(b.Lines, a.Lines), cmp.Compare(a.Code, b.Code))
	})
	r.Missing = c.missing()
	r.Advice = c.advice(r)
	switch {
	case len(r.Findings) > 0:
		r.State = Broken
	case c.read.Judged > 0:
		r.State = Healthy
	default:
		r.State = Unknown
	}
	return r
}

// place orders findings along the chain: what is mended first comes first.
func place(reason verdict.Reason, hop verdict.Hop) int {
	order := []verdict.Reason{
		verdict.ProxyProtocolNotSent, verdict.ProxyProtocolNotListened, verdict.ProxyProtocolOff,
		verdict.RealipNotApplied, verdict.TrustsTooMuch, verdict.FieldsDisagree,
		verdict.EdgeHandedOnProxy, verdict.EdgeHandedOnNothing,
	}
	i := slices.Index(order, reason)
	if hop == verdict.Web {
		i += len(order)
	}
	return i
}

func (c *Counters) isFinding(k cause, n *causeTally) bool {
	judged := c.judgedBeside(k)
	share := float64(n.lines) / float64(judged)
	small := judged <= fewLines
	concentrated := concentrated
	if k.reason == verdict.ProxyProtocolNotListened || k.reason == verdict.ProxyProtocolNotSent {
		concentrated = allOf // it takes all requests, not some
	}
	var most int64 // lines in the source or behind the peer where it is concentrated
	for _, s := range c.sources {
		if s.access == 0 && c.healthy > 0 || len(c.sources) == 1 {
			continue // an error log holds nothing that is right
		}
		if lines := s.causes[k]; float64(lines) >= concentrated*float64(s.judged) {
			most = max(most, lines)
		}
	}
	for _, s := range c.peers.slots {
		if lines := s.value.causes[k]; float64(lines) >= concentrated*float64(s.value.judged) {
			most = max(most, lines)
		}
	}
	switch k.reason {
	case verdict.ProxyProtocolOff, verdict.EdgeHandedOnNothing:
		if n.mayBeChecks() && c.healthy > 0 {
			return false
		}
	case verdict.ProxyProtocolNotListened, verdict.ProxyProtocolNotSent:
		if c.healthy == 0 {
			return true
		}
		return !small && share >= scannable && n.lines >= scannableMin || most >= concentrateMin
	case verdict.TrustsTooMuch, verdict.FieldsDisagree:
		if c.isOfUnlisted(n) {
			return false
		}
		// Only the lines of visitors that send a header show it, so few are
		// proof where the peer was logged.
		if n.proven*2 >= n.lines && n.lines >= 2 {
			return true
		}
	}
	switch {
	case small:
		return share >= fewShare
	case share >= systematic && n.lines >= systematicMin, most >= concentrateMin:
		return true
	}
	return n.lines >= wideMin && n.agents.estimate() >= wideAgents
}

// judgedBeside counts the lines that could be judged in the sources of the hop
// that shows the cause: those of the other hop say nothing of it.
func (c *Counters) judgedBeside(k cause) (n int64) {
	shown := map[verdict.Hop]bool{}
	for _, s := range c.sources {
		if s.causes[k] > 0 {
			shown[s.hop()] = true
		}
	}
	for _, s := range c.sources {
		if s.causes[k] > 0 || shown[s.hop()] || k.reason == verdict.ProxyProtocolNotSent && s.hop() == verdict.Edge {
			n += s.judged
		}
	}
	return n
}

// isUnlisted reports whether addr looks like a part of the chain that was left
// out of the sets given.
func (c *Counters) isUnlisted(addr netip.Addr) bool {
	is := func(p Peer) bool { return p.Address == addr }
	roles := c.config.Roles
	return roles != nil && !c.isProxy(addr) &&
		(c.config.GivenNLB && slices.ContainsFunc(roles.NLB, is) || c.config.GivenTrusted && slices.ContainsFunc(roles.Edge, is))
}

// isOfUnlisted reports whether the lines of a cause came by peers that were left
// out of the sets given: nginx knows these better.
func (c *Counters) isOfUnlisted(n *causeTally) bool {
	var lines int64
	for _, s := range n.peers.slots {
		if c.isUnlisted(s.key) {
			lines += *s.value
		}
	}
	return lines*10 >= n.lines*9
}

// mayBeChecks reports whether the lines may be health checks, of which nothing
// tells: their user agent is not logged, and all ask for one path.
func (n *causeTally) mayBeChecks() bool {
	return n.anonymous == n.lines && n.paths.estimate() == 1
}

func (c *Counters) finding(k cause, n *causeTally) Finding {
	f := Finding{
		Code: k.reason, Hop: k.hop, Title: title(k), Mend: mend(k.reason),
		Lines: n.lines, Of: c.judgedBeside(k),
		First: when(n.first), Last: when(n.last),
		Evidence: n.evidence,
	}
	f.Share = float64(n.lines) / float64(f.Of)
	c.sinceWhen(&f, n)
	f.Peers, f.Sources = c.peerParts(k, n), c.sourceParts(k)
	pharmacy := c.pharmacy(k, n)
	f.Cure = pharmacy.cure(k)
	if k.reason == verdict.FieldsDisagree && n.named*2 > n.lines {
		// The web hop's log knows no PROXY protocol: this is the edge's own.
		f.Title, f.Cure = "The edge nginx takes another client than the one that the PROXY protocol names", []Step{pharmacy.edgeReads()}
	}
	for _, alternative := range c.alternatives(k, n) {
		f.Alternatives = append(f.Alternatives, Alternative{
			Code: alternative, Title: title(cause{alternative, verdict.Edge}),
			TellApart: tellApart(k.reason, alternative), Cure: pharmacy.cure(cause{alternative, verdict.Edge}),
		})
	}
	f.Certain = len(f.Alternatives) == 0
	return f
}

// alternatives returns the other causes that most of the lines allow and that
// ask for another cure.
func (c *Counters) alternatives(k cause, n *causeTally) []verdict.Reason {
	var found []verdict.Reason
	for _, reason := range verdict.Reasons() { // in a fixed order
		switch {
		case n.alternatives[reason]*2 < n.lines || n.alternatives[reason] == 0:
		case reason == verdict.PrivateLink && k.reason == verdict.ProxyProtocolOff:
			// The cure is the same.
		case reason == verdict.HealthCheckProbe && n.agents.estimate() >= 3:
			// No check has several user agents.
		case reason == verdict.EdgeHandedOnNothing, reason == verdict.PastTheNLB:
			// Asked below.
		case reason == verdict.RejectedBeforeRealip, reason == verdict.ProxyProtocolNotListened:
			// Scanners are too few for a finding.
		default:
			found = append(found, reason)
		}
	}
	mayBeEdge := n.alternatives[verdict.EdgeHandedOnNothing]*2 >= n.lines && n.alternatives[verdict.EdgeHandedOnNothing] > 0
	if k.reason == verdict.ProxyProtocolOff && c.config.inferredNLB() && len(c.config.Roles.Edge) == 0 {
		for _, p := range c.config.Roles.NLB {
			if lines := n.peers.known(p.Address); p.Weak && lines != nil && *lines*2 >= n.lines {
				mayBeEdge = true
			}
		}
	}
	if mayBeEdge {
		found = append(found, verdict.EdgeHandedOnNothing)
	}
	if k.reason == verdict.TrustsTooMuch && c.config.inferredTrusted() && len(c.config.Roles.CDN) == 0 && len(found) == 0 {
		found = append(found, verdict.CDNInFront)
	}
	if c.mayBeOwnClient(k, n) {
		found = append(found, verdict.OwnClient)
	}
	return found
}

// mayBeOwnClient reports whether the lines may be those of clients inside the
// network, taken for a part of the chain for want of other evidence.
func (c *Counters) mayBeOwnClient(k cause, n *causeTally) bool {
	if !c.config.inferredNLB() || c.healthy == 0 || n.agents.estimate() >= manyAgents {
		return false
	}
	switch k.reason {
	case verdict.ProxyProtocolOff, verdict.EdgeHandedOnProxy:
		return slices.ContainsFunc(c.config.Roles.NLB, func(p Peer) bool { return p.Weak })
	case verdict.RealipNotApplied:
		// Somebody who reaches nginx past the NLB can claim any client.
		return k.hop == verdict.Edge && n.named > 0 && len(n.peers.slots) < len(c.config.Roles.NLB)
	}
	return false
}

// sinceWhen finds a change in the middle of the log.
func (c *Counters) sinceWhen(f *Finding, n *causeTally) {
	if n.first == 0 || c.right.width == 0 {
		return
	}
	before, after := c.right.before(n.first), c.right.after(n.last+1)
	within := max(c.faulty+c.healthy-before-after, 1)
	share := float64(n.lines) / float64(within)
	if float64(before)*share >= changeMin {
		f.Since, f.RightBefore = &f.First, before
	}
	if float64(after)*share >= changeMin {
		f.Until, f.RightAfter = &f.Last, after
	}
}

const maxParts = 5

// peerParts lists the peers that show a cause and, where both are known, those
// that do not.
func (c *Counters) peerParts(k cause, n *causeTally) []Part {
	var parts []Part
	for _, s := range n.peers.slots {
		part := Part{Name: s.key.String(), Lines: *s.value}
		if !clientip.IsPrivate(s.key) {
			part.Name = redactedToken(part.Name)
		}
		if p := c.peers.known(s.key); p != nil && n.proven == n.lines {
			part.Of = p.judged
		}
		parts = append(parts, part)
	}
	if n.proven == n.lines {
		for _, s := range c.peers.slots {
			if s.value.judged > 0 && n.peers.known(s.key) == nil && c.sameHop(k, s.key) {
				parts = append(parts, Part{Name: s.key.String(), Of: s.value.judged})
			}
		}
	}
	return topParts(parts)
}

// sameHop reports whether a peer is one that the hop of the cause has.
func (c *Counters) sameHop(k cause, peer netip.Addr) bool {
	switch k.reason {
	case verdict.EdgeHandedOnProxy, verdict.EdgeHandedOnNothing:
		return c.isEdge(peer) // the hop behind shows it
	case verdict.FieldsDisagree:
		return false // either hop can show it
	}
	if k.hop == verdict.Web {
		return c.isEdge(peer)
	}
	return c.isNode(peer)
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

// pharmacy knows the addresses that belong into the cure of a cause.
func (c *Counters) pharmacy(k cause, n *causeTally) *pharmacy {
	p := &pharmacy{groups: c.config.TargetGroups}
	for _, prefix := range c.config.NLB.Prefixes {
		p.nlb = append(p.nlb, prefixText(prefix))
	}
	for _, prefix := range c.config.Trusted.Prefixes {
		if clientip.IsPrivate(prefix.Addr()) {
			p.edge = append(p.edge, prefixText(prefix))
		}
	}
	var seen []string
	for _, s := range n.peers.slots {
		if isInside(s.key) {
			seen = append(seen, s.key.String())
		}
	}
	slices.Sort(seen)
	if len(p.nlb) == 0 && k.hop == verdict.Edge {
		p.nlb = seen
	}
	if len(p.edge) == 0 && k.hop == verdict.Web {
		p.edge = seen
	}
	return p
}

func prefixText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// settle uses what other lines, joined requests and AWS tell to decide between
// the causes that the lines of one finding allow.
func (c *Counters) settle(r *Report) {
	at := func(reason verdict.Reason, hop verdict.Hop) *Finding {
		for i := range r.Findings {
			if f := &r.Findings[i]; f.Code == reason && f.Hop == hop {
				return f
			}
		}
		return nil
	}
	off := at(verdict.ProxyProtocolOff, verdict.Edge)
	if off != nil && !off.Certain {
		sends, known := c.sendsProxyProtocol()
		switch j := r.Joined; {
		case known && sends && off.allows(verdict.RealipNotApplied):
			off.become(verdict.RealipNotApplied, "AWS says that proxy_protocol_v2.enabled is true for the target group")
		case known:
			off.keep("AWS says that proxy_protocol_v2.enabled is false for the target group")
		case !off.allows(verdict.RealipNotApplied):
		case j != nil && j.EdgeOwnLog > 0 && j.BeforeEdge == 0:
			off.become(verdict.RealipNotApplied, fmt.Sprintf("the edge handed the client on in %d requests that both hops logged, so it knew it", j.EdgeOwnLog))
		case c.webNamesClients():
			off.become(verdict.RealipNotApplied, "the web hop's log names clients that only the edge can have told it")
		}
	}
	if sends, known := c.sendsProxyProtocol(); known {
		if f := at(verdict.ProxyProtocolNotSent, verdict.Edge); f != nil && sends {
			f.Why = "the error lines; AWS says that proxy_protocol_v2.enabled is true, so they came before that, or past the NLB"
		}
		if f := at(verdict.ProxyProtocolNotListened, verdict.Edge); f != nil && sends {
			f.keep("AWS says that proxy_protocol_v2.enabled is true for the target group")
		}
	}
	realip := at(verdict.RealipNotApplied, verdict.Edge)
	off = at(verdict.ProxyProtocolOff, verdict.Edge)
	for _, reason := range []verdict.Reason{verdict.EdgeHandedOnProxy, verdict.EdgeHandedOnNothing} {
		f := at(reason, verdict.Edge)
		switch {
		case f == nil:
			continue
		case r.Joined != nil && r.Joined.EdgeHandsOn > 0 && r.Joined.BeforeEdge == 0:
			f.keep(fmt.Sprintf("the edge's own log names the client of %d requests that lost it on the way to the web hop", r.Joined.EdgeHandsOn))
		case realip != nil && realip.Certain:
			f.FollowsFrom = verdict.RealipNotApplied
			f.keep("the edge's own log shows that its realip module does not act")
		case off != nil:
			f.FollowsFrom = verdict.ProxyProtocolOff
			f.keep("the edge's own log shows the NLB's address too")
		}
	}
	for i := range r.Findings {
		// What is a finding of its own is no alternative of another one.
		f := &r.Findings[i]
		f.Alternatives = slices.DeleteFunc(f.Alternatives, func(a Alternative) bool { return at(a.Code, verdict.Edge) != nil && a.Code != f.Code })
		f.Certain = len(f.Alternatives) == 0
	}
	web, disagree := at(verdict.RealipNotApplied, verdict.Web), at(verdict.FieldsDisagree, verdict.Edge)
	if web != nil && disagree != nil && c.causes[cause{verdict.RealipNotApplied, verdict.Web}].forwarded == 0 {
		web.FollowsFrom = verdict.FieldsDisagree // the edge sets one of the two headers
	}
	if r.Joined == nil {
		return
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		switch {
		case f.Hop == verdict.Web:
			f.Joined = r.Joined.Web
		case f.Code == verdict.ProxyProtocolOff:
			f.Joined = r.Joined.BeforeEdge
		case f.Code == verdict.RealipNotApplied:
			f.Joined = r.Joined.EdgeOwnLog + r.Joined.EdgeHandsOn
		case f.Code == verdict.EdgeHandedOnProxy, f.Code == verdict.EdgeHandedOnNothing:
			f.Joined = r.Joined.EdgeHandsOn + r.Joined.BeforeEdge
		}
	}
}

func (f *Finding) allows(reason verdict.Reason) bool {
	return slices.ContainsFunc(f.Alternatives, func(a Alternative) bool { return a.Code == reason })
}

// become makes one of the alternatives the finding.
func (f *Finding) become(reason verdict.Reason, why string) {
	for _, a := range f.Alternatives {
		if a.Code == reason {
			f.Code, f.Title, f.Mend, f.Cure = reason, a.Title, mend(reason), a.Cure
		}
	}
	f.keep(why)
}

// keep drops the alternatives.
func (f *Finding) keep(why string) { f.Alternatives, f.Certain, f.Why = nil, true, why }

// sendsProxyProtocol says what AWS told, if it told the same of all target
// groups.
func (c *Counters) sendsProxyProtocol() (sends, known bool) {
	for i, g := range c.config.TargetGroups {
		if i > 0 && g.ProxyProtocolV2 != sends {
			return false, false
		}
		sends, known = g.ProxyProtocolV2, true
	}
	return sends, known
}

// webNamesClients reports whether a web hop's log shows clients, and none that
// the edge did not hand on.
func (c *Counters) webNamesClients() bool {
	named := int64(0)
	for _, s := range c.sources {
		if s.hop() == verdict.Web || s.hop() == verdict.NoHop && s.right > 0 && s.faulty == 0 && len(c.sources) > 1 {
			named += s.right
		}
	}
	handed := func(reason verdict.Reason) bool { return c.causes[cause{reason, verdict.Edge}] != nil }
	return named > 0 && !handed(verdict.EdgeHandedOnProxy) && !handed(verdict.EdgeHandedOnNothing)
}

func (s *sourceTally) hop() verdict.Hop {
	switch {
	case s.edge > s.web:
		return verdict.Edge
	case s.web > s.edge:
		return verdict.Web
	}
	return verdict.NoHop
}

func (c *Counters) sourceList(found map[cause]bool) []Source {
	var list []Source
	for _, s := range c.sources {
		var faulty int64
		for k, n := range s.causes {
			if found[k] {
				faulty += n
			}
		}
		// A line may show two faults.
		list = append(list, Source{Name: s.name, Hop: s.hop(), Lines: s.access, Faulty: min(faulty, s.faulty)})
	}
	return list
}

func (c *Counters) chain() Chain {
	chain := Chain{
		InferredNLB: c.config.inferredNLB(), InferredTrusted: c.config.inferredTrusted(),
		Roles: c.config.Roles, TargetGroups: c.config.TargetGroups,
	}
	for _, p := range c.config.NLB.Prefixes {
		chain.NLB = append(chain.NLB, prefixText(p))
	}
	for _, p := range c.config.Trusted.Prefixes {
		chain.Trusted = append(chain.Trusted, prefixText(p))
	}
	return chain
}

// missing lists the variables that at least half of the access lines of a
// source were logged without.
func (c *Counters) missing() []Missing {
	bits := map[verdict.Field]record.Logged{
		verdict.RemoteAddr: record.LoggedRemoteAddr, verdict.RealipRemoteAddr: record.LoggedRealipRemoteAddr,
		verdict.ProxyProtocolAddr: record.LoggedProxyProtocolAddr,
		verdict.XForwardedFor:     record.LoggedXForwardedFor, verdict.XRealIP: record.LoggedXRealIP,
	}
	var missing []Missing
	for _, v := range clientip.Variables() {
		m := Missing{Variable: "$" + string(v.Field), Cost: v.Without}
		with := 0
		for _, s := range c.sources {
			var without, all int64
			for logged, n := range s.logged {
				all += n
				if !logged.Has(bits[v.Field]) {
					without += n
				}
			}
			switch {
			case all == 0:
			case without*2 >= all:
				m.Sources = append(m.Sources, s.name)
			default:
				with++
			}
		}
		if len(m.Sources) == 0 {
			continue
		}
		if with == 0 {
			m.Sources = nil
		}
		missing = append(missing, m)
	}
	return missing
}

// advice lists what to look after beside the findings.
func (c *Counters) advice(r *Report) []string {
	var advice []string
	add := func(format string, args ...any) { advice = append(advice, fmt.Sprintf(format, args...)) }
	read := &r.Read
	if read.Access+read.Errors == 0 {
		return nil
	}
	if roles := c.config.Roles; roles != nil {
		for _, p := range roles.NLB {
			if c.isUnlisted(p.Address) {
				add("%s looks like a node of the NLB (%s) and is not among the addresses given with --nlb: it counts as a client.", p.Address, p.Why)
			}
		}
		for _, p := range roles.Edge {
			if c.isUnlisted(p.Address) {
				add("%s looks like a task of the edge (%s) and is not among the addresses given with --trusted: it counts as a client.", p.Address, p.Why)
			}
		}
	}
	if roles := c.config.Roles; roles != nil && !c.config.GivenTrusted && len(roles.CDN) > 0 {
		add("A CDN, or another proxy, seems to stand before the NLB: give its networks with --trusted. If there is none, visitors forge X-Forwarded-For.")
	}
	if read.Masked*10 >= read.Access && read.Masked > 0 {
		add("In %d of %d access lines $remote_addr is no address: masked logs cannot be judged.", read.Masked, read.Access)
	}
	if read.Refused*10 >= read.Access && read.Refused > 0 && read.Access > fewLines {
		add("%d of %d requests were refused before nginx could know the client. %s.", read.Refused, read.Access, upper(verdict.RejectedBeforeRealip.Info().Fix))
	}
	if read.Unparsed*10 >= read.Lines {
		add("%d of %d lines could not be read: give the log_format with --format.", read.Unparsed, read.Lines)
	}
	for _, g := range c.config.TargetGroups {
		if g.ProxyProtocolV2 && g.PreserveClientIP {
			add("Target group %s has both proxy_protocol_v2.enabled and preserve_client_ip.enabled: set_real_ip_from must then hold the clients too. Turn preservation off.", g.Name)
		}
	}
	return advice
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
