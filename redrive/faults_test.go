package redrive_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"clearhop/decode"
	"clearhop/delivery"
	"clearhop/encode"
	"clearhop/encode/parquet"
	"clearhop/internal/awstest"
	"clearhop/internal/firehosetest"
	"clearhop/internal/kinesistest"
	"clearhop/internal/payloadtest"
	"clearhop/internal/s3test"
	"clearhop/internal/sqstest"
	"clearhop/pipeline"
	"clearhop/redrive"
	"clearhop/sink"
	"clearhop/sink/deadletter"
	"clearhop/sink/retry"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const queueURL = "http://aws.test/123456789012/letters"

// An account is the stand-ins that a redrive reads from and sends to. Each enforces the
// limits that AWS documents, and a part of the calls fails.
type account struct {
	t                      *testing.T
	random                 *rand.Rand
	rate                   float64 // of calls that fail
	firehose, kinesis, sqs *awstest.Server
	queue                  *sqstest.Receiver
	s3                     *s3test.Server
	put                    int
}

func newAccount(t *testing.T, seed uint64) *account {
	a := &account{t: t, random: rand.New(rand.NewPCG(seed, 1))}
	config := func(throttle awstest.Fault) awstest.Config {
		return awstest.Config{Targets: []string{"events", "letters"}, Seed: seed + 1, Plan: func(n int) awstest.Fault { return a.fault(throttle, n) }}
	}
	a.firehose, a.kinesis = firehosetest.New(config(firehosetest.Throttle())), kinesistest.New(config(kinesistest.Throttle()))
	a.sqs = sqstest.New(config(sqstest.Throttle()))
	a.queue = &sqstest.Receiver{Server: a.sqs, Queue: "letters", Plan: func(string) awstest.Fault { return a.fault(sqstest.Throttle(), 0) }}
	a.s3 = s3test.New(s3test.Config{Buckets: []string{"events", "letters"}, Plan: func(string) awstest.Fault { return a.fault(s3test.SlowDown(), 0) }})
	return a
}

// fault returns what goes wrong with a call of n records.
func (a *account) fault(throttle awstest.Fault, n int) awstest.Fault {
	switch {
	case a.random.Float64() >= a.rate:
		return awstest.Pass()
	case n > 0 && a.random.IntN(2) == 0:
		return awstest.FailRecords(a.random.IntN(n))
	}
	return []awstest.Fault{throttle, awstest.InternalFailure(), awstest.Written(), awstest.ResetWritten(), awstest.HalfWritten(), awstest.Proxy(http.StatusBadGateway, true)}[a.random.IntN(6)]
}

// ServeHTTP answers a call to any of the services.
func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch target := r.Header.Get("X-Amz-Target"); {
	case strings.HasPrefix(target, "Firehose_"):
		a.firehose.ServeHTTP(w, r)
	case strings.HasPrefix(target, "Kinesis_"):
		a.kinesis.ServeHTTP(w, r)
	case target == "AmazonSQS.SendMessageBatch":
		a.sqs.ServeHTTP(w, r)
	case strings.HasPrefix(target, "AmazonSQS."):
		a.queue.ServeHTTP(w, r)
	default:
		a.s3.ServeHTTP(w, r)
	}
}

func (a *account) config() aws.Config {
	return aws.Config{Region: awstest.Region, Credentials: awstest.Credentials(), HTTPClient: awstest.Direct{Handler: a},
		BaseEndpoint: aws.String("http://aws.test"), Retryer: func() aws.Retryer { return aws.NopRetryer{} }}
}

// outlets are the real sinks of the settings, without pauses.
func (a *account) outlets(s delivery.Settings) *delivery.Outlets {
	a.t.Helper()
	c := a.config()
	to, err := delivery.Open(a.t.Context(), s, delivery.Options{Source: "redrive", Opener: &delivery.Opener{AWS: &c,
		Retry: retry.Policy{Jitter: func(time.Duration) time.Duration { return 0 }}}})
	if err != nil {
		a.t.Fatal(err)
	}
	return to
}

