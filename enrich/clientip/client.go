package clientip

import (
	"bytes"
	"net/netip"
	"slices"

	"clearhop/verdict"
)

// A finding is who the client is, and what the address rests on. The zero
// finding says that nobody knows.
type finding struct {
	addr    netip.Addr
	field   verdict.Field // that addr was read from
	vouched bool          // addr rests on more than a visitor's word
	token   []byte        // the text that addr was read from
	// start and end are the place of token in its header, if it stands in one.
	start, end int
	// believed says whether nginx took what a visitor can write for the
	// client's address.
	believed belief
}

// A belief says whether nginx believed more than it should.
type belief uint8

const (
	believedNoMore belief = iota
	mayHaveBelieved
	believedTooMuch
)

// clientRules are the rules of docs/verdicts.md, "Who the client is", in their
// order. The first that decides wins. Where none does, nobody knows who the
// client is.
var clientRules = [...]func(*facts) (found finding, decided bool){
	(*facts).peerIsClient,             // rule 1
	(*facts).proxyProtocolNamesClient, // rule 2
	(*facts).consumerIsUnknown,        // rule 2, where PrivateLink hides the client
	(*facts).frontNamesClient,         // rule 2, where a proxy stands before the NLB
	(*facts).remoteAddrIsClient,       // rule 3
	(*facts).headersNameClient,        // rule 4
}

func (f *facts) findClient() finding {
	for _, rule := range clientRules {
		if found, decided := rule(f); decided {
			return found
		}
	}
	return finding{}
}

// peerIsClient is rule 1: a known peer that is no proxy is the client. If
// $remote_addr is another address, nginx believed what a visitor can write.
func (f *facts) peerIsClient() (finding, bool) {
	switch {
	case f.peerKind == unlistedPeer && f.replaced():
		return f.remoteAddr(false, believedNoMore), true
	case !f.peerKnown() || !f.peer.isClient():
		return finding{}, false
	case f.replaced():
		found := f.peerAddr(believedTooMuch)
		// nginx believed this peer, so it may be a proxy that the sets lack.
		found.vouched = !f.peer.isPrivateStranger()
		return found, true
	case !f.remote.addr.IsValid():
		return f.peerAddr(believedNoMore), true
	}
	return f.remoteAddr(true, believedNoMore), true
}

// proxyProtocolNamesClient is rule 2: a client that the NLB saw.
func (f *facts) proxyProtocolNamesClient() (finding, bool) {
	if !f.useProxy || !f.proxyBelieved || f.proxy.isProxy() {
		return finding{}, false
	}
	return finding{
		addr: f.proxy.addr, field: verdict.ProxyProtocolAddr, token: f.e.ProxyProtocolAddr.Text,
		// nginx asks set_real_ip_from before it takes this address over, which
		// is as good as knowing the peer.
		vouched: f.peerKind == knownPeer && !f.peerIsLocalStranger() || f.peerKind == unknownPeer && f.proxy.addr == f.remote.addr,
	}, true
}

// peerIsLocalStranger reports whether the peer is a proxy on nginx's own host
// that the sets given do not name. Whoever can run a program there can speak the
// PROXY protocol.
func (f *facts) peerIsLocalStranger() bool {
	return !f.sets.inferred && f.peer.class == strangerProxy && f.peer.addr.IsLoopback()
}

// consumerIsUnknown belongs to rule 2: the address of a consumer of PrivateLink
// is one of the sets' too, or it is not logged. Nobody is the client, and what
// else nginx took, it took from the consumer's own words.
func (f *facts) consumerIsUnknown() (finding, bool) {
	if !f.byEndpoint || !f.proxyNamesProxy() && f.remote.isClient() {
		return finding{}, false
	}
	if f.remote.isClient() {
		return finding{believed: believedTooMuch}, true
	}
	return finding{}, true
}

// frontNamesClient belongs to rule 2: a proxy before the NLB names the client in
// a header.
func (f *facts) frontNamesClient() (finding, bool) {
	if !f.proxyNamesProxy() && f.remote.isClient() {
		return finding{}, false
	}
	if found, ok := f.ask(f.before); ok {
		return found, true
	}
	if !f.proxyNamesProxy() || !f.useProxy || !f.useXFF {
		return finding{}, false
	}
	found, ok := f.askHeader(verdict.XForwardedFor)
	if ok && f.remote.isClient() && f.remoteIsLeft {
		found.believed = believedTooMuch
	}
	return found, ok
}

// remoteAddrIsClient is rule 3: behind a peer that is a proxy or unknown,
// $remote_addr is the client if it is no proxy, unless nginx believed what a
// visitor can write.
func (f *facts) remoteAddrIsClient() (finding, bool) {
	if !f.remote.isClient() {
		return finding{}, false
	}
	// X-Real-IP is no witness for what stands past the NLB: whoever can write
	// one header can write both.
	pastNLB := f.xff.pastNLB && f.xff.addr == f.remote.addr
	switch {
	case f.headersAreVisitors && f.proxy.logged && !f.proxy.given:
		// Behind an NLB that sends no PROXY protocol, nginx has nothing but a
		// header of the visitor to take an address from.
		return f.remoteAddr(false, believedTooMuch), true
	case f.headersAreVisitors:
	case f.remoteIsLeft && (f.proxy.logged || f.peer.class != nlbNode):
		found := f.foundInHeader(f.xff, verdict.XForwardedFor, f.e.XForwardedFor.Text)
		found.believed = believedTooMuch
		return found, true
	case pastNLB && f.peerKnown():
		// A proxy passed on the NLB's address, and nginx went on to what the
		// visitor had written before it.
		return f.remoteAddr(false, believedTooMuch), true
	}
	believed := believedNoMore
	if f.remoteIsLeft {
		// Behind an NLB, also where a header holds the address, it is more
		// likely that the PROXY protocol, which is not logged, gave it to nginx.
		believed = mayHaveBelieved
	}
	return f.remoteAddr(f.remoteIsVouchedFor() && !pastNLB, believed), true
}

