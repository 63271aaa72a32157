package pipeline_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"clearhop/enrich/clientip"
	"clearhop/enrich/geoip"
	"clearhop/internal/golden"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/record"
)

// diagFormat is what wrote testdata/diag.log: every variable that
// tells of the chain.
const diagFormat = `log_format diag 'remote_addr=$remote_addr realip_remote_addr=$realip_remote_addr '
	'pp=$proxy_protocol_addr:$proxy_protocol_port pps=$proxy_protocol_server_addr:$proxy_protocol_server_port '
	'xff="$http_x_forwarded_for" xri="$http_x_real_ip" rl=$request_length rt=$request_time '
	'urt=$upstream_response_time st=$status req="$request" conn=$connection/$connection_requests';`

var now = func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func open(t testing.TB, c pipeline.Config) *pipeline.Worker {
	t.Helper()
	if c.Now == nil {
		c.Now = now
	}
	p, err := pipeline.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p.NewWorker()
}

// chain is the configuration of the chain that wrote the sample lines.
func chain() pipeline.Config {
	return pipeline.Config{Client: clientip.Settings{NLB: []string{"10.16.1.11"}, Trusted: []string{"10.16.1.13"}}, Parser: parser.Settings{Format: []string{"auto", diagFormat}}}
}

func read(t testing.TB, path string) [][]byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
}

// TestEvents holds whole events: one scenario with all variables, the seed's
// masked lines, and lines that are none.
func TestEvents(t *testing.T) {
	w := open(t, func() pipeline.Config {
		c := chain()
		c.Label = map[string]string{"service": "web"}
		return c
	}())
	origin := &record.Origin{Source: "access.log", File: "access.log"}
	var events bytes.Buffer
	for _, path := range []string{
		"testdata/diag.log",
		"testdata/main_real_ip.log",
		"../testdata/seed/access.log",
		"testdata/hostile.log",
	} {
		for i, line := range read(t, path) {
			out := w.Process(&record.Line{Text: line, Offset: int64(i), Origin: origin})
			if err := json.Indent(&events, out.Data, "", "  "); err != nil {
				t.Fatalf("%s:%d: %v", path, i+1, err)
			}
		}
	}
	golden.Check(t, "testdata/events.json", events.Bytes())
}

func TestEveryLineHasOneOutcomeWithItsIdentity(t *testing.T) {
	w := open(t, pipeline.Config{})
	origin := &record.Origin{Source: "g:s", LogGroup: "g", LogStream: "s"}
	good := []byte(`1.1.1.1 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-"`)
	lines := []record.Line{
		{ID: []byte("1"), Text: good, Origin: origin},
		{ID: []byte("2"), Text: []byte("junk"), Origin: origin},
		{ID: []byte("3"), Text: good, Defect: record.TooLong, Origin: origin},
		{ID: []byte("4"), Text: nil, Defect: record.Malformed, Origin: origin},
		{Text: good, Offset: 7, Origin: origin},
	}
	for i := range lines {
		out := w.Process(&lines[i])
		if want := lines[i].ID; want != nil && !bytes.Equal(out.ID, want) {
			t.Errorf("line %d: got id %q, want %q", i, out.ID, want)
		}
		var parse *record.ParseError
		unparsed := out.Record.Dataset == record.Unparsed
		if unparsed != errors.As(out.Err, &parse) || unparsed != (i > 0 && i < 4) {
			t.Errorf("line %d: unparsed is %t with error %v", i, unparsed, out.Err)
		}
		if !json.Valid(out.Data) || !bytes.HasSuffix(out.Data, []byte("}\n")) {
			t.Errorf("line %d: no event: %q", i, out.Data)
		}
	}
}

func TestDerivedIdentity(t *testing.T) {
	w := open(t, pipeline.Config{})
	id := func(source string, offset int64, text string) string {
		out := w.Process(&record.Line{Text: []byte(text), Offset: offset, Origin: &record.Origin{Source: source}})
		return string(out.ID)
	}
	first := id("a.log", 0, "x")
	if first != id("a.log", 0, "x") {
		t.Error("the same line has two identities")
	}
	for _, other := range []string{id("b.log", 0, "x"), id("a.log", 1, "x"), id("a.log", 0, "y")} {
		if other == first || len(other) != 32 {
			t.Errorf("got %q beside %q", other, first)
		}
	}
}

