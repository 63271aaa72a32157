package parser

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"clearhop/internal/golden"
	"clearhop/record"
)

// dumpLog reads each line of the log. It returns each line, followed by everything
// that was found in it.
func dumpLog(t *testing.T, format, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := mustCompile(t, format)
	var out bytes.Buffer
	var r record.Record
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		fmt.Fprintf(&out, "%s\n", line)
		r.Reset()
		if err := f.Parse(line, &r); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for _, field := range dump(&r) {
			fmt.Fprintf(&out, "    %s\n", field)
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

func checkGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	golden.Check(t, filepath.Join("testdata", name), got)
}

// testdata/clearhop.log is what nginx wrote in TestNginx.
func TestGoldenClearhop(t *testing.T) {
	checkGolden(t, "clearhop.golden", dumpLog(t, "clearhop", filepath.Join("testdata", "clearhop.log")))
}

func TestGoldenSeed(t *testing.T) {
	checkGolden(t, "seed.golden", dumpLog(t, "main_real_ip", filepath.Join("..", "testdata", "seed", "access.log")))
}
