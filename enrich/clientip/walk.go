package clientip

import "net/netip"

// A walk is what came of reading a forwarded header from the right.
type walk struct {
	end ending
	// addr is the client that was found, if end is foundClient.
	addr netip.Addr
	// vouched is whether every hop that the walk passed writes forwarded
	// headers, from the peer to the one that wrote the token at which it ended.
	// To the left of a single one that does not, a visitor may have written
	// all, the addresses of proxies too.
	vouched bool
	// pastNLB is whether one of these hops, not the peer, is an NLB node: a
	// proxy wrote the node's address where the client's should be.
	pastNLB bool
	// tokenStart and tokenEnd are the place of that token in the header.
	tokenStart, tokenEnd int
}

type ending uint8

const (
	noToken       ending = iota // the header is absent or empty
	foundClient                 // a token that is no proxy
	onlyProxies                 // the leftmost token is a proxy too
	unreadableHop               // a token is no address
)

// walk reads header from the right as nginx does with real_ip_recursive on,
// given that the peer is trusted: the first token that is no proxy is the
// client. Only space and comma separate tokens. vouched says whether the one
// that sent the header vouches for its end.
//
// The walk is a loop where nginx recurses, and does not bound the list.
func (s *sets) walk(vouched bool, header []byte) walk {
	w := walk{vouched: vouched}
	for end := len(header); end > 0; {
		start, stop := lastToken(header[:end])
		w.tokenStart, w.tokenEnd = start, stop
		addr, ok := parseAddrPort(header[start:stop])
		if !ok {
			w.end = unreadableHop
			return w
		}
		c := s.classOf(addr)
		if !c.isProxy() {
			w.end, w.addr = foundClient, addr
			return w
		}
		w.end = onlyProxies
		w.vouched = w.vouched && s.writesHeaders(c)
		w.pastNLB = w.pastNLB || c == nlbNode && !s.cdn
		end = start - 1
	}
	return w
}

// lastToken returns the place of the last token. As in nginx, the very first
// byte of a header is never taken for a separator.
func lastToken(header []byte) (start, end int) {
	i := len(header) - 1
	for i > 0 && isSeparator(header[i]) {
		i--
	}
	end = i + 1
	for i > 0 && !isSeparator(header[i]) {
		i--
	}
	if i > 0 {
		i++
	}
	return i, end
}

func isSeparator(c byte) bool { return c == ' ' || c == ',' }

// holds reports whether one of the tokens of header is addr.
func holds(header []byte, addr netip.Addr) bool {
	for end := len(header); end > 0; {
		start, stop := lastToken(header[:end])
		if got, ok := parseAddrPort(header[start:stop]); ok && got == addr {
			return true
		}
		end = start - 1
	}
	return false
}

// Walk returns the address that nginx's realip module would make of a peer and
// one header line, with real_ip_recursive on or off: the peer where it is not
// trusted or the last token is no address, else the last token that could be
// read before the walk ended. The zero Addr stands for a peer on a Unix-domain
// socket. It explains what an nginx did; for who the client was, see Resolve.
func (r *Resolver) Walk(peer netip.Addr, header []byte, recursive bool) netip.Addr {
	addr := peer.Unmap()
	proxy := r.sets.classOf(addr).isProxy() || !addr.IsValid() && r.sets.unix
	for end := len(header); end > 0 && proxy; {
		start, stop := lastToken(header[:end])
		next, ok := parseAddrPort(header[start:stop])
		if !ok {
			break
		}
		addr = next
		if !recursive {
			break
		}
		proxy = r.sets.classOf(addr).isProxy()
		end = start - 1
	}
	return addr
}
