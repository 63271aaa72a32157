package clientip

import (
	"bytes"
	"net/netip"
	"slices"

	"clearhop/verdict"
)

// Resolve says who the client of e is, and writes the answer to a.
func (r *Resolver) Resolve(e *Evidence, a *Answer) {
	a.reset()
	c := r.read(e)
	c.findClient()
	a.Reason = c.reason(a)
	c.fill(a)
}

// A hop is one address of the evidence with what the sets say of it.
type hop struct {
	addr   netip.Addr
	class  class
	isUnix bool
	logged bool
	given  bool // the variable had a value
}

// isAddress reports whether the hop names somebody: an address, or the peer on
// a Unix-domain socket.
func (h hop) isAddress() bool { return h.addr.IsValid() || h.isUnix }

func (h hop) isProxy() bool { return h.isAddress() && h.class.isProxy() }

// isClient reports whether the hop is an address that may be the client's.
func (h hop) isClient() bool { return h.addr.IsValid() && !h.class.isProxy() }

// A resolution is one record on its way to an answer.
type resolution struct {
	*Resolver
	e *Evidence

	remote hop // $remote_addr
	realip hop // $realip_remote_addr: the peer, if logged
	proxy  hop // $proxy_protocol_addr
	xri    hop // $http_x_real_ip
	// peer is who connected to this nginx. Where it is unknown, realip may
	// have replaced it.
	peer      hop
	peerKnown bool
	// proxyBelieved says that rule 1 holds: the peer is a proxy or unknown, so
	// that $proxy_protocol_addr is what the NLB saw.
	proxyBelieved bool
	// byEndpoint says that the PROXY protocol of a proxy brought the id of a VPC
	// endpoint: the visitor is a consumer of PrivateLink.
	byEndpoint bool
	// front is who wrote the end of a forwarded header: who stands before the
	// NLB if the PROXY protocol says so, and then frontNamed, else the peer.
	front      hop
	frontNamed bool
	// xff is the walk over X-Forwarded-For from front, taken to be a proxy.
	xff walk
	// remoteIsLeft says that $remote_addr may have been taken from the part of
	// X-Forwarded-For that the visitor wrote.
	remoteIsLeft bool

	client       netip.Addr
	field        verdict.Field
	vouched      bool
	token        []byte // the text that the client was read from
	won          walk   // where that stands, if it stands in a header
	withheld     bool   // strict mode took the client back
	guessed      bool   // the peer counts as a proxy only because nginx believed it
	unlisted     bool   // … and a set that was given should hold it
	believedMuch bool   // nginx took what a visitor can write
	maybeTooMuch bool   // … or it may have
}

