package analytics_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clearhop/analytics"
	"clearhop/internal/golden"
)

// asked is what the tests ask of the month: by day, for fewer rows.
var asked = analytics.Query{Bucket: 24 * time.Hour, Client: "203.0.113.10"}

// answer runs a question and returns its rows as text.
func answer(t testing.TB, e engine, q analytics.Question, ask analytics.Query) []string {
	t.Helper()
	var rows []string
	for _, row := range e.run(t, q.SQL(ask)) {
		rows = append(rows, plain(t, q.Columns, row))
	}
	return rows
}

// answers writes the answers to all questions, each at most most rows of it.
func answers(t testing.TB, e engine, ask analytics.Query, most int) []byte {
	t.Helper()
	var b strings.Builder
	for _, q := range analytics.Questions() {
		var names []string
		for _, c := range q.Columns {
			names = append(names, c.Name)
		}
		rows := answer(t, e, q, ask)
		fmt.Fprintf(&b, "== %s\n%s\n", q.Name, strings.Join(names, " | "))
		for i, row := range rows {
			if i == most {
				fmt.Fprintf(&b, "and %d more rows\n", len(rows)-most)
				break
			}
			b.WriteString(row + "\n")
		}
		b.WriteString("\n")
	}
	return []byte(b.String())
}

// TestAnswersOfTheChain holds what DuckDB answers about the lines that real nginx wrote
// in all scenarios of the chain.
func TestAnswersOfTheChain(t *testing.T) {
	ask := analytics.Query{Client: "210.227.0.10"}
	golden.Check(t, "testdata/chain.txt", answers(t, openDuckDB(t, writtenChain(t)), ask, 40))
}

// TestAnswersOfTheMonth holds what DuckDB answers about a generated month.
func TestAnswersOfTheMonth(t *testing.T) {
	folder := t.TempDir()
	writeMonth(t, folder)
	golden.Check(t, "testdata/month.txt", answers(t, openDuckDB(t, folder), asked, 40))
}

// TestOlderFiles: a file of an older version lacks columns, and members of objects. Its
// events are in the same table, and what they do not have is not known.
func TestOlderFiles(t *testing.T) {
	folder := writtenChain(t)
	now := openDuckDB(t, folder)
	count := "SELECT count(*), count(host), count(tls_version), count(weight) FROM requests"
	before := now.run(t, count)[0]
	part := filepath.Join(folder, "dt=2026-12-01", "hour=00")
	if err := os.MkdirAll(part, 0o755); err != nil {
		t.Fatal(err)
	}
	now.run(t, `COPY (
		SELECT * EXCLUDE (schema_version, event, tls, labels, dt, hour), cast(0 AS bigint) AS schema_version,
			{'id': 'old-' || event.id, 'dataset': event.dataset, 'duration': event.duration} AS event
		FROM events
	) TO '`+filepath.Join(part, "old.parquet")+`' (FORMAT parquet)`)
	var want []any
	for _, n := range before {
		want = append(want, 2*n.(int64)) // no line of the chain has tls_version
	}
	both := openDuckDB(t, folder)
	if diff := cmp.Diff(want, both.run(t, count)[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, q := range analytics.Questions() {
		answer(t, both, q, analytics.Query{})
	}
}
