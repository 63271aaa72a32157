package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	outlets "clearhop/delivery"
	"clearhop/encode"
	"clearhop/functions/delivery"
	"clearhop/functions/handler"
	"clearhop/internal/awstest"
	"clearhop/internal/firehosetest"
	"clearhop/internal/kinesistest"
	"clearhop/internal/payloadtest"
	"clearhop/sink/firehose"
	"clearhop/sink/kinesis"

	"github.com/aws/aws-lambda-go/events"
)

// limits are the lengths, in bytes, around which records of a random mixture lie: of a
// record of both streams, of what the sinks put into one, and of the events of an answer.
var limits = []int{firehose.MaxRecordBytes, firehosetest.MaxRecordBytes, kinesis.MaxRecordBytes, kinesistest.MaxRecordBytes, handler.MaxRecord / 5, handler.MaxPiece / 5, 1_000}

// TestPackings: whatever the sizes and packings of records are, and whichever of them
// have to wait, each line's event is answered once, under one id and with the bytes that
// the line gives alone. No call breaks a limit of its service, which the stand-ins hold.
func TestPackings(t *testing.T) {
	for seed := range uint64(5) {
		for _, source := range []string{"", "arn:aws:kinesis:eu-central-1:123456789012:stream/" + stream} {
			t.Run(fmt.Sprintf("%d%s", seed, source), func(t *testing.T) { packings(t, seed, source) })
		}
	}
}

func packings(t *testing.T, seed uint64, source string) {
	random := rand.New(rand.NewPCG(seed, 1))
	script := []awstest.Fault{awstest.FailRecords(0)}
	server := firehosetest.New(awstest.Config{})
	if source == "" {
		server = firehosetest.Start(t, awstest.Config{Targets: []string{stream}, Script: script})
	} else {
		server = kinesistest.Start(t, awstest.Config{Targets: []string{stream}, Script: script})
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
	} {
		t.Setenv(name, value)
	}
	f, err := delivery.OpenAnswerer(t.Context(), "transform", slices.Concat(os.Environ(), payloadtest.Chain), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	m := mixture{t: t, random: random, want: map[string]string{}}
	records := make([][]byte, 1+random.IntN(6))
	for i := range records {
		records[i] = m.record(limits[random.IntN(len(limits))] + random.IntN(9) - 4)
	}
	got := map[string]string{}
	h, taken := handler.NewTransform(f, &outlets.Opener{}), 0
	for round := 0; len(records) > 0; round++ {
		if round == 60 {
			t.Fatal("records are sent back again and again")
		}
		event := events.KinesisFirehoseEvent{DeliveryStreamArn: "arn:aws:firehose:eu-central-1:123456789012:deliverystream/" + stream, SourceKinesisStreamArn: source}
		for i, data := range records {
			event.Records = append(event.Records, events.KinesisFirehoseEventRecord{RecordID: fmt.Sprint(round, "-", i), Data: data})
		}
		answer, err := h.Handle(context.Background(), event)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range answer.Records {
			if r.Result == events.KinesisFirehoseTransformedStateProcessingFailed {
				t.Fatalf("record %d of %d bytes failed in round %d", i, len(records[i]), round)
			}
			for line := range bytes.Lines(r.Data) {
				id, ok := encode.EventID(line)
				if _, twice := got[string(id)]; twice || !ok {
					t.Fatalf("the event %q came twice, or has no id", id)
				}
				got[string(id)] = string(line)
			}
		}
		back := server.Records(stream)
		records = nil
		for _, r := range back[taken:] {
			records = append(records, r.Data)
		}
		taken = len(back)
	}
	if len(got) != len(m.want) {
		t.Fatalf("%d events, want %d", len(got), len(m.want))
	}
	for id, path := range m.want {
		if !strings.Contains(got[id], path) || strings.Contains(got[id], `"truncated"`) {
			t.Fatalf("the event %s is not that of its line: %.300s", id, got[id])
		}
	}
}

// A mixture makes records of random packings.
type mixture struct {
	t      *testing.T
	random *rand.Rand
	want   map[string]string // by the id of an event: its path
}

// record returns a record of about size bytes: JSON or gzip, of one payload or of two.
func (m *mixture) record(size int) []byte {
	packed, parts := m.random.IntN(2) == 0, 1+m.random.IntN(2)
	var record []byte
	for range parts {
		document := m.document(max(size/parts-12*len(`\n`), 400))
		if packed {
			// Without compression, so that the size is what was asked for.
			var b bytes.Buffer
			z, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
			if err != nil {
				m.t.Fatal(err)
			}
			_, _ = z.Write(document)
			_ = z.Close()
			document = b.Bytes()
		}
		record = append(record, document...)
	}
	return record
}

// document returns a payload of size bytes, or of a few more.
func (m *mixture) document(size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"/ecs/web","logStream":"s","subscriptionFilters":["f"],"logEvents":[`)
	for b.Len() < size {
		id := fmt.Sprintf("%056d", len(m.want))
		path := fmt.Sprintf("/%x/", m.random.Uint64())
		// A last line fills the payload up to its size.
		length := min(1+m.random.IntN(2_000), max(size-b.Len()-260, 1))
		m.want[id] = path
		fmt.Fprintf(&b, `{"id":"%s","timestamp":1795345224000,"message":"210.227.0.10 - - [22/Nov/2026:11:00:24 +0000] \"GET %s%s HTTP/1.1\" 200 3 \"-\" \"-\""},`, id, path, strings.Repeat("x", length))
	}
	b.Truncate(b.Len() - 1)
	b.WriteString("]}")
	return b.Bytes()
}
