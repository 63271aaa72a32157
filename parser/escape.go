package parser

import (
	"bytes"
	"unicode/utf8"
)

// appendUnescaped appends raw without the escapes of escape=default. These are only
// \xHH: nginx writes a backslash as \x5C too (ngx_http_log_escape).
func appendUnescaped(dst, raw []byte) []byte {
	for {
		n := bytes.IndexByte(raw, '\\')
		if n < 0 {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:n]...)
		raw = raw[n:]
		if len(raw) >= 4 && raw[1] == 'x' {
			hi, ok1 := fromHex(raw[2])
			lo, ok2 := fromHex(raw[3])
			if ok1 && ok2 {
				dst = append(dst, hi<<4|lo)
				raw = raw[4:]
				continue
			}
		}
		dst = append(dst, '\\')
		raw = raw[1:]
	}
}

// appendUnescapedJSON appends raw without the escapes of escape=json, which are
// those of JSON strings. What is not an escape stays as it is.
func appendUnescapedJSON(dst, raw []byte) []byte {
	for {
		n := bytes.IndexByte(raw, '\\')
		if n < 0 || n+1 == len(raw) {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:n]...)
		c := raw[n+1]
		raw = raw[n+2:]
		switch c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'u':
			r, ok := hex4(raw)
			if !ok {
				dst = append(dst, '\\', 'u')
				continue
			}
			// nginx writes \u00XX for control bytes only, so it never writes
			// a surrogate pair.
			dst = utf8.AppendRune(dst, r)
			raw = raw[4:]
		default:
			dst = append(dst, '\\', c)
		}
	}
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		digit, ok := fromHex(c)
		if !ok {
			return 0, false
		}
		r = r<<4 | rune(digit)
	}
	return r, true
}

// fromHex returns the value of a hexadecimal digit.
func fromHex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
