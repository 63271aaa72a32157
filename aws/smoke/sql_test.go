package smoke_test

import (
	"database/sql"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"clearhop/analytics"
	"clearhop/aws/smoke"
)

// TestRowOfSmoke: what Athena is asked for the line of smoke runs in DuckDB, over a table
// with the columns of the view, and gives that line alone.
func TestRowOfSmoke(t *testing.T) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var columns []string
	for _, c := range analytics.View(analytics.AllRequests) {
		columns = append(columns, c.Name+" VARCHAR")
	}
	sent := time.Date(2026, 11, 22, 0, 30, 0, 0, time.UTC)
	for _, statement := range []string{
		"CREATE TABLE all_requests (" + strings.Join(columns, ", ") + ")",
		"INSERT INTO all_requests (event_id, verdict, path, dt) VALUES " +
			"('mine', 'direct', '" + smoke.Path("0a1b") + "', '2026-11-22'), ('another', 'direct', '" + smoke.Path("ffff") + "', '2026-11-22'), " +
			"('visitor', 'direct', '/', '2026-11-22'), ('of before', 'direct', '" + smoke.Path("0a1b") + "', '2026-11-01')",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.Query(smoke.RowSQL("0a1b", sent))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var id, verdict string
		if err := rows.Scan(&id, &verdict); err != nil {
			t.Fatal(err)
		}
		got = append(got, id+" "+verdict)
	}
	if err := rows.Err(); err != nil || len(got) != 1 || got[0] != "mine direct" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestTrinoParsesRow has the parser of Trino, which Athena is, read the question.
func TestTrinoParsesRow(t *testing.T) {
	const java = "trino-java"
	if _, err := exec.LookPath(java); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("there is no %s: .ci/tools gets it with Maven, which needs Java 24 or newer", java)
		}
		t.Skipf("needs Trino's parser: run .ci/tools, which gets it with Maven, and put build/tools/bin on the PATH")
	}
	command := exec.Command(java, "../../analytics/testdata/Parse.java")
	command.Stdin = strings.NewReader(smoke.RowSQL("0a1b", time.Now()) + "\x00SELECT FROM WHERE")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	if said := strings.Split(string(out), "\n"); len(said) < 2 || said[0] != "ok" || said[1] == "ok" {
		t.Errorf("Trino says %q", out)
	}
}
