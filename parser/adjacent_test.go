package parser

import (
	"strings"
	"testing"

	"clearhop/record"
)

// Variables with nothing between them are separated where the next one begins.
func TestAdjacentVariables(t *testing.T) {
	f := func(format, line, want string) {
		t.Helper()
		var r record.Record
		if err := mustCompile(t, format).Parse([]byte(line), &r); err != nil {
			t.Errorf("%s: %q: %v", format, line, err)
			return
		}
		if got := strings.Join(dump(&r), " "); got != want {
			t.Errorf("%s: %q\n got %s\nwant %s", format, line, got, want)
		}
	}
	const url = `"$scheme://$host$request_uri" $status`
	f(url, `"https://www.example.com/a?b=/c" 200`, `RequestTarget="/a?b=/c" Host="www.example.com" Scheme="https" Status=200`)
	f(url, `"http://[2001:db8::1]/" 200`, `RequestTarget="/" Host="[2001:db8::1]" Scheme="http" Status=200`)
	f(url, `"http://www.example.com-" 400`, `Host="www.example.com" Scheme="http" Status=400`)
	f(url, `"http://www.example-shop.com-" 400`, `Host="www.example-shop.com" Scheme="http" Status=400`)
	f(url, `"http://--" 400`, `Scheme="http" Status=400`)
	f(url, `"http://www.example.com*" 200`, `RequestTarget="*" Host="www.example.com" Scheme="http" Status=200`)
	f(url, `"http://www.example.comhttp://other.example/a" 200`, `RequestTarget="http://other.example/a" Host="www.example.com" Scheme="http" Status=200`)
	f(url, `"http://http.example.com/a" 200`, `RequestTarget="/a" Host="http.example.com" Scheme="http" Status=200`)
	f(url, `"http://www.example.com/a b\x22" 200`, `RequestTarget="/a b\"" Host="www.example.com" Scheme="http" Status=200`)

	f(`$host:$server_port$request_uri`, `[2001:db8:10:20::1]:8443/a:1/b`, `RequestTarget="/a:1/b" Host="[2001:db8:10:20::1]" ServerPort=8443`)
	f(`$host:$server_port$request_uri`, `h:80-`, `Host="h" ServerPort=80`)
	f(`$server_port$request_uri`, `8443/a`, `RequestTarget="/a" ServerPort=8443`)
	f(`$server_port$request_uri`, `8443-`, `ServerPort=8443`)
	f(`$server_port$request_uri`, `-/a`, `RequestTarget="/a"`)
	f(`$server_name$request_uri`, `_/a`, `RequestTarget="/a" ServerName="_" Extra.server_name="_"`)
	f(`$http_host$request_uri $status`, `h:8080/a 200`, `RequestTarget="/a" HTTPHost="h:8080" Status=200`)
	f(`$remote_addr$uri $status`, `2001:db8::1/a b 200`, `RemoteAddr="2001:db8::1" URI="/a b" Status=200`)
	f(`$status$request_method$request_uri`, `200M-SEARCH/a`, `Method="M-SEARCH" RequestTarget="/a" Status=200`)
	f(`$request_time$scheme|`, `0.012https|`, `Scheme="https" RequestTime=12000000`)
	f(`$status$server_protocol`, `200HTTP/1.1`, `Protocol="HTTP/1.1" Status=200`)

	// For a request line that nginx cannot read, $uri is empty.
	f(`"$host$uri" "$http_referer"`, `"www.example.com" "/"`, `URI="" Host="www.example.com" Referer="/"`)

	const path = `"$request_method $uri$is_args$args $server_protocol"`
	f(path, `"GET /a?c=1?d HTTP/1.1"`, `Method="GET" URI="/a" Args="c=1?d" Protocol="HTTP/1.1" Extra.is_args="?"`)
	f(path, `"GET /a b?c=1 HTTP/1.1"`, `Method="GET" URI="/a b" Args="c=1" Protocol="HTTP/1.1" Extra.is_args="?"`)
	f(path, `"GET /a b- HTTP/1.1"`, `Method="GET" URI="/a b" Protocol="HTTP/1.1" Extra.is_args=""`)
	f(path, `"GET /a-- HTTP/1.1"`, `Method="GET" URI="/a-" Protocol="HTTP/1.1" Extra.is_args=""`)
	f(path, `"GET /a HTTP/1.1"`, `Method="GET" URI="/a" Args="" Protocol="HTTP/1.1" Extra.is_args=""`)
	f(`$uri$is_args$args $status`, `-- 400`, `Status=400 Extra.is_args=""`)
	f(`$host$uri$is_args$args`, `h/a?b`, `URI="/a" Args="b" Host="h" Extra.is_args="?"`)
	f(`$host$uri$is_args$args`, `h/-`, `URI="/" Host="h" Extra.is_args=""`)

	f(`log_format j escape=json '{"url":"$scheme://$host$request_uri","st":$status}';`,
		`{"url":"https://h/a?q=\"x\"\\","st":200}`, `RequestTarget="/a?q=\"x\"\\" Host="h" Scheme="https" Status=200`)
	f(`log_format j escape=json '{"url":"$host$request_uri","st":$status}';`, `{"url":"h","st":400}`, `Host="h" Status=400`)
	f(`log_format j escape=json '{"url":"$uri$is_args$args","st":$status}';`, `{"url":"/a?","st":200}`, `URI="/a" Status=200 Extra.is_args="?"`)
	f(`log_format j escape=json '{"url":"$uri$is_args$args","st":$status}';`, `{"url":"/a","st":200}`, `URI="/a" Status=200`)
}

// A value that does not begin as it must is not taken for one.
func TestAdjacentMismatch(t *testing.T) {
	f := func(format, line string) {
		t.Helper()
		var r record.Record
		if err := mustCompile(t, format).Parse([]byte(line), &r); err == nil {
			t.Errorf("%s: %q is read as %q", format, line, dump(&r))
		}
	}
	f(`"$host$request_uri" $status`, `"www.example.com 200`)
	f(`$server_port$request_uri`, `80a`)
	f(`$status$scheme`, `200ftp`)
}
