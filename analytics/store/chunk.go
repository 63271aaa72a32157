//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"encoding/binary"
	"runtime"
	"unsafe"

	"clearhop/encode"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// rowsPerChunk is how many rows DuckDB takes at a time: the size of its vectors.
const rowsPerChunk = 2048

// A chunk gathers rows, column by column, and gives them to DuckDB many at a time. It
// writes the vectors of DuckDB as they are in memory, because a call into C for each
// value would cost more than all the rest of loading; see docs/decisions/statistics.md.
//
// An object of the event is a struct, so a column may have columns in it. A chunk
// belongs to one goroutine.
type chunk struct {
	columns []*column
	arena   []byte // the texts that are longer than 12 bytes
	rows    int
}

// A column holds the values of one column, or of one field of a struct, until they are
// given to DuckDB. What is nested in a list has one value for each element.
type column struct {
	encode.Column
	members []*column // of a struct; of a list one: its elements
	next    int       // where in members the next key is expected

	isUsed bool     // a value was set since the last reset
	valid  []uint64 // a bit for each value
	words  []uint64 // numbers, as their bits
	texts  []text
	spans  []span // lists
	size   int    // elements of all lists
}

// A text is a string as a vector of DuckDB holds it. Up to 12 bytes stand in the text
// itself. Of a longer one the first four do, and at is its address; until the chunk is
// written at is the place in the arena.
type text struct {
	size   uint32
	prefix [4]byte
	at     uint64
}

// A span says which elements belong to a list.
type span struct{ from, size uint64 }

// newChunk makes an empty chunk.
func newChunk(columns []encode.Column) *chunk {
	return &chunk{columns: newColumns(columns)}
}

func newColumns(columns []encode.Column) []*column {
	all := make([]*column, len(columns))
	for i, c := range columns {
		all[i] = newColumn(c)
	}
	return all
}

func newColumn(of encode.Column) *column {
	c := &column{Column: of}
	switch of.Kind {
	case encode.StringList:
		c.members = newColumns([]encode.Column{{Kind: encode.String}})
	case encode.ObjectList:
		c.members = newColumns([]encode.Column{{Members: of.Members}})
	case encode.StringMap:
		pair := []encode.Column{{Name: "key", Kind: encode.String}, {Name: "value", Kind: encode.String}}
		c.members = newColumns([]encode.Column{{Members: pair}})
	default:
		c.members = newColumns(of.Members)
	}
	return c
}

// member returns the member with a key of the event; nil if there is none. The keys of
// an event stand in the order of the members, so the first look mostly finds it.
func (c *column) member(key []byte) *column {
	return find(c.members, key, &c.next)
}

func find(columns []*column, key []byte, next *int) *column {
	for range columns {
		if *next >= len(columns) {
			*next = 0
		}
		c := columns[*next]
		*next++
		if c.Key == string(key) {
			return c
		}
	}
	return nil
}

// mark says that there is a value at i.
func (c *column) mark(i int) {
	c.isUsed = true
	for len(c.valid) <= i/64 {
		c.valid = append(c.valid, 0)
	}
	c.valid[i/64] |= 1 << (i % 64)
}

// unmark takes the value at i away again, with all that is in it.
func (c *column) unmark(i int) {
	if !c.has(i) {
		return
	}
	c.valid[i/64] &^= 1 << (i % 64)
	if i < len(c.spans) {
		list := c.spans[i]
		for k := list.from; k < list.from+list.size; k++ {
			c.members[0].unmark(int(k))
		}
		c.size = int(list.from)
		return
	}
	for _, m := range c.members {
		m.unmark(i)
	}
}

func (c *column) setWord(i int, word uint64) {
	c.mark(i)
	c.words = grown(c.words, i)
	c.words[i] = word
}

// setText sets a text, which must be valid UTF-8, and copies it.
func (c *column) setText(i int, value []byte, arena []byte) []byte {
	c.mark(i)
	c.texts = grown(c.texts, i)
	c.texts[i], arena = newText(value, arena)
	return arena
}

// newText makes a text, of which a long one is copied to the end of an arena.
func newText(value, arena []byte) (text, []byte) {
	t := text{size: uint32(len(value))}
	if len(value) <= 12 {
		var short [12]byte
		copy(short[:], value)
		copy(t.prefix[:], short[:4])
		t.at = binary.NativeEndian.Uint64(short[4:])
		return t, arena
	}
	copy(t.prefix[:], value)
	t.at = uint64(len(arena))
	return t, append(arena, value...)
}

// beginList begins a list at i, to which addElement adds.
func (c *column) beginList(i int) {
	c.mark(i)
	c.spans = grown(c.spans, i)
	c.spans[i] = span{from: uint64(c.size)}
}

