package infer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"clearhop/parser"
	"clearhop/parser/infer"
	"clearhop/record"
)

const head = `10.16.1.11 - - [09/Aug/2025:10:00:01 +0000] "GET /a HTTP/1.1" 200 17 "-" "curl/8.5.0"`

func set(t testing.TB, formats ...string) *parser.Set {
	t.Helper()
	s, err := parser.NewSet(parser.SetConfig{Formats: formats})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// repeat makes lines of the head with values behind it.
func repeat(values ...string) []string {
	var lines []string
	for _, v := range values {
		lines = append(lines, head+v)
	}
	return lines
}

// TestLogFormat: what the values prove is named, everything else is not.
func TestLogFormat(t *testing.T) {
	const combined = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`
	f := func(want string, lines ...string) {
		t.Helper()
		got := ""
		if p := infer.LogFormat(lines, infer.Nodes{}); p != nil {
			got = p.Text
			if f, err := parser.Compile(p.Argument()); err != nil || len(f.Variables()) != len(p.Format.Variables()) {
				t.Errorf("%s cannot be given to --format: %v", p.Argument(), err)
			}
		}
		if got != want {
			t.Errorf("%q\nis read as %s\nwant       %s", lines, got, want)
		}
	}
	f(combined+` "$http_x_forwarded_for" $unnamed_11`, repeat(` "203.0.113.9" 0.012`, ` "-" 0.010`)...)
	f(combined+` "$unnamed_10" $unnamed_11`, repeat(` "-" 0.012`, ` "-" 0.010`)...)
	f(combined+` "$unnamed_10" $unnamed_11`, repeat(` "203.0.113.9" 0.012`, ` "sid=1" 0.010`)...)
	f(combined+` "$unnamed_10"`, repeat(` "1.011"`, ` "2.5"`)...)
	f(combined+` "$unnamed_10" "$http_x_forwarded_for"`, repeat(` "a=1" "203.0.113.9"`, ` "b=2" "203.0.113.10"`)...)
	f(combined+` "$unnamed_10" $unnamed_11`, repeat(` "10.16.1.13" 0.012`, ` "10.16.1.13" 0.010`)...) // as $server_addr
	f(combined+` rt=$request_time uct="$upstream_connect_time"`, repeat(` rt=0.012 uct="0.001, 0.002"`, ` rt=0.010 uct="-"`)...)
	f(combined+` $request_time $unnamed_11`, repeat(` 0.012 0.010`, ` 0.010 -`)...) // no upstream was asked, so the first is not one's
	f("", "junk", "Listening on port 8080", "")
	f("", "connected 10.0.0.1:80")
	f("[$time_iso8601] $remote_addr $status", "[2026-11-22T11:00:24+00:00] 203.0.113.9 200", "[2026-11-22T11:00:25+00:00] 203.0.113.10 404")
	f("$remote_addr\t$status\t$request_method\t$request_uri", "203.0.113.9\t200\tGET\t/a?b", "203.0.113.10\t404\tPOST\t/c")
}

// TestDecide: the lines of a stream as a whole decide.
func TestDecide(t *testing.T) {
	many := func(n int, values func(i int) string) []string {
		var all []string
		for i := range n {
			all = append(all, values(i))
		}
		return repeat(all...)
	}
	f := func(name string, lines []string, format string, taken bool) *infer.Plan {
		t.Helper()
		p := infer.Decide(set(t, parser.Auto), lines, infer.Nodes{})
		if len(p.Formats) == 0 || p.Formats[0].Name != format || p.Taken != taken || p.Unparsed > 0 {
			t.Errorf("%s: read as %v, taken %t, %d unparsed; want %s, %t", name, p.Formats, p.Taken, p.Unparsed, format, taken)
		}
		return p
	}
	address := func(i int) string { return fmt.Sprintf(` "203.0.113.%d"`, 1+i%200) }
	p := f("main", many(50, address), "main", false)
	if p.Guessed != record.LoggedXForwardedFor {
		t.Errorf("guessed %b", p.Guessed)
	}
	// One visitor's nonsense in a hundred lines changes nothing.
	f("main with nonsense", append(many(99, address), head+` "' or 1=1"`), "main", false)
	// Hosts that are mostly names are no headers, also where one is an address.
	f("hosts", append(many(20, func(int) string { return ` "www.example.com"` }), head+` "203.0.113.9"`), "inferred", true)
	f("absent", many(9, func(int) string { return ` "-"` }), "main", false)
	// A column that is absent in some lines is no peer.
	p = f("header first", []string{head, strings.Replace(head, "10.16.1.11", "-", 1), strings.Replace(head, "10.16.1.11", "203.0.113.9", 1)}, "inferred", true)
	if p.Inferred == nil || p.Inferred.Guessed&record.LoggedXForwardedFor == 0 || !strings.HasPrefix(p.Inferred.Text, "$http_x_forwarded_for - ") {
		t.Errorf("%+v", p.Inferred)
	}
	// Two formats in one stream: each is read.
	p = f("two formats", append(many(50, address), many(50, func(int) string { return ` 0.012 "x"` })...), "inferred", true)
	if len(p.Formats) != 2 {
		t.Errorf("%v", p.Formats)
	}
	// A format that was named is kept, and what the lines look like is only said.
	p = infer.Decide(set(t, "$remote_addr $status"), many(5, address), infer.Nodes{})
	if p.Taken || p.Inferred == nil || p.Unparsed != 5 {
		t.Errorf("%+v", p)
	}
	if p := infer.Decide(set(t, parser.Auto), nil, infer.Nodes{}); p.Lines != 0 || p.Set == nil {
		t.Errorf("%+v", p)
	}
}

// TestInferredIsGuessed: what a format that nobody named says is marked in each record.
func TestInferredIsGuessed(t *testing.T) {
	plan := infer.Decide(set(t, parser.Auto), repeat(` "203.0.113.9" 0.012`), infer.Nodes{})
	var r record.Record
	if err := plan.Set.Clone().Parse([]byte(head+` "203.0.113.9" 0.012`), &r); err != nil {
		t.Fatal(err)
	}
	if a := &r.Access; a.Guessed != record.LoggedXForwardedFor || !a.Logged.Has(record.LoggedUnnamed) {
		t.Errorf("guessed %b, logged %b", a.Guessed, a.Logged)
	}
	// In a format that does not begin like combined, the peer is a guess too.
	line := "[2026-11-22T11:00:24+00:00] 203.0.113.9 200"
	plan = infer.Decide(set(t, parser.Auto), []string{line}, infer.Nodes{})
	r.Reset()
	if err := plan.Set.Clone().Parse([]byte(line), &r); err != nil || r.Access.Guessed != record.LoggedRemoteAddr {
		t.Errorf("guessed %b, %v", r.Access.Guessed, err)
	}
}

func TestKeys(t *testing.T) {
	f := func(want string, lines ...string) {
		t.Helper()
		got := ""
		auto, err := parser.NewSet(parser.SetConfig{Formats: []string{parser.Auto}, JSONKeys: map[string]string{"given": "remote_addr", "nothing": "-"}})
		if err != nil {
			t.Fatal(err)
		}
		if k := infer.Keys(auto, lines); k != nil {
			got = k.Setting()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", lines, got, want)
		}
	}
	f("visitor=remote_addr,what=request", `{"visitor":"203.0.113.9","what":"GET / HTTP/1.1","status":200}`)
	f("net.peer_name=remote_addr,st=status", `{"net":{"peer_name":"203.0.113.9"},"st":200,"request":"GET / HTTP/1.1"}`)
	f("", `{"remote_addr":"203.0.113.9","request":"GET / HTTP/1.1","status":200}`)
	f("", `{"remote_addr":"203.0.113.9","peer":"10.0.0.1","request":"GET / HTTP/1.1","status":200}`) // known already
	f("", `{"given":"203.0.113.9","nothing":"10.0.0.1","request":"GET / HTTP/1.1","status":200}`)
	f("", `not JSON`, `{"cut off`)
}

// TestExample: a line that is shown has nothing that identifies a visitor.
func TestExample(t *testing.T) {
	line := `203.0.113.9 10.16.1.11 [2001:db8::7] "GET /a?token=geheim&b=ann@example.com HTTP/1.1" "Bob <bob@example.org>" ` + strings.Repeat("x", 400)
	got := infer.Example(line)
	for _, secret := range []string{"203.0.113.9", "2001:db8::7", "geheim", "ann@", "bob@"} {
		if strings.Contains(got, secret) {
			t.Errorf("%s shows %s", got, secret)
		}
	}
	if !strings.Contains(got, "10.16.1.11") || len(got) > 300 {
		t.Errorf("shown: %s", got)
	}
}

// FuzzDecide: no sample makes it fail, and what it takes reads most of the lines that
// it was made of.
func FuzzDecide(f *testing.F) {
	f.Add(strings.Join(repeat(` "203.0.113.9" 0.012`, ` "-" 0.010`), "\n"))
	f.Add("203.0.113.9|2026-11-22T11:00:24+00:00|GET|/|200\n203.0.113.9|2026-11-22T11:00:24+00:00|GET|/|200")
	f.Add(`{"a":{"b":1},"a.b":2,"a":3,"a":{"b":4}}` + "\n" + `{"a.b":{"c":1},"a":{"b.c":2}}`)
	f.Add(`{"a":1}` + "\n" + `203.0.113.9 'a "b' [c 200`)
	auto := set(f, parser.Auto)
	f.Fuzz(func(t *testing.T, text string) {
		plan := infer.Decide(auto.Clone(), strings.Split(text, "\n"), infer.Nodes{})
		if p := plan.Inferred; p != nil && p.Read*100 < p.Lines*90 {
			t.Errorf("%d of %d lines: %s", p.Read, p.Lines, p.Text)
		}
		if k := plan.Keys; k != nil {
			if unknown := slices.Compact(slices.Sorted(slices.Values(k.Unknown))); len(unknown) != len(k.Unknown) {
				t.Errorf("a key stands twice: %q", k.Unknown)
			}
		}
	})
}
