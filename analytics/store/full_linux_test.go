//go:build cgo && (amd64 || arm64)

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFull: a device that becomes full ends the loading with its name, and what was there
// before can still be asked. A folder that is read-only is named too.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("CI has to mount a small file system, and cannot: %v", err)
		}
		t.Skipf("a small file system cannot be mounted here, which needs root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	path := filepath.Join(dir, "x.db")
	s, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if stats, said := load(t, s, write(t, "few.ndjson", events("few", 10))); said != "" || stats.Events != 10 {
		t.Fatalf("%+v, %s", stats, said)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), Options{Path: path}); err != nil {
		t.Fatal(err)
	}
	l, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 1_000_000 && err == nil; i++ {
		unlike := strings.Repeat(fmt.Sprintf("%x", i*i*7919), 20) // so that it cannot be packed
		err = l.Add([]byte(strings.Replace(event(fmt.Sprint("many", i), 200), "/item", "/"+unlike, 1)))
	}
	_, finishErr := l.Finish()
	closeErr := s.Close()
	if full, ok := errors.AsType[*FullError](errors.Join(err, finishErr, closeErr)); !ok || full.Path != path {
		t.Errorf("add: %v\nfinish: %v\nclose: %v", err, finishErr, closeErr)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Path: filepath.Join(dir, "new.db")}); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("a read-only folder: %v", err)
	}
}
