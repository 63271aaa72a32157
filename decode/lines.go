package decode

import (
	"bytes"
	"io"

	"clearhop/record"
)

// A window is the part of a stream that is in memory: read adds bytes at its end,
// drop removes bytes at its start.
type window struct {
	buf        []byte
	start, end int   // the window is buf[start:end]
	offset     int64 // the place of buf[start] in the stream
	err        error // arrived together with bytes; the next read returns it
}

const firstWindow = 64 << 10

func (w *window) bytes() []byte { return w.buf[w.start:w.end] }

// drop removes n bytes. They stay valid until the next read.
func (w *window) drop(n int) {
	w.start += n
	w.offset += int64(n)
}

// read makes room and adds bytes of r. It returns an error if it adds none.
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

// lines splits a stream into lines. It keeps at most the head of a line that is
// too long in memory.
type lines struct {
	window
	maxLine int   // the longest line, in bytes
	scanned int   // the number of bytes of the window that have no newline
	skipped int   // the number of bytes that were removed after the current line's head
	empty   int64 // the number of empty lines
	begun   bool  // first is known
	first   uint64
	file    io.ReaderAt // what first is read from, if reading did not begin at the start
	objects bool        // objects of JSON may stand on several lines
}

// next sets line to the next whole line in the window and reports whether there is
// one. It skips and counts empty lines.
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
		if l.objects {
			end, wait := objectEnd(held, n)
			if wait && len(held) <= l.maxLine {
				l.scanned = n
				return false
			}
			n = end
		}
		if l.take(line, n, n+1) {
			return true
		}
	}
}

// ready reports whether next will find a line in the window. Empty lines before
// it are counted and left out, as next does.
func (l *lines) ready() bool {
	if l.objects {
		return false // the line may go on
	}
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

// rest sets line to what follows the last newline and reports whether there is
// anything.
func (l *lines) rest(line *record.Line) bool {
	n := l.end - l.start
	return n > 0 && l.take(line, n, n)
}

// take removes size bytes from the window and sets line to the first n of them. It
// reports false for an empty line.
func (l *lines) take(line *record.Line, n, size int) bool {
	held := l.bytes()[:n]
	line.Offset = l.offset
	line.Defect = record.Sound
	setText(line, held, l.maxLine)
	if l.skipped > 0 {
		line.Text = held[:l.maxLine]
		line.Defect = record.TooLong
	}
	l.drop(size)
	l.offset += int64(l.skipped)
	l.scanned, l.skipped = 0, 0
	if len(line.Text) == 0 {
		l.empty++
		return false
	}
	if !l.begun {
		text := line.Text
		if l.file != nil {
			text = firstLine(l.file)
		}
		l.begun, l.first = true, hashOfFirst(text)
	}
	line.First = l.first
	return true
}

// shorten removes what follows the head of a line that is too long. One byte more
// than the bound may be the "\r" of a line ending. With two bytes more the line is
// too long in any case.
func (l *lines) shorten() {
	if over := l.end - l.start - l.maxLine; over >= 2 || l.skipped > 0 {
		l.skipped += over
		l.end -= over
		l.scanned = l.maxLine
	}
}

// discard removes everything up to the next newline, and the newline. It reports
// whether the window had one.
func (l *lines) discard() bool {
	held := l.bytes()
	if n := bytes.IndexByte(held, '\n'); n >= 0 {
		l.drop(n + 1)
		return true
	}
	l.drop(len(held))
	return false
}

// restart empties the window for a new stream, which is read from the given
// offset. file is needed only if that is not the start.
func (l *lines) restart(offset int64, file io.ReaderAt) {
	l.begun, l.file = false, file
	l.start, l.end, l.scanned, l.skipped = 0, 0, 0, 0
	l.offset, l.err = offset, nil
}

// readTo returns the number of bytes of the stream that were read.
func (l *lines) readTo() int64 {
	return l.offset + int64(l.skipped) + int64(l.end-l.start)
}

// hasObjectOnLines reports whether a line of the head of a stream holds only the
// bracket that opens an object of JSON, as "jq ." and "aws logs tail --format json"
// write it.
func hasObjectOnLines(head []byte) bool {
	return opensObject(head) || bytes.Contains(head, []byte("\n{\n")) || bytes.Contains(head, []byte("\n{\r\n"))
}

func opensObject(b []byte) bool {
	return bytes.HasPrefix(b, []byte("{\n")) || bytes.HasPrefix(b, []byte("{\r\n"))
}

// objectEnd returns the end of the line at the start of held, which has its first
// newline at n. If the line opens an object, or is what aws logs tail writes before
// one, its end is that of the object: the first line that holds only the closing
// bracket. wait reports that more of the stream is needed.
func objectEnd(held []byte, n int) (end int, wait bool) {
	from := n
	if !opensObject(held) {
		if !endsInStream(held[:n]) {
			return n, false
		}
		behind := held[n+1:]
		if len(behind) < len("{\r\n") {
			return n, true
		}
		if !opensObject(behind) {
			return n, false
		}
		from = n + 1
	}
	for {
		at := bytes.Index(held[from:], []byte("\n}"))
		if at < 0 {
			return n, true
		}
		end = from + at + len("\n}")
		if rest := held[end:]; len(rest) == 0 || string(rest) == "\r" {
			return n, true
		}
		if end = len(held) - len(bytes.TrimPrefix(held[end:], []byte("\r"))); held[end] == '\n' {
			return end, false
		}
		from = end
	}
}

// endsInStream reports whether a line is a time and a log stream, and nothing more.
func endsInStream(line []byte) bool {
	line = bytes.TrimSuffix(line, []byte("\r"))
	return len(line) > 0 && line[len(line)-1] == ' ' && (line[0] == 0x1b || line[0]-'0' < 10) && bytes.Count(line, []byte(" ")) == 2
}
