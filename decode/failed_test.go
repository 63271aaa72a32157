package decode

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// batchOf is the event of a function on a stream.
func batchOf(records ...[]byte) string {
	var items []string
	for i, r := range records {
		items = append(items, fmt.Sprintf(`{"kinesis":{"sequenceNumber":"%d","data":%q},"eventSource":"aws:kinesis"}`, i, base64Of(r)))
	}
	return `{"Records":[` + strings.Join(items, ",") + `]}`
}

// asynchronous is what Lambda writes of an asynchronous invocation, to S3 and to SQS.
func asynchronous(request string) string {
	return `{"version":"1.0","timestamp":"2026-11-22T11:00:24.000Z","requestContext":{"requestId":"r","functionArn":"arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST","condition":"RetriesExhausted","approximateInvokeCount":3},"requestPayload":` +
		request + `,"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"responsePayload":{"errorMessage":"m"}}`
}

// streamBatch is what Lambda writes of a batch of a stream. payload may be empty.
func streamBatch(payload string) string {
	text := `{"requestContext":{"requestId":"r","functionArn":"arn:aws:lambda:eu-west-1:123456789012:function:f","condition":"RetryAttemptsExhausted","approximateInvokeCount":1},"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"version":"1.0","timestamp":"2026-11-22T11:00:24.000Z","KinesisBatchInfo":{"shardId":"s","startSequenceNumber":"1","endSequenceNumber":"2","batchSize":2,"streamArn":"arn:aws:kinesis:eu-west-1:123456789012:stream/s"}`
	if payload != "" {
		quoted, _ := json.Marshal(payload)
		text += `,"payload":` + string(quoted)
	}
	return text + "}"
}

func firehoseRecord(data []byte) string {
	return fmt.Sprintf(`{"attemptsMade":4,"arrivalTimestamp":1795345224000,"errorCode":"Lambda.InvokeLimitExceeded","errorMessage":"m","attemptEndingTimestamp":1795345225000,"rawData":%q,"lambdaArn":"arn"}`, base64Of(data))
}

