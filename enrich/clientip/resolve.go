package clientip

import (
	"bytes"
	"net/netip"
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
	// xff is the walk over X-Forwarded-For from the peer, taken to be a proxy.
	xff walk

	client        netip.Addr
	field         Field
	vouched       bool
	token         []byte // the text that the client was read from
	won           walk   // where that stands, if it stands in a header
	withheld      bool   // strict mode took the client back
	believedMuch  bool   // nginx took what a visitor can write
	maybeTooMuch  bool   // … or it may have
	behindCDN     bool   // the PROXY protocol names a CDN, a header the client
	proxyVouched  bool   // the NLB stands behind $proxy_protocol_addr
	forgeableAddr bool   // $proxy_protocol_addr is there, but anybody may have sent it
}

func (r *Resolver) read(e *Evidence) resolution {
	c := resolution{Resolver: r, e: e}
	c.remote = r.readAddr(e.RemoteAddr)
	c.realip = r.readAddr(e.RealipRemoteAddr)
	c.proxy = r.readAddr(e.ProxyProtocolAddr)
	if r.sets.inferred && len(e.VPCEndpoint) > 0 {
		// By PrivateLink the client's address is private, and inferred sets
		// would take it for an NLB.
		c.proxy.class = outside
	}
	c.xri = r.readHeader(e.XRealIP)
	switch {
	case c.realip.isAddress():
		c.peer, c.peerKnown = c.realip, true
	case c.remote.isProxy():
		c.peer, c.peerKnown = c.remote, true
	}
	peer := trusted
	if c.peerKnown {
		peer = c.peer.class
	}
	c.xff = r.sets.walk(peer, e.XForwardedFor.Text)
	c.proxyVouched = c.proxy.addr.IsValid() && (!c.peerKnown || c.peer.isProxy())
	c.forgeableAddr = c.proxy.addr.IsValid() && !c.proxyVouched
	return c
}

