package firehose_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/smithy-go"

	"clearhop/internal/awstest"
	"clearhop/internal/firehosetest"
	"clearhop/sink"
	"clearhop/sink/firehose"
	"clearhop/sink/retry"
)

// size makes two documents fill a record, and eight a call.
const size = firehose.MaxRecordBytes / 2

// The table speaks of records, of which 4 make a call.
func TestFaults(t *testing.T) {
	type faults = []awstest.Fault
	var (
		throttle   = firehosetest.Throttle()
		short      = firehosetest.Answering(func(a *firehosetest.Answer) { a.RequestResponses = a.RequestResponses[:1] })
		long       = firehosetest.Answering(func(a *firehosetest.Answer) { a.RequestResponses = append(a.RequestResponses, a.RequestResponses[0]) })
		empty      = firehosetest.Answering(func(a *firehosetest.Answer) { *a = firehosetest.Answer{} })
		moreFailed = firehosetest.Answering(func(a *firehosetest.Answer) { a.FailedPutCount = 2 })
		noID       = firehosetest.Answering(func(a *firehosetest.Answer) { a.RequestResponses[1].RecordId = "" })
		hiddenFail = firehosetest.Answering(func(a *firehosetest.Answer) { a.FailedPutCount = 0 })
		notFound   = new(types.ResourceNotFoundException)
		recordErr  = new(sink.RecordError)
	)
	hiddenFail.Records = []int{1}
	cases := []struct {
		name       string
		records    int
		attempts   int // 0 is the default
		script     faults
		calls      int
		failed     []int   // records
		causes     []error // each wrapped by the first failure
		typed      any     // a target for errors.As of the first failure
		duplicates int     // of records
	}{
		{name: "all well", records: 4, calls: 1},
		{name: "throttled, then well", records: 4, script: faults{throttle, throttle}, calls: 3},
		{name: "unavailable, internal failure", records: 4, script: faults{firehosetest.Unavailable(), awstest.InternalFailure()}, calls: 3},
		{name: "one record of four", records: 4, script: faults{awstest.FailRecords(2)}, calls: 2},
		{name: "fewer each time", records: 4, script: faults{awstest.FailRecords(0, 2, 3), awstest.FailRecords(1), awstest.FailRecords(0)}, calls: 4},
		{name: "a call that fails between", records: 4, script: faults{awstest.FailRecords(0, 3), throttle, awstest.FailRecords(1)}, calls: 4},
		{
			name: "the same record to the end", records: 4, attempts: 3,
			script: faults{awstest.FailRecords(1), awstest.FailRecords(0), awstest.FailRecords(0)},
			calls:  3, failed: []int{1}, causes: []error{retry.ErrAttempts}, typed: &recordErr,
		},
		{
			name: "a slow stream does not stop the calls after", records: 5, attempts: 2,
			script: faults{awstest.FailRecords(0), awstest.FailRecords(0)},
			calls:  3, failed: []int{0}, causes: []error{retry.ErrAttempts},
		},
		{
			name: "a dead stream does", records: 10, attempts: 2,
			script: faults{awstest.Pass(), throttle, throttle},
			calls:  3, failed: upTo(4, 10), causes: []error{retry.ErrAttempts},
		},
		{
			name: "access denied fails at once", records: 5,
			script: faults{awstest.AccessDenied()}, calls: 1, failed: upTo(0, 5),
		},
		{
			name: "so does the key", records: 5,
			script: faults{firehosetest.InvalidKMSResource()}, calls: 1, failed: upTo(0, 5),
		},
		{
			name: "and a stream deleted meanwhile", records: 5,
			script: faults{awstest.Pass(), {Error: awstest.Error{Status: 400, Code: "ResourceNotFoundException"}}},
			calls:  2, failed: upTo(4, 5), typed: &notFound,
		},
		{
			name: "an invalid argument costs its call alone", records: 9,
			script: faults{awstest.Pass(), awstest.InvalidArgument()},
			calls:  3, failed: upTo(4, 8),
		},
		{
			name: "final after a retry lists what is left", records: 4,
			script: faults{awstest.FailRecords(1, 2), awstest.AccessDenied()}, calls: 2, failed: upTo(1, 3),
		},
		{name: "answer too short", records: 4, script: faults{short}, calls: 2, duplicates: 4},
		{name: "answer too long", records: 4, script: faults{long}, calls: 2, duplicates: 4},
		{name: "answer empty", records: 4, script: faults{empty}, calls: 2, duplicates: 4},
		{name: "more failures counted than shown", records: 4, script: faults{moreFailed}, calls: 2, duplicates: 4},
		{name: "a record without an id", records: 4, script: faults{noID}, calls: 2, duplicates: 1},
		{name: "more failures shown than counted", records: 4, script: faults{hiddenFail}, calls: 2},
		{
			name: "never a good answer", records: 4, attempts: 2, script: faults{empty, short},
			calls: 2, failed: upTo(0, 4), causes: []error{retry.ErrAttempts, sink.ErrUnconfirmed}, duplicates: 4,
		},
		{name: "written but failed", records: 4, script: faults{awstest.Written()}, calls: 2, duplicates: 4},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server := firehosetest.Start(t, awstest.Config{Targets: []string{stream}, Script: c.script})
			s := newSink(t, firehose.Config{Client: firehosetest.NewClient(server.URL), Retry: retry.Policy{MaxAttempts: c.attempts}})
			// Records are full by number where one call is enough, and by size
			// where it takes several: base64 is slow under the race detector.
			each, size := firehose.MaxDocuments, 10
			if c.records > 4 {
				each, size = 1, firehose.MaxRecordBytes
			}
			docs := documents(repeat(c.records*each, size)...)
			var want []int
			for _, record := range c.failed {
				want = append(want, upTo(record*each, (record+1)*each)...)
			}
			failed := failures(t, s.Put(t.Context(), docs))
			if got := indices(failed); !slices.Equal(got, want) {
				t.Fatalf("documents %v failed, want records %v", got, c.failed)
			}
			if got := len(server.Calls()); got != c.calls {
				t.Errorf("%d calls were made, want %d", got, c.calls)
			}
			for _, cause := range c.causes {
				if !errors.Is(failed[0].Err, cause) {
					t.Errorf("got error %v, want one that wraps %q", failed[0].Err, cause)
				}
			}
			if c.typed != nil && !errors.As(failed[0].Err, c.typed) {
				t.Errorf("got error %v, want one that wraps a %T", failed[0].Err, c.typed)
			}
			if got := len(server.Duplicates(stream)); got != c.duplicates*each {
				t.Errorf("%d documents arrived again, want %d records", got, c.duplicates)
			}
			arrived := map[string]bool{}
			for _, doc := range server.Documents(stream) {
				arrived[string(doc)] = true
			}
			for i, d := range docs {
				if !slices.Contains(c.failed, i/each) && !arrived[string(d.Data)] {
					t.Errorf("document %d is lost and nobody was told", i)
				}
				if slices.Contains(c.failed, i/each) && arrived[string(d.Data)] && c.duplicates == 0 {
					t.Errorf("document %d arrived and is said to have failed", i)
				}
			}
		})
	}
}

