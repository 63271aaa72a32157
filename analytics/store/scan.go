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
	if hasEnum(statement) {
		plain, _ := plainSQL(statement, sql, false)
		simpler, err := s.prepare(ctx, plain)
		if err != nil {
			return err
		}
		mapping.DestroyPrepare(&statement)
		statement = simpler
	}
	v := &vectors{}
	err = s.run(ctx, statement, nil, func(c mapping.DataChunk) error {
		v.rows, v.columns = int(mapping.DataChunkGetSize(c)), v.columns[:0]
		for i := range mapping.DataChunkGetColumnCount(c) {
			vector := mapping.DataChunkGetVector(c, i)
			v.columns = append(v.columns, vectorData{mapping.VectorGetValidity(vector), mapping.VectorGetData(vector)})
		}
		return each(v)
	})
	var said *engineError
	if errors.As(err, &said) {
		return s.queryError(said.text, sql)
	}
	return err
}

// hasEnum reports whether texts of an answer are values of an ENUM.
func hasEnum(statement mapping.PreparedStatement) bool {
	for i := range mapping.PreparedStatementColumnCount(statement) {
		if mapping.PreparedStatementColumnType(statement, i) == mapping.TypeEnum {
			return true
		}
	}
	return false
}

// vectors are the vectors of a chunk of DuckDB.
type vectors struct {
	rows    int
	columns []vectorData
}

type vectorData struct{ mask, data unsafe.Pointer }

func valueAt[T any](v *vectors, column, row int) T {
	return unsafe.Slice((*T)(v.columns[column].data), v.rows)[row]
}

// Len implements analytics.Vectors, as the methods below do.
func (v *vectors) Len() int { return v.rows }

func (v *vectors) IsNull(column, row int) bool {
	mask := v.columns[column].mask
	return mask != nil && *(*uint64)(unsafe.Add(mask, row/64*8))>>(row%64)&1 == 0
}

func (v *vectors) Text(column, row int) []byte {
	return unsafe.Slice((*text)(v.columns[column].data), v.rows)[row].bytes()
}

func (v *vectors) Integer(column, row int) int64   { return valueAt[int64](v, column, row) }
func (v *vectors) Decimal(column, row int) float64 { return valueAt[float64](v, column, row) }
func (v *vectors) Boolean(column, row int) bool    { return valueAt[uint8](v, column, row) != 0 }
