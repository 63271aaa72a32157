package decode

import (
	"bytes"
	"io"
	"sync/atomic"

	"clearhop/record"
)

// A Reader gives the lines of a file or stream one by one, in constant memory.
type Reader struct {
	opts   Options
	name   string
	in     counter
	stream io.Reader // in, unpacked; nil before the first call of Next
	kind   content
	err    error // ends the reading, once what was read is used up

	lines lines
	line  record.Line

	decoder Decoder
	pending []record.Line // of the current payload
}

// NewReader returns a Reader of r. Nothing is read before the first call of
// Next; r is not closed.
func NewReader(r io.Reader, o Options) *Reader {
	o = o.withDefaults()
	origin := o.origin()
	return &Reader{
		opts:    o,
		name:    origin.Source,
		in:      counter{r: r},
		lines:   lines{most: o.MaxLine},
		line:    record.Line{Origin: origin},
		decoder: Decoder{opts: o},
	}
}

// Next returns the next line, which holds until the next call, and io.EOF
// behind the last one. A last line without a newline counts; empty lines are
// left out and counted.
//
// Any other error is a *ReadError. If its cause is a *PayloadError, that one
// payload could not be read and the next call goes on behind it. After all
// others the reading is at its end: each further call returns the same error.
// A line that was cut off by the error is not returned, since it is not what
// was logged.
func (r *Reader) Next() (*record.Line, error) {
	if r.kind == undecided {
		r.err = r.begin()
	}
	if r.kind == payloads {
		return r.nextEvent()
	}
	for {
		if r.lines.next(&r.line) {
			return &r.line, nil
		}
		if r.err == nil {
			r.err = r.lines.read(r.stream)
		}
		if r.err == io.EOF && r.lines.rest(&r.line) {
			return &r.line, nil
		}
		if r.err != nil {
			return nil, r.failure(r.err)
		}
	}
}

// Ready reports whether Next will return a line without reading on. It is false
// before the first call of Next and at the end. The line that Next returned last
// still holds.
func (r *Reader) Ready() bool {
	if r.kind == payloads {
		return len(r.pending) > 0
	}
	return r.kind == logLines && r.lines.ready()
}

// BytesRead returns how many bytes were read from the underlying reader, packed
// ones if it is packed. It may be called while another goroutine is in Next.
func (r *Reader) BytesRead() int64 { return r.in.n.Load() }

// Empty returns how many empty lines were left out.
func (r *Reader) Empty() int64 { return r.lines.empty }

// byteOrderMark is what some editors put before UTF-8. It is no part of the
// first line, but of its offset.
var byteOrderMark = []byte("\xEF\xBB\xBF")

// begin unpacks the stream and tells what it holds.
func (r *Reader) begin() error {
	var err error
	if r.stream, err = unpack(&r.in); err != nil {
		r.kind = logLines
		return err
	}
	for r.kind == undecided {
		err = r.lines.read(r.stream)
		if r.lines.offset == 0 && bytes.HasPrefix(r.lines.bytes(), byteOrderMark) {
			r.lines.drop(len(byteOrderMark))
		}
		head := r.lines.bytes()
		r.kind = sniff(head)
		if r.kind == undecided && (err != nil || len(head) >= sniffSize) {
			r.kind = logLines
		}
	}
	return err
}

// failure returns err with its place, which is where the next line or payload
// would start. The end is no failure.
func (r *Reader) failure(err error) error {
	if err == io.EOF {
		return err
	}
	return &ReadError{Name: r.name, Offset: r.lines.offset, Err: err}
}

// nextEvent returns the next log event of the payloads in the stream.
func (r *Reader) nextEvent() (*record.Line, error) {
	for len(r.pending) == 0 {
		payload, err := r.nextPayload()
		if err != nil {
			return nil, err
		}
		r.pending = payload.Lines
	}
	line := &r.pending[0]
	r.pending = r.pending[1:]
	return line, nil
}

// nextPayload finds where the next payload of the stream ends and decodes it.
func (r *Reader) nextPayload() (*Payload, error) {
	var c cut
	for {
		r.lines.drop(blank(r.lines.bytes()))
		if held := r.lines.bytes(); len(held) > 0 {
			n, whole := c.find(held, r.err == io.EOF)
			if n > r.opts.MaxPayload {
				r.err = ErrTooLarge
				return nil, r.failure(r.err)
			}
			if whole {
				payload, err := r.decoder.Decode(held[:n])
				if err != nil {
					err = r.failure(err)
				}
				r.lines.drop(n)
				return payload, err
			}
		}
		if r.err != nil {
			return nil, r.failure(r.err)
		}
		r.err = r.lines.read(r.stream)
	}
}

// A counter counts the bytes that pass through it.
type counter struct {
	r io.Reader
	n atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
