// Package awstest is a server that stands in, in tests, for an AWS service that
// takes calls of many records and answers for each record: Firehose, Kinesis
// Data Streams or SQS.
//
// In go the requests of the SDK's client. The server refuses those that break a
// limit of the service, keeps the records that it accepts, and fails as a test
// asks it to: by a script, or at random. Which service it is says a [Protocol];
// packages firehosetest, kinesistest and sqstest have one each:
//
//	server := firehosetest.Start(t, awstest.Config{
//		Targets: []string{"access-log"},
//		Script:  []awstest.Fault{firehosetest.Throttle(), awstest.FailRecords(0)},
//		Random:  awstest.Random{Records: 0.1},
//	})
//	s, err := firehose.New(firehose.Config{Client: firehosetest.NewClient(server.URL), Stream: "access-log"})
//	…
//	got := server.Data("access-log")
//
// A process of its own reaches the server by AWS_ENDPOINT_URL set to its URL.
//
// The server models the wire and nothing else: no buffers, no shards, no
// throughput. A request must have a signature, which is not checked. A Server is
// safe for concurrent use.
package awstest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Region is where the clients of the stand-ins believe to be.
const Region = "eu-central-1"

// Credentials returns made-up keys for a client. They sign requests, and nobody
// checks them.
func Credentials() aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
	})
}

// A Protocol is how one service is spoken to. Its methods are what the packages of all
// services offer.
type Protocol struct {
	Name      string // of the package that stands in, for test logs
	Target    string // of the header X-Amz-Target: "Kinesis_20131202.PutRecords"
	MediaType string

	// Read reads a request: its records and where they go. It returns a Refusal
	// if the service would not accept the request, and else nil.
	Read func(body []byte) (to string, records []Record, refusal *Refusal)

	// Answer returns the body of the answer to a call that passed. refused has
	// the code of each record that failed, by its index.
	Answer func(records []Record, refused map[int]string) any

	// Others are the answers to calls that put nothing, by their targets.
	Others map[string]any

	NotFound               Error // of a call to a stream or queue that does not exist
	Throttled, Unavailable Error
	RecordCodes            []string // what records fail with; the first is the usual one
}

// Throttle refuses a call because there were too many.
func (p *Protocol) Throttle() Fault { return Fault{Error: p.Throttled} }

// Overload refuses a call because the service is not available.
func (p *Protocol) Overload() Fault { return Fault{Error: p.Unavailable} }

// A Refusal says why the service does not accept a request.
type Refusal struct {
	Problem string // for the test
	Error   Error  // for the client
}

// A Record is one entry of a call.
type Record struct {
	ID   string // what identifies the entry; its meaning is up to the Protocol
	Data []byte
}

// Config is what a Server is made of. The zero value knows no target and never
// fails.
type Config struct {
	// Targets are the names of the streams or queues that exist.
	Targets []string

	// Script holds the faults of the first calls, one for each call. Calls after
	// these are left to Random. A call that is refused for a limit uses up none.
	Script []Fault

	// Plan returns what goes wrong with a call after Script, of a number of records.
	// Nil leaves that to Random. It is called for one call at a time.
	Plan func(records int) Fault

	// Random says how often calls after Script fail.
	Random Random

	// Seed is the seed of Random; 0 means a new one. Start logs it.
	Seed uint64
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
	// URL is where Start serves the server. It is empty for one of New.
	URL string

	protocol Protocol
	targets  map[string]bool
	plan     func(records int) Fault
	random   Random
	seed     uint64

	mu         sync.Mutex
	rand       *rand.Rand
	script     []Fault
	accepted   map[string][]Record
	calls      []Call
	violations []string
}

