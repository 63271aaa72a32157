package backfill

import (
	"context"
	"io"
	"slices"
	"time"

	"clearhop/aws/loggroup"
	"clearhop/record"
)

// A GroupWalk reads log groups, one after the other, in windows of time.
type GroupWalk struct {
	// Logs asks CloudWatch Logs.
	Logs *loggroup.Logs
	// Groups are read in this order.
	Groups []loggroup.Group
	// StreamPrefix leaves out log streams whose names do not begin with it.
	StreamPrefix string
	// Since and Until bound the time of the events: from Since on, before Until.
	Since, Until time.Time
	// Reached is called after each page with the group's index and the time up to which
	// it was read. nil if nobody is to know.
	Reached func(group int, at time.Time)

	reader *loggroup.Reader // of the group in hand
	group  string
	at     time.Time // behind the last step
}

// Next opens the next window that may have lines.
func (w *GroupWalk) Next(_ context.Context, from Position) (Step, error) {
	i := 0
	if from.LogGroup != "" {
		i = slices.IndexFunc(w.Groups, func(g loggroup.Group) bool { return g.Name >= from.LogGroup })
		if i < 0 {
			return nil, io.EOF
		}
	}
	since, width := w.Since, time.Duration(0)
	if w.Groups[i].Name == from.LogGroup {
		since, width = from.Time, time.Duration(from.Window*float64(time.Second))
	}
	if !since.Before(w.Until.Truncate(time.Millisecond)) { // a Reader goes no further
		if i++; i == len(w.Groups) {
			return nil, io.EOF
		}
		since, width = w.Since, 0
	}
	g := w.Groups[i]
	if w.reader == nil || w.group != g.Name || !w.at.Equal(since) {
		w.reader = w.Logs.Read(loggroup.Query{Group: g, StreamPrefix: w.StreamPrefix, Since: since, Until: w.Until, Width: width})
		w.group = g.Name
	}
	return &windowStep{walk: w, index: i}, nil
}

// A windowStep is a window of time of one group.
type windowStep struct {
	walk  *GroupWalk
	index int // of the group
	begun bool
	page  []record.Line
}

// Next returns the next line, and io.EOF at the end of the window.
func (s *windowStep) Next(ctx context.Context) (*record.Line, error) {
	r := s.walk.reader
	for len(s.page) == 0 {
		if s.begun && r.Ended() {
			return nil, io.EOF
		}
		page, err := r.Next(ctx)
		if err != nil {
			return nil, err
		}
		s.begun, s.page = true, page
		s.walk.at = r.Window().Until
		if s.walk.Reached != nil {
			at := r.Window().Until
			if n := len(page); n > 0 && !r.Ended() {
				at = time.UnixMilli(page[n-1].Time)
			}
			s.walk.Reached(s.index, at)
		}
	}
	line := &s.page[0]
	s.page = s.page[1:]
	return line, nil
}

// Ready reports whether the page has a line left.
func (s *windowStep) Ready() bool { return len(s.page) > 0 }

// Ended reports whether the last line of the last page was returned.
func (s *windowStep) Ended() bool { return s.begun && len(s.page) == 0 && s.walk.reader.Ended() }

// After is the end of the window.
func (s *windowStep) After() Position {
	w := s.walk.reader.Window()
	return Position{LogGroup: s.walk.group, Time: w.Until.UTC(), Window: w.NextWidth.Seconds()}
}

// Close does nothing: nothing is open between two pages.
func (s *windowStep) Close() error { return nil }

var _ Walk = (*GroupWalk)(nil)
