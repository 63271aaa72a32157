package handler

import (
	"context"

	"clearhop/functions/delivery"
)

// A Subscriber answers invocations of a CloudWatch Logs subscription.
type Subscriber struct{ f *delivery.Shipper }

// NewSubscriber returns the handler of f.
func NewSubscriber(f *delivery.Shipper) Subscriber { return Subscriber{f} }

// answer is the function's result, which nobody reads: the invocation is
// asynchronous.
var answer = []byte("null")

// Invoke answers one invocation, whose payload is the subscription's event. It
// implements lambda.Handler, so that only our decoder reads the payload.
//
// With an error Lambda invokes the function again. Events that were delivered
// before arrive a second time then, with the same ids.
func (h Subscriber) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	s := h.f.Begin(ctx)
	s.Take(payload)
	if _, err := s.End(); err != nil {
		return nil, err
	}
	return answer, nil
}
