package delivery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	outlets "clearhop/delivery"
	"clearhop/enrich/clientip"
	"clearhop/functions/delivery"
	"clearhop/functions/environment"
	"clearhop/internal/golden"
	"clearhop/internal/jsontest"
	"clearhop/internal/payloadtest"
	"clearhop/pipeline"
	"clearhop/sink"
	"clearhop/sink/deadletter"
	"clearhop/sink/retry"
)

// TestSettingsPage holds the table of the functions' own settings in docs/settings.md.
func TestSettingsPage(t *testing.T) {
	var b strings.Builder
	b.WriteString("| variable | default | what it does |\n| --- | --- | --- |\n")
	for _, v := range append(environment.Variables(&outlets.Settings{}), environment.Variables(&delivery.MetricSettings{})...) {
		value := ""
		if v.Default != "" {
			value = "`" + v.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.Name, value, v.Help)
	}
	golden.Sections(t, "../../docs/settings.md", map[string]string{"function settings": b.String()})
}

// memory is a sink that keeps copies, and fails as fail says.
type memory struct {
	docs [][]byte
	puts int
	fail func(put int, docs []sink.Document) error
}

func (m *memory) Put(_ context.Context, docs []sink.Document) error {
	m.puts++
	var err error
	if m.fail != nil {
		err = m.fail(m.puts, docs)
	}
	var failed *sink.PutError
	if err != nil && !errors.As(err, &failed) {
		return err
	}
	for i, d := range docs {
		if failed == nil || !slices.ContainsFunc(failed.Failures, func(f sink.Failure) bool { return f.Index == i }) {
			m.docs = append(m.docs, bytes.Clone(d.Data))
		}
	}
	return err
}

func (m *memory) Close(context.Context) error { return nil }

func (m *memory) reset() { *m = memory{fail: m.fail} }

// opening returns what makes outlets of sinks.
func opening(s outlets.Sinks) func(outlets.Options) (*outlets.Outlets, error) {
	return func(o outlets.Options) (*outlets.Outlets, error) { return outlets.New(s, o) }
}

// config is that of a function whose log is log.
func config(log io.Writer) delivery.Config {
	return delivery.Config{
		Shape: delivery.Shape{Name: "subscriber"}, FunctionName: "clearhop-subscriber", Namespace: "Clearhop", Log: log,
		Pipeline: pipeline.Config{Client: clientip.Settings{NLB: []string{"10.16.1.11"}}},
	}
}

// open makes a function of sinks, whose log is the second result.
func open(t testing.TB, s, letters sink.Sink) (*delivery.Shipper, *bytes.Buffer) {
	t.Helper()
	return openConfig(t, config, outlets.Sinks{Events: s, Letters: letters})
}

// openStream is open for a function whose source sends lost events again.
func openStream(t testing.TB, s, letters sink.Sink) (*delivery.Shipper, *bytes.Buffer) {
	t.Helper()
	return openConfig(t, func(log io.Writer) delivery.Config {
		c := config(log)
		c.Resends = true
		return c
	}, outlets.Sinks{Events: s, Letters: letters})
}

func openConfig(t testing.TB, config func(io.Writer) delivery.Config, sinks outlets.Sinks) (*delivery.Shipper, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	f, err := delivery.NewShipper(config(&log), opening(sinks))
	if err != nil {
		t.Fatal(err)
	}
	return f, &log
}

// payload is a payload of n lines, each with a path of size bytes.
func payload(t testing.TB, n, size int) []byte {
	t.Helper()
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf(`10.16.1.11 - - [22/Nov/2026:11:00:24 +0000] "GET /%s HTTP/1.1" 200 3 "-" "-"`, strings.Repeat("x", size))
	}
	return payloadtest.Document(t, "/ecs/web", lines)
}

// ids are the ids of the events of documents, in their order.
func ids(t testing.TB, docs [][]byte) []string {
	t.Helper()
	var all []string
	for _, doc := range docs {
		var event struct{ Event struct{ ID string } }
		if err := json.Unmarshal(doc, &event); err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.TrimLeft(event.Event.ID, "0"))
	}
	return all
}

// lastMetrics is the last document of metrics in a log, as CloudWatch reads it.
func lastMetrics(t testing.TB, log *bytes.Buffer) map[string]any {
	t.Helper()
	var last map[string]any
	for line := range bytes.Lines(log.Bytes()) {
		var document map[string]any
		if err := json.Unmarshal(line, &document); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if document["_aws"] != nil {
			last = document
		}
	}
	if last == nil {
		t.Fatalf("no metrics in the log:\n%s", log)
	}
	return last
}

