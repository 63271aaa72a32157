package pipeline_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/record"
)

// neighbours are lines that may stand around a line: of all kinds, each complete in
// itself.
var neighbours = func() []string {
	lines := []string{
		`{"remote_addr":"203.0.113.9","request":"GET /a HTTP/1.1","status":"200","x":{"y":1}}`,
		"time:22/Nov/2026:11:00:24 +0000\thost:203.0.113.9\treq:GET / HTTP/1.1\tstatus:200",
		`203.0.113.9 [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 blue`,
		`203.0.113.9 [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 0.250`,
		`2026/11/22 11:00:25 [error] 7#7: *1 open() "/x" failed (2: No such file or directory), client: 10.16.1.11, server: _`,
		`2026/11/22 11:00:25 [notice] 1#1: start worker processes`,
		"/docker-entrypoint.sh: Configuration complete; ready for start up",
		`2026-11-22T11:00:25.123456789Z stdout F 203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "x"`,
		`web-1  | 203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "x" "-"`,
		`{"log":"junk\n","stream":"stderr","time":"2026-11-22T11:00:25Z"}`,
		"junk", "{", `{"a":1}`, " ",
	}
	for _, f := range logFormats[:2*len(parser.BuiltinNames())] {
		values := map[string]string{"remote_addr": "203.0.113.9", "time_local": "22/Nov/2026:11:00:24 +0000", "request": "GET / HTTP/1.1",
			"status": "200", "body_bytes_sent": "3", "request_time": "0.1", "protocol": "TCP", "bytes_sent": "1", "bytes_received": "1", "session_time": "1.0",
			"request_length": "1", "msec": "1795345224.007", "request_id": "5c8f", "pipe": ".", "the_real_ip": "203.0.113.9"}
		lines = append(lines, string(f.AppendLine(nil, values)))
	}
	return lines
}()

// messages are lines of messages that are spread over several lines.
var messages = []string{
	`2026/11/22 11:00:25 [error] 7#7: *1 broken header: "GET / HTTP/1.1`, "Host: x",
	`" while reading PROXY protocol, client: 10.16.1.11, server: 0.0.0.0:80`,
	`2026/11/22 11:00:25 [error] 7#7: *3 open() "/x`, `y" failed (2: No such file or directory), client: 203.0.113.7, server: _`,
	`2026-11-22T11:00:25.123456789Z stdout P 203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET /`,
	`2026-11-22T11:00:25.123456789Z stdout F long HTTP/1.1" 200 3 "-" "x"`,
	`{"log":"203.0.113.9 - - [22/Nov","stream":"stdout","time":"2026-11-22T11:00:25Z"}`,
	`{"log":"/2026:11:00:24 +0000]\n","stream":"stdout","time":"2026-11-22T11:00:25Z"}`,
}

// formatsOfNeighbours are the formats that are tried, some of which read the same lines.
var formatsOfNeighbours = [][]string{
	{parser.Auto},
	{`log_format timed '$remote_addr [$time_local] "$request" $status $request_time';`, `log_format tagged '$remote_addr [$time_local] "$request" $status $http_x_tag';`, parser.Auto},
	{parser.Auto, `log_format tagged '$remote_addr [$time_local] "$request" $status $http_x_tag';`},
	{"combined", "main", parser.JSON, parser.CombinedExtra},
}

// streamLines makes the lines of a stream. Each has a time, since a line without any
// time gets that of the line before.
func streamLines(origin *record.Origin, texts []string) []record.Line {
	var lines []record.Line
	for i, text := range texts {
		lines = append(lines, record.Line{ID: fmt.Appendf(nil, "%s-%d", origin.Source, i), Text: []byte(text), Origin: origin, Offset: int64(i), Time: 1_795_345_224_000, HasTime: true})
	}
	return lines
}

// process returns the events of a whole batch.
func process(t *testing.T, w *pipeline.Worker, lines []record.Line) []string {
	t.Helper()
	return inBatches(t, w, lines, max(1, len(lines)))
}

