package delivery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"clearhop/delivery"
	"clearhop/sink"
	"clearhop/sink/deadletter"
	"clearhop/sink/retry"
)

// A scripted sink keeps the documents that it takes, and fails as fail says.
type scripted struct {
	fail   func(docs []sink.Document) error // nil never fails
	taken  [][]byte
	calls  int
	closed bool
	stats  sink.Stats
}

func (s *scripted) Put(_ context.Context, docs []sink.Document) error {
	s.calls++
	var err error
	if s.fail != nil {
		err = s.fail(docs)
	}
	var failed *sink.PutError
	if err != nil && !errors.As(err, &failed) {
		return err
	}
	for i := range docs {
		if failed == nil || !slices.ContainsFunc(failed.Failures, func(f sink.Failure) bool { return f.Index == i }) {
			s.taken = append(s.taken, bytes.Clone(docs[i].Data))
		}
	}
	return err
}

func (s *scripted) Close(context.Context) error {
	s.closed = true
	return nil
}

func (s *scripted) TakeStats() sink.Stats {
	stats := s.stats
	s.stats = sink.Stats{}
	return stats
}

// Errors that a sink may fail with.
var (
	errLater    = errors.New("try later")                              // may pass
	errTooLarge = fmt.Errorf("%w: 2000000 bytes", sink.ErrTooLarge)    // would fail again
	errLetters  = errors.New("no letters today")                       // of the sink of dead letters
	options     = delivery.Options{Source: "test", LetterReserve: 1e9} // time.Second
	resends     = delivery.Options{Source: "test", LetterReserve: 1e9, Resends: true}
)

// events returns n events with ids e0, e1 ….
func events(n int) []sink.Document {
	docs := make([]sink.Document, n)
	for i := range docs {
		docs[i] = sink.Document{ID: fmt.Appendf(nil, "e%d", i), Data: fmt.Appendf(nil, `{"@timestamp":"2026-11-22T11:00:24.007Z","event":{"id":"e%d"}}`+"\n", i)}
	}
	return docs
}

// failing returns a sink's answer: the documents with these indices fail with err.
func failing(err error, indices ...int) func([]sink.Document) error {
	return func([]sink.Document) error {
		failed := &sink.PutError{}
		for _, i := range indices {
			failed.Failures = append(failed.Failures, sink.Failure{Index: i, Err: err})
		}
		return failed
	}
}

func failAll(err error) func([]sink.Document) error {
	return func([]sink.Document) error { return err }
}

func panics([]sink.Document) error { panic("of what 203.0.113.9 sent") }

// letters reads what a sink of dead letters took.
func letters(t testing.TB, s *scripted) []*deadletter.Letter {
	t.Helper()
	var all []*deadletter.Letter
	var r deadletter.Reader
	for letter, err := range r.All(bytes.NewReader(bytes.Join(s.taken, nil))) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, letter)
	}
	return all
}

// accountedFor holds the promise of Put: each event is delivered, kept or lost,
// and only one of these; kept ones can be read back byte for byte.
func accountedFor(t testing.TB, docs []sink.Document, r delivery.Receipt, events, kept *scripted) {
	t.Helper()
	if sum := r.Delivered + r.DeadLetters + len(r.Lost); sum != len(docs) {
		t.Errorf("%d delivered, %d dead letters and %d lost of %d events", r.Delivered, r.DeadLetters, len(r.Lost), len(docs))
	}
	if r.DeadLettersLost > len(r.Lost) {
		t.Errorf("%d dead letters lost of %d lost events", r.DeadLettersLost, len(r.Lost))
	}
	places := map[string][]string{}
	for _, data := range events.taken {
		places[string(data)] = append(places[string(data)], "delivered")
	}
	for _, letter := range letters(t, kept) {
		if letter.Kind != deadletter.Event || letter.Reason == "" || letter.Source != "test" {
			t.Errorf("letter %+v", letter)
		}
		places[string(letter.Data)] = append(places[string(letter.Data)], "dead letter")
	}
	last := -1
	for _, lost := range r.Lost {
		if lost.Index <= last || lost.Index >= len(docs) || lost.Err == nil {
			t.Fatalf("lost event %d with error %v after %d, of %d", lost.Index, lost.Err, last, len(docs))
		}
		last = lost.Index
		data := string(docs[lost.Index].Data)
		places[data] = append(places[data], "lost")
	}
	for i, d := range docs {
		if place := places[string(d.Data)]; len(place) != 1 {
			t.Errorf("event %d is %q, want one place", i, place)
		}
	}
}

