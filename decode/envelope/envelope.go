package envelope

import (
	"bytes"

	"clearhop/record"
)

// Open takes off the envelopes around a line and returns what is inside, which
// is never longer; without any, the line itself. What the envelopes tell goes
// into e, which is overwritten. Text that stood in JSON with escapes is appended
// to scratch, which is returned in any case.
func Open(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte) {
	*e = record.Envelope{}
	return openRest(text, scratch, e)
}

// openRest opens what is left, behind the envelopes that e has already.
func openRest(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte) {
	// The rest of a fragment stands in other lines, and its front may be the
	// middle of one.
	for ok := true; ok && e.Count < record.MaxEnvelopes && !e.Partial; {
		text, scratch, ok = openOne(text, scratch, e)
	}
	return text, scratch
}

// openOne takes off one envelope. If there is none, nothing is changed.
func openOne(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte, ok bool) {
	if len(text) == 0 {
		return text, scratch, false
	}
	switch c := text[0]; {
	case c == '{':
		return openJSON(text, scratch, e)
	case c == '<' || 'A' <= c && c <= 'S':
		if inner, ok = openSyslog(text, e); ok {
			return inner, scratch, true
		}
	case isDigit(c):
		if inner, ok = openCRI(text, e); ok {
			return inner, scratch, true
		}
	}
	inner, ok = openCompose(text, e)
	return inner, scratch, ok
}

func add(e *record.Envelope, kind record.EnvelopeKind) {
	e.Kinds[e.Count] = kind
	e.Count++
}

// setTime sets the time, unless an envelope further out has one.
func setTime(e *record.Envelope, ms int64, ok bool) {
	if ok && !e.HasTime {
		e.Time, e.HasTime = ms, true
	}
}

// set sets a part, unless an envelope further out has it. Empty says nothing.
func set(part *[]byte, value []byte) {
	if *part == nil && len(value) > 0 {
		*part = value
	}
}

func isDigit(c byte) bool { return c-'0' < 10 }

// word cuts text at its first space.
func word(text []byte) (first, rest []byte, ok bool) {
	n := bytes.IndexByte(text, ' ')
	if n <= 0 {
		return nil, nil, false
	}
	return text[:n], text[n+1:], true
}
