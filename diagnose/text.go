package diagnose

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"clearhop/enrich/clientip"
	"clearhop/verdict"
)

// A Style says how WriteText writes.
type Style struct {
	// Width is how many characters wide sentences are; 0 stands for 96. Lines to
	// paste and lines of the log are never broken.
	Width int
	// Paint marks parts of the text. The zero value marks none.
	Paint Paint
}

// A Paint is what is written before a part of the text, such as a terminal's
// escape sequence for a colour, and what is written after it.
type Paint struct {
	Title, Broken, Healthy, Unknown, Config, Minor string

	Off string // after each of them
}

const defaultWidth = 96

// WriteText writes the report for a person, in one call of w.Write. What nginx
// logged is printable in it, whatever a visitor sent. The error is that of w.
func (r *Report) WriteText(w io.Writer, style Style) error {
	if style.Width == 0 {
		style.Width = defaultWidth
	}
	var out bytes.Buffer
	t := &textWriter{out: &out, Report: r, width: style.Width, Paint: style.Paint}
	t.headline()
	for i := range r.Findings {
		t.finding(i+1, &r.Findings[i])
	}
	t.joined()
	t.missing()
	t.rest()
	t.chain()
	t.read()
	_, err := w.Write(out.Bytes())
	return err
}

// A textWriter writes a report for a person, section by section.
type textWriter struct {
	out *bytes.Buffer
	*Report
	width int
	Paint
}

func (t *textWriter) line(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

// wrapped prints a text with an indent, broken at spaces.
func (t *textWriter) wrapped(indent, text string) {
	hang := indent
	at := 0
	for _, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case at == 0:
			fmt.Fprint(t.out, hang, word)
			at = len(hang) + n
		case at+1+n > t.width:
			fmt.Fprint(t.out, "\n", hang, word)
			at = len(hang) + n
		default:
			fmt.Fprint(t.out, " ", word)
			at += 1 + n
		}
	}
	t.line("")
}

func (t *textWriter) headline() {
	switch t.State {
	case Healthy:
		t.line("%sNo fault can be seen%s in %s.", t.Paint.Healthy, t.Off, plural(t.Read.Judged, "line"))
	case Broken:
		n := int64(len(t.Findings))
		t.line("%sThe chain is broken: %s.%s", t.Paint.Broken, plural(n, "finding"), t.Off)
	default:
		t.line("%sNothing could be judged.%s", t.Paint.Unknown, t.Off)
		t.wrapped("", t.whyNothing())
	}
}

func (t *textWriter) whyNothing() string {
	switch read := &t.Read; {
	case read.Lines == 0:
		return "There was no line to read."
	case read.Access == 0 && read.Unparsed > 0:
		return "No line is an access line of a known format. Give the log_format with --format, or --format @nginx.conf."
	case read.Access == 0:
		return "There is no access line. Error lines tell of the chain only where the PROXY protocol does not come."
	case read.Masked > 0 && read.Masked >= read.Access/2:
		return "$remote_addr is no address in these lines: masked logs cannot be judged. Give lines from before the masking."
	case read.HealthChecks+read.Probes > 0:
		return "There are health checks only, and refused requests; none of a visitor. Give more lines."
	}
	return "All requests were refused before nginx could know the client. Give more lines."
}

func (t *textWriter) finding(number int, f *Finding) {
	t.line("")
	name := f.Code.String()
	title := f.Title
	if len(f.Alternatives) > 0 {
		title = "One of these is the cause, and the lines do not tell which:"
		for _, a := range f.Alternatives {
			name += " or " + a.Code.String()
		}
	}
	if f.Hop != verdict.NoHop {
		name += ", hop " + f.Hop.String()
	}
	t.line("%s%d. %s%s", t.Paint.Title, number, title, t.Off)
	if len(f.Alternatives) > 0 {
		t.cause('a', f.Title)
		for i := range f.Alternatives {
			t.cause('b'+rune(i), f.Alternatives[i].Title)
		}
	}
	t.line("   %s%s%s", t.Minor, name, t.Off)
	t.line("")
	t.wrapped("   ", t.share(f))
	t.times(f)
	if f.Why != "" {
		t.wrapped("   ", "How that is known: "+f.Why+".")
	}
	for i := range t.Findings {
		if f.FollowsFrom == t.Findings[i].Code {
			t.wrapped("   ", fmt.Sprintf("This may follow from %d: mend that first.", i+1))
		}
	}
	t.evidence(f.Evidence)
	t.line("")
	if len(f.Alternatives) == 0 {
		t.steps("To mend it", f.Steps)
		return
	}
	for i, a := range f.Alternatives {
		t.wrapped("   ", fmt.Sprintf("To tell whether it is %c: %s.", 'b'+rune(i), plain(a.TellApart)))
	}
	t.line("")
	t.steps("If it is a", f.Steps)
	for i, a := range f.Alternatives {
		if len(a.Steps) > 0 {
			t.steps(fmt.Sprintf("If it is %c", 'b'+rune(i)), a.Steps)
		}
	}
}

