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
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"clearhop/sink"
)

// A Sink writes documents to a file or another writer, in order.
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

// Create returns a Sink that writes to the file at path, emptied first. The umask
// decides the mode of a new file.
func Create(path string) (*Sink, error) {
	return open(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC)
}

// Append returns a Sink that writes to the end of the file at path. The umask
// decides the mode of a new file.
func Append(path string) (*Sink, error) {
	return open(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND)
}

// Continue returns a Sink that writes to the end of the file at path, where a Sink wrote
// that may have been killed: what is not a whole line at the end is removed first.
func Continue(path string) (*Sink, error) {
	s, err := open(path, os.O_CREATE|os.O_RDWR|os.O_APPEND)
	if err != nil {
		return nil, err
	}
	if err := cutTorn(s.file, s.file); err != nil {
		return nil, errors.Join(fmt.Errorf("open events file: %w", err), s.file.Close())
	}
	return s, nil
}

// ContinueTo is New for a writer to which a Sink wrote that may have been killed. If it is
// a regular file, what is not a whole line at the end is removed first, where the system
// lets the file be read.
func ContinueTo(w io.Writer) (*Sink, error) {
	f, ok := w.(*os.File)
	if !ok {
		return New(w), nil
	}
	reader, err := os.Open(fmt.Sprintf("/dev/fd/%d", f.Fd()))
	if err != nil {
		return New(w), nil //nolint:nilerr // it cannot be read
	}
	defer reader.Close()
	if err := cutTorn(f, reader); err != nil {
		return nil, fmt.Errorf("standard output: %w", err)
	}
	return New(w), nil
}

// cutTorn removes what is not a whole line at the end of a regular file.
func cutTorn(f *os.File, reader io.ReaderAt) error {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	end := info.Size()
	tail := make([]byte, 64<<10)
	for at := end; at > 0; {
		from := max(0, at-int64(len(tail)))
		part := tail[:at-from]
		if _, err := reader.ReadAt(part, from); err != nil {
			return err
		}
		if n := bytes.LastIndexByte(part, '\n'); n >= 0 {
			at = from + int64(n) + 1
			if at == end {
				return nil
			}
			return f.Truncate(at)
		}
		at = from
	}
	if end == 0 {
		return nil
	}
	return f.Truncate(0)
}

// Sync returns when all that was put is on the disk, if it goes to a regular file.
func (s *Sink) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.w.(*os.File)
	if !ok || s.closed {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil //nolint:nilerr // what is no file is not on a disk
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write events to the disk: %w", err)
	}
	return nil
}

// open opens a file. The umask of the process decides who may read a new one, as
// with the files of other commands.
func open(path string, flags int) (*Sink, error) {
	f, err := os.OpenFile(path, flags, 0o666)
	if err != nil {
		return nil, fmt.Errorf("open events file: %w", err)
	}
	return &Sink{w: f, file: f}, nil
}

// maxKept bounds the buffer that is kept from Put to Put.
const maxKept = 4 << 20

// Put writes docs with one write. If that write is cut short, the documents that
// were written whole count as delivered. In a file of the Sink's own, a document
// that was written in part is removed again.
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

// cutOff removes the last n bytes from the file, so that the next event does not
// start in the middle of a line. If that fails too, the caller still has the error
// of the write.
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

// Close closes the file, if it is the Sink's own. It returns an error if the file
// could not be written to the disk.
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
