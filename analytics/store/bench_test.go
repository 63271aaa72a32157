//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"testing"

	"clearhop/analytics"
	"clearhop/enrich/clientip"
	"clearhop/internal/chaintest"
	"clearhop/internal/traffic"
	"clearhop/pipeline"
	"clearhop/record"
)

// BenchmarkLoad takes lines of the recorded chain into a database in memory. An
// operation is one line: the pipeline alone, then the loading of its record as well, then
// the loading of its event in the place of the record.
func BenchmarkLoad(b *testing.B) {
	lines := chaintest.Lines(b, "ok/edge.clearhop.log")
	origin := &record.Origin{Source: "edge.log", File: "edge.log"}
	f := func(name string, noEvents bool, add func(*Load, *pipeline.Outcome) error) {
		b.Run(name, func(b *testing.B) {
			p, err := pipeline.New(pipeline.Config{NoEvents: noEvents,
				Client: clientip.Settings{NLB: []string{"10.16.1.11"}, Trusted: []string{"10.16.1.13"}}})
			if err != nil {
				b.Fatal(err)
			}
			s, err := Open(b.Context(), Options{})
			if err != nil {
				b.Fatal(err)
			}
			l, err := s.Load(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			w := p.NewWorker()
			b.ReportAllocs()
			for i := int64(0); b.Loop(); i++ {
				out := w.Process(&record.Line{Text: lines[i%int64(len(lines))], Offset: i, Origin: origin})
				if err := add(l, &out); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := l.Finish(); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			if err := p.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
	f("pipeline", true, func(*Load, *pipeline.Outcome) error { return nil })
	f("record", true, func(l *Load, out *pipeline.Outcome) error { return l.AddRecord(out.Record) })
	f("event", false, func(l *Load, out *pipeline.Outcome) error { return l.Add(out.Data) })
}

// BenchmarkQuestions asks each question about 100,000 lines.
func BenchmarkQuestions(b *testing.B) {
	s, err := Open(b.Context(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	l, err := s.Load(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	lines := traffic.Month(1, 100_000)
	for i := range lines {
		if err := l.Add(lines[i].Event(nil)); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := l.Finish(); err != nil {
		b.Fatal(err)
	}
	for _, q := range analytics.Questions() {
		sql := q.SQL(analytics.Query{Dialect: analytics.DuckDB, Client: "192.0.2.7"})
		b.Run(q.Name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Ask(b.Context(), sql); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
