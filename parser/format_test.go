package parser

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"clearhop/record"

	"github.com/google/go-cmp/cmp"
)

func mustCompile(t testing.TB, text string) *Format {
	t.Helper()
	f, err := Compile(text)
	if err != nil {
		t.Fatalf("Compile(%q): %v", text, err)
	}
	return f
}

// checkParse reads line and compares the dump of what was found.
func checkParse(t *testing.T, format, line string, want ...string) {
	t.Helper()
	var r record.Record
	if err := mustCompile(t, format).Parse([]byte(line), &r); err != nil {
		t.Errorf("%s\nline %q: %v", format, line, err)
		return
	}
	if r.Dataset != record.AccessLine {
		t.Errorf("%s\nline %q is of dataset %v", format, line, r.Dataset)
	}
	if diff := cmp.Diff(want, dump(&r)); diff != "" {
		t.Errorf("%s\nline %q (-want +got):\n%s", format, line, diff)
	}
}

// checkMismatch reads a line in which § marks the place that the error names.
func checkMismatch(t *testing.T, format, marked, variable, reason string) {
	t.Helper()
	before, after, ok := strings.Cut(marked, "§")
	if !ok {
		t.Fatalf("no § in %q", marked)
	}
	f := mustCompile(t, format)
	var r record.Record
	err := f.Parse([]byte(before+after), &r)
	var got *record.ParseError
	if !errors.As(err, &got) || !errors.Is(err, record.ErrNoMatch) {
		t.Errorf("%s\nline %q: error %v, dump %q", format, marked, err, dump(&r))
		return
	}
	want := &record.ParseError{Format: f.Name(), Variable: variable, Column: len(before) + 1, Reason: reason}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\nline %q (-want +got):\n%s", format, marked, diff)
	}
}

func TestParseBuiltin(t *testing.T) {
	f := func(format, line string, want ...string) {
		t.Helper()
		checkParse(t, format, line, want...)
	}
	common := []string{
		"Time=2026-11-22T11:00:24.000Z", `RemoteAddr="210.227.0.10"`, `RemoteUser="anna"`,
		`Method="GET"`, `RequestTarget="/hello?q=1"`, `Protocol="HTTP/1.1"`, "Status=200", "BodyBytesSent=3",
		`Referer="http://x/"`, `UserAgent="probe/1.0"`,
	}
	const combined = `210.227.0.10 - anna [22/Nov/2026:11:00:24 +0000] "GET /hello?q=1 HTTP/1.1" 200 3 "http://x/" "probe/1.0"`
	with := func(after int, more ...string) []string {
		out := append([]string{}, common[:after]...)
		return append(append(out, more...), common[after:]...)
	}
	f("combined", combined, common...)
	f("main", combined+` "1.1.1.1, 2.2.2.2"`, with(2, `XForwardedFor="1.1.1.1, 2.2.2.2"`)...)
	f("main", combined+` "-"`, common...)
	f("main_real_ip", combined+` "1.1.1.1" "2.2.2.2"`, with(2, `XForwardedFor="1.1.1.1"`, `XRealIP="2.2.2.2"`)...)
	f("clearhop", combined+` "-" "-" 10.16.1.11 210.227.0.10 "example.com" 5c8f 1795345224.007 0.012 81 https `+
		`"10.0.0.1:80, unix:/run/app : 10.0.0.3:80" "502, 504 : 200" "0.001, - : 0.010"`,
		"Time=2026-11-22T11:00:24.007Z", `RemoteAddr="210.227.0.10"`, `RealipRemoteAddr="10.16.1.11"`, `ProxyProtocolAddr="210.227.0.10"`, `RemoteUser="anna"`,
		`Method="GET"`, `RequestTarget="/hello?q=1"`, `Protocol="HTTP/1.1"`, `Host="example.com"`, `Scheme="https"`, "Status=200", "BodyBytesSent=3",
		"RequestLength=81", "RequestTime=12000000", `RequestID="5c8f"`, `Referer="http://x/"`, `UserAgent="probe/1.0"`,
		`Upstream[0]={Address="10.0.0.1:80" Status=502 ResponseTime=1000000}`,
		`Upstream[1]={Address="unix:/run/app" Status=504}`,
		`Upstream[2]={Address="10.0.0.3:80" Status=200 ResponseTime=10000000}`)
}

