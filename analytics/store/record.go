//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"encoding/binary"

	"clearhop/encode"
	"clearhop/internal/jsonscan"
	"clearhop/record"
)

// A recordRow takes the values of records to where they are stored: what is a line's own
// into the row in hand, and what repeats into the sets of values of the groups. It is the
// encode.Row of a Load. Only a record that has a new set of values is read again, with
// sample, into the columns of the event.
type recordRow struct {
	l       *Load
	reader  *encode.FieldReader
	targets []target

	sample sampleRow
}

// A target is where the values of a field go.
type target struct {
	line  *lineColumn // if they are a line's own
	group int         // else

	column  *column
	objects []*column // that the column is in, the outermost first
	number  [1]byte   // of the field
}

// newRecordRow makes the way from records to the rows of a Load. Columns that are not of
// the event, such as the partitions, are left out.
func newRecordRow(l *Load) (*recordRow, error) {
	r := &recordRow{l: l}
	var paths []string
	for _, leaf := range l.leaves {
		paths = append(paths, leaf.path)
		r.targets = append(r.targets, target{leaf.line, leaf.group, leaf.column, leaf.objects, [1]byte{byte(len(paths))}})
	}
	r.sample = sampleRow{targets: r.targets, chunk: l.rows}
	var err error
	r.reader, err = encode.NewFieldReader(paths)
	return r, err
}

// Text implements encode.Row.
func (r *recordRow) Text(field int, value []byte) {
	t := &r.targets[field]
	if t.line != nil {
		r.l.lines.setText(t.line, value)
		return
	}
	r.l.sets[t.group].add(t.number[0], value)
	if t.column == r.l.dataset {
		r.l.datasetIs = append(r.l.datasetIs[:0], value...)
	}
}

// Integer implements encode.Row. A timestamp of the engine has microseconds.
func (r *recordRow) Integer(field int, value int64) {
	t := &r.targets[field]
	switch {
	case t.line == nil:
		r.l.sets[t.group].addWord(t.number[0], uint64(value))
	case t.line.kind == encode.Timestamp:
		r.l.lines.setNumber(t.line, value*1000)
	default:
		r.l.lines.setNumber(t.line, value)
	}
}

// Decimal implements encode.Row.
func (r *recordRow) Decimal(field int, value float64) {
	t := &r.targets[field]
	r.l.sets[t.group].addWord(t.number[0], decimalWord(value))
}

// Boolean implements encode.Row.
func (r *recordRow) Boolean(field int, value bool) {
	t := &r.targets[field]
	r.l.sets[t.group].addWord(t.number[0], booleanWord(value))
}

// JSON implements encode.Row.
func (r *recordRow) JSON(field int, value []byte) {
	t := &r.targets[field]
	r.l.sets[t.group].add(t.number[0], value)
}

// A set is the values of the fields of a group, one behind the other, so that sets are
// the same only if all their values are.
type set []byte

func (s *set) add(field byte, value []byte) {
	*s = binary.AppendUvarint(append(*s, field), uint64(len(value)))
	*s = append(*s, value...)
}

func (s *set) addWord(field byte, word uint64) {
	*s = binary.NativeEndian.AppendUint64(append(*s, field), word)
}

// A sampleRow writes the values of a record into the columns of a chunk.
type sampleRow struct {
	chunk   *chunk
	targets []target

	read rowReader // of lists
}

// column returns the column of a field, and says that the objects around it are there.
func (r *sampleRow) column(field int) *column {
	p := &r.targets[field]
	for _, object := range p.objects {
		object.mark(r.chunk.rows)
	}
	return p.column
}

// Text implements encode.Row.
func (r *sampleRow) Text(field int, value []byte) {
	r.chunk.arena = r.column(field).setText(r.chunk.rows, value, r.chunk.arena)
}

// Integer implements encode.Row.
func (r *sampleRow) Integer(field int, value int64) {
	c := r.column(field)
	if c.Kind == encode.Timestamp {
		value *= 1000
	}
	c.setWord(r.chunk.rows, uint64(value))
}

// Decimal implements encode.Row.
func (r *sampleRow) Decimal(field int, value float64) {
	r.column(field).setWord(r.chunk.rows, decimalWord(value))
}

// Boolean implements encode.Row.
func (r *sampleRow) Boolean(field int, value bool) {
	r.column(field).setWord(r.chunk.rows, booleanWord(value))
}

// JSON implements encode.Row.
func (r *sampleRow) JSON(field int, value []byte) {
	r.read.Scanner, r.read.arena = jsonscan.Scanner{B: value}, r.chunk.arena
	r.read.value(r.column(field), r.chunk.rows)
	r.chunk.arena = r.read.arena
}

// AddRecord adds the event of a record, which it does not keep. It adds the same row as
// Add does for the event that an encode.Encoder writes, and costs less. Its errors are
// those of Add.
func (l *Load) AddRecord(rec *record.Record) error {
	if l.failed != nil {
		return l.failed
	}
	l.beginRow()
	l.records.reader.Read(rec, l.records)
	return l.take(func() {
		l.records.reader.Read(rec, &l.records.sample)
		l.rows.rows++
	})
}
