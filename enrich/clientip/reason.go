package clientip

import (
	"bytes"
	"net/netip"
)

// reason finds the first reason that fits, in the order of Reasons, and adds
// to a the other ones that the same evidence allows.
func (c *resolution) reason(a *Answer) Reason {
	switch {
	case !c.remote.isAddress() && !c.client.IsValid() && c.xff.end != onlyProxies && !c.xri.isProxy():
		return NotAnAddress
	case c.isHealthCheck():
		return HealthCheckProbe
	case c.isProxyProtocolHeader():
		return ProxyProtocolNotListened
	case c.remote.isProxy() && rejectedEarly(c.e.Status):
		c.alternativesOfRejection(a)
		return RejectedBeforeRealip
	case c.believedMuch || c.tookForgedProxy():
		return TrustsTooMuch
	case c.disagree():
		return FieldsDisagree
	case c.behindCDN && !c.remote.class.isNLB():
		return CDNInFront
	case c.handedOnProxy():
		if !c.proxy.given {
			a.Alternatives = append(a.Alternatives, ProxyProtocolOff)
		}
		return EdgeHandedOnProxy
	case c.remote.isProxy() && c.client.IsValid():
		return c.realipOrProxyProtocol(a)
	case c.remote.isProxy() && !c.anyForwarded():
		return c.nothingForwarded(a)
	}
	if c.remote.class.isNLB() && !c.client.IsValid() {
		// A header is there but cannot be read; the NLB's address shows all
		// the same.
		a.Alternatives = append(a.Alternatives, ProxyProtocolOff)
	}
	if c.maybeTooMuch {
		a.Alternatives = append(a.Alternatives, TrustsTooMuch)
	}
	switch {
	case len(c.e.VPCEndpoint) > 0:
		return PrivateLink
	case c.xff.end == unreadableHop:
		return UnreadableHop
	case c.visitorSentHeader():
		return ClientSentForwardedFor
	}
	return OK
}

var healthChecker = []byte("ELB-HealthChecker/")

func (c *resolution) isHealthCheck() bool {
	if !c.peerKnown || !c.peer.isProxy() || c.proxy.isClient() || c.xff.end == foundClient || c.xri.isClient() {
		return false
	}
	return bytes.HasPrefix(c.e.UserAgent.Text, healthChecker) || c.isHealthPath()
}

func (c *resolution) isHealthPath() bool {
	for _, path := range c.healthPaths {
		if string(c.e.Path) == path {
			return true
		}
	}
	return false
}

var proxyProtocolV1 = []byte("PROXY TCP")

// isProxyProtocolHeader reports whether the request is a PROXY protocol header
// that nginx took for HTTP. Version 2 begins "\r\n\r\n\0": nginx skips the
// line ends and stops at the NUL.
func (c *resolution) isProxyProtocolHeader() bool {
	line := c.e.BadRequest
	if bytes.HasPrefix(line, proxyProtocolV1) {
		return true
	}
	return len(line) == 1 && line[0] == 0 && c.e.Status == 400 && !c.proxy.given
}

// rejectedEarly reports whether nginx answers with the status before its
// realip module has run (its handlers sit in the post-read and preaccess
// phases, which a request refused while it is read never reaches).
func rejectedEarly(status int) bool {
	switch status {
	case 400, 408, 414, 494, 505:
		return true
	}
	return false
}

func (c *resolution) alternativesOfRejection(a *Answer) {
	switch {
	case c.client.IsValid():
		a.Alternatives = append(a.Alternatives, RealipNotApplied)
	case c.remote.class.isNLB() && !c.proxy.given:
		a.Alternatives = append(a.Alternatives, ProxyProtocolOff)
	}
}

// tookForgedProxy: $remote_addr is a proxy's address that a visitor wrote into
// the header, to the left of an address that is no proxy.
func (c *resolution) tookForgedProxy() bool {
	return c.remote.isProxy() && c.remote.addr.IsValid() && c.xff.end == foundClient &&
		holds(c.e.XForwardedFor.Text[:c.xff.tokenStart], c.remote.addr)
}

