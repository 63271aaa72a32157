package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"clearhop/analytics"
	"clearhop/diagnose"
	"clearhop/enrich/clientip"
	"clearhop/internal/terminal"
	"clearhop/verdict"
)

// The rows of each part of a report.
const (
	reportTimes  = 14 // at most, of the traffic over time
	reportRows   = 5
	reportFaults = 4
)

// A board is a part of the report that shows who or what has the most requests.
type board struct {
	question string
	name     string   // the column of what is counted
	about    []string // columns that say more about it
	clients  string   // the column that says how many clients there are; "" for none
}

var boards = []board{
	{"clients", "client", []string{"country", "network"}, ""},
	{"countries", "country", nil, "visitors"},
	{"networks", "network", nil, "clients"},
	{"paths", "path", nil, "clients"},
	{"referrers", "site", nil, "visitors"},
	{"agents", "agent", []string{"system"}, "clients"},
	{"robots", "agent", nil, "clients"},
	{"hosts", "host", nil, "clients"},
}

// A reportPage prints a Report of answers for a person: the chain, then the traffic,
// then who asked for what.
type reportPage struct {
	*page
	*analytics.Report
	diagnosis *diagnose.Report
	doctor    string   // the command that says more about a fault; "" if there is none
	notes     []string // what else has to be known of what was read
}

func (p *reportPage) print() {
	p.printHead()
	chain := p.Answers["chain"]
	if number(chain, 0, "lines") > 0 {
		p.printChain()
	}
	if number(chain, 0, "requests") == 0 {
		text := "There is no request in what was read."
		if w := p.Asked.Window; p.Asked.Where != "" || !w.Since.IsZero() || !w.Until.IsZero() {
			text = "There is no request in the time and under the condition asked for."
		}
		p.line("\n%s", text)
		return
	}
	p.printTraffic()
	p.printStatuses()
	p.printErrors()
	p.printLatency()
	for _, b := range boards {
		p.printBoard(b)
	}
}

// printHead says what the report is about.
func (p *reportPage) printHead() {
	chain := p.Answers["chain"]
	text := counted(number(chain, 0, "lines"), "line")
	first, last := timeIn(chain, 0, "first_seen"), timeIn(chain, 0, "last_seen")
	if !first.IsZero() {
		text += ", " + timeRange(first, last)
	}
	p.line("%sReport%s of %s", p.Title, p.Off, text)
	if p.Asked.Where != "" {
		p.wrapped("  ", "where "+terminal.Printable(p.Asked.Where))
	}
	for _, note := range p.notes {
		p.wrapped("  ", terminal.Printable(note))
	}
	if p.Before != nil {
		w := p.Asked.Window
		p.wrapped("  ", "compared with "+timeRange(w.Since.Add(w.Since.Sub(w.Until)), w.Since))
	}
}

