package parser

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"clearhop/internal/nginxtest"
	"clearhop/record"

	"github.com/google/go-cmp/cmp"
)

var recordLog = flag.Bool("record", false, "let TestNginx write testdata/clearhop.log and testdata/formats anew")

// witnessed are the log_formats that TestNginx lets nginx write, besides the
// ones of the package: other quotes, other separators, other escapes.
var witnessed = []string{
	`log_format bare '$remote_addr $remote_user $time_iso8601 $status $request_method $server_protocol $upstream_addr $upstream_status $upstream_response_time $upstream_response_length $request_id';`,
	`log_format agent_first '$http_user_agent [$time_local] $status $request_time "$request"';`,
	`log_format forwarded '$http_x_forwarded_for - $http_x_real_ip - $remote_addr [$time_local] $request_id';`,
	"log_format tabs '$msec\t$remote_addr\t$remote_user\t$request\t$status\t$http_referer\t$http_user_agent\t$upstream_addr\t$upstream_status';",
	`log_format pairs 'addr=$remote_addr:$remote_port pp=$proxy_protocol_addr:$proxy_protocol_port pps=$proxy_protocol_server_addr:$proxy_protocol_server_port '
		'real=$realip_remote_addr:$realip_remote_port conn=$connection/$connection_requests pipe=$pipe host=$host st=$status req="$request"';`,
	`log_format commas '$time_iso8601,$status,$bytes_sent,$upstream_addr,$upstream_status,$upstream_connect_time,$upstream_header_time,"$http_user_agent"';`,
	`log_format brackets '[$upstream_addr] [$upstream_status] <$scheme> {$server_name} ($server_port) $request_length;"$http_x_foo";"$cookie_sid";"$arg_q";"$uri";"$args"';`,
	`log_format doc escape=json '{"time":"$time_iso8601","addr":"$remote_addr","user":"$remote_user","request":"$request","status":$status,"port":"$proxy_protocol_port",'
		'"referer":"$http_referer","agent":"$http_user_agent","xff":"$http_x_forwarded_for","upstream":"$upstream_addr","took":$request_time,"type":"$sent_http_content_type"}';`,
	`log_format json_text escape=json '$remote_addr "$remote_user" $time_iso8601 "$request" $status $proxy_protocol_port "$http_user_agent" $upstream_status $msec';`,
	"log_format raw escape=none '$remote_addr\x1f$remote_user\x1f$time_iso8601\x1f$request\x1f$status\x1f$http_referer\x1f$http_user_agent\x1f$upstream_addr';",
	`log_format raw_quotes escape=none '$remote_addr [$time_local] "$request" $status "$http_referer" "$http_user_agent"';`,
	`log_format joined '$time_local$status "$http_host" $request_uri $server_protocol "$http_x_foo"';`,
	`log_format url '"$request_method $scheme://$host:$server_port$request_uri $server_protocol" $status "$uri$is_args$args" $server_port$request_method$uri';`,
	`log_format url_json escape=json '{"url":"$scheme://$http_host$request_uri","path":"$uri$is_args$args","at":$status$server_protocol}';`,
}

// twinVariables are written twice more for each request, between bytes that no
// request here holds: once as they are, which tells their bytes, and once
// escaped, which tells absent from empty. That is what parsed values are held
// against, so nothing of the parser vouches for the parser.
var twinVariables = strings.Fields(`remote_addr remote_port remote_user time_local time_iso8601 msec request request_method
	request_uri uri is_args args server_protocol status bytes_sent body_bytes_sent request_length request_time request_id
	http_referer http_user_agent http_x_forwarded_for http_x_real_ip http_host http_x_foo cookie_sid arg_q host scheme
	server_name server_port sent_http_content_type proxy_protocol_addr proxy_protocol_port proxy_protocol_server_addr
	proxy_protocol_server_port realip_remote_addr realip_remote_port connection connection_requests pipe upstream_addr
	upstream_status upstream_connect_time upstream_header_time upstream_response_time upstream_response_length
	proxy_upstream_name proxy_alternative_upstream_name req_id trailing
	the_real_ip protocol session_time bytes_received upstream_bytes_sent upstream_bytes_received`)

