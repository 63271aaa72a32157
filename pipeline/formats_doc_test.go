package pipeline_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/decode/envelope"
	"clearhop/internal/golden"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/record"
)

// sampleOf returns a line of a format: the first of its golden file where it has
// one, which real nginx wrote.
func sampleOf(format string) string {
	if format == "combined" {
		return `210.227.0.10 - - [22/Nov/2026:11:00:24 +0000] "GET /hello?q=1 HTTP/1.1" 200 3 "-" "probe/1.0"`
	}
	for _, path := range []string{"../parser/testdata/formats/" + format + ".log", "../parser/testdata/" + format + ".log"} {
		if line := firstLine(path); line != "" {
			return line
		}
	}
	return ""
}

func firstLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return string(line)
}

// TestFormatsDocumentation writes the tables of docs/formats.md from golden
// files, and holds that each sample is read as what it stands for.
func TestFormatsDocumentation(t *testing.T) {
	golden.Sections(t, "../docs/formats.md", map[string]string{"formats": formatTable(t), "envelopes": envelopeTable(t)})
}

func formatTable(t *testing.T) string {
	p, err := pipeline.New(pipeline.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	samples := map[string]string{
		"main":         sampleOf("combined") + ` "-"`,
		"main_real_ip": firstLine("testdata/main_real_ip.log"),
		parser.JSON:    firstLine("../parser/testdata/json/names.log"),
		parser.LTSV:    "time:22/Nov/2026:11:00:24 +0000\thost:203.0.113.9\tvhost:www.example.com\treq:GET /a?b=1 HTTP/1.1\tstatus:200\tsize:5120\treqtime:0.012\tua:probe/1.0",
	}
	var b strings.Builder
	for _, name := range append(parser.BuiltinNames(), parser.JSON, parser.LTSV, parser.CombinedExtra) {
		sample := samples[name]
		if sample == "" {
			sample = sampleOf(name)
		}
		out := p.NewWorker().Process(&record.Line{Text: []byte(sample), Origin: &record.Origin{}})
		if out.Record.Format != name {
			t.Errorf("the sample of %s is read as %q (%v)", name, out.Record.Format, out.Err)
		}
		fmt.Fprintf(&b, "**%s**\n\n", name)
		if directive, ok := parser.Builtin(name); ok {
			fmt.Fprintf(&b, "```nginx\n%s\n```\n\n", directive)
		}
		fmt.Fprintf(&b, "```\n%s\n```\n\n", sample)
	}
	return b.String()
}

func envelopeTable(t *testing.T) string {
	var b strings.Builder
	for _, file := range []struct {
		name string
		kind record.EnvelopeKind
	}{
		{"firelens", record.FireLens}, {"kubernetes", record.Kubernetes}, {"docker", record.DockerJSON}, {"cri", record.CRI},
		{"compose", record.Compose}, {"syslog", record.Syslog}, {"transformed", record.TransformedLog},
		{"timestamped", record.Timestamped}, {"tail", record.LogsTail}, {"doubtful/awslogs", record.AWSLogs}, {"kubectl", record.Kubectl},
		{"doubtful/names", record.Stern}, {"opentelemetry", record.OpenTelemetry},
		{"jsontext", record.JSONText}, {"fluentd", record.Fluentd}, {"fluentbit", record.FluentBit},
		{"doubtful/grep", record.Grep}, {"doubtful/podman", record.Podman},
	} {
		sample := firstLine(filepath.Join("../decode/envelope/testdata", file.name+".log"))
		var e record.Envelope
		if envelope.Open([]byte(sample), nil, &e); e.Count == 0 {
			envelope.OpenDoubtful([]byte(sample), nil, &e)
		}
		if e.Count == 0 || e.Kinds[0] != file.kind {
			t.Errorf("the sample of %s is opened as %v", file.name, e.Kinds[:e.Count])
		}
		fmt.Fprintf(&b, "**%s**\n\n```\n%s\n```\n\n", file.kind, sample)
	}
	return b.String()
}
