//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"encoding/binary"
	"encoding/hex"
	"runtime"
	"unsafe"

	"clearhop/encode"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// A lineColumn holds the values of a column of the table of lines until they are given to
// DuckDB.
type lineColumn struct {
	name string
	kind encode.Type // empty for an id of 16 bytes, and for the number of a group

	valid [rowsPerChunk / 64]uint64
	words []uint64
	ids   []huge
	texts []text
	keys  []uint32 // of a group; always valid
}

// lines gathers rows of the table of lines. The row in hand is the one at rows; it is
// part of the chunk when rows is counted up.
type lines struct {
	columns []*lineColumn
	arena   []byte // the texts that are longer than 12 bytes
	rows    int

	ts, id, idText *lineColumn
	keys           [len(groups)]*lineColumn
}

// idColumn is the column with ids of 32 hexadecimal digits, which are all that the
// command makes itself. Other ids are texts in the column idTextColumn.
const (
	idColumn     = "id"
	idTextColumn = "id_text"
)

// idSQL is an id as it stands in the event.
const idSQL = "coalesce(" + idTextColumn + ", replace(CAST(" + idColumn + " AS VARCHAR), '-', ''))"

func newLines() *lines {
	l := &lines{}
	add := func(c *lineColumn) *lineColumn {
		l.columns = append(l.columns, c)
		return c
	}
	for _, p := range places() {
		switch {
		case p.group >= 0 || p.Field == "":
		case p.Name == "event_id":
			l.id = add(&lineColumn{name: idColumn, ids: make([]huge, rowsPerChunk)})
			l.idText = add(&lineColumn{name: idTextColumn, kind: encode.String, texts: make([]text, rowsPerChunk)})
		case p.isText():
			add(&lineColumn{name: p.Name, kind: encode.String, texts: make([]text, rowsPerChunk)})
		default:
			c := add(&lineColumn{name: p.Name, kind: p.Type, words: make([]uint64, rowsPerChunk)})
			if p.Name == "ts" {
				l.ts = c
			}
		}
	}
	for i, g := range groups {
		l.keys[i] = add(&lineColumn{name: g.key(), keys: make([]uint32, rowsPerChunk)})
	}
	return l
}

// column returns a column by its name; nil if there is none.
func (l *lines) column(name string) *lineColumn {
	for _, c := range l.columns {
		if c.name == name {
			return c
		}
	}
	return nil
}

// sqlType is the type of the column in the table.
func (c *lineColumn) sqlType() string {
	switch {
	case c.keys != nil:
		return "uinteger"
	case c.ids != nil:
		return "uuid"
	case c.kind == encode.Timestamp:
		return "timestamp"
	case c.kind == encode.Integer:
		return "bigint"
	}
	return "varchar"
}

func (c *lineColumn) logicalType() mapping.LogicalType {
	switch {
	case c.keys != nil:
		return mapping.CreateLogicalType(mapping.TypeUInteger)
	case c.ids != nil:
		return mapping.CreateLogicalType(mapping.TypeUUID)
	case c.kind == encode.Timestamp:
		return mapping.CreateLogicalType(mapping.TypeTimestamp)
	case c.kind == encode.Integer:
		return mapping.CreateLogicalType(mapping.TypeBigInt)
	}
	return mapping.CreateLogicalType(mapping.TypeVarchar)
}

// newChunk makes a chunk of DuckDB for the columns. It must be destroyed.
func (l *lines) newChunk() mapping.DataChunk {
	types := make([]mapping.LogicalType, len(l.columns))
	for i, c := range l.columns {
		types[i] = c.logicalType()
	}
	defer destroyTypes(types)
	return mapping.CreateDataChunk(types)
}

// begin makes the row in hand empty.
func (l *lines) begin() {
	at, bit := l.rows/64, uint64(1)<<(l.rows%64)
	for _, c := range l.columns {
		c.valid[at] &^= bit
	}
}

func (c *lineColumn) has(row int) bool { return c.valid[row/64]>>(row%64)&1 == 1 }

func (c *lineColumn) mark(row int) { c.valid[row/64] |= 1 << (row % 64) }

// setNumber sets an integer. A timestamp is in microseconds; its parts of a millisecond
// are cut off, because the events have none.
func (l *lines) setNumber(c *lineColumn, n int64) {
	if c.kind == encode.Timestamp {
		n -= n % 1000
	}
	c.mark(l.rows)
	c.words[l.rows] = uint64(n)
}

// setText sets a text, which must be valid UTF-8, and copies it.
func (l *lines) setText(c *lineColumn, value []byte) {
	if c == l.id {
		if id, ok := idOf(value); ok {
			c.mark(l.rows)
			c.ids[l.rows] = id
			return
		}
		c = l.idText
	}
	c.mark(l.rows)
	c.texts[l.rows], l.arena = newText(value, l.arena)
}

// idOf reads an id of 32 hexadecimal digits in lower case, as DuckDB keeps a UUID.
func idOf(value []byte) (id huge, ok bool) {
	var raw [16]byte
	if len(value) != 2*len(raw) {
		return id, false
	}
	for _, c := range value {
		if c >= 'A' && c <= 'F' {
			return id, false // would come back in lower case
		}
	}
	if _, err := hex.Decode(raw[:], value); err != nil {
		return id, false
	}
	id.upper = int64(binary.BigEndian.Uint64(raw[:8]) ^ 1<<63) // so that they are in the order of their text
	id.lower = binary.BigEndian.Uint64(raw[8:])
	return id, true
}

// reset makes the chunk empty and keeps its memory.
func (l *lines) reset() { l.arena, l.rows = l.arena[:0], 0 }

// writeTo copies the rows into the vectors of a chunk of DuckDB, and calls use with it.
// The vectors are valid only until use returns.
func (l *lines) writeTo(to mapping.DataChunk, use func() error) error {
	mapping.DataChunkReset(to)
	var base uint64
	var pin runtime.Pinner
	defer pin.Unpin()
	if len(l.arena) > 0 {
		pin.Pin(&l.arena[0])
		base = uint64(uintptr(unsafe.Pointer(&l.arena[0])))
	}
	for i, c := range l.columns {
		vector := mapping.DataChunkGetVector(to, mapping.IdxT(i))
		if c.keys != nil {
			copy(vectorOf[uint32](vector, l.rows), c.keys)
			continue
		}
		mapping.VectorEnsureValidityWritable(vector)
		copy(unsafe.Slice((*uint64)(mapping.VectorGetValidity(vector)), (l.rows+63)/64), c.valid[:])
		switch {
		case c.ids != nil:
			copy(vectorOf[huge](vector, l.rows), c.ids)
		case c.words != nil:
			copy(vectorOf[uint64](vector, l.rows), c.words)
		default:
			texts := vectorOf[text](vector, l.rows)
			copy(texts, c.texts)
			for k := range texts {
				switch {
				case !c.has(k):
					texts[k] = text{} // of an earlier row
				case texts[k].size > 12:
					texts[k].at += base
				}
			}
		}
	}
	mapping.DataChunkSetSize(to, mapping.IdxT(l.rows))
	return use()
}
