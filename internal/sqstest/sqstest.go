// Package sqstest stands in for SQS in tests. It is package awstest with the
// protocol of SendMessageBatch, its documented limits and its errors:
//
//	server := sqstest.Start(t, awstest.Config{
//		Targets: []string{"dead-letters"},
//		Script:  []awstest.Fault{sqstest.Throttle(), awstest.FailRecords(0)},
//	})
//	s, err := sqs.New(sqs.Config{Client: sqstest.NewClient(server.URL), QueueURL: sqstest.QueueURL(server, "dead-letters")})
//
// Records are the messages' bodies, without base64. A Receiver lets them be received.
// A process of its own reaches the server by AWS_ENDPOINT_URL_SQS set to its
// URL. A Server is safe for concurrent use.
package sqstest

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"clearhop/internal/awstest"
)

// The limits of the API.
const (
	MaxMessages = 10
	MaxBytes    = 1 << 20 // of a message, and of all messages of a call, unless a queue has a smaller limit
)

// New returns a Server for the caller to serve.
func New(c awstest.Config) *awstest.Server { return awstest.New(*protocol(MaxBytes), c) }

// What all stand-ins have in common.
var (
	// Start serves a Server on loopback until the test ends, and fails the test if
	// a caller broke a limit.
	Start = protocol(MaxBytes).Start
	// Throttle refuses the call because there were too many.
	Throttle = protocol(MaxBytes).Throttle
	// Unavailable refuses the call because the service is not available.
	Unavailable = protocol(MaxBytes).Overload
)

// StartWithLimit is Start with queues whose MaximumMessageSize is limit. A call may not be
// longer either, which is the stricter reading of AWS's pages.
func StartWithLimit(t testing.TB, limit int, c awstest.Config) *awstest.Server {
	return protocol(limit).Start(t, c)
}

// QueueURL returns the URL of a queue of a Server.
func QueueURL(s *awstest.Server, name string) string { return s.URL + "/123456789012/" + name }

// NewClient returns the SDK's client for a stand-in at url, with the SDK's
// default retries.
func NewClient(url string) *awssqs.Client {
	return awssqs.New(awssqs.Options{Region: awstest.Region, BaseEndpoint: &url, Credentials: awstest.Credentials()})
}

// SenderFault refuses the messages with these indices as the caller's fault.
func SenderFault(indices ...int) awstest.Fault {
	return awstest.Fault{Records: indices, RecordCode: senderFault}
}

const senderFault = "InvalidMessageContents"

// protocol is that of queues whose messages, and calls, have at most limit bytes.
func protocol(limit int) *awstest.Protocol {
	p := protocolOf
	p.Read = func(body []byte) (string, []awstest.Record, *awstest.Refusal) { return read(body, limit) }
	p.Others = map[string]any{"AmazonSQS.GetQueueAttributes": map[string]any{
		"Attributes": map[string]string{"MaximumMessageSize": strconv.Itoa(limit)},
	}}
	return &p
}

var protocolOf = awstest.Protocol{
	Name:        "sqstest",
	Target:      "AmazonSQS.SendMessageBatch",
	MediaType:   "application/x-amz-json-1.0",
	Answer:      answer,
	NotFound:    awstest.Error{Status: http.StatusBadRequest, Code: "com.amazonaws.sqs#QueueDoesNotExist", Message: "The specified queue does not exist."},
	Throttled:   awstest.Error{Status: http.StatusBadRequest, Code: "com.amazonaws.sqs#RequestThrottled", Message: "Rate exceeded"},
	Unavailable: awstest.Error{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable"},
	RecordCodes: []string{"InternalError", "KmsThrottled"},
}

var entryID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,80}$`)

// read reads a request. The ID of a record is the MD5 sum of the message's body,
// which the SDK compares, and then the entry's own id.
func read(body []byte, limit int) (queue string, records []awstest.Record, refusal *awstest.Refusal) {
	var in struct {
		QueueUrl string
		Entries  []struct {
			Id, MessageBody   string
			MessageAttributes map[string]struct{ DataType, StringValue string }
		}
	}
	if json.Unmarshal(body, &in) != nil {
		return "", nil, awstest.NotJSON()
	}
	queue = in.QueueUrl[strings.LastIndexByte(in.QueueUrl, '/')+1:]
	refuse := func(code, problem string) (string, []awstest.Record, *awstest.Refusal) {
		return queue, nil, &awstest.Refusal{Problem: problem, Error: awstest.Error{Status: http.StatusBadRequest, Code: "com.amazonaws.sqs#" + code}}
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
		case size > limit:
			return refuse("InvalidParameterValue", fmt.Sprintf("message of %d bytes", size))
		}
		seen[entry.Id] = true
		sum += size
		data := []byte(entry.MessageBody)
		if entry.MessageAttributes["encoding"].StringValue == "base64" {
			var err error
			if data, err = base64.StdEncoding.DecodeString(entry.MessageBody); err != nil {
				return refuse("InvalidMessageContents", "message is not base64")
			}
		}
		md5 := md5.Sum([]byte(entry.MessageBody))
		records = append(records, awstest.Record{ID: hex.EncodeToString(md5[:]) + entry.Id, Data: data})
	}
	if sum > limit {
		return refuse("BatchRequestTooLong", fmt.Sprintf("%d bytes in a call", sum))
	}
	return queue, records, nil
}

// forbidden reports whether SQS refuses a message that contains c.
func forbidden(c rune) bool {
	return c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c == 0xFFFE || c == 0xFFFF || !utf8.ValidRune(c)
}

func answer(records []awstest.Record, refused map[int]string) any {
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
