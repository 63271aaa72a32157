package pipeline_test

import (
	"bytes"
	"testing"

	"clearhop/encode/accesslog"
	"clearhop/internal/chaintest"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/privacy"
	"clearhop/record"
)

// lineWriters are a format and lines as they came.
func lineWriters(t *testing.T) map[string]*accesslog.Writer {
	t.Helper()
	template, err := parser.ParseTemplate("clearhop", nil)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*accesslog.Writer{
		"clearhop": accesslog.New(accesslog.Config{Template: template}),
		"as-is":    accesslog.New(accesslog.Config{}),
	}
}

// TestLinesAllocateNothing: writing lines costs no allocation either.
func TestLinesAllocateNothing(t *testing.T) {
	for name, lines := range lineWriters(t) {
		c := chain()
		c.Lines = lines
		w := open(t, c)
		origin := &record.Origin{Source: name}
		texts := append(chaintest.Lines(t, "web-no-realip/web.clearhop.log"),
			[]byte(`2026/11/22 11:00:25 [error] 7#7: *1 open() "/x" failed (2: No such file or directory), client: 10.16.1.13, server: _, request: "GET /x HTTP/1.1"`))
		each := func() {
			for i := range texts {
				w.Process(&record.Line{Text: texts[i], Offset: int64(i), Origin: origin})
			}
		}
		each()
		if n := testing.AllocsPerRun(100, each); n != 0 {
			t.Errorf("%s: %v allocations for %d lines, want none", name, n, len(texts))
		}
	}
}

// TestLinesHideVisitors: a written line shows no more of a visitor than an event does.
func TestLinesHideVisitors(t *testing.T) {
	for name, lines := range lineWriters(t) {
		for _, settings := range []privacy.Settings{{Mode: "truncate"}, {Mode: "hash", Key: privacyKey}} {
			settings.RedactQuery = []string{"from"}
			c := chain()
			c.Lines, c.Privacy = lines, settings
			w := open(t, c)
			for _, log := range chaintest.Names(t, "*/*.log") {
				for i, text := range chaintest.Lines(t, log) {
					out := w.Process(&record.Line{Text: text, Offset: int64(i), Origin: &record.Origin{Source: log}})
					checkHidden(t, name+" "+settings.Mode+" "+log, text, &out)
				}
			}
		}
	}
}

// checkHidden looks for the visitors of the recorded chain.
func checkHidden(t *testing.T, name string, text []byte, out *pipeline.Outcome) {
	t.Helper()
	for _, visitor := range []string{"210.227.0.10", "210.227.0.11", "2001:db8:210::10"} {
		if bytes.Contains(out.Data, []byte(visitor)) {
			t.Fatalf("%s: %s\nbecame %s", name, text, out.Data)
		}
	}
}
