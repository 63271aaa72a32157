package parser

import (
	"bytes"
	"fmt"
)

// This file is about variables with nothing between them, such as
// $host$request_uri. The place between two of them is known if the first cannot
// contain the byte with which the second begins.

// A byteSet is a set of bytes.
type byteSet [256]bool

// bytesOf returns the set of the bytes of text.
func bytesOf(text string) *byteSet {
	var s byteSet
	for i := range len(text) {
		s[text[i]] = true
	}
	return &s
}

// meets returns a byte that is in both sets. other is not anyByte.
func (s *byteSet) meets(other *byteSet) (byte, bool) {
	for c := range s {
		if (s == anyByte || s[c]) && other[c] {
			return byte(c), true
		}
	}
	return 0, false
}

const (
	decimal  = "0123456789"
	lower    = "abcdefghijklmnopqrstuvwxyz"
	upper    = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	hostText = decimal + lower + upper + ".-_:[]%"
)

// alphabets are the bytes that values can contain. A client can send a Host header
// with other bytes, but none that a usual one contains.
var alphabets = []struct {
	bytes *byteSet
	names []string
}{
	{bytesOf(hostText), []string{"host", "http_host", "server_name", "proxy_host", "hostname", "ssl_server_name", "ssl_preread_server_name",
		"remote_addr", "server_addr", "realip_remote_addr", "proxy_protocol_addr", "proxy_protocol_server_addr"}},
	{bytesOf(lower), []string{"scheme", "https"}},
	{bytesOf(upper + "-_"), []string{"request_method"}},
	{bytesOf(decimal + "abcdef"), []string{"request_id"}},
	// A decoded $uri can contain a "?", but only where the client wrote %3F.
	{bytesWithout('?'), []string{"uri", "document_uri"}},
}

// bytesWithout returns the set of all bytes but one.
func bytesWithout(c byte) *byteSet {
	var s byteSet
	for i := range s {
		s[i] = byte(i) != c
	}
	return &s
}

var (
	anyByte     = new(byteSet) // stands for all bytes, and is known by its address
	digitBytes  = bytesOf(decimal)
	numberBytes = bytesOf(decimal + ".")
	markBytes   = bytesOf("?")
)

// alphabet returns the bytes that a value of v can contain.
func (v *variable) alphabet() *byteSet {
	switch v.kind {
	case kindInt:
		return digitBytes
	case kindSeconds, kindMsec:
		return numberBytes
	case kindMark:
		return markBytes
	}
	for _, a := range alphabets {
		for _, name := range a.names {
			if name == v.name {
				return a.bytes
			}
		}
	}
	return anyByte
}

// beginnings are the bytes with which values begin.
var beginnings = []struct {
	bytes *byteSet
	names []string
}{
	{bytesOf("/"), []string{"request_uri", "uri", "document_uri"}},
	{bytesOf("h"), []string{"scheme"}},
	{bytesOf("H"), []string{"server_protocol"}},
	{bytesOf(upper), []string{"request_method"}},
}

// beginning returns the bytes with which a value of v can begin.
func (v *variable) beginning() *byteSet {
	switch v.kind {
	case kindInt, kindSeconds, kindMsec, kindTimeISO, kindTimeLocal:
		return digitBytes
	case kindMark:
		return markBytes
	}
	for _, b := range beginnings {
		for _, name := range b.names {
			if name == v.name {
				return b.bytes
			}
		}
	}
	return anyByte
}

// isArgs reports whether v is what follows the "?" of a URL. It is absent if there
// is no "?".
func (v *variable) isArgs() bool { return v.name == "args" || v.name == "query_string" }

