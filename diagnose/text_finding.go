package diagnose

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"clearhop/internal/terminal"

	"clearhop/verdict"
)

// finding writes a finding: what is wrong, how many lines show it, two of them,
// and what to do.
func (t *textWriter) finding(number int, f *Finding) {
	t.line("")
	t.title(number, f)
	t.line("")
	t.account(f)
	t.followsFrom(f)
	for _, l := range f.Evidence {
		t.evidence(&l)
	}
	t.line("")
	switch {
	case len(f.Alternatives) > 0:
		t.alternatives(f)
	case f.SameFix != verdict.NoReason:
		t.sameFix(f)
	default:
		t.steps("To fix it", f.Steps)
	}
}

// account says how many lines show a finding, where and when, and how it is known.
func (t *textWriter) account(f *Finding) {
	t.shares(f)
	t.times(f)
	if f.Why != "" {
		t.wrapped("   ", "How this is known: "+f.Why+".")
	}
	if f.RestsOnGuess {
		t.wrapped("   ", "This rests on a guess, because nobody named the log_format. If the column that is read as $remote_addr is another variable, such as $realip_remote_addr, nothing may be broken. See below how the lines are read.")
	}
}

// WriteFinding writes finding i of the report alone, as a message about it needs it: the
// lines to paste are there even where one change fixes an earlier finding too. All of it
// is printable. The error is that of w.
func (r *Report) WriteFinding(w io.Writer, i int, style Style) error {
	f := r.Findings[i]
	t := newTextWriter(r, style)
	t.wrapped("", plain(f.Title)+".")
	for _, a := range f.Alternatives {
		t.wrapped("", "Or: "+plain(a.Title)+". The lines do not show which.")
	}
	t.line("")
	t.account(&f)
	if f.FollowsFrom != verdict.NoReason {
		t.wrapped("   ", "This may follow from the finding "+f.FollowsFrom.String()+" at the edge: fix that first.")
	}
	for _, l := range f.Evidence {
		t.evidence(&l)
	}
	t.line("")
	if len(f.Alternatives) > 0 {
		t.alternatives(&f)
	} else {
		t.steps("To fix it", f.Steps)
	}
	_, err := w.Write(t.out.Bytes())
	return err
}

// title writes what is wrong. Where several causes are left, each of them has a
// letter.
func (t *textWriter) title(number int, f *Finding) {
	title, name := f.Title, f.Code.String()
	if len(f.Alternatives) > 0 {
		title = "One of these is the cause. The lines do not show which:"
		for _, a := range f.Alternatives {
			name += " or " + a.Code.String()
		}
	}
	if f.Hop != verdict.NoHop {
		name += ", hop " + f.Hop.String()
	}
	t.fold(strconv.Itoa(number)+". ", "   ", plain(title), t.width, t.Paint.Title, t.Off)
	if len(f.Alternatives) > 0 {
		t.cause('a', f.Title)
	}
	for i, a := range f.Alternatives {
		t.cause(letter(i), a.Title)
	}
	t.fold("   ", "   ", name, t.width, t.Minor, t.Off)
}

// letter returns the letter of an alternative; a is the finding itself.
func letter(alternative int) rune { return 'b' + rune(alternative) }

func (t *textWriter) cause(letter rune, title string) {
	t.fold(fmt.Sprintf("   %c. ", letter), "      ", plain(title), t.width, t.Paint.Title, t.Off)
}

// shares says how many lines show a finding, and where.
func (t *textWriter) shares(f *Finding) {
	text := fmt.Sprintf("Seen in %d of %s (%s)", f.Lines, terminal.Plural(f.Of, "line"), terminal.Percent(f.Lines, f.Of))
	if f.HealthChecks > 0 {
		text += ", " + terminal.Plural(f.HealthChecks, "health check") + " among them"
	}
	if f.Joined > 0 {
		text += fmt.Sprintf(", and in %s that both hops logged", terminal.Plural(f.Joined, "request"))
	}
	t.wrapped("   ", text+".")
	if len(f.Peers) > 0 {
		t.wrapped("   ", "Peers: "+partsList(f.Peers)+".")
	}
	if len(f.Sources) > 1 || len(f.Sources) == 1 && f.Sources[0].Of < f.Of {
		t.wrapped("   ", "Logs: "+partsList(f.Sources)+".")
	}
}

