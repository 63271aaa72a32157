package check

import (
	"bytes"
	"slices"
	"strings"

	"clearhop/nginxconf"
)

// An edit changes a text of the configuration.
type edit struct {
	file       *nginxconf.File
	start, end int
	text       string
	// marks are the lines that the edit adds or removes, without blanks around them, by
	// which its place in the diff is found. why says what is wrong there.
	marks []string
	why   string
}

// replaceArg gives a directive another argument.
func replaceArg(d *nginxconf.Directive, i int, text, why string) edit {
	from := argStart(d, i)
	end := d.ArgEnds[i]
	raw := d.Raw()
	after := raw[:from-d.Start] + text + raw[end-d.Start:]
	return edit{d.File, from, end, text, []string{raw, after}, why}
}

// argStart returns the index of an argument.
func argStart(d *nginxconf.Directive, i int) int {
	from := d.Start + len(d.Name)
	if i > 0 {
		from = d.ArgEnds[i-1]
	}
	for from < d.End && strings.IndexByte(" \t\r\n", d.File.Text[from]) >= 0 {
		from++
	}
	return from
}

// addWord adds a word to the end of a directive.
func addWord(d *nginxconf.Directive, word, why string) edit {
	end := d.ArgEnds[len(d.ArgEnds)-1]
	raw := d.Raw()
	after := raw[:end-d.Start] + " " + word + raw[end-d.Start:]
	return edit{d.File, end, end, " " + word, []string{raw, after}, why}
}

// removeWord removes an argument of a directive.
func removeWord(d *nginxconf.Directive, word, why string) edit {
	i := slices.Index(d.Args, word)
	from := d.ArgEnds[i-1]
	raw := d.Raw()
	after := raw[:from-d.Start] + raw[d.ArgEnds[i]-d.Start:]
	return edit{d.File, from, d.ArgEnds[i], "", []string{raw, after}, why}
}

// remove removes a directive, with its line if it has one for itself.
func remove(d *nginxconf.Directive, why string) edit {
	text := d.File.Text
	start, end := d.Start, d.End
	lineStart := bytes.LastIndexByte(text[:start], '\n') + 1
	if len(bytes.TrimSpace(text[lineStart:start])) == 0 {
		if rest := restOfLine(text, end); isNothing(rest) {
			start, end = lineStart, min(end+len(rest)+1, len(text))
		}
	}
	return edit{d.File, start, end, "", []string{d.Raw()}, why}
}

func restOfLine(text []byte, at int) []byte {
	rest, _, _ := bytes.Cut(text[at:], []byte("\n"))
	return rest
}

// isNothing reports whether the rest of a line is blank or a comment.
func isNothing(rest []byte) bool {
	rest = bytes.TrimSpace(rest)
	return len(rest) == 0 || rest[0] == '#'
}

// addAfter adds directives behind another one.
func addAfter(d *nginxconf.Directive, lines []string, why string) edit {
	text, at := d.File.Text, d.End
	if d.IsBlock {
		at = d.Close
	}
	if rest := restOfLine(text, at); isNothing(rest) {
		at += len(rest)
	}
	return edit{d.File, at, at, joined(lines, indentOf(text, d.Start)), lines, why}
}

// addInside adds directives at the beginning of a block.
func addInside(d *nginxconf.Directive, lines []string, why string) edit {
	text, at := d.File.Text, d.End
	indent := indentOf(text, d.Start) + "    "
	if len(d.Block) > 0 && d.Block[0].File == d.File && d.Block[0].Line > d.Line {
		indent = indentOf(text, d.Block[0].Start)
	}
	if rest := restOfLine(text, at); isNothing(rest) {
		at += len(rest)
		return edit{d.File, at, at, joined(lines, indent), lines, why}
	}
	return edit{d.File, at, at, joined(lines, indent) + "\n" + indent, lines, why}
}

func joined(lines []string, indent string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString("\n" + indent + line)
	}
	return b.String()
}

// indentOf returns the blanks at the beginning of the line of an index.
func indentOf(text []byte, at int) string {
	line := text[bytes.LastIndexByte(text[:at], '\n')+1 : at]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// apply makes the files anew. Of edits that overlap the first one counts; equal ones are
// made once.
func apply(files []*nginxconf.File, edits []edit) []*nginxconf.File {
	var all []*nginxconf.File
	for _, file := range files {
		var own []edit
		for _, e := range edits {
			overlaps := slices.ContainsFunc(own, func(o edit) bool {
				return o.start == e.start && o.end == e.end && o.text == e.text || o.start < e.end && e.start < o.end
			})
			if e.file == file && !overlaps {
				own = append(own, e)
			}
		}
		slices.SortStableFunc(own, func(a, b edit) int { return a.start - b.start })
		var b bytes.Buffer
		at := 0
		for _, e := range own {
			b.Write(file.Text[at:e.start])
			b.WriteString(e.text)
			at = e.end
		}
		b.Write(file.Text[at:])
		all = append(all, &nginxconf.File{Name: file.Name, Text: b.Bytes()})
	}
	return all
}
