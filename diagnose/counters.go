package diagnose

import (
	"net/netip"
	"slices"

	"clearhop/enrich/clientip"
	"clearhop/record"
	"clearhop/verdict"
)

// Config says what is known of the chain.
type Config struct {
	// NLB and Trusted are the addresses that the records were resolved with.
	NLB, Trusted clientip.Addresses
	// Roles are those that a Survey inferred; nil if there was none. GivenNLB and
	// GivenTrusted say which of the two sets were given all the same.
	Roles                  *Roles
	GivenNLB, GivenTrusted bool
	// Probes are requests that are known to be health checks.
	Probes []Probe
	// TargetGroups is what AWS says of the NLBs; nil if it was not asked.
	TargetGroups []TargetGroup
}

// inferredNLB reports whether the NLB's addresses were inferred.
func (c *Config) inferredNLB() bool { return c.Roles != nil && !c.GivenNLB }

// inferredTrusted reports whether the other proxies were inferred.
func (c *Config) inferredTrusted() bool { return c.Roles != nil && !c.GivenTrusted }

// Counters count what a Report is made of.
type Counters struct {
	config  Config
	probes  map[uint64]bool
	sources []*sourceTally
	index   map[string]uint32
	peers   *hitters[netip.Addr, peerTally]
	causes  map[cause]*causeTally
	right   timeline
	read    Read
	healthy int64
	faulty  int64
	joins   joiner

	first, last int64
}

// A cause is a reason and the hop at which it sits.
type cause struct {
	reason verdict.Reason
	hop    verdict.Hop
}

type causeTally struct {
	lines        int64
	proven       int64 // lines that log $realip_remote_addr
	first, last  int64
	agents       distinct
	paths        distinct
	anonymous    int64 // lines that log no user agent
	named        int64 // lines whose client the PROXY protocol names
	forwarded    int64 // lines with X-Forwarded-For
	alternatives map[verdict.Reason]int64
	peers        *hitters[netip.Addr, int64]
	evidence     []Line
}

type sourceTally struct {
	name           string
	access, judged int64
	faulty         int64
	edge, web      int64 // lines that only such a hop writes
	right          int64
	causes         map[cause]int64
	logged         map[record.Logged]int64
}

// A peerTally counts the lines of a peer that is known for all of them.
type peerTally struct {
	judged int64
	causes map[cause]int64
}

// variables are those whose absence a Report tells of.
const variables = record.LoggedRemoteAddr | record.LoggedRealipRemoteAddr | record.LoggedProxyProtocolAddr |
	record.LoggedXForwardedFor | record.LoggedXRealIP

const (
	maxSources  = 256
	maxEvidence = 2
	maxCauses   = 64
)

// NewCounters makes empty Counters.
func NewCounters(c Config) *Counters {
	counters := &Counters{
		config: c,
		probes: map[uint64]bool{},
		index:  map[string]uint32{},
		peers:  newHitters[netip.Addr, peerTally](maxPeers),
		causes: map[cause]*causeTally{},
		joins:  joiner{waiting: map[uint64]half{}},
	}
	for _, p := range c.Probes {
		counters.probes[p.key] = true
	}
	return counters
}

// SetTargetGroups takes what AWS says of the NLBs into account.
func (c *Counters) SetTargetGroups(groups []TargetGroup) { c.config.TargetGroups = groups }

// Add counts a record.
func (c *Counters) Add(r *record.Record) {
	c.read.Lines++
	switch r.Dataset {
	case record.AccessLine:
		c.addAccess(r)
	case record.ErrorLogLine:
		c.read.Errors++
		if r.Provenance.Reason != verdict.NoReason {
			c.addError(Tally{
				Source: sourceOf(r), Peer: r.Client.SourceIP, Reason: r.Provenance.Reason, Hop: r.Provenance.Hop,
				Lines: 1, First: timeOf(r), Last: timeOf(r),
			}, r)
		}
	case record.OtherLine:
		c.read.Other++
	default:
		c.read.Unparsed++
	}
}

func (c *Counters) addAccess(r *record.Record) {
	a, p := &r.Access, &r.Provenance
	source := c.source(sourceOf(r))
	source.logged[a.Logged&variables]++
	t := Tally{
		Source: source.name, Peer: r.Client.SourceIP, PeerAlways: a.Logged.Has(record.LoggedRealipRemoteAddr),
		Reason: p.Reason, Hop: p.Hop, Lines: 1, First: timeOf(r), Last: timeOf(r),
	}
	if c.isProbe(r) {
		c.read.Access++
		c.read.Probes++
		source.access++
		return
	}
	h := c.half(r)
	switch h.hop {
	case verdict.Edge:
		source.edge++
	case verdict.Web:
		source.web++
	}
	h.source = c.index[source.name]
	if t.Reason != verdict.HealthCheckProbe {
		c.joins.add(r, h, c.isProxy)
	}
	c.add(t, r)
	if t.Reason == verdict.EdgeHandedOnProxy && c.isEdge(h.remote) && h.handed.IsValid() && h.handed != h.remote {
		// Whatever the edge handed on, a web hop that believes it logs that.
		c.also(cause{verdict.RealipNotApplied, verdict.Web}, t, r)
	}
}

