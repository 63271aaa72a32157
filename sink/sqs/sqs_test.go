package sqs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"clearhop/internal/awstest"
	"clearhop/internal/mototest"
	"clearhop/internal/sinktest"
	"clearhop/internal/sqstest"
	"clearhop/sink"
	"clearhop/sink/retry"
	"clearhop/sink/sqs"
)

const queue = "dead-letters"

// newSink returns a Sink that does not really pause, and does not lose patience
// with a busy machine.
func newSink(t testing.TB, c sqs.Config) *sqs.Sink {
	t.Helper()
	c.Retry.Sleep = func(context.Context, time.Duration) {}
	c.Retry.AttemptTimeout = time.Hour
	s, err := sqs.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func start(t *testing.T, c awstest.Config, policy retry.Policy) (*awstest.Server, *sqs.Sink) {
	t.Helper()
	c.Targets = []string{queue}
	server := sqstest.Start(t, c)
	return server, newSink(t, sqs.Config{Client: sqstest.NewClient(server.URL), QueueURL: sqstest.QueueURL(server, queue), Retry: policy})
}

// documents returns one document for each size, which counts the newline, full
// of a character.
func documents(c string, sizes ...int) []sink.Document {
	docs := make([]sink.Document, len(sizes))
	for i, size := range sizes {
		data := fmt.Appendf(nil, "%08d%s", i, strings.Repeat(c, size/len(c)))[:size]
		data[size-1] = '\n'
		docs[i].Data = data
	}
	return docs
}

func join(docs []sink.Document) []byte {
	var all []byte
	for _, d := range docs {
		all = append(all, d.Data...)
	}
	return all
}

func failed(t testing.TB, err error) (indices []int) {
	t.Helper()
	var put *sink.PutError
	if err != nil && !errors.As(err, &put) {
		t.Fatalf("error is a %T, want a *sink.PutError: %v", err, err)
	}
	if err != nil {
		for _, f := range put.Failures {
			indices = append(indices, f.Index)
		}
	}
	return indices
}

func TestContract(t *testing.T) {
	for name, random := range map[string]awstest.Random{
		"healthy":                    {},
		"messages and calls failing": {Records: 0.3, Calls: 0.3},
	} {
		t.Run(name, func(t *testing.T) {
			sinktest.Run(t, func(t *testing.T) sinktest.Subject {
				server, s := start(t, awstest.Config{Random: random}, retry.Policy{MaxAttempts: 100})
				return sinktest.Subject{
					Sink:      s,
					Delivered: func() []byte { return server.Data(queue) },
					Unordered: random.Records > 0,
				}
			})
		})
	}
}

func TestNewNamesEverySettingThatIsWrong(t *testing.T) {
	_, err := sqs.New(sqs.Config{QueueURL: "dead-letters", MaxMessageBytes: 1, Retry: retry.Policy{MaxAttempts: -1}})
	want := `sqs sink: no client
queue URL "dead-letters": is no URL such as https://sqs.eu-central-1.amazonaws.com/123456789012/name
max message bytes 1: want 4096 to 1048576
max attempts -1: is negative`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_, err = sqs.New(sqs.Config{Client: sqstest.NewClient(""), QueueURL: "https://sqs/1/a.fifo"})
	if want := `sqs sink: queue URL "https://sqs/1/a.fifo": is that of a FIFO queue, want a standard one`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestLimits: whatever the characters, the stand-in sees no limit broken, and
// what arrives is what was put.
func TestLimits(t *testing.T) {
	_, probe := start(t, awstest.Config{}, retry.Policy{})
	full := probe.MaxDocument()
	for _, c := range []string{"x", "é", "\uFFFF", "\x00", "\xff"} {
		for name, sizes := range map[string][]int{
			"one":         {100},
			"the largest": {full},
			"many large":  {full, full, 10, full - 1, 10, full},
			"ten at once": slices.Repeat([]int{63_999}, 25),
			"many small":  slices.Repeat([]int{300}, 3000),
		} {
			server, s := start(t, awstest.Config{}, retry.Policy{})
			docs := documents(c, sizes...)
			if err := s.Put(t.Context(), docs); err != nil {
				t.Errorf("%q, %s: %v", c, name, err)
			}
			if !bytes.Equal(server.Data(queue), join(docs)) {
				t.Errorf("%q, %s: other bytes arrived", c, name)
			}
		}
	}
}

func TestFaults(t *testing.T) {
	type faults = []awstest.Fault
	cases := []struct {
		name   string
		script faults
		calls  int
		failed []int // messages of four
		causes []error
	}{
		{"throttled", faults{sqstest.Throttle()}, 2, nil, nil},
		{"one message, then another", faults{awstest.FailRecords(1, 2), awstest.FailRecords(0)}, 3, nil, nil},
		{"access denied", faults{awstest.AccessDenied()}, 1, []int{0, 1, 2, 3}, nil},
		{"a message that SQS does not take", faults{sqstest.SenderFault(2)}, 1, []int{2}, nil},
		{"one such and one to try again", faults{{Records: []int{1, 3}}, sqstest.SenderFault(0)}, 2, []int{1}, nil},
		{"the same to the end", slices.Repeat(faults{awstest.FailRecords(0)}, 8), 8, []int{0}, []error{retry.ErrAttempts}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server, s := start(t, awstest.Config{Script: c.script}, retry.Policy{})
			docs := documents("x", slices.Repeat([]int{sqs.FillBytes}, 4)...)
			err := s.Put(t.Context(), docs)
			if got := failed(t, err); !slices.Equal(got, c.failed) {
				t.Errorf("documents %v failed, want %v", got, c.failed)
			}
			for _, cause := range c.causes {
				if !errors.Is(err, cause) {
					t.Errorf("got error %v, want one that wraps %q", err, cause)
				}
			}
			if got := len(server.Calls()); got != c.calls {
				t.Errorf("%d calls, want %d", got, c.calls)
			}
			if got := len(server.Records(queue)); got != 4-len(c.failed) {
				t.Errorf("%d messages arrived, want %d", got, 4-len(c.failed))
			}
		})
	}
}

func TestStats(t *testing.T) {
	_, s := start(t, awstest.Config{Script: []awstest.Fault{sqstest.Throttle()}}, retry.Policy{})
	if err := s.Put(t.Context(), documents("x", 60_000, 60_000)); err != nil {
		t.Fatal(err)
	}
	want := sink.Stats{
		Documents: 2, Records: 2, Bytes: 120_000, BytesBilled: 2 * sqs.BillingStep,
		BytesSent: 240_000, Calls: 2, Retries: 1, Throttles: 1,
	}
	if got := s.TakeStats(); got != want {
		t.Errorf("\ngot  %+v\nwant %+v", got, want)
	}
}

func TestThroughMoto(t *testing.T) {
	endpoint := mototest.Start(t)
	client := sqstest.NewClient(endpoint)
	made, err := client.CreateQueue(t.Context(), &awssqs.CreateQueueInput{
		QueueName: aws.String(queue), Attributes: map[string]string{"MaximumMessageSize": "262144"},
	})
	if err != nil {
		t.Fatal(err)
	}
	// Moto takes no longer messages, whatever the queue says.
	limit := sqs.MessageBytes(t.Context(), client, *made.QueueUrl)
	if limit != 256<<10 {
		t.Errorf("the queue says %d bytes", limit)
	}
	s := newSink(t, sqs.Config{Client: client, QueueURL: *made.QueueUrl, MaxMessageBytes: limit})
	docs := append(documents("é", 300, 60_000, 64_001, 20), documents("\uFFFF", 300, 40_000)...)
	for i := range docs {
		if err := s.Put(t.Context(), docs[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Put(t.Context(), docs[:3]); err != nil { // two messages
		t.Fatal(err)
	}
	want := append(slices.Clone(docs), docs[:3]...)
	var got []byte
	for {
		out, err := client.ReceiveMessage(t.Context(), &awssqs.ReceiveMessageInput{
			QueueUrl: made.QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			break
		}
		for _, m := range out.Messages {
			data, err := sqs.Data(m)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, data...)
		}
	}
	sorted := func(text []byte) []byte {
		return bytes.Join(slices.SortedFunc(bytes.Lines(text), bytes.Compare), nil)
	}
	if !bytes.Equal(sorted(got), sorted(join(want))) {
		t.Errorf("%d bytes came out of the queue, want %d", len(got), len(join(want)))
	}

	unknown := newSink(t, sqs.Config{Client: client, QueueURL: *made.QueueUrl + "-not"})
	err = unknown.Put(t.Context(), docs[:1])
	var notFound *types.QueueDoesNotExist
	calls := unknown.TakeStats().Calls
	if got := failed(t, err); len(got) != 1 || !errors.As(err, &notFound) || calls != 1 {
		t.Errorf("documents %v failed with %v after %d calls, want one after one", got, err, calls)
	}
}

func TestDataErrors(t *testing.T) {
	f := func(encoding, body, want string) {
		t.Helper()
		_, err := sqs.Data(types.Message{Body: &body, MessageAttributes: map[string]types.MessageAttributeValue{
			"encoding": {StringValue: &encoding},
		}})
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	f("base64", "&", "sqs message: illegal base64 data at input byte 0")
	f("gzip", "", `sqs message: there is no encoding "gzip"`)
}
