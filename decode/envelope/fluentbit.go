package envelope

import (
	"bytes"

	"clearhop/internal/jsonscan"
	"clearhop/record"
)

// openFluentBit opens what Fluent Bit writes to standard output: a number, the tag, the
// time and the record. Since version 2.1 the time has metadata beside it.
//
//	[0] tail.0: [1795345225.123456789, {"log"=>"203.0.113.9 - - …", "stream"=>"stdout"}]
//	[0] tail.0: [[1795345225.123456789, {}], {"log"=>"203.0.113.9 - - …"}]
//
// The record is in a notation of its own, which escapes nothing.
func openFluentBit(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte, ok bool) {
	head := text[:min(len(text), maxNames)]
	n := 1
	for n < len(head) && isDigit(head[n]) {
		n++
	}
	if n == 1 || !bytes.HasPrefix(head[n:], []byte("] ")) {
		return text, scratch, false
	}
	ms, fields, ok := cutFluentBit(text[n+2:])
	if !ok {
		return text, scratch, false
	}
	return openRecord(text, fields, ms, scratch, e)
}

// openFluentBitFile opens a line of Fluent Bit's output file, whose record is JSON:
//
//	tail.0: [1795345225.123456789, {"log":"203.0.113.9 - - …"}]
func openFluentBitFile(text []byte, e *record.Envelope) ([]byte, bool) {
	ms, inner, ok := cutFluentBit(text)
	if !ok {
		return text, false
	}
	add(e, record.FluentBit)
	setTime(e, ms, true)
	return inner, true
}

// cutFluentBit reads the tag, the time and the record of a line.
func cutFluentBit(text []byte) (ms int64, fields []byte, ok bool) {
	tag, _, ok := bytes.Cut(text[:min(len(text), maxNames)], []byte(": ["))
	if !ok || !isFluentTag(tag) || text[len(text)-1] != ']' {
		return 0, nil, false
	}
	rest := text[len(tag)+len(": [") : len(text)-1]
	rest, hasMetadata := bytes.CutPrefix(rest, []byte("["))
	n := bytes.Index(rest[:min(len(rest), len("1795345225.123456789, {"))], []byte(", {"))
	if n < 0 {
		return 0, nil, false
	}
	if ms, ok = seconds(rest[:n]); !ok {
		return 0, nil, false
	}
	fields = rest[n+len(", "):]
	if hasMetadata {
		n := bytes.Index(fields, []byte("}], {"))
		if n < 0 {
			return 0, nil, false
		}
		fields = fields[n+len("}], "):]
	}
	return ms, fields, fields[len(fields)-1] == '}'
}

// openRecord opens a record. Where one of its members holds the line, that is the inner
// line. Without one, the inner line is the record as JSON.
func openRecord(text, fields []byte, ms int64, scratch []byte, e *record.Envelope) (inner, newScratch []byte, ok bool) {
	if len(fields) > 1 && fields[1] == '}' {
		return text, scratch, false
	}
	if !bytes.Contains(fields[:min(len(fields), maxNames)], []byte(`"=>`)) {
		add(e, record.FluentBit) // the record is JSON
		setTime(e, ms, true)
		return fields, scratch, true
	}
	line, stream, kubernetes, ok := lineOfRecord(fields)
	if !ok {
		return text, scratch, false
	}
	start := len(scratch)
	if line == nil {
		if scratch, ok = appendRecord(scratch, fields, 0); !ok || len(scratch)-start > len(text) {
			return text, scratch[:start], false
		}
		line = scratch[start:len(scratch):len(scratch)]
	} else {
		set(&e.Stream, stream)
		if object, ok := appendRecord(scratch, kubernetes, 0); ok {
			scratch = describeKubernetes(object[start:], object, e)
			set(&e.Type, typeKubernetes)
		}
	}
	add(e, record.FluentBit)
	setTime(e, ms, true)
	return withoutNewline(line), scratch, true
}

// lineOfRecord returns the first text of a record that holds the line, and what the
// record says about its source. What it does not have is nil.
func lineOfRecord(fields []byte) (line, stream, kubernetes []byte, ok bool) {
	rest := fields[1:]
	for len(rest) > 0 && rest[0] == '"' {
		var f field
		if f, rest, ok = cutFluentField(rest, 0); !ok {
			return nil, nil, nil, false
		}
		switch string(f.key) {
		case "log", "message", "MESSAGE", "msg":
			if f.isText && line == nil {
				line = f.value
			}
		case "stream":
			stream = f.value
		case "kubernetes":
			kubernetes = f.value
		}
	}
	return line, stream, kubernetes, string(rest) == "}"
}

