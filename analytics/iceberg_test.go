//go:build athena

package analytics_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clearhop/analytics"
	"clearhop/encode"
	"clearhop/internal/traffic"
	"clearhop/internal/trinotest"
)

// icebergTable is the template's table of rows.
const icebergTable = "events_iceberg"

// testIceberg loads the events of a month twice into the template's Iceberg table, in two
// parts: the second part has copies, older versions and late events. Behind each part it
// merges them into a table that has each event once, by the statements of
// docs/reliability.md. Every question about either table has the answer of DuckDB.
func testIceberg(t *testing.T, server *trinotest.Server, warehouse string) {
	statements := reliabilitySQL(t)
	first, second := twoLoads()
	db := server.In("iceberg", "rows")
	db.Must(t, "CREATE SCHEMA rows WITH (location = 'local:///rows')")
	db.Must(t, "CREATE TABLE "+icebergTable+" ("+trinotest.Columns(encode.RowColumns(), map[string]string{"timestamp": "timestamp(6)"})+") WITH (format = 'PARQUET', format_version = 2)")
	properties := "table_type = 'ICEBERG',\n  is_external = false,\n  location = 's3://BUCKET/events_once/',\n  "
	if !strings.Contains(statements["create"], properties) {
		t.Fatalf("the properties that only Athena knows are not those:\n%s", statements["create"])
	}
	db.Must(t, strings.Replace(statements["create"], properties, "", 1))
	merge := func() {
		for _, days := range []string{"dt = '2026-11-27'", "dt < '2026-11-10'", "dt BETWEEN '2026-11-10' AND '2026-11-19'", "dt >= '2026-11-20'"} {
			db.Must(t, strings.Replace(statements["merge"], "dt = '2026-11-27'", days, 1))
		}
	}
	loadRows(t, server, warehouse, "first", first)
	merge()
	loadRows(t, server, warehouse, "second", second)
	merge()
	count := "SELECT count(*), count(DISTINCT event_id), sum(schema_version) FROM events_once"
	before := fmt.Sprint(db.Must(t, count))
	merge()
	if again := fmt.Sprint(db.Must(t, count)); again != before {
		t.Errorf("the days were taken again: %s became %s", before, again)
	}

	all := filepath.Join(t.TempDir(), "all")
	writeTable(t, all, append(first, second...))
	every, once := openDuckDB(t, all), openDuckDB(t, all)
	onlyOnce(t, once, statements["once"])
	for table, duck := range map[string]*duckDB{icebergTable: every, "events_once": once} {
		db.Views(t, table)
		agree(t, table, duck, trino{db})
	}
	if rows := db.Must(t, "SELECT count(*) FROM "+icebergTable+` WHERE dt <> cast(date("timestamp") AS varchar) OR hour <> format_datetime("timestamp", 'HH')`); fmt.Sprint(rows) != "[[0]]" {
		t.Errorf("%v rows have the day or the hour of another time", rows)
	}
	keepTable(t, db)
}

// twoLoads returns the events of a month in two parts. Every third copy is in both.
func twoLoads() (first, second []traffic.Copy) {
	lines := traffic.Month(monthSeed, monthLines)
	n := 0
	for i := range lines {
		for _, c := range lines[i].Events() {
			if n++; n%3 != 0 {
				first = append(first, c)
			}
			if n%3 != 1 {
				second = append(second, c)
			}
		}
	}
	return first, second
}

// loadRows writes events as the functions write them for Firehose, and adds the rows to
// the table. Trino reads them as JSON here, which Firehose does in AWS.
func loadRows(t *testing.T, server *trinotest.Server, warehouse, name string, copies []traffic.Copy) {
	t.Helper()
	var rows []byte
	for _, c := range copies {
		var err error
		if rows, err = encode.AppendRow(rows, bytes.TrimSpace(c.Event)); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, '\n')
	}
	writeFile(t, filepath.Join(warehouse, "json", name, "rows.json"), rows)
	columns := trinotest.Columns(encode.RowColumns(), map[string]string{"timestamp": "bigint"})
	server.Must(t, "CREATE SCHEMA IF NOT EXISTS hive.json")
	server.Must(t, "CREATE TABLE hive.json."+name+" ("+columns+") WITH (format = 'JSON', external_location = 'local:///json/"+name+"')")
	names := make([]string, len(encode.RowColumns()))
	for i, c := range encode.RowColumns() {
		names[i] = `"` + c.Name + `"`
	}
	names[0] = `CAST(from_unixtime_nanos("timestamp" * 1000) AT TIME ZONE 'UTC' AS timestamp(6))`
	server.Must(t, "INSERT INTO iceberg.rows."+icebergTable+" SELECT "+strings.Join(names, ", ")+" FROM hive.json."+name)
}

