package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clearhop/internal/awstest"
	"clearhop/internal/firehosetest"
	"clearhop/internal/lambdatest"
	"clearhop/internal/payloadtest"
)

const (
	timeout = 30 * time.Second
	stream  = "events"
)

func start(t *testing.T, env ...string) *lambdatest.Function {
	t.Helper()
	return lambdatest.StartForTest(t, lambdatest.Config{
		Binary: lambdatest.Build(t, "."), FunctionName: "stream", Region: "eu-central-1",
		Env: slices.Concat(payloadtest.Chain, []string{"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test"}, env),
	})
}

// event is what Lambda makes of records of a Kinesis stream.
func event(records ...[]byte) []byte {
	var all []string
	for i, data := range records {
		all = append(all, fmt.Sprintf(`{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"p","sequenceNumber":"%d","data":%q,"approximateArrivalTimestamp":1795345224.1},`+
			`"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-0:%[1]d","eventName":"aws:kinesis:record","awsRegion":"eu-central-1","eventSourceARN":"arn:aws:kinesis:eu-central-1:123456789012:stream/logs"}`,
			100+i, base64.StdEncoding.EncodeToString(data)))
	}
	return []byte(`{"Records":[` + strings.Join(all, ",") + `]}`)
}

// invoke returns the sequence numbers that are reported as failed.
func invoke(t *testing.T, f *lambdatest.Function, payload []byte, timeout time.Duration) []string {
	t.Helper()
	result, err := f.Invoke(t.Context(), payload, timeout)
	if err != nil {
		t.Fatalf("%v\n%s", err, f.Logs())
	}
	var answer struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if err := json.Unmarshal(result.Payload, &answer); err != nil {
		t.Fatalf("%v: %s", err, result.Payload)
	}
	var failed []string
	for _, item := range answer.BatchItemFailures {
		failed = append(failed, item.ItemIdentifier)
	}
	return failed
}

func payload(t *testing.T, group string, lines []string) []byte {
	return payloadtest.Gzip(t, payloadtest.Document(t, group, lines))
}

// TestRecords: several payloads in one invocation, with a control message
// between them, give what the command gives for each.
func TestRecords(t *testing.T) {
	out := filepath.Join(t.TempDir(), "events.ndjson")
	f := start(t, "CLEARHOP_SINK=file", "CLEARHOP_FILE="+out)
	lines := payloadtest.Lines(t)
	control := payloadtest.Gzip(t, []byte(`{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1,"message":"CWL CONTROL MESSAGE"}]}`))
	one, other := payload(t, "/ecs/edge", lines), payload(t, "/ecs/web", lines[:100])
	if failed := invoke(t, f, event(one, control, other), timeout); failed != nil {
		t.Errorf("failed: %v", failed)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Concat(payloadtest.ByCommand(t, one), payloadtest.ByCommand(t, other))
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes of events, want %d", len(got), len(want))
	}
}

