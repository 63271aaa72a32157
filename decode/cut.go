package decode

import (
	"bytes"

	"clearhop/internal/jsonscan"
)

// A cut finds where a payload ends in a stream of payloads, while the stream
// comes in piece by piece. It only counts brackets and quotes: whether the
// piece is a payload is for the Decoder to say.
type cut struct {
	seen     int  // bytes that need not be looked at again
	depth    int  // open brackets
	inString bool // within a JSON string
	padded   bool // behind the "=" that ends base64 text
}

// blank returns how many bytes at the front of b are white space.
func blank(b []byte) int {
	for i, c := range b {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return i
		}
	}
	return len(b)
}

// find returns the length of the payload that b, which grows from call to call
// and is not empty, begins with. As long as the payload is not whole, that is
// the length of b; if b is all that there is, it is whole at any rate.
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

// json looks for the end of an object or string. A control character within a
// string, such as a newline, is not JSON: the end is taken to be there, so that
// a payload that was cut off does not take the next with it.
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

// base64 looks for the end of base64 text. The text may go on behind a
// newline, as the base64 command writes it, unless what follows there is the
// start of another one.
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

// line looks for the end of a line that is no payload at all.
func (c *cut) line(b []byte) (int, bool) {
	n := bytes.IndexByte(b[c.seen:], '\n')
	if n < 0 {
		c.seen = len(b)
		return 0, false
	}
	return c.seen + n, true
}
