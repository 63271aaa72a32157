package decode

import (
	"bytes"
	"encoding/base64"
	"errors"
	"time"

	"clearhop/internal/jsonscan"
)

// The errors of OpenFailed.
var (
	// ErrNotFailed: the document is none that keeps records.
	ErrNotFailed = errors.New("not a document of Lambda or Firehose that keeps records")
	// ErrOnlyNumbers: the document names the place of a batch in its stream, and does not
	// hold the batch. Lambda writes it to SQS and SNS.
	ErrOnlyNumbers = errors.New("the document names where a batch stands in its stream, and does not hold its records")
)

var (
	errNoRecords = errors.New("it holds no record of a stream")
	errRecord    = errors.New("the data of a record is not base64 text")
)

// A Failed is a document in which Lambda or Firehose keeps what could not be processed.
type Failed struct {
	By    string    // "Lambda" or "Firehose"; empty for the event of a function
	Cause string    // as By names it, such as "RetriesExhausted"
	Time  time.Time // when By gave it up; zero if it does not say so
	// Records are what a function of ours would have been given, in order. Each is for
	// DecodeAll. They are copies.
	Records [][]byte
}

// OpenFailed opens one document of JSON:
//
//	{"requestContext":{"condition":…},"requestPayload":{…}}        an asynchronous invocation
//	{"requestContext":{"condition":…},"payload":"{\"Records\":[…"} a batch of a Kinesis stream
//	{"errorCode":…,"rawData":"…"}                                  a record of Firehose
//	{"Records":[{"kinesis":{"data":"…"}}]}                         the event of a function on a stream
//
// The error is ErrNotFailed for any other document. For ErrOnlyNumbers and a *PayloadError
// By, Cause and Time are valid too. OpenFailed opens at most one record for each 64 bytes
// of DefaultMaxPayload, and no document that is larger than that.
func OpenFailed(document []byte) (Failed, error) { return openFailed(document, DefaultMaxPayload) }

func openFailed(document []byte, limit int) (Failed, error) {
	if len(document) > limit {
		return Failed{}, tooLarge(limit)
	}
	var m failedMembers
	if !m.read(document) {
		return Failed{}, ErrNotFailed
	}
	var f Failed
	var err error
	switch {
	case m.context.Kind == jsonscan.Object:
		f.By = "Lambda"
		f.Cause = memberText(m.context.Raw, "condition")
		f.Time, _ = time.Parse(time.RFC3339, plainText(m.timestamp))
		f.Records, err = m.invocation(limit)
	case m.rawData.Kind == jsonscan.Text:
		f.By = "Firehose"
		f.Cause = plainText(m.errorCode)
		arrived, _ := millis(m.arrived)
		tried, _ := millis(m.tried)
		if at := max(arrived, tried); at > 0 {
			f.Time = time.UnixMilli(at)
		}
		var record []byte
		record, err = recordData(m.rawData)
		f.Records = [][]byte{record}
	case m.records.Kind == jsonscan.Array:
		f.Records, err = recordsOf(document, limit)
		if errors.Is(err, errNoRecords) {
			return Failed{}, ErrNotFailed // CloudTrail and S3 write such lists too
		}
	default:
		return Failed{}, ErrNotFailed
	}
	if err != nil {
		f.Records = nil
	}
	return f, err
}

// failedMembers are the members by which OpenFailed knows a document.
type failedMembers struct {
	context, timestamp, request, batch jsonscan.Value // of Lambda
	rawData, errorCode, arrived, tried jsonscan.Value // of Firehose
	records                            jsonscan.Value // of the event of a function
}

// read reports whether the document is an object.
func (m *failedMembers) read(document []byte) bool {
	s := jsonscan.Scanner{B: document}
	s.Enter('{')
	for key, v, ok := s.Member(true); ok; key, v, ok = s.Member(false) {
		if slot := m.slot(key); slot != nil {
			*slot = v
		}
	}
	s.End()
	return s.Err == nil
}

func (m *failedMembers) slot(key []byte) *jsonscan.Value {
	switch string(key) {
	case "requestContext":
		return &m.context
	case "timestamp":
		return &m.timestamp
	case "requestPayload":
		return &m.request
	case "payload":
		return &m.batch
	case "rawData":
		return &m.rawData
	case "errorCode":
		return &m.errorCode
	case "arrivalTimestamp":
		return &m.arrived
	case "attemptEndingTimestamp":
		return &m.tried
	case "Records":
		return &m.records
	}
	return nil
}

