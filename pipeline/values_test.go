package pipeline_test

import (
	"fmt"
	"strings"
	"testing"

	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/record"
)

// loggedValues are values of variables, each with what the event shows of it if that
// is another text. $https shows in url.scheme.
var loggedValues = map[string][2]string{
	"remote_addr": {"203.0.113.77"}, "realip_remote_addr": {"10.16.1.77"}, "proxy_protocol_addr": {"203.0.113.78"},
	"http_x_forwarded_for": {"203.0.113.79"}, "http_x_real_ip": {"203.0.113.80"}, "the_real_ip": {"203.0.113.81"},
	"proxy_add_x_forwarded_for": {"203.0.113.82, 10.16.1.11", "203.0.113.82"},
	"request":                   {"PUT /sentinel HTTP/1.1", "/sentinel"}, "request_method": {"PATCH"}, "server_protocol": {"HTTP/7.7", "7.7"},
	"request_uri": {"/sentinel-uri"}, "uri": {"/sentinel-path"}, "document_uri": {"/sentinel-path"}, "args": {"s=7"}, "query_string": {"s=7"},
	"scheme": {"https"}, "https": {"on", "https"}, "status": {"418"},
	"time_local": {"22/Nov/2026:11:00:41 +0000", "11:00:41"}, "time_iso8601": {"2026-11-22T11:00:42+00:00", "11:00:42"},
	"msec": {"1795345243.778", "11:00:43.778"}, "request_time": {"0.777", "777000000"}, "session_time": {"0.778", "778000000"},
	"sent_http_content_type": {"text/sentinel"}, "upstream_addr": {"10.16.1.14:7777"}, "upstream_connect_time": {"0.771"}, "upstream_header_time": {"0.772"},
	"upstream_response_time": {"0.773"}, "upstream_status": {"503"}, "upstream_response_length": {"7771"},
}

// TestEveryLoggedValueIsInTheEvent: no value that a log_format holds vanishes, neither
// alone nor beside the usual variables, in text and in JSON.
func TestEveryLoggedValueIsInTheEvent(t *testing.T) {
	others := []string{"connection", "pipe", "http_cookie", "server_addr", "protocol", "is_args", "upstream_bytes_sent", "my_map"}
	for i, name := range append(parser.Variables(), others...) {
		value := loggedValues[name]
		if value[0] == "" {
			value[0] = fmt.Sprint(17000 + i)
		}
		if value[1] == "" {
			value[1] = value[0]
		}
		for _, base := range []string{
			`$remote_addr "$request" $status`,
			`$remote_addr $remote_port $realip_remote_addr $proxy_protocol_addr "$host" $scheme $server_port "$request" $status "$http_x_forwarded_for"`,
		} {
			if strings.Contains(base, "$"+name+" ") || strings.Contains(base, "$"+name+`"`) {
				base = strings.NewReplacer("$"+name+" ", "- ", "$"+name+`"`, `-"`).Replace(base)
			}
			line := strings.NewReplacer("$remote_addr", "10.16.1.11", "$remote_port", "40000", "$realip_remote_addr", "10.16.1.11", "$proxy_protocol_addr", "203.0.113.9",
				"$host", "www.example.com", "$scheme", "http", "$server_port", "80", "$request_method", "GET", "$request", "GET /a HTTP/1.1", "$status", "200",
				"$http_x_forwarded_for", "203.0.113.9").Replace(base) + ` "` + value[0] + `"`
			checkShown(t, base+` "$`+name+`"`, line, value[1])
		}
		checkShown(t, parser.JSON, `{"time_local":"22/Nov/2026:11:00:40 +0000","connection_requests":"1","`+name+`":"`+value[0]+`","method":"GET","url":"/a","code":"200","ip":"10.16.1.11"}`, value[1])
	}
}

// checkShown reads a line and checks that the event has the text.
func checkShown(t *testing.T, format, line, text string) {
	t.Helper()
	p, err := pipeline.New(pipeline.Config{Parser: parser.Settings{Format: []string{format}, ErrorZone: "UTC"}})
	if err != nil {
		t.Errorf("%s: %v", format, err)
		return
	}
	defer p.Close()
	out := p.NewWorker().Process(&record.Line{Text: []byte(line), Origin: &record.Origin{}})
	if out.Err != nil {
		t.Errorf("%s: %s: %v", format, line, out.Err)
		return
	}
	if !strings.Contains(string(out.Data), text) {
		t.Errorf("%s: %s: %q is not in the event\n%s", format, line, text, out.Data)
	}
}
