package delivery

import (
	"context"
	"errors"

	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/sink"
)

// A Courier takes lines through the pipeline and their events into a sink. It
// belongs to one invocation at a time and is used again for the next.
type Courier struct {
	worker *pipeline.Worker
	sink   sink.Sink

	data []byte // the events gathered
	ends []int  // where each of them ends
	ids  []byte
	idAt []int
	docs []sink.Document
}

// NewCourier returns a Courier from p to s.
func NewCourier(p *pipeline.Pipeline, s sink.Sink) *Courier {
	return &Courier{worker: p.NewWorker(), sink: s}
}

// maxGathered is how many bytes of events are gathered before they are put:
// with it a payload of any size takes bounded memory. It is near what one call
// to Firehose takes.
const maxGathered = 4 << 20

// maxKept bounds what is kept from invocation to invocation.
const maxKept = 8 << 20

// Deliver makes an event of each line and puts them into the sink. The error
// is the sink's. All lines are tried: those that were not delivered are counted.
func (c *Courier) Deliver(ctx context.Context, lines []record.Line, n *Counts) error {
	c.reset()
	var errs []error
	gather := func(out *pipeline.Outcome) error {
		n.add(out)
		c.data = append(c.data, out.Data...)
		c.ends = append(c.ends, len(c.data))
		c.ids = append(c.ids, out.ID...)
		c.idAt = append(c.idAt, len(c.ids))
		if len(c.data) >= maxGathered {
			errs = append(errs, c.put(ctx, n)) // the other lines are tried all the same
		}
		return nil
	}
	if _, err := c.worker.ProcessBatch(lines, true, gather); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, c.put(ctx, n))
	if cap(c.data) > maxKept {
		c.data = nil
	}
	return errors.Join(errs...)
}

func (c *Courier) reset() {
	c.data, c.ends, c.ids, c.idAt = c.data[:0], c.ends[:0], c.ids[:0], c.idAt[:0]
}

func (c *Courier) put(ctx context.Context, n *Counts) error {
	c.docs = c.docs[:0]
	data, id := 0, 0
	for i, end := range c.ends {
		c.docs = append(c.docs, sink.Document{ID: c.ids[id:c.idAt[i]], Data: c.data[data:end]})
		data, id = end, c.idAt[i]
	}
	c.reset()
	err := c.sink.Put(ctx, c.docs)
	var failed *sink.PutError
	switch {
	case err == nil:
		n.Delivered += len(c.docs)
	case errors.As(err, &failed):
		n.Delivered += len(c.docs) - len(failed.Failures)
		n.Failed += len(failed.Failures)
	default:
		n.Failed += len(c.docs)
	}
	return err
}