// isComplete reports whether a line is surely no part of a message of several lines.
func isComplete(w *pipeline.Worker, line *record.Line) bool {
	out := w.Process(line)
	r := out.Record
	isOpen := r.Dataset == record.ErrorLogLine && r.Error.Client == nil || r.Dataset == record.OtherLine
	return !isOpen && !r.Envelope.Partial
}

// FuzzNeighbours: a line gives the same event, byte for byte, whatever was read
// before, however its stream is cut into batches, and in whatever order the streams
// come. Only a message of several lines, lines without a time, and access lines that can
// stand inside an error record depend on the lines around them; the lines here have a
// time from their source.
func FuzzNeighbours(f *testing.F) {
	texts := slices.Concat(neighbours, messages)
	for seed := range uint64(100) {
		f.Add(randomDice(seed), strings.Join(texts[seed%uint64(len(texts)):min(uint64(len(texts)), seed%uint64(len(texts))+3)], "\n"))
	}
	var pipelines []*pipeline.Pipeline
	for _, formats := range formatsOfNeighbours {
		c := chain()
		c.Now, c.Original, c.Parser.Format = now, true, formats
		p, err := pipeline.New(c)
		if err != nil {
			f.Fatal(err)
		}
		pipelines = append(pipelines, p)
	}
	origins := []*record.Origin{{Source: "a", LogGroup: "one"}, {Source: "b", LogGroup: "one"}}
	f.Fuzz(func(t *testing.T, choices []byte, text string) {
		d := dice(choices)
		p := pipelines[d.roll(len(pipelines))]
		own := strings.Split(text, "\n")
		own = own[:min(len(own), 6)]

		// A stream of all kinds of lines, cut into batches of any sizes.
		var mixed []string
		for _, line := range own {
			for range d.roll(3) {
				mixed = append(mixed, texts[d.roll(len(texts))])
			}
			mixed = append(mixed, line)
		}
		a := streamLines(origins[0], mixed)
		whole := process(t, p.NewWorker(), a)
		for _, size := range []int{1, 2 + d.roll(3)} {
			equal(t, fmt.Sprintf("in batches of %d", size), a, inBatches(t, p.NewWorker(), a, size), whole)
		}

		// Another stream before it and between its batches.
		var others []string
		for range 1 + d.roll(4) {
			others = append(others, texts[d.roll(len(texts))])
		}
		b := streamLines(origins[1], others)
		w := p.NewWorker()
		other := process(t, w, b)
		equal(t, "after another stream", a, process(t, w, a), whole)
		equal(t, "after the first stream", b, process(t, w, b), other)

		// Each line alone.
		w = p.NewWorker()
		for i := range own {
			if line := streamLines(origins[0], own)[i]; !isComplete(p.NewWorker(), &line) {
				return
			}
		}
		alone := streamLines(origins[0], own)
		for i := range alone {
			around := []record.Line{alone[i], streamLines(origins[0], []string{neighbours[d.roll(len(neighbours))]})[0]}
			around[1].ID = []byte("after")
			var before []string
			for range d.roll(3) {
				before = append(before, neighbours[d.roll(len(neighbours))])
			}
			lines := append(streamLines(origins[0], before), around...)
			want := string(p.NewWorker().Process(&alone[i]).Data)
			got := process(t, w, lines)[len(before)]
			equal(t, fmt.Sprintf("among %q", before), around[:1], []string{got}, []string{want})
		}
	})
}

func equal(t *testing.T, how string, lines []record.Line, got, want []string) {
	t.Helper()
	for i := range want {
		if i < len(got) && (isInDoubt(got[i]) || isInDoubt(want[i])) {
			continue
		}
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("%s, line %d of %q gives\n%swant\n%s", how, i, bytes.Join(textsOf(lines), []byte("\n")), got[min(i, len(got)-1)], want[i])
		}
	}
}

// isInDoubt reports whether the lines around a line made it one that a visitor can have
// written: an end of an error record that follows it does that.
func isInDoubt(event string) bool {
	return strings.Contains(event, `"reason":"inside_error_record"`)
}

func textsOf(lines []record.Line) (texts [][]byte) {
	for i := range lines {
		texts = append(texts, lines[i].Text)
	}
	return texts
}