// TestDeliver: every line gives one event, in order, over as many puts as the
// bound of what is gathered asks for, and the counts add up.
func TestDeliver(t *testing.T) {
	s := &memory{}
	f, log := open(t, s, nil)
	data := payload(t, 3000, 2000)
	for range 2 { // a worker is used again
		s.reset()
		log.Reset()
		in := f.Begin(t.Context())
		in.Take(data)
		in.Take(payloadtest.Document(t, "/ecs/web", []string{"junk"}))
		if _, err := in.End(); err != nil {
			t.Fatal(err)
		}
	}
	got := ids(t, s.docs)
	if len(got) != 3001 || s.puts < 2 {
		t.Errorf("%d events in %d puts", len(got), s.puts)
	}
	for i, id := range got[:3000] {
		if want := strings.TrimLeft(fmt.Sprint(i), "0"); id != want {
			t.Fatalf("event %d has the id %q", i, id)
		}
	}
	if text := log.String(); !strings.Contains(text, `"delivered":3001`) || !strings.Contains(text, `"reasons":{"proxy_protocol_off":3000}`) {
		t.Errorf("the log says %s", text)
	}
	m := lastMetrics(t, log)
	for name, want := range map[string]float64{
		"Lines": 3001, "Events": 3001, "Unparsed": 1, "AccessLines": 3000, "NLBPrivateIP": 3000, "Faults": 3000,
		"FaultProxyProtocolOff": 3000, "VerdictLost": 3000, "DeadLetters": 0, "Undelivered": 0, "GeoMissing": 0,
	} {
		if m[name] != want {
			t.Errorf("metric %s is %v, want %v", name, m[name], want)
		}
	}
}

