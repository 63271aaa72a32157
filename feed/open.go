package feed

import (
	"context"
	"io"
	"os"
)

// Open opens a file for reading; "-" is stdin. What is no regular file, such as a
// pipe or a terminal, may keep a reader waiting: reading it, and opening it, returns
// ctx's error when ctx ends. A regular file is returned as an *os.File.
func Open(ctx context.Context, stdin io.Reader, name string) (io.ReadCloser, error) {
	if name == "-" {
		return &interruptible{ctx: ctx, in: io.NopCloser(stdin)}, nil
	}
	if info, err := os.Stat(name); err != nil || info.Mode().IsRegular() {
		return os.Open(name)
	}
	return &interruptible{ctx: ctx, open: func() (io.ReadCloser, error) { return os.Open(name) }}, nil
}

// An interruptible reads until ctx ends, also while the input keeps it waiting: a
// read of a terminal or a pipe cannot be cancelled, but it can be left behind. The
// same holds for opening a named pipe, which waits for its writer.
type interruptible struct {
	ctx  context.Context
	in   io.ReadCloser                 // nil before the first read of what is still to be opened
	open func() (io.ReadCloser, error) // nil if in is given

	buf     []byte
	pending []byte // of buf: read, and not yet passed on
	err     error
	reads   chan readResult
}

// A readResult is what a read returned, and the input that it was of.
type readResult struct {
	in  io.ReadCloser
	n   int
	err error
}

// Read passes on what the input gives, and returns ctx's error after ctx has ended.
func (i *interruptible) Read(b []byte) (int, error) {
	if len(i.pending) == 0 && i.err == nil {
		i.fill()
	}
	if len(i.pending) > 0 {
		n := copy(b, i.pending)
		i.pending = i.pending[n:]
		return n, nil
	}
	return 0, i.err
}

// fill reads once in a goroutine of its own, and waits for it or for ctx.
func (i *interruptible) fill() {
	if i.buf == nil {
		i.buf = make([]byte, 64<<10)
		i.reads = make(chan readResult, 1)
	}
	in := i.in
	go func() {
		var got readResult
		if got.in = in; in == nil {
			if got.in, got.err = i.open(); got.err != nil {
				i.reads <- readResult{err: got.err}
				return
			}
		}
		got.n, got.err = got.in.Read(i.buf)
		i.reads <- got
	}()
	select {
	case got := <-i.reads:
		i.in, i.pending, i.err = got.in, i.buf[:got.n], got.err
	case <-i.ctx.Done():
		i.in, i.err = nil, i.ctx.Err() // the read goes on by itself
	}
}

// Close closes the input, unless a read of it was left behind: that one keeps it
// open until the program ends.
func (i *interruptible) Close() error {
	if i.in == nil {
		return nil
	}
	return i.in.Close()
}
