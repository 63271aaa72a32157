package deadletter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"clearhop/internal/awstest"
	"clearhop/internal/mototest"
	"clearhop/internal/sqstest"
	"clearhop/sink"
	"clearhop/sink/deadletter"
	"clearhop/sink/file"
	"clearhop/sink/retry"
	"clearhop/sink/s3"
	"clearhop/sink/sqs"
)

var now = time.Date(2026, 11, 22, 11, 0, 24, 7_000_000, time.UTC)

func newBox(t testing.TB, c deadletter.Config) *deadletter.Box {
	t.Helper()
	c.Source = "subscriber"
	c.Now = func() time.Time { return now }
	b, err := deadletter.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// noise returns n bytes of everything.
func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func letters() []deadletter.Letter {
	return []deadletter.Letter{
		{Kind: deadletter.Event, Reason: "attempts used up", RequestID: "r-1", EventID: []byte("id-1"), Data: []byte(`{"url":{"path":"/<&>é` + "\u2028\uFFFF" + `"}, "event":{}}` + "\n")},
		{Kind: deadletter.Event, Reason: "no newline", EventID: []byte("\xff"), Data: []byte(`{"event":{}}`)},
		{Kind: deadletter.Event, Reason: "no JSON", Data: []byte("{}}\n")},
		{Kind: deadletter.Event, Reason: "white space", Data: []byte(" {} \n")},
		{Kind: deadletter.Event, Reason: "not UTF-8", Data: []byte("{\"a\":\"\xff\"}\n")},
		{Kind: deadletter.Event, Reason: "two lines", Data: []byte("{\n}\n")},
		{Kind: deadletter.Event, Reason: "large", Data: []byte(`{"a":"` + strings.Repeat("x", 900_000) + `"}` + "\n")},
		{Kind: deadletter.Payload, Reason: "not gzip", Data: noise(3_000_000)},
		{Kind: deadletter.Payload, Reason: "empty", Data: []byte{}},
		{Kind: deadletter.Payload, Reason: "JSON as it came", Data: []byte(`{"awslogs":{"data":""}}` + "\n")},
	}
}

// same holds letters that were read against those that were put.
func same(t testing.TB, got []*deadletter.Letter, want []deadletter.Letter) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d letters came back, want %d", len(got), len(want))
	}
	byReason := func(a, b *deadletter.Letter) int { return strings.Compare(a.Reason, b.Reason) }
	slices.SortFunc(got, byReason)
	sorted := make([]*deadletter.Letter, len(want))
	for i := range want {
		l := want[i]
		l.Time, l.Source, l.Size = now, "subscriber", len(l.Data)
		sorted[i] = &l
	}
	slices.SortFunc(sorted, byReason)
	for i := range got {
		if !bytes.Equal(got[i].Data, sorted[i].Data) {
			t.Errorf("%s: %d other bytes came back, want %d", got[i].Reason, len(got[i].Data), len(sorted[i].Data))
		}
		got[i].Data, sorted[i].Data = nil, nil
		if len(got[i].SHA256) != 64 {
			t.Errorf("%s: hash %q", got[i].Reason, got[i].SHA256)
		}
		got[i].SHA256 = ""
		if diff := cmp.Diff(sorted[i], got[i]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", got[i].Reason, diff)
		}
	}
}

func read(t testing.TB, r *deadletter.Reader, src io.Reader) (got []*deadletter.Letter) {
	t.Helper()
	for l, err := range r.All(src) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, l)
	}
	return got
}

func TestRoundTripThroughAFile(t *testing.T) {
	var out bytes.Buffer
	b := newBox(t, deadletter.Config{Sink: file.New(&out)})
	if err := b.Put(t.Context(), letters()); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(out.Bytes(), []byte("\n")); n != len(letters()) {
		t.Errorf("%d lines, want one a letter", n)
	}
	first, _, _ := bytes.Cut(out.Bytes(), []byte("\n"))
	for _, part := range []string{
		`{"@timestamp":"2026-11-22T11:00:24.007Z","dead_letter_version":1,"id":"`,
		`,"part":1,"parts":1,"kind":"event","source":"subscriber","request_id":"r-1","reason":"attempts used up","event_id":"aWQtMQ==","size":`,
		`,"event":{"url":{"path":"/<&>é` + "\u2028\uFFFF" + `"}, "event":{}}}`,
	} {
		if !strings.Contains(string(first), part) {
			t.Errorf("the first line is %s, want in it %s", first, part)
		}
	}
	same(t, read(t, new(deadletter.Reader), &out), letters())
}

