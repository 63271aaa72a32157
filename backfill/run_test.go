package backfill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clearhop/delivery"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/sink"

	"github.com/aws/smithy-go"
)

// A listWalk has steps of a few lines; its Position is the number of the step, as a Key.
type listWalk struct {
	steps  [][]string
	broken int // the number of the step that ends with a *BrokenError; -1 for none
	known  bool

	workers int // of the Run
}

func (w *listWalk) Next(_ context.Context, from Position) (Step, error) {
	n := 0
	if from.Key != "" {
		fmt.Sscan(from.Key, &n)
	}
	if n == len(w.steps) {
		return nil, io.EOF
	}
	return &listStep{walk: w, n: n, left: w.steps[n], origin: &record.Origin{Source: fmt.Sprint(n)}}, nil
}

type listStep struct {
	walk   *listWalk
	n      int
	left   []string
	line   record.Line
	origin *record.Origin
}

func (s *listStep) Next(context.Context) (*record.Line, error) {
	if len(s.left) == 0 {
		if s.n == s.walk.broken {
			return nil, &BrokenError{Err: errors.New("it is broken")}
		}
		return nil, io.EOF
	}
	s.line = record.Line{ID: []byte(s.left[0]), Text: []byte("GET " + s.left[0]), Origin: s.origin, Offset: s.line.Offset + 1}
	s.left = s.left[1:]
	return &s.line, nil
}

func (s *listStep) Ready() bool     { return len(s.left) > 0 }
func (s *listStep) Ended() bool     { return s.walk.known && len(s.left) == 0 && s.n != s.walk.broken }
func (s *listStep) After() Position { return Position{Key: fmt.Sprint(s.n + 1)} }
func (s *listStep) Close() error    { return nil }

// A fakeSink fails as it is told.
type fakeSink struct {
	fail func(put int, docs []sink.Document) error
	puts int
	ids  []string
}

func (f *fakeSink) Put(_ context.Context, docs []sink.Document) error {
	f.puts++
	var err error
	if f.fail != nil {
		err = f.fail(f.puts, docs)
	}
	var failed *sink.PutError
	if err != nil && !errors.As(err, &failed) {
		return err
	}
	for i, doc := range docs {
		if failed == nil || !slices.ContainsFunc(failed.Failures, func(f sink.Failure) bool { return f.Index == i }) {
			f.ids = append(f.ids, string(doc.ID))
		}
	}
	return err
}

func (f *fakeSink) Close(context.Context) error { return nil }

// filled runs a backfill of steps of lines into a sink.
func filled(t *testing.T, w *listWalk, to *fakeSink, from Progress) (kept []string, done Progress, err error) {
	t.Helper()
	p, err := pipeline.New(pipeline.Config{})
	if err != nil {
		t.Fatal(err)
	}
	outlets, err := delivery.New(delivery.Sinks{Events: to}, delivery.Options{Resends: true})
	if err != nil {
		t.Fatal(err)
	}
	done, err = Run(t.Context(), Config{Walk: w, Pipeline: p, Workers: w.workers, Outlets: outlets.All(), From: from, Keep: func(p Progress) error {
		kept = append(kept, fmt.Sprintf("%s:%d", p.Position.Key, p.Counts.Delivered))
		return nil
	}})
	return kept, done, err
}

// TestWorkers: several workers deliver the events in the order of the lines, step by step,
// with the counts of one.
func TestWorkers(t *testing.T) {
	var steps [][]string
	for step := range 4 {
		var lines []string
		for line := range 900 * step {
			lines = append(lines, fmt.Sprintf("%d-%d ", step, line))
		}
		steps = append(steps, lines)
	}
	run := func(workers int) string {
		to := &fakeSink{}
		kept, done, err := filled(t, &listWalk{steps: steps, broken: -1, workers: workers}, to, Progress{})
		if err != nil {
			t.Error(err)
		}
		return fmt.Sprint(kept, done, to.ids)
	}
	one := run(1)
	if got := run(3); got != one || !strings.Contains(one, "3-2699") {
		t.Errorf("got\n%.2000s\nwant\n%.2000s", got, one)
	}
}

