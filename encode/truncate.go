package encode

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"unicode/utf8"

	"clearhop/internal/jsonscan"
)

// MinTruncated is the smallest length, in bytes of JSON, to which Truncate cuts a
// string. Identities, addresses and values of a known set are shorter.
const MinTruncated = 512

// ErrTruncate says that Truncate cannot make an event fit.
var ErrTruncate = errors.New("event cannot be shortened")

// Truncate returns event, a JSON object and a newline, in at most limit bytes:
// event itself if it fits, else a shorter copy.
//
// It cuts the longest strings, all to the same length, as much as needed but never
// below MinTruncated. If that is not enough, it leaves out the largest fields,
// except those that every event has. event.truncated names the fields of both
// kinds. The result is valid JSON and fits the schema.
//
// The error is ErrTruncate if event is no JSON object, or if the limit is too small
// for what must stay.
func Truncate(event []byte, limit int) ([]byte, error) {
	if len(event) <= limit {
		return event, nil
	}
	root, ok := parse(event)
	if !ok || root.open != '{' {
		return nil, ErrTruncate
	}
	t := &truncation{root: root}
	t.name(root, "")
	for excess := t.size() - limit; excess > 0; excess = t.size() - limit {
		if !t.cut(excess) && !t.leaveOut() {
			return nil, ErrTruncate
		}
		if !t.mark() {
			return nil, ErrTruncate
		}
	}
	return append(root.append(make([]byte, 0, limit)), '\n'), nil
}

// A truncation is an event that is being shortened.
type truncation struct {
	root   *value
	fields []*value // those that may be cut or left out
	names  []string // of the fields that were shortened, in their order of size
}

// A value is a part of a JSON text.
type value struct {
	field string   // the path of the field that it is, or is a part of
	text  []byte   // of a scalar, with the quotes of a string
	open  byte     // of an object or list
	keys  [][]byte // of an object, without their quotes
	items []*value
	gone  bool
}

// groupPaths are the paths of the objects that hold the event's fields.
var groupPaths = func() map[string]bool {
	group := map[string]bool{}
	for _, f := range Fields() {
		for i, c := range f.Path {
			if c == '.' {
				group[f.Path[:i]] = true
			}
		}
	}
	return group
}()

// name gives each value the path of its field, and collects the fields that may be
// cut or left out.
func (t *truncation) name(v *value, path string) {
	for i, item := range v.items {
		at := string(v.keys[i])
		if path != "" {
			at = path + "." + at
		}
		if item.open == '{' && groupPaths[at] {
			t.name(item, at)
			continue
		}
		item.setField(at)
		if !slices.Contains(always, at) && at != truncatedPath {
			t.fields = append(t.fields, item)
		}
	}
}

func (v *value) setField(path string) {
	v.field = path
	for _, item := range v.items {
		item.setField(path)
	}
}

// size is the length of the event as it is now, with its newline.
func (t *truncation) size() int { return t.root.size() + 1 }

// cut takes excess bytes off the longest strings and reports whether it could.
func (t *truncation) cut(excess int) bool {
	var long []*value
	for _, f := range t.fields {
		long = f.longStrings(long)
	}
	slices.SortStableFunc(long, func(a, b *value) int { return cmp.Compare(len(b.text), len(a.text)) })
	// The n+1 longest strings, cut to the length of the next one, save sum-(n+1)*next
	// bytes. The first n that saves enough decides how many strings are cut.
	sum := 0
	for n, v := range long {
		sum += len(v.text)
		next := MinTruncated
		if n+1 < len(long) {
			next = len(long[n+1].text)
		}
		if sum-(n+1)*next < excess {
			continue
		}
		level := (sum - excess) / (n + 1)
		for _, v := range long[:n+1] {
			v.text = cutString(v.text, level)
			t.shortened(v.field)
		}
		return true
	}
	return false
}

// leaveOut takes the largest field out and reports whether there was one.
func (t *truncation) leaveOut() bool {
	largest, size := -1, 0
	for i, f := range t.fields {
		if n := f.size(); !f.gone && n > size {
			largest, size = i, n
		}
	}
	if largest < 0 {
		return false
	}
	t.fields[largest].gone = true
	t.shortened(t.fields[largest].field)
	return true
}

func (t *truncation) shortened(field string) {
	if !slices.Contains(t.names, field) {
		t.names = append(t.names, field)
	}
}

