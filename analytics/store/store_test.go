package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// event returns an event with an id and a status.
func event(id string, status int) string {
	return fmt.Sprintf(`{"@timestamp":"2026-11-22T10:55:00.282Z","schema_version":1,"event":{"id":%q,"kind":"event","dataset":"nginx.access","duration":8000000},`+
		`"client":{"ip":"192.0.2.7"},"provenance":{"verdict":"direct","vouched":true,"hops":["192.0.2.7","10.16.1.11"]},`+
		`"http":{"request":{"method":"GET"},"response":{"status_code":%d}},"url":{"path":"/item/2297 and a long path"},`+
		`"nginx":{"access":{"upstream":[{"address":"10.16.1.14:80","status":502},{"address":"10.16.1.15:80","status":200,"response_time":0.007}]}}}`, id, status)
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

// load loads files, and fails on an error.
func load(t *testing.T, s *Store, names ...string) Stats {
	t.Helper()
	l, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = l.Files(names, Reading{})
	stats, finishErr := l.Finish()
	if err != nil || finishErr != nil {
		t.Fatal(err, finishErr)
	}
	return stats
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join(t.TempDir(), name)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// ask returns the rows of a question as text.
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

func TestLoad(t *testing.T) {
	s := open(t, Options{})
	file := write(t, "events.ndjson", event("a", 200)+"\n"+event("b", 500)+"\n"+event("a", 200)+"\n")
	stats := load(t, s, file)
	fmt.Println(stats)
	fmt.Println(ask(t, s, "SELECT event_id, ts, status, upstream, upstream_status, upstream_tries, upstream_seconds, path, client FROM requests ORDER BY event_id"))
	for _, sql := range []string{
		"SELECT 1::HUGEINT, 2::DECIMAL(9,2), 1.5, [1,2], {a: 1}, DATE '2026-11-22', INTERVAL 1 DAY, sum(status), map {'a': 1}, NULL, TIMESTAMP '2026-11-22 01:02:03.004', uuid() IS NULL, true FROM requests",
		"SELECT statu FROM requests", "SELECT * FROM nope", "SELEC 1", "SELECT 1; SELECT 2", "SELECT\n  count(*)\nFROM requests WHERE stats = 3",
		"COPY requests TO '/tmp/x.csv'", "ATTACH '/tmp/x.db'", "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "SELECT * FROM glob('/etc/*')",
		"SELECT getenv('HOME')", "INSTALL httpfs", "LOAD httpfs", "PRAGMA database_list", "SET threads = 1", "CALL enable_logging(storage='file', storage_config={'path': '/tmp/xx'})", "FROM enable_logging(storage='file', storage_config={'path': '/tmp/xx'})",
		"FROM enable_logging()", "FROM force_checkpoint('clearhop')", "FROM checkpoint()", "FROM read_blob('/etc/passwd')", "FROM parquet_metadata('/etc/passwd')", "FROM sniff_csv('/etc/passwd')", "FROM read_json_auto('/etc/passwd')", "FROM duckdb_secrets()", "FROM which_secret('a','b')", "FROM duckdb_settings() LIMIT 1", "FROM query('SELECT 1')", "SELECT * FROM query_table('requests') LIMIT 0", "EXPLAIN SELECT 1", "EXPLAIN ANALYZE SELECT 1", "DELETE FROM loaded", "WITH x AS (DELETE FROM loaded RETURNING *) SELECT * FROM x", "SELECT nextval('x')", "EXPORT DATABASE '/tmp/x'", "FROM pragma_show('requests') LIMIT 1", "DESCRIBE requests", "SHOW TABLES", "FROM sql_auto_complete('SEL') LIMIT 1", "FROM duckdb_logs LIMIT 1", "SELECT write_log('x')", "FROM repeat_row(1, num_rows = 1)", "SELECT current_setting('temp_directory')", "FROM parquet_bloom_probe('/etc/passwd','a',1)", "FROM dbgen(sf=0.01)", "FROM truncate_duckdb_logs()", "SELECT getvariable('x')", "FROM duckdb_temporary_files()", "FROM read_duckdb('/tmp/x.db')", "FROM seq_scan('/etc/passwd')", "FROM arrow_scan(1,2,3)", "FROM parquet_scan('/etc/passwd')", "SELECT * FROM read_ndjson_objects('/etc/passwd')", "FROM icu_calendar_names() LIMIT 1", "SELECT parse_duckdb_log_message('QueryLog','x')", "SELECT in_search_path('a','b')", "FROM summary('requests')", "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))", "PIVOT requests ON status", "PREPARE x AS SELECT 1", "FROM tpcds(1)", "VALUES (1)", "TABLE requests",
	} {
		a, err := s.Ask(t.Context(), sql)
		var first any
		if len(a.Rows) > 0 {
			first = a.Rows[0]
		}
		fmt.Println(sql, "=>", len(a.Rows), first, err)
	}
}
