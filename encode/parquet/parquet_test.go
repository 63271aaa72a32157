package parquet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pq "github.com/parquet-go/parquet-go"

	"clearhop/encode"
	"clearhop/encode/parquet"
	"clearhop/internal/chaintest"
	"clearhop/internal/golden"
	"clearhop/pipeline"
	"clearhop/record"
)

// write returns a file of events.
func write(t testing.TB, o parquet.Options, events ...[]byte) *bytes.Reader {
	t.Helper()
	var file bytes.Buffer
	w, err := parquet.NewWriter(&file, o)
	if err != nil {
		t.Fatal(err)
	}
	for i, event := range events {
		if err := w.Write(event); err != nil {
			t.Fatalf("event %d: %v\n%s", i, err, event)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(file.Bytes())
}

func read(t testing.TB, file *bytes.Reader) [][]byte {
	t.Helper()
	var events [][]byte
	for event, err := range parquet.Events(file, file.Size()) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, bytes.Clone(event))
	}
	return events
}

// same holds events against each other by their values.
func same(t testing.TB, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d events, want %d", len(got), len(want))
	}
	for i := range want {
		if diff := cmp.Diff(values(t, want[i]), values(t, got[i])); diff != "" {
			t.Fatalf("event %d (-want +got):\n%s", i, diff)
		}
	}
}

func values(t testing.TB, event []byte) (v map[string]any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(event))
	d.UseNumber() // 64 bits whole
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, event)
	}
	return v
}