// printChain says how many requests have a client, and what is broken.
func (p *reportPage) printChain() {
	chain := p.Answers["chain"]
	verdicts := p.diagnosis
	p.line("")
	switch verdicts.State {
	case diagnose.Healthy:
		p.line("%sThe chain: no fault can be seen%s", p.Healthy, p.Off)
	case diagnose.Unknown:
		p.line("%sThe chain: nothing can be said, because no line shows a request of a visitor%s", p.Unknown, p.Off)
	case diagnose.Uncertain:
		p.line("%sThe chain may be broken: %s%s", p.Unknown, terminal.Plural(int64(len(verdicts.Findings)), "finding"), p.Off)
	default:
		p.line("%sThe chain is broken: %s%s", p.Broken, terminal.Plural(int64(len(verdicts.Findings)), "finding"), p.Off)
	}
	for i := range verdicts.Findings[:min(reportFaults, len(verdicts.Findings))] {
		p.printFinding(&verdicts.Findings[i])
	}
	p.more(len(verdicts.Findings) - reportFaults)
	requests := number(chain, 0, "requests") - number(chain, 0, "health_checks")
	if requests > 0 {
		vouched := "vouched for: " + share(chain, 0, "vouched_share")
		if change := p.change("chain", "", "", "resolved"); change != "" {
			vouched = strings.TrimSpace(change) + "; " + vouched
		}
		p.fact("with a client", number(chain, 0, "resolved"), requests, vouched)
		with := ""
		if since := timeIn(chain, 0, "nlb_private_ip_since"); !since.IsZero() {
			// The first line of the page says that times are UTC.
			with = strings.TrimSuffix(timeRange(since, timeIn(chain, 0, "nlb_private_ip_until")), " UTC")
		}
		p.fact("with an NLB's address", number(chain, 0, "nlb_private_ip"), requests, with)
		p.printPlaces(number(chain, 0, "located"), requests)
	}
	if rest := p.restOfLines(); rest != "" {
		p.wrapped("  ", rest)
	}
	if addresses := p.inferredAddresses(); addresses != "" {
		p.wrapped("  ", addresses)
	}
	switch {
	case verdicts.State == diagnose.Healthy || verdicts.State == diagnose.Unknown:
	case p.doctor == "":
		p.wrapped("  ", "clearhop doctor shows lines that prove it, and the fix. It reads log files, not events.")
	default:
		p.line("  The doctor shows lines that prove it, and the fix:")
		p.line("  %s%s%s", p.Config, p.doctor, p.Off)
	}
}

// inferredAddresses names the addresses of the chain that nobody gave; "" if all were
// given.
func (p *reportPage) inferredAddresses() string {
	c := &p.diagnosis.Chain
	var found, flags []string
	list := func(name, flag string, inferred bool, set clientip.Addresses) {
		if !inferred {
			return
		}
		flags = append(flags, flag)
		const few = 4
		texts := set.Texts()
		if n := len(texts) - few; n > 0 {
			texts = append(texts[:few:few], "and "+grouped(int64(n))+" more")
		}
		if len(texts) > 0 {
			found = append(found, name+" "+strings.Join(texts, ", "))
		}
	}
	list("the NLB", "--nlb", c.InferredNLB, c.NLB)
	list("other proxies", "--trusted", c.InferredTrusted, c.Trusted)
	switch {
	case len(flags) == 0:
		return ""
	case len(found) == 0:
		found = []string{"no proxy"}
	}
	return "inferred from these lines (give " + strings.Join(flags, " and ") + " to be sure): " + strings.Join(found, "; ")
}

// printFinding says in one sentence what is broken, where and when.
func (p *reportPage) printFinding(f *diagnose.Finding) {
	text := f.Title
	if f.Hop != verdict.NoHop {
		text += ", at the " + f.Hop.String() + " hop"
	}
	text += fmt.Sprintf(": %s of %s (%s)", grouped(f.Lines), counted(f.Of, "line"), terminal.Percent(f.Lines, f.Of))
	switch {
	case f.Since != nil && f.Until != nil:
		text += ", only at this time: " + timeRange(*f.Since, *f.Until)
	case f.Since != nil:
		text += ", since " + f.Since.UTC().Format(exactTime)
	case f.Until != nil:
		text += ", until " + f.Until.UTC().Format(exactTime)
	}
	p.wrapped("  ", text+" ["+f.Code.String()+"]")
}

// fact prints a number of requests, its share, and what else is to be said.
func (p *reportPage) fact(what string, n, of int64, more string) {
	if more != "" {
		what += " (" + more + ")"
	}
	p.hanging(fmt.Sprintf("  %10s  %6s  ", grouped(n), terminal.Percent(n, of)), what)
}

// printPlaces says how many requests have a country. Without a database none has one,
// and one sentence says all.
func (p *reportPage) printPlaces(located, of int64) {
	states := p.Answers["geo_states"]
	if row := find(states, "geo_state", "db_missing"); located == 0 && row >= 0 && number(states, row, "requests") > 0 {
		p.wrapped("  ", "no country is known: no GeoIP database was used (--city-db FILE)")
		return
	}
	if missing := p.placesMissing(of); located > 0 || missing != "" {
		p.fact("with a country", located, of, missing)
	}
}