func TestPut(t *testing.T) {
	cases := []struct {
		name        string
		options     delivery.Options
		events      func([]sink.Document) error
		noLetters   bool // there is no place for them
		letters     func([]sink.Document) error
		delivered   int // of five
		kept        int
		lost        []int
		lettersLost int
	}{
		{name: "all delivered", options: options, delivered: 5},
		{name: "some fail", options: options, events: failing(errLater, 1, 3), delivered: 3, kept: 2},
		{name: "all fail", options: options, events: failAll(errLater), kept: 5},
		{name: "a PutError that is wrapped", options: options, events: func(docs []sink.Document) error {
			return fmt.Errorf("wrapped: %w", failing(errLater, 4)(docs))
		}, delivered: 4, kept: 1},
		{name: "the sink panics", options: options, events: panics, kept: 5},
		{name: "no place for dead letters", options: options, events: failing(errLater, 0, 4), noLetters: true, delivered: 3, lost: []int{0, 4}},
		{name: "the sink panics, and no place", options: options, events: panics, noLetters: true, lost: []int{0, 1, 2, 3, 4}},
		{name: "a dead letter fails", options: options, events: failing(errLater, 1, 3), letters: failing(errLetters, 1), delivered: 3, kept: 1, lost: []int{3}, lettersLost: 1},
		{name: "all dead letters fail", options: options, events: failing(errLater, 1, 3), letters: failAll(errLetters), delivered: 3, lost: []int{1, 3}, lettersLost: 2},
		{name: "both panic", options: options, events: panics, letters: panics, lost: []int{0, 1, 2, 3, 4}, lettersLost: 5},
		{name: "the source resends", options: resends, events: failing(errLater, 1, 3), delivered: 3, lost: []int{1, 3}},
		{name: "too large for the sink", options: resends, events: failing(errTooLarge, 1, 3), delivered: 3, kept: 2},
		{name: "some would fail again", options: resends, events: func([]sink.Document) error {
			return &sink.PutError{Failures: []sink.Failure{{Index: 0, Err: errLater}, {Index: 2, Err: errTooLarge}, {Index: 4, Err: errLater}}}
		}, delivered: 2, kept: 1, lost: []int{0, 4}},
		{name: "some would fail again, and cannot be kept", options: resends, events: func([]sink.Document) error {
			return &sink.PutError{Failures: []sink.Failure{{Index: 0, Err: errLater}, {Index: 2, Err: errTooLarge}, {Index: 4, Err: errLater}}}
		}, letters: failAll(errLetters), delivered: 2, lost: []int{0, 2, 4}, lettersLost: 1},
		{name: "a panic would come again", options: resends, events: panics, kept: 5},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			to, kept := &scripted{fail: c.events}, &scripted{fail: c.letters}
			sinks := delivery.Sinks{Events: to, Letters: kept}
			if c.noLetters {
				sinks.Letters = nil
			}
			outlets, err := delivery.New(sinks, c.options)
			if err != nil {
				t.Fatal(err)
			}
			docs := events(5)
			r := outlets.All()[0].Put(t.Context(), docs)
			accountedFor(t, docs, r, to, kept)
			var lost []int
			for _, f := range r.Lost {
				lost = append(lost, f.Index)
			}
			if r.Delivered != c.delivered || r.DeadLetters != c.kept || !slices.Equal(lost, c.lost) || r.DeadLettersLost != c.lettersLost {
				t.Errorf("got %d delivered, %d kept, %v lost, %d letters lost; want %d, %d, %v, %d",
					r.Delivered, r.DeadLetters, lost, r.DeadLettersLost, c.delivered, c.kept, c.lost, c.lettersLost)
			}
		})
	}
}

// TestEveryEventIsInOnePlace: whatever the sinks do, each event is delivered, kept
// or lost. It draws what they do, and is not a fuzz target because a fuzzer would
// build the clients of AWS anew.
func TestEveryEventIsInOnePlace(t *testing.T) {
	for round := range 2000 {
		seed := rand.Uint64()
		if round < 100 {
			seed = uint64(round) // the same ones in each run
		}
		if !t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { putAtRandom(t, rand.New(rand.NewPCG(seed, 1))) }) {
			return
		}
	}
}

// putAtRandom puts some events into outlets whose sinks behave as r says.
func putAtRandom(t *testing.T, r *rand.Rand) {
	to, kept := &scripted{fail: behaviour(r)}, &scripted{fail: behaviour(r)}
	sinks := delivery.Sinks{Events: to, Letters: kept}
	if r.IntN(4) == 0 {
		sinks.Letters = nil
	}
	outlets, err := delivery.New(sinks, []delivery.Options{options, resends}[r.IntN(2)])
	if err != nil {
		t.Fatal(err)
	}
	docs := events(r.IntN(20))
	accountedFor(t, docs, outlets.All()[0].Put(t.Context(), docs), to, kept)
}

