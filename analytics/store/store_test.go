//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clearhop/analytics"
	"clearhop/encode/parquet"

	foreign "github.com/parquet-go/parquet-go"
)

// TestMain lets the test binary be a second process on a database; see TestBusy.
func TestMain(m *testing.M) {
	if path := os.Getenv("STORE_TEST_HOLD"); path != "" {
		s, err := Open(context.Background(), Options{Path: path})
		fmt.Println("open:", err)
		_, _ = os.Stdin.Read(make([]byte, 1)) // until the other process has looked
		if err == nil {
			err = s.Close()
		}
		fmt.Println("closed:", err)
		return
	}
	os.Exit(m.Run())
}

// event returns an event with an id and a status.
func event(id string, status int) string {
	return fmt.Sprintf(`{"@timestamp":"2026-11-22T10:55:00.282Z","schema_version":1,"event":{"id":%q,"kind":"event","dataset":"nginx.access","duration":8000000},`+
		`"client":{"ip":"192.0.2.7"},"provenance":{"verdict":"direct","vouched":true,"hops":["192.0.2.7","10.16.1.11"]},`+
		`"http":{"request":{"method":"GET"},"response":{"status_code":%d}},"url":{"path":"/item/2297 and a long path"},`+
		`"nginx":{"access":{"upstream":[{"address":"10.16.1.14:80","status":502},{"address":"10.16.1.15:80","status":200,"response_time":0.007}]}}}`+"\n", id, status)
}

// events returns n events whose ids begin with a text.
func events(prefix string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(event(fmt.Sprint(prefix, i), 200))
	}
	return b.String()
}

