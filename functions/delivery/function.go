// Package delivery is what the functions share: their settings, the pipeline
// and the sinks that these open, the workers that invocations borrow, and what
// an invocation counts, logs and leaves behind as dead letters.
//
//	f, err := delivery.Open(ctx, "subscriber", os.Environ(), os.Stdout, log)
//	in := f.Begin(ctx)
//	err = in.Payload(data)
//	err = in.End(err)
//
// A Function is safe for concurrent use; an Invocation belongs to one goroutine.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"clearhop/aws/nlb"
	"clearhop/aws/object"
	"clearhop/decode"
	"clearhop/functions/environment"
	"clearhop/pipeline"
	"clearhop/sink"
	"clearhop/sink/deadletter"
)

// lambdaSettings are the parts of Lambda's own environment that matter here.
type lambdaSettings struct {
	FunctionName   string `env:"AWS_LAMBDA_FUNCTION_NAME"`
	LogGroup       string `env:"AWS_LAMBDA_LOG_GROUP_NAME"`
	MaxConcurrency int    `env:"AWS_LAMBDA_MAX_CONCURRENCY" default:"1"`
}

// MetricSettings say what is measured. They are read from the environment.
type MetricSettings struct {
	Namespace string `env:"CLEARHOP_METRICS" default:"Clearhop" help:"Namespace of the CloudWatch metrics that each invocation writes to its log (embedded metric format); none for no metrics."`
}

// A Function is a shape of the pipeline made ready by its environment.
type Function struct {
	log       *slog.Logger
	pipeline  *pipeline.Pipeline
	sink      sink.Sink // nil where events are the answer
	routes    []Route
	letters   sink.Sink // nil if there is no place for dead letters
	box       *deadletter.Box
	metrics   *metrics
	ownGroups []string
	refuse    sync.Once
	refused   atomic.Int64 // when it was last told that payloads are refused, Unix seconds
	idle      chan *worker
}

// A worker is what one invocation needs for itself. It is kept for the next
// one, with its caches.
type worker struct {
	decoder *decode.Decoder
	lines   *pipeline.Worker
	counts  Counts

	outboxes []outbox // of the function's own sink, and of each route
}

// An outbox is where events wait for their sink.
type outbox struct {
	sink   sink.Sink
	docs   sink.Batch
	inputs []int // of each of docs: the input that it came from
}

func (o *outbox) reset() {
	o.docs.Reset()
	o.inputs = o.inputs[:0]
}

// A Route is a sink for the events that a rule sends there.
type Route struct {
	Name string
	Sink sink.Sink
}

// Config is what a Function is made of. Name and Log have no default.
type Config struct {
	Name     string          // of the shape: subscriber
	Log      io.Writer       // for the log and the metrics
	Pipeline pipeline.Config // the settings of the pipeline
	Sink     sink.Sink       // where events go; nil where they are the answer
	Routes   []Route         // where events go that a rule routes
	Letters  sink.Sink       // where dead letters go; nil if there is no such place

	Namespace    string // of the metrics; empty for none
	FunctionName string // Lambda's; empty outside
	LogGroup     string // the function's own; empty for the usual one
	Concurrency  int    // how many invocations run at a time: 1
}

