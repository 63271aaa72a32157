package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"clearhop/diagnose"
	"clearhop/encode/accesslog"
	"clearhop/internal/terminal"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/verdict"
)

// A summary is what a person wants to know of a run.
type summary struct {
	inputs int
	empty  int64 // lines
	counts
	visitors *diagnose.Visitors // nil unless the whole summary is asked for
	lines    bool               // lines of an access log were written, not events
	flags    string             // that the doctor needs to see the same chain
}

// counts are the sums of a summary.
type counts struct {
	tally    pipeline.Tally
	doubtful int64  // lines of which it is not known which column is the peer's
	doubted  string // the input of the first of them
}

// newSummary makes an empty summary. whole says that more is to be printed than
// the one line that ends every run. Without it nothing is kept of the lines' texts.
func newSummary(whole bool, c *pipeline.Config) *summary {
	s := &summary{flags: doctorFlags(c)}
	if whole {
		s.visitors = diagnose.NewVisitors(len(c.Client.NLB)+len(c.Client.Trusted) == 0)
	}
	return s
}

// add counts one outcome.
func (c *counts) add(out *pipeline.Outcome) {
	c.tally.Add(out)
	if r := out.Record; r.Dataset == record.AccessLine && r.Access.Logged.Has(record.LoggedOtherPeer) {
		if c.doubtful++; c.doubtful == 1 {
			c.doubted = r.Line.Origin.Source
		}
	}
}

// merge adds the counts of later lines.
func (c *counts) merge(later *counts) {
	c.tally.Merge(&later.tally)
	if c.doubtful == 0 {
		c.doubted = later.doubted
	}
	c.doubtful += later.doubtful
}

// reset makes the counts empty and keeps their memory.
func (c *counts) reset() {
	c.tally.Reset()
	c.doubtful, c.doubted = 0, ""
}

// printCount prints the one line that ends every run, and for lines of an access log
// what became of them.
func (s *summary) printCount(w io.Writer) {
	t := &s.tally
	more := ""
	if n := t.Verdicts[verdict.HealthCheck]; n > 0 {
		more += "; " + terminal.Plural(n, "health check")
	}
	if t.Dropped > 0 {
		more += fmt.Sprintf("; %d dropped by rules", t.Dropped)
	}
	fmt.Fprintf(w, "clearhop: %s; %d with an NLB's private address%s\n", s.countLines(), s.tally.NLBVisitors(), more)
	if s.lines {
		fmt.Fprintf(w, "clearhop: %s\n", s.countWritten())
	}
}

// countLines says how many lines there were of each kind.
func (s *summary) countLines() string {
	t := &s.tally
	return fmt.Sprintf("%s: %d access, %d error, %d other, %d unparsed", terminal.Plural(t.Lines, "line"),
		t.Datasets[record.AccessLine], t.Datasets[record.ErrorLogLine], t.Datasets[record.OtherLine], t.Datasets[record.Unparsed])
}

// wroteNothing reports whether there were lines, and --as wrote none of them.
func (s *summary) wroteNothing() bool {
	n := &s.tally.Fates
	return s.lines && s.tally.Lines > 0 && n[accesslog.Written]+n[accesslog.WrittenUnknown]+n[accesslog.WrittenUnvouched] == 0
}

// countWritten says what became of the lines that --as asks for.
func (s *summary) countWritten() string {
	n := &s.tally.Fates
	var out, with []string
	add := func(list *[]string, n int64, text string) {
		if n > 0 {
			*list = append(*list, fmt.Sprintf("%d %s", n, text))
		}
	}
	add(&with, n[accesslog.WrittenUnknown], "without a known client")
	add(&with, n[accesslog.WrittenUnvouched], "whose client nobody vouches for")
	add(&out, n[accesslog.LeftOutNoAccess], "other than access lines")
	add(&out, n[accesslog.LeftOutUnreadable], "cut or private")
	add(&out, n[accesslog.LeftOutUnknown], "without a known client")
	add(&out, n[accesslog.LeftOutUnvouched], "whose client nobody vouches for")
	dashes := n[accesslog.WrittenUnknown] + n[accesslog.WrittenUnvouched]
	text := terminal.Plural(n[accesslog.Written]+dashes, "line") + " written"
	if dashes > 0 {
		text += fmt.Sprintf(", %d of them with - for the client (%s)", dashes, strings.Join(with, ", "))
	}
	if len(out) > 0 {
		text += "; left out: " + strings.Join(out, ", ")
	}
	if n[accesslog.WrittenUnvouched]+n[accesslog.LeftOutUnvouched] > 0 {
		text += ". Name your proxies with --nlb and --trusted, or take the visitors' word with --unvouched"
	}
	return text
}

