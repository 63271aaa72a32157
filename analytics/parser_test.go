package analytics_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"clearhop/analytics"
)

// trinoJava is Java with Trino's parser, which .ci/tools gets.
const trinoJava = "trino-java"

// TestTrinoParses has Trino's own parser read all that Athena is to run: each question
// in each form that a Query gives it, the views, and what the template stores.
func TestTrinoParses(t *testing.T) {
	if _, err := exec.LookPath(trinoJava); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("there is no %s: .ci/tools gets it with Maven, which needs Java 24 or newer", trinoJava)
		}
		t.Skipf("needs Trino's parser: run .ci/tools, which gets it with Maven, and put build/tools/bin on the PATH")
	}
	var names, statements []string
	add := func(name, sql string) {
		names, statements = append(names, name), append(statements, sql)
	}
	since := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i, ask := range []analytics.Query{
		{},
		{Window: analytics.Window{Days: 7}},
		{Window: analytics.Window{Since: since}, Where: "path = 'it''s' -- a comment", Limit: 3},
		{Window: analytics.Window{Until: since}, Where: "status >= 500 OR\n bot", Limit: -1, Client: "it's", Bucket: 24 * time.Hour},
	} {
		ask.Dialect = analytics.Athena
		for _, q := range analytics.Questions() {
			add(fmt.Sprintf("%s, query %d", q.Name, i), q.SQL(ask))
		}
	}
	for _, view := range analytics.Views() {
		add("view "+view, analytics.ViewSQL(analytics.Athena, view, "clearhop"))
	}
	for name, statement := range reliabilitySQL(t) {
		add("docs/reliability.md, "+name, statement)
	}
	add("no SQL", "SELECT FROM WHERE") // or else the parser would not be asked
	command := exec.Command(trinoJava, "testdata/Parse.java")
	command.Stdin = strings.NewReader(strings.Join(statements, "\x00"))
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(said) != len(names) {
		t.Fatalf("%d statements have %d answers: %s", len(names), len(said), out)
	}
	last := len(said) - 1
	if said[last] == "ok" {
		t.Error("the parser reads what is no SQL")
	}
	for i, answer := range said[:last] {
		if answer != "ok" {
			t.Errorf("%s: %s\n%s", names[i], answer, statements[i])
		}
	}
}
