package handler

import (
	"context"

	"clearhop/functions/delivery"

	"github.com/aws/aws-lambda-go/events"
)

// A Stream answers invocations with records of a Kinesis stream.
type Stream struct{ f *delivery.Shipper }

// NewStream returns the handler of f, whose Shape says that payloads are sent again.
func NewStream(f *delivery.Shipper) Stream { return Stream{f} }

// Handle takes the records in their order, and reports the first one of which not
// all was delivered: Lambda sends that one and all after it again. The event
// source must be set to report batch item failures.
//
// A record is a payload of CloudWatch Logs, or several of them, or text that is read
// line by line.
//
// Only what would fail again becomes a dead letter; the stream keeps the rest.
// When time runs out, Handle reports the first record that it did not take.
func (h Stream) Handle(ctx context.Context, event events.KinesisEvent) (events.KinesisEventResponse, error) {
	s := h.f.Begin(ctx)
	for i := range event.Records {
		k := &event.Records[i].Kinesis
		if !s.TakeRecord(&delivery.Record{Data: k.Data, Source: "kinesis:" + event.Records[i].EventID, Arrived: k.ApproximateArrivalTimestamp.Time}) {
			break
		}
	}
	var answer events.KinesisEventResponse
	if first, err := s.End(); err != nil { // it is logged
		answer.BatchItemFailures = []events.KinesisBatchItemFailure{{ItemIdentifier: event.Records[first].Kinesis.SequenceNumber}}
	}
	return answer, nil
}
