package main

import (
	"context"

	"clearhop/functions/delivery"

	"github.com/aws/aws-lambda-go/events"
)

// A handler answers invocations. It is safe for concurrent use.
type handler struct{ f *delivery.Function }

// handle takes the records in their order, and reports the first one of which
// not all was delivered: Lambda sends it and all behind it again. The event
// source must report batch item failures.
//
// Only what would fail again becomes a dead letter; the stream keeps the rest.
// When time runs out, the records that were not taken yet are handed back.
func (h handler) handle(ctx context.Context, event events.KinesisEvent) (events.KinesisEventResponse, error) {
	in := h.f.Begin(ctx)
	in.HandBack = true
	for i := range event.Records {
		if in.Stopped() {
			break
		}
		if i > 0 && !in.HasTime() {
			in.Postpone(i)
			break
		}
		in.Payload(i, event.Records[i].Kinesis.Data)
	}
	in.Flush()
	var answer events.KinesisEventResponse
	if n, failed := in.Failed(); failed {
		answer.BatchItemFailures = []events.KinesisBatchItemFailure{{ItemIdentifier: event.Records[n].Kinesis.SequenceNumber}}
	}
	_ = in.End() // it is logged; the answer says where to go on
	return answer, nil
}