// A field is a member of a record of Fluent Bit.
type field struct {
	key, value []byte // a text without its quotes
	isText     bool
}

// maxRecord is how many records inside each other are read.
const maxRecord = 4

// cutFluentField cuts the first field of a record. rest begins with the next field, or
// is what follows the last one.
func cutFluentField(text []byte, depth int) (f field, rest []byte, ok bool) {
	f.key, rest, ok = bytes.Cut(text[1:], []byte(`"=>`))
	if !ok || !isFieldName(f.key) || len(rest) == 0 {
		return f, nil, false
	}
	switch rest[0] {
	case '"':
		n := textEnd(rest[1:])
		if n < 0 {
			return f, nil, false
		}
		f.value, f.isText, rest = rest[1:1+n], true, rest[1+n+1:]
	case '{':
		n := recordEnd(rest, depth+1)
		if n < 0 {
			return f, nil, false
		}
		f.value, rest = rest[:n], rest[n:]
	case '[':
		n := bytes.IndexByte(rest, ']')
		if n < 0 {
			return f, nil, false
		}
		f.value, rest = rest[:n+1], rest[n+1:]
	default:
		n := bytes.IndexAny(rest, ",}")
		if n < 0 {
			return f, nil, false
		}
		f.value, rest = rest[:n], rest[n:]
	}
	if next, more := bytes.CutPrefix(rest, []byte(", ")); more && len(next) > 0 && next[0] == '"' {
		return f, next, true
	}
	return f, rest, len(rest) > 0 && rest[0] == '}'
}

// textEnd returns where a text ends. Quotes in it are not escaped: the one at its end is
// followed by the next field, or by nothing but brackets up to there or to the end. Of
// what a visitor sent, nginx has escaped the quotes.
func textEnd(text []byte) int {
	for at := 0; ; at++ {
		n := bytes.IndexByte(text[at:], '"')
		if n < 0 {
			return -1
		}
		at += n
		rest := bytes.TrimLeft(text[at+1:], "}")
		if len(rest) == 0 && at+1 < len(text) || beginsField(rest) {
			return at
		}
	}
}

// beginsField reports whether text is the comma behind a field and the next field.
func beginsField(text []byte) bool {
	rest, ok := bytes.CutPrefix(text, []byte(`, "`))
	if !ok {
		return false
	}
	n := bytes.IndexByte(rest, '"')
	return n >= 0 && isFieldName(rest[:n]) && bytes.HasPrefix(rest[n:], []byte(`"=>`))
}

// isFieldName reports whether w may be the name of a field.
func isFieldName(w []byte) bool {
	const maxName = 128
	for _, c := range w {
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return len(w) > 0 && len(w) <= maxName
}

// recordEnd returns the length of the record at the start of text, or -1.
func recordEnd(text []byte, depth int) int {
	if depth > maxRecord {
		return -1
	}
	for rest := text[1:]; len(rest) > 0; {
		if rest[0] == '}' {
			return len(text) - len(rest) + 1
		}
		var ok bool
		if rest[0] != '"' {
			return -1
		}
		if _, rest, ok = cutFluentField(rest, depth); !ok {
			return -1
		}
	}
	return -1
}

// appendRecord appends a record as JSON.
func appendRecord(dst, text []byte, depth int) ([]byte, bool) {
	if len(text) < len(`{}`) || depth > maxRecord {
		return dst, false
	}
	dst = append(dst, '{')
	for rest := text[1:]; rest[0] == '"'; {
		var f field
		var ok bool
		if f, rest, ok = cutFluentField(rest, depth); !ok {
			return dst, false
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), f.key...), '"', ':')
		if dst, ok = appendValue(dst, &f, depth); !ok {
			return dst, false
		}
	}
	return append(dst, '}'), true
}

// appendValue appends the value of a field as JSON. Lists are left out.
func appendValue(dst []byte, f *field, depth int) ([]byte, bool) {
	n, isNumber := jsonscan.NumberLen(f.value)
	switch {
	case f.isText:
		return appendText(dst, f.value), true
	case len(f.value) > 0 && f.value[0] == '{':
		return appendRecord(dst, f.value, depth+1)
	case isNumber && n == len(f.value), string(f.value) == "true", string(f.value) == "false":
		return append(dst, f.value...), true
	}
	return append(dst, "null"...), true
}

// appendText appends a text in quotes, with the escapes of JSON.
func appendText(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for {
		n := jsonscan.PlainLen(text)
		dst = append(dst, text[:n]...)
		if n == len(text) {
			return append(dst, '"')
		}
		switch c := text[n]; {
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, '\\', c)
		}
		text = text[n+1:]
	}
}
