package envelope

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"clearhop/record"
)

// FuzzOpen: Open does not change the line. The inner line is never longer, and it is
// not in an envelope itself unless the limit was reached. A text from JSON is one
// that encoding/json finds there too.
func FuzzOpen(f *testing.F) {
	for _, line := range unopened {
		f.Add([]byte(line))
	}
	for _, line := range benchLines {
		f.Add([]byte(line))
	}
	f.Add([]byte(`{"log":"\ud83d\ude00 \ud800 \u0041","container_id":"1","l\u006fg":"x"}`))
	f.Add([]byte(`<190>1 - web nginx - - [a@1 b="]\"["][c] x`))
	f.Add([]byte("\x1b[36mweb_1    |\x1b[0m x"))
	for _, name := range []string{"fluentbit", "fluentd", "jsontext", "opentelemetry", "syslog"} {
		for _, line := range goldenLines(f, name) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		var e record.Envelope
		inner, scratch := Open(text, nil, &e)
		if !bytes.Equal(text, before) {
			t.Fatal("the line was changed")
		}
		if len(inner) > len(text) || len(scratch) > record.MaxEnvelopes*len(text) {
			t.Fatalf("%d bytes became %d, with scratch space of %d", len(text), len(inner), len(scratch))
		}
		if e.Count == 0 {
			if !bytes.Equal(inner, text) || dump(&e) != "" {
				t.Fatalf("not opened, but %q, %s", inner, dump(&e))
			}
			return
		}
		if e.Count < record.MaxEnvelopes && !e.Partial {
			var again record.Envelope
			if in, _ := Open(inner, nil, &again); again.Count != 0 || !bytes.Equal(in, inner) {
				t.Fatalf("%q could be opened still: %s", inner, dump(&again))
			}
		}
		if e.Count == 1 && text[0] == '{' {
			sameAsJSON(t, text, inner, e.Kinds[0])
		}
	})
}

// goldenLines returns the lines of testdata/<name>.log.
func goldenLines(t testing.TB, name string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
}

// FuzzOpenDoubtful: what is opened is a part of the line, and begins like a line that
// bears a time. The line is not changed.
func FuzzOpenDoubtful(f *testing.F) {
	for _, line := range unopened {
		f.Add([]byte(line))
	}
	f.Add([]byte("shop web-0 nginx " + access))
	f.Add([]byte("/ecs/web web/1  2026-11-22T11:00:25.123Z " + access))
	f.Add([]byte("\x1b[35mweb-0\x1b[0m \x1b[95mnginx\x1b[0m {}"))
	for _, name := range []string{"doubtful/grep", "doubtful/podman", "doubtful/rows"} {
		for _, line := range goldenLines(f, name) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		var e record.Envelope
		inner, _, ok := OpenDoubtful(text, nil, &e)
		if !bytes.Equal(text, before) {
			t.Fatal("the line was changed")
		}
		if !ok {
			if !bytes.Equal(inner, text) || dump(&e) != "" {
				t.Fatalf("not opened, but %q, %s", inner, dump(&e))
			}
			return
		}
		if len(inner) >= len(text) || e.Count == 0 || e.Count > record.MaxEnvelopes {
			t.Fatalf("%q, %d envelopes", inner, e.Count)
		}
		if e.Count == 1 && (!bytes.Contains(text, inner) && text[0] != 0x1b || !beginsLine(inner)) {
			t.Fatalf("%q is no line of %q", inner, text)
		}
	})
}

// sameAsJSON compares the line in an object with what encoding/json reads.
func sameAsJSON(t *testing.T, text, inner []byte, kind record.EnvelopeKind) {
	t.Helper()
	if !utf8.Valid(text) {
		return // encoding/json replaces bytes that are not UTF-8
	}
	members := make(map[string]json.RawMessage)
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatalf("opened, but %v", err)
	}
	if bytes.HasPrefix(inner, []byte("{")) && json.Valid(inner) {
		return // it may be a record that the router has parsed: TestOpen has them
	}
	keys := []string{"log", "message", "@message", "msg", "MESSAGE"}
	if kind == record.OpenTelemetry {
		var body struct{ StringValue string }
		if json.Unmarshal(members["body"], &body) == nil && bytes.Count(text, []byte("tringValue")) == 1 {
			if got := string(inner); got != strings.TrimSuffix(strings.TrimSuffix(body.StringValue, "\n"), "\r") {
				t.Fatalf("%q in the body, got %q", body.StringValue, got)
			}
		}
		if bytes.HasPrefix(members["body"], []byte("{")) {
			return // a list is an object of JSON then
		}
		keys = []string{"body"}
	}
	for _, key := range keys {
		var line string
		if raw := members[key]; len(raw) == 0 || raw[0] != '"' {
			continue
		} else if err := json.Unmarshal(raw, &line); err != nil {
			t.Fatal(err)
		}
		if got := string(inner); got != line && got != strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r") {
			t.Fatalf("%q in %s, got %q", line, key, got)
		}
		return
	}
	if !bytes.Equal(inner, members["log"]) {
		t.Fatalf("log is %s, got %q", members["log"], inner)
	}
}

// FuzzTime: parseTime and package time agree.
func FuzzTime(f *testing.F) {
	f.Add("2016-10-06T00:17:09.669794202Z")
	f.Add("2000-02-29T23:59:59-11:30")
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseTime([]byte(text))
		if !ok {
			return
		}
		if want, err := time.Parse(time.RFC3339Nano, text); err != nil || want.UnixMilli() != got {
			t.Fatalf("%q: %d, want %d, %v", text, got, want.UnixMilli(), err)
		}
	})
}

// FuzzJoiner: each fragment names an earlier line, which is the first fragment of a
// line and has the texts of all that name it. Open returns all other lines.
func FuzzJoiner(f *testing.F) {
	f.Add("2016-10-06T00:17:09Z stdout P a\n2016-10-06T00:17:09Z stdout F b\nx")
	f.Add("{\"log\":\"a\",\"stream\":\"stdout\"}\n{\"log\":\"b\\n\",\"stream\":\"stdout\"}")
	f.Fuzz(func(t *testing.T, batch string) {
		var j Joiner
		lines := strings.Split(batch, "\n")
		for _, line := range lines {
			j.Add([]byte(line))
		}
		sizes := make([]int, len(lines))
		for i, line := range lines {
			var e, alone record.Envelope
			inner, _, first := j.Open(i, []byte(line), nil, &e)
			if first > i || first < 0 {
				t.Fatalf("line %d goes on line %d", i, first)
			}
			if first != i {
				if j.lines[first].chain == 0 || int(j.chains[j.lines[first].chain-1].first) != first {
					t.Fatalf("line %d goes on line %d, which is no first one", i, first)
				}
				sizes[first] += len(inner)
				continue
			}
			if c := j.lines[i].chain; c == 0 {
				if in, _ := Open([]byte(line), nil, &alone); !bytes.Equal(in, inner) || dump(&e) != dump(&alone) {
					t.Fatalf("line %d: %q, alone %q", i, inner, in)
				}
			} else {
				sizes[i] = j.lines[i].end - j.lines[i].start
			}
		}
		for i, size := range sizes {
			if c := j.lines[i].chain; c > 0 && int(j.chains[c-1].first) == i && j.chains[c-1].size != size {
				t.Fatalf("line %d has %d bytes, its fragments %d", i, j.chains[c-1].size, size)
			}
		}
	})
}
