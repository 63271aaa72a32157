// Package snapshot writes the dashboard into one file of HTML, with the requests inside.
// The page needs no server and no network: its own engine (dashboard/web/src/snapshot)
// counts the requests in the browser, and gives the answers that "clearhop serve" gives.
//
//	s, err := snapshot.Take(ctx, snapshot.Config{Engine: store, Explorer: explorer})
//	err = s.WriteHTML(w)
//
// In goes an engine over the views of package analytics. Out comes a Snapshot: one column
// for each dimension and for each number that the page needs. A Snapshot is plain data
// that nobody changes, so it is safe for concurrent use.
//
// # The form of the file, version 1
//
// The page has a block of JSON with the id "snapshot", which is a Header, and blocks with
// the ids "snapshot-0", "snapshot-1" … Each of these is gzip of bytes, in Ascii85 (z for
// four zeros) with v in the place of <. That takes a quarter more than the bytes, and
// base64 a third. The rows stand by time, the oldest first; rows of the same time stand by
// event.id.
//
// Header.Answer is a block of JSON. The others are columns.
//
// A column of kind "time" is one block of planes: the milliseconds from the row before,
// the first from Column.Base. Planes are as many bytes as there are rows, once for each
// byte of the numbers, the lowest byte first. So much as 0 planes means that all numbers
// are 0.
//
// A column of kind "text" or "number" has a dictionary of the values that occur, each
// once, in order: texts by their bytes in UTF-8, numbers by size. The block of planes has
// the place of each row's value in it. With Parent the column is predicted from another
// one, which stands before it: the number is 0 if the row has the same value as the last
// row before it with the same value of the parent (for the first such row: the value at
// place 0), else 1 + the place. A value that depends on the parent alone then takes no
// space. With Order the rows do not have the place but the rank of a value, the most
// frequent first: the block has planes with the place of each rank, as many as the highest
// place needs.
//
// A dictionary of numbers is the difference to the number before it, the first from 0, in
// the form of encoding/binary's Uvarint. With Null its first value stands for "none" and
// is not written. A dictionary of texts is three parts, one after the other: for each
// value a Uvarint, how many UTF-16 units its beginning shares with the value before; for
// each value a Uvarint, how many units follow; then what follows, in UTF-8. JavaScript
// counts texts in such units.
package snapshot

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"clearhop/analytics"
	"clearhop/dashboard"
)

// Version is that of the form of the file. The page of a file reads its own version only:
// both are in it.
const Version = 1

// The limits of a Snapshot. What is beyond them is told in the Manifest.
const (
	// DefaultRows is how many requests a Snapshot holds, if Config.Rows is 0. Of more
	// requests it holds a sample.
	DefaultRows = 1_000_000
	// MaxRows bounds Config.Rows: a browser holds some 60 bytes for each.
	MaxRows = 5_000_000
	// MaxValues is how many different values a dimension has, the clients apart, which are
	// counted. The rarest become Other.
	MaxValues = 200_000
	// MaxText is how many bytes the different values of one column have together. The
	// rarest become Other.
	MaxText = 8 << 20
	// maxHeld is how many bytes of values are held of one column while the requests are
	// read.
	maxHeld = 256 << 20
)

// Other takes the place of the rarest values of a column.
const Other = "(other)"

// Config says what to take.
type Config struct {
	// Engine is asked for the requests. If it has the method Each of store.Store, its rows
	// are not gathered.
	Engine analytics.Engine
	// Explorer answers from the same engine. The page's head and the doctor's report come
	// from it.
	Explorer *dashboard.Explorer
	// Rows is the most requests; 0 for DefaultRows.
	Rows int
}

// A Snapshot is what a file holds.
type Snapshot struct {
	Header Header
	blocks [][]byte // gzip
}

// A Header is the JSON of the file.
type Header struct {
	Format   int                 `json:"format"` // Version
	Rows     int                 `json:"rows"`
	Manifest *dashboard.Manifest `json:"manifest"`
	// Chain is that of the zero State, for all lines. The page shows it before it has read
	// the requests, and counts the Hops of other States.
	Chain *dashboard.Chain `json:"chain"`
	// Answer is the block of JSON with the dashboard.Answer to the zero State, which the
	// page shows before it has read the requests. It is nil where the page would count
	// otherwise (a sample, folded values), and with Athena, which would bill its queries.
	Answer  *int     `json:"answer,omitempty"`
	Columns []Column `json:"columns"`
}