// The rows of each part of a summary, so that all of it fits on a screen of 40 lines.
const (
	maxTimes   = 7
	maxClients = 5
	maxRobots  = 3
	maxTexts   = 3 // paths, hosts, formats and so on
	maxFaults  = 2
)

// print prints the whole summary. What matters most comes last, because it stays on
// the screen.
func (s *summary) print(page *page, p *pipeline.Pipeline) {
	t := &s.tally
	page.line("%sClearhop read %s%s (%s)", page.Title, terminal.Plural(int64(s.inputs), "input"), page.Off, s.countLines())
	if t.Datasets[record.AccessLine] > 0 {
		s.printRequests(page)
		s.printClients(page)
		s.printPaths(page)
	}
	s.printReading(page, p)
	s.printChain(page)
}

// printRequests prints when the requests came, and how they were answered.
func (s *summary) printRequests(page *page) {
	v := s.visitors
	title := "Requests: " + grouped(v.Requests)
	if v.HasBytes {
		title += ", " + byteSize(v.Bytes) + " sent"
	}
	apart := ""
	if v.HealthChecks > 0 {
		apart = "health checks apart: " + grouped(v.HealthChecks)
	}
	page.title(title, apart)
	page.bars(v.Times(maxTimes))
	if status := statusTexts(v.Status[:], v.Requests); len(status) > 0 {
		page.wrapped("  ", "status: "+strings.Join(status, ", "))
	}
}

// statusTexts gives the classes of statuses with their shares.
func statusTexts(counts []int64, of int64) []string {
	var texts []string
	for class, n := range counts {
		if name := fmt.Sprintf("%dxx", class); n > 0 {
			if class == 0 {
				name = "none"
			}
			texts = append(texts, fmt.Sprintf("%s %s (%s)", name, grouped(n), terminal.Percent(n, of)))
		}
	}
	return texts
}

// printClients prints the clients with the most requests: people first, then robots.
func (s *summary) printClients(page *page) {
	v := s.visitors
	people, morePeople := v.Clients(maxClients)
	robots, moreRobots := v.Programs(maxRobots)
	if len(people) == 0 {
		robots, moreRobots = v.Programs(maxClients)
	}
	note := ""
	if v.Unvouched > 0 {
		note = "? nobody vouches for it"
	}
	if len(people) > 0 || v.Unknown > 0 {
		page.title("Clients", note)
		page.clients(people, v.Requests)
		page.more(morePeople)
		note = ""
	}
	if v.Unknown > 0 {
		page.row(fmt.Sprintf("%8s  %6s  not known", grouped(v.Unknown), terminal.Percent(v.Unknown, v.Requests)))
	}
	if len(robots) > 0 {
		page.title("Robots and tools: "+grouped(v.Robots)+" of the requests", note)
		page.clients(robots, v.Requests)
		page.more(moreRobots)
	}
}

// printPaths prints what was asked for.
func (s *summary) printPaths(page *page) {
	page.line("")
	list := func(title string, all []diagnose.Counted, more int) {
		entries := make([]entry, len(all))
		for i, c := range all {
			entries[i] = entry{c.Text, c.Requests}
		}
		page.list("", title, s.visitors.Requests, entries, more)
	}
	paths, more := s.visitors.Paths(maxTexts)
	list("Paths", paths, more)
	if hosts, more := s.visitors.Hosts(maxTexts); len(hosts) > 1 {
		list("Hosts", hosts, more)
	}
}

