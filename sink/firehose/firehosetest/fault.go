package firehosetest

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// A Fault is what befalls one call. The zero value lets it pass.
type Fault struct {
	// Delay comes before everything else.
	Delay time.Duration

	// Error is what the call fails with, if its Code is not empty.
	Error Error

	// Written accepts the records although the call fails with Error, as the
	// service may after an internal failure or a timeout.
	Written bool

	// Records are the indices of the records that fail while the call passes.
	Records []int

	// RecordCode is what they fail with; empty is ServiceUnavailableException.
	RecordCode string

	// Answer changes the answer before it is sent, to what the service would
	// not say.
	Answer func(*Answer)
}

// An Error is a failure of a whole call.
type Error struct {
	Status  int // of HTTP
	Code    string
	Message string
}

// Pass lets the call pass.
func Pass() Fault { return Fault{} }

// Throttle refuses the call for its rate.
func Throttle() Fault {
	return Fault{Error: Error{http.StatusBadRequest, "ThrottlingException", "Rate exceeded"}}
}

// Unavailable refuses the call for the stream's throughput.
func Unavailable() Fault {
	return Fault{Error: Error{http.StatusServiceUnavailable, "ServiceUnavailableException", "Slow down."}}
}

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
	return Fault{Error: Error{http.StatusBadRequest, "AccessDeniedException", "User is not authorized to perform: firehose:PutRecordBatch"}}
}

// InvalidArgument refuses the call for what it holds.
func InvalidArgument() Fault {
	return Fault{Error: Error{http.StatusBadRequest, "InvalidArgumentException", ""}}
}

// InvalidKMSResource refuses the call for the stream's key.
func InvalidKMSResource() Fault {
	return Fault{Error: Error{http.StatusBadRequest, "InvalidKMSResourceException", "KMS key is disabled."}}
}

// Slow answers after d.
func Slow(d time.Duration) Fault { return Fault{Delay: d} }

// FailRecords fails the records with these indices as too much for the stream.
func FailRecords(indices ...int) Fault { return Fault{Records: indices} }

// draw returns the fault of the next call, of n records.
func (s *Server) draw(n int) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.script) > 0 {
		fault := s.script[0]
		s.script = s.script[1:]
		return fault
	}
	return s.random.draw(s.rand, n)
}

func (c Random) draw(r *rand.Rand, n int) Fault {
	if c == (Random{}) {
		return Pass()
	}
	if r.Float64() < c.Calls {
		return []Fault{Throttle(), Unavailable(), InternalFailure()}[r.IntN(3)]
	}
	if r.Float64() < c.Written {
		return Written()
	}
	fault := Fault{RecordCode: []string{"ServiceUnavailableException", "InternalFailure"}[r.IntN(2)]}
	for i := range n {
		if r.Float64() < c.Records {
			fault.Records = append(fault.Records, i)
		}
	}
	return fault
}
