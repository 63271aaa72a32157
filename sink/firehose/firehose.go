// Package firehose is the sink for an Amazon Data Firehose stream that takes
// Direct PUT: many events in each record, few records in each call.
//
// In go documents, each a JSON object and a newline. Out go calls of
// PutRecordBatch. Each record holds as many documents as it may, in order, so
// that the stream's destination receives NDJSON.
//
//	client := awsfirehose.NewFromConfig(cfg) // of aws-sdk-go-v2
//	s, err := firehose.New(firehose.Config{Client: client, Stream: "access-log"})
//	err = s.Put(ctx, docs)
//	var failed *sink.PutError
//	if errors.As(err, &failed) {
//		// all but failed.Failures were confirmed
//	}
//
// # Limits
//
// The API takes 500 records and 4 MB in a call, and 1,000 KB in a record, before
// base64. Firehose splits a record into at most 500 documents again. It bills
// each record as a multiple of 5 KB. AWS writes KB and KiB, MB and MiB for the
// same limits; [MaxRecordBytes] and [MaxCallBytes] stay below either. The source
// is the documentation of PutRecordBatch in aws-sdk-go-v2.
//
// A document of more than MaxRecordBytes is shortened by [encode.Truncate]. If
// that is not possible, this one document fails with [sink.ErrTooLarge].
//
// # Delivery
//
// Delivery is at least once. The Sink sends again what the service did not
// confirm: the same bytes, after a random pause that may grow with each attempt,
// until the attempts or the time of Put's context are used up; see
// [retry.Policy]. A call that was cut off may have been written all the same. A
// record that was sent again arrives after the other records of its call.
// Firehose promises no order either. So readers tell events apart by id and
// order them by time.
//
// # Errors
//
// Put returns when each document is confirmed or given up. The errors of its
// [sink.PutError] wrap [sink.ErrTooLarge], [retry.ErrOutOfTime],
// [retry.ErrAttempts] or the context's error. All but the first also wrap the
// service's last answer: a [sink.RecordError], [sink.ErrUnconfirmed] or the SDK's
// error. An error that every call to the stream would meet, such as a missing
// permission, fails the rest of the documents without a call. No error holds any
// part of a document.
//
// # Concurrency
//
// A Sink is safe for concurrent use. Each Put sends its own calls, one at a
// time, and holds one buffer of at most MaxCallBytes, which later Puts use
// again.
package firehose

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"clearhop/encode"
	"clearhop/sink"
	"clearhop/sink/internal/batchput"
	"clearhop/sink/retry"
)

// A Client is what the Sink needs of the SDK's firehose.Client. It is safe for
// concurrent use, and keeps neither the input nor its bytes after it returned.
type Client interface {
	PutRecordBatch(context.Context, *awsfirehose.PutRecordBatchInput, ...func(*awsfirehose.Options)) (*awsfirehose.PutRecordBatchOutput, error)
}

// Config is what a Sink is made of. Client and Stream have no default.
type Config struct {
	// Client makes the calls. The Sink turns off the client's own retries for
	// each call, so that they do not multiply with the Sink's.
	Client Client

	// Stream is the name of the Firehose stream.
	Stream string

	// Single makes a record of each document. It is for documents that are not
	// events, such as payloads. They are never shortened: one that is too long for
	// a record fails with sink.ErrTooLarge.
	Single bool

	// Rows makes a record of each event, in the form of encode.AppendRow. It is for a
	// stream that writes an Iceberg table, where a record is a row.
	Rows bool

	// Retry says how often and how long to try.
	Retry retry.Policy
}

const (
	// MaxDocuments is how many documents go into a record. Firehose accepts a
	// record with more, but gives it to a transformation as one blob.
	MaxDocuments = 500

	// MaxRecordBytes is the greatest length of a record, and so of a document:
	// 998,400 bytes. It is the largest number of whole billing steps below both
	// 1,000 KB (1,000,000) and 1,000 KiB (1,024,000).
	MaxRecordBytes = 195 * BillingStep

	// MaxRecords is how many records go into a call.
	MaxRecords = 500

	// MaxCallBytes is how many bytes go into a call, before base64: 3,993,600,
	// four full records. It is below both 4 MB (4,000,000) and 4 MiB (4,194,304).
	MaxCallBytes = 4 * MaxRecordBytes

	// BillingStep is what the length of a record is rounded up to when it is
	// billed. AWS says 5 KB; 5 KiB is the larger reading, off by 2.4% at most.
	BillingStep = 5 << 10
)

// A Sink puts documents into one Firehose stream. Its methods are those of
// [sink.Sink], [sink.Limited] (MaxRecordBytes) and [sink.Metered], where records
// are Firehose's, and each is billed rounded up to BillingStep.
type Sink struct {
	*batchput.Putter
	client Client
	stream string
	rows   bool
	cut    sink.Meter // counts the events that were shortened before they became rows
}

