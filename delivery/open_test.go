package delivery_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clearhop/delivery"
	"clearhop/internal/awstest"
	"clearhop/internal/firehosetest"
	"clearhop/internal/kinesistest"
	"clearhop/internal/mototest"
	"clearhop/internal/sqstest"
	"clearhop/sink"
	"clearhop/sink/s3"
)

// onAWS lets the clients of this process find stand-ins by their variables.
func onAWS(t *testing.T, endpoints ...string) {
	t.Helper()
	t.Setenv("AWS_REGION", awstest.Region)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	for i := 0; i < len(endpoints); i += 2 {
		t.Setenv(endpoints[i], endpoints[i+1])
	}
}

// open opens outlets that are closed when the test ends.
func open(t *testing.T, s delivery.Settings, o delivery.Options) *delivery.Outlets {
	t.Helper()
	o.Source = "test"
	if s.S3Format == "" {
		s.S3Format = "ndjson.gz"
	}
	outlets, err := delivery.Open(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := outlets.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return outlets
}

func join(docs []sink.Document) []byte {
	var all []byte
	for _, d := range docs {
		all = append(all, d.Data...)
	}
	return all
}

// TestOpen delivers three events to each kind of sink.
func TestOpen(t *testing.T) {
	hose := firehosetest.Start(t, awstest.Config{Targets: []string{"hose", "rows"}})
	stream := kinesistest.Start(t, awstest.Config{Targets: []string{"stream"}})
	moto := mototest.Start(t)
	bucket := mototest.NewBucket(t, moto, awstest.Region, "events")
	onAWS(t, "AWS_ENDPOINT_URL_FIREHOSE", hose.URL, "AWS_ENDPOINT_URL_KINESIS", stream.URL, "AWS_ENDPOINT_URL_S3", moto)
	path := filepath.Join(t.TempDir(), "events.ndjson")
	var stdout bytes.Buffer
	cases := []struct {
		settings  delivery.Settings
		delivered func() []byte
	}{
		{delivery.Settings{Sink: "firehose", FirehoseStream: "hose"}, func() []byte { return hose.Data("hose") }},
		{delivery.Settings{Sink: "firehose", FirehoseStream: "rows", FirehoseFormat: "row"}, func() []byte { return asEvents(t, hose.Documents("rows")) }},
		{delivery.Settings{Sink: "kinesis", KinesisStream: "stream"}, func() []byte { return stream.Data("stream") }},
		{delivery.Settings{Sink: "s3", S3: "s3://events/nginx"}, func() []byte { return objects(t, bucket, "nginx/dt=2026-11-22/hour=11/") }},
		{delivery.Settings{Sink: "file", File: path}, func() []byte { return contents(t, path) }},
		{delivery.Settings{Sink: "stdout"}, stdout.Bytes},
	}
	for _, c := range cases {
		t.Run(c.settings.Sink, func(t *testing.T) {
			docs := events(3)
			r := open(t, c.settings, delivery.Options{Stdout: &stdout}).All()[0].Put(t.Context(), docs)
			if got := c.delivered(); r.Delivered != 3 || !bytes.Equal(got, join(docs)) {
				t.Errorf("%+v: %q arrived", r, got)
			}
		})
	}
}

// asEvents undoes encode.AppendRow for rows that each are a record.
func asEvents(t *testing.T, rows [][]byte) []byte {
	t.Helper()
	var all []byte
	for _, row := range rows {
		var r struct {
			Timestamp int64
			DT        string
			EventID   string `json:"event_id"`
		}
		if err := json.Unmarshal(row, &r); err != nil {
			t.Fatal(err)
		}
		_, rest, _ := bytes.Cut(row, []byte(`"event_id":"`+r.EventID+`",`))
		at := time.UnixMicro(r.Timestamp).UTC()
		if r.DT != at.Format(time.DateOnly) {
			t.Errorf("a row of %s is of the day %s", at, r.DT)
		}
		all = append(all, at.Format(`{"@timestamp":"2006-01-02T15:04:05.000Z",`)+string(rest)...)
		if !bytes.HasSuffix(all, []byte("\n")) {
			all = append(all, '\n')
		}
	}
	return all
}

// objects returns what is in the objects of a bucket, which all lie in a folder.
func objects(t *testing.T, bucket *mototest.Bucket, folder string) []byte {
	t.Helper()
	var all []byte
	for _, key := range bucket.Keys() {
		if !strings.HasPrefix(key, folder) {
			t.Errorf("object %s does not lie in %s", key, folder)
		}
		packed, _ := bucket.Get(key)
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	return all
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestOpenRoutesAndLetters: a route has its own sink, and what that does not take
// lies in the queue of dead letters.
func TestOpenRoutesAndLetters(t *testing.T) {
	hose := firehosetest.Start(t, awstest.Config{Targets: []string{"hose", "faults"}, Script: []awstest.Fault{awstest.AccessDenied()}})
	queue := sqstest.Start(t, awstest.Config{Targets: []string{"dead"}})
	onAWS(t, "AWS_ENDPOINT_URL_FIREHOSE", hose.URL, "AWS_ENDPOINT_URL_SQS", queue.URL)
	outlets := open(t, delivery.Settings{
		Sink: "firehose", FirehoseStream: "hose", Routes: map[string]string{"faults": "firehose:faults"},
		LetterSettings: delivery.LetterSettings{DeadLetters: sqstest.QueueURL(queue, "dead")},
	}, delivery.Options{})
	docs := events(2)
	if r := outlets.All()[1].Put(t.Context(), docs); r.DeadLetters != 2 {
		t.Errorf("%+v", r)
	}
	if kept := letters(t, &scripted{taken: [][]byte{queue.Data("dead")}}); len(kept) != 2 || !strings.Contains(kept[0].Reason, "firehose stream faults") {
		t.Errorf("%d letters", len(kept))
	}
	if r := outlets.All()[1].Put(t.Context(), docs); r.Delivered != 2 || !bytes.Equal(hose.Data("faults"), join(docs)) || len(hose.Data("hose")) > 0 {
		t.Errorf("%+v", r)
	}
	if stats := outlets.TakeStats(); stats.Calls != 3 {
		t.Errorf("%+v, want 3 calls", stats)
	}
}

// TestOpenLetters: dead letters alone, below a prefix in S3.
func TestOpenLetters(t *testing.T) {
	moto := mototest.Start(t)
	bucket := mototest.NewBucket(t, moto, awstest.Region, "dead")
	onAWS(t, "AWS_ENDPOINT_URL_S3", moto)
	place, err := delivery.OpenLetters(t.Context(), delivery.LetterSettings{DeadLetters: "s3://dead/letters"}, delivery.Options{Source: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer place.Close(t.Context())
	if r := place.KeepPayload(t.Context(), []byte("{broken"), errLater); r.DeadLetters != 1 {
		t.Fatalf("%+v", r)
	}
	kept := letters(t, &scripted{taken: [][]byte{objects(t, bucket, "letters/dt=")}})
	if len(kept) != 1 || string(kept[0].Data) != "{broken" {
		t.Errorf("%d letters", len(kept))
	}
}

// TestOpenerSingle: each payload has a record of its own.
func TestOpenerSingle(t *testing.T) {
	hose := firehosetest.Start(t, awstest.Config{Targets: []string{"hose"}})
	stream := kinesistest.Start(t, awstest.Config{Targets: []string{"stream"}})
	onAWS(t, "AWS_ENDPOINT_URL_FIREHOSE", hose.URL, "AWS_ENDPOINT_URL_KINESIS", stream.URL)
	var opener delivery.Opener
	for target, server := range map[delivery.Target]*awstest.Server{
		{Kind: delivery.Firehose, Name: "hose", Single: true}:                                                   hose,
		{Kind: delivery.Kinesis, Name: "arn:aws:kinesis:eu-central-1:123456789012:stream/stream", Single: true}: stream,
	} {
		to, err := opener.Open(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		if err := to.Put(t.Context(), events(3)); err != nil {
			t.Fatal(err)
		}
		name := target.Name[strings.LastIndexByte(target.Name, '/')+1:]
		if n := len(server.Records(name)); n != 3 {
			t.Errorf("%s: %d records, want 3", target.Kind, n)
		}
	}
}

// TestOpenFails: the error names what is wrong, and what was opened is closed.
func TestOpenFails(t *testing.T) {
	onAWS(t)
	missing := filepath.Join(t.TempDir(), "none", "events.ndjson")
	f := func(want string, s delivery.Settings) {
		t.Helper()
		s.S3Format = "ndjson.gz"
		outlets, err := delivery.Open(t.Context(), s, delivery.Options{Source: "test", Stdout: io.Discard})
		if err == nil || outlets != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	f("CLEARHOP_FIREHOSE_STREAM: the sink firehose needs it", delivery.Settings{Sink: "firehose"})
	f(missing, delivery.Settings{Sink: "file", File: missing})
	f(`firehose sink: stream name "a/b"`, delivery.Settings{Sink: "firehose", FirehoseStream: "a/b"})
	f(`route a: s3 sink: bucket name "B"`, delivery.Settings{Sink: "stdout", Routes: map[string]string{"a": "s3://B/"}})
	f("dead letters: sqs sink: ", delivery.Settings{Sink: "stdout", LetterSettings: delivery.LetterSettings{DeadLetters: "https://sqs/1/a.fifo"}})
	if _, err := delivery.OpenLetters(t.Context(), delivery.LetterSettings{DeadLetters: "dead"}, options); err == nil || !strings.Contains(err.Error(), "CLEARHOP_DEAD_LETTERS: ") {
		t.Errorf("letters: got %v", err)
	}
	var opener delivery.Opener
	if _, err := opener.Open(t.Context(), delivery.Target{Kind: "sns"}); err == nil || err.Error() != `there is no kind of sink "sns"` {
		t.Errorf("got %v", err)
	}
	if _, err := opener.Open(t.Context(), delivery.Target{Kind: delivery.S3, Name: "events", Format: s3.Parquet}); err == nil || err.Error() != "is not of the form s3://bucket/prefix/" {
		t.Errorf("got %v", err)
	}
}
