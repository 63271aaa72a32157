package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"clearhop/diagnose"
	"clearhop/internal/terminal"
	"clearhop/verdict"
)

// A paint is an SGR escape sequence, or nothing.
type paint struct{ bold, red, green, yellow, dim, off string }

func paints(on bool) paint {
	if !on {
		return paint{}
	}
	return paint{bold: "\x1b[1m", red: "\x1b[1;31m", green: "\x1b[1;32m", yellow: "\x1b[33m", dim: "\x1b[2m", off: "\x1b[0m"}
}

// textWidth is how wide the report's sentences are.
const textWidth = 96

// A reportWriter prints a report for a person.
type reportWriter struct {
	io.Writer
	*diagnose.Report
	paint
}

func writeReport(w io.Writer, r *diagnose.Report, colours bool) {
	t := &reportWriter{Writer: w, Report: r, paint: paints(colours)}
	t.headline()
	for i := range r.Findings {
		t.finding(i+1, &r.Findings[i])
	}
	t.joined()
	t.missing()
	t.rest()
	t.chain()
	t.read()
}

func (t *reportWriter) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// wrapped prints a text with an indent, broken at spaces.
func (t *reportWriter) wrapped(indent, text string) {
	hang := indent
	at := 0
	for _, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case at == 0:
			fmt.Fprint(t, hang, word)
			at = len(hang) + n
		case at+1+n > textWidth:
			fmt.Fprint(t, "\n", hang, word)
			at = len(hang) + n
		default:
			fmt.Fprint(t, " ", word)
			at += 1 + n
		}
	}
	t.line("")
}

func (t *reportWriter) headline() {
	switch t.State {
	case diagnose.Healthy:
		t.line("%sNo fault can be seen%s in %s.", t.green, t.off, terminal.Plural(t.Read.Judged, "line"))
	case diagnose.Broken:
		n := int64(len(t.Findings))
		t.line("%sThe chain is broken: %s.%s", t.red, terminal.Plural(n, "finding"), t.off)
	default:
		t.line("%sNothing could be judged.%s", t.yellow, t.off)
		t.wrapped("", t.whyNothing())
	}
}

func (t *reportWriter) whyNothing() string {
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

func (t *reportWriter) finding(number int, f *diagnose.Finding) {
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
	t.line("%s%d. %s%s", t.bold, number, title, t.off)
	if len(f.Alternatives) > 0 {
		t.cause('a', f.Title)
		for i := range f.Alternatives {
			t.cause('b'+rune(i), f.Alternatives[i].Title)
		}
	}
	t.line("   %s%s%s", t.dim, name, t.off)
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
		t.cure("To mend it", f.Cure)
		return
	}
	for i, a := range f.Alternatives {
		t.wrapped("   ", fmt.Sprintf("To tell whether it is %c: %s.", 'b'+rune(i), plain(a.TellApart)))
	}
	t.line("")
	t.cure("If it is a", f.Cure)
	for i, a := range f.Alternatives {
		if len(a.Cure) > 0 {
			t.cure(fmt.Sprintf("If it is %c", 'b'+rune(i)), a.Cure)
		}
	}
}

func (t *reportWriter) cause(letter rune, title string) {
	t.line("   %s%c. %s%s", t.bold, letter, plain(title), t.off)
}

func (t *reportWriter) times(f *diagnose.Finding) {
	if f.Since != nil {
		t.wrapped("   ", fmt.Sprintf("Since %s. Before that %s right.", stamp(*f.Since), were(f.RightBefore)))
	}
	if f.Until != nil {
		t.wrapped("   ", fmt.Sprintf("The last one is of %s. After that %s right: it may be mended.", stamp(*f.Until), were(f.RightAfter)))
	}
}

func (t *reportWriter) evidence(lines []diagnose.Line) {
	for _, l := range lines {
		source := terminal.Printable(l.Source)
		if source == "-" {
			source = "standard input"
		}
		if !l.Time.IsZero() {
			source += ", " + stamp(l.Time)
		}
		t.line("")
		t.line("     %s%s%s", t.dim, source, t.off)
		t.line("     %s", l.Text)
	}
}

