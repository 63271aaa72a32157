package parser

import (
	"bytes"

	"clearhop/record"
)

// headers are the variables that hold a forwarded header, whose values name
// addresses.
const headers = record.LoggedXForwardedFor | record.LoggedXRealIP

// A GuessedFormat reads lines with a format that nobody named: the line only looks like one
// of it. Many public formats are main with another value in the place of
// $http_x_forwarded_for. So a line fits only if each such header holds what the
// header can hold, and the record says which columns are guessed.
type GuessedFormat struct {
	*Format
	columns record.Logged // of the format, those that are guessed
	believe bool          // the stream as a whole shows that the headers are headers
}

// Guess returns a format whose columns are only supposed to be those variables. If
// they include a forwarded header, Parse refuses a line whose header can be none.
// The clients that these columns name are never vouched for.
func Guess(f *Format, columns record.Logged) *GuessedFormat {
	return &GuessedFormat{Format: f, columns: columns & (f.logged | record.LoggedOtherPeer)}
}

// Believed returns the same format for a stream whose lines as a whole show that the
// headers are headers: one line with another value is then a visitor's nonsense, and
// Parse reads it. The columns stay guessed.
func (g *GuessedFormat) Believed() *GuessedFormat {
	return &GuessedFormat{Format: g.Format, columns: g.columns, believe: true}
}

// Parse is Format.Parse, with the check of the headers.
func (g *GuessedFormat) Parse(line []byte, r *record.Record) error {
	var e record.ParseError
	if g.try(line, r, &e) {
		return nil
	}
	err := e // e itself takes no memory
	return &err
}

func (g *GuessedFormat) try(line []byte, r *record.Record, e *record.ParseError) bool {
	if !g.Format.try(line, r, e) {
		return false
	}
	r.Access.Guessed |= g.columns
	if g.believe {
		return true
	}
	switch _, others := g.look(&r.Access); {
	case others.Has(record.LoggedXForwardedFor):
		*e = g.notHeader(line, r.Access.XForwardedFor, "http_x_forwarded_for")
	case others.Has(record.LoggedXRealIP):
		*e = g.notHeader(line, r.Access.XRealIP, "http_x_real_ip")
	default:
		doubtHeaders(&r.Access)
		return true
	}
	return false
}

// Look reads line by its shape alone, and says which guessed headers hold what they
// can hold, and which hold something else. ok is false if the line has another shape.
func (g *GuessedFormat) Look(line []byte, r *record.Record) (holds, others record.Logged, ok bool) {
	if g.Format.Parse(line, r) != nil {
		return 0, 0, false
	}
	holds, others = g.look(&r.Access)
	return holds, others, true
}

func (g *GuessedFormat) look(a *record.Access) (holds, others record.Logged) {
	sort := func(header record.Logged, value []byte, fits bool) {
		switch {
		case len(value) == 0 || !g.columns.Has(header):
		case fits:
			holds |= header
		default:
			others |= header
		}
	}
	sort(record.LoggedXForwardedFor, a.XForwardedFor, IsForwardedFor(a.XForwardedFor))
	sort(record.LoggedXRealIP, a.XRealIP, isRealIP(a.XRealIP))
	return holds, others
}

// notAddresses is the reason why a column is no forwarded header. Events show it, so
// its text must stay as it is.
const notAddresses = "not a list of addresses"

func (g *GuessedFormat) notHeader(line, value []byte, variable string) record.ParseError {
	return record.ParseError{Format: g.name, Variable: variable, Column: 1 + max(bytes.LastIndex(line, value), 0), Reason: notAddresses}
}

// IsForwardedFor reports whether value can be that of X-Forwarded-For behind a
// proxy. It is empty, or its last word is an address, or it is a list of single
// words, one of which is an address, "unknown" or a name that begins with "_". An
// address may have brackets, a zone and a port. Private addresses with ports alone
// are those of upstreams.
func IsForwardedFor(value []byte) bool {
	if len(value) == 0 {
		return true
	}
	single, upstream, found := true, true, false
	last, words := noAddress, 0
	for rest := value; len(rest) > 0; {
		word, end := rest, byte(',')
		if n := bytes.IndexAny(rest, " ,"); n >= 0 {
			word, end, rest = rest[:n], rest[n], rest[n+1:]
		} else {
			rest = nil
		}
		if len(word) > 0 {
			words++
			last = addressForm(word)
			found = found || last != noAddress || isHiddenName(word)
			upstream = upstream && last == privatePort
		}
		// A blank between two words, without a comma, makes a sentence.
		single = single && (end == ',' || len(word) == 0)
	}
	return words > 0 && !upstream && (last != noAddress || single && found)
}

// isRealIP reports whether value can be that of X-Real-IP: it is empty or one address
// without a port. With a port, it is more likely that of an upstream.
func isRealIP(value []byte) bool {
	return len(value) == 0 || addressForm(value) == plainAddress
}

// An addressText is how an address is written.
type addressText uint8

const (
	noAddress addressText = iota
	plainAddress
	publicPort  // a public address with a port
	privatePort // a private address with a port
)

