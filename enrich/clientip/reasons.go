package clientip

import (
	"net/netip"

	"clearhop/verdict"
)

// A condition holds or does not hold of a record's facts and its client.
type condition func(f *facts, c *finding) bool

// A cause is a row of the table of reasons.
type cause struct {
	fits condition
	also []alternative            // other reasons that the same evidence allows
	hop  func(*facts) verdict.Hop // the hop at fault; nil where none is
}

// An alternative is listed where its condition holds; nil always holds.
type alternative struct {
	reason verdict.Reason
	where  condition
}

// causes says of each reason when it fits, what else it may be, and which hop is
// at fault. The first reason that fits is a record's reason; their order is that
// of the constants, which is also the order of the documentation. Words and
// faults stand beside the constants, in verdict/words.go.
//
// Reasons without a condition are those of error lines: see ResolveError.
var causes = [verdict.NumReasons]cause{
	verdict.InsideErrorRecord: {
		fits: func(f *facts, _ *finding) bool { return f.e.InsideErrorRecord },
	},
	verdict.UnlistedNode: {
		fits: func(f *facts, _ *finding) bool { return f.peerKind == unlistedNode },
		also: []alternative{
			{verdict.ProxyProtocolNotListened, func(f *facts, _ *finding) bool { return f.isProxyProtocolHeader(f.e) }},
			{verdict.TrustsTooMuch, func(f *facts, _ *finding) bool { return f.replaced() && f.proxy.addr != f.remote.addr }},
			{verdict.FieldsDisagree, func(f *facts, _ *finding) bool {
				return !f.realip.isAddress() && f.proxy.addr.IsValid() && !f.e.XForwardedFor.Logged
			}},
			{verdict.RealipNotApplied, func(f *facts, _ *finding) bool {
				return f.proxy.isClient() && f.remote.addr == f.peer.addr
			}},
			{verdict.PastTheNLB, nil}, // a host inside the network can do the same
		},
	},
	verdict.HealthCheckProbe: {
		fits: isHealthCheck,
		// The edge passed it on, or a node is missing from the set.
		also: []alternative{{verdict.UnlistedNode, func(f *facts, _ *finding) bool { return f.peerKind == unlistedPeer }}},
	},
	verdict.ProxyProtocolNotListened: {
		fits: func(f *facts, _ *finding) bool { return f.isProxyProtocolHeader(f.e) && !f.remote.isClient() },
		also: []alternative{
			{verdict.RejectedBeforeRealip, sentByScanner},
		},
		hop: edge,
	},
	verdict.NotAnAddress: {
		fits: func(f *facts, c *finding) bool { return !f.remote.isAddress() && !c.addr.IsValid() },
	},
	verdict.RejectedBeforeRealip: {
		fits: func(f *facts, _ *finding) bool {
			return f.remote.isProxy() && !f.replaced() && f.rejectedEarly()
		},
		also: []alternative{
			{verdict.RealipNotApplied, namedElsewhere},
			{verdict.ProxyProtocolOff, func(f *facts, c *finding) bool {
				return !namedElsewhere(f, c) && f.remote.class.isNLB() && !f.proxy.given
			}},
		},
	},
	verdict.TrustsTooMuch: {
		fits: func(f *facts, c *finding) bool {
			return c.believed == believedTooMuch || f.remote.isProxy() && f.remoteIsLeft
		},
		also: []alternative{
			{verdict.UnlistedProxy, func(f *facts, c *finding) bool {
				return c.believed == believedTooMuch && f.peer.isPrivateStranger()
			}},
			{verdict.EdgeHandedOnProxy, func(f *facts, c *finding) bool {
				return c.believed == believedTooMuch && f.xff.pastNLB && !f.headersAreVisitors
			}},
			// The visitor may have guessed the proxy's address.
			{verdict.RealipNotApplied, func(f *facts, c *finding) bool {
				return c.believed != believedTooMuch && !f.realip.isAddress()
			}},
		},
		hop: readerOfPeer,
	},
	verdict.UnlistedProxy: {
		fits: func(f *facts, _ *finding) bool { return f.peerKind == unlistedPeer },
		also: []alternative{{verdict.TrustsTooMuch, nil}},
	},
	verdict.FieldsDisagree: {fits: fieldsDisagree, hop: edge},
	verdict.CDNInFront: {
		fits: func(f *facts, c *finding) bool { return behindCDN(f, c) || f.likelyBehindCDN() },
		also: []alternative{
			{verdict.PrivateLink, func(f *facts, c *finding) bool { return behindCDN(f, c) && f.mayBeConsumer() }},
			{verdict.RealipNotApplied, func(f *facts, c *finding) bool { return !behindCDN(f, c) }},
		},
	},
	verdict.EdgeHandedOnProxy: {
		fits: edgePassedOnProxy,
		also: []alternative{{verdict.ProxyProtocolOff, noProxyProtocol}},
		hop:  edge,
	},
	verdict.RealipNotApplied: {
		fits: func(f *facts, c *finding) bool { return f.remote.isProxy() && namedElsewhere(f, c) },
		hop:  readerOfRemote,
	},
	verdict.EdgeHandedOnNothing: {
		fits: func(f *facts, c *finding) bool { return nothingPassedOn(f, c) && !f.remote.class.isNLB() },
		also: []alternative{
			{verdict.RealipNotApplied, func(f *facts, _ *finding) bool {
				return !f.e.XForwardedFor.Logged && !f.e.XRealIP.Logged
			}},
			// A hop on this host that speaks TCP has nothing to pass on.
			{verdict.ProxyProtocolOff, func(f *facts, _ *finding) bool { return f.remote.class == strangerProxy && f.remote.addr.IsLoopback() }},
			{verdict.HealthCheckProbe, nil}, // one that the edge passed on
		},
		hop: edge,
	},
	verdict.ProxyProtocolOff: {
		fits: func(f *facts, c *finding) bool { return nothingPassedOn(f, c) || f.protocolNamesNode() },
		also: []alternative{
			{verdict.RealipNotApplied, func(f *facts, _ *finding) bool { return !f.proxy.logged }},
			// The network may hold the edge's tasks too.
			{verdict.EdgeHandedOnNothing, func(f *facts, _ *finding) bool { return f.remote.class != nlbNode }},
			{verdict.PrivateLink, nil},
			{verdict.HealthCheckProbe, func(f *facts, _ *finding) bool {
				return !f.e.UserAgent.Logged && len(f.e.Path) == 0
			}},
		},
		hop: edge,
	},
	verdict.PrivateLink: {
		fits: func(f *facts, _ *finding) bool { return len(f.e.VPCEndpoint) > 0 },
		also: whereNoFaultShows,
	},
	verdict.UnreadableHop: {
		fits: func(f *facts, _ *finding) bool { return f.xff.end == unreadableHop && !f.headersAreVisitors },
		also: whereNoFaultShows,
	},
	verdict.ClientSentForwardedFor: {
		fits: func(f *facts, c *finding) bool {
			return len(f.claims(c, false)) > 0 || f.claimsRealIP(c) || f.claimsProxyAddr(c)
		},
		also: whereNoFaultShows,
	},
	verdict.OK: {
		fits: func(*facts, *finding) bool { return true },
		also: whereNoFaultShows,
	},
}