func TestParseNumbers(t *testing.T) {
	f := func(format, line string, want ...string) {
		t.Helper()
		checkParse(t, format, line, want...)
	}
	f("$status", "200", "Status=200")
	f("$status", "000", "Status=0")
	f("$status", "009", "Status=9")
	f("$status", "-")
	f("$bytes_sent", "9223372036854775807", "BytesSent=9223372036854775807")
	f("$bytes_sent", "0000000000000000001", "BytesSent=1")
	f("$request_time", "0.000", "RequestTime=0")
	f("$request_time", "12", "RequestTime=12000000000")
	f("$request_time", "1.5", "RequestTime=1500000000")
	f("$request_time", "0.123456789", "RequestTime=123456789")
	f("$request_time", "9223372035.999999999", "RequestTime=9223372035999999999")
	f("$request_time", "-")
	f("$remote_port/$realip_remote_port/$proxy_protocol_port/$server_port", "1/2/-/65535", "RemotePort=1", "RealipRemotePort=2", "ServerPort=65535")
	f("log_format x escape=json '$status,$bytes_sent,$request_time';", ",1,", "BytesSent=1")
	f("log_format x escape=none '$status $bytes_sent';", " 1", "BytesSent=1")

	g := func(format, marked, variable, reason string) {
		t.Helper()
		checkMismatch(t, format, marked, variable, reason)
	}
	g("$status", "§", "status", notInt)
	g("$status x", "§ x", "status", notInt)
	g("$status x", "§+1 x", "status", noEnd)
	g("$status x", "§1e3 x", "status", noEnd)
	g("$status x", "§1.0 x", "status", noEnd)
	g("$status x", "§-1 x", "status", noEnd)
	g("$status x", "§-- x", "status", noEnd)
	g("$status x", "§2 0 x", "status", noEnd)
	g("[$bytes_sent]", "[§9223372036854775808]", "bytes_sent", notInt)
	g("[$bytes_sent]", "[§18446744073709551616]", "bytes_sent", notInt) // 2 to the 64th is not 0
	g("[$bytes_sent]", "[§99999999999999999999]", "bytes_sent", notInt)
	g("[$request_time]", "[§]", "request_time", notSeconds)
	g("[$request_time]", "[§1.]", "request_time", noEnd)
	g("[$request_time]", "[§.5]", "request_time", notSeconds)
	g("[$request_time]", "[§1.2.3]", "request_time", noEnd)
	g("[$request_time]", "[§-0.001]", "request_time", noEnd)
	g("[$request_time]", "[§0.1234567890]", "request_time", notSeconds)
	g("[$request_time]", "[§9223372036.000]", "request_time", notSeconds)
	g("log_format j escape=json '[$request_time]';", "[§-]", "request_time", noEnd)
}

func TestParseTimes(t *testing.T) {
	f := func(format, line string, want ...string) {
		t.Helper()
		checkParse(t, format, line, want...)
	}
	f("$time_local", "31/Dec/2026:23:59:59 -0100", "Time=2027-01-01T00:59:59.000Z")
	f("$time_iso8601 $status", "2024-02-29T00:00:00+09:00 200", "Time=2024-02-28T15:00:00.000Z", "Status=200")
	f("$msec", "1795345224.007", "Time=2026-11-22T11:00:24.007Z")
	f("$msec", "0.000", "Time=1970-01-01T00:00:00.000Z")
	f("$time_iso8601$status", "2024-02-29T00:00:00+00:00404", "Time=2024-02-29T00:00:00.000Z", "Status=404")

	// Of several times the most precise one wins, in any order.
	f("$msec $time_local", "1795345224.007 22/Nov/2026:11:00:24 +0000", "Time=2026-11-22T11:00:24.007Z")
	f("$time_local $msec", "22/Nov/2026:11:00:24 +0000 1795345224.007", "Time=2026-11-22T11:00:24.007Z")

	g := func(format, marked, variable, reason string) {
		t.Helper()
		checkMismatch(t, format, marked, variable, reason)
	}
	g("[$time_local]", "[§29/Feb/2023:12:00:00 +0000]", "time_local", notTime)
	g("[$time_local]", "[§22/Nov/2026:11:00:24 +0000 ]", "time_local", noEnd)
	g("[$time_local]", "[§-]", "time_local", noEnd) // nginx has a time in every line
	g("[$time_iso8601]", "[§2026-11-22 11:00:24+00:00]", "time_iso8601", notTime)
	g("[$msec]", "[§-]", "msec", "the time is absent")
	g("[$msec]", "[§12.]", "msec", noEnd)
	g("[$msec]", "[§]", "msec", notTime)
}

func TestParseAbsentAndEmpty(t *testing.T) {
	f := func(format, line string, want ...string) {
		t.Helper()
		checkParse(t, format, line, want...)
	}
	f(`"$http_referer"`, `"-"`)
	f(`"$http_referer"`, `""`, `Referer=""`)
	f(`"$http_referer"`, `"--"`, `Referer="--"`)
	f(`"$http_referer"`, `"\x2D"`, `Referer="-"`) // nginx does not write this one
	f(`"$http_x_foo"`, `"-"`)
	f(`"$http_x_foo"`, `""`, `Extra.http_x_foo=""`)
	f(`log_format x escape=json '"$http_referer"';`, `""`)
	f(`log_format x escape=json '"$http_referer"';`, `"-"`, `Referer="-"`)
	f(`log_format x escape=none '"$http_referer"';`, `""`)
	f(`log_format x escape=none '"$http_referer"';`, `"-"`, `Referer="-"`)
	f(`$remote_user`, ``, `RemoteUser=""`)
	f(`$remote_user [$status]`, ` [200]`, `RemoteUser=""`, "Status=200")
	f(`[$host]`, `[]`, `Host=""`)
	f(`"$upstream_addr" "$upstream_status"`, `"-" "-"`)
	f(`$upstream_addr $upstream_status`, `- -`)

	// A variable without a value does not overwrite one with a value.
	f(`"$request" "$request_uri"`, `"GET /a b HTTP/1.1" "-"`, `Method="GET"`, `RequestTarget="/a b"`, `Protocol="HTTP/1.1"`)
	f(`$request_method "$request"`, `- "GET / HTTP/1.1"`, `Method="GET"`, `RequestTarget="/"`, `Protocol="HTTP/1.1"`)
}

