package diagnose

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"

	"clearhop/enrich/clientip"
	"clearhop/record"
)

// A Survey gathers what the lines of a log tell of the chain's addresses, before
// anybody said which they are. It asks no record's provenance.
type Survey struct {
	lines   int64 // access lines that a visitor can have caused
	agents  distinct
	peers   *hitters[netip.Addr, peerEvidence]
	fronts  *hitters[netip.Prefix, frontEvidence]
	fronted int64 // lines whose client, as the NLB saw it, is known
	rhythms *hitters[uint64, rhythm]
	joins   surveyJoin
}

// peerEvidence is what a private address did.
type peerEvidence struct {
	lines    int64 // as the peer, or in the peer's place
	plain    int64 // of these, those that a visitor can have caused
	header   int64 // plain ones with a forwarded header
	http10   int64 // plain ones by HTTP/1.0, which nginx speaks to upstreams unless told otherwise
	named    int64 // with a client by the PROXY protocol
	replaced int64 // realip took another address, and no header that is logged told it
	checks   int64 // of the load balancer's user agent
	refused  int64 // before nginx's realip module ran
	unheard  int64 // PROXY protocol headers taken for a request
	broken   int64 // error lines: it sent no PROXY protocol header, or closed
	client   int64 // it stood where only clients stand
	handedOn int64 // it stood last in a forwarded header
	alone    int64 // … with nothing before it
	front    int64 // it brought requests that the hop behind logged too
	behind   int64 // it brought requests that the hop before had logged
	agents   distinct
	// protocols are the versions of HTTP that plain ones spoke. A proxying nginx
	// speaks one of them.
	protocols distinct
}

// frontEvidence is what a public network did that may be a CDN's.
type frontEvidence struct {
	lines, header int64
	agents        distinct
	clients       distinct
}

const (
	maxPeers  = 512
	maxFronts = 512
)

// NewSurvey makes an empty Survey.
func NewSurvey() *Survey {
	return &Survey{
		peers:   newHitters[netip.Addr, peerEvidence](maxPeers),
		fronts:  newHitters[netip.Prefix, frontEvidence](maxFronts),
		rhythms: newHitters[uint64, rhythm](maxRhythms),
		joins:   surveyJoin{waiting: map[uint64]surveyHalf{}},
	}
}

// Add takes a record into account.
func (s *Survey) Add(r *record.Record) {
	switch r.Dataset {
	case record.ErrorLogLine:
		if peer := address(r.Error.Client); isBrokenHeader(&r.Error) && isInside(peer) {
			s.peers.at(peer, 1).broken++
		}
	case record.AccessLine:
		s.addAccess(r)
	}
}

func (s *Survey) addAccess(r *record.Record) {
	a := &r.Access
	remote, realip, named := address(a.RemoteAddr), address(a.RealipRemoteAddr), address(a.ProxyProtocolAddr)
	handed := lastAddress(a.XForwardedFor)
	if !handed.IsValid() {
		handed = lastAddress(a.XRealIP)
	}
	header := len(a.XForwardedFor) > 0 || len(a.XRealIP) > 0
	agent := hash(a.UserAgent)

	check := bytes.HasPrefix(a.UserAgent, healthChecker)
	unheard := isUnheardHeader(a)
	refused := !unheard && isRefusedEarly(a)
	plain := !check && !unheard && !refused
	if plain {
		s.lines++
		s.agents.add(agent)
	}

	peer := realip
	if !peer.IsValid() && isInside(remote) && remote != handed {
		peer = remote // else nginx took it from the header
	}
	// An NLB of IPv6 targets has a public address.
	if isInside(peer) || peer.IsValid() && named.IsValid() && named != peer {
		p := s.peers.at(peer, 1)
		if plain {
			s.join(r, peer)
		}
		p.lines++
		count(&p.plain, plain)
		count(&p.header, plain && header)
		count(&p.http10, plain && bytes.Equal(a.Protocol, http10))
		count(&p.named, named.IsValid())
		count(&p.replaced, realip.IsValid() && remote.IsValid() && remote != realip && !header)
		count(&p.checks, check)
		count(&p.refused, refused)
		count(&p.unheard, unheard)
		if plain {
			p.agents.add(agent)
			p.protocols.add(hash(a.Protocol))
			if remote == peer && !named.IsValid() && !handed.IsValid() {
				s.pace(peer, r)
			}
		}
	}
	if isInside(named) {
		s.peers.at(named, 1).client++
	}
	if plain && isInside(handed) && !named.IsValid() {
		p := s.peers.at(handed, 1)
		p.handedOn++
		count(&p.alone, !beforeLast(a.XForwardedFor).IsValid())
		p.agents.add(agent)
	}
	s.addFront(realip, remote, named, a, agent)
}