// whereNoFaultShows are the faults that the evidence allows although it shows
// none.
var whereNoFaultShows = []alternative{
	// A header is there but cannot be read; the NLB's address shows all the
	// same.
	{verdict.ProxyProtocolOff, func(f *facts, c *finding) bool {
		return f.remote.class.isNLB() && !c.addr.IsValid() && !f.proxy.given
	}},
	{verdict.PrivateLink, func(f *facts, _ *finding) bool { return f.mayBeConsumer() }},
	{verdict.TrustsTooMuch, func(_ *facts, c *finding) bool { return c.believed == mayHaveBelieved }},
	// Of a target group that keeps the source address.
	{verdict.ProxyProtocolNotListened, func(f *facts, _ *finding) bool { return f.isProxyProtocolHeader(f.e) }},
}

// reason returns the first reason that fits, and adds to also the others that
// the same evidence allows.
func (f *facts) reason(c *finding, also []verdict.Reason) (verdict.Reason, []verdict.Reason) {
	for reason := range causes {
		cause := &causes[reason]
		if cause.fits == nil || !cause.fits(f, c) {
			continue
		}
		for _, a := range cause.also {
			if a.where == nil || a.where(f, c) {
				also = append(also, a.reason)
			}
		}
		return verdict.Reason(reason), also
	}
	return verdict.NoReason, also // not reached: OK always fits
}

