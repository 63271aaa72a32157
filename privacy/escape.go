package privacy

// unescape returns the byte that text has at i, as it was before a browser or
// nginx escaped it, and the number of bytes of the escape. The width of a byte
// without an escape is 1.
//
//	%3A %253A         percent-encoding, also repeated
//	\x22 \u0022 \"    how nginx writes a quote with escape=default and escape=json
func unescape(text []byte, i int) (c byte, width int) {
	switch text[i] {
	case '%':
		return unescapePercent(text, i)
	case '\\':
		return unescapeBackslash(text, i)
	}
	return text[i], 1
}

// maxNested bounds the bytes by which repeated escaping makes an escape longer.
// Without it, a long run of backslashes would be read to its end from each of
// them.
const maxNested = 16

// unescapePercent reads the percent-encoding at i. A "%" that was encoded again
// is "%25".
func unescapePercent(text []byte, i int) (c byte, width int) {
	j := i + 1
	for j < i+maxNested && j+4 <= len(text) && text[j] == '2' && text[j+1] == '5' && isHex(text[j+2]) && isHex(text[j+3]) {
		j += 2
	}
	if c, ok := hexByte(text, j); ok {
		return c, j + 2 - i
	}
	return '%', 1
}

// unescapeBackslash reads the escape of nginx at i. Several backslashes count as
// one, because escaped text may be escaped again.
func unescapeBackslash(text []byte, i int) (c byte, width int) {
	j := i + 1
	for j < i+maxNested && j < len(text) && text[j] == '\\' {
		j++
	}
	if j == len(text) {
		return '\\', 1
	}
	switch text[j] {
	case 'x':
		if c, ok := hexByte(text, j+1); ok {
			return c, j + 3 - i
		}
	case 'u':
		if hi, ok := hexByte(text, j+1); ok && hi == 0 {
			if c, ok := hexByte(text, j+3); ok {
				return c, j + 5 - i
			}
		}
	case 'n', 'r', 't', 'b', 'f':
		return ' ', j + 1 - i
	case '"', '/':
		return text[j], j + 1 - i
	}
	return '\\', 1
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

// isWord reports whether c can be part of a word.
func isWord(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
