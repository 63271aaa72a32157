//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"errors"
	"path/filepath"
	"testing"

	"clearhop/analytics"
	"clearhop/internal/traffic"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// TestReader: what is committed can be asked while loading goes on, and the Reader can do
// no more than ask.
func TestReader(t *testing.T) {
	for name, o := range map[string]Options{
		"memory": {}, "temporary": {Temporary: true}, "file": {Path: filepath.Join(t.TempDir(), "x.db")},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.Reader(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			load, err := s.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			lines := traffic.Month(3, 3000)
			for i := range lines {
				if err := load.Add(lines[i].Event(nil)); err != nil {
					t.Fatal(err)
				}
				if i != 999 && i != 1000 {
					continue
				}
				if err := load.Commit(); err != nil {
					t.Fatal(err)
				}
				if n := countLines(t, r); n != int64(i+1) {
					t.Errorf("after %d lines the reader sees %d", i+1, n)
				}
			}
			var wrong *QueryError
			for _, sql := range []string{
				"DELETE FROM loaded_lines", "INSERT INTO loaded_lines SELECT * FROM loaded_lines", "DROP TABLE loaded_values", "SET threads = 1", "CHECKPOINT",
				"SELECT 1; DROP TABLE loaded_lines", "SELECT * FROM read_text('/etc/hosts')", "COPY (SELECT 1) TO 'out.csv'", "ATTACH 'other.db'",
			} {
				if _, err := r.Ask(t.Context(), sql); !errors.As(err, &wrong) {
					t.Errorf("%s: %v", sql, err)
				}
			}
			if _, err := r.Load(t.Context()); err == nil {
				t.Error("a reader loads")
			}
			if _, err := load.Finish(); err != nil {
				t.Fatal(err)
			}
			if n := countLines(t, r); n != int64(len(lines)) {
				t.Errorf("the reader sees %d lines of %d", n, len(lines))
			}
			if err := errors.Join(r.Close(), s.Close()); err != nil {
				t.Fatal(err)
			}
			if o.Path == "" {
				return
			}
			again, err := Open(t.Context(), Options{Path: o.Path, ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = again.Close() }()
			if n := countLines(t, again); n != int64(len(lines)) {
				t.Errorf("the file has %d lines of %d", n, len(lines))
			}
		})
	}
}

func countLines(t *testing.T, s *Store) int64 {
	t.Helper()
	a, err := s.Ask(t.Context(), "SELECT count(*) FROM lines")
	if err != nil {
		t.Fatal(err)
	}
	n, _ := a.Rows[0][0].(int64)
	return n
}

// TestReaderAnswers: a Reader has the answers of a database that was loaded before, while
// values are added, when there are too many of a group, and when a Load has failed.
func TestReaderAnswers(t *testing.T) {
	s := open(t, Options{})
	lines := traffic.Month(5, 2500)
	r, err := s.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if _, err := s.Reader(t.Context()); err == nil {
		t.Error("there are two readers")
	}
	compare := func(how string, n int) {
		t.Helper()
		want := openWith(t, lines[:n])
		for _, sql := range readerQuestions() {
			if got, want := ask(t, r, sql), ask(t, want, sql); got != want {
				t.Errorf("%s: other rows for\n%s", how, sql)
			}
		}
	}
	add := func(from, to int) *Load {
		load, err := s.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range lines[from:to] {
			if err := load.Add(lines[from+i].Event(nil)); err != nil {
				t.Fatal(err)
			}
		}
		return load
	}
	finish := func(l *Load) {
		if _, err := l.Finish(); err != nil {
			t.Fatal(err)
		}
	}
	compare("nothing", 0)
	finish(add(0, 700))
	compare("a part", 700)

	failed := add(1500, 2500)
	if err := failed.append(); err != nil {
		t.Fatal(err)
	}
	for _, a := range []mapping.Appender{failed.appender, failed.lineAppender} {
		if mapping.AppenderFlush(a) != mapping.StateSuccess {
			t.Fatal("the rows cannot be flushed")
		}
	}
	if err := s.live.publish(t.Context(), s.engine, failed.next()); err != nil {
		t.Fatal(err)
	}
	failed.failed = errors.New("the device is gone")
	if _, err := failed.Finish(); err == nil {
		t.Fatal("no failure")
	}
	finish(add(700, 1200))
	compare("after a failure", 1200)

	for _, group := range s.live.groups[:2] {
		group.tooMany.Store(true)
	}
	compare("two groups joined", 1200)
	finish(add(1200, 1800))
	compare("and more", 1800)
	if s.live.groups[0].columns[0].wide != nil || s.live.groups[2].columns[0].wide == nil {
		t.Error("the values are held that are joined, or others are not")
	}
}

func readerQuestions() []string {
	all := []string{"SELECT * FROM all_lines ORDER BY event_id", "SELECT event_id, path, client_ip FROM requests"}
	for _, q := range analytics.Questions() {
		all = append(all, q.SQL(analytics.Query{Client: "192.0.2.7"}))
	}
	return all
}

// openWith returns a database with the events of lines.
func openWith(t *testing.T, lines []traffic.Line) *Store {
	t.Helper()
	s := open(t, Options{})
	l, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range lines {
		if err := l.Add(lines[i].Event(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Finish(); err != nil {
		t.Fatal(err)
	}
	return s
}
