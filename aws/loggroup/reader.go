package loggroup

import (
	"context"
	"io"
	"time"

	"clearhop/decode"
	"clearhop/record"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// A Query says which events of a group are read.
type Query struct {
	Group        Group
	StreamPrefix string // only streams whose names begin with it; empty for all
	// Since and Until bound the time of the events: from Since on, and before Until. They
	// are taken as milliseconds.
	Since, Until time.Time
	// Width is how long the first window of time is. 0 means an hour.
	Width time.Duration
}

// The windows of time.
const (
	// wanted is how many events a window is to have.
	wanted = 50_000

	firstWidth = time.Hour
	minWidth   = time.Second
	maxWidth   = 24 * time.Hour
)

// A Window is the time that one series of pages is about: from Since on, before Until.
type Window struct {
	Since, Until time.Time
	// NextWidth is how long the window behind it will be. It is known at the end.
	NextWidth time.Duration
}

// A Reader reads the events of one group, window by window. It is for one goroutine.
type Reader struct {
	logs    *Logs
	query   Query
	window  Window
	token   *string
	open    bool // the window has more pages
	events  int  // of the window
	lines   []record.Line
	streams map[string]*stream
}

// A stream is a log stream whose lines were read.
type stream struct {
	origin *record.Origin
	lines  int64
}

// maxStreams bounds the streams that are remembered.
const maxStreams = 10_000

// Read returns a Reader. It makes no call.
func (l *Logs) Read(q Query) *Reader {
	if q.Width <= 0 {
		q.Width = firstWidth
	}
	since := q.Since.Truncate(time.Millisecond)
	return &Reader{
		logs: l, query: q, streams: map[string]*stream{},
		window: Window{Since: since, Until: since, NextWidth: min(max(q.Width, minWidth), maxWidth)},
	}
}

// Window returns the window that the last page was of.
func (r *Reader) Window() Window { return r.window }

// Ended reports whether the last page was the last one of its window.
func (r *Reader) Ended() bool { return !r.open }

// Next returns the lines of the next page, which may have none, and io.EOF after the
// last page. The lines hold until the next call; their Origins may be kept. Any other
// error is a *ForbiddenError or that of a call; then Next can be called again.
func (r *Reader) Next(ctx context.Context) ([]record.Line, error) {
	if !r.open && !r.step() {
		return nil, io.EOF
	}
	in := &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &r.query.Group.Name,
		StartTime:    aws.Int64(r.window.Since.UnixMilli()),
		EndTime:      aws.Int64(r.window.Until.UnixMilli() - 1), // it is included
		NextToken:    r.token,
	}
	if r.query.StreamPrefix != "" {
		in.LogStreamNamePrefix = &r.query.StreamPrefix
	}
	out, err := r.logs.FilterLogEvents(ctx, in)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, because("FilterLogEvents", r.query.Group.Name, err)
	}
	r.lines = r.lines[:0]
	for i := range out.Events {
		r.lines = append(r.lines, r.line(&out.Events[i]))
	}
	r.events += len(out.Events)
	r.token = out.NextToken
	if r.open = aws.ToString(r.token) != ""; !r.open {
		r.window.NextWidth = widthAfter(r.window.Until.Sub(r.window.Since), r.events)
	}
	return r.lines, nil
}

// step turns to the next window. It reports false at the end of the Query.
func (r *Reader) step() bool {
	since := r.window.Until
	if !since.Before(r.query.Until.Truncate(time.Millisecond)) {
		return false
	}
	until := since.Add(r.window.NextWidth)
	if end := r.query.Until.Truncate(time.Millisecond); until.After(end) {
		until = end
	}
	r.window = Window{Since: since, Until: until, NextWidth: r.window.NextWidth}
	r.open, r.token, r.events = true, nil, 0
	return true
}

// widthAfter returns the width of the window behind one of a width that had so many
// events. It changes by a factor of four at most, because the traffic of an hour says
// little about that of a day.
func widthAfter(width time.Duration, events int) time.Duration {
	const most = 4
	factor := float64(most)
	if events > wanted/most {
		factor = max(float64(wanted)/float64(events), 1.0/most)
	}
	next := time.Duration(float64(width) * factor).Truncate(time.Second)
	return min(max(next, minWidth), maxWidth)
}

// line makes the line of an event.
func (r *Reader) line(e *types.FilteredLogEvent) record.Line {
	s := r.stream(aws.ToString(e.LogStreamName))
	line := record.Line{
		ID: []byte(aws.ToString(e.EventId)), Time: aws.ToInt64(e.Timestamp), HasTime: e.Timestamp != nil,
		Offset: s.lines, Origin: s.origin,
	}
	decode.SetText(&line, []byte(aws.ToString(e.Message)))
	s.lines++
	return line
}

// stream returns a log stream of the group, which has one Origin in all pages.
func (r *Reader) stream(name string) *stream {
	s := r.streams[name]
	if s == nil {
		if len(r.streams) >= maxStreams {
			clear(r.streams)
		}
		group := r.query.Group
		s = &stream{origin: &record.Origin{
			Source: group.Name + ":" + name, AccountID: group.Account, LogGroup: group.Name, LogStream: name, InOrder: true,
		}}
		r.streams[name] = s
	}
	return s
}
