// Package standin is what the stand-ins have in common for AWS services that
// take calls of many records and answer for each: they speak AWS's JSON
// protocol, hold callers to limits, keep what they accepted, and fail on request
// or at random. What the service is comes with a [Protocol].
//
// Beyond the wire nothing is modelled. Signatures must be there and are not
// checked. A Server is safe for concurrent use.
package standin

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Protocol is how a service is spoken to.
type Protocol struct {
	Name      string // of the package that stands in, for test logs
	Target    string // of X-Amz-Target: "Kinesis_20131202.PutRecords"
	MediaType string

	// Read takes a request apart: its records and where they go. An Error with
	// a code is what the service refuses it with, and the problem says why.
	Read func(body []byte) (to string, records []Record, problem string, e Error)

	// NotFound is the error of a call to a target that is not there.
	NotFound Error

	// Answer returns the body of a call that passed. refused has the code of
	// each record that failed, by its index.
	Answer func(records []Record, refused map[int]string) any

	Throttled, Unavailable Error
	RecordCodes            []string // what records fail with; the first is the usual
}

// A Record is one entry of a call.
type Record struct {
	ID   string // of the entry in its call, or where it goes; up to the Protocol
	Data []byte
}

// Config is what a Server is made of. The zero value knows no target and never
// fails.
type Config struct {
	// Targets are the names of the streams or queues that exist.
	Targets []string

	// Script is what befalls the first calls, one fault each; those after it
	// are left to Random. A call that breaks a limit uses up none.
	Script []Fault

	// Random is what befalls the calls after Script.
	Random Random

	// Seed is that of Random; 0 draws one. Start logs it.
	Seed uint64
}

// A Fault is what befalls one call. The zero value lets it pass.
type Fault struct {
	Delay time.Duration // before everything else

	// Error is what the call fails with, if its Code is not empty.
	Error Error

	// Written accepts the records although the call fails with Error, as a
	// service may after an internal failure or a timeout.
	Written bool

	// Records are the indices of the records that fail while the call passes.
	Records []int

	// RecordCode is what they fail with; empty is the service's usual.
	RecordCode string
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

// AccessDenied refuses the call for the caller's rights.
func AccessDenied() Fault {
	return Fault{Error: Error{http.StatusBadRequest, "AccessDeniedException", "User is not authorized"}}
}

// FailRecords fails the records with these indices.
func FailRecords(indices ...int) Fault { return Fault{Records: indices} }

// Random is how often something fails, each from 0 to 1.
type Random struct {
	Records float64 // a record of a call
	Calls   float64 // a call: throttled, unavailable, or an internal failure
	Written float64 // an internal failure after the records were accepted
}

// A Call is one request that the Server understood.
type Call struct {
	To     string // the stream or queue
	Sizes  []int  // of the records' data, in bytes
	Failed int    // records refused in an answer that passed
	Code   string // of the error; empty if the call passed
}

// A Server is the stand-in.
type Server struct {
	// URL is where Start put the server; empty for one of New.
	URL string

	protocol Protocol
	targets  map[string]bool
	random   Random
	seed     uint64

	mu         sync.Mutex
	rand       *rand.Rand
	script     []Fault
	accepted   map[string][]Record
	calls      []Call
	violations []string
}

// New returns a Server to be served as the caller likes.
func New(p Protocol, c Config) *Server {
	seed := c.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	s := &Server{
		protocol: p,
		targets:  map[string]bool{},
		random:   c.Random,
		seed:     seed,
		rand:     rand.New(rand.NewPCG(seed, 0)),
		script:   append([]Fault(nil), c.Script...),
		accepted: map[string][]Record{},
	}
	for _, name := range c.Targets {
		s.targets[name] = true
	}
	return s
}

// Start serves a Server on loopback until the test ends, and fails the test if
// a caller broke a limit. It logs the seed of what fails at random.
func Start(t testing.TB, p Protocol, c Config) *Server {
	t.Helper()
	s := New(p, c)
	if c.Random != (Random{}) {
		t.Logf("%s: seed %d", p.Name, s.seed)
	}
	server := httptest.NewServer(s)
	s.URL = server.URL
	t.Cleanup(func() {
		server.Close()
		for _, v := range s.Violations() {
			t.Errorf("%s: %s", p.Name, v)
		}
	})
	return s
}

// Calls returns the calls so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Violations returns what callers did that the service would refuse: limits
// broken, names malformed, requests not understood.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.violations...)
}

// Records returns the records that a stream or queue accepted, in order.
func (s *Server) Records(to string) []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Record(nil), s.accepted[to]...)
}

