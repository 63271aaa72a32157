package diagnose

import (
	"bytes"
	"net/netip"
	"slices"

	"clearhop/enrich/clientip"
	"clearhop/record"
	"clearhop/verdict"
)

// Config says what is known of the chain.
type Config struct {
	// Chain is what the records were resolved with.
	Chain clientip.Chain
	// GivenNLB and GivenTrusted say which sets of the chain somebody gave.
	GivenNLB, GivenTrusted bool
	// Unlisted are addresses that a Survey found and the sets given leave out.
	Unlisted Unlisted
	// givenNLB and givenTrusted are the sets without those.
	givenNLB, givenTrusted clientip.Addresses
	// Roles are those that a Survey inferred; nil if there was none.
	Roles *Roles
	// TargetGroups is what AWS says about the NLBs; nil if it was not asked.
	TargetGroups []record.TargetGroup
}

// WithRoles returns c with what a Survey inferred: the sets of the chain that
// were not given are those of roles, and those that were given hold the addresses
// too that they leave out.
func (c Config) WithRoles(roles Roles) Config {
	c.Roles = &roles
	c.addUnlisted(&roles)
	if !c.GivenNLB {
		c.Chain.NLB = addressesOf(roles.NLB)
		c.Chain.Inferred = false // the lines say which private addresses are the NLB's
	}
	if !c.GivenTrusted {
		c.Chain.Trusted = addressesOf(roles.Edge)
		c.Chain.Trusted.Prefixes = append(c.Chain.Trusted.Prefixes, roles.CDN...)
	}
	return c
}

func addressesOf(peers []Peer) clientip.Addresses {
	var set clientip.Addresses
	for _, p := range peers {
		set.Add(p.Address)
	}
	return set
}

// inferredNLB reports whether the NLB's addresses are those of a Survey.
func (c *Config) inferredNLB() bool { return c.Roles != nil && !c.GivenNLB }

// inferredTrusted reports whether the other proxies are those of a Survey.
func (c *Config) inferredTrusted() bool { return c.Roles != nil && !c.GivenTrusted }

// Counters count what a Report is made of.
type Counters struct {
	config Config
	sets   *sets
	probes map[uint64]bool // by probeKey

	sources []*sourceTally
	index   map[string]uint32 // of a source's name in sources
	latest  *sourceTally      // of the line before
	peers   *frequent[netip.Addr, peerTally]
	causes  map[cause]*causeTally
	joins   joiner

	read        Read
	healthy     int64    // judged lines that show no fault
	faulty      int64    // judged lines that show one
	right       timeline // of the healthy ones
	nlbSeen     int64    // access lines that show an address of the NLB that was given, as the peer
	nlbShown    bool     // some line shows one, wherever it stands
	first, last int64    // ms since the Unix epoch, of judged lines; 0: not known
}

// variables are those whose absence a Report mentions.
const variables = record.LoggedRemoteAddr | record.LoggedRealipRemoteAddr | record.LoggedProxyProtocolAddr |
	record.LoggedXForwardedFor | record.LoggedXRealIP

const maxSources = 256

// NewCounters makes empty Counters.
func NewCounters(c Config) *Counters {
	counters := &Counters{
		config: c,
		sets:   newSets(&c.Chain),
		probes: map[uint64]bool{},
		index:  map[string]uint32{},
		peers:  newFrequent[netip.Addr, peerTally](maxPeers),
		causes: map[cause]*causeTally{},
		joins:  joiner{waiting: map[uint64]hopLine{}},
	}
	if c.Roles != nil {
		for _, p := range c.Roles.Probes {
			counters.probes[p.key] = true
		}
	}
	return counters
}

// SetTargetGroups takes what AWS says about the NLBs into account.
func (c *Counters) SetTargetGroups(groups []record.TargetGroup) { c.config.TargetGroups = groups }

// A Tally is a number of lines that are alike in all that a Report asks for. It
// is for callers that have counts instead of records.
type Tally struct {
	Source string
	// Peer is source.ip; the zero Addr where it is not known. PeerAlways says
	// whether it is known of healthy lines too, that is, whether
	// $realip_remote_addr was logged.
	Peer       netip.Addr
	PeerAlways bool
	Reason     verdict.Reason
	Hop        verdict.Hop
	// Alternatives are provenance.alternatives. They are not kept.
	Alternatives []verdict.Reason
	Lines        int64
	// First and Last are when the first and the last of the lines were logged,
	// in milliseconds since the Unix epoch; 0: not known. With tallies of short
	// times the report can say when a fault began.
	First, Last int64
}

