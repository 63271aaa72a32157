package main

import (
	"context"
	"io"
)

// An interruptible reads from r until ctx ends, also while r keeps it waiting:
// a read of a terminal or a pipe cannot be called off, but it can be left
// behind.
//
// The same holds for opening a named pipe: where r is nil, the first read opens
// it.
type interruptible struct {
	ctx     context.Context
	r       io.Reader
	open    func() (io.ReadCloser, error)
	opened  chan io.Closer
	buf     []byte
	pending []byte // of buf: read, and not yet handed on
	err     error
	done    chan readResult
}

type readResult struct {
	n   int
	err error
}

// Read hands on what r gives, and ctx's error once that has ended.
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

func (i *interruptible) fill() {
	if i.buf == nil {
		i.buf = make([]byte, 64<<10)
		i.done = make(chan readResult, 1)
		i.opened = make(chan io.Closer, 1)
	}
	go func() {
		if i.r == nil {
			f, err := i.open()
			if err != nil {
				i.done <- readResult{0, err}
				return
			}
			i.r = f
			i.opened <- f
		}
		n, err := i.r.Read(i.buf)
		i.done <- readResult{n, err}
	}()
	select {
	case got := <-i.done:
		i.pending, i.err = i.buf[:got.n], got.err
	case <-i.ctx.Done():
		i.err = i.ctx.Err()
	}
}

// Close closes what was opened. A read that is still waiting keeps it open, and
// ends with the program.
func (i *interruptible) Close() error {
	select {
	case <-i.ctx.Done():
		return nil
	default:
	}
	select {
	case f := <-i.opened:
		return f.Close()
	default:
		return nil
	}
}
