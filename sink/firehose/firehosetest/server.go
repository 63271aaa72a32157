// Package firehosetest stands in for Amazon Data Firehose in tests: it speaks
// the protocol of PutRecord and PutRecordBatch as the SDK's client does, holds
// callers to the documented limits, keeps what it accepted, and fails on
// request or at random.
//
//	server := firehosetest.Start(t, firehosetest.Config{
//		Streams: []string{"access-log"},
//		Script:  []firehosetest.Fault{firehosetest.Throttle(), firehosetest.FailRecords(0)},
//		Random:  firehosetest.Random{Records: 0.1},
//	})
//	s, err := firehose.New(firehose.Config{Client: server.Client(), Stream: "access-log"})
//	…
//	got := server.Documents("access-log")
//
// A process of its own reaches it by AWS_ENDPOINT_URL_FIREHOSE set to the URL.
// A [Server] without a test is an [http.Handler]; see [New].
//
// Beyond the wire nothing is modelled: no buffering, no destination, no
// throughput but what a [Fault] says. Signatures must be there and are not
// checked. A Server is safe for concurrent use.
package firehosetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"
)

// The limits of the API, as its documentation has them; it gives no number for
// the KB and MB that a call may hold, and AWS's own agent counts 4 MiB of data
// before base64.
const (
	MaxRecords     = 500
	MaxRecordBytes = 1_000 << 10
	MaxCallBytes   = 4 << 20
)

// Config is what a Server is made of. The zero value has no stream and never
// fails.
type Config struct {
	// Streams are the names of the streams that exist.
	Streams []string

	// Script is what befalls the first calls, one fault each; those after it
	// are left to Random. A call that breaks a limit uses up none.
	Script []Fault

	// Random is what befalls the calls after Script.
	Random Random

	// Seed is that of Random; 0 draws one. Start logs it.
	Seed uint64
}

// Random is how often something fails, each from 0 to 1.
type Random struct {
	Records float64 // a record of a batch
	Calls   float64 // a call: throttled, unavailable, or an internal failure
	Written float64 // an internal failure after the records were accepted
}

// A Call is one request that the Server understood.
type Call struct {
	Operation string // PutRecord or PutRecordBatch
	Stream    string
	Sizes     []int  // of the records, in bytes
	Failed    int    // records refused in an answer that passed
	Code      string // of the error; empty if the call passed
}

// A Server is the stand-in.
type Server struct {
	// URL is where Start put the server; empty for one of New.
	URL string

	streams map[string]bool
	random  Random
	seed    uint64

	mu         sync.Mutex
	rand       *rand.Rand
	script     []Fault
	accepted   map[string][][]byte
	calls      []Call
	violations []string
	ids        int
}

// New returns a Server to be served as the caller likes.
func New(c Config) *Server {
	seed := c.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	s := &Server{
		streams:  map[string]bool{},
		random:   c.Random,
		seed:     seed,
		rand:     rand.New(rand.NewPCG(seed, 0)),
		script:   append([]Fault(nil), c.Script...),
		accepted: map[string][][]byte{},
	}
	for _, name := range c.Streams {
		s.streams[name] = true
	}
	return s
}

// Start serves a Server on loopback until the test ends, and fails the test if
// a caller broke a limit. It logs the seed of what fails at random.
func Start(t testing.TB, c Config) *Server {
	t.Helper()
	s := New(c)
	if c.Random != (Random{}) {
		t.Logf("firehosetest: seed %d", s.seed)
	}
	server := httptest.NewServer(s)
	s.URL = server.URL
	t.Cleanup(func() {
		server.Close()
		for _, v := range s.Violations() {
			t.Errorf("firehosetest: %s", v)
		}
	})
	return s
}

// Client returns the SDK's client for the Server at URL, with the SDK's default
// retries and without keys.
func (s *Server) Client() *awsfirehose.Client { return NewClient(s.URL) }