func (c *Counters) isProbe(r *record.Record) bool {
	peer := r.Client.SourceIP
	if !peer.IsValid() {
		peer = address(r.Access.RemoteAddr) // a client of your own
	}
	if len(c.probes) == 0 || !peer.IsValid() || r.Client.IP.IsValid() && r.Client.IP != peer {
		return false
	}
	return c.probes[probeKey(peer, r)]
}

// half is what a line tells of the request that another hop may have logged too.
func (c *Counters) half(r *record.Record) half {
	a := &r.Access
	h := half{
		header: len(a.XForwardedFor) > 0 || len(a.XRealIP) > 0,
		remote: address(a.RemoteAddr),
		handed: c.handedOn(a),
	}
	if r.Provenance.Vouched {
		h.client = r.Client.IP
	}
	realip := address(a.RealipRemoteAddr)
	switch {
	case len(a.ProxyProtocolAddr) > 0 || c.isNode(realip):
		h.hop = verdict.Edge
	case c.isEdge(realip) || c.isEdge(h.remote):
		h.hop = verdict.Web
	case realip.IsValid():
	case c.isNode(h.remote) && h.handed == h.remote:
		h.hop = verdict.Web // nginx took it from the header
	case c.isNode(h.remote):
		h.hop = verdict.Edge
	}
	return h
}

// handedOn is the client that the hop before handed on, or the proxy that stands
// in its place.
func (c *Counters) handedOn(a *record.Access) netip.Addr {
	last := lastAddress(a.XForwardedFor)
	if !last.IsValid() {
		return lastAddress(a.XRealIP)
	}
	addr := last
	for header := a.XForwardedFor; c.isProxy(addr); addr = lastAddress(header) {
		if header = allButLast(header); len(header) == 0 || c.isNode(addr) {
			return last
		}
	}
	return addr
}

func (c *Counters) isNode(addr netip.Addr) bool { return holds(c.config.NLB, addr) }

// isEdge reports whether addr is a proxy inside the network that is no NLB's.
func (c *Counters) isEdge(addr netip.Addr) bool {
	return isInside(addr) && !c.isNode(addr) && holds(c.config.Trusted, addr)
}

func (c *Counters) isProxy(addr netip.Addr) bool {
	return c.isNode(addr) || holds(c.config.Trusted, addr)
}

