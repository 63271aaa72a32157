package envelope

import (
	"bytes"

	"clearhop/record"
)

// Open removes the envelopes around a line and returns the inner line, which is
// never longer than text. A line without an envelope is returned as it is. Open
// overwrites e with what the envelopes say. Text that has escapes in JSON is
// appended to scratch without them; newScratch is scratch with what was appended.
func Open(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte) {
	*e = record.Envelope{}
	return openRest(text, scratch, e)
}

// openRest removes the envelopes that are left inside those that e already
// counts.
func openRest(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte) {
	// A fragment is not opened further: it may begin in the middle of a line, and
	// the rest of an envelope may be in other lines.
	for ok := true; ok && e.Count < record.MaxEnvelopes && !e.Partial; {
		text, scratch, ok = openOne(text, scratch, e)
	}
	return text, scratch
}

// openOne removes one envelope. Without an envelope it changes nothing and
// reports false.
func openOne(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte, ok bool) {
	if len(text) == 0 {
		return text, scratch, false
	}
	switch c := text[0]; {
	case c == '{':
		return openJSON(text, scratch, e)
	case c == '<' || 'A' <= c && c <= 'W':
		if inner, ok = openSyslog(text, e); ok {
			return inner, scratch, true
		}
		if inner, ok = openWeekday(text, e); ok {
			return inner, scratch, true
		}
	case isDigit(c):
		if inner, ok = openNumber(text, e); ok {
			return inner, scratch, true
		}
	case c == '[':
		return openBracket(text, scratch, e)
	case c == '"':
		return openString(text, scratch, e)
	}
	if inner, ok = openCompose(text, e); ok || text[0] != 0x1b {
		return inner, scratch, ok
	}
	return openColoured(text, scratch, e)
}

// openNumber opens a line whose envelope begins with a time in digits.
func openNumber(text []byte, e *record.Envelope) (inner []byte, ok bool) {
	if inner, ok = openStamped(text, e); ok {
		return inner, true
	}
	if inner, ok = openEpoch(text, e); ok {
		return inner, true
	}
	if inner, ok = openUnixTime(text, e); ok {
		return inner, true
	}
	return openFluentd(text, e)
}

// openBracket opens a line that begins with a bracket.
func openBracket(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte, ok bool) {
	if inner, ok = openKubectl(text, e); ok {
		return inner, scratch, true
	}
	if inner, ok = openMonotonic(text, e); ok {
		return inner, scratch, true
	}
	if inner, scratch, ok = openFluentBit(text, scratch, e); ok {
		return inner, scratch, true
	}
	return openList(text, scratch, e)
}

// openColoured opens a line whose prefix has colours.
func openColoured(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte, ok bool) {
	plain, longer := withoutColours(text, scratch)
	if len(plain) == 0 || plain[0] == 0x1b {
		return text, scratch, false
	}
	if inner, longer, ok = openOne(plain, longer, e); !ok {
		return text, scratch, false
	}
	return inner, longer, true
}

func add(e *record.Envelope, kind record.EnvelopeKind) {
	e.Kinds[e.Count] = kind
	e.Count++
}

// setTime sets the time, unless an outer envelope has set it.
func setTime(e *record.Envelope, ms int64, ok bool) {
	if ok && !e.HasTime {
		e.Time, e.HasTime = ms, true
	}
}

// set sets a part, unless an outer envelope has set it. An empty value counts as
// absent.
func set(part *[]byte, value []byte) {
	if *part == nil && len(value) > 0 {
		*part = value
	}
}

func isDigit(c byte) bool { return c-'0' < 10 }

func isLetter(c byte) bool { return (c|0x20)-'a' < 26 }

// word cuts text at its first space.
func word(text []byte) (first, rest []byte, ok bool) {
	n := bytes.IndexByte(text, ' ')
	if n <= 0 {
		return nil, nil, false
	}
	return text[:n], text[n+1:], true
}
