package decode

import (
	"errors"
	"fmt"
)

// ErrTooLarge is the cause of an error about input that is, or unpacks to,
// more than Options.MaxPayload allows.
var ErrTooLarge = errors.New("larger than allowed")

// A Stage is the step of decoding that failed.
type Stage string

// The stages, in the order in which a Lambda event passes them.
const (
	// StageForm: the input is none of the forms of a payload.
	StageForm Stage = "form"
	// StageBase64: the text is not base64.
	StageBase64 Stage = "base64"
	// StageGzip: not gzip, cut short, or its checksum is wrong.
	StageGzip Stage = "gzip"
	// StageSize: a bound was passed; the cause is ErrTooLarge.
	StageSize Stage = "size"
	// StageJSON: not JSON, or not of the shape of a payload.
	StageJSON Stage = "json"
	// StageType: a messageType that is not known.
	StageType Stage = "type"
)

// A PayloadError says why a payload gave no lines. It holds no text of the
// payload, so it can be logged.
type PayloadError struct {
	Stage Stage
	// Offset is near the fault, in bytes from the start of what the stage read:
	// the base64 text, the compressed bytes or the JSON.
	Offset int64
	// Err is the cause.
	Err error
}

// Error gives stage, place and cause in one line.
func (e *PayloadError) Error() string {
	return fmt.Sprintf("payload: %s at byte %d: %v", e.Stage, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *PayloadError) Unwrap() error { return e.Err }

// A ReadError says where the reading of a file or stream failed. It holds no
// text of the input, so it can be logged.
type ReadError struct {
	// Name is Options.Name in the form of Origin.Source.
	Name string
	// Offset is where the line or payload that could not be read starts, in
	// bytes from the start of the decompressed stream.
	Offset int64
	// Err is the cause: a *PayloadError, or what the underlying reader or
	// decompressor said.
	Err error
}

// Error gives name, place and cause in one line.
func (e *ReadError) Error() string {
	return fmt.Sprintf("read %s at byte %d: %v", e.Name, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *ReadError) Unwrap() error { return e.Err }
