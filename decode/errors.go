package decode

import (
	"errors"
	"fmt"
)

// ErrTooLarge is the cause of an error about input that is larger than
// Options.MaxPayload, before or after decompression.
var ErrTooLarge = errors.New("larger than allowed")

// errCutOff is the cause of an error about a document that ends too early.
var errCutOff = errors.New("the document is cut off")

// A Stage is the step of decoding that failed.
type Stage string

// The stages, in the order in which a Lambda event passes them.
const (
	// StageForm: the input has none of the forms of a payload.
	StageForm Stage = "form"
	// StageBase64: the text is not base64.
	StageBase64 Stage = "base64"
	// StageGzip: the bytes are not gzip, or they are cut short, or the checksum is
	// wrong.
	StageGzip Stage = "gzip"
	// StageSize: the payload is too large; the cause is ErrTooLarge.
	StageSize Stage = "size"
	// StageJSON: the text is not JSON, or not JSON of a payload.
	StageJSON Stage = "json"
	// StageType: the messageType is unknown, or both messageType and
	// logEvents are absent.
	StageType Stage = "type"
)

// A PayloadError says why a payload could not be decoded. It holds no text of the
// payload, so it is safe to log.
type PayloadError struct {
	Stage Stage
	// Offset is close to the fault, in bytes from the start of the stage's input:
	// the base64 text, the compressed bytes or the JSON.
	Offset int64
	// Err is the cause.
	Err error
}

// Error returns stage, place and cause in one line.
func (e *PayloadError) Error() string {
	return fmt.Sprintf("payload: %s at byte %d: %v", e.Stage, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *PayloadError) Unwrap() error { return e.Err }

// A ReadError says where reading a file or stream failed. It holds no text of the
// input, so it is safe to log.
type ReadError struct {
	// Name is Options.Name in the form of Origin.Source.
	Name string
	// Offset is the start of the line or payload that could not be read, in bytes
	// from the start of the decompressed stream.
	Offset int64
	// Err is the cause: a *PayloadError, or the error of the underlying reader or
	// decompressor.
	Err error
}

// Error returns name, place and cause in one line.
func (e *ReadError) Error() string {
	if _, ok := errors.AsType[*UnreadableError](e.Err); ok {
		return fmt.Sprintf("%s: %v", e.Name, e.Err)
	}
	if lost, ok := errors.AsType[*LostError](e.Err); ok {
		return lost.Error()
	}
	return fmt.Sprintf("read %s at byte %d: %v", e.Name, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *ReadError) Unwrap() error { return e.Err }
