// Package chaintest gives tests the logs that real nginx wrote in the scenarios
// of docs/chain.md. A log is named by its scenario and its hop, as
// [chain.Recorded] has it:
//
//	chaintest.Lines(t, "ok/edge.seed.log")
//	chaintest.Names(t, "*/*.error.log")
//
// A test that needs plain files, to hand their names to the command, gets them
// from [Dir].
package chaintest

import (
	"bytes"
	"io/fs"
	"os"
	"testing"

	"clearhop/chain"
)

// Names returns the names of all logs that match the pattern, as path.Match has
// it, sorted. No match fails the test.
func Names(t testing.TB, pattern string) []string {
	t.Helper()
	names, err := fs.Glob(chain.Recorded(), pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no recorded log matches %s: %v", pattern, err)
	}
	return names
}

// Lines returns the lines of a log without their ends. They belong to the caller.
func Lines(t testing.TB, name string) [][]byte {
	t.Helper()
	log, err := fs.ReadFile(chain.Recorded(), name)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(log, []byte("\n")), []byte("\n"))
}

// Dir returns a folder that holds all that was recorded as plain files. It is
// removed when the test ends.
func Dir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, chain.Recorded()); err != nil {
		t.Fatal(err)
	}
	return dir
}