// printReading says how the input was read.
func (s *summary) printReading(page *page, p *pipeline.Pipeline) {
	t := &s.tally
	page.title("How it was read", "")
	list := func(what string, of int64, entries []entry, limit int) {
		first := top(entries, limit)
		page.list("  ", what, of, first, len(entries)-len(first))
	}
	list("access lines as", t.Datasets[record.AccessLine], named(t.Formats), maxTexts)
	list("in envelopes of", t.Lines, coded(t.Envelopes[:]), maxTexts)
	list("error lines", t.Datasets[record.ErrorLogLine], named(t.Levels), maxTexts)
	list("unparsed because", t.Datasets[record.Unparsed], causes(t.Causes), 2)
	list("dropped by the rule", t.Lines, named(t.DroppedBy), maxTexts)
	list("sent to the route", t.Lines, named(t.Routes), maxTexts)
	if s.lines {
		page.wrapped("  ", s.countWritten())
	}
	if s.empty > 0 {
		page.wrapped("  ", "empty lines left out: "+grouped(s.empty))
	}
	page.wrapped("  ", placesFrom(p))
	if t.LookupErrors > 0 {
		page.wrapped("  ", "look-ups that failed in a damaged GeoIP database: "+grouped(t.LookupErrors))
	}
}

// placesFrom says which databases the countries and networks come from.
func placesFrom(p *pipeline.Pipeline) string {
	var texts []string
	for _, db := range p.Databases() {
		text := fmt.Sprintf("%s of %s", db.Path, db.Built.Format("2006-01-02"))
		if db.Stale {
			text += ", which is older than geo-max-age allows"
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return "countries and networks: no GeoIP database is given (make geoip builds two)"
	}
	return "countries and networks: " + strings.Join(texts, "; ")
}

// printChain says what is wrong with the chain, and what to do next.
func (s *summary) printChain(page *page) {
	t := &s.tally
	page.line("")
	judged := int64(0)
	for _, n := range t.Reasons {
		judged += n
	}
	judged -= t.Reasons[verdict.HealthCheckProbe]
	own := s.visitors.Own()
	counts, faulty := t.Reasons, t.Faults()
	for reason, n := range own.Faults {
		counts[reason] -= n
		faulty -= n
	}
	faults := faultsOf(&counts)
	switch {
	case judged == 0:
		page.line("%sThe chain: nothing can be said, because no line shows a request.%s", page.Unknown, page.Off)
		return
	case len(faults) == 0 && s.doubtful > 0:
		page.line("%sThe chain: it is not known which column is the peer's in %s.%s", page.Unknown, terminal.Plural(s.doubtful, "line"), page.Off)
		page.line("The doctor gives the settings that say which it is:")
		file := "FILE"
		if s.doubted != "-" {
			file = shellWord(s.doubted)
		}
		page.line("  %sclearhop doctor %s%s%s", page.Config, s.flags, file, page.Off)
		return
	case len(faults) == 0:
		page.line("%sThe chain: no line shows a fault.%s", page.Healthy, page.Off)
		s.printNLB(page, &own)
		return
	}
	page.line("%sThe chain: %s of %s %s a fault.%s", page.Broken, grouped(faulty), terminal.Plural(judged, "line"), shows(faulty), page.Off)
	s.printNLB(page, &own)
	for _, r := range faults[:min(maxFaults, len(faults))] {
		page.wrapped("  ", fmt.Sprintf("%s%s, %s%s: %s", r, s.hopsOf(r), terminal.Plural(counts[r], "line"), s.historyOf(r),
			strings.ReplaceAll(r.Info().Means, "`", "")))
	}
	page.more(len(faults) - maxFaults)
	page.line("The doctor says which of the possible causes it is, since when, and the fix:")
	page.line("  %sclearhop doctor %s%s%s", page.Config, s.flags, s.doctorFiles(), page.Off)
}

// hopsOf names the hops that show a fault.
func (s *summary) hopsOf(fault verdict.Reason) string {
	var hops []string
	for hop, n := range s.tally.Hops[fault] {
		if n > 0 {
			hops = append(hops, "the "+verdict.Hop(hop).String()+" hop")
		}
	}
	if len(hops) == 0 {
		return ""
	}
	return " at " + strings.Join(hops, " and ")
}

// historyOf says when a fault began and ended, where lines before or after it were
// right.
func (s *summary) historyOf(fault verdict.Reason) string {
	const layout = "2006-01-02 15:04:05 UTC"
	since, until := s.visitors.History(fault)
	text := ""
	if !since.IsZero() {
		text += ", since " + since.Format(layout)
	}
	if !until.IsZero() {
		text += ", until " + until.Format(layout) + " (lines after that are right)"
	}
	return text
}

// shows is the verb for n lines.
func shows(n int64) string {
	if n == 1 {
		return "shows"
	}
	return "show"
}

// printNLB says how many requests still show the load balancer's address, and which
// private addresses are taken for clients of your own instead.
func (s *summary) printNLB(page *page, own *diagnose.Own) {
	if n := s.tally.NLBVisitors() - own.Lines; n > 0 {
		text := fmt.Sprintf("%s of %s still %s an NLB's private address", grouped(n), terminal.Plural(s.visitors.Requests, "request"), shows(n))
		if s.tally.NLBInferred > 0 {
			text += " (private addresses count, because neither --nlb nor --trusted is given)"
		}
		page.wrapped("  ", text)
	}
	if len(own.Addresses) > 0 {
		const most = 3
		var texts []string
		for _, addr := range own.Addresses[:min(len(own.Addresses), most)] {
			texts = append(texts, addr.String())
		}
		more := ""
		if n := len(own.Addresses) - most; n > 0 {
			more = fmt.Sprintf(" and %d more", n)
		}
		page.wrapped("  ", fmt.Sprintf("%s from %s%s: probably clients of your own, and not counted as the NLB. Name them with --internal, and the NLB with --nlb, to be sure",
			terminal.Plural(own.Lines, "request"), strings.Join(texts, ", "), more))
	}
}

// doctorFlags returns the settings by which the lines were read and judged, as flags of
// the doctor. Each ends with a space.
func doctorFlags(c *pipeline.Config) string {
	text := ""
	add := func(flag, value string) { text += "--" + flag + " " + shellWord(value) + " " }
	if len(c.Client.NLB) > 0 {
		add("nlb", strings.Join(c.Client.NLB, ","))
	}
	if len(c.Client.Trusted) > 0 {
		add("trusted", strings.Join(c.Client.Trusted, ","))
	}
	for _, format := range c.Parser.Format {
		if format != parser.Auto {
			add("format", format)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Parser.JSONKey)) {
		add("json-key", key+"="+c.Parser.JSONKey[key])
	}
	return text
}

// doctorFiles names the inputs with the most faults as words of a shell.
func (s *summary) doctorFiles() string {
	var words []string
	for _, name := range s.visitors.Faulty(2) {
		if name == "-" {
			return "FILE"
		}
		words = append(words, shellWord(name))
	}
	return strings.Join(words, " ")
}

// shellWord returns text as one word of a shell.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_-./=,:@+%", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(terminal.Printable(text), "'", `'\''`) + "'"
}

