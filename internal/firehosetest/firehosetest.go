// Package firehosetest stands in for Amazon Data Firehose in tests. It is
// package awstest with the protocol of PutRecordBatch, its documented limits and
// its errors:
//
//	server := firehosetest.Start(t, awstest.Config{
//		Targets: []string{"access-log"},
//		Script:  []awstest.Fault{firehosetest.Throttle(), awstest.FailRecords(0)},
//	})
//	s, err := firehose.New(firehose.Config{Client: firehosetest.NewClient(server.URL), Stream: "access-log"})
//
// A process of its own reaches the server by AWS_ENDPOINT_URL_FIREHOSE set to
// its URL. A Server is safe for concurrent use.
package firehosetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"

	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"

	"clearhop/internal/awstest"
)

// The limits of the API, as its documentation has them. It gives no number for
// the KB and MB that a call may hold; AWS's own agent counts 4 MiB of data before
// base64.
const (
	MaxRecords     = 500
	MaxRecordBytes = 1_000 << 10
	MaxCallBytes   = 4 << 20
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
	// Unavailable refuses the call because the stream's throughput is used up.
	Unavailable = protocol.Overload
)

// NewClient returns the SDK's client for a stand-in at url, with the SDK's
// default retries.
func NewClient(url string) *awsfirehose.Client {
	return awsfirehose.New(awsfirehose.Options{Region: awstest.Region, BaseEndpoint: &url, Credentials: awstest.Credentials()})
}

// InvalidKMSResource refuses the call because of the stream's key.
func InvalidKMSResource() awstest.Fault {
	return awstest.Fault{Error: awstest.Error{Status: http.StatusBadRequest, Code: "InvalidKMSResourceException", Message: "KMS key is disabled."}}
}

// Answering lets the call pass and changes its answer.
func Answering(change func(*Answer)) awstest.Fault {
	return awstest.Fault{Answer: func(answer any) { change(answer.(*Answer)) }}
}

// WrongCounts lets the call pass, and answers for fewer or more records than it had, or
// counts failures that it does not show.
func WrongCounts(r *rand.Rand) awstest.Fault {
	return Answering(func(a *Answer) {
		switch r.IntN(3) {
		case 0:
			a.RequestResponses = a.RequestResponses[:r.IntN(len(a.RequestResponses))]
		case 1:
			a.RequestResponses = append(a.RequestResponses, Entry{RecordId: "more"})
		default:
			a.FailedPutCount += 1 + r.IntN(3)
		}
	})
}

// The shapes of an answer on the wire.
type (
	// An Answer is the body of a call that passed.
	Answer struct {
		FailedPutCount   int
		Encrypted        bool
		RequestResponses []Entry
	}

	// An Entry is the answer for one record.
	Entry struct {
		RecordId     string `json:",omitempty"`
		ErrorCode    string `json:",omitempty"`
		ErrorMessage string `json:",omitempty"`
	}
)

var protocol = awstest.Protocol{
	Name:        "firehosetest",
	Target:      "Firehose_20150804.PutRecordBatch",
	MediaType:   "application/x-amz-json-1.1",
	Read:        read,
	Answer:      answer,
	NotFound:    awstest.Error{Status: http.StatusBadRequest, Code: "ResourceNotFoundException", Message: "Firehose not found under account 123456789012."},
	Throttled:   awstest.Error{Status: http.StatusBadRequest, Code: "ThrottlingException", Message: "Rate exceeded"},
	Unavailable: awstest.Error{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailableException", Message: "Slow down."},
	RecordCodes: []string{"ServiceUnavailableException", "InternalFailure"},
}

var streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)

// read reads a request. Its records have no ID.
func read(body []byte) (stream string, records []awstest.Record, refusal *awstest.Refusal) {
	var in struct {
		DeliveryStreamName *string
		Records            []struct{ Data []byte } // base64, which encoding/json undoes
	}
	if json.Unmarshal(body, &in) != nil {
		return "", nil, awstest.NotJSON()
	}
	if in.DeliveryStreamName == nil {
		return "", nil, awstest.Invalid("no stream name", "deliveryStreamName", "Member must not be null")
	}
	stream = *in.DeliveryStreamName
	sum := 0
	for _, r := range in.Records {
		records = append(records, awstest.Record{Data: r.Data})
		sum += len(r.Data)
	}
	switch n := len(records); {
	case !streamName.MatchString(stream):
		refusal = awstest.Invalid(fmt.Sprintf("stream name %q", stream), "deliveryStreamName", "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
	case n == 0:
		refusal = awstest.Invalid("no records", "records", "Member must have length greater than or equal to 1")
	case n > MaxRecords:
		refusal = awstest.Invalid(fmt.Sprintf("%d records in a call", n), "records", "Member must have length less than or equal to 500")
	default:
		refusal = checkData(records)
	}
	if refusal == nil && sum > MaxCallBytes {
		refusal = &awstest.Refusal{
			Problem: fmt.Sprintf("%d bytes in a call", sum),
			Error:   awstest.Error{Status: http.StatusBadRequest, Code: "InvalidArgumentException", Message: "Records size exceeds 4 MB limit"},
		}
	}
	return stream, records, refusal
}

// checkData looks at the data of each record.
func checkData(records []awstest.Record) *awstest.Refusal {
	for i, r := range records {
		member := "records." + strconv.Itoa(i+1) + ".member.data"
		if r.Data == nil {
			return awstest.Invalid("record without data", member, "Member must not be null")
		}
		if len(r.Data) > MaxRecordBytes {
			return awstest.Invalid(fmt.Sprintf("record of %d bytes", len(r.Data)), member, "Member must have length less than or equal to 1024000")
		}
	}
	return nil
}

// answer returns an *Answer.
func answer(records []awstest.Record, refused map[int]string) any {
	out := &Answer{FailedPutCount: len(refused)}
	for i := range records {
		e := Entry{RecordId: fmt.Sprintf("record-%d", i+1)}
		if code := refused[i]; code != "" {
			e = Entry{ErrorCode: code, ErrorMessage: "Slow down."}
		}
		out.RequestResponses = append(out.RequestResponses, e)
	}
	return out
}
