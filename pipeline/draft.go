package pipeline

import (
	"slices"

	"clearhop/parser"
	"clearhop/record"
)

// A Draft is a batch of lines of one stream that Assemble has put together and that is
// still to be processed: which lines form a message, what was around them, and how much a
// visitor may have had to do with them. Several Workers can so process batches of one
// stream at the same time, with the outcomes of one Worker that takes all lines.
//
//	done := w.Assemble(lines, last, &d)                  // one goroutine, in the order of the input
//	err := other.ProcessDraft(&d, yield)                 // any goroutine, with a Worker of its own
//	if !w.Settle(&d) {                                   // that of Assemble again, in the same order
//		err = w.ProcessInOrder(&d, yieldToAnotherPlace)  // rare: the outcomes before do not hold
//	}
//
// A Draft aliases the lines, which must stay as they are until it is settled. Then it can
// be used for the next batch. The zero value is ready for use. It belongs to one goroutine
// at a time.
type Draft struct {
	lines     []record.Line
	parts     []part            // one for each line
	envelopes []record.Envelope // of the lines that have one
	text      []byte            // what the parts alias, apart from the lines
	formats   *parser.Set       // of the stream, for clones: no line is read with it. nil if no line is sound

	before, after *handover // before is nil for the first Draft of a Worker
	processed     bool      // by ProcessDraft
}

// A part is what Assemble found out about a line, and what Settle needs of its outcome.
type part struct {
	text     []byte // of the message that the line begins; nil if it continues another one
	own      []byte // the line's own text, where the order of the stream may matter
	first    int32  // one more than the line that it continues, or 0
	envelope int32  // one more than the index of its envelope, or 0
	doubt    record.Doubt
	behind   record.Doubt // if the stream is newest first

	ends    bool  // own has the end of a forged record
	hasTime bool  // at counts for the order of the stream
	at      int64 // in milliseconds since the Unix epoch
}

// A handover gives the time of the last line of a Draft to the Draft behind it.
type handover struct {
	origin *record.Origin
	at     int64
	done   chan struct{} // closed when at is there
}

// wait returns the time, and the stream of the line.
func (h *handover) wait() (at int64, origin *record.Origin) {
	<-h.done
	return h.at, h.origin
}

// give says that at is there, unless that was said before.
func (h *handover) give(at int64, origin *record.Origin) {
	select {
	case <-h.done:
	default:
		h.at, h.origin = at, origin
		close(h.done)
	}
}

// Assemble puts lines of one stream together into a Draft, as ProcessBatch does for the
// lines that it processes, and returns how many of them are in it. The caller begins the
// next batch with the rest. If none is in it, there is nothing to process.
//
// A Worker that assembles Drafts processes lines by ProcessInOrder only. Assemble, Settle
// and ProcessInOrder are each called in the order of the input.
func (w *Worker) Assemble(lines []record.Line, last bool, d *Draft) (done int) {
	d.reset()
	b := &w.batch
	own := b.scratch
	b.scratch = d.text
	w.beginBatch(lines)
	for done < len(lines) && w.assembleLine(lines, done, last, d) {
		done++
	}
	d.text, b.scratch = b.scratch, own
	if done < len(lines) {
		w.keepDoubts(lines, done)
	}
	if done == 0 {
		return 0
	}
	d.lines = lines[:done]
	if slices.ContainsFunc(d.lines, func(l record.Line) bool { return l.Defect == record.Sound }) {
		d.formats = w.sharedFormats(lines[0].Origin)
	}
	d.before, d.after = w.newest, &handover{done: make(chan struct{})}
	w.newest = d.after
	return done
}

// assembleLine adds line i to a Draft. It reports false if the line has to wait for those
// behind the lines.
func (w *Worker) assembleLine(lines []record.Line, i int, last bool, d *Draft) bool {
	b := &w.batch
	text, begin, complete := w.message(lines, i, last)
	if !complete {
		return false
	}
	p := part{text: text, doubt: b.doubts[i], behind: b.behindOf(i)}
	if w.envelope.Count > 0 {
		d.envelopes = append(d.envelopes, w.envelope)
		p.envelope = int32(len(d.envelopes))
	}
	if begin != i {
		p.first = int32(begin) + 1
	}
	if !lines[i].Origin.InOrder {
		if p.own = text; text == nil {
			var e record.Envelope
			p.own, b.scratch = w.openAlone(&lines[i], b.scratch, &e)
		}
	}
	d.parts = append(d.parts, p)
	return true
}

// reset makes a Draft ready to be used again.
func (d *Draft) reset() {
	clear(d.envelopes) // they point into lines of the past
	if cap(d.text) > maxKept {
		d.text = nil
	}
	*d = Draft{parts: d.parts[:0], envelopes: d.envelopes[:0], text: d.text[:0]}
}

