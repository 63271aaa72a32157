package envelope

import (
	"fmt"
	"maps"
	"testing"

	"clearhop/record"
)

// benchLines are a line of each kind, by name.
var benchLines = map[string]string{
	"none":        access,
	"none_error":  `2026/11/22 11:00:25 [error] 10129#10129: *1 open() "/x" failed (2: No such file or directory), client: 192.0.2.1`,
	"none_JSON":   `{"time_local":"22/Nov/2026:11:00:24 +0000","remote_addr":"203.0.113.9","request":"GET / HTTP/1.1","status":"200","http_user_agent":"curl/8","request_time":"0.001"}`,
	"CRI":         "2016-10-06T00:17:09.669794202Z stdout F " + access,
	"compose":     "web-1  | " + access,
	"syslog":      "<190>Nov 22 11:00:25 web nginx: " + access,
	"RFC5424":     "<190>1 2026-11-22T11:00:25Z web nginx 123 - - " + access,
	"docker":      `{"log":"203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] \"GET /a HTTP/1.1\" 200 3 \"-\" \"curl/8\"\n","stream":"stdout","time":"2026-11-22T11:00:25.123456789Z"}`,
	"FireLens":    `{"source":"stdout","log":"203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] \"GET /a HTTP/1.1\" 200 3 \"-\" \"curl/8\"","container_id":"43d9a1cb03c84d0eb5ae9ab4a1d7c8a843d9a1cb03c84d0eb5ae9ab4a1d7c8a8","container_name":"/ecs-web-7-nginx-a4b1","ecs_cluster":"shop","ecs_task_arn":"arn:aws:ecs:eu-west-1:123456789012:task/shop/0f9de17a6465404e8b1b2356dc13c2f8","ecs_task_definition":"web:7"}`,
	"Kubernetes":  `{"log":"203.0.113.9 - - \"GET /a HTTP/1.1\" 200\n","stream":"stdout","time":"2026-11-22T11:00:25.123456789Z","kubernetes":{"pod_name":"web-0","namespace_name":"shop","labels":{"app":"web"},"container_name":"nginx","docker_id":"43d9"}}`,
	"tail":        "2026-11-22T11:00:25.123000+00:00 web/nginx/0f9d " + access,
	"timestamped": "2026-11-22T11:00:25.123456789Z " + access,
	"kubectl":     "[pod/web-0/nginx] " + access,
	"coloured":    "\x1b[32m2026-11-22T11:00:25.123000+00:00\x1b[0m \x1b[36mweb/1\x1b[0m " + access,
	"parsed":      `{"remote":"203.0.113.9","method":"GET","code":"200","container_name":"/ecs-web-7-nginx-a4b1","ecs_cluster":"shop"}`,
	"OTel":        `{"body":"x","attributes":{"log.iostream":"stdout"},"resource":{"k8s.pod.name":"web-0"}}`,
	"transformed": `{"@message":"203.0.113.9 - - \"GET /a HTTP/1.1\" 200","@logStream":"web"}`,
}

func BenchmarkOpen(b *testing.B) {
	for _, name := range []string{"none", "none_error", "none_JSON", "CRI", "compose", "syslog", "RFC5424", "docker", "FireLens", "Kubernetes", "tail", "parsed"} {
		b.Run(name, func(b *testing.B) {
			text := []byte(benchLines[name])
			var e record.Envelope
			var scratch []byte
			b.ReportAllocs()
			for b.Loop() {
				_, scratch = Open(text, scratch[:0], &e)
			}
		})
	}
}

func BenchmarkOpenDoubtful(b *testing.B) {
	for name, line := range map[string]string{
		"none": access, "host": "www.example.com " + access, "JSON": benchLines["none_JSON"], "stern": "web-0 nginx " + access,
	} {
		b.Run(name, func(b *testing.B) {
			text := []byte(line)
			var e record.Envelope
			b.ReportAllocs()
			for b.Loop() {
				OpenDoubtful(text, nil, &e)
			}
		})
	}
}

func BenchmarkJoiner(b *testing.B) {
	for _, name := range []string{"none", "FireLens"} {
		b.Run(name, func(b *testing.B) {
			text := []byte(benchLines[name])
			const batch = 1000
			var j Joiner
			b.ReportAllocs()
			for b.Loop() {
				j.Reset()
				for range batch {
					j.Add(text)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/line")
		})
	}
}

func TestNoAllocations(t *testing.T) {
	var e record.Envelope
	var scratch []byte
	lines := maps.Clone(benchLines)
	for _, name := range []string{"fluentbit", "fluentd", "jsontext", "opentelemetry", "syslog"} {
		for i, line := range goldenLines(t, name) {
			lines[fmt.Sprint(name, " ", i)] = string(line)
		}
	}
	for name, line := range lines {
		text := []byte(line)
		if n := testing.AllocsPerRun(100, func() { _, scratch = Open(text, scratch[:0], &e) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	doubtful := []string{access, "web-0 nginx " + access, "\x1b[35mweb-0\x1b[0m nginx " + access, "/ecs/web web/1  " + access}
	for _, name := range []string{"doubtful/grep", "doubtful/podman", "doubtful/rows"} {
		for _, line := range goldenLines(t, name) {
			doubtful = append(doubtful, string(line))
		}
	}
	for _, line := range doubtful {
		text := []byte(line)
		if n := testing.AllocsPerRun(100, func() { _, scratch, _ = OpenDoubtful(text, scratch[:0], &e) }); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
	batch := [][]byte{
		[]byte("2016-10-06T00:17:09Z stdout P a"), []byte(benchLines["FireLens"]),
		[]byte(access), []byte("2016-10-06T00:17:09Z stdout F b"),
	}
	var j Joiner
	if n := testing.AllocsPerRun(100, func() {
		j.Reset()
		for _, line := range batch {
			j.Add(line)
		}
		for i, line := range batch {
			_, scratch, _ = j.Open(i, line, scratch[:0], &e)
		}
	}); n != 0 {
		t.Errorf("joiner: %v allocations", n)
	}
}
