package encode_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"clearhop/encode"
	"clearhop/internal/jsontest"
	"clearhop/record"

	"github.com/google/go-cmp/cmp"
)

func decode(t testing.TB, event []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(event, &v); err != nil {
		t.Fatalf("%v: %.200q", err, event)
	}
	return v
}

// at returns the value at a path of object keys.
func at(v any, path ...string) any {
	for _, key := range path {
		object, _ := v.(map[string]any)
		v = object[key]
	}
	return v
}

func TestTruncateLeavesWhatFits(t *testing.T) {
	event := encoder(t, nil).Append(nil, full())
	got, err := encode.Truncate(event, len(event))
	if err != nil || &got[0] != &event[0] {
		t.Errorf("got another event or an error: %v", err)
	}
}

func TestTruncate(t *testing.T) {
	r := full()
	long := func(n int) []byte { return bytes.Repeat([]byte("0123456789"), n/10) }
	r.URL.Original, r.Access.UserAgent = long(50_000), long(30_000)
	r.Access.Extra = append(r.Access.Extra, record.Pair{Name: "http_cookie", Value: long(20_000)})
	event := encoder(t, map[string]string{"env": "prod"}).Append(nil, r)
	before := bytes.Clone(event)

	got, err := encode.Truncate(event, 66_000)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(event, before) {
		t.Error("the event given was changed")
	}
	// The three are cut to one length, and nothing is given away.
	if len(got) > 66_000 || len(got) < 65_990 {
		t.Errorf("%d bytes, want all of 66000", len(got))
	}
	validate(t, got)
	v, want := decode(t, got), decode(t, event)
	url, agent := at(v, "url", "original").(string), at(v, "user_agent", "original").(string)
	if len(url) != len(agent) || !strings.HasPrefix(string(r.URL.Original), url) {
		t.Errorf("url.original has %d bytes and user_agent.original %d, want the same length", len(url), len(agent))
	}
	if got, want := at(v, "event", "truncated"), []any{"url.original", "user_agent.original"}; !cmp.Equal(got, want) {
		t.Errorf("event.truncated is %v, want %v", got, want)
	}
	// All else is as it was.
	delete(v["event"].(map[string]any), "truncated")
	for _, path := range [][]string{{"url", "original"}, {"user_agent", "original"}} {
		at(v, path[0]).(map[string]any)[path[1]] = at(want, path...)
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("more was changed (-want +got):\n%.2000s", diff)
	}

	// Once more, for a sink that takes less: names are added, none twice.
	again, err := encode.Truncate(got, 20_000)
	if err != nil {
		t.Fatal(err)
	}
	validate(t, again)
	if got, want := at(decode(t, again), "event", "truncated"), []any{"url.original", "user_agent.original", "nginx.access.extra"}; !cmp.Equal(got, want) {
		t.Errorf("event.truncated is %v, want %v", got, want)
	}
}

