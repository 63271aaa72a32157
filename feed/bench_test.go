package feed

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkRun reads a file of access lines to the end. Sources, batches and
// pipeline are those of the command; the events are thrown away.
func BenchmarkRun(b *testing.B) {
	const lines = 20_000
	path := filepath.Join(b.TempDir(), "access.log")
	if err := os.WriteFile(path, []byte(strings.Repeat(accessLines(0, 1000), lines/1000)), 0o600); err != nil {
		b.Fatal(err)
	}
	files := Files([]string{path}, func(ctx context.Context, name string) (io.ReadCloser, error) { return Open(ctx, nil, name) })
	c := config(b, nil)
	c.NewCollector = func() Collector { return discard{} }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Run(b.Context(), files, c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/lines, "ns/line")
}
