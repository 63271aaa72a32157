package backfill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"clearhop/delivery"
	"clearhop/feed"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/sink"
	"clearhop/sink/retry"
)

// A Position is how far a Walk has come: all before it is done. The zero value is the
// beginning.
type Position struct {
	LogGroup string    `json:"log_group,omitempty"` // the one in hand; those before it are done
	Time     time.Time `json:"time,omitzero"`       // of the log group, all before this time is done
	Window   float64   `json:"window,omitempty"`    // how long the next window is, in seconds
	Key      string    `json:"key,omitempty"`       // of the last object that is done
}

// A Step is the lines of one part of the input. It is for one goroutine.
type Step interface {
	// Next returns the next line, which holds until the next call, and io.EOF at the
	// end. After a *BrokenError with a rest, the next call goes on behind the fault. Any
	// other error ends the Run.
	Next(ctx context.Context) (*record.Line, error)
	// Ready reports whether Next will return a line without waiting.
	Ready() bool
	// Ended reports whether it is known that no further line comes.
	Ended() bool
	// After is the position behind the step. It is asked for when the step has ended.
	After() Position
	// Close gives up the step.
	Close() error
}

// A Walk gives the steps, one after the other.
type Walk interface {
	// Next opens the first step behind a position, and returns io.EOF if there is none.
	Next(ctx context.Context, from Position) (Step, error)
}

// Counts are what a backfill has done, over all its runs.
type Counts struct {
	Lines       int64 `json:"lines"`
	Bytes       int64 `json:"bytes"`        // of the lines
	Events      int64 `json:"events"`       // that were made, without those that a rule drops
	EventBytes  int64 `json:"event_bytes"`  // of the events
	Dropped     int64 `json:"dropped"`      // lines that a rule drops, or that lie outside of the time
	Unparsed    int64 `json:"unparsed"`     // events of lines that no format reads
	Delivered   int64 `json:"delivered"`    // events that their outlet took
	DeadLetters int64 `json:"dead_letters"` // events that are kept as dead letters
	Unread      int64 `json:"unread"`       // payloads and objects that cannot be read
}

// A Progress is how far a backfill has come.
type Progress struct {
	Position Position `json:"position"`
	Counts   Counts   `json:"counts"`
}

// Config says what Run works with.
type Config struct {
	Walk     Walk
	Pipeline *pipeline.Pipeline
	// Outlets are where events go: the one without a route first. None means that
	// nothing is delivered, and all is counted.
	Outlets []*delivery.Outlet
	// From is what an earlier Run has done.
	From Progress
	// Keep is called after each step with what is done. Its error ends the Run. nil if
	// nothing is to be kept.
	Keep func(Progress) error
	// Workers is how many goroutines process lines at the same time; see feed.Config.
	Workers int
	// Holds reports whether the event of a line is wanted. Several goroutines may call it
	// at the same time. nil if all are.
	Holds func(*record.Record) bool
	// Warn reports what does not end the Run. nil if nobody is to know.
	Warn func(error)
	// Seen is called, now and then, with how many lines were read so far, over all runs.
	// nil if nobody is to know.
	Seen func(lines int64)
}

// maxGathered is how many bytes of events wait for their outlet before they are put.
// Objects in S3 become larger with it, and so fewer.
const maxGathered = 16 << 20

// A LostError says that events were neither delivered nor kept as dead letters.
type LostError struct {
	Events int
	Route  string // empty for the events that no rule routes
	Err    error  // why the first of them was lost
}

// Error returns how many events were lost, and why.
func (e *LostError) Error() string {
	where := "the sink"
	if e.Route != "" {
		where = "the sink of route " + e.Route
	}
	return fmt.Sprintf("%d events were not taken by %s: %v", e.Events, where, e.Err)
}

// Unwrap returns why the first of them was lost.
func (e *LostError) Unwrap() error { return e.Err }

