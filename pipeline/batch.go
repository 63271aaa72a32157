package pipeline

import (
	"bytes"

	"clearhop/decode/envelope"
	"clearhop/parser"
	"clearhop/record"
)

// A Yield takes the outcome of a line. The outcome holds until Yield returns. An
// error ends the work, and ProcessBatch returns it.
type Yield func(*Outcome) error

// ProcessBatch takes lines of one stream through the pipeline and yields their
// outcomes: one for each line, in the order of the lines.
//
// nginx and log routers spread some messages over several lines. ProcessBatch
// joins such a message: the event of its first line holds the whole text, the
// events of its other lines are of the dataset nginx.other and name the first.
//
// A visitor can write whole lines into an error record. ProcessBatch marks the lines
// that can stand inside one (record.Doubt), for which it looks at the lines behind.
//
// last is false if more lines of the stream will come. Then a message that the
// batch does not complete is left for the next one, and so is an error line, because
// the lines behind it decide who wrote them: done is how many lines were processed, and
// the caller begins the next batch with the rest.
func (w *Worker) ProcessBatch(lines []record.Line, last bool, yield Yield) (done int, err error) {
	b := &w.batch
	w.beginBatch(lines)
	b.known = b.known[:0]
	for i := range lines {
		b.scratch = b.scratch[:0]
		text, begin, complete := w.message(lines, i, last)
		if !complete {
			w.keepDoubts(lines, i)
			return i, nil
		}
		var first *record.Line
		if begin != i {
			first = &lines[begin]
		}
		w.doubtOrder(lines, i, text)
		b.out = w.process(&lines[i], first, text, b.doubts[i])
		w.seeTime(b.out.Record)
		if w.hidden != nil {
			b.remember(&lines[i], b.out.ID)
		}
		if err := yield(&b.out); err != nil {
			w.keepDoubts(lines, i+1)
			return i + 1, err
		}
	}
	return len(lines), nil
}

// beginBatch looks at all lines of a batch before the first of them is processed.
func (w *Worker) beginBatch(lines []record.Line) {
	b := &w.batch
	b.fragments.Reset()
	b.continues = b.continues[:0]
	w.beginDoubts(lines)
	w.beginBehind(lines)
	for i := range lines {
		b.fragments.Add(lines[i].Text)
		b.continues = append(b.continues, 0)
	}
}

// A batch is what ProcessBatch keeps from one call to the next.
type batch struct {
	fragments envelope.Joiner
	errors    parser.ErrorJoin
	continues []int32        // by line: one more than the line that it continues, or 0
	doubts    []record.Doubt // by line
	behind    []record.Doubt // by line, if the stream is newest first; empty if it is in order
	reach     parser.ErrorReach
	scratch   []byte // holds what message returns, where that is not a part of the line
	ahead     []byte // scratch for the lines behind the current one
	marked    []byte // scratch for a line that may be marked
	head      []byte // scratch for a line that may begin a record
	id        []byte // of the line that the current one continues
	known     []knownID
	out       Outcome // one for all lines: Yield would make each escape
}

// message returns the text of the message that line i begins. If line i continues
// another line, begin is that line and not i, and there is no text. The message is not
// complete if it may go on behind the lines and last is false. The text, and what
// w.envelope says, are parts of the line or are appended to b.scratch.
func (w *Worker) message(lines []record.Line, i int, last bool) (text []byte, begin int, complete bool) {
	b := &w.batch
	inner, begin := w.open(lines, i)
	switch {
	case lines[i].Defect != record.Sound:
		return lines[i].Text, i, true
	case begin != i:
		return nil, begin, true
	case w.envelope.Partial && !last:
		return nil, i, false
	case b.continues[i] > 0:
		return nil, int(b.continues[i] - 1), true
	case b.reach.Start(inner) && !w.follow(lines, i, inner) && !last:
		return nil, i, false
	case !b.errors.Start(inner):
		return inner, i, true
	}
	whole, open := w.join(lines, i)
	if open && !last {
		return nil, i, false
	}
	if whole != nil {
		from := len(b.scratch)
		b.scratch = append(b.scratch, whole...)
		inner = b.scratch[from:]
	}
	return inner, i, true
}

