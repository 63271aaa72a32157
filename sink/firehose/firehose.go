// Package firehose is the sink for an Amazon Data Firehose stream that takes
// Direct PUT: many events in each record, few records in each call.
//
// In go documents, each a JSON object and a newline. Out goes PutRecordBatch:
// each record holds as many documents as it may, one behind the other and in
// order, so that the stream's destination receives NDJSON.
//
//	client := awsfirehose.NewFromConfig(cfg) // of aws-sdk-go-v2
//	s, err := firehose.New(firehose.Config{Client: client, Stream: "access-log"})
//	err = s.Put(ctx, docs)
//	var failed *sink.PutError
//	if errors.As(err, &failed) {
//		// all but failed.Failures were confirmed
//	}
//
// # Limits
//
// The API takes 500 records and 4 MB in a call and 1,000 KB in a record, before
// base64, and Firehose takes no more than 500 documents of a record apart
// again. Each record is billed as a multiple of 5 KB. AWS writes KB and KiB, MB
// and MiB for the same limits; [MaxRecordBytes] and [MaxCallBytes] stay below
// either. The source is the documentation of PutRecordBatch in aws-sdk-go-v2.
//
// A document of more than MaxRecordBytes fails with [ErrTooLarge], on its own.
//
// # Delivery
//
// Delivery is at least once. What the service did not confirm is sent again,
// the same bytes, after a random pause that may grow with each attempt, until
// the attempts or the time of Put's context are used up; see [Config]. A call
// that was cut off may have been written all the same, and a record sent again
// comes after those of its call that passed. Firehose promises no order either,
// so readers tell events apart by id and order them by time.
//
// # Concurrency
//
// A Sink is safe for concurrent use. Each Put sends its own calls, one at a
// time, and holds one buffer of at most MaxCallBytes, which later Puts use
// again.
package firehose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"

	"clearhop/sink"
)

// A Client is what the Sink needs of the SDK's firehose.Client. It is safe for
// concurrent use, and keeps neither the input nor its bytes after it returned.
type Client interface {
	PutRecordBatch(context.Context, *awsfirehose.PutRecordBatchInput, ...func(*awsfirehose.Options)) (*awsfirehose.PutRecordBatchOutput, error)
}

// Config is what a Sink is made of. Client and Stream have no default; the zero
// value of all others stands for the default named there.
type Config struct {
	// Client makes the calls. Its own retries do not matter: the Sink turns
	// them off for each call, so that they do not multiply with its own.
	Client Client

	// Stream is the name of the Firehose stream.
	Stream string

	// MaxAttempts bounds how often one call is made, the first included: 8.
	MaxAttempts int

	// AttemptTimeout bounds one attempt: 10 s. A short one makes duplicates,
	// for what was cut off may have been written.
	AttemptTimeout time.Duration

	// BaseDelay bounds the pause before the second attempt: 100 ms. The bound
	// doubles with each further attempt up to MaxDelay, and is never more than
	// half of the time left.
	BaseDelay time.Duration

	// MaxDelay bounds each pause: 5 s.
	MaxDelay time.Duration

	// Reserve is left of the time until the deadline of Put's context when Put
	// returns at the latest, for the caller to report what failed: 2 s. It is
	// never more than half of the time there is when Put begins.
	Reserve time.Duration

	// Sleep pauses for d or until ctx is done. Nil stands for the real thing.
	Sleep func(ctx context.Context, d time.Duration)

	// Jitter draws a pause between 0 and bound. Nil stands for an even draw.
	Jitter func(bound time.Duration) time.Duration
}

// A Sink puts documents into one Firehose stream.
type Sink struct {
	config  Config // complete
	batches sync.Pool
	closed  atomic.Bool

	mu    sync.Mutex
	stats Stats
}

var (
	_ sink.Sink = (*Sink)(nil)
	_ Client    = (*awsfirehose.Client)(nil)
)

var streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)

// New returns a Sink, or an error that names every setting that is wrong. It
// makes no call.
func New(c Config) (*Sink, error) {
	var errs []error
	if c.Client == nil {
		errs = append(errs, errors.New("no client"))
	}
	if !streamName.MatchString(c.Stream) {
		errs = append(errs, fmt.Errorf("stream name %q: want 1 to 64 of a-z, A-Z, 0-9, _, . and -", c.Stream))
	}
	if c.MaxAttempts < 0 {
		errs = append(errs, fmt.Errorf("max attempts %d: is negative", c.MaxAttempts))
	}
	c.MaxAttempts = cmp.Or(c.MaxAttempts, 8)
	for _, d := range []struct {
		name  string
		value *time.Duration
		byDef time.Duration
	}{
		{"attempt timeout", &c.AttemptTimeout, 10 * time.Second},
		{"base delay", &c.BaseDelay, 100 * time.Millisecond},
		{"max delay", &c.MaxDelay, 5 * time.Second},
		{"reserve", &c.Reserve, 2 * time.Second},
	} {
		if *d.value < 0 {
			errs = append(errs, fmt.Errorf("%s %v: is negative", d.name, *d.value))
		}
		*d.value = cmp.Or(*d.value, d.byDef)
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("firehose sink: %w", errors.Join(errs...))
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	if c.Jitter == nil {
		c.Jitter = func(bound time.Duration) time.Duration { return rand.N(bound + 1) }
	}
	return &Sink{config: c, batches: sync.Pool{New: func() any { return new(batch) }}}, nil
}

// Put delivers docs in as few records and calls as they fit, and returns when
// each is confirmed or given up.
//
// The errors of a [sink.PutError] wrap [ErrTooLarge], [ErrOutOfTime],
// [ErrAttempts] or the context's own, and all but the first also the last
// answer: a [RecordError], [ErrUnconfirmed] or the SDK's error. An error that
// every call to the stream would meet, such as a missing permission, fails the
// rest of docs without a call. No error holds anything of a document.
func (s *Sink) Put(ctx context.Context, docs []sink.Document) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return sink.ErrClosed
	}
	if len(docs) == 0 {
		return nil
	}
	ctx, cancel := s.withReserve(ctx)
	defer cancel()
	b := s.batches.Get().(*batch)
	defer s.batches.Put(b)
	defer b.reset()

	failures := tooLarge(docs)
	for next := 0; next < len(docs); {
		next = b.fill(docs, next)
		stop := s.deliver(ctx, b)
		failures = b.appendFailures(failures, docs)
		if stop != nil {
			stop = fmt.Errorf("not sent after another call failed: %w", stop)
			failures = appendFailures(failures, docs, next, len(docs), stop)
			break
		}
	}
	if len(failures) == 0 {
		return nil
	}
	s.count(Stats{DocumentsFailed: int64(len(failures))})
	slices.SortFunc(failures, func(a, b sink.Failure) int { return cmp.Compare(a.Index, b.Index) })
	return &sink.PutError{Failures: failures}
}

// withReserve returns ctx with an end that leaves the caller its reserve. Half
// of the time is the Sink's in any case, or else a reserve longer than the
// function's timeout would keep it from ever sending anything.
func (s *Sink) withReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	reserve := min(s.config.Reserve, time.Until(deadline)/2)
	return context.WithDeadline(ctx, deadline.Add(-reserve))
}

// Close refuses further Puts. Those under way come to their own end; nothing is
// kept between Puts that could be lost.
func (s *Sink) Close(context.Context) error {
	s.closed.Store(true)
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
