package decode

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"clearhop/record"
)

// says returns what a line of a document says: id, time, stream and text.
func says(l *record.Line) string {
	at := "-"
	if l.HasTime {
		at = time.UnixMilli(l.Time).UTC().Format("15:04:05.000")
	}
	group := l.Origin.LogGroup
	if l.Defect != record.Sound {
		group += " " + l.Defect.String()
	}
	return fmt.Sprintf("%s %s %s:%s:%s %q", l.ID, at, l.Origin.AccountID, group, l.Origin.LogStream, l.Text)
}

// TestEvents: what the AWS CLI, Logs Insights and the console write, and the events in
// it.
func TestEvents(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(text), "bytewise": iotest.OneByteReader(strings.NewReader(text)),
			"gzip": bytes.NewReader(pack([]byte(text))), "with BOM": strings.NewReader("\ufeff" + text),
		} {
			reader := NewReader(r, Options{Name: "f"})
			lines, err := drain(reader)
			var got []string
			for i := range lines {
				got = append(got, says(&lines[i]))
				if lines[i].Offset != int64(i) || lines[i].Origin.Source != "f" || lines[i].Origin.File != "" {
					t.Errorf("%s: line %d has offset %d, source %q", name, i, lines[i].Offset, lines[i].Origin.Source)
				}
			}
			if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("%.70q %s: %v\n got %s\nwant %s", text, name, err, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
			}
		}
	}
	const at = `"timestamp":1754733600123`
	// JSON
	f(`{"events":[{`+at+`,"message":"a \"b\"\n","ingestionTime":1,"eventId":"7","logStreamName":"s/1"}],"searchedLogStreams":[{"x":[1]}],"nextToken":"t"}`,
		`7 10:00:00.123 ::s/1 "a \"b\""`)
	f("{\n  \"events\": [\n    {\n      "+at+",\n      \"message\": \"a\"\n    },\n    {\n      \"message\": \"b\"\n    }\n  ],\n  \"nextForwardToken\": \"f/1\"\n}\n",
		` 10:00:00.123 :: "a"`, ` - :: "b"`)
	f(`{"nextToken":"t","events":[{"message":"a",`+at+`}]}`+"\n"+`{"events":[]}{"events":[{"message":"b"}]}`, ` 10:00:00.123 :: "a"`, ` - :: "b"`)
	f(`{"searchedLogStreams":[],"events":[]}`)
	f(`{"events":[{"eventId":"7",`+at+`}]}`, `7 10:00:00.123 : log event without a message: "{\"eventId\":\"7\",\"timestamp\":1754733600123}"`)
	f(`{"status":"Complete","results":[[{"field":"@timestamp","value":"2025-08-09 10:00:00.123"},{"field":"@message","value":"a\tb"},{"field":"@ptr","value":"x"}]]}`,
		` 10:00:00.123 :: "a\tb"`)
	f(`[{"@timestamp":"2025-08-09 10:00:00.123","@message":"a","@logStream":"s","@log":"123456789012:/ecs/web"},{"@message":"b"}]`,
		` 10:00:00.123 123456789012:/ecs/web:s "a"`, ` - :: "b"`)
	f("[\n    {\n        \"logStreamName\": \"s\",\n        "+at+",\n        \"message\": \"a\",\n        \"eventId\": \"7\"\n    }\n]\n", `7 10:00:00.123 ::s "a"`)
	f("[\n    \"a\",\n    \"b\"\n]\n", ` - :: "a"`, ` - :: "b"`)
	f("[\n    [\n        1754733600123,\n        \"a b\"\n    ],\n    [\n        \"b\"\n    ]\n]", ` 10:00:00.123 :: "a b"`, ` - :: "b"`)
	f("[\n    [\n        \"web/1\",\n        1754733600123,\n        \"a b c d\",\n        \"391234567890123456789\"\n    ]\n]", `391234567890123456789 10:00:00.123 ::web/1 "a b c d"`)
	f("[\n  1754733600123,\n  \"a b\"\n]\n[\n  1754733600124,\n  \"b\"\n]\n", ` 10:00:00.123 :: "a b"`, ` 10:00:00.124 :: "b"`)
	// A message of JSON, which Logs Insights exports as an object.
	f("[\n  {\n    \"@timestamp\": \"2025-08-09 10:00:00.123\",\n    \"@message\": {\n      \"status\": 200\n    },\n    \"@logStream\": \"s\"\n  }\n]\n",
		` 10:00:00.123 ::s "{\n      \"status\": 200\n    }"`)
	f(`[{"@message":{"message":"x"}},{"@message":"b"}]`, ` - :: "{\"message\":\"x\"}"`, ` - :: "b"`)
	// Objects that --query, jq or a log router made.
	f("[\n    {\n        \"message\": \"a\"\n    },\n    {\n        \"message\": \"b\"\n    }\n]\n", ` - :: "{\n        \"message\": \"a\"\n    }"`, ` - :: "{\n        \"message\": \"b\"\n    }"`)
	f(`[{"ts":1754733600123,"msg":"a"},{"log":"b"}]`, ` - :: "{\"ts\":1754733600123,\"msg\":\"a\"}"`, ` - :: "{\"log\":\"b\"}"`)
	f(`[{"t\u0069mestamp":"17547\u00333600123","msg":"a"}]`, ` - :: "{\"t\\u0069mestamp\":\"17547\\u00333600123\",\"msg\":\"a\"}"`)
	f(`[{"message":"GET /","remote_addr":"203.0.113.9"}]`+"\n"+`[{"status":200}]`, ` - :: "{\"message\":\"GET /\",\"remote_addr\":\"203.0.113.9\"}"`, ` - :: "{\"status\":200}"`)
	f(`["a b c d e f","b"]`, ` - :: "a b c d e f"`, ` - :: "b"`)
	f(`[[1754733600123,"a b c d e f"],[1754733600124,"b"]]`, ` 10:00:00.123 :: "a b c d e f"`, ` 10:00:00.124 :: "b"`)
	f(`{"logRecord":{"@ingestionTime":"1","@log":"123456789012:/ecs/web","@logStream":"s","@message":"a","@timestamp":"1754733600123","status":"200"}}`,
		` 10:00:00.123 123456789012:/ecs/web:s "a"`)
	// OpenTelemetry: the resource stands before its records.
	f(`{"resourceLogs":[{"resource":{"attributes":[]},"scopeLogs":[{"scope":{"name":"x"},"logRecords":[{"body":{"stringValue":"a"}},{}]}]},{"resource":{"a":1},"scopeLogs":[{"logRecords":[{"body":{"stringValue":"b"}}]}]}]}`+"\n"+`{"resourceLogs":[]}`,
		` - :: "{\"resource\":{\"attributes\":[]},\"body\":{\"stringValue\":\"a\"}}"`, ` - :: "{\"resource\":{\"attributes\":[]}}"`, ` - :: "{\"resource\":{\"a\":1},\"body\":{\"stringValue\":\"b\"}}"`)
	f(`{"logStreamName":"s",`+at+`,"message":"a","eventId":"7"}`+"\n"+`{"logStreamName":"s",`+at+`,"message":"b","eventId":"8"}`, `7 10:00:00.123 ::s "a"`, `8 10:00:00.123 ::s "b"`)
	f("{\n  \"eventId\": \"7\",\n  "+at+",\n  \"message\": \"a\"\n}\n{\n  \"eventId\": \"8\",\n  \"message\": \"b\"\n}\n", `7 10:00:00.123 :: "a"`, `8 - :: "b"`)
	// CSV
	f("@timestamp,@message\n2025-08-09 10:00:00.123,\"a, \"\"b\"\"\nc\"\r\n\r\n2025-08-09 10:00:00,\n,plain", ` 10:00:00.123 :: "a, \"b\"\nc"`, ` 10:00:00.000 :: ""`, ` - :: "plain"`)
	f("\"@log\",\"@logStream\",\"@message\",\"@ptr\"\r\n\"1:/g\",\"s\",\"a\",\"x\"\r\n", ` - 1:/g:s "a"`)
	f("timestamp,message\n1754733600123,a\ntimestamp,message\n1754733600124,\"b\"", ` 10:00:00.123 :: "a"`, ` 10:00:00.124 :: "b"`)
	// Text
	const id = "39123456789012345678901234567890123456789012345678901234"
	f("EVENTS\t"+id+"\t1754733601000\ts\ta\tb\t1754733600123\nEVENTS\t"+id+"\t1754733601000\ts\tc\nd\n\t1754733600124\nSEARCHEDLOGSTREAMS\ts\tTrue\n",
		id+` 10:00:00.123 ::s "a\tb"`, id+` 10:00:00.124 ::s "c\nd"`)
	f("CWLI\tComplete\nRESULTS\t@timestamp\t2025-08-09 10:00:00.123\nRESULTS\t@message\ta\tb\nRESULTS\t@ptr\tx\nRESULTS\t@message\tc\nd\nRESULTS\t@logStream\ts\nRESULTS\t@ptr\ty\nSTATISTICS\t0.0\t2.0\t2.0\n",
		` 10:00:00.123 :: "a\tb"`, ` - ::s "c\nd"`)
	f("Complete\nSTATISTICS\t0.0\t2.0\t2.0\r\nRESULTS\t@message\ta\r\nRESULTS\t@message\tb\r\nRESULTS\t@message\tc", ` - :: "a"`, ` - :: "b"`, ` - :: "c"`)
	f("@timestamp\t2025-08-09 10:00:00.123\n@message\ta\nstatus\t200\n@ptr\tx\n@timestamp\t2025-08-09 10:00:00.124\n@message\tb\n", ` 10:00:00.123 :: "a"`, ` 10:00:00.124 :: "b"`)
	f("b/1\tf/2\nEVENTS\t1754733601000\ta\t1754733600123\r\nEVENTS\t1754733601000\tcut", ` 10:00:00.123 :: "a"`, ` - :: "cut"`)
}

