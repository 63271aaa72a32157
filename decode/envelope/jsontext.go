package envelope

import (
	"bytes"

	"clearhop/internal/jsonscan"
	"clearhop/record"
)

// openString opens a line that is one text of JSON, as jq writes it. The text is a line
// only if it has a blank or is an object.
//
//	"203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] \"GET / HTTP/1.1\" 200 3 \"-\" \"curl/8\""
func openString(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte, ok bool) {
	if len(text) < len(`"a"`) || text[len(text)-1] != '"' {
		return text, scratch, false
	}
	s := jsonscan.Scanner{B: text}
	v, ok := s.Value()
	if !ok || s.I < len(text) || bytes.IndexByte(v.Raw, ' ') < 0 && v.Raw[0] != '{' {
		return text, scratch, false
	}
	inner, scratch = unescaped(v, scratch)
	add(e, record.JSONText)
	return withoutNewline(inner), scratch, true
}

// openList opens a list of JSON that jq or --query of the AWS CLI made of a log event:
// its time in milliseconds, its message, and maybe its stream and its id, in any order.
//
//	[1795345225123,"203.0.113.9 - - …"]
//	["web/nginx/0f9d",1795345225123,"203.0.113.9 - - …"]
//
// The time is what tells the list from one that a log_format writes: nginx has no
// variable of 13 digits.
func openList(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte, ok bool) {
	if len(text) < len(`[1795345225123,"a"]`) || text[len(text)-1] != ']' {
		return text, scratch, false
	}
	var message, name jsonscan.Value
	var ms int64
	hasTime := false
	s := jsonscan.Scanner{B: text}
	s.Enter('[')
	for first := true; s.Sibling(']', first); first = false {
		v, _ := s.Value()
		switch {
		case v.Kind == jsonscan.Number && !hasTime:
			if ms, hasTime = millis(v.Raw); !hasTime {
				return text, scratch, false
			}
		case v.Kind != jsonscan.Text:
			return text, scratch, false
		case len(v.Raw) <= len(message.Raw):
			name = streamOr(v, name)
		default:
			message, name = v, streamOr(message, name)
		}
	}
	if s.Err != nil || s.I < len(text) || !hasTime || len(message.Raw) == 0 {
		return text, scratch, false
	}
	inner, scratch = unescaped(message, scratch)
	add(e, record.JSONText)
	setTime(e, ms, true)
	set(&e.LogStream, name.Raw)
	return withoutNewline(inner), scratch, true
}

// streamOr returns v if it may be the name of a log stream, and else other.
func streamOr(v, other jsonscan.Value) jsonscan.Value {
	if !v.Escaped && isStreamName(v.Raw) {
		return v
	}
	return other
}

// isStreamName reports whether w may be the name of a log stream, and is neither an
// eventId nor an address.
func isStreamName(w []byte) bool {
	const maxStream = 512
	if len(w) == 0 || len(w) > maxStream || isAddress(w) {
		return false
	}
	digits := 0
	for _, c := range w {
		if c <= ' ' || c == ':' || c == '*' || c == '"' || c == '{' {
			return false
		}
		if isDigit(c) {
			digits++
		}
	}
	return digits < len(w)
}

// withoutNewline removes the line ending of a message.
func withoutNewline(text []byte) []byte {
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	}
	if n := len(text); n > 0 && text[n-1] == '\r' {
		text = text[:n-1]
	}
	return text
}
