package awstest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"syscall"
)

// Direct serves the requests of the SDK's clients by a handler, without a network: each
// call is answered in the goroutine that makes it, so that a test with a clock of its own
// is the same each time. It is an aws.HTTPClient.
type Direct struct{ Handler http.Handler }

// Do answers a request. A handler that panics with http.ErrAbortHandler has broken the
// connection off: before the answer if it wrote none, and else in its middle.
func (d Direct) Do(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	served := r.Clone(r.Context())
	if served.Body == nil {
		served.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	whole, err := serve(d.Handler, answer, served)
	if err != nil {
		return nil, err
	}
	if r.Context().Err() != nil {
		return nil, r.Context().Err() // the caller's time is over
	}
	response := answer.Result()
	response.Request = r
	if n, err := strconv.ParseInt(answer.Header().Get("Content-Length"), 10, 64); err == nil {
		response.ContentLength = n
	}
	if !whole {
		response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(answer.Body.Bytes()), broken{}))
	}
	return response, nil
}

// serve calls a handler. whole is false if it broke off in the middle of its answer; err
// says that it broke off before.
func serve(h http.Handler, answer *httptest.ResponseRecorder, r *http.Request) (whole bool, err error) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		if reason, ok := value.(error); !ok || !errors.Is(reason, http.ErrAbortHandler) {
			panic(value)
		}
		if answer.Body.Len() == 0 {
			err = syscall.ECONNRESET
		}
	}()
	h.ServeHTTP(answer, r)
	return true, nil
}

// broken is the end of a body whose connection is broken off.
type broken struct{}

// Read returns the error that net/http returns.
func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
