package retry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"clearhop/sink/retry"
)

// answer is an error as the SDK gives it.
func answer(status int, code string) error {
	return &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code},
	}
}

func TestClassification(t *testing.T) {
	f := func(err error, final, throttled, aboutCall bool) {
		t.Helper()
		if retry.Final(err) != final || retry.Throttled(err) != throttled || retry.AboutCall(err) != aboutCall {
			t.Errorf("%v: final %v, throttled %v, about the call %v", err, retry.Final(err), retry.Throttled(err), retry.AboutCall(err))
		}
	}
	f(nil, false, false, false)
	f(io.ErrUnexpectedEOF, false, false, false)
	f(context.DeadlineExceeded, false, false, false)
	f(answer(500, "InternalFailure"), false, false, false)
	f(answer(503, "SlowDown"), false, true, false)
	f(answer(429, ""), false, true, false)
	f(answer(400, "ThrottlingException"), false, true, false)
	f(answer(400, "KMSThrottlingException"), false, true, false)
	f(answer(400, "ProvisionedThroughputExceededException"), false, true, false)
	f(answer(400, "RequestTimeout"), false, false, false)
	f(answer(409, "OperationAborted"), false, false, false)
	f(answer(400, "AccessDeniedException"), true, false, false)
	f(answer(404, "NoSuchBucket"), true, false, false)
	f(answer(400, "ValidationException"), true, false, true)
	f(answer(413, ""), true, false, true)
	f(&smithy.GenericAPIError{Code: "X", Fault: smithy.FaultClient}, true, false, false)
	f(smithy.InvalidParamsError{}, true, false, false)
}

// TestDo: how often an attempt is made, and what is said of it.
func TestDo(t *testing.T) {
	no := errors.New("no")
	cases := []struct {
		name     string
		fails    int
		err      error
		attempts int
		reason   error
	}{
		{"at once", 0, nil, 1, nil},
		{"after some", 3, no, 4, nil},
		{"never", 100, no, 5, retry.ErrAttempts},
		{"in part, never", 100, nil, 5, retry.ErrAttempts},
		{"final", 100, answer(403, "AccessDenied"), 1, retry.ErrFinal},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, err := retry.Policy{MaxAttempts: 5}.Complete()
				if err != nil {
					t.Fatal(err)
				}
				var numbers []int
				reason := p.Do(t.Context(), func(ctx context.Context, n int) (bool, error) {
					if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) != p.AttemptTimeout {
						t.Errorf("attempt %d ends at %v", n, deadline)
					}
					numbers = append(numbers, n)
					return n >= c.fails, c.err
				})
				if reason != c.reason || !slices.Equal(numbers, []int{0, 1, 2, 3, 4}[:c.attempts]) {
					t.Errorf("attempts %v and reason %v, want %d and %v", numbers, reason, c.attempts, c.reason)
				}
			})
		})
	}
}

func TestDoWithADoneContext(t *testing.T) {
	p, err := retry.Policy{}.Complete()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if reason := p.Do(ctx, nil); reason != context.Canceled {
		t.Errorf("got %v", reason)
	}
}
