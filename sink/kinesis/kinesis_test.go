package kinesis_test

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
	awskinesis "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"clearhop/internal/awstest"
	"clearhop/internal/kinesistest"
	"clearhop/internal/mototest"
	"clearhop/internal/sinktest"
	"clearhop/sink"
	"clearhop/sink/kinesis"
	"clearhop/sink/retry"
)

const stream = "events"

// newSink returns a Sink that does not really pause, and does not lose patience
// with a busy machine.
func newSink(t testing.TB, c kinesis.Config) *kinesis.Sink {
	t.Helper()
	if c.Stream == "" {
		c.Stream = stream
	}
	c.Retry.Sleep = func(context.Context, time.Duration) {}
	c.Retry.AttemptTimeout = time.Hour
	s, err := kinesis.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// documents returns one document for each size, which counts the newline.
func documents(sizes ...int) []sink.Document {
	docs := make([]sink.Document, len(sizes))
	for i, size := range sizes {
		data := bytes.Repeat([]byte{'x'}, size)
		copy(data, fmt.Sprintf("%08d", i))
		data[size-1] = '\n'
		docs[i] = sink.Document{ID: fmt.Appendf(nil, "id-%d", i), Data: data}
	}
	return docs
}

func repeat(n, size int) []int { return slices.Repeat([]int{size}, n) }

func join(docs []sink.Document) []byte {
	var all []byte
	for _, d := range docs {
		all = append(all, d.Data...)
	}
	return all
}

// failed returns the indices that err lists.
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
		"healthy":                   {},
		"records and calls failing": {Records: 0.3, Calls: 0.3},
	} {
		t.Run(name, func(t *testing.T) {
			sinktest.Run(t, func(t *testing.T) sinktest.Subject {
				server := kinesistest.Start(t, awstest.Config{Targets: []string{stream}, Random: random})
				return sinktest.Subject{
					Sink: newSink(t, kinesis.Config{
						Client: kinesistest.NewClient(server.URL),
						Retry:  retry.Policy{MaxAttempts: 100},
					}),
					Delivered: func() []byte { return server.Data(stream) },
					Unordered: random.Records > 0,
				}
			})
		})
	}
}

func TestNewNamesEverySettingThatIsWrong(t *testing.T) {
	_, err := kinesis.New(kinesis.Config{Stream: "a/b", Retry: retry.Policy{MaxAttempts: -1}})
	want := `kinesis sink: no client
stream "a/b": want a name, 1 to 128 of a-z, A-Z, 0-9, _, . and -, or the stream's ARN
max attempts -1: is negative`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestPacking(t *testing.T) {
	const (
		key  = 32
		fill = kinesis.FillBytes - key
		full = kinesis.MaxRecordBytes
	)
	cases := []struct {
		name   string
		sizes  []int
		calls  [][]int // sizes of the records
		failed []int
	}{
		{"500 documents", repeat(500, 10), [][]int{{5000}}, nil},
		{"501 documents", repeat(501, 10), [][]int{{5000, 10}}, nil},
		{"a record filled exactly", []int{fill - 10, 10}, [][]int{{fill}}, nil},
		{"one byte too much for it", []int{fill - 10, 11}, [][]int{{fill - 10, 11}}, nil},
		{"a large document travels alone", []int{10, fill + 1, 10}, [][]int{{10, fill + 1, 10}}, nil},
		{"the largest", []int{full}, [][]int{{full}}, nil},
		{"one that cannot be shortened", []int{10, full + 1, 10}, [][]int{{20}}, []int{1}},
		{"a call filled exactly", repeat(5, full), [][]int{repeat(5, full)}, nil},
		{"the keys count", append(repeat(5, full-9), 20), [][]int{repeat(5, full-9), {20}}, nil},
		{"501 records", repeat(501*500, 10), [][]int{repeat(500, 5000), {5000}}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server := kinesistest.Start(t, awstest.Config{Targets: []string{stream}})
			s := newSink(t, kinesis.Config{Client: kinesistest.NewClient(server.URL)})
			docs := documents(c.sizes...)
			if got := failed(t, s.Put(t.Context(), docs)); !slices.Equal(got, c.failed) {
				t.Errorf("documents %v failed, want %v", got, c.failed)
			}
			var calls [][]int
			for _, call := range server.Calls() {
				calls = append(calls, call.Sizes)
			}
			if fmt.Sprint(calls) != fmt.Sprint(c.calls) {
				t.Errorf("sizes of records by call:\ngot  %v\nwant %v", calls, c.calls)
			}
			if len(c.failed) == 0 && !bytes.Equal(server.Data(stream), join(docs)) {
				t.Error("other bytes arrived")
			}
		})
	}
}