// TestEventsCutOff: the events before the fault are returned, then one error and the
// end.
func TestEventsCutOff(t *testing.T) {
	for _, text := range []string{
		`{"events":[{"message":"a"},{"mess`, `{"events":[{"message":"a"}`, `{"events":[{"message":"a"},}`, `{"events":[{"message":"a"}]}x`,
		"@message\na\n\"b", `{"events":[{"message":"a"}],"x"}`,
	} {
		lines, err := drain(NewReader(strings.NewReader(text), Options{}))
		if _, ok := errors.AsType[*PayloadError](err); !ok || len(lines) != 1 || string(lines[0].Text) != "a" {
			t.Errorf("%s: %d lines, %v", text, len(lines), err)
		}
	}
}

// TestNoDocuments: a log that only looks like a document is read line by line.
func TestNoDocuments(t *testing.T) {
	for _, text := range []string{
		`{"events":7}`, `{"events":["a"]}`, `{"results":{}}`, `{"message":"a","timestamp":"2026-11-22T11:00:25Z"}`, `{"@message":"a","@timestamp":"x"}`,
		`{"message":"a","timestamp":1754733600123}`, `["203.0.113.9","GET /"]`, `[{"remote_addr":"203.0.113.9"}]`, `[22/Nov/2026:11:00:24 +0000] a`, `[error]`,
		"[\n1\n]", `[{"a":1}] x`, `[{"a":1}` + "\nx", `["$remote_addr","a b c d e f"]`, `["a b c d e f" x`, "Complete\nx", "Sep\tComplete\nSTATISTIC", "status\t200", "RESULTS",
		"message,text", "timestamp", "EVENTS\tx\ty", "b/1\tf/1\nx", "events: 7", "-----------", "Eve", "bz", "PK", "\x00", strings.Repeat("m", 5000),
	} {
		lines, err := drain(NewReader(strings.NewReader(text+"\nlast"), Options{}))
		if n := 1 + strings.Count(text, "\n") + 1; err != nil || len(lines) != n || string(lines[n-1].Text) != "last" {
			t.Errorf("%.40q: %d lines, %v", text, len(lines), err)
		}
	}
}