const (
	unitSeparator   = "\x1f"
	recordSeparator = "\x1e"
)

// fieldOf names the field of Access that holds a variable, as the comments
// there say.
var fieldOf = map[string]string{
	"remote_addr": "RemoteAddr", "remote_port": "RemotePort", "remote_user": "RemoteUser", "request_method": "Method",
	"request_uri": "RequestTarget", "uri": "URI", "args": "Args", "server_protocol": "Protocol", "status": "Status",
	"bytes_sent": "BytesSent", "body_bytes_sent": "BodyBytesSent", "request_length": "RequestLength", "request_time": "RequestTime",
	"request_id": "RequestID", "http_referer": "Referer", "http_user_agent": "UserAgent", "http_x_forwarded_for": "XForwardedFor",
	"http_x_real_ip": "XRealIP", "http_host": "HTTPHost", "host": "Host", "scheme": "Scheme", "server_name": "ServerName",
	"server_port": "ServerPort", "sent_http_content_type": "ContentType", "proxy_protocol_addr": "ProxyProtocolAddr",
	"proxy_protocol_port": "ProxyProtocolPort", "realip_remote_addr": "RealipRemoteAddr", "realip_remote_port": "RealipRemotePort",
	"upstream_addr": "Address", "upstream_status": "Status", "upstream_connect_time": "ConnectTime", "upstream_header_time": "HeaderTime",
	"upstream_response_time": "ResponseTime", "upstream_response_length": "ResponseBytes",
	"req_id": "RequestID", "the_real_ip": "Forwarded", "session_time": "RequestTime", "bytes_received": "RequestLength",
}

// A shot is what is sent over one connection.
type shot struct {
	to    string // a listener of the configuration: plain, proxied
	send  string
	lines int  // log lines that it makes
	keep  bool // for the logs in testdata
}

