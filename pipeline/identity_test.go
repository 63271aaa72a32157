package pipeline_test

import (
	"fmt"
	"strings"
	"testing"

	"clearhop/pipeline"
	"clearhop/privacy"
	"clearhop/record"
	"clearhop/rule"
)

// idsOf returns the ids of the events of lines of one file.
func idsOf(t *testing.T, c pipeline.Config, lines ...string) []string {
	t.Helper()
	w := open(t, c)
	var in []record.Line
	origin := &record.Origin{Source: "acc.log", File: "acc.log"}
	for i, line := range lines {
		in = append(in, record.Line{Text: []byte(line), Offset: int64(i) * 1000, Origin: origin})
	}
	var ids []string
	done, err := w.ProcessBatch(in, true, func(out *pipeline.Outcome) error {
		ids = append(ids, string(out.ID))
		if !strings.Contains(string(out.Data), `"id":"`+string(out.ID)+`"`) {
			t.Errorf("%s is not the id of %s", out.ID, out.Data)
		}
		return nil
	})
	if err != nil || done != len(lines) {
		t.Fatal(done, err)
	}
	return ids
}

func hidden(mode string, keys ...string) pipeline.Config {
	c := pipeline.Config{Privacy: privacy.Settings{Mode: mode, RedactQuery: keys}}
	if mode == "hash" {
		c.Privacy.Key = privacyKey
	}
	return c
}

// TestIDTellsNothing: lines that differ only in what is hidden have the same id, so
// that nobody can find it out by trying.
func TestIDTellsNothing(t *testing.T) {
	f := func(c pipeline.Config, line string, a, b string) {
		t.Helper()
		ids := make([]string, 0, 2)
		for _, hidden := range []string{a, b} {
			ids = append(ids, strings.Join(idsOf(t, c, strings.Split(strings.ReplaceAll(line, "@", hidden), "\n")...), " "))
		}
		if ids[0] != ids[1] {
			t.Errorf("%s: with %q and %q the ids are %v", line, a, b, ids)
		}
	}
	const access = `@ - - [22/Nov/2026:11:00:24 +0000] "GET /hello?q=1 HTTP/1.1" 200 3 "-" "probe/1.0"`
	const query = `203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET /hello?q=@ HTTP/1.1" 200 3 "-" "probe/1.0"`
	f(hidden("truncate"), access, "203.0.113.9", "203.0.113.255")
	f(hidden("truncate"), access, "2001:db8:9::1", "2001:db8:9:8:7:6:5:4")
	f(hidden("truncate"), strings.Replace(access, "- -", "- @", 1), "203.0.113.9", "203.0.113.25")
	f(hidden("truncate"), `203.0.113.9 - @ [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-"`, "ann", "barbara")
	f(hidden("truncate"), `203.0.113.9 - a\x22@ [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-"`, "ann", "barbara")
	f(hidden("truncate"), `203.0.113.9 - a@ [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-"`, `\x09nn`, `\x09`)
	f(hidden("truncate"), "junk of @ and more", "203.0.113.9", "203.0.113.25")
	f(hidden("truncate"), `{"log":"@ - - [22/Nov/2026:11:00:24 +0000] \"GET / HTTP/1.1\" 200 3 \"-\" \"-\"\n","stream":"stdout"}`, "203.0.113.9", "203.0.113.25")
	f(hidden("truncate"), `2026/11/22 11:00:25 [error] 7#7: *1 user "@": password mismatch, client: 203.0.113.9, server: _`, "ann", "bob")
	// The second line alone holds the value without the name that reveals it.
	f(hidden("truncate", "q"), "2026/11/22 11:00:25 [error] 7#7: *1 broken header: \"GET /?q=1\n@ HTTP/1.1\" while reading PROXY protocol, client: 203.0.113.9, server: _", "ann", "bob")
	f(hidden("truncate"), "2026/11/22 11:00:25 [error] 7#7: *1 broken header: \"Cookie: @\n\" while reading PROXY protocol, client: 203.0.113.9, server: _", "ann", "bob")
	for _, mode := range []string{"none", "truncate"} {
		f(hidden(mode, "q"), query, "alice%40x.org", "bob")
		f(hidden(mode, "q"), query, "alice smith", "bob")
		f(hidden(mode, "q"), `{"remote_addr":"203.0.113.9","status":"200","request":"GET /hello?q=@ HTTP/1.1"}`, "alice%40x.org", "bob")
		f(hidden(mode, "q"), `{"remote_addr":"203.0.113.9","status":"200","request":"GET / HTTP/1.1","arg_q":"@"}`, "alice", "bob")
	}
}

