package clientip_test

import (
	"fmt"
	"strings"
	"testing"

	"clearhop/enrich/clientip"
	"clearhop/internal/golden"
	"clearhop/verdict"
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
	for _, v := range verdict.Verdicts() {
		d := v.Info()
		fmt.Fprintf(&b, "| `%s` | %s |\n", d.Code, sentences(d.Means, d.Note))
	}
	return b.String()
}

func reasonTable() string {
	var b strings.Builder
	b.WriteString("| reason | meaning | fault | what to do |\n| --- | --- | --- | --- |\n")
	for _, r := range verdict.Reasons() {
		d := r.Info()
		fault := "no"
		if d.Fault {
			fault = "**yes**"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.Code, sentences(d.Means, d.Note), fault, d.Fix)
	}
	return b.String()
}

func sentences(means, note string) string {
	if note == "" {
		return means
	}
	return means + ". " + note
}
