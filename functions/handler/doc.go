// Package handler holds what the functions that read logs answer to Lambda: one handler for
// each source of invocations.
//
// In go the events that Lambda sends; out come the events of lines, in the sinks of the
// function or in the answer, and which inputs are to be sent again:
//
//	f, err := delivery.OpenShipper(ctx, delivery.Shape{Name: "stream", Resends: true}, os.Environ(), os.Stdout, os.Stderr)
//	lambda.Start(handler.NewStream(f).Handle)
//
// The commands subscriber, stream and transform are these handlers with their start. They
// are a package of their own so that the simulation of internal/chaos runs them too.
//
// Handlers are safe for concurrent use.
package handler
