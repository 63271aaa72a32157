package privacy

import (
	"bytes"

	"clearhop/internal/address"
)

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
	// inRequest is the first line of a request, which may be malformed.
	inRequest
	// inMessage is the message of an error line, in which nginx has undone the
	// escapes of a path.
	inMessage
)

// A search looks for the values of the keys in one text.
type search struct {
	text []byte
	keys []string
	in   place
	// What ends a value behind a space was looked for before nextEnd: see
	// requestEnd.
	nextEnd  int
	protocol int // where " HTTP/" stands, or -1
	// The quotes are counted up to here.
	counted int
	quotes  int
}

// next returns the place of the next value of one of the keys, from i on. It ignores
// the case of keys and undoes escapes. A key may have the brackets that PHP and Rails
// use, and may stand in them: key[], key[name], name[key].
func (s *search) next(i int) (start, end int, ok bool) {
	before := byte(0)
	if s.in == inQuery && i == 0 {
		before = '?'
	}
	for i < len(s.text) {
		if s.startsKey(before) {
			for _, key := range s.keys {
				if value, nested, ok := s.afterKey(i, key, before == '['); ok {
					return value, s.valueEnd(value, nested), true
				}
			}
		}
		c, width := address.Unescape(s.text, i)
		// Servers ignore spaces in front of a key.
		if c != ' ' && c != '+' || !isSeparator(before) {
			before = c
		}
		i += width
	}
	return 0, 0, false
}

// startsKey reports whether a key may follow c. A key may also stand in a path, as in
// /a/email=alice, /a;email=alice and /users(email=alice). name.key and name-key are other
// keys.
func (s *search) startsKey(c byte) bool {
	if c == 0 && (s.in == inURL || s.in == inQuery) {
		return false // a URL begins with no key
	}
	return !address.IsWord(c) && c != '-' && c != '.'
}

// isSeparator reports whether c stands between the parameters of a URL.
func isSeparator(c byte) bool { return c == '?' || c == '&' || c == ';' || c == '#' }

// afterKey returns where the value starts if the text has key and "=" at i. nested
// reports that the "=" was escaped: the query string is part of another value.
// bracket reports that a "[" stands before the key. In a URL "]" must then follow it.
func (s *search) afterKey(i int, key string, bracket bool) (value int, nested, ok bool) {
	for k := range len(key) {
		if i >= len(s.text) {
			return 0, false, false
		}
		c, width := address.Unescape(s.text, i)
		if lower(c) != key[k] {
			return 0, false, false
		}
		i += width
	}
	if bracket && i < len(s.text) {
		if c, width := address.Unescape(s.text, i); c == ']' {
			i += width
		} else if s.in == inURL || s.in == inQuery {
			return 0, false, false
		}
	}
	i = s.afterBrackets(i)
	if i >= len(s.text) {
		return 0, false, false
	}
	c, width := address.Unescape(s.text, i)
	return i + width, width > 1, c == '='
}

// afterBrackets returns the end of the brackets at i.
func (s *search) afterBrackets(i int) int {
	const maxIndex = 64 // bytes of all brackets
	for limit := i + maxIndex; i < len(s.text) && i < limit; {
		c, width := address.Unescape(s.text, i)
		if c != '[' {
			break
		}
		for i < len(s.text) && i < limit && c != ']' {
			i += width
			if i < len(s.text) {
				c, width = address.Unescape(s.text, i)
			}
		}
		i += width
	}
	return i
}

// valueEnd returns the end of the value that starts at i. If there are several
// possible ends, it returns the later one, so that nothing of the value is left.
func (s *search) valueEnd(i int, nested bool) int {
	for i < len(s.text) {
		c, width := address.Unescape(s.text, i)
		plain := width == 1
		switch {
		case (plain || nested) && (c == '&' || c == '#'):
			return i
		case !plain:
		case s.in == inRequest && c == ' ' && isProtocol(s.text[i:]):
			return i
		case s.in != inText && s.in != inMessage:
		case c == '"' && endsPart(s.text[i+1:]):
			return i
		case c <= ' ' && s.in == inText:
			end := s.requestEnd(i)
			if end == i || c != ' ' {
				return i
			}
			i = end
			continue
		}
		i += width
	}
	return len(s.text)
}

// requestEnd returns where a request or a header ends that has the space at i in its
// URL: where " HTTP/" stands in front of the next quote, or else at that quote, if the
// space is between quotes. Otherwise the space at i ends the URL.
func (s *search) requestEnd(i int) int {
	if i >= s.nextEnd {
		rest := s.text[i:]
		s.nextEnd, s.protocol = len(s.text), -1
		for n, c := range rest {
			if c == '"' && endsPart(rest[n+1:]) || c == '\n' {
				s.nextEnd = i + n
				break
			}
		}
		if n := bytes.LastIndex(s.text[i:s.nextEnd], []byte(protocolMark)); n >= 0 {
			s.protocol = i + n
		}
	}
	if s.protocol >= i {
		return s.protocol
	}
	if s.inQuotes(i) {
		return s.nextEnd
	}
	return i
}

// inQuotes reports whether i is between quotes.
func (s *search) inQuotes(i int) bool {
	for ; s.counted < i; s.counted++ {
		if s.text[s.counted] == '"' && (s.counted == 0 || s.text[s.counted-1] != '\\') {
			s.quotes++
		}
	}
	return s.quotes%2 == 1
}

const protocolMark = " HTTP/"

// isProtocol reports whether text is the end of a request line: " HTTP/1.1".
func isProtocol(text []byte) bool {
	const longest = len(" HTTP/1.1")
	return len(text) <= longest && bytes.HasPrefix(text, []byte(protocolMark))
}

// endsPart reports whether a quote that rest follows ends a part of a line. nginx
// does not escape quotes in the request of an error line.
func endsPart(rest []byte) bool {
	return len(rest) == 0 || rest[0] <= ' ' || rest[0] == ',' || rest[0] == '}'
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
