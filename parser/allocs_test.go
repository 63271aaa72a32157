package parser

import (
	"fmt"
	"strings"
	"testing"

	"clearhop/record"
)

// usualLines are ordinary lines, one for each built-in format and for formats that
// are read in other ways.
var usualLines = []struct{ name, format, line string }{
	{"combined", "combined", usualCombined},
	{"main", "main", usualCombined + ` "198.51.100.7, 10.16.1.11"`},
	{"main_real_ip", "main_real_ip", usualCombined + ` "198.51.100.7, 10.16.1.11" "198.51.100.7"`},
	{"clearhop", "clearhop", usualCombined + ` "198.51.100.7, 10.16.1.11" "198.51.100.7" 10.16.1.11 203.0.113.9 "www.example.com"` +
		` 5c8f3a0be1d24796b8c0d1e2f3a4b5c6 1795345224.007 0.012 812 https "10.16.2.4:8080, 10.16.2.5:8080" "502, 200" "0.001, 0.010"`},
	{"escapes", "combined", `203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET /caf\xC3\xA9?q=\x22a\x22 HTTP/1.1" 200 5120 ` +
		`"https://www.example.com/\xE2\x82\xAC" "Mozilla/5.0 (\xE6\x97\xA5\xE6\x9C\xAC)"`},
	{"json", `log_format j escape=json '{"t":"$time_iso8601","a":"$remote_addr","r":"$request","s":$status,"b":$body_bytes_sent,"f":"$http_referer","u":"$http_user_agent"}';`,
		`{"t":"2026-11-22T11:00:24+00:00","a":"203.0.113.9","r":"GET /assets/app.3f9a.css?v=2 HTTP/1.1","s":200,"b":5120,"f":"https://www.example.com/a/b","u":"say \"Mozilla\""}`},
	{"unquoted", `$remote_addr $remote_user $time_iso8601 $status $http_user_agent $request_time $upstream_addr $upstream_status $http_x_foo`,
		`203.0.113.9 - 2026-11-22T11:00:24+00:00 200 Mozilla/5.0 (X11; Linux x86_64) 12 Firefox/128.0 0.012 10.16.2.4:8080, 10.16.2.5:8080 502, 200 a b`},
	{"url", `$remote_addr [$time_local] "$request_method $scheme://$host:$server_port$request_uri $server_protocol" $status "$uri$is_args$args"`,
		`203.0.113.9 [22/Nov/2026:11:00:24 +0000] "GET https://www.example.com:8443/assets/app.3f9a.css?v=2 HTTP/1.1" 200 "/assets/app.3f9a.css?v=2"`},
	{"basic", "basic", `203.0.113.9 [22/Nov/2026:11:00:24 +0000] TCP 200 8743 944 0.473`},
	{"ingress_2019", "ingress_2019", `10.244.0.1 - [203.0.113.9] - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "x" 81 0.012 [a] [] 10.16.2.4:8080 17 0.016 200 5c8f`},
}

const usualCombined = `203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET /assets/app.3f9a.css?v=2 HTTP/1.1" 200 5120 ` +
	`"https://www.example.com/a/b" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"`

func TestParseAllocatesNothing(t *testing.T) {
	for _, c := range usualLines {
		t.Run(c.name, func(t *testing.T) {
			f := mustCompile(t, c.format)
			line := []byte(c.line)
			var r record.Record
			parse := func() {
				r.Reset()
				if err := f.Parse(line, &r); err != nil {
					t.Fatal(err)
				}
			}
			parse() // the Record allocates its memory once
			if n := testing.AllocsPerRun(100, parse); n != 0 {
				t.Errorf("%v allocations a line", n)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for _, c := range usualLines {
		b.Run(c.name, func(b *testing.B) {
			f := mustCompile(b, c.format)
			line := []byte(c.line)
			var r record.Record
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				r.Reset()
				if err := f.Parse(line, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The Set finds the format of a line of another format. This costs the errors of the
// formats before it.
func BenchmarkParseSetFallsOver(b *testing.B) {
	s, err := newSet(Auto)
	if err != nil {
		b.Fatal(err)
	}
	lines := [2][]byte{[]byte(usualLines[0].line), []byte(usualLines[3].line)}
	var r record.Record
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Reset()
		if err := s.Parse(lines[i%2], &r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseOfTen is what a line costs of which ten formats are known: one in the first
// format, one in the last, and one in none, as an attacker can send. Formats that are named
// are tried in their order for each line.
func BenchmarkParseOfTen(b *testing.B) {
	var texts []string
	for i := range 10 {
		texts = append(texts, strings.ReplaceAll(`$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" fN`, "fN", fmt.Sprint("f", i)))
	}
	s, err := newSet(texts...)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name, end string
		fails     bool
	}{{"first", " f0", false}, {"last", " f9", false}, {"none", " f", true}} {
		b.Run(c.name, func(b *testing.B) {
			line := []byte(usualLines[0].line + c.end)
			var r record.Record
			b.ReportAllocs()
			for b.Loop() {
				r.Reset()
				if err := s.Parse(line, &r); (err != nil) != c.fails {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := Compile(Recommended); err != nil {
			b.Fatal(err)
		}
	}
}
