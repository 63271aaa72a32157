package retry

import (
	"errors"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

// Throttled reports whether the service throttled the call.
func Throttled(err error) bool {
	code, status := answer(err)
	return ThrottleCode(code) || status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
}

// ThrottleCode reports whether a code, of a whole call or of one record, says that
// the service throttles.
func ThrottleCode(code string) bool {
	if _, ok := retry.DefaultThrottleErrorCodes[code]; ok {
		return true
	}
	// ServiceUnavailableException is the throughput limit of a Firehose stream.
	// Each service has its own name for a key that is used too often.
	return code == "ServiceUnavailableException" || strings.Contains(code, "Throttl")
}

// Final reports whether the same call would fail again. It does so only if the
// service says that the request itself is wrong. After any other error, from a
// broken connection to an answer that cannot be read, the call is made again,
// because otherwise the documents would be lost.
func Final(err error) bool {
	if err == nil || Throttled(err) {
		return false
	}
	var invalid smithy.InvalidParamsError
	if errors.As(err, &invalid) {
		return true
	}
	code, status := answer(err)
	if _, ok := retry.DefaultRetryableErrorCodes[code]; ok || status == http.StatusRequestTimeout || status == http.StatusConflict {
		return false
	}
	if status != 0 {
		return 400 <= status && status < 500
	}
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorFault() == smithy.FaultClient
}

// aboutCall holds the codes of errors about what a call held.
var aboutCall = map[string]bool{
	"InvalidArgumentException":                   true, // Firehose, Kinesis
	"ValidationException":                        true,
	"InvalidMessageContents":                     true, // SQS, and those below
	"BatchRequestTooLong":                        true,
	"AWS.SimpleQueueService.BatchRequestTooLong": true,
	"InvalidParameterValue":                      true,
}

// AboutCall reports whether a final error is about what the call held. Then a call
// with other documents may pass. Other final errors are about the stream or the
// caller's permissions.
func AboutCall(err error) bool {
	code, status := answer(err)
	return aboutCall[code] || status == http.StatusRequestEntityTooLarge
}

// answer returns the code and the HTTP status of the service's answer. They are
// empty and 0 if err is not an answer of a service.
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
