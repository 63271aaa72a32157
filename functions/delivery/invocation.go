package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"clearhop/decode"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/sink/retry"
)

// An invocation is what a Shipment and an Answer have in common: a worker, the
// clock, and what is counted and logged at the end.
type invocation struct {
	*worker
	function *function
	ctx      context.Context
	start    time.Time
	bytes    int     // of all inputs
	errs     []error // why something was not delivered

	reserve time.Duration // the time that is left when no more lines are processed
	looked  int           // lines since the clock was looked at
}

func (f *function) begin(ctx context.Context) invocation {
	refresh(ctx, f.pipeline, f.log)
	in := invocation{worker: f.borrow(), function: f, ctx: ctx, start: time.Now()}
	in.reserve = min(f.lineReserve(), in.TimeLeft()/4)
	return in
}

// lineReserve is the time that is left of an invocation when no more lines of a payload
// are processed: enough to keep the payload as a dead letter. A sink that is down gives
// up before that, and what it did not take must become dead letters first. Where the
// source sends again what is lost, dead letters take nothing of that kind, and so the
// sink must have time as well.
func (f *function) lineReserve() time.Duration {
	if f.resends || len(f.outlets) == 0 {
		return sinkReserve + 2*letterReserve
	}
	return 2 * letterReserve
}

// TimeLeft returns the time until the invocation must be over.
func (in *invocation) TimeLeft() time.Duration {
	deadline, ok := in.ctx.Deadline()
	if !ok {
		return math.MaxInt64
	}
	return time.Until(deadline)
}

// Decode reads a record with a payload of CloudWatch Logs, or with several of them;
// see decode.Decoder.DecodeAll. The lines of the function's own log group are left out;
// a control message has none. The payloads hold until the next Decode.
func (in *invocation) Decode(data []byte) ([]*decode.Payload, error) {
	in.bytes += len(data)
	in.counts.Payloads++
	payloads, err := in.decoder.DecodeAll(data)
	if err != nil {
		return nil, err
	}
	for _, p := range payloads {
		switch {
		case p.Type == decode.Control:
			in.counts.Control++
		case in.function.refuses(in.ctx, p.Origin):
			in.counts.Refused++
			p.Lines = nil
		}
	}
	return payloads, nil
}

// A Record is a record of a stream: its data, and what its lines are called where they
// bear no ids.
type Record struct {
	Data []byte
	// Source names the record for the ids of its lines. It is the same each time the
	// record comes.
	Source string
	// Arrived is when the stream took the record.
	Arrived time.Time
}

// IsText reports whether a record that is no payload is to be read line by line: if it
// is not compressed.
func (r *Record) IsText() bool { return !bytes.HasPrefix(r.Data, []byte{0x1f, 0x8b}) }

// Lines splits the record's text. Its lines have ids by the record and their place in
// it, and its time of arrival.
func (r *Record) Lines() []record.Line {
	var lines []record.Line
	origin := &record.Origin{Source: r.Source}
	offset := 0
	arrived := r.Arrived.UnixMilli()
	for text := range bytes.Lines(r.Data) {
		trimmed := bytes.TrimRight(text, "\r\n")
		if len(trimmed) > 0 {
			lines = append(lines, record.Line{Text: trimmed, Offset: int64(offset), Origin: origin, Time: arrived, HasTime: arrived > 0})
		}
		offset += len(text)
	}
	return lines
}

// Process takes lines that belong together through the pipeline, counts what
// comes of them, and yields the outcome of each.
//
// It ends early if the time of the invocation does, and returns how many lines it
// yielded: all but for that. The first one that it did not yield begins a message.
func (in *invocation) Process(lines []record.Line, yield func(*pipeline.Outcome)) (done int) {
	// The only errors of ProcessBatch are those of its yield.
	_, _ = in.lines.ProcessBatch(lines, true, func(out *pipeline.Outcome) error {
		if done > 0 && out.Record.Continues == nil && !in.hasTime() {
			return retry.ErrOutOfTime
		}
		in.counts.lines.Add(out)
		yield(out)
		done++
		return nil
	})
	return done
}

// lookEvery is after how many lines the clock is looked at, so that it costs nothing.
const lookEvery = 64

// hasTime reports whether there is time for another line.
func (in *invocation) hasTime() bool {
	if in.looked++; in.looked < lookEvery {
		return true
	}
	if in.TimeLeft() > in.reserve {
		in.looked = 0
		return true
	}
	return false // and so for all lines from here on
}

// keepPayload makes a dead letter of an input that cannot be read. It returns nil
// if the input is kept.
func (in *invocation) keepPayload(data []byte, why error) error {
	r := in.function.letters.KeepPayload(in.ctx, data, why)
	in.counts.addLetters(&r)
	if len(r.Lost) > 0 {
		return r.Lost[0].Err
	}
	in.function.log.ErrorContext(in.ctx, "payload not read, kept as a dead letter", "error", why, "payload_bytes", len(data))
	return nil
}

// maxErrs is how many causes a failed invocation names: they are mostly the same.
const maxErrs = 3

// end logs and measures the invocation and gives its worker back. The error names
// why something was lost. It is nil if everything was delivered, or kept as dead
// letters.
func (in *invocation) end() error {
	f := in.function
	defer f.giveBack(in.worker)
	if in.counts.Refused > 0 && in.counts.lines.Lines == 0 && len(in.errs) == 0 && !f.reportRefusal(in.start) {
		return nil // a record in the function's own log group would be one more payload
	}
	in.counts.Sink = f.to.TakeStats()
	in.counts.geoAge(f.pipeline.Databases(), time.Now())
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
