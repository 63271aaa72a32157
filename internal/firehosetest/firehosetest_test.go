package firehosetest_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/smithy-go"

	"clearhop/internal/awstest"
	"clearhop/internal/firehosetest"
)

// serve is Start for tests that break limits on purpose.
func serve(t *testing.T, c awstest.Config) (*awstest.Server, *awsfirehose.Client) {
	t.Helper()
	service := firehosetest.New(c)
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	return service, firehosetest.NewClient(server.URL)
}

func once(o *awsfirehose.Options) { o.Retryer = aws.NopRetryer{} }

func records(sizes ...int) []types.Record {
	out := make([]types.Record, len(sizes))
	for i, size := range sizes {
		out[i].Data = bytes.Repeat([]byte{'a'}, size)
	}
	return out
}

func code(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	return api.ErrorCode()
}

func TestLimits(t *testing.T) {
	const full = firehosetest.MaxRecordBytes
	cases := []struct {
		name      string
		stream    string
		records   []types.Record
		code      string
		violation string
	}{
		{"one record", "s", records(1), "", ""},
		{"500 records", "s", records(slices.Repeat([]int{1}, 500)...), "", ""},
		{"501 records", "s", records(slices.Repeat([]int{1}, 501)...), "ValidationException", "501 records in a call"},
		{"no records", "s", []types.Record{}, "ValidationException", "no records"},
		{"a record at its limit", "s", records(full), "", ""},
		{"a record above", "s", records(full + 1), "ValidationException", "record of 1024001 bytes"},
		{"a call at its limit", "s", records(full, full, full, full, 4<<20-4*full), "", ""},
		{"a call above", "s", records(full, full, full, full, 4<<20-4*full+1), "InvalidArgumentException", "4194305 bytes in a call"},
		{"unknown stream", "other", records(1), "ResourceNotFoundException", ""},
		{"malformed name", "a/b", records(1), "ValidationException", `stream name "a/b"`},
		{"name too long", strings.Repeat("s", 65), records(1), "ValidationException", `stream name "` + strings.Repeat("s", 65) + `"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			service, client := serve(t, awstest.Config{Targets: []string{"s"}})
			_, err := client.PutRecordBatch(t.Context(), &awsfirehose.PutRecordBatchInput{DeliveryStreamName: &c.stream, Records: c.records}, once)
			if got := code(err); got != c.code || (err == nil) != (c.code == "") {
				t.Errorf("got error %v, want code %q", err, c.code)
			}
			if got := strings.Join(service.Violations(), "; "); got != c.violation {
				t.Errorf("got violations %q, want %q", got, c.violation)
			}
			if got := len(service.Records("s")); (got > 0) != (c.code == "") {
				t.Errorf("%d records were accepted", got)
			}
		})
	}
}

func TestForeignRequests(t *testing.T) {
	cases := []struct {
		name, target, contentType, signature, body string
		status                                     int
	}{
		{"operation", "Firehose_20150804.ListDeliveryStreams", "application/x-amz-json-1.1", "AWS4-HMAC-SHA256", "{}", 400},
		{"service", "Kinesis_20131202.PutRecords", "application/x-amz-json-1.1", "AWS4-HMAC-SHA256", "{}", 400},
		{"one record at a time", "Firehose_20150804.PutRecord", "application/x-amz-json-1.1", "AWS4-HMAC-SHA256", `{"DeliveryStreamName":"s","Record":{"Data":"YQ=="}}`, 400},
		{"media type", "Firehose_20150804.PutRecordBatch", "application/json", "AWS4-HMAC-SHA256", "{}", 404},
		{"unsigned", "Firehose_20150804.PutRecordBatch", "application/x-amz-json-1.1", "", "{}", 403},
		{"no JSON", "Firehose_20150804.PutRecordBatch", "application/x-amz-json-1.1", "AWS4-HMAC-SHA256", "{", 400},
		{"no base64", "Firehose_20150804.PutRecordBatch", "application/x-amz-json-1.1", "AWS4-HMAC-SHA256", `{"DeliveryStreamName":"s","Records":[{"Data":"_"}]}`, 400},
		{"no data", "Firehose_20150804.PutRecordBatch", "application/x-amz-json-1.1", "AWS4-HMAC-SHA256", `{"DeliveryStreamName":"s","Records":[{}]}`, 400},
		{"no stream", "Firehose_20150804.PutRecordBatch", "application/x-amz-json-1.1", "AWS4-HMAC-SHA256", `{"Records":[{"Data":"YQ=="}]}`, 400},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			service := firehosetest.New(awstest.Config{Targets: []string{"s"}})
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
			r.Header.Set("X-Amz-Target", c.target)
			r.Header.Set("Content-Type", c.contentType)
			if c.signature != "" {
				r.Header.Set("Authorization", c.signature)
			}
			w := httptest.NewRecorder()
			service.ServeHTTP(w, r)
			if w.Code != c.status || len(service.Violations()) != 1 {
				t.Errorf("got status %d and violations %q, want %d and one", w.Code, service.Violations(), c.status)
			}
		})
	}
}

func TestScript(t *testing.T) {
	service, client := serve(t, awstest.Config{
		Targets: []string{"s"},
		Script:  []awstest.Fault{awstest.FailRecords(1), firehosetest.Throttle(), awstest.Written()},
	})
	put := func() (*awsfirehose.PutRecordBatchOutput, error) {
		return client.PutRecordBatch(t.Context(), &awsfirehose.PutRecordBatchInput{
			DeliveryStreamName: aws.String("s"),
			Records:            []types.Record{{Data: []byte("1\n")}, {Data: []byte("2\n3\n")}},
		}, once)
	}
	out, err := put()
	if err != nil || *out.FailedPutCount != 1 || aws.ToString(out.RequestResponses[1].ErrorCode) != "ServiceUnavailableException" {
		t.Errorf("first: got %+v and error %v, want the second record refused", out, err)
	}
	if _, err := put(); code(err) != "ThrottlingException" {
		t.Errorf("second: got error %v, want ThrottlingException", err)
	}
	if _, err := put(); code(err) != "InternalFailure" {
		t.Errorf("third: got error %v, want InternalFailure", err)
	}
	if _, err := put(); err != nil {
		t.Errorf("fourth: %v", err)
	}
	if got, want := string(service.Data("s")), "1\n1\n2\n3\n1\n2\n3\n"; got != want {
		t.Errorf("%q was accepted, want %q", got, want)
	}
	if got, want := len(service.Documents("s")), 7; got != want {
		t.Errorf("%d documents, want %d", got, want)
	}
	if got, want := string(bytes.Join(service.Duplicates("s"), nil)), "1\n1\n2\n3\n"; got != want {
		t.Errorf("duplicates are %q, want %q", got, want)
	}
	want := []awstest.Call{
		{To: "s", Sizes: []int{2, 4}, Failed: 1},
		{To: "s", Sizes: []int{2, 4}, Code: "ThrottlingException"},
		{To: "s", Sizes: []int{2, 4}, Code: "InternalFailure"},
		{To: "s", Sizes: []int{2, 4}},
	}
	got := service.Calls()
	if !slices.EqualFunc(got, want, func(a, b awstest.Call) bool {
		return slices.Equal(a.Sizes, b.Sizes) && a.To == b.To && a.Failed == b.Failed && a.Code == b.Code
	}) {
		t.Errorf("calls:\ngot  %+v\nwant %+v", got, want)
	}
}

// The same seed fails the same calls in the same way.
func TestSeed(t *testing.T) {
	run := func(seed uint64) []awstest.Call {
		service, client := serve(t, awstest.Config{
			Targets: []string{"s"}, Seed: seed,
			Random: awstest.Random{Records: 0.5, Calls: 0.3, Written: 0.2},
		})
		for range 30 {
			_, _ = client.PutRecordBatch(t.Context(), &awsfirehose.PutRecordBatchInput{DeliveryStreamName: aws.String("s"), Records: records(1, 2, 3)}, once)
		}
		return service.Calls()
	}
	same := func(a, b awstest.Call) bool { return a.Failed == b.Failed && a.Code == b.Code }
	if !slices.EqualFunc(run(7), run(7), same) {
		t.Error("two runs with one seed differ")
	}
	if slices.EqualFunc(run(7), run(8), same) {
		t.Error("two seeds fail alike")
	}
}
