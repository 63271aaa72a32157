// Package store keeps events in an embedded DuckDB, in memory or in a file, and answers
// SQL about them.
//
// In go events: one by one from a pipeline, or files of them as NDJSON or Parquet. Out
// come answers as plain rows:
//
//	s, err := store.Open(ctx, store.Options{}) // in memory
//	load, err := s.Load(ctx)
//	err = load.Add(event)                      // one event as JSON
//	err = load.Files(ctx, names)               // NDJSON, gzip, zstd, Parquet, folders
//	stats, err := load.Finish(ctx)
//	answer, err := s.Ask(ctx, "SELECT count(*) FROM requests")
//
// # The tables
//
// The table events has the columns of [encode.Columns], as the table in Athena has, and
// the view requests is that of package analytics. An event counts once: one whose
// event.id is there already is left out, so the same file may be loaded again.
//
// # The fence
//
// The SQL of Ask may be anybody's. The first call of Ask closes the engine for good: no
// file, no network and no extension can be reached, settings cannot be changed, and one
// SELECT is all that is taken. Nothing can be loaded after that, but by records and
// events where a Reader asks: its first call closes the engine in the same way. A text of
// a log is always a value in a column, and never becomes SQL.
//
// # Concurrency
//
// One goroutine at a time may use a Store and its Load. A Reader is a Store of its own in
// this. Several processes may ask one
// file at the same time; while one of them loads, no other can open it.
//
// # Builds without cgo
//
// DuckDB is C++. A build without cgo, or for a system that DuckDB is not built for, has
// the same functions, and Open returns ErrNoEngine.
package store

import (
	"errors"
	"fmt"
	"time"
)

// Options of a Store. The zero value is a Store in memory.
type Options struct {
	// Path is the file of the database. It is made if it is not there. Empty stands for
	// a database in memory.
	Path string
	// ReadOnly opens the file for questions only.
	ReadOnly bool
	// Temporary keeps the database in a file of a temporary folder, which Close removes,
	// where Path is empty. It is for more events than memory has room for.
	Temporary bool
	// Memory is how many bytes the engine may use for what it counts, which is not all:
	// see docs/decisions/statistics.md. 0 stands for 256 MiB. What needs more goes to a
	// temporary folder.
	Memory int64
}

// ErrNoEngine says that this program was built without DuckDB.
var ErrNoEngine = errors.New("this clearhop was built without DuckDB, which questions need: " +
	"build it with cgo and a C compiler (CGO_ENABLED=1), for Linux or macOS on amd64 or arm64, or for Windows on amd64")

// A BusyError says that another process has the database file open.
type BusyError struct{ Path, By string }

// Error names the file and says what to do.
func (e *BusyError) Error() string {
	by := "another process"
	if e.By != "" {
		by = e.By
	}
	return fmt.Sprintf("%s is in use by %s: wait until that ends, or use another file", e.Path, by)
}

// A FileError says why a database file cannot be used.
type FileError struct {
	Path   string
	Reason string // with what to do
}

// Error names the file and the reason.
func (e *FileError) Error() string { return e.Path + ": " + e.Reason }

// A FullError says that there is no room for what is loaded. What was loaded before the
// last commit is kept.
type FullError struct{ Path string }

// Error names the place that is full.
func (e *FullError) Error() string {
	return e.Path + ": no space is left on the device; make room, or use a file elsewhere with --db"
}

// A QueryError says what is wrong with a query. Its text is one line.
type QueryError struct {
	Reason string
	Line   int // where in the SQL, from 1; 0 if it is not known
	Column int // in characters, from 1

	kind string // DuckDB's: Parser Error, Binder Error …
}

func (e *QueryError) hasKind(kind string) bool { return e.kind == kind+" Error" }

// Error gives the place and the reason.
func (e *QueryError) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// An EventError says why an event cannot be loaded. It holds nothing of the event except
// the name of a field.
type EventError struct {
	Column int // the approximate byte in the event, from 1; 0 if it is not known
	Reason string
}

// Error implements error.
func (e *EventError) Error() string {
	if e.Column == 0 {
		return "the event " + e.Reason
	}
	return fmt.Sprintf("the event %s, near byte %d", e.Reason, e.Column)
}

// A RowError says which row of a file is no event.
type RowError struct {
	Name string
	Line int64 // from 1
	Err  *EventError
}

// Error gives the place and the reason.
func (e *RowError) Error() string { return fmt.Sprintf("%s:%d: %v", e.Name, e.Line, e.Err) }

// Unwrap returns the reason.
func (e *RowError) Unwrap() error { return e.Err }

// A Reading says who is told how the reading of files goes. The zero value tells nobody.
type Reading struct {
	// Progress is called with the bytes of all files so far, as they are stored.
	Progress func(bytes int64)
	// Warn reports what costs one row or says little: a *RowError, or the *FileError of
	// an empty file.
	Warn func(error)
}

func (r Reading) warn(err error) {
	if r.Warn != nil {
		r.Warn(err)
	}
}

// Stats say what a Load did.
type Stats struct {
	Files int // that were read
	Known int // files that were left out, because an earlier Load has all of them

	Events     int64 // that are new in the table
	Duplicates int64 // whose event.id was there already
	Bad        int64 // rows that are no events

	// What the new events are, by event.dataset.
	Access, Errors, Other, Unparsed int64

	First, Last time.Time // of the new events; zero if there are none
}

// Rows returns how many rows were read.
func (s *Stats) Rows() int64 { return s.Events + s.Duplicates + s.Bad }