// addressForm returns how item is written, if it is an address. It allocates
// nothing, whatever item is.
func addressForm(item []byte) addressText {
	if len(item) > 0 && item[0] == '[' {
		n := bytes.IndexByte(item, ']')
		if n < 0 || !isIPv6(item[1:n]) {
			return noAddress
		}
		return withPort(item[n+1:], isPrivateIPv6(item[1:n]))
	}
	if isIPv6(item) {
		return plainAddress
	}
	host, port := item, []byte(nil)
	if n := bytes.IndexByte(item, ':'); n >= 0 {
		host, port = item[:n], item[n:]
	}
	if !isIPv4(host) {
		return noAddress
	}
	return withPort(port, isPrivateIPv4(host))
}

// withPort returns the form of an address that port follows, with its colon.
func withPort(port []byte, private bool) addressText {
	switch {
	case len(port) == 0:
		return plainAddress
	case port[0] != ':' || len(port) < 2 || len(port) > 6 || digitRun(port[1:]) != len(port)-1:
		return noAddress
	case private:
		return privatePort
	}
	return publicPort
}

// isIPv4 reports whether b is four numbers up to 255. All but the first may be masked,
// as in 203.0.113.xxx or 203.0.*.*: a masked address is still one.
func isIPv4(b []byte) bool {
	for part := range 4 {
		n := digitRun(b)
		if n == 0 && part > 0 {
			n = maskRun(b)
		} else if value, _ := parseInt(b[:n]); value > 255 {
			return false
		}
		if n == 0 || n > 3 {
			return false
		}
		b = b[n:]
		if part < 3 {
			if len(b) == 0 || b[0] != '.' {
				return false
			}
			b = b[1:]
		}
	}
	return len(b) == 0
}

// maskRun returns the number of equal letters "x" or "*" at the start of b.
func maskRun(b []byte) int {
	n := 0
	for n < len(b) && b[n] == b[0] && (b[n] == 'x' || b[n] == 'X' || b[n] == '*') {
		n++
	}
	return n
}

// isPrivateIPv4 reports whether an address is of RFC 1918, RFC 6598, loopback or
// link-local.
func isPrivateIPv4(b []byte) bool {
	first, _ := parseInt(b[:digitRun(b)])
	rest := b[digitRun(b)+1:]
	second, _ := parseInt(rest[:digitRun(rest)])
	switch first {
	case 10, 127:
		return true
	case 172:
		return second>>4 == 1
	case 192:
		return second == 168
	case 169:
		return second == 254
	case 100:
		return second>>6 == 1
	}
	return false
}

func isPrivateIPv6(b []byte) bool {
	for _, prefix := range [...]string{"fc", "fd", "fe8", "fe9", "fea", "feb"} {
		if len(b) > len(prefix) && equalFold(b[:len(prefix)], prefix) {
			return true
		}
	}
	return string(b) == "::1"
}

// isIPv6 reports whether b is an IPv6 address, with or without a zone.
func isIPv6(b []byte) bool {
	if n := bytes.IndexByte(b, '%'); n > 0 {
		b = b[:n]
	}
	if len(b) < 2 || len(b) > 45 || bytes.IndexByte(b, ':') < 0 {
		return false
	}
	before, after, short := cutShort(b)
	if !short {
		groups, ok := ipv6Groups(b, true)
		return ok && groups == 8
	}
	first, ok1 := ipv6Groups(before, false)
	rest, ok2 := ipv6Groups(after, true)
	return ok1 && ok2 && first+rest < 8
}

// cutShort returns what stands before and after the first "::".
func cutShort(b []byte) (before, after []byte, found bool) {
	for i := 0; i+1 < len(b); i++ {
		if b[i] == ':' && b[i+1] == ':' {
			return b[:i], b[i+2:], true
		}
	}
	return b, nil, false
}

// ipv6Groups returns the number of groups in b, which have a colon between them. The
// last one may be an IPv4 address, which counts as two.
func ipv6Groups(b []byte, last bool) (groups int, ok bool) {
	for len(b) > 0 {
		n := hexRun(b)
		switch {
		case last && n < len(b) && b[n] == '.':
			return groups + 2, isIPv4(b)
		case n == 0 || n > 4:
			return 0, false
		case n == len(b):
			return groups + 1, true
		case b[n] != ':' || n+1 == len(b):
			return 0, false
		}
		groups++
		b = b[n+1:]
	}
	return groups, true
}

func hexRun(b []byte) int {
	n := 0
	for n < len(b) && ('0' <= b[n] && b[n] <= '9' || 'a' <= b[n] && b[n] <= 'f' || 'A' <= b[n] && b[n] <= 'F') {
		n++
	}
	return n
}

// isHiddenName reports whether item stands for a proxy that does not tell its
// address (RFC 7239, section 6).
func isHiddenName(item []byte) bool {
	if equalFold(item, "unknown") {
		return true
	}
	if len(item) < 2 || item[0] != '_' {
		return false
	}
	for _, c := range item[1:] {
		if !isNameByte(c) && c != '.' && c != '-' {
			return false
		}
	}
	return true
}
