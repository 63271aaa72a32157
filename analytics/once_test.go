package analytics_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// reliabilitySQL returns the statements of docs/reliability.md, by their names.
func reliabilitySQL(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	statements := map[string]string{}
	for _, part := range strings.Split(string(page), "<!-- sql: ")[1:] {
		name, rest, _ := strings.Cut(part, " -->\n```sql\n")
		statement, _, found := strings.Cut(rest, "\n```\n")
		if !found {
			t.Fatalf("the statement %s has no end", name)
		}
		statements[name] = statement
	}
	return statements
}

// TestOnce: the SQL of docs/reliability.md counts each event once, in DuckDB.
func TestOnce(t *testing.T) {
	event := func(id, hash, file string) string {
		object := fmt.Sprintf(`{"@timestamp":"2026-11-22T11:00:24.007Z","schema_version":1,"event":{"id":%q`, id)
		if hash != "" {
			object += fmt.Sprintf(`,"hash":%q`, hash)
		}
		object += `}`
		if file != "" {
			object += fmt.Sprintf(`,"log":{"file":{"path":%q}}`, file)
		}
		return object + "}\n"
	}
	const export = "s3://exports/000000.gz"
	path := filepath.Join(t.TempDir(), "events.ndjson")
	text := event("live-1", "a", "") + event("live-1", "a", "") + // sent twice
		event("live-2", "b", "") + event("live-3", "b", "") + // equal lines: two requests
		event("export-1", "a", export) + event("export-2", "b", export) + event("export-3", "b", export) +
		event("export-3", "b", export) + // sent twice
		event("export-4", "c", export) + // from before the subscription
		event("file-1", "", "access.log") + event("file-2", "", "access.log")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), "CREATE VIEW events AS SELECT * FROM read_json('"+path+"')"); err != nil {
		t.Fatal(err)
	}
	statements := reliabilitySQL(t)
	for name, want := range map[string]string{
		"once":  "export-1 export-2 export-3 export-4 file-1 file-2 live-1 live-2 live-3",
		"roads": "export-4 file-1 file-2 live-1 live-2 live-3",
	} {
		var ids []string
		rows, err := db.QueryContext(t.Context(), "SELECT event.id FROM ("+statements[name]+")")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(ids)
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
