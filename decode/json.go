package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// What a scanner can find wrong. None of them quotes the input.
var (
	errEnd      = errors.New("unexpected end of JSON")
	errValue    = errors.New("not a JSON value")
	errNumber   = errors.New("not a JSON number")
	errControl  = errors.New("control character in a JSON string")
	errEscape   = errors.New("unknown escape in a JSON string")
	errKey      = errors.New("object key expected")
	errColon    = errors.New("colon expected")
	errComma    = errors.New("comma or closing bracket expected")
	errTrailing = errors.New("text behind the JSON value")
	errDepth    = errors.New("JSON nested too deeply")
)

// maxDepth bounds how deep a value that is skipped may nest.
const maxDepth = 256

// A scanner reads JSON, as strict as RFC 8259 is, once and from front to back.
// It allocates nothing and changes nothing: strings come out as they stand
// between their quotes, and unescape is a step of its own.
//
// The first fault sticks in err; i then stands at or near it.
type scanner struct {
	b   []byte
	i   int
	err error

	plain [maxKey]byte // the last key that had escapes, without them
}

// A value is any JSON value as it stands in the input.
type value struct {
	kind    kind
	escaped bool   // a string with at least one escape in it
	raw     []byte // of a string, what stands between its quotes
}

// kind is the class of a value.
type kind uint8

const (
	none kind = iota // no value was seen
	null
	boolean
	number
	text
	array
	object
)

// maxKey is enough for each key that means something here, even if all its
// letters are \u escapes. A longer key cannot be one of them.
const maxKey = 128

func (s *scanner) fail(err error) bool {
	if s.err == nil {
		s.err = err
	}
	return false
}

// peek returns the first byte behind any white space, 0 at the end.
func (s *scanner) peek() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// enter steps over the bracket that opens an object or array.
func (s *scanner) enter(open byte) bool {
	if c := s.peek(); c != open {
		return s.failAt(errValue)
	}
	s.i++
	return true
}

// failAt fails with err, or with errEnd if nothing is left.
func (s *scanner) failAt(err error) bool {
	if s.i >= len(s.b) {
		err = errEnd
	}
	return s.fail(err)
}

// key steps to the next member of the object that was entered and returns its
// key, without escapes. It reports false at the end of the object, which it
// steps over, and on a fault.
func (s *scanner) key(first bool) ([]byte, bool) {
	if !s.sibling('}', first) {
		return nil, false
	}
	if s.peek() != '"' {
		return nil, s.failAt(errKey)
	}
	s.i++
	raw, escaped, ok := s.str()
	if !ok {
		return nil, false
	}
	if s.peek() != ':' {
		return nil, s.failAt(errColon)
	}
	s.i++
	if escaped {
		if len(raw) > len(s.plain) {
			return nil, true
		}
		raw = unescape(s.plain[:copy(s.plain[:], raw)])
	}
	return raw, true
}

// sibling steps to the next member or element: over the comma, unless it is
// the first. It reports false at the closing bracket, which it steps over, and
// on a fault.
func (s *scanner) sibling(closing byte, first bool) bool {
	c := s.peek()
	switch {
	case c == closing:
		s.i++
		return false
	case first && s.i < len(s.b):
		return true
	case c == ',':
		s.i++
		if s.peek() == closing {
			return s.fail(errValue)
		}
		return true
	}
	return s.failAt(errComma)
}

// value reads one value, whatever it is.
func (s *scanner) value() (value, bool) {
	c := s.peek()
	start := s.i
	switch c {
	case '"':
		s.i++
		raw, escaped, ok := s.str()
		return value{text, escaped, raw}, ok
	case '{', '[':
		k := object
		if c == '[' {
			k = array
		}
		ok := s.nested()
		return value{kind: k, raw: s.b[start:s.i]}, ok
	}
	k, ok := s.scalar(c)
	return value{kind: k, raw: s.b[start:s.i]}, ok
}

// nested steps over an object or array. The kinds of the open brackets are
// kept as bits, so depth costs no stack.
func (s *scanner) nested() bool {
	var objects [maxDepth / 64]uint64
	depth := 0
	for {
		switch c := s.peek(); c {
		case '{', '[':
			if depth == maxDepth {
				return s.fail(errDepth)
			}
			bit := uint64(1) << (depth % 64)
			objects[depth/64] &^= bit
			if c == '{' {
				objects[depth/64] |= bit
			}
			depth++
			s.i++
			if c == '[' {
				if s.sibling(']', true) {
					continue
				}
			} else if _, more := s.key(true); more {
				continue
			}
			if s.err != nil {
				return false
			}
			depth--
		case '"':
			s.i++
			if _, _, ok := s.str(); !ok {
				return false
			}
		default:
			if _, ok := s.scalar(c); !ok {
				return false
			}
		}
		// A value has ended: step to what follows it, out of as many brackets
		// as close here.
		for {
			if depth == 0 {
				return true
			}
			top := depth - 1
			var more bool
			if objects[top/64]>>(top%64)&1 == 1 {
				_, more = s.key(false)
			} else {
				more = s.sibling(']', false)
			}
			if more {
				break
			}
			if s.err != nil {
				return false
			}
			depth--
		}
	}
}

