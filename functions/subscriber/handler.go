package main

import (
	"context"

	"clearhop/functions/delivery"
)

// A handler answers invocations. It is safe for concurrent use.
type handler struct{ f *delivery.Function }

// answer is the function's result, which nobody reads: the invocation is
// asynchronous.
var answer = []byte("null")

// Invoke answers one invocation, whose payload is the subscription's event. It
// implements lambda.Handler, so that the payload is read once, by our decoder.
//
// An error makes Lambda invoke again; events that were delivered then come
// twice, with the same ids.
func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	in := h.f.Begin(ctx)
	in.Payload(0, payload)
	in.Flush()
	if err := in.End(); err != nil {
		return nil, err
	}
	return answer, nil
}
