package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"clearhop/encode/parquet"
	"clearhop/internal/mototest"
	"clearhop/internal/sinktest"
	"clearhop/sink"
	"clearhop/sink/retry"
	"clearhop/sink/s3"
)

var allFormats = []s3.Format{s3.NDJSONGzip, s3.NDJSONZstd, s3.Parquet}

// newSink returns a Sink that does not really pause, and does not lose patience
// with a busy machine.
func newSink(t testing.TB, c s3.Config) *s3.Sink {
	t.Helper()
	c.Retry.Sleep = func(context.Context, time.Duration) {}
	c.Retry.AttemptTimeout = time.Hour
	s, err := s3.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// event returns a document of an hour of 2026-11-22.
func event(id, hour int, text string) sink.Document {
	return sink.Document{
		ID:   fmt.Appendf(nil, "id-%d", id),
		Data: fmt.Appendf(nil, `{"@timestamp":"2026-11-22T%02d:30:00.007Z","event":{"id":"id-%d","original":"%s"}}`+"\n", hour, id, text),
	}
}

// A bucket is one of moto's.
type bucket struct {
	t      testing.TB
	client *awss3.Client
	name   string
}

// newBucket makes a bucket. Its client meets faults when the sink uses it, and
// none when the test does.
func newBucket(t testing.TB, endpoint, name string) *bucket {
	t.Helper()
	b := &bucket{t: t, client: client(endpoint, nil), name: name}
	if _, err := b.client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	return b
}

func client(endpoint string, transport http.RoundTripper) *awss3.Client {
	return awss3.New(awss3.Options{
		Region:       "us-east-1",
		BaseEndpoint: &endpoint,
		UsePathStyle: true,
		HTTPClient:   &http.Client{Transport: transport},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

// keys returns the keys in their order.
func (b *bucket) keys() (keys []string) {
	b.t.Helper()
	out, err := b.client.ListObjectsV2(context.Background(), &awss3.ListObjectsV2Input{Bucket: &b.name})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, o := range out.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}

// read returns the documents of an object.
func (b *bucket) read(key string) []byte {
	b.t.Helper()
	out, err := b.client.GetObject(context.Background(), &awss3.GetObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		b.t.Fatal(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return open(b.t, key, body)
}

func open(t testing.TB, key string, body []byte) (docs []byte) {
	t.Helper()
	var err error
	switch {
	case strings.HasSuffix(key, ".ndjson.gz"):
		r, gzipErr := gzip.NewReader(bytes.NewReader(body))
		if gzipErr != nil {
			t.Fatal(gzipErr)
		}
		docs, err = io.ReadAll(r)
	case strings.HasSuffix(key, ".ndjson.zst"):
		r, zstdErr := zstd.NewReader(bytes.NewReader(body))
		if zstdErr != nil {
			t.Fatal(zstdErr)
		}
		defer r.Close()
		docs, err = io.ReadAll(r)
	case strings.HasSuffix(key, ".parquet"):
		for event, readErr := range parquet.Events(bytes.NewReader(body), int64(len(body))) {
			docs, err = append(docs, event...), errors.Join(err, readErr)
		}
	default:
		t.Fatalf("key %s", key)
	}
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return docs
}

// faults is a road to S3 on which a share of the calls fails, before or after it
// arrived.
type faults struct {
	share float64

	mu   sync.Mutex
	rand *rand.Rand
}

func newFaults(t testing.TB, share float64) *faults {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return &faults{share: share, rand: rand.New(rand.NewPCG(seed, 0))}
}

func (f *faults) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	kind := -1
	if f.rand.Float64() < f.share {
		kind = f.rand.IntN(4)
	}
	f.mu.Unlock()
	switch kind {
	case 0:
		return s3Error(r, http.StatusServiceUnavailable, "SlowDown"), nil
	case 1:
		return s3Error(r, http.StatusInternalServerError, "InternalError"), nil
	case 2:
		return nil, errors.New("connection reset by peer")
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && kind == 3 { // written, and nobody was told
		response.Body.Close()
		return nil, io.ErrUnexpectedEOF
	}
	return response, err
}

func s3Error(r *http.Request, status int, code string) *http.Response {
	if r.Body != nil {
		r.Body.Close()
	}
	body := "<Error><Code>" + code + "</Code><Message>203.0.113.77</Message></Error>"
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

func TestContract(t *testing.T) {
	endpoint := mototest.Start(t)
	buckets := 0
	for _, format := range allFormats {
		for _, share := range []float64{0, 0.4} {
			if format == s3.Parquet && share == 0 {
				continue // slow under the race detector; faults cover it
			}
			t.Run(fmt.Sprintf("%s, %v of calls failing", format, share), func(t *testing.T) {
				sinktest.Run(t, func(t *testing.T) sinktest.Subject {
					buckets++
					b := newBucket(t, endpoint, fmt.Sprintf("events-%d", buckets))
					return sinktest.Subject{
						Sink: newSink(t, s3.Config{
							Client: client(endpoint, newFaults(t, share)), Bucket: b.name, Format: format,
							Retry: retry.Policy{MaxAttempts: 100},
						}),
						Delivered: func() (all []byte) {
							for _, key := range b.keys() {
								all = append(all, b.read(key)...)
							}
							return all
						},
						Unordered: true,
					}
				})
			})
		}
	}
}

func TestKeys(t *testing.T) {
	endpoint := mototest.Start(t)
	for _, format := range allFormats {
		b := newBucket(t, endpoint, "keys-"+strings.ReplaceAll(string(format), ".", "-"))
		s := newSink(t, s3.Config{Client: b.client, Bucket: b.name, Prefix: "nginx/", Format: format})
		docs := []sink.Document{event(1, 10, "a"), event(2, 11, "b"), event(3, 10, "c")}
		for range 2 { // the second replaces what the first put
			if err := s.Put(t.Context(), docs); err != nil {
				t.Fatal(err)
			}
		}
		end := "." + string(format)
		want := []string{
			"nginx/dt=2026-11-22/hour=10/cef800f51f08fc50c5e0b1919b22fa40" + end,
			"nginx/dt=2026-11-22/hour=11/6113d0ceb5b79824f8e79452606d7166" + end,
		}
		keys := b.keys()
		if !slices.Equal(keys, want) {
			t.Fatalf("keys %v, want %v", keys, want)
		}
		if got, want := string(b.read(keys[0])), string(docs[0].Data)+string(docs[2].Data); got != want {
			t.Errorf("%s: got %s, want %s", format, got, want)
		}
		if got, want := string(b.read(keys[1])), string(docs[1].Data); got != want {
			t.Errorf("%s: got %s, want %s", format, got, want)
		}
	}
}

// TestHours: the hour is the document's own, in UTC, wherever it stands.
func TestHours(t *testing.T) {
	f := func(document, want string) {
		t.Helper()
		client := &recorder{}
		s := newSink(t, s3.Config{Client: client, Bucket: "events"})
		err := s.Put(t.Context(), []sink.Document{{Data: []byte(document)}})
		var got string
		if err != nil {
			got = err.Error()
		} else {
			got = client.keys[0][:len("dt=2026-11-22/hour=00/")]
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", document, got, want)
		}
	}
	f(`{"@timestamp":"2026-11-22T23:59:59.999Z","event":{}}`, "dt=2026-11-22/hour=23/")
	f(`{"@timestamp":"0001-01-01T00:00:00.000Z"}`, "dt=0001-01-01/hour=00/")
	f(`{ "event": {}, "@timestamp": "2026-11-22T00:30:00+02:00" }`, "dt=2026-11-21/hour=22/")
	f(`{"@timestamp":"2026-11-22T23:59:59.999`, "1 document not delivered: document cannot be filed: is no JSON object with a string as @timestamp")
	f(`{"@timestamp":1}`, "1 document not delivered: document cannot be filed: is no JSON object with a string as @timestamp")
	f(`{"@timestamp":"2026-13-22T23:59:59.999Z"}`, "1 document not delivered: document cannot be filed: @timestamp is no time of RFC 3339")
	f(`{}`, "1 document not delivered: document cannot be filed: @timestamp is no time of RFC 3339")
}

func TestNewNamesEverySettingThatIsWrong(t *testing.T) {
	_, err := s3.New(s3.Config{Bucket: "A", Prefix: "/x", Format: "csv", Retry: retry.Policy{Reserve: -1}})
	want := `s3 sink: no client
bucket name "A": want 3 to 63 of a-z, 0-9, . and -
prefix "/x": want none, or one that ends with a slash and does not begin with one
there is no format "csv"; known: ndjson.gz, ndjson.zst, parquet
reserve -1ns: is negative`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A recorder is a Client in memory. Before it takes an object it asks fail.
type recorder struct {
	fail   func(call int, key string) error
	calls  int
	inputs []*awss3.PutObjectInput
	keys   []string
	bodies [][]byte
}

func (r *recorder) PutObject(_ context.Context, in *awss3.PutObjectInput, _ ...func(*awss3.Options)) (*awss3.PutObjectOutput, error) {
	r.calls++
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	if r.fail != nil {
		if err := r.fail(r.calls, *in.Key); err != nil {
			return nil, err
		}
	}
	r.inputs, r.keys, r.bodies = append(r.inputs, in), append(r.keys, *in.Key), append(r.bodies, body)
	return &awss3.PutObjectOutput{}, nil
}

func TestHeaders(t *testing.T) {
	for format, want := range map[s3.Format]string{
		"": "application/gzip", s3.NDJSONZstd: "application/zstd", s3.Parquet: "application/vnd.apache.parquet",
	} {
		client := &recorder{}
		s := newSink(t, s3.Config{Client: client, Bucket: "events", Format: format, KMSKey: "alias/events"})
		if err := s.Put(t.Context(), []sink.Document{event(1, 1, "")}); err != nil {
			t.Fatal(err)
		}
		in := client.inputs[0]
		if aws.ToString(in.ContentType) != want || in.ContentEncoding != nil {
			t.Errorf("%s: type %v, encoding %v", format, aws.ToString(in.ContentType), in.ContentEncoding)
		}
		if in.ServerSideEncryption != types.ServerSideEncryptionAwsKms || aws.ToString(in.SSEKMSKeyId) != "alias/events" || !aws.ToBool(in.BucketKeyEnabled) {
			t.Errorf("%s: encryption %v with %v", format, in.ServerSideEncryption, aws.ToString(in.SSEKMSKeyId))
		}
	}
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

func TestFailuresByPart(t *testing.T) {
	slow := &smithy.GenericAPIError{Code: "SlowDown", Fault: smithy.FaultServer}
	denied := &smithy.GenericAPIError{Code: "AccessDenied", Fault: smithy.FaultClient}
	docs := []sink.Document{event(0, 10, ""), event(1, 11, ""), event(2, 10, ""), {}, event(4, 12, ""), event(5, 11, "")}
	cases := []struct {
		name   string
		fail   func(call int, key string) error
		failed []int
		calls  int
		cause  error
	}{
		{"healthy", func(int, string) error { return nil }, nil, 3, nil},
		{"each the first time", func(call int, _ string) error {
			if call%2 == 1 {
				return slow
			}
			return nil
		}, nil, 6, nil},
		{"rights to nothing", func(int, string) error { return denied }, []int{0, 1, 2, 4, 5}, 1, denied},
		{"down from the second on", func(_ int, key string) error {
			if !strings.Contains(key, "hour=10") {
				return slow
			}
			return nil
		}, []int{1, 4, 5}, 4, retry.ErrAttempts},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			client := &recorder{fail: c.fail}
			s := newSink(t, s3.Config{Client: client, Bucket: "events", Retry: retry.Policy{MaxAttempts: 3}})
			err := s.Put(t.Context(), docs)
			if got := failed(t, err); !slices.Equal(got, c.failed) {
				t.Errorf("documents %v failed, want %v", got, c.failed)
			}
			if c.cause != nil && !errors.Is(err, c.cause) {
				t.Errorf("got error %v, want one that wraps %v", err, c.cause)
			}
			if client.calls != c.calls {
				t.Errorf("%d calls, want %d", client.calls, c.calls)
			}
		})
	}
}

// TestMalformedDocumentsFailAlone: the others of their hour are written, under
// the name of those.
func TestMalformedDocumentsFailAlone(t *testing.T) {
	odd := sink.Document{Data: []byte(`{"@timestamp":"2026-11-22T10:30:00.007Z","source":{"port":"203.0.113.77"}}` + "\n")}
	client := &recorder{}
	s := newSink(t, s3.Config{Client: client, Bucket: "events", Format: s3.Parquet})
	err := s.Put(t.Context(), []sink.Document{event(0, 10, "a"), odd, event(2, 10, "b"), {Data: []byte("junk")}})
	if got := failed(t, err); !slices.Equal(got, []int{1, 3}) || !errors.Is(err, s3.ErrDocument) || strings.Contains(err.Error(), "203.") {
		t.Errorf("documents %v failed with %v, want 1 and 3", got, err)
	}
	if err := s.Put(t.Context(), []sink.Document{event(0, 10, "a"), event(2, 10, "b")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), []sink.Document{odd}); len(failed(t, err)) != 1 {
		t.Errorf("got %v", err)
	}
	if len(client.keys) != 2 || client.keys[0] != client.keys[1] || !bytes.Equal(client.bodies[0], client.bodies[1]) {
		t.Errorf("keys %v, want one, twice the same", client.keys)
	}
}

func TestStats(t *testing.T) {
	client := &recorder{fail: func(call int, _ string) error {
		if call == 1 {
			return &smithy.GenericAPIError{Code: "SlowDown"}
		}
		return nil
	}}
	s := newSink(t, s3.Config{Client: client, Bucket: "events"})
	if err := s.Put(t.Context(), []sink.Document{event(0, 10, "a"), event(2, 10, "b"), event(0, 11, "b"), {Data: []byte("junk")}}); len(failed(t, err)) != 1 {
		t.Fatal(err)
	}
	n := int64(len(client.bodies[0]) + len(client.bodies[1]))
	want := sink.Stats{
		Documents: 3, DocumentsFailed: 1, Records: 2, Bytes: n, BytesBilled: n, BytesSent: n + int64(len(client.bodies[0])),
		Calls: 3, Retries: 1, Throttles: 1,
	}
	if got := s.TakeStats(); got != want {
		t.Errorf("\ngot  %+v\nwant %+v", got, want)
	}
}

func TestDeadlineLeavesTheReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &smithy.GenericAPIError{Code: "SlowDown"}
		client := &recorder{fail: func(int, string) error {
			time.Sleep(10 * time.Millisecond)
			return slow
		}}
		s, err := s3.New(s3.Config{Client: client, Bucket: "events", Retry: retry.Policy{MaxAttempts: 1_000_000}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		err = s.Put(ctx, []sink.Document{event(0, 10, ""), event(1, 11, "")})
		if spent := time.Since(start); spent > 8*time.Second+10*time.Millisecond {
			t.Errorf("Put took %v, want at most 8s and the call under way", spent)
		}
		if got := failed(t, err); len(got) != 2 || !errors.Is(err, retry.ErrOutOfTime) || !errors.Is(err, slow) {
			t.Errorf("documents %v failed with %v", got, err)
		}
	})
}

func TestErrorsOfRealCalls(t *testing.T) {
	endpoint := mototest.Start(t)
	s := newSink(t, s3.Config{Client: client(endpoint, nil), Bucket: "no-such-bucket"})
	err := s.Put(t.Context(), []sink.Document{event(0, 10, ""), event(1, 11, "")})
	var api smithy.APIError
	calls := s.TakeStats().Calls
	if got := failed(t, err); len(got) != 2 || !errors.As(err, &api) || api.ErrorCode() != "NoSuchBucket" || calls != 1 {
		t.Errorf("documents %v failed with %v after %d calls", got, err, calls)
	}
}

func BenchmarkPut(b *testing.B) {
	var docs []sink.Document
	size := 0
	for i := range 2500 {
		docs = append(docs, event(i, 10, strings.Repeat("/path/of/a/request?with=args ", 50)))
		size += len(docs[i].Data)
	}
	for _, format := range allFormats {
		b.Run(string(format), func(b *testing.B) {
			client := &recorder{}
			s := newSink(b, s3.Config{Client: client, Bucket: "events", Format: format})
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				client.inputs, client.keys, client.bodies = nil, nil, nil
				if err := s.Put(b.Context(), docs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
