//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"math"
	"math/bits"
	"time"
	"unsafe"

	"clearhop/encode"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// A valueReader reads the values of one column of an answer.
type valueReader struct {
	kind  encode.Type // of the values
	id    mapping.Type
	scale uint8 // of a decimal: the digits behind the point

	isEnum bool     // id is the type of the places in the ENUM
	texts  []string // of the ENUM, by place; "" where it was not asked for yet

	t mapping.LogicalType

	mask unsafe.Pointer
	data unsafe.Pointer
	rows int
}

// newValueReader takes over a type.
func newValueReader(t mapping.LogicalType) valueReader {
	r := valueReader{t: t, id: mapping.GetTypeId(t)}
	switch r.id {
	case mapping.TypeBoolean:
		r.kind = encode.Boolean
	case mapping.TypeTinyInt, mapping.TypeSmallInt, mapping.TypeInteger, mapping.TypeBigInt,
		mapping.TypeUTinyInt, mapping.TypeUSmallInt, mapping.TypeUInteger, mapping.TypeUBigInt, mapping.TypeHugeInt:
		r.kind = encode.Integer
	case mapping.TypeFloat, mapping.TypeDouble:
		r.kind = encode.Decimal
	case mapping.TypeDecimal:
		r.kind, r.scale = encode.Decimal, mapping.DecimalScale(t)
		r.id = mapping.DecimalInternalType(t)
	case mapping.TypeTimestamp, mapping.TypeTimestampTZ, mapping.TypeTimestampMS, mapping.TypeTimestampS, mapping.TypeTimestampNS:
		r.kind = encode.Timestamp
	case mapping.TypeEnum:
		r.kind, r.isEnum, r.id = encode.String, true, mapping.EnumInternalType(t)
	default:
		r.kind = encode.String
	}
	return r
}

func destroyReaders(readers []valueReader) {
	for i := range readers {
		mapping.DestroyLogicalType(&readers[i].t)
	}
}

// isPlain reports whether a valueReader reads values of a type.
func isPlain(id mapping.Type) bool {
	switch id {
	case mapping.TypeBoolean, mapping.TypeTinyInt, mapping.TypeSmallInt, mapping.TypeInteger, mapping.TypeBigInt,
		mapping.TypeUTinyInt, mapping.TypeUSmallInt, mapping.TypeUInteger, mapping.TypeUBigInt, mapping.TypeHugeInt,
		mapping.TypeFloat, mapping.TypeDouble, mapping.TypeDecimal, mapping.TypeVarchar, mapping.TypeEnum,
		mapping.TypeTimestamp, mapping.TypeTimestampTZ, mapping.TypeTimestampMS, mapping.TypeTimestampS, mapping.TypeTimestampNS:
		return true
	}
	return false
}

// vector sets the vector that value reads from.
func (r *valueReader) vector(v mapping.Vector, n int) {
	r.data, r.mask, r.rows = mapping.VectorGetData(v), mapping.VectorGetValidity(v), n
}

// value returns the value of a row; nil for NULL.
func (r *valueReader) value(i int) any {
	if r.mask != nil && *(*uint64)(unsafe.Add(r.mask, i/64*8))>>(i%64)&1 == 0 {
		return nil
	}
	switch r.kind {
	case encode.Boolean:
		return at[uint8](r, i) != 0
	case encode.Timestamp:
		return r.time(i)
	case encode.Integer:
		return r.integer(i)
	case encode.Decimal:
		return r.decimal(i)
	}
	if r.isEnum {
		place, _ := r.integer(i).(int64)
		return r.textOf(int(place))
	}
	return string(unsafe.Slice((*text)(r.data), r.rows)[i].bytes())
}

// textOf returns the text at a place in an ENUM. Each is asked for once.
func (r *valueReader) textOf(place int) string {
	if r.texts == nil {
		r.texts = make([]string, mapping.EnumDictionarySize(r.t))
	}
	if r.texts[place] == "" {
		r.texts[place] = mapping.EnumDictionaryValue(r.t, mapping.IdxT(place))
	}
	return r.texts[place]
}

func at[T any](r *valueReader, i int) T { return unsafe.Slice((*T)(r.data), r.rows)[i] }

// integer returns a whole number. One that does not fit into 64 bits is a float64.
func (r *valueReader) integer(i int) any {
	switch r.id {
	case mapping.TypeTinyInt:
		return int64(at[int8](r, i))
	case mapping.TypeSmallInt:
		return int64(at[int16](r, i))
	case mapping.TypeInteger:
		return int64(at[int32](r, i))
	case mapping.TypeUTinyInt:
		return int64(at[uint8](r, i))
	case mapping.TypeUSmallInt:
		return int64(at[uint16](r, i))
	case mapping.TypeUInteger:
		return int64(at[uint32](r, i))
	case mapping.TypeUBigInt:
		if n := at[uint64](r, i); bits.Len64(n) == 64 {
			return float64(n)
		}
	case mapping.TypeHugeInt:
		n := at[huge](r, i)
		if n.upper != int64(n.lower)>>63 {
			return n.float()
		}
		return int64(n.lower)
	}
	return at[int64](r, i)
}

// A huge is an integer of 128 bits.
type huge struct {
	lower uint64
	upper int64
}

// bytes returns the memory of the number.
func (h *huge) bytes() []byte { return unsafe.Slice((*byte)(unsafe.Pointer(h)), unsafe.Sizeof(*h)) }

func (h huge) float() float64 { return float64(h.upper)*(1<<64) + float64(h.lower) }

func (r *valueReader) decimal(i int) float64 {
	power := math.Pow10(int(r.scale))
	switch r.id {
	case mapping.TypeFloat:
		return float64(at[float32](r, i))
	case mapping.TypeDouble:
		return at[float64](r, i)
	case mapping.TypeSmallInt:
		return float64(at[int16](r, i)) / power
	case mapping.TypeInteger:
		return float64(at[int32](r, i)) / power
	case mapping.TypeBigInt:
		return float64(at[int64](r, i)) / power
	}
	return at[huge](r, i).float() / power
}

func (r *valueReader) time(i int) time.Time {
	n := at[int64](r, i)
	switch r.id {
	case mapping.TypeTimestampS:
		return time.Unix(n, 0).UTC()
	case mapping.TypeTimestampMS:
		return time.UnixMilli(n).UTC()
	case mapping.TypeTimestampNS:
		return time.Unix(0, n).UTC()
	}
	return time.UnixMicro(n).UTC()
}
