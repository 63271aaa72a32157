package file_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"clearhop/internal/sinktest"
	"clearhop/sink"
	"clearhop/sink/file"
)

func TestContract(t *testing.T) {
	opens := map[string]func(string) (*file.Sink, error){"create": file.Create, "append": file.Append}
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			sinktest.Run(t, func(t *testing.T) sinktest.Subject {
				path := filepath.Join(t.TempDir(), "events.ndjson")
				s, err := open(path)
				if err != nil {
					t.Fatal(err)
				}
				return sinktest.Subject{Sink: s, Delivered: func() []byte {
					b, err := os.ReadFile(path)
					if err != nil {
						t.Fatal(err)
					}
					return b
				}}
			})
		})
	}
	t.Run("writer", func(t *testing.T) {
		sinktest.Run(t, func(*testing.T) sinktest.Subject {
			var b bytes.Buffer
			return sinktest.Subject{Sink: file.New(&b), Delivered: b.Bytes}
		})
	})
}

// shortWriter takes a number of bytes and then fails as a full disk does.
type shortWriter struct{ left int }

var errFull = errors.New("no space left on device")

func (w *shortWriter) Write(b []byte) (int, error) {
	n := min(w.left, len(b))
	w.left -= n
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

func TestShortWriteAccountsForEachDocument(t *testing.T) {
	s := file.New(&shortWriter{left: 7})
	docs := []sink.Document{{Data: []byte("{}\n")}, {Data: []byte("{}\n")}, {Data: []byte("{}\n")}}
	err := s.Put(t.Context(), docs)
	var failed *sink.PutError
	if !errors.As(err, &failed) || len(failed.Failures) != 1 || failed.Failures[0].Index != 2 {
		t.Fatalf("got %v, want the third document to have failed", err)
	}
	if !errors.Is(err, errFull) {
		t.Errorf("the cause is lost: %v", err)
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.ndjson")
	for range 2 {
		s, err := file.Append(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Put(t.Context(), []sink.Document{{Data: []byte("{}\n")}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if string(b) != "{}\n{}\n" || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
}

// TestUmaskDecides: a new file has the mode that os.Create gives it.
func TestUmaskDecides(t *testing.T) {
	dir := t.TempDir()
	plain, err := os.Create(filepath.Join(dir, "plain"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	want, err := plain.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func(string) (*file.Sink, error){"create": file.Create, "append": file.Append} {
		path := filepath.Join(dir, name)
		s, err := open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != want.Mode() {
			t.Errorf("%s: mode %v, want %v; %v", name, info.Mode(), want.Mode(), err)
		}
	}
}

func TestOpenNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "events.ndjson")
	if _, err := file.Create(path); !errors.Is(err, os.ErrNotExist) || !bytes.Contains([]byte(err.Error()), []byte(path)) {
		t.Errorf("got %v", err)
	}
}