// TestWhatProducersJoin: two documents in a record, two gzip members and lines of text
// are read as the command reads them.
func TestWhatProducersJoin(t *testing.T) {
	out := filepath.Join(t.TempDir(), "events.ndjson")
	f := start(t, "CLEARHOP_SINK=file", "CLEARHOP_FILE="+out)
	lines := payloadtest.Lines(t)[:20]
	one, other := payloadtest.Document(t, "/ecs/edge", lines[:10]), payloadtest.Document(t, "/ecs/web", lines[10:])
	joined := payloadtest.Gzip(t, slices.Concat(one, other))
	members := slices.Concat(payloadtest.Gzip(t, one), []byte("\n"), payloadtest.Gzip(t, other))
	text := []byte(strings.Join(lines[:5], "\n") + "\n")
	if failed := invoke(t, f, event(joined, members, text), timeout); failed != nil {
		t.Errorf("failed: %v", failed)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	both := slices.Concat(payloadtest.ByCommand(t, one), payloadtest.ByCommand(t, other))
	ofPayloads := slices.Concat(both, both)
	if !bytes.HasPrefix(got, ofPayloads) {
		t.Error("the events of joined payloads are not the command's")
	}
	ofText := bytes.TrimPrefix(got, ofPayloads)
	if n := bytes.Count(ofText, []byte("\n")); n != 5 || bytes.Count(ofText, []byte(`"dataset":"nginx.access"`)) != 5 {
		t.Errorf("%d events of text: %s", n, ofText)
	}
	invoke(t, f, event(joined, members, text), timeout)
	if again, _ := os.ReadFile(out); !bytes.Equal(again, slices.Concat(got, got)) {
		t.Error("the same records give other events when they come again")
	}
}

// TestFirehoseThatFails: the first record of which not all arrived is the
// checkpoint, so that sending from there on again loses nothing.
func TestFirehoseThatFails(t *testing.T) {
	server := firehosetest.Start(t, awstest.Config{
		Targets: []string{stream},
		Script:  slices.Repeat([]awstest.Fault{awstest.FailRecords(0)}, 12), // more than there are attempts
		Random:  awstest.Random{Records: 0.3},
	})
	f := start(t, "AWS_ENDPOINT_URL="+server.URL, "CLEARHOP_FIREHOSE_STREAM="+stream)
	lines := payloadtest.Lines(t)[:300]
	var records [][]byte
	for i := 0; i < len(lines); i += 100 {
		records = append(records, payload(t, "/ecs/web", lines[i:i+100]))
	}
	rest, tries := 0, 0
	for rest < len(records) {
		if tries++; tries > 50 {
			t.Fatal("it does not come to an end")
		}
		failed := invoke(t, f, event(records[rest:]...), 8*time.Second)
		if len(failed) == 0 {
			break
		}
		if len(failed) > 1 {
			t.Fatalf("%d failures are reported: the first is the checkpoint", len(failed))
		}
		var number int
		fmt.Sscan(failed[0], &number)
		rest += number - 100
	}
	want := map[string]bool{}
	for _, r := range records {
		for line := range bytes.Lines(payloadtest.ByCommand(t, r)) {
			want[string(line)] = true
		}
	}
	for _, doc := range server.Documents(stream) {
		delete(want, strings.TrimSuffix(string(doc), "\n")+"\n")
	}
	if len(want) > 0 {
		t.Errorf("%d events are lost", len(want))
	}
	t.Logf("%d invocations", tries)
}

// TestPoison: a record that cannot be read is handed back where there is no
// place for dead letters, and the records behind it with it.
func TestPoison(t *testing.T) {
	out := filepath.Join(t.TempDir(), "events.ndjson")
	f := start(t, "CLEARHOP_SINK=file", "CLEARHOP_FILE="+out)
	lines := payloadtest.Lines(t)[:3]
	good := payload(t, "/ecs/web", lines)
	if failed := invoke(t, f, event(good, []byte("\x1f\x8bpoison"), good), timeout); !slices.Equal(failed, []string{"101"}) {
		t.Errorf("failed: %v", failed)
	}
	b, err := os.ReadFile(out)
	if n := bytes.Count(b, []byte("\n")); err != nil || n != 3 {
		t.Errorf("%d events, want those of the first record only (%v)", n, err)
	}
	if logs := f.Logs(); !strings.Contains(logs, "gzip") || strings.Contains(logs, "poison") {
		t.Errorf("the log says %s", logs)
	}
}

// TestOutOfTime: with too little time the records are handed back from where it
// ended, and the log says so.
func TestOutOfTime(t *testing.T) {
	out := filepath.Join(t.TempDir(), "events.ndjson")
	f := start(t, "CLEARHOP_SINK=file", "CLEARHOP_FILE="+out)
	good := payload(t, "/ecs/web", payloadtest.Lines(t)[:3])
	failed := invoke(t, f, event(good, good, good), 900*time.Millisecond)
	if len(failed) != 1 || !strings.Contains(f.Logs(), "out of time") {
		t.Errorf("failed: %v; the log says %s", failed, f.Logs())
	}
}