func TestErrorTexts(t *testing.T) {
	server := firehosetest.Start(t, awstest.Config{
		Targets: []string{stream},
		Script:  []awstest.Fault{awstest.FailRecords(0), awstest.FailRecords(0)},
	})
	s := newSink(t, firehose.Config{Client: firehosetest.NewClient(server.URL), Retry: retry.Policy{MaxAttempts: 2}})
	err := s.Put(t.Context(), documents(10))
	const want = "1 document not delivered: firehose stream access-log: attempts used up after 2 attempts: record refused: ServiceUnavailableException"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// The client of this test retries three times by itself; the stand-in must see
// the Sink's attempts and no more.
func TestRetriesDoNotMultiply(t *testing.T) {
	server := firehosetest.Start(t, awstest.Config{
		Targets: []string{stream},
		Script:  slices.Repeat([]awstest.Fault{firehosetest.Unavailable()}, 20),
	})
	s := newSink(t, firehose.Config{Client: firehosetest.NewClient(server.URL), Retry: retry.Policy{MaxAttempts: 4}})
	if err := s.Put(t.Context(), documents(10)); !errors.Is(err, retry.ErrAttempts) {
		t.Errorf("got error %v, want ErrAttempts", err)
	}
	if got := len(server.Calls()); got != 4 {
		t.Errorf("%d calls arrived, want 4", got)
	}
}

func TestNobodyListens(t *testing.T) {
	s := newSink(t, firehose.Config{Client: firehosetest.NewClient("http://127.0.0.1:1"), Retry: retry.Policy{MaxAttempts: 3}})
	err := s.Put(t.Context(), documents(10, 20))
	if got := indices(failures(t, err)); !slices.Equal(got, []int{0, 1}) || !errors.Is(err, retry.ErrAttempts) {
		t.Errorf("documents %v failed with %v, want both after all attempts", got, err)
	}
	if got := s.TakeStats().Calls; got != 3 {
		t.Errorf("%d calls were made, want 3", got)
	}
}

// A call that hangs is cut off and made again; since the stand-in, as the
// service may, accepts what it was sent, the document arrives twice.
func TestAttemptTimeout(t *testing.T) {
	server := firehosetest.Start(t, awstest.Config{
		Targets: []string{stream},
		Script:  []awstest.Fault{awstest.Slow(time.Minute)},
	})
	s := newSink(t, firehose.Config{Client: firehosetest.NewClient(server.URL), Retry: retry.Policy{AttemptTimeout: 300 * time.Millisecond, MaxAttempts: 100}})
	if err := s.Put(t.Context(), documents(10)); err != nil {
		t.Errorf("Put: %v", err)
	}
	if len(server.Documents(stream)) == 0 {
		t.Error("the document did not arrive")
	}
}

// A clientFunc is a Client in memory, for tests on synctest's clock.
type clientFunc func(ctx context.Context, in *awsfirehose.PutRecordBatchInput) (*awsfirehose.PutRecordBatchOutput, error)

func (f clientFunc) PutRecordBatch(ctx context.Context, in *awsfirehose.PutRecordBatchInput, _ ...func(*awsfirehose.Options)) (*awsfirehose.PutRecordBatchOutput, error) {
	return f(ctx, in)
}

func accept(in *awsfirehose.PutRecordBatchInput) (*awsfirehose.PutRecordBatchOutput, error) {
	entries := slices.Repeat([]types.PutRecordBatchResponseEntry{{RecordId: aws.String("id")}}, len(in.Records))
	return &awsfirehose.PutRecordBatchOutput{FailedPutCount: aws.Int32(0), RequestResponses: entries}, nil
}

var errThrottled = &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"}

// onClock returns a Sink that pauses on the clock of the bubble around it.
func onClock(t *testing.T, c firehose.Config) *firehose.Sink {
	t.Helper()
	c.Stream = stream
	s, err := firehose.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDeadlineLeavesTheReserve(t *testing.T) {
	cases := []struct {
		timeout, reserve, spent time.Duration
	}{
		{10 * time.Second, 2 * time.Second, 8 * time.Second},
		{10 * time.Second, time.Nanosecond, 10*time.Second - time.Nanosecond},
		{time.Second, 2 * time.Second, 500 * time.Millisecond}, // half of it at most
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%v less %v", c.timeout, c.reserve), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				s := onClock(t, firehose.Config{Retry: retry.Policy{Reserve: c.reserve, MaxAttempts: 1_000_000}, Client: clientFunc(
					func(ctx context.Context, _ *awsfirehose.PutRecordBatchInput) (*awsfirehose.PutRecordBatchOutput, error) {
						calls++
						time.Sleep(10 * time.Millisecond)
						if ctx.Err() != nil {
							return nil, &aws.RequestCanceledError{Err: ctx.Err()}
						}
						return nil, errThrottled
					})})
				ctx, cancel := context.WithTimeout(t.Context(), c.timeout)
				defer cancel()
				start := time.Now()
				err := s.Put(ctx, documents(repeat(10, size)...))
				if spent := time.Since(start); spent > c.spent+10*time.Millisecond {
					t.Errorf("Put took %v, want at most %v and the call under way", spent, c.spent)
				}
				if ctx.Err() != nil && c.reserve > time.Second {
					t.Error("nothing is left of the context")
				}
				if got := indices(failures(t, err)); !slices.Equal(got, upTo(0, 10)) {
					t.Errorf("documents %v failed, want all 10", got)
				}
				if !errors.Is(err, retry.ErrOutOfTime) || !errors.Is(err, errThrottled) {
					t.Errorf("got error %v, want ErrOutOfTime over the last answer", err)
				}
				if calls < 3 {
					t.Errorf("%d calls were made, want several", calls)
				}
			})
		})
	}
}

func TestTimeRunsOutBetweenCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onClock(t, firehose.Config{Client: clientFunc(
			func(_ context.Context, in *awsfirehose.PutRecordBatchInput) (*awsfirehose.PutRecordBatchOutput, error) {
				time.Sleep(9 * time.Second)
				return accept(in)
			})})
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		// Two calls are within the 10 s there are, the second one only begun: it
		// was confirmed, so it counts. The third is not made.
		err := s.Put(ctx, documents(repeat(24, size)...))
		if got := indices(failures(t, err)); !slices.Equal(got, upTo(16, 24)) || !errors.Is(err, retry.ErrOutOfTime) {
			t.Errorf("documents %v failed with %v, want 16 to 23 out of time", got, err)
		}
	})
}

func TestHangingCallIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		s := onClock(t, firehose.Config{Retry: retry.Policy{AttemptTimeout: time.Second}, Client: clientFunc(
			func(ctx context.Context, in *awsfirehose.PutRecordBatchInput) (*awsfirehose.PutRecordBatchOutput, error) {
				if calls++; calls == 1 {
					<-ctx.Done()
					return nil, &aws.RequestCanceledError{Err: ctx.Err()}
				}
				return accept(in)
			})})
		if err := s.Put(t.Context(), documents(10)); err != nil {
			t.Error(err)
		}
	})
}

func TestCancelInTheMiddleOfAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onClock(t, firehose.Config{
			Retry: retry.Policy{
				BaseDelay: 5 * time.Second,
				Jitter:    func(bound time.Duration) time.Duration { return bound },
			},
			Client: clientFunc(func(_ context.Context, in *awsfirehose.PutRecordBatchInput) (*awsfirehose.PutRecordBatchOutput, error) {
				out, _ := accept(in)
				out.FailedPutCount = aws.Int32(1)
				out.RequestResponses[0] = types.PutRecordBatchResponseEntry{ErrorCode: aws.String("InternalFailure")}
				return out, nil
			}),
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		start := time.Now()
		err := s.Put(ctx, documents(repeat(10, size)...))
		if spent := time.Since(start); spent != 50*time.Millisecond {
			t.Errorf("Put returned after %v, want 50ms", spent)
		}
		// The first record failed, three arrived, and the last was never sent.
		if got := indices(failures(t, err)); !slices.Equal(got, []int{0, 1, 8, 9}) {
			t.Errorf("documents %v failed, want 0 1 8 9", got)
		}
		var record *sink.RecordError
		if !errors.Is(err, context.Canceled) || !errors.As(err, &record) || record.Code != "InternalFailure" {
			t.Errorf("got error %v, want context.Canceled over the last answer", err)
		}
	})
}

func TestPausesGrow(t *testing.T) {
	var bounds []time.Duration
	s := newSink(t, firehose.Config{
		Retry: retry.Policy{MaxAttempts: 9, Jitter: func(bound time.Duration) time.Duration {
			bounds = append(bounds, bound)
			return 0
		}},
		Client: clientFunc(func(context.Context, *awsfirehose.PutRecordBatchInput) (*awsfirehose.PutRecordBatchOutput, error) {
			return nil, errThrottled
		}),
	})
	if err := s.Put(t.Context(), documents(10)); !errors.Is(err, retry.ErrAttempts) {
		t.Errorf("got error %v, want ErrAttempts", err)
	}
	const ms = time.Millisecond
	want := []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5000 * ms, 5000 * ms}
	if !slices.Equal(bounds, want) {
		t.Errorf("bounds of the pauses:\ngot  %v\nwant %v", bounds, want)
	}
}

