package dashboard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"clearhop/analytics"
	"clearhop/diagnose"
)

// Diagnose gives the rows of the question "tallies" to the doctor. Every command that
// judges events judges them here. An error says that a newer version wrote the events; the
// report is then that of the rows before.
func Diagnose(tallies analytics.Answer, config diagnose.Config) (*diagnose.Report, error) {
	all, err := tallies.Tallies()
	counters := diagnose.NewCounters(config)
	for _, t := range all {
		counters.AddTally(diagnose.Tally(t))
	}
	return counters.Report(), err
}

// shownAddresses is how many addresses a Hop has.
const shownAddresses = 8

// hops are the boxes of the picture, in the order of a request's way.
var hops = []string{"client", "nlb", "edge", "web"}

// hopSQL is the hop that logged a request. Where the line does not say, nginx stands
// behind the load balancer: the edge.
const hopSQL = "CASE WHEN hop = 'web' THEN 'web' ELSE 'edge' END"

// addressSQL are the addresses of each hop, as they show in the requests: an nginx logs
// who connected to it, and whom it asks.
var addressSQL = map[string]string{
	"client": "client",
	"nlb":    "CASE WHEN " + hopSQL + " = 'edge' THEN source_ip END",
	"edge":   "CASE WHEN " + hopSQL + " = 'web' THEN source_ip END",
	"web":    "CASE WHEN " + hopSQL + " = 'edge' THEN upstream END",
}

