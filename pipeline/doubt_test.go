package pipeline_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"clearhop/pipeline"
	"clearhop/record"
)

// Lines of a web hop whose access and error log come in one stream.
const (
	honest = `198.51.100.7 - - [28/Nov/2026:09:37:49 +0000] "GET / HTTP/1.1" 200 3 "-" "probe/1.0"`
	forged = `203.0.113.66 - admin [28/Nov/2026:09:40:00 +0000] "POST /admin/delete HTTP/1.1" 200 3 "-" "victim/1.0"`
	head   = `2026/11/28 09:37:50 [error] 7#7: *3 `
	// What nginx writes behind a path: the visitor, and the request with its %0A.
	tail = `" failed (2: No such file or directory), client: 198.51.100.77, server: , request: "GET /%22%0A203.0.113.66 HTTP/1.1", host: "example.com"`
	// What a visitor can write in the path.
	fakeTail = `" failed (2: No such file or directory), client: 203.0.113.5, server: , request: "GET /x HTTP/1.1", host: "example.com"`
	missing  = head + `open() "/usr/share/nginx/html/x` + fakeTail // an honest record looks the same
)

var openings = map[string]string{
	"quotes balance":      head + `open() "/usr/share/nginx/html/"`,
	"quotes do not":       head + `open() "/usr/share/nginx/html/`,
	"closed by a visitor": missing,
	"an index":            strings.Replace(head, "error", "info", 1) + `"/usr/share/nginx/html/" is not found (2: No such file or directory)`,
	"a rewrite":           strings.Replace(head, "error", "notice", 1) + `"^/x" does not match "/`,
}

var endings = map[string]string{
	"a quote":         `"y` + tail,
	"a forged head":   head + `open() "/usr/share/nginx/html/y` + tail,
	"a forged line":   forged + tail,
	"nothing":         tail,
	"lower case":      strings.Replace(tail, "%0A", "%0a", 1),
	"a referrer":      tail + `, referrer: "http://a/", client: 203.0.113.5, server: , request: "GET / HTTP/1.1"`,
	"request cut off": strings.TrimSuffix(tail, `.113.66 HTTP/1.1", host: "example.com"`),
}

// eventsOf processes lines as one stream.
func eventsOf(t *testing.T, origin *record.Origin, text ...string) []string {
	t.Helper()
	lines := linesOfText(origin, text...)
	return inBatches(t, open(t, chain()), lines, len(lines))
}

// linesOfText makes lines with the offsets that a reader of files gives.
func linesOfText(origin *record.Origin, text ...string) []record.Line {
	var lines []record.Line
	var at int64
	for i, s := range text {
		line := record.Line{ID: fmt.Appendf(nil, "%s-%d", origin.Source, i), Text: []byte(s), Origin: origin, Offset: at}
		if origin.LogGroup != "" {
			line.Offset = int64(i)
		}
		lines = append(lines, line)
		at += int64(len(s) + 1)
	}
	return lines
}

func isBelieved(event string) bool {
	return strings.Contains(event, `"vouched":true`) || strings.Contains(event, `"reason":"ok"`)
}

func isInside(event string) bool {
	return strings.Contains(event, `"verdict":"disputed"`) && strings.Contains(event, `"reason":"inside_error_record"`) && !strings.Contains(event, `"vouched":true`)
}

var streams = map[string]*record.Origin{
	"file":    {Source: "web.log", File: "web.log"},
	"payload": {Source: "group:stream", LogGroup: "group", LogStream: "stream", InOrder: true},
}

// wraps put a line into an envelope that says which output it comes from.
var wraps = map[string]func(output, text string) string{
	"plain": func(_, text string) string { return text },
	"cri":   func(output, text string) string { return "2026-11-28T09:37:50.1Z " + output + " F " + text },
	"docker": func(output, text string) string {
		return fmt.Sprintf(`{"log":"%s\n","stream":"%s","time":"2026-11-28T09:37:50.1Z"}`, quoted(text), output)
	},
	"firelens": func(output, text string) string {
		return fmt.Sprintf(`{"source":"%s","log":"%s","container_id":"43","container_name":"/ecs-web-7-nginx"}`, output, quoted(text))
	},
	"syslog": func(_, text string) string { return "<190>Nov 28 09:37:50 web nginx: " + text },
}

func quoted(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
}

