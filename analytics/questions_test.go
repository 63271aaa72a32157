package analytics_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clearhop/analytics"
)

// TestQuestionsAreWhole: each file is a question, its columns are those of its SQL, and
// a person can read what they are.
func TestQuestionsAreWhole(t *testing.T) {
	files, err := os.ReadDir("queries")
	if err != nil {
		t.Fatal(err)
	}
	questions := analytics.Questions()
	for _, f := range files {
		if _, ok := analytics.Find(strings.TrimSuffix(f.Name(), ".sql")); !ok {
			t.Errorf("the list order lacks %s", f.Name())
		}
	}
	if len(files) != len(questions) {
		t.Errorf("there are %d files and %d questions", len(files), len(questions))
	}
	e := openDuckDB(t, writtenChain(t))
	units := map[string]bool{"": true, "requests": true, "lines": true, "events": true, "clients": true, "paths": true, "peers": true,
		"share": true, "seconds": true, "bytes": true}
	for _, q := range questions {
		var names []string
		for _, c := range q.Columns {
			names = append(names, c.Name)
			if !units[c.Unit] || c.Title == "" {
				t.Errorf("%s, %s: unit %q, title %q", q.Name, c.Name, c.Unit, c.Title)
			}
		}
		var described []string
		for _, row := range e.run(t, "DESCRIBE "+q.SQL(analytics.Query{})) {
			described = append(described, row[0].(string))
		}
		if diff := cmp.Diff(names, described); diff != "" {
			t.Errorf("columns of %s (-file +SQL):\n%s", q.Name, diff)
		}
		if !strings.HasSuffix(q.Description, ".") || strings.Contains(q.SQL(analytics.Query{}), "{") {
			t.Errorf("%s: the description has no full stop, or a value is not filled in", q.Name)
		}
		// An engine that reads a table twice bills for it twice.
		sql := q.SQL(analytics.Query{Dialect: analytics.Athena})
		if n := strings.Count(sql, "FROM all_requests") + strings.Count(sql, "FROM all_lines"); n != 1 || strings.Count(sql, "FROM chosen") != 1 {
			t.Errorf("%s reads its view more than once:\n%s", q.Name, sql)
		}
	}
}

// TestSQL shows what a Query changes.
func TestSQL(t *testing.T) {
	q, _ := analytics.Find("client")
	f := func(name string, ask analytics.Query, want ...string) {
		t.Helper()
		sql := q.SQL(ask)
		for _, part := range want {
			if !strings.Contains(sql, part) {
				t.Errorf("%s: the SQL lacks %s:\n%s", name, part, sql)
			}
		}
	}
	tokyo := time.FixedZone("", 9*3600)
	at := time.Date(2026, 11, 22, 9, 30, 0, 0, tokyo)
	f("nothing", analytics.Query{}, "SELECT * FROM requests\n)", "WHERE client = ''", "LIMIT 100\n")
	f("a limit", analytics.Query{Limit: 5}, "LIMIT 5\n")
	f("a client", analytics.Query{Client: "x' OR 1=1 --"}, "WHERE client = 'x'' OR 1=1 --'\n")
	f("since", analytics.Query{Window: analytics.Window{Since: at}}, "WHERE ts >= timestamp '2026-11-22 00:30:00.000'\n")
	f("until and where", analytics.Query{Window: analytics.Window{Until: at}, Where: "status = 500 -- why"},
		"WHERE ts < timestamp '2026-11-22 00:30:00.000'\n    AND (\nstatus = 500 -- why\n)")
	// A host whose clock is ahead logs a time of the next day.
	f("since, in Athena", analytics.Query{Dialect: analytics.Athena, Window: analytics.Window{Since: at}},
		"FROM all_requests\n    WHERE dt >= '2026-11-21'\n      AND ts >= timestamp '2026-11-22 00:30:00.000'\n", "WHERE (copy = 1 OR event_id IS NULL)")
	f("days, in Athena", analytics.Query{Dialect: analytics.Athena, Window: analytics.Window{Days: 7}},
		"WHERE dt >= cast(cast(current_timestamp AT TIME ZONE 'UTC' AS date) - interval '7' day AS varchar)\n      AND ts >= ")
	f("expressions, in Athena", analytics.Query{Dialect: analytics.Athena, Window: analytics.Window{SinceSQL: "$from()", UntilSQL: "$to()"}},
		"WHERE dt >= cast(cast($from() - interval '1' hour AS date) AS varchar)\n      AND ts >= $from()\n      AND ts < $to()\n")
	traffic, _ := analytics.Find("traffic")
	for dialect, want := range map[analytics.Dialect]string{
		analytics.DuckDB: "% (cast(1000000 AS bigint) * (${bucket}))",
		analytics.Athena: " % ${bucket}) * interval",
	} {
		if !strings.Contains(traffic.SQL(analytics.Query{Dialect: dialect, BucketSQL: "${bucket}"}), want) {
			t.Errorf("%s: the SQL does not count by the expression for the length of a time", dialect)
		}
	}
	if sql := q.SQL(analytics.Query{Limit: -1}); strings.Contains(sql, "LIMIT") {
		t.Errorf("a limit that nobody wants:\n%s", sql)
	}
}
