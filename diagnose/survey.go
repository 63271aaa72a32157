package diagnose

import (
	"bytes"
	"net/netip"

	"clearhop/record"
)

// A Survey gathers what the lines of a log say about the chain's addresses,
// where nobody has said yet which they are. It does not look at the records'
// provenance.
type Survey struct {
	lines   int64    // access lines that a visitor can have caused
	public  int64    // of these, with a $remote_addr that is not private
	agents  distinct // user agents of these
	peers   *frequent[netip.Addr, peerEvidence]
	fronts  *frequent[netip.Prefix, frontEvidence]
	fronted int64 // lines that show whom the NLB takes for the client
	paces   *frequent[uint64, pace]
	joins   surveyJoin
}

// peerEvidence is what the lines say about one address. An ordinary line is one
// that a visitor can have caused.
type peerEvidence struct {
	lines    int64 // with the address as the peer, or in the peer's place
	ordinary int64 // of these, the ordinary ones
	header   int64 // ordinary ones with a forwarded header
	http10   int64 // ordinary ones by HTTP/1.0, which nginx speaks to upstreams by default
	named    int64 // with a client by the PROXY protocol
	replaced int64 // realip took another address, and no logged header holds one
	checks   int64 // of the load balancer's user agent
	refused  int64 // before nginx's realip module ran
	unheard  int64 // PROXY protocol headers that nginx took for a request
	broken   int64 // error lines: it sent no PROXY protocol header, or closed
	client   int64 // the PROXY protocol names the address as a client
	local    int64 // … and the peer that named it is on nginx's own host
	browsers int64 // ordinary ones of a browser
	handedOn int64 // the address stands last in a forwarded header
	alone    int64 // … with nothing before it
	front    int64 // requests that the hop behind it logged too
	behind   int64 // requests that the hop before it logged too
	agents   distinct
	// protocols are the versions of HTTP of the ordinary lines. A proxying nginx
	// speaks only one of them.
	protocols distinct
}

// frontEvidence is what the lines say about a public network that may be a
// CDN's.
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
		peers:  newFrequent[netip.Addr, peerEvidence](maxPeers),
		fronts: newFrequent[netip.Prefix, frontEvidence](maxFronts),
		paces:  newFrequent[uint64, pace](maxPaces),
		joins:  surveyJoin{waiting: map[uint64]surveyHop{}},
	}
}

// Add takes a record into account, unless a visitor can have written the whole line.
func (s *Survey) Add(r *record.Record) {
	if r.Doubt == record.DoubtAttempt || r.Doubt != record.NoDoubt && (r.Dataset == record.AccessLine || r.Doubt == record.DoubtPossible) {
		return
	}
	switch r.Dataset {
	case record.ErrorLogLine:
		if peer := address(r.Error.Client); isBrokenHeader(&r.Error) && isInside(peer) {
			s.peers.at(peer, 1).broken++
		}
	case record.AccessLine:
		if isDoubtful(r) {
			return
		}
		line := readSurveyLine(r)
		s.addLine(&line)
		s.addPeer(&line)
		s.addHeader(&line)
		s.addFront(&line)
	}
}

// A surveyLine is what one access line says about the addresses of the chain.
type surveyLine struct {
	*record.Record
	remote, realip netip.Addr
	named          netip.Addr // the client by the PROXY protocol
	handed         netip.Addr // the last address of a forwarded header
	header         bool       // a forwarded header names an address
	agent          uint64     // hash of the user agent

	check, unheard, refused bool
	ordinary                bool // none of these: a visitor can have caused it
}

func readSurveyLine(r *record.Record) surveyLine {
	a := &r.Access
	handed := handedAddress(a)
	l := surveyLine{
		Record: r,
		remote: address(a.RemoteAddr), realip: address(a.RealipRemoteAddr), named: address(a.ProxyProtocolAddr),
		handed: handed, header: handed.IsValid(), agent: hash(a.UserAgent),
		check: isHealthCheck(a), unheard: isUnheardHeader(a),
	}
	l.refused = !l.unheard && isRefusedEarly(a)
	l.ordinary = !l.check && !l.unheard && !l.refused
	return l
}

// peer returns the address that a hop of the chain may have as the peer, and
// whether it may be one.
func (l *surveyLine) peer() (peer netip.Addr, ok bool) {
	peer = l.realip
	if !peer.IsValid() && isInside(l.remote) && l.remote != l.handed {
		peer = l.remote // else nginx took it from the header
	}
	// An NLB of IPv6 targets has a public address.
	return peer, isInside(peer) || peer.IsValid() && l.named.IsValid() && l.named != peer
}