// open takes the envelopes off line i, and joins the fragments of a line that a
// runtime cut. first is the line of the first fragment; it is i for most lines.
func (w *Worker) open(lines []record.Line, i int) (inner []byte, first int) {
	b := &w.batch
	inner, b.scratch, first = b.fragments.Open(i, lines[i].Text, b.scratch, &w.envelope)
	if first == i && w.envelope.Count == 0 {
		inner, b.scratch = w.openDoubtful(&lines[i], b.scratch, &w.envelope)
	}
	return inner, first
}

// openAlone takes the envelopes off a line, without regard to other lines.
func (w *Worker) openAlone(line *record.Line, scratch []byte, e *record.Envelope) (inner, newScratch []byte) {
	if inner, newScratch = envelope.Open(line.Text, scratch, e); e.Count > 0 {
		return inner, newScratch
	}
	return w.openDoubtful(line, newScratch, e)
}

// openDoubtful takes a prefix off a line that a log_format could have written as
// well.
func (w *Worker) openDoubtful(line *record.Line, scratch []byte, e *record.Envelope) (inner, newScratch []byte) {
	inner, newScratch, ok := envelope.OpenDoubtful(line.Text, scratch, e)
	if ok && w.isPrefix(w.formatsFor(line.Origin), line.Text, inner, e) && (!needsProof(inner, e) || w.named[streamOf(line.Origin)]) {
		return inner, newScratch
	}
	*e = record.Envelope{}
	return line.Text, scratch
}

// isPrefix reports whether what OpenDoubtful took off a line is none of the line's
// own. A line that a format of its stream reads as it is has no such prefix.
func (w *Worker) isPrefix(set *parser.Set, text, inner []byte, e *record.Envelope) bool {
	// What nginx may have written as $time_iso8601 is taken off only if that helps.
	mustHelp := e.Kinds[0] == record.Timestamped && !parser.IsErrorLine(inner)
	return !w.readsAll(set, text, e) && (!mustHelp || w.reads(set, inner))
}

// readsAll reports whether one of the formats of a stream reads text with its prefix. What
// grep writes before an address is part of none that nginx logs.
func (w *Worker) readsAll(set *parser.Set, text []byte, e *record.Envelope) bool {
	if !w.reads(set, text) {
		return false
	}
	peer := w.spare.Access.RemoteAddr
	return e.Kinds[0] != record.Grep || len(peer) == 0 || !bytes.HasPrefix(text, peer)
}

// needsProof reports whether the name in front of an access line may be $host or
// $hostname as well as that of a container. No log_format writes a name in front of an
// error line, or of the messages of the image's entrypoint: they are the proof.
func needsProof(inner []byte, e *record.Envelope) bool {
	return e.Kinds[0] == record.Podman && !parser.IsErrorLine(inner) && !parser.IsChatter(inner)
}

// reads reports whether one of the formats of a stream reads text.
func (w *Worker) reads(set *parser.Set, text []byte) bool {
	w.spare.Reset()
	return set.Parse(text, &w.spare) == nil
}

// join looks for the lines that continue the error message of line i, and marks
// them. It returns the whole message, or nil if the message does not go on after
// all. open says that the lines ended before the message did.
func (w *Worker) join(lines []record.Line, i int) (whole []byte, open bool) {
	b := &w.batch
	var e record.Envelope
	for k := i + 1; k < len(lines); k++ {
		if lines[k].Origin != lines[i].Origin || lines[k].Defect != record.Sound {
			break
		}
		var inner []byte
		inner, b.ahead = w.openAlone(&lines[k], b.ahead[:0], &e)
		// A line that a format of the stream reads is never part of an error
		// message, whatever a visitor put into that message.
		access := w.reads(w.formatsFor(lines[k].Origin), inner)
		switch b.errors.Add(inner, access) {
		case parser.JoinDone:
			b.continues[k] = int32(i + 1)
			return b.errors.Text(), false
		case parser.JoinMore:
			b.continues[k] = int32(i + 1)
			continue
		case parser.JoinBetween:
			continue
		}
		b.forget(i)
		return nil, false
	}
	b.forget(i)
	return nil, b.errors.Open()
}

// forget removes the marks of lines that were to continue line i.
func (b *batch) forget(i int) {
	for k := i + 1; k < len(b.continues); k++ {
		if b.continues[k] == int32(i+1) {
			b.continues[k] = 0
		}
	}
}
