package accesslog_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/encode/accesslog"
	"clearhop/internal/nginxtest"
	"clearhop/parser"
	"clearhop/record"
	"clearhop/verdict"
)

const (
	unitSeparator   = "\x1f"
	recordSeparator = "\x1e"
)

// variables are those that the record has a place for, without the parts of $request.
var variables = strings.Fields(`remote_addr remote_port remote_user time_local time_iso8601 msec request uri args
	status bytes_sent body_bytes_sent request_length request_time request_id http_referer http_user_agent
	http_x_forwarded_for http_x_real_ip http_host http_x_foo cookie_sid arg_q host scheme server_name server_port
	sent_http_content_type proxy_protocol_addr proxy_protocol_port proxy_protocol_server_addr realip_remote_addr
	realip_remote_port connection connection_requests pipe upstream_addr upstream_status upstream_connect_time
	upstream_header_time upstream_response_time upstream_response_length upstream_cache_status`)

// parts are the variables that $request is taken apart into.
var parts = strings.Fields(`remote_addr time_iso8601 request_method request_uri server_protocol status`)

// A logFormat is a log_format that nginx writes.
type logFormat struct {
	name, directive string
	escape          parser.Escape
	source          bool // it holds the values of all other formats
}

// quoted makes a log_format of variables between quotes.
func quoted(name, escape string, variables []string) string {
	return fmt.Sprintf(`log_format %s escape=%s '"$%s"';`, name, escape, strings.Join(variables, `" "$`))
}

// formats are the log_formats of the test.
func formats() []logFormat {
	var members []string
	for _, name := range variables {
		members = append(members, `"`+name+`":"$`+name+`"`)
	}
	raw := "$" + strings.Join(variables, unitSeparator+"$") + recordSeparator
	all := []logFormat{
		{"all_default", quoted("all_default", "default", variables), parser.EscapeDefault, true},
		{"all_json", "log_format all_json escape=json '{" + strings.Join(members, ",") + "}';", parser.EscapeJSON, true},
		{"all_none", "log_format all_none escape=none '" + raw + "';", parser.EscapeNone, true},
		{"numbers", `log_format numbers escape=json '{"t":$msec,"at":"$time_iso8601","ip":"$remote_addr","s":$status,"b":$body_bytes_sent,"rt":$request_time,"r":"$request"}';`, parser.EscapeJSON, false},
		{"bare", `log_format bare '$remote_addr:$remote_port $scheme://$host:$server_port $status $upstream_addr|$upstream_status|$upstream_response_time [$time_local] ${request_id}x';`, parser.EscapeDefault, false},
		{"touching", `log_format touching '$time_local$time_iso8601$msec$status$remote_addr$upstream_addr$upstream_status$http_user_agent$request';`, parser.EscapeDefault, false},
		{"glued_json", `log_format glued_json escape=json '$request$http_referer$upstream_status$pipe$connection';`, parser.EscapeJSON, false},
	}
	for _, name := range parser.BuiltinNames() {
		directive, _ := parser.Builtin(name)
		if strings.Contains(directive, "$req_id") || strings.Contains(directive, "$proxy_upstream_name") || strings.Contains(directive, "$session_time") {
			continue // variables that nginx does not have, or not in http
		}
		all = append(all, logFormat{name, directive, parser.EscapeDefault, false})
	}
	return all
}

// requests are what is sent: each makes one line. The values of usual ones are neither
// empty nor "-", so that all formats hold them.
func requests() (usual, odd []string) {
	get := func(path string, headers ...string) string {
		base := []string{"Host: www.example.com", "Connection: close"}
		return "GET " + path + " HTTP/1.1\r\n" + strings.Join(append(base, headers...), "\r\n") + "\r\n\r\n"
	}
	usual = []string{
		get("/hello?q=1", "User-Agent: probe/1.0", "Referer: http://example.com/a?b=c", "Cookie: sid=abc"),
		get("/", "User-Agent: say \"hi\" \\x22 \\\"", "Referer: \\"),
		get("/", "User-Agent: \x01\x02\x08\x0b\x0c\x1b\x7f", "X-Foo: a\tb"),
		get("/", "User-Agent: \xff\xfe invalid \xc3 UTF-8 \xed\xa0\x80", "X-Foo: \x80"),
		get("/caf\xc3\xa9?q=\xe2\x82\xac", "User-Agent: \xe6\x97\xa5\xe6\x9c\xac"),
		get("/", "X-Forwarded-For: 198.51.100.7, 203.0.113.9", "X-Real-IP: 198.51.100.7"),
		get("/", "Authorization: Basic YSBbYl0gOnNlY3JldA=="),
		get("/a%20b%2Fc%22?q=%F0%9F%98%80&r=a+b"),
		"HEAD / HTTP/1.0\r\n\r\n",
		"POST /form HTTP/1.1\r\nHost: h:8080\r\nContent-Length: 3\r\nConnection: close\r\n\r\na=b",
		"GET   /spaces   HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		"GET http://www.example.com/abs?x HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n",
		"GET /old\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\xa5\x22\x5c",
		"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		get("/retry"), get("/redirect"), get("/retry-redirect"), get("/gone"), get("/refused"), get("/socket"), get("/fallback"),
		get("/nowhere"), get("/unresolved"),
		get("/" + strings.Repeat("a", 9000)), // 414
	}
	odd = []string{
		get("/", "User-Agent:", "Referer: ", "X-Foo:"),
		get("/", "User-Agent: -", "Referer: -", "X-Foo: -"),
		get("/?"),
	}
	return usual, odd
}

