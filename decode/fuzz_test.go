package decode

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"clearhop/internal/jsonscan"
	"clearhop/record"
)

// FuzzPayload: the decoder accepts the payloads that encoding/json accepts, in each
// form, and reads the same. It refuses all others. It stays usable in both cases.
func FuzzPayload(f *testing.F) {
	for _, c := range payloadCases {
		f.Add([]byte(c.json))
	}
	for _, c := range badPayloads {
		f.Add(c.data)
	}
	f.Add(lambdaEvent(payloadJSON(3)))
	d := NewDecoder(Options{})
	good := payloadJSON(2)
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		p, err := d.Decode(data)
		if !bytes.Equal(data, before) {
			t.Fatal("the input was changed")
		}
		if err != nil && p != nil {
			t.Fatal("both a payload and an error")
		}
		data = bytes.TrimSpace(data)
		isObject := bytes.HasPrefix(data, []byte("{"))
		// The oracle reads only the JSON of payloads. TestForms covers objects
		// that may be Lambda events.
		mayBeEvent := bytes.Contains(data, []byte("awslogs")) || bytes.Contains(data, []byte(`\`))
		isPayload := bytes.HasPrefix(data, []byte(`{"logEvents"`)) || bytes.HasPrefix(data, []byte(`{"messageType"`))
		if isPayload || isObject && !mayBeEvent {
			sameAsSlow(t, data, p, err)
			p, err = d.Decode(lambdaEvent(data))
			sameAsSlow(t, data, p, err)
		}
		if p, err = d.Decode(good); err != nil || len(p.Lines) != 2 {
			t.Fatalf("a good payload after it: %v", err)
		}
	})
}

func sameAsSlow(t *testing.T, data []byte, p *Payload, err error) {
	t.Helper()
	if errors.Is(err, jsonscan.ErrDepth) {
		return // encoding/json allows deeper nesting
	}
	slow, slowErr := slowDecode(data)
	wantErr := slowErr != nil || !slow.Known
	if wantErr != (err != nil) {
		t.Fatalf("%q: error %v, encoding/json: %v, known type: %v", data, err, slowErr, slow.Known)
	}
	if err != nil {
		return
	}
	if diff := cmp.Diff(slow, slowly(p)); diff != "" {
		t.Fatalf("%q: -encoding/json +decoder\n%s", data, diff)
	}
}

// FuzzReader: the lines and their offsets are the same as those of splitting the
// whole input, whether the input comes whole, in pieces or compressed.
func FuzzReader(f *testing.F) {
	f.Add([]byte("a\nb\r\n\n\r\nlong line\r\n\x00\xff\nlast"), byte(3))
	f.Add([]byte("\n\n"), byte(0))
	f.Add([]byte("{\"a\":1}\nH4sI no\n\"x\"\n"), byte(9))
	f.Fuzz(func(t *testing.T, data []byte, most byte) {
		maxLine := int(most) + 1
		if isGzip(data) || isZstd(data) || isBzip2(data) || sniff(data) > logLines || hasObjectOnLines(data) || mayBeRefused(data) {
			// This is another input: there must be no panic, and an end.
			drain(NewReader(bytes.NewReader(data), Options{MaxLine: maxLine, MaxPayload: 1 << 16}))
			return
		}
		want, empty := slowLines(data, maxLine)
		for name, r := range map[string]io.Reader{
			"whole":     bytes.NewReader(data),
			"bytewise":  iotest.OneByteReader(bytes.NewReader(data)),
			"with EOF":  iotest.DataErrReader(bytes.NewReader(data)),
			"gzip":      bytes.NewReader(pack(data)),
			"two gzips": bytes.NewReader(append(append(pack(data[:len(data)/2]), '\n'), pack(data[len(data)/2:])...)),
			"zstd":      bytes.NewReader(packZstd(data)),
		} {
			if len(data) == 0 && name != "whole" {
				continue
			}
			reader := NewReader(r, Options{MaxLine: maxLine})
			got, err := drain(reader)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s: -want +got\n%s", name, diff)
			}
			if reader.Empty() != empty {
				t.Fatalf("%s: %d empty lines, want %d", name, reader.Empty(), empty)
			}
		}
	})
}

// mayBeRefused reports whether a stream is refused, if its first read gives all of it
// or less.
func mayBeRefused(data []byte) bool {
	for n := range len(data) + 1 {
		if refuse(data[:n]) != nil {
			return true
		}
	}
	return false
}

// FuzzEvents: the events of a document of filter-log-events are those that
// encoding/json reads, and what is no JSON ends in an error.
func FuzzEvents(f *testing.F) {
	f.Add([]byte(`{"message":"a \"b\"\u0041\n","timestamp":1754733600123,"eventId":"7"},{"message":"b","logStreamName":"s"}`))
	f.Add([]byte(`{"eventId":"7"},{},{"message":null}`))
	f.Add([]byte(`{"message":"a"}],"x":[`))
	f.Fuzz(func(t *testing.T, items []byte) {
		text := append(append([]byte(`{"events":[`), items...), "]}"...)
		lines, err := drain(NewReader(bytes.NewReader(text), Options{}))
		var want struct {
			Events []struct{ EventID, Message *string }
		}
		if !utf8.Valid(text) || json.Unmarshal(text, &want) != nil || bytes.Contains(bytes.ToLower(text), []byte(`"id"`)) {
			return
		}
		if sniff(text) != documents || strings.Count(string(text), `"events"`) != 1 || strings.Contains(string(text), `"results"`) || bytes.Contains(items, []byte{'\\', 'u', '0'}) {
			return // another input
		}
		if errors.Is(err, jsonscan.ErrDepth) {
			return // encoding/json allows deeper nesting
		}
		if err != nil || len(lines) != len(want.Events) {
			t.Fatalf("%s: %d lines, want %d; %v", text, len(lines), len(want.Events), err)
		}
		for i, e := range want.Events {
			if e.Message == nil || lines[i].Defect != record.Sound || strings.Count(string(items), "essage") != len(want.Events) {
				continue
			}
			if got := strings.TrimSuffix(strings.TrimSuffix(*e.Message, "\n"), "\r"); string(lines[i].Text) != got {
				t.Fatalf("%s: line %d is %q, want %q", text, i, lines[i].Text, got)
			}
		}
	})
}

// FuzzTables: a table of any bytes ends, without a panic, and in no more lines than it
// has.
func FuzzTables(f *testing.F) {
	f.Add([]byte("@timestamp,@message\n2025-08-09 10:00:00.123,\"a \"\"b\"\"\nc\"\n"))
	f.Add([]byte("EVENTS\t7\ta\nb\t1754733600123\nEVENTS\t"))
	f.Add([]byte("b/1\tf/1\nEVENTS\t1754733601000\ta\t1754733600123\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines, _ := drain(NewReader(bytes.NewReader(data), Options{MaxLine: 100, MaxPayload: 1 << 16}))
		if n := bytes.Count(data, []byte("\n")) + 1; len(lines) > n && !bytes.ContainsAny(data, "{[") {
			t.Fatalf("%d events of %d lines", len(lines), n)
		}
	})
}

// slowLines splits the whole input at once. It is the oracle of the Reader.
func slowLines(data []byte, most int) (all []record.Line, empty int64) {
	origin := &record.Origin{Source: "-"}
	offset := 0
	first := uint64(0)
	for part := range bytes.SplitAfterSeq(data, []byte("\n")) {
		text := bytes.TrimSuffix(bytes.TrimSuffix(part, []byte("\n")), []byte("\r"))
		line := record.Line{Text: text, Offset: int64(offset), Origin: origin}
		if len(text) > most {
			line.Text, line.Defect = text[:most], record.TooLong
		}
		switch {
		case len(text) > 0:
			if first == 0 {
				first = hashOfFirst(line.Text)
			}
			line.First = first
			all = append(all, line)
		case len(part) > 0:
			empty++
		}
		offset += len(part)
	}
	return all, empty
}

// drain reads to the end and copies the lines. Errors of single payloads are
// joined.
func drain(r *Reader) (all []record.Line, failed error) {
	for {
		line, err := r.Next()
		if err == io.EOF {
			return all, failed
		}
		if err != nil {
			failed = errors.Join(failed, err)
			if _, ok := errors.AsType[*PayloadError](err); ok {
				continue
			}
			return all, failed
		}
		all = append(all, clone(line))
	}
}

func clone(l *record.Line) record.Line {
	c := *l
	c.ID, c.Text = bytes.Clone(l.ID), bytes.Clone(l.Text)
	return c
}
