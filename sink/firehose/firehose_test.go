package firehose_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"clearhop/internal/awstest"
	"clearhop/internal/firehosetest"
	"clearhop/internal/sinktest"
	"clearhop/sink"
	"clearhop/sink/firehose"
	"clearhop/sink/retry"
)

const stream = "access-log"

// newSink returns a Sink that does not really pause, and does not lose patience
// with a busy machine.
func newSink(t testing.TB, c firehose.Config) *firehose.Sink {
	t.Helper()
	c.Stream = stream
	if c.Retry.Sleep == nil {
		c.Retry.Sleep = func(context.Context, time.Duration) {}
	}
	if c.Retry.AttemptTimeout == 0 {
		c.Retry.AttemptTimeout = time.Hour
	}
	s, err := firehose.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// documents returns one document for each size, which counts the newline. Those
// of 9 bytes or more are unique.
func documents(sizes ...int) []sink.Document {
	docs := make([]sink.Document, len(sizes))
	for i, size := range sizes {
		if size == 0 {
			continue
		}
		data := bytes.Repeat([]byte{'x'}, size)
		copy(data, fmt.Sprintf("%08d", i))
		data[size-1] = '\n'
		docs[i].Data = data
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

// failures returns what err lists, and fails the test if it is anything else.
func failures(t testing.TB, err error) []sink.Failure {
	t.Helper()
	if err == nil {
		return nil
	}
	var failed *sink.PutError
	if !errors.As(err, &failed) {
		t.Fatalf("error is a %T, want a *sink.PutError: %v", err, err)
	}
	return failed.Failures
}

func indices(failures []sink.Failure) []int {
	var out []int
	for _, f := range failures {
		out = append(out, f.Index)
	}
	return out
}

func upTo(first, end int) []int {
	var out []int
	for i := first; i < end; i++ {
		out = append(out, i)
	}
	return out
}

func TestContract(t *testing.T) {
	cases := map[string]awstest.Random{
		"healthy":                   {},
		"records and calls failing": {Records: 0.3, Calls: 0.3},
	}
	for name, random := range cases {
		t.Run(name, func(t *testing.T) {
			sinktest.Run(t, func(t *testing.T) sinktest.Subject {
				server := firehosetest.Start(t, awstest.Config{Targets: []string{stream}, Random: random})
				return sinktest.Subject{
					Sink:      newSink(t, firehose.Config{Client: firehosetest.NewClient(server.URL), Retry: retry.Policy{MaxAttempts: 100}}),
					Delivered: func() []byte { return server.Data(stream) },
					Unordered: random.Records > 0,
				}
			})
		})
	}
}

func TestNewNamesEverySettingThatIsWrong(t *testing.T) {
	_, err := firehose.New(firehose.Config{Stream: "a/b", Retry: retry.Policy{MaxAttempts: -1, Reserve: -time.Second, MaxDelay: -1}})
	want := `firehose sink: no client
stream name "a/b": want 1 to 64 of a-z, A-Z, 0-9, _, . and -
max attempts -1: is negative
max delay -1ns: is negative
reserve -1s: is negative`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A recorder is a Client in memory that takes everything, after it has looked at
// the limits.
type recorder struct {
	t testing.TB

	mu    sync.Mutex
	calls [][]int // sizes of the records
	docs  [][]int // documents in the records
	bytes [][]byte
}

func (r *recorder) PutRecordBatch(_ context.Context, in *awsfirehose.PutRecordBatchInput, _ ...func(*awsfirehose.Options)) (*awsfirehose.PutRecordBatchOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := &awsfirehose.PutRecordBatchOutput{FailedPutCount: aws.Int32(0)}
	var sizes, docs []int
	sum := 0
	for _, record := range in.Records {
		sizes = append(sizes, len(record.Data))
		docs = append(docs, bytes.Count(record.Data, []byte{'\n'}))
		sum += len(record.Data)
		r.bytes = append(r.bytes, bytes.Clone(record.Data))
		out.RequestResponses = append(out.RequestResponses, types.PutRecordBatchResponseEntry{RecordId: aws.String("id")})
	}
	if n := len(in.Records); n == 0 || n > 500 {
		r.t.Errorf("%d records in a call", n)
	}
	if largest := slices.Max(sizes); largest >= 1_000_000 {
		r.t.Errorf("record of %d bytes", largest)
	}
	if most := slices.Max(docs); most > 500 {
		r.t.Errorf("record of %d documents", most)
	}
	if sum >= 4_000_000 {
		r.t.Errorf("call of %d bytes", sum)
	}
	r.calls = append(r.calls, sizes)
	r.docs = append(r.docs, docs)
	return out, nil
}

func TestPacking(t *testing.T) {
	const full = firehose.MaxRecordBytes
	cases := []struct {
		name   string
		sizes  []int
		docs   [][]int // by call, in each record
		failed []int
	}{
		{"one document", []int{100}, [][]int{{1}}, nil},
		{"500 documents", repeat(500, 10), [][]int{{500}}, nil},
		{"501 documents", repeat(501, 10), [][]int{{500, 1}}, nil},
		{"a document at the limit", []int{full}, [][]int{{1}}, nil},
		{"a document below it", []int{full - 1}, [][]int{{1}}, nil},
		{"a document above it", []int{full + 1}, nil, []int{0}},
		{"too large among others", []int{10, full + 1, 20}, [][]int{{2}}, []int{1}},
		{"too large at both ends", []int{full + 1, 10, full + 1}, [][]int{{1}}, []int{0, 2}},
		{"a record filled exactly", []int{full - 10, 10}, [][]int{{2}}, nil},
		{"a record filled but one byte", []int{full - 10, 9}, [][]int{{2}}, nil},
		{"one byte too much for a record", []int{full - 10, 11}, [][]int{{1, 1}}, nil},
		{"a call filled exactly", repeat(4, full), [][]int{{1, 1, 1, 1}}, nil},
		{"one byte too much for a call", append(repeat(4, full), 1), [][]int{{1, 1, 1, 1}, {1}}, nil},
		{"a record stays whole between calls", append(repeat(3, full), full-5, 6, 7), [][]int{{1, 1, 1, 1}, {2}}, nil},
		{"500 records", repeat(500*500, 2), [][]int{repeat(500, 500)}, nil},
		{"501 records", repeat(500*500+1, 2), [][]int{repeat(500, 500), {1}}, nil},
		{"empty documents take no room", append(repeat(600, 0), repeat(500, 2)...), [][]int{{500}}, nil},
		{"only empty documents", repeat(3, 0), nil, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			client := &recorder{t: t}
			s := newSink(t, firehose.Config{Client: client})
			docs := documents(c.sizes...)
			failed := failures(t, s.Put(t.Context(), docs))
			if got := indices(failed); !slices.Equal(got, c.failed) {
				t.Errorf("documents %v failed, want %v", got, c.failed)
			}
			for _, f := range failed {
				if !errors.Is(f.Err, sink.ErrTooLarge) {
					t.Errorf("document %d: got error %v, want ErrTooLarge", f.Index, f.Err)
				}
			}
			if got, want := fmt.Sprint(client.docs), fmt.Sprint(c.docs); got != want {
				t.Errorf("documents by call and record:\ngot  %s\nwant %s", got, want)
			}
			var want []byte
			for i, d := range docs {
				if !slices.Contains(c.failed, i) {
					want = append(want, d.Data...)
				}
			}
			if got := bytes.Join(client.bytes, nil); !bytes.Equal(got, want) {
				t.Errorf("%d bytes arrived, want these %d in this order", len(got), len(want))
			}
		})
	}
}

func TestTooLargeSaysHowMuch(t *testing.T) {
	s := newSink(t, firehose.Config{Client: &recorder{t: t}})
	err := s.Put(t.Context(), documents(firehose.MaxRecordBytes+1))
	const want = "1 document not delivered: document too large for firehose stream access-log: 998401 bytes, at most 998400"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// An event too large for a record goes shortened, and says so.
func TestTooLargeIsShortened(t *testing.T) {
	server := firehosetest.Start(t, awstest.Config{Targets: []string{stream}})
	s := newSink(t, firehose.Config{Client: firehosetest.NewClient(server.URL)})
	event := func(size int) sink.Document {
		return sink.Document{Data: fmt.Appendf(nil, `{"event":{"id":"1","original":"%s"}}`+"\n", strings.Repeat("x", size))}
	}
	docs := []sink.Document{event(10), event(2_000_000), event(20)}
	if err := s.Put(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
	got := server.Documents(stream)
	if len(got) != 3 || !bytes.Equal(got[0], docs[0].Data) || !bytes.Equal(got[2], docs[2].Data) {
		t.Fatalf("%d documents arrived, want 3, the first and the last as they were", len(got))
	}
	if len(got[1]) != s.MaxDocument() || !bytes.HasSuffix(got[1], []byte(`xx","truncated":["event.original"]}}`+"\n")) {
		t.Errorf("the large one arrived in %d bytes: …%s", len(got[1]), got[1][len(got[1])-60:])
	}
	if len(docs[1].Data) < 2_000_000 {
		t.Error("the caller's document was changed")
	}
	if n := s.TakeStats(); n.Documents != 3 || n.Truncated != 1 {
		t.Errorf("got %+v", n)
	}
}

func TestFailuresAreInTheOrderOfTheDocuments(t *testing.T) {
	server := firehosetest.Start(t, awstest.Config{
		Targets: []string{stream},
		Script:  []awstest.Fault{awstest.AccessDenied()},
	})
	s := newSink(t, firehose.Config{Client: firehosetest.NewClient(server.URL)})
	const large = firehose.MaxRecordBytes + 1
	failed := failures(t, s.Put(t.Context(), documents(10, large, 10, large)))
	if got := indices(failed); !slices.Equal(got, []int{0, 1, 2, 3}) {
		t.Errorf("documents %v failed, want 0 to 3", got)
	}
}

func TestStats(t *testing.T) {
	server := firehosetest.Start(t, awstest.Config{
		Targets: []string{stream},
		Script:  []awstest.Fault{firehosetest.Throttle(), awstest.FailRecords(1)},
	})
	s := newSink(t, firehose.Config{Client: firehosetest.NewClient(server.URL)})
	// Two records: 500 × 10 bytes, and 20 × 10 bytes.
	if err := s.Put(t.Context(), documents(repeat(520, 10)...)); err != nil {
		t.Fatal(err)
	}
	got := s.TakeStats()
	want := sink.Stats{
		Documents: 520, Records: 2, Bytes: 5200, BytesBilled: 2 * 5120,
		BytesSent: 5200 + 5200 + 200, Calls: 3, Retries: 2, Throttles: 2,
	}
	if got != want {
		t.Errorf("\ngot  %+v\nwant %+v", got, want)
	}
	if failed := failures(t, s.Put(t.Context(), documents(firehose.MaxRecordBytes+1, 5121))); len(failed) != 1 {
		t.Errorf("%d documents failed, want 1", len(failed))
	}
	want = sink.Stats{Documents: 1, DocumentsFailed: 1, Records: 1, Bytes: 5121, BytesBilled: 10240, BytesSent: 5121, Calls: 1}
	if got := s.TakeStats(); got != want {
		t.Errorf("\ngot  %+v\nwant %+v", got, want)
	}
	if again := s.TakeStats(); again != (sink.Stats{}) {
		t.Errorf("%+v were counted a second time", again)
	}
}

// Whatever goes wrong, no error may quote an event: they hold addresses of
// people.
func TestErrorsHoldNoContent(t *testing.T) {
	const secret = "203.0.113.77"
	faults := []awstest.Fault{
		awstest.AccessDenied(), awstest.InvalidArgument(), firehosetest.Throttle(), awstest.FailRecords(0),
		firehosetest.Answering(func(a *firehosetest.Answer) {
			a.FailedPutCount = 1
			a.RequestResponses[0] = firehosetest.Entry{ErrorCode: "InternalFailure", ErrorMessage: "cannot store " + secret}
		}),
	}
	for _, fault := range faults {
		server := firehosetest.Start(t, awstest.Config{Targets: []string{stream}, Script: []awstest.Fault{fault}})
		s := newSink(t, firehose.Config{Client: firehosetest.NewClient(server.URL), Retry: retry.Policy{MaxAttempts: 1}})
		docs := []sink.Document{{ID: []byte(secret), Data: []byte(`{"client":"` + secret + `"}` + "\n")}}
		err := s.Put(t.Context(), docs)
		if err == nil {
			t.Error("no error")
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("the error quotes the event: %v", err)
		}
	}
}

func TestConcurrentPuts(t *testing.T) {
	server := firehosetest.Start(t, awstest.Config{
		Targets: []string{stream},
		Random:  awstest.Random{Records: 0.2, Calls: 0.2},
	})
	s := newSink(t, firehose.Config{Client: firehosetest.NewClient(server.URL), Retry: retry.Policy{MaxAttempts: 100}})
	docs := documents(repeat(8000, 200)...)
	var wg sync.WaitGroup
	for first := 0; first < len(docs); first += 1000 {
		wg.Go(func() {
			if err := s.Put(t.Context(), docs[first:first+1000]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := server.Documents(stream)
	slices.SortFunc(got, bytes.Compare)
	if !bytes.Equal(bytes.Join(got, nil), join(docs)) {
		t.Errorf("%d documents arrived, %d of them again; want each of %d once", len(got), len(server.Duplicates(stream)), len(docs))
	}
	if n := s.TakeStats().Documents; n != 8000 {
		t.Errorf("the stats count %d documents, want 8000", n)
	}
}