// TestForgedLinesAreNotBelieved: what a visitor writes inside an error record is in
// doubt, however the record begins and ends, and honest lines around it are not.
func TestForgedLinesAreNotBelieved(t *testing.T) {
	for stream, origin := range streams {
		for wrapped, wrap := range wraps {
			for opening, first := range openings {
				for ending, last := range endings {
					name := strings.Join([]string{stream, wrapped, opening, ending}, ", ")
					var text []string
					for i := range 25 { // more than a record holds, and in order of time
						text = append(text, wrap("stdout", honestAt(i)))
					}
					for _, s := range []string{first, forged, forged, last} {
						text = append(text, wrap("stderr", s))
					}
					text = append(text, wrap("stdout", honest), wrap("stdout", honest))
					events := eventsOf(t, origin, text...)
					for i, event := range events {
						access := strings.Contains(event, `"dataset":"nginx.access"`)
						switch {
						case i < 25 || i > 28:
							if !isBelieved(event) {
								t.Errorf("%s: honest line %d: %s", name, i, event)
							}
						case isBelieved(event) || access && !isInside(event):
							t.Errorf("%s: line %d: %s", name, i, event)
						}
					}
				}
			}
		}
	}
}

// TestForgedKinds: whatever kind of line a visitor writes, it says nothing.
func TestForgedKinds(t *testing.T) {
	for _, line := range []string{
		forged,
		`{"time_iso8601":"2026-11-28T09:40:00+00:00","remote_addr":"203.0.113.66","request":"GET / HTTP/1.1","status":200}`,
		wraps["cri"]("stdout", forged), wraps["docker"]("stdout", forged), wraps["firelens"]("stdout", forged), wraps["syslog"]("", forged),
		`web-1  | ` + forged,
		head + `broken header: "GET / HTTP/1.1" while reading PROXY protocol, client: 203.0.113.66, server: 0.0.0.0:80`,
		strings.Replace(head, "*3 ", "*9 ", 1) + `client closed connection while reading PROXY protocol, client: 10.16.1.11, server: 0.0.0.0:80`,
	} {
		events := eventsOf(t, streams["file"], openings["quotes balance"], line, endings["a quote"])
		if !isInside(events[1]) {
			t.Errorf("%s: %s", line, events[1])
		}
		if wrapped := wraps["cri"]("stderr", line); !strings.Contains(line, "nginx: ") {
			events := eventsOf(t, streams["file"], wraps["cri"]("stderr", openings["quotes balance"]), wrapped, wraps["cri"]("stderr", endings["a quote"]))
			if !isInside(events[1]) {
				t.Errorf("%s: %s", wrapped, events[1])
			}
		}
	}
}

// TestHonestErrorsTakeNothing: records of everyday life put no access line in doubt.
func TestHonestErrorsTakeNothing(t *testing.T) {
	for name, line := range map[string]string{
		"missing file":  missing,
		"index":         head + `directory index of "/usr/share/nginx/html/a/" is forbidden, client: 198.51.100.7, server: _, request: "GET /a/ HTTP/1.1", host: "h"`,
		"upstream":      head + `upstream timed out (110: Connection timed out) while reading response header from upstream, client: 198.51.100.7, server: _, request: "GET / HTTP/1.1", upstream: "http://10.0.0.2/", host: "h"`,
		"PHP":           head + `FastCGI sent in stderr: "PHP message: PHP Warning: x in /a.php on line 2" while reading response header from upstream, client: 198.51.100.7, server: _, request: "GET /a.php HTTP/1.1", upstream: "fastcgi://127.0.0.1:9000", host: "h"`,
		"Lua":           head + `[lua] a.lua:3: hello, client: 198.51.100.7, server: _, request: "GET / HTTP/1.1", host: "h"`,
		"user":          head + `user "bob" was not found in "/etc/nginx/.htpasswd", client: 198.51.100.7, server: _, request: "GET / HTTP/1.1", host: "h"`,
		"keepalive":     strings.Replace(head, "error", "info", 1) + `client 198.51.100.7 closed keepalive connection`,
		"broken header": head + `broken header: "GET / HTTP/1.1" while reading PROXY protocol, client: 10.16.1.99, server: 0.0.0.0:80`,
		"notice":        `2026/11/28 09:37:50 [notice] 1#1: signal 1 (SIGHUP) received from 17, reconfiguring`,
		"encoded":       head + `limiting requests, excess: 0.5 by zone "a", client: 198.51.100.7, server: _, request: "GET /%20a?b=%00 HTTP/1.1", host: "h"`,
	} {
		for wrapped, wrap := range wraps {
			for stream, origin := range streams {
				var text []string
				for range 20 {
					text = append(text, wrap("stderr", line), wrap("stdout", honest))
				}
				for i, event := range eventsOf(t, origin, text...) {
					if i%2 == 1 && !isBelieved(event) {
						t.Errorf("%s, %s, %s: line %d: %s", name, wrapped, stream, i, event)
					}
					if i%2 == 0 && strings.Contains(event, "inside_error_record") {
						t.Errorf("%s, %s, %s: line %d: %s", name, wrapped, stream, i, event)
					}
				}
			}
		}
	}
}

