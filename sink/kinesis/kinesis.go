// Package kinesis is the sink for a stream of Kinesis Data Streams: many events
// in each record, several records in each call.
//
// In go documents, each a JSON object and a newline. Out go calls of PutRecords.
// Each record holds documents in order, as NDJSON.
//
//	client := awskinesis.NewFromConfig(cfg) // of aws-sdk-go-v2
//	s, err := kinesis.New(kinesis.Config{Client: client, Stream: "events"})
//	err = s.Put(ctx, docs)
//	var failed *sink.PutError
//	if errors.As(err, &failed) {
//		// all but failed.Failures were confirmed
//	}
//
// # Limits
//
// The API takes 500 records in a call. A stream whose limits nobody raised takes
// 5 MiB in a call and 1 MiB in a record, including partition keys and before
// base64. The Sink fills a record only up to [FillBytes], so that the records of
// a call spread over the shards, each of which takes 1 MB a second. A longer
// document has a record of its own. A document of more than [MaxRecordBytes] is
// shortened by [encode.Truncate].
//
// # Partition keys
//
// A record's key is made of the id of its first document. So the same documents
// go to the same shard when they are sent again, and different ones to any shard.
//
// # Delivery
//
// Delivery is at least once and not in order. The Sink sends again what the
// service did not confirm: the same bytes with the same key, after a random pause
// that may grow with each attempt, until the attempts or the time of Put's
// context are used up; see [retry.Policy]. Readers tell events apart by id and
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
// time, and holds one buffer of at most [MaxCallBytes], which later Puts use
// again.
package kinesis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskinesis "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"clearhop/sink"
	"clearhop/sink/internal/batchput"
	"clearhop/sink/retry"
)

const (
	// MaxDocuments is how many documents go into a record. A Firehose stream that
	// reads from this one splits a record into at most as many.
	MaxDocuments = 500

	// FillBytes is how far a record is filled with several documents: 256,000,
	// ten whole billing steps.
	FillBytes = 10 * BillingStep

	// MaxRecordBytes is the greatest length of a document, which then has a record
	// of its own. With its key it is not above 1 MB (1,000,000) or 1 MiB.
	MaxRecordBytes = 1_000_000 - keySize

	// MaxRecords is how many records go into a call.
	MaxRecords = 500

	// MaxCallBytes is how many bytes go into a call, including keys and before
	// base64. It is not above 5 MB or 5 MiB; newer documentation allows 10 MiB.
	MaxCallBytes = 5_000_000

	// BillingStep is what the length of a record with its key is rounded up to
	// when a provisioned stream is billed: a PUT payload unit. AWS says 25 KB;
	// 25 KiB is the larger reading.
	BillingStep = 25 << 10

	// keySize is how long a partition key is.
	keySize = 32
)

// A Client is what the Sink needs of the SDK's kinesis.Client. It is safe for
// concurrent use, and keeps neither the input nor its bytes after it returned.
type Client interface {
	PutRecords(context.Context, *awskinesis.PutRecordsInput, ...func(*awskinesis.Options)) (*awskinesis.PutRecordsOutput, error)
}

// Config is what a Sink is made of. Client and Stream have no default.
type Config struct {
	// Client makes the calls. The Sink turns off the client's own retries for
	// each call, so that they do not multiply with the Sink's.
	Client Client

	// Stream is the name of the stream, or its ARN.
	Stream string

	// Single makes a record of each document. It is for documents that are not
	// events, such as payloads. They are never shortened: one that is too long for
	// a record fails with sink.ErrTooLarge.
	Single bool

	// Retry says how often and how long to try.
	Retry retry.Policy
}

// A Sink puts documents into one stream. Its methods are those of [sink.Sink],
// [sink.Limited] (MaxRecordBytes) and [sink.Metered]. Stats count the records
// without their keys. Each record with its key is billed rounded up to
// BillingStep; on-demand streams are billed in another way.
type Sink struct {
	*batchput.Putter
	client    Client
	name, arn *string // one of them is nil
}

var (
	_ sink.Sink    = (*Sink)(nil)
	_ sink.Metered = (*Sink)(nil)
	_ sink.Limited = (*Sink)(nil)
	_ Client       = (*awskinesis.Client)(nil)
)

var (
	streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,128}$`)
	streamARN  = regexp.MustCompile(`^arn:[a-z0-9-]+:kinesis:[a-z0-9-]+:[0-9]{12}:stream/[a-zA-Z0-9_.-]{1,128}$`)
)

// New returns a Sink, or an error that names every setting that is wrong. It
// makes no call.
func New(c Config) (*Sink, error) {
	var errs []error
	if c.Client == nil {
		errs = append(errs, errors.New("no client"))
	}
	s := &Sink{client: c.Client}
	switch {
	case streamName.MatchString(c.Stream):
		s.name = &c.Stream
	case streamARN.MatchString(c.Stream):
		s.arn = &c.Stream
	default:
		errs = append(errs, fmt.Errorf("stream %q: want a name, 1 to 128 of a-z, A-Z, 0-9, _, . and -, or the stream's ARN", c.Stream))
	}
	policy, err := c.Retry.Complete()
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("kinesis sink: %w", err)
	}
	documents := MaxDocuments
	if c.Single {
		documents = 1
	}
	s.Putter = batchput.New(batchput.Config{
		Name: "kinesis stream " + c.Stream[strings.LastIndexByte(c.Stream, '/')+1:],
		Limits: batchput.Limits{
			Documents:   documents,
			FillBytes:   FillBytes - keySize,
			RecordBytes: MaxRecordBytes,
			Records:     MaxRecords,
			CallBytes:   MaxCallBytes,
			Overhead:    keySize,
		},
		Retry: policy,
		Whole: c.Single,
		Send:  s.send,
		Bill:  billed,
	})
	return s, nil
}

// send makes one call of PutRecords.
func (s *Sink) send(ctx context.Context, records []batchput.Record) (batchput.Reply, error) {
	entries := make([]types.PutRecordsRequestEntry, len(records))
	for i := range records {
		entries[i] = types.PutRecordsRequestEntry{Data: records[i].Data, PartitionKey: aws.String(partitionKey(&records[i]))}
	}
	out, err := s.client.PutRecords(ctx, &awskinesis.PutRecordsInput{
		StreamName: s.name,
		StreamARN:  s.arn,
		Records:    entries,
	}, noRetries)
	if err != nil || out == nil {
		return batchput.Reply{}, err
	}
	reply := batchput.Reply{
		Answers: make([]batchput.Answer, len(out.Records)),
		Failed:  int(aws.ToInt32(out.FailedRecordCount)),
	}
	for i := range out.Records {
		e := &out.Records[i]
		reply.Answers[i] = batchput.Answer{Confirmed: aws.ToString(e.SequenceNumber) != "", Code: aws.ToString(e.ErrorCode)}
	}
	return reply, nil
}

// noRetries leaves retries to the Sink, whatever the client was made with.
func noRetries(o *awskinesis.Options) { o.Retryer = aws.NopRetryer{} }

// partitionKey returns a hash of the id of a record's first document, or of the
// record's data if that document has no id.
func partitionKey(r *batchput.Record) string {
	of := r.ID
	if len(of) == 0 {
		of = r.Data
	}
	sum := sha256.Sum256(of)
	return hex.EncodeToString(sum[:keySize/2])
}

// billed returns the length that the service charges for records.
func billed(sizes []int) int {
	sum := 0
	for _, size := range sizes {
		sum += (size + keySize + BillingStep - 1) / BillingStep * BillingStep
	}
	return sum
}
