package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"clearhop/internal/golden"

	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"clearhop": main})
}

// TestScripts runs the command as a person would: each file in
// testdata/script is a session.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: golden.Updating(),
		Setup: func(env *testscript.Env) error {
			samples, err := filepath.Abs(filepath.Join("..", "..", "testdata"))
			if err != nil {
				return err
			}
			env.Setenv("SAMPLES", samples)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"pack":  pack,
			"lines": lines,
		},
	})
}

// pack FORM FROM TO writes a file packed: gzip, zstd or base64.
func pack(ts *testscript.TestScript, _ bool, args []string) {
	raw, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	var b bytes.Buffer
	switch args[0] {
	case "gzip":
		w := gzip.NewWriter(&b)
		_, err = w.Write(raw)
		ts.Check(err)
		ts.Check(w.Close())
	case "zstd":
		w, err := zstd.NewWriter(&b)
		ts.Check(err)
		_, err = w.Write(raw)
		ts.Check(err)
		ts.Check(w.Close())
	case "base64":
		b.WriteString(base64.StdEncoding.EncodeToString(raw))
	default:
		ts.Fatalf("pack knows gzip, zstd and base64, not %q", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), b.Bytes(), 0o600))
}

// lines FILE N asserts that a file has N lines.
func lines(ts *testscript.TestScript, _ bool, args []string) {
	got := bytes.Count([]byte(ts.ReadFile(args[0])), []byte("\n"))
	if want := args[1]; want != "" && want != strconv.Itoa(got) {
		ts.Fatalf("%s has %d lines, want %s", args[0], got, want)
	}
}
