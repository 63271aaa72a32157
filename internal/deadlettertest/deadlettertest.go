// Package deadlettertest holds a sink to what dead letters need of it: what was
// put comes back.
//
//	deadlettertest.Put(t, sink)
//	got := deadlettertest.Read(t, new(deadletter.Reader), lines)
//	deadlettertest.Check(t, got, deadlettertest.Letters())
//
// It is for the tests of sinks, so that those of package deadletter build no
// client of AWS.
package deadlettertest

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clearhop/sink"
	"clearhop/sink/deadletter"
)

// Source is the source of all letters here.
const Source = "subscriber"

// Time returns the time at which all letters here are put.
func Time() time.Time { return time.Date(2026, 11, 22, 11, 0, 24, 7_000_000, time.UTC) }

// Put puts Letters into a sink.
func Put(t testing.TB, s sink.Sink) {
	t.Helper()
	b, err := deadletter.New(deadletter.Config{Sink: s, Source: Source, Now: Time})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), Letters()); err != nil {
		t.Fatal(err)
	}
}

// Noise returns n bytes of every value, the same ones each time.
func Noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// Letters returns letters of every kind: events that are valid JSON or not, and
// payloads, of which some need several lines.
func Letters() []deadletter.Letter {
	return []deadletter.Letter{
		{Kind: deadletter.Event, Reason: "attempts used up", RequestID: "r-1", EventID: []byte("id-1"), Data: []byte(`{"url":{"path":"/<&>é` + "\u2028\uFFFF" + `"}, "event":{}}` + "\n")},
		{Kind: deadletter.Event, Reason: "no newline", EventID: []byte("\xff"), Data: []byte(`{"event":{}}`)},
		{Kind: deadletter.Event, Reason: "no JSON", Data: []byte("{}}\n")},
		{Kind: deadletter.Event, Reason: "white space", Data: []byte(" {} \n")},
		{Kind: deadletter.Event, Reason: "not UTF-8", Data: []byte("{\"a\":\"\xff\"}\n")},
		{Kind: deadletter.Event, Reason: "two lines", Data: []byte("{\n}\n")},
		{Kind: deadletter.Event, Reason: "large", Data: []byte(`{"a":"` + strings.Repeat("x", 900_000) + `"}` + "\n")},
		{Kind: deadletter.Payload, Reason: "not gzip", Data: Noise(3_000_000)},
		{Kind: deadletter.Payload, Reason: "empty", Data: []byte{}},
		{Kind: deadletter.Payload, Reason: "JSON as it came", Data: []byte(`{"awslogs":{"data":""}}` + "\n")},
	}
}

// Check compares letters that were read with those that were put, in any order.
// It sorts got and takes its data out.
func Check(t testing.TB, got []*deadletter.Letter, want []deadletter.Letter) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d letters came back, want %d", len(got), len(want))
	}
	byReason := func(a, b *deadletter.Letter) int { return strings.Compare(a.Reason, b.Reason) }
	slices.SortFunc(got, byReason)
	sorted := make([]*deadletter.Letter, len(want))
	for i := range want {
		l := want[i]
		l.Time, l.Source, l.Size = Time(), Source, len(l.Data)
		sorted[i] = &l
	}
	slices.SortFunc(sorted, byReason)
	for i := range got {
		if !bytes.Equal(got[i].Data, sorted[i].Data) {
			t.Errorf("%s: %d other bytes came back, want %d", got[i].Reason, len(got[i].Data), len(sorted[i].Data))
		}
		got[i].Data, sorted[i].Data = nil, nil
		if len(got[i].SHA256) != 64 {
			t.Errorf("%s: hash %q", got[i].Reason, got[i].SHA256)
		}
		got[i].SHA256 = ""
		if diff := cmp.Diff(sorted[i], got[i]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", got[i].Reason, diff)
		}
	}
}

// Read reads all letters of src with r, which keeps the parts of letters that
// another src completes.
func Read(t testing.TB, r *deadletter.Reader, src io.Reader) (got []*deadletter.Letter) {
	t.Helper()
	for l, err := range r.All(src) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, l)
	}
	return got
}