// Run delivers the steps behind c.From until the Walk ends or ctx does. It returns what
// is done, also with an error: then the same Run can go on from there.
func Run(ctx context.Context, c Config) (Progress, error) {
	r := &run{Config: c, ctx: ctx, done: c.From, now: c.From.Counts, settled: make(chan struct{}, 1)}
	for _, o := range c.Outlets {
		r.outboxes = append(r.outboxes, outbox{outlet: o})
	}
	_, err := feed.Run(ctx, []feed.Input{func(ctx context.Context) (feed.Source, error) {
		return &steps{ctx: ctx, run: r, at: c.From.Position, read: c.From.Counts.Lines, unread: c.From.Counts.Unread}, nil
	}}, feed.Config{
		Pipeline:     c.Pipeline,
		NewCollector: r.newBatch,
		Workers:      c.Workers,
		Flush:        r.settle,
		Warn:         r.warn,
	})
	return r.done, err
}

// A run is the state of Run. All but what mu guards belongs to the goroutine that calls
// it.
type run struct {
	Config
	ctx      context.Context // ends with an interrupt
	outboxes []outbox
	now      Counts // with what is not kept yet
	done     Progress
	failed   bool // nothing is put any more: what was lost is not to be put once more at the end

	warning sync.Mutex // held while Warn is called

	mu      sync.Mutex
	ended   bool     // the step in hand has no further line
	lines   int64    // of all steps, when it ended
	unread  int64    // of all steps
	after   Position // the position behind it
	settled chan struct{}
}

// An outbox holds the events that wait for an outlet.
type outbox struct {
	outlet *delivery.Outlet
	docs   sink.Batch
}

// A batch is the feed.Collector of a run: what a batch of lines adds to it.
type batch struct {
	run    *run
	counts Counts
	docs   []sink.Batch // by outbox
}

func (r *run) newBatch() feed.Collector {
	return &batch{run: r, docs: make([]sink.Batch, len(r.outboxes))}
}

// Add counts an outcome and copies its event.
func (b *batch) Add(o *pipeline.Outcome) {
	r, n := b.run, &b.counts
	n.Lines++
	n.Bytes += int64(len(o.Record.Line.Text))
	if len(o.Data) == 0 || o.Dropped || r.Holds != nil && !r.Holds(o.Record) {
		n.Dropped++
		return
	}
	n.Events++
	n.EventBytes += int64(len(o.Data))
	if o.Record.Dataset == record.Unparsed {
		n.Unparsed++
	}
	for i := range r.outboxes {
		if r.outboxes[i].outlet.Route() == o.Route {
			b.docs[i].Add(o.ID, o.Data)
		}
	}
}

// Yield hands the events over, and puts what waits, where that is much.
func (b *batch) Yield(ctx context.Context) error {
	r := b.run
	r.now.add(&b.counts)
	b.counts = Counts{}
	for i := range b.docs {
		for _, doc := range b.docs[i].Documents() {
			r.outboxes[i].docs.Add(doc.ID, doc.Data)
		}
		b.docs[i].Reset()
	}
	return r.yield(ctx)
}

// add adds what was counted of lines that were processed.
func (c *Counts) add(more *Counts) {
	c.Lines += more.Lines
	c.Bytes += more.Bytes
	c.Events += more.Events
	c.EventBytes += more.EventBytes
	c.Dropped += more.Dropped
	c.Unparsed += more.Unparsed
}

// yield puts what waits, where that is much, and ends the step if all of it is there.
func (r *run) yield(ctx context.Context) error {
	if r.Seen != nil {
		r.Seen(r.now.Lines)
	}
	for i := range r.outboxes {
		if r.outboxes[i].docs.Size() >= maxGathered {
			if err := r.put(ctx, &r.outboxes[i]); err != nil {
				return err
			}
		}
	}
	return r.settle(ctx)
}

// settle ends the step if each of its lines has an outcome: it puts all that waits and
// keeps how far the backfill has come. What is left of a step that was interrupted is
// not put, since it will come again.
func (r *run) settle(ctx context.Context) error {
	r.mu.Lock()
	complete := r.ended && r.now.Lines == r.lines && !r.failed
	after, unread := r.after, r.unread
	r.mu.Unlock()
	if !complete {
		return nil
	}
	for i := range r.outboxes {
		if err := r.put(ctx, &r.outboxes[i]); err != nil {
			return err
		}
	}
	r.now.Unread = unread
	done := Progress{Position: after, Counts: r.now}
	if r.Keep != nil {
		if err := r.Keep(done); err != nil {
			r.failed = true
			return err
		}
	}
	r.done = done
	r.mu.Lock()
	r.ended = false
	r.mu.Unlock()
	r.settled <- struct{}{}
	return nil
}