// keep puts what was lost where a service or a function puts it.
func (a *account) keep(place, text string) {
	a.t.Helper()
	a.put++
	if place != "queue" {
		bucket, prefix, _ := strings.Cut(place, "/")
		a.s3.Put(bucket, fmt.Sprintf("%s/%03d", prefix, a.put), []byte(text))
		return
	}
	_, err := sqs.NewFromConfig(a.config()).SendMessageBatch(a.t.Context(), &sqs.SendMessageBatchInput{
		QueueUrl: aws.String(queueURL), Entries: []types.SendMessageBatchRequestEntry{{Id: aws.String("0"), MessageBody: &text}},
	})
	if err != nil {
		a.t.Fatal(err)
	}
}

// A loss is what was lost, in one of the forms that a redrive reads.
type loss struct {
	name, place string
	texts       func(t *testing.T, packed []byte, docs []sink.Document) []string
}

func failedRecord(raw []byte) string {
	return fmt.Sprintf(`{"attemptsMade":4,"arrivalTimestamp":1795345224000,"errorCode":"Lambda.InvokeLimitExceeded","errorMessage":"m","attemptEndingTimestamp":1795345225000,"rawData":%q,"lambdaArn":"arn"}`, base64.StdEncoding.EncodeToString(raw))
}

func eventLetters(t *testing.T, docs []sink.Document) (texts []string) {
	for i, d := range docs {
		texts = append(texts, letters(t, []int{0, 2000}[i%2], deadletter.Letter{Kind: deadletter.Event, Reason: "throttled", EventID: d.ID, Data: d.Data})...)
	}
	return texts
}

func invocation(t *testing.T, packed []byte, _ []sink.Document) []string {
	return []string{fmt.Sprintf(`{"version":"1.0","timestamp":"2026-11-22T11:00:24.000Z","requestContext":{"condition":"RetriesExhausted"},"requestPayload":{"awslogs":{"data":%q}},"responsePayload":{"errorMessage":"m"}}`, base64.StdEncoding.EncodeToString(packed))}
}

var losses = []loss{
	{"letters in a bucket", "letters/letters", func(t *testing.T, _ []byte, docs []sink.Document) []string { return eventLetters(t, docs) }},
	{"letters in a queue", "queue", func(t *testing.T, _ []byte, docs []sink.Document) []string { return eventLetters(t, docs) }},
	{"processing failed", "events/errors/processing-failed", func(_ *testing.T, packed []byte, _ []sink.Document) []string { return []string{failedRecord(packed)} }},
	{"format conversion failed", "events/errors/format-conversion-failed", func(_ *testing.T, _ []byte, docs []sink.Document) (texts []string) {
		for _, d := range docs {
			texts = append(texts, failedRecord(d.Data))
		}
		return []string{strings.Join(texts, "\n")}
	}},
	{"given up by Lambda, in a bucket", "letters/aws/lambda/async", invocation},
	{"given up by Lambda, in a queue", "queue", invocation},
}

var targets = map[string]delivery.Settings{
	"firehose":   {Sink: "firehose", FirehoseStream: "events"},
	"rows":       {Sink: "firehose", FirehoseStream: "events", FirehoseFormat: "row"},
	"kinesis":    {Sink: "kinesis", KinesisStream: "events"},
	"s3 gzip":    {Sink: "s3", S3: "s3://events/nginx/", S3Format: "ndjson.gz"},
	"s3 zstd":    {Sink: "s3", S3: "s3://events/nginx/", S3Format: "ndjson.zst"},
	"s3 parquet": {Sink: "s3", S3: "s3://events/nginx/", S3Format: "parquet"},
}

// TestFaults: from each place to each sink, whatever the services refuse and wherever a run
// is killed, after some runs each event was delivered, and nothing is left.
func TestFaults(t *testing.T) {
	p := newPipeline(t)
	seed := uint64(0)
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		settings := targets[name]
		settings.S3Format = cmp.Or(settings.S3Format, "ndjson.gz") // as the default is
		for _, l := range losses {
			seed++
			t.Run(l.name+" to "+name, func(t *testing.T) { testFaults(t, seed, p, settings, l) })
		}
	}
}

