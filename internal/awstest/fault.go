package awstest

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"time"
)

// A Fault is what goes wrong with one call. The zero value lets the call pass.
type Fault struct {
	// Delay is how long the server waits before it does anything else.
	Delay time.Duration

	// Error is what the call fails with. The call does not fail if Error.Code
	// is empty.
	Error Error

	// Written accepts the records although the call fails with Error, as a
	// service may do after an internal failure or a timeout.
	Written bool

	// HTML writes Error as a page of a proxy in front of the service, and not as the
	// service does.
	HTML bool

	// Reset breaks the connection off before anything is answered. The records are
	// accepted only with Written.
	Reset bool

	// Cut ends the answer in the middle and breaks the connection off.
	Cut bool

	// Records are the indices of the records that fail while the call passes.
	Records []int

	// RecordCode is the code that these records fail with. Empty means the
	// first of Protocol.RecordCodes.
	RecordCode string

	// Answer changes the answer of Protocol.Answer before it is sent, to
	// something that the service would not say. Nil changes nothing.
	Answer func(answer any)
}

// An Error is a failure of a whole call.
type Error struct {
	Status  int // of HTTP
	Code    string
	Message string
}

// Pass lets the call pass.
func Pass() Fault { return Fault{} }

// InternalFailure fails the call and accepts nothing.
func InternalFailure() Fault {
	return Fault{Error: Error{http.StatusInternalServerError, "InternalFailure", ""}}
}

// Written fails the call after it accepted the records.
func Written() Fault {
	f := InternalFailure()
	f.Written = true
	return f
}

// AccessDenied refuses the call because the caller has no permission.
func AccessDenied() Fault {
	return Fault{Error: Error{http.StatusBadRequest, "AccessDeniedException", "User is not authorized"}}
}

// InvalidArgument refuses the call because of what it holds.
func InvalidArgument() Fault {
	return Fault{Error: Error{http.StatusBadRequest, "InvalidArgumentException", ""}}
}

// Slow answers after d.
func Slow(d time.Duration) Fault { return Fault{Delay: d} }

// FailRecords fails the records with these indices.
func FailRecords(indices ...int) Fault { return Fault{Records: indices} }

// Reset breaks the connection off before the call is accepted.
func Reset() Fault { return Fault{Reset: true} }

// ResetWritten breaks the connection off after the call was accepted.
func ResetWritten() Fault { return Fault{Reset: true, Written: true} }

// HalfWritten accepts the call, and breaks off in the middle of the answer.
func HalfWritten() Fault { return Fault{Cut: true, Written: true} }

// Proxy answers with a page in HTML, as a proxy before the service does. written says
// whether the call was accepted all the same.
func Proxy(status int, written bool) Fault {
	return Fault{Error: Error{Status: status, Code: "ServiceUnavailable"}, HTML: true, Written: written}
}

// Serve answers one call as the Fault says. act accepts the call and answers it; fail
// answers with an error. What breaks the connection off panics with
// [http.ErrAbortHandler].
func (f *Fault) Serve(w http.ResponseWriter, r *http.Request, fail func(http.ResponseWriter, Error), act func(http.ResponseWriter)) {
	f.wait(r)
	failing := f.Error.Code != ""
	answer := httptest.NewRecorder()
	if !f.refuses() {
		act(answer)
	}
	switch {
	case f.Reset:
		panic(http.ErrAbortHandler)
	case failing && f.HTML:
		answer = httptest.NewRecorder()
		answer.Header().Set("Content-Type", "text/html")
		answer.WriteHeader(f.Error.Status)
		fmt.Fprintf(answer, "<html><head><title>%d</title></head><body><center>%[1]d</center></body></html>\r\n", f.Error.Status)
	case failing:
		answer = httptest.NewRecorder()
		fail(answer, f.Error)
	}
	body := answer.Body.Bytes()
	maps.Copy(w.Header(), answer.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(answer.Code)
	if f.Cut {
		_, _ = w.Write(body[:len(body)/2])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body) // the caller may be gone; then nobody can be told
}

// refuses reports whether the call is not accepted.
func (f *Fault) refuses() bool { return !f.Written && (f.Reset || f.Error.Code != "") }

// wait waits for the Fault's Delay. A caller who does not wait that long has its call
// accepted all the same, as a service may do.
func (f *Fault) wait(r *http.Request) {
	if f.Delay <= 0 {
		return
	}
	select {
	case <-time.After(f.Delay):
	case <-r.Context().Done():
	}
}

// Random says how often something fails, each from 0 to 1. The zero value fails
// nothing.
type Random struct {
	Records float64 // a record of a call that passes
	Calls   float64 // a call: throttled, unavailable, or an internal failure
	Written float64 // a call, by an internal failure after the records were accepted
}

// next returns the fault of the next call, which has n records.
func (s *Server) next(n int) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.script) > 0 {
		fault := s.script[0]
		s.script = s.script[1:]
		return fault
	}
	if s.plan != nil {
		return s.plan(n)
	}
	if s.random == (Random{}) {
		return Pass()
	}
	r := s.rand
	switch {
	case r.Float64() < s.random.Calls:
		return []Fault{{Error: s.protocol.Throttled}, {Error: s.protocol.Unavailable}, InternalFailure()}[r.IntN(3)]
	case r.Float64() < s.random.Written:
		return Written()
	}
	fault := Fault{RecordCode: s.protocol.RecordCodes[r.IntN(len(s.protocol.RecordCodes))]}
	for i := range n {
		if r.Float64() < s.random.Records {
			fault.Records = append(fault.Records, i)
		}
	}
	return fault
}

// codes returns the code of each of n records that fails, by its index.
func (f *Fault) codes(p *Protocol, n int) map[int]string {
	refused := map[int]string{}
	for i := range n {
		if !slices.Contains(f.Records, i) {
			continue
		}
		refused[i] = f.RecordCode
		if f.RecordCode == "" {
			refused[i] = p.RecordCodes[0]
		}
	}
	return refused
}
