// Package sink is the contract of where events go.
//
// In go Documents, one encoded event each. What comes out depends on the sink.
// The folders below this one hold the sinks; each passes the suite of package
// internal/sinktest.
//
//	err := s.Put(ctx, docs)
//	var failed *sink.PutError
//	if errors.As(err, &failed) {
//		// all but failed.Failures were delivered
//	}
package sink

import (
	"context"
	"fmt"
)

// A Document is one event on its way out.
type Document struct {
	// ID is the event's identity, for sinks that key on it.
	ID []byte
	// Data is a JSON object and a newline.
	Data []byte
}

// A Sink delivers documents to one place. It is safe for concurrent use.
type Sink interface {
	// Put delivers docs in their order and returns when the fate of each is
	// known. It does not keep or change docs, or what they point to.
	//
	// A *PutError lists the documents that were not delivered; all others were.
	// With any other error no document was delivered. A Put whose ctx is already
	// done delivers nothing and returns the error of ctx. A Put of no documents
	// does nothing. After Close, Put returns ErrClosed.
	Put(ctx context.Context, docs []Document) error

	// Close delivers what may still be buffered and closes what the sink holds
	// open. A second Close does nothing.
	Close(ctx context.Context) error
}

// A Limited sink bounds the length of a document.
type Limited interface {
	// MaxDocument returns the greatest length, in bytes, of a document that is
	// delivered whole. A longer one is shortened by encode.Truncate.
	MaxDocument() int
}

// A PutError lists the documents that a Put could not deliver.
type PutError struct {
	// Failures are in the order of the documents, one for each.
	Failures []Failure
}

// A Failure is why one document was not delivered.
type Failure struct {
	Index int // in the documents given to Put
	Err   error
}

// Error gives the number of failures and the first cause.
func (e *PutError) Error() string {
	switch len(e.Failures) {
	case 0:
		return "0 documents not delivered"
	case 1:
		return fmt.Sprintf("1 document not delivered: %v", e.Failures[0].Err)
	}
	return fmt.Sprintf("%d documents not delivered: %v", len(e.Failures), e.Failures[0].Err)
}

// Unwrap returns the causes.
func (e *PutError) Unwrap() []error {
	errs := make([]error, len(e.Failures))
	for i, f := range e.Failures {
		errs[i] = f.Err
	}
	return errs
}

// FailFrom returns a PutError that lists the documents from index first up to
// count, all with one cause.
func FailFrom(first, count int, cause error) *PutError {
	e := &PutError{}
	for i := first; i < count; i++ {
		e.Failures = append(e.Failures, Failure{Index: i, Err: cause})
	}
	return e
}
