package lambdatest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"clearhop/internal/lambdatest"

	"github.com/google/go-cmp/cmp"
)

// patience is a deadline that no test is meant to reach.
const patience = time.Minute

// program starts a program of testdata.
func program(t *testing.T, name string, c lambdatest.Config) *lambdatest.Function {
	t.Helper()
	c.Binary = bootstrap(t, name)
	return lambdatest.StartForTest(t, c)
}

func bootstrap(t *testing.T, name string) string {
	t.Helper()
	// go test keys its cached results on the files that a test opens, and does
	// not see what go build opens.
	if _, err := os.ReadFile(filepath.Join("testdata", name, "main.go")); err != nil {
		t.Fatal(err)
	}
	return lambdatest.Build(t, "./testdata/"+name)
}

func TestEcho(t *testing.T) {
	f := program(t, "echo", lambdatest.Config{})
	for _, payload := range []string{`{"a":1}`, `"text"`, `[]`, `null`} {
		res, err := f.Invoke(t.Context(), []byte(payload), patience)
		if err != nil {
			t.Fatal(err)
		}
		if string(res.Payload) != payload {
			t.Errorf("payload %s came back as %s", payload, res.Payload)
		}
	}
	if res, err := f.Invoke(t.Context(), nil, patience); err != nil || string(res.Payload) != "{}" {
		t.Errorf("no payload came back as %s, %v", res.Payload, err)
	}
	if f.Restarts() != 0 {
		t.Errorf("%d restarts without a fault", f.Restarts())
	}
	if f.ReadyAfter() <= 0 {
		t.Errorf("start-up of %v", f.ReadyAfter())
	}
}

func TestLargestPayload(t *testing.T) {
	f := program(t, "echo", lambdatest.Config{})
	largest := fmt.Appendf(nil, "%q", strings.Repeat("x", lambdatest.MaxPayload-2))
	res, err := f.Invoke(t.Context(), largest, patience)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(res.Payload, largest) {
		t.Errorf("%d bytes came back as %d others", len(largest), len(res.Payload))
	}
}

