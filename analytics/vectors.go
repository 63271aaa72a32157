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
// it is read as: varchar, bigint, double or boolean. A NULL has no value to read.
type Vectors interface {
	Len() int
	IsNull(column, row int) bool
	// Text returns a text, which must not be changed, and is valid while the Vectors are.
	Text(column, row int) []byte
	// Texts returns the different texts of a column, if the engine has them as a list, which
	// is the same throughout a Scan; else nil. Place is where in it a text stands. A list
	// may hold texts that no row has.
	Texts(column int) []string
	Place(column, row int) int
	Integer(column, row int) int64
	Decimal(column, row int) float64
	Boolean(column, row int) bool
}
