package lambdatest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// api serves the Runtime API, version 2018-06-01, and of the Extensions API,
// version 2020-01-01, what asking for SIGTERM needs.
func (in *instance) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", in.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", in.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", in.invocationError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", in.reportInitError)
	mux.HandleFunc("POST /2020-01-01/extension/register", in.registerExtension)
	mux.HandleFunc("GET /2020-01-01/extension/event/next", in.extensionEvent)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in.mu.Lock()
		if in.isGone {
			in.mu.Unlock()
			return
		}
		in.handlers.Add(1)
		in.mu.Unlock()
		defer in.handlers.Done()
		mux.ServeHTTP(w, r)
	})
}

// next hands a worker its next invocation, and takes its asking as the end of
// the one before.
func (in *instance) next(w http.ResponseWriter, r *http.Request) {
	if !in.poll() {
		refuse(w, http.StatusForbidden, "InvalidStateTransition",
			"a worker asked for an invocation before it answered the last one")
		return
	}
	var inv *invocation
	select {
	case inv = <-in.work:
	case <-in.stopping:
		in.unpoll()
		<-r.Context().Done() // a dying process is not to see an answer and go on
		return
	case <-r.Context().Done():
		in.unpoll()
		return
	}
	if !in.take(inv, r) {
		<-r.Context().Done()
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.result.Deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", in.config.arn())
	h.Set("Lambda-Runtime-Trace-Id", traceID(inv.started))
	_, _ = w.Write(inv.payload) // a worker that is gone shows as an exit
}

// poll counts a worker in. It says false when all workers are accounted for.
func (in *instance) poll() bool {
	in.logs.sync() // what the worker printed before it asked belongs to its last invocation
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.waiting+len(in.running)-len(in.answered) >= in.config.Concurrency {
		return false
	}
	in.waiting++
	if in.polls < in.config.Concurrency {
		// A worker's first poll ends no invocation.
		if in.polls++; in.polls == in.config.Concurrency {
			in.isReady = true
			in.readyAfter = time.Since(in.started)
			close(in.ready)
		}
		return true
	}
	if len(in.answered) == 0 {
		return true
	}
	// Which worker asks is not told. A worker whose handler panicked never asks
	// again, so of several invocations those without an error are over first.
	over := 0
	for i, inv := range in.answered {
		if !inv.isError {
			over = i
			break
		}
	}
	inv := in.answered[over]
	in.answered = append(in.answered[:over], in.answered[over+1:]...)
	in.finish(inv)
	return true
}

func (in *instance) unpoll() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.waiting--
}

// take starts an invocation for the worker of r. It says false when the worker
// will not get it: then Invoke has it back.
func (in *instance) take(inv *invocation, r *http.Request) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.waiting--
	if in.isStopped || r.Context().Err() != nil {
		inv.returned = true
		close(inv.over)
		return false
	}
	in.taken++
	inv.started = time.Now()
	inv.logsFrom = in.logs.to.position()
	inv.result.RequestID = inv.id
	// The header has milliseconds; Result is to say the same.
	inv.result.Deadline = inv.started.Add(inv.timeout).Truncate(time.Millisecond)
	inv.deadline = time.AfterFunc(inv.timeout, func() { in.expire(inv) })
	in.running[inv.id] = inv
	return true
}

func (in *instance) response(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxResponse+1))
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
		return
	case len(body) > MaxResponse:
		tooLarge := &FunctionError{
			Type:    "Function.ResponseSizeTooLarge",
			Message: fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", MaxResponse),
		}
		payload, _ := json.Marshal(refusal{tooLarge.Message, tooLarge.Type})
		if in.answer(w, r, payload, tooLarge) {
			// A client that is cut off in the middle of sending may miss the
			// status; a little more than the limit is read to spare it that.
			_, _ = io.CopyN(io.Discard, r.Body, MaxResponse)
			refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
				fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", MaxResponse))
		}
		return
	}
	// A body that the function streamed and that failed half way says so in
	// trailers, which are there once the body is read.
	var failed *FunctionError
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" {
		report, err := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
		if err != nil {
			report = nil
		}
		failed = parseFunctionError(report, kind)
		body = report
	}
	if in.answer(w, r, body, failed) {
		accept(w)
	}
}

func (in *instance) invocationError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxResponse))
	if err != nil {
		refuse(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
		return
	}
	if in.answer(w, r, body, parseFunctionError(body, r.Header.Get("Lambda-Runtime-Function-Error-Type"))) {
		accept(w)
	}
}

// answer records what a worker posted for an invocation. It says false, and
// has refused the request, when the invocation is not the worker's to answer.
func (in *instance) answer(w http.ResponseWriter, r *http.Request, payload []byte, failed *FunctionError) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	inv := in.running[r.PathValue("id")]
	switch {
	case inv == nil || inv.err != nil && inv.result.Payload == nil: // unknown, over, or expired
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return false
	case inv.result.Payload != nil:
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the invocation has its answer already")
		return false
	}
	if payload == nil {
		payload = []byte{}
	}
	inv.result.Payload = payload
	inv.result.Duration = time.Since(inv.started)
	if failed != nil {
		inv.isError = true
		inv.err = failed
	}
	in.answered = append(in.answered, inv)
	return true
}

func (in *instance) reportInitError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxResponse))
	if err != nil {
		refuse(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.polls > 0 || in.initReport != nil {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the initialization is over")
		return
	}
	in.initReport = parseFunctionError(body, r.Header.Get("Lambda-Runtime-Function-Error-Type"))
	close(in.initError)
	accept(w)
}

// maxExtensions is the service's limit.
const maxExtensions = 10

func (in *instance) registerExtension(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Lambda-Extension-Name") == "" {
		refuse(w, http.StatusForbidden, "Extension.InvalidExtensionName", "Empty extension name")
		return
	}
	var request struct {
		Events []string `json:"events"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&request); err != nil && !errors.Is(err, io.EOF) {
		refuse(w, http.StatusForbidden, "InvalidRequestFormat", err.Error())
		return
	}
	if len(request.Events) > 0 {
		refuse(w, http.StatusForbidden, "Extension.InvalidEventType",
			trim(request.Events[0])+": lambdatest delivers no events")
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.isReady:
		refuse(w, http.StatusForbidden, "Extension.RegistrationClosed", "Extension registration closed already")
		return
	case len(in.extensions) == maxExtensions:
		refuse(w, http.StatusForbidden, "Extension.TooManyExtensions", fmt.Sprintf("Extension limit (%d) reached", maxExtensions))
		return
	}
	id := newUUID()
	in.extensions[id] = true
	w.Header().Set("Lambda-Extension-Identifier", id)
	writeJSON(w, http.StatusOK, map[string]string{
		"functionName":    in.config.FunctionName,
		"functionVersion": "$LATEST",
		"handler":         "bootstrap",
	})
}

// extensionEvent never answers: the extensions here have registered for no
// event.
func (in *instance) extensionEvent(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("Lambda-Extension-Identifier")
	in.mu.Lock()
	known := in.extensions[id]
	in.mu.Unlock()
	switch {
	case id == "":
		refuse(w, http.StatusForbidden, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
	case !known:
		refuse(w, http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "Unknown extension "+trim(id))
	default:
		<-r.Context().Done()
	}
}

// A refusal is the body of the service's error responses.
type refusal struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	writeJSON(w, status, refusal{message, kind})
}

func accept(w http.ResponseWriter) {
	writeJSON(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that is gone needs no answer
}

// traceID is an X-Ray header that asks for no sampling.
func traceID(now time.Time) string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", uint32(now.Unix()), b[:12], b[12:])
}