// TestIDs: an id is the same however often a line is read, other lines have others, and
// with hash it depends on the key.
func TestIDs(t *testing.T) {
	line := `203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET /hello?q=1 HTTP/1.1" 200 3 "-" "probe/1.0"`
	seen := map[string]string{}
	for name, c := range map[string]pipeline.Config{"none": hidden(""), "truncate": hidden("truncate"), "hash": hidden("hash"), "redact": hidden("none", "q")} {
		ids := idsOf(t, c, line, line, strings.Replace(line, "hello", "other", 1))
		if again := idsOf(t, c, line, line, strings.Replace(line, "hello", "other", 1)); strings.Join(again, " ") != strings.Join(ids, " ") {
			t.Errorf("%s: read again: %v, before %v", name, again, ids)
		}
		for i, id := range ids {
			if other, twice := seen[id]; twice || len(id) != 32 {
				t.Errorf("%s: line %d has the id %q, as %s", name, i, id, other)
			}
			seen[id] = name
		}
	}
	other := hidden("hash")
	other.Privacy.Key = "another key, and a long one"
	if idsOf(t, other, line)[0] == idsOf(t, hidden("hash"), line)[0] {
		t.Error("the id does not depend on the key")
	}
	// Discovered nodes come and go. They change no id.
	known := hidden("truncate")
	known.Client.Trusted = []string{"203.0.113.9"}
	if idsOf(t, known, line)[0] != idsOf(t, hidden("truncate"), line)[0] {
		t.Error("the id depends on the proxies")
	}
	w := open(t, hidden("truncate"))
	if out := w.Process(&record.Line{ID: []byte("36072"), Text: []byte(line), Origin: &record.Origin{}}); string(out.ID) != "36072" {
		t.Errorf("CloudWatch's id became %s", out.ID)
	}
}

// TestContinuedIDs: a line that continues another one names the id of that event.
func TestContinuedIDs(t *testing.T) {
	for _, mode := range []string{"none", "truncate", "hash"} {
		w := open(t, hidden(mode))
		origin := &record.Origin{Source: "err.log"}
		in := linesOf(origin, []byte(`2026/11/22 11:00:25 [error] 7#7: *1 broken header: "GET / HTTP/1.1`), []byte("Host: a"),
			[]byte(`" while reading PROXY protocol, client: 203.0.113.9, server: 0.0.0.0:80`))
		first, n := "", 0
		if _, err := w.ProcessBatch(in, true, func(out *pipeline.Outcome) error {
			if n++; n == 1 {
				first = string(out.ID)
			} else if got := string(out.Record.Continues); got != first || string(out.ID) == first {
				t.Errorf("%s: line %d has the id %s and continues %q; the first has %s", mode, n, out.ID, got, first)
			}
			return nil
		}); err != nil || n != 3 {
			t.Fatal(n, err)
		}
	}
}

// TestSamplesTellNothing: whether a rule keeps an event tells nothing of what is hidden.
func TestSamplesTellNothing(t *testing.T) {
	c := hidden("truncate")
	c.Rules = rule.Settings{Rule: []string{"sample:0.5 status=2xx"}}
	kept := map[bool]int{}
	for i := range 256 {
		w := open(t, c)
		out := w.Process(&record.Line{Text: fmt.Appendf(nil, `203.0.113.%d - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-"`, i), Origin: &record.Origin{}})
		kept[out.Dropped]++
	}
	if len(kept) != 1 {
		t.Errorf("of 256 addresses of one network, %d events are kept", kept[false])
	}
}