// truncatedPath is the field that says what was shortened.
const truncatedPath = "event.truncated"

// mark writes the names of what was shortened into the event, beside those that
// stand there, and reports whether there is a place for them.
func (t *truncation) mark() bool {
	event := t.root.member("event")
	if event == nil {
		event = &value{open: '{'}
		t.root.add("event", event)
	}
	if event.open != '{' {
		return false
	}
	list := event.member("truncated")
	if list == nil || list.open != '[' {
		list = &value{open: '['}
		event.remove("truncated")
		event.add("truncated", list)
	}
	for _, name := range t.names {
		text := appendString(nil, name)
		if !slices.ContainsFunc(list.items, func(v *value) bool { return bytes.Equal(v.text, text) }) {
			list.items = append(list.items, &value{text: text})
		}
	}
	return true
}

func (v *value) member(key string) *value {
	for i := range v.keys {
		if string(v.keys[i]) == key {
			return v.items[i]
		}
	}
	return nil
}

func (v *value) add(key string, item *value) {
	v.keys = append(v.keys, []byte(key))
	v.items = append(v.items, item)
}

func (v *value) remove(key string) {
	if item := v.member(key); item != nil {
		item.gone = true
	}
}

func (v *value) longStrings(to []*value) []*value {
	if v.gone {
		return to
	}
	if len(v.text) > MinTruncated && v.text[0] == '"' {
		return append(to, v)
	}
	for _, item := range v.items {
		to = item.longStrings(to)
	}
	return to
}

// cutString returns a JSON string in at most n bytes, cut between characters.
func cutString(s []byte, n int) []byte {
	end := 1
	for {
		size := charSize(s[end:])
		if end+size+1 > n { // with the closing quote
			return append(s[:end:end], '"')
		}
		end += size
	}
}

// charSize is how many bytes of a JSON string its first character takes, with
// both halves of one that is escaped as two.
func charSize(s []byte) int {
	switch {
	case s[0] != '\\':
		_, size := utf8.DecodeRune(s)
		return size
	case s[1] != 'u':
		return 2
	case (s[2]|0x20) == 'd' && s[3] >= '8' && len(s) >= 12 && s[6] == '\\' && s[7] == 'u':
		return 12
	}
	return 6
}

// parse reads a JSON text and reports whether it is one. The values point into it.
func parse(text []byte) (*value, bool) {
	s := jsonscan.Scanner{B: text}
	v := read(&s, 0)
	s.End()
	return v, s.Err == nil
}

// read reads the next value, which is inside of depth others.
func read(s *jsonscan.Scanner, depth int) *value {
	open := s.Peek()
	if open != '{' && open != '[' {
		start := s.I
		s.Value()
		return &value{text: s.B[start:s.I:s.I]}
	}
	if depth == jsonscan.MaxDepth {
		s.Fail(jsonscan.ErrDepth)
	}
	v := &value{open: open}
	s.Enter(open)
	for first := true; s.Err == nil; first = false {
		if open == '{' {
			key, _, ok := s.RawKey(first)
			if !ok {
				break
			}
			v.keys = append(v.keys, key)
		} else if !s.Sibling(']', first) {
			break
		}
		v.items = append(v.items, read(s, depth+1))
	}
	return v
}

// append writes v. An object or list that has lost all its members is left out too.
func (v *value) append(dst []byte) []byte {
	if v.open == 0 {
		return append(dst, v.text...)
	}
	dst = append(dst, v.open)
	for i, item := range v.items {
		if item.empty() {
			continue
		}
		dst = appendComma(dst)
		if v.keys != nil {
			dst = append(dst, '"')
			dst = append(append(dst, v.keys[i]...), '"', ':')
		}
		dst = item.append(dst)
	}
	return append(dst, v.open+2)
}

// empty reports whether nothing of v is left.
func (v *value) empty() bool {
	if v.gone {
		return true
	}
	for _, item := range v.items {
		if !item.empty() {
			return false
		}
	}
	return len(v.items) > 0
}

// size is the length of what append writes.
func (v *value) size() int {
	if v.open == 0 {
		return len(v.text)
	}
	size, items := 2, 0
	for i, item := range v.items {
		if item.empty() {
			continue
		}
		items++
		size += item.size()
		if v.keys != nil {
			size += len(v.keys[i]) + len(`"":`)
		}
	}
	return size + max(0, items-1)
}