// headersAreVisitors reports whether the peer is known not to write forwarded
// headers, so that they tell nothing about the chain.
func (c *resolution) headersAreVisitors() bool {
	return c.peerKnown && !c.sets.writesHeaders(c.peer.class)
}

func (c *resolution) disagree() bool {
	if c.proxyVouched && c.proxy.isClient() {
		return c.remote.isClient() && c.remote.addr != c.proxy.addr
	}
	if c.headersAreVisitors() || c.xff.end != foundClient || !c.xri.isClient() || c.xff.addr == c.xri.addr {
		return false
	}
	// Where $remote_addr is neither of them, no header decided it, and both
	// are the visitor's claims.
	return c.remote.isProxy() || c.remote.addr == c.xff.addr || c.remote.addr == c.xri.addr
}

func (c *resolution) handedOnProxy() bool {
	if !c.remote.isProxy() || c.field == ProxyProtocolAddr && c.headersAreVisitors() {
		return false
	}
	return c.xff.end == onlyProxies || !c.e.XForwardedFor.present() && c.xri.isProxy()
}

// realipOrProxyProtocol tells a realip module that did not act from a PROXY
// protocol that is not spoken, where $remote_addr is a proxy and a field names
// a client.
func (c *resolution) realipOrProxyProtocol(a *Answer) Reason {
	// A header behind an NLB node is the visitor's: it does not show that the
	// chain works.
	byVisitor := c.headersAreVisitors() && c.field != ProxyProtocolAddr
	switch {
	case byVisitor && c.proxy.logged:
		a.Alternatives = append(a.Alternatives, RealipNotApplied)
		return ProxyProtocolOff
	case byVisitor:
		a.Alternatives = append(a.Alternatives, ProxyProtocolOff)
	}
	return RealipNotApplied
}

func (c *resolution) anyForwarded() bool {
	return c.proxy.given || c.e.XForwardedFor.present() || c.e.XRealIP.present()
}

func (c *resolution) nothingForwarded(a *Answer) Reason {
	headersLogged := c.e.XForwardedFor.Logged || c.e.XRealIP.Logged
	if !c.remote.class.isNLB() {
		if !headersLogged {
			a.Alternatives = append(a.Alternatives, RealipNotApplied)
		}
		a.Alternatives = append(a.Alternatives, HealthCheckProbe) // one that the edge passed on
		return EdgeHandedOnNothing
	}
	if !c.proxy.logged {
		a.Alternatives = append(a.Alternatives, RealipNotApplied)
	}
	a.Alternatives = append(a.Alternatives, PrivateLink)
	if !c.e.UserAgent.Logged && len(c.e.Path) == 0 {
		a.Alternatives = append(a.Alternatives, HealthCheckProbe)
	}
	return ProxyProtocolOff
}

// visitorSentHeader reports whether the record holds what a visitor wrote.
func (c *resolution) visitorSentHeader() bool {
	return len(c.claims()) > 0 || c.forgeableAddr
}

// claims returns the part of X-Forwarded-For that the visitor wrote, as far as
// that can be told: what stands to the left of the client. Where the client is
// known otherwise, the walk's last token is a claim as well.
func (c *resolution) claims() []byte {
	header := c.e.XForwardedFor.Text
	switch {
	case c.xff.end == noToken:
		return nil
	case c.field == XForwardedFor && c.withheld:
		return header[:c.won.tokenEnd]
	case c.field == XForwardedFor:
		return bytes.Trim(header[:c.won.tokenStart], " ,")
	case c.field == ProxyProtocolAddr:
		return header // it came through the NLB, which writes none
	case c.xff.end == onlyProxies:
		return nil
	case c.headersAreVisitors():
		return header
	case c.xff.end == foundClient && c.xff.addr == c.client:
		return bytes.Trim(header[:c.xff.tokenStart], " ,")
	}
	return header[:c.xff.tokenEnd]
}

