//go:build unix

package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clearhop/internal/measure"
)

// sections are the generated parts of the page, by their names.
func sections(r *results) map[string]string {
	return map[string]string{
		"targets":    targetTable(r),
		"programs":   programTables(r.Programs),
		"growth":     growthTable(r.Growth),
		"runs":       runTable(r),
		"benchmarks": benchmarkTable(r.Benchmarks),
		"profile":    profileTable(r.Profile),
	}
}

// writePage writes the generated parts of the page, and the plot.
func writePage(repository string, r *results) error {
	name := filepath.Join(repository, pageFile)
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	page := string(text)
	for part, content := range sections(r) {
		begin, end := "<!-- generated: "+part+" -->\n", "<!-- end -->\n"
		before, rest, found := strings.Cut(page, begin)
		_, after, closed := strings.Cut(rest, end)
		if !found || !closed {
			return fmt.Errorf("%s has no %q with %q behind it", pageFile, begin, end)
		}
		page = before + begin + content + end + after
	}
	return errors.Join(os.WriteFile(name, []byte(page), 0o644), os.WriteFile(filepath.Join(repository, plotFile), plot(r.Growth), 0o644))
}

// programTables has a table for each input that all programs read, and one for the extremes.
func programTables(p *programPart) string {
	if p == nil {
		return "Not measured yet: `make compare PARTS=programs`.\n"
	}
	var b strings.Builder
	var extremes []reading
	for _, in := range p.Inputs {
		if of, err := inputNamed(in.ID); err == nil && of.extreme {
			extremes = append(extremes, in)
			continue
		}
		name, text := describe(in.ID)
		fmt.Fprintf(&b, "### %s\n\n%s%s\n\n", upper(name), text, in.Counts)
		fmt.Fprintf(&b, "| | CPU | lines for a second of CPU | CPU of the row : CPU of the first row | wall | peak of memory |\n| --- | ---: | ---: | ---: | ---: | ---: |\n")
		for i := range in.Rows {
			p.writeRow(&b, &in.Rows[i], &in.Rows[0], in.Counts.Lines)
		}
		b.WriteString("\n")
	}
	p.writeExtremes(&b, extremes)
	b.WriteString("\n### Versions\n\n| program | version |\n| --- | --- |\n")
	for _, v := range p.Versions {
		fmt.Fprintf(&b, "| %s | %s |\n", v.Name, cell(v.Version))
	}
	return b.String()
}

// writeExtremes writes one table for all inputs that are extremes.
func (p *programPart) writeExtremes(b *strings.Builder, all []reading) {
	b.WriteString("### Extremes\n\nMade lines that differ in one thing only.\n\n" +
		"| input | | CPU | lines for a second of CPU | peak of memory |\n| --- | --- | ---: | ---: | ---: |\n")
	for _, in := range all {
		name, _ := describe(in.ID)
		name = measure.Thousands(in.Counts.Lines) + " lines, " + name
		for i := range in.Rows {
			row := &in.Rows[i]
			if row.Missing != "" {
				fmt.Fprintf(b, "| %s | %s | not measured: %s | | |\n", name, row.Name, cell(row.Missing))
				continue
			}
			cpu := measure.Of(row.costs(), measure.CPU)
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", name, row.Name, seconds(cpu), perSecond(in.Counts.Lines, cpu), p.peak(row))
		}
	}
}

