// Package parquet writes events into Parquet files and reads them back.
//
//	w, err := parquet.NewWriter(file, parquet.Options{})
//	for _, event := range events {
//		err := w.Write(event) // an *EventError costs this event alone
//	}
//	err = w.Close()
//
// In go events as package encode writes them, one JSON object each. Out comes a
// file whose schema is that of encode.Columns: objects are groups, lists are
// LIST, maps are MAP, "@timestamp" is the column timestamp, in milliseconds UTC.
// What an event lacks is NULL. Reading the file back gives the same values.
//
// A Writer belongs to one goroutine; Events is safe for concurrent use.
package parquet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
)

// A Compression is how the columns of a file are packed.
type Compression string

// The compressions. Zstd makes smaller files; Snappy is what Firehose writes.
const (
	Zstd   Compression = "zstd"
	Snappy Compression = "snappy"
)

// Options of a Writer. The zero value of each stands for the default named
// there.
type Options struct {
	// Compression is Zstd.
	Compression Compression

	// RowsPerGroup bounds a row group, which a Writer holds in memory until it
	// is full: 16,384, some 25 MB of events.
	RowsPerGroup int
}

// maxDictionary bounds the dictionary of a column of a row group. A column with
// more values than that, such as event.id, is written plain.
const maxDictionary = 256 << 10

// A Writer writes one file.
type Writer struct {
	file *parquet.GenericWriter[any]
	row  reflect.Value // a *row, of the event being written
	rows []parquet.Row // with one
}

// NewWriter returns a Writer of a file that goes to w.
func NewWriter(w io.Writer, o Options) (*Writer, error) {
	var codec compress.Codec = &parquet.Zstd
	switch o.Compression {
	case "", Zstd:
	case Snappy:
		codec = &parquet.Snappy
	default:
		return nil, fmt.Errorf("parquet: there is no compression %q; known: %s, %s", string(o.Compression), Zstd, Snappy)
	}
	if o.RowsPerGroup < 0 {
		return nil, fmt.Errorf("parquet: %d rows per group: is negative", o.RowsPerGroup)
	}
	if o.RowsPerGroup == 0 {
		o.RowsPerGroup = 16_384
	}
	return &Writer{
		file: parquet.NewGenericWriter[any](w, schema,
			parquet.Compression(codec),
			parquet.MaxRowsPerRowGroup(int64(o.RowsPerGroup)),
			parquet.DictionaryMaxBytes(maxDictionary),
		),
		row:  reflect.New(rowType),
		rows: make([]parquet.Row, 1),
	}, nil
}

// Write adds an event, which it does not keep. After an *EventError the file is
// as it was before and takes further events; any other error is the file's end.
func (w *Writer) Write(event []byte) error {
	w.row.Elem().SetZero()
	d := json.NewDecoder(bytes.NewReader(event))
	d.DisallowUnknownFields() // there is no column for them
	if err := d.Decode(w.row.Interface()); err != nil {
		return eventError(err, len(event))
	}
	if _, err := d.Token(); err != io.EOF {
		return &EventError{Offset: d.InputOffset(), Reason: "goes on behind its end"}
	}
	w.rows[0] = schema.Deconstruct(w.rows[0][:0], w.row.Interface())
	if _, err := w.file.WriteRows(w.rows); err != nil {
		return fmt.Errorf("write parquet: %w", err)
	}
	return nil
}

// Close writes what is left of the file. It does not close what the Writer
// writes to.
func (w *Writer) Close() error {
	if err := w.file.Close(); err != nil {
		return fmt.Errorf("close parquet: %w", err)
	}
	return nil
}

// An EventError is why an event cannot be written. It holds nothing of the event
// but the name of a field.
type EventError struct {
	Offset int64 // in bytes, about where in the event; 0 if that is not known
	Reason string
}

// Error implements error.
func (e *EventError) Error() string { return fmt.Sprintf("event at byte %d: %s", e.Offset, e.Reason) }

// eventError says in our words what encoding/json says, without the value that
// it quotes. size is the event's.
func eventError(err error, size int) *EventError {
	var mismatch *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &mismatch) && mismatch.Field == "":
		return &EventError{mismatch.Offset, "is no JSON object"}
	case errors.As(err, &mismatch):
		return &EventError{mismatch.Offset, mismatch.Field + " is not of its column's type"}
	case errors.As(err, &syntax):
		return &EventError{syntax.Offset, "is no JSON"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &EventError{int64(size), "is no JSON"}
	case errors.Is(err, errTimestamp):
		return &EventError{0, errTimestamp.Error()}
	}
	return &EventError{0, "has a field that there is no column for"}
}

// Events gives back the events of a file, one JSON object and a newline each,
// valid until the next one. The values are those that were written; only the
// order of a map's keys and the escapes in strings may differ. An error is the
// last that is given.
func Events(file io.ReaderAt, size int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if err := each(file, size, func(event []byte) bool { return yield(event, nil) }); err != nil {
			yield(nil, fmt.Errorf("read parquet: %w", err))
		}
	}
}

// each calls yield with each event until it returns false.
func each(file io.ReaderAt, size int64, yield func([]byte) bool) (err error) {
	f, err := parquet.OpenFile(file, size)
	if err != nil {
		return err
	}
	if !parquet.EqualNodes(f.Schema(), schema) {
		return errors.New("the columns are not those of events")
	}
	reader := parquet.NewGenericReader[any](f, schema)
	defer func() { err = errors.Join(err, reader.Close()) }()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	row := reflect.New(rowType)
	rows := make([]parquet.Row, 64)
	for {
		n, err := reader.ReadRows(rows)
		for _, r := range rows[:n] {
			row.Elem().SetZero()
			if err := schema.Reconstruct(row.Interface(), r); err != nil {
				return err
			}
			text.Reset()
			if err := encoder.Encode(row.Interface()); err != nil {
				return err
			}
			if !yield(text.Bytes()) {
				return nil
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}
