package enrich

import (
	"bytes"

	"clearhop/record"
)

var (
	schemeEnd = []byte("://")
	schemes   = [2][]byte{[]byte("http"), []byte("https")}
)

// splitURL splits the target of a request (RFC 9112, section 3.2). It is a path with
// a query for most requests, a whole URL for a proxy, "host:port" for CONNECT, and
// "*" for OPTIONS.
func splitURL(u *record.URL, a *record.Access) {
	target := a.RequestTarget
	u.Original = target
	if target == nil {
		// $uri is decoded and normalised, so it is not the original.
		target = a.URI
	}
	switch {
	case bytes.HasPrefix(target, slash):
		splitPath(u, target)
	case string(a.Method) == "CONNECT":
		u.Domain, u.Port = splitHost(target)
	default:
		if i := bytes.Index(target, schemeEnd); i > 0 {
			u.Scheme = target[:i]
			authority := target[i+len(schemeEnd):]
			end := bytes.IndexAny(authority, "/?#")
			if end < 0 {
				end = len(authority)
			}
			u.Domain, u.Port = splitHost(authority[:end])
			splitPath(u, authority[end:])
		}
	}
	if a.RequestTarget == nil && a.Args != nil {
		u.Query = a.Args
	}
	setServer(u, a)
}

var slash = []byte("/")

// setServer sets what nginx says about the server. It overrides the request line, in
// which the client can write anything.
func setServer(u *record.URL, a *record.Access) {
	var port record.Int
	switch {
	case len(a.Host) > 0:
		u.Domain, port = splitHost(a.Host)
	case len(a.HTTPHost) > 0:
		u.Domain, port = splitHost(a.HTTPHost)
	}
	if port.Valid {
		u.Port = port
	}
	switch {
	case len(a.Scheme) > 0:
		u.Scheme = a.Scheme
	case string(a.HTTPS) == "on":
		u.Scheme = schemes[1]
	}
	if a.ServerPort.Valid {
		u.Port = a.ServerPort
	}
}

// keepUnshown puts what nginx logged of the URL among the extra variables, if the
// parts of the URL come from other variables and say something else.
func keepUnshown(r *record.Record) {
	a, u := &r.Access, &r.URL
	if a.RequestTarget != nil {
		if len(a.URI) > 0 && !bytes.Equal(a.URI, u.Path) {
			keep(r, "uri", a.URI)
		}
		if len(a.Args) > 0 && !bytes.Equal(a.Args, u.Query) {
			keep(r, "args", a.Args)
		}
	}
	if string(a.HTTPS) == "on" && !bytes.Equal(u.Scheme, schemes[1]) {
		keep(r, "https", a.HTTPS)
	}
	if len(a.HTTPHost) > 0 {
		host, port := splitHost(a.HTTPHost)
		if !bytes.Equal(host, u.Domain) || port.Valid && port != u.Port {
			keep(r, "http_host", a.HTTPHost)
		}
	}
}

// splitPath splits "/path.ext?query#fragment".
func splitPath(u *record.URL, target []byte) {
	if i := bytes.IndexByte(target, '#'); i >= 0 {
		target = target[:i]
	}
	path := target
	if i := bytes.IndexByte(target, '?'); i >= 0 {
		path, u.Query = target[:i], target[i+1:]
	}
	if len(path) == 0 {
		return
	}
	u.Path = path
	u.Extension = extension(path)
}

// maxExtension is the length of the longest extension.
const maxExtension = 16

// extension returns what follows the last dot in the last segment of a path, if it
// looks like the extension of a file. A name such as ".env", whose only dot is its
// first byte, has none.
func extension(path []byte) []byte {
	name := path[bytes.LastIndexByte(path, '/')+1:]
	dot := bytes.LastIndexByte(name, '.')
	if dot <= 0 || dot+1 == len(name) || len(name)-dot-1 > maxExtension {
		return nil
	}
	ext := name[dot+1:]
	for _, c := range ext {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return nil
		}
	}
	return ext
}

// splitHost splits "host:port" and "[v6]:port". It removes the brackets. Programs
// other than nginx write IPv6 addresses without brackets, and then without a port.
func splitHost(authority []byte) (host []byte, port record.Int) {
	host = authority
	rest := []byte(nil)
	if len(host) > 0 && host[0] == '[' {
		end := bytes.IndexByte(host, ']')
		if end < 0 {
			return host, record.Int{}
		}
		host, rest = host[1:end], host[end+1:]
	} else if i := bytes.LastIndexByte(host, ':'); i >= 0 && !isBareIPv6(host) {
		host, rest = host[:i], host[i:]
	}
	if len(rest) > 1 && rest[0] == ':' && len(rest) <= len(":65535") {
		n := int64(0)
		for _, c := range rest[1:] {
			if c < '0' || c > '9' {
				return host, record.Int{}
			}
			n = n*10 + int64(c-'0')
		}
		port = record.Int{N: n, Valid: 0 < n && n <= 65535}
	}
	return host, port
}

// isBareIPv6 reports whether host is an IPv6 address without brackets.
func isBareIPv6(host []byte) bool {
	colons := 0
	for _, c := range host {
		switch {
		case c == ':':
			colons++
		case c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F'):
			return false
		}
	}
	return colons > 1
}
