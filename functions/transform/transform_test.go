package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"clearhop/functions/handler"
	"clearhop/internal/awstest"
	"clearhop/internal/firehosetest"
	"clearhop/internal/kinesistest"
	"clearhop/internal/lambdatest"
	"clearhop/internal/mototest"
	"clearhop/internal/payloadtest"
)

const (
	timeout = 30 * time.Second
	stream  = "events"
)

func start(t *testing.T, env ...string) *lambdatest.Function {
	t.Helper()
	return lambdatest.StartForTest(t, lambdatest.Config{
		Binary: lambdatest.Build(t, "."), FunctionName: "transform", Region: "eu-central-1",
		Env: slices.Concat(payloadtest.Chain, []string{"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test"}, env),
	})
}

// An answered record is one of the function's answer.
type answered struct {
	RecordID string
	Result   string
	Data     []byte
}

// invoke gives records to the function, named r0, r1 …, and checks what holds
// of every answer: a record for each, in order, and below 6 MB.
func invoke(t *testing.T, f *lambdatest.Function, kinesisARN string, records ...[]byte) []answered {
	t.Helper()
	var all []string
	for i, data := range records {
		all = append(all, fmt.Sprintf(`{"recordId":"r%d","approximateArrivalTimestamp":1795345224100,"data":%q}`, i, base64.StdEncoding.EncodeToString(data)))
	}
	source := ""
	if kinesisARN != "" {
		source = fmt.Sprintf(`"sourceKinesisStreamArn":%q,`, kinesisARN)
	}
	event := `{"invocationId":"i","deliveryStreamArn":"arn:aws:firehose:eu-central-1:123456789012:deliverystream/` + stream + `",` + source +
		`"region":"eu-central-1","records":[` + strings.Join(all, ",") + `]}`
	result, err := f.Invoke(t.Context(), []byte(event), timeout)
	if err != nil {
		t.Fatalf("%v\n%s", err, f.Logs())
	}
	if len(result.Payload) > 6<<20 {
		t.Errorf("the answer has %d bytes", len(result.Payload))
	}
	var answer struct{ Records []answered }
	if err := json.Unmarshal(result.Payload, &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Records) != len(records) {
		t.Fatalf("%d records answer %d", len(answer.Records), len(records))
	}
	for i, r := range answer.Records {
		if r.RecordID != fmt.Sprint("r", i) {
			t.Errorf("record %d answers %s", i, r.RecordID)
		}
	}
	return answer.Records
}

// TestRecords: payloads give what the command gives, lines that Firehose has
// taken out become events with ids that stay, and the rest is told apart.
func TestRecords(t *testing.T) {
	f := start(t)
	lines := payloadtest.Lines(t)
	payload := payloadtest.Gzip(t, payloadtest.Document(t, "/ecs/web", lines))
	control := payloadtest.Gzip(t, []byte(`{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1,"message":"CWL CONTROL MESSAGE"}]}`))
	own := payloadtest.Gzip(t, payloadtest.Document(t, "/aws/lambda/transform", lines))
	extracted := []byte(strings.Join(lines[:5], "\n") + "\n")
	jsonLine := []byte(`{"remote_addr":"210.227.0.10","request":"GET / HTTP/1.1","status":"200","time_iso8601":"2026-11-22T11:00:24+00:00"}`)
	records := [][]byte{payload, control, own, []byte("\x1f\x8bbroken"), extracted, jsonLine, []byte("junk"), nil}
	got := invoke(t, f, "", records...)
	want := []string{"Ok", "Dropped", "Dropped", "ProcessingFailed", "Ok", "Ok", "Ok", "Dropped"}
	for i, r := range got {
		if r.Result != want[i] {
			t.Errorf("record %d: %s, want %s", i, r.Result, want[i])
		}
	}
	if !bytes.Equal(got[0].Data, payloadtest.ByCommand(t, payload)) {
		t.Error("the events of a payload are not the command's")
	}
	if n := bytes.Count(got[4].Data, []byte("\n")); n != 5 || bytes.Count(got[4].Data, []byte(`"dataset":"nginx.access"`)) != 5 {
		t.Errorf("%d events of extracted lines", n)
	}
	if again := invoke(t, f, "", records...); !bytes.Equal(again[4].Data, got[4].Data) {
		t.Error("the same record has other ids when it comes again")
	}
	if logs := f.Logs(); !strings.Contains(logs, "not delivered") || strings.Contains(logs, "210.227") {
		t.Errorf("the log says %s", logs)
	}
}