// TestPartitionKeys: the same documents have the same keys, and different ones
// spread.
func TestPartitionKeys(t *testing.T) {
	var runs [2][]string
	for run := range runs {
		server := kinesistest.Start(t, awstest.Config{Targets: []string{stream}})
		s := newSink(t, kinesis.Config{Client: kinesistest.NewClient(server.URL)})
		docs := documents(repeat(3000, 100)...)
		docs[0].ID = nil // its data counts
		if err := s.Put(t.Context(), docs); err != nil {
			t.Fatal(err)
		}
		for _, r := range server.Records(stream) {
			runs[run] = append(runs[run], r.ID)
		}
	}
	if !slices.Equal(runs[0], runs[1]) {
		t.Errorf("keys %v, and again %v", runs[0], runs[1])
	}
	if len(runs[0]) != 6 || len(slices.Compact(slices.Sorted(slices.Values(runs[0])))) != 6 {
		t.Errorf("6 records have the keys %v", runs[0])
	}
}

func TestFaults(t *testing.T) {
	type faults = []awstest.Fault
	const each = kinesis.MaxDocuments // a record of four
	cases := []struct {
		name   string
		script faults
		calls  int
		failed int // records from the first on
		causes []error
	}{
		{"throttled", faults{kinesistest.Throttle(), kinesistest.KMSThrottle()}, 3, 0, nil},
		{"one record, then another", faults{awstest.FailRecords(1, 2), awstest.FailRecords(0)}, 3, 0, nil},
		{"access denied", faults{awstest.AccessDenied()}, 1, 4, nil},
		{"the same record to the end", slices.Repeat(faults{awstest.FailRecords(0)}, 8), 8, 1, []error{retry.ErrAttempts}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server := kinesistest.Start(t, awstest.Config{Targets: []string{stream}, Script: c.script})
			s := newSink(t, kinesis.Config{Client: kinesistest.NewClient(server.URL)})
			docs := documents(repeat(4*each, 10)...)
			err := s.Put(t.Context(), docs)
			if got := failed(t, err); len(got) != c.failed*each || len(got) > 0 && got[0] != 0 {
				t.Errorf("%d documents failed, want %d", len(got), c.failed*each)
			}
			for _, cause := range c.causes {
				if !errors.Is(err, cause) {
					t.Errorf("got error %v, want one that wraps %q", err, cause)
				}
			}
			if got := len(server.Calls()); got != c.calls {
				t.Errorf("%d calls, want %d", got, c.calls)
			}
			if got, want := len(server.Data(stream)), 10*each*(4-c.failed); got != want {
				t.Errorf("%d bytes arrived, want %d", got, want)
			}
		})
	}
}

