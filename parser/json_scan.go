package parser

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"

	"clearhop/record"
)

const (
	// usualMembers is the number of members up to which reading a line allocates
	// nothing.
	usualMembers = 40
	maxMembers   = 512
	// maxObjects is the depth of objects whose members are read.
	maxObjects = 8
	// maxNesting is the depth of objects and arrays that are kept as text.
	maxNesting = 64
)

// A valueShape says how the value of a member is written.
type valueShape uint8

const (
	bare   valueShape = iota // without quotes: a number, true, null, or whatever nginx wrote
	quoted                   // a string; raw is the text between the quotes
	nested                   // an object or array; raw is its text
)

// A member is a key with its value. Members of inner objects are members with
// dotted names.
type member struct {
	name  []byte
	raw   []byte
	key   *key // nil for an unknown key
	at    int  // the index of raw in the line
	shape valueShape
}

// value returns the value without its escapes, or nil if it is absent.
func (m *member) value(r *record.Record) []byte {
	switch {
	case len(m.raw) == 0, len(m.raw) == 1 && m.raw[0] == '-', m.shape == bare && string(m.raw) == "null":
		return nil
	case m.shape != quoted || bytes.IndexByte(m.raw, '\\') < 0:
		return m.raw
	}
	scratch := r.Scratch()
	from := len(scratch)
	scratch = appendUnquoted(scratch, m.raw)
	r.SetScratch(scratch)
	return scratch[from:len(scratch):len(scratch)]
}

// The reasons why a line is not a JSON object. Events show them, so their texts must
// stay as they are.
const (
	noKey       = "a key in quotes must stand here"
	noColon     = "a colon must follow the key"
	noComma     = "a comma or the end of the object must follow the value"
	noClose     = "the closing quote is missing"
	noValueEnd  = "the value does not end"
	noBare      = "a byte that no value without quotes has"
	noBalance   = "the brackets do not match"
	tooDeep     = "objects and arrays are nested too deeply"
	tooMany     = "more members than an access log has"
	keyTooLong  = "the key is longer than any of an access log"
	goesOnAfter = "the line goes on after the object"
)

// A scanError says where and why a line is not a JSON object.
type scanError struct {
	at     int
	key    *key
	reason string
}

// A scanner splits a line into its members.
type scanner struct {
	line []byte
	r    *record.Record
	keys *keyTable

	// The first members are in an array. The compiler would put the array of a
	// slice on the heap.
	usual [usualMembers]member
	more  []member
	count int

	// inners are addresses in objects without a known key that may be the peer's.
	inners     [maxInner]inner
	innerCount int

	// repeated are the addresses whose key stands in the line twice, with other values.
	repeated record.Logged
}

// maxInner is how many addresses of a line in objects without a known key are looked at.
const maxInner = 4

// member returns the member with index i.
func (s *scanner) member(i int) *member {
	if i < len(s.usual) {
		return &s.usual[i]
	}
	return &s.more[i-len(s.usual)]
}

// cut keeps the first n members.
func (s *scanner) cut(n int) {
	s.count = n
	s.more = s.more[:max(0, n-len(s.usual))]
}

// beginsObject reports whether a line begins like a JSON object.
func beginsObject(line []byte) bool {
	i := skipSpace(line, 0)
	return i < len(line) && line[i] == '{'
}

// scan reads the line.
func (s *scanner) scan() *scanError {
	i := skipSpace(s.line, 0)
	if !beginsObject(s.line) {
		return &scanError{reason: noObject}
	}
	end, err := s.object(i, nil, path{}, 1)
	if err != nil {
		return err
	}
	if end = skipSpace(s.line, end); end != len(s.line) {
		return &scanError{at: end, reason: goesOnAfter}
	}
	return nil
}

// object reads the object at i and returns where it ends. The names of its members
// begin with prefix.
func (s *scanner) object(i int, prefix []byte, at path, depth int) (int, *scanError) {
	line := s.line
	for i++; ; {
		i = skipSpace(line, i)
		if i < len(line) && line[i] == '}' { // of an empty object, or after a comma
			return i + 1, nil
		}
		here := at
		name, next, err := s.key(i, prefix, &here)
		if err != nil {
			return next, err
		}
		if i, err = s.value(next, name, here, depth); err != nil {
			return i, err
		}
		i = skipSpace(line, i)
		switch {
		case i < len(line) && line[i] == ',':
			i++
		case i < len(line) && line[i] == '}':
			return i + 1, nil
		default:
			return i, &scanError{at: i, reason: noComma}
		}
	}
}

