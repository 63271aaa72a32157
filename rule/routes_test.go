package rule_test

import (
	"slices"
	"strings"
	"testing"

	"clearhop/rule"
)

func TestMatchRoutes(t *testing.T) {
	f := func(asked, given, wantMissing, wantUnused string) {
		t.Helper()
		missing, unused := rule.MatchRoutes(strings.Fields(asked), strings.Fields(given))
		if !slices.Equal(missing, strings.Fields(wantMissing)) || !slices.Equal(unused, strings.Fields(wantUnused)) {
			t.Errorf("asked for %q, given %q: %q lead nowhere and %q are unused, want %q and %q", asked, given, missing, unused, wantMissing, wantUnused)
		}
	}
	f("", "", "", "")
	f("a b", "b a", "", "")
	f("a b", "", "a b", "")
	f("", "a b", "", "a b")
	f("a b c", "d b", "a c", "d")
}