// addFront looks for a CDN before the NLB: what the NLB takes for the client
// brings a forwarded header nearly always.
func (s *Survey) addFront(realip, remote, named netip.Addr, a *record.Access, agent uint64) {
	front, client := named, lastAddress(a.XForwardedFor)
	switch {
	case front.IsValid():
	case client.IsValid() && !isInside(client) && (isInside(realip) || !realip.IsValid()):
		// A hop behind the edge, which appended who came to it.
		front, client = client, beforeLast(a.XForwardedFor)
	case realip != remote:
		front = realip
	}
	if !front.IsValid() || isInside(front) {
		return
	}
	s.fronted++
	bits := 24
	if front.Is6() {
		bits = 48
	}
	network, _ := front.Prefix(bits)
	f := s.fronts.known(network)
	if client.IsValid() && client != front {
		f = s.fronts.at(network, 1)
		f.header++
		bytes := client.As16()
		f.clients.add(hash(bytes[:]))
		f.agents.add(agent)
	}
	if f != nil {
		f.lines++
	}
}

// A surveyJoin finds requests that two hops logged. The hop that handed the
// request on, to an upstream, stands before the one that did not.
type surveyJoin struct {
	waiting map[uint64]surveyHalf
}

type surveyHalf struct {
	source   uint64
	peer     netip.Addr
	upstream bool
}

// maxSurveyed is how many requests are looked for in the other hop's log; those
// of the first lines are enough.
const maxSurveyed = 1 << 14

func (s *Survey) join(r *record.Record, peer netip.Addr) {
	h := surveyHalf{source: hash([]byte(sourceOf(r))), peer: peer, upstream: r.Access.UpstreamAsked()}
	for _, id := range requestIDs(r) {
		if len(id) < minRequestID {
			continue
		}
		key := hash(id)
		other, ok := s.joins.waiting[key]
		switch {
		case !ok && len(s.joins.waiting) < maxSurveyed:
			s.joins.waiting[key] = h
		case ok && other.source != h.source && other.upstream != h.upstream:
			front, behind := h, other
			if other.upstream {
				front, behind = other, h
			}
			s.peers.at(front.peer, 0).front++
			s.peers.at(behind.peer, 0).behind++
			delete(s.joins.waiting, key)
		}
	}
}

func (s *Survey) pace(peer netip.Addr, r *record.Record) {
	p := s.rhythms.at(probeKey(peer, r), 1)
	if p.n == 0 {
		p.peer = peer
		p.path, p.userAgent = short(r.URL.Path, 40), short(r.Access.UserAgent, 40)
	}
	p.add(timeOf(r))
}

// Roles are the addresses of the chain as a Survey inferred them.
type Roles struct {
	NLB      []Peer         `json:"nlb,omitempty"`
	Edge     []Peer         `json:"edge,omitempty"`     // tasks that hand requests on to the web hop
	Internal []Peer         `json:"internal,omitempty"` // clients of your own
	CDN      []netip.Prefix `json:"cdn,omitempty"`      // networks of a proxy before the NLB
	Probes   []Probe        `json:"probes,omitempty"`
}

// A Peer is an address of the chain and why it was taken for what it is.
type Peer struct {
	Address    netip.Addr `json:"address"`
	Lines      int64      `json:"lines"`
	UserAgents int        `json:"user_agents"` // estimated
	Why        string     `json:"why"`
	// Weak is set where an edge's task that hands nothing on would look the same.
	Weak bool `json:"weak,omitempty"`
}

