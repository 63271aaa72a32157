package encode_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"clearhop/encode"
	"clearhop/internal/golden"
	"clearhop/record"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"clearhop/verdict"
)

// full is a record in which every field has a value.
func full() *record.Record {
	number := func(n int64) record.Int { return record.Int{N: n, Valid: true} }
	return &record.Record{
		ID:       []byte("38901"),
		Original: []byte("the line"), Hash: []byte("6f1ed002ab5595859014ebf0"),
		Dataset:       record.AccessLine,
		Timestamp:     1_795_345_224_007,
		TimestampFrom: record.FromSource,
		Line: record.Line{Origin: &record.Origin{
			Source: "log", File: "access.log", AccountID: "123456789012", LogGroup: "/ecs/web", LogStream: "web/1",
		}},
		Access: record.Access{
			RemoteAddr: []byte("10.16.1.11"), RemoteUser: []byte("anna"),
			Method: []byte("GET"), RequestTarget: []byte("/a/b.css?x=1"), Protocol: []byte("HTTP/1.1"),
			BadRequest: []byte("\x16\x03\x01"),
			Status:     number(404), BodyBytesSent: number(153), BytesSent: number(300), RequestLength: number(81),
			RequestTime: number(3_000_000), ContentType: []byte("text/css; charset=utf-8"),
			RequestID: []byte("f00d"), Referer: []byte(""), UserAgent: []byte("curl/8.0"),
			TLSProtocol: []byte("TLSv1.3"), TLSCipher: []byte("TLS_AES_128_GCM_SHA256"), TLSServerName: []byte("example.com"),
			Upstream: []record.Upstream{
				{Address: []byte("10.0.0.1:80"), Status: number(502), ConnectTime: number(0)},
				{Address: []byte("unix:/run/app"), Status: number(200), ConnectTime: number(1_000_000), HeaderTime: number(2_500_000_000),
					ResponseTime: number(2_501_000_000), ResponseBytes: number(153), CacheStatus: []byte("MISS")},
			},
			Extra: []record.Pair{{Name: "connection", Value: []byte("17")}},
		},
		Client: record.Client{
			IP: netip.MustParseAddr("2001:db8:210::10"), Address: []byte("unix:"), Port: number(51234),
			SourceIP: netip.MustParseAddr("10.16.1.11"), SourceAddress: []byte("f00d"), SourcePort: number(40130),
		},
		Provenance: record.Provenance{
			Verdict: verdict.Forwarded, Reason: verdict.RealipNotApplied, Alternatives: []verdict.Reason{verdict.ProxyProtocolOff, verdict.PrivateLink},
			Hop: verdict.Edge, Field: "proxy_protocol_addr", NLBPrivateIP: true, NLBInferred: true, NLB: "shop-edge", Vouched: true,
			Hops: []netip.Addr{netip.MustParseAddr("2001:db8:210::10"), {}, netip.MustParseAddr("10.16.1.11")}, HopCount: 17,
			HopNames: [][]byte{nil, []byte("c0ffee")},
			Claimed:  [][]byte{[]byte("6.6.6.6"), []byte("<b>")}, ClaimedCount: 18,
		},
		Geo: record.Geo{
			State: "found", ContinentCode: "AS", CountryISOCode: "JP", CountryName: "Japan", RegionISOCode: "JP-13",
			RegionName: "Tokyo", CityName: "Tokyo", PostalCode: "100", TimeZone: "Asia/Tokyo",
			Latitude: 35.685, Longitude: 139.7514, HasLocation: true,
		},
		AS: record.AS{Number: 2527, Organization: "So-net"},
		UserAgent: record.UserAgent{
			Name: "curl", Version: "8.0", OSName: "Linux", OSVersion: "6", DeviceName: "PC", Bot: true, Valid: true,
		},
		URL: record.URL{
			Original: []byte("/a/b.css?x=1"), Path: []byte("/a/b.css"), Query: []byte("x=1"), Extension: []byte("css"),
			Domain: []byte("example.com"), Scheme: []byte("https"), Port: number(443),
		},
		ParseError: &record.ParseError{Variable: "status", Column: 12, Reason: "not a whole number"},
		Error: record.ErrorLine{
			Level: []byte("error"), PID: number(7), TID: number(8), Connection: number(1),
			Message: []byte(`open() "/x" failed`), Errno: number(2), ErrnoText: []byte("No such file or directory"),
			Action: []byte("sending response"), Client: []byte("10.16.1.11"), Server: []byte("_"),
			Request: []byte("GET / HTTP/1.1"), Subrequest: []byte("/auth"), Upstream: []byte("http://10.0.0.1/"),
			Host: []byte("example.com"), Referrer: []byte("https://example.com/"),
		},
		Envelope: record.Envelope{
			ID: []byte("c0ffee"), Name: []byte("web"), Type: []byte("kubernetes"), Cluster: []byte("main"),
			Space: []byte("shop"), Resource: []byte("web-1"),
		},
		Continues:  []byte("38900"),
		SampleRate: 0.25,
	}
}

