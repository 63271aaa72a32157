// Package sqs is the sink for an SQS queue, meant for dead letters: few
// documents, none of which may be lost.
//
// In go documents, each a JSON object and a newline. Out go calls of
// SendMessageBatch. Each message holds documents in order, as NDJSON; [Data]
// returns the documents of a message.
//
//	client := awssqs.NewFromConfig(cfg) // of aws-sdk-go-v2
//	s, err := sqs.New(sqs.Config{Client: client, QueueURL: url})
//	err = s.Put(ctx, docs)
//
// # Limits
//
// The API takes 10 messages in a call, and 1 MiB in a message and in a call. SQS
// takes only text that XML can hold. A message with any other character is sent
// as base64 and has the attribute "encoding" with the value "base64". A document
// may be so long that it fits in either form; see MaxDocument. A longer one is
// shortened by [encode.Truncate]: package deadletter splits what must stay whole.
//
// # Delivery
//
// Delivery is at least once and not in order, as with any standard queue. New
// refuses a FIFO queue: its throughput is bounded, and nothing here needs it.
// Retries are those of [retry.Policy]. The errors of Put are those of package
// firehose.
//
// A Sink is safe for concurrent use.
package sqs

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"clearhop/sink"
	"clearhop/sink/internal/batchput"
	"clearhop/sink/retry"
)

const (
	// MaxMessages is how many messages go into a call.
	MaxMessages = 10

	// MaxMessageBytes is the greatest possible MaximumMessageSize of a queue, and
	// the limit of a call: 1 MiB. Queues made before August 2025 may have 256 KiB.
	MaxMessageBytes = 1 << 20

	// UsualMessageBytes is what every queue takes of which nobody has lowered the
	// MaximumMessageSize: 256 KiB.
	UsualMessageBytes = 256 << 10

	// minMessageBytes is the least MaximumMessageSize that a Sink can work with.
	minMessageBytes = 4 << 10

	// FillBytes is how far a message is filled with several documents. It is far
	// below the limit, so that a reader does not have to take everything at once.
	FillBytes = 64_000

	// BillingStep is what the length of a call is rounded up to when it is billed:
	// each 64 KiB are one request.
	BillingStep = 64 << 10

	maxDocuments = 500

	// callBytes leaves room for the attributes of all messages and for base64,
	// which makes four bytes of three and fills up the last ones of each message.
	callBytes = (MaxMessageBytes - MaxMessages*(overhead+4)) / 4 * 3
)

// A Client is what the Sink needs of the SDK's sqs.Client. It is safe for
// concurrent use, and keeps neither the input nor its bytes after it returned.
type Client interface {
	SendMessageBatch(context.Context, *awssqs.SendMessageBatchInput, ...func(*awssqs.Options)) (*awssqs.SendMessageBatchOutput, error)
}

// Config is what a Sink is made of. Client and QueueURL have no default.
type Config struct {
	// Client makes the calls. The Sink turns off the client's own retries for
	// each call, so that they do not multiply with the Sink's.
	Client Client

	// QueueURL is the URL of a standard queue.
	QueueURL string

	// MaxMessageBytes is the queue's MaximumMessageSize. 0 means the constant
	// MaxMessageBytes.
	MaxMessageBytes int

	// Retry says how often and how long to try.
	Retry retry.Policy
}

// A Sink puts documents into one queue. Its methods are those of [sink.Sink],
// [sink.Limited] (three quarters of a message) and [sink.Metered], where records
// are messages and bytes are counted before base64; those of a call are billed
// rounded up to BillingStep.
type Sink struct {
	*batchput.Putter
	client Client
	queue  string
}

var (
	_ sink.Sink    = (*Sink)(nil)
	_ sink.Metered = (*Sink)(nil)
	_ sink.Limited = (*Sink)(nil)
	_ Client       = (*awssqs.Client)(nil)
)

// New returns a Sink, or an error that names every setting that is wrong. It
// makes no call.
func New(c Config) (*Sink, error) {
	var errs []error
	if c.Client == nil {
		errs = append(errs, errors.New("no client"))
	}
	queue, err := url.Parse(c.QueueURL)
	switch {
	case err != nil || queue.Host == "" || queue.Scheme != "https" && queue.Scheme != "http":
		errs = append(errs, fmt.Errorf("queue URL %q: is no URL such as https://sqs.eu-central-1.amazonaws.com/123456789012/name", c.QueueURL))
	case strings.HasSuffix(queue.Path, ".fifo"):
		errs = append(errs, fmt.Errorf("queue URL %q: is that of a FIFO queue, want a standard one", c.QueueURL))
	}
	if c.MaxMessageBytes == 0 {
		c.MaxMessageBytes = MaxMessageBytes
	}
	if c.MaxMessageBytes < minMessageBytes || c.MaxMessageBytes > MaxMessageBytes {
		errs = append(errs, fmt.Errorf("max message bytes %d: want %d to %d", c.MaxMessageBytes, minMessageBytes, MaxMessageBytes))
	}
	policy, err := c.Retry.Complete()
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("sqs sink: %w", err)
	}
	s := &Sink{client: c.Client, queue: c.QueueURL}
	data := min((c.MaxMessageBytes-overhead)/4*3, callBytes)
	call := callBytes
	if c.MaxMessageBytes < MaxMessageBytes {
		// Whether the limit of a call is then smaller too is not documented. Dead letters
		// are few, and so more calls cost nothing.
		call = data
	}
	s.Putter = batchput.New(batchput.Config{
		Name: "sqs queue " + queue.Path[strings.LastIndexByte(queue.Path, '/')+1:],
		Limits: batchput.Limits{
			Documents:   maxDocuments,
			FillBytes:   min(FillBytes, data),
			RecordBytes: data,
			Records:     MaxMessages,
			CallBytes:   call,
		},
		Retry: policy,
		Send:  s.send,
		Bill:  billed,
	})
	return s, nil
}

