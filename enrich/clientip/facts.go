package clientip

import (
	"bytes"
	"net/netip"

	"clearhop/verdict"
)

// A hop is one address of the evidence with what the sets say of it.
type hop struct {
	addr   netip.Addr
	class  class
	isUnix bool // the peer on a Unix-domain socket
	logged bool // the log_format carries the variable
	given  bool // the variable had a value
}

// isAddress reports whether the hop names somebody: an address, or the peer on
// a Unix-domain socket.
func (h hop) isAddress() bool { return h.addr.IsValid() || h.isUnix }

func (h hop) isProxy() bool { return h.isAddress() && h.class.isProxy() }

// isClient reports whether the hop is an address that may be the client's.
func (h hop) isClient() bool { return h.addr.IsValid() && !h.class.isProxy() }

// isPrivateStranger reports whether the hop has a private address that is in no
// set.
func (h hop) isPrivateStranger() bool {
	return h.addr.IsValid() && h.class == outside && IsPrivate(h.addr)
}

// leaveToThisHost takes a loopback address that no set holds for a proxy's on
// nginx's own host: no visitor connects from there.
func (h *hop) leaveToThisHost() {
	if h.class == outside && h.addr.IsLoopback() {
		h.class = strangerProxy
	}
}

// isOnThisHost reports whether the hop is on nginx's own host, and no set says
// what it is.
func (h hop) isOnThisHost() bool { return h.isUnix || h.addr.IsLoopback() }

// variables are the addresses of one record, each with what the sets say of it.
type variables struct {
	remote hop // $remote_addr
	realip hop // $realip_remote_addr: the peer, where it is logged
	proxy  hop // $proxy_protocol_addr
	xri    hop // $http_x_real_ip
}

// replaced reports whether the realip module is known to have put another
// address in the place of the peer's.
func (v *variables) replaced() bool {
	return v.realip.isAddress() && v.remote.addr.IsValid() && v.realip.addr != v.remote.addr
}

// peer returns the variable that shows the peer, or stands in its place.
func (v *variables) peer() *hop {
	if v.realip.isAddress() {
		return &v.realip
	}
	return &v.remote
}

// suppose takes an address for a node's wherever it stands as the peer.
func (v *variables) suppose(node netip.Addr) {
	for _, h := range []*hop{&v.remote, &v.realip} {
		if h.addr == node {
			h.class = supposedNLB
		}
	}
}

// A peerKind says what is known of the TCP peer of this nginx.
type peerKind uint8

const (
	// unknownPeer: no variable shows the peer; the realip module may have
	// replaced it.
	unknownPeer peerKind = iota
	// knownPeer: the peer and its class are known.
	knownPeer
	// guessedPeer: the sets are inferred, and the peer counts as an NLB's only
	// because nginx believed its PROXY protocol.
	guessedPeer
	// unlistedPeer: nginx believed the peer, and the sets that were given do not
	// hold it. It is probably the edge.
	unlistedPeer
	// unlistedNode: the peer behaves like a node of the NLB, and the sets that
	// were given do not hold it.
	unlistedNode
)

// A frontKind says who wrote the end of a forwarded header.
type frontKind uint8

const (
	// unknownFront: nobody knows; a trusted proxy is assumed.
	unknownFront frontKind = iota
	// peerFront: the peer.
	peerFront
	// namedFront: a host before the NLB, which the PROXY protocol names.
	namedFront
)

// facts are what one record says. They are read once and never change: the
// rules for the client and for the reason only look at them.
type facts struct {
	*Resolver
	e *Evidence
	variables

	// peer is who connected to this nginx.
	peer     hop
	peerKind peerKind
	// proxyBelieved: the peer is a proxy or unknown, so that
	// $proxy_protocol_addr is what the NLB saw.
	proxyBelieved bool
	// byEndpoint: the PROXY protocol of a proxy carried the id of a VPC
	// endpoint. The visitor is a consumer of PrivateLink.
	byEndpoint bool
	// front is who wrote the end of a forwarded header.
	front     hop
	frontKind frontKind
	// frontVouches: front stands behind the forwarded headers that came from it.
	frontVouches bool
	// xff is the walk over X-Forwarded-For from front, which is taken to be a
	// proxy.
	xff walk
	// headersAreVisitors: the forwarded headers are known to be the visitor's
	// own, so that they say nothing about the chain.
	headersAreVisitors bool
	// remoteIsLeft: $remote_addr may have been taken from the part of
	// X-Forwarded-For that the visitor wrote.
	remoteIsLeft bool
}