func encoder(t testing.TB, labels map[string]string) *encode.Encoder {
	t.Helper()
	e, err := encode.New(encode.Options{Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestGolden(t *testing.T) {
	labels := map[string]string{"service": "web", "env": "prod"}
	cases := map[string]struct {
		record *record.Record
		labels map[string]string
	}{
		"full":  {full(), labels},
		"empty": {&record.Record{ID: []byte("1"), Line: record.Line{Origin: &record.Origin{}}}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			event := encoder(t, c.labels).Append(nil, c.record)
			if n := bytes.IndexByte(event, '\n'); n != len(event)-1 {
				t.Fatalf("the newline is at %d of %d", n, len(event))
			}
			var indented bytes.Buffer
			if err := json.Indent(&indented, event, "", "  "); err != nil {
				t.Fatal(err)
			}
			golden.Check(t, filepath.Join("testdata", name+".json"), indented.Bytes())
			validate(t, event)
		})
	}
}

// TestEveryFieldIsInTheFullEvent keeps full, and so its golden file, up to
// date with the table of fields.
func TestEveryFieldIsInTheFullEvent(t *testing.T) {
	var event map[string]any
	r := full()
	r.OriginalCut = true
	if err := json.Unmarshal(encoder(t, map[string]string{"a": "b"}).Append(nil, r), &event); err != nil {
		t.Fatal(err)
	}
	for _, f := range encode.Fields() {
		at := any(event)
		for name := range strings.SplitSeq(f.Path, ".") {
			object, _ := at.(map[string]any)
			at = object[name]
		}
		if at == nil {
			t.Errorf("%s is not in the event", f.Path)
		}
		if items, ok := at.([]any); ok && f.Items != nil {
			last, _ := items[len(items)-1].(map[string]any)
			for _, item := range f.Items {
				if last[item.Path] == nil {
					t.Errorf("%s[].%s is not in the event", f.Path, item.Path)
				}
			}
		}
	}
}

// TestNoKeyTwice: fields of one object must stand together in the table, or
// the object would open a second time.
func TestNoKeyTwice(t *testing.T) {
	event := encoder(t, map[string]string{"a": "b"}).Append(nil, full())
	d := json.NewDecoder(bytes.NewReader(event))
	type level struct {
		object bool
		key    bool // a key comes next
		seen   map[string]bool
	}
	var stack []level
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := len(stack); n > 0 && stack[n-1].object {
			top := &stack[n-1]
			if key, ok := token.(string); ok && top.key {
				if top.seen[key] {
					t.Errorf("the key %q stands twice in one object", key)
				}
				top.seen[key], top.key = true, false
				continue
			}
			top.key = true
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{object: true, key: true, seen: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		}
	}
}

func TestLabelsThatCannotBeUsedAreAllNamed(t *testing.T) {
	_, err := encode.New(encode.Options{Labels: map[string]string{"": "x", "a b": "x", "ok": "x"}})
	want := `label "": a key holds letters, digits, "_", "-" and "." only` + "\n" +
		`label "a b": a key holds letters, digits, "_", "-" and "." only`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	e, r := encoder(t, map[string]string{"service": "web"}), full()
	r.ParseError = nil // a line that is not read may cost a message
	dst := e.Append(nil, r)
	if n := testing.AllocsPerRun(100, func() { dst = e.Append(dst[:0], r) }); n != 0 {
		t.Errorf("%v allocations an event, want none", n)
	}
}

// TestSchemaFile and TestDocumentation hold what is generated against the
// table of fields.
func TestSchemaFile(t *testing.T) {
	golden.Check(t, filepath.Join("..", "docs", "event.schema.json"), encode.JSONSchema())
}

func TestDocumentation(t *testing.T) {
	golden.Sections(t, filepath.Join("..", "docs", "event.md"), map[string]string{"fields": string(encode.MarkdownTable())})
}

// FuzzAppend: whatever bytes a record holds, its event is one line of valid
// UTF-8, fits the schema, carries no raw control character, and gives back
// what encoding/json makes of the same bytes.
func FuzzAppend(f *testing.F) {
	f.Add([]byte("/hello?q=1"), []byte("Mozilla/5.0 \"x\" \\ \x1b[31m"), int64(0), int64(200))
	f.Add([]byte("/\xff\xfe\xc3\x28\xed\xa0\x80"), []byte("\u009b\u007f\u2028\U0001F600"), int64(-1), int64(-404))
	f.Fuzz(func(t *testing.T, path, agent []byte, ms, ns int64) {
		r := full()
		r.URL.Path, r.Access.UserAgent = path, agent
		r.Timestamp = min(max(ms, encode.MinTime), encode.MaxTime)
		r.Access.Upstream[0].ConnectTime.N = ns
		r.Access.Extra = append(r.Access.Extra, record.Pair{Name: "http_x", Value: path})
		event := encoder(t, nil).Append(nil, r)
		if !utf8.Valid(event) || bytes.Count(event, []byte("\n")) != 1 {
			t.Fatalf("not one line of UTF-8: %q", event)
		}
		for _, c := range string(event[:len(event)-1]) {
			if c < 0x20 || 0x7F <= c && c < 0xA0 {
				t.Fatalf("a raw control character %U: %q", c, event)
			}
		}
		var got struct {
			URL       struct{ Path string }
			UserAgent struct{ Original string } `json:"user_agent"`
		}
		if err := json.Unmarshal(event, &got); err != nil {
			t.Fatalf("%v: %q", err, event)
		}
		for _, c := range []struct {
			got string
			raw []byte
		}{{got.URL.Path, path}, {got.UserAgent.Original, agent}} {
			if want := viaEncodingJSON(t, c.raw); c.got != want {
				t.Errorf("%q came back as %q, want %q", c.raw, c.got, want)
			}
		}
		validate(t, event)
	})
}

// viaEncodingJSON is the oracle of how broken UTF-8 is repaired.
func viaEncodingJSON(t *testing.T, raw []byte) string {
	t.Helper()
	b, err := json.Marshal(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

var compiled = func() *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(encode.JSONSchema()))
	if err != nil {
		panic(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("event.schema.json", doc); err != nil {
		panic(err)
	}
	return c.MustCompile("event.schema.json")
}()

func validate(t *testing.T, event []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(doc); err != nil {
		t.Errorf("the event does not fit its schema: %v\n%s", err, event)
	}
}

func BenchmarkAppend(b *testing.B) {
	e, r := encoder(b, nil), full()
	r.ParseError = nil
	dst := e.Append(nil, r)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	for b.Loop() {
		dst = e.Append(dst[:0], r)
	}
}
