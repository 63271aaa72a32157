// Package jsonscan reads JSON step by step, from front to back, and allocates
// nothing. It serves packages that look for a few members of documents that others
// wrote, or that copy documents piece by piece.
//
// In goes a JSON text. The caller asks for what comes next, and gets it as it
// stands in the text:
//
//	s := jsonscan.Scanner{B: text}
//	s.Enter('{')
//	for key, value, ok := s.Member(true); ok; key, value, ok = s.Member(false) {
//		// use key until the next step, and value as long as text
//	}
//	s.End()
//	if s.Err != nil { ... } // the text is no JSON
//
// One goroutine at a time may use a Scanner. encoding/json is the oracle of its
// fuzzers, in packages decode and encode.
package jsonscan

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// The errors of a Scanner. None of them quotes the input.
var (
	ErrEnd      = errors.New("unexpected end of JSON")
	ErrValue    = errors.New("not a JSON value")
	ErrNumber   = errors.New("not a JSON number")
	ErrControl  = errors.New("control character in a JSON string")
	ErrEscape   = errors.New("unknown escape in a JSON string")
	ErrKey      = errors.New("object key expected")
	ErrColon    = errors.New("colon expected")
	ErrComma    = errors.New("comma or closing bracket expected")
	ErrTrailing = errors.New("text behind the JSON value")
	ErrDepth    = errors.New("JSON nested too deeply")
)

// MaxDepth is how many objects and lists inside each other a Scanner steps over.
const MaxDepth = 256

// A Scanner reads a JSON text once, from front to back, as strictly as RFC 8259
// wants. It does not change the text: strings come out as they stand between their
// quotes, and [Unescape] is a separate step.
//
// Err keeps the first error. I is at that error then, or near it, and what comes
// next has no meaning.
type Scanner struct {
	B   []byte // the input
	I   int    // the position in it
	Err error

	plain [maxKey]byte // the last key that had escapes, without them
}

// A Value is any JSON value as it stands in the input, to which it points.
type Value struct {
	Kind    Kind
	Escaped bool   // a string with at least one escape in it
	Raw     []byte // of a string, what stands between its quotes
}

// A Kind is the class of a value.
type Kind uint8

// The kinds of values.
const (
	None Kind = iota // no value was seen
	Null
	Boolean
	Number
	Text
	Array
	Object
)

// maxKey is enough for every key that a caller looks for, even if all its letters
// are \u escapes. So a longer key is none of them.
const maxKey = 128

// Fail sets Err, unless it is set already, and returns false.
func (s *Scanner) Fail(err error) bool {
	if s.Err == nil {
		s.Err = err
	}
	return false
}

// Peek steps over white space and returns the byte behind it, 0 at the end.
func (s *Scanner) Peek() byte {
	for s.I < len(s.B) {
		switch c := s.B[s.I]; c {
		case ' ', '\t', '\n', '\r':
			s.I++
		default:
			return c
		}
	}
	return 0
}

// Enter steps over the bracket that opens an object or list.
func (s *Scanner) Enter(open byte) bool {
	if c := s.Peek(); c != open {
		return s.failAt(ErrValue)
	}
	s.I++
	return true
}

// failAt fails with err, or with ErrEnd if nothing is left.
func (s *Scanner) failAt(err error) bool {
	if s.I >= len(s.B) {
		err = ErrEnd
	}
	return s.Fail(err)
}

// Key steps to the next member of the object that was entered, and over its key,
// which it returns without escapes. The key is valid until the next call of Key. It is nil
// if it has escapes and more than 128 bytes. Key reports false at the end of the
// object, which it steps over, and on an error.
func (s *Scanner) Key(first bool) ([]byte, bool) {
	raw, escaped, ok := s.RawKey(first)
	if escaped {
		if len(raw) > len(s.plain) {
			return nil, true
		}
		raw = Unescape(s.plain[:copy(s.plain[:], raw)])
	}
	return raw, ok
}

// RawKey is Key, but for the key as it stands between its quotes in the input.
func (s *Scanner) RawKey(first bool) (raw []byte, escaped, ok bool) {
	if !s.Sibling('}', first) {
		return nil, false, false
	}
	if s.Peek() != '"' {
		return nil, false, s.failAt(ErrKey)
	}
	s.I++
	raw, escaped, ok = s.str()
	if !ok {
		return nil, false, false
	}
	if s.Peek() != ':' {
		return nil, false, s.failAt(ErrColon)
	}
	s.I++
	return raw, escaped, true
}

// Member steps to the next member of the object that was entered, and over it. It is
// Key and then Value. If the object is broken there, it reports false and Err says why.
func (s *Scanner) Member(first bool) (key []byte, value Value, ok bool) {
	if key, ok = s.Key(first); ok {
		value, ok = s.Value()
	}
	return key, value, ok
}

// Sibling steps to the next member of an object or item of a list: over the comma,
// unless it is the first. It reports false at the closing bracket, which it steps
// over, and on an error.
func (s *Scanner) Sibling(closing byte, first bool) bool {
	c := s.Peek()
	switch {
	case c == closing:
		s.I++
		return false
	case first && s.I < len(s.B):
		return true
	case c == ',':
		s.I++
		if s.Peek() == closing {
			return s.Fail(ErrValue)
		}
		return true
	}
	return s.failAt(ErrComma)
}

