// Package sinktest holds every sink to the contract of package sink.
//
//	func TestContract(t *testing.T) {
//		sinktest.Run(t, func(t *testing.T) sinktest.Subject { … })
//	}
package sinktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"clearhop/sink"
)

// A Subject is a fresh sink under test.
type Subject struct {
	Sink sink.Sink
	// Delivered returns what arrived behind the sink so far, all documents
	// joined. It is called after Close. If the far end reads in the background,
	// it must wait until that end has everything.
	Delivered func() []byte
	// Unordered says that documents of one Put may arrive in another order.
	Unordered bool
}

// Run runs the suite; fresh makes a Subject for each case.
func Run(t *testing.T, fresh func(t *testing.T) Subject) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if problem := c.run(t, fresh(t)); problem != "" {
				t.Errorf("%s\nThe contract: %s", problem, c.contract)
			}
		})
	}
}

// A testCase returns what is wrong, and empty if nothing is.
type testCase struct {
	name     string
	contract string // what an implementer who fails must know
	run      func(t *testing.T, s Subject) string
}

var cases = []testCase{
	{
		name:     "delivers every byte",
		contract: "what Put is given arrives unchanged, each document once, in order unless the sink says otherwise",
		run: func(t *testing.T, s Subject) string {
			docs := documents(100, 300)
			if err := s.Sink.Put(t.Context(), docs[:60]); err != nil {
				return fmt.Sprintf("Put: %v", err)
			}
			if err := s.Sink.Put(t.Context(), docs[60:]); err != nil {
				return fmt.Sprintf("Put: %v", err)
			}
			return arrived(t, s, docs)
		},
	},
	{
		name:     "no documents",
		contract: "a Put of nothing succeeds and delivers nothing",
		run: func(t *testing.T, s Subject) string {
			if err := s.Sink.Put(t.Context(), nil); err != nil {
				return fmt.Sprintf("Put: %v", err)
			}
			return arrived(t, s, nil)
		},
	},
	{
		name:     "keeps nothing",
		contract: "the caller may use docs and their bytes again as soon as Put has returned",
		run: func(t *testing.T, s Subject) string {
			docs := documents(20, 200)
			mine := documents(20, 200)
			if err := s.Sink.Put(t.Context(), mine); err != nil {
				return fmt.Sprintf("Put: %v", err)
			}
			for i := range mine {
				for j := range mine[i].Data {
					mine[i].Data[j] = 'X'
				}
				mine[i] = sink.Document{}
			}
			return arrived(t, s, docs)
		},
	},
	{
		name:     "changes nothing",
		contract: "Put does not write to docs or their bytes",
		run: func(t *testing.T, s Subject) string {
			docs, want := documents(20, 200), documents(20, 200)
			if err := s.Sink.Put(t.Context(), docs); err != nil {
				return fmt.Sprintf("Put: %v", err)
			}
			for i := range docs {
				if !bytes.Equal(docs[i].Data, want[i].Data) || !bytes.Equal(docs[i].ID, want[i].ID) {
					return fmt.Sprintf("document %d was changed", i)
				}
			}
			return arrived(t, s, want)
		},
	},
	{
		name:     "context already done",
		contract: "a Put whose context is done delivers nothing and returns the context's error",
		run: func(t *testing.T, s Subject) string {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := s.Sink.Put(ctx, documents(3, 50)); !errors.Is(err, context.Canceled) {
				return fmt.Sprintf("Put: got error %v, want context.Canceled", err)
			}
			return arrived(t, s, nil)
		},
	},
	{
		name:     "large documents",
		contract: "documents of 500 KB pass, however they are packed",
		run: func(t *testing.T, s Subject) string {
			docs := documents(5, 500_000)
			if err := s.Sink.Put(t.Context(), docs); err != nil {
				return fmt.Sprintf("Put: %v", err)
			}
			return arrived(t, s, docs)
		},
	},
	{
		name:     "concurrent use",
		contract: "Put is safe for concurrent use, and documents stay whole",
		run: func(t *testing.T, s Subject) string {
			docs := documents(64, 100)
			var wg sync.WaitGroup
			errs := make([]error, 8)
			for worker := range errs {
				wg.Go(func() {
					for i := worker * 8; i < (worker+1)*8; i++ {
						errs[worker] = errors.Join(errs[worker], s.Sink.Put(t.Context(), docs[i:i+1]))
					}
				})
			}
			wg.Wait()
			if err := errors.Join(errs...); err != nil {
				return fmt.Sprintf("Put: %v", err)
			}
			s.Unordered = true
			return arrived(t, s, docs)
		},
	},
	{
		name:     "closed",
		contract: "after Close a Put returns ErrClosed, and a second Close does nothing",
		run: func(t *testing.T, s Subject) string {
			if err := s.Sink.Close(t.Context()); err != nil {
				return fmt.Sprintf("Close: %v", err)
			}
			if err := s.Sink.Close(t.Context()); err != nil {
				return fmt.Sprintf("second Close: %v", err)
			}
			if err := s.Sink.Put(t.Context(), documents(1, 10)); !errors.Is(err, sink.ErrClosed) {
				return fmt.Sprintf("Put: got error %v, want ErrClosed", err)
			}
			return arrived(t, s, nil)
		},
	},
}

// documents makes n events with a text of about size bytes, each one different,
// by turns of two hours.
func documents(n, size int) []sink.Document {
	docs := make([]sink.Document, n)
	for i := range docs {
		id := fmt.Sprintf("%056d", i)
		docs[i].ID = []byte(id)
		docs[i].Data = fmt.Appendf(nil, `{"@timestamp":"2026-11-22T%d:59:59.007Z","schema_version":1,"event":{"id":"%s","kind":"event","dataset":"nginx.other","original":"%s"}}`+"\n",
			10+i%2, id, bytes.Repeat([]byte{byte('a' + i%26)}, size))
	}
	return docs
}

// arrived closes the sink and compares what is behind it with docs.
func arrived(t *testing.T, s Subject, docs []sink.Document) string {
	t.Helper()
	if err := s.Sink.Close(t.Context()); err != nil {
		return fmt.Sprintf("Close: %v", err)
	}
	got := s.Delivered()
	var want []byte
	for _, d := range docs {
		want = append(want, d.Data...)
	}
	if !s.Unordered {
		if !bytes.Equal(got, want) {
			return fmt.Sprintf("%d bytes arrived, want these %d", len(got), len(want))
		}
		return ""
	}
	counts := map[string]int{}
	for _, d := range docs {
		counts[string(d.Data)]++
	}
	for line := range bytes.Lines(got) {
		counts[string(line)]--
	}
	for line, n := range counts {
		if n != 0 {
			return fmt.Sprintf("a document of %d bytes arrived %d times too often or too seldom", len(line), n)
		}
	}
	return ""
}
