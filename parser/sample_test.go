package parser_test

import (
	"testing"

	"clearhop/parser"
	"clearhop/record"
)

// TestSample: each format reads the line that it invents.
func TestSample(t *testing.T) {
	formats := append(parser.BuiltinNames(), parser.CombinedExtra,
		`log_format j escape=json '{"ip":"$remote_addr","pp":"$proxy_protocol_addr","t":"$time_iso8601","ua":"$http_user_agent","n":"$connection"}';`,
		`log_format n escape=none '$msec $remote_addr "$request" $status';`,
		`$remote_addr [$time_local] "$request" $status "$upstream_header_time" "$cookie_x"`,
	)
	for _, text := range formats {
		f, err := parser.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		line := f.Sample()
		var r record.Record
		if err := f.Parse(line, &r); err != nil {
			t.Errorf("%s\n%s: %v", text, line, err)
			continue
		}
		if got := string(r.Access.RemoteAddr); got != "203.0.113.7" {
			t.Errorf("%s: $remote_addr is %q", line, got)
		}
		if !r.HasTimestamp || r.Timestamp/1000 != 1795345248 {
			t.Errorf("%s: the time is %d", line, r.Timestamp)
		}
	}
}