// TestRecordsOfApplications: a whole record of an application, access lines, and a record
// of several lines are three things. The end of the last one is not that of the first.
func TestRecordsOfApplications(t *testing.T) {
	const tail = ` while reading response header from upstream, client: 198.51.100.7, server: _, request: "GET /a.php HTTP/1.1", upstream: "fastcgi://127.0.0.1:9000", host: "h"`
	warning := head + `FastCGI sent in stderr: "PHP message: PHP Warning: x in /a.php on line 2"` + tail
	opening := head + `FastCGI sent in stderr: "PHP message: PHP Fatal error: Uncaught Exception in /a.php:12`
	trace := []string{opening, "Stack trace:", "#0 {main}", `  thrown in /a.php on line 12"` + tail}
	text := append([]string{warning, honest, honest}, trace...)
	text = append(append(text, honest), trace...)
	for i, event := range eventsOf(t, streams["file"], text...) {
		if strings.Contains(event, `"dataset":"nginx.access"`) && !isBelieved(event) {
			t.Errorf("event %d: %s", i, event)
		}
	}
	// A second end has no record of its own, so it can be the first one's.
	events := eventsOf(t, streams["file"], append(text[:7:7], forged, trace[3])...)
	if forgedOne := events[len(events)-2]; !isInside(forgedOne) {
		t.Errorf("%s", forgedOne)
	}
}

// TestDoubtEnds: nginx writes at most 2,047 bytes for a record. What follows is no part
// of one that has no end.
func TestDoubtEnds(t *testing.T) {
	for _, opening := range []string{openings["quotes balance"], head + `broken header: "GET / HTTP/1.1`} {
		text := []string{opening}
		for range 40 {
			text = append(text, honest)
		}
		size := len(opening)
		for i, event := range eventsOf(t, streams["file"], text...) {
			if i == 0 {
				continue
			}
			size += len("\n") + len(honest)
			if inside := size <= 2047; isInside(event) != inside || isBelieved(event) == inside {
				t.Errorf("%.60s: line %d, which ends at byte %d: %s", opening, i, size, event)
			}
		}
	}
}

// TestCutRecord: nginx cuts a long record off, so that the end of it is not there. A
// visitor who closes the record in his path and knows its length leaves no trace but
// the length.
func TestCutRecord(t *testing.T) {
	for _, empty := range []bool{false, true} {
		text := []string{missing}
		size := len(missing)
		if empty {
			size += 2 // empty lines, which a reader leaves out
		}
		for size+2*(len(forged)+1) < 2047 {
			text = append(text, forged)
			size += len("\n") + len(forged)
		}
		text = append(text, strings.Replace(forged, "victim", strings.Repeat("v", 2047-size-len(forged)-1+len("victim")), 1))
		text = append(text, honest)
		lines := linesOfText(streams["file"], text...)
		if empty {
			for i := range lines[1:] {
				lines[i+1].Offset += 2
			}
		}
		events := inBatches(t, open(t, chain()), lines, len(lines))
		for i, event := range events[1 : len(events)-1] {
			if !isInside(event) {
				t.Errorf("line %d: %s", i+1, event)
			}
		}
		if !isBelieved(events[len(events)-1]) {
			t.Errorf("the line behind the record: %s", events[len(events)-1])
		}
	}
}

// cutRecord is a record that nginx cut off after 2,047 bytes: the visitor closed it, and
// then wrote lines. It ends with text.
func cutRecord(opening, text string) string {
	record := opening
	for len(record)+2*(len(forged)+1)+len(text) < 2047 {
		record += "\n" + forged
	}
	last := strings.Replace(forged, "victim", strings.Repeat("v", 2047-len(record)-len(text)-len(forged)-1+len("victim")), 1)
	return record + "\n" + last + text
}

