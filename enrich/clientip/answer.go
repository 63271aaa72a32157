package clientip

import (
	"bytes"
	"cmp"
	"net/netip"

	"clearhop/record"
	"clearhop/verdict"
)

// An Answer is what Resolve found. Use it again for the next record.
type Answer struct {
	// Client is the client's address, unmapped; the zero Addr if unknown. It is
	// never an address of the nlb or trusted sets. Inferred sets know two
	// exceptions: by PrivateLink the PROXY protocol names a private client, and
	// a loopback peer without any forwarded header is one itself.
	Client netip.Addr
	// Peer is the TCP peer that nginx saw; the zero Addr if unknown.
	Peer netip.Addr
	// Address is what was logged as $remote_addr where that is no address and
	// nothing else names the client; else nil. It aliases the evidence.
	Address []byte

	// Provenance says how the client is known. Its Hops are at most MaxHops of
	// HopCount, its Claimed at most MaxClaimed of ClaimedCount, each cut at
	// MaxToken bytes, which ClaimedCut then says. Claimed aliases the evidence.
	record.Provenance

	// Scratch space of Resolve, which allocates nothing: the rules are called
	// through tables, and Go would move what they point to to the heap.
	facts facts
	found finding

	plain plainRecord // of the records before
}

// Bounds of what an Answer keeps of a list; what is walked is not bounded.
const (
	MaxHops    = 16
	MaxClaimed = 16
	MaxToken   = 64 // bytes; the longest address with port has 53
)

func (a *Answer) reset() {
	a.Provenance.Reset()
	a.Client, a.Peer, a.Address = netip.Addr{}, netip.Addr{}, nil
}

// Resolve says who the client of e is, and writes the answer to a. If e differs from a
// record before only in the client's address, so does the answer (repeat.go).
func (r *Resolver) Resolve(e *Evidence, a *Answer) {
	a.reset()
	if s, ok := r.shapeOf(e); ok {
		if client, ok := r.publicClient(e); ok {
			if a.plain.isLike(r, e, s, client) {
				a.plain.repeat(client, a)
				return
			}
			r.resolve(e, a)
			a.plain.keep(r, e, s, client, a)
			return
		}
	}
	r.resolve(e, a)
}

// resolve reads the facts (facts.go), finds the client (client.go) and then the reason
// (reasons.go); what else the answer holds follows from these.
func (r *Resolver) resolve(e *Evidence, a *Answer) {
	f, found := &a.facts, &a.found
	f.read(r, e)
	*found = f.findClient()
	a.Reason, a.Alternatives = f.reason(found, a.Alternatives)
	if a.Reason == verdict.FieldsDisagree && f.headersDisagree() {
		// One of the two headers is the visitor's, and nobody knows which,
		// unless a CDN writes one of them.
		found.vouched = found.vouched && found.field == verdict.XForwardedFor && f.frontIsCDN()
	}
	found.vouched = found.vouched && !f.restsOnGuess(found) && !e.InsideErrorRecord
	a.Verdict = f.verdict(found.addr, a.Reason)
	a.Hop = f.hop(a.Reason)
	f.describe(found, a)
	withheld := f.strict && found.addr.IsValid() && (!found.vouched || a.Verdict == verdict.Disputed)
	if withheld {
		a.withhold()
	}
	f.listHops(found, a)
	f.listClaims(found, withheld, a)
}

// restsOnGuess reports whether the client stands in a column that is only supposed
// to hold its variable. Such a column may be what a visitor wrote.
func (f *facts) restsOnGuess(c *finding) bool {
	switch c.field {
	case "":
		return false
	case verdict.RemoteAddr:
		return f.e.RemoteAddr.Guessed
	case verdict.RealipRemoteAddr:
		return f.e.RealipRemoteAddr.Guessed
	case verdict.ProxyProtocolAddr:
		return f.e.ProxyProtocolAddr.Guessed
	}
	return f.e.header(c.field).Guessed
}

// describe writes the client and the peer to a.
func (f *facts) describe(c *finding, a *Answer) {
	a.Client, a.Field, a.Vouched = c.addr, c.field, c.vouched
	if !c.addr.IsValid() && !f.remote.addr.IsValid() {
		a.Address = f.e.RemoteAddr.Text
	}
	a.Peer = f.peer.addr
	a.NLBPrivateIP = f.remote.addr.IsValid() && f.remote.class.isNLB()
	a.NLBInferred = a.NLBPrivateIP && f.remote.class == supposedNLB && f.peerKind != unlistedNode
	a.NLB = cmp.Or(f.sets.nlbName(f.peer), f.sets.nlbName(f.remote))
}

// withhold leaves the client out, in strict mode: what no trusted hop vouches
// for is a claim.
func (a *Answer) withhold() {
	if a.Verdict != verdict.Disputed {
		a.Verdict = verdict.Lost
	}
	a.Client, a.Field, a.Vouched = netip.Addr{}, "", false
}

// listHops lists the addresses known from the client to the peer.
func (f *facts) listHops(c *finding, a *Answer) {
	a.addHop(a.Client)
	f.addProxies(a, f.passed(c))
	if f.proxyNamesProxy() {
		a.addHop(f.proxy.addr)
	}
	if f.remote.isProxy() {
		a.addHop(f.remote.addr)
	}
	if f.realip.isProxy() && f.realip.addr != f.remote.addr {
		a.addHop(f.realip.addr)
	}
}

