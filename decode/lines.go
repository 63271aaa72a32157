package decode

import (
	"bytes"
	"io"

	"clearhop/record"
)

// A window is the part of a stream that is held in memory: read adds at its
// end, the reader takes away at its start.
type window struct {
	buf        []byte
	start, end int
	offset     int64 // where buf[start] stands in the stream
	err        error // came with bytes, and is due at the next read
}

const firstWindow = 64 << 10

func (w *window) bytes() []byte { return w.buf[w.start:w.end] }

// drop takes n bytes away. They stay where they are until the next read.
func (w *window) drop(n int) {
	w.start += n
	w.offset += int64(n)
}

// read reads once, making room first. It returns no bytes only with an error.
func (w *window) read(r io.Reader) error {
	if w.start > 0 {
		w.end = copy(w.buf, w.bytes())
		w.start = 0
	}
	if w.end == len(w.buf) {
		w.buf = append(w.buf, make([]byte, max(len(w.buf), firstWindow))...)
	}
	for range 100 {
		err := w.err
		w.err = nil
		if err != nil {
			return err
		}
		var n int
		n, w.err = r.Read(w.buf[w.end:])
		w.end += n
		if n > 0 {
			return nil
		}
	}
	return io.ErrNoProgress
}

// lines cuts a stream into lines. An over-long line is kept in memory only up
// to the bound.
type lines struct {
	window
	most    int // the longest line
	scanned int // bytes of the window known to hold no newline
	skipped int // bytes of the current line taken out behind its head
	empty   int64
}

// next sets line to the next whole line in the window and reports whether
// there is one. Lines with nothing in them are counted and left out.
func (l *lines) next(line *record.Line) bool {
	for {
		held := l.bytes()
		n := bytes.IndexByte(held[l.scanned:], '\n')
		if n < 0 {
			l.scanned = len(held)
			l.shorten()
			return false
		}
		n += l.scanned
		if l.take(line, n, n+1) {
			return true
		}
	}
}

// ready reports whether next will find a line in the window. Empty lines before
// it are counted and left out, as next does.
func (l *lines) ready() bool {
	for {
		held := l.bytes()
		n := bytes.IndexByte(held[l.scanned:], '\n')
		if n < 0 {
			l.scanned = len(held)
			return false
		}
		l.scanned += n // next does not search this part again
		isEmpty := l.scanned == 0 || l.scanned == 1 && held[0] == '\r'
		if !isEmpty || l.skipped > 0 {
			return true
		}
		var line record.Line
		l.take(&line, l.scanned, l.scanned+1)
	}
}

// rest sets line to what stands behind the last newline, if anything does.
func (l *lines) rest(line *record.Line) bool {
	n := l.end - l.start
	return n > 0 && l.take(line, n, n)
}

// take takes size bytes out of the window, of which the first n are a line.
func (l *lines) take(line *record.Line, n, size int) bool {
	held := l.bytes()[:n]
	line.Offset = l.offset
	line.Defect = record.Sound
	setText(line, held, l.most)
	if l.skipped > 0 {
		line.Text = held[:l.most]
		line.Defect = record.TooLong
	}
	l.drop(size)
	l.offset += int64(l.skipped)
	l.scanned, l.skipped = 0, 0
	if len(line.Text) == 0 {
		l.empty++
		return false
	}
	return true
}

// shorten takes out what an over-long line has behind its head. Two bytes
// more than the bound are over-long even if the next is a newline and the last
// of them its "\r".
func (l *lines) shorten() {
	if over := l.end - l.start - l.most; over >= 2 || l.skipped > 0 {
		l.skipped += over
		l.end -= over
		l.scanned = l.most
	}
}

// discard takes away what stands before the next newline, and that. It reports
// whether the newline has come.
func (l *lines) discard() bool {
	held := l.bytes()
	if n := bytes.IndexByte(held, '\n'); n >= 0 {
		l.drop(n + 1)
		return true
	}
	l.drop(len(held))
	return false
}

// restart begins a new stream at the given offset.
func (l *lines) restart(offset int64) {
	l.start, l.end, l.scanned, l.skipped = 0, 0, 0, 0
	l.offset, l.err = offset, nil
}

// readTo returns how much of the stream was read.
func (l *lines) readTo() int64 {
	return l.offset + int64(l.skipped) + int64(l.end-l.start)
}
