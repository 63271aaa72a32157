package feed

import (
	"clearhop/decode"
	"clearhop/record"
)

// The bounds of a batch. A batch is full when it reaches one of them. A message of
// several lines is joined within one batch.
const (
	maxLines = 512
	maxBytes = 256 << 10 // of text and ids; the last line may go beyond it
)

// keptBytes bounds the memory that a batch keeps when it is used again.
const keptBytes = 4 * maxBytes

// A batch holds copies of lines of one stream. It belongs to one goroutine at a
// time: its reader fills it and sends it to the drive, which may have a worker process it.
type batch struct {
	lines  []record.Line
	text   []byte // what the lines alias
	origin *record.Origin
	most   int               // lines
	places []decode.Position // behind each line; empty if nobody asks for them

	read  int64 // bytes that were read for it
	last  bool  // the stream ends with it
	waits bool  // when it was sent, no further line was at hand

	ticked bool // the clock has ticked since its lines are held
}

// add copies a line.
func (b *batch) add(line *record.Line) {
	kept := *line
	kept.Text = b.keep(line.Text)
	if line.ID != nil {
		kept.ID = b.keep(line.ID)
	}
	b.lines = append(b.lines, kept)
}

// keep copies text. When the buffer grows, the text before stays in the old one.
func (b *batch) keep(text []byte) []byte {
	from := len(b.text)
	b.text = append(b.text, text...)
	return b.text[from:len(b.text):len(b.text)]
}

func (b *batch) isEmpty() bool { return len(b.lines) == 0 }

func (b *batch) isFull() bool { return len(b.lines) >= b.most || len(b.text) >= maxBytes }

// drop takes out the first n lines and moves the others to the front. A line never
// moves backwards, so no text is overwritten that is still to be moved.
func (b *batch) drop(n int) {
	if n == 0 {
		return
	}
	if len(b.places) > 0 {
		b.places = append(b.places[:0], b.places[n:]...)
	}
	rest := b.lines[n:]
	b.lines, b.text = b.lines[:0], b.text[:0]
	for i := range rest {
		b.add(&rest[i])
	}
}

// leave moves the first n lines to an empty batch, and leaves the others. These few are
// copied.
func (b *batch) leave(n int, taken *batch) {
	*taken, *b = *b, *taken
	b.origin, b.most, b.last, b.waits = taken.origin, taken.most, taken.last, taken.waits
	for i := n; i < len(taken.lines); i++ {
		b.add(&taken.lines[i])
	}
	taken.lines = taken.lines[:n]
	if len(taken.places) > 0 {
		b.places = append(b.places, taken.places[n:]...)
		taken.places = taken.places[:n]
	}
}

// moveTo moves lines to the end of another batch until that one is full: at least
// one line, if there is one.
func (b *batch) moveTo(to *batch) {
	n := 0
	for n < len(b.lines) && (n == 0 || !to.isFull()) {
		to.add(&b.lines[n])
		n++
	}
	if len(b.places) > 0 {
		to.places = append(to.places, b.places[:n]...)
	}
	b.drop(n)
}

// reset makes a batch ready to be used again.
func (b *batch) reset() {
	if cap(b.text) > keptBytes {
		*b = batch{}
		return
	}
	*b = batch{lines: b.lines[:0], text: b.text[:0], places: b.places[:0]}
}
