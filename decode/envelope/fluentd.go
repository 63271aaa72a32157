package envelope

import (
	"bytes"

	"clearhop/record"
)

// openFluentd opens what fluentd writes to files and to standard output, and td-agent
// too: a time, a tag and the record.
//
//	2026-11-22T11:00:25+00:00	nginx.access	{"remote":"203.0.113.9","code":"200"}
//	2026-11-22 11:00:25.123456789 +0000 nginx.access: {"message":"203.0.113.9 - - …"}
func openFluentd(text []byte, e *record.Envelope) ([]byte, bool) {
	if len(text) < len("2026-11-22T11:00:25\ta\t{}") || text[4] != '-' || text[len(text)-1] != '}' {
		return text, false
	}
	var ms int64
	var inner []byte
	var ok bool
	switch text[10] {
	case 'T':
		ms, inner, ok = cutFluentdFile(text)
	case ' ':
		ms, inner, ok = cutFluentdOut(text)
	}
	if !ok || inner[0] != '{' {
		return text, false
	}
	add(e, record.Fluentd)
	setTime(e, ms, ms != 0)
	return inner, true
}

// cutFluentdFile cuts the time and the tag of fluentd's files. Before version 0.14 the
// time had no zone; then ms is 0.
func cutFluentdFile(text []byte) (ms int64, inner []byte, ok bool) {
	at, rest, ok := bytes.Cut(text[:min(len(text), maxNames)], []byte("\t"))
	if !ok {
		return 0, nil, false
	}
	var s stamp
	if !s.read(at) {
		return 0, nil, false
	}
	tag, rest, ok := bytes.Cut(rest, []byte("\t"))
	if !ok || len(rest) == 0 || !isFluentTag(tag) {
		return 0, nil, false
	}
	if !s.noZone {
		ms = s.ms
	}
	return ms, text[len(at)+len(tag)+2:], true
}

// cutFluentdOut cuts the time and the tag of fluentd's standard output.
func cutFluentdOut(text []byte) (ms int64, inner []byte, ok bool) {
	at, rest, ok := word(text[len("2026-11-22 "):])
	if !ok {
		return 0, nil, false
	}
	zone, rest, ok := word(rest)
	if !ok {
		return 0, nil, false
	}
	if ms, ok = parseSpaced(text[:len("2026-11-22 ")+len(at)], zone); !ok {
		return 0, nil, false
	}
	tag, inner, ok := word(rest)
	if !ok || len(inner) == 0 {
		return 0, nil, false
	}
	tag, ok = bytes.CutSuffix(tag, []byte(":"))
	return ms, inner, ok && isFluentTag(tag)
}

// isFluentTag reports whether w may be a tag of fluentd or Fluent Bit: names with dots
// between them, or the path of a file in their place.
func isFluentTag(w []byte) bool {
	const maxTag = 512
	for _, c := range w {
		if c <= ' ' || c == '"' || c == ':' || c == '[' || c == '{' || c >= 0x7f {
			return false
		}
	}
	return len(w) > 0 && len(w) <= maxTag
}
