package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"time"

	"clearhop/decode"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/sink"
	"clearhop/sink/deadletter"
	"clearhop/sink/retry"
	"clearhop/sink/s3"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// An Invocation is one run of a function over its inputs: payloads, which are
// numbered in their order.
type Invocation struct {
	*worker
	function *Function
	ctx      context.Context
	start    time.Time
	bytes    int // of all inputs

	// HandBack says that the service sends again what is reported as failed, as
	// a Kinesis stream does: only what would fail again becomes a dead letter.
	HandBack bool

	failed int // the first input of which not all was delivered; -1 if there is none
	errs   []error
}

// Begin starts an invocation. End must be called when it is over.
func (f *Function) Begin(ctx context.Context) *Invocation {
	refresh(ctx, f.pipeline, f.log)
	return &Invocation{worker: f.borrow(), function: f, ctx: ctx, start: time.Now(), failed: -1}
}

// maxGathered is how many bytes of events are gathered before they are put:
// with it inputs of any size take bounded memory. It is near what one call to
// Firehose takes.
const maxGathered = 4 << 20

// Payload takes a payload of CloudWatch Logs, the input of number n, and
// gathers its events. One that cannot be read becomes a dead letter, where
// there is a place for them.
//
// A panic is one of these too: a mistake of ours must not block a stream.
func (in *Invocation) Payload(n int, data []byte) {
	defer func() {
		if r := recover(); r != nil {
			err := in.tellOfPanic(r)
			in.decoder, in.lines = decode.NewDecoder(decode.Options{}), in.function.pipeline.NewWorker()
			in.bury(n, data, err)
		}
	}()
	in.bytes += len(data)
	in.counts.Payloads++
	p, err := in.decoder.Decode(data)
	switch {
	case err != nil:
		in.counts.PayloadsUnread++
		in.bury(n, data, err)
	case p.Type == decode.Control:
		in.counts.Control++
	case in.Refuses(p.Origin.LogGroup):
		in.counts.Refused++
	default:
		in.gather(n, p.Lines)
	}
}

// Refuses reports whether a log group is the function's own, and says so once.
func (in *Invocation) Refuses(group string) bool {
	f := in.function
	if !f.isOwn(group) {
		return false
	}
	// Each line of log would be another event to refuse, so it is one.
	f.refuse.Do(func() {
		f.log.ErrorContext(in.ctx, "refused: the subscription is on this function's own log group", "log_group", group)
	})
	return true
}

// Process takes lines that belong together through the pipeline, and counts
// what comes of them. It is for a function whose events are its answer.
func (in *Invocation) Process(lines []record.Line, yield func(*pipeline.Outcome)) error {
	_, err := in.lines.ProcessBatch(lines, true, func(out *pipeline.Outcome) error {
		in.counts.Add(out)
		yield(out)
		return nil
	})
	return err
}

// Decode reads a payload, for a function whose events are its answer.
func (in *Invocation) Decode(data []byte) (*decode.Payload, error) {
	in.bytes += len(data)
	in.counts.Payloads++
	return in.decoder.Decode(data)
}

// Counts are what the invocation did so far, for what only the shape knows.
func (in *Invocation) Counts() *Counts { return &in.counts }

// gather makes an event of each line, and puts them when there are many.
func (in *Invocation) gather(n int, lines []record.Line) {
	if err := in.Process(lines, func(out *pipeline.Outcome) {
		if out.Dropped {
			return
		}
		o := in.outboxOf(out.Route)
		o.docs.Add(out.ID, out.Data)
		o.inputs = append(o.inputs, n)
		if o.docs.Size() >= maxGathered {
			in.put(o)
		}
	}); err != nil {
		in.fail(n, err)
	}
}

// Stopped reports whether an input failed behind which none is to be taken: the
// service would send them again.
func (in *Invocation) Stopped() bool { return in.HandBack && in.failed >= 0 }