func TestParseRequest(t *testing.T) {
	f := func(line string, want ...string) {
		t.Helper()
		checkParse(t, `"$request"`, `"`+line+`"`, want...)
	}
	f(`GET / HTTP/1.1`, `Method="GET"`, `RequestTarget="/"`, `Protocol="HTTP/1.1"`)
	f(`GET /a?b=c%20d HTTP/2.0`, `Method="GET"`, `RequestTarget="/a?b=c%20d"`, `Protocol="HTTP/2.0"`)
	f(`GET / HTTP/3.0`, `Method="GET"`, `RequestTarget="/"`, `Protocol="HTTP/3.0"`)
	f(`VERSION-CONTROL /x HTTP/1.0`, `Method="VERSION-CONTROL"`, `RequestTarget="/x"`, `Protocol="HTTP/1.0"`)
	f(`M_SEARCH * HTTP/1.1`, `Method="M_SEARCH"`, `RequestTarget="*"`, `Protocol="HTTP/1.1"`)
	f(`OPTIONS * HTTP/1.1`, `Method="OPTIONS"`, `RequestTarget="*"`, `Protocol="HTTP/1.1"`)
	f(`CONNECT example.com:443 HTTP/1.1`, `Method="CONNECT"`, `RequestTarget="example.com:443"`, `Protocol="HTTP/1.1"`)
	f(`GET http://example.com/x HTTP/1.1`, `Method="GET"`, `RequestTarget="http://example.com/x"`, `Protocol="HTTP/1.1"`)

	// HTTP/0.9 has no protocol.
	f(`GET /`, `Method="GET"`, `RequestTarget="/"`)
	f(`GET /a  `, `Method="GET"`, `RequestTarget="/a"`)

	// Spaces in the target, around it, and behind the protocol.
	f(`GET /a b HTTP/1.1`, `Method="GET"`, `RequestTarget="/a b"`, `Protocol="HTTP/1.1"`)
	f(`GET /a HTTP/1.1 HTTP/1.1`, `Method="GET"`, `RequestTarget="/a HTTP/1.1"`, `Protocol="HTTP/1.1"`)
	f(`GET   /a   HTTP/1.1`, `Method="GET"`, `RequestTarget="/a"`, `Protocol="HTTP/1.1"`)
	f(`GET / HTTP/1.1  `, `Method="GET"`, `RequestTarget="/"`, `Protocol="HTTP/1.1"`)

	// Escapes.
	f(`GET /\x22\x5C\xC3\xA9 HTTP/1.1`, `Method="GET"`, `RequestTarget="/\"\\é"`, `Protocol="HTTP/1.1"`)

	// No request lines: a health check, a TLS hello, a PROXY protocol header.
	f(`-`)
	f(``)
	f(`\x00`, `BadRequest="\x00"`)
	f(`\x16\x03\x01\x00\xA5\x01`, `BadRequest="\x16\x03\x01\x00\xa5\x01"`)
	f(`PROXY TCP4 198.51.100.1 192.0.2.1 1 2`, `BadRequest="PROXY TCP4 198.51.100.1 192.0.2.1 1 2"`)
	f(`PROXY UNKNOWN`, `BadRequest="PROXY UNKNOWN"`)
	f(`\x0D\x0A\x0D\x0A\x00\x0D\x0AQUIT\x0A`, `BadRequest="\r\n\r\n\x00\r\nQUIT\n"`)
	f(`get / HTTP/1.1`, `BadRequest="get / HTTP/1.1"`)
	f(`GET`, `BadRequest="GET"`)
	f(`GET `, `BadRequest="GET "`)
	f(` GET / HTTP/1.1`, `BadRequest=" GET / HTTP/1.1"`)
	f(`GET /a b`, `BadRequest="GET /a b"`)
	f(`GET HTTP/1.1`, `BadRequest="GET HTTP/1.1"`)
	f(`GET / HTTP/`, `BadRequest="GET / HTTP/"`)
	f(`GET / HTTP/1.x`, `BadRequest="GET / HTTP/1.x"`)
	f(`GET / HTTPS/1.1`, `BadRequest="GET / HTTPS/1.1"`)
}