// Chain implements Source.
func (e *Explorer) Chain(ctx context.Context, s State) (*Chain, error) {
	end, err := e.asking.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	s.Compare = false
	p, err := e.plan(ctx, s)
	if err != nil {
		return nil, err
	}
	c := &Chain{}
	for _, id := range hops {
		c.Hops = append(c.Hops, Hop{ID: id, Addresses: []string{}})
	}
	for _, step := range []func(context.Context, *plan, *Chain) error{e.findings, e.lines, e.hopCounts, e.addresses} {
		if err := step(ctx, p, c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Chain) hop(id string) *Hop {
	return &c.Hops[slices.Index(hops, id)]
}

// A judged is what the doctor says about all lines of a time.
type judged struct {
	window analytics.Window
	bucket time.Duration
	report *diagnose.Report
}

// maxJudged is how many reports of the doctor are kept. Filters do not change what the
// doctor says, so one is enough for all clicks that do not choose another time.
const maxJudged = 8

// findings asks the doctor about all lines of the time.
func (e *Explorer) findings(ctx context.Context, p *plan, c *Chain) error {
	e.mu.Lock()
	changes := e.changes
	k := slices.IndexFunc(e.judged, func(j judged) bool { return j.window == p.window() && j.bucket == p.bucket })
	if k >= 0 {
		c.Report = e.judged[k].report
	}
	e.mu.Unlock()
	if k >= 0 {
		return nil
	}
	q, _ := analytics.Find("tallies")
	a, err := e.Engine.Ask(ctx, q.SQL(analytics.Query{Dialect: p.dialect, Window: p.window(), Where: p.where, Bucket: p.bucket}))
	if err != nil {
		return fmt.Errorf("tallies: %w", err)
	}
	a.Columns = q.Columns
	if c.Report, err = Diagnose(a, e.Doctor); err != nil {
		return fmt.Errorf("the chain is not judged: %w; use the version of clearhop that wrote the events", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if changes == e.changes { // else more lines may have come
		e.judged = append(e.judged, judged{p.window(), p.bucket, c.Report})
		e.judged = e.judged[max(0, len(e.judged)-maxJudged):]
	}
	return nil
}

// lines counts the lines of the time that are no requests.
func (e *Explorer) lines(ctx context.Context, p *plan, c *Chain) error {
	rows, err := e.ask(ctx, "lines", "SELECT "+sumOf("dataset = 'nginx.unparsed'")+", "+sumOf("dataset = 'nginx.error'")+
		"\nFROM (\n"+p.query(analytics.Lines, "")+"\n)")
	if err != nil || len(rows) == 0 {
		return err
	}
	c.Unparsed, c.Errors = rounded(number(rows[0][0])), rounded(number(rows[0][1]))
	return nil
}

// hopCounts counts the requests of each hop by bucket, which shows what came before and
// after a fault.
func (e *Explorer) hopCounts(ctx context.Context, p *plan, c *Chain) error {
	rows, err := e.ask(ctx, "hops", "SELECT "+hopSQL+", "+p.bucketSQL()+", sum(weight), "+sumOf("fault")+", min(CASE WHEN fault THEN ts END), max(CASE WHEN fault THEN ts END)"+
		"\nFROM (\n"+p.query(analytics.Requests, "")+"\n)\nGROUP BY 1, 2\nORDER BY 1, 2")
	if err != nil {
		return err
	}
	found := map[string]*hopHistory{}
	for _, row := range rows {
		id := text(row[0])
		if found[id] == nil {
			found[id] = &hopHistory{}
		}
		first, _ := row[4].(time.Time)
		last, _ := row[5].(time.Time)
		found[id].add(number(row[2]), number(row[3]), first, last)
	}
	for id, history := range found {
		history.fill(c.hop(id))
	}
	return nil
}

// A hopHistory sums the buckets of a hop, which are added in the order of time.
type hopHistory struct {
	requests, broken float64
	before, after    float64 // requests of the buckets before the first fault, and after the last one
	first, last      time.Time
}

// add adds a bucket. first and last are the times of its faults; zero if it has none.
func (h *hopHistory) add(requests, broken float64, first, last time.Time) {
	h.requests += requests
	h.broken += broken
	switch {
	case !last.IsZero():
		if h.first.IsZero() {
			h.first = first
		}
		h.last, h.after = last, 0
	case h.first.IsZero():
		h.before += requests
	default:
		h.after += requests
	}
}

// fill writes what was counted into a Hop.
func (h *hopHistory) fill(to *Hop) {
	to.Requests, to.Broken = rounded(h.requests), rounded(h.broken)
	if h.first.IsZero() {
		return
	}
	first, last := h.first, h.last
	to.Since = &first
	after := rounded(h.after)
	if within := to.Requests - rounded(h.before) - after; after*to.Broken >= EndedMin*within {
		to.Until = &last
	}
}

// addresses finds the addresses of all hops in one query.
func (e *Explorer) addresses(ctx context.Context, p *plan, c *Chain) error {
	var inner, hop, address, sets []string
	for i, id := range hops {
		name := fmt.Sprintf("a%d", i)
		inner = append(inner, addressSQL[id]+" AS "+name)
		hop = append(hop, fmt.Sprintf("WHEN %s IS NOT NULL THEN %d", name, i))
		address, sets = append(address, name), append(sets, "("+name+")")
	}
	rows, err := e.ask(ctx, "addresses", `SELECT hop, address, n
FROM (
  SELECT hop, address, count(*) OVER (PARTITION BY hop) AS n,
         row_number() OVER (PARTITION BY hop ORDER BY round(requests) DESC, address) AS place
  FROM (
    SELECT CASE `+strings.Join(hop, " ")+` END AS hop, coalesce(`+strings.Join(address, ", ")+`) AS address, sum(weight) AS requests
    FROM (SELECT weight, `+strings.Join(inner, ", ")+` FROM (
`+p.query(analytics.Requests, "")+`
    ))
    GROUP BY GROUPING SETS (`+strings.Join(sets, ", ")+`)
  )
  WHERE address <> ''
)
WHERE place <= `+fmt.Sprint(shownAddresses)+`
ORDER BY hop, place`)
	if err != nil {
		return err
	}
	for _, row := range rows {
		h := &c.Hops[integer(row[0])]
		h.Addresses = append(h.Addresses, text(row[1]))
		h.More = integer(row[2]) - int64(len(h.Addresses))
	}
	return nil
}
