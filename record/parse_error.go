package record

import (
	"errors"
	"strconv"
)

// ErrNoMatch is the cause of every ParseError: the line is not what the format
// says.
var ErrNoMatch = errors.New("line does not match the log_format")

// A ParseError says where a line left its format. It never holds text of the
// line, so it can be logged.
type ParseError struct {
	// Format is the name of the format that got furthest.
	Format string
	// Variable is the nginx variable that could not be read, without its "$";
	// empty when fixed text was missing.
	Variable string
	// Column is the byte column in the line, counted from 1.
	Column int
	// Reason says what was expected there.
	Reason string
}

// Error gives the place and the reason in one line.
func (e *ParseError) Error() string {
	s := "column " + strconv.Itoa(e.Column) + ": "
	if e.Variable != "" {
		s += "$" + e.Variable + ": "
	}
	s += e.Reason
	if e.Format != "" {
		s += " (log_format " + e.Format + ")"
	}
	return s
}

// Unwrap returns ErrNoMatch.
func (e *ParseError) Unwrap() error { return ErrNoMatch }
