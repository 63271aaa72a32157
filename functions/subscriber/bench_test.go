package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	outlets "clearhop/delivery"
	"clearhop/enrich/clientip"
	"clearhop/functions/delivery"
	"clearhop/functions/handler"
	"clearhop/internal/payloadtest"
	"clearhop/pipeline"
	"clearhop/sink/firehose"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"
	firehosetypes "github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/klauspost/compress/gzip"
)

// takesAll is a Firehose that confirms every record at once, so that the time
// is the function's own.
type takesAll struct {
	entries []firehosetypes.PutRecordBatchResponseEntry
}

func (c *takesAll) PutRecordBatch(_ context.Context, in *awsfirehose.PutRecordBatchInput, _ ...func(*awsfirehose.Options)) (*awsfirehose.PutRecordBatchOutput, error) {
	for len(c.entries) < len(in.Records) {
		c.entries = append(c.entries, firehosetypes.PutRecordBatchResponseEntry{RecordId: aws.String("1")})
	}
	return &awsfirehose.PutRecordBatchOutput{FailedPutCount: aws.Int32(0), RequestResponses: c.entries[:len(in.Records)]}, nil
}

const benchLines = 5000

// benchPayload is a payload of lines as the sample chain writes them, of many
// clients and paths.
func benchPayload(b *testing.B, n int) []byte {
	b.Helper()
	const seed = 20261122
	random := rand.New(rand.NewPCG(seed, seed))
	lines := make([]string, n)
	for i := range lines {
		client := fmt.Sprintf("210.%d.%d.%d", 200+random.IntN(20), random.IntN(256), 1+random.IntN(254))
		lines[i] = fmt.Sprintf(`%s - - [22/Nov/2026:11:%02d:%02d +0000] "GET /shop/item/%d?ref=%x HTTP/1.1" 200 %d "https://example.com/shop" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36" "%s" "%s"`,
			client, i/60%60, i%60, random.IntN(5000), random.Uint64(), random.IntN(90000), 100+random.IntN(32), client, client)
	}
	return payloadtest.Event(b, payloadtest.Document(b, "/ecs/web", lines))
}

// BenchmarkInvoke sets an invocation, payload in to packed records out, beside
// the floor: base64, gunzip and one scan of the same payload's JSON.
func BenchmarkInvoke(b *testing.B) {
	payload := benchPayload(b, benchLines)
	perLine := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchLines, "ns/line")
	}
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		data := payload[len(`{"awslogs":{"data":"`) : len(payload)-len(`"}}`)]
		var packed, plain []byte
		var z gzip.Reader
		for b.Loop() {
			var err error
			if packed, err = base64.StdEncoding.AppendDecode(packed[:0], data); err != nil {
				b.Fatal(err)
			}
			if err := z.Reset(bytes.NewReader(packed)); err != nil {
				b.Fatal(err)
			}
			out := bytes.NewBuffer(plain[:0])
			if _, err := io.Copy(out, &z); err != nil {
				b.Fatal(err)
			}
			if plain = out.Bytes(); !json.Valid(plain) {
				b.Fatal("not JSON")
			}
		}
		perLine(b)
	})
	b.Run("whole", func(b *testing.B) {
		s, err := firehose.New(firehose.Config{Client: &takesAll{}, Stream: stream})
		if err != nil {
			b.Fatal(err)
		}
		f, err := delivery.NewShipper(delivery.Config{
			Shape: delivery.Shape{Name: "subscriber"}, Log: io.Discard,
			Pipeline: pipeline.Config{Client: clientip.Settings{NLB: []string{"10.16.1.11"}, Trusted: []string{"10.16.1.13"}}},
		}, func(o outlets.Options) (*outlets.Outlets, error) { return outlets.New(outlets.Sinks{Events: s}, o) })
		if err != nil {
			b.Fatal(err)
		}
		h := handler.NewSubscriber(f)
		invoke := func(payload []byte) {
			if _, err := h.Invoke(b.Context(), payload); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportAllocs()
		for b.Loop() {
			invoke(payload)
		}
		perLine(b)
		double := benchPayload(b, 2*benchLines)
		once, twice := testing.AllocsPerRun(5, func() { invoke(payload) }), testing.AllocsPerRun(5, func() { invoke(double) })
		b.ReportMetric((twice-once)/benchLines, "allocs/line") // beyond first sights, and those of a payload
	})
}
