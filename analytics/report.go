package analytics

import (
	"context"
	"fmt"
	"time"
)

// An Engine runs SQL over the views. It must be safe for one caller at a time.
type Engine interface {
	// Ask returns the rows of one SELECT. The columns of the Answer have names and
	// types, and no titles or units.
	Ask(ctx context.Context, sql string) (Answer, error)
}

// A Report is the answers to the questions that people ask first. It is plain data: a
// terminal, a page and a file of JSON can be made of it.
type Report struct {
	// Asked is what was asked for, with the engine's dialect and the length of the
	// times that Traffic counts by.
	Asked Query
	// Answers are by the name of the question. Before are those for the time before
	// Asked.Window; nil if it was not asked for.
	Answers, Before map[string]Answer
}

// InReport are the questions of a Report. The question "tallies" is not among them: who
// has read the lines themselves has judged the chain by them, and need not ask it.
var InReport = []string{
	"chain", "geo_states", "traffic", "visitors", "statuses", "errors",
	"latency", "latency_paths", "upstreams",
	"clients", "countries", "networks", "paths", "referrers", "agents", "robots", "hosts",
}

// Compared are the questions of a Report that are asked for the time before too.
var Compared = []string{
	"chain", "visitors", "statuses", "latency", "clients", "countries", "networks", "paths", "referrers", "agents", "hosts",
}

// NewReport asks an engine all questions of a Report. times is how many rows the
// question about traffic over time may have. If compare is not 0, ask.Window must have
// both bounds, and the same questions are asked for that much time before it. An error
// names the question that failed.
func NewReport(ctx context.Context, e Engine, ask Query, times int, compare bool) (*Report, error) {
	r := &Report{Asked: ask}
	chain, err := Ask(ctx, e, "chain", ask)
	if err != nil {
		return nil, err
	}
	first, _ := chain.Value(0, "first_seen").(time.Time)
	last, _ := chain.Value(0, "last_seen").(time.Time)
	r.Asked.Bucket = BucketFor(last.Sub(first), times)
	if r.Answers, err = askAll(ctx, e, InReport, r.Asked); err != nil || !compare {
		return r, err
	}
	r.Before, err = askAll(ctx, e, Compared, r.Asked.before())
	return r, err
}

// LastSeen returns the time of the last line that is asked for, or the zero Time if there
// is none.
func LastSeen(ctx context.Context, e Engine, ask Query) (time.Time, error) {
	chain, err := Ask(ctx, e, "chain", ask)
	last, _ := chain.Value(0, "last_seen").(time.Time)
	return last, err
}

// before returns the same query for as much time before its window.
func (ask Query) before() Query {
	length := ask.Window.Until.Sub(ask.Window.Since)
	ask.Window = Window{Since: ask.Window.Since.Add(-length), Until: ask.Window.Since}
	ask.Limit = -1 // what was in the first rows may not be in those of the time before
	return ask
}

func askAll(ctx context.Context, e Engine, names []string, ask Query) (map[string]Answer, error) {
	answers := make(map[string]Answer, len(names))
	for _, name := range names {
		a, err := Ask(ctx, e, name, ask)
		if err != nil {
			return nil, err
		}
		answers[name] = a
	}
	return answers, nil
}

// Ask asks an engine the question of a name. The columns of the Answer are those of the
// question. An error names it.
func Ask(ctx context.Context, e Engine, name string, ask Query) (Answer, error) {
	q, ok := Find(name)
	if !ok {
		return Answer{}, fmt.Errorf("there is no question %q", name)
	}
	a, err := e.Ask(ctx, q.SQL(ask))
	if err != nil {
		return Answer{}, fmt.Errorf("question %s: %w", name, err)
	}
	a.Columns = q.Columns
	return a, nil
}

// buckets are the lengths of time that people count by.
var buckets = [...]time.Duration{
	time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour,
	3 * time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
}

// BucketFor returns the shortest usual length of time of which at most so many are in
// a span. It is longer than a week only where weeks are too many.
func BucketFor(span time.Duration, most int) time.Duration {
	for _, b := range buckets {
		// The first and the last are counted in part.
		if span/b+1 < time.Duration(most) {
			return b
		}
	}
	week := buckets[len(buckets)-1]
	return (span/week/time.Duration(most) + 1) * week
}

// Value returns the value of a column in a row, or nil if there is no such row or
// column.
func (a Answer) Value(row int, column string) any {
	if row >= len(a.Rows) {
		return nil
	}
	for i, c := range a.Columns {
		if c.Name == column {
			return a.Rows[row][i]
		}
	}
	return nil
}
