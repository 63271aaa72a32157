// Package analytics has the questions that people ask of a table of events, and the
// views that the questions read, in SQL. The SQL is written here once. The command
// gives it to an embedded DuckDB, and Athena runs the same SQL on a bucket of events.
//
//	q, ok := analytics.Find("slow_paths")
//	sql := q.SQL(analytics.Query{Dialect: analytics.Athena, Window: analytics.Window{Days: 7}})
//
// In goes what to ask: the engine, the time, a condition, a limit. Out comes SQL that
// returns the columns of the question in their order. The package holds no engine:
// whoever has run the SQL keeps the rows in an Answer.
//
// All functions are safe for concurrent use.
package analytics

import (
	"time"

	"clearhop/encode"
)

// A Dialect is the SQL of an engine.
type Dialect uint8

// The dialects.
const (
	DuckDB Dialect = iota
	Athena         // the SQL of Trino, which is Athena's engine
)

// String returns the name of the engine.
func (d Dialect) String() string {
	if d == Athena {
		return "Athena"
	}
	return "DuckDB"
}

// A Column is a column of an answer.
type Column struct {
	Name  string
	Title string // for the head of a table
	Unit  string // requests, lines, clients, paths, share (0 to 1), seconds, bytes …; empty if there is none
	Type  encode.Type
}

// A Window is the time of the requests that are asked for. The zero Window is open.
type Window struct {
	Since time.Time // of the first request; the zero Time for no bound
	Until time.Time // after the last request; the zero Time for no bound

	// Days asks for the requests since the beginning of the day, in UTC, that was so
	// many days ago by the engine's clock. It is for SQL that is stored. Since must be
	// the zero Time then.
	Days int

	// SinceSQL and UntilSQL take the places of Since and Until in SQL that a dashboard
	// keeps: each is an expression whose value is a timestamp in UTC, such as a macro
	// that the dashboard fills in. Both become part of the SQL as they are. Days and the
	// times must not be set with them.
	SinceSQL, UntilSQL string
}

// A Query is what to ask with a Question. The zero Query asks DuckDB for all there is.
type Query struct {
	Dialect Dialect
	Window  Window

	// Where is a condition in SQL over the columns of the view requests, such as
	//
	//	status >= 500 AND client_country = 'JP'
	//
	// Empty for none. It becomes part of the SQL as it is.
	Where string

	// Limit is the most rows of the answer; 0 for the question's own limit, less than
	// 0 for none.
	Limit int

	// Bucket is the length of the times that a question over time counts by, in whole
	// seconds; 0 for an hour.
	Bucket time.Duration

	// BucketSQL takes the place of Bucket in SQL that a dashboard keeps: an expression
	// whose value is a whole number of seconds above 0.
	BucketSQL string

	// Client is the client that the question "client" is about: an address as the
	// column client shows it. Other questions do not read it.
	Client string
}

// A Question is something that people ask of their requests.
type Question struct {
	Name        string // lower case with underscores: slow_paths
	Title       string // for the head of a report's part: Slow paths
	Description string // one or two sentences
	Columns     []Column
	Limit       int // the most rows, unless the Query says another number; 0: all

	body string // the SQL over chosen and chosen_lines, without a limit
}

// An Answer is what an engine returned: plain data. The values of a row stand in the
// order of Columns: nil for NULL, else by Column.Type
//
//	encode.String, encode.IP   string
//	encode.Integer             int64
//	encode.Decimal             float64
//	encode.Boolean             bool
//	encode.Timestamp           time.Time, UTC
type Answer struct {
	Columns []Column
	Rows    [][]any
}
