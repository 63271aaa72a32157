package accesslog_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"path"
	"strings"
	"testing"

	"clearhop/encode/accesslog"
	"clearhop/internal/chaintest"
	"clearhop/parser"
	"clearhop/record"
	"clearhop/verdict"
)

// TestRecordedLines: a line that is read and written in its own format, with the
// address that it has, comes back byte for byte. In the other format it is what nginx
// wrote in that.
func TestRecordedLines(t *testing.T) {
	n := 0
	for _, name := range chaintest.Names(t, "*/*.clearhop.log") {
		seed := chaintest.Lines(t, strings.Replace(name, ".clearhop.", ".seed.", 1))
		main, main2 := format(t, "main_real_ip"), writer(t, "main_real_ip")
		text, _ := parser.Builtin("clearhop")
		if strings.HasPrefix(name, "private-link-logged/edge") {
			text = strings.Replace(text, `';`, ` "$proxy_protocol_tlv_0xEA"';`, 1)
		}
		full, full2 := format(t, text), writer(t, text)
		for i, line := range chaintest.Lines(t, name) {
			if len(line) == 0 {
				continue
			}
			check := func(from parser.LineFormat, to *accesslog.Writer, line, want []byte) {
				t.Helper()
				var r record.Record
				if got := rewritten(t, from, to, string(line), &r); got != string(want) {
					t.Errorf("%s line %d\n got %s\nwant %s", name, i+1, got, want)
				}
				n++
			}
			check(full, full2, line, line)
			check(main, main2, seed[i], seed[i])
			if !strings.HasPrefix(name, "masked/") { // there one of the two has $remote_addr masked
				check(full, main2, line, seed[i])
			}
		}
	}
	if n < 1000 {
		t.Errorf("only %d lines were compared", n)
	}
}

// TestRecordedJSON: the JSON that nginx wrote holds what its other lines of the same
// requests do.
func TestRecordedJSON(t *testing.T) {
	read, err := parser.NewJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	w := writer(t, "main_real_ip")
	for _, name := range chaintest.Names(t, "*/*.json.log") {
		seed := chaintest.Lines(t, strings.Replace(name, ".json.", ".seed.", 1))
		for i, line := range chaintest.Lines(t, name) {
			if len(line) == 0 || bytes.Contains(seed[i], []byte(`""`)) || strings.HasPrefix(name, "masked/") {
				continue // an empty value is like none in JSON; masked has the address in one of the two only
			}
			var r record.Record
			if got := rewritten(t, read, w, string(line), &r); got != string(seed[i]) {
				t.Errorf("%s line %d\n got %s\nwant %s", path.Base(path.Dir(name)), i+1, got, seed[i])
			}
		}
	}
}

// at is a record of combined with this client and provenance.
func at(t *testing.T, client string, p record.Provenance) *record.Record {
	t.Helper()
	var r record.Record
	line := `10.0.1.5 - - [22/Nov/2026:11:00:25 +0530] "GET /a HTTP/1.1" 200 3 "-" "curl/8"`
	if err := format(t, "combined").Parse([]byte(line), &r); err != nil {
		t.Fatal(err)
	}
	if client != "" {
		r.Client.IP = netip.MustParseAddr(client)
	}
	r.Provenance = p
	return &r
}

