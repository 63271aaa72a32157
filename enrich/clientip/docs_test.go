package clientip_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"clearhop/enrich/clientip"
)

var update = flag.Bool("update", false, "rewrite generated documentation")

const verdictsPage = "../../docs/verdicts.md"

// TestVerdictsPage holds the tables of docs/verdicts.md to the code.
func TestVerdictsPage(t *testing.T) {
	b, err := os.ReadFile(verdictsPage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	want := replaceGenerated(t, page, "verdicts", verdictTable())
	want = replaceGenerated(t, want, "reasons", reasonTable())
	if *update {
		if err := os.WriteFile(verdictsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Errorf("docs/verdicts.md is out of date (go test ./enrich/clientip -update rewrites it; -want +got):\n%s", diff)
	}
}

func replaceGenerated(t *testing.T, page, name, text string) string {
	t.Helper()
	mark, end := "<!-- generated: "+name+" -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(page, mark)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("no %q with %q in docs/verdicts.md", mark, end)
	}
	return before + mark + text + end + after
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
