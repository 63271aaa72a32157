package clientip

import (
	"bytes"

	"clearhop/verdict"
)

// reason finds the first reason that fits, in the order of Reasons, and adds
// to a the other ones that the same evidence allows.
func (c *resolution) reason(a *Answer) verdict.Reason {
	also := func(r verdict.Reason) { a.Alternatives = append(a.Alternatives, r) }
	switch {
	case c.isHealthCheck():
		return verdict.HealthCheckProbe
	case c.isProxyProtocolHeader() && !c.remote.isClient():
		if c.remote.isProxy() && c.rejectedEarly() {
			also(verdict.RejectedBeforeRealip) // a scanner's, through a chain that is right
		}
		return verdict.ProxyProtocolNotListened
	case !c.remote.isAddress() && !c.client.IsValid():
		return verdict.NotAnAddress
	case c.remote.isProxy() && !c.replaced() && c.rejectedEarly():
		switch {
		case c.namedElsewhere():
			also(verdict.RealipNotApplied)
		case c.remote.class.isNLB() && !c.proxy.given:
			also(verdict.ProxyProtocolOff)
		}
		return verdict.RejectedBeforeRealip
	case c.believedMuch:
		if c.isPrivateStranger(c.peer) {
			also(verdict.UnlistedProxy)
		}
		if c.xff.pastNLB && !c.headersAreVisitors() {
			also(verdict.EdgeHandedOnProxy)
		}
		return verdict.TrustsTooMuch
	case c.remote.isProxy() && c.remoteIsLeft:
		if !c.realip.isAddress() {
			also(verdict.RealipNotApplied) // the visitor may have guessed the proxy's address
		}
		return verdict.TrustsTooMuch
	case c.unlisted:
		also(verdict.TrustsTooMuch)
		return verdict.UnlistedProxy
	case c.disagree():
		return verdict.FieldsDisagree
	case c.behindCDN():
		if c.mayBeConsumer() {
			also(verdict.PrivateLink)
		}
		return verdict.CDNInFront
	case c.likelyBehindCDN():
		also(verdict.RealipNotApplied)
		return verdict.CDNInFront
	case c.handedOnProxy():
		if !c.proxy.given {
			also(verdict.ProxyProtocolOff)
		}
		return verdict.EdgeHandedOnProxy
	case c.remote.isProxy() && c.namedElsewhere():
		return verdict.RealipNotApplied
	case c.remote.isProxy() && !c.chainForwarded():
		return c.nothingForwarded(also)
	}
	if c.remote.class.isNLB() && !c.client.IsValid() && !c.proxy.given {
		// A header is there but cannot be read; the NLB's address shows all the
		// same.
		also(verdict.ProxyProtocolOff)
	}
	if c.mayBeConsumer() {
		also(verdict.PrivateLink)
	}
	if c.maybeTooMuch {
		also(verdict.TrustsTooMuch)
	}
	if c.isProxyProtocolHeader() {
		also(verdict.ProxyProtocolNotListened) // of a target group that keeps the source
	}
	switch {
	case len(c.e.VPCEndpoint) > 0:
		return verdict.PrivateLink
	case c.xff.end == unreadableHop && !c.headersAreVisitors():
		return verdict.UnreadableHop
	case len(c.claims()) > 0 || c.claimsRealIP() || c.claimsProxyAddr():
		return verdict.ClientSentForwardedFor
	}
	return verdict.OK
}

var healthChecker = []byte("ELB-HealthChecker/")

// isHealthCheck reports whether the record is a probe: nobody stands behind
// the load balancer. A visitor can send the same user agent.
func (c *resolution) isHealthCheck() bool {
	if !c.peerKnown || !c.peer.isProxy() || c.client.IsValid() ||
		c.proxy.isClient() || c.xff.end == foundClient || c.xri.isClient() {
		return false
	}
	return c.looksLikeProbe()
}

var browser = []byte("Mozilla/")