// isHealthCheck reports whether the record is a probe: nobody stands behind the
// load balancer.
func isHealthCheck(f *facts, c *finding) bool {
	return f.peer.isProxy() && !c.addr.IsValid() &&
		!f.proxy.isClient() && f.xff.end != foundClient && !f.xri.isClient() && f.looksLikeProbe(f.e)
}

// sentByScanner reports whether the PROXY protocol header may be a scanner's,
// sent through a chain that is right.
func sentByScanner(f *facts, _ *finding) bool { return f.remote.isProxy() && f.rejectedEarly() }

func (f *facts) rejectedEarly() bool { return RejectedEarly(f.e.Status, f.e.Method, f.e.Upstream) }

// fieldsDisagree reports whether two fields that should agree name different
// clients. A header of the visitor's own has nothing to agree with.
func fieldsDisagree(f *facts, _ *finding) bool {
	if f.proxyBelieved && f.proxy.isClient() {
		return f.remote.isClient() && f.remote.addr != f.proxy.addr
	}
	return f.headersDisagree()
}

// headersDisagree reports whether both forwarded headers name clients, and not
// the same one: a proxy passed one of them on from the visitor, and nobody can
// say which.
func (f *facts) headersDisagree() bool {
	if f.proxyBelieved && f.proxy.isClient() || f.headersAreVisitors || f.xff.pastNLB {
		return false
	}
	if f.xff.end != foundClient || !f.xri.isClient() || f.xff.addr == f.xri.addr {
		return false
	}
	if f.frontIsCDN() {
		// A CDN writes X-Forwarded-For, and X-Real-IP can be the visitor's: no
		// fault, unless nginx took it.
		return f.remote.addr == f.xri.addr
	}
	// Where $remote_addr is neither of them, no header decided it, and both
	// are the visitor's claims.
	return f.remote.isProxy() || f.remote.addr == f.xff.addr || f.remote.addr == f.xri.addr
}

// behindCDN reports whether a trusted proxy stands before the NLB, and nginx
// did what it can: it read one of the two sources.
func behindCDN(f *facts, c *finding) bool {
	switch {
	case f.frontKind != namedFront || !f.front.class.isTrusted() || f.byEndpoint:
		return false
	case f.front.class != cdn && !c.addr.IsValid():
		return false // an edge task that calls by the NLB
	}
	return !f.remote.isProxy() || f.remote.addr == f.front.addr
}

// likelyBehindCDN reports the same where neither $proxy_protocol_addr nor
// $realip_remote_addr is logged: nginx shows a public proxy. Only an NLB can have
// named it, or no NLB stands before the connection. A web hop shows one where it
// reads X-Forwarded-For, and then that header holds it.
func (f *facts) likelyBehindCDN() bool {
	return f.remote.class == cdn && !f.realip.logged && !f.proxy.logged && !holds(f.e.XForwardedFor.Text, f.remote.addr)
}

// mayBeConsumer reports whether the PROXY protocol names a proxy that may be a
// consumer of PrivateLink who has the same address in his VPC, where the id of
// the endpoint is not logged.
func (f *facts) mayBeConsumer() bool {
	return f.frontIsNamedProxy() && f.front.class != cdn && len(f.e.VPCEndpoint) == 0
}

// edgePassedOnProxy reports whether the edge wrote a proxy's address where the
// client's should be.
func edgePassedOnProxy(f *facts, _ *finding) bool {
	switch {
	case !f.remote.isProxy() || f.frontKind == namedFront || f.headersAreVisitors:
		return false
	case f.xff.end == onlyProxies, f.xff.pastNLB, !f.e.XForwardedFor.present() && f.xri.isProxy():
		return true
	}
	// nginx read the NLB's address from a header that is not logged.
	return f.remote.class.isNLB() && f.replaced() && !f.e.namesAddress()
}

func noProxyProtocol(f *facts, _ *finding) bool { return !f.proxy.given }

// namedElsewhere reports whether a field that the visitor did not write says
// more than $remote_addr. Behind an NLB node a header does not show that the
// chain works.
func namedElsewhere(f *facts, c *finding) bool {
	switch {
	case f.proxyBelieved:
		return f.proxy.addr != f.remote.addr // else nginx took its word
	case f.byEndpoint && f.realip.isAddress() && !f.replaced():
		return true // the endpoint's id came by the PROXY protocol
	}
	return c.addr.IsValid() && (c.field == verdict.ProxyProtocolAddr || !f.headersAreVisitors)
}