// placesMissing says why clients have no country.
func (p *reportPage) placesMissing(of int64) string {
	var texts []string
	states := p.Answers["geo_states"]
	for row := range states.Rows {
		state := text(states, row, "geo_state")
		if state == "" || state == "ok" {
			continue
		}
		texts = append(texts, fmt.Sprintf("%s %s", state, terminal.Percent(number(states, row, "requests"), of)))
		if len(texts) == 3 {
			break
		}
	}
	return strings.Join(texts, ", ")
}

// restOfLines says what the lines are that are no requests; "" if there are none.
func (p *reportPage) restOfLines() string {
	chain := p.Answers["chain"]
	var texts []string
	for _, of := range [...]struct{ column, one, many string }{
		{"health_checks", "health check", "health checks"},
		{"error_lines", "line of the error log", "lines of the error log"},
		{"unparsed", "line that no format reads", "lines that no format reads"},
		{"duplicates", "copy left out", "copies left out"},
	} {
		switch n := number(chain, 0, of.column); n {
		case 0:
		case 1:
			texts = append(texts, "1 "+of.one)
		default:
			texts = append(texts, grouped(n)+" "+of.many)
		}
	}
	if len(texts) == 0 {
		return ""
	}
	return "apart from these: " + strings.Join(texts, ", ")
}

// printTraffic prints the requests over time, with visitors and robots.
func (p *reportPage) printTraffic() {
	traffic := p.Answers["traffic"]
	kinds := p.Answers["visitors"]
	p.title("Traffic", "one row is "+lengthOf(p.Asked.Bucket))
	for row := range kinds.Rows {
		kind := text(kinds, row, "kind")
		name := kind + p.change("visitors", "kind", kind, "requests")
		if clients := number(kinds, row, "clients"); clients > 0 {
			name += ": " + counted(clients, "client")
		}
		p.row(fmt.Sprintf("%10s  %6s  %s", grouped(number(kinds, row, "requests")), share(kinds, row, "share"), name))
	}
	if len(traffic.Rows) < 2 {
		return
	}
	p.row(fmt.Sprintf("%-17s %10s %9s %6s", "", "requests", "visitors", "5xx"))
	most := int64(1)
	for row := range traffic.Rows {
		most = max(most, number(traffic, row, "requests"))
	}
	last := ""
	for row := range traffic.Rows {
		at, n := timeIn(traffic, row, "since"), number(traffic, row, "requests")
		date, clock := at.Format("2 Jan 2006"), at.Format("15:04")
		switch {
		case p.Asked.Bucket >= 24*time.Hour:
			clock = ""
		case p.Asked.Bucket < time.Minute:
			clock = at.Format("15:04:05")
		}
		label := clock
		if date != last || clock == "" {
			label = strings.TrimSpace(date + " " + clock)
		}
		last = date
		lead := fmt.Sprintf("  %17s %10s %9s %6s  ", label, grouped(n), grouped(number(traffic, row, "visitors")), grouped(number(traffic, row, "failures")))
		p.line("%s", strings.TrimRight(lead+p.barOf(n, most, p.width-len(lead)), " "))
	}
}

// barOf returns a bar for n of the most, which takes all columns.
func (p *page) barOf(n, most int64, columns int) string {
	if n <= 0 || columns <= 0 {
		return ""
	}
	return strings.Repeat(p.bar, int(max(1, n*int64(columns)/most)))
}

// printStatuses prints how the requests were answered.
func (p *reportPage) printStatuses() {
	a := p.Answers["statuses"]
	var texts []string
	for row := range a.Rows {
		name := "none"
		if a.Value(row, "status") != nil {
			name = text(a, row, "status")
		}
		texts = append(texts, fmt.Sprintf("%s: %s (%s)%s", name, grouped(number(a, row, "requests")), share(a, row, "share"),
			p.change("statuses", "status", text(a, row, "status"), "requests")))
		if len(texts) == 8 {
			break
		}
	}
	if len(texts) > 0 {
		p.title("Statuses", "")
		p.wrapped("  ", strings.Join(texts, ", "))
	}
}

