// Package kinesistest stands in for Kinesis Data Streams in tests. It is package
// awstest with the protocol of PutRecords, its documented limits and its errors:
//
//	server := kinesistest.Start(t, awstest.Config{
//		Targets: []string{"events"},
//		Script:  []awstest.Fault{kinesistest.Throttle(), awstest.FailRecords(0)},
//	})
//	s, err := kinesis.New(kinesis.Config{Client: kinesistest.NewClient(server.URL), Stream: "events"})
//
// A process of its own reaches the server by AWS_ENDPOINT_URL_KINESIS set to its
// URL. A Server is safe for concurrent use.
package kinesistest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	awskinesis "github.com/aws/aws-sdk-go-v2/service/kinesis"

	"clearhop/internal/awstest"
)

// The limits of the API: those of a stream that nobody changed, and the smaller
// of those that AWS has given for a call.
const (
	MaxRecords     = 500
	MaxRecordBytes = 1 << 20 // with the partition key
	MaxCallBytes   = 5 << 20 // with the partition keys
	maxKey         = 256     // characters
)

// New returns a Server for the caller to serve.
func New(c awstest.Config) *awstest.Server { return awstest.New(protocol, c) }

// What all stand-ins have in common.
var (
	// Start serves a Server on loopback until the test ends, and fails the test if
	// a caller broke a limit.
	Start = protocol.Start
	// Throttle refuses the call because there were too many.
	Throttle = protocol.Throttle
)

// NewClient returns the SDK's client for a stand-in at url, with the SDK's
// default retries.
func NewClient(url string) *awskinesis.Client {
	return awskinesis.New(awskinesis.Options{Region: awstest.Region, BaseEndpoint: &url, Credentials: awstest.Credentials()})
}

// KMSThrottle refuses the call because the stream's key was used too often.
func KMSThrottle() awstest.Fault {
	return awstest.Fault{Error: awstest.Error{Status: http.StatusBadRequest, Code: "KMSThrottlingException", Message: "The request was denied due to request throttling."}}
}

var protocol = awstest.Protocol{
	Name:        "kinesistest",
	Target:      "Kinesis_20131202.PutRecords",
	MediaType:   "application/x-amz-json-1.1",
	Read:        read,
	Answer:      answer,
	NotFound:    awstest.Error{Status: http.StatusBadRequest, Code: "ResourceNotFoundException", Message: "Stream not found."},
	Throttled:   awstest.Error{Status: http.StatusBadRequest, Code: "ProvisionedThroughputExceededException", Message: "Rate exceeded for stream."},
	Unavailable: awstest.Error{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable"},
	RecordCodes: []string{"ProvisionedThroughputExceededException", "InternalFailure"},
}

var streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,128}$`)

// read reads a request. The ID of a record is its partition key.
func read(body []byte) (stream string, records []awstest.Record, refusal *awstest.Refusal) {
	var in struct {
		StreamName, StreamARN string
		Records               []struct {
			Data         []byte
			PartitionKey string
		}
	}
	if json.Unmarshal(body, &in) != nil {
		return "", nil, awstest.NotJSON()
	}
	stream = in.StreamName
	if _, name, ok := strings.Cut(in.StreamARN, ":stream/"); ok {
		stream = name
	}
	if !streamName.MatchString(stream) {
		return stream, nil, awstest.Invalid(fmt.Sprintf("stream name %q", stream), "streamName", "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
	}
	if n := len(in.Records); n == 0 || n > MaxRecords {
		return stream, nil, awstest.Invalid(fmt.Sprintf("%d records in a call", n), "records", "Member must have length between 1 and 500")
	}
	sum := 0
	for i, r := range in.Records {
		at := fmt.Sprintf("records.%d.member", i+1)
		size := len(r.Data) + len(r.PartitionKey)
		switch n := utf8.RuneCountInString(r.PartitionKey); {
		case n == 0 || n > maxKey:
			return stream, nil, awstest.Invalid(fmt.Sprintf("partition key of %d characters", n), at+".partitionKey", "Member must have length between 1 and 256")
		case r.Data == nil:
			return stream, nil, awstest.Invalid("record without data", at+".data", "Member must not be null")
		case size > MaxRecordBytes:
			return stream, nil, awstest.Invalid(fmt.Sprintf("record of %d bytes", size), at+".data", "Member must have length less than or equal to 1048576")
		}
		sum += size
		records = append(records, awstest.Record{ID: r.PartitionKey, Data: r.Data})
	}
	if sum > MaxCallBytes {
		refusal = &awstest.Refusal{
			Problem: fmt.Sprintf("%d bytes in a call", sum),
			Error:   awstest.Error{Status: http.StatusBadRequest, Code: "InvalidArgumentException", Message: "Records size exceeds 5 MB limit"},
		}
	}
	return stream, records, refusal
}

// The shapes of an answer on the wire.
type (
	// An Answer is the body of a call that passed.
	Answer struct {
		FailedRecordCount int
		Records           []Entry
	}

	// An Entry is the answer for one record.
	Entry struct {
		SequenceNumber, ShardId, ErrorCode, ErrorMessage string `json:",omitempty"`
	}
)

// WrongCounts lets the call pass, and answers for fewer or more records than it had, or
// counts failures that it does not show.
func WrongCounts(r *rand.Rand) awstest.Fault {
	return awstest.Fault{Answer: func(answer any) {
		a := answer.(*Answer)
		switch r.IntN(3) {
		case 0:
			a.Records = a.Records[:r.IntN(len(a.Records))]
		case 1:
			a.Records = append(a.Records, Entry{SequenceNumber: "1", ShardId: "shardId-000000000000"})
		default:
			a.FailedRecordCount += 1 + r.IntN(3)
		}
	}}
}

// answer returns an *Answer.
func answer(records []awstest.Record, refused map[int]string) any {
	out := &Answer{FailedRecordCount: len(refused)}
	for i := range records {
		e := Entry{SequenceNumber: fmt.Sprintf("4954%052d", i+1), ShardId: "shardId-000000000000"}
		if code := refused[i]; code != "" {
			e = Entry{ErrorCode: code, ErrorMessage: "Rate exceeded for shard shardId-000000000000 in stream under account 123456789012."}
		}
		out.Records = append(out.Records, e)
	}
	return out
}
