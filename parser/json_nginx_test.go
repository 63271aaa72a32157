package parser

import (
	"path/filepath"
	"strings"
	"testing"

	"clearhop/internal/nginxtest"
	"clearhop/record"
)

// nestedOf spreads variables over objects, as the JSON format finds them again.
const nestedOf = `{"nginx": {"access": {"remote_addr": "$remote_addr", "status": $status, "connection": $connection}}, ` +
	`"request": {"time": $request_time, "uri": "$request_uri", "method": "$request_method"}, "http": {"user_agent": "$http_user_agent", "host": "$http_host"}, ` +
	`"upstream": {"addr": "$upstream_addr", "status": "$upstream_status"}, "@timestamp": "$time_iso8601", "proxy_protocol": {"addr": "$proxy_protocol_addr"}}`

// conventionOf uses other names than the variables'.
const conventionOf = `{"ts":$msec,"ip":"$remote_addr","user":"$remote_user","request":"$request","code":$status,"size":$body_bytes_sent,` +
	`"duration":$request_time,"referrer":"$http_referer","userAgent":"$http_user_agent","X-Forwarded-For":"$http_x_forwarded_for","vhost":"$host",` +
	`"x_real_ip":"$http_x_real_ip","req_id":"$request_id"}`

// TestNginxJSON holds the JSON format to lines that nginx wrote, as TestNginx
// does the others.
func TestNginxJSON(t *testing.T) {
	object := func(quote func(name string) string) string {
		var members []string
		for _, name := range twinVariables {
			members = append(members, `"`+name+`":`+quote("$"+name))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	quoted := object(func(name string) string { return `"` + name + `"` })
	// Numbers, and lists of them, as those write them who want numbers: without
	// quotes, so that what is absent leaves a hole.
	bareNumbers := object(func(name string) string {
		if k := lookup(name[1:]).kind; k.isNumeric() {
			return name
		}
		return `"` + name + `"`
	})
	formats := []struct {
		name, escape, text string
		variables          []string
	}{
		{"quoted", "json", quoted, twinVariables},
		{"numbers", "json", bareNumbers, twinVariables},
		{"hand_made", "default", quoted, twinVariables},
		{"hand_made_numbers", "default", bareNumbers, twinVariables},
		{"nested", "json", nestedOf, strings.Fields("remote_addr status request_time request_uri request_method http_user_agent http_host upstream_addr upstream_status time_iso8601 proxy_protocol_addr")},
		{"conventions", "json", conventionOf, strings.Fields("msec remote_addr remote_user request status body_bytes_sent request_time http_referer http_user_agent http_x_forwarded_for host request_id")},
	}
	dir := t.TempDir()
	conf := twinLogs(dir)
	for _, f := range formats {
		conf += "log_format " + f.name + " escape=" + f.escape + " " + confString(f.text) + ";\n" +
			"access_log " + dir + "/" + f.name + ".log " + f.name + ";\n"
	}
	addrs := startNginx(t, dir, conf)
	lines := 0
	for _, s := range shots() {
		nginxtest.Fire(t, addrs[s.to], s.send)
		lines += s.lines
	}
	twins := readTwins(t, dir, lines)
	format := mustJSON(t, nil)
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			for i, line := range nginxtest.Await(t, filepath.Join(dir, f.name+".log"), "\n", lines) {
				var r record.Record
				if err := format.Parse([]byte(line), &r); err != nil {
					t.Errorf("%.300q: %v", line, err)
					continue
				}
				if f.name == "nested" {
					r.Access.Extra = nil // $connection, which the twins have under its bare name
				}
				compareTwin(t, format, line, f.variables, &r, twins[i], func(value []byte) bool {
					return len(value) == 0 || string(value) == "-"
				})
			}
		})
	}
}