func open(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// load loads files, and returns the statistics and all that was reported.
func load(t *testing.T, s *Store, names ...string) (Stats, string) {
	t.Helper()
	l, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	if err := l.Files(names, Reading{Warn: func(err error) { said = append(said, err.Error()) }}); err != nil {
		said = append(said, err.Error())
	}
	stats, err := l.Finish()
	if err != nil {
		said = append(said, err.Error())
	}
	return stats, strings.Join(said, "\n")
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join(t.TempDir(), name)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// inParquet returns events as encode/parquet writes them.
func inParquet(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := parquet.NewWriter(&b, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		if err := w.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// ask returns the rows of an answer as text.
func ask(t *testing.T, s *Store, sql string) string {
	t.Helper()
	answer, err := s.Ask(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var rows []string
	for _, row := range answer.Rows {
		var values []string
		for _, v := range row {
			values = append(values, fmt.Sprint(v))
		}
		rows = append(rows, strings.Join(values, " "))
	}
	return strings.Join(rows, "\n")
}

const all = "SELECT event_id, ts, status, upstream, upstream_status, upstream_tries, upstream_seconds, path, client, dt, hour FROM requests ORDER BY event_id"

// TestForms: every form of the same events gives the same rows.
func TestForms(t *testing.T) {
	text := event("a", 200) + event("b", 500) + event("a", 200)
	const partitioned = "a 2026-11-22 10:55:00.282 +0000 UTC 200 10.16.1.15:80 200 2 0.007 /item/2297 and a long path 192.0.2.7 2026-11-22 10\n" +
		"b 2026-11-22 10:55:00.282 +0000 UTC 500 10.16.1.15:80 200 2 0.007 /item/2297 and a long path 192.0.2.7 2026-11-22 10"
	plain := strings.ReplaceAll(partitioned, "192.0.2.7 2026-11-22 10", "192.0.2.7 <nil> <nil>")
	dir := t.TempDir()
	f := func(name, content, want string) {
		t.Helper()
		s := open(t, Options{})
		stats, said := load(t, s, write(t, filepath.Join(dir, name), content))
		if said != "" || stats.Events != 2 || stats.Access != 2 || stats.Duplicates != 1 || stats.Files != 1 {
			t.Errorf("%s: %+v, %q", name, stats, said)
		}
		if got := ask(t, s, all); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
	f("events.ndjson", text, plain)
	f("events.gz", gzipped(t, text), plain)
	f("events.parquet", inParquet(t, text), plain)
	f("x [1]*.parquet", inParquet(t, text), plain)
	f("events/dt=2026-11-22/hour=10/a.gz", gzipped(t, text), partitioned)
	f("events/dt=2026-11-22/hour=10/b.parquet", inParquet(t, text), partitioned)

	s := open(t, Options{})
	stats, said := load(t, s, filepath.Join(dir, "events"))
	if said != "" || stats.Files != 2 || stats.Events != 2 || stats.Duplicates != 4 {
		t.Errorf("the folder: %+v, %q", stats, said)
	}
}

// TestManyRows: rows fill many chunks, with lists that are longer than a vector and with
// texts of every length.
func TestManyRows(t *testing.T) {
	const n = 3*rowsPerChunk + 7
	s := open(t, Options{})
	l, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		tries := strings.Repeat(`{"address":"a"},`, i%5)
		text := fmt.Sprintf(`{"@timestamp":"2026-11-22T10:55:00.282Z","schema_version":1,"event":{"id":"%d","dataset":"nginx.access"},"url":{"path":"/%s"},"nginx":{"access":{"upstream":[%s{"address":"last-%d"}]}}}`,
			i, strings.Repeat("x", i%40), tries, i)
		if err := l.Add([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Finish(); err != nil {
		t.Fatal(err)
	}
	const wrong = "SELECT count(*), sum(CASE WHEN upstream = 'last-' || event_id AND upstream_tries = cast(event_id AS bigint) % 5 + 1 AND length(path) = 1 + cast(event_id AS bigint) % 40 THEN 1 ELSE 0 END) FROM requests"
	if got, want := ask(t, s, wrong), fmt.Sprintf("%d %d", n, n); got != want {
		t.Errorf("%s rows are right, want %s", got, want)
	}
}

// TestBadInput: what cannot be read costs as little as possible, and the message says
// what and where.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	good := write(t, filepath.Join(dir, "good.ndjson"), event("good", 200))
	f := func(name, content string, events, bad int64, want string) {
		t.Helper()
		s := open(t, Options{})
		stats, said := load(t, s, write(t, filepath.Join(dir, name), content), good)
		if said = strings.ReplaceAll(said, dir+"/", ""); said != want && (want == "" || !strings.Contains(said, want)) {
			t.Errorf("%s: said %q, want %q", name, said, want)
		}
		if stats.Events != events+1 || stats.Bad != bad {
			t.Errorf("%s: %+v", name, stats)
		}
		if got := ask(t, s, "SELECT count(*) FROM requests"); got != fmt.Sprint(events+1) {
			t.Errorf("%s: %s rows", name, got)
		}
	}
	row := strings.TrimSpace(event("b", 200))
	f("bad.ndjson", event("a", 1)+"\n"+row[:100]+"\n[1]\n"+strings.Replace(event("c", 2), `"status_code":2`, `"status_code":"x"`, 1)+event("d", 3), 2, 3,
		"bad.ndjson:3: the event is no JSON")
	f("type.ndjson", event("a", 1)+strings.Replace(event("c", 2), `"status_code":2`, `"status_code":"x"`, 1), 1, 1, "type.ndjson:2: the event http.response.status_code is not of its column's type")
	f("id.ndjson", event("a", 1)+`{"@timestamp":"2026-11-22T10:55:00.282Z","event":{"dataset":"nginx.access"}}`+"\n", 1, 1, "id.ndjson:2: the event has no event.id")
	f("old.ndjson", event("a", 1)+`{"@timestamp":"2026-11-22T10:55:00.282Z","schema_version":0,"event":{"id":"old","dataset":"nginx.access","new":{"x":[1,{}]}},"future":1}`+"\n", 2, 0, "")
	f("empty.ndjson", "", 0, 0, "empty.ndjson: is empty")
	f("log.ndjson", "192.0.2.1 - - x\n", 0, 0, "log.ndjson: holds no events")
	zipped := gzipped(t, events("z", 5000))
	s := open(t, Options{})
	stats, said := load(t, s, write(t, filepath.Join(dir, "cut.gz"), zipped[:len(zipped)/2]), good)
	if !strings.Contains(said, "cut.gz") || !strings.Contains(said, "unexpected EOF") || stats.Events < 100 {
		t.Errorf("cut.gz: %+v, %q", stats, said)
	}
	var b bytes.Buffer
	if err := foreign.Write(&b, []struct{ Name string }{{"a"}}); err != nil {
		t.Fatal(err)
	}
	f("other.parquet", b.String(), 0, 0, "other.parquet: its columns are not those of events")
	whole := inParquet(t, event("p", 1))
	f("cut.parquet", whole[:len(whole)-20], 0, 0, "cut.parquet: cannot be read as Parquet")
}

// TestAgain: what is loaded again adds nothing, also under another name, and a file that
// has not changed is not read again.
func TestAgain(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "x.db")
	file := write(t, filepath.Join(dir, "e.ndjson"), events("a", 20))
	again := func(want Stats, names ...string) {
		t.Helper()
		s, err := Open(t.Context(), Options{Path: db})
		if err != nil {
			t.Fatal(err)
		}
		stats, said := load(t, s, names...)
		stats.First, stats.Last, stats.Access = want.First, want.Last, want.Access
		if said != "" || stats != want {
			t.Errorf("%+v, %q, want %+v", stats, said, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	again(Stats{Files: 1, Events: 20}, file)
	again(Stats{Known: 1}, file)
	again(Stats{Files: 1, Duplicates: 20}, write(t, filepath.Join(dir, "f.gz"), gzipped(t, events("a", 20))))
	write(t, file, events("a", 25))
	again(Stats{Files: 1, Events: 5, Duplicates: 20}, file)
	again(Stats{Files: 1, Events: 3, Duplicates: 25}, write(t, filepath.Join(dir, "g.parquet"), inParquet(t, events("a", 28))))

	s := open(t, Options{Path: db, ReadOnly: true})
	if got := ask(t, s, "SELECT count(*) FROM requests"); got != "28" {
		t.Errorf("%s rows", got)
	}
	// A rotated log keeps the name under which its lines got their ids.
	known, err := s.Recall(t.Context(), filepath.Join(dir, "f.gz"))
	if err != nil || known.Name != file && known.Name != filepath.Join(dir, "f.gz") || !known.Whole {
		t.Errorf("Recall: %+v, %v", known, err)
	}
}

// TestInterrupted: what an interrupted Load has added counts once when it is loaded
// again.
func TestInterrupted(t *testing.T) {
	db := filepath.Join(t.TempDir(), "x.db")
	file := write(t, "e.ndjson", events("a", 9000))
	s, err := Open(t.Context(), Options{Path: db})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	l, err := s.Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Files([]string{file}, Reading{Progress: func(int64) { cancel() }})
	stats, err := l.Finish()
	if err != nil || stats.Events == 0 || stats.Events == 9000 {
		t.Fatalf("%+v, %v", stats, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Path: db})
	more, said := load(t, s, file)
	if said != "" || more.Events+stats.Events != 9000 || more.Duplicates != stats.Events {
		t.Errorf("%+v, then %+v, %q", stats, more, said)
	}
	if got := ask(t, s, "SELECT count(*), count(DISTINCT event_id) FROM lines"); got != "9000 9000" {
		t.Errorf("%s", got)
	}
}

// TestInterruptedQuestion: the first question closes the engine off. Whenever it is
// interrupted, the next question is answered, the database is closed without an error, and
// nothing of it is lost.
func TestInterruptedQuestion(t *testing.T) {
	file := write(t, "e.ndjson", events("a", 9))
	for i := range 40 {
		db := filepath.Join(t.TempDir(), "x.db")
		s := open(t, Options{Path: db})
		if _, said := load(t, s, file); said != "" {
			t.Fatal(said)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Millisecond/2)
		_, _ = s.Ask(ctx, "SELECT count(*) FROM lines")
		cancel()
		if i%2 == 0 {
			if got := ask(t, s, "SELECT count(*) FROM lines"); got != "9" {
				t.Fatalf("interrupted after %d half milliseconds: %s events", i, got)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatalf("interrupted after %d half milliseconds: %v", i, err)
		}
		if got := ask(t, open(t, Options{Path: db}), "SELECT count(*) FROM lines"); got != "9" {
			t.Fatalf("interrupted after %d half milliseconds: %s events are left", i, got)
		}
	}
}

// TestFiles: a database that cannot be opened is named, with what to do.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	f := func(o Options, want string) {
		t.Helper()
		s, err := Open(t.Context(), o)
		if err == nil {
			_ = s.Close()
			t.Errorf("%+v can be opened", o)
			return
		}
		if _, ok := errors.AsType[*FileError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want a *FileError with %q", err, want)
		}
	}
	f(Options{Path: write(t, filepath.Join(dir, "text"), strings.Repeat("no database ", 2000))}, "is no DuckDB database")
	f(Options{Path: write(t, filepath.Join(dir, "empty"), "")}, "is empty, so it is no database")
	f(Options{Path: dir}, "is a folder")
	f(Options{Path: filepath.Join(dir, "no", "x.db")}, "there is no folder")
	f(Options{Path: filepath.Join(dir, "x.db"), ReadOnly: true}, "there is no such database")

	path := filepath.Join(dir, "later.db")
	if err := open(t, Options{Path: path}).Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[12] = 255 // the version of the storage
	write(t, path, string(content))
	f(Options{Path: path}, "")

	s := open(t, Options{Path: filepath.Join(dir, "other.db")})
	if err := s.exec(t.Context(), "DROP TABLE "+storedLines); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f(Options{Path: filepath.Join(dir, "other.db"), ReadOnly: true}, "without the events of this clearhop")

	s = open(t, Options{Path: filepath.Join(dir, "old.db")})
	if err := s.exec(t.Context(), "CREATE TABLE "+catalog+".main."+oldTable+" (event_id varchar)"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f(Options{Path: filepath.Join(dir, "old.db"), ReadOnly: true}, "was made by an earlier clearhop")
	f(Options{Path: filepath.Join(dir, "old.db")}, "load the logs into it")
}

// TestBusy: while one process loads, another one is told so. Two can ask at a time.
func TestBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "STORE_TEST_HOLD="+path)
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 100)
	n, err := out.Read(line)
	if err != nil || string(line[:n]) != "open: <nil>\n" {
		t.Fatalf("%q, %v", line[:n], err)
	}
	_, err = Open(t.Context(), Options{Path: path})
	if busy, ok := errors.AsType[*BusyError](err); !ok || busy.Path != path || !strings.Contains(err.Error(), fmt.Sprint("process ", other.Process.Pid)) {
		t.Errorf("%v", err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := other.Wait(); err != nil {
		t.Fatal(err)
	}
	a, b := open(t, Options{Path: path, ReadOnly: true}), open(t, Options{Path: path, ReadOnly: true})
	if ask(t, a, "SELECT count(*) FROM lines")+ask(t, b, "SELECT count(*) FROM lines") != "00" {
		t.Error("the database is not empty")
	}
}

// TestFence: SQL reaches nothing but the views.
func TestFence(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret.csv")
	write(t, outside, "a,b\n1,2\n")
	for _, path := range []string{"", filepath.Join(t.TempDir(), "x.db")} {
		s := open(t, Options{Path: path})
		if _, said := load(t, s, write(t, "e.ndjson", event("a", 200))); said != "" {
			t.Fatal(said)
		}
		for _, sql := range fenced {
			sql = strings.ReplaceAll(sql, "FILE", outside)
			if answer, err := s.Ask(t.Context(), sql); err == nil {
				t.Errorf("%s: %v", sql, answer.Rows)
			} else if strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: the error has several lines: %v", sql, err)
			}
			if err := s.CheckCondition(t.Context(), "EXISTS ("+sql+")"); err == nil {
				t.Errorf("--where with %s", sql)
			}
		}
		for _, where := range []string{"true) UNION SELECT true WHERE (true", "1; SELECT 2", "true) --", "true)", ")", "(", "", "status >", "nothing = 1"} {
			if err := s.CheckCondition(t.Context(), where); err == nil {
				t.Errorf("--where %q is taken", where)
			}
		}
		if got := ask(t, s, "SELECT count(*) FROM requests"); got != "1" {
			t.Errorf("%s rows are left", got)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(outside))
	if err != nil || len(entries) != 1 {
		t.Errorf("a query wrote a file: %v, %v", entries, err)
	}
}

var fenced = []string{
	"COPY requests TO 'FILE.x'", "COPY loaded FROM 'FILE'", "ATTACH 'FILE.db'", "DETACH clearhop", "USE memory", "EXPORT DATABASE 'FILE.d'", "IMPORT DATABASE 'FILE.d'",
	"SELECT * FROM read_csv('FILE')", "SELECT * FROM READ_CSV_auto('FILE')", "SELECT * FROM read_text('FILE')", "SELECT * FROM read_blob('FILE')",
	"SELECT * FROM 'FILE'", `SELECT * FROM "FILE"`, "SELECT * FROM glob('FILE')", "SELECT * FROM read_parquet('FILE')", "SELECT * FROM parquet_scan('FILE')",
	"SELECT * FROM parquet_metadata('FILE')", "SELECT * FROM read_json('FILE')", "SELECT * FROM read_ndjson_objects('FILE')", "FROM sniff_csv('FILE')",
	"WITH x AS (SELECT * FROM read_text('FILE')) SELECT * FROM x", "SELECT (SELECT content FROM read_text('FILE'))", "SELECT 1 UNION ALL SELECT size FROM read_text('FILE')",
	"SELECT * FROM requests, LATERAL (SELECT * FROM read_text('FILE'))", "SELECT * FROM requests WHERE EXISTS (FROM read_text('FILE'))",
	"FROM query('SELECT * FROM read_text(''FILE'')')", "FROM query_table('FILE')", "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
	"SELECT getenv('HOME')", "SELECT getvariable('x')", "INSTALL httpfs", "LOAD httpfs", "LOAD 'FILE'", "SELECT * FROM 'https://example.com/x.csv'", "SELECT * FROM 's3://b/x.parquet'",
	"PRAGMA database_list", "SET threads = 1", "RESET threads", "SET enable_external_access = true", "PRAGMA enable_profiling", "SET VARIABLE x = 1",
	"CALL enable_logging(storage = 'file', storage_config = {'path': 'FILE.log'})", "FROM enable_logging(storage = 'file', storage_config = {'path': 'FILE.log'})",
	"FROM enable_logging()", "FROM force_checkpoint('clearhop')", "FROM duckdb_secrets()", "SELECT write_log('x')", "SELECT nextval('x')",
	"CREATE TABLE x AS SELECT 1", "CREATE SECRET x (TYPE s3)", "DROP TABLE loaded", "DELETE FROM loaded", "UPDATE loaded SET status = 1", "INSERT INTO loaded DEFAULT VALUES", "TRUNCATE loaded",
	"EXPLAIN ANALYZE SELECT 1", "PREPARE x AS SELECT 1", "EXECUTE x", "BEGIN", "COMMIT", "CHECKPOINT", "VACUUM", "SELECT 1; SELECT 2", "SELECT 1; DROP TABLE loaded", "SELECT ?", "SELECT $1", "",
	";", "-- nothing", "SELECT 1\x00", "SELECT '\xff'", "FROM arrow_scan(1::POINTER, 2::POINTER, 3::POINTER)", "FROM seq_scan('FILE')", "FROM dbgen(sf = 1)",
}

// TestErrors: an error of SQL is one line with its place.
func TestErrors(t *testing.T) {
	s := open(t, Options{})
	f := func(sql, want string) {
		t.Helper()
		if _, err := s.Ask(t.Context(), sql); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s…", sql, err, want)
		}
	}
	f("SELECT statu FROM requests", "line 1, column 8: there is no column statu; did you mean status?")
	f("SELEC 1", `line 1, column 1: syntax error at or near "SELEC"`)
	f("SELECT\n  count(*)\nFROM requests WHERE stats = 3", "line 3, column 21: there is no column stats; did you mean status?")
	f(`SELECT * FROM requests WHERE status = "500"`, `line 1, column 39: there is no column 500; what stands in double quotes is the name of a column, and a text stands in single quotes: '500'`)
	f(`SELECT * FROM requests WHERE path = "it's"`, `line 1, column 37: there is no column it's; what stands in double quotes is the name of a column, and a text stands in single quotes: 'it''s'`)
	f(`SELECT * FROM requests WHERE "stats" = 3`, "line 1, column 30: there is no column stats; did you mean status? Note that what stands in double quotes is the name of a column")
	f("SELECT country FROM requests", "line 1, column 8: there is no column country; did you mean client_country, client_country_name?")
	f("SELECT UserAgent FROM requests", "line 1, column 8: there is no column UserAgent; did you mean user_agent?")
	f("SELECT number FROM (SELECT 1 AS numbers)", "line 1, column 8: there is no column number; did you mean numbers?")
	f("SELECT nonsense FROM requests", "line 1, column 8: there is no column nonsense; docs/statistics.md lists the columns")
	f("SELECT "+strings.Repeat("1 + ", 100)+"statu FROM requests", "line 1, column 408: there is no column statu")
	f("SELECT 1; SELECT 2", "one SELECT is expected, and these are 2 statements")
	f("SELECT cast('x' AS INTEGER)", "line 1, column 8: Could not convert")
}

// TestValues: values of every type become those of an Answer.
func TestValues(t *testing.T) {
	s := open(t, Options{})
	answer, err := s.Ask(t.Context(), "SELECT 1::HUGEINT AS n, 2.5::DECIMAL(9,2) AS d, -3::TINYINT, [1,2], {a: 1}, DATE '2026-11-22', INTERVAL 1 DAY, NULL, TIMESTAMP '2026-11-22 01:02:03.004', 'x' -- a comment")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprintf("%T %[1]v", answer.Rows[0]), "[]interface {} [1 2.5 -3 [1,2] {\"a\":1} 2026-11-22 1 day <nil> 2026-11-22 01:02:03.004 +0000 UTC x]"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if answer.Columns[0].Name != "n" || answer.Columns[1].Name != "d" {
		t.Errorf("%+v", answer.Columns)
	}
}

// TestQuestions: every question can be asked of a Store.
func TestQuestions(t *testing.T) {
	s := open(t, Options{})
	if _, said := load(t, s, write(t, "e.ndjson", event("a", 200)+event("b", 502))); said != "" {
		t.Fatal(said)
	}
	for _, q := range analytics.Questions() {
		answer, err := s.Ask(t.Context(), q.SQL(analytics.Query{Client: "192.0.2.7", Where: "status > 0"}))
		if err != nil {
			t.Errorf("%s: %v", q.Name, err)
			continue
		}
		for i, c := range answer.Columns {
			if c.Name != q.Columns[i].Name {
				t.Errorf("%s: column %d is %s, want %s", q.Name, i, c.Name, q.Columns[i].Name)
			}
		}
	}
}

// TestTemporary: a temporary database is a file while it is open, answers as any other
// does, and is gone afterwards.
func TestTemporary(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir) // on Windows
	s := open(t, Options{Temporary: true})
	if stats, said := load(t, s, write(t, "a.ndjson", event("a", 200)+event("b", 500)+event("a", 200))); said != "" || stats.Events != 2 || stats.Duplicates != 1 {
		t.Fatalf("%+v, %s", stats, said)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "clearhop-*", "events.db")); err != nil || len(files) != 1 {
		t.Errorf("the database is %v: %v", files, err)
	}
	if got := ask(t, s, "SELECT count(*), max(status) FROM requests"); got != "2 500" {
		t.Errorf("got %s", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "clearhop-*")); err != nil || len(left) > 0 {
		t.Errorf("what is left: %v: %v", left, err)
	}
}
