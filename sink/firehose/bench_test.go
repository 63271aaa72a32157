package firehose_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"clearhop/internal/firehosetest"
	"clearhop/sink/firehose"
)

// acceptAll returns a Client that costs nothing, so that what is left is the
// Sink's own.
func acceptAll() firehose.Client {
	entries := make([]types.PutRecordBatchResponseEntry, firehose.MaxRecords)
	for i := range entries {
		entries[i].RecordId = aws.String("id")
	}
	return clientFunc(func(_ context.Context, in *awsfirehose.PutRecordBatchInput) (*awsfirehose.PutRecordBatchOutput, error) {
		return &awsfirehose.PutRecordBatchOutput{FailedPutCount: aws.Int32(0), RequestResponses: entries[:len(in.Records)]}, nil
	})
}

func BenchmarkPut(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("%d documents of 1.5 kB", n), func(b *testing.B) {
			s := newSink(b, firehose.Config{Client: acceptAll()})
			benchmarkPut(b, s, n)
		})
	}
	b.Run("10000 documents of 1.5 kB through the SDK", func(b *testing.B) {
		client := awsfirehose.New(firehosetest.NewClient("http://127.0.0.1:1").Options(), func(o *awsfirehose.Options) {
			o.HTTPClient = new(noNetwork)
		})
		benchmarkPut(b, newSink(b, firehose.Config{Client: client}), 10_000)
	})
}

// noNetwork accepts all records of a request without sending it.
type noNetwork struct{ body bytes.Buffer }

func (n *noNetwork) Do(r *http.Request) (*http.Response, error) {
	n.body.Reset()
	if _, err := n.body.ReadFrom(r.Body); err != nil {
		return nil, err
	}
	entries := strings.Repeat(`{"RecordId":"id"},`, bytes.Count(n.body.Bytes(), []byte(`"Data"`)))
	answer := `{"FailedPutCount":0,"RequestResponses":[` + strings.TrimSuffix(entries, ",") + `]}`
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
}

func benchmarkPut(b *testing.B, s *firehose.Sink, n int) {
	docs := documents(repeat(n, 1500)...)
	b.SetBytes(int64(n) * 1500)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Put(b.Context(), docs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/doc")
}

// Allocations belong to calls, not to documents. The race detector makes
// sync.Pool forget, hence the room.
func TestAllocationsDoNotGrowWithDocuments(t *testing.T) {
	s := newSink(t, firehose.Config{Client: acceptAll()})
	allocations := func(n int) float64 {
		docs := documents(repeat(n, 100)...)
		return testing.AllocsPerRun(100, func() {
			if err := s.Put(t.Context(), docs); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := allocations(10), allocations(10_000) // one call each
	if many > few+20 {
		t.Errorf("10 documents make %v allocations and 10000 make %v", few, many)
	}
}
