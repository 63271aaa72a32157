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
//	/var/log/syslog:Nov 22 11:00:25 web nginx: 203.0.113.9 - - …
//
// A number can also be the first group of an IPv6 address. Where both may be, the line is
// not opened: no client is better than a wrong one.
func openGrep(text []byte, e *record.Envelope) ([]byte, bool) {
	const standardInput = "(standard input)"
	rest, isInput := bytes.CutPrefix(text, []byte(standardInput))
	head := rest[:min(len(rest), maxNames)]
	if n := bytes.IndexAny(head, " {"); n >= 0 {
		head = head[:n]
	}
	for i, c := range head {
		if c != ':' && c != '-' || !beginsStrictly(rest[i+1:]) {
			continue
		}
		if isAmbiguous(rest[i+1:]) || !isInput && !isGrepPrefix(head, i) {
			return text, false
		}
		add(e, record.Grep)
		return rest[i+1:], true
	}
	return text, false
}

// isGrepPrefix reports whether what stands before the separator at i is the name of a
// file, with the number of a line or without one, or the number alone. The first word of
// the line, word, must not be an address.
func isGrepPrefix(word []byte, i int) bool {
	name := withoutNumber(word[:i], word[i])
	if len(name) > 0 {
		return isFileName(name)
	}
	return word[i] == ':' && !isPlausible(word)
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
	text = withoutTimes(text)
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
	if bytes.IndexByte(w, ':') < 0 {
		return isFour(w)
	}
	groups := 0
	for group := range bytes.SplitSeq(w, []byte(":")) {
		if groups == 0 && !isNetwork(group) || len(group) > 0 && !isGroup6(group) && !isFour(group) {
			return false
		}
		groups++
	}
	return 3 <= groups && groups <= 8+1 // "::" at the end counts as one more
}

// isNetwork reports whether the first group of an IPv6 address is one of the global or of
// a local network.
func isNetwork(group []byte) bool {
	if len(group) != 4 || !isHex(group) {
		return false
	}
	switch group[0] {
	case '2', '3':
		return true
	case 'f':
		return group[1] == 'c' || group[1] == 'd' || group[1] == 'e' && '8' <= group[2]
	}
	return false
}

func isGroup6(group []byte) bool { return len(group) <= 4 && isHex(group) }

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