// key reads the key at i and the colon after it, and adds it to the path. It returns
// the member's name and where the value starts.
func (s *scanner) key(i int, prefix []byte, at *path) (name []byte, next int, err *scanError) {
	line := s.line
	if i == len(line) || line[i] != '"' {
		return nil, i, &scanError{at: i, reason: noKey}
	}
	end := stringEnd(line, i+1)
	if end < 0 {
		return nil, i, &scanError{at: i, reason: noClose}
	}
	raw := line[i+1 : end]
	if len(prefix)+len(raw) > maxKeyName {
		return nil, i, &scanError{at: i, reason: keyTooLong}
	}
	name = s.name(prefix, raw)
	at.add(name[len(prefix):])
	i = skipSpace(line, end+1)
	if i == len(line) || line[i] != ':' {
		return nil, i, &scanError{at: i, reason: noColon}
	}
	i = skipSpace(line, i+1)
	if i == len(line) {
		return nil, i, &scanError{at: i, key: s.keys.find(at), reason: noValueEnd}
	}
	return name, i, nil
}

// name returns the name of a member: the key, after the names of the objects
// around it.
func (s *scanner) name(prefix, raw []byte) []byte {
	escapes := bytes.IndexByte(raw, '\\') >= 0
	if len(prefix) == 0 && !escapes {
		return raw
	}
	scratch := s.r.Scratch()
	from := len(scratch)
	scratch = append(scratch, prefix...)
	if escapes {
		scratch = appendUnquoted(scratch, raw)
	} else {
		scratch = append(scratch, raw...)
	}
	s.r.SetScratch(scratch)
	return scratch[from:len(scratch):len(scratch)]
}

// value reads the value at i and returns where it ends.
func (s *scanner) value(i int, name []byte, at path, depth int) (int, *scanError) {
	line := s.line
	k := s.keys.find(&at)
	switch line[i] {
	case '"':
		end := stringEnd(line, i+1)
		if end < 0 {
			return i, &scanError{at: i, key: k, reason: noClose}
		}
		return end + 1, s.add(member{name: name, raw: line[i+1 : end], key: k, at: i + 1, shape: quoted})
	case '{':
		if depth < maxObjects {
			return s.inner(i, name, at, depth)
		}
		fallthrough
	case '[':
		end, reason := nestedEnd(line, i)
		if reason != "" {
			return i, &scanError{at: end, key: k, reason: reason}
		}
		return end, s.add(member{name: name, raw: line[i:end], key: k, at: i, shape: nested})
	}
	end := bareEnd(line, i)
	switch {
	case end == len(line):
		return i, &scanError{at: i, key: k, reason: noValueEnd}
	case line[end] != ',' && line[end] != '}':
		return i, &scanError{at: end, key: k, reason: noBare}
	}
	return end, s.add(member{name: name, raw: bytes.TrimRight(line[i:end], " \t"), key: k, at: i, shape: bare})
}

// inner reads an object in an object. If none of its members has a known key, the
// object is one value.
func (s *scanner) inner(i int, name []byte, at path, depth int) (int, *scanError) {
	k := s.keys.find(&at)
	before := s.count
	at.enter()
	prefix := s.name(name, []byte("."))
	end, err := s.object(i, prefix, at, depth+1)
	if err != nil {
		return end, err
	}
	for i := before; i < s.count; i++ {
		if s.member(i).key != nil {
			return end, nil
		}
	}
	for i := before; i < s.count; i++ {
		s.keepInner(s.member(i))
	}
	s.cut(before)
	return end, s.add(member{name: name, raw: s.line[i:end], key: k, at: i, shape: nested})
}

