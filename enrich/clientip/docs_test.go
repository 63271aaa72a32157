package clientip_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"clearhop/enrich/clientip"
	"clearhop/internal/golden"
)

// TestVerdictsPage holds the tables of docs/verdicts.md to the code.
func TestVerdictsPage(t *testing.T) {
	golden.Sections(t, "../../docs/verdicts.md", map[string]string{
		"variables": variableTable(), "verdicts": verdictTable(), "reasons": reasonTable(),
	})
}

func variableTable() string {
	var b strings.Builder
	b.WriteString("| here | variable | what it tells | without it |\n| --- | --- | --- | --- |\n")
	for _, v := range clientip.Variables() {
		fmt.Fprintf(&b, "| %s | `$%s` | %s | %s |\n", v.Short, v.Field, v.Tells, v.Without)
	}
	return b.String()
}

func verdictTable() string {
	var b strings.Builder
	b.WriteString("| verdict | meaning |\n| --- | --- |\n")
	for _, d := range clientip.Verdicts() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", d.Code, sentences(d.Means, d.Note))
	}
	return b.String()
}

func reasonTable() string {
	var b strings.Builder
	b.WriteString("| reason | meaning | fault | what to do |\n| --- | --- | --- | --- |\n")
	for _, d := range clientip.Reasons() {
		fault := "no"
		if d.Fault {
			fault = "**yes**"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.Code, sentences(d.Means, d.Note), fault, d.Mend)
	}
	return b.String()
}

func sentences(means, note string) string {
	if note == "" {
		return means
	}
	return means + ". " + note
}

func TestDocs(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range append(clientip.Verdicts(), clientip.Reasons()...) {
		if n := utf8.RuneCountInString(d.Means); n == 0 || n > 70 {
			t.Errorf("%s: the meaning has %d characters, and a terminal's line has room for 70", d.Code, n)
		}
		if strings.ContainsAny(d.Means+d.Note+d.Mend, "|\n") {
			t.Errorf("%s: a table's cell cannot hold this", d.Code)
		}
		if d.Fault && d.Mend == "" {
			t.Errorf("%s: nothing mends the fault", d.Code)
		}
		if seen[d.Code] && d.Code != string(clientip.HealthCheck) {
			t.Errorf("%s is there twice", d.Code)
		}
		seen[d.Code] = true
	}
	for _, d := range clientip.Reasons() {
		if clientip.Reason(d.Code).IsFault() != d.Fault {
			t.Errorf("%s: IsFault says otherwise than the documentation", d.Code)
		}
	}
}
