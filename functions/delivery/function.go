// Package delivery is Lambda's half of what the functions share: how they start
// by their environment and end by SIGTERM, the clock of an invocation, its log
// and metrics, and what a function must refuse. Where events go is the part of
// package clearhop/delivery, which knows nothing of Lambda.
//
// A function is one of two kinds. A Shipper puts events into sinks; each
// invocation is a Shipment:
//
//	f, err := delivery.OpenShipper(ctx, delivery.Shape{Name: "subscriber"}, os.Environ(), os.Stdout, os.Stderr)
//	s := f.Begin(ctx)
//	s.Take(payload)
//	first, err := s.End() // with an error, payload first must be sent again
//
// An Answerer returns events in its answer; each invocation is an Answer:
//
//	f, err := delivery.OpenAnswerer(ctx, "transform", os.Environ(), os.Stderr)
//	a := f.Begin(ctx)
//	payloads, err := a.Decode(data)
//	a.Process(payloads[0].Lines, func(out *pipeline.Outcome) { … })
//	a.End()
//
// A payload that cannot be read becomes a dead letter, where there is a place for
// them. So does a payload that makes our code panic: it must not block a stream.
//
// Functions are safe for concurrent use. A Shipment or an Answer belongs to one
// goroutine.
package delivery

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"clearhop/decode"
	"clearhop/delivery"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/sink"
)

// A Shape is what tells one function of ours from the others.
type Shape struct {
	// Name is the name of the shape: subscriber. Dead letters and metrics have it.
	Name string

	// Resends says that Lambda invokes the function again with the payloads that
	// it reports as failed, as it does for a Kinesis stream. Then only what would
	// fail again becomes a dead letter.
	Resends bool
}

// Config is what a function is made of. Shape.Name and Log have no default.
type Config struct {
	Shape
	Log      io.Writer       // for the log and the metrics
	Pipeline pipeline.Config // the settings of the pipeline

	Namespace    string // of the metrics; empty for none
	FunctionName string // Lambda's; empty outside of Lambda
	LogGroup     string // the function's own; empty for the usual one
	Concurrency  int    // how many invocations run at a time; 0 means 1
}

// The reserves within an invocation.
const (
	// sinkReserve is left of an invocation's time when a sink gives up, for dead
	// letters and the answer.
	sinkReserve = 5 * time.Second
	// letterReserve is left when dead letters give up, for the answer.
	letterReserve = time.Second
)

// A destination is where a function delivers to: *delivery.Outlets, or
// *delivery.Letters alone.
type destination interface {
	TakeStats() sink.Stats
	Close(ctx context.Context) error
}

// A function is what Shippers and Answerers have in common.
type function struct {
	log       *slog.Logger
	pipeline  *pipeline.Pipeline
	resends   bool
	to        destination
	outlets   []*delivery.Outlet // none where events are the answer
	letters   *delivery.Letters
	metrics   *metrics
	ownGroups []string
	refuse    sync.Once    // logs a refusal
	refused   atomic.Int64 // when a refusal was last measured, Unix seconds
	idle      chan *worker
}

// A worker is what one invocation needs for itself. The next invocation uses it
// again, with its caches.
type worker struct {
	decoder  *decode.Decoder
	lines    *pipeline.Worker
	counts   counts
	outboxes []outbox // one for each outlet
}

// newFunction makes a function without its destination. p is the pipeline of c.
func newFunction(c Config, p *pipeline.Pipeline) *function {
	f := &function{
		log: NewLogger(c.Log), pipeline: p, resends: c.Resends,
		metrics: newMetrics(c.Log, c.Namespace, c.FunctionName, c.Name),
		idle:    make(chan *worker, max(c.Concurrency, 1)),
	}
	for _, err := range p.LeftOut() {
		f.log.Warn("a log_format cannot be read back", "error", err)
	}
	if c.LogGroup != "" {
		f.ownGroups = append(f.ownGroups, c.LogGroup)
	}
	if c.FunctionName != "" {
		f.ownGroups = append(f.ownGroups, "/aws/lambda/"+c.FunctionName)
	}
	return f
}

// options are what a function adds to the settings of its destination. p is nil
// if the settings of the pipeline are wrong.
func (c *Config) options(p *pipeline.Pipeline) delivery.Options {
	return delivery.Options{
		Source: c.Name, WithholdPayloads: p == nil || p.Private(), Resends: c.Resends,
		SinkReserve: sinkReserve, LetterReserve: letterReserve,
		RequestID: requestID, Log: NewLogger(c.Log),
	}
}

func (f *function) newWorker() *worker {
	w := &worker{decoder: decode.NewDecoder(decode.Options{}), lines: f.pipeline.NewWorker()}
	for _, outlet := range f.outlets {
		w.outboxes = append(w.outboxes, outbox{outlet: outlet})
	}
	return w
}

// borrow takes an idle worker, or makes one when all are busy.
func (f *function) borrow() *worker {
	select {
	case w := <-f.idle:
		return w
	default:
		return f.newWorker()
	}
}

func (f *function) giveBack(w *worker) {
	w.counts.reset()
	select {
	case f.idle <- w:
	default:
	}
}

// refuses reports whether a log group is the function's own: each line of its log
// would make another event, whose delivery is logged. It logs that once, because
// each record of the log would be one more event to refuse.
//
// In central logging another account may have a group of the same name, which is not
// the function's own. Where one of the two accounts is unknown, the name decides.
func (f *function) refuses(ctx context.Context, from *record.Origin) bool {
	group := from.LogGroup
	if !slices.Contains(f.ownGroups, group) {
		return false
	}
	if own := accountOf(ctx); own != "" && from.AccountID != "" && own != from.AccountID {
		return false
	}
	f.refuse.Do(func() {
		f.log.ErrorContext(ctx, "refused: the subscription is on this function's own log group", "log_group", group)
	})
	return true
}

// refusalEvery is how often refusals are logged and measured, in seconds. It is
// often enough for an alarm.
const refusalEvery = 60

// reportRefusal reports whether an invocation that did nothing but refuse is to
// be logged and measured.
func (f *function) reportRefusal(now time.Time) bool {
	last := f.refused.Load()
	return now.Unix()-last >= refusalEvery && f.refused.CompareAndSwap(last, now.Unix())
}

// Close closes the sinks. Lambda calls it when it shuts the environment down. The
// databases stay open: an invocation may still be reading them, and the process
// ends anyway.
func (f *function) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := f.to.Close(ctx); err != nil {
		f.log.Error("closing", "error", err)
		return
	}
	f.log.Info("closed")
}

// Terminate is Close for SIGTERM. It ends the process, which has nothing left to
// do and would otherwise wait to be killed.
func (f *function) Terminate() {
	f.Close()
	os.Exit(0)
}

// Fail ends a process whose function cannot be opened, and says why.
func Fail(out io.Writer, err error) {
	NewLogger(out).Error("the function cannot start", "error", err)
	os.Exit(1)
}

// closeFailed closes what was opened for a function that cannot be made because
// of err, and returns err. p and to are nil where they could not be opened.
func closeFailed[T interface {
	comparable
	destination
}](err error, p *pipeline.Pipeline, to T) error {
	errs := []error{err}
	if p != nil {
		errs = append(errs, p.Close())
	}
	var none T
	if to != none {
		errs = append(errs, to.Close(context.Background()))
	}
	return errors.Join(errs...)
}
