package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"clearhop/internal/terminal"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/verdict"
)

// A summary counts what a person wants to know of a run.
type summary struct {
	inputs int
	empty  int64

	lines, parsed, unparsed int64
	errorLines, otherLines  int64
	geoErrors               int64
	nlbPrivate, nlbInferred int64
	bots                    int64
	dropped                 int64

	verdicts  tally
	reasons   tally // of all records
	shown     tally // reasons of records that show an NLB's private address
	hops      map[string]tally
	countries tally
	networks  tally
	paths     tally
	statuses  tally
	unread    tally // why lines could not be read
	formats   tally // the log_formats that access lines were read with
	levels    tally // of error lines
	envelopes tally // that log routers wrapped around lines
	rules     tally // that left events out
	routes    tally // that rules sent events to
}

func newSummary() *summary {
	return &summary{
		verdicts: tally{}, reasons: tally{}, shown: tally{}, hops: map[string]tally{},
		countries: tally{}, networks: tally{}, paths: tally{}, statuses: tally{}, unread: tally{},
		formats: tally{}, levels: tally{}, envelopes: tally{}, rules: tally{}, routes: tally{},
	}
}

// A tally counts by name. It stops taking new names when it holds maxNames of
// them: a scanner asks for any number of paths.
type tally map[string]int64

const (
	maxNames = 50_000
	others   = "(others)"
)

func (t tally) add(name []byte) {
	if _, known := t[string(name)]; !known && len(t) >= maxNames {
		t[others]++
		return
	}
	t[string(name)]++
}

func (t tally) addText(name string) {
	if _, known := t[name]; !known && len(t) >= maxNames {
		name = others
	}
	t[name]++
}

// add counts one outcome.
func (s *summary) add(out *pipeline.Outcome) {
	r := out.Record
	s.lines++
	if out.Dropped {
		s.dropped++
		s.rules.addText(out.Rule)
	}
	if out.Route != "" {
		s.routes.addText(out.Route)
	}
	for _, kind := range r.Envelope.Kinds[:r.Envelope.Count] {
		s.envelopes.addText(kind.String())
	}
	switch r.Dataset {
	case record.ErrorLogLine:
		s.errorLines++
		s.levels.add(r.Error.Level)
		s.addReason(&r.Provenance)
		return
	case record.OtherLine:
		s.otherLines++
		return
	case record.Unparsed:
		s.unparsed++
		s.unread.addText(whyUnread(r))
		return
	}
	s.parsed++
	s.formats.addText(r.Format)
	if out.Err != nil {
		s.geoErrors++
	}
	p := &r.Provenance
	s.verdicts.addText(p.Verdict.String())
	s.addReason(p)
	if p.NLBPrivateIP {
		s.nlbPrivate++
		if p.NLBInferred {
			s.nlbInferred++
		}
		s.shown.addText(p.Reason.String())
	}
	if r.UserAgent.Bot {
		s.bots++
	}
	if r.Geo.CountryName != "" {
		s.countries.addText(r.Geo.CountryName)
	} else if r.Geo.State != "" { // the client is known, if only by a pseudonym
		s.countries.addText("(" + string(r.Geo.State) + ")")
	}
	if r.AS.Organization != "" {
		s.networks.addText(r.AS.Organization)
	}
	if r.URL.Path != nil {
		s.paths.add(r.URL.Path)
	}
	if r.Access.Status.Valid {
		s.statuses.addText(statusClass(r.Access.Status.N))
	}
}

// addReason counts the reason of an access line, or of an error line about the
// PROXY protocol.
func (s *summary) addReason(p *record.Provenance) {
	if p.Reason == verdict.NoReason {
		return
	}
	s.reasons.addText(p.Reason.String())
	if p.Hop != verdict.NoHop {
		if s.hops[p.Reason.String()] == nil {
			s.hops[p.Reason.String()] = tally{}
		}
		s.hops[p.Reason.String()].addText(p.Hop.String())
	}
}

func whyUnread(r *record.Record) string {
	if r.Line.Defect != record.Sound {
		return r.Line.Defect.String()
	}
	if r.ParseError.Variable != "" {
		return "$" + r.ParseError.Variable + ": " + r.ParseError.Reason
	}
	return r.ParseError.Reason
}

func statusClass(status int64) string {
	if status < 100 || status > 599 {
		return strconv.FormatInt(status, 10)
	}
	return strconv.FormatInt(status/100, 10) + "xx"
}

// printCount prints the one line that ends every run.
func (s *summary) printCount(w io.Writer) {
	dropped := ""
	if s.dropped > 0 {
		dropped = fmt.Sprintf("; %d dropped by rules", s.dropped)
	}
	fmt.Fprintf(w, "clearhop: %s: %d access, %d error, %d other, %d unparsed; %d with an NLB's private address%s\n",
		terminal.Plural(s.lines, "line"), s.parsed, s.errorLines, s.otherLines, s.unparsed, s.nlbPrivate, dropped)
}

