package check

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"clearhop/diagnose"
	"clearhop/internal/terminal"
	"clearhop/nginxconf"
)

// WriteJSON writes the result as indented JSON. The error is that of w.
func (r *Result) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// A textWriter writes a result in 80 columns.
type textWriter struct {
	bytes.Buffer
	*Result
	columns int // of a line; 0 for width
}

const (
	width     = 80
	narrowest = 30  // words would be broken
	widest    = 100 // sentences are not easier to read in longer lines
)

// WriteText writes the result for a person, in one call of w.Write. The error is that
// of w.
func (r *Result) WriteText(w io.Writer) error {
	t := &textWriter{Result: r}
	t.headline()
	t.visitors()
	t.findings()
	if r.State == diagnose.Broken {
		t.changes()
	}
	t.list("Not a fault, and worth a look", r.Warnings)
	t.list("Assumed", r.Assumed)
	t.list("Not known, and so not judged", unknownTexts(r.Unknowns))
	_, err := w.Write(t.Bytes())
	return err
}

func unknownTexts(all []nginxconf.Unknown) []string {
	var texts []string
	for _, u := range all {
		texts = append(texts, u.At+": "+u.What)
	}
	return texts
}

func (t *textWriter) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// fold writes the words of a text in lines of the width.
func (t *textWriter) fold(first, rest, text string) {
	line := first
	empty := true
	width := min(max(cmp.Or(t.columns, width), narrowest), widest)
	for _, word := range strings.Fields(terminal.Printable(text)) {
		switch {
		case empty:
			line, empty = line+word, false
		case terminal.Columns(line)+1+terminal.Columns(word) > width:
			t.line("%s", line)
			line = rest + word
		default:
			line += " " + word
		}
	}
	t.line("%s", line)
}

func (t *textWriter) headline() {
	switch t.State {
	case diagnose.Healthy:
		if len(t.Result.Unknowns) > 0 {
			t.line("The chain is right as far as it is known: see the end of this report.")
			return
		}
		t.line("The chain is right: every hop will log the visitor as $remote_addr.")
	case diagnose.Broken:
		t.line("The chain is broken: %s.", terminal.Plural(int64(len(t.Result.Findings)), "finding"))
	default:
		t.line("It cannot be judged whether the chain is right.")
	}
}

func (t *textWriter) visitors() {
	t.line("")
	t.line("What each hop will log as $remote_addr:")
	for _, v := range t.Result.Visitors {
		t.line("")
		from := ""
		if v.From.IsValid() {
			from = ", " + v.From.String()
		}
		t.line("  %s%s", v.Kind, from)
		for _, l := range v.Hops {
			what := l.text()
			if l.Path != "" {
				what += ", at " + l.Path
			}
			t.fold(fmt.Sprintf("    %-20s ", l.Conf), strings.Repeat(" ", 25), what)
		}
	}
}

// text says what is logged, and whose address that is.
func (l *Logged) text() string {
	switch l.Who {
	case TheVisitor:
		return l.RemoteAddr + " (right)"
	case TheForger:
		return l.RemoteAddr + " (the address that the visitor wrote)"
	case TheNLB:
		return l.RemoteAddr + " (the NLB)"
	case AProxy:
		return l.RemoteAddr + " (the hop before)"
	case Refused:
		return l.RemoteAddr + " (the request is refused with 400)"
	case Closed:
		return "nothing: nginx closes the connection (broken header)"
	case Nobody:
		return "nothing: no server listens there"
	case NotKnown:
		return "not known"
	}
	return l.RemoteAddr + " (nobody of the chain)"
}

func (t *textWriter) findings() {
	for i, f := range t.Result.Findings {
		t.line("")
		t.fold(fmt.Sprintf("%d. ", i+1), "   ", fmt.Sprintf("%s (%s, %s)", f.Title, f.Code, f.Hop))
	}
}

func (t *textWriter) changes() {
	t.line("")
	if len(t.Result.Changes)+len(t.Result.TargetGroup) == 0 {
		t.line("No change is known that puts it right.")
		return
	}
	t.line("Where:")
	for _, g := range t.Result.TargetGroup {
		t.fold("  ", "    ", "the target group of the NLB: set "+g)
	}
	for i := range t.Result.Changes {
		c := &t.Result.Changes[i]
		why := strings.Join(c.Why, "; ")
		if why == "" {
			why = "changes with the others"
		}
		t.fold("  ", "    ", c.At()+": "+why)
	}
	if len(t.Result.Changes) > 0 {
		t.line("")
		t.line("--diff prints the change of these files, for patch.")
	}
	if len(t.Result.TargetGroup) > 0 && len(t.Result.Changes) > 0 {
		t.fold("", "", "Do both at the same time: requests fail while only one is done.")
	}
	if !t.Fixed {
		t.line("The chain is not right with this change yet. Check it again afterwards.")
	}
}

func (t *textWriter) list(title string, texts []string) {
	if len(texts) == 0 {
		return
	}
	t.line("")
	t.line("%s:", title)
	for _, text := range texts {
		t.fold("  ", "    ", text)
	}
}