func (t *textWriter) cause(letter rune, title string) {
	t.line("   %s%c. %s%s", t.Paint.Title, letter, plain(title), t.Off)
}

func (t *textWriter) times(f *Finding) {
	if f.Since != nil {
		t.wrapped("   ", fmt.Sprintf("Since %s. Before that %s right.", stamp(*f.Since), were(f.RightBefore)))
	}
	if f.Until != nil {
		t.wrapped("   ", fmt.Sprintf("The last one is of %s. After that %s right: it may be mended.", stamp(*f.Until), were(f.RightAfter)))
	}
}

func (t *textWriter) evidence(lines []Line) {
	for _, l := range lines {
		source := printable(l.Source)
		if source == "-" {
			source = "standard input"
		}
		if !l.Time.IsZero() {
			source += ", " + stamp(l.Time)
		}
		t.line("")
		t.line("     %s%s%s", t.Minor, source, t.Off)
		t.line("     %s", l.Text)
	}
}

// share says how many lines show it, and where.
func (t *textWriter) share(f *Finding) string {
	text := fmt.Sprintf("%d of %s (%s)", f.Lines, plural(f.Of, "line"), percent(f.Lines, f.Of))
	if f.Joined > 0 {
		text += fmt.Sprintf(", and %s that both hops logged", plural(f.Joined, "request"))
	}
	list := func(parts []Part, word string) string {
		var shown, without []string
		for _, p := range parts {
			switch {
			case p.Lines == 0:
				without = append(without, fmt.Sprintf("%s (%s)", printable(p.Name), plural(p.Of, "line")))
			case p.Of > 0:
				shown = append(shown, fmt.Sprintf("%s (%d of %d)", printable(p.Name), p.Lines, p.Of))
			default:
				shown = append(shown, fmt.Sprintf("%s (%d)", printable(p.Name), p.Lines))
			}
		}
		s := word + " " + strings.Join(shown, ", ")
		if len(without) > 0 {
			s += "; none " + word + " " + strings.Join(without, ", ")
		}
		return s
	}
	if len(f.Peers) > 0 {
		text += ", " + list(f.Peers, "behind")
	}
	if len(f.Sources) > 1 || len(f.Sources) == 1 && f.Sources[0].Of < f.Of {
		text += "; " + list(f.Sources, "in")
	}
	return text + "."
}

func (t *textWriter) steps(lead string, steps []Step) {
	for _, s := range steps {
		t.line("   %s, %s:", lead, s.Where)
		for _, l := range s.Lines {
			t.line("     %s%s%s", t.Config, l, t.Off)
		}
		if s.Note != "" {
			t.wrapped("     ", s.Note)
		}
		lead = "and"
	}
}

func (t *textWriter) joined() {
	j := t.Joined
	if j == nil {
		return
	}
	t.line("")
	text := fmt.Sprintf("Both hops logged %s", plural(j.Requests, "request"))
	if j.Sampled {
		text += " of a sample"
	}
	var parts []string
	for _, p := range []struct {
		n    int64
		text string
	}{
		{j.Right, "went right through both"},
		{j.BeforeEdge, "reached the edge without a client"},
		{j.EdgeHandsOn, "lost the client between the edge and the web hop: the edge handed on something else"},
		{j.EdgeOwnLog, "were handed on right by an edge that logs the NLB itself"},
		{j.Web, "were handed on right, and the web hop did not take the client"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.text))
		}
	}
	t.wrapped("", text+": "+strings.Join(parts, "; ")+".")
}

func (t *textWriter) missing() {
	if len(t.Missing) == 0 {
		return
	}
	t.line("")
	t.line("%sNot in the log_format%s, and what that costs:", t.Paint.Title, t.Off)
	for _, m := range t.Missing {
		where := ""
		if len(m.Sources) > 0 {
			where = " (in " + printable(strings.Join(m.Sources, ", ")) + ")"
		}
		t.wrapped("  ", m.Variable+where+": "+plain(m.Cost)+".")
	}
}

// rest prints what is no finding.
func (t *textWriter) rest() {
	if len(t.Noted)+len(t.Advice) == 0 {
		return
	}
	t.line("")
	t.line("%sNo faults, but good to know:%s", t.Paint.Title, t.Off)
	for _, n := range t.Noted {
		t.wrapped("  ", fmt.Sprintf("%s of %s (%s): %s.", plural(n.Lines, "line"), n.Code, plain(n.Means), n.Why))
	}
	for _, a := range t.Advice {
		t.wrapped("  ", plain(a))
	}
}

