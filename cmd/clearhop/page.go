package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"clearhop/diagnose"
	"clearhop/internal/terminal"
)

// A page is text for a terminal of some width.
type page struct {
	diagnose.Paint
	w     io.Writer
	width int
	bar   string // what bars are made of
}

// newPage makes a page that is written to w. color is the value of --color.
func newPage(w io.Writer, color string) *page {
	const least = 40 // columns; less is not worth being read
	p := &page{w: w, width: max(terminal.Width(w), least), bar: "#"}
	if terminal.Colours(color, w) {
		p.Paint = colours
	}
	if inUTF8() {
		p.bar = "█"
	}
	return p
}

// inUTF8 reports whether the locale has characters beyond ASCII.
func inUTF8() bool {
	for _, name := range [...]string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := os.Getenv(name); value != "" {
			value = strings.ToUpper(value)
			return strings.Contains(value, "UTF-8") || strings.Contains(value, "UTF8")
		}
	}
	return false
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

// title begins a part of the page. note stands at its right.
func (p *page) title(text, note string) {
	gap := p.width - terminal.Columns(text) - terminal.Columns(note)
	if note == "" || gap < 2 {
		p.line("\n%s%s%s", p.Title, text, p.Off)
		return
	}
	p.line("\n%s%s%s%s%s%s%s", p.Title, text, p.Off, strings.Repeat(" ", gap), p.Minor, note, p.Off)
}

// row prints one line with an indent. What does not fit is cut off.
func (p *page) row(text string) { p.line("%s", p.cut("  "+text, p.width)) }

// cut returns text that takes at most so many columns.
func (p *page) cut(text string, columns int) string {
	if terminal.Columns(text) <= columns {
		return text
	}
	mark := ">"
	if p.bar != "#" {
		mark = "…"
	}
	for terminal.Columns(text) > columns-1 {
		runes := []rune(text)
		text = string(runes[:len(runes)-1])
	}
	return text + mark
}

// wrapped prints a text in as many lines as it takes. The first has the indent, the
// others a larger one.
func (p *page) wrapped(indent, text string) {
	at := indent
	for _, word := range strings.Fields(text) {
		if at != indent && terminal.Columns(at)+1+terminal.Columns(word) > p.width {
			p.line("%s", at)
			indent += strings.Repeat(" ", max(0, 4-len(indent)))
			at = indent
		}
		if at != indent {
			at += " "
		}
		at += word
	}
	p.line("%s", p.cut(at, p.width))
}

// hanging prints a text beside a word, in as many lines as it takes.
func (p *page) hanging(head, text string) {
	indent := strings.Repeat(" ", terminal.Columns(head))
	at := head
	for _, word := range strings.Fields(text) {
		if at != head && at != indent && terminal.Columns(at)+1+terminal.Columns(word) > p.width {
			p.line("%s", at)
			at = indent
		}
		if at != head && at != indent {
			at += " "
		}
		at += word
	}
	p.line("%s", at)
}

// more prints how many rows are left out.
func (p *page) more(n int) {
	if n > 0 {
		p.row("and " + grouped(int64(n)) + " more")
	}
}

// list prints texts with their counts and shares, as many lines as it takes, and how
// many more there are.
func (p *page) list(indent, title string, of int64, entries []entry, more int) {
	if len(entries) == 0 {
		return
	}
	var texts []string
	for _, e := range entries {
		name := p.cut(terminal.Printable(e.name), max(p.width-24, p.width/2))
		texts = append(texts, fmt.Sprintf("%s %s (%s)", name, grouped(e.n), terminal.Percent(e.n, of)))
	}
	rest := ""
	if more > 0 {
		rest = ", and " + grouped(int64(more)) + " more"
	}
	p.wrapped(indent, title+": "+strings.Join(texts, ", ")+rest)
}

const day = int64(24 * time.Hour / time.Millisecond)

// bars prints the number of requests in each step of time.
func (p *page) bars(t diagnose.Times) {
	if len(t.Requests) == 1 && t.Step > day {
		const layout = "2 Jan 2006"
		p.row(time.UnixMilli(t.Start).UTC().Format(layout) + " to " + time.UnixMilli(t.Last).UTC().Format(layout))
		return
	}
	most, digits, labels := int64(1), 1, 0
	for i, n := range t.Requests {
		most = max(most, n)
		digits = max(digits, len(grouped(n)))
		labels = max(labels, len(timeLabel(&t, i)))
	}
	for i, n := range t.Requests {
		label := fmt.Sprintf("  %*s  %*s  ", labels, timeLabel(&t, i), digits, grouped(n))
		length := n * int64(p.width-len(label)) / most
		if n > 0 {
			length = max(length, 1)
		}
		p.line("%s", strings.TrimRight(label+strings.Repeat(p.bar, int(length)), " "))
	}
	if t.Outside > 0 {
		p.row(fmt.Sprintf("%s at other times", grouped(t.Outside)))
	}
}

// timeLabel names the step at index i. The day is there only where it begins.
func timeLabel(t *diagnose.Times, i int) string {
	at := t.Start + int64(i)*t.Step
	text := time.UnixMilli(at).UTC().Format("2 Jan 2006 15:04 UTC")
	switch {
	case t.Step >= day:
		return text[:len(text)-len(" 15:04 UTC")]
	case i == 0 || at/day != (at-t.Step)/day:
		return text
	}
	return text[len(text)-len("15:04 UTC"):]
}

// clients prints a row for each client.
func (p *page) clients(all []diagnose.Visitor, of int64) {
	names := 0
	for _, v := range all {
		names = max(names, terminal.Columns(terminal.Printable(v.Name)))
	}
	for _, v := range all {
		mark := " "
		if v.Unvouched > 0 {
			mark = "?"
		}
		var about []string
		for _, text := range [...]string{program(&v), v.Country, v.Network} {
			if text != "" {
				about = append(about, terminal.Printable(text))
			}
		}
		name := terminal.Printable(v.Name)
		row := fmt.Sprintf("%8s  %6s  %s%s%s %s", grouped(v.Requests), terminal.Percent(v.Requests, of),
			name, mark, strings.Repeat(" ", names-terminal.Columns(name)), strings.Join(about, ", "))
		p.row(strings.TrimRight(row, " "))
	}
}

// program names the robot that a client is. Of a client that mostly is none, it says
// how many requests are a robot's.
func program(v *diagnose.Visitor) string {
	name := v.Agent
	if v.Others {
		name += " and others"
	}
	if v.Robots > 0 && v.Robots < v.Requests {
		return fmt.Sprintf("%s of them by %s", grouped(v.Robots), name)
	}
	return name
}

// grouped returns a number with a comma between each three digits.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// byteSize returns a number of bytes in a unit that a person reads.
func byteSize(n int64) string {
	if n < 1000 {
		return terminal.Plural(n, "byte")
	}
	size, unit := float64(n), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB", "PB"} {
		if size /= 1000; size < 1000 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", size, unit)
}
