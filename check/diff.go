package check

import (
	"fmt"
	"slices"
	"strings"
)

// A Change is a group of lines of a file that are changed together.
type Change struct {
	File string `json:"file"`
	// Line is the first line that changes, or before which lines are added.
	Line    int      `json:"line"`
	Removed []string `json:"removed,omitempty"`
	Added   []string `json:"added,omitempty"`
	// Why says what is wrong there.
	Why []string `json:"why,omitempty"`
}

// At returns the place of the change: "edge.conf:42".
func (c *Change) At() string { return fmt.Sprintf("%s:%d", c.File, c.Line) }

func linesOf(text []byte) []string {
	lines := strings.SplitAfter(string(text), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// maxCompared bounds the lines between the first and the last change that are compared
// with each other; a longer stretch is one change.
const maxCompared = 4000

// compare returns the changes from the lines a to b.
func compare(file string, a, b []string) []Change {
	skip := 0
	for skip < len(a) && skip < len(b) && a[skip] == b[skip] {
		skip++
	}
	a, b = a[skip:], b[skip:]
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a)+len(b) == 0 {
		return nil
	}
	if len(a) > maxCompared || len(b) > maxCompared {
		return []Change{{File: file, Line: skip + 1, Removed: a, Added: b}}
	}
	return changesOf(file, skip, a, b)
}

// changesOf groups the lines that differ. skip is the number of lines before a and b.
func changesOf(file string, skip int, a, b []string) []Change {
	same := inCommon(a, b)
	var changes []Change
	at := Change{}
	flush := func(i int) {
		if len(at.Removed)+len(at.Added) > 0 {
			at.File, at.Line = file, skip+i-len(at.Removed)+1
			changes = append(changes, at)
		}
		at = Change{}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			flush(i)
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || same[i+1][j] >= same[i][j+1]):
			at.Removed = append(at.Removed, a[i])
			i++
		default:
			at.Added = append(at.Added, b[j])
			j++
		}
	}
	flush(i)
	return changes
}

// inCommon returns how many lines a[i:] and b[j:] have in common, in their order, at
// [i][j].
func inCommon(a, b []string) [][]int32 {
	same := make([][]int32, len(a)+1)
	for i := range same {
		same[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if same[i][j] = max(same[i+1][j], same[i][j+1]); a[i] == b[j] {
				same[i][j] = same[i+1][j+1] + 1
			}
		}
	}
	return same
}

// patch makes the changes in the lines of a file, which are in their order.
func patch(lines []string, changes []Change) []string {
	var out []string
	at := 0
	for _, c := range changes {
		out = append(append(out, lines[at:c.Line-1]...), c.Added...)
		at = c.Line - 1 + len(c.Removed)
	}
	return append(out, lines[at:]...)
}

// unified writes changes of a file as a unified diff with three lines around each.
func unified(name string, lines []string, changes []Change) string {
	const around = 3
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", name, name)
	moved := 0
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].Line-(changes[n-1].Line+len(changes[n-1].Removed)) <= 2*around {
			n++
		}
		hunk := changes[:n]
		changes = changes[n:]
		first := max(hunk[0].Line-1-around, 0)
		last := min(hunk[n-1].Line-1+len(hunk[n-1].Removed)+around, len(lines))
		added, removed := 0, 0
		for _, c := range hunk {
			added, removed = added+len(c.Added), removed+len(c.Removed)
		}
		fmt.Fprintf(&b, "@@ -%d,%d +%d,%d @@\n", first+1, last-first, first+1+moved, last-first+added-removed)
		moved += added - removed
		write := func(mark string, texts []string) {
			for _, text := range texts {
				b.WriteString(mark + text)
				if !strings.HasSuffix(text, "\n") {
					b.WriteString("\n\\ No newline at end of file\n")
				}
			}
		}
		at := first
		for _, c := range hunk {
			write(" ", lines[at:c.Line-1])
			write("-", c.Removed)
			write("+", c.Added)
			at = c.Line - 1 + len(c.Removed)
		}
		write(" ", lines[at:last])
	}
	return b.String()
}

// explain gives a change the reasons of the edits that made it.
func (c *Change) explain(edits []edit) {
	for _, e := range edits {
		if e.file.Name != c.File || e.why == "" || slices.Contains(c.Why, e.why) {
			continue
		}
		for _, line := range slices.Concat(c.Removed, c.Added) {
			if slices.ContainsFunc(e.marks, func(mark string) bool { return strings.Contains(line, firstLine(mark)) }) {
				c.Why = append(c.Why, e.why)
				break
			}
		}
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
