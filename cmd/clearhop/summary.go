package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"clearhop/internal/terminal"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/verdict"
)

// A summary is what a person wants to know of a run.
type summary struct {
	inputs int
	empty  int64 // lines
	tally  pipeline.Tally
	tables *tables // nil unless the whole summary is asked for
}

// The tables of a summary count what a Tally does not. They cost time for each
// line.
type tables struct {
	countries names
	networks  names
	paths     names
	statuses  names
	bots      int64
}

// newSummary makes an empty summary. whole says that more is to be printed than
// the one line that ends every run.
func newSummary(whole bool) *summary {
	s := &summary{}
	if whole {
		s.tables = &tables{countries: names{}, networks: names{}, paths: names{}, statuses: names{}}
	}
	return s
}

// names counts by name. It takes no new names when it holds maxNames of them: a
// scanner asks for any number of paths.
type names map[string]int64

const (
	maxNames = 50_000
	others   = "(others)"
)

func (n names) add(name []byte) {
	if _, known := n[string(name)]; !known && len(n) >= maxNames {
		n[others]++
		return
	}
	n[string(name)]++
}

func (n names) addText(name string) {
	if _, known := n[name]; !known && len(n) >= maxNames {
		name = others
	}
	n[name]++
}

// add counts one outcome.
func (s *summary) add(out *pipeline.Outcome) {
	s.tally.Add(out)
	if s.tables != nil && out.Record.Dataset == record.AccessLine {
		s.tables.add(out.Record)
	}
}

// add counts an access line.
func (t *tables) add(r *record.Record) {
	if r.UserAgent.Bot {
		t.bots++
	}
	if r.Geo.CountryName != "" {
		t.countries.addText(r.Geo.CountryName)
	} else if r.Geo.State != "" { // the client is known, if only by a pseudonym
		t.countries.addText("(" + string(r.Geo.State) + ")")
	}
	if r.AS.Organization != "" {
		t.networks.addText(r.AS.Organization)
	}
	if r.URL.Path != nil {
		t.paths.add(r.URL.Path)
	}
	if r.Access.Status.Valid {
		t.statuses.addText(statusClass(r.Access.Status.N))
	}
}

func statusClass(status int64) string {
	if status < 100 || status > 599 {
		return strconv.FormatInt(status, 10)
	}
	return strconv.FormatInt(status/100, 10) + "xx"
}

// printCount prints the one line that ends every run.
func (s *summary) printCount(w io.Writer) {
	t := &s.tally
	dropped := ""
	if t.Dropped > 0 {
		dropped = fmt.Sprintf("; %d dropped by rules", t.Dropped)
	}
	fmt.Fprintf(w, "clearhop: %s: %d access, %d error, %d other, %d unparsed; %d with an NLB's private address%s\n",
		terminal.Plural(t.Lines, "line"), t.Datasets[record.AccessLine], t.Datasets[record.ErrorLogLine], t.Datasets[record.OtherLine], t.Datasets[record.Unparsed],
		t.NLBPrivate, dropped)
}

// print prints the whole summary.
func (s *summary) print(w io.Writer, p *pipeline.Pipeline) {
	t := &s.tally
	access := t.Datasets[record.AccessLine]
	fmt.Fprintf(w, "Clearhop read %s from %s.\n\n", terminal.Plural(t.Lines, "line"), terminal.Plural(int64(s.inputs), "input"))
	printTable(w, "Lines", t.Lines, []entry{
		{"access lines", access, ""},
		{"error lines", t.Datasets[record.ErrorLogLine], ""},
		{"other: an entrypoint's words, notices, lines that go on another one", t.Datasets[record.OtherLine], ""},
		{"unparsed", t.Datasets[record.Unparsed], ""},
	})
	printTable(w, "Formats of access lines (log_format)", access, top(named(t.Formats), 20))
	printTable(w, "Error lines by level", t.Datasets[record.ErrorLogLine], top(named(t.Levels), 8))
	printTable(w, "Events dropped, by rule", t.Lines, top(named(t.DroppedBy), 20))
	printTable(w, "Events sent elsewhere, by route", t.Lines, top(named(t.Routes), 20))
	printTable(w, "Envelopes of log routers", t.Lines, top(coded[record.EnvelopeKind](t.Envelopes[:]), 10))
	printTable(w, "Why lines could not be read", t.Datasets[record.Unparsed], top(causes(t.Causes), 5))
	if access == 0 {
		return
	}
	printTable(w, "Who the client is (verdict)", access, top(explained[verdict.Verdict](t.Verdicts[:]), 10))
	s.printChain(w)
	s.tables.print(w, access)
	if t.LookupErrors > 0 {
		fmt.Fprintf(w, "Look-ups that failed in a damaged GeoIP database: %d.\n", t.LookupErrors)
	}
	if s.empty > 0 {
		fmt.Fprintf(w, "Empty lines left out: %d.\n", s.empty)
	}
	for _, db := range p.Databases() {
		age := ""
		if db.Stale {
			age = ", which is older than geo-max-age allows"
		}
		fmt.Fprintf(w, "GeoIP: %s, built %s%s.\n", db.Path, db.Built.Format("2006-01-02"), age)
	}
	if len(p.Databases()) == 0 {
		fmt.Fprintln(w, "GeoIP: no database given, so no country and no network is known (make geoip builds one).")
	}
}

