package lambdatest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrTimeout is returned by Invoke when the deadline passed before the
	// function had answered and asked for its next invocation. The process is
	// killed; the next Invoke starts a new one.
	ErrTimeout = errors.New("task timed out")

	// ErrClosed is returned by Invoke during and after Shutdown.
	ErrClosed = errors.New("the function is shut down")

	// ErrPayload is returned by Invoke for a payload that the service would
	// not pass on: more than MaxPayload bytes, or not JSON.
	ErrPayload = errors.New("payload refused")
)

// A FunctionError is what the function itself reported: an error that its
// handler returned, a panic, a response beyond MaxResponse, or a response that
// broke off.
type FunctionError struct {
	Type       string  // Go: the name of the error's type, such as "errorString"
	Message    string  // the error's text
	StackTrace []Frame // of a panic; nil for a returned error
}

// A Frame is one call of a FunctionError's stack trace, innermost first.
type Frame struct {
	Path  string `json:"path"`
	Line  int    `json:"line"`
	Label string `json:"label"` // the function
}

func (e *FunctionError) Error() string {
	return fmt.Sprintf("the function failed: %s: %s", e.Type, e.Message)
}

// parseFunctionError reads the error JSON that runtimes post. Runtimes may
// post what they like, so what is not that JSON becomes the message.
func parseFunctionError(body []byte, headerType string) *FunctionError {
	var report struct {
		Message    string          `json:"errorMessage"`
		Type       string          `json:"errorType"`
		StackTrace json.RawMessage `json:"stackTrace"`
	}
	e := &FunctionError{}
	if err := json.Unmarshal(body, &report); err != nil {
		e.Message = trim(string(body))
	} else {
		e.Type, e.Message = report.Type, report.Message
		// Only Go's frames are objects; the other runtimes' text is left to
		// Result.Payload.
		if json.Unmarshal(report.StackTrace, &e.StackTrace) != nil {
			e.StackTrace = nil
		}
	}
	if e.Type == "" {
		e.Type = headerType
	}
	if e.Type == "" {
		e.Type = "Unhandled"
	}
	return e
}

// An ExitError says that the process ended during an invocation, or before it
// took one.
type ExitError struct {
	RequestID string // empty when the process had taken none
	Exit      Exit
	Logs      string // what the process printed since the invocation began
}

func (e *ExitError) Error() string {
	during := "during request " + e.RequestID
	if e.RequestID == "" {
		during = "before it took a request"
	}
	return fmt.Sprintf("the function's process ended %s: %s%s", during, e.Exit, lastWords(e.Logs))
}

// An InitError says that the process did not come to ask for work. Type is one
// of the service's, or the function's own when it reported the failure:
//
//	Runtime.InvalidEntrypoint  the binary did not start; Unwrap has the cause
//	Runtime.ExitError          it ended first
//	Sandbox.Timedout           Config.InitTimeout passed first
type InitError struct {
	Type    string
	Message string
	Exit    Exit   // how the process ended; zero when it never ran
	Logs    string // what it printed
	cause   error
}

func (e *InitError) Error() string {
	return fmt.Sprintf("the function did not initialize: %s: %s%s", e.Type, e.Message, lastWords(e.Logs))
}

func (e *InitError) Unwrap() error { return e.cause }

// An Exit says how a process ended.
type Exit struct {
	Code       int    // its exit code; -1 when a signal ended it
	Status     string // in words, such as "exit status 1" or "signal: killed"
	Terminated bool   // it had been sent SIGTERM
	Killed     bool   // it did not end by itself but by the SIGKILL it was sent
}

func (e Exit) String() string {
	switch {
	case e.Killed && e.Terminated:
		return "killed, still running after SIGTERM and the grace period"
	case e.Killed:
		return "killed"
	case e.Terminated:
		return e.Status + " after SIGTERM"
	}
	return e.Status
}

func timeoutError(requestID string, after time.Duration) error {
	return fmt.Errorf("request %s: %w after %.2f seconds", requestID, ErrTimeout, after.Seconds())
}

// lastWords is the end of what a process printed, fit for an error's text.
func lastWords(logs string) string {
	logs = strings.TrimSpace(logs)
	if logs == "" {
		return "; it printed nothing"
	}
	line := logs[strings.LastIndexByte(logs, '\n')+1:]
	return fmt.Sprintf("; its last line was %q", trim(line))
}

// trim bounds text that errors quote.
func trim(s string) string {
	const most = 300 // bytes
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