// TestObjectsOnLines: an object of JSON that stands on several lines is one line.
func TestObjectsOnLines(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(text), "bytewise": iotest.OneByteReader(strings.NewReader(text))} {
			if name == "bytewise" && !strings.HasPrefix(text, "{\n") {
				continue // what was read first decides
			}
			lines, err := drain(NewReader(r, Options{}))
			var got []string
			for i := range lines {
				got = append(got, string(lines[i].Text))
			}
			if err != nil || strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("%q %s: %v\n got %q\nwant %q", text, name, err, got, want)
			}
		}
	}
	f("{\n  \"a\": {\n  }\n}\n{\n}\n{\"b\":1}\nx\n", "{\n  \"a\": {\n  }\n}", "{\n}", `{"b":1}`, "x")
	f("{\n  \"a\": 1\n}", "{\n  \"a\": 1\n}")
	f("{\r\n  \"a\": 1\r\n}\r\nx", "{\r\n  \"a\": 1\r\n}", "x")
	f("2026-11-22T11:00:25+00:00 web/1 \n{\n    \"a\": 1\n}\n2026-11-22T11:00:25+00:00 web/1 plain\n", "2026-11-22T11:00:25+00:00 web/1 \n{\n    \"a\": 1\n}", "2026-11-22T11:00:25+00:00 web/1 plain")
	f("2026-11-22T11:00:25+00:00 web/1 \nx\n{\n}\n", "2026-11-22T11:00:25+00:00 web/1 ", "x", "{\n}")
	lines, err := drain(NewReader(strings.NewReader("{\n"+strings.Repeat("a\n", 100)), Options{MaxLine: 50}))
	if err != nil || len(lines) != 101 {
		t.Errorf("an object without an end: %d lines, %v", len(lines), err)
	}
}

// An endlessEvents is a document with many events, made while it is read.
type endlessEvents struct {
	left int
	rest string
}

