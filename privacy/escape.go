package privacy

// unescape reads the byte at text[i] as it was before a browser or nginx escaped
// it. width is the length of its escape, 1 for a byte that stands for itself.
//
//	%3A %253A         percent-encoding, several times over
//	\x22 \u0022 \"    a quote as nginx writes it with escape=default and json
//
// Several backslashes count as one, since an escaped text may be escaped again.
func unescape(text []byte, i int) (c byte, width int) {
	switch text[i] {
	case '%':
		j := i + 1
		for j < i+maxNested && j+4 <= len(text) && text[j] == '2' && text[j+1] == '5' && isHex(text[j+2]) && isHex(text[j+3]) {
			j += 2
		}
		if c, ok := hexByte(text, j); ok {
			return c, j + 2 - i
		}
	case '\\':
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
	}
	return text[i], 1
}

// maxNested bounds, in bytes, how often a text may have been escaped again. Without
// it a long run of backslashes would be read to its end from each of them.
const maxNested = 16

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

// isWord reports whether c can stand in a word.
func isWord(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
