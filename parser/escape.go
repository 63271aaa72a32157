package parser

import (
	"bytes"
	"unicode/utf8"
)

// appendUnescaped undoes escape=default: \xHH, and nothing else, since nginx
// writes the backslash itself as \x5C (ngx_http_log_escape).
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

// appendUnescapedJSON undoes escape=json: the escapes of a JSON string. What is
// no such escape stays as it is.
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
			// nginx writes \u00XX for control bytes only, so there are
			// no surrogate pairs to join.
			dst = utf8.AppendRune(dst, r)
			raw = raw[4:]
		default:
			dst = append(dst, '\\', c)
		}
	}
}

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