// TestCutRecordBehindLines: a record that was cut off can end with what a reader leaves out.
func TestCutRecordBehindLines(t *testing.T) {
	for _, text := range []string{"", "\r", "\n", "\n\n\n", "\r\n\r\n"} {
		record := cutRecord(missing, text)
		if len(record) != 2047 {
			t.Fatal(len(record))
		}
		for _, behind := range []string{"", honest + "\n"} {
			lines := linesOfFile(record + "\n" + behind)
			if behind == "" && len(text) > 1 {
				continue // the end of the file does not show how much was left out
			}
			events := inBatches(t, open(t, chain()), lines, len(lines))
			for i, event := range events {
				if i > 0 && isBelieved(event) != (string(lines[i].Text) == honest) {
					t.Errorf("%q: line %d: %s", text, i, event)
				}
			}
		}
	}
}

// linesOfFile makes the lines that a reader gives of a file.
func linesOfFile(text string) []record.Line {
	var lines []record.Line
	at := 0
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if trimmed != "" {
			lines = append(lines, record.Line{ID: fmt.Append(nil, "at-", at), Text: []byte(trimmed), Origin: streams["file"], Offset: int64(at)})
		}
		at += len(line)
	}
	return lines
}

// TestAccessLinesOnStderr: nginx's image writes its error log there, and nothing else.
func TestAccessLinesOnStderr(t *testing.T) {
	for name, wrap := range wraps {
		if name == "plain" || name == "syslog" {
			continue
		}
		events := eventsOf(t, streams["file"], wrap("stderr", forged), wrap("stdout", honest))
		if !isInside(events[0]) || !isBelieved(events[1]) {
			t.Errorf("%s: %s", name, events)
		}
	}
}

// TestRecordOverPayloads: an end of a record whose beginning stands in another payload
// puts the lines before it in doubt. The beginning without an end does so for what
// follows it.
func TestRecordOverPayloads(t *testing.T) {
	for ending, last := range endings {
		for opening, first := range openings {
			text := []string{first, forged, forged, last}
			for cut := 1; cut < len(text); cut++ {
				origin := func(n int) *record.Origin {
					return &record.Origin{Source: fmt.Sprint("group:stream", n), LogGroup: "group", LogStream: "stream", InOrder: true}
				}
				events := slices.Concat(eventsOf(t, origin(1), text[:cut]...), eventsOf(t, origin(2), append(slices.Clone(text[cut:]), honest)...))
				for i, event := range events[:len(events)-1] {
					// What cannot be known: the visitor closed the record, and the
					// payload with its end has not come yet.
					unknown := i < cut && opening == "closed by a visitor"
					if isBelieved(event) && !unknown {
						t.Errorf("%s, %s, cut at %d: line %d: %s", opening, ending, cut, i, event)
					}
				}
				if event := events[len(events)-1]; !isBelieved(event) {
					t.Errorf("%s, %s, cut at %d: the honest line: %s", opening, ending, cut, event)
				}
			}
		}
	}
}

// TestForgedLinesInBatches: where a stream is cut into batches changes nothing.
func TestForgedLinesInBatches(t *testing.T) {
	var text []string
	for opening := range openings {
		text = append(text, honest, honest, missing, honest, openings[opening], forged, forged, endings["a forged head"], honest, missing)
	}
	text = append(text, head+`FastCGI sent in stderr: "PHP message: x`, forged, `#0 {main}" while reading response header from upstream, client: 198.51.100.7, server: _, request: "GET / HTTP/1.1", host: "h"`, honest)
	lines := linesOfText(streams["file"], text...)
	want := inBatches(t, open(t, chain()), lines, len(lines))
	for size := 1; size < len(lines); size++ {
		if got := inBatches(t, open(t, chain()), lines, size); !slices.Equal(got, want) {
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("in batches of %d, event %d is\n%swant\n%s", size, i, got[i], want[i])
				}
			}
		}
	}
}