func (r *Resolver) read(e *Evidence) resolution {
	c := resolution{Resolver: r, e: e}
	c.remote = r.readAddr(e.RemoteAddr)
	c.realip = r.readAddr(e.RealipRemoteAddr)
	c.proxy = r.readAddr(e.ProxyProtocolAddr)
	c.xri = r.readHeader(e.XRealIP)
	if c.proxy.class == supposedNLB && len(e.VPCEndpoint) > 0 && (!c.realip.isAddress() || c.realip.isProxy()) {
		// By PrivateLink the client's address is private, and inferred sets
		// would take it for an NLB.
		c.proxy.class = outside
		if c.remote.addr == c.proxy.addr {
			c.remote.class = outside
		}
	}
	if r.sets.inferred && c.proxy.isClient() && c.proxy.addr == c.remote.addr && c.replaced() && !c.realip.isProxy() {
		// nginx took the PROXY protocol's word, so that it trusts this peer. An
		// NLB of IPv6 targets has a public address, which no set infers.
		c.realip.class, c.guessed = supposedNLB, true
	}
	if c.peerIsUnlisted() {
		c.realip.class, c.guessed, c.unlisted = strangerProxy, true, true
	}
	if c.isOwnRequest() {
		c.remote.class = internal
		if !c.replaced() {
			c.realip.class = internal
		}
	}
	switch {
	case c.realip.isAddress():
		c.peer, c.peerKnown = c.realip, true
	case c.remote.isProxy():
		c.peer, c.peerKnown = c.remote, true
	}
	c.proxyBelieved = c.proxy.addr.IsValid() && (!c.peerKnown || c.peer.isProxy())
	// Where the peer is unknown, $remote_addr may be one who made the id up.
	c.byEndpoint = len(e.VPCEndpoint) > 0 && (c.peer.isProxy() || !c.peerKnown && !c.remote.isClient())
	switch {
	case c.proxyBelieved:
		c.front, c.frontNamed = c.proxy, true
	case c.remote.class.isTrusted() && c.realip.class.isNLB() && c.replaced() && !c.proxy.logged:
		c.front, c.frontNamed = c.remote, true // only the PROXY protocol can have told nginx
	case c.peerKnown:
		c.front = c.peer
	default:
		c.front.class = trusted
	}
	c.xff = r.sets.walk(c.frontWrites(), e.XForwardedFor.Text)
	c.remoteIsLeft = c.remote.addr.IsValid() && c.xff.end == foundClient && c.xff.addr != c.remote.addr &&
		(c.replaced() || !c.realip.isAddress()) && !(c.proxyBelieved && c.proxy.addr == c.remote.addr) &&
		holds(e.XForwardedFor.Text[:c.xff.tokenStart], c.remote.addr)
	return c
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

// readHeader reads a header that names one address. Where it holds a list,
// nginx takes the last one, and so do we.
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

// replaced reports whether the realip module is known to have put another
// address in the place of the peer's.
func (c *resolution) replaced() bool {
	return c.realip.isAddress() && c.remote.addr.IsValid() && c.realip.addr != c.remote.addr
}

// peerIsUnlisted reports whether nginx believed a private peer that is in no
// set, where the sets that were given name no proxy but the NLB: it is likely
// the edge. Where they name others, one that they lack is a stranger.
func (c *resolution) peerIsUnlisted() bool {
	return !c.sets.inferred && !c.sets.trustedGiven && c.isPrivateStranger(c.realip) && c.replaced() && c.remote.isClient()
}

// isPrivateStranger reports whether h has a private address that is in no set.
func (c *resolution) isPrivateStranger(h hop) bool {
	return h.addr.IsValid() && h.class == outside && IsPrivate(h.addr)
}

// isOwnRequest reports whether a request came from nginx's own machine, as a
// container's probe does. Inferred sets take a loopback address for a proxy,
// and here nothing shows one.
func (c *resolution) isOwnRequest() bool {
	return c.sets.inferred && c.remote.class == strangerProxy && c.remote.addr.IsLoopback() && !c.replaced() &&
		!c.anyGiven() && !c.anyHeader(c.before) && !c.anyHeader(c.after) &&
		!c.looksLikeProbe() && !c.isProxyProtocolHeader()
}

func (c *resolution) anyHeader(fields []verdict.Field) bool {
	for _, field := range fields {
		if c.header(field).present() {
			return true
		}
	}
	return false
}

// frontWrites reports whether front vouches for the forwarded headers that came
// from it. Of whom the PROXY protocol names only a CDN does: the consumers of
// PrivateLink choose the addresses of their VPC, so that a private one that is
// in a set may be a visitor's.
func (c *resolution) frontWrites() bool {
	if c.frontNamed {
		return c.front.class == cdn && !c.byEndpoint
	}
	return c.sets.writesHeaders(c.front.class)
}

// headersAreVisitors reports whether the forwarded headers are known to be the
// visitor's own, so that they tell nothing about the chain.
func (c *resolution) headersAreVisitors() bool {
	switch {
	case c.proxyBelieved && c.proxy.isClient(), c.byEndpoint:
		return true // the visitor reached the NLB with them
	case !c.peerKnown:
		return false
	case !c.peer.isProxy():
		return true
	case c.front.class != nlbNode || c.sets.cdn:
		return false
	}
	// Where the peer is only taken from $remote_addr, a proxy's address in a
	// header shows that the edge wrote it: visitors do not know those.
	return c.realip.isAddress() || c.xff.end != onlyProxies && !c.xff.pastNLB && !c.xri.isProxy()
}

// proxyMayHaveSpoken reports whether the peer may be an NLB of which nginx knew
// the client by the PROXY protocol, which was not logged: the headers are then
// the visitor's own. Where $remote_addr still is the peer, nginx knew nothing.
func (c *resolution) proxyMayHaveSpoken() bool {
	return c.peer.class.isNLB() && !c.proxy.logged && !c.frontNamed && c.remote.addr != c.peer.addr
}

// frontIsCDN reports whether a proxy in front of the NLB wrote the headers, or
// may have.
func (c *resolution) frontIsCDN() bool {
	if c.front.class == nlbNode {
		return c.sets.cdn
	}
	return c.frontNamed && c.front.isProxy()
}

// inHeader reports whether nginx can have read addr from X-Forwarded-For or
// X-Real-IP.
func (c *resolution) inHeader(addr netip.Addr) bool {
	return c.xri.addr == addr || c.xff.addr == addr || holds(c.e.XForwardedFor.Text, addr)
}

// findClient applies the rules of docs/verdicts.md, "Who the client is".
func (c *resolution) findClient() {
	cdn := c.proxyBelieved && c.proxy.isProxy() // in front of the NLB
	switch {
	case c.unlisted:
		c.found(c.remote.addr, verdict.RemoteAddr, false, c.e.RemoteAddr.Text)
	case c.peerKnown && c.peer.isClient():
		c.believedMuch = c.replaced()
		if c.believedMuch || !c.remote.addr.IsValid() {
			c.found(c.peer.addr, verdict.RealipRemoteAddr, true, c.e.RealipRemoteAddr.Text)
		} else {
			c.found(c.remote.addr, verdict.RemoteAddr, true, c.e.RemoteAddr.Text)
		}
	case c.useProxy && c.proxyBelieved && !cdn:
		// nginx asks set_real_ip_from before it takes this address over, which
		// is as good as knowing the peer.
		vouched := (c.peerKnown || c.proxy.addr == c.remote.addr) && !c.guessed
		c.found(c.proxy.addr, verdict.ProxyProtocolAddr, vouched, c.e.ProxyProtocolAddr.Text)
	case c.byEndpoint && (cdn || !c.remote.isClient()):
		// The consumer's address is one of the sets' too, or not logged: nobody
		// is the client. What else nginx took, it took from the consumer's words.
		c.believedMuch = c.remote.isClient()
	case (cdn || !c.remote.isClient()) && c.ask(c.before):
	case cdn && c.useProxy && c.useXFF && c.askHeader(verdict.XForwardedFor):
		c.believedMuch = c.remote.isClient() && c.remoteIsLeft
	case c.remote.isClient():
		c.askRemoteAddr()
	default:
		// As in askRemoteAddr, but what nginx took names a proxy.
		c.believedMuch = c.replaced() && c.headersAreVisitors() && c.proxy.logged && !c.proxy.given
		c.ask(c.after)
	}
}

func (c *resolution) found(addr netip.Addr, field verdict.Field, vouched bool, token []byte) {
	c.client, c.field, c.vouched, c.token = addr, field, vouched, token
}

// foundInHeader takes the token at which a walk ended. Who handed the header
// on must be known for anybody to vouch for it.
func (c *resolution) foundInHeader(w walk, field verdict.Field, header []byte) {
	c.won = w
	vouched := c.peerKnown && w.vouched
	if c.proxyMayHaveSpoken() || !c.realip.isAddress() && holds(c.e.XForwardedFor.Text, c.remote.addr) {
		// The header may be the visitor's, or what was taken for the peer may
		// stand there because nginx read it there.
		vouched = false
	}
	c.found(w.addr, field, vouched, header[w.tokenStart:w.tokenEnd])
}

// askRemoteAddr takes $remote_addr, which is no proxy behind a peer that is one
// or is unknown, unless nginx believed what a visitor can write.
func (c *resolution) askRemoteAddr() {
	visitors := c.headersAreVisitors()
	switch {
	case c.remoteIsLeft && !visitors && (c.proxy.logged || c.peer.class != nlbNode):
		c.believedMuch = true
		c.foundInHeader(c.xff, verdict.XForwardedFor, c.e.XForwardedFor.Text)
		return
	case visitors && c.proxy.logged && !c.proxy.given:
		// Behind an NLB that speaks no PROXY protocol, nginx has nothing but a
		// header of the visitor to take an address from.
		c.believedMuch = true
		c.found(c.remote.addr, verdict.RemoteAddr, false, c.e.RemoteAddr.Text)
		return
	}
	// X-Real-IP is no witness for it: whoever can write one header can write
	// both.
	beyond := c.xff.pastNLB && c.xff.addr == c.remote.addr
	if beyond && !visitors && c.peerKnown {
		// A proxy handed on the NLB's address, and nginx went on to what the
		// visitor had written before it.
		c.believedMuch = true
		c.found(c.remote.addr, verdict.RemoteAddr, false, c.e.RemoteAddr.Text)
		return
	}
	// That the PROXY protocol, not logged, gave nginx the address is the
	// likelier story behind an NLB, also where a header holds it.
	c.maybeTooMuch = c.remoteIsLeft
	// Where the PROXY protocol named a proxy, nginx has the address from a
	// header, logged or not.
	fromHeader := c.inHeader(c.remote.addr) || c.proxyBelieved && c.proxy.isProxy()
	vouched := !c.peerKnown || !fromHeader || c.frontWrites() && !c.remoteIsLeft
	vouched = vouched && !beyond
	c.found(c.remote.addr, verdict.RemoteAddr, vouched, c.e.RemoteAddr.Text)
}

// ask asks headers in their order, but none beyond an NLB's address before the
// others: there the visitor's own words stand.
func (c *resolution) ask(fields []verdict.Field) bool {
	for _, field := range fields {
		if (field != verdict.XForwardedFor || !c.xff.pastNLB) && c.askHeader(field) {
			return true
		}
	}
	return c.xff.pastNLB && slices.Contains(fields, verdict.XForwardedFor) && c.askHeader(verdict.XForwardedFor)
}

func (c *resolution) askHeader(field verdict.Field) bool {
	header := c.header(field)
	if !header.present() {
		return false
	}
	w := c.xff
	if field != verdict.XForwardedFor {
		w = c.oneAddress(field, header.Text)
	}
	if w.end != foundClient {
		return false
	}
	c.foundInHeader(w, field, header.Text)
	return true
}

func (c *resolution) header(field verdict.Field) Value {
	switch {
	case field == verdict.XForwardedFor:
		return c.e.XForwardedFor
	case field == verdict.XRealIP:
		return c.e.XRealIP
	case c.e.Header != nil:
		return c.e.Header(field)
	}
	return Value{}
}

// cloudFrontViewer holds "address:port" with a bare IPv6 address, so that what
// follows the last colon is never part of the address.
const cloudFrontViewer verdict.Field = "http_cloudfront_viewer_address"

// oneAddress reads a header that names one address as a walk of one step.
func (c *resolution) oneAddress(field verdict.Field, header []byte) walk {
	if field == cloudFrontViewer {
		if i := bytes.LastIndexByte(header, ':'); i > 0 && header[0] != '[' {
			header = header[:i]
		}
	}
	w := walk{end: unreadableHop, vouched: c.frontWrites()}
	w.tokenStart, w.tokenEnd = lastToken(header)
	addr, ok := parseAddrPort(header[w.tokenStart:w.tokenEnd])
	switch {
	case c.xff.pastNLB && c.xff.addr == addr:
		w.vouched = false // the visitor wrote the same into the other header
	case field == verdict.XRealIP && c.frontIsCDN() && !c.e.XForwardedFor.Logged:
		w.vouched = false // a CDN writes the other header, and may hand this one on
	case field != verdict.XRealIP && c.contradicted(addr):
		w.vouched = false // no CDN wrote it: the proxies hand it on from the visitor
	}
	switch {
	case !ok:
	case c.sets.classOf(addr).isProxy():
		w.end = onlyProxies
	default:
		w.end, w.addr = foundClient, addr
	}
	return w
}

// contradicted reports whether X-Forwarded-For, or an X-Real-IP that no CDN
// handed on, names another client than addr by the word of a proxy.
func (c *resolution) contradicted(addr netip.Addr) bool {
	return c.xff.end == foundClient && c.xff.vouched && c.xff.addr != addr ||
		c.frontWrites() && !c.frontIsCDN() && c.xri.isClient() && c.xri.addr != addr
}