func TestStats(t *testing.T) {
	server := kinesistest.Start(t, awstest.Config{
		Targets: []string{stream},
		Script:  []awstest.Fault{kinesistest.Throttle(), awstest.FailRecords(1)},
	})
	s := newSink(t, kinesis.Config{Client: kinesistest.NewClient(server.URL)})
	// Two records: 500 × 100 bytes, and one as long as a whole billing step, to
	// which its key comes.
	large := sink.Document{ID: []byte("l"), Data: fmt.Appendf(nil, `{"event":{"original":"%s"}}`+"\n", strings.Repeat("x", 2_000_000))}
	docs := append(documents(repeat(500, 100)...), large)
	if err := s.Put(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
	const full = kinesis.MaxRecordBytes
	want := sink.Stats{
		Documents: 501, Truncated: 1, Records: 2, Bytes: 50_000 + full,
		BytesBilled: (2 + 40) * kinesis.BillingStep, // 50,032 bytes and 1,000,000
		BytesSent:   2*(50_000+full) + full, Calls: 3, Retries: 2, Throttles: 2,
	}
	if got := s.TakeStats(); got != want {
		t.Errorf("\ngot  %+v\nwant %+v", got, want)
	}
}

func TestThroughMoto(t *testing.T) {
	endpoint := mototest.Start(t)
	client := kinesistest.NewClient(endpoint)
	if _, err := client.CreateStream(t.Context(), &awskinesis.CreateStreamInput{StreamName: aws.String(stream), ShardCount: aws.Int32(3)}); err != nil {
		t.Fatal(err)
	}
	about, err := client.DescribeStream(t.Context(), &awskinesis.DescribeStreamInput{StreamName: aws.String(stream)})
	if err != nil {
		t.Fatal(err)
	}
	docs := documents(append(repeat(5000, 300), kinesis.MaxRecordBytes)...)
	for i, name := range []string{stream, *about.StreamDescription.StreamARN} {
		s := newSink(t, kinesis.Config{Client: client, Stream: name})
		half := len(docs) / 2
		if err := s.Put(t.Context(), [][]sink.Document{docs[:half], docs[half:]}[i]); err != nil {
			t.Fatal(err)
		}
	}

	var lines [][]byte
	for _, shard := range about.StreamDescription.Shards {
		it, err := client.GetShardIterator(t.Context(), &awskinesis.GetShardIteratorInput{
			StreamName: aws.String(stream), ShardId: shard.ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := client.GetRecords(t.Context(), &awskinesis.GetRecordsInput{ShardIterator: it.ShardIterator})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Records) == 0 {
			t.Errorf("nothing went to %s", *shard.ShardId)
		}
		for _, r := range out.Records {
			for line := range bytes.Lines(r.Data) {
				lines = append(lines, line)
			}
		}
	}
	slices.SortFunc(lines, bytes.Compare)
	if !bytes.Equal(bytes.Join(lines, nil), join(docs)) {
		t.Errorf("%d documents are in the stream, want the %d that were put", len(lines), len(docs))
	}

	unknown := newSink(t, kinesis.Config{Client: client, Stream: "no-such-stream"})
	err = unknown.Put(t.Context(), docs[:2])
	var notFound *types.ResourceNotFoundException
	calls := unknown.TakeStats().Calls
	if got := failed(t, err); len(got) != 2 || !errors.As(err, &notFound) || calls != 1 {
		t.Errorf("documents %v failed with %v after %d calls, want both after one", got, err, calls)
	}
}

// acceptAll is a Client that costs nothing, so that what is left is the Sink's
// own.
type acceptAll struct{ entries []types.PutRecordsResultEntry }

func (c *acceptAll) PutRecords(_ context.Context, in *awskinesis.PutRecordsInput, _ ...func(*awskinesis.Options)) (*awskinesis.PutRecordsOutput, error) {
	for len(c.entries) < len(in.Records) {
		c.entries = append(c.entries, types.PutRecordsResultEntry{SequenceNumber: aws.String("1")})
	}
	return &awskinesis.PutRecordsOutput{FailedRecordCount: aws.Int32(0), Records: c.entries[:len(in.Records)]}, nil
}

func BenchmarkPut(b *testing.B) {
	s := newSink(b, kinesis.Config{Client: new(acceptAll)})
	docs := documents(repeat(10_000, 1500)...)
	b.SetBytes(10_000 * 1500)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Put(b.Context(), docs); err != nil {
			b.Fatal(err)
		}
	}
}