// behaviour draws how a sink fails: not at all, by a panic, as a whole, or for some
// documents.
func behaviour(r *rand.Rand) func([]sink.Document) error {
	errs := []error{errLater, errTooLarge}
	switch r.IntN(5) {
	case 0:
		return nil
	case 1:
		return panics
	case 2:
		return failAll(errs[r.IntN(2)])
	}
	share := r.Float64()
	return func(docs []sink.Document) error {
		failed := &sink.PutError{}
		for i := range docs {
			if r.Float64() < share {
				failed.Failures = append(failed.Failures, sink.Failure{Index: i, Err: errs[r.IntN(2)]})
			}
		}
		return failed // with no failure too: then all documents were delivered
	}
}

// TestBrokenPutErrors: a sink that lists documents which do not exist, or one of
// them twice, cannot be believed. All its documents count as failed then.
func TestBrokenPutErrors(t *testing.T) {
	for _, indices := range [][]int{{2, 2}, {3, 1}, {-1}, {5}, {0, 1, 2, 3, 4, 5}} {
		broken := func([]sink.Document) error { return failing(errLater, indices...)(nil) }
		outlets, err := delivery.New(delivery.Sinks{Events: &scripted{fail: broken}}, options)
		if err != nil {
			t.Fatal(err)
		}
		if r := outlets.All()[0].Put(t.Context(), events(5)); r.Delivered != 0 || len(r.Lost) != 5 {
			t.Errorf("%v: %d delivered, %d lost of 5", indices, r.Delivered, len(r.Lost))
		}
		outlets, err = delivery.New(delivery.Sinks{Events: &scripted{fail: failAll(errLater)}, Letters: &scripted{fail: broken}}, options)
		if err != nil {
			t.Fatal(err)
		}
		if r := outlets.All()[0].Put(t.Context(), events(5)); r.DeadLetters+len(r.Lost) != 5 || r.DeadLettersLost != len(r.Lost) {
			t.Errorf("letters %v: %d kept, %d lost of 5", indices, r.DeadLetters, len(r.Lost))
		}
	}
}

// TestCauses: a lost event names why it was not delivered, and why it was not kept.
func TestCauses(t *testing.T) {
	outlets, err := delivery.New(delivery.Sinks{Events: &scripted{fail: failAll(errLater)}, Letters: &scripted{fail: failAll(errLetters)}}, options)
	if err != nil {
		t.Fatal(err)
	}
	r := outlets.All()[0].Put(t.Context(), events(1))
	if err := r.Lost[0].Err; !errors.Is(err, errLater) || !errors.Is(err, errLetters) {
		t.Errorf("got %v", err)
	}
	r = outlets.Letters().KeepPayload(t.Context(), []byte("{broken"), errLater)
	if err := r.Lost[0].Err; !errors.Is(err, errLater) || !errors.Is(err, errLetters) {
		t.Errorf("payload: got %v", err)
	}
}