// A Column says how to read one column.
type Column struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`             // time, text or number
	Base   int64  `json:"base,omitempty"`   // time: milliseconds since 1970
	Parent string `json:"parent,omitempty"` // text and number: the column that it is predicted from
	Size   int    `json:"size,omitempty"`   // text and number: values of the dictionary
	Null   bool   `json:"null,omitempty"`   // number: the first value of the dictionary is none
	Planes int    `json:"planes"`
	Values *int   `json:"values,omitempty"` // the block of the dictionary
	Order  *int   `json:"order,omitempty"`  // the block of the ranks, if the rows have ranks
	Codes  *int   `json:"codes,omitempty"`  // the block of the planes; none if there are 0
}

// An each is an engine that gives rows one by one.
type each interface {
	Each(ctx context.Context, sql string, begin func([]analytics.Column) error, row func([]any) error) error
}

// Take asks for the requests and makes columns of them.
func Take(ctx context.Context, c Config) (*Snapshot, error) {
	limit := c.Rows
	if limit == 0 {
		limit = DefaultRows
	}
	if limit < 1 || limit > MaxRows {
		return nil, fmt.Errorf("a snapshot has 1 to %d requests, not %d", MaxRows, limit)
	}
	manifest, err := c.Explorer.Manifest(ctx)
	if err != nil {
		return nil, err
	}
	chain, err := c.Explorer.Chain(ctx, dashboard.State{})
	if err != nil {
		return nil, err
	}
	t := newTable(min(manifest.Requests, int64(limit)))
	if err := read(ctx, c, t, sampleSQL(c.Explorer.Dialect, manifest.Requests, limit)); err != nil {
		return nil, err
	}
	manifest.Live, manifest.Searched = false, []string{"path", "client", "agent", "user agent"}
	if t.rows > 0 && manifest.Requests > int64(t.rows) {
		manifest.Sampled = float64(t.rows) / float64(manifest.Requests)
		t.scaleWeights(float64(manifest.Requests) / float64(t.rows))
	}
	manifest.Requests = int64(t.rows)
	manifest.First, manifest.Last = t.bounds()
	s := &Snapshot{Header: Header{Format: Version, Rows: t.rows, Manifest: manifest, Chain: chain}}
	if err := s.encode(t); err != nil {
		return nil, err
	}
	if manifest.Sampled == 1 && len(manifest.Folded) == 0 && c.Explorer.Dialect != analytics.Athena {
		return s, s.addAnswer(ctx, c.Explorer)
	}
	return s, nil
}

// addAnswer makes the block of the Answer.
func (s *Snapshot) addAnswer(ctx context.Context, e *dashboard.Explorer) error {
	answer, err := e.Explore(ctx, dashboard.State{})
	if err != nil {
		return err
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	s.Header.Answer, err = s.block(text)
	return err
}

// sampleSQL is the condition of the sample, or nothing if all requests fit. Whether an
// event is in the sample depends on its id alone, so that the same events make the same
// sample, and a larger sample holds the smaller one. It aims a little below the limit,
// because the share of a hash is not exact.
func sampleSQL(d analytics.Dialect, requests int64, limit int) string {
	if requests <= int64(limit) {
		return ""
	}
	aim := float64(limit) - 4*math.Sqrt(float64(limit))
	if aim < 1 {
		aim = 1
	}
	share := aim / float64(requests)
	const id = "coalesce(event_id, cast(ts AS varchar))"
	hash := "md5(" + id + ")"
	if d == analytics.Athena {
		hash = "lower(to_hex(md5(to_utf8(" + id + "))))"
	}
	return fmt.Sprintf("substr(%s, 1, 8) < '%08x'", hash, uint32(share*math.MaxUint32))
}

// read fills the table.
func read(ctx context.Context, c Config, t *table, sample string) error {
	e := c.Explorer
	sql := "SELECT " + t.selects() + "\nFROM (\n" + analytics.Query{Dialect: e.Dialect, Window: e.Window, Where: e.Where}.From(analytics.Requests) + "\n)\nWHERE ts IS NOT NULL"
	if sample != "" {
		sql += " AND " + sample
	}
	sql += "\nORDER BY ts, coalesce(event_id, '')"
	add := func(row []any) error { t.add(row); return nil }
	if stream, ok := c.Engine.(each); ok {
		if err := stream.Each(ctx, sql, func([]analytics.Column) error { return nil }, add); err != nil {
			return fmt.Errorf("requests: %w", err)
		}
		return nil
	}
	answer, err := c.Engine.Ask(ctx, sql)
	if err != nil {
		return fmt.Errorf("requests: %w", err)
	}
	for _, row := range answer.Rows {
		t.add(row)
	}
	return nil
}

// encode makes the blocks.
func (s *Snapshot) encode(t *table) error {
	times, deltas := t.timePlanes()
	block, err := s.block(deltas)
	if err != nil {
		return err
	}
	times.Codes = block
	s.Header.Columns = append(s.Header.Columns, times)
	done := map[string]*coded{}
	for i := range t.columns {
		raw := &t.columns[i]
		c, folded, err := raw.dictionary()
		if err != nil {
			return err
		}
		if folded != nil {
			s.Header.Manifest.Folded = append(s.Header.Manifest.Folded, *folded)
		}
		e := c.encode(raw.parents, done)
		done[raw.name] = c
		raw.codes = nil
		column := Column{Name: c.name, Kind: c.kind, Size: c.size, Null: c.null, Parent: e.parent, Planes: e.planes}
		if column.Values, err = s.block(c.values); err != nil {
			return err
		}
		if column.Order, err = s.block(planes(e.order, planesOf(uint64(max(c.size-1, 0))))); err != nil {
			return err
		}
		if column.Codes, err = s.block(planes(e.numbers, e.planes)); err != nil {
			return err
		}
		s.Header.Columns = append(s.Header.Columns, column)
	}
	slices.SortFunc(s.Header.Manifest.Folded, func(a, b dashboard.Fold) int { return cmp.Compare(a.Dimension, b.Dimension) })
	return nil
}

// header returns the JSON. encoding/json writes <, >, & and the line ends of JavaScript as
// escapes, so it can stand in HTML.
func (s *Snapshot) header() ([]byte, error) { return json.Marshal(s.Header) }

var errTooLarge = errors.New("a column is too large")

// bounds returns the times of the first and the last row; nil if there is none.
func (t *table) bounds() (first, last *time.Time) {
	if t.rows == 0 {
		return nil, nil
	}
	a, b := time.UnixMilli(t.times[0]).UTC(), time.UnixMilli(t.times[t.rows-1]).UTC()
	return &a, &b
}
