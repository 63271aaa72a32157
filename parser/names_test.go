package parser

import (
	"strings"
	"testing"

	"clearhop/record"
)

// Names that published JSON and LTSV formats share.
func TestPublishedNames(t *testing.T) {
	f := func(name, line, want string) {
		t.Helper()
		s, err := newSet(Auto)
		if err != nil {
			t.Fatal(err)
		}
		var r record.Record
		if err := s.Parse([]byte(line), &r); err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if got := strings.Join(dump(&r), " "); got != want {
			t.Errorf("%s: %s\n got %s\nwant %s", name, line, got, want)
		}
	}
	const request = `"request_method":"GET","request_uri":"/a","status":200`
	const read = `Method="GET" RequestTarget="/a" `
	f("host is the server's address", `{"clientip":"203.0.113.9","host":"10.252.1.1","domain":"www.example.com",`+request+`}`,
		`RemoteAddr="203.0.113.9" `+read+`Host="www.example.com" Status=200 Extra.host="10.252.1.1"`)
	f("host is the client's", `{"host":"203.0.113.9","vhost":"www.example.com",`+request+`}`,
		`RemoteAddr="203.0.113.9" `+read+`Host="www.example.com" Status=200`)
	f("host is $host, an address", `{"remote_addr":"203.0.113.9","host":"10.1.1.1","http_host":"10.1.1.1",`+request+`}`,
		`RemoteAddr="203.0.113.9" `+read+`Host="10.1.1.1" HTTPHost="10.1.1.1" Status=200`)
	f("host is $host, a name", `{"remote_addr":"203.0.113.9","host":"www.example.com","vhost":"main",`+request+`}`,
		`RemoteAddr="203.0.113.9" `+read+`Host="www.example.com" Status=200 Extra.vhost="main"`)
	f("client_ip beside the peer", `{"client_ip":"198.51.100.7, 203.0.113.9","remote_ip":"10.16.1.11",`+request+`}`,
		`RemoteAddr="10.16.1.11" XForwardedFor="198.51.100.7, 203.0.113.9" `+read+`Status=200`)
	f("client_ip and X-Forwarded-For", `{"client_ip":"198.51.100.7","remote_addr":"10.16.1.11","http_x_forwarded_for":"203.0.113.9",`+request+`}`,
		`RemoteAddr="10.16.1.11" XForwardedFor="203.0.113.9" `+read+`Status=200 Extra.client_ip="198.51.100.7"`)
	f("client_ip alone", `{"client_ip":"203.0.113.9",`+request+`}`, `RemoteAddr="203.0.113.9" `+read+`Status=200`)
	f("response_time beside $request_time", `{"remote_addr":"::1","request_time":0.02,"response_time":0.01,`+request+`}`,
		`RemoteAddr="::1" `+read+`Status=200 RequestTime=20000000 Extra.response_time="0.01"`)
	f("httpRequest of GCP", `{"httpRequest":{"requestMethod":"GET","requestUrl":"https://h/a","requestSize":"99","status":200,"responseSize":"17","userAgent":"curl/8",`+
		`"remoteIp":"203.0.113.9","referer":"http://x/","latency":"0.123s","protocol":"HTTP/1.1"}}`,
		`RemoteAddr="203.0.113.9" Method="GET" RequestTarget="https://h/a" Protocol="HTTP/1.1" Status=200 BytesSent=17 RequestLength=99 RequestTime=123000000 Referer="http://x/" UserAgent="curl/8"`)
	f("nanoseconds of Datadog", `{"remote_addr":"::1","duration":12000000,`+request+`}`, `RemoteAddr="::1" `+read+`Status=200 RequestTime=12000000`)
	f("seconds", `{"remote_addr":"::1","duration":12,`+request+`}`, `RemoteAddr="::1" `+read+`Status=200 RequestTime=12000000000`)
	f("a unit", `{"remote_addr":"::1","latency":"1.5ms",`+request+`}`, `RemoteAddr="::1" `+read+`Status=200 RequestTime=1500000`)
	f("no unit", `{"remote_addr":"::1","latency":"1.5",`+request+`}`, `RemoteAddr="::1" `+read+`Status=200 Extra.latency="1.5"`)
	f("Traefik", `{"ClientAddr":"203.0.113.9:4711","ClientHost":"203.0.113.9","DownstreamStatus":200,"DownstreamContentSize":17,"Duration":1234567,"RequestMethod":"GET","RequestPath":"/a"}`,
		`RemoteAddr="203.0.113.9" `+read+`Status=200 BodyBytesSent=17 RequestTime=1234567 Extra.ClientAddr="203.0.113.9:4711"`)
	f("Kong", `{"client_ip":"203.0.113.9","latencies":{"request":12},"request":{"method":"GET","uri":"/a","size":99,"headers":{"user-agent":"curl/8","host":"h"}},"response":{"status":200,"size":17}}`,
		`RemoteAddr="203.0.113.9" `+read+`Host="h" Status=200 BodyBytesSent=17 RequestLength=99 RequestTime=12000000 UserAgent="curl/8"`)
	f("LTSV", "time:[22/Nov/2026:11:00:24 +0000]\thost:10.16.1.11\tforwardedfor:203.0.113.9\treq:GET /a HTTP/1.1\tstatus:200\tsize:17\treferer:-\tua:say \\x22hi\\x22\tvhost:h\treqtime_microsec:1200\tcache:HIT",
		`Time=2026-11-22T11:00:24.000Z RemoteAddr="10.16.1.11" XForwardedFor="203.0.113.9" Method="GET" RequestTarget="/a" Protocol="HTTP/1.1" Host="h" Status=200 BodyBytesSent=17 RequestTime=1200000 UserAgent="say \"hi\"" Extra.cache="HIT"`)
	f("LTSV with a client's address beside host", "host:10.16.1.11\tclient_ip:203.0.113.9\treq:GET /a HTTP/1.1\tstatus:200", `RemoteAddr="10.16.1.11" XForwardedFor="203.0.113.9" Method="GET" RequestTarget="/a" Protocol="HTTP/1.1" Status=200`)
	f("LTSV without a vhost", "host:203.0.113.9\treq:GET /a HTTP/1.1\tstatus:200", `RemoteAddr="203.0.113.9" Method="GET" RequestTarget="/a" Protocol="HTTP/1.1" Status=200`)
}

func TestLTSVAllocatesNothing(t *testing.T) {
	format, err := NewLTSV(nil)
	if err != nil {
		t.Fatal(err)
	}
	line := []byte("time:22/Nov/2026:11:00:24 +0000\thost:10.16.1.11\tforwardedfor:203.0.113.9\treq:GET /a HTTP/1.1\tstatus:200\tcache:HIT")
	var r record.Record
	parse := func() {
		r.Reset()
		if err := format.Parse(line, &r); err != nil {
			t.Fatal(err)
		}
	}
	parse()
	if n := testing.AllocsPerRun(100, parse); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}

// Lines with tabs that are not of an access log are not LTSV.
func TestNoLTSV(t *testing.T) {
	format, err := NewLTSV(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"", "a:b", "time:1\thost:x", "a\tb\tc", "host:::1\tstatus:200\tno label", "a:1\tb:2\tc:3"} {
		var r record.Record
		if err := format.Parse([]byte(line), &r); err == nil {
			t.Errorf("%q is read as %q", line, dump(&r))
		}
	}
}