// print prints the tables of access lines.
func (t *tables) print(w io.Writer, access int64) {
	printTable(w, "Countries of clients", access, t.countries.top(5))
	printTable(w, "Networks of clients", access, t.networks.top(5))
	printTable(w, "Paths", access, t.paths.top(5))
	printTable(w, "Status", access, t.statuses.byName())
	fmt.Fprintf(w, "Bots and tools by their user agent: %d of %d.\n", t.bots, access)
}

// printChain says how many records show an NLB's address, why, and how to fix it.
func (s *summary) printChain(w io.Writer) {
	t := &s.tally
	inferred := ""
	if t.NLBInferred > 0 {
		inferred = " (inferred: no nlb or trusted was given, so every private address counts)"
	}
	fmt.Fprintf(w, "%d of %s still show an NLB's private address%s.\n\n",
		t.NLBPrivate, terminal.Plural(t.Datasets[record.AccessLine], "access line"), inferred)
	printTable(w, "Why they do (reason)", t.NLBPrivate, top(explained[verdict.Reason](t.NLBReasons[:]), 20))
	var faults []verdict.Reason
	for _, r := range verdict.Reasons() {
		if r.IsFault() && t.Reasons[r] > 0 {
			faults = append(faults, r)
		}
	}
	if len(faults) == 0 {
		fmt.Fprintf(w, "No line shows a fault of the chain.\n\n")
		return
	}
	slices.SortFunc(faults, func(a, b verdict.Reason) int {
		return cmp.Or(cmp.Compare(t.Reasons[b], t.Reasons[a]), cmp.Compare(a.String(), b.String()))
	})
	fmt.Fprintln(w, "Faults of the chain, and what mends them")
	for _, r := range faults {
		fmt.Fprintf(w, "  %s: %s", r, terminal.Plural(t.Reasons[r], "line"))
		var hops []string
		for _, hop := range coded[verdict.Hop](t.Hops[r][:]) {
			hops = append(hops, fmt.Sprintf("%s %d", hop.name, hop.n))
		}
		if len(hops) > 0 {
			fmt.Fprintf(w, " (hop: %s)", strings.Join(hops, ", "))
		}
		fmt.Fprintf(w, "\n    %s\n", strings.ReplaceAll(r.Info().Fix, "`", ""))
	}
	fmt.Fprintln(w)
}

// An entry is a row of a table.
type entry struct {
	name string
	n    int64
	note string
}

// named returns the entries of counts by name.
func named(counts pipeline.Names) []entry {
	entries := make([]entry, len(counts))
	for i, c := range counts {
		entries[i] = entry{name: c.Name, n: c.N}
	}
	return entries
}

// coded returns the entries of counts by code, those of zero left out, in the
// order of their names.
func coded[C interface {
	~uint8
	fmt.Stringer
}](counts []int64) []entry {
	var entries []entry
	for i, n := range counts {
		if n > 0 {
			entries = append(entries, entry{name: C(i).String(), n: n})
		}
	}
	sortByName(entries)
	return entries
}

// explained is coded, with the meaning of each code.
func explained[C interface {
	~uint8
	fmt.Stringer
	Info() verdict.Info
}](counts []int64) []entry {
	var entries []entry
	for i, n := range counts {
		if n > 0 {
			entries = append(entries, entry{C(i).String(), n, strings.ReplaceAll(C(i).Info().Means, "`", "")})
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

func sortByName(entries []entry) {
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
}

func (n names) top(limit int) []entry { return top(n.byName(), limit) }

// byName returns all entries in the order of their names.
func (n names) byName() []entry {
	entries := make([]entry, 0, len(n))
	for name, count := range n {
		entries = append(entries, entry{name: name, n: count})
	}
	sortByName(entries)
	return entries
}

// printTable prints rows of count, share and name under a title.
func printTable(w io.Writer, title string, of int64, entries []entry) {
	if len(entries) == 0 {
		return
	}
	fmt.Fprintln(w, title)
	width := 0
	for _, e := range entries {
		width = max(width, len([]rune(shortened(e.name))))
	}
	for _, e := range entries {
		line := fmt.Sprintf("  %8d  %6s  %-*s", e.n, terminal.Percent(e.n, of), width, shortened(e.name))
		if e.note != "" {
			line += "  " + e.note
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
	fmt.Fprintln(w)
}

const maxPrinted = 80

// shortened is printable, and no longer than a table's column.
func shortened(name string) string {
	name = terminal.Printable(name)
	if runes := []rune(name); len(runes) > maxPrinted {
		name = string(runes[:maxPrinted]) + "…"
	}
	return name
}