// read reads the facts in their order: each one depends on those above it only.
func (f *facts) read(r *Resolver, e *Evidence) {
	*f = facts{Resolver: r, e: e}
	f.peerKind = r.classify(e, &f.variables)
	switch {
	case f.realip.isAddress():
		f.peer = f.realip
	case f.peerKnown():
		f.peer = f.remote
	}
	f.proxyBelieved = f.proxy.addr.IsValid() && (!f.peerKnown() || f.peer.isProxy())
	// Where the peer is unknown, $remote_addr may be that of a client who made
	// the id up.
	f.byEndpoint = len(e.VPCEndpoint) > 0 && (f.peer.isProxy() || !f.peerKnown() && !f.remote.isClient())
	f.front, f.frontKind = f.findFront()
	f.frontVouches = f.readFrontVouches()
	f.xff = r.sets.walk(f.frontVouches, e.XForwardedFor.Text)
	f.headersAreVisitors = f.readHeadersAreVisitors()
	f.remoteIsLeft = f.readRemoteIsLeft()
}

// peerKnown reports whether the peer's address is known.
func (f *facts) peerKnown() bool { return f.peerKind != unknownPeer }

// classify reads the variables and the kind of the peer. The classes are those
// of the sets, but for the cases in which the evidence says more than the sets.
func (r *Resolver) classify(e *Evidence, v *variables) peerKind {
	v.remote = r.readAddr(e.RemoteAddr)
	v.realip = r.readAgain(e.RealipRemoteAddr, e.RemoteAddr, v.remote)
	v.proxy = r.readAgain(e.ProxyProtocolAddr, e.RemoteAddr, v.remote)
	v.xri = r.readHeader(e.XRealIP)
	if v.proxyIsConsumer(e) {
		// By PrivateLink the client's address is private, and inferred sets
		// would take it for an NLB's.
		if v.remote.addr == v.proxy.addr {
			v.remote.class = outside
		}
		v.proxy.class = outside
	}
	v.remote.leaveToThisHost()
	v.realip.leaveToThisHost()
	v.proxy.leaveToThisHost()
	switch {
	case r.sets.inferred && v.peerSpokeProxyProtocol():
		v.realip.class = supposedNLB
		return guessedPeer
	case r.peerIsUnlistedNode(e, v):
		v.suppose(v.peer().addr)
		return unlistedNode
	case r.peerIsUnlisted(v):
		v.realip.class = strangerProxy
		return unlistedPeer
	case r.passedOnCheck(e, v):
		v.remote.class = strangerProxy
		if v.realip.isAddress() {
			v.realip.class = strangerProxy
		}
		return unlistedPeer
	case r.isOwnRequest(e, v):
		v.remote.class = internal
		for _, h := range []*hop{&v.realip, &v.proxy} {
			if h.addr.IsLoopback() {
				h.class = internal
			}
		}
	}
	if v.realip.isAddress() || v.remote.isProxy() {
		return knownPeer
	}
	return unknownPeer
}

// proxyIsConsumer reports whether $proxy_protocol_addr is the private address of
// a consumer of PrivateLink, which inferred sets take for an NLB's.
func (v *variables) proxyIsConsumer(e *Evidence) bool {
	return v.proxy.class == supposedNLB && len(e.VPCEndpoint) > 0 && (!v.realip.isAddress() || v.realip.isProxy())
}

// peerSpokeProxyProtocol reports whether nginx took the word of the PROXY
// protocol from a peer that no set holds, so that nginx trusts this peer. An NLB
// of IPv6 targets has a public address, which no set infers.
func (v *variables) peerSpokeProxyProtocol() bool {
	return v.proxy.isClient() && v.proxy.addr == v.remote.addr && v.replaced() && !v.realip.isProxy()
}

// peerIsUnlisted reports whether nginx believed a private peer that is in no
// set, where the sets that were given name no proxy but the NLB: it is probably
// the edge. Where they name other proxies, a peer that they lack is a stranger.
func (r *Resolver) peerIsUnlisted(v *variables) bool {
	return !r.sets.inferred && !r.sets.trustedGiven && v.realip.isPrivateStranger() && v.replaced() && v.remote.isClient()
}

