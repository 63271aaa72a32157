package address

import "bytes"

// Unescape returns the byte that text has at i, as it was before a browser, a program
// or nginx escaped it, and the number of bytes of the escape. The width of a byte
// without an escape is 1.
//
//	%3A %253A         percent-encoding, also repeated
//	\x22 \u0022 \"    how nginx writes a quote with escape=default and escape=json
//	&#46; &#x2e;      HTML
//	９ ： ． 。         the wide forms of Unicode, in UTF-8 that may be escaped itself
func Unescape(text []byte, i int) (c byte, width int) {
	c, width = unescapeByte(text, i)
	if c == wideLead || c == idealLead {
		return unescapeWide(text, i, c, width)
	}
	return c, width
}

// maxLevels bounds how many escapes of different kinds are undone inside each other,
// as in \x5Cu002e: nginx has escaped the backslash that a program wrote.
const maxLevels = 3

// unescapeByte is Unescape for one byte of UTF-8.
func unescapeByte(text []byte, i int) (c byte, width int) {
	c, end := text[i], i+1
	for level := range maxLevels {
		next, after := byte(0), end
		switch c {
		case '%':
			next, after = unescapePercent(text, end)
		case '\\':
			next, after = unescapeBackslash(text, end, level > 0)
		case '&':
			next, after = unescapeEntity(text, end)
		}
		if after == end {
			break
		}
		c, end = next, after
	}
	return c, end - i
}

// maxNested bounds the bytes by which repeated escaping makes an escape longer.
// Without it, a long run of backslashes would be read to its end from each of
// them.
const maxNested = 16

// unescapePercent reads what follows a "%" at i. A "%" that was encoded again is
// "%25". If it is no escape, end is i, as in the functions below.
func unescapePercent(text []byte, i int) (c byte, end int) {
	j := i
	for j+1 < i+maxNested && j+4 <= len(text) && text[j] == '2' && text[j+1] == '5' && isHex(text[j+2]) && isHex(text[j+3]) {
		j += 2
	}
	if c, ok := hexByte(text, j); ok {
		return c, j + 2
	}
	return 0, i
}

// unescapeBackslash reads what follows a backslash at i. Several backslashes count as
// one, because escaped text may be escaped again. If the backslash itself was escaped,
// only a number is read, since a quote behind it ends the text.
func unescapeBackslash(text []byte, i int, escaped bool) (c byte, end int) {
	j := i
	for j+1 < i+maxNested && j < len(text) && text[j] == '\\' {
		j++
	}
	if j == len(text) {
		return 0, i
	}
	switch text[j] {
	case 'x':
		if c, ok := hexByte(text, j+1); ok {
			return c, j + 3
		}
	case 'u':
		if c, ok := unicodeEscape(text, j+1); ok {
			return c, j + 5
		}
	}
	if escaped {
		return 0, i
	}
	switch text[j] {
	case 'n', 'r', 't', 'b', 'f':
		return ' ', j + 1
	case '"', '/':
		return text[j], j + 1
	}
	return 0, i
}

// unicodeEscape reads the four digits of \u0022. Of the wide forms it returns the
// narrow one.
func unicodeEscape(text []byte, i int) (c byte, ok bool) {
	hi, ok := hexByte(text, i)
	if !ok {
		return 0, false
	}
	lo, ok := hexByte(text, i+2)
	switch {
	case !ok:
		return 0, false
	case hi == 0:
		return lo, true
	case hi == 0xff && lo == 0x61 || hi == 0x30 && lo == 0x02:
		return '.', true
	case hi == 0xff && 0 < lo && lo < 0x5f:
		return lo + ' ', true
	}
	return 0, false
}

// The first bytes of the wide forms in UTF-8. U+FF01 to U+FF5E stand for "!" to "~".
// U+3002 and U+FF61 are full stops, which browsers take for the dots of a name.
const (
	wideLead  = 0xef
	idealLead = 0xe3
)

// unescapeWide reads a wide form, whose first byte is c.
func unescapeWide(text []byte, i int, c byte, width int) (narrow byte, all int) {
	var rest [2]byte
	all = width
	for n := range rest {
		if i+all >= len(text) {
			return c, width
		}
		b, w := unescapeByte(text, i+all)
		rest[n] = b
		all += w
	}
	switch hi, lo := rest[0], rest[1]; {
	case lo < 0x80 || lo > 0xbf:
	case c == idealLead && hi == 0x80 && lo == 0x82, c == wideLead && hi == 0xbd && lo == 0xa1:
		return '.', all
	case c == wideLead && hi == 0xbc && lo > 0x80:
		return lo - 0x80 + ' ', all
	case c == wideLead && hi == 0xbd && lo < 0x9f:
		return lo - 0x80 + '`', all
	}
	return c, width
}

// maxEntity is the length of the longest entity that is read.
const maxEntity = 12

// unescapeEntity reads the numeric character reference behind an "&" at i. The "&"
// itself may have been escaped as "&amp;".
func unescapeEntity(text []byte, i int) (c byte, end int) {
	j := i
	for j < i+maxNested && bytes.HasPrefix(text[j:], []byte("amp;")) {
		j += len("amp;")
	}
	if !bytes.HasPrefix(text[j:], []byte("#")) {
		return 0, i
	}
	j++
	base := 10
	if j < len(text) && lower(text[j]) == 'x' {
		base = 16
		j++
	}
	value, from := 0, j
	for j < len(text) && j-from < maxEntity && value < 0x80 && isHex(text[j]) && (base == 16 || isDigit(text[j])) {
		value = value*base + int(hexValue(text[j]))
		j++
	}
	if j == from || j == len(text) || text[j] != ';' || value >= 0x80 {
		return 0, i
	}
	return byte(value), j + 1
}

// hexByte reads the two hexadecimal digits at text[i].
func hexByte(text []byte, i int) (byte, bool) {
	if i+2 > len(text) || !isHex(text[i]) || !isHex(text[i+1]) {
		return 0, false
	}
	return hexValue(text[i])<<4 | hexValue(text[i+1]), true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func hexValue(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return lower(c) - 'a' + 10
}

func isLetter(c byte) bool { return 'a' <= lower(c) && lower(c) <= 'z' }

// IsWord reports whether c can be part of a word.
func IsWord(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