// scalar steps over a number, true, false or null that begins with c.
func (s *scanner) scalar(c byte) (kind, bool) {
	switch c {
	case 'n':
		return null, s.literal("null")
	case 't':
		return boolean, s.literal("true")
	case 'f':
		return boolean, s.literal("false")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		n, ok := numberLen(s.b[s.i:])
		s.i += n
		if !ok {
			return none, s.failAt(errNumber)
		}
		return number, true
	}
	return none, s.failAt(errValue)
}

func (s *scanner) literal(word string) bool {
	rest := s.b[s.i:]
	if len(rest) >= len(word) {
		if string(rest[:len(word)]) != word {
			return s.fail(errValue)
		}
		s.i += len(word)
		return true
	}
	if string(rest) != word[:len(rest)] {
		return s.fail(errValue)
	}
	s.i = len(s.b)
	return s.fail(errEnd)
}

// numberLen returns how many bytes at the front of b are a JSON number, and
// whether they are a whole one.
func numberLen(b []byte) (int, bool) {
	i := 0
	digits := func() bool {
		start := i
		for i < len(b) && b[i]-'0' < 10 {
			i++
		}
		return i > start
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++ // no digit may follow a leading zero
	} else if !digits() {
		return i, false
	}
	if i < len(b) && b[i] == '.' {
		i++
		if !digits() {
			return i, false
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return i, false
		}
	}
	return i, true
}

// str reads the rest of a string whose opening quote has been read, and its
// closing quote. Bytes that are not UTF-8 are let through.
func (s *scanner) str() (raw []byte, escaped, ok bool) {
	b, start := s.b, s.i
	i := start
	for {
		i += plainLen(b[i:])
		if i >= len(b) {
			s.i = i
			return nil, false, s.fail(errEnd)
		}
		switch c := b[i]; {
		case c == '"':
			s.i = i + 1
			return b[start:i], escaped, true
		case c != '\\':
			s.i = i
			return nil, false, s.fail(errControl)
		}
		escaped = true
		i++
		if i >= len(b) {
			s.i = i
			return nil, false, s.fail(errEnd)
		}
		switch b[i] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			i++
		case 'u':
			i++
			for range 4 {
				if i >= len(b) {
					s.i = i
					return nil, false, s.fail(errEnd)
				}
				if hexDigit[b[i]] < 0 {
					s.i = i
					return nil, false, s.fail(errEscape)
				}
				i++
			}
		default:
			s.i = i
			return nil, false, s.fail(errEscape)
		}
	}
}

// plainLen returns how many bytes at the front of b stand for themselves in a
// JSON string: the first that does not is a quote, a backslash or a control
// character. It looks at eight bytes at a time.
func plainLen(b []byte) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote := w ^ '"'*ones
		slash := w ^ '\\'*ones
		// Each term has the high bit of a byte set where the byte is one of
		// those sought. A borrow may set it in bytes above such a one too, but
		// only the lowest is used.
		hit := ((quote-ones)&^quote | (slash-ones)&^slash | (w-0x20*ones)&^w) & highs
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < 0x20 {
			return i
		}
	}
	return i
}

// unescape replaces the escapes of a string that str has found well-formed, in
// place: no escape is shorter than what it stands for. Half of a surrogate
// pair becomes U+FFFD.
func unescape(b []byte) []byte {
	w := bytes.IndexByte(b, '\\')
	if w < 0 {
		return b
	}
	for r := w; r < len(b); {
		if b[r] != '\\' {
			n := bytes.IndexByte(b[r:], '\\')
			if n < 0 {
				n = len(b) - r
			}
			w += copy(b[w:], b[r:r+n])
			r += n
			continue
		}
		c := b[r+1]
		r += 2
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			first := hex4(b[r:])
			r += 4
			if utf16.IsSurrogate(first) {
				pair := rune(utf8.RuneError)
				if len(b)-r >= 6 && b[r] == '\\' && b[r+1] == 'u' {
					pair = utf16.DecodeRune(first, hex4(b[r+2:]))
				}
				if first = pair; pair != utf8.RuneError {
					r += 6
				}
			}
			w += utf8.EncodeRune(b[w:], first)
			continue
		}
		b[w] = c
		w++
	}
	return b[:w]
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte) rune {
	return rune(hexDigit[b[0]])<<12 | rune(hexDigit[b[1]])<<8 | rune(hexDigit[b[2]])<<4 | rune(hexDigit[b[3]])
}

// hexDigit is the worth of each hexadecimal digit, -1 for other bytes.
var hexDigit = func() (t [256]int8) {
	for c := range t {
		switch {
		case '0' <= c && c <= '9':
			t[c] = int8(c - '0')
		case 'a' <= c && c <= 'f':
			t[c] = int8(c - 'a' + 10)
		case 'A' <= c && c <= 'F':
			t[c] = int8(c - 'A' + 10)
		default:
			t[c] = -1
		}
	}
	return t
}()