func holds(set clientip.Addresses, addr netip.Addr) bool {
	if !addr.IsValid() {
		return false
	}
	for _, p := range set.Prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// A Tally is lines that have all that counts in common, for whoever counted
// them elsewhere.
type Tally struct {
	Source string
	// Peer is source.ip; the zero Addr where it is not known. PeerAlways is
	// whether it is known of healthy lines too, that is whether
	// $realip_remote_addr was logged.
	Peer       netip.Addr
	PeerAlways bool
	Reason     verdict.Reason
	Hop        verdict.Hop
	// Alternatives are provenance.alternatives.
	Alternatives []verdict.Reason
	Lines        int64
	// First and Last are when the first and the last of them were logged, in
	// milliseconds since the Unix epoch; 0: not known. Tallies of short times let the report
	// say since when a fault is there.
	First, Last int64
}

// AddTally counts lines that were counted before.
func (c *Counters) AddTally(t Tally) {
	c.read.Lines += t.Lines
	switch t.Reason {
	case verdict.ProxyProtocolNotSent, verdict.PastTheNLB:
		c.read.Errors += t.Lines
		c.addError(t, nil)
	default:
		c.add(t, nil)
	}
}

// addError counts error lines that tell something of the chain: such a
// connection has no access line.
func (c *Counters) addError(t Tally, r *record.Record) {
	switch t.Reason {
	case verdict.ProxyProtocolNotSent:
		c.fault(cause{t.Reason, verdict.Edge}, t, r)
	case verdict.HealthCheckProbe:
		c.read.HealthChecks += t.Lines
	case verdict.PastTheNLB:
		c.read.PastNLB += t.Lines
	}
}

// add counts access lines. r is nil where there is none.
func (c *Counters) add(t Tally, r *record.Record) {
	c.read.Access += t.Lines
	source := c.source(t.Source)
	source.access += t.Lines
	switch {
	case t.Reason == verdict.HealthCheckProbe:
		c.read.HealthChecks += t.Lines
	case t.Reason == verdict.RejectedBeforeRealip:
		c.read.Refused += t.Lines
	case t.Reason == verdict.NotAnAddress:
		c.read.Masked += t.Lines
	case t.Reason.IsFault():
		c.fault(cause{t.Reason, t.Hop}, t, r)
	case r != nil && slices.Contains(r.Provenance.Alternatives, verdict.ProxyProtocolNotListened):
		// One such line is a scanner's. The share of all decides.
		c.fault(cause{verdict.ProxyProtocolNotListened, verdict.Edge}, t, r)
	default:
		c.seen(t)
		c.healthy += t.Lines
		c.read.Judged += t.Lines
		source.judged += t.Lines
		source.right += t.Lines
		if t.First != 0 {
			c.right.add(t.First, t.Lines)
		}
		if t.PeerAlways && t.Peer.IsValid() {
			c.peers.at(t.Peer, t.Lines).judged += t.Lines
		}
	}
}

func (c *Counters) seen(t Tally) {
	if t.First == 0 {
		return
	}
	if c.first == 0 || t.First < c.first {
		c.first = t.First
	}
	c.last = max(c.last, t.Last)
}

// fault counts lines that show a fault.
func (c *Counters) fault(k cause, t Tally, r *record.Record) {
	c.seen(t)
	c.faulty += t.Lines
	c.read.Judged += t.Lines
	source := c.source(t.Source)
	source.judged += t.Lines
	source.faulty += t.Lines
	if t.PeerAlways && t.Peer.IsValid() {
		c.peers.at(t.Peer, t.Lines).judged += t.Lines
	}
	c.also(k, t, r)
}

// also counts one more cause of lines that are counted already.
func (c *Counters) also(k cause, t Tally, r *record.Record) {
	n := c.causes[k]
	if n == nil {
		if len(c.causes) >= maxCauses {
			return // no more reasons are known than this
		}
		n = &causeTally{alternatives: map[verdict.Reason]int64{}, peers: newHitters[netip.Addr, int64](maxPeers)}
		c.causes[k] = n
	}
	n.lines += t.Lines
	if t.First != 0 {
		if n.first == 0 || t.First < n.first {
			n.first = t.First
		}
		n.last = max(n.last, t.Last)
	}
	source := c.source(t.Source)
	if source.causes == nil {
		source.causes = map[cause]int64{}
	}
	source.causes[k] += t.Lines
	if t.Peer.IsValid() && (t.PeerAlways || k.reason != verdict.EdgeHandedOnProxy) { // else nginx may have read it from the header
		*n.peers.at(t.Peer, t.Lines) += t.Lines
	}
	if t.PeerAlways {
		n.proven += t.Lines
		if t.Peer.IsValid() {
			p := c.peers.at(t.Peer, 0)
			if p.causes == nil {
				p.causes = map[cause]int64{}
			}
			p.causes[k] += t.Lines
		}
	}
	if k.reason == t.Reason {
		for _, alternative := range t.Alternatives {
			n.alternatives[alternative] += t.Lines
		}
	}
	if r == nil {
		return
	}
	if k.reason == t.Reason {
		for _, alternative := range r.Provenance.Alternatives {
			n.alternatives[alternative]++
		}
	}
	n.agents.add(hash(r.Access.UserAgent))
	n.paths.add(hash(r.URL.Path))
	count(&n.named, len(r.Access.ProxyProtocolAddr) > 0)
	count(&n.forwarded, len(r.Access.XForwardedFor) > 0)
	count(&n.anonymous, r.Dataset == record.AccessLine && !r.Access.Logged.Has(record.LoggedUserAgent))
	if len(n.evidence) < maxEvidence {
		line := redacted(r)
		if !slices.ContainsFunc(n.evidence, func(l Line) bool { return l.Text == line.Text }) {
			n.evidence = append(n.evidence, line)
		}
	}
}

// source returns the tally of a source. When there are too many, the rest are
// counted as one.
func (c *Counters) source(name string) *sourceTally {
	i, known := c.index[name]
	if !known {
		if len(c.sources) >= maxSources {
			name = "(others)"
			if i, known = c.index[name]; known {
				return c.sources[i]
			}
		}
		i = uint32(len(c.sources))
		c.index[name] = i
		c.sources = append(c.sources, &sourceTally{name: name, logged: map[record.Logged]int64{}})
	}
	return c.sources[i]
}
