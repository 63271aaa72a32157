package parquet

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/parquet-go/parquet-go"

	"clearhop/encode"
)

// rowType is a struct type with a field for each column, made from the table of
// the event's fields. Its tags connect the event's JSON with the columns, so that
// encoding/json and parquet-go can do the rest. schema is its schema.
var (
	rowType = structOf(encode.Columns())
	schema  = parquet.NewSchema("event", parquet.SchemaOf(reflect.New(rowType).Interface()))
)

// structOf makes a struct type. All members are pointers, slices or maps, so that
// an absent value differs from zero.
func structOf(columns []encode.Column) reflect.Type {
	fields := make([]reflect.StructField, len(columns))
	for i, c := range columns {
		t, options := memberOf(c)
		fields[i] = reflect.StructField{
			Name: fmt.Sprintf("F%d", i),
			Type: t,
			Tag:  reflect.StructTag(fmt.Sprintf(`json:"%s,omitempty" parquet:"%s,optional%s`, c.Key, c.Name, options)),
		}
	}
	return reflect.StructOf(fields)
}

// memberOf returns the type of a column's member and the end of its parquet tag.
func memberOf(c encode.Column) (t reflect.Type, options string) {
	const quote = `"`
	switch c.Kind {
	case encode.String, encode.IP:
		return reflect.TypeFor[*string](), `,dict` + quote
	case encode.Timestamp:
		return reflect.TypeFor[*timestamp](), `,timestamp(millisecond)` + quote
	case encode.Integer:
		return reflect.TypeFor[*int64](), quote
	case encode.Decimal:
		return reflect.TypeFor[*float64](), quote
	case encode.Boolean:
		return reflect.TypeFor[*bool](), quote
	case encode.StringList:
		return reflect.TypeFor[[]string](), `,list" parquet-element:",dict"`
	case encode.StringMap:
		return reflect.TypeFor[map[string]string](), `" parquet-key:",dict" parquet-value:",dict"`
	case encode.ObjectList:
		return reflect.SliceOf(structOf(c.Members)), `,list"`
	}
	return reflect.PointerTo(structOf(c.Members)), quote
}

// A timestamp is in milliseconds since the Unix epoch. In JSON it is as encode
// writes it. parquet-go turns a time.Time into nanoseconds on the way, which
// overflow in the year 2262.
type timestamp int64

const layout = "2006-01-02T15:04:05.000Z"

var errTimestamp = errors.New("@timestamp is no time")

// UnmarshalJSON implements json.Unmarshaler.
func (t *timestamp) UnmarshalJSON(text []byte) error {
	at, err := time.Parse(`"`+layout+`"`, string(text))
	if err != nil {
		return errTimestamp // without the text
	}
	*t = timestamp(at.UnixMilli())
	return nil
}

// MarshalJSON implements json.Marshaler.
func (t timestamp) MarshalJSON() ([]byte, error) {
	return time.UnixMilli(int64(t)).UTC().AppendFormat(nil, `"`+layout+`"`), nil
}
