package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"clearhop/internal/chaintest"
)

// TestWorkers: however many cores enrich may use, what it writes and what it says of it
// are the same, byte for byte.
func TestWorkers(t *testing.T) {
	dir := t.TempDir()
	log, routed := filepath.Join(dir, "all.log"), filepath.Join(dir, "routed.ndjson")
	var text []byte
	for _, name := range chaintest.Names(t, "*/*.log") {
		text = append(bytes.Join(append(chaintest.Lines(t, name), []byte("junk")), []byte("\n")), append([]byte("\n"), text...)...)
	}
	if n := bytes.Count(text, []byte("\n")); n < 1500 {
		t.Fatalf("only %d lines, which are few batches", n)
	}
	if err := os.WriteFile(log, text, 0o600); err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, flags := range [][]string{
		{"--original", "--label", "env=test"},
		{"--nlb", "10.16.1.11", "--trusted", "10.16.1.13", "--privacy", "truncate", "--route", "bad=" + routed, "--rule", "route:bad dataset=nginx.unparsed", "--rule", "drop status=404"},
		{"--nlb", "10.16.1.11", "--as", "combined"},
		{"--summary", "--color", "never"},
	} {
		written := func(cores int) string {
			runtime.GOMAXPROCS(cores)
			var out, errOut bytes.Buffer
			if code := run(t.Context(), slices.Concat([]string{"enrich"}, flags, []string{log}), nil, &out, &errOut); code != exitOK {
				t.Fatalf("%s: exit code %d, %s", flags, code, errOut.String())
			}
			more, err := os.ReadFile(routed)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			return out.String() + string(more) + errOut.String()
		}
		if written(1) != written(3) {
			t.Errorf("%s: other output on 3 cores than on one", flags)
		}
	}
}