// Addresses returns the addresses of peers as a set.
func Addresses(peers []Peer) clientip.Addresses {
	var set clientip.Addresses
	for _, p := range peers {
		set.Prefixes = append(set.Prefixes, netip.PrefixFrom(p.Address, p.Address.BitLen()))
	}
	return set
}

// Roles says what the private addresses are. An NLB's node speaks the PROXY
// protocol or writes nothing; a task of the edge writes forwarded headers; and
// where neither shows, nodes are the handful that carry most requests, of many
// user agents.
func (s *Survey) Roles() Roles {
	roles := Roles{Probes: probesOf(s.rhythms), CDN: s.cdn()}
	paced := map[netip.Addr]int64{}
	for _, probe := range roles.Probes {
		paced[probe.Peer] += probe.Lines
	}
	lines := s.lines
	for _, n := range paced {
		lines -= n
	}
	for _, slot := range s.peers.slots {
		p := slot.value
		found := Peer{Address: slot.key, Lines: p.lines + p.handedOn, UserAgents: p.agents.estimate()}
		var as *[]Peer
		as, found.Why, found.Weak = s.role(&roles, slot.key, p, paced[slot.key], lines)
		if as != nil {
			*as = append(*as, found)
		}
	}
	for _, peers := range [][]Peer{roles.NLB, roles.Edge, roles.Internal} {
		slices.SortFunc(peers, func(a, b Peer) int {
			return cmp.Or(cmp.Compare(b.Lines, a.Lines), a.Address.Compare(b.Address))
		})
	}
	return roles
}

// Drop takes back what was inferred of addresses that were given as something
// else: clients of your own, nodes of the NLB, other proxies.
func (r *Roles) Drop(nlb, trusted, internal clientip.Addresses) {
	is := func(set clientip.Addresses, addr netip.Addr) bool {
		return slices.Contains(set.Prefixes, netip.PrefixFrom(addr, addr.BitLen()))
	}
	r.NLB = slices.DeleteFunc(r.NLB, func(p Peer) bool { return holds(internal, p.Address) || is(trusted, p.Address) })
	r.Edge = slices.DeleteFunc(r.Edge, func(p Peer) bool { return holds(internal, p.Address) || is(nlb, p.Address) })
}

// Bounds of what is inferred.
const (
	dominantShare = 0.1 // of all requests: what a node carries
	manyAgents    = 5   // user agents behind one address that carries less
)

func (s *Survey) role(roles *Roles, addr netip.Addr, p *peerEvidence, paced, lines int64) (as *[]Peer, why string, weak bool) {
	plain := p.plain - paced
	seen := plain + p.handedOn
	var named int64 // lines of peers that speak the PROXY protocol
	for _, slot := range s.peers.slots {
		named += slot.value.named
	}
	const nearlyAll = 0.9
	ofAll := func(n, all int64) bool { return n > 0 && float64(n) >= nearlyAll*float64(all) }
	agents := p.agents.estimate()
	self := addr == localhost4 || addr == localhost6
	switch {
	case p.named > 0 && p.named*100 < named && agents < manyAgents:
		return &roles.Internal, "it speaks the PROXY protocol, but few requests come by it", false
	case p.named > 0:
		return &roles.NLB, "it speaks the PROXY protocol", false
	case p.replaced > 0 && plain > 0 && p.behind == 0 && p.header*2 < plain:
		return &roles.NLB, "nginx took other addresses from it, and no header told them", false
	case p.unheard > 0 && p.unheard >= plain:
		return &roles.NLB, "it sends PROXY protocol headers that nginx does not expect", false
	case p.behind > p.front:
		return &roles.Edge, "the hop before logged the same requests", false
	case p.front > p.behind:
		return &roles.NLB, "the hop behind logged the same requests", false
	case ofAll(p.header, plain):
		return &roles.Edge, "it hands forwarded headers on, and an NLB writes none", false
	case p.handedOn > plain && p.alone*10 < p.handedOn:
		return &roles.Edge, "it stands in forwarded headers behind a client", false
	case ofAll(p.http10, plain):
		return &roles.Edge, "it speaks HTTP/1.0, as nginx does to an upstream", false
	case p.broken > 0 && plain <= 0 && named > 0 && p.broken*100 < named:
		return &roles.Internal, "it reaches nginx past the NLB, which speaks the PROXY protocol", false
	case p.broken > 0 && plain <= 0:
		return &roles.NLB, "nginx waits for its PROXY protocol header", false
	case p.checks > 0 && p.client == 0:
		return &roles.NLB, "it sends the NLB's health checks", false
	case p.client > 0, self:
		return &roles.Internal, "it is a client of the chain", false
	case seen > 0 && float64(seen) >= dominantShare*float64(lines) && (agents >= 2 || s.agents.estimate() < 2):
		return &roles.NLB, "much of the traffic comes by it", p.protocols.estimate() < 2
	case seen > 0 && agents >= manyAgents:
		return &roles.NLB, "many user agents come by it", p.protocols.estimate() < 2
	case seen > 0:
		return &roles.Internal, "few user agents come by it", false
	case p.refused > 0:
		return &roles.NLB, "it shows where nginx refused a request early", false
	case paced > 0:
		return &roles.Internal, "its requests come at a fixed pace", false
	}
	return nil, "", false
}