// print prints the whole summary.
func (s *summary) print(w io.Writer, p *pipeline.Pipeline) {
	fmt.Fprintf(w, "Clearhop read %s from %s.\n\n", terminal.Plural(s.lines, "line"), terminal.Plural(int64(s.inputs), "input"))
	printTable(w, "Lines", s.lines, []entry{
		{"access lines", s.parsed, ""},
		{"error lines", s.errorLines, ""},
		{"other: an entrypoint's words, notices, lines that go on another one", s.otherLines, ""},
		{"unparsed", s.unparsed, ""},
	})
	printTable(w, "Formats of access lines (log_format)", s.parsed, s.formats.top(20))
	printTable(w, "Error lines by level", s.errorLines, s.levels.top(8))
	printTable(w, "Events dropped, by rule", s.lines, s.rules.top(20))
	printTable(w, "Events sent elsewhere, by route", s.lines, s.routes.top(20))
	printTable(w, "Envelopes of log routers", s.lines, s.envelopes.top(10))
	if s.unparsed > 0 {
		printTable(w, "Why lines could not be read", s.unparsed, s.unread.top(5))
	}
	if s.parsed == 0 {
		return
	}
	printTable(w, "Who the client is (verdict)", s.parsed, explain(s.verdicts.top(10), infos(verdict.Verdicts())))
	s.printChain(w)
	printTable(w, "Countries of clients", s.parsed, s.countries.top(5))
	printTable(w, "Networks of clients", s.parsed, s.networks.top(5))
	printTable(w, "Paths", s.parsed, s.paths.top(5))
	printTable(w, "Status", s.parsed, s.statuses.byName())
	fmt.Fprintf(w, "Bots and tools by their user agent: %d of %d.\n", s.bots, s.parsed)
	if s.geoErrors > 0 {
		fmt.Fprintf(w, "Look-ups that failed in a damaged GeoIP database: %d.\n", s.geoErrors)
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

// printChain says how many records show an NLB's address, why, and what mends
// it.
func (s *summary) printChain(w io.Writer) {
	inferred := ""
	if s.nlbInferred > 0 {
		inferred = " (inferred: no nlb or trusted was given, so every private address counts)"
	}
	fmt.Fprintf(w, "%d of %s still show an NLB's private address%s.\n\n",
		s.nlbPrivate, terminal.Plural(s.parsed, "access line"), inferred)
	if s.nlbPrivate > 0 {
		printTable(w, "Why they do (reason)", s.nlbPrivate, explain(s.shown.top(20), infos(verdict.Reasons())))
	}
	faults := tally{}
	for name, n := range s.reasons {
		if r, _ := verdict.ParseReason(name); r.IsFault() {
			faults[name] = n
		}
	}
	if len(faults) == 0 {
		fmt.Fprintf(w, "No line shows a fault of the chain.\n\n")
		return
	}
	fmt.Fprintln(w, "Faults of the chain, and what mends them")
	for _, e := range faults.top(20) {
		reason, _ := verdict.ParseReason(e.name)
		var hops []string
		for _, hop := range s.hops[e.name].byName() {
			hops = append(hops, fmt.Sprintf("%s %d", hop.name, hop.n))
		}
		fmt.Fprintf(w, "  %s: %s", e.name, terminal.Plural(e.n, "line"))
		if len(hops) > 0 {
			fmt.Fprintf(w, " (hop: %s)", strings.Join(hops, ", "))
		}
		fmt.Fprintf(w, "\n    %s\n", strings.ReplaceAll(reason.Info().Fix, "`", ""))
	}
	fmt.Fprintln(w)
}

// An entry is a row of a table.
type entry struct {
	name string
	n    int64
	note string
}

// top returns the entries with the highest counts, at most limit.
func (t tally) top(limit int) []entry {
	entries := t.byName()
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(b.n, a.n) })
	return entries[:min(limit, len(entries))]
}

// byName returns all entries in the order of their names.
func (t tally) byName() []entry {
	entries := make([]entry, 0, len(t))
	for _, name := range slices.Sorted(maps.Keys(t)) {
		entries = append(entries, entry{name: name, n: t[name]})
	}
	return entries
}

func infos[T interface{ Info() verdict.Info }](codes []T) []verdict.Info {
	all := make([]verdict.Info, len(codes))
	for i, c := range codes {
		all[i] = c.Info()
	}
	return all
}

// explain adds to entries what their codes mean.
func explain(entries []entry, docs []verdict.Info) []entry {
	for i := range entries {
		for _, d := range docs {
			if d.Code == entries[i].name {
				entries[i].note = strings.ReplaceAll(d.Means, "`", "")
			}
		}
	}
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
