package decode

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"

	"clearhop/record"
)

// A Reader returns the lines of a file or stream one by one, in constant memory.
type Reader struct {
	opts   Options
	name   string
	in     counter
	stream io.Reader // in, decompressed; nil before the first call of Next
	kind   content
	err    error // what the stream returned; Next returns it after the last line

	lines lines
	line  record.Line

	decoder  Decoder
	pending  []record.Line // of the current payload
	payloads []*Payload    // of the current record, behind the current payload
	records  [][]byte      // of the current document of OpenFailed, behind the current record
	opened   int64         // where that document starts

	events *eventReader // of documents and tables; nil for all others
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
		lines:   lines{maxLine: o.MaxLine},
		line:    record.Line{Origin: origin},
		decoder: Decoder{opts: o},
	}
}

// Next returns the next line, which is valid until the next call, and io.EOF
// after the last one. The last line needs no newline. Empty lines are skipped and
// counted.
//
// Any other error is a *ReadError. If its cause is a *PayloadError, one payload
// could not be read, and the next call continues after it. All other errors are
// final: each further call returns the same error. A line that the error cut off
// is not returned, because it is not what was logged.
func (r *Reader) Next() (*record.Line, error) {
	if r.kind == undecided {
		r.err = r.begin()
	}
	switch {
	case r.kind == payloads:
		return r.nextEvent()
	case r.kind > payloads:
		return r.nextLogEvent()
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

// BytesRead returns the number of bytes that were read from the underlying reader,
// before decompression. It may be called while another goroutine is in Next.
func (r *Reader) BytesRead() int64 { return r.in.n.Load() }

// Empty returns the number of empty lines that were skipped.
func (r *Reader) Empty() int64 { return r.lines.empty }

// byteOrderMark is what some editors write in front of UTF-8. It is not part of
// the first line, but it counts for the line's offset.
var byteOrderMark = []byte("\xEF\xBB\xBF")

// begin opens the stream and finds out what it holds.
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
		if refused := refuse(head); refused != nil {
			r.kind = logLines
			r.lines.restart(0, nil)
			return refused
		}
		if err == nil && mayBeMagic(head) {
			continue
		}
		r.kind = sniff(head)
		if r.kind == undecided && (err != nil || len(head) >= sniffSize) {
			r.kind = logLines
		}
	}
	switch {
	case r.kind > payloads:
		r.events = newEvents(r)
	case r.kind == logLines:
		r.lines.objects = hasObjectOnLines(r.lines.bytes())
	}
	return err
}

// failure wraps err with its place, which is where the next line or payload would
// start. It returns io.EOF unchanged.
func (r *Reader) failure(err error) error {
	if err == io.EOF {
		return err
	}
	return &ReadError{Name: r.name, Offset: r.lines.offset, Err: err}
}

// nextEvent returns the next log event of the payloads in the stream.
func (r *Reader) nextEvent() (*record.Line, error) {
	for len(r.pending) == 0 {
		if len(r.payloads) == 0 {
			var err error
			if r.payloads, err = r.nextPayloads(); err != nil {
				return nil, err
			}
			continue
		}
		r.pending, r.payloads = r.payloads[0].Lines, r.payloads[1:]
	}
	line := &r.pending[0]
	r.pending = r.pending[1:]
	return line, nil
}

// nextPayloads decodes the next record of the document that was opened last, or else the
// next payload of the stream. It returns none if it has opened a document.
func (r *Reader) nextPayloads() ([]*Payload, error) {
	if len(r.records) > 0 {
		record := r.records[0]
		r.records = r.records[1:]
		payloads, _, err := r.decoder.decodeAll(record, false)
		if err != nil {
			err = &ReadError{Name: r.name, Offset: r.opened, Err: err}
		}
		return payloads, err
	}
	text, err := r.nextDocument()
	if err != nil {
		return nil, err
	}
	defer r.lines.drop(len(text))
	payload, err := r.decoder.Decode(text)
	if err == nil {
		r.decoder.all = append(r.decoder.all[:0], payload)
		return r.decoder.all, nil
	}
	failed, opened := openFailed(text, r.opts.MaxPayload)
	switch {
	case opened == nil:
		r.records, r.opened = failed.Records, r.lines.offset
		return nil, nil
	case errors.Is(opened, ErrNotFailed):
		return nil, r.failure(err)
	}
	return nil, r.failure(noPayload(opened))
}

// nextDocument finds the end of the next payload or document of the stream. It is in the
// window.
func (r *Reader) nextDocument() ([]byte, error) {
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
				return held[:n], nil
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
