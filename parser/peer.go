package parser

import (
	"bytes"

	"clearhop/record"
)

// Where nobody has named the columns of a line, its first address may be what a
// visitor wrote into X-Forwarded-For, and the peer's address may stand elsewhere in the
// line. Then the line does not prove who the client is: $remote_addr counts as guessed,
// and nobody vouches for the address.

// firstFreePort is the least port that looks like a client's. Services listen below it.
const firstFreePort = 10_000

// MayBePeer reports whether value can be the address of an NLB's node as nginx logs its
// peer: a private address or any IPv6 address, alone or with the port of a client.
func MayBePeer(value []byte) bool {
	addr, port := cutPort(value)
	switch {
	case len(addr) == 0 || len(addr) > maxAddress:
		return false
	case len(port) > 0:
		if n, ok := parseInt(port); !ok || n < firstFreePort {
			return false
		}
	}
	return isIPv4(addr) && isPrivateIPv4(addr) || isIPv6(addr)
}

// isPrivateOtherPeer is isOtherPeer where a visitor's header may stand too, which holds
// public addresses.
func isPrivateOtherPeer(value, remote []byte) bool {
	addr, _ := cutPort(value)
	return isOtherPeer(value, remote) && (isIPv4(addr) || isPrivateIPv6(addr))
}

// maxAddress is the length of the longest address that is looked at.
const maxAddress = 64

// cutPort cuts the port from the end of an address, and the brackets of an IPv6 address.
func cutPort(value []byte) (addr, port []byte) {
	if len(value) > 0 && value[0] == '[' {
		n := bytes.IndexByte(value, ']')
		if n < 0 {
			return nil, nil
		}
		return value[1:n], bytes.TrimPrefix(value[n+1:], []byte(":"))
	}
	if bytes.Count(value, []byte(":")) == 1 {
		n := bytes.IndexByte(value, ':')
		return value[:n], value[n+1:]
	}
	return value, nil
}

// isOtherPeer reports whether value may be the peer of a line whose $remote_addr is
// another address.
func isOtherPeer(value, remote []byte) bool {
	if len(remote) == 0 || !MayBePeer(value) {
		return false
	}
	addr, _ := cutPort(value)
	own, _ := cutPort(remote)
	return !bytes.Equal(addr, own)
}

// doubtHeaders marks $remote_addr of a line as guessed if a guessed header holds nothing
// but an address that may be the peer's.
func doubtHeaders(a *record.Access) {
	for _, h := range [...]struct {
		header record.Logged
		value  []byte
	}{{record.LoggedXForwardedFor, a.XForwardedFor}, {record.LoggedXRealIP, a.XRealIP}} {
		if a.Guessed.Has(h.header) && isPrivateOtherPeer(h.value, a.RemoteAddr) {
			a.Guessed |= record.LoggedRemoteAddr
		}
	}
}

// An extraFormat is CombinedExtra where nobody has named it: any format that begins like
// combined.
type extraFormat struct{ LineFormat }

// Parse reads line into r. Where the text behind combined holds an address that may be
// the peer's, $remote_addr is guessed.
func (f extraFormat) Parse(line []byte, r *record.Record) error {
	var e record.ParseError
	if f.try(line, r, &e) {
		return nil
	}
	err := e // e itself takes no memory
	return &err
}

// try is Parse for a Set. The embedded format has a try of its own, which knows nothing
// of the peer.
func (f extraFormat) try(line []byte, r *record.Record, e *record.ParseError) bool {
	if !f.LineFormat.try(line, r, e) {
		return false
	}
	a := &r.Access
	for _, p := range a.Extra {
		if holdsOtherPeer(p.Value, a.RemoteAddr) {
			a.Guessed |= record.LoggedRemoteAddr
			break
		}
	}
	return true
}

// holdsOtherPeer reports whether a word of text may be the peer.
func holdsOtherPeer(text, remote []byte) bool {
	for len(text) > 0 {
		word := text
		if n := bytes.IndexAny(text, " \t\"'=,;|()<>"); n >= 0 {
			word, text = text[:n], text[n+1:]
		} else {
			text = nil
		}
		if isPrivateOtherPeer(word, remote) {
			return true
		}
	}
	return false
}

// serverNames are parts of the names of keys that hold an address of the server's own,
// or of one behind it.
var serverNames = [...][]byte{
	[]byte("server"), []byte("local"), []byte("dest"), []byte("dst"), []byte("upstream"), []byte("backend"), []byte("listen"),
	[]byte("pod"), []byte("container"), []byte("kubernetes"), []byte("instance"), []byte("task"),
}

