package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestWithoutCopies: what is in another file from its beginning on is left out, whichever
// of them comes first.
func TestWithoutCopies(t *testing.T) {
	folder := t.TempDir()
	long := strings.Repeat("203.0.113.7 - - one line of a log that is long enough to tell files apart\n", 20_000)
	packed := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(text)) // into memory
		_ = w.Close()
		return b.String()
	}
	for name, text := range map[string]string{
		"long": long, "long.gz": packed(long), "half": long[:len(long)/2], "cut.gz": packed(long)[:100],
		"other": long[:len(long)-1] + " \n", "later": long[:len(long)/2] + "something else\n",
		"short": "a\n", "short2": "a\n", "empty": "", "empty2": "",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := func(names, kept string) {
		t.Helper()
		var paths []string
		for _, name := range strings.Fields(names) {
			paths = append(paths, filepath.Join(folder, name))
		}
		got, copies := withoutCopies(t.Context(), paths)
		for i := range got {
			got[i] = filepath.Base(got[i])
		}
		if !slices.Equal(got, strings.Fields(kept)) || len(got)+len(copies) != len(paths) {
			t.Errorf("of %s are kept %q, copies %v; want %s", names, got, copies, kept)
		}
	}
	f("long long.gz half", "long")
	f("half long.gz long", "long.gz")
	f("half half long", "long")
	f("half later long", "later long")
	f("long other later", "long other later")
	f("short short2 empty empty2 missing missing", "short empty empty2 missing missing")
	f("cut.gz long", "long") // what it lacks is there
}
