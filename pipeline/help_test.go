package pipeline_test

import (
	"os"
	"strings"
	"testing"

	"clearhop/pipeline"
)

// TestEverySettingHasHelp: settings.md has a section for each setting of Config,
// in the same order, and no other.
func TestEverySettingHasHelp(t *testing.T) {
	text, err := os.ReadFile("settings.md")
	if err != nil {
		t.Fatal(err)
	}
	var sections, settings []string
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "## "); ok {
			sections = append(sections, strings.TrimSpace(name))
		}
	}
	for _, s := range pipeline.Settings() {
		settings = append(settings, s.Name)
		if s.Help == "" || strings.ContainsAny(s.Help, "|\n") || strings.Contains(s.Help, "${") || !strings.HasSuffix(s.Help, ".") {
			t.Errorf("%s: neither a table nor a terminal can show the help %q", s.Name, s.Help)
		}
		if s.Variable == "" {
			t.Errorf("%s has no variable", s.Name)
		}
	}
	if got, want := strings.Join(sections, " "), strings.Join(settings, " "); got != want {
		t.Errorf("settings.md has\n%s\nConfig has\n%s", got, want)
	}
}
