package parser

import "bytes"

// placeHost decides what the key host means in a line. Some formats, those in LTSV
// above all, call $remote_addr or the server's own address host, and have $host as
// vhost or domain. So if host is an address and another key has another host, host is
// not $host. It is the client's address if no other key is.
func (f *JSONFormat) placeHost(s *scanner) {
	var host *member
	clients := false
	for i := range s.count {
		switch m := s.member(i); {
		case m.means("remote_addr"):
			// Where host is the client's address, client_ip beside it is a
			// forwarded header.
			clients = clients || !f.hostIsClient || m.key.second == nil
		case m.means("host") && !m.key.guessed:
			host = m
		}
	}
	if host == nil || host.key.configured || !isAddress(host.raw) {
		return
	}
	others := s.hasOtherHost(host)
	switch {
	case clients && others:
		host.key = nil
	case !clients && (others || f.hostIsClient):
		host.key = f.keys.client
	}
}

// means reports whether the key of m means the variable of that name.
func (m *member) means(name string) bool {
	return m.key != nil && m.shape != nested && m.key.variable.name == name
}

// hasOtherHost reports whether the line has another host under another key.
func (s *scanner) hasOtherHost(host *member) bool {
	for i := range s.count {
		m := s.member(i)
		if m != host && (m.means("host") || m.means("http_host")) && len(m.raw) > 1 && !bytes.Equal(m.raw, host.raw) {
			return true
		}
	}
	return false
}

// isAddress reports whether b is an IP address without a port.
func isAddress(b []byte) bool {
	colons := bytes.Count(b, []byte(":"))
	for _, c := range b {
		isHex := 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
		if c != '.' && c != ':' && (c < '0' || c > '9') && (!isHex || colons < 2) {
			return false
		}
	}
	return colons > 1 || colons == 0 && bytes.Count(b, []byte(".")) == 3
}
