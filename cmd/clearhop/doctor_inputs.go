package main

import (
	"bytes"
	"context"
	"io"
	"os"

	"clearhop/feed"
	"clearhop/record"
)

// firstLines returns an input that ends after a number of lines.
func firstLines(open feed.Input, n int) feed.Input {
	return func(ctx context.Context) (feed.Source, error) {
		s, err := open(ctx)
		if err != nil {
			return nil, err
		}
		return &sample{Source: s, left: n}, nil
	}
}

// A sample is the first lines of a Source.
type sample struct {
	feed.Source
	left int // lines
}

// Next returns io.EOF when the sample is large enough.
func (s *sample) Next() (*record.Line, error) {
	if s.left == 0 {
		return nil, io.EOF
	}
	line, err := s.Source.Next()
	if err == nil {
		s.left--
	}
	return line, err
}

// open opens an input. What can be read once only is kept as far as a sample
// of it was read, and read again from there.
func (x *examination) open(ctx context.Context, name string) (io.ReadCloser, error) {
	if s := x.spools[name]; s != nil {
		return s.again(), nil
	}
	in, err := feed.Open(ctx, x.in, name)
	if err != nil {
		return nil, err
	}
	if _, isFile := in.(*os.File); isFile {
		return in, nil
	}
	if x.spools == nil {
		x.spools = map[string]*spool{}
	}
	s := &spool{in: in}
	x.spools[name] = s
	return s, nil
}

func (x *examination) hasSpools() bool { return len(x.spools) > 0 }

// A spool keeps what was read of an input, so that it can be read twice.
type spool struct {
	in   io.ReadCloser
	kept bytes.Buffer
}

// maxSpooled bounds what is kept. A survey of so much is enough.
const maxSpooled = 64 << 20

// Read reads on, and ends when enough is kept.
func (s *spool) Read(b []byte) (int, error) {
	if s.kept.Len() >= maxSpooled {
		return 0, io.EOF
	}
	n, err := s.in.Read(b)
	s.kept.Write(b[:n])
	return n, err
}

// Close leaves the input open for the second reading.
func (s *spool) Close() error { return nil }

// again returns all of the input: what is kept, and the rest as it comes.
func (s *spool) again() io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(&s.kept, s.in), s.in}
}