// TestClient: only a client that a trusted hop vouches for and nobody disputes is
// written, unless the caller asks for the claims of visitors.
func TestClient(t *testing.T) {
	vouched := record.Provenance{Vouched: true, Verdict: verdict.Forwarded}
	disputed := record.Provenance{Vouched: true, Verdict: verdict.Disputed}
	claimed := record.Provenance{Verdict: verdict.Forwarded}
	f := func(c accesslog.Config, r *record.Record, fate accesslog.Fate, start string) {
		t.Helper()
		c.Template, _ = parser.ParseTemplate(`$remote_addr [$time_local]`, nil)
		out, got := accesslog.New(c).Append([]byte("x"), r)
		want := "x"
		if start != "" {
			want = "x" + start + " [22/Nov/2026:11:00:25 +0530]\n"
		}
		if got != fate || string(out) != want {
			t.Errorf("%q, fate %d; want %q, fate %d", out, got, want, fate)
		}
	}
	safe, all, known := accesslog.Config{}, accesslog.Config{Unvouched: true}, accesslog.Config{KnownOnly: true}
	f(safe, at(t, "203.0.113.9", vouched), accesslog.Written, "203.0.113.9")
	f(safe, at(t, "2001:db8::1", vouched), accesslog.Written, "2001:db8::1")
	f(safe, at(t, "203.0.113.9", claimed), accesslog.WrittenUnvouched, "-")
	f(safe, at(t, "203.0.113.9", disputed), accesslog.WrittenUnvouched, "-")
	f(safe, at(t, "", claimed), accesslog.WrittenUnknown, "-")
	f(all, at(t, "203.0.113.9", claimed), accesslog.Written, "203.0.113.9")
	f(all, at(t, "203.0.113.9", disputed), accesslog.Written, "203.0.113.9")
	f(all, at(t, "", claimed), accesslog.WrittenUnknown, "-")
	f(known, at(t, "203.0.113.9", vouched), accesslog.Written, "203.0.113.9")
	f(known, at(t, "203.0.113.9", claimed), accesslog.LeftOutUnvouched, "")
	f(known, at(t, "", claimed), accesslog.LeftOutUnknown, "")
	f(safe, &record.Record{Dataset: record.ErrorLogLine}, accesslog.LeftOutNoAccess, "")
}

// TestWhatWasNotLogged: variables that the line does not hold have no value, and JSON
// stays JSON.
func TestWhatWasNotLogged(t *testing.T) {
	f := func(template, want string) {
		t.Helper()
		r := at(t, "203.0.113.9", record.Provenance{Vouched: true, Field: verdict.XForwardedFor})
		r.Access.RemotePort = record.Int{N: 80, Valid: true} // of the proxy
		out, _ := writer(t, template).Append(nil, r)
		if got := strings.TrimSuffix(string(out), "\n"); got != want {
			t.Errorf("%s: %s, want %s", template, got, want)
		}
	}
	f(`$remote_addr:$remote_port $bytes_sent "$host" $upstream_addr $upstream_status $http_x_foo $request_time`, `203.0.113.9:- - "-" - - - -`)
	f(`log_format j escape=json '{"a":"$host","b":$bytes_sent,"c":"$request_time","s":$status,"u":"$upstream_status"}';`,
		`{"a":"","b":null,"c":"","s":200,"u":""}`)
	f(`log_format n escape=none '$status|$host|$bytes_sent';`, `200||`)
	f(`$time_iso8601 $msec`, `2026-11-22T11:00:25+05:30 1795325425.000`)
	f("$status-", "200-")
}

// TestStatus: nginx writes three digits, also of 0 and of 9, which stands for HTTP/0.9.
func TestStatus(t *testing.T) {
	for _, status := range []string{"000", "009", "200"} {
		var r record.Record
		line := `- "" ` + status + " 0.007 1.234"
		const text = `$remote_user "$request" $status $request_time $upstream_response_time`
		if got := rewritten(t, format(t, text), writer(t, text), line, &r); got != line {
			t.Errorf("%q, want %q", got, line)
		}
	}
}

