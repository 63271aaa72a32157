package delivery

import (
	"errors"

	"clearhop/sink"
)

// A Receipt says what became of the events of one Put, or of one payload that
// could not be read. Delivered, DeadLetters and the length of Lost add up to the
// number of events.
type Receipt struct {
	// Delivered is how many events the sink took.
	Delivered int

	// DeadLetters is how many events are kept as dead letters.
	DeadLetters int

	// Lost lists the other events, in their order. Index is an event's index in
	// the Put, and Err says why it was lost; it holds nothing of the event.
	Lost []sink.Failure

	// DeadLettersLost is how many of Lost should have been kept as dead letters
	// and could not be.
	DeadLettersLost int
}

// failuresOf returns which of n documents a Put with the error err did not
// deliver, in their order.
//
// A sink whose PutError breaks the contract, with an index that is out of range
// or listed twice, is not believed: then all documents count as failed, because
// an event that comes twice is better than one that is lost.
func failuresOf(err error, n int) []sink.Failure {
	if err == nil {
		return nil
	}
	var failed *sink.PutError
	if !errors.As(err, &failed) {
		return sink.FailFrom(0, n, err).Failures
	}
	last := -1
	for _, f := range failed.Failures {
		if f.Index <= last || f.Index >= n {
			return sink.FailFrom(0, n, err).Failures
		}
		last = f.Index
	}
	return failed.Failures
}