// faultsOf returns the faults that lines show, the most frequent first.
func faultsOf(counts *[verdict.NumReasons]int64) []verdict.Reason {
	var faults []verdict.Reason
	for _, r := range verdict.Reasons() {
		if r.IsFault() && counts[r] > 0 {
			faults = append(faults, r)
		}
	}
	slices.SortStableFunc(faults, func(a, b verdict.Reason) int { return cmp.Compare(counts[b], counts[a]) })
	return faults
}

// An entry is a name and its count.
type entry struct {
	name string
	n    int64
}

// named returns the entries of counts by name.
func named(counts pipeline.Names) []entry {
	entries := make([]entry, len(counts))
	for i, c := range counts {
		entries[i] = entry{name: c.Name, n: c.N}
	}
	return entries
}

// coded returns the entries of counts by kind of envelope, those of zero left out.
func coded(counts []int64) []entry {
	var entries []entry
	for i, n := range counts {
		if n > 0 {
			entries = append(entries, entry{name: record.EnvelopeKind(i).String(), n: n})
		}
	}
	return entries
}

func causes(counts map[pipeline.Cause]int64) []entry {
	var entries []entry
	for c, n := range counts {
		entries = append(entries, entry{name: c.String(), n: n})
	}
	return entries
}

// top returns the entries with the highest counts, at most limit. It sorts
// entries.
func top(entries []entry, limit int) []entry {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.name, b.name))
	})
	return entries[:min(limit, len(entries))]
}
