package pipeline_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"clearhop/pipeline"
	"clearhop/record"
)

// TestCutsAreMarked: whatever an event holds only the beginning of, event.truncated names,
// and nothing else is named there.
func TestCutsAreMarked(t *testing.T) {
	access := func(agent string) string {
		return `10.16.1.11 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "` + agent + `" "203.0.113.9"`
	}
	claims := func(first string) string {
		return `10.16.1.11 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "a" "` + first + `, 203.0.113.9"`
	}
	const most = pipeline.MaxOriginal
	base := len(access(""))
	type cut []string
	for name, c := range map[string]struct {
		line     string
		original bool // the setting
		want     cut
	}{
		"no format, as long as can be":   {line: strings.Repeat("x", most)},
		"no format, a byte longer":       {line: strings.Repeat("x", most+1), want: cut{"event.original"}},
		"no format, longer than a line":  {line: strings.Repeat("x", record.MaxLine+1), want: cut{"event.original"}},
		"output of the image":            {line: "/docker-entrypoint.sh: " + strings.Repeat("x", most), want: cut{"event.original"}},
		"JSON that no format reads":      {line: `{"a":"` + strings.Repeat("x", most) + `"}`, want: cut{"event.original"}},
		"access line, not asked for":     {line: access(strings.Repeat("x", most))},
		"access line, as long as can be": {line: access(strings.Repeat("x", most-base)), original: true},
		"access line, a byte longer":     {line: access(strings.Repeat("x", most-base+1)), original: true, want: cut{"event.original"}},
		"a claim as long as can be":      {line: claims(strings.Repeat("x", 64))},
		"a claim that is longer":         {line: claims(strings.Repeat("x", 65)), want: cut{"provenance.claimed"}},
		"both":                           {line: claims(strings.Repeat("x", most)), original: true, want: cut{"event.original", "provenance.claimed"}},
	} {
		config := chain()
		config.Original = c.original
		w := open(t, config)
		line := record.Line{Text: []byte(c.line), Origin: &record.Origin{Source: "f"}}
		if len(c.line) > record.MaxLine {
			line.Text, line.Defect = line.Text[:record.MaxLine], record.TooLong
		}
		lines := []record.Line{line, {Text: []byte(access("short")), Origin: line.Origin}}
		var marks [][]string
		_, err := w.ProcessBatch(lines, true, func(out *pipeline.Outcome) error {
			var e struct {
				Event struct {
					Original  string
					Truncated []string
				}
			}
			if err := json.Unmarshal(bytes.Clone(out.Data), &e); err != nil {
				return err
			}
			if len(e.Event.Original) > most {
				t.Errorf("%s: event.original has %d bytes", name, len(e.Event.Original))
			}
			marks = append(marks, e.Event.Truncated)
			return nil
		})
		if err != nil || len(marks) != 2 {
			t.Fatal(name, err, marks)
		}
		if !slices.Equal(marks[0], c.want) || marks[1] != nil {
			t.Errorf("%s: marked are %v, and of a short line behind it %v, want %v", name, marks[0], marks[1], c.want)
		}
	}
}
