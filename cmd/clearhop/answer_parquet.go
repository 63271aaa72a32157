package main

import (
	"io"
	"strconv"
	"time"

	"clearhop/analytics"
	"clearhop/encode"

	"github.com/parquet-go/parquet-go"
)

// A parquetAnswer is a Parquet file with one column for each column of the answer.
type parquetAnswer struct {
	w       io.Writer
	file    *parquet.GenericWriter[any]
	columns []analytics.Column
	places  []int // of each column in the file, which sorts them by name
}

func (a *parquetAnswer) begin(columns []analytics.Column) error {
	a.columns = columns
	group := parquet.Group{}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
		for n := 2; group[names[i]] != nil; n++ { // SQL may give two columns one name
			names[i] = c.Name + "_" + strconv.Itoa(n)
		}
		group[names[i]] = parquet.Optional(parquetNode(c.Type))
	}
	schema := parquet.NewSchema("answer", group)
	for _, name := range names {
		leaf, _ := schema.Lookup(name)
		a.places = append(a.places, leaf.ColumnIndex)
	}
	a.file = parquet.NewGenericWriter[any](a.w, schema, parquet.Compression(&parquet.Zstd))
	return nil
}

func parquetNode(t encode.Type) parquet.Node {
	switch t {
	case encode.Integer:
		return parquet.Int(64)
	case encode.Decimal:
		return parquet.Leaf(parquet.DoubleType)
	case encode.Boolean:
		return parquet.Leaf(parquet.BooleanType)
	case encode.Timestamp:
		return parquet.Timestamp(parquet.Millisecond)
	}
	return parquet.String()
}

func (a *parquetAnswer) row(values []any) error {
	row := make(parquet.Row, len(values))
	for i, v := range values {
		place, present := a.places[i], 1
		var value parquet.Value
		switch v := v.(type) {
		case nil:
			present = 0
		case time.Time:
			value = parquet.Int64Value(v.UnixMilli())
		case float64:
			value = parquet.DoubleValue(v)
			if a.columns[i].Type == encode.Integer { // too large for 64 bits
				value, present = parquet.Value{}, 0
			}
		default:
			value = parquet.ValueOf(v)
		}
		row[place] = value.Level(0, present, place)
	}
	_, err := a.file.WriteRows([]parquet.Row{row})
	return err
}

func (a *parquetAnswer) end() error { return a.file.Close() }