// The pauses before what an outlet did not take is put again. They add up to some ten
// minutes.
const (
	puts       = 14
	firstPause = time.Second
	maxPause   = time.Minute
)

// put delivers what waits in an outbox.
func (r *run) put(ctx context.Context, o *outbox) error {
	docs := o.docs.Documents()
	for n := 1; len(docs) > 0; n++ {
		receipt := o.outlet.Put(ctx, docs)
		r.now.Delivered += int64(receipt.Delivered)
		r.now.DeadLetters += int64(receipt.DeadLetters)
		if len(receipt.Lost) == 0 {
			break
		}
		err := &LostError{Events: len(receipt.Lost), Route: o.outlet.Route(), Err: receipt.Lost[0].Err}
		if n == puts || retry.Final(err) || r.ctx.Err() != nil {
			r.failed = true
			return err
		}
		r.warn(fmt.Errorf("%w; they are put again", err))
		again := make([]sink.Document, 0, len(receipt.Lost))
		for _, lost := range receipt.Lost {
			again = append(again, docs[lost.Index])
		}
		docs = again
		wait(r.ctx, min(maxPause, firstPause<<(n-1)))
	}
	o.docs.Reset()
	return nil
}

// wait waits for some time, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// warn reports an error, of the reader or of the goroutine that delivers.
func (r *run) warn(err error) {
	if r.Warn == nil {
		return
	}
	r.warning.Lock()
	defer r.warning.Unlock()
	r.Warn(err)
}

// end says that the step in hand has no further line.
func (r *run) end(lines, unread int64, after Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended, r.lines, r.unread, r.after = true, lines, unread, after
}

// A steps is the feed.Source of all steps. Between two of them it waits until the first
// one is settled.
type steps struct {
	ctx    context.Context
	run    *run
	at     Position
	step   Step  // nil before the next one is opened
	read   int64 // lines, of all runs
	unread int64 // payloads and objects that cannot be read, of all runs
	inStep int64 // lines
	told   bool  // the run knows that the step has ended
}

// Next returns the next line of the step in hand, or of the next one.
func (s *steps) Next() (*record.Line, error) {
	for {
		if s.step == nil {
			step, err := s.run.Walk.Next(s.ctx, s.at)
			if err != nil {
				if s.ctx.Err() != nil {
					err = io.EOF
				}
				return nil, err
			}
			s.step, s.inStep, s.told = step, 0, false
		}
		line, err := s.step.Next(s.ctx)
		var broken *BrokenError
		switch {
		case err == nil:
			s.read++
			s.inStep++
			if s.step.Ended() {
				s.tell()
			}
			return line, nil
		case s.ctx.Err() != nil:
			return nil, io.EOF
		case errors.As(err, &broken):
			s.unread++
			s.run.warn(err)
			if broken.Rest {
				continue
			}
		case err != io.EOF:
			return nil, err
		}
		if !s.finish() {
			return nil, io.EOF
		}
	}
}

// tell says that the step has no further line.
func (s *steps) tell() {
	s.told = true
	s.run.end(s.read, s.unread, s.step.After())
}

// finish ends the step, and waits until it is settled. It reports false if that will not
// happen.
func (s *steps) finish() bool {
	s.at = s.step.After()
	if s.inStep > 0 || s.unread > 0 {
		if !s.told {
			s.tell()
		}
		select {
		case <-s.run.settled:
		case <-s.ctx.Done():
			return false
		}
	}
	_ = s.step.Close() // it was only read
	s.step = nil
	return true
}

// Ready reports whether the step has a line at hand.
func (s *steps) Ready() bool { return s.step != nil && s.step.Ready() }

// Counts are those of all steps.
func (s *steps) Counts() feed.Counts { return feed.Counts{Inputs: 1} }

// Close gives up the step in hand.
func (s *steps) Close() error {
	if s.step == nil {
		return nil
	}
	return s.step.Close()
}

// A BrokenError says that an object, or a payload in it, cannot be read. The others are.
type BrokenError struct {
	Err  error
	Rest bool // the step goes on behind it
}

// Error returns what cannot be read.
func (e *BrokenError) Error() string { return e.Err.Error() }

// Unwrap returns why.
func (e *BrokenError) Unwrap() error { return e.Err }
