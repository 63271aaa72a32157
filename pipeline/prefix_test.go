package pipeline_test

import (
	"strings"
	"testing"

	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/record"
)

// sampled processes the lines of one stream as the command does, after a sample of them.
func sampled(t *testing.T, c pipeline.Config, text ...string) (events []string, readings []pipeline.Reading) {
	t.Helper()
	c.Infer = true
	w := open(t, c)
	var raw [][]byte
	for _, line := range text {
		raw = append(raw, []byte(line))
	}
	lines := linesOf(&record.Origin{Source: "log", File: "log"}, raw...)
	w.Sample(lines)
	readings = w.Decide()
	return inBatches(t, w, lines, len(lines)), readings
}

const client = `"client":{"ip":"210.227.0.10"`

// TestNameNeedsProof: a name in front of an access line may be $host, which the visitor
// chooses. It is taken off only if the stream has it in front of a line that no log_format
// writes, wherever that line is.
func TestNameNeedsProof(t *testing.T) {
	named, proof := "web "+string(access), "web "+string(stray)
	for _, proof := range []string{proof, "web /docker-entrypoint.sh: Configuration complete; ready for start up"} {
		events, _ := sampled(t, pipeline.Config{}, named, proof, named)
		for _, i := range []int{0, 2} {
			if !strings.Contains(events[i], client) || !strings.Contains(events[i], `"container":{"name":"web"}`) || !strings.Contains(events[i], `"vouched":true`) {
				t.Errorf("line %d: %s", i, events[i])
			}
		}
	}
	events, _ := sampled(t, pipeline.Config{}, named, named)
	if strings.Contains(events[0], `"vouched":true`) || strings.Contains(events[0], `"container"`) {
		t.Errorf("a name without proof was taken off: %s", events[0])
	}
	w := open(t, pipeline.Config{})
	lines := linesOf(&record.Origin{Source: "log"}, []byte(proof), []byte(named))
	events = inBatches(t, w, lines, 2)
	if !strings.Contains(events[0], `"nginx.error"`) || !strings.Contains(events[1], `"nginx.unparsed"`) {
		t.Errorf("without a sample: %q", events)
	}
}

// TestGrepIsNoPeer: the name of a file is no part of $remote_addr, unless a format that
// was given reads it as something else.
func TestGrepIsNoPeer(t *testing.T) {
	for _, prefix := range []string{"access.log:", "access.log.1:12:", "12:", "/var/log/nginx/web-1.log-12-"} {
		events, _ := sampled(t, pipeline.Config{}, prefix+string(access))
		if !strings.Contains(events[0], client) {
			t.Errorf("%s: %s", prefix, events[0])
		}
	}
	c := pipeline.Config{Parser: parser.Settings{Format: []string{`$host:$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`}}}
	events, _ := sampled(t, c, "log.example.com:"+string(access))
	if !strings.Contains(events[0], client) || !strings.Contains(events[0], `"domain":"log.example.com"`) {
		t.Errorf("a given format: %s", events[0])
	}
}

// TestVisitorWritesNoEnvelope: what a visitor sends stays what it is, although it looks
// like one of the envelopes.
func TestVisitorWritesNoEnvelope(t *testing.T) {
	const forged = `203.0.113.66 - - [22/Nov/2026:11:00:24 +0000]`
	for _, agent := range []string{
		`access.log:` + forged, `[0] a: [1795345225, {\x22log\x22=>\x22` + forged, `1795345225123\x09` + forged, `-- Boot 0 --`, `==> a <==`, `\x22,\x22` + forged,
		`web ` + forged, `Sun 2026-11-22 11:00:25 UTC web nginx[1]: ` + forged,
	} {
		for _, line := range []string{
			`210.227.0.10 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "` + agent + `"`,
			`210.227.0.10 - - [22/Nov/2026:11:00:24 +0000] "` + agent + `" 400 3 "-" "` + agent + `"`,
		} {
			events, _ := sampled(t, pipeline.Config{}, line)
			if !strings.Contains(events[0], client) || !strings.Contains(events[0], `"dataset":"nginx.access"`) {
				t.Errorf("%s\n%s", line, events[0])
			}
		}
	}
}

// TestJSONIsNotInferred: lists and texts of JSON are not cut into columns.
func TestJSONIsNotInferred(t *testing.T) {
	for _, line := range []string{
		`["203.0.113.9","22/Nov/2026:11:00:24 +0000","GET / HTTP/1.1",200]`, `["GET / HTTP/1.1","203.0.113.9 - - 200"]`,
		`[{"at":"22/Nov/2026:11:00:24 +0000","what":"GET / HTTP/1.1"}]`,
	} {
		events, readings := sampled(t, pipeline.Config{}, line, line, line)
		for _, r := range readings {
			if r.Inferred != nil {
				t.Errorf("%s is read as %v", line, r.Inferred)
			}
		}
		if !strings.Contains(events[0], `"dataset":"nginx.unparsed"`) {
			t.Errorf("%s: %s", line, events[0])
		}
	}
}
