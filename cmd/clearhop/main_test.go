package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"clearhop/internal/chaintest"
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
	scenarios := chaintest.Dir(t)
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: golden.Updating(),
		Setup: func(env *testscript.Env) error {
			samples, err := filepath.Abs(filepath.Join("..", "..", "testdata"))
			if err != nil {
				return err
			}
			env.Setenv("SAMPLES", samples)
			env.Setenv("CHAIN", scenarios)
			for _, name := range []string{"PORT", "PORT2"} {
				port, err := freePort()
				if err != nil {
					return err
				}
				env.Setenv(name, port)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"pack":  pack,
			"lines": lines,
			"get":   get,
		},
	})
}

// TestLongLines: lines that fill a batch by their bytes, to the byte and beyond,
// leave it empty behind them.
func TestLongLines(t *testing.T) {
	const maxLineBytes = 256 << 10 // of a batch
	for _, size := range []int{599, maxLineBytes / 32, maxLineBytes - 1, maxLineBytes, maxLineBytes + 1, 2 << 20} {
		line := bytes.Repeat([]byte("a"), size-1)
		n := 2*maxLineBytes/size + 1
		in := bytes.Repeat(append(line, '\n'), n)
		var out, errOut bytes.Buffer
		if code := run(t.Context(), []string{"enrich", "-q"}, bytes.NewReader(in), &out, &errOut); code != exitOK {
			t.Fatalf("%d lines of %d bytes: exit code %d: %s", n, size, code, errOut.String())
		}
		if got := bytes.Count(out.Bytes(), []byte("\n")); got != n {
			t.Errorf("%d lines of %d bytes: %d events", n, size, got)
		}
	}
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
