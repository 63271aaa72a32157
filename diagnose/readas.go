package diagnose

import (
	"slices"
	"strconv"
	"strings"

	"clearhop/internal/terminal"
)

// A ReadAs says how the lines of one or more streams are read, by a sample of them.
type ReadAs struct {
	// Streams are the files or log groups.
	Streams []string `json:"streams"`
	// Formats are the names of the formats that read the sample.
	Formats []string `json:"formats,omitempty"`
	// Inferred is a log_format that was inferred from the lines, because no known
	// one fits. Used says that the lines were read with it.
	Inferred string `json:"inferred,omitempty"`
	Used     bool   `json:"used,omitempty"`
	// Lines is how many lines the sample has, Unparsed how many of them no format
	// reads.
	Lines    int `json:"lines"`
	Unparsed int `json:"unparsed,omitempty"`
	// Unproven says what is supposed only.
	Unproven []string `json:"unproven,omitempty"`
	// Warnings say how a visitor can forge lines of these formats.
	Warnings []string `json:"warnings,omitempty"`
	// Example is a line that no format reads, without what identifies a visitor.
	Example string `json:"example,omitempty"`
	// Try is the setting that names the format, ready to paste.
	Try string `json:"try,omitempty"`
	// Choices are settings of which one is right, where it is not known which column
	// is the peer's. Try is then empty.
	Choices []Choice `json:"choices,omitempty"`
}

// A Choice is a setting, and when it is the right one.
type Choice struct {
	If  string `json:"if"`
	Try string `json:"try"`
}

// IsPlain reports whether there is nothing to say but the names of the formats.
func (a *ReadAs) IsPlain() bool {
	return a.Inferred == "" && a.Try == "" && len(a.Unproven)+len(a.Choices)+len(a.Warnings) == 0
}

// Where names the streams, at most three of them.
func (a *ReadAs) Where() string {
	const most = 3
	names := terminal.Printable(strings.Join(a.Streams[:min(len(a.Streams), most)], ", "))
	if n := len(a.Streams) - most; n > 0 {
		names += " and " + terminal.Plural(int64(n), "more stream")
	}
	return names
}

// Sentences say how the lines are read and what is not proven. The setting to try and
// the example are not part of them.
func (a *ReadAs) Sentences() []string {
	var texts []string
	switch {
	case a.Used:
		texts = append(texts, "No known format reads these lines, so a log_format was inferred from them.")
	case a.Unparsed*2 >= a.Lines && a.Lines > 0:
		texts = append(texts, "No format reads "+strconv.Itoa(a.Unparsed)+" of "+terminal.Plural(int64(a.Lines), "line")+" in a sample.")
	case len(a.Formats) > 0:
		texts = append(texts, "Read as "+strings.Join(a.Formats, ", ")+".")
	}
	return slices.Concat(texts, a.Unproven, a.Warnings)
}

// readAs says how the lines are read.
func (t *textWriter) readAs() {
	for i := range t.ReadAs {
		a := &t.ReadAs[i]
		if i == 0 {
			t.line("")
			t.line("%sHow the lines are read%s", t.Paint.Title, t.Off)
		}
		t.wrapped("  ", a.Where()+": "+strings.Join(a.Sentences(), " "))
		if a.Example != "" {
			t.line("    such a line: %s", terminal.Printable(a.Example))
		}
		if a.Try != "" {
			t.wrapped("    ", a.WhatToTry())
			t.line("      %s%s%s", t.Paint.Config, a.Try, t.Off)
		}
		for _, choice := range a.Choices {
			t.wrapped("    ", "If "+choice.If+", give:")
			t.line("      %s%s%s", t.Paint.Config, choice.Try, t.Off)
		}
	}
}

// WhatToTry says what Try is for.
func (a *ReadAs) WhatToTry() string {
	switch {
	case a.Inferred != "":
		return "If this is the log_format, or when you have corrected the names in it, give it:"
	case strings.HasPrefix(a.Try, "clearhop"):
		return "To find the format:"
	}
	return "If this is right, give it:"
}
