package pipeline

import (
	"bytes"
	"slices"

	"clearhop/parser"
	"clearhop/record"
)

// follow looks at the lines behind an error line, whose text is inner, and marks those
// that can stand inside its record. It reports whether it has seen all lines that can.
//
// What can be proven decides. A line is marked where an end of the record follows it,
// or where the record cannot have ended before it. Lines that a runtime says to come
// from another output are not looked at: nginx did not write them with the record.
func (w *Worker) follow(lines []record.Line, i int, inner []byte) (complete bool) {
	b := &w.batch
	begin := w.envelope
	size, wrapping := sizeOf(inner)
	within, end, doubt := i, i, record.NoDoubt
	k := i + 1
	for ; k < len(lines) && lines[k].Origin == lines[i].Origin; k++ {
		var e record.Envelope
		var text []byte
		text, b.ahead = w.openAlone(&lines[k], b.ahead[:0], &e)
		if isOtherOutput(&begin, &e) {
			continue
		}
		if !hasOffsets(&lines[i], &begin) && parser.FillsRecord(text) {
			// The access line of a request whose record nginx has cut off. The bytes of such
			// a record cannot be counted here, because empty lines are left out.
			end, doubt = k-1, record.DoubtAttempt
		}
		n, more := sizeInRecord(&lines[k], text, &begin, &e)
		size, wrapping = size+len("\n")+n, wrapping+more
		most := size + wrapping
		if hasOffsets(&lines[i], &begin) {
			// An event of a document has its number for an offset. Then the sum is larger.
			bytes, all := bytesBehind(lines, i, k)
			size, most = max(size, bytes), max(most, all)
		}
		step := b.reach.Add(text, size, most)
		if step == parser.ReachOver {
			complete = true
			break
		}
		if size <= parser.MaxErrorLine {
			within = k
		}
		switch step {
		case parser.ReachEnd:
			end, doubt = k, record.DoubtAttempt
		case parser.ReachTail, parser.ReachCut:
			end, doubt = k, max(doubt, record.DoubtPossible)
		}
	}
	if end == i && b.reach.Open() {
		end, doubt = within, record.DoubtPossible
	}
	if b.reach.IsHeader() {
		doubt = min(doubt, record.DoubtAccess)
	}
	w.mark(b.doubts, lines, i+1, end+1, &begin, doubt)
	return complete || k < len(lines)
}

// sizeInRecord returns how many bytes a line has in a record that begins in the envelopes
// begin, and how many more it can have. text is what the envelopes e of the line hold. The
// record has no more of them than its first line: others are what a visitor wrote in it.
func sizeInRecord(line *record.Line, text []byte, begin, e *record.Envelope) (size, more int) {
	if begin.Count == 0 {
		return sizeOf(line.Text)
	}
	size, more = sizeOf(text)
	if e.Count > begin.Count {
		more = max(more, len(line.Text)-size)
	}
	return size, more
}

// sizeOf returns how many bytes nginx has written at least for a text, and how many more it
// can have written. Log drivers write U+FFFD, which has three bytes, for each byte that is not
// UTF-8. A visitor can send both.
func sizeOf(text []byte) (size, more int) {
	const replacement = "\uFFFD"
	more = (len(replacement) - 1) * bytes.Count(text, []byte(replacement))
	return len(text) - more, more
}

// hasOffsets reports whether the offsets of lines count the bytes between them, with line
// ends and empty lines. begin is the envelope of the record that line begins.
func hasOffsets(line *record.Line, begin *record.Envelope) bool {
	return begin.Count == 0 && line.Origin.LogGroup == ""
}

// bytesBehind returns how many bytes there are from the beginning of line i to the end of
// line k behind it, and how many if the carriage return and the empty lines behind line k
// belong to the same record. Where no line follows, they are not known: a carriage return
// is allowed for.
func bytesBehind(lines []record.Line, i, k int) (size, most int) {
	size = int(lines[k].Offset-lines[i].Offset) + len(lines[k].Text)
	if k+1 < len(lines) && lines[k+1].Origin == lines[i].Origin {
		return size, int(lines[k+1].Offset-lines[i].Offset) - len("\n")
	}
	return size, size + len("\r")
}

