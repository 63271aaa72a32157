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
// What an event does not have is NULL. Reading the file back gives the same values.
//
// One goroutine at a time may use a Writer. Events is safe for concurrent use.
package parquet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// Options of a Writer. The zero value of each option means its default.
type Options struct {
	Compression Compression // default: Zstd

	// RowsPerGroup is the most rows of a row group, which a Writer holds in memory
	// until it is full. The default is 16,384, some 25 MB of events.
	RowsPerGroup int
}

// maxDictionary is the most bytes that the dictionary of a column may have in a row
// group. A column with more values, such as event.id, is written plain.
const maxDictionary = 256 << 10

// A Writer writes one file.
type Writer struct {
	file *parquet.GenericWriter[any]
	row  reflect.Value // a pointer to the struct of the event that is being written
	rows []parquet.Row // one, used again for each event
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
// unchanged and takes further events. After any other error it takes none.
func (w *Writer) Write(event []byte) error {
	w.row.Elem().SetZero()
	d := json.NewDecoder(bytes.NewReader(event))
	d.DisallowUnknownFields() // there is no column for them
	if err := d.Decode(w.row.Interface()); err != nil {
		return eventError(err, len(event))
	}
	if _, err := d.Token(); err != io.EOF {
		return &EventError{Offset: d.InputOffset(), Reason: "has text behind its end"}
	}
	w.rows[0] = schema.Deconstruct(w.rows[0][:0], w.row.Interface())
	if _, err := w.file.WriteRows(w.rows); err != nil {
		return fmt.Errorf("write parquet: %w", err)
	}
	return nil
}

// Close writes the rest of the file. It does not close the io.Writer.
func (w *Writer) Close() error {
	if err := w.file.Close(); err != nil {
		return fmt.Errorf("close parquet: %w", err)
	}
	return nil
}

// An EventError says why an event cannot be written. It holds nothing of the event
// except the name of a field.
type EventError struct {
	Offset int64 // the approximate byte in the event; 0 if it is not known
	Reason string
}

// Error implements error.
func (e *EventError) Error() string { return fmt.Sprintf("event at byte %d: %s", e.Offset, e.Reason) }

// eventError translates an error of encoding/json, which quotes the value. size is
// the event's.
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
