package delivery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"clearhop/functions/delivery"
	"clearhop/functions/environment"
	"clearhop/internal/golden"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/sink"
)

func TestSettings(t *testing.T) {
	f := func(want string, environ ...string) {
		t.Helper()
		var s delivery.Settings
		if err := environment.Load(environ, &s); err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := s.Check(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%v: got %q, want %q", environ, got, want)
		}
	}
	f("", "CLEARHOP_FIREHOSE_STREAM=events")
	f("", "CLEARHOP_SINK=file", "CLEARHOP_FILE=/tmp/x")
	f("", "CLEARHOP_SINK=stdout")
	f("CLEARHOP_FIREHOSE_STREAM: the sink firehose needs it")
	f("CLEARHOP_FILE: the sink file needs it\nCLEARHOP_FIREHOSE_STREAM: is given, but the sink is file",
		"CLEARHOP_SINK=file", "CLEARHOP_FIREHOSE_STREAM=events")
	f(`CLEARHOP_SINK: there is no sink "s3"; known: firehose, file, stdout`, "CLEARHOP_SINK=s3")
}

// TestReadme holds the README's table of the functions' own settings.
func TestReadme(t *testing.T) {
	var b strings.Builder
	b.WriteString("| variable | default | what it does |\n| --- | --- | --- |\n")
	for _, v := range environment.Variables(&delivery.Settings{}) {
		value := ""
		if v.Default != "" {
			value = "`" + v.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.Name, value, v.Help)
	}
	golden.Sections(t, "../../README.md", map[string]string{"function settings": b.String()})
}

// memory is a sink that keeps copies, and fails as fail says.
type memory struct {
	docs [][]byte
	puts int
	fail func(put int, docs []sink.Document) error
}

func (m *memory) Put(_ context.Context, docs []sink.Document) error {
	m.puts++
	if m.fail != nil {
		if err := m.fail(m.puts, docs); err != nil {
			return err
		}
	}
	for _, d := range docs {
		m.docs = append(m.docs, bytes.Clone(d.Data))
	}
	return nil
}

func (m *memory) Close(context.Context) error { return nil }

func lines(n, size int) []record.Line {
	origin := &record.Origin{Source: "g:s"}
	all := make([]record.Line, n)
	for i := range all {
		all[i] = record.Line{ID: fmt.Appendf(nil, "%d", i), Origin: origin, Text: fmt.Appendf(nil,
			`10.16.1.11 - - [22/Nov/2026:11:00:24 +0000] "GET /%s HTTP/1.1" 200 3 "-" "-"`, strings.Repeat("x", size))}
	}
	return all
}

func courier(t testing.TB, s sink.Sink) *delivery.Courier {
	t.Helper()
	p, err := pipeline.New(pipeline.Config{NLB: []string{"10.16.1.11"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return delivery.NewCourier(p, s)
}

// TestDeliver: every line gives one event, in order, over as many puts as the
// bound of what is gathered asks for, and the counts add up.
func TestDeliver(t *testing.T) {
	var s memory
	c := courier(t, &s)
	var n delivery.Counts
	all := append(lines(3000, 2000), record.Line{ID: []byte("last"), Origin: &record.Origin{}, Text: []byte("junk")})
	for range 2 { // a Courier is used again
		s, n = memory{}, delivery.Counts{}
		if err := c.Deliver(t.Context(), all, &n); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.docs) != len(all) || s.puts < 2 || n.Lines != len(all) || n.Delivered != len(all) || n.Unparsed != 1 || n.NLB != 3000 || n.Failed != 0 {
		t.Errorf("%d events in %d puts, counts %+v", len(s.docs), s.puts, n)
	}
	for i, doc := range s.docs {
		var event struct{ Event struct{ ID string } }
		if err := json.Unmarshal(doc, &event); err != nil || event.Event.ID != string(all[i].ID) {
			t.Fatalf("event %d: id %q, want %q (%v)", i, event.Event.ID, all[i].ID, err)
		}
	}
	var log bytes.Buffer
	delivery.NewLogger(&log).Info("delivered", "counts", slog.AnyValue(&n))
	if got := log.String(); !strings.Contains(got, `"delivered":3001`) || !strings.Contains(got, `"reasons":{"proxy_protocol_off":3000}`) {
		t.Errorf("the log says %s", got)
	}
}

// TestDroppedEventsAreCounted: what a rule leaves out does not go to the sink.
func TestDroppedEventsAreCounted(t *testing.T) {
	p, err := pipeline.New(pipeline.Config{NLB: []string{"10.16.1.11"}, Rule: []string{"drop verdict=lost"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	var s memory
	var n delivery.Counts
	all := append(lines(3, 10), record.Line{ID: []byte("last"), Origin: &record.Origin{}, Text: []byte("junk")})
	if err := delivery.NewCourier(p, &s).Deliver(t.Context(), all, &n); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	delivery.NewLogger(&log).Info("delivered", "counts", slog.AnyValue(&n))
	if len(s.docs) != 1 || n.Lines != 4 || n.Delivered != 1 || n.Dropped != 3 || !strings.Contains(log.String(), `"rules":{"drop verdict=lost":3}`) {
		t.Errorf("%d events, counts %+v, log %s", len(s.docs), n, log.String())
	}
}

// TestDeliverAccountsForFailures: a failed put does not keep the later ones
// from being tried.
func TestDeliverAccountsForFailures(t *testing.T) {
	cause := errors.New("no")
	s := memory{fail: func(put int, docs []sink.Document) error {
		switch put {
		case 1:
			return &sink.PutError{Failures: []sink.Failure{{Index: 0, Err: cause}, {Index: 2, Err: cause}}}
		case 2:
			return cause
		}
		return nil
	}}
	var n delivery.Counts
	all := lines(6000, 2000)
	if err := courier(t, &s).Deliver(t.Context(), all, &n); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if s.puts < 3 || n.Failed < 3 || n.Failed+n.Delivered != len(all) {
		t.Errorf("%d puts, counts %+v", s.puts, n)
	}
}
