package analytics_test

import (
	"bufio"
	"bytes"
	"database/sql"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"clearhop/analytics"
	"clearhop/encode"
	"clearhop/encode/parquet"
	"clearhop/internal/chaintest"
	"clearhop/internal/traffic"
	"clearhop/pipeline"
	"clearhop/record"
)

// An engine runs SQL. Its rows are as an Answer has them, except that the types may be
// wider; plain makes them comparable.
type engine interface {
	run(t testing.TB, sql string) [][]any
}

// plain writes a row as text, each value by the type of its column.
func plain(t testing.TB, columns []analytics.Column, row []any) string {
	t.Helper()
	if len(row) != len(columns) {
		t.Fatalf("a row has %d values, and the question has %d columns: %v", len(row), len(columns), row)
	}
	texts := make([]string, len(row))
	for i, v := range row {
		texts[i] = plainValue(t, columns[i], v)
	}
	return strings.Join(texts, " | ")
}

func plainValue(t testing.TB, c analytics.Column, value any) string {
	t.Helper()
	switch v := value.(type) {
	case nil:
		return "-"
	case string:
		if c.Type == encode.String || c.Type == encode.IP {
			return strconv.Quote(v)
		}
	case time.Time:
		if c.Type == encode.Timestamp {
			return v.UTC().Format("2006-01-02T15:04:05.000Z")
		}
	case bool:
		if c.Type == encode.Boolean {
			return strconv.FormatBool(v)
		}
	case int64:
		if c.Type == encode.Integer {
			return strconv.FormatInt(v, 10)
		}
	case int32:
		return plainValue(t, c, int64(v))
	case *big.Int:
		t.Errorf("%s is of DuckDB's type HUGEINT", c.Name)
		return v.String()
	case float64:
		if c.Type == encode.Decimal && !math.IsNaN(v) && !math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
	}
	t.Errorf("%s is %T %v and should be %s", c.Name, value, value, c.Type)
	return fmt.Sprint(value)
}

// duckDB is DuckDB in this process, with the views over Parquet files.
type duckDB struct{ db *sql.DB }

// openDuckDB makes the table of the Parquet files below a folder, and the views.
func openDuckDB(t testing.TB, folder string) *duckDB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	statements := []string{
		// Not UTC, so that an answer which depends on the session's zone is wrong.
		"SET TimeZone = 'Asia/Tokyo'",
		"CREATE TABLE events AS SELECT * FROM read_parquet('" + folder + "/*/*/*.parquet', union_by_name = true, hive_partitioning = true, hive_types = {'dt': VARCHAR, 'hour': VARCHAR})",
	}
	for _, view := range analytics.Views() {
		statements = append(statements, "CREATE VIEW "+view+" AS "+analytics.ViewSQL(analytics.DuckDB, view, ""))
	}
	db.SetMaxOpenConns(1) // the zone is the session's
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%v\n%s", err, s)
		}
	}
	return &duckDB{db}
}

func (e *duckDB) run(t testing.TB, text string) [][]any {
	t.Helper()
	rows, err := e.db.Query(text)
	if err != nil {
		t.Errorf("%v\n%s", err, text)
		return nil
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]any
	for rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	return all
}

// writeTable writes events as Parquet files into folders of the day and the hour of
// their arrival, as they lie in the bucket. To keep the files few, what arrives in three
// days stands in one folder.
func writeTable(t testing.TB, folder string, copies []traffic.Copy) {
	t.Helper()
	parts := map[string][][]byte{}
	for _, c := range copies {
		const few = 72 * time.Hour
		at := c.Arrived.UTC().Truncate(few).Add(few)
		part := at.Format("dt=2006-01-02/hour=15")
		parts[part] = append(parts[part], c.Event)
	}
	for part, events := range parts {
		writeParquet(t, filepath.Join(folder, part, "events.parquet"), events)
	}
}

func writeParquet(t testing.TB, name string, events [][]byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(file)
	w, err := parquet.NewWriter(out, parquet.Options{Compression: parquet.Snappy})
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range events {
		if err := w.Write(event); err != nil {
			t.Fatalf("%v\n%s", err, event)
		}
	}
	for _, end := range []func() error{w.Close, out.Flush, file.Close} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	monthSeed  = 1
	monthLines = 5000
)

// writeMonth writes the table of a generated month.
func writeMonth(t testing.TB, folder string) []traffic.Line {
	t.Helper()
	lines := traffic.Month(monthSeed, monthLines)
	var all []traffic.Copy
	for i := range lines {
		all = append(all, lines[i].Events()...)
	}
	writeTable(t, folder, all)
	return lines
}

// chainConfig is what is known of the chain that was recorded.
func chainConfig(t testing.TB) pipeline.Config {
	t.Helper()
	var c pipeline.Config
	c.Client.NLB = []string{"10.16.1.11,2001:db8:16:1::11"}
	c.Client.Trusted = []string{"10.16.1.13,2001:db8:16:1::13,10.16.1.15"}
	c.Client.HealthPath = []string{"/healthz"}
	return c
}

// openPipeline makes a worker. It belongs to one test.
func openPipeline(t testing.TB, c pipeline.Config) *pipeline.Worker {
	t.Helper()
	p, err := pipeline.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p.NewWorker()
}

// readLog gives each line of a recorded log to visit, as what became of it.
func readLog(t testing.TB, w *pipeline.Worker, name string, visit func(pipeline.Outcome)) {
	t.Helper()
	origin := &record.Origin{Source: name, File: name}
	offset := int64(0)
	for _, text := range chaintest.Lines(t, name) {
		visit(w.Process(&record.Line{Origin: origin, Text: text, Offset: offset}))
		offset += int64(len(text)) + 1
	}
}

// writtenChain is writeChain into a folder of its own.
func writtenChain(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	writeChain(t, folder)
	return folder
}

// writeChain writes the table of what real nginx wrote in all scenarios of the chain.
func writeChain(t testing.TB, folder string) {
	t.Helper()
	w := openPipeline(t, chainConfig(t))
	var all []traffic.Copy
	for _, pattern := range []string{"*/*.clearhop.log", "*/*.error.log"} {
		for _, name := range chaintest.Names(t, pattern) {
			readLog(t, w, name, func(out pipeline.Outcome) {
				at := time.UnixMilli(out.Record.Timestamp)
				all = append(all, traffic.Copy{Arrived: at, Event: bytes.Clone(out.Data)})
			})
		}
	}
	writeTable(t, folder, all)
}