// TestTruncateLeavesFieldsOut: very many short values cannot be cut.
func TestTruncateLeavesFieldsOut(t *testing.T) {
	r := full()
	for i := range 50_000 {
		r.Access.Extra = append(r.Access.Extra, record.Pair{Name: fmt.Sprintf("key_%d", i), Value: []byte("short")})
	}
	event := encoder(t, nil).Append(nil, r)
	got, err := encode.Truncate(event, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	validate(t, got)
	v := decode(t, got)
	if at(v, "nginx", "access", "extra") != nil || at(v, "nginx", "access", "upstream") == nil {
		t.Error("want nginx.access.extra gone and nothing else")
	}
	if got, want := at(v, "event", "truncated"), []any{"nginx.access.extra"}; !cmp.Equal(got, want) {
		t.Errorf("event.truncated is %v, want %v", got, want)
	}
}

func TestTruncateErrors(t *testing.T) {
	pad := strings.Repeat("x", 2000)
	f := func(event string, limit int) {
		t.Helper()
		if got, err := encode.Truncate([]byte(event), limit); !errors.Is(err, encode.ErrTruncate) {
			t.Errorf("%.40s: got %.40q and error %v", event, got, err)
		}
	}
	f(pad, 1000)
	f(`["`+pad+`"]`, 1000)
	f(`{"event":{"original":"`+pad+`"`, 1000)
	f(`{"event":"`+pad+`"}`, 1000)
	f(`{"event":{"id":"`+pad+`"}}`, 1000) // no event lacks it
	f(`{"event":{"original":"`+pad+`"}}`, 10)
}

// TestTruncateCutsBetweenCharacters tries every limit, so that each byte of
// each character comes to lie at the cut.
func TestTruncateCutsBetweenCharacters(t *testing.T) {
	for _, c := range []string{"é", "日", "😀", `\u001b`, `\"`, `\\`, `\ud83d\ude00`, `\ud83d`, "�"} {
		event := []byte(`{"event":{"id":"1","original":"` + strings.Repeat(c, 2000/len(c)) + `"}}` + "\n")
		for limit := 600; limit < 640; limit++ {
			got, err := encode.Truncate(event, limit)
			if err != nil {
				t.Fatal(err)
			}
			original, _ := at(decode(t, got), "event", "original").(string)
			whole, _ := at(decode(t, event), "event", "original").(string)
			if len(got) > limit || !utf8.Valid(got) || original == "" || !strings.HasPrefix(whole, original) {
				t.Fatalf("%s, limit %d: %d bytes: %q", c, limit, len(got), got)
			}
		}
	}
}

// FuzzTruncate: whatever is given, what comes out fits, is one line of JSON, and
// each of its values is one of the event's or the start of one.
func FuzzTruncate(f *testing.F) {
	f.Add([]byte("/hello"), []byte("curl\x00\xff\u2028😀"), uint16(400), uint16(5000))
	f.Add([]byte(`\"`), []byte{0x1b}, uint16(400), uint16(700))
	f.Fuzz(func(t *testing.T, path, agent []byte, times, limit uint16) {
		r := full()
		r.URL.Path = bytes.Repeat(path, int(times)%500)
		r.Access.UserAgent = bytes.Repeat(agent, int(times)%700)
		r.Access.Extra = append(r.Access.Extra, record.Pair{Name: "x", Value: r.URL.Path})
		event := encoder(t, nil).Append(nil, r)
		got, err := encode.Truncate(event, int(limit))
		if err != nil {
			if limit > 4000 { // below, the names of what is left out may take all room
				t.Errorf("limit %d: %v", limit, err)
			}
			return
		}
		if len(got) > int(limit) || !utf8.Valid(got) || bytes.IndexByte(got, '\n') != len(got)-1 {
			t.Fatalf("%d bytes, limit %d: %q", len(got), limit, got)
		}
		validate(t, got)
		if key := jsontest.KeyTwice(got); key != "" {
			t.Errorf("%q stands twice in %s", key, got)
		}
		v := decode(t, got)
		if len(got) != len(event) {
			names, _ := at(v, "event", "truncated").([]any)
			if len(names) == 0 {
				t.Errorf("nothing says that the event was shortened")
			}
			delete(v["event"].(map[string]any), "truncated")
		}
		within(t, v, decode(t, event))
	})
}

// within holds each value of got to be in want.
func within(t *testing.T, got, want any) {
	t.Helper()
	switch g := got.(type) {
	case map[string]any:
		w, _ := want.(map[string]any)
		for key := range g {
			within(t, g[key], w[key])
		}
	case []any:
		w, _ := want.([]any)
		if len(g) != len(w) {
			t.Fatalf("a list of %d has become one of %d", len(w), len(g))
		}
		for i := range g {
			within(t, g[i], w[i])
		}
	case string:
		w, _ := want.(string)
		if !strings.HasPrefix(w, g) || len(g) < len(w) && len(w) < encode.MinTruncated/12 {
			t.Fatalf("%.100q has become %.100q", w, g)
		}
	default:
		if got != want {
			t.Fatalf("%v has become %v", want, got)
		}
	}
}

func TestColumns(t *testing.T) {
	types := map[string]string{}
	var names []string
	for _, c := range encode.Columns() {
		types[c.Name] = c.Type
		names = append(names, c.Name)
	}
	want := []string{
		"timestamp", "schema_version", "event", "client", "source", "provenance", "http", "url", "user", "user_agent",
		"tls", "nginx", "error", "log", "cloud", "aws", "container", "orchestrator", "labels",
	}
	if !slices.Equal(names, want) {
		t.Errorf("columns %v, want %v", names, want)
	}
	for name, want := range map[string]string{
		"timestamp":      "timestamp",
		"schema_version": "bigint",
		"source":         "struct<ip:string,address:string,port:bigint>",
		"labels":         "map<string,string>",
		"cloud":          "struct<account:struct<id:string>>",
		"error":          "struct<message:string,column:bigint>",
	} {
		if types[name] != want {
			t.Errorf("%s is %s, want %s", name, types[name], want)
		}
	}
	for _, part := range []string{
		"upstream:array<struct<address:string,status:bigint,connect_time:double,",
		"extra:map<string,string>",
	} {
		if !strings.Contains(types["nginx"], part) {
			t.Errorf("nginx is %s, want in it %s", types["nginx"], part)
		}
	}
	if !strings.Contains(types["client"], "as:struct<number:bigint,organization:struct<name:string>>") {
		t.Errorf("client is %s", types["client"])
	}
	if !strings.Contains(types["provenance"], "nlb_private_ip:boolean,") || !strings.Contains(types["provenance"], "hops:array<string>,") {
		t.Errorf("provenance is %s", types["provenance"])
	}
}
