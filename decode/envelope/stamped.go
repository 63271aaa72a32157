package envelope

import (
	"bytes"

	"clearhop/record"
)

// A stamp is a time in front of a line, in a form like that of RFC 3339.
type stamp struct {
	ms int64
	// own is set if nginx could have written the time itself, as $time_iso8601: whole
	// seconds, and a zone in digits.
	own bool
	// python is set for the form of aws logs tail and of rsyslog: six digits of a
	// second, and "+00:00".
	python bool
	// noZone is set for the form of aws logs tail --format short.
	noZone bool
	// compactZone is set for the zone of journalctl -o short-iso: "+0000".
	compactZone bool
}

// cutStamp cuts the time at the start of text, and the space behind it.
func cutStamp(text []byte) (s stamp, rest []byte, ok bool) {
	const shortest = "2016-10-06T00:17:09 "
	if len(text) < len(shortest) || text[4] != '-' || text[10] != 'T' {
		return s, nil, false
	}
	head := text[:min(len(text), maxStamp)]
	n := bytes.IndexByte(head, ' ')
	if n < len(timeForm) {
		return s, nil, false
	}
	if !s.read(head[:n]) {
		return s, nil, false
	}
	return s, text[n+1:], true
}

// maxStamp is enough for a time with nine digits of a second, its zone and a space.
const maxStamp = len("2016-10-06T00:17:09.669794202+00:00 ")

// read reads a time.
func (s *stamp) read(b []byte) (ok bool) {
	if s.ms, ok = parseTime(b); ok {
		fraction := b[len(timeForm)] == '.'
		isUTC := b[len(b)-1] == 'Z'
		s.own = !fraction && !isUTC
		s.python = len(b) == len("2016-10-06T00:17:09.669794+00:00") && fraction && bytes.HasSuffix(b, []byte("+00:00"))
		return true
	}
	var space [maxStamp]byte
	switch n := len(b); {
	case n == len(timeForm):
		s.noZone = true
		s.ms, ok = parseTime(append(append(space[:0], b...), 'Z'))
	case n > len(timeForm)+4 && n < maxStamp-1 && (b[n-5] == '+' || b[n-5] == '-'):
		s.compactZone = true
		s.ms, ok = parseTime(append(append(append(space[:0], b[:n-2]...), ':'), b[n-2:]...))
	}
	return ok
}

// openStamped opens a line behind a time that nginx cannot have written itself:
//
//	2016-10-06T00:17:09.669794202Z stdout F line             a container runtime
//	2026-11-22T11:00:25.123000+00:00 web/nginx/0f9d line     aws logs tail
//	2026-11-22T11:00:25 line                                 aws logs tail --format short
//	2026-11-22T11:00:25.123456+00:00 host nginx[7]: line     rsyslog
//	2026-11-22T11:00:25.123456789Z line                      docker, kubectl, an export to S3
//
// nginx writes $time_iso8601 in whole seconds with a zone in digits. A line behind
// such a time is opened by [OpenDoubtful] only.
func openStamped(text []byte, e *record.Envelope) ([]byte, bool) {
	if inner, ok := openCRI(text, e); ok {
		return inner, true
	}
	s, rest, ok := cutStamp(text)
	if !ok || s.own {
		return text, false
	}
	inner, ok := s.open(rest, e)
	if !ok {
		return text, false
	}
	return inner, true
}

// open opens what follows a time: host and program of syslog, the stream of aws
// logs tail, or the line.
func (s *stamp) open(rest []byte, e *record.Envelope) ([]byte, bool) {
	if !s.noZone {
		if inner, ok := cutHostAndTag(rest); ok {
			add(e, record.Syslog)
			setTime(e, s.ms, true)
			return inner, true
		}
	}
	first, inner, ok := word(rest)
	switch {
	case s.compactZone:
		return nil, false
	case s.noZone:
		if ok && isStream(first) {
			return nil, false // a container runtime's line with a broken time
		}
		add(e, record.LogsTail)
		setTime(e, s.ms, true)
		return rest, true
	case s.python || s.own && len(first) > 0 && !isAddress(first) && !isErrorHead(rest):
		if !ok {
			return nil, false
		}
		add(e, record.LogsTail)
		setTime(e, s.ms, true)
		set(&e.LogStream, first)
		// The form json of aws logs tail writes a message of JSON on lines of its own.
		return bytes.TrimPrefix(inner, []byte("\n")), true
	}
	add(e, record.Timestamped)
	setTime(e, s.ms, true)
	return rest, true
}

// cutHostAndTag returns what follows the host and the program that a syslog daemon
// writes: "host nginx[123]: ".
func cutHostAndTag(text []byte) (inner []byte, ok bool) {
	host, rest, ok := word(text)
	if !ok || !isHost(host) {
		return nil, false
	}
	tag, inner, ok := word(rest)
	if !ok || !isTag(tag) {
		return nil, false
	}
	if string(tag) == "nginx:" && len(inner) > 0 && inner[0] == '[' {
		// nginx's own "nginx: [emerg] …", behind a log stream with the name of a host.
		return nil, false
	}
	return inner, true
}

// isHost reports whether w may be the name or address of a host.
func isHost(w []byte) bool {
	const maxHost = 255
	if len(w) > maxHost {
		return false
	}
	for _, c := range w {
		if !isDigit(c) && !isLetter(c) && c != '-' && c != '.' && c != ':' && c != '_' {
			return false
		}
	}
	return true
}

// openEpoch opens a line behind the milliseconds since the Unix epoch and a tab. The
// AWS CLI prints such lines for --query 'events[].[timestamp,message]', and the log stream
// between them for 'events[].[timestamp,logStreamName,message]'.
func openEpoch(text []byte, e *record.Envelope) ([]byte, bool) {
	const digits = len("1795345225123") // from 2001 to 2286
	if len(text) <= digits || text[digits] != '\t' {
		return text, false
	}
	ms, ok := decimal(text[:digits])
	if !ok {
		return text, false
	}
	add(e, record.Timestamped)
	setTime(e, ms, true)
	inner := text[digits+1:]
	if n := bytes.IndexByte(inner, '\t'); n > 0 && isStreamName(inner[:n]) && beginsLine(inner[n+1:]) {
		set(&e.LogStream, inner[:n])
		inner = inner[n+1:]
	}
	return inner, true
}