// readAddr reads a variable that holds an address as nginx itself prints it.
func (r *Resolver) readAddr(v Value) hop {
	h := hop{logged: v.Logged, given: v.present()}
	if bytes.HasPrefix(v.Text, []byte(unixPeer)) {
		h.isUnix = true
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

// writesHeaders reports whether a hop of the class writes forwarded headers.
// An NLB node does not: behind one, and with no CDN configured in front, the
// header is the visitor's own. Of a whole subnet that cannot be said, since it
// may hold the edge's tasks too.
func (s *sets) writesHeaders(c class) bool {
	return c.isProxy() && (c != nlbNode || s.cdn)
}

// findClient applies the rules of docs/verdicts.md, "Who the client is".
func (c *resolution) findClient() {
	if c.ask(c.before) || c.askProxyProtocol() {
		return
	}
	if c.remote.isClient() {
		c.askRemoteAddr()
		return
	}
	if c.remote.isProxy() && c.realip.isClient() {
		// nginx replaced a peer that is no proxy by an address that is one.
		c.believedMuch = true
		c.found(c.realip.addr, RealipRemoteAddr, true, c.e.RealipRemoteAddr.Text)
		return
	}
	c.ask(c.after)
}

func (c *resolution) found(addr netip.Addr, field Field, vouched bool, token []byte) {
	c.client, c.field, c.vouched, c.token = addr, field, vouched, token
}

// askProxyProtocol is rule 1: the NLB stands behind $proxy_protocol_addr if
// the peer is a proxy. nginx does not check that, so we do.
func (c *resolution) askProxyProtocol() bool {
	if !c.useProxy || !c.proxyVouched {
		return false
	}
	if c.proxy.isClient() {
		c.found(c.proxy.addr, ProxyProtocolAddr, true, c.e.ProxyProtocolAddr.Text)
		return true
	}
	// A CDN stands in front of the NLB: go on from its address.
	w := c.sets.walk(c.proxy.class, c.e.XForwardedFor.Text)
	if w.end != foundClient {
		return false
	}
	c.behindCDN = true
	c.foundInHeader(w, XForwardedFor, c.e.XForwardedFor.Text)
	return true
}

func (c *resolution) foundInHeader(w walk, field Field, header []byte) {
	c.won = w
	c.found(w.addr, field, c.sets.writesHeaders(w.writer), header[w.tokenStart:w.tokenEnd])
}

// askRemoteAddr is rule 2: $remote_addr is no proxy and so the client, unless
// nginx believed what a visitor can write.
func (c *resolution) askRemoteAddr() {
	header := c.e.XForwardedFor.Text
	if c.realip.isAddress() && !c.peer.isProxy() {
		c.believedMuch = c.realip.addr != c.remote.addr
		if c.believedMuch {
			c.found(c.realip.addr, RealipRemoteAddr, true, c.e.RealipRemoteAddr.Text)
			return
		}
		c.found(c.remote.addr, RemoteAddr, true, c.e.RemoteAddr.Text)
		return
	}
	// nginx can have taken $remote_addr from the header only if it stands
	// there. To the left of a token that is no proxy it is a visitor's word.
	left := c.xff.end == foundClient && c.xff.addr != c.remote.addr &&
		holds(header[:c.xff.tokenStart], c.remote.addr)
	switch {
	case left && c.sets.writesHeaders(c.xff.writer):
		c.believedMuch = true
		c.foundInHeader(c.xff, XForwardedFor, header)
		c.vouched = c.vouched && c.peerKnown
	case left:
		// Behind an NLB node both tokens are the visitor's. That the PROXY
		// protocol gave nginx the address is the likelier story.
		c.maybeTooMuch = true
		c.found(c.remote.addr, RemoteAddr, false, c.e.RemoteAddr.Text)
	default:
		fromHeader := c.xff.end == foundClient && c.xff.addr == c.remote.addr
		vouched := !c.peerKnown || !fromHeader || c.sets.writesHeaders(c.xff.writer)
		c.found(c.remote.addr, RemoteAddr, vouched, c.e.RemoteAddr.Text)
	}
}

// ask is rule 3: $remote_addr is a proxy or no address, and the headers are
// asked in their order. Before the PROXY protocol they are asked only where a
// proxy is known to stand in front.
func (c *resolution) ask(fields []Field) bool {
	if len(fields) == 0 || c.remote.isClient() && !(c.proxyVouched && c.proxy.isProxy()) {
		return false
	}
	for _, field := range fields {
		header := c.header(field)
		if !header.present() {
			continue
		}
		w := c.xff
		if field != XForwardedFor {
			w = c.oneAddress(field, header.Text)
		}
		if w.end != foundClient {
			continue
		}
		c.foundInHeader(w, field, header.Text)
		c.vouched = c.vouched && c.peerKnown
		return true
	}
	return false
}

func (c *resolution) header(field Field) Value {
	switch {
	case field == XForwardedFor:
		return c.e.XForwardedFor
	case field == XRealIP:
		return c.e.XRealIP
	case c.e.Header != nil:
		return c.e.Header(field)
	}
	return Value{}
}

// cloudFrontViewer holds "address:port" with a bare IPv6 address, so that what
// follows the last colon is never part of the address.
const cloudFrontViewer Field = "http_cloudfront_viewer_address"

// oneAddress reads a header that names one address as a walk of one step.
func (c *resolution) oneAddress(field Field, header []byte) walk {
	if field == cloudFrontViewer {
		if i := bytes.LastIndexByte(header, ':'); i >= 0 {
			header = header[:i]
		}
	}
	w := walk{end: unreadableHop, writer: trusted}
	if c.peerKnown {
		w.writer = c.peer.class
	}
	w.tokenStart, w.tokenEnd = lastToken(header)
	addr, ok := parseAddrPort(header[w.tokenStart:w.tokenEnd])
	switch {
	case !ok:
	case c.sets.classOf(addr).isProxy():
		w.end = onlyProxies
	default:
		w.end, w.addr = foundClient, addr
	}
	return w
}
