package parser

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/record"

	"github.com/google/go-cmp/cmp"
)

func mustJSON(t testing.TB, keys map[string]string) *JSONFormat {
	t.Helper()
	f, err := NewJSON(keys)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// parseJSON returns what is found in a line, or the error's text.
func parseJSON(f *JSONFormat, line string) string {
	var r record.Record
	if err := f.Parse([]byte(line), &r); err != nil {
		return err.Error()
	}
	return strings.Join(dump(&r), " ")
}

// A new log in testdata/json is a new case.
func TestGoldenJSON(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "json", "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatal("no cases")
	}
	f := mustJSON(t, nil)
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".log")
		t.Run(name, func(t *testing.T) {
			checkGolden(t, filepath.Join("json", name+".txt"), dumpLines(t, f, path))
		})
	}
}

// dumpLines reads each line of the log. It returns each line, followed by what was
// found in it.
func dumpLines(t *testing.T, f LineFormat, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	var r record.Record
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		fmt.Fprintf(&out, "%s\n", line)
		r.Reset()
		if err := f.Parse(line, &r); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for _, field := range dump(&r) {
			fmt.Fprintf(&out, "    %s\n", field)
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// Each value with a request around it that makes it an access line.
func TestJSONValues(t *testing.T) {
	format := mustJSON(t, nil)
	f := func(members, want string) {
		t.Helper()
		line := `{"status":200,"remote_addr":"::1",` + members + `}`
		words := strings.Replace(parseJSON(format, line), `RemoteAddr="::1"`, "", 1)
		got := strings.Join(strings.Fields(strings.Replace(words, "Status=200", "", 1)), " ")
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", members, got, want)
		}
	}
	const at = `Time=2026-11-22T11:00:24.`
	// Times: the most precise one wins, in any order.
	f(`"time":"2026-11-22T11:00:24Z"`, at+"000Z")
	f(`"time":"2026-11-22T12:00:24+01:00"`, at+"000Z")
	f(`"time":"2026-11-22T12:00:24+0100"`, at+"000Z")
	f(`"time":"2026-11-22 11:00:24.0079999Z"`, at+"007Z")
	f(`"time":"22/Nov/2026:11:00:24 +0000"`, at+"000Z")
	f(`"time":1795345224`, at+"000Z")
	f(`"time":1795345224.007`, at+"007Z")
	f(`"time":"1795345224.5"`, at+"500Z")
	f(`"time":1795345224007`, at+"007Z")
	f(`"time":1795345224007001`, at+"007Z")
	f(`"time":1795345224007000001`, at+"007Z")
	f(`"msec":"1795345224.007","time":"2026-11-22T11:00:24Z"`, at+"007Z")
	f(`"time":"2026-11-22T11:00:24Z","msec":"1795345224.007"`, at+"007Z")
	f(`"ts":1795345224.007,"time_iso8601":"2026-11-22T11:00:24+00:00"`, at+"007Z")
	// A value that only looks like a time stays under its own name.
	f(`"time":"2026-11-22T11:00:24"`, `Extra.time="2026-11-22T11:00:24"`)
	f(`"time":0.012`, `Extra.time="0.012"`)
	f(`"time":12345678`, `Extra.time="12345678"`)
	f(`"time":"2026-02-30T11:00:24Z"`, `Extra.time="2026-02-30T11:00:24Z"`)
	f(`"time":"yesterday"`, `Extra.time="yesterday"`)
	f(`"time":null,"time_local":""`, ``)
	// Durations.
	f(`"request_time":"0.012"`, `RequestTime=12000000`)
	f(`"request_time":1.2e-2`, `RequestTime=12000000`)
	f(`"duration":1`, `RequestTime=1000000000`)
	f(`"duration_ms":12`, `RequestTime=12000000`)
	f(`"durationMs":0.5`, `RequestTime=500000`)
	f(`"request_time_ms":1e3`, `RequestTime=1000000000`)
	f(`"event.duration":12000000`, `RequestTime=12000000`)
	f(`"duration":"fast"`, `Extra.duration="fast"`)
	f(`"request_time":0.012,"duration":0.012`, `RequestTime=12000000`)
	f(`"duration":0.013,"request_time":0.012`, `RequestTime=12000000 Extra.duration="0.013"`)
	// Numbers that a log router rewrote.
	f(`"bytes":5.12e3`, `BodyBytesSent=5120`)
	f(`"bytes_sent":5120.0`, `BytesSent=5120`)
	f(`"bytes":-1`, `Extra.bytes="-1"`)
	f(`"bytes":5.5`, `Extra.bytes="5.5"`)
	f(`"bytes":1e300`, `Extra.bytes="1e300"`)
	// Guesses and names.
	f(`"client_ip":"10.0.0.1"`, `Extra.client_ip="10.0.0.1"`)
	f(`"ip":"::1"`, ``)
	f(`"code":1200`, `Extra.code="1200"`)
	f(`"method":"get it"`, `Extra.method="get it"`)
	f(`"uri":"/a?b"`, `RequestTarget="/a?b"`)
	f(`"uri":"/a?b","request_uri":"/a%3Fb"`, `RequestTarget="/a%3Fb" URI="/a?b"`)
	f(`"path":"/a","request":"GET /a HTTP/2.0"`, `Method="GET" RequestTarget="/a" URI="/a" Protocol="HTTP/2.0"`)
	f(`"url":"/a","request":"GET /a HTTP/2.0"`, `Method="GET" RequestTarget="/a" Protocol="HTTP/2.0"`)
	f(`"url":"/b","request":"GET /a HTTP/2.0"`, `Method="GET" RequestTarget="/a" Protocol="HTTP/2.0" Extra.url="/b"`)
	f(`"request":"/a","verb":"GET"`, `Method="GET" RequestTarget="/a"`)
	f(`"request":"/a"`, `BadRequest="/a"`)
	f(`"http_version":"2.0"`, `Protocol="HTTP/2.0"`)
	f(`"xff":null,"x_forwarded_for":"10.0.0.1"`, `XForwardedFor="10.0.0.1"`)
	f(`"upstream":"10.0.0.1:80, 10.0.0.2:80"`, `Upstream[0]={Address="10.0.0.1:80"} Upstream[1]={Address="10.0.0.2:80"}`)
	f(`"upstream_addr":["10.0.0.1:80"]`, `Extra.upstream_addr="[\"10.0.0.1:80\"]"`)
	// If a key repeats, the last value wins.
	f(`"host":"a","host":"b"`, `Host="b"`)
	f(`"host":"a","host":null`, ``)
	f(`"x":"a","x":"b"`, `Extra.x="b"`)
	// Unknown members stay as they are. In an object with a known key, they get
	// dotted names.
	f(`"x":{"a":[1,{"b":"}"}]},"y":[],"z":false,"n":null,"e":""`, `Extra.x="{\"a\":[1,{\"b\":\"}\"}]}" Extra.y="[]" Extra.z="false"`)
	f(`"request":{"method":"GET","x":1,"o":{"p":2}}`, `Method="GET" Extra.request.x="1" Extra.request.o="{\"p\":2}"`)
	f(`"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"status":1}}}}}}}}`, `Extra.a="{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{\"status\":1}}}}}}}}"`)
	f(`"nginx":{"request_id":"5c8f","x":1}`, `RequestID="5c8f" Extra.nginx.x="1"`)
	f(`"":1`, `Extra.="1"`)
}

// A variable without a value counts as logged.
func TestJSONLogged(t *testing.T) {
	format := mustJSON(t, map[string]string{"pp": "$proxy_protocol_addr"})
	f := func(line string, want record.Logged) {
		t.Helper()
		var r record.Record
		if err := format.Parse([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		const public = record.LoggedStatus<<1 - 1
		if got := r.Access.Logged & public; got != want {
			t.Errorf("%s logged %09b, want %09b", line, got, want)
		}
	}
	const base = record.LoggedStatus | record.LoggedRemoteAddr
	f(`{"status":200,"remote_addr":"::1"}`, base)
	f(`{"status":200,"ip":"::1","xff":"","user_agent":null,"pp":}`, base|record.LoggedXForwardedFor|record.LoggedUserAgent|record.LoggedProxyProtocolAddr)
	f(`{"status":200,"remote_addr":"::1","request":""}`, base|record.LoggedRequest)
	f(`{"status":200,"remote_addr":"::1","method":"","url":""}`, base|record.LoggedRequest)
	f(`{"status":200,"remote_addr":"::1","method":""}`, base)
	f(`{"status":200,"remote_addr":"::1","x_real_ip":"nobody"}`, base) // is something else
}

// The place of the error is marked with § in the line.
func TestJSONErrors(t *testing.T) {
	format := mustJSON(t, map[string]string{"t_ms": "request_time"})
	f := func(marked, variable, reason string) {
		t.Helper()
		before, after, ok := strings.Cut(marked, "§")
		if !ok {
			t.Fatalf("no § in %q", marked)
		}
		var r record.Record
		err := format.Parse([]byte(before+after), &r)
		var got *record.ParseError
		if !errors.As(err, &got) {
			t.Errorf("%s: error %v", marked, err)
			return
		}
		want := &record.ParseError{Format: "json", Variable: variable, Column: len(before) + 1, Reason: reason}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", marked, diff)
		}
		if r.Dataset != record.Unparsed {
			t.Errorf("%s is of %v", marked, r.Dataset)
		}
	}
	f(`§`, "", noObject)
	f(`§["status"]`, "", noObject)
	f(`§::1 - -`, "", noObject)
	f(`{§`, "", noKey)
	f(`{§status:200}`, "", noKey)
	f(`{"status":200,§,}`, "", noKey)
	f(`{§"status`, "", noClose)
	f(`{"status"§,`, "", noColon)
	f(`{"status":§`, "status", noValueEnd)
	f(`{"status":§200`, "status", noValueEnd)
	f(`{"status":§"200`, "status", noClose)
	f(`{"status":20§"0"}`, "status", noBare)
	f(`{"status":200 §"x":1}`, "status", noBare)
	f(`{"status":"200"§"x":1}`, "", noComma)
	f(`{"agent":"a"§b"}`, "", noComma)
	f(`{"a":[1,2§}}`, "", noBalance)
	f(`{"a":{"b":1}§`, "", noComma)
	f(`{"a":[1,[2]§`, "", noBalance)
	f(`{"a":[§"x]}`, "", noClose)
	f(`{"a":`+strings.Repeat("[", maxNesting)+`§[`, "", tooDeep)
	f(`{§"`+strings.Repeat("k", maxKeyName+1)+`":1}`, "", keyTooLong)
	f(`{"status":200,"ip":"::1"} §{"status":200}`, "", goesOnAfter)
	f(`{"status":"§ok","ip":"::1"}`, "status", notInt)
	f(`{"request_time":"§fast"}`, "request_time", notSeconds)
	f(`{"t_ms":§x}`, "request_time", notSeconds)
	f(`{"time_local":"§now"}`, "time_local", notTime)
	f(`{"upstream_status":"§200, OK"}`, "upstream_status", notInt)
	f(`§{}`, "", noRequest)
	f(`§{"level":"info","message":"hello","time":"2026-11-22T11:00:24Z"}`, "",
		noRequest+"; these keys are not known: level, message; say what they mean with --json-key KEY=VARIABLE or --format @nginx.conf")
	f(`§{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"no name":2,"`+strings.Repeat("long", 9)+`":3}`, "",
		noRequest+"; these keys are not known: a, b, c, d, e, f, g, h, …; say what they mean with --json-key KEY=VARIABLE or --format @nginx.conf")
	f(`§{"status":200,"bytes":1}`, "", noRequest)
	f(`§{"status":200,"remote_addr":""}`, "", noRequest)
	f(`§{"method":"GET","path":"/"}`, "", noRequest)
	f(`{`+strings.Repeat(`"x":1,`, maxMembers)+`"y":§1}`, "", tooMany)
}

func TestJSONConfigured(t *testing.T) {
	format := mustJSON(t, map[string]string{
		"a": "$remote_addr", "log.s": "status", "when": "time_iso8601", "took-ms": "request_time", "h": "$http_x_foo",
		"host": "-", "client": "http_x_real_ip", "conn": "connection",
	})
	got := parseJSON(format, `{"a":"::1","log":{"s":"200"},"when":1795345224,"took-ms":"12","h":"x","host":"10.0.0.1","client":"a b","conn":17}`)
	want := `Time=2026-11-22T11:00:24.000Z RemoteAddr="::1" XRealIP="a b" Status=200 RequestTime=12000000` +
		` Extra.http_x_foo="x" Extra.connection="17" Extra.host="10.0.0.1"`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	_, err := NewJSON(map[string]string{"-": "status", "a": "re quest", "b": "", "u_ms": "upstream_response_time", "xY": "uri", "x_y": "args"})
	want = `key "-": not a key: a key has letters or digits, at most 48 of them
key "a": "re quest" is not the name of an nginx variable
key "b": "" is not the name of an nginx variable
key "u_ms": $upstream_response_time is a list of seconds, but the name of the key says milliseconds
keys "xY" and "x_y" are the same: case and punctuation do not count`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// Each variable is found under its own name, which no convention overrides.
func TestKeyTable(t *testing.T) {
	table, err := newKeyTable(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range table.keys {
		var p path
		p.add([]byte(k.folded))
		if found := table.find(&p); found != &table.keys[i] {
			t.Errorf("%s is not found", k.folded)
		}
		if i > 0 && len(k.folded) == len(table.keys[i-1].folded) && k.folded <= table.keys[i-1].folded {
			t.Errorf("%s stands behind %s", k.folded, table.keys[i-1].folded)
		}
	}
	for _, v := range variables {
		var p path
		p.add([]byte(strings.ToUpper(v.name)))
		if k := table.find(&p); k == nil || k.variable.name != v.name {
			t.Errorf("$%s is not found under its name", v.name)
		}
	}
	for _, c := range conventions {
		for _, name := range strings.Fields(c.names) {
			if fold(name) != name {
				t.Errorf("%s is not folded, or within a wrapper", name)
			}
		}
	}
}

const usualJSON = `{"time":"2026-11-22T11:00:24+00:00","msec":"1795345224.007","remote_addr":"203.0.113.9","x_forwarded_for":"198.51.100.7, 10.16.1.11",` +
	`"request":"GET /assets/app.3f9a.css?v=2 HTTP/1.1","status":200,"body_bytes_sent":5120,"referer":"https://www.example.com/a/b",` +
	`"user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) \"Gecko\"/20100101 Firefox/128.0","host":"www.example.com","request_id":"5c8f3a0be1d24796",` +
	`"request_time":0.012,"upstream_addr":"10.16.2.4:8080, 10.16.2.5:8080","upstream_status":"502, 200","upstream_response_time":"0.001, 0.010",` +
	`"service":"web","connection":17,"kubernetes":{"pod":"web-1"}}`

const nestedJSON = `{"@timestamp":"2026-11-22T11:00:24Z","http":{"request":{"method":"GET","x":1},"response":{"status_code":200}},"url":{"original":"/a"},"source":{"ip":"203.0.113.9"}}`

func TestJSONAllocatesNothing(t *testing.T) {
	f := mustJSON(t, nil)
	for _, line := range []string{usualJSON, nestedJSON} {
		line := []byte(line)
		var r record.Record
		parse := func() {
			r.Reset()
			if err := f.Parse(line, &r); err != nil {
				t.Fatal(err)
			}
		}
		parse() // the Record allocates its memory once
		if n := testing.AllocsPerRun(100, parse); n != 0 {
			t.Errorf("%v allocations for %.40s", n, line)
		}
	}
}

// A Record keeps the names of unknown keys from line to line. The names of one line
// must not appear in another.
func TestJSONNamesKept(t *testing.T) {
	f := mustJSON(t, nil)
	var r record.Record
	for _, line := range []string{
		`{"status":200,"ip":"::1","a":1,"b":2,"c":3}`, `{"status":200,"ip":"::1","c":4,"a":5}`,
		`{"status":200,"ip":"::1","d":6}`, `{"status":200,"ip":"::1","b":7,"c":8,"d":9,"a":0}`, `{"status":200,"ip":"::1"}`,
	} {
		r.Reset()
		if err := f.Parse([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Join(dump(&r), " "), parseJSON(f, line); got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}

func BenchmarkJSON(b *testing.B) {
	f := mustJSON(b, nil)
	for _, c := range []struct{ name, line string }{{"usual", usualJSON}, {"nested", nestedJSON}} {
		b.Run(c.name, func(b *testing.B) {
			line := []byte(c.line)
			var r record.Record
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				r.Reset()
				if err := f.Parse(line, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzJSON: in an object of texts, the parser finds the texts that encoding/json
// finds. Any line gives the same result when it is read again, and is not changed.
func FuzzJSON(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join("testdata", "json", "*.log"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			f.Add(bytes.TrimSuffix(line, []byte("\n")))
		}
	}
	f.Add([]byte(usualJSON))
	f.Add([]byte(`{"a":"\ud83d\ude00\ud83d\u0041\"\\","a\u0022":"x","A":"y","":"-"}`))
	format := mustJSON(f, nil)
	f.Fuzz(func(t *testing.T, line []byte) {
		before := bytes.Clone(line)
		var r, again record.Record
		err := format.Parse(line, &r)
		if err2 := format.Parse(line, &again); fmt.Sprint(err) != fmt.Sprint(err2) || fmt.Sprint(dump(&r)) != fmt.Sprint(dump(&again)) {
			t.Fatalf("read twice in two ways:\n%v %q\n%v %q", err, dump(&r), err2, dump(&again))
		}
		if !bytes.Equal(line, before) {
			t.Fatalf("the line was changed to %q", line)
		}
		var parse *record.ParseError
		if err != nil && (!errors.As(err, &parse) || parse.Column < 1 || parse.Column > len(line)+1) {
			t.Fatalf("error %#v", err)
		}

		var want map[string]string
		if bytes.Contains(line, []byte(`\x`)) || json.Unmarshal(line, &want) != nil || bytes.Contains(line, []byte("null")) || bytes.IndexByte(line, '{') < 0 {
			return
		}
		s := scanner{line: line, r: &record.Record{}, keys: format.keys}
		if err := s.scan(); err != nil {
			if err.reason == keyTooLong || err.reason == tooMany {
				return
			}
			t.Fatalf("encoding/json reads %q, and here: %s at %d", line, err.reason, err.at)
		}
		got := map[string]string{}
		for i := range s.count {
			m := s.member(i)
			got[toValid(m.name)] = toValid(m.value(s.r))
		}
		for name, value := range want {
			if value == "-" {
				want[name] = ""
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q (-encoding/json +got):\n%s", line, diff)
		}
	})
}

// toValid returns text as encoding/json does, with U+FFFD for each byte that is not
// UTF-8.
func toValid(b []byte) string { return string([]rune(string(b))) }

// TestJSONOfSomethingElse: objects that only look a little like a request are not
// access lines.
func TestJSONOfSomethingElse(t *testing.T) {
	f, err := NewJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`{"event":"login failed","user":"bob","ip":"1.2.3.4","code":7}`,
		`{"job":"x","status":"200","remote":"s3.amazonaws.com"}`,
		`{"level":"info","message":"listening","port":80}`,
		`{}`, `[]`,
	} {
		var r record.Record
		if err := f.Parse([]byte(line), &r); err == nil {
			t.Errorf("%s is an access line", line)
		}
	}
}