func writeFile(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// onlyOnce makes DuckDB's table one of the rows that a statement gives.
func onlyOnce(t *testing.T, db *duckDB, once string) {
	t.Helper()
	for _, statement := range []string{
		"CREATE TABLE kept AS SELECT * EXCLUDE copy FROM (" + once + ")",
		"DELETE FROM events", "INSERT INTO events SELECT * FROM kept",
	} {
		if _, err := db.db.Exec(statement); err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
	}
}

// agree compares the answers to all questions, and the rows of the view that has all
// lines once. The day and the hour are those of the arrival in DuckDB's files, and those of
// the request in the Iceberg table.
func agree(t *testing.T, table string, ours, theirs engine) {
	t.Helper()
	for _, q := range analytics.Questions() {
		t.Run(table+"/"+q.Name, func(t *testing.T) {
			ask := asked
			ask.Dialect = analytics.DuckDB
			want := answer(t, ours, q, ask)
			ask.Dialect = analytics.Athena
			if diff := cmp.Diff(want, answer(t, theirs, q, ask)); diff != "" {
				t.Errorf("(-DuckDB +Trino):\n%s", diff)
			}
		})
	}
	t.Run(table+"/rows", func(t *testing.T) {
		var columns []analytics.Column
		var names []string
		for _, c := range analytics.View(analytics.Lines) {
			if c.Name != "dt" && c.Name != "hour" {
				columns = append(columns, analytics.Column{Name: c.Name, Type: c.Type})
				names = append(names, c.Name)
			}
		}
		rows := func(e engine) (texts []string) {
			for _, row := range e.run(t, "SELECT "+strings.Join(names, ", ")+" FROM "+analytics.Lines+" ORDER BY event_id") {
				texts = append(texts, plain(t, columns, row))
			}
			return texts
		}
		want, got := rows(ours), rows(theirs)
		if len(want) != monthLines || len(want) != len(got) {
			t.Fatalf("DuckDB has %d rows, Trino %d, and there are %d lines", len(want), len(got), monthLines)
		}
		for i := range want {
			if want[i] != got[i] {
				t.Fatalf("row %d (-DuckDB +Trino):\n- %s\n+ %s", i, want[i], got[i])
			}
		}
	})
}

// keepTable runs what docs/aws.md tells to run once a day, as far as Trino knows it:
// OPTIMIZE and VACUUM are statements of Athena alone, and Trino has others for the same.
func keepTable(t *testing.T, db *trinotest.Server) {
	t.Helper()
	page, err := os.ReadFile("../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "DELETE FROM "+icebergTable)
	condition, _, found := strings.Cut(rest, ";")
	if !found {
		t.Fatal("docs/aws.md deletes no rows")
	}
	const old = `"timestamp" < timestamp '2026-11-10 00:00:00'`
	count := func(where string) string {
		return fmt.Sprint(db.Must(t, "SELECT count(*) FROM "+icebergTable+" WHERE "+where))
	}
	young := count("NOT " + old)
	db.Must(t, "DELETE FROM "+icebergTable+condition)
	db.Must(t, "DELETE FROM "+icebergTable+" WHERE "+old)
	// With a condition Trino takes only partitions, which this table does not have.
	db.Must(t, "ALTER TABLE "+icebergTable+" EXECUTE optimize")
	db.Must(t, "ALTER TABLE events_once EXECUTE optimize WHERE dt >= '2026-11-10'")
	db.Must(t, "ALTER TABLE "+icebergTable+" EXECUTE expire_snapshots(retention_threshold => '7d')")
	if left := count("true"); left != young || left == "[[0]]" {
		t.Errorf("%s rows are left of %s", left, young)
	}
}
