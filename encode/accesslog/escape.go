package accesslog

import "clearhop/parser"

const hexDigits = "0123456789ABCDEF"

// escaped marks the bytes that nginx escapes: with escape=default (the table of
// ngx_http_log_escape) and with escape=json (ngx_escape_json).
var escaped = func() (t [parser.EscapeNone + 1][256]bool) {
	for c := range 256 {
		special := c < ' ' || c == '"' || c == '\\'
		t[parser.EscapeJSON][c] = special
		t[parser.EscapeDefault][c] = special || c >= 0x7F
	}
	return t
}()

// appendEscaped appends a value as nginx escapes it in a line.
func appendEscaped(dst, value []byte, escape parser.Escape) []byte {
	special := &escaped[escape]
	start := 0
	for i, c := range value {
		if !special[c] {
			continue
		}
		dst = append(dst, value[start:i]...)
		start = i + 1
		if escape == parser.EscapeJSON {
			dst = appendJSONEscape(dst, c)
		} else {
			dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&0xF])
		}
	}
	return append(dst, value[start:]...)
}

func appendJSONEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
}
