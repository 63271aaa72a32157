package deadletter

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

// ErrLine is wrapped by the errors of lines that are not part of a letter, and of
// letters whose data does not match their hash.
var ErrLine = errors.New("not a dead letter")

// The bounds of what is read. A Box does not reach them with any payload.
const (
	maxLine  = 64 << 20
	maxParts = 10_000
)

// A Reader returns letters. Their parts may come in any order, from several objects
// or messages, and more than once. A letter is returned when its last part has come,
// and a second time if all its parts come again; the ids of events tell. The zero
// value is ready for use. A Reader belongs to one goroutine.
type Reader struct {
	open map[string]*parts // by id
}

// parts is a letter that is not complete yet.
type parts struct {
	data    [][]byte
	missing int
}

// All reads lines from src, as NDJSON. A line that is not part of a letter yields an
// error with its number, and the lines after it are still read. An error of src is
// the last.
func (r *Reader) All(src io.Reader) iter.Seq2[*Letter, error] {
	return func(yield func(*Letter, error) bool) {
		lines := bufio.NewScanner(src)
		lines.Buffer(nil, maxLine)
		for n := 1; lines.Scan(); n++ {
			letter, err := r.Read(lines.Bytes())
			if err != nil {
				err = fmt.Errorf("line %d: %w", n, err)
			}
			if (letter != nil || err != nil) && !yield(letter, err) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(nil, fmt.Errorf("read dead letters: %w", err))
		}
	}
}

// Incomplete returns how many letters are not complete: some of their parts have
// come and others have not.
func (r *Reader) Incomplete() int { return len(r.open) }

// Read takes one line and returns the letter that it completes, or nil if there is
// none. It keeps nothing of text.
func (r *Reader) Read(text []byte) (*Letter, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, fmt.Errorf("%w: is not JSON of its shape", ErrLine)
	}
	at, err := time.Parse(layout, l.Timestamp)
	switch {
	case l.Version != version:
		return nil, fmt.Errorf("%w: version %d, want %d", ErrLine, l.Version, version)
	case err != nil:
		return nil, fmt.Errorf("%w: @timestamp is no time", ErrLine)
	case l.Kind != Event && l.Kind != Payload:
		return nil, fmt.Errorf("%w: of no known kind", ErrLine)
	case l.Parts < 1 || l.Parts > maxParts || l.Part < 1 || l.Part > l.Parts:
		return nil, fmt.Errorf("%w: part %d of %d", ErrLine, l.Part, l.Parts)
	}
	letter := &Letter{
		Time: at, Kind: l.Kind, Reason: l.Reason, RequestID: l.RequestID, EventID: l.EventID, Route: l.Route,
		Source: l.Source, Size: l.Size, SHA256: l.SHA256, Withheld: l.Withheld,
	}
	if l.Withheld {
		return letter, nil
	}
	if l.Event != nil {
		letter.Data = append(l.Event, '\n')
	} else {
		data, whole := r.join(&l)
		if !whole {
			return nil, nil
		}
		letter.Data = data
	}
	sum := sha256.Sum256(letter.Data)
	if len(letter.Data) != l.Size || hex.EncodeToString(sum[:]) != l.SHA256 {
		return nil, fmt.Errorf("%w: its data is not what its hash says", ErrLine)
	}
	return letter, nil
}

// join adds a part, and returns the data when all parts are there.
func (r *Reader) join(l *line) (data []byte, whole bool) {
	if l.Parts == 1 {
		return append([]byte{}, l.Base64...), true
	}
	key := fmt.Sprintf("%s/%d", l.ID, l.Parts)
	p := r.open[key]
	if p == nil {
		p = &parts{data: make([][]byte, l.Parts), missing: l.Parts}
		if r.open == nil {
			r.open = map[string]*parts{}
		}
		r.open[key] = p
	}
	if p.data[l.Part-1] == nil {
		p.data[l.Part-1] = l.Base64
		p.missing--
	}
	if p.missing > 0 {
		return nil, false
	}
	delete(r.open, key)
	return bytes.Join(p.data, nil), true
}
