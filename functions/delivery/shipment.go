package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"

	"clearhop/decode"
	"clearhop/delivery"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/sink"
	"clearhop/sink/retry"
)

// A Shipper is a function that puts events into sinks.
type Shipper struct{ *function }

// OpenShipper makes a Shipper by its environment: it opens the databases and the
// sinks. Its error names everything that is wrong. Logs and metrics go to log; the
// events go to stdout if the settings say so.
func OpenShipper(ctx context.Context, shape Shape, environ []string, stdout, log io.Writer) (*Shipper, error) {
	var to delivery.Settings
	c, errRead := read(ctx, shape, environ, log, &to)
	f, err := NewShipper(c, func(o delivery.Options) (*delivery.Outlets, error) {
		o.Stdout = stdout
		outlets, err := delivery.Open(ctx, to, o)
		return outlets, errors.Join(errRead, err)
	})
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	refresh(ctx, f.pipeline, f.log)
	return f, nil
}

// NewShipper makes a Shipper. open opens its outlets with the options that it is
// given; the Shipper closes them. The error names everything that is wrong.
func NewShipper(c Config, open func(delivery.Options) (*delivery.Outlets, error)) (*Shipper, error) {
	p, errPipeline := pipeline.New(c.Pipeline)
	outlets, errOutlets := open(c.options(p))
	if err := errors.Join(errOutlets, errPipeline, checkRoutes(p, outlets)); err != nil {
		return nil, closeFailed(err, p, outlets)
	}
	f := newFunction(c, p)
	f.to, f.outlets, f.letters = outlets, outlets.All(), outlets.Letters()
	f.idle <- f.newWorker()
	return &Shipper{f}, nil
}

// checkRoutes compares the routes of the rules with those that lead somewhere. It
// has nothing to compare where p or outlets could not be opened.
func checkRoutes(p *pipeline.Pipeline, outlets *delivery.Outlets) error {
	if p == nil || outlets == nil {
		return nil
	}
	return matchRoutes(p.Routes(), outlets.Routes())
}

// A Shipment is one invocation of a Shipper: it delivers the events of payloads.
type Shipment struct {
	in     invocation
	taken  int // payloads
	failed int // the first payload of which not all was delivered; -1 if there is none
}

// An outbox holds the events that wait for their outlet.
type outbox struct {
	outlet *delivery.Outlet
	docs   sink.Batch
	inputs []int // of each of docs: the number of its payload
}

func (o *outbox) reset() {
	o.docs.Reset()
	o.inputs = o.inputs[:0]
}

// Begin starts an invocation. The caller must call End.
func (f *Shipper) Begin(ctx context.Context) *Shipment {
	return &Shipment{in: f.begin(ctx), failed: -1}
}

// Take takes the next payload of CloudWatch Logs. Payloads have numbers from 0 on.
// Its events may wait until End. A payload that cannot be read becomes a dead
// letter, where there is a place for them, and fails otherwise.
//
// Take returns false if it did not take the payload, and then no other is to be
// given to it: the invocation has no time for another one, or a payload failed and
// its source sends all payloads from that one on again.
func (s *Shipment) Take(data []byte) bool { return s.takeNext(&Record{Data: data}, false) }

// TakeRecord is Take for a record of a stream. If it holds no payload but text, it is
// read line by line.
func (s *Shipment) TakeRecord(r *Record) bool { return s.takeNext(r, r.IsText()) }

func (s *Shipment) takeNext(r *Record, isText bool) bool {
	n := s.taken
	switch {
	case s.in.function.resends && s.failed >= 0:
		return false
	case n > 0 && s.in.TimeLeft() <= letterReserve:
		s.fail(n, retry.ErrOutOfTime)
		return false
	}
	s.taken++
	s.take(n, r, isText)
	return true
}

// take gathers the events of payload n.
func (s *Shipment) take(n int, from *Record, isText bool) {
	in, data := &s.in, from.Data
	defer func() {
		if r := recover(); r != nil {
			err := delivery.ReportPanic(in.ctx, in.function.log, r)
			in.decoder, in.lines = decode.NewDecoder(decode.Options{}), in.function.pipeline.NewWorker()
			s.keep(n, data, err)
		}
	}()
	payloads, err := in.Decode(data)
	switch {
	case err != nil && isText:
		lines := from.Lines()
		s.endEarly(n, data, s.gather(n, lines), len(lines))
	case err != nil:
		in.counts.PayloadsUnread++
		s.keep(n, data, err)
	}
	done, all := 0, 0
	for _, p := range payloads {
		if all += len(p.Lines); done+len(p.Lines) == all {
			done += s.gather(n, p.Lines)
		}
	}
	s.endEarly(n, data, done, all)
}

// endEarly says what becomes of payload n if there was time for done of its lines only.
//
// A stream sends it again, and then it is the first of an invocation. If it was the first
// one already, more time will not come: it becomes a dead letter as a whole, and its first
// lines are delivered twice when that is sent again, with the same ids. With something
// hidden, a dead letter cannot hold it: it fails, and its source sends it again.
func (s *Shipment) endEarly(n int, data []byte, done, all int) {
	if done == all {
		return
	}
	err := fmt.Errorf("%w for a payload: %d of its %d lines were processed", retry.ErrOutOfTime, done, all)
	if s.in.function.resends && n > 0 || s.in.function.pipeline.Private() {
		s.fail(n, err)
		return
	}
	s.keep(n, data, err)
}

// gather gathers the events of lines of payload n. It returns for how many of them there
// was time.
func (s *Shipment) gather(n int, lines []record.Line) (done int) {
	return s.in.Process(lines, func(out *pipeline.Outcome) {
		if out.Dropped {
			return
		}
		o := s.outboxOf(out.Route)
		o.docs.Add(out.ID, out.Data)
		o.inputs = append(o.inputs, n)
		if o.docs.Size() >= maxGathered {
			s.put(o)
		}
	})
}

// maxGathered is how many bytes of events wait before they are put, so that
// payloads of any size take bounded memory. It is about what one call to Firehose
// takes.
const maxGathered = 4 << 20

// outboxOf returns where the events of a route wait.
func (s *Shipment) outboxOf(route string) *outbox {
	outboxes := s.in.outboxes
	for i := range outboxes {
		if outboxes[i].outlet.Route() == route {
			return &outboxes[i]
		}
	}
	panic("delivery: there is no route " + route) // NewShipper has checked them all
}

// put delivers what waits in an outbox.
func (s *Shipment) put(o *outbox) {
	r := o.outlet.Put(s.in.ctx, o.docs.Documents())
	s.in.counts.addEvents(&r)
	for _, lost := range r.Lost {
		s.fail(o.inputs[lost.Index], lost.Err)
	}
	o.reset()
}

// keep makes a dead letter of payload n. The payload fails if it cannot be kept.
func (s *Shipment) keep(n int, data []byte, why error) {
	if err := s.in.keepPayload(data, why); err != nil {
		s.fail(n, err)
	}
}

// fail says that not all of payload n was delivered.
func (s *Shipment) fail(n int, err error) {
	if s.failed < 0 || n < s.failed {
		s.failed = n
	}
	s.in.errs = append(s.in.errs, err)
}

// End delivers the events that wait, and logs and measures the invocation. An
// error says that something was lost; first is then the number of the first
// payload that must be sent again.
func (s *Shipment) End() (first int, err error) {
	for i := range s.in.outboxes {
		s.put(&s.in.outboxes[i])
	}
	return s.failed, s.in.end()
}