// printErrors prints which paths fail and since when. Failures of the server stand
// first: many of the others are visitors who ask for what is not there.
func (p *reportPage) printErrors() {
	a := p.Answers["errors"]
	if len(a.Rows) == 0 {
		return
	}
	rows := make([]int, len(a.Rows))
	for i := range rows {
		rows[i] = i
	}
	isServers := func(row int) bool { return number(a, row, "status") >= 500 }
	slices.SortStableFunc(rows, func(i, k int) int {
		switch {
		case isServers(i) == isServers(k):
			return 0
		case isServers(i):
			return -1
		}
		return 1
	})
	p.title("Errors", "first seen, UTC    clients")
	for _, row := range rows[:min(len(rows), reportRows)] {
		lead := fmt.Sprintf("  %10s  %6s  ", grouped(number(a, row, "requests")), share(a, row, "share"))
		note := fmt.Sprintf(" %s %10s", shortTime(timeIn(a, row, "first_seen")), grouped(number(a, row, "clients")))
		room := p.width - len(lead) - len(note)
		name := p.cut(text(a, row, "status")+" "+nameIn(a, row, "path"), room)
		p.line("%s%s%s%s", lead, name, strings.Repeat(" ", max(0, room-terminal.Columns(name))), note)
	}
	p.more(len(rows) - reportRows)
}

// printLatency prints how long requests take: all, by path and by upstream.
func (p *reportPage) printLatency() {
	all := p.Answers["latency"]
	if len(all.Rows) == 0 {
		return
	}
	p.title("Latency", "seconds; p50: half of the requests take at most this")
	p.row(fmt.Sprintf("%10s %8s %8s %8s %8s", "requests", "p50", "p90", "p99", "longest"))
	row := func(a analytics.Answer, i int, name string) {
		p.row(fmt.Sprintf("%10s %8s %8s %8s %8s  %s", grouped(number(a, i, "requests")), seconds(a, i, "p50"), seconds(a, i, "p90"),
			seconds(a, i, "p99"), seconds(a, i, "longest"), name))
	}
	row(all, 0, "all requests"+p.changeOf("latency", "p99", "p99"))
	for _, part := range [...]struct{ question, column, lead string }{{"latency_paths", "path", ""}, {"upstreams", "upstream", "upstream "}} {
		a := p.Answers[part.question]
		for i := range min(len(a.Rows), reportRows) {
			row(a, i, part.lead+nameIn(a, i, part.column))
		}
		p.more(len(a.Rows) - reportRows)
	}
}

// printBoard prints one leaderboard.
func (p *reportPage) printBoard(b board) {
	a := p.Answers[b.question]
	if len(a.Rows) == 0 {
		return
	}
	if !hasName(a, b.name) {
		return
	}
	q, _ := analytics.Find(b.question)
	note := ""
	if b.clients != "" {
		note = b.clients
	}
	const bar = 10
	p.title(q.Title, note)
	most := max(1, number(a, 0, "requests"))
	for row := range min(len(a.Rows), reportRows) {
		n := number(a, row, "requests")
		name := nameIn(a, row, b.name)
		for _, column := range b.about {
			if more := text(a, row, column); more != "" {
				name += ", " + terminal.Printable(more)
			}
		}
		if robot, _ := a.Value(row, "robot").(bool); robot && b.question != "robots" {
			name += " (robot)"
		}
		name += p.change(b.question, b.name, text(a, row, b.name), "requests")
		count := ""
		if b.clients != "" {
			count = " " + grouped(number(a, row, b.clients))
		}
		mark := p.barOf(n, most, bar)
		lead := fmt.Sprintf("  %10s  %6s  %s%s ", grouped(n), share(a, row, "share"), mark, strings.Repeat(" ", bar-terminal.Columns(mark)))
		room := p.width - terminal.Columns(lead) - len(count)
		name = p.cut(name, room)
		p.line("%s", strings.TrimRight(lead+name+strings.Repeat(" ", max(0, room-terminal.Columns(name)))+count, " "))
	}
	p.more(len(a.Rows) - reportRows)
}