// Whatever the documents' sizes and whatever fails, the stand-in sees no limit
// broken, records hold runs of documents in order, and each document either
// arrived or is listed.
func TestEveryDocumentIsAccountedFor(t *testing.T) {
	rounds := 10
	if testing.Short() {
		rounds = 5
	}
	for round := range rounds {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("%d, seed %d", round, seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			random := awstest.Random{Records: r.Float64() * 0.6, Calls: r.Float64() * 0.6}
			switch round % 4 {
			case 0:
				random = awstest.Random{}
			case 1:
				random.Written = 0.3
			}
			server := firehosetest.Start(t, awstest.Config{Targets: []string{stream}, Random: random, Seed: seed | 1})
			s := newSink(t, firehose.Config{Client: firehosetest.NewClient(server.URL), Retry: retry.Policy{MaxAttempts: 1 + r.IntN(6)}})

			docs := documents(randomSizes(r)...)
			index := map[string]int{}
			for i, d := range docs {
				index[string(d.Data)] = i
			}
			failed := indices(failures(t, s.Put(t.Context(), docs)))
			if !slices.IsSorted(failed) || len(slices.Compact(slices.Clone(failed))) != len(failed) {
				t.Errorf("failures are out of order or listed twice: %v", failed)
			}

			var arrived []int
			for _, record := range server.Records(stream) {
				last := -1
				count := 0
				for doc := range bytes.Lines(record.Data) {
					i, ok := index[string(doc)]
					if !ok {
						t.Fatal("a document arrived that nobody sent")
					}
					if i <= last {
						t.Errorf("document %d comes after %d", i, last)
					}
					last = i
					count++
					arrived = append(arrived, i)
				}
				if count > firehose.MaxDocuments || len(record.Data) > firehose.MaxRecordBytes {
					t.Errorf("record of %d documents and %d bytes", count, len(record.Data))
				}
			}
			if random == (awstest.Random{}) && !slices.IsSorted(arrived) {
				t.Error("documents arrived out of order")
			}
			times := make([]int, len(docs))
			for _, i := range arrived {
				times[i]++
			}
			for i, d := range docs {
				_, listed := slices.BinarySearch(failed, i)
				switch {
				case len(d.Data) == 0 && (listed || times[i] > 0):
					t.Errorf("document %d is empty and yet listed or delivered", i)
				case len(d.Data) > firehose.MaxRecordBytes && !listed:
					t.Errorf("document %d is too large and not listed", i)
				case len(d.Data) > 0 && !listed && times[i] == 0:
					t.Errorf("document %d is lost and nobody was told", i)
				case random.Written == 0 && times[i] > 1:
					t.Errorf("document %d arrived %d times", i, times[i])
				case random.Written == 0 && listed && times[i] > 0:
					t.Errorf("document %d arrived and is listed as failed", i)
				}
			}
			stats := s.TakeStats()
			if stats.DocumentsFailed != int64(len(failed)) || stats.Calls != int64(len(server.Calls())) {
				t.Errorf("stats count %d failures and %d calls, want %d and %d", stats.DocumentsFailed, stats.Calls, len(failed), len(server.Calls()))
			}
		})
	}
}

// randomSizes draws a list that leans to the edges: none, many small ones, and
// some about the limits.
func randomSizes(r *rand.Rand) []int {
	sizes := make([]int, r.IntN(1000))
	for i := range sizes {
		switch p := r.IntN(1000); {
		case p < 20:
			sizes[i] = 0
		case p < 23:
			sizes[i] = firehose.MaxRecordBytes - 2 + r.IntN(5)
		case p < 30:
			sizes[i] = 9 + r.IntN(firehose.MaxRecordBytes)
		default:
			sizes[i] = 9 + r.IntN(3000)
		}
	}
	return sizes
}