// AddTally counts lines that were counted before.
func (c *Counters) AddTally(t Tally) {
	c.read.Lines += t.Lines
	switch t.Reason {
	case verdict.InsideErrorRecord:
		c.read.InDoubt += t.Lines
	case verdict.ProxyProtocolNotSent, verdict.PastTheNLB:
		c.read.Errors += t.Lines
		c.addError(&t, nil)
	default:
		c.addAccess(&t, nil)
	}
}

// LeaveOut counts a line that the caller does not want judged.
func (c *Counters) LeaveOut() { c.read.LeftOut++ }

// Add counts a record. A line that a visitor can have written is no evidence: it is
// only counted.
func (c *Counters) Add(r *record.Record) {
	c.read.Lines++
	if r.Provenance.Reason == verdict.InsideErrorRecord {
		c.read.InDoubt++
		if r.Doubt == record.DoubtAttempt {
			c.read.Forged++
		}
		return
	}
	c.lookForNLB(r)
	switch r.Dataset {
	case record.AccessLine:
		c.addAccessRecord(r)
	case record.ErrorLogLine:
		c.read.Errors++
		if r.Provenance.Reason != verdict.NoReason {
			c.addError(tallyOf(r), r)
		}
	case record.OtherLine:
		c.read.Other++
	default:
		c.read.Unparsed++
	}
}

// tallyOf returns the Tally of a single line.
func tallyOf(r *record.Record) *Tally {
	p := &r.Provenance
	return &Tally{
		Source: sourceOf(r), Peer: r.Client.SourceIP, PeerAlways: r.Access.Logged.Has(record.LoggedRealipRemoteAddr),
		Reason: p.Reason, Hop: p.Hop, Alternatives: p.Alternatives,
		Lines: 1, First: loggedAt(r), Last: loggedAt(r),
	}
}

