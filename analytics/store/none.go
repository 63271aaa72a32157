//go:build !cgo || !((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"context"
	"errors"
	"io"

	"clearhop/analytics"
	"clearhop/record"
)

// HasEngine says whether this program was built with DuckDB.
const HasEngine = false

// A Store is never made: Open returns ErrNoEngine.
type Store struct{}

// A Load is never made.
type Load struct{}

// A Known is what the database knows of a file.
type Known struct {
	Name  string
	Whole bool
}

// ErrEnough ends Each without an error when row returns it.
var ErrEnough = errors.New("enough rows")

// Open returns ErrNoEngine.
func Open(context.Context, Options) (*Store, error) { return nil, ErrNoEngine }

// Close does nothing.
func (*Store) Close() error { return nil }

// Narrow returns ErrNoEngine.
func (*Store) Narrow(context.Context, analytics.Window, string) error { return ErrNoEngine }

// CheckCondition returns ErrNoEngine.
func (*Store) CheckCondition(context.Context, string) error { return ErrNoEngine }

// Ask returns ErrNoEngine.
func (*Store) Ask(context.Context, string) (analytics.Answer, error) {
	return analytics.Answer{}, ErrNoEngine
}

// Each returns ErrNoEngine.
func (*Store) Each(context.Context, string, func([]analytics.Column) error, func([]any) error) error {
	return ErrNoEngine
}

// Scan returns ErrNoEngine.
func (*Store) Scan(context.Context, string, func(analytics.Vectors) error) error { return ErrNoEngine }

// Recall returns ErrNoEngine.
func (*Store) Recall(context.Context, string) (Known, error) { return Known{}, ErrNoEngine }

// Load returns ErrNoEngine.
func (*Store) Load(context.Context) (*Load, error) { return nil, ErrNoEngine }

// Add returns ErrNoEngine.
func (*Load) Add([]byte) error { return ErrNoEngine }

// AddRecord returns ErrNoEngine.
func (*Load) AddRecord(*record.Record) error { return ErrNoEngine }

// Files returns ErrNoEngine.
func (*Load) Files([]string, Reading) error { return ErrNoEngine }

// Lines returns ErrNoEngine.
func (*Load) Lines(io.Reader, string, Reading) error { return ErrNoEngine }

// Reader returns ErrNoEngine.
func (*Store) Reader(context.Context) (*Store, error) { return nil, ErrNoEngine }

// Commit returns ErrNoEngine.
func (*Load) Commit() error { return ErrNoEngine }

// Count does nothing.
func (*Load) Count(int) {}

// Skip does nothing.
func (*Load) Skip() {}

// Done does nothing.
func (*Load) Done(Known) {}

// Finish returns ErrNoEngine.
func (*Load) Finish() (Stats, error) { return Stats{}, ErrNoEngine }