// TestWhatProducersJoin: two documents in a record, and two gzip members, give the
// events of both.
func TestWhatProducersJoin(t *testing.T) {
	f := start(t)
	lines := payloadtest.Lines(t)[:20]
	one, other := payloadtest.Document(t, "/ecs/edge", lines[:10]), payloadtest.Document(t, "/ecs/web", lines[10:])
	want := slices.Concat(payloadtest.ByCommand(t, one), payloadtest.ByCommand(t, other))
	for i, r := range invoke(t, f, "", payloadtest.Gzip(t, slices.Concat(one, other)), slices.Concat(payloadtest.Gzip(t, one), payloadtest.Gzip(t, other))) {
		if r.Result != "Ok" || !bytes.Equal(r.Data, want) {
			t.Errorf("record %d: %s, %d bytes of events, want %d", i, r.Result, len(r.Data), len(want))
		}
	}
}

// manyLines are lines that do not compress away.
func manyLines(n int) []string {
	random := rand.New(rand.NewPCG(1, 2))
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf(`210.227.0.%d - - [22/Nov/2026:11:00:24 +0000] "GET /%x HTTP/1.1" 200 3 "-" "agent/%d"`, 1+random.IntN(250), random.Uint64(), random.IntN(50))
	}
	return lines
}

// backIn returns a function that returns the records that a stream of server
// accepted so far.
func backIn(server *awstest.Server, stream string) func() [][]byte {
	return func() (all [][]byte) {
		for _, r := range server.Records(stream) {
			all = append(all, r.Data)
		}
		return all
	}
}

// untilAnswered plays Firehose: it invokes the function again with the records
// that were sent back, until all are answered. It returns the events.
func untilAnswered(t *testing.T, f *lambdatest.Function, kinesisARN string, sentBackSoFar func() [][]byte, records ...[]byte) (events []string, rounds int) {
	t.Helper()
	taken := 0
	for len(records) > 0 {
		if rounds++; rounds > 40 {
			t.Fatal("records are sent back again and again")
		}
		for i, r := range invoke(t, f, kinesisARN, records...) {
			switch r.Result {
			case "Ok":
				for line := range bytes.Lines(r.Data) {
					events = append(events, string(line))
				}
			case "ProcessingFailed":
				t.Fatalf("record %d failed:\n%s", i, f.Logs())
			}
		}
		back := sentBackSoFar()
		records = back[taken:]
		taken = len(back)
	}
	return events, rounds
}

// TestMoreThanAnAnswerHolds: records that do not fit go back to the stream, the
// large one in pieces; after some rounds every event is there once.
func TestMoreThanAnAnswerHolds(t *testing.T) {
	server := firehosetest.Start(t, awstest.Config{Targets: []string{stream}, Script: []awstest.Fault{awstest.FailRecords(0)}})
	f := start(t, "AWS_ENDPOINT_URL="+server.URL)
	large := payloadtest.Gzip(t, payloadtest.Document(t, "/ecs/large", manyLines(12_000))) // some 9 MB of events
	small := payloadtest.Gzip(t, payloadtest.Document(t, "/ecs/small", manyLines(3_000)))
	extracted := []byte(strings.Join(manyLines(9_000), "\n"))
	got, rounds := untilAnswered(t, f, "", backIn(server, stream), small, large, small, extracted)
	var want []string
	for _, payload := range [][]byte{small, large, small} {
		for line := range bytes.Lines(payloadtest.ByCommand(t, payload)) {
			want = append(want, string(line))
		}
	}
	var fromPayloads []string
	ids := map[string]bool{}
	for _, event := range got {
		if strings.Contains(event, `"log_group"`) {
			fromPayloads = append(fromPayloads, event)
			continue
		}
		var e struct{ Event struct{ ID string } }
		if err := json.Unmarshal([]byte(event), &e); err != nil {
			t.Fatal(err)
		}
		ids[e.Event.ID] = true
	}
	slices.Sort(want)
	slices.Sort(fromPayloads)
	if !slices.Equal(fromPayloads, want) {
		t.Errorf("%d events of payloads, want the command's %d", len(fromPayloads), len(want))
	}
	if len(ids) != 9_000 {
		t.Errorf("%d events of extracted lines, want 9000", len(ids))
	}
	if rounds < 2 {
		t.Error("all fitted: nothing was tested")
	}
	t.Logf("%d rounds", rounds)
}

