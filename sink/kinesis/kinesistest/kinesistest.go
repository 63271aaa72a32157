// Package kinesistest stands in for Kinesis Data Streams in tests: it speaks the
// protocol of PutRecords as the SDK's client does, holds callers to the
// documented limits, keeps what it accepted, and fails on request or at random.
//
//	server := kinesistest.Start(t, kinesistest.Config{
//		Targets: []string{"events"},
//		Script:  []kinesistest.Fault{kinesistest.Throttle(), kinesistest.FailRecords(0)},
//		Random:  kinesistest.Random{Records: 0.1},
//	})
//	s, err := kinesis.New(kinesis.Config{Client: kinesistest.NewClient(server.URL), Stream: "events"})
//
// A process of its own reaches it by AWS_ENDPOINT_URL_KINESIS set to the URL.
// There are no shards and no throughput but what a [Fault] says.
package kinesistest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskinesis "github.com/aws/aws-sdk-go-v2/service/kinesis"

	"clearhop/sink/internal/standin"
)

// What package standin says of all stand-ins.
type (
	// Config is what a Server is made of; its targets are the names of streams.
	Config = standin.Config
	// Random is how often something fails.
	Random = standin.Random
	// Fault is what befalls one call.
	Fault = standin.Fault
	// Error is a failure of a whole call.
	Error = standin.Error
	// Call is one request that the Server understood.
	Call = standin.Call
)

// The limits of the API: those of a stream that nobody changed, and the smaller
// of those that AWS has given for a call.
const (
	MaxRecords     = 500
	MaxRecordBytes = 1 << 20 // with the partition key
	MaxCallBytes   = 5 << 20 // with the partition keys
	maxKey         = 256     // characters
)

// The faults of package standin.
var (
	Pass            = standin.Pass
	InternalFailure = standin.InternalFailure
	Written         = standin.Written
	AccessDenied    = standin.AccessDenied
	FailRecords     = standin.FailRecords
)

// Throttle refuses the call for its rate.
func Throttle() Fault { return Fault{Error: protocol.Throttled} }

// KMSThrottle refuses the call for the rate of the stream's key.
func KMSThrottle() Fault {
	return Fault{Error: Error{Status: http.StatusBadRequest, Code: "KMSThrottlingException", Message: "The request was denied due to request throttling."}}
}

// A Server is the stand-in.
type Server struct{ *standin.Server }

// Start serves a Server on loopback until the test ends, and fails the test if
// a caller broke a limit.
func Start(t testing.TB, c Config) *Server {
	t.Helper()
	return &Server{standin.Start(t, protocol, c)}
}

// Data returns the records that the stream accepted one behind the other.
func (s *Server) Data(stream string) []byte {
	var all [][]byte
	for _, r := range s.Records(stream) {
		all = append(all, r.Data)
	}
	return bytes.Join(all, nil)
}

// NewClient returns the SDK's client for a stand-in at url, with the SDK's
// default retries and without keys.
func NewClient(url string) *awskinesis.Client {
	return awskinesis.New(awskinesis.Options{
		Region:       "eu-central-1",
		BaseEndpoint: &url,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

var protocol = standin.Protocol{
	Name:        "kinesistest",
	Target:      "Kinesis_20131202.PutRecords",
	MediaType:   "application/x-amz-json-1.1",
	Read:        read,
	Answer:      answer,
	NotFound:    Error{Status: http.StatusBadRequest, Code: "ResourceNotFoundException", Message: "Stream not found."},
	Throttled:   Error{Status: http.StatusBadRequest, Code: "ProvisionedThroughputExceededException", Message: "Rate exceeded for stream."},
	Unavailable: Error{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable"},
	RecordCodes: []string{"ProvisionedThroughputExceededException", "InternalFailure"},
}

var streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,128}$`)

// read takes a request apart. A record's ID is its partition key.
func read(body []byte) (stream string, records []standin.Record, problem string, e Error) {
	var in struct {
		StreamName, StreamARN string
		Records               []struct {
			Data         []byte
			PartitionKey string
		}
	}
	if json.Unmarshal(body, &in) != nil {
		return "", nil, "request is not JSON of the right shape", Error{Status: http.StatusBadRequest, Code: "SerializationException"}
	}
	stream = in.StreamName
	if _, name, ok := strings.Cut(in.StreamARN, ":stream/"); ok {
		stream = name
	}
	if !streamName.MatchString(stream) {
		return stream, nil, fmt.Sprintf("stream name %q", stream), standin.Invalid("streamName", "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
	}
	if n := len(in.Records); n == 0 || n > MaxRecords {
		return stream, nil, fmt.Sprintf("%d records in a call", n), standin.Invalid("records", "Member must have length between 1 and 500")
	}
	sum := 0
	for i, r := range in.Records {
		at := fmt.Sprintf("records.%d.member", i+1)
		size := len(r.Data) + len(r.PartitionKey)
		switch n := utf8.RuneCountInString(r.PartitionKey); {
		case n == 0 || n > maxKey:
			return stream, nil, fmt.Sprintf("partition key of %d characters", n), standin.Invalid(at+".partitionKey", "Member must have length between 1 and 256")
		case r.Data == nil:
			return stream, nil, "record without data", standin.Invalid(at+".data", "Member must not be null")
		case size > MaxRecordBytes:
			return stream, nil, fmt.Sprintf("record of %d bytes", size), standin.Invalid(at+".data", "Member must have length less than or equal to 1048576")
		}
		sum += size
		records = append(records, standin.Record{ID: r.PartitionKey, Data: r.Data})
	}
	if sum > MaxCallBytes {
		return stream, records, fmt.Sprintf("%d bytes in a call", sum), Error{Status: http.StatusBadRequest, Code: "InvalidArgumentException", Message: "Records size exceeds 5 MB limit"}
	}
	return stream, records, "", Error{}
}

func answer(records []standin.Record, refused map[int]string) any {
	type entry struct {
		SequenceNumber, ShardId, ErrorCode, ErrorMessage string `json:",omitempty"`
	}
	out := struct {
		FailedRecordCount int
		Records           []entry
	}{FailedRecordCount: len(refused)}
	for i := range records {
		e := entry{SequenceNumber: fmt.Sprintf("4954%052d", i+1), ShardId: "shardId-000000000000"}
		if code := refused[i]; code != "" {
			e = entry{ErrorCode: code, ErrorMessage: "Rate exceeded for shard shardId-000000000000 in stream under account 123456789012."}
		}
		out.Records = append(out.Records, e)
	}
	return out
}