// add adds a member. If a known key repeats, the last value wins. Of two different
// addresses under one key a visitor can have written one: with escape=none, nginx escapes
// no quotes.
func (s *scanner) add(m member) *scanError {
	if m.key != nil {
		for i := range s.count {
			if earlier := s.member(i); earlier.key == m.key {
				if !bytes.Equal(earlier.raw, m.raw) {
					s.repeated |= m.key.variable.logged & addresses
				}
				*earlier = m
				return nil
			}
		}
	}
	switch {
	case s.count == maxMembers:
		return &scanError{at: m.at, reason: tooMany}
	case s.count < len(s.usual):
		s.usual[s.count] = m
	default:
		s.more = append(s.more, m)
	}
	s.count++
	return nil
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// stringEnd returns the index of the quote that ends the string whose text starts
// at i, or -1.
func stringEnd(b []byte, i int) int {
	for {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		if text := b[i : i+n]; n == 0 || text[n-1] != '\\' || !escaped(text) {
			return i + n
		}
		i += n + 1 // the backslashes before the quote do not count for the next one
	}
}

// bareEnd returns where the value without quotes at i ends: at the comma before the
// next member, at the end of the object, or at a byte that such a value cannot
// have. Other commas belong to nginx's lists.
func bareEnd(b []byte, i int) int {
	for i < len(b) && (!endsBare[b[i]] || b[i] == ',' && !endsMember(b, i)) {
		i++
	}
	return i
}

// endsBare are the bytes that can end a value without quotes.
var endsBare = func() (ends [256]bool) {
	for c := range ' ' {
		ends[c] = c != '\t'
	}
	for _, c := range `,}"{[]\` {
		ends[c] = true
	}
	return ends
}()

// endsMember reports whether the comma at i ends a member. In one of nginx's lists
// a space and another value follow it.
func endsMember(b []byte, i int) bool {
	next := skipSpace(b, i+1)
	return next == len(b) || next == i+1 || b[next] == '"' || b[next] == '}' || b[next] == ','
}

// nestedEnd returns the end of the object or array at i, or the place and the
// reason of its fault.
func nestedEnd(b []byte, i int) (int, string) {
	var open [maxNesting]byte
	depth := 0
	for ; i < len(b); i++ {
		switch c := b[i]; c {
		case '"':
			end := stringEnd(b, i+1)
			if end < 0 {
				return i, noClose
			}
			i = end
		case '{', '[':
			if depth == maxNesting {
				return i, tooDeep
			}
			open[depth] = c + 2 // the closing bracket, in ASCII
			depth++
		case '}', ']':
			depth--
			if open[depth] != c {
				return i, noBalance
			}
			if depth == 0 {
				return i + 1, ""
			}
		}
	}
	return i, noBalance
}

// appendUnquoted appends a JSON string without its escapes and without \xHH, which
// nginx writes with escape=default. Half of a surrogate pair becomes U+FFFD. What
// is not an escape stays as it is.
func appendUnquoted(dst, raw []byte) []byte {
	for {
		n := bytes.IndexByte(raw, '\\')
		if n < 0 || n+1 == len(raw) {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:n]...)
		escape := raw[n:]
		used := 2
		switch c := escape[1]; c {
		case 'x':
			undone := appendUnescaped(dst, escape[:min(4, len(escape))])
			used = min(4, len(escape))
			if len(undone) != len(dst)+1 { // not \xHH
				undone, used = append(dst, '\\', 'x'), 2
			}
			dst = undone
		case 'u':
			r, ok := hex4(escape[2:])
			if !ok {
				dst = append(dst, '\\', 'u')
				break
			}
			used = 6
			if utf16.IsSurrogate(r) {
				r, used = surrogates(r, escape)
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = appendUnescapedJSON(dst, escape[:2])
		}
		raw = escape[used:]
	}
}

// surrogates joins r, which is the half of a pair at the start of escape, with the
// half after it. It also returns the length of what it joined.
func surrogates(r rune, escape []byte) (rune, int) {
	if len(escape) >= 12 && escape[6] == '\\' && escape[7] == 'u' {
		if low, ok := hex4(escape[8:]); ok {
			if joined := utf16.DecodeRune(r, low); joined != utf8.RuneError {
				return joined, 12
			}
		}
	}
	return utf8.RuneError, 6
}
