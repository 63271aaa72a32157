//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"clearhop/encode"
	"clearhop/internal/jsonscan"
)

// add adds an event as a row. After an error the chunk is as it was before. Members that
// the table has no column for are left out, and so is null.
func (c *chunk) add(event []byte) error {
	r := rowReader{Scanner: jsonscan.Scanner{B: event}, arena: c.arena}
	if r.Peek() != '{' {
		return &EventError{Reason: "is no JSON object"}
	}
	next := 0
	r.object(func(key []byte) *column { return find(c.columns, key, &next) }, c.rows)
	if r.Err == nil {
		r.End()
	}
	c.arena = r.arena
	switch {
	case r.mismatch:
		c.takeBack()
		return &EventError{Column: r.I, Reason: strings.Join(r.path, ".") + " is not of its column's type"}
	case errors.Is(r.Err, errManyKeys):
		c.takeBack()
		return &EventError{Column: r.I, Reason: errManyKeys.Error()}
	case r.Err != nil:
		c.takeBack()
		return &EventError{Column: r.I + 1, Reason: "is no JSON: " + r.Err.Error()}
	}
	c.rows++
	return nil
}

// takeBack removes what was added of a row that is not complete.
func (c *chunk) takeBack() {
	for _, column := range c.columns {
		column.unmark(c.rows)
	}
}

// errMismatch ends the reading of an event.
var errMismatch = errors.New("not of its column's type")

// maxKeys is how many different keys a dictionary may have. Each key is compared with
// those before it, so without a bound one line could take minutes.
const maxKeys = 1024

// errManyKeys ends the reading of an event too.
var errManyKeys = fmt.Errorf("has an object of more than %d different keys", maxKeys)

// A rowReader reads the members of an event into columns.
type rowReader struct {
	jsonscan.Scanner
	arena   []byte
	scratch []byte // a text without its escapes

	mismatch bool     // a member is not of its column's type
	path     []string // of that member
}

// object reads an object whose members have columns, and sets their values at i.
func (r *rowReader) object(member func(key []byte) *column, i int) {
	r.Enter('{')
	for key, more := r.Key(true); more; key, more = r.Key(false) {
		to := member(key)
		if to == nil {
			r.Value()
			continue
		}
		if r.value(to, i); r.mismatch {
			r.path = slices.Insert(r.path, 0, to.Key)
		}
		if r.Err != nil {
			return
		}
	}
}

// value reads one value into a column.
func (r *rowReader) value(to *column, i int) {
	switch c := r.Peek(); {
	case c == 'n':
		r.Value() // null is the same as nothing
	case to.Kind == "" && c == '{':
		to.mark(i)
		r.object(to.member, i)
	case to.Kind == encode.StringMap && c == '{':
		r.dictionary(to, i)
	case (to.Kind == encode.StringList || to.Kind == encode.ObjectList) && c == '[':
		r.list(to, i)
	default:
		v, ok := r.Value()
		if ok && !r.scalar(to, i, v) {
			r.mismatch = true
			r.Fail(errMismatch)
		}
	}
}

// scalar sets a value that is no object and no list. It reports false if the value is
// not of the column's type.
func (r *rowReader) scalar(to *column, i int, v jsonscan.Value) bool {
	switch to.Kind {
	case encode.String, encode.IP:
		if v.Kind != jsonscan.Text {
			return false
		}
		r.text(to, i, v)
		return true
	case encode.Timestamp:
		at, ok := microseconds(v)
		if ok {
			to.setWord(i, uint64(at))
		}
		return ok
	case encode.Integer:
		n, ok := wholeNumber(v)
		if ok {
			to.setWord(i, uint64(n))
		}
		return ok
	case encode.Decimal:
		if v.Kind != jsonscan.Number {
			return false
		}
		x, err := strconv.ParseFloat(string(v.Raw), 64)
		if err != nil {
			return false
		}
		to.setWord(i, decimalWord(x))
		return true
	case encode.Boolean:
		if v.Kind != jsonscan.Boolean {
			return false
		}
		to.setWord(i, booleanWord(v.Raw[0] == 't'))
		return true
	}
	return false
}

// decimalWord and booleanWord are values as a column keeps them.
func decimalWord(x float64) uint64 { return math.Float64bits(x) }

func booleanWord(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// text sets a text without its escapes. DuckDB takes valid UTF-8 only.
func (r *rowReader) text(to *column, i int, v jsonscan.Value) {
	raw := v.Raw
	if v.Escaped {
		r.scratch = append(r.scratch[:0], raw...)
		raw = jsonscan.Unescape(r.scratch)
	}
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	r.arena = to.setText(i, raw, r.arena)
}

// list reads a list of texts or of objects.
func (r *rowReader) list(to *column, i int) {
	to.beginList(i)
	element := to.members[0]
	r.Enter('[')
	for first := true; r.Sibling(']', first); first = false {
		at := to.addElement(i)
		if r.value(element, at); r.Err != nil {
			return
		}
	}
}

// dictionary reads an object of texts. Of a key that comes twice the last one counts.
func (r *rowReader) dictionary(to *column, i int) {
	to.beginList(i)
	pair := to.members[0]
	keys, values := pair.members[0], pair.members[1]
	r.Enter('{')
	for first := true; ; first = false {
		raw, escaped, more := r.RawKey(first)
		if !more {
			return
		}
		at := to.addElement(i)
		pair.mark(at)
		r.text(keys, at, jsonscan.Value{Kind: jsonscan.Text, Escaped: escaped, Raw: raw})
		if same := r.sameKey(to.spans[i], keys, at); same >= 0 {
			keys.unmark(at)
			pair.unmark(at)
			to.spans[i].size--
			to.size--
			at = same
		}
		if to.spans[i].size > maxKeys {
			r.Fail(errManyKeys)
			return
		}
		if r.value(values, at); r.Err != nil {
			return
		}
	}
}

// sameKey returns the place of an earlier key of a dictionary that is the same as the
// one at last; -1 if there is none. A dictionary has at most maxKeys.
func (r *rowReader) sameKey(of span, keys *column, last int) int {
	key := textIn(r.arena, &keys.texts[last])
	for at := int(of.from); at < last; at++ {
		if keys.texts[at].size == keys.texts[last].size && bytes.Equal(textIn(r.arena, &keys.texts[at]), key) {
			return at
		}
	}
	return -1
}

// microseconds reads a time as the encoder writes it, as microseconds since the Unix
// epoch. A time of another zone or precision is read too.
func microseconds(v jsonscan.Value) (int64, bool) {
	if v.Kind != jsonscan.Text || v.Escaped {
		return 0, false
	}
	at, err := time.Parse(time.RFC3339Nano, string(v.Raw))
	return at.UnixMicro(), err == nil
}

// wholeNumber reads an integer of 64 bits.
func wholeNumber(v jsonscan.Value) (int64, bool) {
	if v.Kind != jsonscan.Number {
		return 0, false
	}
	n := int64(0)
	if len(v.Raw) < 18 { // cannot overflow
		for i, c := range v.Raw {
			if c == '-' && i == 0 {
				continue
			}
			if c-'0' > 9 {
				return 0, false
			}
			n = n*10 + int64(c-'0')
		}
		if v.Raw[0] == '-' {
			n = -n
		}
		return n, true
	}
	n, err := strconv.ParseInt(string(v.Raw), 10, 64)
	return n, err == nil
}
