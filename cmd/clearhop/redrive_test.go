package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"clearhop/internal/buildtest"
	"clearhop/internal/mototest"
	"clearhop/sink"
	"clearhop/sink/deadletter"
	s3sink "clearhop/sink/s3"
	sqssink "clearhop/sink/sqs"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// lostEvents are events as dead letters hold them.
func lostEvents(t *testing.T, n int) (docs []sink.Document) {
	t.Helper()
	var in, out, errOut bytes.Buffer
	for i := range n {
		fmt.Fprintf(&in, "198.51.100.7 - - [22/Nov/2026:11:00:24 +0000] \"GET /%d HTTP/1.1\" 200 3 \"-\" \"a\"\n", i)
	}
	if code := run(t.Context(), []string{"enrich", "-q"}, &in, &out, &errOut); code != exitOK {
		t.Fatal(errOut.String())
	}
	for line := range bytes.Lines(out.Bytes()) {
		var e struct{ Event struct{ ID string } }
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		docs = append(docs, sink.Document{ID: []byte(e.Event.ID), Data: bytes.Clone(line)})
	}
	return docs
}

// TestRedrive sends dead letters from moto's S3 and SQS, is killed in between, and goes on.
// TestRedriveText: what is shown while a redrive works fits a terminal, also where it is
// not known how much there is.
func TestRedriveText(t *testing.T) {
	t.Setenv("LC_ALL", "C")
	p := redriveProgress{total: 3000, before: 1000}
	if got, want := p.text(500, 123_456, 10*time.Second), "[#####     ]  50%  1,500 of 3,000 objects  123,456 events sent  12,345/s  11s left"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	p = redriveProgress{}
	if got, want := p.text(1, 0, 0), "1 object read  0 events sent"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRedrive(t *testing.T) {
	endpoint := mototest.Start(t)
	keys := credentials.NewStaticCredentialsProvider("test", "test", "")
	letters := mototest.NewBucket(t, endpoint, region, "letters")
	events := mototest.NewBucket(t, endpoint, region, "events")
	queues := sqs.New(sqs.Options{BaseEndpoint: &endpoint, Region: region, Credentials: keys})
	queue, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("letters")})
	if err != nil {
		t.Fatal(err)
	}
	objects := s3.New(s3.Options{BaseEndpoint: &endpoint, Region: region, Credentials: keys, UsePathStyle: true})
	keep := func(to sink.Sink, docs []sink.Document) {
		t.Helper()
		box, err := deadletter.New(deadletter.Config{Sink: to, Source: "subscriber"})
		if err == nil {
			err = box.Put(t.Context(), deadletter.Undelivered(docs, fmt.Errorf("firehose: throttled")))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	const perObject, count, inQueue = 20, 20, 15
	lost := lostEvents(t, count*perObject+inQueue)
	for n := range count {
		to, err := s3sink.New(s3sink.Config{Client: objects, Bucket: "letters", Prefix: "letters/"})
		if err != nil {
			t.Fatal(err)
		}
		keep(to, lost[n*perObject:][:perObject])
	}
	to, err := sqssink.New(sqssink.Config{Client: queues, QueueURL: *queue.QueueUrl})
	if err != nil {
		t.Fatal(err)
	}
	keep(to, lost[count*perObject:])

	path := buildtest.Program(t, buildtest.Config{Package: "clearhop/cmd/clearhop"})
	command := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), path, append([]string{"redrive", "--sink", "s3", "--s3", "s3://events/nginx/"}, args...)...)
		cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+endpoint, "AWS_REGION="+region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "NO_COLOR=1")
		return cmd
	}
	must := func(want string, args ...string) {
		t.Helper()
		if out, err := command(args...).CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("%s: %v\n%s", args, err, out)
		}
	}
	must("Read: 400 events, 0 payloads, 0 that cannot be sent, 0 left out.\n       400 event      ", "--dry-run", "s3://letters/letters/")
	must("Read: 15 events,", "--dry-run", *queue.QueueUrl)
	must("Read: 0 events, 0 payloads, 0 that cannot be sent, 400 left out.", "--dry-run", "--reason", "too large", "s3://letters/letters/")
	must("Read: 400 events,", "--dry-run", "--reason", "THROTTLED", "--since", "1h", "s3://letters/letters/")

	killed := command("--rate", "100", "s3://letters/letters/")
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); len(events.Keys()) == 0 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	_ = killed.Process.Kill()
	_ = killed.Wait()
	if len(events.Keys()) == 0 {
		t.Error("nothing was sent before the kill")
	}
	must(" 0 stay where they are.", "s3://letters/letters/")
	must("Sent: 0 events;", "s3://letters/letters/")
	must("1 done, 0 stay where they are.", *queue.QueueUrl)
	must("Sent: 0 events;", *queue.QueueUrl)

	if names := letters.Keys(); len(names) != count || !strings.HasPrefix(names[0], "letters/redriven/") {
		t.Errorf("the bucket of the letters holds %s", names)
	}
	got := map[string]bool{}
	for _, key := range events.Keys() {
		packed, _ := events.Get(key)
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			got[string(line)] = true
		}
	}
	for _, d := range lost {
		if !got[string(d.Data)] {
			t.Errorf("missing: %s", d.Data)
		}
	}
	if len(got) != len(lost) {
		t.Errorf("%d different events, want %d", len(got), len(lost))
	}
}
