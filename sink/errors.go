package sink

import "errors"

// These are the errors that a [PutError] of any sink may wrap.
var (
	// ErrClosed is returned by a Put after Close.
	ErrClosed = errors.New("sink is closed")

	// ErrTooLarge says that a document is too long for the sink and could not be
	// shortened.
	ErrTooLarge = errors.New("document too large")

	// ErrUnconfirmed says that the service answered, but its answer does not say
	// whether it took the record.
	ErrUnconfirmed = errors.New("record not confirmed")
)

// A RecordError is the service's answer for one record that failed in a call that
// did not fail as a whole.
type RecordError struct {
	// Code is the service's, such as ServiceUnavailableException.
	Code string
}

// Error gives the code. The service's own message is left out: whatever it
// quotes stays out of our logs.
func (e *RecordError) Error() string { return "record refused: " + e.Code }
