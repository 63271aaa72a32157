package pipeline_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"clearhop/internal/chaintest"
	"clearhop/pipeline"
	"clearhop/record"
)

// linesOf makes the lines of one stream, with ids as CloudWatch gives them.
// Empty lines are left out, as a reader does.
func linesOf(origin *record.Origin, text ...[]byte) []record.Line {
	var lines []record.Line
	for i, t := range text {
		if len(t) > 0 {
			lines = append(lines, record.Line{ID: fmt.Appendf(nil, "%s-%d", origin.Source, i), Text: t, Origin: origin, Offset: int64(i)})
		}
	}
	return lines
}

// inBatches processes lines in batches of at most size and returns the events.
func inBatches(t *testing.T, w *pipeline.Worker, lines []record.Line, size int) []string {
	t.Helper()
	var events []string
	var held []record.Line
	for len(lines) > 0 || len(held) > 0 {
		n := min(size, len(lines))
		held, lines = append(held, lines[:n]...), lines[n:]
		before := len(events)
		done, err := w.ProcessBatch(held, len(lines) == 0, func(out *pipeline.Outcome) error {
			events = append(events, string(out.Data))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(events) - before; got != done {
			t.Fatalf("%d outcomes for %d lines", got, done)
		}
		held = held[done:]
	}
	return events
}

var (
	access = []byte(`210.227.0.10 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "probe/1.0"`)
	stray  = []byte(`2026/11/22 11:00:25 [error] 7#7: *1 open() "/x" failed (2: No such file or directory), client: 10.16.1.11, server: _`)
)

// TestBatchesOfAnySizeGiveTheSameEvents: where a stream is cut into batches
// changes nothing, also in the middle of an error of several lines.
func TestBatchesOfAnySizeGiveTheSameEvents(t *testing.T) {
	var text [][]byte
	for _, log := range []string{"ppv2-not-sent/edge.error.log", "health-http-not-listened-for/edge.error.log"} {
		text = append(text, chaintest.Lines(t, log)...)
		text = append(text, access, stray)
	}
	text = slices.Insert(text, 2, access) // from the other output of the container
	lines := linesOf(&record.Origin{Source: "log"}, text...)
	want := inBatches(t, open(t, chain()), lines, len(lines))
	joined := 0
	for i, event := range want {
		if strings.Contains(event, `"continues":`) {
			joined++
		}
		if strings.Contains(event, "nginx.unparsed") {
			t.Errorf("line %d (%.40q) is unparsed", i, lines[i].Text)
		}
	}
	if len(want) != len(lines) || joined < 10 {
		t.Errorf("%d events of %d lines, %d of them continuations", len(want), len(lines), joined)
	}
	for size := 1; size < len(lines); size++ {
		got := inBatches(t, open(t, chain()), lines, size)
		if !slices.Equal(got, want) {
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("in batches of %d, event %d is\n%swant\n%s", size, i, got[i], want[i])
				}
			}
			t.Fatalf("in batches of %d: %d events, want %d", size, len(got), len(want))
		}
	}
}

// TestErrorThatNeverEnds: a stray quote holds nothing back for good.
func TestErrorThatNeverEnds(t *testing.T) {
	begun := []byte(`2026/11/22 11:00:25 [error] 7#7: *1 broken header: "GET / HTTP/1.1`)
	lines := linesOf(&record.Origin{Source: "log"}, begun, []byte("Host: a"), stray, access)
	events := inBatches(t, open(t, chain()), lines, len(lines))
	for i, want := range []string{"nginx.error", "nginx.unparsed", "nginx.error", "nginx.access"} {
		if !strings.Contains(events[i], `"dataset":"`+want+`"`) {
			t.Errorf("line %d: %s, want %s", i, events[i], want)
		}
	}
}

// TestStreamsAreNotMixed: an error record of one stream does not go on in
// another one.
func TestStreamsAreNotMixed(t *testing.T) {
	a, b := &record.Origin{Source: "a"}, &record.Origin{Source: "b"}
	lines := append(
		linesOf(a, []byte(`2026/11/22 11:00:25 [error] 7#7: *1 broken header: "GET / HTTP/1.1`)),
		linesOf(b, []byte(`" while reading PROXY protocol, client: 10.16.1.11, server: 0.0.0.0:80`))...)
	for _, event := range inBatches(t, open(t, chain()), lines, len(lines)) {
		if strings.Contains(event, `"continues":`) {
			t.Errorf("joined: %s", event)
		}
	}
}