// peerIsUnlistedNode reports whether the peer does what only a node of the NLB
// does, although the sets that were given do not hold its address: a node was
// added, or the NLB was created again. The address must be private, because
// anybody outside can send the same.
func (r *Resolver) peerIsUnlistedNode(e *Evidence, v *variables) bool {
	peer := v.peer()
	switch {
	case r.sets.inferred || !r.sets.nlbGiven || !peer.isPrivateStranger():
		return false
	case v.realip.isAddress() && v.proxy.addr.IsValid():
		return true
	case v.proxy.addr.IsValid():
		// $remote_addr is the peer, unless nginx took it from a header.
		return v.proxy.addr != v.remote.addr && !e.headersHold(v.remote.addr)
	case v.isProxyProtocolHeader(e):
		return true
	}
	// An edge passes health checks on to the web hop. Where the proxies are
	// given, this peer is none of them.
	return r.sets.trustedGiven && v.isHealthCheck(e)
}

// passedOnCheck reports whether a health check came from a private peer that is
// in no set, where the sets that were given name no proxy but the NLB: the edge
// passed it on, or a node is missing.
func (r *Resolver) passedOnCheck(e *Evidence, v *variables) bool {
	return !r.sets.inferred && !r.sets.trustedGiven && v.peer().isPrivateStranger() && v.isHealthCheck(e)
}

// isHealthCheck reports whether the request has the user agent of the load
// balancer's health checks, and names nobody but the peer.
func (v *variables) isHealthCheck(e *Evidence) bool {
	return bytes.HasPrefix(e.UserAgent.Text, healthChecker) && !e.namesAddress() && !v.replaced()
}

// isOwnRequest reports whether a request came from nginx's own machine, as a
// container's probe does: nothing shows a proxy. Browsers do not run there, so
// that a proxy on this machine hides theirs.
func (r *Resolver) isOwnRequest(e *Evidence, v *variables) bool {
	return v.remote.class == strangerProxy && v.remote.addr.IsLoopback() && !v.replaced() &&
		(!e.ProxyProtocolAddr.present() || v.proxy.addr.IsLoopback()) && !e.XForwardedFor.present() && !e.XRealIP.present() &&
		!e.hasAny(r.before) && !e.hasAny(r.after) &&
		!r.looksLikeProbe(e) && !v.isProxyProtocolHeader(e) && !bytes.HasPrefix(e.UserAgent.Text, browser)
}

// findFront finds who wrote the end of a forwarded header.
func (f *facts) findFront() (hop, frontKind) {
	switch {
	case f.proxyBelieved:
		return f.proxy, namedFront
	case f.remote.class.isTrusted() && f.realip.class.isNLB() && f.replaced() && !f.proxy.logged:
		return f.remote, namedFront // only the PROXY protocol can have told nginx
	case f.peerKnown():
		return f.peer, peerFront
	}
	return hop{class: trusted}, unknownFront
}

// readFrontVouches reports whether front vouches for the forwarded headers that
// came from it. Of those whom the PROXY protocol names, only a CDN does: a
// consumer of PrivateLink chooses the addresses of his VPC, so that a private
// address that is in a set may be a visitor's.
func (f *facts) readFrontVouches() bool {
	if f.frontKind == namedFront {
		return f.front.class == cdn && !f.byEndpoint
	}
	return f.sets.writesHeaders(f.front.class)
}

// readHeadersAreVisitors reports whether the forwarded headers are known to be
// the visitor's own.
func (f *facts) readHeadersAreVisitors() bool {
	switch {
	case f.proxyBelieved && f.proxy.isClient(), f.byEndpoint:
		return true // the visitor reached the NLB with them
	case !f.peerKnown():
		return false
	case !f.peer.isProxy():
		return true
	case f.front.class != nlbNode || f.sets.cdn:
		return false
	}
	// Where the peer is known only from $remote_addr, a proxy's address in a
	// header shows that the edge wrote it: visitors do not know those addresses.
	return f.realip.isAddress() || f.xff.end != onlyProxies && !f.xff.pastNLB && !f.xri.isProxy()
}

func (f *facts) readRemoteIsLeft() bool {
	return f.remote.addr.IsValid() && f.xff.end == foundClient && f.xff.addr != f.remote.addr &&
		(f.replaced() || !f.realip.isAddress()) && !(f.proxyBelieved && f.proxy.addr == f.remote.addr) &&
		holds(f.e.XForwardedFor.Text[:f.xff.tokenStart], f.remote.addr)
}

// frontIsNamedProxy reports whether the PROXY protocol names a proxy before the
// NLB.
func (f *facts) frontIsNamedProxy() bool { return f.frontKind == namedFront && f.front.isProxy() }

