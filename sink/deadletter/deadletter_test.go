package deadletter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"clearhop/internal/deadlettertest"
	"clearhop/internal/jsontest"
	"clearhop/sink"
	"clearhop/sink/deadletter"
	"clearhop/sink/file"
)

func newBox(t testing.TB, c deadletter.Config) *deadletter.Box {
	t.Helper()
	c.Source, c.Now = deadlettertest.Source, deadlettertest.Time
	b, err := deadletter.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoundTripThroughAFile(t *testing.T) {
	var out bytes.Buffer
	b := newBox(t, deadletter.Config{Sink: file.New(&out)})
	if err := b.Put(t.Context(), deadlettertest.Letters()); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(out.Bytes(), []byte("\n")); n != len(deadlettertest.Letters()) {
		t.Errorf("%d lines, want one a letter", n)
	}
	first, _, _ := bytes.Cut(out.Bytes(), []byte("\n"))
	for _, part := range []string{
		`{"@timestamp":"2026-11-22T11:00:24.007Z","dead_letter_version":1,"id":"`,
		`,"part":1,"parts":1,"kind":"event","source":"subscriber","request_id":"r-1","reason":"attempts used up","event_id":"aWQtMQ==","size":`,
		`,"event":{"url":{"path":"/<&>é` + "\u2028\uFFFF" + `"}, "event":{}}}`,
	} {
		if !strings.Contains(string(first), part) {
			t.Errorf("the first line is %s, want in it %s", first, part)
		}
	}
	deadlettertest.Check(t, deadlettertest.Read(t, new(deadletter.Reader), &out), deadlettertest.Letters())
}

func TestPayloadsAreWithheld(t *testing.T) {
	var out bytes.Buffer
	b := newBox(t, deadletter.Config{Sink: file.New(&out), WithholdPayloads: true})
	const secret = "203.0.113.77"
	err := b.Put(t.Context(), []deadletter.Letter{
		{Kind: deadletter.Payload, Reason: "not gzip", Data: []byte(secret)},
		{Kind: deadletter.Event, Reason: "attempts used up", Data: []byte("{}\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), secret) || strings.Contains(out.String(), "MjAzLjAuMTEzLjc3") {
		t.Errorf("the payload is in %s", out.String())
	}
	got := deadlettertest.Read(t, new(deadletter.Reader), &out)
	if !got[0].Withheld || got[0].Data != nil || got[0].Size != len(secret) || got[1].Withheld || string(got[1].Data) != "{}\n" {
		t.Errorf("got %+v and %+v", got[0], got[1])
	}
}

// failing is a sink that fails as it is told.
type failing struct {
	limit int
	err   func(docs []sink.Document) error
	docs  []sink.Document
}

func (f *failing) Put(_ context.Context, docs []sink.Document) error {
	f.docs = append(f.docs, docs...)
	return f.err(docs)
}
func (f *failing) Close(context.Context) error { return nil }
func (f *failing) MaxDocument() int            { return f.limit }

func TestFailuresAreOfLetters(t *testing.T) {
	no := errors.New("no")
	s := &failing{limit: 2000, err: func(docs []sink.Document) error {
		return &sink.PutError{Failures: []sink.Failure{{Index: 2, Err: no}, {Index: 3, Err: no}, {Index: len(docs) - 1, Err: no}}}
	}}
	b := newBox(t, deadletter.Config{Sink: s})
	err := b.Put(t.Context(), []deadletter.Letter{
		{Kind: deadletter.Payload, Data: deadlettertest.Noise(10)},
		{Kind: deadletter.Payload, Data: deadlettertest.Noise(6000)}, // several lines, of which two fail
		{Kind: deadletter.Payload, Data: deadlettertest.Noise(10)},
		{Kind: deadletter.Payload, Data: deadlettertest.Noise(10)},
	})
	var failed *sink.PutError
	if !errors.As(err, &failed) || len(failed.Failures) != 2 || failed.Failures[0].Index != 1 || failed.Failures[1].Index != 3 {
		t.Errorf("got %v, want the letters 1 and 3", err)
	}
	for _, d := range s.docs {
		if len(d.Data) > s.limit {
			t.Errorf("a line of %d bytes", len(d.Data))
		}
	}
	s.err = func([]sink.Document) error { return no }
	if err := b.Put(t.Context(), []deadletter.Letter{{Kind: deadletter.Payload}}); !errors.Is(err, no) || errors.As(err, &failed) {
		t.Errorf("got %v", err)
	}
	small := newBox(t, deadletter.Config{Sink: &failing{limit: 100, err: func([]sink.Document) error { return nil }}})
	err = small.Put(t.Context(), []deadletter.Letter{{Kind: deadletter.Payload, Data: deadlettertest.Noise(10)}})
	if want := "dead letters: 1 document not delivered: letter needs lines of more than 100 bytes"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestUndelivered(t *testing.T) {
	docs := []sink.Document{{ID: []byte("0"), Data: []byte("a")}, {ID: []byte("1"), Data: []byte("b")}}
	no := errors.New("no")
	f := func(err error, want ...string) {
		t.Helper()
		var got []string
		for _, l := range deadletter.Undelivered(docs, err) {
			got = append(got, fmt.Sprintf("%s %s %s %s", l.Kind, l.EventID, l.Data, l.Reason))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
	f(nil)
	f(no, "event 0 a no", "event 1 b no")
	f(fmt.Errorf("put: %w", &sink.PutError{Failures: []sink.Failure{{Index: 1, Err: no}}}), "event 1 b no")
}

func TestReaderErrors(t *testing.T) {
	var out bytes.Buffer
	b := newBox(t, deadletter.Config{Sink: file.New(&out)})
	if err := b.Put(t.Context(), []deadletter.Letter{{Kind: deadletter.Payload, Data: []byte("abc")}}); err != nil {
		t.Fatal(err)
	}
	good := out.String()
	f := func(bad, want string) {
		t.Helper()
		var r deadletter.Reader
		var texts []string
		letters := 0
		for l, err := range r.All(strings.NewReader(good + bad + "\n" + good)) {
			if l != nil {
				letters++
			}
			if err != nil {
				texts = append(texts, err.Error())
				if !errors.Is(err, deadletter.ErrLine) {
					t.Errorf("%v is no ErrLine", err)
				}
			}
		}
		if letters != 2 || !slices.Equal(texts, []string{"line 2: not a dead letter: " + want}) {
			t.Errorf("%s: %d letters and errors %q", bad, letters, texts)
		}
	}
	line := strings.TrimSuffix(good, "\n")
	f("junk", "is not JSON of its shape")
	f("{}", "version 0, want 1")
	f(strings.Replace(line, "2026-", "2026", 1), "@timestamp is no time")
	f(strings.Replace(line, `"payload"`, `"parcel"`, 1), "of no known kind")
	f(strings.Replace(line, `"part":1`, `"part":2`, 1), "part 2 of 1")
	f(strings.Replace(line, `"parts":1`, `"parts":100000000`, 1), "part 1 of 100000000")
	f(strings.Replace(line, `YWJj`, `YWJk`, 1), "its data is not what its hash says")
	f(strings.Replace(line, `"size":3`, `"size":4`, 1), "its data is not what its hash says")
}

// FuzzRoundTrip: whatever failed, and however short lines must be, it comes back
// byte for byte.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte(`{"event":{"id":"1"}}`+"\n"), "why", []byte("id"), uint16(0))
	f.Add([]byte("\x00\xff"), "\xff", []byte{}, uint16(700))
	f.Add(bytes.Repeat([]byte("0123456789"), 500), strings.Repeat("é", 1000), []byte(nil), uint16(3000))
	f.Fuzz(func(t *testing.T, data []byte, reason string, id []byte, limit uint16) {
		for _, kind := range []deadletter.Kind{deadletter.Event, deadletter.Payload} {
			s := &failing{limit: int(limit), err: func([]sink.Document) error { return nil }}
			b := newBox(t, deadletter.Config{Sink: s})
			if err := b.Put(t.Context(), []deadletter.Letter{{Kind: kind, Reason: reason, EventID: id, Route: "faults", Data: data}}); err != nil {
				if limit > 20_000 && len(id) < 1000 {
					t.Fatal(err)
				}
				return
			}
			var r deadletter.Reader
			var got *deadletter.Letter
			for i, d := range s.docs {
				if limit > 0 && len(d.Data) > int(limit) && len(data) > 0 {
					t.Errorf("a line of %d bytes, want at most %d", len(d.Data), limit)
				}
				if key := jsontest.KeyTwice(d.Data); key != "" {
					t.Errorf("%q stands twice in %s", key, d.Data)
				}
				l, err := r.Read(d.Data)
				if err != nil || (l != nil) != (i == len(s.docs)-1) {
					t.Fatalf("line %d of %d: %v", i+1, len(s.docs), err)
				}
				got = l
			}
			if !bytes.Equal(got.Data, data) || !bytes.Equal(got.EventID, id) || got.Route != "faults" || r.Incomplete() != 0 {
				t.Errorf("%q came back as %q", data, got.Data)
			}
		}
	})
}