// TestAsTheyCame: only the address changes.
func TestAsTheyCame(t *testing.T) {
	proxy := func(addr []byte) bool { return bytes.HasPrefix(addr, []byte("10.")) }
	w := accesslog.New(accesslog.Config{})
	f := func(r *record.Record, text, want string) {
		t.Helper()
		if got := string(w.AppendText([]byte("x"), []byte(text), r, proxy)); got != "x"+text {
			t.Errorf("a text that the record was not made of became %q", got)
		}
		line := []byte(text)
		read := record.Record{Client: r.Client, Provenance: r.Provenance, Dataset: r.Dataset}
		var err error
		switch r.Dataset {
		case record.AccessLine:
			err = format(t, `"$request" from $remote_addr by $http_x_forwarded_for`).Parse(line, &read)
		case record.ErrorLogLine:
			err = parser.ParseErrorLine(line, nil, &read)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := string(w.AppendText(nil, line, &read, proxy)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	known := at(t, "203.0.113.9", record.Provenance{Vouched: true})
	unknown := at(t, "", record.Provenance{})
	f(known, `"GET /10.0.0.1\x22 HTTP/1.1" from 10.0.0.1 by 10.0.0.1`, `"GET /10.0.0.1\x22 HTTP/1.1" from 203.0.113.9 by 10.0.0.1`)
	f(unknown, `"GET / HTTP/1.1" from 10.0.0.1 by -`, `"GET / HTTP/1.1" from - by -`)
	failed := &record.Record{Dataset: record.ErrorLogLine}
	const message = `2026/11/22 11:00:25 [error] 7#7: *1 open() "/x" failed (2: No such file or directory), client: %s, server: _, request: "GET /, client: 10.0.0.9 HTTP/1.1"`
	f(failed, fmt.Sprintf(message, "198.51.100.7"), fmt.Sprintf(message, "198.51.100.7"))
	f(failed, fmt.Sprintf(message, "10.0.0.1"), fmt.Sprintf(message, "-"))
	f(&record.Record{Dataset: record.Unparsed}, "junk 10.0.0.1", "junk 10.0.0.1")
}

// TestAllocatesNothing: a line costs no allocation.
func TestAllocatesNothing(t *testing.T) {
	w := writer(t, "clearhop")
	f := format(t, "clearhop")
	lines := chaintest.Lines(t, "ok/web.clearhop.log")
	var r record.Record
	dst := make([]byte, 0, 4096)
	each := func() {
		for _, line := range lines {
			r.Reset()
			if err := f.Parse(line, &r); err != nil {
				t.Fatal(err)
			}
			asLogged(&r)
			dst, _ = w.Append(dst[:0], &r)
		}
	}
	each()
	if n := testing.AllocsPerRun(100, each); n != 0 {
		t.Errorf("%v allocations for %d lines, want none", n, len(lines))
	}
}

// FuzzRoundTrip: a line that nginx can have written comes back byte for byte. The
// fuzzer gives the values; they are escaped here as nginx does it, by a slow twin of
// the writer's escapes.
func FuzzRoundTrip(f *testing.F) {
	f.Add("anna", "GET / HTTP/1.1", "curl/8", "10.0.0.1:80, 10.0.0.2:80 : 10.0.0.3:80", uint16(200), uint32(1234), int64(1795325425000), false)
	f.Add("a\x00\xff", "\x16\x03", "\"\\\x7f", "", uint16(0), uint32(0), int64(0), true)
	const text = `'$remote_user [$time_local] "$request" $status $request_time "$http_user_agent" "$upstream_addr" $msec'`
	f.Fuzz(func(t *testing.T, user, request, agent, upstream string, status uint16, took uint32, ms int64, inJSON bool) {
		escape, none := escapeDefault, "-"
		directive := "log_format f " + text + ";"
		if inJSON {
			escape, none = escapeJSON, ""
			directive = "log_format f escape=json " + text + ";"
		}
		value := func(s string) string {
			if s == "" {
				return none
			}
			return escape(s)
		}
		if strings.Contains(user, " [") || upstream != "" && !isList(upstream) {
			t.Skip() // such a user can end the value early; nginx writes no such list
		}
		ms = (ms%4e12 + 4e12) % 4e12
		when := timeLocal(ms)
		line := fmt.Sprintf(`%s [%s] "%s" %03d %d.%03d "%s" "%s" %d.%03d`, value(user), when, value(request), status%1000,
			took/1000, took%1000, value(agent), value(upstream), ms/1000, ms%1000)
		var r record.Record
		if got := rewritten(t, format(t, directive), writer(t, directive), line, &r); got != line {
			t.Errorf("\n got %q\nwant %q", got, line)
		}
	})
}
