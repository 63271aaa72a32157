//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"errors"
	"path/filepath"
	"testing"

	"clearhop/internal/traffic"
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
				"DELETE FROM loaded", "INSERT INTO loaded SELECT * FROM loaded", "DROP TABLE loaded", "SET threads = 1", "CHECKPOINT",
				"SELECT 1; DROP TABLE loaded", "SELECT * FROM read_text('/etc/hosts')", "COPY (SELECT 1) TO 'out.csv'", "ATTACH 'other.db'",
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
