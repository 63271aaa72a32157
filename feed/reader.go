package feed

import (
	"context"
	"errors"
	"io"
	"slices"

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
	places   bool          // batches bear the places of their lines
	most     int           // lines of a batch

	open []*openStream // of the input in hand; the one that was read last is at the end
	told string        // the last warning about the input in hand
	read int64         // bytes of the input in hand that the batches account for

	// These are for Run, when the reader has ended.
	counts Counts
	errs   []error
}

// An openStream is a stream whose lines the reader gathers. A document of CloudWatch
// Logs has the lines of several streams, one between the other.
type openStream struct {
	origin  *record.Origin
	filling *batch // nil if it has no line yet
}

// maxOpen bounds the streams of one input that are gathered at a time, and so their
// memory. If there are more, the one that was read longest ago ends.
const maxOpen = 32

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
		r.sendFilled(s, s.Ready())
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
		r.endAll(s)
		r.counts.add(s.Counts())
		return
	}
}

// sendFilled sends the batch that is full, or all batches if no line is at hand. Only
// the stream that was read last can have filled its batch.
func (r *reader) sendFilled(s Source, ready bool) {
	if !ready {
		for _, stream := range r.open {
			if stream.filling != nil {
				stream.filling.waits = true
				r.send(s, stream)
			}
		}
		return
	}
	if len(r.open) == 0 {
		return
	}
	if last := r.open[len(r.open)-1]; last.filling != nil && last.filling.isFull() {
		r.send(s, last)
	}
}

// add puts a line into the batch of its stream.
func (r *reader) add(s Source, line *record.Line) {
	if len(r.open) == 0 || r.open[len(r.open)-1].origin != line.Origin {
		r.turnTo(s, line)
	}
	stream := r.open[len(r.open)-1]
	if stream.filling == nil {
		stream.filling = r.newBatch(stream.origin)
	}
	stream.filling.add(line)
	if placed, ok := s.(placed); ok && r.places {
		stream.filling.places = append(stream.filling.places, placed.Position())
	}
}

// A placed Source knows the place behind the line that it returned last.
type placed interface{ Position() decode.Position }

// turnTo makes the stream of a line the last one of those that are open. A payload holds
// one stream whole, so its first line ends those before it. In pages, the first line of a
// stream stands between lines of others that go on.
func (r *reader) turnTo(s Source, line *record.Line) {
	i := slices.IndexFunc(r.open, func(o *openStream) bool { return o.origin == line.Origin })
	if i >= 0 {
		stream := r.open[i]
		r.open = append(slices.Delete(r.open, i, i+1), stream)
		return
	}
	if line.Offset == 0 && !mixes(s) {
		r.endAll(s)
	}
	if len(r.open) == maxOpen {
		r.end(s, r.open[0])
		r.open = slices.Delete(r.open, 0, 1)
	}
	r.open = append(r.open, &openStream{origin: line.Origin})
}

// newBatch returns an empty batch of a stream.
func (r *reader) newBatch(origin *record.Origin) *batch {
	var b *batch
	select {
	case b = <-r.used:
	default:
		b = &batch{}
	}
	b.origin, b.most = origin, r.most
	return b
}

// endAll ends all streams, the one that was read last as the last one.
func (r *reader) endAll(s Source) {
	for _, stream := range r.open {
		r.end(s, stream)
	}
	r.open = r.open[:0]
}

// end sends what is left of a stream, and says that it has ended.
func (r *reader) end(s Source, stream *openStream) {
	if stream.filling == nil {
		stream.filling = r.newBatch(stream.origin)
	}
	stream.filling.last = true
	r.send(s, stream)
}

// send hands the batch of a stream over to the drive, which may keep it waiting.
func (r *reader) send(s Source, stream *openStream) {
	b := stream.filling
	stream.filling = nil
	read := s.Counts().Bytes
	b.read = read - r.read
	r.read = read
	r.batches <- b
}

// warn reports an error, unless it is the one that was reported last.
func (r *reader) warn(err error) {
	if text := err.Error(); text != r.told {
		r.told = text
		r.warnings <- err
	}
}
