//go:build athena

package analytics_test

import (
	"flag"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clearhop/analytics"
	"clearhop/encode"
	"clearhop/internal/trinotest"
)

var trinoHome = flag.String("trino", "", "compare the answers with those of the Trino server in this folder (make athena)")

// The tag athena keeps this file out of an ordinary go test: the server is a large
// archive, and its answers take minutes. make test compiles it all the same.

// trino is a database of a Trino server, as an engine.
type trino struct{ *trinotest.Server }

func (e trino) run(t testing.TB, statement string) [][]any {
	t.Helper()
	a, err := e.Ask(t.Context(), statement)
	if err != nil {
		t.Errorf("%v\n%s", err, statement)
	}
	return a.Rows
}

// TestTrinoAgrees compares each answer of DuckDB with that of a real Trino, row by row,
// over the same Parquet files.
func TestTrinoAgrees(t *testing.T) {
	if *trinoHome == "" {
		t.Fatal("needs a Trino server: run make athena")
	}
	warehouse := t.TempDir()
	writeChain(t, filepath.Join(warehouse, "chain"))
	writeMonth(t, filepath.Join(warehouse, "month"))
	server := trinotest.Start(t, *trinoHome, warehouse)
	t.Logf("Trino %s", server.Version(t))
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }
	all, few := analytics.Questions(), []analytics.Question{}
	for _, name := range []string{"chain", "traffic", "slow_paths", "tallies"} {
		q, _ := analytics.Find(name)
		few = append(few, q)
	}
	for _, c := range []struct {
		table, name string
		questions   []analytics.Question
		ask         analytics.Query
	}{
		{"month", "all", all, asked},
		{"chain", "all", all, analytics.Query{Client: "210.227.0.10"}},
		{"month", "some", few, analytics.Query{Bucket: 6 * time.Hour, Limit: 7, Where: "status >= 400 -- a comment", Window: analytics.Window{Since: day(10), Until: day(20)}}},
		{"month", "dashboard", few, analytics.Query{BucketSQL: "3600", Limit: 50, Window: analytics.Window{SinceSQL: "TIMESTAMP '2026-11-10 00:30:00'", UntilSQL: "TIMESTAMP '2026-11-12 00:00:00'"}}},
		{"month", "days", few, analytics.Query{Window: analytics.Window{Days: 36500}, Limit: -1}},
	} {
		ours, theirs := openDuckDB(t, filepath.Join(warehouse, c.table)), trino{server.Events(t, c.table)}
		for _, q := range c.questions {
			t.Run(c.table+"/"+c.name+"/"+q.Name, func(t *testing.T) {
				c.ask.Dialect = analytics.DuckDB
				want := answer(t, ours, q, c.ask)
				c.ask.Dialect = analytics.Athena
				if diff := cmp.Diff(want, answer(t, theirs, q, c.ask)); diff != "" {
					t.Errorf("(-DuckDB +Trino):\n%s", diff)
				}
			})
		}
		// The views that leave copies out themselves.
		for _, view := range analytics.Views() {
			count := "SELECT count(*), sum(weight) FROM " + view
			if ours, theirs := ours.run(t, count), theirs.run(t, count); cmp.Diff(ours, theirs) != "" {
				t.Errorf("%s, %s: DuckDB %v, Trino %v", c.table, view, ours, theirs)
			}
		}
	}
	t.Run("once", func(t *testing.T) { testOnce(t, server, warehouse) })
	t.Run("iceberg", func(t *testing.T) { testIceberg(t, server, warehouse) })
}

// testOnce: the SQL of docs/reliability.md for the stack's table keeps the same rows in
// both engines.
func testOnce(t *testing.T, server *trinotest.Server, warehouse string) {
	statements := reliabilitySQL(t)
	columns := []analytics.Column{{Name: "id", Type: encode.String}, {Name: "schema_version", Type: encode.Integer}, {Name: "country", Type: encode.String}}
	for _, table := range []string{"chain", "month"} {
		ours, theirs := openDuckDB(t, filepath.Join(warehouse, table)), trino{server.Events(t, table)}
		for _, name := range []string{"once", "roads"} {
			rows := func(e engine) (texts []string) {
				for _, row := range e.run(t, "SELECT event.id, schema_version, client.geo.country_iso_code FROM ("+statements[name]+") ORDER BY 1") {
					texts = append(texts, plain(t, columns, row))
				}
				return texts
			}
			want := rows(ours)
			if diff := cmp.Diff(want, rows(theirs)); diff != "" || len(want) == 0 {
				t.Errorf("%s, %s: %d rows (-DuckDB +Trino):\n%s", table, name, len(want), diff)
			}
		}
	}
}