// Value reads one value, whatever it is.
func (s *Scanner) Value() (Value, bool) {
	c := s.Peek()
	start := s.I
	switch c {
	case '"':
		s.I++
		raw, escaped, ok := s.str()
		return Value{Text, escaped, raw}, ok
	case '{', '[':
		k := Object
		if c == '[' {
			k = Array
		}
		ok := s.nested()
		return Value{Kind: k, Raw: s.B[start:s.I]}, ok
	}
	k, ok := s.scalar(c)
	return Value{Kind: k, Raw: s.B[start:s.I]}, ok
}

// nested steps over an object or list. The kinds of the open brackets are kept as
// bits, so that depth costs no stack.
func (s *Scanner) nested() bool {
	var objects [MaxDepth / 64]uint64
	depth := 0
	for {
		switch c := s.Peek(); c {
		case '{', '[':
			if depth == MaxDepth {
				return s.Fail(ErrDepth)
			}
			bit := uint64(1) << (depth % 64)
			objects[depth/64] &^= bit
			if c == '{' {
				objects[depth/64] |= bit
			}
			depth++
			s.I++
			if c == '[' {
				if s.Sibling(']', true) {
					continue
				}
			} else if _, _, more := s.RawKey(true); more {
				continue
			}
			if s.Err != nil {
				return false
			}
			depth--
		case '"':
			s.I++
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
				_, _, more = s.RawKey(false)
			} else {
				more = s.Sibling(']', false)
			}
			if more {
				break
			}
			if s.Err != nil {
				return false
			}
			depth--
		}
	}
}

// End fails unless only white space is left.
func (s *Scanner) End() {
	s.Peek()
	if s.I < len(s.B) {
		s.Fail(ErrTrailing)
	}
}

// scalar steps over a number, true, false or null that begins with c.
func (s *Scanner) scalar(c byte) (Kind, bool) {
	switch c {
	case 'n':
		return Null, s.literal("null")
	case 't':
		return Boolean, s.literal("true")
	case 'f':
		return Boolean, s.literal("false")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		n, ok := NumberLen(s.B[s.I:])
		s.I += n
		if !ok {
			return None, s.failAt(ErrNumber)
		}
		return Number, true
	}
	return None, s.failAt(ErrValue)
}

func (s *Scanner) literal(word string) bool {
	rest := s.B[s.I:]
	if len(rest) >= len(word) {
		if string(rest[:len(word)]) != word {
			return s.Fail(ErrValue)
		}
		s.I += len(word)
		return true
	}
	if string(rest) != word[:len(rest)] {
		return s.Fail(ErrValue)
	}
	s.I = len(s.B)
	return s.Fail(ErrEnd)
}

// NumberLen returns how many bytes at the front of b belong to a JSON number, and
// whether the number is complete.
func NumberLen(b []byte) (int, bool) {
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

// str reads the rest of a string behind its opening quote, and its closing quote.
// Bytes that are not UTF-8 are accepted.
func (s *Scanner) str() (raw []byte, escaped, ok bool) {
	b, start := s.B, s.I
	i := start
	for {
		i += PlainLen(b[i:])
		if i >= len(b) {
			s.I = i
			return nil, false, s.Fail(ErrEnd)
		}
		switch c := b[i]; {
		case c == '"':
			s.I = i + 1
			return b[start:i], escaped, true
		case c != '\\':
			s.I = i
			return nil, false, s.Fail(ErrControl)
		}
		escaped = true
		i++
		if i >= len(b) {
			s.I = i
			return nil, false, s.Fail(ErrEnd)
		}
		switch b[i] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			i++
		case 'u':
			i++
			for range 4 {
				if i >= len(b) {
					s.I = i
					return nil, false, s.Fail(ErrEnd)
				}
				if hexDigit[b[i]] < 0 {
					s.I = i
					return nil, false, s.Fail(ErrEscape)
				}
				i++
			}
		default:
			s.I = i
			return nil, false, s.Fail(ErrEscape)
		}
	}
}

// PlainLen returns how many bytes at the front of b stand for themselves in a JSON
// string. The first that does not is a quote, a backslash or a control character.
// It looks at eight bytes at a time.
func PlainLen(b []byte) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote := w ^ '"'*ones
		slash := w ^ '\\'*ones
		// Each term sets the high bit of each byte that is searched for. A borrow may
		// set it in bytes above such a byte too, but only the lowest is used.
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

// Unescape replaces the escapes of a string that a Scanner has read, in place: no
// escape is shorter than what it stands for. Half of a surrogate pair becomes
// U+FFFD.
func Unescape(b []byte) []byte {
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

// Name returns a string without its escapes, or a number as it stands, and nil for
// all other values. It replaces escapes in the input, so it can be called only
// once.
func (v Value) Name() []byte {
	switch {
	case v.Kind == Text && v.Escaped:
		return Unescape(v.Raw)
	case v.Kind == Text, v.Kind == Number:
		return v.Raw
	}
	return nil
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte) rune {
	return rune(hexDigit[b[0]])<<12 | rune(hexDigit[b[1]])<<8 | rune(hexDigit[b[2]])<<4 | rune(hexDigit[b[3]])
}

// hexDigit is the value of each hexadecimal digit, -1 for other bytes.
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