// addElement makes room for one more element of the list at i, and returns its place.
func (c *column) addElement(i int) int {
	c.spans[i].size++
	c.size++
	return c.size - 1
}

// bytes returns a text that the engine has in a vector. It is valid as long as that.
func (t *text) bytes() []byte {
	if t.size <= 12 {
		return unsafe.Slice(&t.prefix[0], t.size)
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&t.at)), t.size)
}

// has reports whether there is a value at i.
func (c *column) has(i int) bool {
	return c.isUsed && i/64 < len(c.valid) && c.valid[i/64]>>(i%64)&1 == 1
}

// textAt returns a text that was set since the last reset.
func (c *chunk) textAt(from *column, i int) []byte { return textIn(c.arena, &from.texts[i]) }

func textIn(arena []byte, t *text) []byte {
	if t.size <= 12 {
		return t.bytes()
	}
	return arena[t.at : t.at+uint64(t.size)]
}

// grown returns a slice that has an item at i.
func grown[T any](s []T, i int) []T {
	for len(s) <= i {
		var zero T
		s = append(s, zero)
	}
	return s
}

// reset makes the chunk empty and keeps its memory.
func (c *chunk) reset() {
	for _, column := range c.columns {
		column.reset()
	}
	c.arena, c.rows = c.arena[:0], 0
}

func (c *column) reset() {
	if !c.isUsed {
		return
	}
	c.isUsed, c.size = false, 0
	c.valid, c.words, c.texts, c.spans = c.valid[:0], c.words[:0], c.texts[:0], c.spans[:0]
	for _, m := range c.members {
		m.reset()
	}
}

// writeTo copies the rows into the vectors of a chunk of DuckDB, and calls use with it.
// The vectors are valid only until use returns, since the long texts stay in Go's
// memory.
func (c *chunk) writeTo(to mapping.DataChunk, use func() error) error {
	mapping.DataChunkReset(to)
	var base uint64
	var pin runtime.Pinner
	defer pin.Unpin()
	if len(c.arena) > 0 {
		pin.Pin(&c.arena[0])
		base = uint64(uintptr(unsafe.Pointer(&c.arena[0])))
	}
	for i, column := range c.columns {
		column.writeTo(mapping.DataChunkGetVector(to, mapping.IdxT(i)), c.rows, base)
	}
	mapping.DataChunkSetSize(to, mapping.IdxT(c.rows))
	return use()
}

// writeTo copies n values into a vector. base is the address of the arena.
func (c *column) writeTo(vector mapping.Vector, n int, base uint64) {
	c.writeValidity(vector, n)
	if !c.isUsed {
		if c.Kind == "" && len(c.members) > 0 {
			for i, m := range c.members { // DuckDB reads the members of a NULL too
				m.writeTo(mapping.StructVectorGetChild(vector, mapping.IdxT(i)), n, base)
			}
		}
		return
	}
	switch c.Kind {
	case encode.StringList, encode.ObjectList, encode.StringMap:
		spans := vectorOf[span](vector, n)
		clear(spans[copy(spans, c.spans):])
		mapping.ListVectorReserve(vector, mapping.IdxT(c.size))
		mapping.ListVectorSetSize(vector, mapping.IdxT(c.size))
		c.members[0].writeTo(mapping.ListVectorGetChild(vector), c.size, base)
	case encode.String, encode.IP:
		to := vectorOf[text](vector, n)
		for i := range min(n, len(c.texts)) {
			t := c.texts[i]
			if t.size > 12 {
				t.at += base
			}
			to[i] = t
		}
	case encode.Timestamp, encode.Integer, encode.Decimal:
		copy(vectorOf[uint64](vector, n), c.words)
	case encode.Boolean:
		to := vectorOf[uint8](vector, n)
		for i := range min(n, len(c.words)) {
			to[i] = uint8(c.words[i])
		}
	default:
		for i, m := range c.members {
			m.writeTo(mapping.StructVectorGetChild(vector, mapping.IdxT(i)), n, base)
		}
	}
}

// writeValidity says which of n values there are.
func (c *column) writeValidity(vector mapping.Vector, n int) {
	if n == 0 {
		return
	}
	mapping.VectorEnsureValidityWritable(vector)
	mask := unsafe.Slice((*uint64)(mapping.VectorGetValidity(vector)), (n+63)/64)
	clear(mask)
	copy(mask, c.valid)
}

func vectorOf[T any](vector mapping.Vector, n int) []T {
	return unsafe.Slice((*T)(mapping.VectorGetData(vector)), n)
}
