// Package file is the sink for files and standard output: events as NDJSON,
// one write for each Put.
//
//	s, err := file.Create("events.ndjson")
//	defer s.Close(ctx)
//	err = s.Put(ctx, docs)
//
// A Sink is safe for concurrent use.
package file

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"clearhop/sink"
)

// A Sink writes documents one behind the other.
type Sink struct {
	mu     sync.Mutex
	w      io.Writer
	file   *os.File // nil if the Sink does not own its writer
	buf    []byte
	closed bool
}

var _ sink.Sink = (*Sink)(nil)

// New returns a Sink that writes to w and leaves w open.
func New(w io.Writer) *Sink { return &Sink{w: w} }

// Create returns a Sink that writes to the file at path, emptied first.
func Create(path string) (*Sink, error) {
	return open(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC)
}

// Append returns a Sink that writes to the end of the file at path.
func Append(path string) (*Sink, error) {
	return open(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND)
}

// open gives the file to its owner alone: events hold addresses of people.
func open(path string, flags int) (*Sink, error) {
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open events file: %w", err)
	}
	return &Sink{w: f, file: f}, nil
}

// maxKept bounds the buffer that is kept from Put to Put.
const maxKept = 4 << 20

// Put writes docs with one write. When that falls short, the documents that
// went out whole count as delivered, and in a file of the Sink's own a torn one
// is cut off again.
func (s *Sink) Put(ctx context.Context, docs []sink.Document) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return sink.ErrClosed
	}
	if len(docs) == 0 {
		return nil
	}
	if cap(s.buf) > maxKept {
		s.buf = nil
	}
	s.buf = s.buf[:0]
	for i := range docs {
		s.buf = append(s.buf, docs[i].Data...)
	}
	n, err := s.w.Write(s.buf)
	if err == nil {
		return nil
	}
	whole, bytes := 0, 0
	for whole < len(docs) && bytes+len(docs[whole].Data) <= n {
		bytes += len(docs[whole].Data)
		whole++
	}
	s.cutOff(n - bytes)
	return sink.FailFrom(whole, len(docs), fmt.Errorf("write events: %w", err))
}

// cutOff takes the last n bytes from the file again, so that the next event
// does not start in the middle of a line. If that fails too, the write's error
// has told the caller enough.
func (s *Sink) cutOff(n int) {
	if s.file == nil || n == 0 {
		return
	}
	end, err := s.file.Seek(0, io.SeekEnd)
	if err != nil || s.file.Truncate(end-int64(n)) != nil {
		return
	}
	_, _ = s.file.Seek(end-int64(n), io.SeekStart)
}

// Close closes the file, if it is the Sink's own. A file that could not be
// written back is an error here at the latest.
func (s *Sink) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.file == nil {
		return nil
	}
	if err := s.file.Close(); err != nil {
		return fmt.Errorf("close events file: %w", err)
	}
	return nil
}
