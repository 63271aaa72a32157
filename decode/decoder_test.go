package decode

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"clearhop/record"
)

func pack(b []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	w.Write(b)
	w.Close()
	return buf.Bytes()
}

func packZlib(b []byte) []byte {
	var buf bytes.Buffer
	w := zlib.NewWriter(&buf)
	w.Write(b)
	w.Close()
	return buf.Bytes()
}

func packZstd(b []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(b, nil)
}

func base64Of(b []byte) []byte {
	return []byte(base64.StdEncoding.EncodeToString(b))
}

func lambdaEvent(payload []byte) []byte {
	return fmt.Appendf(nil, `{"awslogs":{"data":"%s"}}`, base64Of(pack(payload)))
}

// nginxLines are lines that nginx wrote.
func nginxLines() []string {
	b, err := os.ReadFile("testdata/access.log")
	if err != nil {
		panic(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// payloadJSON returns the payload that CloudWatch Logs would send for n lines.
func payloadJSON(n int) []byte {
	type event struct {
		ID        string `json:"id"`
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	log := nginxLines()
	events := make([]event, n)
	for i := range events {
		events[i] = event{eventID(i), 1795345224123 + int64(i), log[i%len(log)]}
	}
	b, err := json.Marshal(map[string]any{
		"messageType":         "DATA_MESSAGE",
		"owner":               "123456789012",
		"logGroup":            "/ecs/web",
		"logStream":           "nginx/web/0f1e2d3c",
		"subscriptionFilters": []string{"clearhop"},
		"logEvents":           events,
	})
	if err != nil {
		panic(err)
	}
	return b
}

func eventID(i int) string {
	return fmt.Sprintf("3940%052d", i)
}

var webOrigin = record.Origin{
	InOrder:   true,
	Source:    "/ecs/web:nginx/web/0f1e2d3c",
	AccountID: "123456789012",
	LogGroup:  "/ecs/web",
	LogStream: "nginx/web/0f1e2d3c",
}

// wantLines are the lines of payloadJSON(n).
func wantLines(n int) []record.Line {
	log := nginxLines()
	lines := make([]record.Line, n)
	for i := range lines {
		lines[i] = record.Line{
			ID: []byte(eventID(i)), Text: []byte(log[i%len(log)]),
			Time: 1795345224123 + int64(i), HasTime: true,
			Offset: int64(i), Origin: &webOrigin,
		}
	}
	return lines
}

func TestForms(t *testing.T) {
	plain := payloadJSON(3)
	text := base64Of(pack(plain))
	escaped := bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("/"), []byte(`\/`)), []byte("="), []byte(`\u003d`))
	var wrapped []byte
	for i := 0; i < len(text); i += 76 {
		wrapped = append(append(wrapped, text[i:min(i+76, len(text))]...), '\n')
	}
	half := len(plain) / 2

	d := NewDecoder(Options{})
	for name, data := range map[string][]byte{
		"event":                lambdaEvent(plain),
		"event, indented":      []byte("\n {\n \"awslogs\" : {\n\t\"data\" : \"" + string(text) + "\" }\r\n}\n"),
		"event, more keys":     []byte(`{"x":[{"data":"no"}],"awslogs":{"a":{"data":1},"data":"` + string(text) + `","z":null},"z":0}`),
		"event, escapes":       []byte(`{"awslogs":{"data":"` + string(escaped) + `"}}`),
		"event, escaped key":   []byte(`{"aws\u006cogs":{"d\u0061ta":"` + string(text) + `"}}`),
		"event, the last data": []byte(`{"awslogs":{"data":"AAAA","data":"` + string(text) + `"}}`),
		"base64":               text,
		"base64, blanks":       []byte(" \r\n" + string(text) + "\n\n"),
		"base64, wrapped":      wrapped,
		"base64, quoted":       []byte("\"" + string(text) + "\"\n"),
		"base64, escapes":      []byte("\"" + string(escaped) + "\""),
		"gzip":                 pack(plain),
		"gzip, two members":    append(pack(plain[:half]), pack(plain[half:])...),
		"JSON":                 plain,
		"JSON, blanks":         []byte("\n\t" + string(plain) + " \r\n"),
		"gzip of blanks":       pack([]byte("\n\t" + string(plain) + " \r\n")),
	} {
		p, err := d.Decode(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := &Payload{Type: Data, Filters: []string{"clearhop"}, Origin: &webOrigin, Lines: wantLines(3)}
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// lineOf is a line of the cases below, with only what the event itself decides.
type lineOf struct {
	ID, Text string
	Time     any // nil: the event has none
	Defect   record.Defect
}

var payloadCases = []struct {
	name, json string
	want       []lineOf
}{
	{"no events", `{"messageType":"DATA_MESSAGE","logEvents":[]}`, nil},
	{"logEvents absent", `{"messageType":"DATA_MESSAGE"}`, nil},
	{"logEvents null", `{"messageType":"DATA_MESSAGE","logEvents":null}`, nil},
	{"no messageType", `{"logEvents":[{"id":"1","timestamp":2,"message":"x"}]}`, []lineOf{{"1", "x", 2, 0}}},
	{"messageType null", `{"messageType":null,"logEvents":[{"id":"1","timestamp":2,"message":"x"}]}`, []lineOf{{"1", "x", 2, 0}}},
	{"messageType escaped", `{"messageType":"DATA_MESSAG\u0045","logEvents":[{"message":"x"}]}`, []lineOf{{"", "x", nil, 0}}},
	{"events first", `{"logEvents":[{"message":"x"}],"messageType":"DATA_MESSAGE"}`, []lineOf{{"", "x", nil, 0}}},
	{"control", `{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1795345224123,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}`, nil},
	{"control behind its events", `{"logEvents":[{"id":"1","message":"x"}],"messageType":"CONTROL_MESSAGE"}`, nil},
	{"a message that says so is no control", events(`{"message":"CWL CONTROL MESSAGE: Checking health"}`), []lineOf{{"", "CWL CONTROL MESSAGE: Checking health", nil, 0}}},

	{"id a number", events(`{"id":39401234567890123456789,"message":"x"}`), []lineOf{{"39401234567890123456789", "x", nil, 0}}},
	{"id null", events(`{"id":null,"message":"x"}`), []lineOf{{"", "x", nil, 0}}},
	{"id an object", events(`{"id":{"id":"1"},"message":"x"}`), []lineOf{{"", "x", nil, 0}}},
	{"id escaped", events(`{"id":"a\u002fb","message":"x"}`), []lineOf{{"a/b", "x", nil, 0}}},

	{"time quoted", events(`{"timestamp":"1795345224123","message":"x"}`), []lineOf{{"", "x", 1795345224123, 0}}},
	{"time a float", events(`{"timestamp":1.795345224123e12,"message":"x"}`), []lineOf{{"", "x", 1795345224123, 0}}},
	{"time with a fraction", events(`{"timestamp":1795345224123.9,"message":"x"}`), []lineOf{{"", "x", 1795345224123, 0}}},
	{"time before 1970", events(`{"timestamp":-1.5,"message":"x"}`), []lineOf{{"", "x", -1, 0}}},
	{"time 0", events(`{"timestamp":0,"message":"x"}`), []lineOf{{"", "x", 0, 0}}},
	{"time in the year 9999", events(`{"timestamp":253402300799999,"message":"x"}`), []lineOf{{"", "x", 253402300799999, 0}}},
	{"time after the year 9999", events(`{"timestamp":253402300800000,"message":"x"}`), []lineOf{{"", "x", nil, 0}}},
	{"time beyond int64", events(`{"timestamp":99999999999999999999,"message":"x"}`), []lineOf{{"", "x", nil, 0}}},
	{"time beyond float64", events(`{"timestamp":1e999,"message":"x"}`), []lineOf{{"", "x", nil, 0}}},
	{"time no number", events(`{"timestamp":"0x10","message":"x"}`), []lineOf{{"", "x", nil, 0}}},
	{"time empty", events(`{"timestamp":"","message":"x"}`), []lineOf{{"", "x", nil, 0}}},
	{"time null", events(`{"timestamp":null,"message":"x"}`), []lineOf{{"", "x", nil, 0}}},

	{"message empty", events(`{"id":"1","message":""}`), []lineOf{{"1", "", nil, 0}}},
	{"message ends with \\n", events(`{"message":"x\n"}`), []lineOf{{"", "x", nil, 0}}},
	{"message ends with \\r\\n", events(`{"message":"x\r\n"}`), []lineOf{{"", "x", nil, 0}}},
	{"message ends with \\r, as a terminal's does", events(`{"message":"x\r"}`), []lineOf{{"", "x", nil, 0}}},
	{"message of several lines", events(`{"message":"\na\r\nb\n\n"}`), []lineOf{{"", "\na\r\nb\n", nil, 0}}},
	{"message with each escape", events(`{"message":"\"\\\/\b\f\n\r\t\u0000\u00e9\u20AC."}`), []lineOf{{"", "\"\\/\b\f\n\r\t\x00é€.", nil, 0}}},
	{"message with a surrogate pair", events(`{"message":"\ud83d\ude00!"}`), []lineOf{{"", "😀!", nil, 0}}},
	{"message with half a pair", events(`{"message":"\ud83d \ude00 \ud83d\ud83d\ude00 \ud83d\u0041 \ud83d"}`), []lineOf{{"", "\ufffd \ufffd \ufffd😀 \ufffdA \ufffd", nil, 0}}},
	{"message not UTF-8", events("{\"message\":\"a\xff\xc3\x28\\n\"}"), []lineOf{{"", "a\xff\xc3\x28", nil, 0}}},
	{"message escaped as nginx does", events(`{"message":"\"\\x16\\x03\" 400"}`), []lineOf{{"", `"\x16\x03" 400`, nil, 0}}},

	{"no message", events(`{"id":"1","timestamp":2}`, `{"message":"x"}`), []lineOf{{"1", `{"id":"1","timestamp":2}`, 2, record.Malformed}, {"", "x", nil, 0}}},
	{"message null", events(`{"message":null}`), []lineOf{{"", `{"message":null}`, nil, record.Malformed}}},
	{"message an object", events(`{"message":{"log":"x"}}`), []lineOf{{"", `{"message":{"log":"x"}}`, nil, record.Malformed}}},
	{"message a number", events(`{"message":7}`), []lineOf{{"", `{"message":7}`, nil, record.Malformed}}},
	{"event no object", events(`7`, `null`, `"s"`, `[1,[{}]]`), []lineOf{{"", "7", nil, record.Malformed}, {"", "null", nil, record.Malformed}, {"", `"s"`, nil, record.Malformed}, {"", "[1,[{}]]", nil, record.Malformed}}},
	{"malformed text keeps its escapes", events(`{"id":"\u0031","mess\u0061ge":"\u0041","message":5}`), []lineOf{{"1", `{"id":"\u0031","mess\u0061ge":"\u0041","message":5}`, nil, record.Malformed}}},

	{"extractedFields", events(`{"id":"1","extractedFields":{"ip":"192.0.2.1","message":"no","n":[{"a":[]},null,true,-0.5e-3]},"message":"x"}`), []lineOf{{"1", "x", nil, 0}}},
	{"unknown keys", `{"messageType":"DATA_MESSAGE","@aws.account":"1","policyLevel":{"logEvents":[7]},"logEvents":[{"message":"x"}],"z":false}`, []lineOf{{"", "x", nil, 0}}},
	{"a key longer than any known", `{"` + strings.Repeat(`\u0061`, 100) + `":1,"logEvents":[{"message":"x"}]}`, []lineOf{{"", "x", nil, 0}}},
	{"equal keys: the last counts", `{"messageType":"CONTROL_MESSAGE","messageType":"DATA_MESSAGE","logEvents":[{"message":"no"}],"logEvents":[{"id":"1","id":"2","message":7,"message":"x"}]}`, []lineOf{{"2", "x", nil, 0}}},
	{"other case is another key", events(`{"Message":"no","message":"x","MESSAGE":"no"}`), []lineOf{{"", "x", nil, 0}}},
	{"escaped keys", events(`{"\u006dessage":"x","i\u0064":"1"}`), []lineOf{{"1", "x", nil, 0}}},
	{"white space", "{ \"messageType\"\t:\r\n\"DATA_MESSAGE\" , \"logEvents\" : [ { \"id\" : \"1\" , \"message\" : \"x\" } , { \"message\" : \"y\" } ] }", []lineOf{{"1", "x", nil, 0}, {"", "y", nil, 0}}},
	{"header of the wrong kind", `{"owner":{},"logGroup":[],"logStream":true,"subscriptionFilters":"f","logEvents":[{"message":"x"}]}`, []lineOf{{"", "x", nil, 0}}},
}

// events is a payload with the given log events.
func events(all ...string) string {
	return `{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"g","logStream":"s","subscriptionFilters":["f"],"logEvents":[` + strings.Join(all, ",") + `]}`
}

func TestPayload(t *testing.T) {
	d := NewDecoder(Options{})
	for _, c := range payloadCases {
		for form, data := range map[string][]byte{"JSON": []byte(c.json), "event": lambdaEvent([]byte(c.json))} {
			p, err := d.Decode(data)
			if err != nil {
				t.Errorf("%s (%s): %v", c.name, form, err)
				continue
			}
			var got []lineOf
			for i, l := range p.Lines {
				if l.Offset != int64(i) || l.Origin != p.Origin {
					t.Errorf("%s (%s): line %d has offset %d, origin %v", c.name, form, i, l.Offset, l.Origin)
				}
				g := lineOf{ID: string(l.ID), Text: string(l.Text), Defect: l.Defect}
				if l.HasTime {
					g.Time = int(l.Time)
				}
				got = append(got, g)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (%s): -want +got\n%s", c.name, form, diff)
			}
			sameAsSlow(t, []byte(c.json), p, nil)
		}
	}
}

func TestControl(t *testing.T) {
	p, err := NewDecoder(Options{}).Decode([]byte(`{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1,"message":"x"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &Payload{Type: Control, Origin: &record.Origin{Source: ":", AccountID: "CloudwatchLogs", InOrder: true}, Lines: []record.Line{}}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// An Origin that was returned never changes. Payloads of one stream have the same
// Origin.
func TestOrigin(t *testing.T) {
	d := NewDecoder(Options{})
	decode := func(data []byte) *Payload {
		t.Helper()
		p, err := d.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := decode(payloadJSON(1)).Origin
	if again := decode(payloadJSON(2)).Origin; again != first {
		t.Error("one stream has two origins")
	}
	p := decode([]byte(`{"owner":123456789012,"logGroup":"a\/b","logStream":"\u0063","subscriptionFilters":["f\u0067",7,"h"],"logEvents":[]}`))
	want := &record.Origin{Source: "a/b:c", AccountID: "123456789012", LogGroup: "a/b", LogStream: "c", InOrder: true}
	if diff := cmp.Diff(want, p.Origin); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"fg", "h"}, p.Filters); diff != "" {
		t.Errorf("filters: -want +got\n%s", diff)
	}
	if diff := cmp.Diff(&webOrigin, first); diff != "" {
		t.Errorf("the first origin has changed: -want +got\n%s", diff)
	}
}

// emptyGzip is a good payload; its length depends on the compressor.
var emptyGzip = pack([]byte(`{"logEvents":[]}`))

func atByte(format string, n int) string { return fmt.Sprintf(format, n) }

var badPayloads = []struct {
	name string
	data []byte
	want string
}{
	{"empty", nil, "payload: form at byte 0: the payload is empty"},
	{"blank", []byte(" \n"), "payload: form at byte 0: the payload is empty"},
	{"an array", []byte(`[{"messageType":"DATA_MESSAGE"}]`), "payload: form at byte 0: not a payload of CloudWatch Logs: a JSON array"},
	{"a log line", []byte(`- - [22/Nov/2026`), "payload: form at byte 0: not a payload of CloudWatch Logs: neither a Lambda event, base64 text, gzip nor JSON"},
	{"zlib", packZlib([]byte(`{}`)), "payload: base64 at byte 1: not base64 text"},
	{"zstd", packZstd([]byte(`{}`)), "payload: form at byte 0: not a payload of CloudWatch Logs: neither a Lambda event, base64 text, gzip nor JSON"},

	{"base64 with a hole", []byte("H4sI*AAA"), "payload: base64 at byte 4: not base64 text"},
	{"base64 cut off", []byte("H4sIAAA"), "payload: base64 at byte 4: not base64 text"},
	{"base64 of JSON", base64Of([]byte(`{"logEvents":[]}`)), "payload: gzip at byte 10: gzip: invalid header"},
	{"base64 of zlib", base64Of(packZlib([]byte(`{"logEvents":[]}`))), "payload: gzip at byte 10: gzip: invalid header"},
	{"quotes that do not end", []byte(`"H4sI`), "payload: json at byte 5: unexpected end of JSON"},
	{"text behind the quotes", []byte(`"H4sI"x`), "payload: json at byte 6: text behind the JSON value"},
	{"data a number", []byte(`{"awslogs":{"data":7}}`), "payload: json at byte 22: not base64 text"},
	{"data empty", []byte(`{"awslogs":{"data":""}}`), "payload: gzip at byte 0: unexpected EOF"},
	{"event cut off", []byte(`{"awslogs":{"data":"H4sI`), "payload: json at byte 24: unexpected end of JSON"},
	{"text behind the event", []byte(`{"awslogs":{"data":"H4sI"}}}`), "payload: json at byte 27: text behind the JSON value"},
	{"event in an event", lambdaEvent(lambdaEvent([]byte(`{"logEvents":[]}`))), "payload: type at byte 0: not a payload of CloudWatch Logs: it has neither messageType nor logEvents"},

	{"gzip of nothing", pack(nil), "payload: json at byte 0: unexpected end of JSON"},
	{"gzip header cut off", pack([]byte(`{}`))[:7], "payload: gzip at byte 7: unexpected EOF"},
	{"gzip cut off", emptyGzip[:20], "payload: gzip at byte 20: unexpected EOF"},
	{"gzip checksum cut off", chop(emptyGzip, 1), atByte("payload: gzip at byte %d: unexpected EOF", len(emptyGzip)-1)},
	{"gzip checksum wrong", flip(emptyGzip, -8), atByte("payload: gzip at byte %d: gzip: invalid checksum", len(emptyGzip))},
	{"gzip length wrong", flip(emptyGzip, -1), atByte("payload: gzip at byte %d: gzip: invalid checksum", len(emptyGzip))},
	{"bytes behind gzip", append(bytes.Clone(emptyGzip), "0123456789"...), atByte("payload: gzip at byte %d: gzip: invalid header", len(emptyGzip)+10)},
	{"gzip of an array", pack([]byte(`[]`)), "payload: json at byte 0: not a JSON value"},
	{"two payloads", []byte(`{"logEvents":[]}{"logEvents":[]}`), "payload: json at byte 16: text behind the JSON value"},

	{"an empty object", []byte(`{}`), "payload: type at byte 0: not a payload of CloudWatch Logs: it has neither messageType nor logEvents"},
	{"messageType unknown", []byte(`{"messageType":"NEWS","logEvents":[]}`), "payload: type at byte 0: unknown messageType"},
	{"messageType in other case", []byte(`{"messageType":"data_message","logEvents":[]}`), "payload: type at byte 0: unknown messageType"},
	{"messageType a list", []byte(`{"messageType":["DATA_MESSAGE"],"logEvents":[]}`), "payload: type at byte 0: unknown messageType"},
	{"logEvents an object", []byte(`{"messageType":"DATA_MESSAGE","logEvents":{}}`), "payload: json at byte 44: logEvents is not an array"},
	{"cut off in an event", []byte(`{"logEvents":[{"id":"1","message":"x"`), "payload: json at byte 37: unexpected end of JSON"},
	{"cut off in an escape", []byte(`{"logEvents":[{"message":"\u00`), "payload: json at byte 30: unexpected end of JSON"},
	{"a wrong escape", []byte(`{"logEvents":[{"message":"\x16"}]}`), "payload: json at byte 27: unknown escape in a JSON string"},
	{"a wrong \\u escape", []byte(`{"logEvents":[{"message":"\u00g0"}]}`), "payload: json at byte 30: unknown escape in a JSON string"},
	{"a raw newline", []byte("{\"logEvents\":[{\"message\":\"a\nb\"}]}"), "payload: json at byte 27: control character in a JSON string"},
	{"a comma too many", []byte(`{"logEvents":[{"message":"x"},]}`), "payload: json at byte 30: not a JSON value"},
	{"a comma too few", []byte(`{"logEvents":[{} {}]}`), "payload: json at byte 17: comma or closing bracket expected"},
	{"a key without quotes", []byte(`{logEvents:[]}`), "payload: json at byte 1: object key expected"},
	{"a key without a value", []byte(`{"logEvents"}`), "payload: json at byte 12: colon expected"},
	{"a wrong number", []byte(`{"logEvents":[{"timestamp":01}]}`), "payload: json at byte 28: comma or closing bracket expected"},
	{"a number cut off", []byte(`{"logEvents":[{"timestamp":-}]}`), "payload: json at byte 28: not a JSON number"},
	{"a wrong literal", []byte(`{"logEvents":[nul]}`), "payload: json at byte 14: not a JSON value"},
	{"brackets that do not match", []byte(`{"a":[{"b":[1}],"logEvents":[]}`), "payload: json at byte 13: comma or closing bracket expected"},
	{"nested too deeply", []byte(`{"a":` + strings.Repeat(`[`, 300) + strings.Repeat(`]`, 300) + `,"logEvents":[]}`), "payload: json at byte 261: JSON nested too deeply"},
	{"nested without end", bytes.Repeat([]byte(`{"a":`), 1<<20), "payload: json at byte 1285: JSON nested too deeply"},
	{"NUL", []byte("{\x00"), "payload: json at byte 1: object key expected"},
}

func chop(b []byte, n int) []byte { return b[:len(b)-n] }

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[len(b)+at] ^= 1
	return b
}

func TestBadPayload(t *testing.T) {
	d := NewDecoder(Options{})
	for _, c := range badPayloads {
		p, err := d.Decode(c.data)
		if p != nil || err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		if err.Error() != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, err, c.want)
		}
		if _, ok := errors.AsType[*PayloadError](err); !ok {
			t.Errorf("%s: error is a %T", c.name, err)
		}
		p, err = d.Decode(lambdaEvent(payloadJSON(2)))
		if err != nil {
			t.Errorf("after %s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(wantLines(2), p.Lines); diff != "" {
			t.Errorf("after %s: -want +got\n%s", c.name, diff)
		}
	}
}

// A payload that is cut off at any byte, in any form, is an error.
func TestCutOff(t *testing.T) {
	d := NewDecoder(Options{})
	for name, data := range map[string][]byte{
		"event": lambdaEvent(payloadJSON(2)),
		"gzip":  pack(payloadJSON(2)),
		"JSON":  payloadJSON(2),
	} {
		for n := range data {
			if p, err := d.Decode(data[:n]); err == nil {
				t.Fatalf("%s cut to %d of %d bytes: %d lines", name, n, len(data), len(p.Lines))
			}
		}
	}
}

func TestTooLarge(t *testing.T) {
	const limit = 1 << 16
	d := NewDecoder(Options{MaxPayload: limit})
	fits := []byte(`{"logEvents":[{"message":"` + strings.Repeat("x", limit-len(`{"logEvents":[{"message":""}]}`)) + `"}]}`)
	for name, data := range map[string][]byte{"JSON": fits, "gzip": pack(fits), "event": lambdaEvent(fits)} {
		if p, err := d.Decode(data); err != nil || len(p.Lines) != 1 {
			t.Errorf("%s that just fits: %v", name, err)
		}
	}
	over := append(fits, ' ')
	bomb := pack(make([]byte, 8<<20))
	lies := pack([]byte(`{"logEvents":[]}`))
	copy(lies[len(lies)-4:], "\xff\xff\xff\xff")
	for name, data := range map[string][]byte{
		"gzip":         pack(over),
		"event":        lambdaEvent(over),
		"JSON":         []byte(`{"logEvents":["` + strings.Repeat("x", limit) + `"]}`),
		"base64":       bytes.Repeat([]byte("H4sI"), limit),
		"bomb":         bomb,
		"bomb, event":  []byte(`{"awslogs":{"data":"` + string(base64Of(bomb)) + `"}}`),
		"tiny events":  pack([]byte(`{"logEvents":[` + strings.Repeat("0,", limit/4) + `0]}`)),
		"two members":  append(pack(fits), pack(fits)...),
		"lying length": lies,
	} {
		_, err := d.Decode(data)
		e, ok := errors.AsType[*PayloadError](err)
		if name == "lying length" {
			if !ok || e.Stage != StageGzip {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !ok || e.Stage != StageSize || !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := cap(d.unpacked); got > 4*limit {
		t.Errorf("the decoder holds %d bytes", got)
	}
}

// One large payload does not occupy its memory for ever.
func TestKeep(t *testing.T) {
	d := NewDecoder(Options{})
	big := `{"logEvents":[{"message":"` + strings.Repeat("x", 2*keepBytes) + `"}]}`
	if _, err := d.Decode(pack([]byte(big))); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Decode(pack([]byte(events()))); err != nil {
		t.Fatal(err)
	}
	if got := cap(d.unpacked); got > keepBytes {
		t.Errorf("the decoder still holds %d bytes", got)
	}
}

func TestLongMessage(t *testing.T) {
	d := NewDecoder(Options{MaxLine: 5})
	p, err := d.Decode([]byte(events(`{"message":"12345\r\n"}`, `{"message":"\u0031\n34567"}`, `{"a":"bcdefg"}`, `{"message":"ok"}`)))
	if err != nil {
		t.Fatal(err)
	}
	var got []lineOf
	for _, l := range p.Lines {
		got = append(got, lineOf{Text: string(l.Text), Defect: l.Defect})
	}
	want := []lineOf{{Text: "12345"}, {Text: "1\n345", Defect: record.TooLong}, {Text: `{"a":`, Defect: record.Malformed}, {Text: "ok"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestDecodeAllocs(t *testing.T) {
	d := NewDecoder(Options{})
	for name, data := range map[string][]byte{
		"event": lambdaEvent(payloadJSON(1000)),
		"gzip":  pack(payloadJSON(1000)),
		"JSON":  payloadJSON(1000),
	} {
		allocs := testing.AllocsPerRun(50, func() {
			if p, err := d.Decode(data); err != nil || len(p.Lines) != 1000 {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations for 1,000 lines, want none", name, allocs)
		}
	}
}
