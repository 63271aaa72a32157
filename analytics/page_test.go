package analytics_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"clearhop/analytics"
	"clearhop/encode"
	"clearhop/internal/golden"
)

// TestStatisticsPage compares the generated parts of docs/statistics.md with the code.
func TestStatisticsPage(t *testing.T) {
	var questions, views, columns strings.Builder
	for _, q := range analytics.Questions() {
		fmt.Fprintf(&questions, "### %s\n\n%s: %s", q.Name, q.Title, q.Description)
		if q.Limit > 0 {
			fmt.Fprintf(&questions, " At most %d rows, unless another number is asked for.", q.Limit)
		}
		questions.WriteString("\n\n| column | type | unit | what it is |\n| --- | --- | --- | --- |\n")
		for _, c := range q.Columns {
			fmt.Fprintf(&questions, "| `%s` | %s | %s | %s |\n", c.Name, c.Type, c.Unit, c.Title)
		}
		questions.WriteString("\n")
	}
	views.WriteString("| view | rows |\n| --- | --- |\n")
	for _, v := range analytics.Views() {
		fmt.Fprintf(&views, "| `%s` | %s |\n", v, analytics.ViewDescription(v))
	}
	columns.WriteString("| column | type | unit | what it is |\n| --- | --- | --- | --- |\n")
	for _, c := range analytics.View(analytics.Requests) {
		doc := c.Doc
		if c.Field != "" {
			doc = "`" + c.Field + "`"
		}
		fmt.Fprintf(&columns, "| `%s` | %s | %s | %s |\n", c.Name, c.Type, c.Unit, doc)
	}
	golden.Sections(t, "../docs/statistics.md", map[string]string{
		"questions": questions.String(), "views": views.String(), "columns": columns.String(), "compared": compared(t),
	})
}

// TestReliabilityPage compares the generated parts of docs/reliability.md with the code.
func TestReliabilityPage(t *testing.T) {
	golden.Sections(t, "../docs/reliability.md", map[string]string{
		"merge":   "<!-- sql: merge -->\n```sql\n" + mergeSQL() + "```\n",
		"engines": "The versions are " + compared(t),
	})
}

// mergeSQL takes the rows of a day into a table that has each event once. It names the
// columns, because the tables may have theirs in another order after a change.
func mergeSQL() string {
	list := func(columns []encode.Column, write func(name string) string) string {
		var b strings.Builder
		width := 0
		for i, c := range columns {
			name := c.Name
			if name == "timestamp" {
				name = `"timestamp"`
			}
			text := write(name)
			if i < len(columns)-1 {
				text += ","
			}
			const most = 84
			if width += len(text) + 1; width > most {
				b.WriteString("\n   ")
				width = len(text) + 1
			}
			b.WriteString(" " + text)
		}
		return strings.TrimPrefix(b.String(), " ")
	}
	return `MERGE INTO events_once t
USING (
  SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY schema_version DESC) AS copy
    FROM events_iceberg
    WHERE dt = '2026-11-27'
  ) WHERE copy = 1
) s
ON t.event_id = s.event_id AND t.dt = s.dt
WHEN MATCHED AND s.schema_version > t.schema_version THEN UPDATE SET
    ` + list(encode.Columns(), func(name string) string { return name + " = s." + name }) + `
WHEN NOT MATCHED THEN INSERT
    (` + list(encode.RowColumns(), func(name string) string { return name }) + `)
  VALUES
    (` + list(encode.RowColumns(), func(name string) string { return "s." + name }) + ")\n"
}

// compared says which versions the engines have.
func compared(t *testing.T) string {
	t.Helper()
	duck := openDuckDB(t, writtenChain(t)).run(t, "SELECT version()")[0][0]
	find := func(name, pattern string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		match := regexp.MustCompile(pattern).FindSubmatch(text)
		if match == nil {
			t.Fatalf("%s has no %s", name, pattern)
		}
		return string(match[1])
	}
	return fmt.Sprintf("DuckDB %v (duckdb-go %s), Trino %s, the engine that Athena is built on, and OpenSearch %s.\n",
		duck, find("../go.mod", `github.com/duckdb/duckdb-go/v2 (v\S+)`), find("../.ci/tools", `(?m)^trino=(\d+)$`), find("../.ci/tools", `(?m)^opensearch=(\S+)$`))
}
