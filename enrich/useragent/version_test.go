package useragent_test

import (
	"os"
	"strings"
	"testing"

	"clearhop/enrich/useragent"
)

// RulesVersion names the commit that uapcore/regexes.yaml was made of.
func TestRulesVersion(t *testing.T) {
	yaml, err := os.ReadFile("uapcore/regexes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(yaml), "\n")
	commit := strings.Fields(useragent.RulesVersion)[1]
	if !strings.Contains(first, "commit "+strings.TrimSuffix(commit, ",")) {
		t.Errorf("RulesVersion is %q, and the rules are of %q", useragent.RulesVersion, first)
	}
}
