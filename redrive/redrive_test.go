package redrive_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clearhop/decode"
	"clearhop/delivery"
	"clearhop/encode"
	"clearhop/enrich/clientip"
	"clearhop/internal/payloadtest"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/redrive"
	"clearhop/sink"
	"clearhop/sink/deadletter"
	"clearhop/sink/file"
)

func newPipeline(t *testing.T) *pipeline.Pipeline {
	t.Helper()
	p, err := pipeline.New(pipeline.Config{Parser: parser.Settings{Format: []string{"auto"}}, Client: clientip.Settings{NLB: []string{"10.16.1.11"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// eventsOf is what the function makes of a payload.
func eventsOf(t *testing.T, p *pipeline.Pipeline, payload []byte) (docs []sink.Document) {
	t.Helper()
	payloads, err := decode.NewDecoder(decode.Options{}).DecodeAll(payload)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range payloads {
		_, err := p.NewWorker().ProcessBatch(one.Lines, true, func(out *pipeline.Outcome) error {
			docs = append(docs, sink.Document{ID: bytes.Clone(out.ID), Data: bytes.Clone(out.Data)})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return docs
}

// payload is one of CloudWatch Logs with three lines.
func payload(t *testing.T, group string) []byte {
	t.Helper()
	return payloadtest.Gzip(t, payloadtest.Document(t, group, payloadtest.LinesIn(t, "..")[:3]))
}

func outletsTo(t *testing.T, to sink.Sink) *delivery.Outlets {
	t.Helper()
	o, err := delivery.New(delivery.Sinks{Events: to}, delivery.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// letters are what a Box writes.
func letters(t *testing.T, limit int, all ...deadletter.Letter) []string {
	t.Helper()
	var b bytes.Buffer
	to := sink.Sink(file.New(&b))
	if limit > 0 {
		to = limited{to, limit}
	}
	box, err := deadletter.New(deadletter.Config{Sink: to, Source: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Put(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	return slices.Collect(strings.Lines(b.String()))
}

type limited struct {
	sink.Sink
	limit int
}

func (l limited) MaxDocument() int { return l.limit }

// TestKinds: everything that can hold what was lost gives the very events that were lost.
func TestKinds(t *testing.T) {
	p := newPipeline(t)
	packed := payload(t, "/ecs/web")
	want := eventsOf(t, p, packed)
	var events, rows []byte
	for _, d := range want {
		events = append(events, d.Data...)
		var err error
		if rows, err = encode.AppendRow(rows, d.Data); err != nil {
			t.Fatal(err)
		}
	}
	b64 := base64.StdEncoding.EncodeToString
	firehose := func(raw []byte) string {
		return fmt.Sprintf(`{"attemptsMade":4,"arrivalTimestamp":1795345224000,"errorCode":"Lambda.InvokeLimitExceeded","errorMessage":"m","attemptEndingTimestamp":1795345225000,"rawData":%q,"lambdaArn":"arn"}`, b64(raw))
	}
	batch := fmt.Sprintf(`{"Records":[{"kinesis":{"sequenceNumber":"1","data":%q}}]}`, b64(packed))
	var failed []deadletter.Letter
	for _, d := range want {
		failed = append(failed, deadletter.Letter{Kind: deadletter.Event, Reason: "throttled", EventID: d.ID, Data: d.Data})
	}
	whole := deadletter.Letter{Kind: deadletter.Payload, Reason: "panic", Data: payloadtest.Document(t, "/ecs/web", payloadtest.LinesIn(t, "..")[:3])}
	parts := letters(t, 1200, whole)
	if len(parts) < 2 {
		t.Fatal("the letter has one part")
	}
	slices.Reverse(parts)
	for name, text := range map[string]string{
		"letters of events":       strings.Join(letters(t, 0, failed...), ""),
		"letter of a payload":     strings.Join(letters(t, 0, whole), ""),
		"letter in parts":         strings.Join(parts, ""),
		"processing failed":       firehose(packed) + "\n",
		"conversion failed":       firehose(events),
		"conversion, two records": firehose(want[0].Data) + firehose(bytes.Join([][]byte{want[1].Data, want[2].Data}, nil)),
		"rows failed":             firehose(rows),
		"asynchronous invocation": fmt.Sprintf(`{"version":"1.0","timestamp":"2026-11-22T11:00:24.000Z","requestContext":{"condition":"RetriesExhausted"},"requestPayload":{"awslogs":{"data":%q}},"responsePayload":{"errorMessage":"m"}}`, b64(packed)),
		"batch of a stream":       fmt.Sprintf(`{"requestContext":{"condition":"RetryAttemptsExhausted"},"version":"1.0","timestamp":"2026-11-22T11:00:24.000Z","KinesisBatchInfo":{"shardId":"s"},"payload":%q}`, batch),
		"events":                  string(events),
		"a packed payload":        string(packed),
		"a payload":               string(payloadtest.Document(t, "/ecs/web", payloadtest.LinesIn(t, "..")[:3])),
	} {
		path := filepath.Join(t.TempDir(), "letters")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, dry := range []bool{true, false} {
			source, err := redrive.Files([]string{path})
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			c := redrive.Config{Pipeline: p, Outlets: outletsTo(t, file.New(&got)), Warn: func(err error) { t.Errorf("%s: %v", name, err) }}
			if dry {
				c.Outlets = nil
			}
			counts, err := redrive.Run(t.Context(), source, c)
			if err != nil || counts.Others > 0 || counts.Lost > 0 || counts.Events+counts.Payloads == 0 {
				t.Errorf("%s: %+v, %v", name, counts, err)
			}
			if dry {
				continue
			}
			if got.String() != string(events) {
				t.Errorf("%s: got\n%swant\n%s", name, got.String(), events)
			}
			if _, err := os.Stat(path + ".redriven"); err != nil || counts.Settled != 1 {
				t.Errorf("%s: the file is not marked: %v", name, err)
			}
		}
	}
}

// TestRoute: an event goes to the outlet that its rule sent it to, and where there is none,
// to the one for all.
func TestRoute(t *testing.T) {
	docs := eventsOf(t, newPipeline(t), payload(t, "/ecs/web"))
	letter := deadletter.Letter{Kind: deadletter.Event, Reason: "throttled", EventID: docs[0].ID, Data: docs[0].Data, Route: "faults"}
	for _, leads := range []bool{true, false} {
		path := filepath.Join(t.TempDir(), "letters")
		if err := os.WriteFile(path, []byte(letters(t, 0, letter)[0]), 0o600); err != nil {
			t.Fatal(err)
		}
		source, err := redrive.Files([]string{path})
		if err != nil {
			t.Fatal(err)
		}
		var all, faults bytes.Buffer
		sinks, want := delivery.Sinks{Events: file.New(&all)}, &all
		if leads {
			sinks.Routes, want = map[string]sink.Sink{"faults": file.New(&faults)}, &faults
		}
		to, err := delivery.New(sinks, delivery.Options{})
		if err != nil {
			t.Fatal(err)
		}
		counts, err := redrive.Run(t.Context(), source, redrive.Config{Pipeline: newPipeline(t), Outlets: to})
		if err != nil || counts.Settled != 1 || want.String() != string(docs[0].Data) || all.Len()+faults.Len() != len(docs[0].Data) {
			t.Errorf("with its outlet %t: %+v, %v, %q, %q", leads, counts, err, all.String(), faults.String())
		}
	}
}

// TestStays: what cannot be sent, or is not wanted, stays as it is.
func TestStays(t *testing.T) {
	p := newPipeline(t)
	docs := eventsOf(t, p, payload(t, "/ecs/web"))
	event := deadletter.Letter{Kind: deadletter.Event, Reason: "throttled", EventID: docs[0].ID, Data: docs[0].Data}
	other := deadletter.Letter{Kind: deadletter.Event, Reason: "too large", EventID: docs[1].ID, Data: docs[1].Data}
	parts := letters(t, 1200, deadletter.Letter{Kind: deadletter.Payload, Reason: "panic", Data: payloadtest.Document(t, "/ecs/web", payloadtest.LinesIn(t, "..")[:3])})
	for name, text := range map[string]string{
		"numbers only":     `{"requestContext":{"condition":"RetryAttemptsExhausted"},"KinesisBatchInfo":{"shardId":"s"}}`,
		"another function": `{"requestContext":{"condition":"RetriesExhausted"},"requestPayload":{"time":"now"}}`,
		"no letter":        `{"a":1}`,
		"text":             "hello\n",
		"a broken letter":  `{"dead_letter_version":1,"kind":"event"}`,
		"half a letter":    parts[0],
		"left out":         strings.Join(letters(t, 0, event, other), ""),
	} {
		path := filepath.Join(t.TempDir(), "letters")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		source, err := redrive.Files([]string{path})
		if err != nil {
			t.Fatal(err)
		}
		counts, err := redrive.Run(t.Context(), source, redrive.Config{
			Pipeline: p, Outlets: outletsTo(t, file.New(io.Discard)), Wants: func(it *redrive.Item) bool { return it.Reason != "too large" },
		})
		if _, missing := os.Stat(path); err != nil || missing != nil || counts.Settled != 0 {
			t.Errorf("%s: %+v, %v, %v", name, counts, err, missing)
		}
	}
}
