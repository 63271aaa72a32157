package pipeline

import (
	"bytes"

	"clearhop/parser"
	"clearhop/record"
)

// connectionSign stands before the number of a connection, in the first line of each error
// record that a visitor can write into. Few access lines have one.
const connectionSign = '*'

// beginBehind finds what the error records of a batch say about the lines before them. In a
// log that is newest first, the lines of a record stand before the line that begins it. If
// nginx cut the record off, or an application wrote into it, no end shows where it is. Only
// the first line does, and it comes last.
//
// No line is held until the lines behind it are known: a line of a live log has to come
// out at once. So only records that begin in the same batch count.
func (w *Worker) beginBehind(lines []record.Line) {
	b := &w.batch
	b.behind = b.behind[:0]
	if len(lines) == 0 || lines[0].Origin.InOrder {
		return
	}
	for i := range lines {
		b.behind = append(b.behind, record.NoDoubt)
		if i == 0 || lines[i].Defect != record.Sound || bytes.IndexByte(lines[i].Text, connectionSign) < 0 {
			continue
		}
		var begin record.Envelope
		var inner []byte
		inner, b.head = w.openAlone(&lines[i], b.head[:0], &begin)
		if reach := (parser.ErrorReach{}); reach.Start(inner) {
			w.followBack(lines, i, reach, &begin, len(inner))
		}
	}
}

// behindOf returns the doubt that the records behind line i bring it into, if the stream is
// newest first.
func (b *batch) behindOf(i int) record.Doubt {
	if len(b.behind) == 0 {
		return record.NoDoubt // the stream is in order
	}
	return b.behind[i]
}

// followBack is follow for a record whose lines stand one before the other: line i begins
// it, and has size bytes.
func (w *Worker) followBack(lines []record.Line, i int, reach parser.ErrorReach, begin *record.Envelope, size int) {
	b := &w.batch
	within, end, doubt, wrapping := i, i, record.NoDoubt, 2*bytes.Count(lines[i].Text, []byte("\ufffd"))
	size -= wrapping
	for k := i - 1; k >= 0 && lines[k].Origin == lines[i].Origin; k-- {
		var e record.Envelope
		var text []byte
		text, b.ahead = w.openAlone(&lines[k], b.ahead[:0], &e)
		if isOtherOutput(begin, &e) {
			continue
		}
		n, more := sizeInRecord(&lines[k], text, begin, &e)
		size, wrapping = size+len("\n")+n, wrapping+more
		empty := 0
		if hasOffsets(&lines[i], begin) {
			size = max(size, int(lines[i].Offset-lines[k].Offset)+len(lines[i].Text))
			if k > 0 && lines[k-1].Origin == lines[k].Origin {
				empty = max(0, int(lines[k].Offset-lines[k-1].Offset)-len(lines[k-1].Text)-len("\n"))
			}
		}
		if size > parser.MaxErrorLine {
			break
		}
		within = k
		// Line i may have had a carriage return, which its text does not show.
		switch reach.Add(text, size, size+len("\r")+empty+wrapping) {
		case parser.ReachEnd:
			end, doubt = k, record.DoubtAttempt
		case parser.ReachTail, parser.ReachCut:
			end, doubt = k, max(doubt, record.DoubtPossible)
		}
	}
	if end == i && reach.Open() {
		end, doubt = within, record.DoubtPossible
	}
	if reach.IsHeader() {
		doubt = min(doubt, record.DoubtAccess)
	}
	if doubt > record.NoDoubt {
		w.mark(b.behind, lines, end, i, begin, doubt)
	}
}