// partsList lists the parts with lines of a finding, and after them those
// without.
func partsList(parts []Part) string {
	var with, without []string
	for _, p := range parts {
		name := terminal.Printable(p.Name)
		switch {
		case p.Lines == 0:
			without = append(without, fmt.Sprintf("%s (%s)", name, terminal.Plural(p.Of, "line")))
		case p.Of > 0:
			with = append(with, fmt.Sprintf("%s (%d of %d)", name, p.Lines, p.Of))
		default:
			with = append(with, fmt.Sprintf("%s (%d)", name, p.Lines))
		}
	}
	text := strings.Join(with, ", ")
	if len(without) > 0 {
		text += "; without it: " + strings.Join(without, ", ")
	}
	return text
}

// times says when a fault began or ended in the middle of the log.
func (t *textWriter) times(f *Finding) {
	if f.Since != nil {
		t.wrapped("   ", fmt.Sprintf("It began at %s. Before that, %s right.", stamp(*f.Since), were(f.RightBefore)))
	}
	if f.Until != nil {
		t.wrapped("   ", fmt.Sprintf("It ended at %s. After that, %s right: it may be fixed.", stamp(*f.Until), were(f.RightAfter)))
	}
}

func (t *textWriter) followsFrom(f *Finding) {
	for i := range t.Findings {
		if other := &t.Findings[i]; other.Code == f.FollowsFrom && other.Hop == verdict.Edge {
			t.wrapped("   ", fmt.Sprintf("This may follow from finding %d: fix that first.", i+1))
		}
	}
}

func (t *textWriter) evidence(l *Line) {
	source := terminal.Printable(l.Source)
	if source == "-" {
		source = "standard input"
	}
	if !l.Time.IsZero() {
		source += ", " + stamp(l.Time)
	}
	t.line("")
	t.fold("     ", "     ", source, t.screen, t.Minor, t.Off)
	t.fold("     ", "       ", l.Text, t.screen, "", "")
}

// alternatives says how to find out which cause it is, and what to do about
// each.
func (t *textWriter) alternatives(f *Finding) {
	for i, a := range f.Alternatives {
		t.wrapped("   ", fmt.Sprintf("To tell whether it is %c: %s.", letter(i), plain(a.TellApart)))
	}
	t.line("")
	t.steps("If it is a", f.Steps)
	for i, a := range f.Alternatives {
		t.steps(fmt.Sprintf("If it is %c", letter(i)), a.Steps)
	}
}

// sameFix says that the change for an earlier finding is that of this one too.
func (t *textWriter) sameFix(f *Finding) {
	for i := range t.Findings {
		if other := &t.Findings[i]; other.Code == f.SameFix && other.Hop == f.Hop {
			t.wrapped("   ", fmt.Sprintf("One change fixes both: that of finding %d.", i+1))
			return
		}
	}
}

// config writes lines to paste, which are never broken.
func (t *textWriter) config(indent string, lines []string) {
	for _, l := range lines {
		t.line("%s%s%s%s", indent, t.Config, l, t.Off)
	}
}

// steps writes the lines to paste.
func (t *textWriter) steps(lead string, steps []Step) {
	for _, s := range steps {
		if len(s.Forms) > 0 {
			t.wrapped("   ", lead+", "+s.Where+", in one of these ways:")
		} else {
			t.wrapped("   ", lead+", "+s.Where+":")
			t.config("     ", s.Lines)
		}
		for _, form := range s.Forms {
			t.wrapped("     ", form.Tool+":")
			t.config("       ", form.Lines)
		}
		if s.Note != "" {
			t.wrapped("     ", s.Note)
		}
		lead = "and"
	}
}
