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
	docs   sink.Batch
}

// NewCourier returns a Courier from p to s.
func NewCourier(p *pipeline.Pipeline, s sink.Sink) *Courier {
	return &Courier{worker: p.NewWorker(), sink: s}
}

// maxGathered is how many bytes of events are gathered before they are put:
// with it a payload of any size takes bounded memory. It is near what one call
// to Firehose takes.
const maxGathered = 4 << 20

// Deliver makes an event of each line and puts them into the sink, but for those
// that a rule drops. The error
// is the sink's. All lines are tried: those that were not delivered are counted.
func (c *Courier) Deliver(ctx context.Context, lines []record.Line, n *Counts) error {
	c.docs.Reset() // of an invocation that panicked
	var errs []error
	gather := func(out *pipeline.Outcome) error {
		n.add(out)
		if out.Dropped {
			return nil
		}
		c.docs.Add(out.ID, out.Data)
		if c.docs.Size() >= maxGathered {
			errs = append(errs, c.put(ctx, n)) // the other lines are tried all the same
		}
		return nil
	}
	if _, err := c.worker.ProcessBatch(lines, true, gather); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, c.put(ctx, n))
	return errors.Join(errs...)
}

func (c *Courier) put(ctx context.Context, n *Counts) error {
	defer c.docs.Reset()
	docs := c.docs.Documents()
	err := c.sink.Put(ctx, docs)
	var failed *sink.PutError
	switch {
	case err == nil:
		n.Delivered += len(docs)
	case errors.As(err, &failed):
		n.Delivered += len(docs) - len(failed.Failures)
		n.Failed += len(failed.Failures)
	default:
		n.Failed += len(docs)
	}
	return err
}
