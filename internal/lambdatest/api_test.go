package lambdatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A rawWorker speaks the API itself, so that it can break its rules.
type rawWorker struct {
	t   *testing.T
	in  *instance
	url string
}

func newRawWorker(t *testing.T, c Config) *rawWorker {
	t.Helper()
	c.Binary = "bootstrap"
	c, err := c.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := newLogPipe(&logBuffer{})
	if err != nil {
		t.Fatal(err)
	}
	in := newInstance(c, pipe)
	server := httptest.NewServer(in.api())
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		pipe.close()
		// There is no process for a deadline to kill.
		in.mu.Lock()
		defer in.mu.Unlock()
		for _, inv := range in.running {
			inv.deadline.Stop()
		}
	})
	return &rawWorker{t: t, in: in, url: server.URL}
}

// do sends a request, "METHOD PATH", and returns status and body.
func (w *rawWorker) do(request, body string, headers ...string) (status int, answer string, header http.Header) {
	w.t.Helper()
	method, path, _ := strings.Cut(request, " ")
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, h := range headers {
		if name, value, ok := strings.Cut(h, ": "); ok {
			req.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(b)), resp.Header
}

// want sends a request and compares what comes back.
func (w *rawWorker) want(request, body string, status int, answer string, headers ...string) {
	w.t.Helper()
	gotStatus, got, _ := w.do(request, body, headers...)
	if gotStatus != status || got != answer {
		w.t.Errorf("%s %.60s\ngot  %d %s\nwant %d %s", request, body, gotStatus, got, status, answer)
	}
}

// work has the worker take an invocation.
func (w *rawWorker) work() *invocation {
	w.t.Helper()
	inv := &invocation{id: newUUID(), payload: []byte("{}"), timeout: time.Minute, over: make(chan struct{})}
	go func() {
		select {
		case w.in.work <- inv:
		case <-w.t.Context().Done():
		}
	}()
	status, body, header := w.do("GET /2018-06-01/runtime/invocation/next", "")
	if status != http.StatusOK || body != "{}" || header.Get("Lambda-Runtime-Aws-Request-Id") != inv.id {
		w.t.Fatalf("next: %d %s %v", status, body, header)
	}
	return inv
}

const (
	accepted  = `{"status":"OK"}`
	invalidID = `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`
)

func TestWrongRequestID(t *testing.T) {
	w := newRawWorker(t, Config{})
	w.want("POST /2018-06-01/runtime/invocation/no-such/response", "1", 400, invalidID)
	w.want("POST /2018-06-01/runtime/invocation/no-such/error", "{}", 400, invalidID)
	first := w.work()
	w.want("POST /2018-06-01/runtime/invocation/no-such/response", "1", 400, invalidID)
	w.want("POST /2018-06-01/runtime/invocation/"+first.id+"/response", "1", 202, accepted)
	w.work()
	w.want("POST /2018-06-01/runtime/invocation/"+first.id+"/response", "1", 400, invalidID)
}

func TestUnknownPath(t *testing.T) {
	w := newRawWorker(t, Config{})
	for request, want := range map[string]int{
		"GET /":                                    404,
		"GET /2018-06-01/runtime/invocation/":      404,
		"POST /2018-06-01/runtime/restore/next":    404,
		"POST /2018-06-01/runtime/invocation/next": 405,
		"GET /2018-06-01/runtime/init/error":       405,
	} {
		if status, _, _ := w.do(request, ""); status != want {
			t.Errorf("%s: %d, want %d", request, status, want)
		}
	}
}

func TestAnswerTwice(t *testing.T) {
	w := newRawWorker(t, Config{})
	inv := w.work()
	w.want("POST /2018-06-01/runtime/invocation/"+inv.id+"/response", `"first"`, 202, accepted)
	for _, kind := range []string{"response", "error"} {
		w.want("POST /2018-06-01/runtime/invocation/"+inv.id+"/"+kind, `"second"`, 403,
			`{"errorMessage":"the invocation has its answer already","errorType":"InvalidStateTransition"}`)
	}
	w.work()
	<-inv.over
	if string(inv.result.Payload) != `"first"` || inv.err != nil {
		t.Errorf("%s, %v", inv.result.Payload, inv.err)
	}
}

func TestNextBeforeTheAnswer(t *testing.T) {
	w := newRawWorker(t, Config{})
	w.work()
	w.want("GET /2018-06-01/runtime/invocation/next", "", 403,
		`{"errorMessage":"a worker asked for an invocation before it answered the last one","errorType":"InvalidStateTransition"}`)
}

func TestErrorBodies(t *testing.T) {
	w := newRawWorker(t, Config{})
	for _, test := range []struct {
		body, header string
		want         FunctionError
	}{
		{body: `{"errorType":"A","errorMessage":"b"}`, want: FunctionError{Type: "A", Message: "b"}},
		{body: `{"errorMessage":"b","stackTrace":["at line 1"]}`, header: "Lambda-Runtime-Function-Error-Type: Runtime.A", want: FunctionError{Type: "Runtime.A", Message: "b"}},
		{body: `it broke`, want: FunctionError{Type: "Unhandled", Message: "it broke"}},
		{body: ``, want: FunctionError{Type: "Unhandled"}},
	} {
		inv := w.work()
		w.want("POST /2018-06-01/runtime/invocation/"+inv.id+"/error", test.body, 202, accepted, test.header)
		w.in.mu.Lock()
		err, payload := inv.err, string(inv.result.Payload)
		w.in.mu.Unlock()
		got, ok := errors.AsType[*FunctionError](err)
		if !ok {
			t.Fatalf("%s: error %v", test.body, err)
		}
		if got.Type != test.want.Type || got.Message != test.want.Message || len(got.StackTrace) != 0 {
			t.Errorf("%s: %+v, want %+v", test.body, *got, test.want)
		}
		if payload != test.body {
			t.Errorf("%s: payload %s", test.body, payload)
		}
	}
}

func TestInitErrorAfterInit(t *testing.T) {
	w := newRawWorker(t, Config{})
	w.work()
	w.want("POST /2018-06-01/runtime/init/error", `{}`, 403,
		`{"errorMessage":"the initialization is over","errorType":"InvalidStateTransition"}`)
}

func TestExtensions(t *testing.T) {
	w := newRawWorker(t, Config{FunctionName: "forwarder"})
	const register = "POST /2020-01-01/extension/register"
	w.want(register, `{"events":[]}`, 403,
		`{"errorMessage":"Empty extension name","errorType":"Extension.InvalidExtensionName"}`)
	w.want(register, `{"events":["SHUTDOWN"]}`, 403,
		`{"errorMessage":"SHUTDOWN: lambdatest delivers no events","errorType":"Extension.InvalidEventType"}`,
		"Lambda-Extension-Name: x")
	for i := range 10 {
		w.want(register, `{"events":null}`, 200,
			`{"functionName":"forwarder","functionVersion":"$LATEST","handler":"bootstrap"}`,
			fmt.Sprintf("Lambda-Extension-Name: x%d", i))
	}
	w.want(register, `{"events":null}`, 403,
		`{"errorMessage":"Extension limit (10) reached","errorType":"Extension.TooManyExtensions"}`,
		"Lambda-Extension-Name: x10")
	w.work()
	w.want(register, `{"events":null}`, 403,
		`{"errorMessage":"Extension registration closed already","errorType":"Extension.RegistrationClosed"}`,
		"Lambda-Extension-Name: x")
	w.want("GET /2020-01-01/extension/event/next", "", 403,
		`{"errorMessage":"Missing Lambda-Extension-Identifier header","errorType":"Extension.MissingExtensionIdentifier"}`)
	w.want("GET /2020-01-01/extension/event/next", "", 403,
		`{"errorMessage":"Unknown extension x","errorType":"Extension.UnknownExtensionIdentifier"}`,
		"Lambda-Extension-Identifier: x")
}

// A poll that the worker has given up must not swallow an invocation for good.
func TestPollThatWasGivenUp(t *testing.T) {
	w := newRawWorker(t, Config{})
	ctx, giveUp := context.WithCancel(t.Context())
	giveUp()
	if !w.in.poll() {
		t.Fatal("the first poll is refused")
	}
	inv := &invocation{id: "id", over: make(chan struct{})}
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	if w.in.take(inv, request) {
		t.Error("a worker that is gone takes an invocation")
	}
	<-inv.over
	if !inv.returned {
		t.Error("the invocation is not returned")
	}
	w.work() // and the worker's place is free
}
