package handler

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"sync"

	"clearhop/delivery"
	"clearhop/sink"

	"github.com/aws/aws-lambda-go/events"
)

// A sender puts pieces back into the Firehose stream that invoked the function. If
// that stream reads from a Kinesis stream, it takes no puts, and the pieces go to
// the Kinesis stream. Sinks are opened when a record first needs them.
type sender struct {
	opener *delivery.Opener

	mu    sync.Mutex
	sinks map[delivery.Target]sink.Sink
}

// send yields what became of each piece: nil if the stream took it.
func (s *sender) send(ctx context.Context, event *events.KinesisFirehoseEvent, pieces []piece) iter.Seq2[int, error] {
	failed := map[int]error{}
	to, err := s.sinkOf(ctx, event)
	if err == nil {
		docs := make([]sink.Document, len(pieces))
		for i, p := range pieces {
			docs[i] = sink.Document{Data: p.data}
		}
		err = to.Put(ctx, docs)
	}
	var put *sink.PutError
	if errors.As(err, &put) {
		for _, f := range put.Failures {
			failed[f.Index] = f.Err
		}
		err = nil
	}
	return func(yield func(int, error) bool) {
		for i := range pieces {
			why := err
			if why == nil {
				why = failed[i]
			}
			if why != nil {
				why = fmt.Errorf("send back: %w", why)
			}
			if !yield(i, why) {
				return
			}
		}
	}
}

// limit returns how many bytes a record may have that goes back. If the sink cannot be
// opened, no record goes back, whatever its length is.
func (s *sender) limit(ctx context.Context, event *events.KinesisFirehoseEvent) int {
	to, err := s.sinkOf(ctx, event)
	if limited, ok := to.(sink.Limited); ok && err == nil {
		return limited.MaxDocument()
	}
	return math.MaxInt
}

// sinkOf returns the sink of the stream that an event came from.
func (s *sender) sinkOf(ctx context.Context, event *events.KinesisFirehoseEvent) (sink.Sink, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	target := streamOf(event)
	if to := s.sinks[target]; to != nil {
		return to, nil
	}
	to, err := s.opener.Open(ctx, target)
	if err != nil {
		return nil, err
	}
	if s.sinks == nil {
		s.sinks = map[delivery.Target]sink.Sink{}
	}
	s.sinks[target] = to
	return to, nil
}

// streamOf returns the stream that an event came from, as a target for payloads.
func streamOf(event *events.KinesisFirehoseEvent) delivery.Target {
	if arn := event.SourceKinesisStreamArn; arn != "" {
		return delivery.Target{Kind: delivery.Kinesis, Name: arn, Single: true}
	}
	_, name, _ := strings.Cut(event.DeliveryStreamArn, "/") // arn:…:deliverystream/NAME
	return delivery.Target{Kind: delivery.Firehose, Name: name, Single: true}
}