func (e *endlessEvents) Read(p []byte) (int, error) {
	if e.rest == "" {
		if e.left == 0 {
			return 0, io.EOF
		}
		e.left--
		e.rest = `,{"timestamp":1754733600123,"message":"` + strings.Repeat("a", 1000) + `","eventId":"7","logStreamName":"s"}`
		if e.left == 0 {
			e.rest = "]}"
		}
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// TestEventsBoundMemory: a document of 100 MB is not held.
func TestEventsBoundMemory(t *testing.T) {
	r := NewReader(&endlessEvents{left: 100_000, rest: `{"events":[{"message":"a"}`}, Options{})
	n := 0
	for {
		_, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 100_000 || len(r.lines.buf) > 1<<20 {
		t.Errorf("%d events, a window of %d bytes", n, len(r.lines.buf))
	}
	runtime.KeepAlive(r)
}

// TestEventsAllocs: in the steady state, an event allocates nothing.
func TestEventsAllocs(t *testing.T) {
	const id = "39123456789012345678901234567890123456789012345678901234"
	for name, in := range map[string]io.Reader{
		"JSON": &endlessEvents{left: 1 << 30, rest: `{"events":[{"message":"a"}`},
		"CSV":  io.MultiReader(strings.NewReader("@timestamp,@message,@logStream\n"), &cycle{data: []byte("2025-08-09 10:00:00.123,\"a \"\"b\"\"\",s\n")}),
		"text": &cycle{data: []byte("EVENTS\t" + id + "\t1754733601000\ts\ta b\t1754733600123\n")},
	} {
		r := NewReader(in, Options{})
		next := func() {
			if _, err := r.Next(); err != nil {
				t.Fatal(name, err)
			}
		}
		for range 1000 {
			next()
		}
		limit := 0.0
		if name == "JSON" {
			limit = 3 // of the endlessEvents itself
		}
		if n := testing.AllocsPerRun(2000, next); n > limit {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// bzipped is "first\nlast\n", packed by bzip2.
const bzipped = "QlpoOTFBWSZTWTOptBcAAAHBgAAQISQcACAAMQwIGg2ppEY7DovF3JFOFCQM6m0FwA=="

// TestBzip2: the stream is unpacked, whole or in several streams.
func TestBzip2(t *testing.T) {
	packed, err := base64.StdEncoding.DecodeString(bzipped)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := drain(NewReader(bytes.NewReader(append(packed, packed...)), Options{}))
	if err != nil || len(lines) != 4 || string(lines[3].Text) != "last" {
		t.Errorf("%d lines, %v", len(lines), err)
	}
}

// TestUnreadable: what holds no lines is refused with one error that names it, and says
// what to do.
func TestUnreadable(t *testing.T) {
	random := bytes.Repeat([]byte("\x8f\x01\xfe\x33\x9c\xc2\x07\xe1\xb0\xd5"), 500)
	tar := append(append([]byte("access.log"), make([]byte, 247)...), "ustar\x0000"...)
	for want, data := range map[string][]byte{
		"a tar archive": pack(tar), "a zip archive": []byte("PK\x03\x04x"), "xz": []byte("\xfd7zXZ\x00x"), "lz4": []byte("\x04\x22\x4d\x18x"),
		"UTF-16": []byte("\xff\xfea\x00"), "binary data": random, "a table": []byte("--------------\n| Filter |\n"), "YAML": []byte("events:\n- eventId: '7'\n"),
		"without @message": []byte("@timestamp,@logStream\n1,2\n"),
	} {
		for _, in := range []io.Reader{bytes.NewReader(data), iotest.OneByteReader(bytes.NewReader(data))} {
			if _, bytewise := in.(*bytes.Reader); !bytewise && (want == "binary data" || want == "a tar archive" || want == "a table" || want == "YAML" || want == "without @message") {
				continue // decided by more than the first bytes
			}
			r := NewReader(in, Options{Name: "a.bin"})
			for range 2 {
				line, err := r.Next()
				if _, ok := errors.AsType[*UnreadableError](err); line != nil || !ok || !strings.HasPrefix(err.Error(), "a.bin: this is ") || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v", want, err)
				}
			}
		}
	}
}

// TestStrayBytes: a log with bytes that are no text is a log.
func TestStrayBytes(t *testing.T) {
	hello := "2026/11/22 11:00:25 [error] 7#7: *2 broken header: \"\x16\x03\x01\x00/\x01\x00\x00+\x03\x03" + strings.Repeat("\x11\xfe", 200) + "\" while reading PROXY protocol, client: 10.16.1.11"
	for _, text := range []string{
		strings.Repeat(hello+"\n", 20), "\x00\x01\xff\n", strings.Repeat("\x00", 5000) + "\nlast", strings.Repeat("\x1b[32mGET\x1b[0m\n", 100),
		strings.Repeat("203.0.113.9 \"GET /Привет\"\n", 100), strings.Repeat("\x16\x03\x01 400 nothing else of a request\n", 100),
	} {
		if lines, err := drain(NewReader(strings.NewReader(text), Options{})); err != nil || len(lines) == 0 {
			t.Errorf("%.30q: %d lines, %v", text, len(lines), err)
		}
	}
}
