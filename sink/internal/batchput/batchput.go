// Package batchput is what three sinks have in common: those of Firehose, Kinesis
// Data Streams and SQS, which take calls of many records and answer for each
// record. It packs documents into records and records into calls, and sends again
// what was not confirmed.
//
//	p := batchput.New(batchput.Config{Name: "firehose stream x", Limits: …, Send: …})
//	err := p.Put(ctx, docs)
//
// A Putter is safe for concurrent use. Each Put sends its own calls, one at a
// time, and holds one buffer of at most Limits.CallBytes, which later Puts use
// again.
package batchput

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"clearhop/encode"
	"clearhop/sink"
	"clearhop/sink/retry"
)

// Config is what a Putter is made of. All fields are needed.
type Config struct {
	Name   string // of the stream or queue, for errors
	Limits Limits
	Retry  retry.Policy // complete

	// Whole says that a document that is too long fails instead of being shortened:
	// it is not an event but a payload, and its largest field is all its lines.
	Whole bool

	// Send makes one call with records. It does not retry, and keeps nothing of
	// the records after it returned.
	Send func(ctx context.Context, records []Record) (Reply, error)

	// Bill returns how many bytes the service charges for. sizes are those of the
	// records that one call confirmed.
	Bill func(sizes []int) int
}

// Limits bound records and calls. Sizes are in bytes.
type Limits struct {
	Documents   int // in a record
	FillBytes   int // how far a record is filled with several documents
	RecordBytes int // the greatest length of a record, and so of a document
	Records     int // in a call
	CallBytes   int // in a call, including the Overhead of each record
	Overhead    int // what a record takes of CallBytes in addition to its data
}

// A Reply is the service's answer to a call that did not fail as a whole.
type Reply struct {
	Answers []Answer // one for each record, in their order
	Failed  int      // the service's own count of the records that failed
}

// An Answer is what the service said about one record.
type Answer struct {
	Confirmed bool
	Code      string // of the error; empty if there is none
	Final     bool   // the record would fail again
}

// A Putter puts documents into one stream or queue.
type Putter struct {
	meter   sink.Meter
	config  Config
	batches sync.Pool
	closed  atomic.Bool
}

var _ interface {
	sink.Sink
	sink.Limited
	sink.Metered
} = (*Putter)(nil)

// New returns a Putter.
func New(c Config) *Putter {
	return &Putter{config: c, batches: sync.Pool{New: func() any { return &batch{Limits: c.Limits} }}}
}

// Put implements sink.Sink. It delivers docs in as few records and calls as
// possible, and returns when each document is confirmed or given up.
func (p *Putter) Put(ctx context.Context, docs []sink.Document) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.closed.Load() {
		return sink.ErrClosed
	}
	if len(docs) == 0 {
		return nil
	}
	ctx, cancel := p.config.Retry.WithReserve(ctx)
	defer cancel()
	b := p.batches.Get().(*batch)
	defer p.batches.Put(b)
	defer b.reset()

	var shortened []int
	if !p.config.Whole {
		docs, shortened = p.shorten(docs)
	}
	failures := p.tooLarge(docs)
	for next := 0; next < len(docs); {
		next = b.fill(docs, next)
		stop := p.deliver(ctx, b)
		failures = b.appendFailures(failures, docs)
		if stop != nil {
			stop = fmt.Errorf("not sent after another call failed: %w", stop)
			failures = b.appendFailed(failures, docs, next, len(docs), stop)
			break
		}
	}
	for _, f := range failures {
		shortened = slices.DeleteFunc(shortened, func(i int) bool { return i == f.Index })
	}
	p.meter.Count(sink.Stats{DocumentsFailed: int64(len(failures)), Truncated: int64(len(shortened))})
	if len(failures) == 0 {
		return nil
	}
	slices.SortFunc(failures, func(a, b sink.Failure) int { return cmp.Compare(a.Index, b.Index) })
	return &sink.PutError{Failures: failures}
}

// Close makes further Puts fail. Puts that are running go on to their end.
// Nothing that could be lost is kept between Puts.
func (p *Putter) Close(context.Context) error {
	p.closed.Store(true)
	return nil
}

// TakeStats implements sink.Metered.
func (p *Putter) TakeStats() sink.Stats { return p.meter.TakeStats() }

// MaxDocument implements sink.Limited.
func (p *Putter) MaxDocument() int { return p.config.Limits.RecordBytes }

// shorten shortens the documents that are too long for a record. It returns all
// documents, and the indices of the shortened ones. A document that cannot be
// shortened stays too long. Nearly always shorten returns docs itself.
func (p *Putter) shorten(docs []sink.Document) ([]sink.Document, []int) {
	var indices []int
	for i := range docs {
		if len(docs[i].Data) <= p.config.Limits.RecordBytes {
			continue
		}
		short, err := encode.Truncate(docs[i].Data, p.config.Limits.RecordBytes)
		if err != nil {
			continue // tooLarge reports it
		}
		if indices == nil {
			docs = slices.Clone(docs) // the caller's slice must not change
		}
		docs[i].Data = short
		indices = append(indices, i)
	}
	return docs, indices
}

// tooLarge lists the documents that are too long for a record.
func (p *Putter) tooLarge(docs []sink.Document) []sink.Failure {
	var failures []sink.Failure
	for i := range docs {
		if n := len(docs[i].Data); n > p.config.Limits.RecordBytes {
			err := fmt.Errorf("%w for %s: %d bytes, at most %d", sink.ErrTooLarge, p.config.Name, n, p.config.Limits.RecordBytes)
			failures = append(failures, sink.Failure{Index: i, Err: err})
		}
	}
	return failures
}