// NewClient returns the SDK's client for a stand-in at url.
func NewClient(url string) *awsfirehose.Client {
	return awsfirehose.New(awsfirehose.Options{
		Region:       "eu-central-1",
		BaseEndpoint: &url,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

// Next appends faults to the script.
func (s *Server) Next(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, faults...)
}

// Seed returns the seed of what fails at random.
func (s *Server) Seed() uint64 { return s.seed }

// Calls returns the calls so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Violations returns what callers did that the service would refuse: limits
// broken, names malformed, requests not understood. An unknown stream is none.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.violations...)
}

// Records returns the data of the records that the stream accepted, in order.
func (s *Server) Records(stream string) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]byte(nil), s.accepted[stream]...)
}

// Data returns the records one behind the other, as the destination of a stream
// without a delimiter sees them.
func (s *Server) Data(stream string) []byte { return bytes.Join(s.Records(stream), nil) }

// Documents returns the lines of Data, each with its newline.
func (s *Server) Documents(stream string) [][]byte {
	var docs [][]byte
	for line := range bytes.Lines(s.Data(stream)) {
		docs = append(docs, line)
	}
	return docs
}

// Duplicates returns the documents that arrived more than once, as often as they
// did so too many.
func (s *Server) Duplicates(stream string) [][]byte {
	seen := map[string]bool{}
	var again [][]byte
	for _, doc := range s.Documents(stream) {
		if seen[string(doc)] {
			again = append(again, doc)
		}
		seen[string(doc)] = true
	}
	return again
}

// The wire's shapes. Data comes as base64, which encoding/json undoes.
type (
	request struct {
		DeliveryStreamName *string
		Record             *record
		Records            []record
	}
	record struct{ Data []byte }

	// An Answer is the body of a call that passed, of PutRecordBatch.
	Answer struct {
		FailedPutCount   int
		Encrypted        bool
		RequestResponses []Entry
	}

	// An Entry is the answer for one record.
	Entry struct {
		RecordId     string `json:",omitempty"`
		ErrorCode    string `json:",omitempty"`
		ErrorMessage string `json:",omitempty"`
	}
)

const (
	target    = "Firehose_20150804."
	maxBody   = 16 << 20 // of a request: a call at its limits is below 6 MB
	putOne    = "PutRecord"
	putMany   = "PutRecordBatch"
	mediaType = "application/x-amz-json-1.1"
)

var streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		s.refuse(w, "request body: %v", Error{http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", ""}, err)
		return
	}
	operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), target)
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/":
		s.refuse(w, "%s %s: want POST /", Error{http.StatusNotFound, "UnknownOperationException", ""}, r.Method, r.URL.Path)
		return
	case !ok || operation != putOne && operation != putMany:
		s.refuse(w, "target %q", Error{http.StatusBadRequest, "UnknownOperationException", ""}, r.Header.Get("X-Amz-Target"))
		return
	case r.Header.Get("Content-Type") != mediaType:
		s.refuse(w, "content type %q", Error{http.StatusNotFound, "UnknownOperationException", ""}, r.Header.Get("Content-Type"))
		return
	case r.Header.Get("Authorization") == "":
		s.refuse(w, "no signature", Error{http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token"})
		return
	}
	var in request
	if err := json.Unmarshal(body, &in); err != nil {
		s.refuse(w, "request is not JSON of the right shape", Error{http.StatusBadRequest, "SerializationException", ""})
		return
	}
	if operation == putOne && in.Record != nil {
		in.Records = []record{*in.Record}
	}
	s.put(w, r, operation, in)
}

// put answers a call that was understood.
func (s *Server) put(w http.ResponseWriter, r *http.Request, operation string, in request) {
	call := Call{Operation: operation}
	if in.DeliveryStreamName != nil {
		call.Stream = *in.DeliveryStreamName
	}
	for _, record := range in.Records {
		call.Sizes = append(call.Sizes, len(record.Data))
	}
	if problem, e := check(call, in); e.Code != "" {
		s.finish(&call, e.Code)
		s.refuse(w, "%s", e, problem)
		return
	}
	if !s.streams[call.Stream] {
		s.finish(&call, "ResourceNotFoundException")
		writeError(w, Error{http.StatusBadRequest, "ResourceNotFoundException", "Firehose " + call.Stream + " not found under account 123456789012."})
		return
	}

	fault := s.draw(len(in.Records))
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
			// The caller did not wait. What it sent is accepted all the same,
			// as the service may do.
		}
	}
	if fault.Error.Code != "" && !fault.Written {
		s.finish(&call, fault.Error.Code)
		writeError(w, fault.Error)
		return
	}
	answer := s.accept(&call, in.Records, fault)
	if fault.Error.Code != "" {
		writeError(w, fault.Error)
		return
	}
	if fault.Answer != nil {
		fault.Answer(&answer)
	}
	if operation == putMany {
		writeJSON(w, http.StatusOK, answer)
		return
	}
	if len(answer.RequestResponses) == 0 {
		writeJSON(w, http.StatusOK, struct{}{})
		return
	}
	if e := answer.RequestResponses[0]; e.ErrorCode != "" {
		writeError(w, Error{http.StatusServiceUnavailable, e.ErrorCode, e.ErrorMessage})
		return
	}
	writeJSON(w, http.StatusOK, struct {
		RecordId  string
		Encrypted bool
	}{RecordId: answer.RequestResponses[0].RecordId})
}

