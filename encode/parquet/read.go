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
)

// Events yields the events of a file, one JSON object and a newline each. An event
// is valid until the next one. The values are those that were written; only the
// order of a map's keys and the escapes in strings may differ. An error ends the
// sequence.
//
// No program reads the files: Athena does. Tests read them back with Events.
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
