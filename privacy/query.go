package privacy

// redacted replaces a value. It is part of events.
const redacted = "[redacted]"

// A place is the kind of a text. It decides where a key may start and where a value
// ends.
type place uint8

const (
	// inText is any text, such as a whole line of a log.
	inText place = iota
	// inURL is a URL.
	inURL
	// inQuery is a query string.
	inQuery
)

// nextValue returns the place of the next value of one of the keys in text, from i
// on. It ignores the case of keys and undoes escapes. A key may have the brackets
// that PHP uses: key[], key[name].
func nextValue(text []byte, i int, keys []string, in place) (start, end int, ok bool) {
	before := byte(0)
	if in == inQuery && i == 0 {
		before = '?'
	}
	for i < len(text) {
		if startsKey(before, in) {
			for _, key := range keys {
				if value, nested, ok := afterKey(text, i, key); ok {
					return value, valueEnd(text, value, in, nested), true
				}
			}
		}
		c, width := unescape(text, i)
		before = c
		i += width
	}
	return 0, 0, false
}

// startsKey reports whether a key may follow c.
func startsKey(c byte, in place) bool {
	if in == inText {
		return !isWord(c) && c != '-' && c != '.'
	}
	return c == '?' || c == '&' || c == ';'
}

// afterKey returns where the value starts if text has key and "=" at i. nested
// reports that the "=" was escaped: the query string is part of another value.
func afterKey(text []byte, i int, key string) (value int, nested, ok bool) {
	for k := range len(key) {
		if i >= len(text) {
			return 0, false, false
		}
		c, width := unescape(text, i)
		if lower(c) != key[k] {
			return 0, false, false
		}
		i += width
	}
	const maxIndex = 64 // bytes of all brackets
	for limit := i + maxIndex; i < len(text) && i < limit; {
		c, width := unescape(text, i)
		if c != '[' {
			break
		}
		for i < len(text) && i < limit && c != ']' {
			i += width
			if i < len(text) {
				c, width = unescape(text, i)
			}
		}
		i += width
	}
	if i >= len(text) {
		return 0, false, false
	}
	c, width := unescape(text, i)
	return i + width, width > 1, c == '='
}

// valueEnd returns the end of the value that starts at i. If there are several
// possible ends, it returns the later one, so that nothing of the value is left.
func valueEnd(text []byte, i int, in place, nested bool) int {
	for i < len(text) {
		c, width := unescape(text, i)
		plain := width == 1
		switch {
		case (plain || nested) && (c == '&' || c == '#'):
			return i
		case in != inText || !plain:
		case c <= ' ':
			return i
		case c == '"' && endsPart(text[i+1:]):
			return i
		}
		i += width
	}
	return len(text)
}

// endsPart reports whether a quote that rest follows ends a part of a line. nginx
// does not escape quotes in the request of an error line.
func endsPart(rest []byte) bool {
	return len(rest) == 0 || rest[0] <= ' ' || rest[0] == ',' || rest[0] == '}'
}