func TestParseEscapes(t *testing.T) {
	f := func(escape, value, want string) {
		t.Helper()
		checkParse(t, `log_format x escape=`+escape+` '"$http_referer"';`, `"`+value+`"`, `Referer=`+want)
	}
	f("default", `a\x22b`, `"a\"b"`)
	f("default", `\x5Cx22`, `"\\x22"`)
	f("default", `\x00\x0A\x1F\x7F\xFF`, `"\x00\n\x1f\x7f\xff"`)
	f("default", `\xE2\x82\xAC`, `"€"`)
	f("default", `\xe2\x82\xac`, `"€"`)
	f("default", `\n\t\`, `"\\n\\t\\"`) // not nginx's: kept as it is
	f("default", `\x4`, `"\\x4"`)
	f("default", `\xZZ\x4Z`, `"\\xZZ\\x4Z"`)
	f("default", "\xff€", `"\xff€"`)

	f("json", `a\"b\\c`, `"a\"b\\c"`)
	f("json", `\n\r\t\b\f\/`, `"\n\r\t\b\f/"`)
	f("json", `\u0000\u001B\u001b`, `"\x00\x1b\x1b"`)
	f("json", `\\u0041`, `"\\u0041"`)
	f("json", `\\`, `"\\"`)
	f("json", `\\\"`, `"\\\""`)
	f("json", `\u00`, `"\\u00"`)
	f("json", `\u00zz`, `"\\u00zz"`)
	f("json", `\q\x22`, `"\\q\\x22"`)
	f("json", "\xff\x7f€", `"\xff\x7f€"`) // nginx lets bytes from 0x7F through

	f("none", `a\x22\"b\`, `"a\\x22\\\"b\\"`)
	f("none", "\x00\xff", `"\x00\xff"`)

	checkMismatch(t, `log_format j escape=json '"$http_referer"';`, `"§a\"`, "http_referer", noEnd)
	checkMismatch(t, `log_format j escape=json '"$http_referer"';`, `"§a\\\"`, "http_referer", noEnd)
	checkMismatch(t, `log_format j escape=json '"$http_referer"';`, `"a\\"§"`, "", goesOn)
}

// A value can contain the text that ends it, if nothing escapes that text.
func TestParseOpenValues(t *testing.T) {
	f := func(format, line string, want ...string) {
		t.Helper()
		checkParse(t, format, line, want...)
	}
	const rest = `[22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-"`
	user := func(name, want string) {
		t.Helper()
		f("combined", "::1 - "+name+" "+rest, "Time=2026-11-22T11:00:24.000Z", `RemoteAddr="::1"`, "RemoteUser="+want,
			`Method="GET"`, `RequestTarget="/"`, `Protocol="HTTP/1.1"`, "Status=200", "BodyBytesSent=3")
	}
	user(`a b`, `"a b"`)
	user(`a - b`, `"a - b"`)
	user(` `, `" "`)
	user(`a [b] `, `"a [b] "`)
	user(`a [- [`, `"a [- ["`)
	user(`a [01/Jan/2020:00:00:00 +0000]`, `"a [01/Jan/2020:00:00:00 +0000]"`)
	user(`[01/Jan/2020:00:00:00 +0000] \x22GET / HTTP/1.1\x22 200 3 \x22-\x22 \x22-\x22`,
		`"[01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 200 3 \"-\" \"-\""`)
	user(`a [99/Jan/2020:00:00:00 +0000]`, `"a [99/Jan/2020:00:00:00 +0000]"`)

	// The shape that counts is that of all that follows, not only of the next.
	f(`$remote_user [$time_local] $status $host`, `x [01/Jan/2020:00:00:00 +0000] 200 [22/Nov/2026:11:00:24 +0000] 404 h`,
		"Time=2026-11-22T11:00:24.000Z", `RemoteUser="x [01/Jan/2020:00:00:00 +0000] 200"`, `Host="h"`, "Status=404")
	f(`$http_user_agent $status $request_time`, `Mozilla/5.0 (X11; Linux 6 1) 5 0.1x 200 0.001`,
		"Status=200", "RequestTime=1000000", `UserAgent="Mozilla/5.0 (X11; Linux 6 1) 5 0.1x"`)
	f(`$http_user_agent $host:$server_port`, `Mozilla/5.0 (a: b) example.com:80`,
		`Host="example.com"`, "ServerPort=80", `UserAgent="Mozilla/5.0 (a: b)"`)
	f(`$http_user_agent|$http_referer|$status`, `a|b|c|200`, "Status=200", `Referer="b|c"`, `UserAgent="a"`) // the first that fits
	f(`$http_x_forwarded_for $status`, `1.1.1.1, 2.2.2.2,3.3.3.3 200`, `XForwardedFor="1.1.1.1, 2.2.2.2,3.3.3.3"`, "Status=200")
	f(`$http_x_forwarded_for - $http_x_real_ip`, `1.1.1.1, 2.2.2.2 - 2.2.2.2`, `XForwardedFor="1.1.1.1, 2.2.2.2"`, `XRealIP="2.2.2.2"`)
	f(`$http_x_forwarded_for - $http_x_real_ip`, `- - -`)
	f(`$status $http_user_agent`, `200 a 200 b`, "Status=200", `UserAgent="a 200 b"`)
	f(`$http_user_agent|`, `a|b|`, `UserAgent="a|b"`)
	f(`log_format x escape=none '"$http_user_agent" $status';`, `"a" b" 200`, "Status=200", `UserAgent="a\" b"`)
	f(`log_format x escape=none '$http_user_agent $proxy_protocol_port $status';`, `a  200`, "Status=200", `UserAgent="a"`)
	f(`log_format x escape=json '$http_user_agent $status "$http_referer"';`, `a\" 1 200 "\" 2 "`, "Status=200", `Referer="\" 2 "`, `UserAgent="a\" 1"`)

	// An IPv6 address before a colon, as "$remote_addr:$remote_port" writes it.
	f(`pp=$proxy_protocol_addr:$proxy_protocol_port pps=$server_addr:$server_port`, `pp=2001:db8::10:53054 pps=::1:80`,
		`ProxyProtocolAddr="2001:db8::10"`, `ProxyProtocolPort=53054`, `ServerPort=80`, `Extra.proxy_protocol_port="53054"`, `Extra.server_addr="::1"`)
	f(`$remote_addr:$remote_port`, `192.0.2.1:8080`, `RemoteAddr="192.0.2.1"`, `RemotePort=8080`)
	f(`$proxy_protocol_addr:$proxy_protocol_port`, `-:-`)
	f(`$remote_addr-$status`, `unix:-200`, `RemoteAddr="unix:"`, "Status=200")

	f(`$http_a $http_b-$status`, `0 ---`, `Extra.http_a="0"`)

	// Bytes that the escape leaves in no value end one for sure.
	f("$http_user_agent\t$http_referer\t$status", "a b\tc\t200", "Status=200", `Referer="c"`, `UserAgent="a b"`)
	f("$http_user_agent · $http_referer", `a \xC2\xB7 b · c`, `Referer="c"`, `UserAgent="a · b"`)

	g := func(format, marked, variable, reason string) {
		t.Helper()
		checkMismatch(t, format, marked, variable, reason)
	}
	g(`$remote_user [$time_local] x`, `a b [§29/Feb/2023:00:00:00 +0000] x`, "time_local", notTime)
	g(`$http_user_agent $host:$server_port.`, `a b c:1 d:2 §e`, "host", noEnd)
	g("$http_user_agent\t$status x", "a\t§b\t200 x", "status", noEnd)
}

func TestParseUpstream(t *testing.T) {
	f := func(format, line string, want ...string) {
		t.Helper()
		checkParse(t, format, line, want...)
	}
	const quoted = `"$upstream_addr" "$upstream_status" "$upstream_response_time"`
	f(quoted, `"10.0.0.1:80" "200" "0.001"`, `Upstream[0]={Address="10.0.0.1:80" Status=200 ResponseTime=1000000}`)
	f(quoted, `"10.0.0.1:80, 10.0.0.2:80" "502, 200" "0.001, 0.002"`,
		`Upstream[0]={Address="10.0.0.1:80" Status=502 ResponseTime=1000000}`, `Upstream[1]={Address="10.0.0.2:80" Status=200 ResponseTime=2000000}`)
	f(quoted, `"10.0.0.1:80 : [::1]:80, unix:/run/a" "200 : -, 404" "0.001 : -, -"`,
		`Upstream[0]={Address="10.0.0.1:80" Status=200 ResponseTime=1000000}`, `Upstream[1]={Address="[::1]:80"}`, `Upstream[2]={Address="unix:/run/a" Status=404}`)
	f(quoted, `"backend" "502" "0.000"`, `Upstream[0]={Address="backend" Status=502 ResponseTime=0}`)
	f(quoted, `"a:1 : " "200 : " "0.001 : "`, `Upstream[0]={Address="a:1" Status=200 ResponseTime=1000000}`, `Upstream[1]={}`)
	f(`"$upstream_connect_time" "$upstream_header_time" "$upstream_response_length" "$upstream_bytes_received"`, `"0.001, -" "-, 1.5" "0, 12" "9, 10"`,
		`Upstream[0]={ConnectTime=1000000 ResponseBytes=0}`, `Upstream[1]={HeaderTime=1500000000 ResponseBytes=12}`, `Extra.upstream_bytes_received="9, 10"`)

	// Without quotes.
	const bare = `$upstream_addr $upstream_response_length $upstream_response_time $upstream_status $request_id`
	f(bare, `10.0.0.1:80 3 0.001 200 ab`, `RequestID="ab"`, `Upstream[0]={Address="10.0.0.1:80" Status=200 ResponseTime=1000000 ResponseBytes=3}`)
	f(bare, `10.0.0.1:80, 10.0.0.2:80 : c:1 0, 3 : 0 0.001, - : 2 502, 200 : 404 ab`, `RequestID="ab"`,
		`Upstream[0]={Address="10.0.0.1:80" Status=502 ResponseTime=1000000 ResponseBytes=0}`,
		`Upstream[1]={Address="10.0.0.2:80" Status=200 ResponseBytes=3}`,
		`Upstream[2]={Address="c:1" Status=404 ResponseTime=2000000000 ResponseBytes=0}`)
	f(`$upstream_status-$upstream_response_time.$request_time.$status-$status-$proxy_protocol_port`, `502, 200-0.001, -.0.002.200-200--`,
		"Status=200", "RequestTime=2000000", `Upstream[0]={Status=502 ResponseTime=1000000}`, `Upstream[1]={Status=200}`)
	f(bare, `- - - - ab`, `RequestID="ab"`)
	f(`$upstream_addr,$upstream_status,$status`, `a:1, b:2,502, 200,200`, "Status=200", `Upstream[0]={Address="a:1" Status=502}`, `Upstream[1]={Address="b:2" Status=200}`)
	f(`[$upstream_addr] $status`, `[[::1]:80, [::1]:81] 200`, "Status=200", `Upstream[0]={Address="[::1]:80"}`, `Upstream[1]={Address="[::1]:81"}`)
	f(`$upstream_addr|$status`, `a:1, b:2|200`, "Status=200", `Upstream[0]={Address="a:1"}`, `Upstream[1]={Address="b:2"}`)
	f(`$upstream_addr:$upstream_status`, `10.0.0.1:80:200`, `Upstream[0]={Address="10.0.0.1:80" Status=200}`)
	f(`$upstream_addr - $status`, `a:1, b:2 - 200`, "Status=200", `Upstream[0]={Address="a:1"}`, `Upstream[1]={Address="b:2"}`)
	f(`log_format x escape=none '"$upstream_addr" $status';`, `"a:1, b:2" 200`, "Status=200", `Upstream[0]={Address="a:1"}`, `Upstream[1]={Address="b:2"}`)

	// The status of the cache belongs to the last try. An answer from the cache has
	// no try.
	f(`"$upstream_addr" $upstream_cache_status`, `"a:1, b:2" MISS`, `CacheStatus="MISS"`, `Upstream[0]={Address="a:1"}`, `Upstream[1]={Address="b:2" CacheStatus="MISS"}`)
	f(`"$upstream_addr" $upstream_cache_status`, `"-" HIT`, `CacheStatus="HIT"`, `Upstream[0]={CacheStatus="HIT"}`)
	f(`"$upstream_addr" $upstream_cache_status`, `"-" -`)

	g := func(format, marked, variable, reason string) {
		t.Helper()
		checkMismatch(t, format, marked, variable, reason)
	}
	g(quoted, `"a:1" "§200;404" "0.001"`, "upstream_status", notInt)
	g(quoted, `"a:1" "200" "§0.001 - 0.002"`, "upstream_response_time", notSeconds)
	g(`$upstream_addr|$status`, `§:|200`, "upstream_addr", noEnd)
	g(bare, `a §b`, "upstream_response_length", noEnd)
	g(`"$upstream_addr"`, `"§`+strings.Repeat("a, ", maxTries)+`a"`, "upstream_addr", "more tries than nginx can make")
}

func TestParseExtras(t *testing.T) {
	f := func(format, line string, want ...string) {
		t.Helper()
		checkParse(t, format, line, want...)
	}
	f(`$connection/$connection_requests $pipe "$HTTP_X_Foo" $request_completion`, `17/3 . "a b" OK`,
		`Extra.connection="17"`, `Extra.connection_requests="3"`, `Extra.pipe="."`, `Extra.http_x_foo="a b"`, `Extra.request_completion="OK"`)
	f(`"$cookie_a" "$arg_b" "$my_map"`, `"-" "" "\x22"`, `Extra.arg_b=""`, `Extra.my_map="\""`)
	// No name stands twice in Extra, since each is a key of the event.
	f(`"$http_x_foo" "$http_x_foo"`, `"1" "1"`, `Extra.http_x_foo="1"`)
	f(`"$cookie_a" "$cookie_A" $connection $connection $request_time "$req_id" "$request_id" "$req_id"`, `"1" "1" 7 7 0.5 "x" "y" "x"`,
		`RequestTime=500000000`, `RequestID="y"`, `Extra.cookie_a="1"`, `Extra.connection="7"`, `Extra.req_id="x"`)
	f(`$uri $args`, `/a b=c`, `URI="/a"`, `Args="b=c"`)
	f(`$document_uri $query_string`, `/a b=c`, `URI="/a"`, `Args="b=c"`)
	f(`$binary_remote_addr $status`, `\xC0\x00  200`, "Status=200", `Extra.binary_remote_addr="\xc0\x00 "`)
	f(`$request_method $request_uri $server_protocol $host`, `GET /a HTTP/1.1   h`, `Method="GET"`, `RequestTarget="/a"`, `Protocol="HTTP/1.1  "`, `Host="h"`)
	f(`$scheme $https $ssl_protocol $ssl_cipher $ssl_server_name "$http_host" $server_name "$sent_http_content_type"`,
		`https on TLSv1.3 TLS_AES_128_GCM_SHA256 example.com "example.com:443" _ "text/html; charset=utf-8"`,
		`HTTPHost="example.com:443"`, `ServerName="_"`, `Scheme="https"`, `HTTPS="on"`, `ContentType="text/html; charset=utf-8"`,
		`TLSProtocol="TLSv1.3"`, `TLSCipher="TLS_AES_128_GCM_SHA256"`, `TLSServerName="example.com"`, `Extra.server_name="_"`)

	// A stream block's.
	f(`$protocol $bytes_sent $bytes_received $session_time`, `UDP 3 4 0.005`, `BytesSent=3`, `RequestLength=4`, `RequestTime=5000000`, `Extra.protocol="UDP"`)
	f(`$protocol $status`, `https 200`, `Status=200`, `Extra.protocol="https"`)

	// $proxy_add_x_forwarded_for is X-Forwarded-For with $remote_addr behind it.
	f(`"$proxy_add_x_forwarded_for"`, `"198.51.100.7, 203.0.113.9, 10.16.1.11"`,
		`RemoteAddr="10.16.1.11"`, `XForwardedFor="198.51.100.7, 203.0.113.9"`, `Forwarded="198.51.100.7, 203.0.113.9, 10.16.1.11"`, `Extra.proxy_add_x_forwarded_for="198.51.100.7, 203.0.113.9, 10.16.1.11"`)
	f(`$remote_addr "$proxy_add_x_forwarded_for"`, `10.16.1.11 "10.16.1.11"`, `RemoteAddr="10.16.1.11"`, `Forwarded="10.16.1.11"`, `Extra.proxy_add_x_forwarded_for="10.16.1.11"`)
	f(`$remote_addr [$the_real_ip]`, `10.16.1.11 [203.0.113.9]`, `RemoteAddr="10.16.1.11"`, `XForwardedFor="203.0.113.9"`, `Forwarded="203.0.113.9"`, `Extra.the_real_ip="203.0.113.9"`)
	f(`$remote_addr [$the_real_ip]`, `203.0.113.9 [203.0.113.9]`, `RemoteAddr="203.0.113.9"`, `Forwarded="203.0.113.9"`, `Extra.the_real_ip="203.0.113.9"`)
	f(`[$the_real_ip] $status`, `[203.0.113.9] 200`, `XForwardedFor="203.0.113.9"`, `Forwarded="203.0.113.9"`, `Status=200`, `Extra.the_real_ip="203.0.113.9"`)

	// The VPC endpoint's id, with and without the subtype before it.
	f(`"$proxy_protocol_tlv_0xEA"`, `"\x01vpce-08d2bf15fac5001c9"`, `VPCEndpoint="vpce-08d2bf15fac5001c9"`, `Extra.proxy_protocol_tlv_0xEA="vpce-08d2bf15fac5001c9"`)
	f(`$proxy_protocol_tlv_0xea`, `\x01vpce-0`, `VPCEndpoint="vpce-0"`, `Extra.proxy_protocol_tlv_0xEA="vpce-0"`)
	f(`log_format x escape=json '"$proxy_protocol_tlv_0xEA"';`, `"\u0001vpce-0"`, `VPCEndpoint="vpce-0"`, `Extra.proxy_protocol_tlv_0xEA="vpce-0"`)
	f(`"$proxy_protocol_tlv_0xEA"`, `"vpce-0"`, `VPCEndpoint="vpce-0"`, `Extra.proxy_protocol_tlv_0xEA="vpce-0"`)
	f(`"$proxy_protocol_tlv_0xEA"`, `"-"`)
}

func TestParseMismatch(t *testing.T) {
	f := func(format, marked, variable, reason string) {
		t.Helper()
		checkMismatch(t, format, marked, variable, reason)
	}
	f(`<$status>`, `§`, "", noPrefix)
	f(`<$status>`, `§200>`, "", noPrefix)
	f(`ab$status`, `a§c200`, "", noPrefix)
	f(`<$status>`, `<200>§ x`, "", goesOn)
	f(`"$http_referer"`, `"a"§"`, "", goesOn)
	f(`"$http_referer" "$http_user_agent"`, `"§a"  "b"`, "http_referer", noEnd)
	f(`"$http_referer"`, `"§a`, "http_referer", noEnd)
	f(`$host`, `a§ b`, "", goesOn)
	f(`$host x`, `§`, "host", noEnd)
	f("combined", `§`, "remote_addr", noEnd)
	f("combined", `§/docker-entrypoint.sh: Configuration complete; ready for start up`, "remote_addr", noEnd)
	f("combined", `§2026/11/22 11:00:24 [error] 7#7: *1 connect() failed (111: Connection refused)`, "remote_addr", noEnd)
	f("combined", `::1 - §a 22/Nov/2026:11:00:24 +0000`, "remote_user", noEnd)
	f("combined", `::1 - a [§22/Nov/2026:11:00:24 +0000`, "time_local", noEnd)
	f("combined", `::1 - a [22/Nov/2026:11:00:24 +0000] "§GET / HT`, "request", noEnd)
	f("combined", `::1 - a [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" §abc 3 "-" "-"`, "status", noEnd)
	f("combined", `::1 - a [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-"§ "-"`, "", goesOn)
	f("log_format x escape=json '{\"s\":$status}';", `{"s":200}§,`, "", goesOn)
}

func TestParseNil(t *testing.T) {
	var r record.Record
	if err := mustCompile(t, `$http_referer`).Parse(nil, &r); err != nil {
		t.Fatal(err)
	}
	if r.Access.Referer == nil {
		t.Error("the empty value of an empty line is absent")
	}
}

// After an error, a Record can be used for the next line.
func TestParseAfterMismatch(t *testing.T) {
	f := mustCompile(t, `"$http_referer" "$upstream_addr" "$http_x_foo" $status`)
	var r record.Record
	if err := f.Parse([]byte(`"\x22" "a, b" "c" 2-0`), &r); err == nil {
		t.Fatal("no error")
	}
	r.ResetAccess()
	if got := dump(&r); got != nil {
		t.Errorf("after ResetAccess: %q", got)
	}
	if err := f.Parse([]byte(`"-" "-" "-" 200`), &r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Status=200"}, dump(&r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Values in the scratch space stay valid while later values make it grow.
func TestParseScratch(t *testing.T) {
	var r record.Record
	long := strings.Repeat(`\x22`, 5000)
	line := `"\xC3\xA9" "` + long + `" "\x22"`
	if err := mustCompile(t, `"$http_referer" "$http_user_agent" "$http_x_real_ip"`).Parse([]byte(line), &r); err != nil {
		t.Fatal(err)
	}
	if got := string(r.Access.Referer); got != "é" {
		t.Errorf("Referer is %q", got)
	}
	if got := string(r.Access.UserAgent); got != strings.Repeat(`"`, 5000) {
		t.Errorf("UserAgent is %d bytes: %.20q…", len(got), got)
	}
	if got := string(r.Access.XRealIP); got != `"` {
		t.Errorf("XRealIP is %q", got)
	}
	r.Access.Referer = append(r.Access.Referer, "overwritten"...)
	if got := r.Access.UserAgent[0]; got != '"' {
		t.Errorf("appending to one value wrote %q into the next", got)
	}
}

func TestFormatWithManyVariables(t *testing.T) {
	n := usualVariables + 7
	names := make([]string, n)
	values := make([]string, n)
	for i := range n {
		names[i], values[i] = fmt.Sprintf(`"$http_x_foo_%d"`, i), `"a"`
	}
	var r record.Record
	if err := mustCompile(t, strings.Join(names, " ")).Parse([]byte(strings.Join(values, " ")), &r); err != nil {
		t.Fatal(err)
	}
	if got := len(r.Access.Extra); got != n {
		t.Errorf("%d values, want %d", got, n)
	}
}

func TestLogged(t *testing.T) {
	f := func(format string, want record.Logged) {
		t.Helper()
		// The bits that the record does not name are used by this package only.
		const public = record.LoggedStatus<<1 - 1
		if got := mustCompile(t, format).Logged() & public; got != want {
			t.Errorf("%s: logged %b, want %b", format, got, want)
		}
	}
	f("$bytes_sent", 0)
	f("$remote_addr", record.LoggedRemoteAddr)
	f("$Realip_Remote_Addr", record.LoggedRealipRemoteAddr)
	f("$request_method", 0)
	f("$request_method $request_uri", record.LoggedRequest)
	f("$uri $request_method", record.LoggedRequest)
	f("main_real_ip", record.LoggedRemoteAddr|record.LoggedRequest|record.LoggedStatus|record.LoggedUserAgent|record.LoggedXForwardedFor|record.LoggedXRealIP)

	var r record.Record
	if err := mustCompile(t, "$remote_addr").Parse([]byte("-"), &r); err != nil {
		t.Fatal(err)
	}
	if !r.Access.Logged.Has(record.LoggedRemoteAddr) || r.Access.RemoteAddr != nil {
		t.Error("a variable that was logged without a value is not told from one that was not logged")
	}
}

// The time for hostile lines is in proportion to their length. Lines of this size
// take milliseconds. In quadratic time they would take many minutes.
func TestHostileLinesAreLinear(t *testing.T) {
	const size = 1 << 20
	f := func(format, head, fill, tail string) {
		t.Helper()
		compiled := mustCompile(t, format)
		line := []byte(head + strings.Repeat(fill, size/len(fill)) + tail)
		done := make(chan error, 1)
		go func() {
			var r record.Record
			done <- compiled.Parse(line, &r)
		}()
		select {
		case err := <-done:
			if err == nil {
				t.Errorf("%s: a line of %q was read", format, fill)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s: a line of %q takes more than a minute", format, fill)
		}
	}
	const start = "::1 - "
	f("combined", start, " [", "")
	f("combined", start, " [01/Jan/2020:00:00:00 +0000]", "")
	f("combined", start, ` [01/Jan/2020:00:00:00 +0000] "`, "")
	f("combined", "", " - ", "")
	f("combined", "", " - [", `"`)
	f("clearhop", start, `" `, "")
	f(`$http_user_agent [$host~`, "", " [", "") // the text that is missing is sought once
	f(`$http_user_agent [$host~`, "", " [a", "~ x")
	f(`$http_user_agent:$host $status`, "", "a:", " x")    // one word, many places in it
	f(`$http_user_agent:$host:$server_port`, "", "a:", "") // and two values that may end at each
	f(`$http_user_agent:$host:$server_port:$status`, "", "1:", "x 1:1:")
	f(`$http_user_agent:$http_referer"$status"`, "", "a:", `"x"`)
	f(`$http_user_agent $upstream_addr;`, "", "a, ", "") // a list that starts at each item
	f(`$http_user_agent $upstream_status $status`, "", "1, ", "x")
	f(`$http_user_agent $upstream_addr|$status`, "", "a|, ", "")
	f(`$http_user_agent $upstream_addr;`, "", "a : ", "")
	f(`$http_user_agent $upstream_addr;`, "", ": ", "")
	f(`$http_user_agent $upstream_addr;`, "", "a :  : ", "")
	f(`$http_user_agent:$upstream_addr;`, "", ":", ", a")
	f(`${http_user_agent}1$status x`, "", "1", "")
	f(`${http_user_agent}1$upstream_status x`, "", "1", "")
	f(`$http_a $http_b $http_c $http_d $status.`, "", "1 ", "")
	f(`$http_a $host-$host-$host-$status.`, "", "1-", "")
	f(`log_format x escape=json '$http_a:"$http_b" $status';`, "", `\:\"`, "")
	f(`log_format x escape=json '$http_a:$http_b"$status';`, "", `\":`, `"x`)
	f(`log_format x escape=json '"$http_a" $status';`, `"`, `\\`, `\"`)
	f(`log_format x escape=none '"$http_a" "$http_b" $status';`, `"`, `" `, `x`)
}

func TestLongLine(t *testing.T) {
	const size = 1 << 20
	var r record.Record
	for _, fill := range []string{"a", `\x22`, " ", " [", " - ", "%20"} {
		user := strings.Repeat(fill, size/len(fill))
		line := []byte("::1 - " + user + ` [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-"`)
		r.Reset()
		if err := mustCompile(t, "combined").Parse(line, &r); err != nil {
			t.Fatalf("filled with %q: %v", fill, err)
		}
		if want := appendUnescaped(nil, []byte(user)); !bytes.Equal(r.Access.RemoteUser, want) {
			t.Errorf("filled with %q: the user is %d bytes, want %d", fill, len(r.Access.RemoteUser), len(want))
		}
	}
}
