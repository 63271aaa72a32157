package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/diagnose"
	"clearhop/internal/chaintest"

	"github.com/alecthomas/kong"
)

// TestReportJudgesAsDoctor: in every scenario of the chain, and for every choice of what
// is given, the report says what the doctor says about the same files with the same flags.
func TestReportJudgesAsDoctor(t *testing.T) {
	folder := chaintest.Dir(t)
	scenarios, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	flags := [][]string{
		{},
		{"--nlb", "10.16.1.11,2001:db8:16:1::11", "--trusted", "10.16.1.13,2001:db8:16:1::13,10.16.1.15"},
		{"--nlb", "10.16.1.99"},
		{"--trusted", "10.16.1.13"},
	}
	for i, scenario := range scenarios {
		var files []string
		for _, kind := range []string{"clearhop", "error"} {
			names, err := filepath.Glob(filepath.Join(folder, scenario.Name(), "*."+kind+".log"))
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, names...)
		}
		// Each scenario without flags, and with one of the others in turn.
		for _, given := range [][]string{flags[0], flags[1+i%(len(flags)-1)]} {
			args := append(given[:len(given):len(given)], files...)
			if said, judged := judgedByReport(t, args), judgedByDoctor(t, args); said != judged {
				t.Errorf("%s %q: the report says\n%s\nthe doctor\n%s", scenario.Name(), given, said, judged)
			}
		}
	}
}

// judgedByReport returns the state and the findings that the report prints.
func judgedByReport(t *testing.T, args []string) string {
	t.Helper()
	var c struct {
		Report reportCommand `cmd:""`
	}
	app, err := kong.New(&c)
	if err == nil {
		_, err = app.Parse(append([]string{"report"}, args...))
	}
	if err != nil {
		t.Fatal(err)
	}
	c.Report.Quiet = true
	_, closeEngine, err := c.Report.open(t.Context(), streams{in: strings.NewReader(""), out: io.Discard, err: io.Discard})
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	if err := closeEngine(); err != nil {
		t.Error(err)
	}
	r := c.Report.counted()
	if r == nil {
		t.Fatalf("%q: the lines were not counted", args)
	}
	return judgement(r)
}

// judgedByDoctor returns the state and the findings that the doctor prints.
func judgedByDoctor(t *testing.T, args []string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	_ = run(t.Context(), append([]string{"doctor", "--output", "json"}, args...), strings.NewReader(""), &out, &errOut)
	var r diagnose.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%q: %v, %s", args, err, errOut.String())
	}
	return judgement(&r)
}

func judgement(r *diagnose.Report) string {
	said := []string{fmt.Sprintf("%s, %d lines", r.State, r.Read.Lines)}
	for i := range r.Findings {
		f := &r.Findings[i]
		said = append(said, fmt.Sprintf("%v at %v: %d of %d, certain: %t, since %v until %v", f.Code, f.Hop, f.Lines, f.Of, f.Certain, f.Since, f.Until))
	}
	return strings.Join(said, "\n")
}