// passed returns the part of X-Forwarded-For that lists the proxies between
// the client and the peer.
func (c *resolution) passed() []byte {
	header := c.e.XForwardedFor.Text
	switch {
	case c.field == XForwardedFor:
		return header[c.won.tokenEnd:]
	case c.field == ProxyProtocolAddr:
		return nil
	case c.xff.end == onlyProxies:
		return header
	case c.xff.end == foundClient && c.xff.addr == c.client:
		return header[c.xff.tokenEnd:]
	}
	return nil
}

// fill writes to a what follows from the client and the reason.
func (c *resolution) fill(a *Answer) {
	a.Client, a.Field, a.Vouched = c.client, c.field, c.vouched
	if c.peerKnown {
		a.Peer = c.peer.addr
	}
	a.NLBPrivateIP = c.remote.addr.IsValid() && c.remote.class.isNLB()
	a.NLBInferred = a.NLBPrivateIP && c.sets.inferred
	a.Verdict = c.verdict(a.Reason)
	a.Hop = c.faultyHop(a.Reason)
	if c.strict && (!a.Vouched || a.Verdict == Disputed) {
		c.withhold(a)
	}
	c.listHops(a)
	c.listClaims(a)
}

func (c *resolution) verdict(reason Reason) Verdict {
	switch {
	case reason == HealthCheckProbe:
		return HealthCheck
	case reason == FieldsDisagree, reason == TrustsTooMuch && !c.remote.isProxy():
		return Disputed
	case c.client.IsValid() && (c.sets.classOf(c.client) == internal || isPrivate(c.client)):
		return Internal
	case c.client.IsValid() && c.client == c.remote.addr:
		return Direct
	case c.client.IsValid():
		return Forwarded
	case reason == NotAnAddress:
		return Unreadable
	}
	return Lost
}

func (c *resolution) faultyHop(reason Reason) Hop {
	switch reason {
	case ProxyProtocolNotListened, FieldsDisagree, EdgeHandedOnProxy, EdgeHandedOnNothing, ProxyProtocolOff:
		return Edge
	case RealipNotApplied:
		return hopOf(c.remote)
	case TrustsTooMuch:
		if c.peer.isProxy() {
			return hopOf(c.peer)
		}
	}
	return NoHop
}

// hopOf names the nginx that sees h as its peer.
func hopOf(h hop) Hop {
	if h.class.isNLB() {
		return Edge
	}
	return Web
}

// withhold takes the client back in strict mode: what no trusted hop vouches
// for is a claim.
func (c *resolution) withhold(a *Answer) {
	if !a.Client.IsValid() {
		return
	}
	if a.Verdict != Disputed {
		a.Verdict = Lost
	}
	c.withheld = true
	a.Client, a.Field, a.Vouched = netip.Addr{}, "", false
}

// listHops lists the addresses known from the client to the peer.
func (c *resolution) listHops(a *Answer) {
	a.addHop(a.Client)
	c.listProxies(a, c.passed())
	if c.proxyVouched && c.proxy.isProxy() {
		a.addHop(c.proxy.addr)
	}
	if c.remote.isProxy() {
		a.addHop(c.remote.addr)
	}
	if c.realip.isProxy() {
		a.addHop(c.realip.addr)
	}
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
	if c.withheld && c.field != XForwardedFor {
		a.addClaim(c.token)
	}
	fromHeader := c.field != ProxyProtocolAddr && c.field != RemoteAddr
	if c.xri.isClient() && c.xri.addr != c.client && !fromHeader && a.Reason != FieldsDisagree {
		a.addClaim(c.e.XRealIP.Text)
	}
	if c.forgeableAddr && c.proxy.addr != c.client {
		a.addClaim(c.e.ProxyProtocolAddr.Text)
	}
	if bytes.HasPrefix(c.e.BadRequest, proxyProtocolV1) {
		a.addClaim(sourceOfProxyHeader(c.e.BadRequest))
	}
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
