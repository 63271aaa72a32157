package pipeline_test

import (
	"slices"
	"strings"
	"testing"

	"clearhop/internal/jsontest"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/privacy"
	"clearhop/record"
)

// formatsWithKeys are formats whose events have keys that the operator or the line chose.
var formatsWithKeys = [][]string{
	{parser.Auto},
	{`log_format twice '$remote_addr "$http_x_foo" "$http_x_foo" "$cookie_a" "$cookie_A" "$request" $status $connection $connection "$request_id" "$req_id" "$req_id" "$request"';`, parser.Auto},
	{`log_format lists '$remote_addr [$time_local] "$request" "$upstream_addr" "$upstream_addr" $status $status "$trailing" "$trailing"';`, parser.Auto},
}

// FuzzKeys: no object of an event has a key twice, whatever keys the line, its envelope,
// the log_format and the settings have.
func FuzzKeys(f *testing.F) {
	f.Add(uint8(1), []byte(`203.0.113.9 "a" "b" "c" "d" "GET / HTTP/1.1" 200 7 7 "id" "e" "f" "GET / HTTP/1.1"`))
	f.Add(uint8(1), []byte(`203.0.113.9 "a" "b" "c" "d" "\x16\x03" 400 7 7 "id" "e" "f" "\x16\x03"`))
	f.Add(uint8(2), []byte(`203.0.113.9 [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" "10.0.0.1:80, 10.0.0.2:80" "10.0.0.1:80" 200 200 "x" "y"`))
	f.Add(uint8(0), []byte(`{"remote_addr":"203.0.113.9","status":400,"request":{"a":1},"request_line":"\u0016\u0003","x":1,"X":2,"x":3,"a.b":1,"a":{"b":2}}`))
	f.Add(uint8(0), []byte(`{"remote_addr":"203.0.113.9","status":400,"request":"\u0016","request":{"a":1},"http":{"request":{"id":1}},"request_id":"2","requestId":"3"}`))
	f.Add(uint8(3), []byte(`{"log":"{\"status\":200,\"remote_addr\":\"::1\",\"log\":\"x\",\"log\":\"y\"}","log":"z","container_name":"a","container_name":"b"}`))
	f.Add(uint8(0), []byte("host:203.0.113.9\treq:\x16\tstatus:400\tx:1\tx:2\trequest:y\trequest_line:z"))
	for i, line := range neighbours {
		f.Add(uint8(i), []byte(line))
	}
	var workers []*pipeline.Worker
	for _, formats := range formatsWithKeys {
		for _, mode := range []string{"none", "hash"} {
			c := chain()
			c.Original, c.Parser.Format = true, formats
			c.Parser.JSONKey = map[string]string{"x": "http_x_foo", "y": "$http_x_foo"}
			c.Label = map[string]string{"a": "1", "A": "2", "a.b": "3"}
			if c.Privacy.Mode = mode; mode == "hash" {
				c.Privacy = privacy.Settings{Mode: mode, Key: privacyKey, RedactQuery: []string{"q"}}
			}
			workers = append(workers, open(f, c))
		}
	}
	origin := &record.Origin{Source: "fuzz", LogGroup: "g", LogStream: "s", File: "f"}
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		w := workers[int(which)%len(workers)]
		out := w.Process(&record.Line{Text: text, Origin: origin, Time: 1, HasTime: true})
		if key := jsontest.KeyTwice(out.Data); key != "" {
			t.Errorf("%q stands twice in %s", key, out.Data)
		}
		var names []string
		for _, p := range out.Record.Access.Extra {
			if slices.Contains(names, p.Name) {
				t.Errorf("%q stands twice in Extra: %s", p.Name, strings.Join(names, " "))
			}
			names = append(names, p.Name)
		}
	})
}