var (
	_ sink.Sink    = (*Sink)(nil)
	_ sink.Metered = (*Sink)(nil)
	_ sink.Limited = (*Sink)(nil)
	_ Client       = (*awsfirehose.Client)(nil)
)

var streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)

// New returns a Sink, or an error that names every setting that is wrong. It
// makes no call.
func New(c Config) (*Sink, error) {
	var errs []error
	if c.Client == nil {
		errs = append(errs, errors.New("no client"))
	}
	if !streamName.MatchString(c.Stream) {
		errs = append(errs, fmt.Errorf("stream name %q: want 1 to 64 of a-z, A-Z, 0-9, _, . and -", c.Stream))
	}
	policy, err := c.Retry.Complete()
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("firehose sink: %w", err)
	}
	documents := MaxDocuments
	if c.Single || c.Rows {
		documents = 1
	}
	s := &Sink{client: c.Client, stream: c.Stream, rows: c.Rows}
	s.Putter = batchput.New(batchput.Config{
		Name: "firehose stream " + c.Stream,
		Limits: batchput.Limits{
			Documents:   documents,
			FillBytes:   MaxRecordBytes,
			RecordBytes: MaxRecordBytes,
			Records:     MaxRecords,
			CallBytes:   MaxCallBytes,
		},
		Retry: policy,
		Whole: c.Single,
		Send:  s.send,
		Bill:  billed,
	})
	return s, nil
}

// Put implements sink.Sink.
func (s *Sink) Put(ctx context.Context, docs []sink.Document) error {
	if !s.rows {
		return s.Putter.Put(ctx, docs)
	}
	rows, places, failures := s.toRows(docs)
	if len(rows) == 0 && len(failures) > 0 {
		return &sink.PutError{Failures: failures}
	}
	err := s.Putter.Put(ctx, rows)
	var failed *sink.PutError
	switch {
	case err == nil && len(failures) == 0:
		return nil
	case err == nil:
	case errors.As(err, &failed):
		for _, f := range failed.Failures {
			failures = append(failures, sink.Failure{Index: places[f.Index], Err: f.Err})
		}
	default:
		return err
	}
	slices.SortFunc(failures, func(a, b sink.Failure) int { return a.Index - b.Index })
	return &sink.PutError{Failures: failures}
}

// toRows returns the rows of docs, the index in docs of each, and the failures of
// documents that are no events.
func (s *Sink) toRows(docs []sink.Document) (rows []sink.Document, places []int, failures []sink.Failure) {
	rows, places = make([]sink.Document, 0, len(docs)), make([]int, 0, len(docs))
	for i, d := range docs {
		event := d.Data
		var err error
		if most := MaxRecordBytes - encode.RowOverhead - len(d.ID); len(event) > most {
			if event, err = encode.Truncate(event, most); err == nil {
				s.cut.Count(sink.Stats{Truncated: 1})
			}
		}
		var row []byte
		if err == nil {
			row, err = encode.AppendRow(make([]byte, 0, len(event)+encode.RowOverhead+len(d.ID)), event)
		}
		if err != nil {
			failures = append(failures, sink.Failure{Index: i, Err: err})
			continue
		}
		rows, places = append(rows, sink.Document{ID: d.ID, Data: row}), append(places, i)
	}
	s.cut.Count(sink.Stats{DocumentsFailed: int64(len(failures))})
	return rows, places, failures
}

// TakeStats implements sink.Metered.
func (s *Sink) TakeStats() sink.Stats { return s.Putter.TakeStats().Add(s.cut.TakeStats()) }

// send makes one call of PutRecordBatch.
func (s *Sink) send(ctx context.Context, records []batchput.Record) (batchput.Reply, error) {
	entries := make([]types.Record, len(records))
	for i := range records {
		entries[i].Data = records[i].Data
	}
	out, err := s.client.PutRecordBatch(ctx, &awsfirehose.PutRecordBatchInput{
		DeliveryStreamName: &s.stream,
		Records:            entries,
	}, noRetries)
	if err != nil || out == nil {
		return batchput.Reply{}, err
	}
	reply := batchput.Reply{
		Answers: make([]batchput.Answer, len(out.RequestResponses)),
		Failed:  int(aws.ToInt32(out.FailedPutCount)),
	}
	for i := range out.RequestResponses {
		e := &out.RequestResponses[i]
		reply.Answers[i] = batchput.Answer{Confirmed: aws.ToString(e.RecordId) != "", Code: aws.ToString(e.ErrorCode)}
	}
	return reply, nil
}

// noRetries leaves retries to the Sink, whatever the client was made with.
func noRetries(o *awsfirehose.Options) { o.Retryer = aws.NopRetryer{} }

// billed returns the length that the service charges for records.
func billed(sizes []int) int {
	sum := 0
	for _, size := range sizes {
		sum += (size + BillingStep - 1) / BillingStep * BillingStep
	}
	return sum
}