// sorted is a document as jq -S writes it: over several lines, with its keys in order.
func sorted(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestFailed: each document that keeps records gives the lines that the function would
// have had, whether it is read as a file or as the event of a function.
func TestFailed(t *testing.T) {
	three, two := pack(payloadJSON(3)), pack(payloadJSON(2))
	asynchronousEvent := asynchronous(fmt.Sprintf(`{"awslogs":{"data":%q}}`, base64Of(three)))
	for name, c := range map[string]struct {
		text  string
		lines int // of all payloads
	}{
		"asynchronous":              {asynchronousEvent, 3},
		"asynchronous, sorted":      {sorted(t, asynchronousEvent), 3},
		"two, a line each":          {asynchronousEvent + "\n" + asynchronousEvent + "\n", 6},
		"asynchronous, of a stream": {asynchronous(batchOf(three, two)), 5},
		"batch":                     {streamBatch(batchOf(three)), 3},
		"batch of two":              {streamBatch(batchOf(three, two)), 5},
		"batch, sorted":             {sorted(t, streamBatch(batchOf(three, two))), 5},
		"a record of two payloads":  {streamBatch(batchOf(pack(append(payloadJSON(3), payloadJSON(2)...)))), 5},
		"the batch as an object":    {strings.Replace(streamBatch("P"), `"P"`, batchOf(three), 1), 3},
		"record of Firehose":        {firehoseRecord(three), 3},
		"two records of Firehose":   {firehoseRecord(three) + firehoseRecord(two), 5},
		"event of a stream":         {batchOf(three, two), 5},
		"and a payload behind it":   {asynchronousEvent + "\n" + string(payloadJSON(2)), 5},
	} {
		payloads, err := NewDecoder(Options{}).DecodeAll([]byte(c.text))
		n := 0
		for _, p := range payloads {
			n += len(p.Lines)
			if len(p.Lines[0].ID) == 0 || p.Origin.LogGroup == "" {
				t.Errorf("%s: the id or the log group is missing", name)
			}
		}
		if err != nil || n != c.lines {
			t.Errorf("%s: DecodeAll gives %d lines, %v; want %d", name, n, err, c.lines)
		}
		for as, data := range map[string]string{"plain": c.text, "gzip": string(pack([]byte(c.text)))} {
			if n, err := countLines(data); err != io.EOF || n != c.lines {
				t.Errorf("%s, %s: a Reader gives %d lines, %v; want %d", name, as, n, err, c.lines)
			}
		}
	}
}

// countLines counts the lines that a Reader gives up to its end. The error is the first
// one, which is io.EOF if all could be read.
func countLines(data string) (n int, first error) {
	r := NewReader(strings.NewReader(data), Options{})
	for {
		switch _, err := r.Next(); {
		case err == nil:
			n++
		case first == nil:
			first = err
			if err == io.EOF {
				return n, first
			}
		case err == io.EOF:
			return n, first
		}
	}
}

// TestFailedUnreadable: what holds no lines says why. A Reader reads what stands beside it.
func TestFailedUnreadable(t *testing.T) {
	three := pack(payloadJSON(3))
	for name, c := range map[string]struct {
		text  string
		lines int    // that a Reader gives
		want  string // in the error
	}{
		"numbers only":           {streamBatch(""), 0, ErrOnlyNumbers.Error()},
		"the batch is text":      {streamBatch("hello"), 0, errNoRecords.Error()},
		"no records":             {streamBatch(`{"Records":[]}`), 0, errNoRecords.Error()},
		"records of SQS":         {streamBatch(`{"Records":[{"body":"x"}]}`), 0, errNoRecords.Error()},
		"a record is not base64": {streamBatch(`{"Records":[{"kinesis":{"data":"%"}}]}`), 0, errRecord.Error()},
		"one of two is none":     {streamBatch(batchOf([]byte("hello"), three)), 3, "payload: "},
		"another function":       {asynchronous(`{"time":"now"}`), 0, errNoEvents.Error()},
		"one in the other":       {asynchronous(asynchronous(`{}`)), 0, errNoEvents.Error()},
		"with a payload behind":  {streamBatch("") + "\n" + string(payloadJSON(2)), 2, ErrOnlyNumbers.Error()},
	} {
		if payloads, err := NewDecoder(Options{}).DecodeAll([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: DecodeAll gives %d payloads, %v", name, len(payloads), err)
		} else if _, ok := errors.AsType[*PayloadError](err); !ok {
			t.Errorf("%s: %T", name, err)
		}
		n, err := countLines(c.text)
		if _, ok := errors.AsType[*ReadError](err); !ok || n != c.lines || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: a Reader gives %d lines, %v; want %d", name, n, err, c.lines)
		}
	}
}

// TestFailedBounds: the bound of a payload holds for all records of a document together.
func TestFailedBounds(t *testing.T) {
	const bound = 1 << 20
	large := pack(append(payloadJSON(2), []byte(strings.Repeat(" ", bound/2))...))
	many := make([][]byte, 0, bound/minEvent+1)
	for range cap(many) {
		many = append(many, nil)
	}
	for name, text := range map[string]string{
		"two that are too large together": batchOf(large, large),
		"too many":                        batchOf(many...)[:100] + strings.Repeat(" ", bound),
		"tiny ones":                       `{"Records":[` + strings.Repeat(`{"kinesis":{"data":""}},`, bound/minEvent) + `{"kinesis":{"data":""}}]}`,
	} {
		if _, err := NewDecoder(Options{MaxPayload: bound}).DecodeAll([]byte(streamBatch(text))); err == nil {
			t.Errorf("%s: read", name)
		}
	}
	if _, err := NewDecoder(Options{MaxPayload: bound}).DecodeAll([]byte(streamBatch(batchOf(large)))); err != nil {
		t.Errorf("one: %v", err)
	}
}

// TestOpenFailed: the cause and the time come along.
func TestOpenFailed(t *testing.T) {
	at := time.Date(2026, 11, 22, 11, 0, 24, 0, time.UTC)
	for text, want := range map[string]Failed{
		asynchronous(`{"a":1}`):          {By: "Lambda", Cause: "RetriesExhausted", Time: at},
		streamBatch(""):                  {By: "Lambda", Cause: "RetryAttemptsExhausted", Time: at},
		firehoseRecord([]byte("x")):      {By: "Firehose", Cause: "Lambda.InvokeLimitExceeded", Time: at.Add(time.Second)},
		batchOf([]byte("x"), []byte("")): {},
	} {
		got, _ := OpenFailed([]byte(text))
		if got.By != want.By || got.Cause != want.Cause || !got.Time.Equal(want.Time) {
			t.Errorf("%s: %+v", text, got)
		}
	}
	for _, text := range []string{"", "{}", "[1]", "x", `{"requestContext":"x"}`, `{"Records":[{"s3":{}}]}`, `{"rawData":1}`, string(payloadJSON(1))} {
		if _, err := OpenFailed([]byte(text)); !errors.Is(err, ErrNotFailed) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestFailedIsNoLog: lines of JSON with members of the same names are lines.
func TestFailedIsNoLog(t *testing.T) {
	for _, line := range []string{
		`{"requestContext":{"requestId":"r"},"status":200}`,
		`{"requestContext":"x","requestPayload":{}}`,
		`{"rawData":"R0VUIC8="}`,
		`{"Records":[{"s3":{"object":{}}}]}`,
		`{"Records":[1]}`,
		`{"payload":"{\"Records\":[]}","status":200}`,
	} {
		r := NewReader(strings.NewReader(line+"\n"), Options{})
		got, err := r.Next()
		if err != nil || string(got.Text) != line {
			t.Errorf("%s: %v", line, err)
		}
	}
}