// invocation returns what a function was given.
func (m *failedMembers) invocation(limit int) ([][]byte, error) {
	if m.request.Kind != jsonscan.None && m.request.Kind != jsonscan.Null {
		request := wholeText(m.request)
		records, err := recordsOf(request, limit)
		if errors.Is(err, errNoRecords) {
			return [][]byte{request}, nil
		}
		return records, err
	}
	switch m.batch.Kind {
	case jsonscan.None, jsonscan.Null:
		return nil, ErrOnlyNumbers
	}
	return recordsOf(wholeText(m.batch), limit)
}

// recordsOf returns the data of all records of the event of a function on a Kinesis stream.
func recordsOf(event []byte, limit int) ([][]byte, error) {
	s := scanner{jsonscan.Scanner{B: event}}
	list, _ := s.member("Records")
	if s.Err != nil || list.Kind != jsonscan.Array {
		return nil, &PayloadError{Stage: StageJSON, Offset: int64(s.I), Err: errNoRecords}
	}
	var records [][]byte
	items := jsonscan.Scanner{B: list.Raw}
	items.Enter('[')
	for first := true; items.Sibling(']', first); first = false {
		item, ok := items.Value()
		if !ok {
			break
		}
		data, found := kinesisData(item)
		if !found {
			return nil, &PayloadError{Stage: StageJSON, Offset: int64(items.I), Err: errNoRecords}
		}
		if len(records) == max(limit/minEvent, 1) {
			return nil, tooLarge(items.I)
		}
		record, err := recordData(data)
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	if len(records) == 0 {
		return nil, &PayloadError{Stage: StageJSON, Err: errNoRecords}
	}
	return records, nil
}

// kinesisData returns the data of a record, {"kinesis":{"data":"…"}}.
func kinesisData(item jsonscan.Value) (data jsonscan.Value, found bool) {
	if item.Kind != jsonscan.Object {
		return data, false
	}
	s := scanner{jsonscan.Scanner{B: item.Raw}}
	inner, _ := s.member("kinesis")
	if inner.Kind != jsonscan.Object {
		return data, false
	}
	s = scanner{jsonscan.Scanner{B: inner.Raw}}
	data, _ = s.member("data")
	return data, data.Kind == jsonscan.Text
}

// recordData returns the bytes of a record.
func recordData(v jsonscan.Value) ([]byte, error) {
	text := []byte(plainText(v))
	n, err := base64.StdEncoding.Decode(text, text)
	if err != nil {
		return nil, &PayloadError{Stage: StageBase64, Err: errRecord}
	}
	return text[:n], nil
}

// wholeText returns a copy of a value: of a string what it says, of all else the JSON.
func wholeText(v jsonscan.Value) []byte {
	if v.Kind == jsonscan.Text {
		return []byte(plainText(v))
	}
	return bytes.Clone(v.Raw)
}

// plainText returns what a string says; nothing for all other values.
func plainText(v jsonscan.Value) string {
	switch {
	case v.Kind != jsonscan.Text:
		return ""
	case v.Escaped:
		return string(jsonscan.Unescape(bytes.Clone(v.Raw)))
	}
	return string(v.Raw)
}

// memberText returns a string that is a member of an object.
func memberText(object []byte, name string) string {
	s := scanner{jsonscan.Scanner{B: object}}
	v, _ := s.member(name)
	return plainText(v)
}

// sniffFailed decides by a member of a document that Lambda or Firehose writes. c is how
// its value begins.
func sniffFailed(key []byte, c byte, rest []byte) content {
	s := scanner{jsonscan.Scanner{B: rest}}
	switch {
	case string(key) == "requestContext" && c == '{':
		return s.sniffTexts("condition", "functionArn")
	case string(key) == "KinesisBatchInfo" && c == '{':
		return s.sniffTexts("shardId", "streamArn")
	case string(key) == "rawData" && c == '"':
		return sniffBase64(rest[1:])
	case string(key) == "Records" && c == '[':
		return s.sniffRecords()
	}
	return logLines
}

// sniffTexts decides by two members that an object has: both are strings.
func (s *scanner) sniffTexts(one, other string) content {
	var found int
	s.Enter('{')
	for key, v, ok := s.Member(true); ok; key, v, ok = s.Member(false) {
		if v.Kind == jsonscan.Text && (string(key) == one || string(key) == other) {
			found++
		}
	}
	switch {
	case s.Err == jsonscan.ErrEnd:
		return undecided
	case s.Err == nil && found == 2:
		return payloads
	}
	return logLines
}

// sniffRecords decides by the first record of a list.
func (s *scanner) sniffRecords() content {
	s.Enter('[')
	s.Enter('{')
	for first := true; ; first = false {
		key, more := s.Key(first)
		if !more {
			break
		}
		if string(key) == "kinesis" && s.Peek() == '{' {
			return payloads
		}
		if _, ok := s.Value(); !ok {
			break
		}
	}
	if s.Err == jsonscan.ErrEnd {
		return undecided
	}
	return logLines
}
