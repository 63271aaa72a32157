package parser

import "slices"

// Sample returns a line as nginx would write it in the format, with invented values:
// a request of a visitor through a healthy Network Load Balancer.
func (f *Format) Sample() []byte {
	line := slices.Clone(f.prefix)
	for i := range f.steps {
		st := &f.steps[i]
		value := st.variable.sample()
		if value == "" && f.escape == EscapeDefault {
			value = "-"
		}
		line = append(line, value...)
		line = append(line, st.literal...)
	}
	return line
}

// samples are values of variables, above all of those that show the chain. An empty
// value is absent.
var samples = map[string]string{
	"remote_addr": "203.0.113.7", "realip_remote_addr": "10.16.1.11", "proxy_protocol_addr": "203.0.113.7",
	"proxy_add_x_forwarded_for": "203.0.113.7", "the_real_ip": "203.0.113.7", "proxy_host": "backend",
	"protocol": "TCP", "session_time": "0.473", "bytes_received": "210",
	"http_x_forwarded_for": "", "http_x_real_ip": "", "remote_user": "", vpceVariable: "",
	"request": "GET /shop/item?id=7 HTTP/1.1", "request_method": "GET", "request_uri": "/shop/item?id=7",
	"uri": "/shop/item", "document_uri": "/shop/item", "args": "id=7", "query_string": "id=7", "server_protocol": "HTTP/1.1",
	"host": "shop.example.com", "http_host": "shop.example.com", "server_name": "shop.example.com", "server_port": "80",
	"scheme": "http", "https": "", "status": "200", "body_bytes_sent": "512", "bytes_sent": "740", "request_length": "210",
	"request_time": "0.012", "request_id": "0123456789abcdef0123456789abcdef", "req_id": "0123456789abcdef0123456789abcdef",
	xRequestID: "0123456789abcdef0123456789abcdef", "sent_http_content_type": "text/html",
	"http_referer": "https://www.example.com/", "http_user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
	"remote_port": "40000", "realip_remote_port": "40000", "proxy_protocol_port": "50000",
	"upstream_addr": "10.16.1.14:80", "upstream_status": "200", "upstream_cache_status": "MISS", "pipe": ".",
	"ssl_protocol": "", "ssl_cipher": "", "ssl_server_name": "",
	"time_local": "22/Nov/2026:11:00:48 +0000", "time_iso8601": "2026-11-22T11:00:48+00:00", "msec": "1795345248.123",
}

// sample returns a value of v.
func (v *variable) sample() string {
	if value, ok := samples[v.name]; ok {
		return value
	}
	switch v.kind {
	case kindInt, kindIntList:
		return "1"
	case kindSeconds, kindSecondsList:
		return "0.010"
	default:
		return ""
	}
}