// nothingPassedOn reports whether a proxy shows that passed nothing on.
func nothingPassedOn(f *facts, c *finding) bool {
	if !f.remote.isProxy() {
		return false
	}
	if f.headersAreVisitors || f.frontKind == namedFront {
		return !f.proxy.given && f.frontKind != namedFront && !f.byEndpoint
	}
	return !c.addr.IsValid() && (!f.e.namesAddress() || f.headersSayNothing())
}

// headersSayNothing reports whether headers that arrived behind an NLB's address, and
// that name no client, count as absent: they are the visitor's own. A network that may
// hold the edge's tasks too is the NLB's only by its name: there an X-Forwarded-For that
// cannot be read is a reason of its own.
func (f *facts) headersSayNothing() bool {
	return f.remote.class.isNLB() && !f.proxy.given && len(f.e.VPCEndpoint) == 0 &&
		(f.remote.class == supposedNLB || f.xff.end != unreadableHop)
}

// protocolNamesNode reports whether the PROXY protocol names the NLB itself: a
// hop between the NLB and nginx wrote it, and did not read that of the NLB. Of a
// network that may hold other hosts too, only a hop on nginx's own host shows
// this. Where the NLB is the peer, a consumer of PrivateLink has the same address.
func (f *facts) protocolNamesNode() bool {
	switch {
	case !f.proxyNamesProxy() || f.byEndpoint || !f.proxy.class.isNLB():
		return false
	case f.peer.isOnThisHost():
		return true
	}
	return f.proxy.class == nlbNode && !f.realip.class.isNLB()
}

// edge is where a fault between the NLB and the first nginx is fixed.
func edge(*facts) verdict.Hop { return verdict.Edge }

// readerOfRemote is the nginx that sees $remote_addr as its peer.
func readerOfRemote(f *facts) verdict.Hop {
	switch {
	case f.remote.class == strangerProxy && f.proxyBelieved:
		return verdict.Edge // who speaks the PROXY protocol stands where the NLB does
	case (f.remote.class == nlb || f.remote.class == supposedNLB) && !f.proxyBelieved:
		// The network holds the NLB and the edge's tasks alike. An NLB writes
		// no header, so that one of the tasks shows.
		return verdict.Web
	}
	return readerOf(f.remote)
}

// readerOfPeer is the nginx that took its peer's word.
func readerOfPeer(f *facts) verdict.Hop {
	if !f.realip.isProxy() {
		return verdict.NoHop
	}
	return readerOf(f.realip)
}

// readerOf names the nginx that sees h as its peer.
func readerOf(h hop) verdict.Hop {
	if h.class.isNLB() {
		return verdict.Edge
	}
	return verdict.Web
}

// hop names the hop at fault.
func (f *facts) hop(reason verdict.Reason) verdict.Hop {
	if at := causes[reason].hop; at != nil {
		return at(f)
	}
	return verdict.NoHop
}

// isUnlistedCheck reports whether the record is a health check from a peer that
// the sets do not hold.
func (f *facts) isUnlistedCheck(client netip.Addr) bool {
	return f.peerKind == unlistedNode && !client.IsValid() && f.isHealthCheck(f.e)
}

// verdict follows from the client and the reason.
func (f *facts) verdict(client netip.Addr, reason verdict.Reason) verdict.Verdict {
	switch {
	case reason == verdict.InsideErrorRecord:
		return verdict.Disputed
	case reason == verdict.HealthCheckProbe, f.isUnlistedCheck(client):
		return verdict.HealthCheck
	case reason == verdict.FieldsDisagree, reason == verdict.TrustsTooMuch && !f.remote.isProxy():
		return verdict.Disputed
	case client.IsValid() && (f.sets.classOf(client) == internal || IsPrivate(client)):
		return verdict.Internal
	case client.IsValid() && client == f.remote.addr:
		return verdict.Direct
	case client.IsValid():
		return verdict.Forwarded
	case !f.remote.isAddress() && !f.proxy.isAddress() && !f.xri.isAddress() && f.xff.end != onlyProxies:
		return verdict.Unreadable
	}
	return verdict.Lost
}
