package parser

import (
	"path/filepath"
	"strings"
	"testing"

	"clearhop/record"
)

// testdata/formats/*.log is what nginx wrote in TestNginx, in the formats that others
// made. Each file has the name of its format.
func TestGoldenFormats(t *testing.T) {
	for _, name := range formatsRecorded {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "formats", name)
			checkGolden(t, filepath.Join("formats", name+".txt"), dumpLines(t, mustCompile(t, name), path+".log"))
		})
	}
}

// Only one built-in format reads a line, so the order in which they are tried does
// not matter. combined_extra also reads lines that begin like combined, so it comes
// last.
func TestBuiltinsDoNotShadow(t *testing.T) {
	const combined = `::1 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "x"`
	lines := map[string]string{
		"combined":       combined,
		"main":           combined + ` "-"`,
		"main_real_ip":   combined + ` "-" "-"`,
		"clearhop":       combined + ` "-" "-" - - "h" 5c8f 1795345224.007 0.012 81 http "-" "-" "-"`,
		"ingress":        combined + ` 81 0.012 [default-web-8080] [] - - - - 5c8f`,
		"upstream_time":  combined + `rt=0.012 uct="-" uht="-" urt="-"`,
		"timed_combined": combined + ` 0.012 - .`,
	}
	for _, of := range BuiltinNames() {
		line, ok := lines[of]
		if !ok {
			t.Errorf("no line of %s", of)
		}
		for _, name := range BuiltinNames() {
			var r record.Record
			err := mustCompile(t, name).Parse([]byte(line), &r)
			if (err == nil) != (name == of) {
				t.Errorf("%s and a line of %s: %v", name, of, err)
			}
		}
		var r record.Record
		err := mustCompile(t, CombinedExtra).Parse([]byte(line), &r)
		if want := strings.HasPrefix(line, combined+" "); (err == nil) != want {
			t.Errorf("%s and a line of %s: %v", CombinedExtra, of, err)
		}
	}
}

// What follows combined is kept as one value, whatever it is.
func TestCombinedExtra(t *testing.T) {
	format := mustCompile(t, CombinedExtra)
	f := func(rest, want string) {
		t.Helper()
		var r record.Record
		if err := format.Parse([]byte(`::1 - a b [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "x" `+rest), &r); err != nil {
			t.Errorf("%s: %v", rest, err)
			return
		}
		if string(r.Access.RemoteUser) != "a b" || string(r.Access.UserAgent) != "x" {
			t.Errorf("%s: user %q, agent %q", rest, r.Access.RemoteUser, r.Access.UserAgent)
		}
		got := ""
		for _, p := range r.Access.Extra {
			got += p.Name + "=" + string(p.Value)
		}
		if got != want {
			t.Errorf("%s: kept %s, want %s", rest, got, want)
		}
	}
	f(`"-" 0.012 "a, b" [x]`, `trailing="-" 0.012 "a, b" [x]`)
	f(`"\x22" rt=1`, `trailing=""" rt=1`)
	f(`-`, ``)
	f(``, `trailing=`)
}

// What ingress-nginx writes without quotes ends where it should.
func TestIngressLists(t *testing.T) {
	format := mustCompile(t, "ingress")
	const head = `::1 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "x" 81 0.012 `
	f := func(rest, want string) {
		t.Helper()
		var r record.Record
		if err := format.Parse([]byte(head+rest), &r); err != nil {
			t.Errorf("%s: %v", rest, err)
			return
		}
		_, text, _ := strings.Cut(strings.Join(dump(&r), " "), "RequestTime=12000000 ")
		if text != want {
			t.Errorf("%s\n got %s\nwant %s", rest, text, want)
		}
	}
	const agent = ` UserAgent="x" `
	f(`[a-b-80] [] 10.0.0.1:80 3 0.010 200 5c8f`, `RequestID="5c8f"`+agent+
		`Upstream[0]={Address="10.0.0.1:80" Status=200 ResponseTime=10000000 ResponseBytes=3} Extra.proxy_upstream_name="a-b-80" Extra.proxy_alternative_upstream_name=""`)
	f(`[a] [b] 10.0.0.1:80, [::1]:80 : unix:/s 0, 0 : 3 0.001, - : 0.010 502, - : 200 a b - c`, `RequestID="a b - c"`+agent+
		`Upstream[0]={Address="10.0.0.1:80" Status=502 ResponseTime=1000000 ResponseBytes=0} Upstream[1]={Address="[::1]:80" ResponseBytes=0}`+
		` Upstream[2]={Address="unix:/s" Status=200 ResponseTime=10000000 ResponseBytes=3} Extra.proxy_upstream_name="a" Extra.proxy_alternative_upstream_name="b"`)
	f(`[] [] - - - - -`, `UserAgent="x" Extra.proxy_upstream_name="" Extra.proxy_alternative_upstream_name=""`)
}

// Variables without a field are kept under their names, lists of theirs whole.
func TestExtraVariables(t *testing.T) {
	format := mustCompile(t, `$upstream_bytes_sent $upstream_bytes_received $tcpinfo_rtt $ssl_client_verify|$sent_http_x_a|$cookie_a $request_port $ssl_client_serial`)
	var r record.Record
	if err := format.Parse([]byte(`81, 81 : 90 0, - : 512 204 FAILED:self signed|a b|- 8080 01AB`), &r); err != nil {
		t.Fatal(err)
	}
	want := `Extra.upstream_bytes_sent="81, 81 : 90" Extra.upstream_bytes_received="0, - : 512" Extra.tcpinfo_rtt="204"` +
		` Extra.ssl_client_verify="FAILED:self signed" Extra.sent_http_x_a="a b" Extra.request_port="8080" Extra.ssl_client_serial="01AB"`
	if got := strings.Join(dump(&r), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