// check returns how a call breaks the API's constraints, in our words and in the
// service's.
func check(call Call, in request) (string, Error) {
	invalid := func(message string) Error {
		return Error{http.StatusBadRequest, "ValidationException", "1 validation error detected: " + message}
	}
	switch {
	case in.DeliveryStreamName == nil:
		return "no stream name", invalid("Value null at 'deliveryStreamName' failed to satisfy constraint: Member must not be null")
	case !streamName.MatchString(call.Stream):
		return fmt.Sprintf("stream name %q", call.Stream), invalid("Value at 'deliveryStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
	case len(call.Sizes) == 0:
		return "no records", invalid("Value '[]' at 'records' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case len(call.Sizes) > MaxRecords:
		return fmt.Sprintf("%d records in a call", len(call.Sizes)), invalid("Value at 'records' failed to satisfy constraint: Member must have length less than or equal to 500")
	}
	sum := 0
	for i, record := range in.Records {
		at := "records." + strconv.Itoa(i+1) + ".member.data"
		if record.Data == nil {
			return "record without data", invalid("Value null at '" + at + "' failed to satisfy constraint: Member must not be null")
		}
		if len(record.Data) > MaxRecordBytes {
			return fmt.Sprintf("record of %d bytes", len(record.Data)), invalid("Value at '" + at + "' failed to satisfy constraint: Member must have length less than or equal to 1024000")
		}
		sum += len(record.Data)
	}
	if sum > MaxCallBytes {
		return fmt.Sprintf("%d bytes in a call", sum), Error{http.StatusBadRequest, "InvalidArgumentException", "Records size exceeds 4 MB limit"}
	}
	return "", Error{}
}

// accept keeps the records that fault lets pass and answers for all of them.
func (s *Server) accept(call *Call, records []record, fault Fault) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	refused := map[int]bool{}
	for _, i := range fault.Records {
		refused[i] = true
	}
	var answer Answer
	for i, record := range records {
		if refused[i] {
			code := fault.RecordCode
			if code == "" {
				code = "ServiceUnavailableException"
			}
			answer.FailedPutCount++
			answer.RequestResponses = append(answer.RequestResponses, Entry{ErrorCode: code, ErrorMessage: "Slow down."})
			continue
		}
		s.ids++
		s.accepted[call.Stream] = append(s.accepted[call.Stream], record.Data)
		answer.RequestResponses = append(answer.RequestResponses, Entry{RecordId: fmt.Sprintf("record-%d", s.ids)})
	}
	call.Failed = answer.FailedPutCount
	call.Code = fault.Error.Code
	s.calls = append(s.calls, *call)
	return answer
}

func (s *Server) finish(call *Call, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.Code = code
	s.calls = append(s.calls, *call)
}

// refuse answers with e and notes a violation, said by format.
func (s *Server) refuse(w http.ResponseWriter, format string, e Error, args ...any) {
	s.mu.Lock()
	s.violations = append(s.violations, fmt.Sprintf(format, args...))
	s.mu.Unlock()
	writeError(w, e)
}

func writeError(w http.ResponseWriter, e Error) {
	w.Header().Set("X-Amzn-ErrorType", e.Code)
	writeJSON(w, e.Status, struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{e.Code, e.Message})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	// The caller may be gone; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(body)
}