func shots() []shot {
	var all []shot
	plain := func(send string) { all = append(all, shot{to: "plain", send: send, lines: 1}) }
	kept := func(send string) { all = append(all, shot{to: "plain", send: send, lines: 1, keep: true}) }
	get := func(path string, headers ...string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n" + strings.Join(append(headers, "\r\n"), "\r\n")
	}
	basic := func(user string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":secret"))
	}

	// Usual requests.
	kept(get("/hello?q=1", "User-Agent: probe/1.0", "Referer: http://example.com/a?b=c"))
	plain(get("/"))
	plain("HEAD / HTTP/1.0\r\n\r\n")
	plain("POST /form HTTP/1.1\r\nHost: h:8080\r\nContent-Length: 3\r\nConnection: close\r\n\r\na=b")
	plain(get("/nothing", "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"))
	plain(get("/a%20b%2Fc%00%22?q=%F0%9F%98%80&r=a+b"))
	kept(get("/caf\xc3\xa9?q=\xe2\x82\xac", "User-Agent: caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac"))
	plain(get("/a%0Ab?c%0D", "Referer: x"))
	all = append(all, shot{to: "plain", lines: 3, send: "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"})

	// Header values with all that may break a line.
	kept(get("/", "User-Agent: say \"hi\" \\x22 \\\"", "Referer: \\"))
	plain(get("/", "User-Agent: \\", "Referer: \\\\", "X-Foo: \"\\\""))
	plain(get("/", "User-Agent: \x01\x02\x08\x0b\x0c\x1b\x7f", "Referer: a\tb"))
	kept(get("/", "User-Agent: \xff\xfe invalid \xc3 UTF-8 \xed\xa0\x80", "X-Foo: \x80"))
	plain(get("/", "User-Agent: a\" 200 3 \"-\" \"-\"", "Referer: \" \""))
	plain(get("/", "User-Agent: x [01/Jan/2020:00:00:00 +0000] 200 0.000"))
	plain(get("/", "User-Agent: [", "Referer: -"))
	kept(get("/", "User-Agent:", "Referer: ", "X-Forwarded-For:", "X-Foo:"))
	plain(get("/", "User-Agent: -", "Referer: -", "X-Foo: -"))
	plain(get("/", "User-Agent: --", "X-Foo:  spaces  inside  "))
	plain(get("/", "User-Agent: 1 2 3 4.5 6"))
	plain(get("/", "X-Foo: a", "X-Foo: b", "Cookie: sid=1; b=2", "Cookie: sid=3"))
	plain(get("/", "Cookie: sid=\"a b\"; x"))
	plain(get("/" + strings.Repeat("long/", 1500)))
	plain(get("/?"+strings.Repeat("%5B", 2000), "User-Agent: "+strings.Repeat(" [ \"\\", 1000)))
	plain(get("/" + strings.Repeat("a", 9000))) // 414

	// Names of users. nginx ends one at its first colon, so that none can hold a
	// whole time.
	kept(get("/", basic("anna")))
	kept(get("/", basic("a b")))
	plain(get("/", basic("a [b] ")))
	plain(get("/", basic("-")))
	plain(get("/", basic("")))
	plain(get("/", basic(" ")))
	kept(get("/", basic(`x [01/Jan/2020:00:00:00 +0000] "GET / HTTP/1.1" 200 3 "-" "-"`)))
	plain(get("/", basic("a - b [01/Jan/2020:00:00:00 +0000] 200")))
	plain(get("/", basic("a\tb\nc\x00d\"\\")))
	plain(get("/", basic("\xc3\xa9\xff")))

	// Addresses.
	kept(get("/", "X-Forwarded-For: 198.51.100.7, 203.0.113.9", "X-Real-IP: 198.51.100.7"))
	plain(get("/", "X-Forwarded-For: 198.51.100.7", "X-Forwarded-For: 203.0.113.9"))
	plain(get("/", "X-Forwarded-For: 2001:db8::1, [2001:db8::2]:443, unknown,,\t_hidden"))
	plain(get("/", "X-Forwarded-For: a - b - c", "X-Real-IP: x"))
	plain(get("/", "X-Forwarded-For: ' or 1=1 --", "X-Real-IP: <b>\"</b>"))

	// Request lines that are none, and ones that are odd.
	kept("GET /old\r\n")
	plain("GET   /spaces   HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	plain("GET / HTTP/1.1  \r\nHost: a\r\nConnection: close\r\n\r\n")
	plain("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n")
	plain("get / HTTP/1.1\r\nHost: a\r\n\r\n")
	plain("PROPFIND /dav HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	plain("M-SEARCH * HTTP/1.1\r\nHost: a\r\n\r\n")
	plain("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
	plain("CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n")
	plain("GET http://www.example.com/abs?x HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n")
	plain("GET / HTTP/1.1\r\nConnection: close\r\n\r\n") // no Host
	plain("GET / HTTP/1.1\r\nHost: a\"b\r\nConnection: close\r\n\r\n")
	plain("GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n")
	plain("GET / HTTP/2.0\r\nHost: a\r\n\r\n")
	plain("GET / HTTP/9.9\r\nHost: a\r\n\r\n")
	plain("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n")
	plain("GET / HTTP/1.1\r\nHost: a\r\nBad Header\r\nX: \x00\r\n\r\n")
	kept("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\xa5\x22\x5c")
	plain("\x00")
	plain("\r\n\r\n\x00\r\nQUIT\n")
	plain("\r\n\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x21\x11\x00\x0c\xc6\x33\x64\x01\xc0\x00\x02\x01\x00\x01\x00\x02")
	kept("PROXY TCP4 198.51.100.1 192.0.2.1 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
	plain("PROXY UNKNOWN\r\n")

	// Upstreams: a try that fails, an internal redirect to another group, none
	// to select, a socket.
	kept(get("/retry", "User-Agent: probe/1.0"))
	kept(get("/redirect", "User-Agent: probe/1.0"))
	plain(get("/retry-redirect"))
	plain(get("/gone"))
	plain(get("/refused"))
	plain(get("/socket"))
	plain(get("/fallback"))

	// The PROXY protocol.
	proxied := func(head, send string, keep bool) {
		all = append(all, shot{to: "proxied", send: head + "\r\n" + send, lines: 1, keep: keep})
	}
	proxied("PROXY TCP4 198.51.100.1 192.0.2.1 40000 443", get("/"), true)
	proxied("PROXY TCP6 2001:db8::10 2001:db8::1 53054 443", get("/", "X-Forwarded-For: 192.0.2.44"), true)
	proxied("PROXY UNKNOWN", get("/"), false)
	return all
}

// ownVariables are variables that are not nginx's own: of ingress-nginx, of a stream
// block, and what stands for all that follows in combined_extra.
const ownVariables = `
	map $uri $proxy_upstream_name { default "default-web-8080"; /nothing "-"; }
	map $uri $proxy_alternative_upstream_name { default ""; /retry "default-canary-8080"; }
	map $uri $req_id { default $request_id; }
	map $http_x_forwarded_for $the_real_ip { default $http_x_forwarded_for; "" $remote_addr; }
	map $uri $protocol { default TCP; /nothing UDP; }
	map $uri $session_time { default $request_time; }
	map $uri $bytes_received { default $request_length; }
	map $uri $trailing { default "$request_time \"$http_x_foo\" $upstream_addr"; /nothing "-"; /retry ""; }
`

// startNginx runs nginx until the test ends and returns where its listeners are.
func startNginx(t *testing.T, dir, formats string) map[string]string {
	t.Helper()
	site := nginxtest.StartSite(t, dir, ownVariables+formats)
	return map[string]string{"plain": site.Plain, "proxied": site.Proxied}
}

// confString writes a string for nginx.conf: all but the bytes that end it stand for
// themselves there.
func confString(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

func TestNginx(t *testing.T) {
	dir := t.TempDir()

	formats := twinLogs(dir)

	type tested struct {
		*Format
		directive, end string
	}
	var all []tested
	for _, directive := range slices.Concat(builtinDirectives(), []string{combinedExtra}, witnessed) {
		f := mustCompile(t, directive)
		end := "\n"
		if f.Escape() == EscapeNone {
			// A user's name may hold a line break, so that a line must end
			// in something else.
			end = recordSeparator + "\n"
			directive = strings.TrimSuffix(directive, "';") + recordSeparator + "';"
			f = mustCompile(t, directive)
		}
		all = append(all, tested{f, directive, end})
		if f.Name() != "combined" { // nginx has that one and would not let another be defined
			formats += directive + "\n"
		}
		formats += "access_log " + dir + "/" + f.Name() + ".log " + f.Name() + ";\n"
	}
	addrs := startNginx(t, dir, formats)

	lines := 0
	var kept []int
	sent := shots()
	for _, s := range sent {
		nginxtest.Fire(t, addrs[s.to], s.send)
		for range s.lines {
			if s.keep {
				kept = append(kept, lines)
			}
			lines++
		}
	}

	twins := readTwins(t, dir, lines)
	for _, f := range all {
		t.Run(f.Name(), func(t *testing.T) {
			log := nginxtest.Await(t, filepath.Join(dir, f.Name()+".log"), f.end, lines)
			for i, line := range log {
				checkWitness(t, f.Format, line, twins[i])
			}
			if path := recorded(f.Name()); path != "" && *recordLog {
				var out strings.Builder
				for _, i := range kept {
					out.WriteString(log[i] + "\n")
				}
				if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// formatsRecorded are the formats whose lines are kept in testdata/formats. The
// command in docs/architecture.md records the lines of a new one.
var formatsRecorded = []string{"ingress", "ingress_2019", "ingress_2018", "ingress_2017", "basic", "proxy", "upstream_time", "timed_combined", CombinedExtra}

// recorded is where the lines of a format are kept for the golden tests; empty
// if they are not.
func recorded(format string) string {
	switch {
	case format == Recommended:
		return filepath.Join("testdata", "clearhop.log")
	case slices.Contains(formatsRecorded, format):
		return filepath.Join("testdata", "formats", format+".log")
	}
	return ""
}

// twinLogs makes nginx write the twins, each record ended by a byte of its own.
func twinLogs(dir string) string {
	text := "$" + strings.Join(twinVariables, unitSeparator+"$") + recordSeparator
	return "log_format twin_bytes escape=none " + confString(text) + ";\n" +
		"log_format twin_presence " + confString(text) + ";\n" +
		"access_log " + dir + "/twin_bytes.log twin_bytes;\n" +
		"access_log " + dir + "/twin_presence.log twin_presence;\n"
}

func builtinDirectives() []string {
	var out []string
	for _, name := range BuiltinNames() {
		directive, _ := Builtin(name)
		out = append(out, directive)
	}
	return out
}

// A twin is what nginx says of one request: values by the names of variables,
// nil for absent ones.
type twin map[string][]byte

func readTwins(t *testing.T, dir string, n int) []twin {
	t.Helper()
	end := recordSeparator + "\n"
	values := nginxtest.Await(t, filepath.Join(dir, "twin_bytes.log"), end, n)
	presence := nginxtest.Await(t, filepath.Join(dir, "twin_presence.log"), end, n)
	twins := make([]twin, n)
	for i := range twins {
		v := strings.Split(strings.TrimSuffix(values[i], recordSeparator), unitSeparator)
		p := strings.Split(strings.TrimSuffix(presence[i], recordSeparator), unitSeparator)
		if len(v) != len(twinVariables) || len(p) != len(twinVariables) {
			t.Fatalf("the twins of line %d have %d and %d values, want %d", i+1, len(v), len(p), len(twinVariables))
		}
		twins[i] = twin{}
		for j, name := range twinVariables {
			if p[j] == "-" && v[j] == "" {
				continue // absent
			}
			twins[i][name] = []byte(v[j])
		}
	}
	return twins
}

// checkWitness parses line and compares each variable with its twin.
func checkWitness(t *testing.T, f *Format, line string, w twin) {
	t.Helper()
	if f.Name() == "forwarded" && bytes.Contains(w["http_x_forwarded_for"], []byte(" - ")) {
		// The visitor's " - " ends the value before nginx's does.
		line = strings.Replace(line, "a - b - c", "a", 1)
		w = maps.Clone(w)
		w["http_x_forwarded_for"] = []byte("a")
	}
	if f.Name() == "raw_quotes" && bytes.ContainsAny(bytes.Join([][]byte{w["request"], w["http_referer"], w["http_user_agent"]}, nil), `"`) {
		// Nothing tells a visitor's quote from nginx's in this format. The
		// line must not break the parser, and that is all.
		var r record.Record
		_ = f.Parse([]byte(line), &r)
		return
	}
	var r record.Record
	if err := f.Parse([]byte(line), &r); err != nil {
		t.Errorf("%s: %.300q: %v", f.Name(), line, err)
		return
	}
	compareTwin(t, f, line, f.Variables(), &r, w, func(value []byte) bool {
		if f.Escape() == EscapeDefault {
			return string(value) == "-" // one that the client sent looks like absence
		}
		return len(value) == 0 // such a format does not tell absent from empty
	})
}

// compareTwin compares what f read of the variables called names with their
// twins. absent says which values look like none.
func compareTwin(t *testing.T, f LineFormat, line string, names []string, r *record.Record, w twin, absent func([]byte) bool) {
	t.Helper()
	extra := 0
	for _, name := range names {
		want := w[name]
		if absent(want) {
			want = nil
		}
		var diff string
		switch {
		case name == "time_local" || name == "time_iso8601" || name == "msec":
			diff = cmp.Diff(wantTime(t, w, names), r.Timestamp)
		case name == "request":
			diff = diffRequest(want, w, &r.Access)
		case strings.HasPrefix(name, "upstream_") && fieldOf[name] != "":
			diff = cmp.Diff(wantList(t, name, want), gotList(name, r.Access.Upstream, want))
		case fieldOf[name] == "":
			if want == nil {
				break
			}
			i := slices.IndexFunc(r.Access.Extra, func(p record.Pair) bool { return p.Name == name })
			if i < 0 {
				diff = "missing among the extra ones"
				break
			}
			diff = cmp.Diff(record.Pair{Name: name, Value: want}, r.Access.Extra[i])
			extra++
		default:
			if lookup(name).kept && want != nil { // it has a field, and is also an extra one
				extra++
			}
			field := reflect.ValueOf(r.Access).FieldByName(fieldOf[name]).Interface()
			if _, isInt := field.(record.Int); isInt {
				diff = cmp.Diff(wantInt(t, name, want), field)
				break
			}
			if want == nil && (name == "request_uri" || name == "request_method" || name == "server_protocol") {
				break // $request tells more than these do
			}
			diff = cmp.Diff(want, field)
		}
		if diff != "" {
			t.Errorf("%s: %.300q: $%s (-nginx +parsed):\n%s", f.Name(), line, name, diff)
		}
	}
	if _, exact := f.(*Format); exact && extra != len(r.Access.Extra) { // JSON also keeps what a guess does not fit
		t.Errorf("%s: %.300q: %d extra variables, want %d", f.Name(), line, len(r.Access.Extra), extra)
	}
}

func wantTime(t *testing.T, w twin, names []string) int64 {
	t.Helper()
	for _, name := range names {
		if name == "msec" {
			seconds, err := strconv.ParseFloat(string(w["msec"]), 64)
			if err != nil {
				t.Fatal(err)
			}
			return int64(math.Round(seconds * 1000))
		}
	}
	at, err := time.Parse(layoutLocal, string(w["time_local"]))
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMilli()
}

func wantInt(t *testing.T, name string, value []byte) record.Int {
	t.Helper()
	if value == nil || string(value) == "-" {
		return record.Int{}
	}
	if strings.HasSuffix(name, "_time") {
		d, err := time.ParseDuration(string(value) + "s")
		if err != nil {
			t.Fatal(err)
		}
		return record.Int{N: int64(d), Valid: true}
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return record.Int{N: n, Valid: true}
}

func wantList(t *testing.T, name string, value []byte) []string {
	t.Helper()
	var out []string
	if value == nil {
		return nil
	}
	for _, item := range strings.Split(strings.ReplaceAll(string(value), " : ", ", "), ", ") {
		switch {
		case item == "-" || item == "":
			item = "absent"
		case name != "upstream_addr":
			item = strconv.FormatInt(wantInt(t, name, []byte(item)).N, 10)
		}
		out = append(out, item)
	}
	return out
}

func gotList(name string, tries []record.Upstream, want []byte) []string {
	var out []string
	for _, try := range tries {
		item := "absent"
		switch x := reflect.ValueOf(try).FieldByName(fieldOf[name]).Interface().(type) {
		case []byte:
			if x != nil {
				item = string(x)
			}
		case record.Int:
			if x.Valid {
				item = strconv.FormatInt(x.N, 10)
			}
		}
		out = append(out, item)
	}
	if want == nil && !slices.ContainsFunc(out, func(s string) bool { return s != "absent" }) {
		return nil // other variables made the entries
	}
	return out
}

// diffRequest compares the parts of $request with the variables in which nginx
// says what it took them for. Of a request that it refused at the first line it
// says nothing; then the parts must make up the whole.
func diffRequest(request []byte, w twin, a *record.Access) string {
	if a.BadRequest != nil || request == nil {
		if w["request_uri"] != nil && string(w["status"]) != "400" {
			return fmt.Sprintf("nginx served %q", request)
		}
		return cmp.Diff(request, a.BadRequest)
	}
	if w["request_uri"] == nil {
		parts := append(append(bytes.Clone(a.Method), ' '), a.RequestTarget...)
		if a.Protocol != nil {
			parts = append(append(parts, ' '), a.Protocol...)
		}
		return cmp.Diff(string(request), string(parts))
	}
	diff := cmp.Diff(string(w["request_method"]), string(a.Method))
	if !bytes.HasPrefix(a.RequestTarget, []byte("http://")) { // $request_uri leaves scheme and host out
		diff += cmp.Diff(string(w["request_uri"]), string(a.RequestTarget))
	}
	if protocol := strings.TrimRight(string(w["server_protocol"]), " "); protocol != "HTTP/0.9" { // not in the request line
		diff += cmp.Diff(protocol, strings.TrimRight(string(a.Protocol), " "))
	}
	return diff
}