// peerNames are parts of the names of keys that hold the other end of a connection. In
// upstream_peer or server_client_ip they count more than serverNames: in doubt an address
// is not vouched for.
var peerNames = [...][]byte{[]byte("peer"), []byte("client"), []byte("remote"), []byte("downstream")}

// IsServerName reports whether the name of a key or column, folded as a JSONFormat folds
// keys, says that it holds no address of a peer.
func IsServerName(name []byte) bool {
	for _, part := range peerNames {
		if bytes.Contains(name, part) {
			return false
		}
	}
	for _, part := range serverNames {
		if bytes.Contains(name, part) {
			return true
		}
	}
	return false
}

// hasOtherPeer reports whether a key that nobody knows holds an address that may be the
// peer's. Then a key that is only guessed to be $remote_addr may be a header.
func (s *scanner) hasOtherPeer(remote []byte) bool {
	for _, inner := range s.inners[:s.innerCount] {
		if listHoldsPeer(inner.value, remote, inner.peer) || isArray(inner.value) && s.arrayHoldsPeer(inner.value, remote) {
			return true
		}
	}
	for i := range s.count {
		m := s.member(i)
		switch {
		case m.key != nil && !m.isClient():
		case m.shape != nested && listHoldsPeer(m.raw, remote, namesPeer(m.name)) && s.mayNamePeer(m.name),
			isArray(m.raw) && m.shape == nested && s.mayNamePeer(m.name) && s.arrayHoldsPeer(m.raw, remote):
			return true
		}
	}
	return false
}

// An inner is a value in an object without a known key that may be the peer's.
type inner struct {
	value []byte
	peer  bool // its key says that it is the other end of a connection
}

// namesPeer reports whether a key says that its value is the other end of a connection.
func namesPeer(name []byte) bool {
	var p path
	p.add(name)
	for _, part := range peerNames {
		if bytes.Contains(p.bytes[:min(p.n, maxFolded)], part) {
			return true
		}
	}
	return false
}

// listHoldsPeer reports whether text is an address, or a list of addresses with commas, and
// one of them may be the peer of a line whose $remote_addr is another one. remote is nil
// if it is not known yet. named says that the key names a peer: then the port does not
// matter. An address may stand behind tcp://, but behind no other scheme: what has one is
// what nginx connects to.
func listHoldsPeer(text, remote []byte, named bool) bool {
	found := false
	for len(text) > 0 {
		word, rest, _ := bytes.Cut(text, []byte(","))
		word, text = bytes.TrimPrefix(bytes.TrimSpace(word), []byte("tcp://")), rest
		addr, _ := cutPort(word)
		if !isIPv4(addr) && !isIPv6(addr) {
			return false
		}
		if named {
			word = addr
		}
		found = found || isOtherPeer(word, remote) || remote == nil && MayBePeer(word)
	}
	return found
}

// isArray reports whether the text of a value is that of an array.
func isArray(raw []byte) bool { return len(raw) > 0 && raw[0] == '[' }

// arrayHoldsPeer reports whether a string in an array, or in an object in it, may be the
// peer's address. The scanner has found that the brackets and the quotes match.
func (s *scanner) arrayHoldsPeer(array, remote []byte) bool {
	var name []byte // the key in front of the string
	for {
		start := bytes.IndexByte(array, '"')
		if start < 0 {
			return false
		}
		end := stringEnd(array, start+1)
		if end < 0 {
			return false
		}
		text := array[start+1 : end]
		next := skipSpace(array, end+1)
		if next < len(array) && array[next] == ':' {
			name = text
		} else {
			if listHoldsPeer(text, remote, namesPeer(name)) && s.mayNamePeer(name) {
				return true
			}
			name = nil
		}
		array = array[end+1:]
	}
}

// keepInner keeps the value of a member that is about to be part of a longer value, if
// it may be the peer's address, or an array of addresses.
func (s *scanner) keepInner(m *member) {
	mayBePeer := isArray(m.raw)
	if m.shape != nested {
		mayBePeer = listHoldsPeer(m.raw, nil, namesPeer(m.name))
	}
	if mayBePeer && s.innerCount < len(s.inners) && s.mayNamePeer(m.name) {
		s.inners[s.innerCount] = inner{m.raw, namesPeer(m.name)}
		s.innerCount++
	}
}

// mayNamePeer reports whether a key that nobody knows may have the peer's address.
func (s *scanner) mayNamePeer(name []byte) bool {
	var p path
	p.add(name)
	return p.n > maxFolded || !IsServerName(p.bytes[:p.n]) && !s.keys.isDismissed(p.bytes[:p.n])
}

// isClient reports whether the key of m is only guessed to mean $remote_addr.
func (m *member) isClient() bool { return m.key.guessed && m.key.variable.name == "remote_addr" }
