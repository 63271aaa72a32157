package main

import (
	"context"
	"io"
)

// An interruptible reads from r until ctx ends, also while r keeps it waiting:
// a read of a terminal or a pipe cannot be called off, but it can be left
// behind.
type interruptible struct {
	ctx     context.Context
	r       io.Reader
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
	}
	go func() {
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