func TestRefusedPayload(t *testing.T) {
	f := program(t, "echo", lambdatest.Config{})
	for name, payload := range map[string]string{
		"not JSON":  "{",
		"too large": `"` + strings.Repeat("x", lambdatest.MaxPayload) + `"`,
	} {
		if _, err := f.Invoke(t.Context(), []byte(payload), patience); !errors.Is(err, lambdatest.ErrPayload) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := f.Invoke(t.Context(), nil, 0); err == nil {
		t.Error("a timeout of zero is accepted")
	}
}

func TestReturnedError(t *testing.T) {
	f := program(t, "faults", lambdatest.Config{})
	res, err := f.Invoke(t.Context(), []byte(`{"do":"error"}`), patience)
	fe, ok := errors.AsType[*lambdatest.FunctionError](err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	if diff := cmp.Diff(&lambdatest.FunctionError{Type: "tooHot", Message: "451 degrees"}, fe); diff != "" {
		t.Error(diff)
	}
	if want := "the function failed: tooHot: 451 degrees"; err.Error() != want {
		t.Errorf("text %q, want %q", err, want)
	}
	if want := `{"errorMessage":"451 degrees","errorType":"tooHot"}`; string(res.Payload) != want {
		t.Errorf("payload %s, want %s", res.Payload, want)
	}
	answersAgain(t, f, 0)
}

func TestPanic(t *testing.T) {
	f := program(t, "faults", lambdatest.Config{})
	_, err := f.Invoke(t.Context(), []byte(`{"do":"panic"}`), patience)
	fe, ok := errors.AsType[*lambdatest.FunctionError](err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	if fe.Type != "string" || fe.Message != "out of cheese" {
		t.Errorf("%s: %s", fe.Type, fe.Message)
	}
	if !slices.ContainsFunc(fe.StackTrace, func(frame lambdatest.Frame) bool {
		return frame.Label == "handle" && strings.HasSuffix(frame.Path, "main.go") && frame.Line > 0
	}) {
		t.Errorf("the handler is not in the stack trace %v", fe.StackTrace)
	}
	answersAgain(t, f, 1)
}

func TestExitDuringInvocation(t *testing.T) {
	f := program(t, "faults", lambdatest.Config{})
	res, err := f.Invoke(t.Context(), []byte(`{"do":"exit"}`), patience)
	ee, ok := errors.AsType[*lambdatest.ExitError](err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	want := &lambdatest.ExitError{
		RequestID: res.RequestID,
		Exit:      lambdatest.Exit{Code: 7, Status: "exit status 7"},
		Logs:      "going now\n",
	}
	if diff := cmp.Diff(want, ee); diff != "" {
		t.Error(diff)
	}
	text := "the function's process ended during request " + res.RequestID + `: exit status 7; its last line was "going now"`
	if err.Error() != text {
		t.Errorf("text %q, want %q", err, text)
	}
	answersAgain(t, f, 1)
}

func TestTimeout(t *testing.T) {
	f := program(t, "faults", lambdatest.Config{})
	before := f.Pid()
	res, err := f.Invoke(t.Context(), []byte(`{"do":"hang"}`), 300*time.Millisecond)
	if !errors.Is(err, lambdatest.ErrTimeout) {
		t.Fatalf("error %v", err)
	}
	if want := "request " + res.RequestID + ": task timed out after 0.30 seconds"; err.Error() != want {
		t.Errorf("text %q, want %q", err, want)
	}
	if res.Payload != nil {
		t.Errorf("payload %s", res.Payload)
	}
	assertGone(t, before)
	answersAgain(t, f, 1)
}

// answersAgain checks that f works, in the process that restarts call for.
func answersAgain(t *testing.T, f *lambdatest.Function, restarts int) {
	t.Helper()
	res, err := f.Invoke(t.Context(), nil, patience)
	if err != nil {
		t.Fatal(err)
	}
	if want := strconv.Itoa(f.Pid()); string(res.Payload) != want {
		t.Errorf("process %s answered, not %s", res.Payload, want)
	}
	if f.Restarts() != restarts {
		t.Errorf("%d restarts, want %d", f.Restarts(), restarts)
	}
}

func TestDeadlineReachesTheHandler(t *testing.T) {
	f := program(t, "faults", lambdatest.Config{})
	before := time.Now()
	res, err := f.Invoke(t.Context(), []byte(`{"do":"deadline"}`), patience)
	if err != nil {
		t.Fatal(err)
	}
	if want := strconv.FormatInt(res.Deadline.UnixMilli(), 10); string(res.Payload) != want {
		t.Errorf("the handler has the deadline %s, want %s", res.Payload, want)
	}
	if earliest := before.Add(patience).Truncate(time.Millisecond); res.Deadline.Before(earliest) {
		t.Errorf("deadline %v is before %v", res.Deadline, earliest)
	}
	if res.Duration <= 0 {
		t.Errorf("duration %v", res.Duration)
	}
}

func TestLogs(t *testing.T) {
	var copied bytes.Buffer
	f := program(t, "faults", lambdatest.Config{Logs: &copied})
	var all strings.Builder
	// 300 kB do not fit into a pipe: writing and reading must overlap.
	for _, size := range []int{1, 300_000, 2} {
		res, err := f.Invoke(t.Context(), fmt.Appendf(nil, `{"do":"log","size":%d}`, size), patience)
		if err != nil {
			t.Fatal(err)
		}
		want := "to standard output: " + strings.Repeat("o", size) + "\nto standard error\n"
		if res.Logs != want {
			t.Errorf("the logs of the invocation are %d bytes, want %d", len(res.Logs), len(want))
		}
		all.WriteString(want)
	}
	f.Shutdown(t.Context())
	if f.Logs() != all.String() || copied.String() != all.String() {
		t.Errorf("%d bytes kept, %d copied, want %d", len(f.Logs()), copied.Len(), all.Len())
	}
}

func TestLogsKeepTheNewest(t *testing.T) {
	f := program(t, "faults", lambdatest.Config{})
	const size = 10 << 20
	if _, err := f.Invoke(t.Context(), fmt.Appendf(nil, `{"do":"log","size":%d}`, size), patience); err != nil {
		t.Fatal(err)
	}
	logs := f.Logs()
	if len(logs) > 5<<20 {
		t.Errorf("%d bytes are kept", len(logs))
	}
	if !strings.HasSuffix(logs, "oo\nto standard error\n") {
		t.Errorf("the end is %q", logs[len(logs)-30:])
	}
	if first, _, _ := strings.Cut(logs, "\n"); !regexp.MustCompile(`^\[\d+ bytes are not kept\]$`).MatchString(first) {
		t.Errorf("the first line is %.60q", first)
	}
}

func TestResponseLimit(t *testing.T) {
	f := program(t, "faults", lambdatest.Config{})
	answer := func(size int) (lambdatest.Result, error) {
		return f.Invoke(t.Context(), fmt.Appendf(nil, `{"do":"answer","size":%d}`, size), patience)
	}
	res, err := answer(lambdatest.MaxResponse)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Payload) != lambdatest.MaxResponse {
		t.Errorf("a response of %d bytes came as %d", lambdatest.MaxResponse, len(res.Payload))
	}
	_, err = answer(lambdatest.MaxResponse + 1)
	fe, ok := errors.AsType[*lambdatest.FunctionError](err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	if diff := cmp.Diff(&lambdatest.FunctionError{
		Type:    "Function.ResponseSizeTooLarge",
		Message: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
	}, fe); diff != "" {
		t.Error(diff)
	}
	// aws-lambda-go takes the refusal as fatal.
	if !strings.Contains(f.Logs(), "unexpected status code: 413") {
		t.Errorf("the function was not told 413; it printed %q", f.Logs())
	}
	answersAgain(t, f, 1)
}

func TestResponseThatBreaksOff(t *testing.T) {
	f := program(t, "faults", lambdatest.Config{})
	_, err := f.Invoke(t.Context(), []byte(`{"do":"break off"}`), patience)
	fe, ok := errors.AsType[*lambdatest.FunctionError](err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	if fe.Type != "errorString" || fe.Message != "the source dried up" {
		t.Errorf("%s: %s", fe.Type, fe.Message)
	}
	answersAgain(t, f, 0)
}

func TestEnvironment(t *testing.T) {
	t.Setenv("CLEARHOP_OF_THE_CALLER", "1")
	f := program(t, "faults", lambdatest.Config{
		Env:          []string{"CLEARHOP_NLB=10.16.1.11", "AWS_ACCESS_KEY_ID=stand-in"},
		FunctionName: "forwarder",
		Region:       "eu-central-1",
		MemoryMB:     256,
		TaskRoot:     "testdata",
	})
	res, err := f.Invoke(t.Context(), []byte(`{"do":"environment"}`), patience)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := json.Unmarshal(res.Payload, &got); err != nil {
		t.Fatal(err)
	}
	varying := regexp.MustCompile(`^(AWS_LAMBDA_RUNTIME_API=127\.0\.0\.1:|AWS_LAMBDA_LOG_STREAM_NAME=\d{4}/\d\d/\d\d/\[\$LATEST\]|_X_AMZN_TRACE_ID=Root=1-).*`)
	for i := range got {
		got[i] = varying.ReplaceAllString(got[i], "$1…")
	}
	got = slices.DeleteFunc(got, func(v string) bool { return strings.HasPrefix(v, "PWD=") })
	slices.Sort(got)
	root, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"AWS_ACCESS_KEY_ID=stand-in",
		"AWS_DEFAULT_REGION=eu-central-1",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_FUNCTION_NAME=forwarder",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/forwarder",
		"AWS_LAMBDA_LOG_STREAM_NAME=0000/00/00/[$LATEST]…",
		"AWS_LAMBDA_RUNTIME_API=127.0.0.1:…",
		"AWS_REGION=eu-central-1",
		"AWS_SECRET_ACCESS_KEY=none",
		"AWS_SESSION_TOKEN=none",
		"CLEARHOP_NLB=10.16.1.11",
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"LAMBDA_TASK_ROOT=" + root,
		"LANG=en_US.UTF-8",
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"TZ=:UTC",
		"_HANDLER=bootstrap",
		"_X_AMZN_TRACE_ID=Root=1-…",
	}
	for i, v := range got {
		if strings.HasPrefix(v, "AWS_LAMBDA_LOG_STREAM_NAME=") {
			got[i] = regexp.MustCompile(`\d`).ReplaceAllString(v, "0")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLambdaContext(t *testing.T) {
	f := program(t, "faults", lambdatest.Config{FunctionName: "forwarder", LogGroup: "/edge"})
	res, err := f.Invoke(t.Context(), []byte(`{"do":"context"}`), patience)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(res.Payload, &got); err != nil {
		t.Fatal(err)
	}
	trace, _ := got["trace"].(string)
	if !regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`).MatchString(trace) {
		t.Errorf("trace ID %q", trace)
	}
	delete(got, "trace")
	want := map[string]any{
		"id":    res.RequestID,
		"arn":   "arn:aws:lambda:us-east-1:123456789012:function:forwarder",
		"group": "/edge",
		"mb":    128.0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestInitFailure(t *testing.T) {
	for _, test := range []struct {
		how     string
		timeout time.Duration // zero: the default, which none of these reaches
		want    lambdatest.InitError
	}{
		{how: "exit", want: lambdatest.InitError{
			Type:    "Runtime.ExitError",
			Message: "exit status 3 before it asked for work",
			Exit:    lambdatest.Exit{Code: 3, Status: "exit status 3"},
			Logs:    "starting, as exit\n",
		}},
		{how: "return", want: lambdatest.InitError{
			Type:    "Runtime.ExitError",
			Message: "exit status 0 before it asked for work",
			Exit:    lambdatest.Exit{Code: 0, Status: "exit status 0"},
			Logs:    "starting, as return\n",
		}},
		{how: "panic", want: lambdatest.InitError{
			Type:    "Runtime.ExitError",
			Message: "exit status 2 before it asked for work",
			Exit:    lambdatest.Exit{Code: 2, Status: "exit status 2"},
			Logs:    "starting, as panic\npanic: no configuration\n",
		}},
		{how: "report", want: lambdatest.InitError{
			Type:    "Config.Missing",
			Message: "CLEARHOP_NLB is not set",
			Exit:    lambdatest.Exit{Code: 1, Status: "exit status 1"},
			Logs:    "starting, as report\nreported: 202\n",
		}},
		{how: "hang", timeout: 300 * time.Millisecond, want: lambdatest.InitError{
			Type:    "Sandbox.Timedout",
			Message: "it did not ask for work within 300ms",
			Exit:    lambdatest.Exit{Code: -1, Status: "signal: killed", Killed: true},
			// On a busy machine it may not even have come to print.
		}},
	} {
		t.Run(test.how, func(t *testing.T) {
			_, err := lambdatest.Start(t.Context(), lambdatest.Config{
				Binary:        bootstrap(t, "badinit"),
				Env:           []string{"HOW=" + test.how},
				InitTimeout:   test.timeout,
				ShutdownGrace: patience,
			})
			got, ok := errors.AsType[*lambdatest.InitError](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			got.Logs, _, _ = strings.Cut(got.Logs, "\ngoroutine ")
			got.Logs = strings.TrimRight(got.Logs, "\n") + "\n"
			if test.want.Logs == "" {
				got.Logs = ""
			}
			if got.Type != test.want.Type || got.Message != test.want.Message || got.Exit != test.want.Exit || got.Logs != test.want.Logs {
				t.Errorf("got  %+v\nwant %+v", *got, test.want)
			}
		})
	}
}

func TestBinaryThatDoesNotStart(t *testing.T) {
	_, err := lambdatest.Start(t.Context(), lambdatest.Config{Binary: filepath.Join(t.TempDir(), "bootstrap")})
	if ie, ok := errors.AsType[*lambdatest.InitError](err); !ok || ie.Type != "Runtime.InvalidEntrypoint" {
		t.Errorf("error %v", err)
	}
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v does not say that there is no such file", err)
	}
}

func TestFewerWorkersThanConfigured(t *testing.T) {
	// badinit asks for no work at all: it stands for a function that does not
	// know of AWS_LAMBDA_MAX_CONCURRENCY.
	_, err := lambdatest.Start(t.Context(), lambdatest.Config{
		Binary: bootstrap(t, "badinit"), Env: []string{"HOW=hang"},
		Concurrency: 4, InitTimeout: 200 * time.Millisecond,
	})
	if ie, ok := errors.AsType[*lambdatest.InitError](err); !ok || ie.Message != "0 of 4 workers asked for work within 200ms" {
		t.Errorf("error %v", err)
	}
}

func TestBadConfig(t *testing.T) {
	_, err := lambdatest.Start(t.Context(), lambdatest.Config{
		Env: []string{
			"NOVALUE", "AWS_REGION=x", "AWS_LAMBDA_FUNCTION_NAME=x", "AWS_LAMBDA_LOG_LEVEL=debug",
			"BIG=" + strings.Repeat("x", 4096),
		},
		MemoryMB: 64, Concurrency: -1, InitTimeout: -1, ShutdownGrace: -1,
	})
	want := `lambdatest: Binary: no path given
MemoryMB: 64 is not within 128 to 10240
Concurrency: -1 is not within 1 to 1000
InitTimeout: -1ns is negative
ShutdownGrace: -1ns is negative
Env: entry 1 is not KEY=VALUE
Env: AWS_REGION is reserved by the service
Env: AWS_LAMBDA_FUNCTION_NAME is reserved by the service
Env: 4167 bytes are more than the service's 4096`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestShutdownWithoutExtensionKills(t *testing.T) {
	f := program(t, "echo", lambdatest.Config{})
	got := f.Shutdown(t.Context())
	if want := (lambdatest.Exit{Code: -1, Status: "signal: killed", Killed: true}); got != want {
		t.Errorf("ended as %+v, want %+v", got, want)
	}
	if again := f.Shutdown(t.Context()); again != got {
		t.Errorf("the second time it is %+v", again)
	}
	if _, err := f.Invoke(t.Context(), nil, patience); !errors.Is(err, lambdatest.ErrClosed) {
		t.Errorf("Invoke after Shutdown: %v", err)
	}
}

func TestShutdownRunsSIGTERMCallback(t *testing.T) {
	f := program(t, "sigterm", lambdatest.Config{ShutdownGrace: patience})
	if _, err := f.Invoke(t.Context(), nil, patience); err != nil {
		t.Fatal(err)
	}
	got := f.Shutdown(t.Context())
	if want := (lambdatest.Exit{Status: "exit status 0", Terminated: true}); got != want {
		t.Errorf("ended as %+v, want %+v", got, want)
	}
	if f.Logs() != "flushed before the end\n" {
		t.Errorf("logs %q", f.Logs())
	}
}

func TestShutdownKillsWhatStays(t *testing.T) {
	said := make(lineWriter, 1)
	f := program(t, "sigterm", lambdatest.Config{
		Env: []string{"STAY=1"}, ShutdownGrace: patience, Logs: said,
	})
	// The grace ends when the callback has run, however long that takes.
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-said
		cancel()
	}()
	got := f.Shutdown(ctx)
	if want := (lambdatest.Exit{Code: -1, Status: "signal: killed", Terminated: true, Killed: true}); got != want {
		t.Errorf("ended as %+v, want %+v", got, want)
	}
	if f.Logs() != "flushed before the end\n" {
		t.Errorf("logs %q", f.Logs())
	}
}

func TestTimeoutSendsSIGTERMFirst(t *testing.T) {
	f := program(t, "sigterm", lambdatest.Config{ShutdownGrace: patience})
	res, err := f.Invoke(t.Context(), []byte(`{"hang":true}`), 300*time.Millisecond)
	if !errors.Is(err, lambdatest.ErrTimeout) {
		t.Fatal(err)
	}
	if res.Logs != "flushed before the end\n" {
		t.Errorf("logs %q", res.Logs)
	}
	if _, err := f.Invoke(t.Context(), nil, patience); err != nil {
		t.Error(err)
	}
}

// A lineWriter receives what is written to it.
type lineWriter chan string

func (w lineWriter) Write(p []byte) (int, error) {
	select {
	case w <- string(p):
	default:
	}
	return len(p), nil
}

func TestShutdownDuringInvocation(t *testing.T) {
	said := make(lineWriter, 1)
	f := program(t, "faults", lambdatest.Config{Logs: said})
	var invocations sync.WaitGroup
	invocations.Go(func() {
		_, err := f.Invoke(t.Context(), []byte(`{"do":"hang"}`), patience)
		if ee, ok := errors.AsType[*lambdatest.ExitError](err); !ok || !ee.Exit.Killed {
			t.Errorf("the invocation in flight: %v", err)
		}
	})
	<-said // it hangs
	invocations.Go(func() {
		if _, err := f.Invoke(t.Context(), nil, patience); !errors.Is(err, lambdatest.ErrClosed) {
			t.Errorf("the invocation that waits: %v", err)
		}
	})
	f.Shutdown(t.Context())
	invocations.Wait()
}

func TestNothingIsLeft(t *testing.T) {
	bootstrap(t, "faults") // building has goroutines of its own
	goroutines := runtime.NumGoroutine()
	f := program(t, "faults", lambdatest.Config{})
	res, err := f.Invoke(t.Context(), []byte(`{"do":"environment"}`), patience)
	if err != nil {
		t.Fatal(err)
	}
	api := regexp.MustCompile(`AWS_LAMBDA_RUNTIME_API=([0-9.:]+)`).FindSubmatch(res.Payload)
	if api == nil {
		t.Fatal("the function has no Runtime API")
	}
	f.Shutdown(t.Context())
	assertGone(t, f.Pid())
	if conn, err := net.Dial("tcp", string(api[1])); err == nil {
		_ = conn.Close()
		t.Error("the port is still open")
	}
	// net/http's goroutines end soon after their connections, not with them. If
	// one stays, go test's own time limit shows it with its stack.
	for runtime.NumGoroutine() > goroutines {
		runtime.Gosched()
	}
}

func assertGone(t *testing.T, pid int) {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Signal(syscall.Signal(0)) // only asks
	}
	if !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("process %d is still there: %v", pid, err)
	}
}

func TestConcurrentInvocationsOverlap(t *testing.T) {
	const workers = 4
	f := program(t, "rendezvous", lambdatest.Config{Concurrency: workers})
	var invocations sync.WaitGroup
	for range workers {
		invocations.Go(func() {
			// No invocation answers before all of them run.
			res, err := f.Invoke(t.Context(), fmt.Appendf(nil, `{"parties":%d}`, workers), patience)
			if err != nil || string(res.Payload) != "4" {
				t.Errorf("%s, %v", res.Payload, err)
			}
		})
	}
	invocations.Wait()
	if f.Restarts() != 0 {
		t.Errorf("%d restarts", f.Restarts())
	}
}

func TestOneWorkerServesOneAtATime(t *testing.T) {
	f := program(t, "rendezvous", lambdatest.Config{})
	var invocations sync.WaitGroup
	for range 20 {
		invocations.Go(func() {
			res, err := f.Invoke(t.Context(), nil, patience)
			if err != nil || string(res.Payload) != "1" {
				t.Errorf("%s ran at once, %v", res.Payload, err)
			}
		})
	}
	invocations.Wait()
}

func TestPanicOfOneOfSeveralWorkers(t *testing.T) {
	f := program(t, "rendezvous", lambdatest.Config{Concurrency: 4})
	for i := range 5 {
		_, err := f.Invoke(t.Context(), []byte(`{"panic":true}`), patience)
		if fe, ok := errors.AsType[*lambdatest.FunctionError](err); !ok || fe.Message != "one of several" {
			t.Fatalf("error %v", err)
		}
		if _, err := f.Invoke(t.Context(), nil, patience); err != nil {
			t.Fatal(err)
		}
		if f.Restarts() != i+1 {
			t.Fatalf("%d restarts, want %d", f.Restarts(), i+1)
		}
	}
}

func TestTimeoutTakesTheOtherWorkersWithIt(t *testing.T) {
	said := make(lineWriter, 1)
	f := program(t, "rendezvous", lambdatest.Config{Concurrency: 2, Logs: said})
	var patient sync.WaitGroup
	patient.Go(func() {
		_, err := f.Invoke(t.Context(), []byte(`{"parties":1,"hang":true}`), patience)
		if ee, ok := errors.AsType[*lambdatest.ExitError](err); !ok || !ee.Exit.Killed {
			t.Errorf("the other worker's invocation: %v", err)
		}
	})
	<-said // it hangs
	_, err := f.Invoke(t.Context(), []byte(`{"parties":1,"hang":true}`), 300*time.Millisecond)
	if !errors.Is(err, lambdatest.ErrTimeout) {
		t.Errorf("error %v", err)
	}
	patient.Wait()
}

func TestCancelledInvoke(t *testing.T) {
	said := make(lineWriter, 1)
	f := program(t, "faults", lambdatest.Config{Logs: said})
	ctx, cancel := context.WithCancel(t.Context())
	var invocations sync.WaitGroup
	invocations.Go(func() {
		res, err := f.Invoke(ctx, []byte(`{"do":"hang"}`), patience)
		if !errors.Is(err, context.Canceled) || res.RequestID == "" {
			t.Errorf("in flight: %+v, %v", res, err)
		}
	})
	<-said
	invocations.Go(func() {
		res, err := f.Invoke(ctx, nil, patience)
		if !errors.Is(err, context.Canceled) || res.RequestID != "" {
			t.Errorf("waiting: %+v, %v", res, err)
		}
	})
	cancel()
	invocations.Wait()
}

func TestCancelledStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := lambdatest.Start(ctx, lambdatest.Config{
		Binary: bootstrap(t, "badinit"), Env: []string{"HOW=hang"}, InitTimeout: patience,
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