const maxBody = 32 << 20 // of a request: one at its limits is far below

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	switch {
	case err != nil:
		s.refuse(w, Error{http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", ""}, "request body: "+err.Error())
	case r.Method != http.MethodPost || r.URL.Path != "/":
		s.refuse(w, Error{http.StatusNotFound, "UnknownOperationException", ""}, r.Method+" "+r.URL.Path+": want POST /")
	case r.Header.Get("X-Amz-Target") != s.protocol.Target:
		s.refuse(w, Error{http.StatusBadRequest, "UnknownOperationException", ""}, "target "+r.Header.Get("X-Amz-Target"))
	case r.Header.Get("Content-Type") != s.protocol.MediaType:
		s.refuse(w, Error{http.StatusNotFound, "UnknownOperationException", ""}, "content type "+r.Header.Get("Content-Type"))
	case r.Header.Get("Authorization") == "":
		s.refuse(w, Error{http.StatusForbidden, "MissingAuthenticationTokenException", ""}, "no signature")
	default:
		s.put(w, r, body)
	}
}

// put answers a call that was understood.
func (s *Server) put(w http.ResponseWriter, r *http.Request, body []byte) {
	to, records, problem, e := s.protocol.Read(body)
	call := Call{To: to}
	for _, record := range records {
		call.Sizes = append(call.Sizes, len(record.Data))
	}
	if e.Code != "" {
		s.finish(call, e.Code)
		s.refuse(w, e, problem)
		return
	}
	if !s.targets[to] {
		s.finish(call, s.protocol.NotFound.Code)
		s.writeError(w, s.protocol.NotFound)
		return
	}
	fault := s.draw(len(records))
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
			// The caller did not wait. What it sent is accepted all the same,
			// as a service may do.
		}
	}
	if fault.Error.Code != "" && !fault.Written {
		s.finish(call, fault.Error.Code)
		s.writeError(w, fault.Error)
		return
	}
	answer := s.accept(call, records, fault)
	if fault.Error.Code != "" {
		s.writeError(w, fault.Error)
		return
	}
	s.writeJSON(w, http.StatusOK, answer)
}

// accept keeps the records that fault lets pass and answers for all of them.
func (s *Server) accept(call Call, records []Record, fault Fault) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	refused := map[int]string{}
	for _, i := range fault.Records {
		if i < len(records) {
			refused[i] = fault.RecordCode
			if fault.RecordCode == "" {
				refused[i] = s.protocol.RecordCodes[0]
			}
		}
	}
	for i, record := range records {
		if refused[i] == "" {
			s.accepted[call.To] = append(s.accepted[call.To], record)
		}
	}
	call.Failed = len(refused)
	call.Code = fault.Error.Code
	s.calls = append(s.calls, call)
	return s.protocol.Answer(records, refused)
}

// draw returns the fault of the next call, of n records.
func (s *Server) draw(n int) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.script) > 0 {
		fault := s.script[0]
		s.script = s.script[1:]
		return fault
	}
	r, c := s.rand, s.random
	switch {
	case c == (Random{}):
		return Pass()
	case r.Float64() < c.Calls:
		return []Fault{{Error: s.protocol.Throttled}, {Error: s.protocol.Unavailable}, InternalFailure()}[r.IntN(3)]
	case r.Float64() < c.Written:
		return Written()
	}
	fault := Fault{RecordCode: s.protocol.RecordCodes[r.IntN(len(s.protocol.RecordCodes))]}
	for i := range n {
		if r.Float64() < c.Records {
			fault.Records = append(fault.Records, i)
		}
	}
	return fault
}

func (s *Server) finish(call Call, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.Code = code
	s.calls = append(s.calls, call)
}

// refuse answers with e and notes a violation.
func (s *Server) refuse(w http.ResponseWriter, e Error, problem string) {
	s.mu.Lock()
	s.violations = append(s.violations, problem)
	s.mu.Unlock()
	s.writeError(w, e)
}

func (s *Server) writeError(w http.ResponseWriter, e Error) {
	w.Header().Set("X-Amzn-ErrorType", e.Code)
	s.writeJSON(w, e.Status, struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{e.Code, e.Message})
}

func (s *Server) writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", s.protocol.MediaType)
	w.WriteHeader(status)
	// The caller may be gone; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(body)
}

// Invalid is the error of a call that breaks a constraint of the API's model.
func Invalid(at, constraint string) Error {
	return Error{http.StatusBadRequest, "ValidationException", fmt.Sprintf("1 validation error detected: Value at '%s' failed to satisfy constraint: %s", at, strings.TrimSpace(constraint))}
}