func (p *programPart) writeRow(b *strings.Builder, r, first *row, lines int) {
	if r.Missing != "" {
		fmt.Fprintf(b, "| %s | not measured: %s | | | | |\n", r.Name, cell(r.Missing))
		return
	}
	cpu := measure.Of(r.costs(), measure.CPU)
	times := "1"
	if r != first {
		times = ratio(measure.RatioOf(r.costs(), first.costs(), measure.CPU)).short()
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", r.Name, seconds(cpu), perSecond(lines, cpu), times, seconds(measure.Of(r.costs(), measure.Elapsed)), p.peak(r))
}

// short is the value with its spread, without the number of rounds.
func (m measurement) short() string {
	text := m.String()
	if i := strings.LastIndex(text, ", "); m.reason == "" && i > 0 {
		return text[:i]
	}
	return text
}

// peak is the median peak of memory. One that is not above the floor is not known.
func (p *programPart) peak(r *row) string {
	peak := measure.Of(r.costs(), measure.Peak).Median
	if peak <= float64(p.Floor)*1.02 {
		return fmt.Sprintf("≤ %.0f MB", peak/1e6)
	}
	return fmt.Sprintf("%.0f MB", peak/1e6)
}

// describe returns the name of an input, and what the page says of it.
func describe(id string) (name, text string) {
	if id == "own" {
		return "lines of a log that is not in the repository", "They were read in the place of lines of the repository. "
	}
	in, err := inputNamed(id)
	if err != nil {
		return id, ""
	}
	return in.name, in.text + " "
}

func upper(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

func (c counts) String() string {
	return fmt.Sprintf("%s lines (%.0f MB) with %s clients, %s user agents and %s paths were read.",
		measure.Thousands(c.Lines), float64(c.Bytes)/1e6, measure.Thousands(c.Clients), measure.Thousands(c.Agents), measure.Thousands(c.Paths))
}

func seconds(s measure.Spread) string {
	switch {
	case s.Median < 0.1:
		return fmt.Sprintf("%.3f s", s.Median)
	case s.Median < 10:
		return fmt.Sprintf("%.2f s", s.Median)
	}
	return fmt.Sprintf("%.0f s", s.Median)
}

// perSecond is the lines for a second, with two digits that count.
func perSecond(lines int, s measure.Spread) string {
	if s.Median == 0 {
		return "too short to say"
	}
	n, step := int(float64(lines)/s.Median), 1
	for n/step >= 100 {
		step *= 10
	}
	return measure.Thousands(n / step * step)
}

// when says when a part was measured, and on which machine.
func (s setting) when() string {
	return fmt.Sprintf("%s, commit %s, %d rounds; %d CPUs (%s), %s, Go %s; load before and after: %s and %s.",
		s.Date, s.Commit, s.Rounds, s.CPUs, s.Processor, s.Kernel, s.Go, s.LoadBefore, cmp.Or(s.LoadAfter, "unknown"))
}

// growthTable has a row for each number of lines.
func growthTable(g *growthPart) string {
	if g == nil || len(g.Points) == 0 {
		return "Not measured yet: `make compare PARTS=growth`.\n"
	}
	var b strings.Builder
	b.WriteString("| lines |")
	names := g.names()
	for _, name := range names {
		fmt.Fprintf(&b, " %s: CPU | peak of memory |", name)
	}
	b.WriteString("\n| ---: |" + strings.Repeat(" ---: | ---: |", len(names)) + "\n")
	for _, p := range g.Points {
		fmt.Fprintf(&b, "| %s |", measure.Thousands(p.Lines))
		for _, name := range names {
			i := slices.IndexFunc(p.Rows, func(r row) bool { return r.Name == name })
			switch {
			case i < 0:
				b.WriteString(" not measured | |")
			case p.Rows[i].Missing != "":
				fmt.Fprintf(&b, " not measured: %s | |", cell(p.Rows[i].Missing))
			default:
				costs := p.Rows[i].costs()
				fmt.Fprintf(&b, " %s | %.0f MB |", seconds(measure.Of(costs, measure.CPU)), measure.Of(costs, measure.Peak).Median/1e6)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// benchmarkTable has a row for each Go benchmark.
func benchmarkTable(p *benchmarkPart) string {
	if p == nil || p.Missing != "" {
		reason := "`make compare PARTS=benchmarks`"
		if p != nil {
			reason = p.Missing
		}
		return "Not measured: " + reason + ".\n"
	}
	var b strings.Builder
	b.WriteString("| benchmark | median (min–max) | for a line | allocations |\n| --- | ---: | ---: | ---: |\n")
	for _, r := range p.Results {
		took, line, allocs := measure.SpreadOf(r.NsPerOp), measure.SpreadOf(r.PerLine), measure.SpreadOf(r.Allocs)
		perLine := ""
		if line.N > 0 {
			perLine = fmt.Sprintf("%s ns", measure.Thousands(int(line.Median)))
		}
		fmt.Fprintf(&b, "| `%s` | %s µs (%s–%s) | %s | %s |\n", r.Name, micro(took.Median), micro(took.Min), micro(took.Max), perLine, measure.Thousands(int(allocs.Median)))
	}
	return b.String()
}

// micro writes nanoseconds as microseconds.
func micro(ns float64) string {
	if ns < 100_000 {
		return fmt.Sprintf("%.1f", ns/1000)
	}
	return measure.Thousands(int(ns / 1000))
}

// names are the names of the programs, in the order in which they were first run.
func (g *growthPart) names() []string {
	var all []string
	for _, p := range g.Points {
		for _, r := range p.Rows {
			if !slices.Contains(all, r.Name) {
				all = append(all, r.Name)
			}
		}
	}
	return all
}

// runTable says when each part was measured, and warns of runs that say little.
func runTable(r *results) string {
	runs := map[string]setting{}
	few := false
	if r.Programs != nil {
		runs["programs"] = r.Programs.setting
		few = slices.ContainsFunc(r.Programs.Inputs, func(in reading) bool { return in.ID == "payload" && in.Counts.Lines < enoughLines })
	}
	if r.Growth != nil {
		runs["growth"] = r.Growth.setting
	}
	if r.Benchmarks != nil {
		runs["benchmarks"] = r.Benchmarks.setting
	}
	if r.Function != nil {
		runs["function"] = r.Function.setting
	}
	if r.Profile != nil {
		runs["profile"] = r.Profile.setting
	}
	var b strings.Builder
	b.WriteString("| part | measured |\n| --- | --- |\n")
	var busy, short []string
	for _, part := range partNames {
		run, ok := runs[part]
		if !ok {
			fmt.Fprintf(&b, "| %s | not yet |\n", part)
			continue
		}
		fmt.Fprintf(&b, "| %s | %s |\n", part, cell(run.when()))
		if run.busy() {
			busy = append(busy, part)
		}
		if part != "profile" && run.Rounds < enoughRounds {
			short = append(short, part)
		}
	}
	if len(busy) > 0 {
		fmt.Fprintf(&b, "\n**The machine was busy** with other work while this was measured: %s.\n", strings.Join(busy, ", "))
	}
	if len(short) > 0 {
		fmt.Fprintf(&b, "\n**Fewer than %d rounds** were made for %s: a median of so few says little.\n", enoughRounds, strings.Join(short, ", "))
	}
	if few {
		fmt.Fprintf(&b, "\n**Fewer than %s lines** were read, so the start of each program and what it sees first weigh more than they do for a log of a day.\n", measure.Thousands(enoughLines))
	}
	return b.String()
}

// What a run has at least whose figures count.
const (
	enoughRounds = 5
	enoughLines  = 300_000
)

// busy reports whether more processes wanted a CPU than there are, apart from the one that
// is measured.
func (s setting) busy() bool {
	for _, load := range []string{s.LoadBefore, s.LoadAfter} {
		if n, err := strconv.ParseFloat(load, 64); err == nil && n > float64(s.CPUs)+1 {
			return true
		}
	}
	return false
}