// A Describer asks for the attributes of a queue. An awssqs.Client is one.
type Describer interface {
	GetQueueAttributes(context.Context, *awssqs.GetQueueAttributesInput, ...func(*awssqs.Options)) (*awssqs.GetQueueAttributesOutput, error)
}

// MessageBytes returns the MaximumMessageSize of a queue, for Config.MaxMessageBytes. It
// makes one call, which needs the permission sqs:GetQueueAttributes. If the queue cannot
// be asked, the answer is UsualMessageBytes: documents that are longer than a message are
// split or shortened earlier than need be, and none is refused.
func MessageBytes(ctx context.Context, calls Describer, queueURL string) int {
	const name = types.QueueAttributeNameMaximumMessageSize
	out, err := calls.GetQueueAttributes(ctx, &awssqs.GetQueueAttributesInput{QueueUrl: &queueURL, AttributeNames: []types.QueueAttributeName{name}}, noRetries)
	if err != nil || out == nil {
		return UsualMessageBytes
	}
	size, err := strconv.Atoi(out.Attributes[string(name)])
	if err != nil {
		return UsualMessageBytes
	}
	return min(size, MaxMessageBytes)
}

// The attribute of a message that holds base64. It counts towards the length of
// the message.
const (
	encodingKey = "encoding"
	base64Value = "base64"
	stringType  = "String"
	overhead    = len(encodingKey) + len(base64Value) + len(stringType)
)

// send makes one call of SendMessageBatch.
func (s *Sink) send(ctx context.Context, records []batchput.Record) (batchput.Reply, error) {
	entries := make([]types.SendMessageBatchRequestEntry, len(records))
	for i := range records {
		entries[i].Id = aws.String(strconv.Itoa(i))
		if isText(records[i].Data) {
			entries[i].MessageBody = aws.String(string(records[i].Data))
			continue
		}
		entries[i].MessageBody = aws.String(base64.StdEncoding.EncodeToString(records[i].Data))
		entries[i].MessageAttributes = map[string]types.MessageAttributeValue{
			encodingKey: {DataType: aws.String(stringType), StringValue: aws.String(base64Value)},
		}
	}
	out, err := s.client.SendMessageBatch(ctx, &awssqs.SendMessageBatchInput{QueueUrl: &s.queue, Entries: entries}, noRetries)
	if err != nil || out == nil {
		return batchput.Reply{}, err
	}
	reply := batchput.Reply{Answers: make([]batchput.Answer, len(records)), Failed: len(out.Failed)}
	answer := func(id *string) *batchput.Answer {
		i, err := strconv.Atoi(aws.ToString(id))
		if err != nil || i < 0 || i >= len(records) {
			return new(batchput.Answer) // of no record of ours
		}
		return &reply.Answers[i]
	}
	for _, e := range out.Successful {
		answer(e.Id).Confirmed = aws.ToString(e.MessageId) != ""
	}
	for _, e := range out.Failed {
		*answer(e.Id) = batchput.Answer{Code: aws.ToString(e.Code), Final: e.SenderFault}
	}
	return reply, nil
}

// noRetries leaves retries to the Sink, whatever the client was made with.
func noRetries(o *awssqs.Options) { o.Retryer = aws.NopRetryer{} }

// billed returns the length that the service charges for the messages of a call.
func billed(sizes []int) int {
	sum := 0
	for _, size := range sizes {
		sum += size
	}
	return (sum + BillingStep - 1) / BillingStep * BillingStep
}

// isText reports whether SQS takes data as it is: all its characters are those of
// XML 1.0.
func isText(data []byte) bool {
	for i := 0; i < len(data); {
		c := data[i]
		if c < utf8.RuneSelf {
			if c < 0x20 && c != '\t' && c != '\n' && c != '\r' {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 || r == 0xFFFE || r == 0xFFFF {
			return false
		}
		i += size
	}
	return true
}

// Data returns the documents of a message that a Sink sent, as NDJSON.
func Data(m types.Message) ([]byte, error) {
	body := aws.ToString(m.Body)
	encoding := aws.ToString(m.MessageAttributes[encodingKey].StringValue)
	switch encoding {
	case "":
		return []byte(body), nil
	case base64Value:
		data, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			return nil, fmt.Errorf("sqs message: %w", err)
		}
		return data, nil
	}
	return nil, fmt.Errorf("sqs message: there is no encoding %q", encoding)
}
