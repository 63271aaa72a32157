package parser

import (
	"strings"
	"testing"
)

// TestForgeable: a format is warned of where a visitor writes what nginx does not escape,
// or the beginning of the line.
func TestForgeable(t *testing.T) {
	for format, want := range map[string]string{
		`log_format a '$remote_addr [$time_local] "$request" $status';`:                         "",
		`log_format a escape=json '{"time":"$time_iso8601","request":"$request"}';`:             "",
		`log_format a escape=none '$remote_addr [$time_local] "$request" $status';`:             "escape=none",
		`log_format a '$http_x_forwarded_for - [$time_local] "$request" $status';`:              "$http_x_forwarded_for",
		`log_format a '$host $remote_addr [$time_local] "$request" $status';`:                   "$host",
		`log_format a '$hostname $remote_addr [$time_local] "$request" $status';`:               "",
		`log_format a '"$http_x_forwarded_for" $remote_addr [$time_local] "$request" $status';`: "",
		`log_format a '$request_time $remote_addr [$time_local] "$request" $status';`:           "",
		`log_format a '$proxy_add_x_forwarded_for $remote_addr [$time_local] "$request"';`:      "$proxy_add_x_forwarded_for",
		`log_format a escape=none '$cookie_id $remote_addr [$time_local] "$request" $status';`:  "escape=none,$cookie_id",
	} {
		f, err := Compile(format)
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		got := f.Forgeable()
		if want == "" {
			if len(got) > 0 {
				t.Errorf("%s: %q", format, got)
			}
			continue
		}
		parts := strings.Split(want, ",")
		if len(got) != len(parts) {
			t.Fatalf("%s: %q", format, got)
		}
		for i, part := range parts {
			if !strings.Contains(got[i], part) {
				t.Errorf("%s: %q does not name %s", format, got[i], part)
			}
		}
	}
}
