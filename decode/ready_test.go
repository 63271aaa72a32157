package decode

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clearhop/record"
)

// A pieceReader gives its bytes in pieces of one size and counts the reads.
type pieceReader struct {
	data  []byte
	size  int
	reads int
}

func (r *pieceReader) Read(p []byte) (int, error) {
	r.reads++
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data[:min(r.size, len(r.data))])
	r.data = r.data[n:]
	return n, nil
}

// TestReaderReady: a Reader that is ready returns a line without reading, one
// that is not has to read, and asking changes no line and no count.
func TestReaderReady(t *testing.T) {
	const maxLine = 1
	for _, in := range []string{
		"a\nb\nc\n", "a\n\n\r\n\nb\n\nc", "\n\n", "\n\r", "\r\r\n", "abc\nd\n", "\rbc\nd\n\r", "abc\r\n\r\nd\r\n", "abcdef",
	} {
		want, empty := slowLines([]byte(in), maxLine)
		for size := 1; size <= len(in); size++ {
			pieces := &pieceReader{data: []byte(in), size: size}
			// The first bytes are read to tell the content, before any line.
			r := NewReader(pieces, Options{MaxLine: maxLine})
			var got []record.Line
			for {
				started, ready, before := pieces.reads > 0, r.Ready(), pieces.reads
				line, err := r.Next()
				if ready && (err != nil || pieces.reads > before) {
					t.Fatalf("%q in pieces of %d: ready, but Next returns %v after %d reads", in, size, err, pieces.reads-before)
				}
				atEnd := len(pieces.data) == 0
				if !ready && started && !atEnd && pieces.reads == before {
					t.Fatalf("%q in pieces of %d: not ready, but Next returns a line", in, size)
				}
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				kept := clone(line)
				if r.Ready(); !cmp.Equal(kept, *line) {
					t.Fatalf("%q in pieces of %d: the line %v became %v", in, size, kept, *line)
				}
				got = append(got, kept)
			}
			if diff := cmp.Diff(want, got); diff != "" || r.Empty() != empty {
				t.Errorf("%q in pieces of %d: %d empty lines, want %d; -want +got\n%s", in, size, r.Empty(), empty, diff)
			}
		}
	}
}

// TestReaderReadyInPayloads: the events of a payload are there together.
func TestReaderReadyInPayloads(t *testing.T) {
	r := NewReader(bytes.NewReader(append(payloadJSON(2), payloadJSON(1)...)), Options{})
	var got []bool
	for {
		got = append(got, r.Ready())
		if _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]bool{false, true, false, false}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestFollowReady: a Follower is ready for whole lines only, and not for those
// that it leaves out.
func TestFollowReady(t *testing.T) {
	path := logPath(t)
	appendTo(t, path, "old\nhal")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tick := make(chan time.Time)
	f := Follow(ctx, path, Options{FromEnd: true, Tick: tick})
	defer f.Close()
	var got []string
	next := func() {
		ready := f.Ready()
		line, err := f.Next()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%t %s", ready, line.Text))
	}
	go func() {
		tick <- time.Time{} // it waits, so it has opened the file
		appendTo(t, path, "f\none\n\ntwo\nthr")
		select {
		case tick <- time.Time{}:
		case <-ctx.Done():
		}
	}()
	next()
	next()
	if f.Ready() {
		t.Error("ready for half a line")
	}
	cancel()
	next()
	if diff := cmp.Diff([]string{"false one", "true two", "false thr"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