// change says by how much a number of a row differs from the time before. The row is
// the one whose column key has the value; the first one if key is empty.
func (p *reportPage) change(question, key, value, column string) string {
	if p.Before == nil || p.Before[question].Columns == nil {
		return ""
	}
	now, before := p.Answers[question], p.Before[question]
	row, then := find(now, key, value), find(before, key, value)
	switch {
	case row < 0:
		return ""
	case then < 0 || number(before, then, column) == 0:
		return " new"
	}
	was, is := float64(number(before, then, column)), float64(number(now, row, column))
	return " " + percentMore(was, is)
}

// percentMore says by how much a number is more than it was.
func percentMore(was, is float64) string {
	percent := math.Round((is - was) * 100 / was)
	if percent == 0 {
		percent = 0 // and not -0
	}
	return fmt.Sprintf("%+.0f%%", percent)
}

// changeOf says by how much a number that is no count differs.
func (p *reportPage) changeOf(question, column, label string) string {
	if p.Before == nil {
		return ""
	}
	was, ok := p.Before[question].Value(0, column).(float64)
	is, okNow := p.Answers[question].Value(0, column).(float64)
	if !ok || !okNow || was == 0 {
		return ""
	}
	return ", " + label + " " + percentMore(was, is)
}

// find returns the index of the row whose column key has a value, or of the first row
// if key is empty. It returns -1 if there is none.
func find(a analytics.Answer, key, value string) int {
	for row := range a.Rows {
		if key == "" || text(a, row, key) == value {
			return row
		}
	}
	return -1
}

// number returns a count; 0 for NULL.
func number(a analytics.Answer, row int, column string) int64 {
	n, _ := a.Value(row, column).(int64)
	return n
}

// text returns a value as text; "" for NULL.
func text(a analytics.Answer, row int, column string) string {
	if v := a.Value(row, column); v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

// hasName reports whether a row has a name. A text in parentheses says why there is none.
func hasName(a analytics.Answer, column string) bool {
	for row := range a.Rows {
		if name := text(a, row, column); name != "" && name[0] != '(' {
			return true
		}
	}
	return false
}

// counted returns a number with its noun.
func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// nameIn returns the name of a row that people read.
func nameIn(a analytics.Answer, row int, column string) string {
	if name := text(a, row, column); name != "" {
		return terminal.Printable(name)
	}
	return "(none)"
}

func timeIn(a analytics.Answer, row int, column string) time.Time {
	t, _ := a.Value(row, column).(time.Time)
	return t
}

// share returns a share in percent.
func share(a analytics.Answer, row int, column string) string {
	v, ok := a.Value(row, column).(float64)
	if !ok {
		return "-"
	}
	const whole = 1_000_000
	return terminal.Percent(int64(v*whole+0.5), whole)
}

// seconds returns a time that is short enough for a table.
func seconds(a analytics.Answer, row int, column string) string {
	v, ok := a.Value(row, column).(float64)
	if !ok {
		return "-"
	}
	return fmt.Sprintf("%.3f", v)
}

const exactTime = "2 Jan 2006 15:04:05 UTC"

// timeRange names a time and a later one. The date stands there once if it is the same.
func timeRange(from, to time.Time) string {
	from, to = from.UTC(), to.UTC()
	if from.Format(exactTime) == to.Format(exactTime) {
		return from.Format(exactTime)
	}
	if from.Format(time.DateOnly) == to.Format(time.DateOnly) {
		return from.Format("2 Jan 2006 15:04:05") + " to " + to.Format("15:04:05 UTC")
	}
	return shortTime(from) + " to " + shortTime(to) + " UTC"
}

// shortTime leaves the seconds out.
func shortTime(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04") }

// lengthOf names a length of time.
func lengthOf(d time.Duration) string {
	for _, unit := range [...]struct {
		length time.Duration
		name   string
	}{{7 * 24 * time.Hour, "week"}, {24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d >= unit.length && d%unit.length == 0 {
			return terminal.Plural(int64(d/unit.length), unit.name)
		}
	}
	return terminal.Plural(int64(d/time.Second), "second")
}