// frontIsCDN reports whether a proxy in front of the NLB wrote the headers, or
// may have.
func (f *facts) frontIsCDN() bool {
	if f.front.class == nlbNode {
		return f.sets.cdn
	}
	return f.frontIsNamedProxy()
}

// proxyMayHaveSpoken reports whether the peer may be an NLB from whose PROXY
// protocol nginx knew the client, and the log does not show it: the headers are
// then the visitor's own. Where $remote_addr still is the peer, nginx knew
// nothing.
func (f *facts) proxyMayHaveSpoken() bool {
	return f.peer.class.isNLB() && !f.proxy.logged && f.frontKind != namedFront && f.remote.addr != f.peer.addr
}

// readAddr reads a variable that holds an address as nginx itself prints it.
func (r *Resolver) readAddr(v Value) hop {
	h := hop{logged: v.Logged, given: v.present()}
	if bytes.HasPrefix(v.Text, []byte(unixPeer)) {
		h.isUnix, h.class = true, strangerProxy
		if r.sets.unix {
			h.class = trusted
		}
		return h
	}
	if addr, ok := parseAddr(v.Text); ok {
		h.addr, h.class = addr, r.sets.classOf(addr)
	}
	return h
}

// readAgain is readAddr for a variable that mostly repeats another one, which
// was read as known: the same text is not parsed and looked up twice.
func (r *Resolver) readAgain(v, other Value, known hop) hop {
	if !v.present() || !bytes.Equal(v.Text, other.Text) {
		return r.readAddr(v)
	}
	known.logged, known.given = v.Logged, true
	return known
}

// readHeader reads a header that names one address. Where it holds a list,
// nginx takes the last one, and so does this.
func (r *Resolver) readHeader(v Value) hop {
	h := hop{logged: v.Logged, given: v.present()}
	if !h.given {
		return h
	}
	start, end := lastToken(v.Text)
	if addr, ok := parseAddrPort(v.Text[start:end]); ok {
		h.addr, h.class = addr, r.sets.classOf(addr)
	}
	return h
}

// header returns the value of a header that may name the client.
func (e *Evidence) header(field verdict.Field) Value {
	switch {
	case field == verdict.XForwardedFor:
		return e.XForwardedFor
	case field == verdict.XRealIP:
		return e.XRealIP
	case e.Header != nil:
		return e.Header(field)
	}
	return Value{}
}

// hasAny reports whether one of the headers has a value.
func (e *Evidence) hasAny(fields []verdict.Field) bool {
	for _, field := range fields {
		if e.header(field).present() {
			return true
		}
	}
	return false
}

// namesAddress reports whether anything but the peer's address was passed on.
func (e *Evidence) namesAddress() bool {
	return e.ProxyProtocolAddr.present() || e.XForwardedFor.present() || e.XRealIP.present()
}

// headersHold reports whether a forwarded header holds an address.
func (e *Evidence) headersHold(addr netip.Addr) bool {
	return holds(e.XForwardedFor.Text, addr) || holds(e.XRealIP.Text, addr)
}

var (
	healthChecker = []byte("ELB-HealthChecker/")
	browser       = []byte("Mozilla/")
)

// looksLikeProbe reports whether the request is one that a health check sends.
// A visitor can send the same user agent, and a browser asks for the path of a
// health check too, "/" above all.
func (r *Resolver) looksLikeProbe(e *Evidence) bool {
	agent := e.UserAgent.Text
	return bytes.HasPrefix(agent, healthChecker) || r.isHealthPath(e.Path) && !bytes.HasPrefix(agent, browser)
}

func (r *Resolver) isHealthPath(requested []byte) bool {
	for _, path := range r.healthPaths {
		if string(requested) == path {
			return true
		}
	}
	return false
}

var proxyProtocolV1 = []byte("PROXY TCP")

// isProxyProtocolHeader reports whether the request is a PROXY protocol header
// that nginx took for HTTP. Version 2 begins "\r\n\r\n\0": nginx skips the line
// ends and stops at the NUL.
//
// Where the evidence shows that nginx reads the protocol, a visitor sent it.
func (v *variables) isProxyProtocolHeader(e *Evidence) bool {
	line := e.BadRequest
	if v.proxy.given || v.replaced() {
		return false
	}
	if bytes.HasPrefix(line, proxyProtocolV1) {
		return true
	}
	return len(line) == 1 && line[0] == 0 && e.Status == 400
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