// chain returns the events of all sample logs of the tree.
func chain(t testing.TB) [][]byte {
	t.Helper()
	p, err := pipeline.New(pipeline.Config{Label: map[string]string{"service": "web"}, Original: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var events [][]byte
	w := p.NewWorker()
	for _, name := range chaintest.Names(t, "*/*.log") {
		var lines []record.Line
		origin := &record.Origin{Source: name, File: name}
		for i, line := range chaintest.Lines(t, name) {
			lines = append(lines, record.Line{Origin: origin, Text: line, Offset: int64(i)})
		}
		if _, err := w.ProcessBatch(lines, true, func(out *pipeline.Outcome) error {
			events = append(events, bytes.Clone(out.Data))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return events
}

func TestRoundTripOfTheSampleLogs(t *testing.T) {
	events := chain(t)
	if len(events) < 100 {
		t.Fatalf("only %d events", len(events))
	}
	for _, o := range []parquet.Options{{}, {Compression: parquet.Snappy, RowsPerGroup: 7}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) { same(t, read(t, write(t, o, events...)), events) })
	}
}

// TestRoundTripOfEveryField takes the encoder's golden events, the first of
// which has all fields.
func TestRoundTripOfEveryField(t *testing.T) {
	var events [][]byte
	for _, name := range []string{"full", "empty"} {
		event, err := os.ReadFile("../testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
	}
	events = append(events, []byte(`{"event":{"truncated":["url.original"]}}`))
	same(t, read(t, write(t, parquet.Options{}, events...)), events)
}

func TestSchema(t *testing.T) {
	file := write(t, parquet.Options{})
	f, err := pq.OpenFile(file, file.Size())
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/schema.txt", []byte(f.Schema().String()+"\n"))

	// The columns are Glue's, name by name.
	var got, want []string
	for _, field := range f.Schema().Fields() {
		got = append(got, field.Name())
	}
	for _, c := range encode.Columns() {
		want = append(want, c.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("columns %v, want %v", got, want)
	}
}

func TestRowGroupsAreBounded(t *testing.T) {
	events := slices.Repeat([][]byte{[]byte(`{"@timestamp":"2026-11-22T11:00:24.007Z","event":{"id":"1"}}` + "\n")}, 25)
	file := write(t, parquet.Options{RowsPerGroup: 10}, events...)
	f, err := pq.OpenFile(file, file.Size())
	if err != nil {
		t.Fatal(err)
	}
	var rows []int64
	for _, g := range f.RowGroups() {
		rows = append(rows, g.NumRows())
	}
	if !slices.Equal(rows, []int64{10, 10, 5}) {
		t.Errorf("row groups of %v rows", rows)
	}
}

// TestMalformedEventsCostThemselvesAlone: the error says where and what, and
// quotes no value.
func TestMalformedEventsCostThemselvesAlone(t *testing.T) {
	var file bytes.Buffer
	w, err := parquet.NewWriter(&file, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	good := []byte(`{"event":{"id":"1"}}` + "\n")
	for event, want := range map[string]string{
		`{"client":{"ip":"203.0.113.77"`:         "event at byte 30: is no JSON",
		`203.0.113.77`:                           "event at byte 5: is no JSON object",
		``:                                       "event at byte 0: is no JSON",
		`{"source":{"port":"203.0.113.77"}}`:     "event at byte 32: source.port is not of its column's type",
		`{"http":{"request":{"bytes":1.5}}}`:     "event at byte 31: http.request.bytes is not of its column's type",
		`{"203.0.113.77":1}`:                     "event at byte 0: has a field that there is no column for",
		`{"@timestamp":"203.0.113.77"}`:          "event at byte 0: @timestamp is no time",
		`{"event":{"id":"1"}}{"event":{"id":1}}`: "event at byte 21: has text behind its end",
	} {
		if err := w.Write(good); err != nil {
			t.Fatal(err)
		}
		err := w.Write([]byte(event))
		var malformed *parquet.EventError
		if !errors.As(err, &malformed) || strings.Contains(err.Error(), "203.") {
			t.Errorf("%s: got error %v", event, err)
		} else if err.Error() != want {
			t.Errorf("%s: got %q, want %q", event, err, want)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := bytes.NewReader(file.Bytes())
	same(t, read(t, r), slices.Repeat([][]byte{good}, 8))
}

func TestErrors(t *testing.T) {
	if _, err := parquet.NewWriter(nil, parquet.Options{Compression: "gzip"}); err == nil || err.Error() != `parquet: there is no compression "gzip"; known: zstd, snappy` {
		t.Errorf("got %v", err)
	}
	if _, err := parquet.NewWriter(nil, parquet.Options{RowsPerGroup: -1}); err == nil || err.Error() != "parquet: -1 rows per group: is negative" {
		t.Errorf("got %v", err)
	}
	var other bytes.Buffer
	if err := pq.Write(&other, []struct{ A int }{{1}}); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{"junk": []byte("junk"), "other columns": other.Bytes()} {
		n, last := 0, error(nil)
		for _, err := range parquet.Events(bytes.NewReader(file), int64(len(file))) {
			n, last = n+1, err
		}
		if n != 1 || last == nil {
			t.Errorf("%s: %d events and error %v, want an error alone", name, n, last)
		}
	}
}

// FuzzRoundTrip: whatever bytes a line held, the file gives back the event that
// the encoder wrote.
func FuzzRoundTrip(f *testing.F) {
	e, err := encode.New(encode.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("/x"), []byte("\x00\xff\u2028<&>"), int64(1_795_345_224_007), int64(0), uint8(3))
	f.Add([]byte{}, []byte(nil), int64(encode.MinTime), int64(-1), uint8(0))
	f.Add([]byte("a"), []byte("b"), int64(encode.MaxTime), int64(1)<<62, uint8(1))
	f.Fuzz(func(t *testing.T, path, agent []byte, ms, n int64, items uint8) {
		r := &record.Record{
			ID:        path,
			Timestamp: min(max(ms, encode.MinTime), encode.MaxTime),
			Line:      record.Line{Origin: &record.Origin{}},
			Client:    record.Client{IP: netip.MustParseAddr("2001:db8::1"), SourcePort: record.Int{N: n, Valid: n != 7}},
			Geo:       record.Geo{Latitude: float64(n) / 3, HasLocation: n%2 == 0},
		}
		r.Access.UserAgent = agent
		for i := range int(items) % 5 {
			r.Access.Extra = append(r.Access.Extra, record.Pair{Name: fmt.Sprint(i), Value: path})
			r.Access.Upstream = append(r.Access.Upstream, record.Upstream{Address: agent, Status: record.Int{N: n, Valid: i%2 == 0}})
			r.Provenance.Claimed = append(r.Provenance.Claimed, path)
		}
		event := e.Append(nil, r)
		got := read(t, write(t, parquet.Options{}, event))
		var a, b any // floats of any notation
		if err := errors.Join(json.Unmarshal(got[0], &a), json.Unmarshal(event, &b)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b, a); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	events := chain(b)
	size := 0
	for _, e := range events {
		size += len(e)
	}
	for _, c := range []parquet.Compression{parquet.Zstd, parquet.Snappy} {
		b.Run(string(c), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			var file bytes.Buffer
			for b.Loop() {
				file.Reset()
				w, err := parquet.NewWriter(&file, parquet.Options{Compression: c})
				if err != nil {
					b.Fatal(err)
				}
				for _, e := range events {
					if err := w.Write(e); err != nil {
						b.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(file.Len())/float64(len(events)), "B/event")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
		})
	}
}
