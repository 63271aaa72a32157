package clientip

import (
	"bytes"
	"cmp"
	"net/netip"

	"clearhop/verdict"
)

// fill writes to a what follows from the client and the reason.
func (c *resolution) fill(a *Answer) {
	if a.Reason == verdict.FieldsDisagree && c.headersDisagree() {
		// One of the two is the visitor's, and nobody knows which, unless a CDN
		// writes one of them.
		c.vouched = c.vouched && c.field == verdict.XForwardedFor && c.frontIsCDN()
	}
	a.Client, a.Field, a.Vouched = c.client, c.field, c.vouched
	if !c.client.IsValid() && !c.remote.addr.IsValid() {
		a.Address = c.e.RemoteAddr.Text
	}
	if c.peerKnown {
		a.Peer = c.peer.addr
	}
	a.NLBPrivateIP = c.remote.addr.IsValid() && c.remote.class.isNLB()
	a.NLBInferred = a.NLBPrivateIP && c.remote.class == supposedNLB
	a.NLB = cmp.Or(c.sets.nlbName(c.peer), c.sets.nlbName(c.remote))
	a.Verdict = c.verdict(a.Reason)
	a.Hop = c.faultyHop(a.Reason)
	if c.strict && (!a.Vouched || a.Verdict == verdict.Disputed) {
		c.withhold(a)
	}
	c.listHops(a)
	c.listClaims(a)
}

// withhold takes the client back in strict mode: what no trusted hop vouches
// for is a claim.
func (c *resolution) withhold(a *Answer) {
	if !a.Client.IsValid() {
		return
	}
	if a.Verdict != verdict.Disputed {
		a.Verdict = verdict.Lost
	}
	c.withheld = true
	a.Client, a.Field, a.Vouched = netip.Addr{}, "", false
}

// listHops lists the addresses known from the client to the peer.
func (c *resolution) listHops(a *Answer) {
	a.addHop(a.Client)
	c.listProxies(a, c.passed())
	if c.proxyBelieved && c.proxy.isProxy() {
		a.addHop(c.proxy.addr)
	}
	if c.remote.isProxy() {
		a.addHop(c.remote.addr)
	}
	if c.realip.isProxy() && c.realip.addr != c.remote.addr {
		a.addHop(c.realip.addr)
	}
}

// passed returns the part of X-Forwarded-For that lists the proxies between
// the client and the peer.
func (c *resolution) passed() []byte {
	header := c.e.XForwardedFor.Text
	switch {
	case c.headersAreVisitors():
		return nil
	case c.field == verdict.XForwardedFor:
		return header[c.won.tokenEnd:]
	case c.xff.end == onlyProxies:
		return header
	case c.xff.end == foundClient && c.xff.addr == c.client:
		return header[c.xff.tokenEnd:]
	}
	return nil
}

// listProxies adds the proxies of a part of a forwarded header, left to right.
func (c *resolution) listProxies(a *Answer, header []byte) {
	for len(header) > 0 {
		n := bytes.IndexAny(header, " ,")
		if n < 0 {
			n = len(header)
		}
		if addr, ok := parseAddrPort(header[:n]); ok && c.sets.classOf(addr).isProxy() {
			a.addHop(addr)
		}
		header = header[min(n+1, len(header)):]
	}
}

// listClaims lists what the visitor said.
func (c *resolution) listClaims(a *Answer) {
	a.addClaims(c.claims())
	if c.withheld && !c.vouched && c.field != verdict.XForwardedFor && !holds(c.claims(), c.client) {
		a.addClaim(c.token)
	}
	if c.claimsRealIP() && a.Reason != verdict.FieldsDisagree {
		a.addClaim(c.e.XRealIP.Text)
	}
	if c.claimsProxyAddr() {
		a.addClaim(c.e.ProxyProtocolAddr.Text)
	}
	if bytes.HasPrefix(c.e.BadRequest, proxyProtocolV1) {
		a.addClaim(sourceOfProxyHeader(c.e.BadRequest))
	}
}

// claims returns the part of X-Forwarded-For that the visitor wrote, as far as
// that can be told: what stands to the left of the client. Where the client is
// known otherwise, the walk's last token is a claim as well.
func (c *resolution) claims() []byte {
	header := c.e.XForwardedFor.Text
	switch {
	case c.field == verdict.XForwardedFor && c.withheld && !c.vouched:
		return header[:c.won.tokenEnd]
	case c.field == verdict.XForwardedFor:
		return bytes.Trim(header[:c.won.tokenStart], " ,")
	case c.headersAreVisitors():
		return header
	case c.xff.end == onlyProxies:
		return nil
	case c.xff.end == foundClient && c.xff.addr == c.client:
		return bytes.Trim(header[:c.xff.tokenStart], " ,")
	}
	return header[:c.xff.tokenEnd]
}

// claimsRealIP reports whether X-Real-IP names somebody else than the client,
// who is known without a header, or by the one that a CDN wrote.
func (c *resolution) claimsRealIP() bool {
	switch c.field {
	case verdict.RemoteAddr, verdict.RealipRemoteAddr, verdict.ProxyProtocolAddr:
		return c.xri.isClient() && c.xri.addr != c.client
	case verdict.XForwardedFor:
		return c.frontIsCDN() && c.xri.isClient() && c.xri.addr != c.client
	case "":
		return c.byEndpoint && c.xri.isClient()
	}
	return false
}

// claimsProxyAddr reports whether $proxy_protocol_addr is there, but from a
// peer that anybody can be.
func (c *resolution) claimsProxyAddr() bool {
	return c.peerKnown && (!c.peer.isProxy() || c.unlisted) && c.proxy.addr.IsValid() && c.proxy.addr != c.client
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