// TestRoundTripThroughSQS: long letters are split, and their parts arrive in any
// order while messages fail.
func TestRoundTripThroughSQS(t *testing.T) {
	server := sqstest.Start(t, awstest.Config{Targets: []string{"dead"}, Random: awstest.Random{Records: 0.3, Calls: 0.3, Written: 0.2}})
	s, err := sqs.New(sqs.Config{
		Client: sqstest.NewClient(server.URL), QueueURL: sqstest.QueueURL(server, "dead"),
		Retry: retry.Policy{MaxAttempts: 100, Sleep: func(context.Context, time.Duration) {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := newBox(t, deadletter.Config{Sink: s}).Put(t.Context(), letters()); err != nil {
		t.Fatal(err)
	}
	if s.TakeStats().Truncated != 0 {
		t.Error("a letter was shortened")
	}
	messages := server.Records("dead")
	rand.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
	var r deadletter.Reader
	var got []*deadletter.Letter
	seen := map[string]bool{}
	for _, m := range messages {
		for _, l := range read(t, &r, bytes.NewReader(m.Data)) {
			if !seen[l.Reason] { // at least once
				got = append(got, l)
			}
			seen[l.Reason] = true
		}
	}
	same(t, got, letters())
}

func TestRoundTripThroughS3(t *testing.T) {
	endpoint := mototest.Start(t)
	client := awss3.New(awss3.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
	bucket := aws.String("dead-letters")
	if _, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	s, err := s3.New(s3.Config{Client: client, Bucket: *bucket, Prefix: "dead-letters/"})
	if err != nil {
		t.Fatal(err)
	}
	if err := newBox(t, deadletter.Config{Sink: s}).Put(t.Context(), letters()); err != nil {
		t.Fatal(err)
	}
	objects, err := client.ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: bucket})
	if err != nil {
		t.Fatal(err)
	}
	if len(objects.Contents) != 1 || !strings.HasPrefix(*objects.Contents[0].Key, "dead-letters/dt=2026-11-22/hour=11/") {
		t.Fatalf("objects %v", objects.Contents)
	}
	object, err := client.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: bucket, Key: objects.Contents[0].Key})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Body.Close()
	lines, err := gzip.NewReader(object.Body)
	if err != nil {
		t.Fatal(err)
	}
	same(t, read(t, new(deadletter.Reader), lines), letters())
}

func TestPayloadsAreWithheld(t *testing.T) {
	var out bytes.Buffer
	b := newBox(t, deadletter.Config{Sink: file.New(&out), WithholdPayloads: true})
	const secret = "203.0.113.77"
	err := b.Put(t.Context(), []deadletter.Letter{
		{Kind: deadletter.Payload, Reason: "not gzip", Data: []byte(secret)},
		{Kind: deadletter.Event, Reason: "attempts used up", Data: []byte("{}\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), secret) || strings.Contains(out.String(), "MjAzLjAuMTEzLjc3") {
		t.Errorf("the payload is in %s", out.String())
	}
	got := read(t, new(deadletter.Reader), &out)
	if !got[0].Withheld || got[0].Data != nil || got[0].Size != len(secret) || got[1].Withheld || string(got[1].Data) != "{}\n" {
		t.Errorf("got %+v and %+v", got[0], got[1])
	}
}

// failing is a sink that fails as it is told.
type failing struct {
	limit int
	err   func(docs []sink.Document) error
	docs  []sink.Document
}

func (f *failing) Put(_ context.Context, docs []sink.Document) error {
	f.docs = append(f.docs, docs...)
	return f.err(docs)
}
func (f *failing) Close(context.Context) error { return nil }
func (f *failing) MaxDocument() int            { return f.limit }

func TestFailuresAreOfLetters(t *testing.T) {
	no := errors.New("no")
	s := &failing{limit: 2000, err: func(docs []sink.Document) error {
		return &sink.PutError{Failures: []sink.Failure{{Index: 2, Err: no}, {Index: 3, Err: no}, {Index: len(docs) - 1, Err: no}}}
	}}
	b := newBox(t, deadletter.Config{Sink: s})
	err := b.Put(t.Context(), []deadletter.Letter{
		{Kind: deadletter.Payload, Data: noise(10)},
		{Kind: deadletter.Payload, Data: noise(6000)}, // several lines, of which two fail
		{Kind: deadletter.Payload, Data: noise(10)},
		{Kind: deadletter.Payload, Data: noise(10)},
	})
	var failed *sink.PutError
	if !errors.As(err, &failed) || len(failed.Failures) != 2 || failed.Failures[0].Index != 1 || failed.Failures[1].Index != 3 {
		t.Errorf("got %v, want the letters 1 and 3", err)
	}
	for _, d := range s.docs {
		if len(d.Data) > s.limit {
			t.Errorf("a line of %d bytes", len(d.Data))
		}
	}
	s.err = func([]sink.Document) error { return no }
	if err := b.Put(t.Context(), []deadletter.Letter{{Kind: deadletter.Payload}}); !errors.Is(err, no) || errors.As(err, &failed) {
		t.Errorf("got %v", err)
	}
	small := newBox(t, deadletter.Config{Sink: &failing{limit: 100, err: func([]sink.Document) error { return nil }}})
	err = small.Put(t.Context(), []deadletter.Letter{{Kind: deadletter.Payload, Data: noise(10)}})
	if want := "dead letters: 1 documents not delivered: letter needs lines of more than 100 bytes"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestUndelivered(t *testing.T) {
	docs := []sink.Document{{ID: []byte("0"), Data: []byte("a")}, {ID: []byte("1"), Data: []byte("b")}}
	no := errors.New("no")
	f := func(err error, want ...string) {
		t.Helper()
		var got []string
		for _, l := range deadletter.Undelivered(docs, err) {
			got = append(got, fmt.Sprintf("%s %s %s %s", l.Kind, l.EventID, l.Data, l.Reason))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
	f(nil)
	f(no, "event 0 a no", "event 1 b no")
	f(fmt.Errorf("put: %w", &sink.PutError{Failures: []sink.Failure{{Index: 1, Err: no}}}), "event 1 b no")
}

func TestReaderErrors(t *testing.T) {
	var out bytes.Buffer
	b := newBox(t, deadletter.Config{Sink: file.New(&out)})
	if err := b.Put(t.Context(), []deadletter.Letter{{Kind: deadletter.Payload, Data: []byte("abc")}}); err != nil {
		t.Fatal(err)
	}
	good := out.String()
	f := func(bad, want string) {
		t.Helper()
		var r deadletter.Reader
		var texts []string
		letters := 0
		for l, err := range r.All(strings.NewReader(good + bad + "\n" + good)) {
			if l != nil {
				letters++
			}
			if err != nil {
				texts = append(texts, err.Error())
				if !errors.Is(err, deadletter.ErrLine) {
					t.Errorf("%v is no ErrLine", err)
				}
			}
		}
		if letters != 2 || !slices.Equal(texts, []string{"line 2: not a dead letter: " + want}) {
			t.Errorf("%s: %d letters and errors %q", bad, letters, texts)
		}
	}
	line := strings.TrimSuffix(good, "\n")
	f("junk", "is not JSON of its shape")
	f("{}", "version 0, want 1")
	f(strings.Replace(line, "2026-", "2026", 1), "@timestamp is no time")
	f(strings.Replace(line, `"payload"`, `"parcel"`, 1), "of no known kind")
	f(strings.Replace(line, `"part":1`, `"part":2`, 1), "part 2 of 1")
	f(strings.Replace(line, `"parts":1`, `"parts":100000000`, 1), "part 1 of 100000000")
	f(strings.Replace(line, `YWJj`, `YWJk`, 1), "its data is not what its hash says")
	f(strings.Replace(line, `"size":3`, `"size":4`, 1), "its data is not what its hash says")
}

// FuzzRoundTrip: whatever failed, and however short lines must be, it comes back
// byte for byte.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte(`{"event":{"id":"1"}}`+"\n"), "why", []byte("id"), uint16(0))
	f.Add([]byte("\x00\xff"), "\xff", []byte{}, uint16(700))
	f.Add(bytes.Repeat([]byte("0123456789"), 500), strings.Repeat("é", 1000), []byte(nil), uint16(3000))
	f.Fuzz(func(t *testing.T, data []byte, reason string, id []byte, limit uint16) {
		for _, kind := range []deadletter.Kind{deadletter.Event, deadletter.Payload} {
			s := &failing{limit: int(limit), err: func([]sink.Document) error { return nil }}
			b := newBox(t, deadletter.Config{Sink: s})
			if err := b.Put(t.Context(), []deadletter.Letter{{Kind: kind, Reason: reason, EventID: id, Data: data}}); err != nil {
				if limit > 20_000 && len(id) < 1000 {
					t.Fatal(err)
				}
				return
			}
			var r deadletter.Reader
			var got *deadletter.Letter
			for i, d := range s.docs {
				if limit > 0 && len(d.Data) > int(limit) && len(data) > 0 {
					t.Errorf("a line of %d bytes, want at most %d", len(d.Data), limit)
				}
				l, err := r.Read(d.Data)
				if err != nil || (l != nil) != (i == len(s.docs)-1) {
					t.Fatalf("line %d of %d: %v", i+1, len(s.docs), err)
				}
				got = l
			}
			if !bytes.Equal(got.Data, data) || !bytes.Equal(got.EventID, id) || r.Incomplete() != 0 {
				t.Errorf("%q came back as %q", data, got.Data)
			}
		}
	})
}
