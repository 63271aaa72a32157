package decode

import (
	"bytes"

	"clearhop/internal/jsonscan"
)

// A cut finds the end of a payload in a stream of payloads, while the stream
// arrives in pieces. It only counts brackets and quotes: the Decoder decides
// whether the result is a payload.
type cut struct {
	seen     int  // the number of bytes that were examined
	depth    int  // the number of open brackets
	inString bool // in a JSON string
	padded   bool // after the "=" that ends base64 text
}

// blank returns the number of bytes of white space at the start of b.
func blank(b []byte) int {
	for i, c := range b {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return i
		}
	}
	return len(b)
}

// find returns the length of the payload at the start of b, and whether it is
// whole. b is not empty and grows from call to call. A payload that is not whole
// has the length of b. all reports that nothing follows b: the payload is then
// whole in any case.
func (c *cut) find(b []byte, all bool) (n int, whole bool) {
	switch {
	case b[0] == '{' || b[0] == '"':
		n, whole = c.json(b)
	case isBase64(b[0]):
		n, whole = c.base64(b, all)
	default:
		n, whole = c.line(b)
	}
	if !whole {
		n = len(b)
	}
	return n, whole || all
}

// json finds the end of an object or string. A control character in a string,
// such as a newline, is not JSON: json returns that place as the end, so that a
// payload that was cut off does not destroy the next one.
func (c *cut) json(b []byte) (int, bool) {
	for c.seen < len(b) {
		if c.inString {
			c.seen += jsonscan.PlainLen(b[c.seen:])
			if c.seen == len(b) {
				return 0, false
			}
			switch b[c.seen] {
			case '\\':
				if c.seen+1 == len(b) {
					return 0, false
				}
				c.seen += 2
				continue
			case '"':
				c.inString = false
			default:
				return c.seen + 1, true
			}
			c.seen++
		} else {
			switch b[c.seen] {
			case '{', '[':
				c.depth++
			case '}', ']':
				c.depth--
			case '"':
				c.inString = true
			}
			c.seen++
		}
		if c.depth <= 0 && !c.inString {
			return c.seen, true
		}
	}
	return 0, false
}

// base64 finds the end of base64 text. The text may continue after a newline, as
// the base64 command writes it, unless another payload starts there.
func (c *cut) base64(b []byte, all bool) (int, bool) {
	for c.seen < len(b) {
		switch at := b[c.seen]; {
		case at == '=':
			c.padded = true
		case isBase64(at) && !c.padded:
		case at == '\n' || at == '\r':
			rest := b[c.seen+blank(b[c.seen:]):]
			if c.padded || bytes.HasPrefix(rest, []byte(gzipBase64)) {
				return c.seen, true
			}
			if len(rest) < len(gzipBase64) && !all {
				return 0, false
			}
		default:
			return c.seen, true
		}
		c.seen++
	}
	return 0, false
}

// line finds the end of a line that cannot be a payload.
func (c *cut) line(b []byte) (int, bool) {
	n := bytes.IndexByte(b[c.seen:], '\n')
	if n < 0 {
		c.seen = len(b)
		return 0, false
	}
	return c.seen + n, true
}

// scalar finds the end of a number, true, false or null.
func (c *cut) scalar(b []byte) (int, bool) {
	for ; c.seen < len(b); c.seen++ {
		if at := b[c.seen]; at == ',' || at == ']' || at == '}' || blank(b[c.seen:c.seen+1]) == 1 {
			return c.seen, true
		}
	}
	return 0, false
}