// isOtherOutput reports whether a runtime says that a line comes from another output
// than the line that begins a record. What the line itself says does not count: a
// visitor can have written it.
func isOtherOutput(begin, e *record.Envelope) bool {
	return begin.Count > 0 && e.Count > 0 && begin.Kinds[0] == e.Kinds[0] &&
		begin.Stream != nil && e.Stream != nil && !bytes.Equal(begin.Stream, e.Stream)
}

// mark raises the doubts about lines, apart from those of another output than that of
// the record. e is the envelope of a line of the record.
func (w *Worker) mark(doubts []record.Doubt, lines []record.Line, from, to int, e *record.Envelope, doubt record.Doubt) {
	b := &w.batch
	for k := from; k < to; k++ {
		if e.Stream != nil {
			var own record.Envelope
			_, b.marked = w.openAlone(&lines[k], b.marked[:0], &own)
			if isOtherOutput(e, &own) {
				continue
			}
		}
		doubts[k] = max(doubts[k], doubt)
	}
}

// beginDoubts makes the marks of a batch: those that were carried over, and those of
// lines before which the beginning of a record may be missing. Those are the first lines
// of a subscription's payload: the lines before them came in another one. The lines of a
// file are not held for that.
func (w *Worker) beginDoubts(lines []record.Line) {
	b := &w.batch
	b.doubts = b.doubts[:0]
	for range lines {
		b.doubts = append(b.doubts, record.NoDoubt)
	}
	if len(lines) == 0 {
		return
	}
	if carried, ok := w.carried[lines[0].Origin]; ok {
		copy(b.doubts, carried)
		delete(w.carried, lines[0].Origin)
	}
	for i := range lines {
		if lines[i].Offset == 0 && lines[i].Origin.LogGroup != "" && (i == 0 || lines[i].Origin != lines[i-1].Origin) {
			w.doubtHead(lines, i)
		}
	}
}

// doubtHead marks the first lines of a stream if they can be the rest of a record that
// began in a payload before: if an end of such a record is among them.
func (w *Worker) doubtHead(lines []record.Line, first int) {
	b := &w.batch
	var begin parser.ErrorReach
	explained := false // an error line among these has several lines
	size := 0
	for k := first; k < len(lines) && lines[k].Origin == lines[first].Origin; k++ {
		var e record.Envelope
		var text []byte
		text, b.ahead = w.openAlone(&lines[k], b.ahead[:0], &e)
		size += len(text) + len("\n")
		if size > parser.MaxErrorLine {
			return
		}
		explained = explained || begin.Start(text) && begin.Open()
		switch {
		case parser.EndsForgedRecord(text):
			w.mark(b.doubts, lines, first, k+1, &e, record.DoubtAttempt)
		case !explained && parser.EndsOpenRecord(text):
			w.mark(b.doubts, lines, first, k+1, &e, record.DoubtAccess)
		}
	}
}

// keepDoubts keeps the marks of the lines that wait for the next batch.
func (w *Worker) keepDoubts(lines []record.Line, done int) {
	rest := w.batch.doubts[done:]
	if len(rest) == 0 || slices.Max(rest) == record.NoDoubt {
		return
	}
	if len(w.carried) >= maxStreams {
		clear(w.carried)
	}
	w.carried[lines[done].Origin] = slices.Clone(rest)
}

// doubtOf returns the doubt about a line. nginx writes no access line to stderr, where
// its error log goes: what looks like one there can be a visitor's.
func doubtOf(r *record.Record, inside record.Doubt) record.Doubt {
	if r.Dataset == record.AccessLine && string(r.Envelope.Stream) == "stderr" {
		return max(inside, record.DoubtPossible)
	}
	return inside
}