// passed returns the part of X-Forwarded-For that lists the proxies between the
// client and the peer.
func (f *facts) passed(c *finding) []byte {
	header := f.e.XForwardedFor.Text
	switch {
	case f.headersAreVisitors:
		return nil
	case c.field == verdict.XForwardedFor:
		return header[c.end:]
	case f.xff.end == onlyProxies:
		return header
	case f.xff.end == foundClient && f.xff.addr == c.addr:
		return header[f.xff.tokenEnd:]
	}
	return nil
}

// addProxies adds the proxies of a part of a forwarded header, left to right.
func (f *facts) addProxies(a *Answer, header []byte) {
	for len(header) > 0 {
		var token []byte
		token, header = cutToken(header)
		if addr, ok := parseAddrPort(token); ok && f.sets.classOf(addr).isProxy() {
			a.addHop(addr)
		}
	}
}

func (a *Answer) addHop(addr netip.Addr) {
	if !addr.IsValid() {
		return
	}
	for _, known := range a.Hops {
		if known == addr {
			return
		}
	}
	a.HopCount++
	if len(a.Hops) < MaxHops {
		a.Hops = append(a.Hops, addr)
	}
}

// listClaims lists what the visitor said.
func (f *facts) listClaims(c *finding, withheld bool, a *Answer) {
	unvouched := withheld && !c.vouched
	claims := f.claims(c, unvouched)
	a.addClaims(claims)
	if unvouched && c.field != verdict.XForwardedFor && !holds(claims, c.addr) {
		a.addClaim(c.token)
	}
	if f.claimsRealIP(c) && a.Reason != verdict.FieldsDisagree {
		a.addClaim(f.e.XRealIP.Text)
	}
	if f.claimsProxyAddr(c) {
		a.addClaim(f.e.ProxyProtocolAddr.Text)
	}
	if bytes.HasPrefix(f.e.BadRequest, proxyProtocolV1) {
		a.addClaim(sourceOfProxyHeader(f.e.BadRequest))
	}
}

// claims returns the part of X-Forwarded-For that the visitor wrote, as far as
// that can be told: what stands to the left of the client, and the client itself
// where strict mode withholds it because nobody vouches. Where another field
// names the client, the walk's last token is a claim as well.
func (f *facts) claims(c *finding, unvouched bool) []byte {
	header := f.e.XForwardedFor.Text
	switch {
	case c.field == verdict.XForwardedFor && unvouched:
		return header[:c.end]
	case c.field == verdict.XForwardedFor:
		return bytes.Trim(header[:c.start], " ,")
	case f.headersAreVisitors:
		return header
	case f.xff.end == onlyProxies:
		return nil
	case f.xff.end == foundClient && f.xff.addr == c.addr:
		return bytes.Trim(header[:f.xff.tokenStart], " ,")
	}
	return header[:f.xff.tokenEnd]
}

// claimsRealIP reports whether X-Real-IP names somebody else than the client,
// who is known without a header, or by the one that a CDN wrote.
func (f *facts) claimsRealIP(c *finding) bool {
	if !f.xri.isClient() {
		return false
	}
	switch c.field {
	case verdict.RemoteAddr, verdict.RealipRemoteAddr, verdict.ProxyProtocolAddr:
		return f.xri.addr != c.addr
	case verdict.XForwardedFor:
		return f.frontIsCDN() && f.xri.addr != c.addr
	case "":
		return f.byEndpoint
	}
	return false
}

// claimsProxyAddr reports whether $proxy_protocol_addr comes from a peer that
// anybody can be.
func (f *facts) claimsProxyAddr(c *finding) bool {
	return f.peerKnown() && (!f.peer.isProxy() || f.peerKind == unlistedPeer) && f.proxy.addr.IsValid() && f.proxy.addr != c.addr
}

// addClaims adds the tokens of a forwarded header from left to right.
func (a *Answer) addClaims(header []byte) {
	for len(header) > 0 {
		var token []byte
		token, header = cutToken(header)
		a.addClaim(token)
	}
}

func (a *Answer) addClaim(token []byte) {
	if len(token) == 0 {
		return
	}
	a.ClaimedCount++
	if len(a.Claimed) < MaxClaimed {
		a.Claimed = append(a.Claimed, token[:min(len(token), MaxToken)])
		a.ClaimedCut = a.ClaimedCut || len(token) > MaxToken
	}
}

// cutToken returns what stands before the first separator of a forwarded
// header, and what stands behind it.
func cutToken(header []byte) (token, rest []byte) {
	n := bytes.IndexAny(header, " ,")
	if n < 0 {
		return header, nil
	}
	return header[:n], header[n+1:]
}

// sourceOfProxyHeader returns the source address of "PROXY TCP4 source …".
func sourceOfProxyHeader(line []byte) []byte {
	for range 2 {
		n := bytes.IndexByte(line, ' ')
		if n < 0 {
			return nil
		}
		line = line[n+1:]
	}
	if n := bytes.IndexByte(line, ' '); n >= 0 {
		line = line[:n]
	}
	return line
}