func testFaults(t *testing.T, seed uint64, p *pipeline.Pipeline, settings delivery.Settings, l loss) {
	a := newAccount(t, seed)
	want := map[string]string{}
	for n := range 6 {
		document := bytes.ReplaceAll(payloadtest.Document(t, fmt.Sprintf("/ecs/%d", n), payloadtest.LinesIn(t, "..")[:3]), []byte(`"id":"`), fmt.Appendf(nil, `"id":"%d`, n))
		packed := payloadtest.Gzip(t, document)
		docs := eventsOf(t, p, packed)
		for _, d := range docs {
			want[string(d.ID)] = strings.TrimSpace(string(d.Data))
		}
		for _, text := range l.texts(t, packed, docs) {
			a.keep(l.place, text)
		}
	}
	if len(want) != 18 {
		t.Fatalf("%d events, want 18: ids are not their own", len(want))
	}
	a.rate = 0.3
	for run := 0; ; run++ {
		if run == 60 {
			t.Fatal("something is left after 60 runs")
		}
		if run == 40 {
			a.rate = 0
		}
		if a.redrive(p, settings, a.random.IntN(12)) && a.left() == 0 {
			break
		}
		a.queue.Show()
	}
	a.check(want)
}

// redrive runs once, and is killed when it has read some units. It reports whether it came
// to its end.
func (a *account) redrive(p *pipeline.Pipeline, settings delivery.Settings, kill int) (ended bool) {
	errKilled := errors.New("killed")
	defer func() {
		if r := recover(); r != nil && r != errKilled {
			panic(r)
		}
	}()
	c := redrive.Config{Pipeline: p, Outlets: a.outlets(settings), Seen: func(n *redrive.Counts) {
		if n.Units == kill {
			panic(errKilled)
		}
	}}
	client := s3.NewFromConfig(a.config(), func(o *s3.Options) { o.UsePathStyle = true })
	for _, source := range []redrive.Source{redrive.Objects(client, "letters", ""), redrive.Objects(client, "events", "errors/"), redrive.Queue(sqs.NewFromConfig(a.config()), queueURL)} {
		if _, err := redrive.Run(a.t.Context(), source, c); err != nil {
			return false // a call failed: the next run goes on
		}
	}
	return true
}

// left returns how many units are where they were.
func (a *account) left() int {
	n := a.queue.Left()
	for _, bucket := range []string{"letters", "events"} {
		for _, key := range a.s3.Keys(bucket, "") {
			if !strings.HasPrefix(key, "nginx/") && !strings.Contains(key, "/redriven/") {
				n++
			}
		}
	}
	return n
}

// check compares what has arrived with what was lost.
func (a *account) check(want map[string]string) {
	a.t.Helper()
	got := map[string]bool{}
	for _, event := range a.arrived() {
		id, _ := encode.EventID(event)
		if want[string(id)] != strings.TrimSpace(string(event)) {
			a.t.Errorf("another event, or an invented one: %.300s", event)
		}
		got[string(id)] = true
	}
	if len(got) != len(want) {
		a.t.Errorf("%d events, want %d", len(got), len(want))
	}
	for _, server := range []interface{ Violations() []string }{a.firehose, a.kinesis, a.sqs, a.s3} {
		for _, v := range server.Violations() {
			a.t.Errorf("a limit was broken: %s", v)
		}
	}
}

// arrived returns the events behind all sinks.
func (a *account) arrived() (all [][]byte) {
	for _, text := range append(a.firehose.Documents("events"), a.kinesis.Documents("events")...) {
		if event, err := encode.EventOfRow(nil, bytes.TrimSpace(text)); err == nil {
			text = event
		}
		all = append(all, text)
	}
	for _, key := range a.s3.Keys("events", "nginx/") {
		data := a.s3.Object("events", key)
		if strings.HasSuffix(key, ".parquet") {
			for event, err := range parquet.Events(bytes.NewReader(data), int64(len(data))) {
				if err != nil {
					a.t.Fatal(err)
				}
				all = append(all, bytes.Clone(event))
			}
			continue
		}
		in, err := decode.Unpack(bytes.NewReader(data))
		if err != nil {
			a.t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			a.t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			if !json.Valid(line) {
				a.t.Errorf("half an event: %.200s", line)
			}
			all = append(all, line)
		}
	}
	return all
}