// TestFullBuffer: a buffer of Firehose's that is full of ordinary payloads makes
// several answers' worth of events. All arrive, however often most of the
// records have to wait.
func TestFullBuffer(t *testing.T) {
	server := firehosetest.Start(t, awstest.Config{Targets: []string{stream}})
	f := start(t, "AWS_ENDPOINT_URL="+server.URL)
	payload := payloadtest.Gzip(t, payloadtest.Document(t, "/ecs/web", manyLines(4_000)))
	got, rounds := untilAnswered(t, f, "", backIn(server, stream), slices.Repeat([][]byte{payload}, 12)...)
	if len(got) != 12*4_000 {
		t.Errorf("%d events, want %d", len(got), 12*4_000)
	}
	t.Logf("%d rounds", rounds)
}

// TestDeadLetters: what cannot be read is kept there instead of by Firehose.
func TestDeadLetters(t *testing.T) {
	endpoint := mototest.Start(t)
	bucket := mototest.NewBucket(t, endpoint, "eu-central-1", "dead")
	f := start(t, "AWS_ENDPOINT_URL="+endpoint, "CLEARHOP_DEAD_LETTERS=s3://dead/letters/", "CLEARHOP_PRIVACY=truncate")
	if r := invoke(t, f, "", []byte("\x1f\x8bbroken 210.227.0.10"))[0]; r.Result != "Dropped" {
		t.Errorf("result %s", r.Result)
	}
	keys := bucket.Keys()
	if len(keys) != 1 {
		t.Fatalf("letters: %v", keys)
	}
	packed, _ := bucket.Get(keys[0])
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil || bytes.Contains(text, []byte("210.227")) || !bytes.Contains(text, []byte(`"withheld":true`)) {
		t.Errorf("the letter holds %s (%v)", text, err)
	}
}

// TestBackToKinesis: a stream that reads from Kinesis takes no puts itself.
func TestBackToKinesis(t *testing.T) {
	server := kinesistest.Start(t, awstest.Config{Targets: []string{"logs"}})
	f := start(t, "AWS_ENDPOINT_URL="+server.URL)
	payload := payloadtest.Gzip(t, payloadtest.Document(t, "/ecs/web", manyLines(12_000)))
	got, _ := untilAnswered(t, f, "arn:aws:kinesis:eu-central-1:123456789012:stream/logs", backIn(server, "logs"), payload)
	if want := bytes.Count(payloadtest.ByCommand(t, payload), []byte("\n")); len(got) != want {
		t.Errorf("%d events, want %d", len(got), want)
	}
}

// TestStreamThatTakesNothingBack: then the record is answered as failed, with
// its own data, and Firehose keeps it.
func TestStreamThatTakesNothingBack(t *testing.T) {
	server := firehosetest.Start(t, awstest.Config{Targets: []string{"another"}})
	f := start(t, "AWS_ENDPOINT_URL="+server.URL)
	payload := payloadtest.Gzip(t, payloadtest.Document(t, "/ecs/web", manyLines(12_000)))
	if r := invoke(t, f, "", payload)[0]; r.Result != "ProcessingFailed" || len(r.Data) > 0 {
		t.Errorf("result %s", r.Result)
	}
	if !strings.Contains(f.Logs(), "send back") {
		t.Errorf("the log says %s", f.Logs())
	}
}

