package pipeline

import (
	"math"

	"clearhop/parser"
	"clearhop/record"
)

// An order says how the times of a stream's lines run. In a document that is newest
// first, or sorted by something else, a line that a visitor wrote inside an error record
// stands behind the end of the record, and not behind its beginning.
//
// Only lines count that no visitor can have written. So a visitor cannot make a document
// that is newest first look like one in order.
type order struct {
	last        int64 // the time of the line before, if seen is set
	seen        bool
	later, back int32 // lines that are later than the line before them, and earlier ones

	// within is how many bytes behind the last end of a forged record a line can stand
	// inside that record.
	within int
}

// minSteps is how many lines have to be later than the one before them until a stream
// counts as one in order. Of workers that write at the same time, a line can be earlier
// than the one before it.
const minSteps = 3

// isForward reports whether the lines come in the order in which they were written.
func (o *order) isForward() bool { return o.later >= minSteps && o.later > 2*o.back }

// isBackward reports whether the lines come newest first.
func (o *order) isBackward() bool { return o.back >= minSteps && o.back > 2*o.later }

// isScattered reports whether the lines come in no order of time.
func (o *order) isScattered() bool {
	return o.later >= minSteps && o.back >= minSteps && o.back <= 2*o.later && !o.isForward()
}

// see counts the time of a line.
func (o *order) see(at int64) {
	switch {
	case !o.seen:
	case at > o.last && o.later < math.MaxInt32:
		o.later++
	case at < o.last && o.back < math.MaxInt32:
		o.back++
	}
	o.last, o.seen = at, true
}

// ordered is the order of the stream in hand.
type ordered struct {
	origin *record.Origin
	order  order
}

// orderOf returns the order of a stream. It holds until the next call.
func (w *Worker) orderOf(origin *record.Origin) *order {
	if w.order.origin == origin {
		return &w.order.order
	}
	if w.order.origin != nil && !w.order.origin.InOrder {
		if len(w.orders) >= maxStreams {
			clear(w.orders)
		}
		w.orders[w.order.origin] = w.order.order
	}
	w.order.origin, w.order.order = origin, w.orders[origin]
	return &w.order.order
}

// seeTime counts the time of a line that was processed.
func (w *Worker) seeTime(r *record.Record) {
	if at, ok := timeOf(r); ok {
		w.orderOf(r.Line.Origin).see(at)
	}
}

// timeOf returns the time of a line that counts for the order of its stream. ok is false
// where none counts.
func timeOf(r *record.Record) (at int64, ok bool) {
	// The agent of CloudWatch can take the time of an event from the line, where a visitor
	// chose it, so a time of the source proves no more than one of the line.
	switch {
	case r.Line.Origin.InOrder || r.Doubt != record.NoDoubt:
		return 0, false
	case r.Line.HasTime:
		return r.Line.Time, true
	case r.Dataset != record.AccessLine && r.Dataset != record.ErrorLogLine:
		return 0, false
	}
	return r.Timestamp, r.TimestampFrom == record.FromLine || r.TimestampFrom == record.FromEnvelope
}

// doubtOrder marks line i if the document may not be in order, and the end of a forged
// record stands before the line, or the beginning of a record behind it. text is the
// message that the line begins; nil if it continues another one.
func (w *Worker) doubtOrder(lines []record.Line, i int, text []byte) {
	if lines[i].Origin.InOrder {
		return
	}
	o := w.orderOf(lines[i].Origin)
	if o.isForward() {
		o.within = 0
		return
	}
	if text == nil {
		var e record.Envelope
		text, w.batch.ahead = w.openAlone(&lines[i], w.batch.ahead[:0], &e)
	}
	doubt := o.doubt(len(text), parser.EndsForgedRecord(text), w.batch.behindOf(i))
	w.batch.doubts[i] = max(w.batch.doubts[i], doubt)
}

// doubt takes the next line of a stream that does not run forward, and returns the doubt
// about it. size is the length of the line. ends says that it has the end of a forged
// record. behind is the doubt if the stream is newest first.
func (o *order) doubt(size int, ends bool, behind record.Doubt) record.Doubt {
	switch {
	case o.isBehindEnd(size, ends):
		return record.DoubtAttempt
	case o.isBackward():
		return behind
	}
	return record.NoDoubt
}

// isBehindEnd takes the next line of a stream that is not in order, and reports whether an
// end of a forged record stands before it. size is the length of the line. ends says that
// it has such an end itself: then the lines behind it are looked at so.
func (o *order) isBehindEnd(size int, ends bool) (behind bool) {
	if o.within > 0 {
		behind = true
		o.within -= size + len("\n")
	}
	if ends {
		o.within = parser.MaxErrorLine
		if o.isScattered() {
			o.within = math.MaxInt // the record can stand anywhere
		}
	}
	return behind
}
