package pipeline

import (
	"encoding/hex"

	"clearhop/record"
)

// identify gives a record its id: that of the source, or one derived from the line.
// The rules need it. text is the line without its envelopes, or the message that it
// begins: in it everything is found that is to be hidden.
func (w *Worker) identify(r *record.Record, text []byte) {
	line := &r.Line
	switch {
	case len(line.ID) > 0:
		r.ID = line.ID
	case w.hidden == nil:
		r.ID = w.plainID(line)
	default:
		w.id = w.hidden.AppendID(w.id[:0], r, w.textOfID(text))
		r.ID = w.id
	}
}

// textOfID returns a line without its secrets, if an id is made of it. The result is valid
// until the next call.
func (w *Worker) textOfID(text []byte) []byte {
	if !w.hidden.ReadsText() {
		return nil
	}
	if cap(w.scrubbedLine) > maxKept {
		w.scrubbedLine = nil
	}
	text, w.scrubbedLine = withoutSecrets(text, w.scrubbedLine)
	return text
}

// plainID returns a hash of a line's place and text: the same line of the same file has
// the same id however often it is read, also after the file was rotated.
func (w *Worker) plainID(line *record.Line) []byte {
	const idBytes = 16 // of the digest; 128 bits are beyond collision
	w.digest.Reset()
	w.id = line.AppendPlace(w.id[:0])
	w.digest.Write(w.id)
	w.digest.Write(line.Text)
	sum := w.digest.Sum(w.id[:0])
	w.id = hex.AppendEncode(sum, sum[:idBytes])
	return w.id[len(sum):]
}

// idOfFirst returns the id of the line that begins a message of several lines.
func (w *Worker) idOfFirst(first *record.Line) []byte {
	switch {
	case len(first.ID) > 0:
		return first.ID
	case w.hidden == nil:
		return w.plainID(first)
	}
	return w.batch.idAt(first.Offset)
}

// A knownID is the id that a line of the batch got. With privacy it cannot be derived
// from the line alone.
type knownID struct {
	offset int64
	id     [32]byte
}

// remember keeps the id that a line got, for the lines of the batch that continue it.
func (b *batch) remember(line *record.Line, id []byte) {
	if len(line.ID) > 0 {
		return
	}
	known := knownID{offset: line.Offset}
	copy(known.id[:], id)
	b.known = append(b.known, known)
}

// idAt returns the id of the line of the batch with that offset; nil if there is none.
func (b *batch) idAt(offset int64) []byte {
	for i := len(b.known) - 1; i >= 0; i-- {
		if b.known[i].offset == offset {
			return b.known[i].id[:]
		}
	}
	return nil
}
