package pipeline

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"clearhop/decode"
	"clearhop/privacy"
	"clearhop/record"
)

// hashOf returns event.hash of a line, as the pipeline of these settings gives it.
func hashOf(t *testing.T, hide privacy.Settings, line record.Line) string {
	t.Helper()
	p, err := New(Config{Privacy: hide})
	if err != nil {
		t.Fatal(err)
	}
	w := p.NewWorker()
	if line.Origin == nil {
		line.Origin = &record.Origin{}
	}
	out := w.Process(&line)
	if got := string(out.Record.Hash); got == "" != !bytes.Contains(out.Data, []byte(`"hash":"`+got)) {
		t.Errorf("the record has %q, and the event is %s", got, out.Data)
	}
	return string(out.Record.Hash)
}

var hidings = map[string]privacy.Settings{
	"none":     {},
	"truncate": {Mode: "truncate"},
	"hash":     {Mode: "hash", Key: "0123456789abcdef0123"},
	"redacted": {RedactQuery: []string{"email"}},
}

// TestHash: each road out of CloudWatch Logs gives a log event the same event.hash, in
// each way to hide something.
func TestHash(t *testing.T) {
	const message = `203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET /?email=a HTTP/1.1" 200 3 "-" "probe/1.0"`
	at := time.Date(2026, 11, 22, 11, 0, 24, 7e6, time.UTC).UnixMilli()
	payload := fmt.Sprintf(`{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"/ecs/web","logStream":"a","subscriptionFilters":[],"logEvents":[{"id":"1","timestamp":%d,"message":%q}]}`, at, message)
	payloads, err := decode.NewDecoder(decode.Options{}).DecodeAll([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	for name, hide := range hidings {
		want := hashOf(t, hide, payloads[0].Lines[0])
		if len(want) != 2*hashBytes {
			t.Errorf("%s: the hash is %q", name, want)
		}
		for road, line := range map[string]record.Line{
			"FilterLogEvents": {ID: []byte("2"), Time: at, HasTime: true, Text: []byte(message), Origin: &record.Origin{LogGroup: "/ecs/web", LogStream: "a"}},
			"export":          {Text: []byte("2026-11-22T11:00:24.007Z " + message), Offset: 7, Origin: &record.Origin{File: "s3://exports/000000.gz"}},
		} {
			if got := hashOf(t, hide, line); got != want {
				t.Errorf("%s: the subscription gives %s, and %s %s", name, want, road, got)
			}
		}
		for other, line := range map[string]record.Line{
			"another time": {ID: []byte("2"), Time: at + 1, HasTime: true, Text: []byte(message)},
			"another line": {ID: []byte("2"), Time: at, HasTime: true, Text: []byte(strings.Replace(message, "probe", "curl", 1))},
		} {
			if got := hashOf(t, hide, line); got == want {
				t.Errorf("%s: %s has the same hash", name, other)
			}
		}
	}
}

// TestNoHash: what is no event of CloudWatch Logs with a time has none.
func TestNoHash(t *testing.T) {
	const message = `203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "probe/1.0"`
	for name, line := range map[string]record.Line{
		"a file":               {Text: []byte(message)},
		"no time":              {ID: []byte("1"), Text: []byte(message)},
		"nanoseconds":          {Text: []byte("2026-11-22T11:00:24.007123456Z " + message)},
		"no such day":          {Text: []byte("2026-11-42T11:00:24.007Z " + message)},
		"a time of a file":     {Time: 1, HasTime: true, Text: []byte(message)},
		"an event without one": {ID: []byte("1"), Time: 1, HasTime: true, Text: []byte("{}"), Defect: record.Malformed},
	} {
		if got := hashOf(t, privacy.Settings{}, line); got != "" {
			t.Errorf("%s: the hash is %s", name, got)
		}
	}
	p, err := New(Config{NoHash: true})
	if err != nil {
		t.Fatal(err)
	}
	out := p.NewWorker().Process(&record.Line{ID: []byte("1"), Time: 1, HasTime: true, Text: []byte(message), Origin: &record.Origin{}})
	if bytes.Contains(out.Data, []byte(`"hash"`)) {
		t.Errorf("with no-event-hash the event is %s", out.Data)
	}
}

// TestHashHides: a hash does not depend on what is hidden, so nobody finds that out by
// trying. With a key it depends on the key.
func TestHashHides(t *testing.T) {
	line := func(ip, email string) record.Line {
		return record.Line{ID: []byte("1"), Time: 1, HasTime: true, Text: fmt.Appendf(nil,
			`%s - - [22/Nov/2026:11:00:24 +0000] "GET /?email=%s HTTP/1.1" 200 3 "-" "probe/1.0 (from %s)"`, ip, email, ip)}
	}
	if a, b := hashOf(t, hidings["truncate"], line("203.0.113.9", "a")), hashOf(t, hidings["truncate"], line("203.0.113.77", "a")); a != b {
		t.Error("with truncate the hash tells two addresses of a network apart")
	}
	if a, b := hashOf(t, hidings["redacted"], line("203.0.113.9", "a")), hashOf(t, hidings["redacted"], line("203.0.113.9", "b")); a != b {
		t.Error("the hash tells two redacted values apart")
	}
	plain := hashOf(t, hidings["none"], line("203.0.113.9", "a"))
	one := hashOf(t, hidings["hash"], line("203.0.113.9", "a"))
	other := hashOf(t, privacy.Settings{Mode: "hash", Key: "another key of 20 bytes"}, line("203.0.113.9", "a"))
	if one == plain || one == other {
		t.Errorf("the hash does not depend on the key: %s, %s, %s", plain, one, other)
	}
}

// TestHashAllocates: a hash costs no allocation.
func TestHashAllocates(t *testing.T) {
	for name, hide := range hidings {
		p, err := New(Config{Privacy: hide})
		if err != nil {
			t.Fatal(err)
		}
		w := p.NewWorker()
		line := record.Line{Text: []byte(`2026-11-22T11:00:24.007Z 203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "probe/1.0"`), Origin: &record.Origin{}}
		w.Process(&line)
		if n := testing.AllocsPerRun(100, func() { w.addHash(&w.rec, line.Text) }); n > 0 || len(w.rec.Hash) == 0 {
			t.Errorf("%s: %g allocations, hash %s", name, n, w.rec.Hash)
		}
	}
}