// New returns a Server, which is an [http.Handler], for the caller to serve.
func New(p Protocol, c Config) *Server {
	seed := c.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	s := &Server{
		protocol: p,
		targets:  map[string]bool{},
		plan:     c.Plan,
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

// Start serves a Server with the Protocol on loopback until the test ends. It fails
// the test if a caller broke a limit, and logs the seed of random faults.
func (p *Protocol) Start(t testing.TB, c Config) *Server {
	t.Helper()
	s := New(*p, c)
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
// broken, names malformed, requests not understood. A target that does not exist
// is not one of them.
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

// Data returns the data of the records that a stream or queue accepted, each
// right after the one before it, as a destination without a delimiter sees them.
func (s *Server) Data(to string) []byte {
	var all [][]byte
	for _, r := range s.Records(to) {
		all = append(all, r.Data)
	}
	return bytes.Join(all, nil)
}

// Documents returns the lines of Data, each with its newline.
func (s *Server) Documents(to string) [][]byte {
	var docs [][]byte
	for line := range bytes.Lines(s.Data(to)) {
		docs = append(docs, line)
	}
	return docs
}

// Duplicates returns the documents that arrived more than once. A document that
// arrived n times is listed n-1 times.
func (s *Server) Duplicates(to string) [][]byte {
	seen := map[string]bool{}
	var again [][]byte
	for _, doc := range s.Documents(to) {
		if seen[string(doc)] {
			again = append(again, doc)
		}
		seen[string(doc)] = true
	}
	return again
}

const maxBody = 32 << 20 // of a request: one at its limits is far below

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	switch {
	case err != nil:
		s.refuse(w, "request body: "+err.Error(), Error{http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", ""})
	case r.Method != http.MethodPost || r.URL.Path != "/":
		s.refuse(w, r.Method+" "+r.URL.Path+": want POST /", Error{http.StatusNotFound, "UnknownOperationException", ""})
	case s.protocol.Others[r.Header.Get("X-Amz-Target")] != nil:
		s.writeJSON(w, http.StatusOK, s.protocol.Others[r.Header.Get("X-Amz-Target")])
	case r.Header.Get("X-Amz-Target") != s.protocol.Target:
		s.refuse(w, "target "+r.Header.Get("X-Amz-Target"), Error{http.StatusBadRequest, "UnknownOperationException", ""})
	case r.Header.Get("Content-Type") != s.protocol.MediaType:
		s.refuse(w, "content type "+r.Header.Get("Content-Type"), Error{http.StatusNotFound, "UnknownOperationException", ""})
	case r.Header.Get("Authorization") == "":
		s.refuse(w, "no signature", Error{http.StatusForbidden, "MissingAuthenticationTokenException", ""})
	default:
		s.put(w, r, body)
	}
}

// put answers a call that was understood.
func (s *Server) put(w http.ResponseWriter, r *http.Request, body []byte) {
	to, records, refusal := s.protocol.Read(body)
	call := Call{To: to}
	for _, record := range records {
		call.Sizes = append(call.Sizes, len(record.Data))
	}
	if refusal != nil {
		s.finish(call, refusal.Error.Code)
		s.refuse(w, refusal.Problem, refusal.Error)
		return
	}
	if !s.targets[to] {
		s.finish(call, s.protocol.NotFound.Code)
		s.writeError(w, s.protocol.NotFound)
		return
	}
	fault := s.next(len(records))
	if fault.refuses() {
		s.finish(call, cmp.Or(fault.Error.Code, "reset"))
	}
	fault.Serve(w, r, s.writeError, func(w http.ResponseWriter) {
		answer := s.accept(call, records, fault)
		if fault.Answer != nil {
			fault.Answer(answer)
		}
		s.writeJSON(w, http.StatusOK, answer)
	})
}

// accept keeps the records that fault lets pass and answers for all of them.
func (s *Server) accept(call Call, records []Record, fault Fault) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	refused := fault.codes(&s.protocol, len(records))
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

func (s *Server) finish(call Call, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.Code = code
	s.calls = append(s.calls, call)
}

// refuse answers with e and notes a violation.
func (s *Server) refuse(w http.ResponseWriter, problem string, e Error) {
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
	// The caller may be gone; then nobody can be told.
	_ = json.NewEncoder(w).Encode(body)
}

// Invalid refuses a request that breaks a constraint of the API's model: the
// value at a member does not have a property.
func Invalid(problem, member, constraint string) *Refusal {
	return &Refusal{problem, Error{http.StatusBadRequest, "ValidationException",
		fmt.Sprintf("1 validation error detected: Value at '%s' failed to satisfy constraint: %s", member, strings.TrimSpace(constraint))}}
}

// NotJSON refuses a request that does not have the shape of the API's requests.
func NotJSON() *Refusal {
	return &Refusal{"request is not JSON of the right shape", Error{http.StatusBadRequest, "SerializationException", ""}}
}
