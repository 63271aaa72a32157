package feed

import (
	"context"
	"errors"
	"io"

	"clearhop/decode"
	"clearhop/record"
)

// maxBroken is how many broken payloads of one input are reported. At the next one
// the input is given up.
const maxBroken = 20

// A reader reads inputs one after the other, in a goroutine of its own, and sends
// their lines in batches.
type reader struct {
	inputs   []Input
	batches  chan<- *batch
	warnings chan<- error
	used     <-chan *batch // that can be filled again

	filling *batch         // nil if it has no line yet
	origin  *record.Origin // of the stream in hand; nil between two inputs
	told    string         // the last warning about the input in hand
	read    int64          // bytes of the input in hand that the batches account for

	// These are for Run, when the reader has ended.
	counts Counts
	errs   []error
}

// run reads all inputs.
func (r *reader) run(ctx context.Context) {
	for _, open := range r.inputs {
		if ctx.Err() != nil {
			return
		}
		source, err := open(ctx)
		if err != nil {
			r.errs = append(r.errs, err)
			continue
		}
		r.readAll(source)
		if err := source.Close(); err != nil {
			r.errs = append(r.errs, err)
		}
	}
}

// readAll reads a source to its end.
func (r *reader) readAll(s Source) {
	r.told, r.read = "", 0
	broken := 0
	for {
		ready := s.Ready()
		if b := r.filling; b != nil && (!ready || b.isFull()) {
			b.waits = !ready
			r.send(s)
		}
		line, err := s.Next()
		if err == nil {
			r.add(s, line)
			continue
		}
		var temporary *TemporaryError
		var payload *decode.PayloadError
		switch {
		case errors.As(err, &temporary):
			r.warn(err)
			continue
		case errors.As(err, &payload) && broken < maxBroken:
			broken++
			r.errs = append(r.errs, err)
			continue
		case err != io.EOF:
			r.errs = append(r.errs, err)
		}
		r.endStream(s)
		r.counts.add(s.Counts())
		return
	}
}

// add puts a line into a batch.
func (r *reader) add(s Source, line *record.Line) {
	if line.Origin != r.origin {
		r.endStream(s)
		r.origin = line.Origin
	}
	if r.filling == nil {
		r.filling = r.newBatch()
	}
	r.filling.add(line)
}

// newBatch returns an empty batch of the stream in hand.
func (r *reader) newBatch() *batch {
	var b *batch
	select {
	case b = <-r.used:
	default:
		b = &batch{}
	}
	b.origin = r.origin
	return b
}

// endStream sends what is left of the stream in hand, and says that it has ended.
func (r *reader) endStream(s Source) {
	if r.origin == nil {
		return
	}
	if r.filling == nil {
		r.filling = r.newBatch()
	}
	r.filling.last = true
	r.send(s)
	r.origin = nil
}

// send hands the batch over to the drive, which may keep it waiting.
func (r *reader) send(s Source) {
	read := s.Counts().Bytes
	r.filling.read = read - r.read
	r.read = read
	r.batches <- r.filling
	r.filling = nil
}

// warn reports an error, unless it is the one that was reported last.
func (r *reader) warn(err error) {
	if text := err.Error(); text != r.told {
		r.told = text
		r.warnings <- err
	}
}
