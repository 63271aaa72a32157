// Package sqstest stands in for SQS in tests: it speaks the protocol of
// SendMessageBatch as the SDK's client does, holds callers to the documented
// limits, keeps what it accepted, and fails on request or at random.
//
//	server := sqstest.Start(t, sqstest.Config{
//		Targets: []string{"dead-letters"},
//		Script:  []sqstest.Fault{sqstest.Throttle(), sqstest.FailRecords(0)},
//		Random:  sqstest.Random{Records: 0.1},
//	})
//	s, err := sqs.New(sqs.Config{Client: sqstest.NewClient(server.URL), QueueURL: server.QueueURL("dead-letters")})
//
// A process of its own reaches it by AWS_ENDPOINT_URL_SQS set to the URL.
// Messages cannot be received.
package sqstest

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"clearhop/sink/internal/standin"
)

// What package standin says of all stand-ins.
type (
	// Config is what a Server is made of; its targets are the names of queues.
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

// The limits of the API.
const (
	MaxMessages = 10
	MaxBytes    = 1 << 20 // of a message, and of all messages of a call
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

// SenderFault refuses the messages with these indices as the caller's fault.
func SenderFault(indices ...int) Fault {
	return Fault{Records: indices, RecordCode: senderFault}
}

const senderFault = "InvalidMessageContents"

// A Server is the stand-in.
type Server struct{ *standin.Server }

// Start serves a Server on loopback until the test ends, and fails the test if
// a caller broke a limit.
func Start(t testing.TB, c Config) *Server {
	t.Helper()
	return &Server{standin.Start(t, protocol, c)}
}

// QueueURL returns the URL of a queue.
func (s *Server) QueueURL(name string) string { return s.URL + "/123456789012/" + name }

// Data returns what the queue accepted, without base64, one message behind the
// other.
func (s *Server) Data(queue string) []byte {
	var all [][]byte
	for _, r := range s.Records(queue) {
		all = append(all, r.Data)
	}
	return bytes.Join(all, nil)
}

// NewClient returns the SDK's client for a stand-in at url, with the SDK's
// default retries and without keys.
func NewClient(url string) *awssqs.Client {
	return awssqs.New(awssqs.Options{
		Region:       "eu-central-1",
		BaseEndpoint: &url,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

var protocol = standin.Protocol{
	Name:        "sqstest",
	Target:      "AmazonSQS.SendMessageBatch",
	MediaType:   "application/x-amz-json-1.0",
	Read:        read,
	Answer:      answer,
	NotFound:    Error{Status: http.StatusBadRequest, Code: "com.amazonaws.sqs#QueueDoesNotExist", Message: "The specified queue does not exist."},
	Throttled:   Error{Status: http.StatusBadRequest, Code: "com.amazonaws.sqs#RequestThrottled", Message: "Rate exceeded"},
	Unavailable: Error{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable"},
	RecordCodes: []string{"InternalError", "KmsThrottled"},
}

var entryID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,80}$`)

// read takes a request apart. A record's ID is the MD5 sum of its body, which
// the SDK looks at, and the entry's.
func read(body []byte) (queue string, records []standin.Record, problem string, e Error) {
	var in struct {
		QueueUrl string
		Entries  []struct {
			Id, MessageBody   string
			MessageAttributes map[string]struct{ DataType, StringValue string }
		}
	}
	if json.Unmarshal(body, &in) != nil {
		return "", nil, "request is not JSON of the right shape", Error{Status: http.StatusBadRequest, Code: "SerializationException"}
	}
	queue = in.QueueUrl[strings.LastIndexByte(in.QueueUrl, '/')+1:]
	refuse := func(code, problem string) (string, []standin.Record, string, Error) {
		return queue, nil, problem, Error{Status: http.StatusBadRequest, Code: "com.amazonaws.sqs#" + code}
	}
	switch n := len(in.Entries); {
	case n == 0:
		return refuse("EmptyBatchRequest", "no messages")
	case n > MaxMessages:
		return refuse("TooManyEntriesInBatchRequest", fmt.Sprintf("%d messages in a call", n))
	}
	sum, seen := 0, map[string]bool{}
	for _, entry := range in.Entries {
		size := len(entry.MessageBody)
		for name, a := range entry.MessageAttributes {
			size += len(name) + len(a.DataType) + len(a.StringValue)
		}
		switch {
		case !entryID.MatchString(entry.Id):
			return refuse("InvalidBatchEntryId", fmt.Sprintf("entry id %q", entry.Id))
		case seen[entry.Id]:
			return refuse("BatchEntryIdsNotDistinct", "an entry id twice")
		case entry.MessageBody == "" || strings.ContainsFunc(entry.MessageBody, forbidden):
			return refuse("InvalidMessageContents", "empty message, or characters that SQS does not take")
		case size > MaxBytes:
			return refuse("InvalidParameterValue", fmt.Sprintf("message of %d bytes", size))
		}
		seen[entry.Id] = true
		sum += size
		data := []byte(entry.MessageBody)
		if entry.MessageAttributes["encoding"].StringValue == "base64" {
			var err error
			if data, err = base64.StdEncoding.DecodeString(entry.MessageBody); err != nil {
				return refuse("InvalidMessageContents", "message is no base64")
			}
		}
		md5 := md5.Sum([]byte(entry.MessageBody))
		records = append(records, standin.Record{ID: hex.EncodeToString(md5[:]) + entry.Id, Data: data})
	}
	if sum > MaxBytes {
		return refuse("BatchRequestTooLong", fmt.Sprintf("%d bytes in a call", sum))
	}
	return queue, records, "", Error{}
}

// forbidden reports whether SQS takes no message with c.
func forbidden(c rune) bool {
	return c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c == 0xFFFE || c == 0xFFFF || !utf8.ValidRune(c)
}

func answer(records []standin.Record, refused map[int]string) any {
	type (
		sent   struct{ Id, MessageId, MD5OfMessageBody string }
		failed struct {
			Id, Code    string
			SenderFault bool
		}
	)
	var out struct {
		Successful []sent
		Failed     []failed
	}
	for i, r := range records {
		md5, id := r.ID[:2*md5.Size], r.ID[2*md5.Size:]
		if code := refused[i]; code != "" {
			out.Failed = append(out.Failed, failed{id, code, code == senderFault})
			continue
		}
		out.Successful = append(out.Successful, sent{id, "message-" + md5, md5})
	}
	return out
}