// inseparable returns why the place between values of a and b, with nothing between
// them, cannot be found, or "" if it can.
func inseparable(a, b *variable) string {
	first := b.beginning()
	switch {
	case a.width > 0, a.kind == kindMark && b.isArgs():
		return ""
	case a.kind == kindMark:
		return fmt.Sprintf("nothing stands between $%s, which can be empty, and $%s", a.name, b.name)
	case first == anyByte:
		return fmt.Sprintf("nothing stands between $%s and $%s, and $%s can begin with any byte", a.name, b.name, b.name)
	}
	if c, ok := a.alphabet().meets(first); ok {
		what := fmt.Sprintf("%q", string(c))
		if '0' <= c && c <= '9' {
			what = "a digit"
		}
		return fmt.Sprintf("nothing stands between $%s and $%s, and $%s can contain %s, with which $%s can begin", a.name, b.name, a.name, what, b.name)
	}
	return ""
}

// closed reports whether a value of the kind ends where the bytes of the kind end,
// whatever stands behind it.
func (k kind) closed() bool {
	switch k {
	case kindInt, kindSeconds, kindMsec, kindMark:
		return true
	default:
		return false
	}
}

// planRuns plans the runs of variables with nothing between them: it sets where
// their values end.
func (f *Format) planRuns() {
	for i := len(f.steps) - 2; i >= 0; i-- {
		st, next := &f.steps[i], &f.steps[i+1]
		if len(st.literal) > 0 || st.variable.width > 0 {
			continue
		}
		st.adjacent, st.open = true, !st.variable.kind.closed()
		st.hasEdge, st.edge = next.hasEdge, next.edge
		if next.marked {
			st.hasEdge, st.edge = true, next.literal[next.mark]
		}
		next.first = next.variable.beginning()
		next.isArgs = next.variable.isArgs()
	}
}

// nextBoundary returns the first index in line at which the value of the step after
// i can start, or -1. The index is at least from and less than bound.
func (f *Format) nextBoundary(line []byte, i, from, bound int) int {
	for ; from < bound; from++ {
		if f.begins(line, i+1, from) {
			return from
		}
	}
	return -1
}

var httpURL, httpsURL = []byte("http://"), []byte("https://")

// begins reports whether the value of step i, which is not the first one of a run,
// can start at index at.
func (f *Format) begins(line []byte, i, at int) bool {
	st := &f.steps[i]
	if at < len(line) {
		switch c := line[at]; {
		case st.first == anyByte, st.first[c]:
			return true
		case c == 'h' && st.first['/']: // the whole URL, in a request to a proxy
			if bytes.HasPrefix(line[at:], httpURL) || bytes.HasPrefix(line[at:], httpsURL) {
				return true
			}
		case c == '*' && st.first['/'] && f.ends(line, i, at+1): // OPTIONS *
			return true
		}
	}
	return f.vacant(line, i, at)
}

// vacant reports whether step i can have an absent or an empty value at index at.
func (f *Format) vacant(line []byte, i, at int) bool {
	if f.escape == EscapeDefault && at < len(line) && line[at] == '-' && f.steps[i].variable.kind != kindMark && f.ends(line, i, at+1) {
		return true
	}
	// nginx writes an empty $args after "/path?", and an empty $uri for a request
	// that it cannot read.
	return f.ends(line, i, at)
}

// withoutMark reports whether step i, which is $args, follows an empty $is_args. Then
// $args is absent or empty.
func (f *Format) withoutMark(line []byte, i, at int) bool {
	return f.steps[i-1].variable.kind == kindMark && (at == 0 || line[at-1] != '?')
}

// endAbsent sets p.end to the end of an absent or empty value of step i. It reports
// false if that was tried before.
func (f *Format) endAbsent(line []byte, i int, p *place) bool {
	if p.bound > 0 && p.end >= p.start {
		return false
	}
	p.end, p.bound = p.start, p.start+1
	if f.escape == EscapeDefault && p.start < len(line) && line[p.start] == '-' && f.ends(line, i, p.start+1) {
		p.end++
	}
	return f.ends(line, i, p.end)
}

// ends reports whether what follows the value of step i can start at index at. After
// a value that is absent, the rest of the run is absent too.
func (f *Format) ends(line []byte, i, at int) bool {
	st := &f.steps[i]
	switch {
	case st.adjacent:
		return f.vacant(line, i+1, at)
	case len(st.literal) == 0:
		return at == len(line)
	}
	return bytes.HasPrefix(line[at:], st.literal)
}
