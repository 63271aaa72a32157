package parser

import (
	"bytes"

	"clearhop/record"
)

// setRequest splits a request line: "GET /path HTTP/1.1", or "GET /path" for
// HTTP/0.9. Anything else is kept as BadRequest, because nginx logs whatever came
// first on the connection. Like nginx, it accepts several spaces between the parts
// and at the end.
func setRequest(a *record.Access, line []byte) {
	a.Request = line
	if len(line) == 0 {
		return
	}
	method, rest, _ := bytes.Cut(line, space)
	rest = bytes.Trim(rest, " ")
	if !isMethod(method) || len(rest) == 0 {
		a.BadRequest = line
		return
	}
	target, protocol := rest, []byte(nil)
	if i := bytes.LastIndexByte(rest, ' '); i > 0 && isProtocol(rest[i+1:]) {
		target, protocol = bytes.TrimRight(rest[:i], " "), rest[i+1:]
	} else if rest[0] != '/' || i >= 0 {
		a.BadRequest = line
		return
	}
	a.Method, a.RequestTarget = method, target
	if protocol != nil {
		a.Protocol = protocol
	}
}

var (
	space    = []byte(" ")
	httpName = []byte("HTTP/")
)

// isMethod reports whether b is a method that nginx accepts: capital letters, "_"
// and "-".
func isMethod(b []byte) bool {
	for _, c := range b {
		if (c < 'A' || c > 'Z') && c != '_' && c != '-' {
			return false
		}
	}
	return len(b) > 0
}

// isProtocol reports whether b is HTTP/ and a version.
func isProtocol(b []byte) bool {
	version, ok := bytes.CutPrefix(b, httpName)
	if !ok || len(version) == 0 {
		return false
	}
	for _, c := range version {
		if (c < '0' || c > '9') && c != '.' {
			return false
		}
	}
	return true
}