// looksLikeProbe reports whether the request is one that a health check sends.
// A browser asks for the path of one too, "/" above all.
func (c *resolution) looksLikeProbe() bool {
	agent := c.e.UserAgent.Text
	return bytes.HasPrefix(agent, healthChecker) || c.isHealthPath() && !bytes.HasPrefix(agent, browser)
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
//
// Where the evidence shows that nginx reads the protocol, a visitor sent it.
func (c *resolution) isProxyProtocolHeader() bool {
	line := c.e.BadRequest
	if c.proxy.given || c.replaced() {
		return false
	}
	if bytes.HasPrefix(line, proxyProtocolV1) {
		return true
	}
	return len(line) == 1 && line[0] == 0 && c.e.Status == 400
}

func (c *resolution) rejectedEarly() bool {
	return RejectedEarly(c.e.Status, c.e.Method, c.e.Upstream)
}

// RejectedEarly reports whether nginx answered before its realip module ran
// (its handlers sit in the post-read and preaccess phases, which a request
// refused while it is read never reaches). An upstream answers with the same
// statuses, but it is asked in a later phase.
func RejectedEarly(status int, method []byte, upstream bool) bool {
	switch status {
	case 400, 408, 414, 494, 495, 496, 497, 501, 505:
		return !upstream
	case 405:
		// The method of any other request is refused by its location.
		return !upstream && (string(method) == "TRACE" || string(method) == "CONNECT")
	}
	return false
}

// disagree reports whether two fields that should agree name clients. A header
// of the visitor's own has nothing to agree with.
func (c *resolution) disagree() bool {
	if c.proxyBelieved && c.proxy.isClient() {
		return c.remote.isClient() && c.remote.addr != c.proxy.addr
	}
	return c.headersDisagree()
}

// headersDisagree reports whether both forwarded headers name clients, and not
// the same one: a proxy handed on one of them from the visitor, and nobody can
// tell which.
func (c *resolution) headersDisagree() bool {
	if c.proxyBelieved && c.proxy.isClient() {
		return false
	}
	if c.headersAreVisitors() || c.xff.end != foundClient || c.xff.pastNLB || !c.xri.isClient() || c.xff.addr == c.xri.addr {
		return false
	}
	if c.frontIsCDN() {
		// A CDN writes X-Forwarded-For, and X-Real-IP can be the visitor's: no
		// fault, unless nginx took it.
		return c.remote.addr == c.xri.addr
	}
	// Where $remote_addr is neither of them, no header decided it, and both
	// are the visitor's claims.
	return c.remote.isProxy() || c.remote.addr == c.xff.addr || c.remote.addr == c.xri.addr
}

// behindCDN reports whether a trusted proxy stands before the NLB, and nginx
// did what it can: it read one of the two sources.
func (c *resolution) behindCDN() bool {
	switch {
	case !c.frontNamed || !c.front.class.isTrusted() || c.byEndpoint:
		return false
	case c.front.class != cdn && !c.client.IsValid():
		return false // an edge task that calls by the NLB
	}
	return !c.remote.isProxy() || c.remote.addr == c.front.addr
}

// mayBeConsumer reports whether the PROXY protocol names a proxy that may be a
// consumer of PrivateLink with the same address in his VPC, the id of whose
// endpoint is not logged.
func (c *resolution) mayBeConsumer() bool {
	return c.frontNamed && c.front.isProxy() && c.front.class != cdn && len(c.e.VPCEndpoint) == 0
}

// likelyBehindCDN reports the same where neither $proxy_protocol_addr nor
// $realip_remote_addr is logged: nginx shows a public proxy, whom only an NLB
// can have named, or a connection that no NLB stands before. A web hop shows
// one where it reads X-Forwarded-For, so that it stands there.
func (c *resolution) likelyBehindCDN() bool {
	return c.remote.class == cdn && !c.realip.logged && !c.proxy.logged && !holds(c.e.XForwardedFor.Text, c.remote.addr)
}

func (c *resolution) handedOnProxy() bool {
	switch {
	case !c.remote.isProxy() || c.frontNamed || c.headersAreVisitors():
		return false
	case c.xff.end == onlyProxies, c.xff.pastNLB, !c.e.XForwardedFor.present() && c.xri.isProxy():
		return true
	}
	// nginx read the NLB's address from a header that is not logged.
	return c.remote.class.isNLB() && c.replaced() && !c.anyGiven()
}

func (c *resolution) anyGiven() bool {
	return c.proxy.given || c.e.XForwardedFor.present() || c.e.XRealIP.present()
}

// namedElsewhere reports whether a field that the visitor did not write says
// more than $remote_addr. Behind an NLB node a header does not show that the
// chain works.
func (c *resolution) namedElsewhere() bool {
	switch {
	case c.proxyBelieved:
		return c.proxy.addr != c.remote.addr // else nginx took its word
	case c.byEndpoint && c.realip.isAddress() && !c.replaced():
		return true // the endpoint's id came by the PROXY protocol
	}
	return c.client.IsValid() && (c.field == verdict.ProxyProtocolAddr || !c.headersAreVisitors())
}

// chainForwarded reports whether a proxy handed anything on.
func (c *resolution) chainForwarded() bool {
	if c.headersAreVisitors() || c.frontNamed {
		return c.proxy.given || c.frontNamed || c.byEndpoint
	}
	return c.anyGiven() || c.client.IsValid()
}

func (c *resolution) nothingForwarded(also func(verdict.Reason)) verdict.Reason {
	headersLogged := c.e.XForwardedFor.Logged || c.e.XRealIP.Logged
	if !c.remote.class.isNLB() {
		if !headersLogged {
			also(verdict.RealipNotApplied)
		}
		also(verdict.HealthCheckProbe) // one that the edge passed on
		return verdict.EdgeHandedOnNothing
	}
	if !c.proxy.logged {
		also(verdict.RealipNotApplied)
	}
	if c.remote.class != nlbNode {
		also(verdict.EdgeHandedOnNothing) // the network may hold the edge's tasks too
	}
	also(verdict.PrivateLink)
	if !c.e.UserAgent.Logged && len(c.e.Path) == 0 {
		also(verdict.HealthCheckProbe)
	}
	return verdict.ProxyProtocolOff
}

// verdict follows from the client and the reason.
func (c *resolution) verdict(reason verdict.Reason) verdict.Verdict {
	switch {
	case reason == verdict.HealthCheckProbe:
		return verdict.HealthCheck
	case reason == verdict.FieldsDisagree, reason == verdict.TrustsTooMuch && !c.remote.isProxy():
		return verdict.Disputed
	case c.client.IsValid() && (c.sets.classOf(c.client) == internal || IsPrivate(c.client)):
		return verdict.Internal
	case c.client.IsValid() && c.client == c.remote.addr:
		return verdict.Direct
	case c.client.IsValid():
		return verdict.Forwarded
	case !c.remote.isAddress() && !c.proxy.isAddress() && !c.xri.isAddress() && c.xff.end != onlyProxies:
		return verdict.Unreadable
	}
	return verdict.Lost
}

func (c *resolution) faultyHop(reason verdict.Reason) verdict.Hop {
	switch reason {
	case verdict.ProxyProtocolNotListened, verdict.FieldsDisagree, verdict.EdgeHandedOnProxy, verdict.EdgeHandedOnNothing, verdict.ProxyProtocolOff:
		return verdict.Edge
	case verdict.RealipNotApplied:
		if c.remote.class == strangerProxy && c.proxyBelieved {
			return verdict.Edge // who speaks the PROXY protocol stands where the NLB does
		}
		if (c.remote.class == nlb || c.remote.class == supposedNLB) && !c.proxyBelieved {
			// The network holds the NLB and the edge's tasks alike. An NLB
			// writes no header, so one of the tasks shows.
			return verdict.Web
		}
		return hopOf(c.remote)
	case verdict.TrustsTooMuch:
		if c.realip.isProxy() {
			return hopOf(c.realip)
		}
	}
	return verdict.NoHop
}

// hopOf names the nginx that sees h as its peer.
func hopOf(h hop) verdict.Hop {
	if h.class.isNLB() {
		return verdict.Edge
	}
	return verdict.Web
}