func (s *Survey) addLine(l *surveyLine) {
	if l.ordinary {
		s.lines++
		count(&s.public, l.remote.IsValid() && !isInside(l.remote))
		s.agents.add(l.agent)
	}
}

// addPeer counts what the line says about the peer.
func (s *Survey) addPeer(l *surveyLine) {
	peer, ok := l.peer()
	if !ok {
		return
	}
	p := s.peers.at(peer, 1)
	if l.ordinary {
		s.joins.add(l.Record, peer, s.peers)
	}
	p.lines++
	count(&p.ordinary, l.ordinary)
	count(&p.header, l.ordinary && l.header)
	count(&p.browsers, l.ordinary && bytes.HasPrefix(l.Access.UserAgent, browser))
	count(&p.http10, l.ordinary && bytes.Equal(l.Access.Protocol, http10))
	count(&p.named, l.named.IsValid())
	count(&p.replaced, l.realip.IsValid() && l.remote.IsValid() && l.remote != l.realip && !l.header)
	count(&p.checks, l.check)
	count(&p.refused, l.refused)
	count(&p.unheard, l.unheard)
	if !l.ordinary {
		return
	}
	p.agents.add(l.agent)
	p.protocols.add(hash(l.Access.Protocol))
	if l.remote == peer && !l.named.IsValid() && !l.handed.IsValid() {
		s.addPace(peer, l.Record)
	}
}

func (s *Survey) addPace(peer netip.Addr, r *record.Record) {
	p := s.paces.at(probeKey(peer, r), 1)
	if p.n == 0 {
		p.peer = peer
		p.path, p.userAgent = withoutPersons(r.URL.Path, 40), withoutPersons(r.Access.UserAgent, 40)
	}
	p.add(loggedAt(r))
}

// addHeader counts the private addresses that the PROXY protocol or a forwarded
// header holds.
func (s *Survey) addHeader(l *surveyLine) {
	if isInside(l.named) {
		p := s.peers.at(l.named, 1)
		p.client++
		if l.realip.IsLoopback() || bytes.HasPrefix(l.Access.RealipRemoteAddr, unixPeer) {
			p.local++
			p.agents.add(l.agent)
		}
	}
	if l.ordinary && isInside(l.handed) && !l.named.IsValid() {
		p := s.peers.at(l.handed, 1)
		p.handedOn++
		count(&p.alone, !beforeLast(l.Access.XForwardedFor).IsValid())
		p.agents.add(l.agent)
	}
}

// addFront looks for a CDN before the NLB. Nearly every request that it passes
// on has a forwarded header.
func (s *Survey) addFront(l *surveyLine) {
	front, client := l.front()
	if !front.IsValid() && !client.IsValid() && l.remote.IsValid() && !isInside(l.remote) {
		s.fronted++ // a visitor of whom no CDN says anything
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
		f.agents.add(l.agent)
	}
	if f != nil {
		f.lines++
	}
}

// front returns whom the NLB takes for the client, and the client that this one
// named in X-Forwarded-For; the zero Addr where it is not known.
func (l *surveyLine) front() (front, client netip.Addr) {
	header := l.Access.XForwardedFor
	client = lastAddress(header)
	switch {
	case l.named.IsValid():
		return l.named, client
	case client.IsValid() && !isInside(client) && (isInside(l.realip) || !l.realip.IsValid()):
		// This hop stands behind the edge, which appended its visitor.
		return client, beforeLast(header)
	case l.realip != l.remote:
		return l.realip, client
	}
	return netip.Addr{}, client
}

// A surveyJoin finds requests that two hops logged. The hop that asked an
// upstream stands before the hop that did not.
type surveyJoin struct {
	waiting map[uint64]surveyHop // by the hash of the request's id
}

type surveyHop struct {
	source   uint64 // hash of its name
	peer     netip.Addr
	upstream bool // an upstream was asked
}

// maxSurveyed is how many requests wait for the line of another hop. The first
// ones are enough.
const maxSurveyed = 1 << 14

func (j *surveyJoin) add(r *record.Record, peer netip.Addr, peers *frequent[netip.Addr, peerEvidence]) {
	h := surveyHop{source: hash([]byte(sourceOf(r))), peer: peer, upstream: r.Access.UpstreamAsked()}
	for _, id := range requestIDs(r) {
		if len(id) < minRequestID {
			continue
		}
		key := hash(id)
		other, ok := j.waiting[key]
		switch {
		case !ok && len(j.waiting) < maxSurveyed:
			j.waiting[key] = h
		case ok && other.source != h.source && other.upstream != h.upstream:
			front, behind := h, other
			if other.upstream {
				front, behind = other, h
			}
			peers.at(front.peer, 0).front++
			peers.at(behind.peer, 0).behind++
			delete(j.waiting, key)
		}
	}
}
