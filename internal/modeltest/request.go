package modeltest

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// A Kind is what becomes of a request.
type Kind uint8

// The kinds of requests.
const (
	Ordinary    Kind = iota // answered by the web nginx, logged by both
	NotFound                // the web nginx serves files, and there is none
	NoUpstream              // the edge cannot reach the web nginx
	Refused                 // the edge refuses it while it reads the request
	Probe                   // a health check of the NLB: the edge answers
	NotListened             // the NLB sends the PROXY protocol, and the edge does not expect it
	NotSent                 // the edge expects the PROXY protocol, and nobody sends it
)

// A Request is what one visitor sends.
type Request struct {
	Visitor
	Kind                       Kind
	At                         time.Time
	Number                     int    // of the request, for ids
	Path                       string // without its percent-encoding
	Query                      string
	Garbage                    string // of a refused request: what stands in the place of the request line
	Agent, Referer, User, Host string
	// Head is what an nginx that waits for the PROXY protocol prints of the request:
	// nginx before 1.23.2 the first 107 bytes with their line breaks, others the first line.
	Head string
}

// A Line is one line of a log, and what is known of it.
type Line struct {
	Text    string
	Hop     int        // 0 is the edge, 1 the web nginx
	IsError bool       // it is of the error log
	IsInner bool       // it is not the first line of its record: a visitor wrote it
	Kind    Kind       // of the request
	Visitor netip.Addr // who caused it; of a probe the zero Addr
	Shows   string     // $remote_addr
	Edge    Hop        // what the edge logs of the request
}

const errorTime = "2006/01/02 15:04:05"

// maxErrorLine is how long nginx makes an error record at most, without its line break.
const maxErrorLine = 2047

// Lines returns what the chain logs of the request with the format, in the order of time.
func (q *Request) Lines(s Setup, f *Format) []Line {
	edge, web := s.Hops(q.Visitor)
	peer := edge.Realip
	var all []Line
	add := func(hop int, h Hop, status int, request string) {
		values := q.values(hop, h, status, request)
		all = append(all, Line{Text: string(f.AppendLine(nil, values)), Hop: hop, Shows: h.Remote})
	}
	fail := func(hop int, record string) {
		record = record[:min(len(record), maxErrorLine)]
		for i, text := range strings.Split(record, "\n") {
			all = append(all, Line{Text: strings.TrimSuffix(text, "\r"), Hop: hop, IsError: true, IsInner: i > 0})
		}
	}
	switch q.Kind {
	case Ordinary:
		add(1, web, 200, q.line("HTTP/1.0"))
		add(0, edge, 200, q.line("HTTP/1.1"))
	case NotFound:
		fail(1, q.record(`open() "/usr/share/nginx/html`+q.Path+`" failed (2: No such file or directory)`, web, ""))
		add(1, web, 404, q.line("HTTP/1.0"))
		add(0, edge, 404, q.line("HTTP/1.1"))
	case NoUpstream:
		fail(0, q.record("connect() failed (111: Connection refused) while connecting to upstream", edge, "http://10.16.1.14:80"+q.target()))
		add(0, edge, 502, q.line("HTTP/1.1"))
	case Refused:
		// The realip module has not run, and no header may have been read.
		add(0, Hop{Remote: peer, Realip: peer, Proxy: edge.Proxy}, 400, q.Garbage)
	case Probe:
		if s.ProxyProtocol || !s.Preserved {
			add(0, s.Probe(), 200, "GET /healthz HTTP/1.1")
		}
	case NotListened:
		add(0, Hop{Remote: peer, Realip: peer}, 400, "\x00")
	case NotSent:
		fail(0, fmt.Sprintf("%s [error] 29#29: *%d broken header: \"%s\" while reading PROXY protocol, client: %s, server: 0.0.0.0:80",
			q.At.Format(errorTime), q.Number, q.Head, peer))
	}
	for i := range all {
		all[i].Kind, all[i].Edge = q.Kind, edge
		if q.Kind != Probe {
			all[i].Visitor = q.Addr
		}
	}
	return all
}

// target returns the request's target: what nginx does not take as it is, is encoded.
func (q *Request) target() string {
	var b strings.Builder
	for i := range len(q.Path) {
		if c := q.Path[i]; c <= ' ' || c > '~' || strings.IndexByte(`"%?#\`, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	if q.Query != "" {
		b.WriteString("?" + q.Query)
	}
	return b.String()
}

func (q *Request) line(protocol string) string { return "GET " + q.target() + " " + protocol }

// record returns a record of the error log. nginx escapes nothing in it.
func (q *Request) record(message string, h Hop, upstream string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s [error] 29#29: *%d %s, client: %s, server: _, request: \"%s\"", q.At.Format(errorTime), q.Number, message, h.Remote, q.line("HTTP/1.1"))
	if upstream != "" {
		fmt.Fprintf(&b, ", upstream: \"%s\"", upstream)
	}
	fmt.Fprintf(&b, ", host: \"%s\"", q.Host)
	if q.Referer != "" {
		fmt.Fprintf(&b, ", referrer: \"%s\"", q.Referer)
	}
	return b.String()
}

// values returns the variables of a hop. request is its $request.
func (q *Request) values(hop int, h Hop, status int, request string) map[string]string {
	id := fmt.Sprintf("%032x", q.Number)
	v := map[string]string{
		"remote_addr": h.Remote, "realip_remote_addr": h.Realip, "proxy_protocol_addr": h.Proxy,
		"http_x_forwarded_for": h.XFF, "http_x_real_ip": h.XRI, "the_real_ip": h.Remote,
		"time_local": q.At.Format("02/Jan/2006:15:04:05 -0700"), "time_iso8601": q.At.Format("2006-01-02T15:04:05-07:00"),
		"msec":    fmt.Sprintf("%d.%03d", q.At.Unix(), q.Number%1000),
		"request": request, "status": fmt.Sprint(status), "body_bytes_sent": "3", "bytes_sent": "170", "request_length": "127",
		"request_time": "0.012", "request_id": id, "req_id": id, "pipe": ".", "connection": "17", "connection_requests": "1",
		"scheme": "http", "server_port": "80", "host": "localhost", "hostname": "web-1", "server_name": "_",
		"protocol": "TCP", "bytes_received": "127", "session_time": "0.012",
	}
	if method, rest, ok := strings.Cut(request, " "); ok && status != 400 {
		v["request_method"] = method
		v["request_uri"], v["server_protocol"], _ = strings.Cut(rest, " ")
	}
	switch q.Kind {
	case Refused, NotListened:
	case Probe:
		v["http_user_agent"] = "ELB-HealthChecker/2.0"
	default:
		v["host"], v["http_user_agent"], v["http_referer"], v["remote_user"] = q.Host, q.Agent, q.Referer, q.User
		if hop == 0 {
			v["upstream_addr"], v["upstream_status"], v["upstream_response_time"] = "10.16.1.14:80", fmt.Sprint(status), "0.010"
			v["upstream_response_length"], v["upstream_connect_time"], v["upstream_header_time"] = "3", "0.001", "0.010"
			v["proxy_upstream_name"], v["upstream_bytes_sent"], v["upstream_bytes_received"] = "default-web-80", "127", "170"
		}
	}
	return v
}