// remoteIsVouchedFor reports whether $remote_addr rests on more than a visitor's
// word, as far as its own place in a header says.
func (f *facts) remoteIsVouchedFor() bool {
	return !f.peerKnown() || !f.remoteMayBeFromHeader() || f.frontVouches && !f.remoteIsLeft
}

// headersNameClient is rule 4: $remote_addr is a proxy or cannot be read, and a
// header names the client.
func (f *facts) headersNameClient() (finding, bool) {
	found, _ := f.ask(f.after)
	if f.replaced() && f.headersAreVisitors && f.proxy.logged && !f.proxy.given {
		// As in rule 3, but what nginx took names a proxy.
		found.believed = believedTooMuch
	}
	return found, true
}

// proxyNamesProxy reports whether the PROXY protocol names a proxy that stands
// before the NLB.
func (f *facts) proxyNamesProxy() bool { return f.proxyBelieved && f.proxy.isProxy() }

// remoteMayBeFromHeader reports whether nginx can have read $remote_addr from a
// header. Where the PROXY protocol named a proxy it did, whether or not the
// header is logged.
func (f *facts) remoteMayBeFromHeader() bool {
	addr := f.remote.addr
	return f.xri.addr == addr || f.xff.addr == addr || holds(f.e.XForwardedFor.Text, addr) || f.proxyNamesProxy()
}

func (f *facts) remoteAddr(vouched bool, b belief) finding {
	return finding{addr: f.remote.addr, field: verdict.RemoteAddr, token: f.e.RemoteAddr.Text, vouched: vouched, believed: b}
}

func (f *facts) peerAddr(b belief) finding {
	return finding{addr: f.peer.addr, field: verdict.RealipRemoteAddr, token: f.e.RealipRemoteAddr.Text, vouched: true, believed: b}
}

// ask asks headers in their order, but none beyond an NLB's address before the
// others: what stands there is the visitor's own.
func (f *facts) ask(fields []verdict.Field) (finding, bool) {
	for _, field := range fields {
		if field == verdict.XForwardedFor && f.xff.pastNLB {
			continue
		}
		if found, ok := f.askHeader(field); ok {
			return found, true
		}
	}
	if f.xff.pastNLB && slices.Contains(fields, verdict.XForwardedFor) {
		return f.askHeader(verdict.XForwardedFor)
	}
	return finding{}, false
}

func (f *facts) askHeader(field verdict.Field) (finding, bool) {
	header := f.e.header(field)
	if !header.present() {
		return finding{}, false
	}
	w := f.xff
	if field != verdict.XForwardedFor {
		w = f.oneAddress(field, header.Text)
	}
	if w.end != foundClient {
		return finding{}, false
	}
	return f.foundInHeader(w, field, header.Text), true
}

// foundInHeader takes the token at which a walk ended. Nobody vouches for it if
// the host that passed the header on is not known.
func (f *facts) foundInHeader(w walk, field verdict.Field, header []byte) finding {
	vouched := f.peerKnown() && w.vouched
	if f.proxyMayHaveSpoken() || !f.realip.isAddress() && holds(f.e.XForwardedFor.Text, f.remote.addr) {
		// The header may be the visitor's, or what was taken for the peer may
		// stand there because nginx read it there.
		vouched = false
	}
	return finding{addr: w.addr, field: field, token: header[w.tokenStart:w.tokenEnd], start: w.tokenStart, end: w.tokenEnd, vouched: vouched}
}

// cloudFrontViewer holds "address:port" with a bare IPv6 address, so that what
// follows the last colon is never part of the address.
const cloudFrontViewer verdict.Field = "http_cloudfront_viewer_address"

// oneAddress reads a header that names one address as a walk of one step.
func (f *facts) oneAddress(field verdict.Field, header []byte) walk {
	if field == cloudFrontViewer {
		if i := bytes.LastIndexByte(header, ':'); i > 0 && header[0] != '[' {
			header = header[:i]
		}
	}
	start, end := lastToken(header)
	addr, ok := parseAddrPort(header[start:end])
	w := walk{end: unreadableHop, tokenStart: start, tokenEnd: end, vouched: f.frontVouches && !f.mayBeVisitors(field, addr)}
	switch {
	case !ok:
	case f.sets.classOf(addr).isProxy():
		w.end = onlyProxies
	default:
		w.end, w.addr = foundClient, addr
	}
	return w
}

// mayBeVisitors reports whether a visitor may have written addr into a header
// that names one address, although the host that passed it on is trusted.
func (f *facts) mayBeVisitors(field verdict.Field, addr netip.Addr) bool {
	switch {
	case f.xff.pastNLB && f.xff.addr == addr:
		return true // the visitor wrote the same into the other header
	case field == verdict.XRealIP && f.frontIsCDN() && !f.e.XForwardedFor.Logged:
		return true // a CDN writes the other header, and may pass this one on
	}
	return field != verdict.XRealIP && f.contradicted(addr) // no CDN wrote it: the proxies pass it on from the visitor
}

// contradicted reports whether X-Forwarded-For, or an X-Real-IP that no CDN
// passed on, names another client than addr by the word of a proxy.
func (f *facts) contradicted(addr netip.Addr) bool {
	return f.xff.end == foundClient && f.xff.vouched && f.xff.addr != addr ||
		f.frontVouches && !f.frontIsCDN() && f.xri.isClient() && f.xri.addr != addr
}