// sharedFormats returns the formats of a stream for other Workers, which may make clones
// of them at any time.
func (w *Worker) sharedFormats(origin *record.Origin) *parser.Set {
	set := w.formatsFor(origin)
	shared := w.shared[set]
	if shared == nil {
		if len(w.shared) >= maxStreams {
			clear(w.shared)
		}
		shared = set.Clone()
		w.shared[set] = shared
	}
	return shared
}

// useFormats has the Worker read lines with the formats of a Draft.
func (w *Worker) useFormats(d *Draft) {
	w.current, w.currentOrigin = nil, nil
	if d.formats == nil {
		return
	}
	set := w.clones[d.formats]
	if set == nil {
		if len(w.clones) >= maxStreams {
			clear(w.clones)
		}
		set = d.formats.Clone()
		w.clones[d.formats] = set
	}
	w.current, w.currentOrigin = set, d.lines[0].Origin
}

// ProcessDraft takes the lines of a Draft through the pipeline and yields their outcomes,
// in the order of the lines. It may have to wait until the Draft before is processed, if
// the first line has no time of its own. So the Drafts have to be begun in the order of the
// input, and each has to be processed or given up.
//
// An error of yield ends the work, and ProcessDraft returns it: the Draft is then not to be
// settled. The outcomes are not final before Settle has said that they hold.
func (w *Worker) ProcessDraft(d *Draft, yield Yield) error {
	d.processed = true
	return w.processDraft(d, nil, yield)
}

// ProcessInOrder is ProcessDraft for the Worker that has assembled the Draft, when all
// Drafts before this one are settled. Its outcomes are final, and the Draft is settled.
func (w *Worker) ProcessInOrder(d *Draft, yield Yield) error {
	var o *order
	if origin := d.lines[0].Origin; !origin.InOrder {
		o = w.orderOf(origin)
	}
	err := w.processDraft(d, o, yield)
	w.current, w.currentOrigin = nil, nil // Assemble has formats of its own
	return err
}

// GiveUp says that a Draft is not processed. The lines of the Draft behind it then get no
// time from it.
func (d *Draft) GiveUp() { d.after.give(0, nil) }

// processDraft takes the lines of a Draft through the pipeline. o is the order of their
// stream; nil if it is not known yet, or if it does not matter.
func (w *Worker) processDraft(d *Draft, o *order, yield Yield) error {
	defer func() { d.after.give(w.previous, w.previousOrigin) }()
	b := &w.batch
	b.known = b.known[:0]
	w.useFormats(d)
	w.previous, w.previousOrigin, w.before = 0, nil, d.before
	for i := range d.parts {
		p := &d.parts[i]
		p.ends = p.own != nil && parser.EndsForgedRecord(p.own)
		doubt := p.doubt
		if o != nil {
			doubt = max(doubt, o.takes(p))
		}
		b.out = w.processPart(d, i, doubt)
		if w.hidden != nil {
			b.remember(&d.lines[i], b.out.ID)
		}
		p.at, p.hasTime = timeOf(b.out.Record)
		if o != nil && p.hasTime {
			o.see(p.at)
		}
		if err := yield(&b.out); err != nil {
			return err
		}
	}
	return nil
}

// processPart takes line i of a Draft through the pipeline.
func (w *Worker) processPart(d *Draft, i int, doubt record.Doubt) Outcome {
	p := &d.parts[i]
	w.envelope = record.Envelope{}
	if p.envelope > 0 {
		w.envelope = d.envelopes[p.envelope-1]
	}
	var first *record.Line
	if p.first > 0 {
		first = &d.lines[p.first-1]
	}
	return w.process(&d.lines[i], first, p.text, doubt)
}

// takes goes on to the next line of a stream. It returns the doubt that the order of the
// stream brings the line into.
func (o *order) takes(p *part) record.Doubt {
	if o.isForward() {
		o.within = 0
		return record.NoDoubt
	}
	return o.doubt(len(p.own), p.ends, p.behind)
}

// Settle reports whether the outcomes of a Draft hold. It is called for each Draft in the
// order of the input. If it is false, the Draft has to be processed once more, by
// ProcessInOrder, before the next one is settled.
//
// ProcessDraft does not know whether the lines of a stream come in the order in which they
// were written: the times of all lines before say so. It takes for granted that this
// brings none of its lines into doubt.
func (w *Worker) Settle(d *Draft) bool {
	origin := d.lines[0].Origin
	if !d.processed || origin.InOrder {
		return d.processed
	}
	o := w.orderOf(origin)
	before := *o
	for i := range d.parts {
		p := &d.parts[i]
		if o.takes(p) > p.doubt {
			*o = before
			return false
		}
		if p.hasTime {
			o.see(p.at)
		}
	}
	return true
}

// InDoubt reports whether the order of a stream is known to bring lines into doubt, as far
// as its lines are settled. Then ProcessDraft would be in vain: leave its Drafts to
// ProcessInOrder.
func (w *Worker) InDoubt(origin *record.Origin) bool {
	if w.order.origin == origin {
		return w.order.order.within > 0
	}
	return w.orders[origin].within > 0
}
