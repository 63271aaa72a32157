package analytics

import "context"

// A Scanner is an Engine that also gives the rows of one SELECT many at a time, without a
// value of Go for each of them: for callers that read millions.
type Scanner interface {
	Engine
	// Scan calls each with some rows after the other, in the order of the answer. The
	// Vectors hold until each returns.
	Scan(ctx context.Context, sql string, each func(Vectors) error) error
}

// Vectors are some rows of an answer, column by column. A column must be of the type that
// it is read as: varchar, bigint, double or boolean.
type Vectors interface {
	Len() int
	IsNull(column, row int) bool
	Text(column, row int) []byte // valid while the Vectors are
	Integer(column, row int) int64
	Decimal(column, row int) float64
	Boolean(column, row int) bool
}
