package firehose

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"clearhop/sink"
)

// What the errors of a [sink.PutError] wrap.
var (
	// ErrTooLarge says that a document is longer than MaxRecordBytes.
	ErrTooLarge = errors.New("document too large for a firehose record")

	// ErrOutOfTime says that the context's deadline, less the reserve, came
	// before the service's confirmation.
	ErrOutOfTime = errors.New("out of time")

	// ErrAttempts says that the call was made Config.MaxAttempts times.
	ErrAttempts = errors.New("attempts used up")

	// ErrUnconfirmed says that the service answered, and that the answer does
	// not tell whether the record was taken.
	ErrUnconfirmed = errors.New("record not confirmed")
)

// A RecordError is what the service answered for one record of a call that
// passed as a whole.
type RecordError struct {
	// Code is ServiceUnavailableException, which asks to slow down, or
	// InternalFailure.
	Code string
}

// Error gives the code. The service's own message is left out: whatever it
// quotes stays out of our logs.
func (e *RecordError) Error() string { return "record refused: " + e.Code }

// tooLarge lists the documents that no record can hold.
func tooLarge(docs []sink.Document) []sink.Failure {
	var failures []sink.Failure
	for i := range docs {
		if n := len(docs[i].Data); n > MaxRecordBytes {
			err := fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, n, MaxRecordBytes)
			failures = append(failures, sink.Failure{Index: i, Err: err})
		}
	}
	return failures
}

// outOfTime names the end of ctx: the caller's cancellation, or the deadline.
func outOfTime(ctx context.Context) error {
	if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return ErrOutOfTime
}

// codeUnavailable is the code of a stream's throughput limit, of a whole call as
// of a record.
const codeUnavailable = "ServiceUnavailableException"

// throttled reports whether the service asks to slow down.
func throttled(err error) bool {
	code, status := answer(err)
	if _, ok := retry.DefaultThrottleErrorCodes[code]; ok || code == codeUnavailable {
		return true
	}
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
}

// final reports whether to send the same again is in vain: only if the service
// says that the request itself is wrong. Anything unknown, from a broken
// connection to an answer that cannot be read, is worth the bounded number of
// further attempts, for the alternative is loss.
func final(err error) bool {
	if err == nil || throttled(err) {
		return false
	}
	var invalid smithy.InvalidParamsError
	if errors.As(err, &invalid) {
		return true
	}
	code, status := answer(err)
	if _, ok := retry.DefaultRetryableErrorCodes[code]; ok || status == http.StatusRequestTimeout {
		return false
	}
	if status != 0 {
		return 400 <= status && status < 500
	}
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorFault() == smithy.FaultClient
}

// aboutCall reports whether a final error is about what the call held, so that
// the next call may pass, rather than about the stream or the caller's rights.
func aboutCall(err error) bool {
	code, status := answer(err)
	return code == "InvalidArgumentException" || code == "ValidationException" ||
		status == http.StatusRequestEntityTooLarge
}

// answer returns the code and the HTTP status of the service's answer, empty and
// 0 if err is not one.
func answer(err error) (code string, status int) {
	var api smithy.APIError
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	var response interface{ HTTPStatusCode() int }
	if errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	return code, status
}
