package sink

import "errors"

// What the errors of a [PutError] wrap, whatever the sink.
var (
	// ErrClosed is returned by a Put after Close.
	ErrClosed = errors.New("sink is closed")

	// ErrTooLarge says that a document is longer than the sink takes and could
	// not be shortened.
	ErrTooLarge = errors.New("document too large")

	// ErrUnconfirmed says that the service answered, and that the answer does
	// not tell whether the record was taken.
	ErrUnconfirmed = errors.New("record not confirmed")
)

// A RecordError is what a service answered for one record of a call that passed
// as a whole.
type RecordError struct {
	// Code is the service's, such as ServiceUnavailableException.
	Code string
}

// Error gives the code. The service's own message is left out: whatever it
// quotes stays out of our logs.
func (e *RecordError) Error() string { return "record refused: " + e.Code }
