package progress

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSizeOf: the total of a bar is that of the files, and of all files below folders.
func TestSizeOf(t *testing.T) {
	folder := t.TempDir()
	part := filepath.Join(folder, "dt=2026-11-22", "hour=10")
	if err := os.MkdirAll(part, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{filepath.Join(folder, "a"): 3, filepath.Join(part, "b"): 4} {
		if err := os.WriteFile(name, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := func(want int64, known bool, names ...string) {
		t.Helper()
		if got, isKnown := sizeOf(names); got != want || isKnown != known {
			t.Errorf("%q: %d, %t, want %d, %t", names, got, isKnown, want, known)
		}
	}
	f(0, true)
	f(3, true, filepath.Join(folder, "a"))
	f(7, true, folder)
	f(10, true, folder, filepath.Join(folder, "a"))
	f(0, false, "-")
	f(0, false, filepath.Join(folder, "a"), os.DevNull)
	f(0, false, filepath.Join(folder, "missing"))
}

// TestNoTerminal: nothing is written where there is no terminal.
func TestNoTerminal(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 2*showAfter); err != nil {
		t.Fatal(err)
	}
	b := New(out, []string{large})
	b.Update(showAfter)
	b.Finish()
	if info, err := out.Stat(); err != nil || info.Size() > 0 {
		t.Errorf("%v, %v: a bar was written", info, err)
	}
}
