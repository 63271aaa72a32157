package envelope

import (
	"bytes"

	"clearhop/record"
)

// openGrep opens what grep writes in front of a line that it found: the file, with -n
// the number of the line, both with a hyphen in place of the colon for the lines around
// it. With one file there is only the number.
//
//	/var/log/nginx/access.log:203.0.113.9 - - …
//	access.log.1:12:203.0.113.9 - - …
//	access.log-13-203.0.113.9 - - …
//	12:203.0.113.9 - - …
//
// A number can also be the first group of an IPv6 address. Where both may be, the line is
// not opened: no client is better than a wrong one.
func openGrep(text []byte, e *record.Envelope) ([]byte, bool) {
	const standardInput = "(standard input)"
	head := bytes.TrimPrefix(text[:min(len(text), maxNames)], []byte(standardInput))
	from := len(text[:min(len(text), maxNames)]) - len(head)
	if n := bytes.IndexAny(head, " {"); n >= 0 {
		head = head[:n]
	}
	for i, c := range head {
		if c != ':' && c != '-' {
			continue
		}
		inner := text[from+i+1:]
		if !beginsStrictly(inner) {
			continue
		}
		name := withoutNumber(head[:i], c)
		if from == 0 && len(name) > 0 && !isFileName(name) || from == 0 && len(name) == 0 && c != ':' || isAmbiguous(inner) {
			return text, false
		}
		if len(name) == 0 && from == 0 && isPlausible(firstWord(text)) {
			return text, false
		}
		add(e, record.Grep)
		return inner, true
	}
	return text, false
}

// withoutNumber removes the number of the line from the end of name. A name that is
// nothing but a number becomes empty.
func withoutNumber(name []byte, separator byte) []byte {
	n := len(name)
	for n > 0 && isDigit(name[n-1]) {
		n--
	}
	switch {
	case n == len(name):
		return name
	case n == 0:
		return nil
	case name[n-1] == separator:
		return name[:n-1]
	}
	return name
}

// isFileName reports whether w may be the name of a log: it has a slash, or a word that
// logs have in their names.
func isFileName(w []byte) bool {
	for _, c := range w {
		if c <= ' ' || c == '"' || c == '{' || c == '[' {
			return false
		}
	}
	if len(w) == 0 || isDigit(w[0]) && isAddress(w) {
		return false
	}
	for _, word := range [...]string{"/", "log", "access", "error", "nginx"} {
		if bytes.Contains(w, []byte(word)) {
			return true
		}
	}
	return false
}

// beginsStrictly is beginsLine, but for a line whose first value is an address that a
// client can have.
func beginsStrictly(text []byte) bool {
	return beginsLine(text) && (text[0] == '{' || text[0] == '/' || isErrorHead(text) || isPlausible(firstWord(text)))
}

func firstWord(text []byte) []byte {
	if n := bytes.IndexByte(text, ' '); n >= 0 {
		return text[:n]
	}
	return text
}

// isPlausible reports whether w is written like an address that a client can have: IPv4,
// IPv6 of the global or of a local network, or a socket.
func isPlausible(w []byte) bool {
	if string(w) == "unix:" {
		return true
	}
	first, rest, isSix := bytes.Cut(w, []byte(":"))
	if !isSix {
		return isFour(w)
	}
	if len(first) != 4 || bytes.IndexByte(rest, ':') < 0 {
		return false
	}
	switch {
	case first[0] == '2' || first[0] == '3':
	case first[0] == 'f' && (first[1] == 'c' || first[1] == 'd' || first[1] == 'e' && '8' <= first[2]):
	default:
		return false
	}
	groups := 1
	for len(rest) > 0 || groups == 1 {
		var group []byte
		group, rest, _ = bytes.Cut(rest, []byte(":"))
		groups++
		if len(group) > 4 && !isFour(group) || len(group) > 0 && !isHex(group) && !isFour(group) {
			return false
		}
	}
	return isHex(first) && groups <= 8+1 // an end of "::" counts as one more
}

func isHex(w []byte) bool {
	for _, c := range w {
		if !isDigit(c) && (c|0x20 < 'a' || 'f' < c|0x20) {
			return false
		}
	}
	return len(w) > 0
}

// isFour reports whether w is written like an IPv4 address.
func isFour(w []byte) bool {
	parts := 0
	for part := range bytes.SplitSeq(w, []byte(".")) {
		parts++
		for _, c := range part {
			if !isDigit(c) {
				return false
			}
		}
		if len(part) == 0 || len(part) > 3 {
			return false
		}
	}
	return parts == 4
}

// isAmbiguous reports whether the first group of an IPv6 address at the start of a line
// may be a number of grep -n, in front of another address.
func isAmbiguous(inner []byte) bool {
	w := firstWord(inner)
	n := 0
	for n < len(w) && isDigit(w[n]) {
		n++
	}
	return 0 < n && n < len(w) && w[n] == ':' && isPlausible(w) && isPlausible(w[n+1:])
}