// TestVisitorCannotHideLines: what a format of the stream reads is no part of an
// error that a visitor left open, whatever the line begins with.
func TestVisitorCannotHideLines(t *testing.T) {
	object := []byte(`{"time_iso8601":"2026-11-22T11:00:24+00:00","remote_addr":"203.0.113.9","request":"GET / HTTP/1.1","status":200}`)
	lines := linesOf(&record.Origin{Source: "log"},
		[]byte(`2026/11/22 11:00:25 [error] 7#7: *1 broken header: "x`), object, object,
		[]byte(`{"status":200,"remote_addr":"203.0.113.9","request":"GET / HTTP/1.1","ua":"x\" while reading PROXY protocol, client: 1.2.3.4, server: x, y"}`))
	for i, event := range inBatches(t, open(t, chain()), lines, len(lines))[1:] {
		if !strings.Contains(event, `"dataset":"nginx.access"`) {
			t.Errorf("line %d is hidden: %s", i+1, event)
		}
	}
}

// TestFragmentsWaitForTheNextBatch: where a batch ends changes nothing.
func TestFragmentsWaitForTheNextBatch(t *testing.T) {
	text := [][]byte{access, access}
	for range 3 {
		text = append(text, fmt.Appendf(nil, "2026-11-22T11:00:24.5Z stdout P %s", access[:30]), fmt.Appendf(nil, "2026-11-22T11:00:24.5Z stdout F %s", access[30:]))
	}
	lines := linesOf(&record.Origin{Source: "pod"}, text...)
	want := inBatches(t, open(t, chain()), lines, len(lines))
	for size := 1; size < len(lines); size++ {
		if got := inBatches(t, open(t, chain()), lines, size); !slices.Equal(got, want) {
			t.Errorf("in batches of %d: %q, want %q", size, got, want)
		}
	}
}

// TestFragmentsOfTwoContainers: pieces that a runtime cut are put together by
// container and stream.
func TestFragmentsOfTwoContainers(t *testing.T) {
	cri := func(stream, flag, text string) []byte {
		return fmt.Appendf(nil, "2026-11-22T11:00:24.5Z %s %s %s", stream, flag, text)
	}
	whole := string(access)
	lines := linesOf(&record.Origin{Source: "pod"},
		cri("stdout", "P", whole[:30]), cri("stderr", "F", string(stray)), cri("stdout", "P", whole[30:60]), cri("stdout", "F", whole[60:]))
	events := inBatches(t, open(t, chain()), lines, len(lines))
	for i, want := range []string{`"status_code":200`, `"dataset":"nginx.error"`, `"continues":"pod-0"`, `"continues":"pod-0"`} {
		if !strings.Contains(events[i], want) {
			t.Errorf("line %d: %s, want %s", i, events[i], want)
		}
	}
}

func TestYieldEndsTheBatch(t *testing.T) {
	stop := fmt.Errorf("stop")
	lines := linesOf(&record.Origin{Source: "log"}, access, access, access)
	n := 0
	done, err := open(t, chain()).ProcessBatch(lines, true, func(*pipeline.Outcome) error {
		n++
		if n == 2 {
			return stop
		}
		return nil
	})
	if done != 2 || err != stop || n != 2 {
		t.Errorf("done %d, error %v after %d outcomes", done, err, n)
	}
}

func TestProcessBatchAllocatesNothing(t *testing.T) {
	w := open(t, chain())
	lines := linesOf(&record.Origin{Source: "log"}, append(chaintest.Lines(t, "ok/web.seed.log"), stray)...)
	var sum int
	each := func() {
		if _, err := w.ProcessBatch(lines, true, func(out *pipeline.Outcome) error { sum += len(out.Data); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	each()
	if n := testing.AllocsPerRun(100, each); n > 1 {
		t.Errorf("%v allocations for %d lines, want none but the closure", n, len(lines))
	}
}

// TestSecretsAreScrubbed: what nginx dumped of a request holds no cookie.
func TestSecretsAreScrubbed(t *testing.T) {
	lines := linesOf(&record.Origin{Source: "log"},
		[]byte("Cookie: session=hush"), []byte("Authorization: Basic hush"),
		[]byte(`2026/11/22 11:00:25 [error] 7#7: *1 broken header: "GET /?token=hush HTTP/1.1`), []byte("Cookie: hush"),
		[]byte(`" while reading PROXY protocol, client: 10.16.1.11, server: 0.0.0.0:80`))
	events := inBatches(t, open(t, chain()), lines, len(lines))
	var wrapped [][]byte
	for i := range lines {
		wrapped = append(wrapped, fmt.Appendf(nil, "web_1  | %s", lines[i].Text))
	}
	wrapped = append(wrapped, []byte("2026-11-22T11:00:25.1Z stderr P Cookie: sid=hu"), []byte("2026-11-22T11:00:25.1Z stderr F sh; x=hush"))
	wrapped = append(wrapped, []byte("X-Vault-Token: hush"), []byte(" Cookie: hush"))
	in := linesOf(&record.Origin{Source: "wrapped"}, wrapped...)
	events = append(events, inBatches(t, open(t, chain()), in, len(in))...)
	if all := strings.Join(events, ""); strings.Contains(all, "hush") || !bytes.Contains([]byte(all), []byte("[scrubbed]")) {
		t.Errorf("a secret is in the events:\n%s", all)
	}
}