var (
	localhost4 = netip.MustParseAddr("127.0.0.1")
	localhost6 = netip.IPv6Loopback()
)

// cdn returns the networks that hand on other clients than themselves, if these
// are most of what reaches the NLB and too many for a visitor's trick.
func (s *Survey) cdn() []netip.Prefix {
	const minClients, minUserAgents, nearlyAll = 3, 3, 0.9
	var networks []netip.Prefix
	var lines int64
	for _, slot := range s.fronts.slots {
		f := slot.value
		if float64(f.header) >= nearlyAll*float64(f.lines) && f.clients.estimate() >= minClients && f.agents.estimate() >= minUserAgents {
			networks = append(networks, slot.key)
			lines += f.header
		}
	}
	if lines*2 < s.fronted {
		return nil
	}
	slices.SortFunc(networks, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	return networks
}

func count(n *int64, is bool) {
	if is {
		*n++
	}
}

// address reads what nginx prints as an address.
func address(text []byte) netip.Addr {
	if len(text) == 0 || len(text) > 45 {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(string(text))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// lastAddress reads the last token of a forwarded header, which the hop before
// wrote.
func lastAddress(header []byte) netip.Addr {
	header = bytes.TrimRight(header, " ,")
	return address(header[bytes.LastIndexAny(header, " ,")+1:])
}

// beforeLast reads the last token but one.
func beforeLast(header []byte) netip.Addr { return lastAddress(allButLast(header)) }

// allButLast is a forwarded header without its last token.
func allButLast(header []byte) []byte {
	header = bytes.TrimRight(header, " ,")
	return header[:bytes.LastIndexAny(header, " ,")+1]
}

func isInside(addr netip.Addr) bool { return addr.IsValid() && clientip.IsPrivate(addr) }

var (
	http10        = []byte("HTTP/1.0")
	healthChecker = []byte("ELB-HealthChecker/")
	proxyHeaderV1 = []byte("PROXY TCP")
	brokenHeader  = []byte("broken header")
	readingProxy  = []byte("reading PROXY protocol")
)

// isUnheardHeader reports whether the request is a PROXY protocol header that
// nginx took for HTTP.
func isUnheardHeader(a *record.Access) bool {
	line := a.BadRequest
	return bytes.HasPrefix(line, proxyHeaderV1) ||
		len(line) == 1 && line[0] == 0 && a.Status.N == 400 && len(a.ProxyProtocolAddr) == 0
}

// isRefusedEarly reports whether nginx refused the request before its realip
// module ran.
func isRefusedEarly(a *record.Access) bool {
	return clientip.RejectedEarly(int(a.Status.N), a.Method, a.UpstreamAsked())
}

// isBrokenHeader reports whether an error line says that the PROXY protocol
// header that nginx waited for did not come.
func isBrokenHeader(e *record.ErrorLine) bool {
	return bytes.HasPrefix(e.Message, brokenHeader) && bytes.Contains(e.Action, readingProxy)
}
