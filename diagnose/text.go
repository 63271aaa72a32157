package diagnose

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"clearhop/internal/terminal"

	"clearhop/enrich/clientip"
	"clearhop/verdict"
)

// A Style says how WriteText writes.
type Style struct {
	// Width is how many columns of a terminal the report has; 0 stands for 80.
	// Sentences are at most 100 columns wide, which is as much as can be read. Lines
	// to paste are never broken.
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

const (
	defaultWidth = 80
	widest       = 100 // of sentences
	narrowest    = 30  // words would be broken
)

// WriteText writes the report for a person, in one call of w.Write. All of it is
// printable, whatever a visitor sent. The error is that of w.
func (r *Report) WriteText(w io.Writer, style Style) error {
	t := newTextWriter(r, style)
	t.headline()
	for i := range r.Findings {
		t.finding(i+1, &r.Findings[i])
	}
	t.joined()
	t.missing()
	t.unnamed()
	t.noFaults()
	t.readAs()
	t.chain()
	t.read()
	t.sources()
	_, err := w.Write(t.out.Bytes())
	return err
}

// A textWriter writes a report for a person, section by section.
type textWriter struct {
	out *bytes.Buffer
	*Report
	screen int // columns
	width  int // columns of sentences
	Paint
}

func newTextWriter(r *Report, style Style) *textWriter {
	if style.Width == 0 {
		style.Width = defaultWidth
	}
	width := max(style.Width, narrowest)
	return &textWriter{out: &bytes.Buffer{}, Report: r, screen: width, width: min(width, widest), Paint: style.Paint}
}

func (t *textWriter) line(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

// wrapped writes a text in lines of the width, each with an indent.
func (t *textWriter) wrapped(indent, text string) { t.fold(indent, indent, text, t.width, "", "") }

// hanging writes a text behind a lead. The lines after the first are indented.
func (t *textWriter) hanging(lead, text string) {
	t.fold(lead, strings.Repeat(" ", 4), text, t.width, "", "")
}

// fold writes the words of a text in lines of a width. first stands before the
// first line and rest before the others; on and off mark each line. A word that is
// wider than a line keeps a line to itself.
func (t *textWriter) fold(first, rest, text string, width int, on, off string) {
	line, at := "", terminal.Columns(first)
	lead := first
	for _, word := range strings.Fields(text) {
		n := terminal.Columns(word)
		switch {
		case line == "":
			line, at = word, at+n
		case at+1+n > width:
			t.line("%s%s%s%s", lead, on, line, off)
			lead, line, at = rest, word, terminal.Columns(rest)+n
		default:
			line, at = line+" "+word, at+1+n
		}
	}
	t.line("%s%s%s%s", lead, on, line, off)
}

func (t *textWriter) headline() {
	switch t.State {
	case Healthy:
		t.line("%sNo fault can be seen%s in %s.", t.Paint.Healthy, t.Off, terminal.Plural(t.Read.Judged, "line"))
	case Broken:
		text := "The chain is broken"
		if ended, ok := t.ended(); ok {
			text = "The chain was broken until " + stamp(ended) + ", and it is right since"
		}
		if !slices.ContainsFunc(t.Findings, func(f Finding) bool { return !cause{reason: f.Code}.isUnlisted() }) {
			text = "The addresses given are out of date"
		}
		t.fold("", "", text+": "+terminal.Plural(int64(len(t.Findings)), "finding")+".", t.width, t.Paint.Broken, t.Off)
	case Uncertain:
		text := "The chain may be broken"
		if ended, ok := t.ended(); ok {
			text = "The chain may have been broken until " + stamp(ended) + ", and it is right since"
		}
		t.fold("", "", text+": "+terminal.Plural(int64(len(t.Findings)), "finding")+".", t.width, t.Paint.Unknown, t.Off)
	default:
		if t.isInDoubt() {
			t.line("%sIt cannot be judged whether the chain is right.%s", t.Paint.Unknown, t.Off)
			t.wrapped("", t.Read.whyInDoubt())
			return
		}
		t.line("%sNothing could be judged.%s", t.Paint.Unknown, t.Off)
		t.wrapped("", t.Read.whyNothing())
	}
}

// isInDoubt reports whether it is not known which column is the peer's.
func (r *Report) isInDoubt() bool { return r.State == Unknown && r.Read.Doubtful > 0 }

// whyInDoubt says why lines that seem to be right acquit nobody.
func (r *Read) whyInDoubt() string {
	text := fmt.Sprintf("In %d of %s, nobody has said which column is $remote_addr. The one that is read as $remote_addr holds visitors' addresses, and another one always holds an address like an NLB's. "+
		"If the other one is $remote_addr, nginx does not know its clients. The settings below, under \"How the lines are read\", say which it is: give the right one.", r.Doubtful, terminal.Plural(r.Access, "access line"))
	if r.Judged > 0 {
		text += " No fault can be seen in " + terminal.Plural(r.Judged, "other line") + "."
	}
	return text
}

// ended returns when the last finding ended. It reports false if one of them has not.
func (r *Report) ended() (last time.Time, ok bool) {
	for i := range r.Findings {
		until := r.Findings[i].Until
		if until == nil {
			return time.Time{}, false
		}
		if until.After(last) {
			last = *until
		}
	}
	return last, len(r.Findings) > 0
}

// whyNothing says why none of the lines could be judged.
func (r *Read) whyNothing() string {
	switch {
	case r.Lines == 0 && r.LeftOut > 0:
		return "No line was logged in the time asked for."
	case r.Lines == 0:
		return "There was no line to read."
	case r.Access == 0 && r.Unparsed > 0:
		return "No line is an access line of a known format. Give the log_format with --format, or --format @nginx.conf."
	case r.Access == 0 && r.InDoubt > 0:
		return "A visitor can have written every access line: all of them stand inside records of the error log, or on stderr. Give the access log alone."
	case r.Access == 0:
		return "There is no access line. Error lines say something about the chain only where the PROXY protocol is missing."
	case r.Masked > 0 && r.Masked >= r.Access/2:
		return "Masked logs cannot be judged: $remote_addr is no address in these lines. Give lines that are not masked."
	case r.HealthChecks+r.Probes > 0:
		return "There are only health checks and refused requests, and no request of a visitor. Give more lines."
	}
	return "All requests were refused before nginx could know the client. Give more lines."
}

// joined says what the requests show that both hops logged.
func (t *textWriter) joined() {
	j := t.Joined
	if j == nil {
		return
	}
	t.line("")
	text := "Both hops logged " + terminal.Plural(j.Requests, "request")
	if j.Sampled {
		text = "In a sample, both hops logged " + terminal.Plural(j.Requests, "request")
	}
	t.wrapped("", text+": "+strings.Join(present([]amount{
		{j.Right, "%d went through both hops with the client"},
		{j.BeforeEdge, "%d reached the edge without a client"},
		{j.EdgeHandsOn, "%d left the edge without the client, which the edge knew"},
		{j.EdgeOwnLog, "%d left the edge with the client, although the edge's own log shows the NLB"},
		{j.Web, "%d left the edge with the client, and the web hop did not use it"},
		{j.WebMasked, "%d left the edge with the client, and the log of the web hop holds no address"},
		{j.WebOther, "%d left the edge with one client, and the web hop took another address for the client"},
	}), "; ")+".")
}

// An amount is a number and what it counts.
type amount struct {
	n    int64
	text string // with %d for the number
}

// present returns the amounts that are not 0, each as a text.
func present(amounts []amount) (texts []string) {
	for _, a := range amounts {
		if a.n > 0 {
			texts = append(texts, strings.Replace(a.text, "%d", strconv.FormatInt(a.n, 10), 1))
		}
	}
	return texts
}

// missing lists the variables that were not logged.
func (t *textWriter) missing() {
	if len(t.Missing) == 0 {
		return
	}
	t.line("")
	t.line("%sNot in the log_format%s, and what that costs:", t.Paint.Title, t.Off)
	for _, m := range t.Missing {
		where := ""
		if len(m.Sources) > 0 {
			where = " (in " + terminal.Printable(strings.Join(m.Sources, ", ")) + ")"
		}
		t.wrapped("  ", m.Variable+where+": "+plain(m.Cost)+".")
	}
}

// unnamed asks for the log_format where it is not known.
func (t *textWriter) unnamed() {
	if len(t.Unnamed) == 0 {
		return
	}
	lines := "The lines"
	if len(t.Unnamed) < len(t.Sources) {
		lines += " of " + terminal.Printable(strings.Join(t.Unnamed[:min(len(t.Unnamed), maxListed)], ", "))
	}
	t.line("")
	t.wrapped("", lines+" have columns whose variables are not known. One of them may be $http_x_forwarded_for, or another variable that shows the client. "+
		"Give the log_format with --format, or --format @nginx.conf; clearhop format --from FILE proposes one.")
}

// noFaults writes what is no finding.
func (t *textWriter) noFaults() {
	if len(t.Noted)+len(t.Advice) == 0 {
		return
	}
	t.line("")
	t.line("%sGood to know, though no fault:%s", t.Paint.Title, t.Off)
	for _, n := range t.Noted {
		t.wrapped("  ", fmt.Sprintf("%s of %s (%s): %s.", terminal.Plural(n.Lines, "line"), n.Code, plain(n.Means), n.Why))
	}
	for _, a := range t.Advice {
		t.wrapped("  ", plain(a))
	}
}

// chain lists the addresses that the report rests on. Where nothing was judged
// and no address is known, there is nothing to list.
func (t *textWriter) chain() {
	c := &t.Chain
	inferred := c.InferredNLB || c.InferredTrusted
	if t.State == Unknown && inferred && c.NLB.Empty() && c.Trusted.Empty() && (c.Roles == nil || c.Roles.isEmpty()) && len(c.TargetGroups) == 0 {
		return
	}
	t.line("")
	switch {
	case !inferred:
		t.wrapped("", "The chain, as given: NLB "+orNone(c.NLB)+"; trusted "+orNone(c.Trusted)+".")
	case !c.InferredNLB:
		t.wrapped("", "The chain, partly inferred from these lines (give --trusted to be sure):")
		t.hanging("  ", "NLB, as given: "+orNone(c.NLB))
	case !c.InferredTrusted:
		t.wrapped("", "The chain, partly inferred from these lines (give --nlb to be sure):")
		t.hanging("  ", "trusted, as given: "+orNone(c.Trusted))
	default:
		t.wrapped("", "The chain, inferred from these lines (give --nlb and --trusted to be sure):")
	}
	t.peers("not given", append(slices.Clip(c.Unlisted.NLB), c.Unlisted.Edge...))
	if c.Roles != nil && inferred {
		t.roles(c)
	}
	for _, g := range c.TargetGroups {
		t.wrapped("  ", fmt.Sprintf("AWS: target group %s of the NLB %s (%s, %s): proxy_protocol_v2.enabled = %t, preserve_client_ip.enabled = %t",
			terminal.Printable(g.Name), terminal.Printable(g.LoadBalancer), g.TargetType, g.Protocol, g.ProxyProtocolV2, g.PreserveClientIP))
	}
}

func orNone(set clientip.Addresses) string {
	if set.Empty() {
		return "none"
	}
	return strings.Join(set.Texts(), ", ")
}

const maxListed = 8

// roles lists the addresses that were inferred.
func (t *textWriter) roles(c *Chain) {
	roles := c.Roles
	if c.InferredNLB {
		t.peers("NLB", roles.NLB)
	}
	if c.InferredTrusted {
		t.peers("edge", roles.Edge)
		t.cdn(roles.CDN)
	}
	if c.InferredNLB && c.InferredTrusted && roles.isWithoutProxies() {
		text := "no proxy was found"
		if t.State == Healthy {
			text += ": $remote_addr is a client's in all lines"
		}
		t.wrapped("  ", text)
	}
	t.peers("this host", roles.OnHost)
	t.peers("own clients", roles.Internal)
	for _, p := range roles.Probes[:min(len(roles.Probes), maxListed)] {
		t.wrapped("  ", fmt.Sprintf("probe: %s from %s, %s at a fixed pace", terminal.Printable(p.Path), p.Peer, terminal.Plural(p.Lines, "request")))
	}
}

func (t *textWriter) peers(as string, peers []Peer) {
	for _, p := range peers[:min(len(peers), maxListed)] {
		seen := terminal.Plural(p.Lines, "line")
		if p.UserAgents > 0 {
			seen += ", " + terminal.Plural(int64(p.UserAgents), "user agent")
		}
		t.hanging(fmt.Sprintf("  %-11s %-15s ", as, p.Address), fmt.Sprintf("%s: %s", seen, p.Why))
	}
	if n := len(peers) - maxListed; n > 0 {
		t.line("  %-11s and %d more", as, n)
	}
}

func (t *textWriter) cdn(networks []netip.Prefix) {
	if len(networks) == 0 {
		return
	}
	var texts []string
	for _, network := range networks[:min(len(networks), maxListed)] {
		texts = append(texts, network.String())
	}
	t.wrapped("  ", fmt.Sprintf("before the NLB: %s (%d in all)", strings.Join(texts, ", "), len(networks)))
}

// read says how many lines were read, and of which kinds.
func (t *textWriter) read() {
	r := &t.Read
	text := fmt.Sprintf("Read %s: %d judged", terminal.Plural(r.Lines, "line"), r.Judged)
	for _, kind := range present([]amount{
		{r.HealthChecks, terminal.Plural(r.HealthChecks, "health check") + " of the NLB"}, {r.Probes, terminal.Plural(r.Probes, "probe")},
		{r.Refused, "%d refused early"}, {r.Doubtful, "%d of which the peer is not known"}, {r.Masked, "%d without an address"}, {r.InDoubt, "%d in doubt"},
		{r.Errors, terminal.Plural(r.Errors, "error line")}, {r.Other, "%d other"}, {r.Unparsed, "%d unparsed"},
	}) {
		text += ", " + kind
	}
	if r.LeftOut > 0 {
		text += fmt.Sprintf("; %s of another time left out", terminal.Plural(r.LeftOut, "line"))
	}
	if r.First != nil && !r.First.Equal(*r.Last) {
		text += fmt.Sprintf("; from %s to %s", stamp(*r.First), stamp(*r.Last))
	}
	t.line("")
	t.wrapped("", text+".")
}

// sources lists the files or streams, where there are several.
func (t *textWriter) sources() {
	if len(t.Sources) < 2 {
		return
	}
	for _, s := range t.Sources[:min(len(t.Sources), maxListed)] {
		hop := "hop not known"
		if s.Hop != verdict.NoHop {
			hop = s.Hop.String() + " hop"
		}
		t.hanging("  ", fmt.Sprintf("%s: %s, %d of %s faulty", terminal.Printable(s.Name), hop, s.Faulty, terminal.Plural(s.Lines, "access line")))
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

// plain returns text without the quotes of Markdown.
func plain(text string) string { return strings.ReplaceAll(text, "`", "") }