// share says how many lines show it, and where.
func (t *reportWriter) share(f *diagnose.Finding) string {
	text := fmt.Sprintf("%d of %s (%s)", f.Lines, terminal.Plural(f.Of, "line"), terminal.Percent(f.Lines, f.Of))
	if f.Joined > 0 {
		text += fmt.Sprintf(", and %s that both hops logged", terminal.Plural(f.Joined, "request"))
	}
	list := func(parts []diagnose.Part, word string) string {
		var shown, without []string
		for _, p := range parts {
			switch {
			case p.Lines == 0:
				without = append(without, fmt.Sprintf("%s (%s)", terminal.Printable(p.Name), terminal.Plural(p.Of, "line")))
			case p.Of > 0:
				shown = append(shown, fmt.Sprintf("%s (%d of %d)", terminal.Printable(p.Name), p.Lines, p.Of))
			default:
				shown = append(shown, fmt.Sprintf("%s (%d)", terminal.Printable(p.Name), p.Lines))
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

func (t *reportWriter) cure(lead string, steps []diagnose.Step) {
	for _, s := range steps {
		t.line("   %s, %s:", lead, s.Where)
		for _, l := range s.Lines {
			t.line("     %s%s%s", t.green, l, t.off)
		}
		if s.Note != "" {
			t.wrapped("     ", s.Note)
		}
		lead = "and"
	}
}

func (t *reportWriter) joined() {
	j := t.Joined
	if j == nil {
		return
	}
	t.line("")
	text := fmt.Sprintf("Both hops logged %s", terminal.Plural(j.Requests, "request"))
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

func (t *reportWriter) missing() {
	if len(t.Missing) == 0 {
		return
	}
	t.line("")
	t.line("%sNot in the log_format%s, and what that costs:", t.bold, t.off)
	for _, m := range t.Missing {
		where := ""
		if len(m.Sources) > 0 {
			where = " (in " + terminal.Printable(strings.Join(m.Sources, ", ")) + ")"
		}
		t.wrapped("  ", m.Variable+where+": "+plain(m.Cost)+".")
	}
}

// rest prints what is no finding.
func (t *reportWriter) rest() {
	if len(t.Noted)+len(t.Advice) == 0 {
		return
	}
	t.line("")
	t.line("%sNo faults, but good to know:%s", t.bold, t.off)
	for _, n := range t.Noted {
		t.wrapped("  ", fmt.Sprintf("%s of %s (%s): %s.", terminal.Plural(n.Lines, "line"), n.Code, plain(n.Means), n.Why))
	}
	for _, a := range t.Advice {
		t.wrapped("  ", plain(a))
	}
}

func (t *reportWriter) chain() {
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
			terminal.Printable(g.Name), terminal.Printable(g.LoadBalancer), g.TargetType, g.Protocol, g.ProxyProtocolV2, g.PreserveClientIP))
	}
}

// roles prints what was inferred.
func (t *reportWriter) roles(c *diagnose.Chain) {
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
		t.wrapped("  ", fmt.Sprintf("probe: %s from %s, %s at a fixed pace", terminal.Printable(p.Path), p.Peer, terminal.Plural(p.Lines, "request")))
	}
}

const maxListed = 8

func (t *reportWriter) peers(as string, peers []diagnose.Peer) {
	for _, p := range peers[:min(len(peers), maxListed)] {
		seen := terminal.Plural(p.Lines, "line")
		if p.UserAgents > 0 {
			seen += ", " + terminal.Plural(int64(p.UserAgents), "user agent")
		}
		t.line("  %-11s %-15s %s: %s", as, p.Address, seen, p.Why)
	}
	if n := len(peers) - maxListed; n > 0 {
		t.line("  %-11s and %d more", as, n)
	}
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func (t *reportWriter) read() {
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
	text := fmt.Sprintf("Read %s: %s", terminal.Plural(r.Lines, "line"), strings.Join(parts, ", "))
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
		t.line("  %s: %s, %d of %s faulty", terminal.Printable(s.Name), hop, s.Faulty, terminal.Plural(s.Lines, "access line"))
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
