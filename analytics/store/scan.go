//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"context"
	"errors"
	"unsafe"

	"clearhop/analytics"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

var _ analytics.Scanner = (*Store)(nil)

// Scan implements analytics.Scanner. Its SQL is taken as that of Ask, and its errors are
// those of Ask.
func (s *Store) Scan(ctx context.Context, sql string, each func(analytics.Vectors) error) error {
	if err := s.fence(ctx); err != nil {
		return err
	}
	statement, err := s.prepare(ctx, sql)
	if err != nil {
		return err
	}
	defer func() { mapping.DestroyPrepare(&statement) }()
	v, lists := &vectors{}, textLists(statement)
	err = s.run(ctx, statement, nil, func(c mapping.DataChunk) error {
		v.rows, v.columns = int(mapping.DataChunkGetSize(c)), v.columns[:0]
		for i := range mapping.DataChunkGetColumnCount(c) {
			vector := mapping.DataChunkGetVector(c, i)
			v.columns = append(v.columns, vectorData{mapping.VectorGetValidity(vector), mapping.VectorGetData(vector), lists[i]})
		}
		return each(v)
	})
	var said *engineError
	if errors.As(err, &said) {
		return s.queryError(said.text, sql)
	}
	return err
}

// A textList has the texts of an ENUM.
type textList struct {
	texts []string
	size  int // bytes of a place in it
}

// textLists returns the list of each column of a statement that is of an ENUM.
func textLists(statement mapping.PreparedStatement) []textList {
	lists := make([]textList, mapping.PreparedStatementColumnCount(statement))
	for i := range lists {
		if mapping.PreparedStatementColumnType(statement, mapping.IdxT(i)) != mapping.TypeEnum {
			continue
		}
		enum := mapping.PreparedStatementColumnLogicalType(statement, mapping.IdxT(i))
		texts := make([]string, mapping.EnumDictionarySize(enum))
		for k := range texts {
			texts[k] = mapping.EnumDictionaryValue(enum, mapping.IdxT(k))
		}
		lists[i] = textList{texts, sizes[mapping.EnumInternalType(enum)]}
		mapping.DestroyLogicalType(&enum)
	}
	return lists
}

// vectors are the vectors of a chunk of DuckDB.
type vectors struct {
	rows    int
	columns []vectorData
}

type vectorData struct {
	mask, data unsafe.Pointer
	textList
}

func valueAt[T any](v *vectors, column, row int) T {
	return unsafe.Slice((*T)(v.columns[column].data), v.rows)[row]
}

// Len implements analytics.Vectors, as the methods below do.
func (v *vectors) Len() int { return v.rows }

func (v *vectors) IsNull(column, row int) bool {
	mask := v.columns[column].mask
	return mask != nil && *(*uint64)(unsafe.Add(mask, row/64*8))>>(row%64)&1 == 0
}

func (v *vectors) Texts(column int) []string { return v.columns[column].texts }

func (v *vectors) Place(column, row int) int {
	switch v.columns[column].size {
	case 1:
		return int(valueAt[uint8](v, column, row))
	case 2:
		return int(valueAt[uint16](v, column, row))
	}
	return int(valueAt[uint32](v, column, row))
}

func (v *vectors) Text(column, row int) []byte {
	if texts := v.Texts(column); texts != nil {
		text := texts[v.Place(column, row)]
		return unsafe.Slice(unsafe.StringData(text), len(text))
	}
	return unsafe.Slice((*text)(v.columns[column].data), v.rows)[row].bytes()
}

func (v *vectors) Integer(column, row int) int64   { return valueAt[int64](v, column, row) }
func (v *vectors) Decimal(column, row int) float64 { return valueAt[float64](v, column, row) }
func (v *vectors) Boolean(column, row int) bool    { return valueAt[uint8](v, column, row) != 0 }
