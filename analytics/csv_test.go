package analytics_test

import (
	"testing"

	"clearhop/analytics"
)

// TestCSVText: what a spreadsheet would run is made a text, and nothing else changes.
func TestCSVText(t *testing.T) {
	for in, want := range map[string]string{
		"":              "",
		"=cmd|' /C x'!": "'=cmd|' /C x'!",
		"+1":            "'+1",
		"-1":            "'-1", // a text: numbers do not come here
		"@SUM(A1)":      "'@SUM(A1)",
		"\t=1":          "'\t=1",
		"\r=1":          "'\r=1",
		"\n=1":          "'\n=1",
		"＝1":            "'＝1",
		"＠x":            "'＠x",
		"/a=b":          "/a=b",
		"'=1":           "'=1",
		"\xff=1":        "\xff=1",
		"(none)":        "(none)",
	} {
		if got := analytics.CSVText(in); got != want {
			t.Errorf("CSVText(%q) = %q, want %q", in, got, want)
		}
	}
}