func TestTimeOfLinesWithoutOne(t *testing.T) {
	w := open(t, pipeline.Config{Parser: parser.Settings{Format: []string{"combined", "$remote_addr|$status"}}})
	origin, another := &record.Origin{Source: "a"}, &record.Origin{Source: "b"}
	timed := `1.1.1.1 - - [22/Nov/2026:11:00:24 +0900] "GET / HTTP/1.1" 200 3 "-" "-"`
	f := func(line record.Line, want string) {
		t.Helper()
		out := w.Process(&line)
		got := time.UnixMilli(out.Record.Timestamp).UTC().Format(time.RFC3339Nano) + " " + out.Record.TimestampFrom.String()
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(record.Line{Text: []byte("1.1.1.1|200"), Origin: origin}, "2026-11-22T12:00:00Z clock")
	f(record.Line{Text: []byte(timed), Origin: origin, Time: 1, HasTime: true}, "2026-11-22T02:00:24Z ")
	f(record.Line{Text: []byte("1.1.1.1|200"), Origin: origin}, "2026-11-22T02:00:24Z previous_line")
	f(record.Line{Text: []byte("junk"), Origin: origin}, "2026-11-22T02:00:24Z previous_line")
	f(record.Line{Text: []byte("1.1.1.1|200"), Origin: origin, Time: 1_795_345_224_007, HasTime: true}, "2026-11-22T11:00:24.007Z cloudwatch")
	f(record.Line{Text: []byte("1.1.1.1|200"), Origin: another}, "2026-11-22T12:00:00Z clock")
	f(record.Line{Text: []byte("1.1.1.1|200"), Origin: another, Time: 1 << 62, HasTime: true}, "2026-11-22T12:00:00Z previous_line")
}

func TestStrictLeavesTheClientOut(t *testing.T) {
	line := record.Line{Origin: &record.Origin{}, Text: []byte(
		`10.16.1.11 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-" "203.0.113.7"`)}
	loose := open(t, pipeline.Config{Client: clientip.Settings{NLB: []string{"10.16.1.11"}}}).Process(&line)
	if !loose.Record.Client.IP.IsValid() || loose.Record.Provenance.Vouched {
		t.Errorf("got client %v, vouched %t", loose.Record.Client.IP, loose.Record.Provenance.Vouched)
	}
	strict := open(t, pipeline.Config{Client: clientip.Settings{NLB: []string{"10.16.1.11"}, Strict: true}}).Process(&line)
	if strict.Record.Client.IP.IsValid() || len(strict.Record.Provenance.Claimed) != 1 {
		t.Errorf("got client %v, claimed %q", strict.Record.Client.IP, strict.Record.Provenance.Claimed)
	}
}

func TestProviderHeaderNamesTheClient(t *testing.T) {
	w := open(t, pipeline.Config{
		Parser: parser.Settings{Format: []string{`$remote_addr "$http_cf_connecting_ip" "$http_x_forwarded_for"`}},
		Client: clientip.Settings{Trusted: []string{"10.0.0.0/8"}, ClientFields: []string{"$http_cf_connecting_ip", "http_x_forwarded_for"}},
	})
	out := w.Process(&record.Line{Text: []byte(`10.0.0.1 "198.51.100.4" "203.0.113.9"`), Origin: &record.Origin{}})
	if got := out.Record.Client.IP.String() + " " + string(out.Record.Provenance.Field); got != "198.51.100.4 http_cf_connecting_ip" {
		t.Errorf("got %s", got)
	}
}

func TestNewNamesEveryBadSetting(t *testing.T) {
	_, err := pipeline.New(pipeline.Config{
		Parser: parser.Settings{Format: []string{"$a$b"}},
		Client: clientip.Settings{NLB: []string{"x, 10.0.0.0/40"}, Trusted: []string{"y"}, Internal: []string{"z"}},
		Label:  map[string]string{"a b": ""},
		GeoIP:  geoip.Settings{CityDB: "no-such-city.mmdb", ASNDB: "no-such-asn.mmdb"},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"format: ", `nlb: "x"`, `nlb: "10.0.0.0/40"`, `trusted: "y"`, `internal: "z"`, `label: label "a b"`, "no-such-city.mmdb", "no-such-asn.mmdb"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in the error:\n%v", want, err)
		}
	}
	_, err = pipeline.New(pipeline.Config{Client: clientip.Settings{ClientFields: []string{"remote_addr"}, HealthPath: []string{"ping"}}})
	if err == nil || !strings.Contains(err.Error(), `"remote_addr"`) || !strings.Contains(err.Error(), `"ping"`) {
		t.Errorf("got %v", err)
	}
}

// FuzzProcess: whatever a line holds, there is one event for it, on one line,
// in valid UTF-8, with an id and a time; and an address of a proxy is never
// the client.
func FuzzProcess(f *testing.F) {
	f.Add([]byte(`210.227.0.10 - - [22/Nov/2026:11:00:24 +0000] "GET /hello?q=1 HTTP/1.1" 200 3 "-" "probe/1.0" "1.1.1.1, 10.16.1.11" "10.16.1.13"`))
	f.Add([]byte(`10.16.1.11 - a b [22/Nov/2026:11:00:27 +0000] "\x00" 400 157 "-" "-" "-" "-"`))
	f.Add([]byte("\x00\xff junk"))
	w := open(f, chain())
	again := open(f, chain())
	origin := &record.Origin{Source: "fuzz"}
	f.Fuzz(func(t *testing.T, text []byte) {
		line := &record.Line{Text: text, Origin: origin, Time: 1, HasTime: true}
		out := w.Process(line)
		if !utf8.Valid(out.Data) || !json.Valid(out.Data) || bytes.Count(out.Data, []byte("\n")) != 1 {
			t.Fatalf("no event: %q", out.Data)
		}
		var event struct {
			Time   time.Time `json:"@timestamp"`
			Event  struct{ ID, Dataset string }
			Client struct{ IP string }
		}
		if err := json.Unmarshal(out.Data, &event); err != nil || event.Event.ID == "" || event.Event.Dataset == "" {
			t.Fatalf("%v: %q", err, out.Data)
		}
		if ip := event.Client.IP; ip == "10.16.1.11" || ip == "10.16.1.13" {
			t.Fatalf("a proxy is the client: %q", out.Data)
		}
		if (out.Record.Dataset == record.Unparsed) != (out.Err != nil) {
			t.Fatalf("unparsed and error disagree: %v: %q", out.Err, out.Data)
		}
		// Caches and buffers of earlier lines change nothing.
		first := string(out.Data)
		if second := again.Process(line); string(second.Data) != first {
			t.Fatalf("two workers disagree:\n%q\n%q", first, second.Data)
		}
	})
}
