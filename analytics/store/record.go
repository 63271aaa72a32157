//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"clearhop/encode"
	"clearhop/internal/jsonscan"
	"clearhop/record"
)

// A recordRow writes the values of a record into the columns of a chunk. It is the
// encode.Row of a Load.
type recordRow struct {
	chunk   *chunk
	reader  *encode.FieldReader
	targets []target

	read rowReader // of lists
}

// A target is where the values of a field go.
type target struct {
	column  *column
	objects []*column // that the column is in, the outermost first
}

// newRecordRow makes the way from records to the columns of a chunk. Columns that are
// not of the event, such as the partitions, are left out.
func newRecordRow(rows *chunk) (*recordRow, error) {
	r := &recordRow{chunk: rows}
	var paths []string
	var walk func(columns []*column, prefix string, objects []*column)
	walk = func(columns []*column, prefix string, objects []*column) {
		for _, c := range columns {
			if c.Kind == "" {
				walk(c.members, prefix+c.Key+".", append(objects[:len(objects):len(objects)], c))
				continue
			}
			if !isPartition(c.Name) {
				paths = append(paths, prefix+c.Key)
				r.targets = append(r.targets, target{c, objects})
			}
		}
	}
	walk(rows.columns, "", nil)
	var err error
	r.reader, err = encode.NewFieldReader(paths)
	return r, err
}

// add adds a record as a row.
func (r *recordRow) add(rec *record.Record) {
	r.reader.Read(rec, r)
	r.chunk.rows++
}

// column returns the column of a field, and says that the objects around it are there.
func (r *recordRow) column(field int) *column {
	p := &r.targets[field]
	for _, object := range p.objects {
		object.mark(r.chunk.rows)
	}
	return p.column
}

// Text implements encode.Row.
func (r *recordRow) Text(field int, value []byte) {
	r.chunk.arena = r.column(field).setText(r.chunk.rows, value, r.chunk.arena)
}

// Integer implements encode.Row. A timestamp of the engine has microseconds.
func (r *recordRow) Integer(field int, value int64) {
	c := r.column(field)
	if c.Kind == encode.Timestamp {
		value *= 1000
	}
	c.setWord(r.chunk.rows, uint64(value))
}

// Decimal implements encode.Row.
func (r *recordRow) Decimal(field int, value float64) {
	r.column(field).setWord(r.chunk.rows, decimalWord(value))
}

// Boolean implements encode.Row.
func (r *recordRow) Boolean(field int, value bool) {
	r.column(field).setWord(r.chunk.rows, booleanWord(value))
}

// JSON implements encode.Row.
func (r *recordRow) JSON(field int, value []byte) {
	r.read.Scanner, r.read.arena = jsonscan.Scanner{B: value}, r.chunk.arena
	r.read.value(r.column(field), r.chunk.rows)
	r.chunk.arena = r.read.arena
}