// TestNginxWritesTheSame holds the writer to nginx, which logs each request in many
// formats: the line of one, written in another, must be what nginx wrote in that.
func TestNginxWritesTheSame(t *testing.T) {
	dir := t.TempDir()
	all := formats()
	conf := quoted("parts", "default", parts) + "\naccess_log " + dir + "/parts.log parts;\n"
	for _, f := range all {
		if f.name != "combined" { // it is built into nginx
			conf += f.directive + "\n"
		}
		conf += "access_log " + dir + "/" + f.name + ".log " + f.name + ";\n"
	}
	site := nginxtest.StartSite(t, dir, conf)
	usual, odd := requests()
	proxied := []string{"PROXY TCP4 198.51.100.1 192.0.2.1 40000 443\r\n" + usual[0], "PROXY TCP6 2001:db8::10 2001:db8::1 53054 443\r\n" + usual[5]}
	for _, request := range usual {
		nginxtest.Fire(t, site.Plain, request)
	}
	for _, request := range proxied {
		nginxtest.Fire(t, site.Proxied, request)
	}
	for _, request := range odd {
		nginxtest.Fire(t, site.Plain, request)
	}
	n := len(usual) + len(proxied) + len(odd)
	lines := map[string][]string{}
	for _, f := range all {
		lines[f.name] = logged(t, filepath.Join(dir, f.name+".log"), f.escape, n)
	}
	compared := 0
	for _, from := range all {
		if !from.source {
			continue
		}
		read := format(t, from.directive)
		for _, to := range all {
			w := writer(t, to.directive)
			for i, line := range lines[from.name] {
				// escape=json and escape=none do not tell absent from empty, and
				// escape=default does not tell absent from "-".
				if i >= n-len(odd) && from.escape != to.escape {
					continue
				}
				var r record.Record
				if got, want := rewritten(t, read, w, line, &r), lines[to.name][i]; got != want {
					t.Errorf("%s as %s:\n%q\n got %q\nwant %q", from.name, to.name, line, got, want)
				}
				compared++
			}
		}
	}
	checkParts(t, lines["all_default"], logged(t, filepath.Join(dir, "parts.log"), parser.EscapeDefault, n))
	t.Logf("%d lines hold", compared)
}

// checkParts holds the parts of the request line to what nginx says of them, for
// requests that it could read.
func checkParts(t *testing.T, whole, apart []string) {
	t.Helper()
	read, w := format(t, quoted("all", "default", variables)), writer(t, quoted("parts", "default", parts))
	readParts := format(t, quoted("parts", "default", parts))
	for i := range whole {
		var r record.Record
		if got := rewritten(t, readParts, w, apart[i], &r); got != apart[i] {
			t.Errorf("parts of %q are written as %q", apart[i], got)
		}
		if s := r.Access.Status.N; s == 400 || s == 414 || s == 505 {
			continue
		}
		r = record.Record{}
		if got := rewritten(t, read, w, whole[i], &r); got != apart[i] {
			t.Errorf("%q:\n got parts %q\nwant %q", whole[i], got, apart[i])
		}
	}
}

// rewritten reads a line in one format and writes it in another, with the address
// that it has.
func rewritten(t testing.TB, from parser.LineFormat, to *accesslog.Writer, line string, r *record.Record) string {
	t.Helper()
	if err := from.Parse([]byte(line), r); err != nil {
		t.Errorf("%s: %.300q: %v", from.Name(), line, err)
		return ""
	}
	asLogged(r)
	out, fate := to.Append(nil, r)
	if fate != accesslog.Written && r.Access.RemoteAddr != nil {
		t.Errorf("%.300q: fate %d", line, fate)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// asLogged makes $remote_addr the client.
func asLogged(r *record.Record) {
	r.Client.Address = r.Access.RemoteAddr
	r.Provenance.Vouched, r.Provenance.Field = true, verdict.RemoteAddr
}

func format(t testing.TB, directive string) *parser.Format {
	t.Helper()
	f, err := parser.Compile(directive)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func writer(t testing.TB, text string) *accesslog.Writer {
	t.Helper()
	template, err := parser.ParseTemplate(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return accesslog.New(accesslog.Config{Template: template})
}

// logged returns the n lines of a log as soon as they are there.
func logged(t *testing.T, path string, escape parser.Escape, n int) []string {
	t.Helper()
	end := "\n"
	if escape == parser.EscapeNone {
		end = recordSeparator + "\n"
	}
	return nginxtest.Await(t, path, end, n)
}