// TestMetricsAreWellFormed: each metric that is declared has a value and the
// other way round, and nothing that a visitor can choose is a dimension.
func TestMetricsAreWellFormed(t *testing.T) {
	f, log := open(t, &memory{}, nil)
	in := f.Begin(t.Context())
	in.Take(payloadtest.Document(t, "/ecs/web", payloadtest.Lines(t)))
	if _, err := in.End(); err != nil {
		t.Fatal(err)
	}
	if key := jsontest.KeyTwice(log.Bytes()); key != "" {
		t.Errorf("%q stands twice in %s", key, log)
	}
	m := lastMetrics(t, log)
	var head struct {
		AWS struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	b, _ := json.Marshal(m)
	if err := json.Unmarshal(b, &head); err != nil {
		t.Fatal(err)
	}
	d := head.AWS.CloudWatchMetrics[0]
	if d.Namespace != "Clearhop" || len(d.Dimensions) != 1 || len(d.Dimensions[0]) != 1 || m[d.Dimensions[0][0]] != "clearhop-subscriber" {
		t.Errorf("namespace %s, dimensions %v", d.Namespace, d.Dimensions)
	}
	documented := map[string]string{}
	for _, metric := range delivery.Metrics() {
		documented[metric.Name] = metric.Unit
	}
	if len(documented) > 100 || len(d.Metrics) > 100 {
		t.Errorf("%d metrics: CloudWatch takes 100", len(documented))
	}
	for _, metric := range d.Metrics {
		if _, ok := m[metric.Name].(float64); !ok || documented[metric.Name] != metric.Unit {
			t.Errorf("%s is %v, documented in %q", metric.Name, m[metric.Name], documented[metric.Name])
		}
	}
	sum := 0.0
	for name, value := range m {
		if strings.HasPrefix(name, "Verdict") {
			sum += value.(float64)
		}
	}
	if sum != m["AccessLines"] {
		t.Errorf("the verdicts sum to %v of %v access lines", sum, m["AccessLines"])
	}
}

var errNo = errors.New("no")

// failSome fails the first and the third document of the first put, all of the
// second, and none of the others.
func failSome(put int, _ []sink.Document) error {
	switch put {
	case 1:
		return &sink.PutError{Failures: []sink.Failure{{Index: 0, Err: errNo}, {Index: 2, Err: errNo}}}
	case 2:
		return errNo
	}
	return nil
}

// TestFailuresWithoutDeadLetters: a failed put does not keep the later ones from
// being tried, and the invocation fails.
func TestFailuresWithoutDeadLetters(t *testing.T) {
	s := &memory{fail: failSome}
	f, log := open(t, s, nil)
	in := f.Begin(t.Context())
	in.Take(payload(t, 6000, 2000))
	if _, err := in.End(); !errors.Is(err, errNo) {
		t.Errorf("got %v", err)
	}
	m := lastMetrics(t, log)
	if s.puts < 3 || m["Undelivered"].(float64) < 3 || m["Undelivered"].(float64)+m["Events"].(float64) != 6000 {
		t.Errorf("%d puts, metrics %v", s.puts, m)
	}
}

// TestDeadLetters: what the sink does not take lies there to be read back, byte
// for byte, with the reason; a payload that cannot be read too. The invocation
// succeeds: nothing is lost.
func TestDeadLetters(t *testing.T) {
	s, letters := &memory{fail: failSome}, &memory{}
	f, log := open(t, s, letters)
	in := f.Begin(t.Context())
	in.Take(payload(t, 6000, 2000))
	in.Take([]byte("{broken"))
	if _, err := in.End(); err != nil {
		t.Fatal(err)
	}
	var r deadletter.Reader
	kept := append([][]byte{}, s.docs...)
	payloads := 0
	for letter, err := range r.All(bytes.NewReader(bytes.Join(letters.docs, nil))) {
		switch {
		case err != nil:
			t.Fatal(err)
		case letter.Kind == deadletter.Payload:
			payloads++
			if string(letter.Data) != "{broken" || letter.Reason == "" || letter.Source != "subscriber" {
				t.Errorf("letter %+v", letter)
			}
		default:
			kept = append(kept, letter.Data)
			if letter.Reason != "no" {
				t.Errorf("reason %q", letter.Reason)
			}
		}
	}
	seen := map[string]bool{}
	for _, id := range ids(t, kept) {
		seen[id] = true
	}
	m := lastMetrics(t, log)
	if payloads != 1 || len(seen) != 6000 || m["DeadLetters"] != float64(6000-len(s.docs)+1) || m["Undelivered"] != 0.0 {
		t.Errorf("%d payloads, %d of 6000 events, metrics %v", payloads, len(seen), m)
	}
	if text := log.String(); strings.Contains(text, "xxxx") || strings.Contains(text, "10.16") {
		t.Errorf("the log holds text of a line: %s", text)
	}
}

// TestDeadLettersThatFail: then the invocation fails, and its service sends
// everything again.
func TestDeadLettersThatFail(t *testing.T) {
	no := func(int, []sink.Document) error { return errNo }
	f, log := open(t, &memory{fail: no}, &memory{fail: no})
	in := f.Begin(t.Context())
	in.Take(payload(t, 5, 1))
	in.Take([]byte("{broken"))
	if first, err := in.End(); !errors.Is(err, errNo) || first != 0 {
		t.Errorf("got %v, first failed %d", err, first)
	}
	if m := lastMetrics(t, log); m["Undelivered"] != 5.0 || m["DeadLetters"] != 0.0 {
		t.Errorf("metrics %v", m)
	}
}

// TestResends: a stream sends lost events again, so that only what would fail again
// becomes a dead letter.
func TestResends(t *testing.T) {
	s := &memory{fail: func(int, []sink.Document) error {
		return &sink.PutError{Failures: []sink.Failure{{Index: 0, Err: sink.ErrTooLarge}, {Index: 3, Err: errNo}}}
	}}
	letters := &memory{}
	f, _ := openStream(t, s, letters)
	in := f.Begin(t.Context())
	in.Take(payload(t, 2, 1))
	in.Take(payload(t, 2, 1))
	in.Take(payload(t, 2, 1))
	first, err := in.End()
	if first != 1 {
		t.Errorf("first failed: %d", first)
	}
	if !errors.Is(err, errNo) || errors.Is(err, sink.ErrTooLarge) || len(letters.docs) != 1 {
		t.Errorf("%d letters, %v", len(letters.docs), err)
	}
}

// TestTakesNoneAfterAFailure: a stream sends again from the payload that failed,
// so that those after it would be delivered twice.
func TestTakesNoneAfterAFailure(t *testing.T) {
	s := &memory{fail: func(int, []sink.Document) error { return errNo }}
	large := payload(t, 3000, 2000) // so large that the sink is called at once
	stream, _ := openStream(t, s, &memory{})
	in := stream.Begin(t.Context())
	if !in.Take(payload(t, 1, 1)) || !in.Take(large) || in.Take(payload(t, 1, 1)) {
		t.Error("the first two are to be taken, the third is not")
	}
	if first, err := in.End(); first != 0 || !errors.Is(err, errNo) {
		t.Errorf("first failed %d, %v", first, err)
	}
	// Where nothing is sent again, each payload has its one chance.
	other, _ := open(t, s, nil)
	in = other.Begin(t.Context())
	if !in.Take(large) || !in.Take(payload(t, 1, 1)) {
		t.Error("both are to be taken")
	}
	if first, err := in.End(); first != 0 || !errors.Is(err, errNo) {
		t.Errorf("first failed %d, %v", first, err)
	}
}

// TestOutOfTime: with the time nearly over the sink is not tried, and the events
// become dead letters.
func TestOutOfTime(t *testing.T) {
	s, letters := &memory{}, &memory{}
	f, _ := open(t, s, letters)
	ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
	defer cancel()
	in := f.Begin(ctx)
	in.Take(payload(t, 3, 1))
	if _, err := in.End(); err != nil || s.puts != 0 || len(letters.docs) != 3 {
		t.Errorf("%d puts, %d letters, %v", s.puts, len(letters.docs), err)
	}
}

// TestNoTimeForAnotherPayload: the payloads that the invocation has no time for
// must be sent again.
func TestNoTimeForAnotherPayload(t *testing.T) {
	f, _ := openStream(t, &memory{}, &memory{})
	ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
	defer cancel()
	in := f.Begin(ctx)
	if !in.Take(payloadtest.Document(t, "/aws/lambda/clearhop-subscriber", []string{"no event"})) || in.Take(payload(t, 1, 1)) {
		t.Error("the first is to be taken, the second is not")
	}
	if first, err := in.End(); first != 1 || !errors.Is(err, retry.ErrOutOfTime) {
		t.Errorf("first failed %d, %v", first, err)
	}
}

// TestRules: what a rule drops is counted by the rule, and what it routes goes
// to the route's sink.
func TestRules(t *testing.T) {
	own, faults := &memory{}, &memory{}
	var log bytes.Buffer
	c := config(&log)
	c.Pipeline.Rules.Rule = []string{"route:faults verdict=lost", "drop dataset=nginx.unparsed"}
	f, err := delivery.NewShipper(c, opening(outlets.Sinks{Events: own, Routes: map[string]sink.Sink{"faults": faults}}))
	if err != nil {
		t.Fatal(err)
	}
	in := f.Begin(t.Context())
	in.Take(payload(t, 3, 1))
	in.Take(payloadtest.Document(t, "/ecs/web", []string{"junk", `210.227.0.10 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-"`}))
	if _, err := in.End(); err != nil {
		t.Fatal(err)
	}
	m := lastMetrics(t, &log)
	if len(own.docs) != 1 || len(faults.docs) != 3 || m["Dropped"] != 1.0 || m["Events"] != 4.0 || !strings.Contains(log.String(), `"rules":{"drop dataset=nginx.unparsed":1}`) {
		t.Errorf("%d and %d events; the log says %s", len(own.docs), len(faults.docs), &log)
	}
}

func TestRoutesLeadSomewhere(t *testing.T) {
	for _, c := range []struct {
		rule, route, want string
	}{
		{"route:a verdict=lost", "", "CLEARHOP_RULES: route:a leads nowhere"},
		{"drop verdict=lost", "b", `CLEARHOP_ROUTES: no rule routes to "b"`},
	} {
		config := config(io.Discard)
		config.Pipeline.Rules.Rule = []string{c.rule}
		sinks := outlets.Sinks{Events: &memory{}}
		if c.route != "" {
			sinks.Routes = map[string]sink.Sink{c.route: &memory{}}
		}
		if _, err := delivery.NewShipper(config, opening(sinks)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// TestPanic: where our code panics, the events of all payloads that were put
// together become dead letters, and the next payload is taken: a mistake of ours
// must not block a stream.
func TestPanic(t *testing.T) {
	s, letters := &memory{}, &memory{}
	s.fail = func(put int, _ []sink.Document) error {
		if put == 1 {
			panic("of what 203.0.113.9 sent")
		}
		return nil
	}
	f, log := openStream(t, s, letters)
	in := f.Begin(t.Context())
	in.Take(payload(t, 2, 1))
	in.Take(payload(t, 3000, 2000)) // so large that the sink is called at once
	in.Take(payload(t, 2, 1))
	if _, err := in.End(); err != nil {
		t.Fatal(err)
	}
	if len(letters.docs) < 3 || len(s.docs) < 2 || len(letters.docs)+len(s.docs) != 3004 {
		t.Errorf("%d letters, %d events of 3004", len(letters.docs), len(s.docs))
	}
	if text := log.String(); !strings.Contains(text, `"message":"panic"`) || strings.Contains(text, "203.0.113.9") {
		t.Errorf("the log says %s", text)
	}
}
