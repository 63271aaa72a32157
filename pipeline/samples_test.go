package pipeline_test

import (
	"path/filepath"
	"testing"

	"clearhop/internal/chaintest"
)

// A sample is a log of this tree.
type sample struct {
	name  string
	lines [][]byte
}

// samples returns everything that real nginx logged in the scenarios of
// docs/chain.md, and the logs whose paths match the patterns.
func samples(t testing.TB, patterns ...string) []sample {
	t.Helper()
	var all []sample
	for _, name := range chaintest.Names(t, "*/*.log") {
		all = append(all, sample{name, chaintest.Lines(t, name)})
	}
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no samples match %s: %v", pattern, err)
		}
		for _, path := range paths {
			all = append(all, sample{path, read(t, path)})
		}
	}
	return all
}
