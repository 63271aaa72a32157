package pipeline

import (
	"clearhop/parser"
	"clearhop/record"
)

// lookAhead marks line i if it can stand inside the record of an
// error line behind them. In a document that is newest first, the first line of a record
// stands behind its other lines. If nginx cut the record off, or an application wrote into
// it, no end of the record shows where it is.
//
// It reports whether it has seen all lines that can begin such a record with line i in
// it. In a stream that has shown that it runs forward, there are none.
func (w *Worker) lookAhead(lines []record.Line, i int) (complete bool) {
	if lines[i].Origin.InOrder || w.orderOf(lines[i].Origin).isForward() {
		return true
	}
	b := &w.batch
	for k := len(b.ends); k < i; k++ { // lines of a stream that ran forward then
		b.ends = append(b.ends, b.endOf(k-1)+len(lines[k].Text))
	}
	begin := b.endOf(i - 1)
	for k := i; k < len(lines) && !complete; k++ {
		if complete = lines[k].Origin != lines[i].Origin; complete {
			break
		}
		if k == len(b.ends) {
			b.ends = append(b.ends, b.endOf(k-1)+w.readHead(lines, i, k))
		}
		complete = b.ends[k]-begin > parser.MaxErrorLine+len("\n")
	}
	b.doubts[i] = max(b.doubts[i], b.behind[i])
	return complete
}

// endOf returns where line k ends, in bytes of the batch.
func (b *batch) endOf(k int) int {
	if k < 0 {
		return 0
	}
	return b.ends[k]
}

// readHead reads line k and returns its bytes, with the end of the line. If an error
// record begins with it, the lines before it that can belong to the record are marked,
// line first and those behind it.
func (w *Worker) readHead(lines []record.Line, first, k int) int {
	b := &w.batch
	var begin record.Envelope
	var inner []byte
	inner, b.head = w.openAlone(&lines[k], b.head[:0], &begin)
	var reach parser.ErrorReach
	if reach.Start(inner) {
		w.followBack(lines, first, k, &reach, &begin, len(inner))
	}
	return len(inner) + len("\n")
}

// followBack is follow for a record whose lines stand one before the other, as in a
// document that is newest first. Line k begins the record. Lines from first on are looked
// at. size is how many bytes line k has.
func (w *Worker) followBack(lines []record.Line, first, k int, reach *parser.ErrorReach, begin *record.Envelope, size int) {
	b := &w.batch
	within, end, doubt := k, k, record.NoDoubt
	for j := k - 1; j >= first; j-- {
		var e record.Envelope
		var text []byte
		text, b.ahead = w.openAlone(&lines[j], b.ahead[:0], &e)
		if isOtherOutput(begin, &e) {
			continue
		}
		size += len("\n") + len(text)
		empty := 0
		if hasOffsets(&lines[k], begin, &e) {
			size = max(size, int(lines[k].Offset-lines[j].Offset)+len(lines[k].Text))
			if j > first {
				empty = max(0, int(lines[j].Offset-lines[j-1].Offset)-len(lines[j-1].Text)-len("\n"))
			}
		}
		if size > parser.MaxErrorLine {
			break
		}
		within = j
		// Line k may have had a carriage return, which its text does not show.
		switch reach.Add(text, size, size+len("\r")+empty) {
		case parser.ReachEnd:
			end, doubt = j, record.DoubtAttempt
		case parser.ReachTail, parser.ReachCut:
			end, doubt = j, max(doubt, record.DoubtPossible)
		}
	}
	if end == k && reach.Open() {
		end, doubt = within, record.DoubtPossible
	}
	if reach.IsHeader() {
		doubt = min(doubt, record.DoubtAccess)
	}
	w.mark(b.behind, lines, end, k, begin, doubt)
}