// Failed returns the first input of which not all was delivered; ok says that
// there is one. It is right after Flush.
func (in *Invocation) Failed() (n int, ok bool) { return in.failed, in.failed >= 0 }

// Flush puts what was gathered.
func (in *Invocation) Flush() {
	for i := range in.outboxes {
		in.put(&in.outboxes[i])
	}
}

// outboxOf is where the events of a route wait; that of the function's own sink
// is the first.
func (in *Invocation) outboxOf(route string) *outbox {
	if route == "" {
		return &in.outboxes[0]
	}
	for i := range in.function.routes {
		if in.function.routes[i].Name == route {
			return &in.outboxes[i+1]
		}
	}
	panic("delivery: there is no route " + route) // New has checked them all
}

func (in *Invocation) fail(n int, err error) {
	if in.failed < 0 || n < in.failed {
		in.failed = n
	}
	in.errs = append(in.errs, err)
}

// errPanic stands for a panic: its value may hold what a visitor sent.
var errPanic = errors.New("panic")

// tellOfPanic logs a panic without its value, and returns an error for it.
func (in *Invocation) tellOfPanic(value any) error {
	in.function.log.ErrorContext(in.ctx, "panic", "type", fmt.Sprintf("%T", value), "stack", string(debug.Stack()))
	return fmt.Errorf("%w: %T", errPanic, value)
}

// putInto is a sink's Put whose panic is an error, so that the events of all
// inputs that wait with it are accounted for.
func (in *Invocation) putInto(s sink.Sink, docs []sink.Document) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = in.tellOfPanic(r)
		}
	}()
	return s.Put(in.ctx, docs)
}

func (in *Invocation) put(o *outbox) {
	defer o.reset()
	docs := o.docs.Documents()
	if len(docs) == 0 {
		return
	}
	err := retry.ErrOutOfTime
	if in.HasTime() {
		err = in.putInto(o.sink, docs)
	}
	if err == nil {
		in.counts.Delivered += len(docs)
		return
	}
	var failures *sink.PutError
	if !errors.As(err, &failures) {
		failures = sink.FailFrom(0, len(docs), err)
	}
	in.counts.Delivered += len(docs) - len(failures.Failures)
	in.buryEvents(o, docs, failures)
}

// HasTime reports whether another input may be taken, and a sink tried: what is
// left then is for dead letters and the answer.
func (in *Invocation) HasTime() bool { return in.TimeLeft() > letterReserve }

// TimeLeft is the time until the invocation must be over.
func (in *Invocation) TimeLeft() time.Duration {
	deadline, ok := in.ctx.Deadline()
	if !ok {
		return math.MaxInt64
	}
	return time.Until(deadline)
}

// Postpone says that the inputs from n on were not taken.
func (in *Invocation) Postpone(n int) { in.fail(n, retry.ErrOutOfTime) }

// buryEvents makes dead letters of events that the sink did not take, but for
// those that the service will send again.
func (in *Invocation) buryEvents(o *outbox, docs []sink.Document, failures *sink.PutError) {
	buried := &sink.PutError{}
	for _, f := range failures.Failures {
		if in.function.box == nil || in.HandBack && !failsAgain(f.Err) {
			in.lose(o, f)
			continue
		}
		buried.Failures = append(buried.Failures, f)
	}
	if len(buried.Failures) == 0 {
		return
	}
	err := in.function.box.Put(in.ctx, in.signed(deadletter.Undelivered(docs, buried)))
	lost := in.countLetters(len(buried.Failures), err)
	for _, l := range lost {
		in.lose(o, sink.Failure{Index: buried.Failures[l.Index].Index, Err: l.Err})
	}
}

// failsAgain reports whether a sink would refuse the same event again. A missing
// permission, or a stream that is gone, is mended while the events wait.
func failsAgain(err error) bool {
	return retry.AboutCall(err) || errors.Is(err, errPanic) || errors.Is(err, sink.ErrTooLarge) || errors.Is(err, s3.ErrDocument)
}