func (t *textWriter) chain() {
	t.line("")
	c := &t.Chain
	switch {
	case !c.InferredNLB && !c.InferredTrusted:
		t.wrapped("", "The chain, as given: NLB "+orNone(c.NLB)+"; trusted "+orNone(c.Trusted)+".")
	case !c.InferredNLB:
		t.line("The chain, partly inferred from these lines (give --trusted to be sure):")
		t.wrapped("  ", "NLB, as given: "+orNone(c.NLB))
	case !c.InferredTrusted:
		t.line("The chain, partly inferred from these lines (give --nlb to be sure):")
		t.wrapped("  ", "trusted, as given: "+orNone(c.Trusted))
	default:
		t.line("The chain, inferred from these lines (give --nlb and --trusted to be sure):")
	}
	if c.Roles != nil && (c.InferredNLB || c.InferredTrusted) {
		t.roles(c)
	}
	for _, g := range t.Chain.TargetGroups {
		t.wrapped("  ", fmt.Sprintf("AWS: target group %s of the NLB %s (%s, %s): proxy_protocol_v2.enabled = %t, preserve_client_ip.enabled = %t",
			printable(g.Name), printable(g.LoadBalancer), g.TargetType, g.Protocol, g.ProxyProtocolV2, g.PreserveClientIP))
	}
}

// roles prints what was inferred.
func (t *textWriter) roles(c *Chain) {
	roles := c.Roles
	if c.InferredNLB {
		t.peers("NLB", roles.NLB)
	}
	if c.InferredTrusted {
		t.peers("edge", roles.Edge)
		if n := len(roles.CDN); n > 0 {
			var networks []string
			for _, network := range roles.CDN[:min(n, maxListed)] {
				networks = append(networks, network.String())
			}
			t.wrapped("  ", fmt.Sprintf("before the NLB: %s (%d in all)", strings.Join(networks, ", "), n))
		}
	}
	if len(roles.NLB)+len(roles.Edge) == 0 {
		t.line("  no proxy shows: $remote_addr is a client's everywhere")
	}
	t.peers("own clients", roles.Internal)
	for _, p := range roles.Probes[:min(len(roles.Probes), maxListed)] {
		t.wrapped("  ", fmt.Sprintf("probe: %s from %s, %s at a fixed pace", printable(p.Path), p.Peer, plural(p.Lines, "request")))
	}
}

const maxListed = 8

func (t *textWriter) peers(as string, peers []Peer) {
	for _, p := range peers[:min(len(peers), maxListed)] {
		seen := plural(p.Lines, "line")
		if p.UserAgents > 0 {
			seen += ", " + plural(int64(p.UserAgents), "user agent")
		}
		t.line("  %-11s %-15s %s: %s", as, p.Address, seen, p.Why)
	}
	if n := len(peers) - maxListed; n > 0 {
		t.line("  %-11s and %d more", as, n)
	}
}

func orNone(set clientip.Addresses) string {
	if set.Empty() {
		return "none"
	}
	return strings.Join(set.Texts(), ", ")
}

func (t *textWriter) read() {
	r := &t.Read
	parts := []string{fmt.Sprintf("%d judged", r.Judged)}
	for _, p := range []struct {
		n    int64
		text string
	}{
		{r.HealthChecks, "health checks of the NLB"}, {r.Probes, "probes"}, {r.Refused, "refused early"}, {r.Masked, "without an address"},
		{r.Errors, "error lines"}, {r.Other, "other"}, {r.Unparsed, "unparsed"},
	} {
		if p.n > 0 {
			parts = append(parts, strconv.FormatInt(p.n, 10)+" "+p.text)
		}
	}
	text := fmt.Sprintf("Read %s: %s", plural(r.Lines, "line"), strings.Join(parts, ", "))
	if r.First != nil && !r.First.Equal(*r.Last) {
		text += fmt.Sprintf("; from %s to %s", stamp(*r.First), stamp(*r.Last))
	}
	t.line("")
	t.wrapped("", text+".")
	if len(t.Sources) < 2 {
		return
	}
	for _, s := range t.Sources[:min(len(t.Sources), maxListed)] {
		hop := "hop not known"
		if s.Hop != verdict.NoHop {
			hop = s.Hop.String() + " hop"
		}
		t.line("  %s: %s, %d of %s faulty", printable(s.Name), hop, s.Faulty, plural(s.Lines, "access line"))
	}
	if n := len(t.Sources) - maxListed; n > 0 {
		t.line("  and %d more", n)
	}
}

func were(n int64) string {
	if n == 1 {
		return "1 line was"
	}
	return strconv.FormatInt(n, 10) + " lines were"
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }

// plain takes Markdown's quotes out.
func plain(text string) string { return strings.ReplaceAll(text, "`", "") }

// printable returns text without what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, text)
}

func percent(n, of int64) string {
	if of == 0 {
		return ""
	}
	return strconv.FormatFloat(100*share(n, of), 'f', 1, 64) + "%"
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatInt(n, 10) + " " + noun + "s"
}