// TestNoTime: with less time than the dead letters need, the sink is not tried.
func TestNoTime(t *testing.T) {
	to, kept := &scripted{}, &scripted{}
	outlets, err := delivery.New(delivery.Sinks{Events: to, Letters: kept}, options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
	defer cancel()
	docs := events(3)
	r := outlets.All()[0].Put(ctx, docs)
	accountedFor(t, docs, r, to, kept)
	if to.calls != 0 || r.DeadLetters != 3 || letters(t, kept)[0].Reason != retry.ErrOutOfTime.Error() {
		t.Errorf("%d calls, %+v", to.calls, r)
	}
}

// TestPanicIsReported: without the panic's value, which may hold what a visitor
// sent.
func TestPanicIsReported(t *testing.T) {
	var log bytes.Buffer
	o := options
	o.Log = slog.New(slog.NewJSONHandler(&log, nil))
	kept := &scripted{}
	outlets, err := delivery.New(delivery.Sinks{Events: &scripted{fail: panics}, Letters: kept}, o)
	if err != nil {
		t.Fatal(err)
	}
	outlets.All()[0].Put(t.Context(), events(1))
	if text := log.String(); !strings.Contains(text, `"msg":"panic","type":"string","stack":"goroutine`) || !strings.Contains(text, "outlets_test.go") || strings.Contains(text, "203.0.113.9") {
		t.Errorf("the log says %s", text)
	}
	if reason := letters(t, kept)[0].Reason; reason != "panic: string" {
		t.Errorf("reason %q", reason)
	}
}

// TestOutletsByRoute: events go where their route says, and the sinks are counted
// and closed together.
func TestOutletsByRoute(t *testing.T) {
	to := map[string]*scripted{"": {}, "a": {}, "b": {}, "letters": {}}
	for _, s := range to {
		s.stats.Calls = 1
	}
	outlets, err := delivery.New(delivery.Sinks{
		Events: to[""], Routes: map[string]sink.Sink{"b": to["b"], "a": to["a"]}, Letters: to["letters"],
	}, options)
	if err != nil {
		t.Fatal(err)
	}
	if got := outlets.Routes(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("routes %v", got)
	}
	for i, outlet := range outlets.All() {
		if r := outlet.Put(t.Context(), events(i+1)); r.Delivered != i+1 || len(to[outlet.Route()].taken) != i+1 {
			t.Errorf("%q: %+v", outlet.Route(), r)
		}
		if r := outlet.Put(t.Context(), nil); r.Delivered != 0 || to[outlet.Route()].calls != 1 {
			t.Errorf("no events: %+v after %d calls", r, to[outlet.Route()].calls)
		}
	}
	if calls := outlets.TakeStats().Calls; calls != 4 || outlets.TakeStats().Calls != 0 {
		t.Errorf("the sinks count %d calls, want 4, once", calls)
	}
	if err := outlets.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for route, s := range to {
		if !s.closed {
			t.Errorf("%q is not closed", route)
		}
	}
}

// TestKeepPayload: a payload is kept with its request, or lost, and withheld where
// the options ask for it.
func TestKeepPayload(t *testing.T) {
	kept := &scripted{}
	o := options
	o.RequestID = func(context.Context) string { return "r-1" }
	place, err := delivery.NewLetters(kept, o)
	if err != nil {
		t.Fatal(err)
	}
	if r := place.KeepPayload(t.Context(), []byte("{broken"), errLater); r.DeadLetters != 1 || r.Lost != nil {
		t.Errorf("%+v", r)
	}
	if l := letters(t, kept)[0]; l.Kind != deadletter.Payload || string(l.Data) != "{broken" || l.Reason != errLater.Error() || l.RequestID != "r-1" {
		t.Errorf("%+v", l)
	}
	o.WithholdPayloads = true
	kept = &scripted{}
	if place, err = delivery.NewLetters(kept, o); err != nil {
		t.Fatal(err)
	}
	place.KeepPayload(t.Context(), []byte("203.0.113.9"), errLater)
	if text := bytes.Join(kept.taken, nil); !bytes.Contains(text, []byte(`"withheld":true`)) || bytes.Contains(text, []byte("203.0.113.9")) {
		t.Errorf("the letter holds %s", text)
	}
	if place, err = delivery.NewLetters(nil, o); err != nil {
		t.Fatal(err)
	}
	if r := place.KeepPayload(t.Context(), []byte("{broken"), errLater); r.DeadLetters != 0 || r.DeadLettersLost != 0 || len(r.Lost) != 1 || r.Lost[0].Err != errLater {
		t.Errorf("no place: %+v", r)
	}
	if err := place.Close(t.Context()); err != nil || place.TakeStats() != (sink.Stats{}) {
		t.Errorf("no place: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := delivery.New(delivery.Sinks{}, options); err == nil || !strings.Contains(err.Error(), "no sink for events") {
		t.Errorf("no sink: %v", err)
	}
	if _, err := delivery.New(delivery.Sinks{Events: &scripted{}, Letters: &scripted{}}, delivery.Options{}); err == nil || !strings.Contains(err.Error(), "no source") {
		t.Errorf("letters without a source: %v", err)
	}
}

// TestPutAllocatesNothingOfItsOwn: what is delivered costs what the sink costs.
func TestPutAllocatesNothingOfItsOwn(t *testing.T) {
	outlets, err := delivery.New(delivery.Sinks{Events: discard{}}, options)
	if err != nil {
		t.Fatal(err)
	}
	outlet, docs := outlets.All()[0], events(100)
	if n := testing.AllocsPerRun(100, func() { outlet.Put(t.Context(), docs) }); n > 1 {
		t.Errorf("%v allocations for 100 events, want at most 1", n)
	}
}

// discard is a sink that takes everything.
type discard struct{}

func (discard) Put(context.Context, []sink.Document) error { return nil }
func (discard) Close(context.Context) error                { return nil }