// TestDoubtAllocatesNothing: looking at the lines behind an error line costs none.
func TestDoubtAllocatesNothing(t *testing.T) {
	w := open(t, chain())
	for _, wrap := range wraps {
		var text []string
		for range 4 {
			text = append(text, wrap("stdout", honest), wrap("stderr", missing), wrap("stderr", forged), wrap("stderr", endings["a forged head"]))
		}
		lines := linesOfText(streams["payload"], text...)
		each := func() {
			_, _ = w.ProcessBatch(lines, true, func(*pipeline.Outcome) error { return nil })
		}
		each()
		if n := testing.AllocsPerRun(20, each); n > 1 {
			t.Errorf("%v allocations for %.60s", n, text[1])
		}
	}
}

// TestCutRecordEndsInEnvelope: a visitor can write an envelope into a record that nginx cuts
// off. The bytes of that envelope are the record's.
func TestCutRecordEndsInEnvelope(t *testing.T) {
	const most = 2047
	for _, outer := range []string{"plain", "cri", "docker"} {
		for _, inner := range []string{"cri", "docker", "firelens", "syslog"} {
			record := missing
			for len(record)+2*(len(wraps[inner]("stdout", forged))+1) < most {
				record += "\n" + wraps[inner]("stdout", forged)
			}
			last := wraps[inner]("stdout", forged)
			last = strings.Replace(last, "victim", strings.Repeat("v", most-len(record)-1-len(last)+len("victim")), 1)
			record += "\n" + last
			if len(record) != most {
				t.Fatal(len(record))
			}
			var text []string
			for line := range strings.Lines(record) {
				text = append(text, wraps[outer]("stdout", strings.TrimSuffix(line, "\n")))
			}
			for name, origin := range streams {
				for i, event := range eventsOf(t, origin, append(text, wraps[outer]("stdout", honestAt(0)))...)[1:len(text)] {
					if isBelieved(event) {
						t.Errorf("%s in %s, %s: line %d of %d: %s", inner, outer, name, i+1, len(text), event)
					}
				}
			}
		}
	}
}

// asDriversWrite is what log drivers write for a text: each byte that is not UTF-8 becomes U+FFFD.
func asDriversWrite(text string) string { return string([]rune(text)) }

// TestUncountableRecord: where the bytes of a record that nginx cut off cannot be counted,
// because log drivers leave empty lines out and write other bytes for those that are not
// UTF-8, the access line of the same request shows that lines before it can be a visitor's.
func TestUncountableRecord(t *testing.T) {
	const most = 2047
	for kind, filling := range map[string]string{"nothing": "", "an empty line": "\n", "many empty lines": strings.Repeat("\n", 40), "bytes": "\xff\xff\xfe"} {
		for outer, wrap := range wraps {
			for between := range 3 {
				path := fakeTail + "\n" + forged + "\n" + filling + strings.Repeat("v", 3000)
				record := (head + `open() "/usr/share/nginx/html/x` + path)[:most]
				var text []string
				add := func(s string) { text = append(text, wrap("stdout", asDriversWrite(s))) }
				for line := range strings.SplitSeq(record, "\n") {
					if line != "" {
						add(line)
					}
				}
				for i := range between {
					add(honestAt(i))
				}
				add(strings.Replace(honestAt(between), "GET / ", "GET /"+url.PathEscape(path)+" ", 1))
				first := len(text)
				for i := range 5 {
					add(honestAt(10 + i))
				}
				events := eventsOf(t, streams["payload"], text...)
				if isBelieved(events[1]) {
					t.Errorf("%s, %s, %d lines between: the forged line is believed", kind, outer, between)
				}
				for i, e := range events[first:] {
					if !isBelieved(e) {
						t.Errorf("%s, %s, %d lines between: honest line %d is not believed: %s", kind, outer, between, i, e)
					}
				}
			}
		}
	}
}

// TestLongPathsAreNoEvidence: a path that has no line break, a short one and a long query
// take no verdict from the lines of others.
func TestLongPathsAreNoEvidence(t *testing.T) {
	long := strings.Repeat("v", 3000)
	for _, path := range []string{long, "a%0Ab", "a?q=" + long + "%0A" + long, "a%0A?q=" + long} {
		events := eventsOf(t, streams["payload"], missing, honestAt(0), strings.Replace(honestAt(1), "GET / ", "GET /"+path+" ", 1), honestAt(2))
		for i, e := range events[1:] {
			if !isBelieved(e) {
				t.Errorf("%.10s…: line %d is not believed: %s", path, i, e)
			}
		}
	}
}