// TestSentBackTooOften: the guard against a loop.
func TestSentBackTooOften(t *testing.T) {
	f := start(t)
	document := payloadtest.Document(t, "/ecs/web", manyLines(12_000))
	marks := strings.Repeat(`"`+handler.SentBack+`",`, handler.MaxGenerations)
	document = bytes.Replace(document, []byte(`"subscriptionFilters":[`), []byte(`"subscriptionFilters":[`+marks), 1)
	payload := payloadtest.Gzip(t, document)
	if r := invoke(t, f, "", payload)[0]; r.Result != "ProcessingFailed" || len(r.Data) > 0 {
		t.Errorf("result %s", r.Result)
	}
	if !strings.Contains(f.Logs(), handler.ErrSentBackTooOften.Error()) {
		t.Errorf("the log says %s", f.Logs())
	}
}

// TestNothingThatGoesBackIsShortened: payloads that are too long for a record of their
// stream come apart, packed or not, and lines without ids keep those of the first time.
func TestNothingThatGoesBackIsShortened(t *testing.T) {
	plain := payloadtest.Document(t, "/ecs/web", manyLines(4_820))
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, payload := range map[string][]byte{"plain": plain, "packed": packed.Bytes()} {
		for _, arn := range []string{"", "arn:aws:kinesis:eu-central-1:123456789012:stream/" + stream} {
			if len(payload) < 1_000_000 || len(payload) > 1_024_000 {
				t.Fatalf("the payload has %d bytes", len(payload))
			}
			server := firehosetest.Start(t, awstest.Config{Targets: []string{stream}})
			if arn != "" {
				server = kinesistest.Start(t, awstest.Config{Targets: []string{stream}})
			}
			f := start(t, "AWS_ENDPOINT_URL="+server.URL)
			got, rounds := untilAnswered(t, f, arn, backIn(server, stream), payload, payload, payload)
			if len(got) != 3*4_820 || rounds < 2 {
				t.Errorf("%s %s: %d events in %d rounds, want %d", name, arn, len(got), rounds, 3*4_820)
			}
		}
	}
}

// TestIDsOfExtractedLines: a line that Firehose has taken out of its payload has one id,
// whether its record had to wait or not.
func TestIDsOfExtractedLines(t *testing.T) {
	server := firehosetest.Start(t, awstest.Config{Targets: []string{stream}})
	f := start(t, "AWS_ENDPOINT_URL="+server.URL, "CLEARHOP_PRIVACY=truncate")
	records := make([][]byte, 4)
	for i := range records {
		records[i] = []byte(strings.Join(manyLines(3_000), "\n") + "\n")
	}
	ids := func(events []string) map[string]bool {
		all := map[string]bool{}
		for _, event := range events {
			var e struct{ Event struct{ ID string } }
			if err := json.Unmarshal([]byte(event), &e); err != nil {
				t.Fatal(err)
			}
			all[e.Event.ID] = true
		}
		return all
	}
	first, rounds := untilAnswered(t, f, "", backIn(server, stream), records...)
	if rounds < 2 {
		t.Fatal("all fitted: nothing was tested")
	}
	seen := len(server.Records(stream))
	again, _ := untilAnswered(t, f, "", func() [][]byte { return backIn(server, stream)()[seen:] }, records...)
	if n := len(ids(first)); n != 4*3_000 || n != len(ids(append(first, again...))) {
		t.Errorf("%d ids the first time, %d in all, want %d", n, len(ids(append(first, again...))), 4*3_000)
	}
}

// TestOwnGroupOfAnotherAccount: only the function's own log group is refused, and not one
// of the same name in another account.
func TestOwnGroupOfAnotherAccount(t *testing.T) {
	own := payloadtest.Document(t, "/aws/lambda/transform", payloadtest.Lines(t)[:5])
	others := bytes.Replace(own, []byte("123456789012"), []byte("999999999999"), 1)
	got := invoke(t, start(t), "", payloadtest.Gzip(t, own), payloadtest.Gzip(t, others))
	if got[0].Result != "Dropped" || got[1].Result != "Ok" {
		t.Errorf("the own group is %s, the other account's %s", got[0].Result, got[1].Result)
	}
}
