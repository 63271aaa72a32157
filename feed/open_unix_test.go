//go:build unix

package feed

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestOpenNamedPipe: a pipe is read to its end, and one without a writer keeps
// nobody waiting after an interrupt.
func TestOpenNamedPipe(t *testing.T) {
	dir := t.TempDir()
	pipe := func(name string) string {
		path := filepath.Join(dir, name)
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	written, silent := pipe("written"), pipe("silent")
	var got results
	open := func(ctx context.Context, name string) (io.ReadCloser, error) { return Open(ctx, nil, name) }
	over := start(t.Context(), Files([]string{written}, open), config(t, &got))
	w, err := os.OpenFile(written, os.O_WRONLY, 0) // waits until it is opened for reading
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, accessLines(0, 1)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-over; err != nil || len(got.all()) != 1 {
		t.Errorf("%v, events %q", err, got.all())
	}

	ctx, interrupt := context.WithCancel(t.Context())
	over = start(ctx, Files([]string{silent}, open), config(t, &got))
	interrupt()
	if err := <-over; err != nil || len(got.all()) != 1 {
		t.Errorf("%v, events %q", err, got.all())
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := Open(t.Context(), nil, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, isFile := in.(*os.File); !isFile {
		t.Errorf("a regular file is opened as %T", in)
	}
	in.Close()
	if _, err := Open(t.Context(), nil, path+".1"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
}