// lose accounts for an event that is neither delivered nor a dead letter.
func (in *Invocation) lose(o *outbox, f sink.Failure) {
	in.counts.Failed++
	in.fail(o.inputs[f.Index], f.Err)
}

// Bury makes a dead letter of an input that cannot be read, and reports whether
// it is kept. It is for a function whose events are its answer.
func (in *Invocation) Bury(n int, data []byte, why error) bool {
	before := in.counts.DeadLetters
	in.bury(n, data, why)
	return in.counts.DeadLetters > before
}

// bury makes a dead letter of an input that cannot be read.
func (in *Invocation) bury(n int, data []byte, why error) {
	if in.function.box == nil {
		in.fail(n, why)
		return
	}
	letters := []deadletter.Letter{{Kind: deadletter.Payload, Reason: why.Error(), Data: data}}
	err := in.function.box.Put(in.ctx, in.signed(letters))
	for _, l := range in.countLetters(1, err) {
		in.fail(n, errors.Join(why, l.Err))
		return
	}
	in.function.log.ErrorContext(in.ctx, "payload not read, kept as a dead letter", "error", why, "payload_bytes", len(data))
}

// signed puts the invocation's id into letters.
func (in *Invocation) signed(letters []deadletter.Letter) []deadletter.Letter {
	if c, ok := lambdacontext.FromContext(in.ctx); ok {
		for i := range letters {
			letters[i].RequestID = c.AwsRequestID
		}
	}
	return letters
}

// countLetters counts the dead letters that were put, and returns those that
// are lost.
func (in *Invocation) countLetters(n int, err error) []sink.Failure {
	var lost []sink.Failure
	if err != nil {
		var failed *sink.PutError
		if !errors.As(err, &failed) {
			failed = sink.FailFrom(0, n, err)
		}
		lost = failed.Failures
	}
	in.counts.DeadLetters += n - len(lost)
	in.counts.DeadLettersLost += len(lost)
	return lost
}

// maxErrs is how many causes a failed invocation names: of one failure they are
// mostly the same.
const maxErrs = 3

// End logs and measures the invocation and gives its worker back. The error is
// that of what was lost, and nil if all was delivered or kept as dead letters.
func (in *Invocation) End() error {
	f := in.function
	defer f.giveBack(in.worker)
	if in.counts.Refused > 0 && in.counts.Lines == 0 && len(in.errs) == 0 && !f.tellOfRefusal(in.start) {
		return nil // what is logged of the own log group is a payload of it
	}
	f.takeStats(&in.counts)
	in.counts.SetGeo(f.pipeline.Databases(), time.Now())
	took := time.Since(in.start)
	f.metrics.write(&in.counts, in.start, took)
	attrs := []any{
		"payload_bytes", in.bytes,
		"counts", slog.AnyValue(&in.counts),
		"milliseconds", took.Milliseconds(),
	}
	if len(in.errs) == 0 {
		f.log.InfoContext(in.ctx, "delivered", attrs...)
		return nil
	}
	err := errors.Join(in.errs[:min(len(in.errs), maxErrs)]...)
	if more := len(in.errs) - maxErrs; more > 0 {
		err = fmt.Errorf("%w\nand %d more", err, more)
	}
	f.log.ErrorContext(in.ctx, "not delivered", append(attrs, "error", err)...)
	return fmt.Errorf("deliver: %w", err)
}

// takeStats takes over what the sinks counted since the last invocation.
func (f *Function) takeStats(c *Counts) {
	for _, s := range f.sinks() {
		if m, ok := s.(sink.Metered); ok {
			c.Sink = c.Sink.Add(m.TakeStats())
		}
	}
}

// Note keeps an error for the log, for a function whose answer accounts for it.
func (in *Invocation) Note(err error) {
	in.counts.Failed++
	in.errs = append(in.errs, err)
}