func (c *Counters) addAccessRecord(r *record.Record) {
	source := c.source(sourceOf(r))
	source.logged[r.Access.Logged&(variables|record.LoggedUnnamed)]++ // one of them may stand in a column without a name
	if c.isProbe(r) {
		c.read.Access++
		c.read.Probes++
		source.access++
		return
	}
	if isDoubtful(r) {
		c.read.Access++
		c.read.Doubtful++
		source.access++
		return
	}
	source.visitors.add(&r.Access)
	line := c.readHopLine(r)
	switch line.hop {
	case verdict.Edge:
		source.edge++
	case verdict.Web:
		source.web++
	}
	line.source = c.index[source.name]
	t := tallyOf(r)
	c.addUnlistedLine(t, r, line.remote)
	if t.Reason != verdict.HealthCheckProbe {
		c.joins.add(r, line, c.sets.isProxy)
	}
	c.addAccess(t, r)
	if t.Reason == verdict.EdgeHandedOnProxy && c.isEdge(line.remote) && line.handed.IsValid() && line.handed != line.remote {
		// The web hop logs the edge instead of what the edge passed on, so it
		// has a fault too.
		c.addCause(cause{verdict.RealipNotApplied, verdict.Web}, t, r)
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

// addError counts error lines that say something about the chain. Such a
// connection has no access line.
func (c *Counters) addError(t *Tally, r *record.Record) {
	switch t.Reason {
	case verdict.ProxyProtocolNotSent:
		c.addFault(cause{t.Reason, verdict.Edge}, t, r)
	case verdict.HealthCheckProbe:
		c.read.HealthChecks += t.Lines
	case verdict.PastTheNLB:
		c.read.PastNLB += t.Lines
	}
}

// addAccess counts access lines. r is nil where there is no record.
func (c *Counters) addAccess(t *Tally, r *record.Record) {
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
	case t.Reason == verdict.UnlistedNode && !c.config.GivenNLB:
		// Nobody gave a set that could be out of date: it is a client of your own
		// that speaks the PROXY protocol.
		c.addRight(source, t)
	case t.Reason.IsFault():
		c.addFault(cause{t.Reason, t.Hop}, t, r)
	case slices.Contains(t.Alternatives, verdict.ProxyProtocolNotListened):
		// A scanner can write one such line. Their share in all lines decides.
		c.addFault(cause{verdict.ProxyProtocolNotListened, verdict.Edge}, t, r)
	default:
		c.addRight(source, t)
	}
}

// addRight counts lines that show no fault.
func (c *Counters) addRight(source *sourceTally, t *Tally) {
	c.addJudged(source, t)
	c.healthy += t.Lines
	source.right += t.Lines
	if t.First != 0 {
		c.right.add(t.First, t.Lines)
		source.rightTimes.add(t.First, t.Lines)
	}
}

// addFault counts lines that show a fault.
func (c *Counters) addFault(k cause, t *Tally, r *record.Record) {
	source := c.source(t.Source)
	c.addJudged(source, t)
	c.faulty += t.Lines
	source.faulty += t.Lines
	c.addCause(k, t, r)
}

// addJudged counts lines that say something about the chain, right or wrong.
func (c *Counters) addJudged(source *sourceTally, t *Tally) {
	c.read.Judged += t.Lines
	source.judged += t.Lines
	if t.PeerAlways && t.Peer.IsValid() {
		c.peers.at(t.Peer, t.Lines).judged += t.Lines
	}
	if t.First == 0 {
		return
	}
	if c.first == 0 || t.First < c.first {
		c.first = t.First
	}
	c.last = max(c.last, t.Last)
}

// addCause counts a cause of lines that are counted already. A line can have
// several.
func (c *Counters) addCause(k cause, t *Tally, r *record.Record) {
	n := c.causes[k]
	if n == nil {
		n = newCauseTally()
		c.causes[k] = n
	}
	n.add(k, t)
	if r != nil {
		n.addRecord(r)
		if c.restsOnVisitor(k, r) {
			n.addClaim(&r.Access)
		}
	}
	source := c.source(t.Source)
	addTo(&source.causes, k, t.Lines)
	if k.isRefusal() && t.First != 0 {
		if source.refused == nil {
			source.refused = new(timeline)
		}
		source.refused.add(t.First, t.Lines)
	}
	if t.PeerAlways && t.Peer.IsValid() {
		addTo(&c.peers.at(t.Peer, 0).causes, k, t.Lines)
	}
}

// source returns the tally of a source. It mostly is that of the line before.
func (c *Counters) source(name string) *sourceTally {
	if c.latest == nil || c.latest.name != name {
		c.latest = c.findSource(name)
	}
	return c.latest
}

// findSource returns the tally of a source. When there are too many sources, the rest are
// counted as one.
func (c *Counters) findSource(name string) *sourceTally {
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

// readHopLine reads what a line says about the request that another hop may have
// logged too. Its source is not set.
func (c *Counters) readHopLine(r *record.Record) hopLine {
	a := &r.Access
	l := hopLine{header: hasHeader(a), remote: address(a.RemoteAddr), unix: bytes.HasPrefix(a.RemoteAddr, unixPeer), handed: c.handedOn(a)}
	if r.Provenance.Vouched {
		l.client = r.Client.IP
	}
	realip := address(a.RealipRemoteAddr)
	switch {
	case len(a.ProxyProtocolAddr) > 0 || c.sets.isNode(realip):
		l.hop = verdict.Edge
	case c.isEdge(realip) || c.isEdge(l.remote):
		l.hop = verdict.Web
	case realip.IsValid():
	case c.sets.isNode(l.remote) && l.handed == l.remote:
		l.hop = verdict.Web // nginx took it from the header
	case c.sets.isNode(l.remote):
		l.hop = verdict.Edge
	}
	return l
}

// handedOn returns the client that the hop before passed on, or the proxy that
// stands in its place.
func (c *Counters) handedOn(a *record.Access) netip.Addr {
	last := lastAddress(a.XForwardedFor)
	if !last.IsValid() {
		return lastAddress(a.XRealIP)
	}
	addr := last
	for header := a.XForwardedFor; c.sets.isProxy(addr); addr = lastAddress(header) {
		if header = allButLast(header); len(header) == 0 || c.sets.isNode(addr) {
			return last
		}
	}
	return addr
}

// isEdge reports whether addr is a proxy inside the network and none of the
// NLB's nodes.
func (c *Counters) isEdge(addr netip.Addr) bool {
	return isInside(addr) && !c.sets.isNode(addr) && c.sets.trusted.Contains(addr)
}