func TestRun(t *testing.T) {
	steps := [][]string{{"a", "b"}, {}, {"c"}, {"d", "e", "f"}}
	for _, known := range []bool{false, true} {
		to := &fakeSink{}
		kept, done, err := filled(t, &listWalk{steps: steps, broken: -1, known: known}, to, Progress{})
		if got := strings.Join(kept, " "); err != nil || got != "1:2 3:3 4:6" || strings.Join(to.ids, "") != "abcdef" {
			t.Errorf("kept %s, delivered %v, %v", got, to.ids, err)
		}
		if c := done.Counts; c.Lines != 6 || c.Events != 6 || c.Delivered != 6 || c.Bytes != 30 {
			t.Errorf("counts %+v", c)
		}
	}
}

// TestGoesOn: from what was kept, the rest is delivered, and counts go on.
func TestGoesOn(t *testing.T) {
	to := &fakeSink{}
	from := Progress{Position: Position{Key: "1"}, Counts: Counts{Lines: 2, Delivered: 2}}
	kept, done, err := filled(t, &listWalk{steps: [][]string{{"a", "b"}, {"c"}}, broken: -1}, to, from)
	if err != nil || strings.Join(kept, " ") != "2:3" || strings.Join(to.ids, "") != "c" || done.Counts.Lines != 3 {
		t.Errorf("kept %v, delivered %v, %+v, %v", kept, to.ids, done, err)
	}
}

// TestPutAgain: what the sink did not take is put again, and only that.
func TestPutAgain(t *testing.T) {
	to := &fakeSink{fail: func(put int, docs []sink.Document) error {
		if put == 1 {
			return &sink.PutError{Failures: []sink.Failure{{Index: 1, Err: errors.New("throttled")}}}
		}
		return nil
	}}
	kept, _, err := filled(t, &listWalk{steps: [][]string{{"a", "b", "c"}}, broken: -1}, to, Progress{})
	if err != nil || strings.Join(kept, " ") != "1:3" || strings.Join(to.ids, "") != "acb" {
		t.Errorf("kept %v, delivered %v, %v", kept, to.ids, err)
	}
}

// TestRefused: a sink that refuses the call ends the run, and its step is not kept.
func TestRefused(t *testing.T) {
	to := &fakeSink{fail: func(put int, docs []sink.Document) error {
		if put == 2 {
			return &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no", Fault: smithy.FaultClient}
		}
		return nil
	}}
	kept, done, err := filled(t, &listWalk{steps: [][]string{{"a"}, {"b", "c"}, {"d"}}, broken: -1}, to, Progress{})
	var lost *LostError
	if !errors.As(err, &lost) || lost.Events != 2 || strings.Join(kept, " ") != "1:1" || done.Position.Key != "1" || to.puts != 2 {
		t.Errorf("kept %v, %d puts, %+v, %v", kept, to.puts, done, err)
	}
}

// TestBroken: what cannot be read of a step does not keep the others from being read.
func TestBroken(t *testing.T) {
	to := &fakeSink{}
	kept, done, err := filled(t, &listWalk{steps: [][]string{{"a"}, {"b"}, {}, {"c"}}, broken: 1}, to, Progress{})
	if err != nil || strings.Join(to.ids, "") != "abc" || done.Counts.Unread != 1 || len(kept) == 0 {
		t.Errorf("kept %v, delivered %v, %+v, %v", kept, to.ids, done, err)
	}
}

func TestState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	command := map[string]string{"--since": "7d", "--log-group": "/ecs/web"}
	s, isNew, err := OpenState(path, command)
	if err != nil || !isNew {
		t.Fatalf("new %t, %v", isNew, err)
	}
	want := Progress{Position: Position{LogGroup: "/ecs/web", Window: 3600}, Counts: Counts{Lines: 7}}
	if err := s.Keep(want); err != nil {
		t.Fatal(err)
	}
	s, isNew, err = OpenState(path, command)
	if err != nil || isNew || s.Progress != want || s.Done {
		t.Errorf("%+v, new %t, %v", s, isNew, err)
	}
	if err := s.Finish(want); err != nil {
		t.Fatal(err)
	}
	_, _, err = OpenState(path, map[string]string{"--since": "8d", "--log-group": "/ecs/web", "--rule": "drop x"})
	var other *OtherCommandError
	if !errors.As(err, &other) || strings.Join(other.Differences, "; ") != "--rule is not given there, and drop x here; --since is 7d there, and 8d here" {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(path + "*"); len(left) != 1 {
		t.Errorf("files stay behind: %v", left)
	}
}
