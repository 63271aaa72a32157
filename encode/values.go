package encode

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"clearhop/record"
)

// A Row takes the values of fields from a FieldReader. field is the place of the field in
// the paths that the reader was made with. Bytes are valid until the method returns.
type Row interface {
	// Text takes a String or an IP, as valid UTF-8.
	Text(field int, value []byte)
	// Integer takes an Integer, or a Timestamp in milliseconds since the Unix epoch.
	Integer(field int, value int64)
	Decimal(field int, value float64)
	Boolean(field int, value bool)
	// JSON takes a list or a map, as it stands in the event.
	JSON(field int, value []byte)
}

// A FieldReader reads some fields of records. It gives the values that the event of
// the record has, and no event is written for it:
//
//	r, err := encode.NewFieldReader([]string{"event.id", "client.ip"})
//	r.Read(rec, row) // row.Text(0, …), row.Text(1, …)
//
// It belongs to one goroutine, and allocates only while its buffer grows.
type FieldReader struct {
	fields  []field[record.Record]
	scratch []byte
}

// NewFieldReader makes a FieldReader of fields of Fields. labels, which are not in a
// record, are refused.
func NewFieldReader(paths []string) (*FieldReader, error) {
	r := &FieldReader{}
	for _, path := range paths {
		at := slices.IndexFunc(fields, func(f field[record.Record]) bool { return f.Path == path })
		if at < 0 {
			return nil, fmt.Errorf("encode: a record has no field %q", path)
		}
		r.fields = append(r.fields, fields[at])
	}
	return r, nil
}

// Read gives the values of the fields that the record has to a row, in the order of the
// paths.
func (r *FieldReader) Read(rec *record.Record, to Row) {
	for i := range r.fields {
		f := &r.fields[i]
		switch {
		case f.text != nil:
			if b := f.text(rec); b != nil {
				to.Text(i, r.valid(b))
			}
		case f.word != nil:
			r.readWord(i, f, rec, to)
		case f.integer != nil:
			r.readInteger(i, f, rec, to)
		case f.boolean != nil:
			if b, ok := f.boolean(rec); ok {
				to.Boolean(i, b)
			}
		case f.address != nil:
			if addr := f.address(rec); addr.IsValid() {
				r.scratch = addr.AppendTo(r.scratch[:0])
				to.Text(i, r.scratch)
			}
		case f.decimal != nil:
			if x, ok := f.decimal(rec); ok {
				to.Decimal(i, x)
			}
		case f.time != nil:
			to.Integer(i, f.time(rec))
		default:
			r.readList(i, f, rec, to)
		}
	}
}

func (r *FieldReader) readWord(i int, f *field[record.Record], rec *record.Record, to Row) {
	if s := f.word(rec); s != "" {
		r.scratch = append(r.scratch[:0], s...)
		to.Text(i, r.valid(r.scratch))
		return
	}
	if f.instead != nil {
		if b := f.instead(rec); b != nil {
			to.Text(i, r.valid(b))
		}
	}
}

func (r *FieldReader) readInteger(i int, f *field[record.Record], rec *record.Record, to Row) {
	n := f.integer(rec)
	switch {
	case !n.Valid:
	case f.seconds:
		to.Decimal(i, float64(n.N)/1e9)
	default:
		to.Integer(i, n.N)
	}
}

// readList gives a list or a map as it stands in the event. A row has few of them, so
// they have no way of their own.
func (r *FieldReader) readList(i int, f *field[record.Record], rec *record.Record, to Row) {
	r.scratch = f.append(append(r.scratch[:0], f.open), rec)
	if len(r.scratch) > 1 {
		r.scratch = append(r.scratch, f.close)
		to.JSON(i, r.scratch)
	}
}

// valid returns text in which each byte that is not part of valid UTF-8 is U+FFFD, as
// appendString writes it.
func (r *FieldReader) valid(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	var fixed []byte // rare; text may be the scratch buffer
	for len(text) > 0 {
		c, size := utf8.DecodeRune(text)
		fixed = utf8.AppendRune(fixed, c)
		text = text[size:]
	}
	return fixed
}
