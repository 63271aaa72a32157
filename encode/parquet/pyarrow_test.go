package parquet_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clearhop/encode/parquet"
)

// pyarrowPython is Python with pyarrow, which .ci/tools gets.
const pyarrowPython = "pyarrow-python"

// TestPyarrowReads has pyarrow, by which pandas reads Parquet, read what the package
// wrote, with each compression, and compares the values. Zstd packs all events of the
// chain, Snappy one that has every field.
func TestPyarrowReads(t *testing.T) {
	if _, err := exec.LookPath(pyarrowPython); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("there is no %s: .ci/tools gets it with pip", pyarrowPython)
		}
		t.Skipf("needs pyarrow: run .ci/tools, which gets it with pip, and put build/tools/bin on the PATH")
	}
	full, err := os.ReadFile("../testdata/full.json")
	if err != nil {
		t.Fatal(err)
	}
	all := append(chain(t), full)
	for c, events := range map[parquet.Compression][][]byte{parquet.Zstd: all, parquet.Snappy: {full}} {
		name := filepath.Join(t.TempDir(), "events.parquet")
		var file bytes.Buffer
		if _, err := write(t, parquet.Options{Compression: c}, events...).WriteTo(&file); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		command := exec.Command(pyarrowPython, "testdata/read.py", name)
		command.Stderr = os.Stderr
		out, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		rows := bytes.Split(bytes.TrimSuffix(out, []byte("\n")), []byte("\n"))
		if len(rows) != len(events) {
			t.Fatalf("%s: pyarrow reads %d events of %d", c, len(rows), len(events))
		}
		for i := range events {
			if diff := cmp.Diff(asColumns(t, events[i]), asColumns(t, rows[i])); diff != "" {
				t.Fatalf("%s, event %d (-written +read by pyarrow):\n%s", c, i, diff)
			}
		}
	}
}

// asColumns returns an event whose top-level members are named as the columns. Numbers
// are compared by their values: 1 and 1.0 are one number.
func asColumns(t *testing.T, event []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(event, &v); err != nil {
		t.Fatalf("%v: %s", err, event)
	}
	if at, ok := v["@timestamp"]; ok {
		delete(v, "@timestamp")
		v["timestamp"] = at
	}
	return v
}