// New makes a Function. Everything that is wrong with the pipeline's settings
// comes in one error.
func New(c Config) (*Function, error) {
	p, err := pipeline.New(c.Pipeline)
	if err != nil {
		return nil, err
	}
	if err := checkRoutes(p.Routes(), c.Routes); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	f := &Function{
		log: NewLogger(c.Log), pipeline: p, sink: c.Sink, routes: c.Routes, letters: c.Letters,
		metrics: newMetrics(c.Log, c.Namespace, c.FunctionName, c.Name),
		idle:    make(chan *worker, max(c.Concurrency, 1)),
	}
	if c.Letters != nil {
		f.box, err = deadletter.New(deadletter.Config{Sink: c.Letters, Source: c.Name, WithholdPayloads: p.Private()})
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	if c.LogGroup != "" {
		f.ownGroups = append(f.ownGroups, c.LogGroup)
	}
	if c.FunctionName != "" {
		f.ownGroups = append(f.ownGroups, "/aws/lambda/"+c.FunctionName)
	}
	f.idle <- f.newWorker()
	return f, nil
}

// Open makes a Function by its environment: it opens the databases and the
// sinks. Everything that is wrong comes in one error. Logs and metrics go to
// log; the events to stdout where the settings say so.
func Open(ctx context.Context, name string, environ []string, stdout, log io.Writer) (*Function, error) {
	var to Settings
	return open(ctx, name, environ, log, &to, func(c *Config) error {
		if err := to.Check(); err != nil {
			return err
		}
		clients := &clientFor{ctx: ctx}
		var err error
		if c.Sink, err = to.open(clients, stdout); err != nil {
			return err
		}
		if c.Routes, err = to.openRoutes(clients); err != nil {
			return err
		}
		c.Letters, err = to.LetterSettings.open(clients)
		return err
	})
}

// OpenTransform is Open for a function whose events are its answer.
func OpenTransform(ctx context.Context, name string, environ []string, log io.Writer) (*Function, error) {
	var to LetterSettings
	return open(ctx, name, environ, log, &to, func(c *Config) error {
		if err := to.Check(); err != nil {
			return err
		}
		var err error
		c.Letters, err = to.open(&clientFor{ctx: ctx})
		return err
	})
}

func open(ctx context.Context, name string, environ []string, log io.Writer, settings any, openSinks func(*Config) error) (*Function, error) {
	var own lambdaSettings
	var measure MetricSettings
	c := Config{Name: name, Log: log}
	errs := []error{environment.Load(environ, &own, settings, &measure, &c.Pipeline)}
	c.FunctionName, c.LogGroup, c.Concurrency = own.FunctionName, own.LogGroup, own.MaxConcurrency
	if measure.Namespace != "none" {
		c.Namespace = measure.Namespace
	}
	errs = append(errs, openSinks(&c))
	c.Pipeline.NodeFinder, c.Pipeline.OpenObject = nlb.Nodes, object.Fetches(object.Lazy())
	f, err := New(c)
	if err := errors.Join(append(errs, err)...); err != nil {
		if f != nil {
			err = errors.Join(err, f.pipeline.Close())
		}
		return nil, fmt.Errorf("settings: %w", err)
	}
	refresh(ctx, f.pipeline, f.log)
	return f, nil
}

// checkRoutes holds the routes of the rules against those that lead somewhere.
func checkRoutes(asked []string, given []Route) error {
	var errs []error
	for _, name := range asked {
		if !slices.ContainsFunc(given, func(r Route) bool { return r.Name == name }) {
			errs = append(errs, fmt.Errorf("CLEARHOP_RULES: route:%s leads nowhere: CLEARHOP_ROUTES does not name it", name))
		}
	}
	for _, r := range given {
		if !slices.Contains(asked, r.Name) {
			errs = append(errs, fmt.Errorf("CLEARHOP_ROUTES: no rule routes to %q", r.Name))
		}
	}
	return errors.Join(errs...)
}

func (f *Function) newWorker() *worker {
	w := &worker{decoder: decode.NewDecoder(decode.Options{}), lines: f.pipeline.NewWorker(), outboxes: []outbox{{sink: f.sink}}}
	for _, r := range f.routes {
		w.outboxes = append(w.outboxes, outbox{sink: r.Sink})
	}
	return w
}

// sinks lists the sinks that there are.
func (f *Function) sinks() []sink.Sink {
	var all []sink.Sink
	if f.sink != nil {
		all = append(all, f.sink)
	}
	for _, r := range f.routes {
		all = append(all, r.Sink)
	}
	if f.letters != nil {
		all = append(all, f.letters)
	}
	return all
}

// borrow takes an idle worker, or makes one when all are busy.
func (f *Function) borrow() *worker {
	select {
	case w := <-f.idle:
		return w
	default:
		return f.newWorker()
	}
}

func (f *Function) giveBack(w *worker) {
	w.counts.Reset()
	select {
	case f.idle <- w:
	default:
	}
}

// isOwn reports whether a log group is the function's own: each line of log
// would make another event.
func (f *Function) isOwn(group string) bool {
	for _, own := range f.ownGroups {
		if group == own {
			return true
		}
	}
	return false
}

// refusalEvery is how often it is told, in seconds: enough for an alarm to ring.
const refusalEvery = 60

// tellOfRefusal reports whether an invocation that did nothing but refuse is to
// be logged and measured.
func (f *Function) tellOfRefusal(now time.Time) bool {
	last := f.refused.Load()
	return now.Unix()-last >= refusalEvery && f.refused.CompareAndSwap(last, now.Unix())
}

// Close delivers what the sinks may still hold. Lambda calls it when it shuts
// the environment down. The databases stay open: an invocation may still be
// reading them, and the process ends anyway.
func (f *Function) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	var errs []error
	for _, s := range f.sinks() {
		errs = append(errs, s.Close(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		f.log.Error("closing", "error", err)
		return
	}
	f.log.Info("closed")
}

// Terminate is Close for a process that ends: nothing is left to do, so that it
// does not wait to be killed.
func (f *Function) Terminate() {
	f.Close()
	os.Exit(0)
}

// Fail ends a process whose function cannot be opened, and says why.
func Fail(out io.Writer, err error) {
	NewLogger(out).Error("the function cannot start", "error", err)
	os.Exit(1)
}
