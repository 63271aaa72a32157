package dashboardtest

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"clearhop/analytics"
	"clearhop/dashboard"
)

// bounds are the times of the first and the last request.
func bounds(rows []Row) (first, last time.Time) {
	for i := range rows {
		if i == 0 || rows[i].At.Before(first) {
			first = rows[i].At
		}
		if i == 0 || rows[i].At.After(last) {
			last = rows[i].At
		}
	}
	return first, last
}

// keeps reports whether a State asks for a request, whatever its time. The filter of one
// dimension may be left out.
func keeps(r *Row, s dashboard.State, without string) bool {
	switch s.Kind {
	case dashboard.Everyone:
		if r.HealthCheck {
			return false
		}
	case dashboard.People:
		if r.HealthCheck || r.Robot {
			return false
		}
	case dashboard.Robots:
		if r.HealthCheck || !r.Robot {
			return false
		}
	case dashboard.HealthChecks:
		if !r.HealthCheck {
			return false
		}
	case dashboard.All:
	}
	for _, f := range s.Filters {
		if f.Dimension != without && slices.Contains(f.Values, r.Values[f.Dimension]) == f.Exclude {
			return false
		}
	}
	if s.Search == "" {
		return true
	}
	for _, dimension := range []string{"path", "client", "agent"} {
		if contains(r.Values[dimension], s.Search) {
			return true
		}
	}
	return false
}

func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

func inTime(r *Row, since, until time.Time) bool {
	return (since.IsZero() || !r.At.Before(since)) && (until.IsZero() || r.At.Before(until))
}

// A count is a State with its time, and the buckets of it.
type count struct {
	state        dashboard.State
	since, until time.Time
	bucket       time.Duration
	compare      bool
	starts       []time.Time
	places       [2]map[*Row]int // of the rows in the time, and in that before
}

func newCount(rows []Row, s dashboard.State) *count {
	c := &count{state: s, since: s.Since, until: s.Until, compare: s.Compare && !s.Since.IsZero()}
	first, last := bounds(rows)
	if c.since.IsZero() {
		c.since = first
		if !c.until.IsZero() && c.until.Before(first) {
			c.since = c.until
		}
	}
	if c.until.IsZero() {
		c.until = last.Add(time.Millisecond)
		if c.until.Before(c.since) {
			c.until = c.since
		}
	}
	c.bucket = analytics.BucketFor(c.until.Sub(c.since), dashboard.MaxTimes)
	// 1970-01-05 was a Monday.
	start := time.Date(1970, 1, 5, 0, 0, 0, 0, time.UTC)
	if far := c.since.Sub(start) / c.bucket; far > 0 {
		start = start.Add(far * c.bucket)
	}
	for ; start.Before(c.until); start = start.Add(c.bucket) {
		c.starts = append(c.starts, start)
	}
	for i, before := range []bool{false, true} {
		c.places[i] = map[*Row]int{}
		for k := range rows {
			if place := c.find(&rows[k], before); place >= 0 {
				c.places[i][&rows[k]] = place
			}
		}
	}
	return c
}

// place returns in which bucket a request counts; -1 for none. before asks for the time
// before.
func (c *count) place(r *Row, before bool) int {
	places := c.places[0]
	if before {
		places = c.places[1]
	}
	if place, ok := places[r]; ok {
		return place
	}
	return -1
}

// find looks for the bucket of a request.
func (c *count) find(r *Row, before bool) int {
	at := r.At
	if before {
		at = at.Add(c.until.Sub(c.since))
	}
	if at.Before(c.since) || !at.Before(c.until) {
		return -1
	}
	for i, start := range c.starts {
		if !at.Before(start) && at.Before(start.Add(c.bucket)) {
			return i
		}
	}
	return -1
}

// of returns the requests of the State in the time, or in that before, without the filter
// of a dimension.
func (c *count) of(rows []Row, before bool, without string) []*Row {
	var kept []*Row
	for i := range rows {
		if keeps(&rows[i], c.state, without) && c.place(&rows[i], before) >= 0 {
			kept = append(kept, &rows[i])
		}
	}
	return kept
}

func sum(rows []*Row, of func(*Row) float64) int64 {
	total := 0.0
	for _, r := range rows {
		total += r.Weight * of(r)
	}
	return int64(math.Round(total))
}

func requests(rows []*Row) int64 { return number(rows, func(*Row) bool { return true }) }

func number(rows []*Row, fits func(*Row) bool) int64 {
	return sum(rows, func(r *Row) float64 {
		if fits(r) {
			return 1
		}
		return 0
	})
}

func failed(r *Row) bool { return r.status() >= 400 }

// percentile is the nearest rank, with the requests written out in order in units of
// 1/65536.
func percentile(rows []*Row, p int64) *float64 {
	var timed []*Row
	total, below := int64(0), int64(0)
	for _, r := range rows {
		if r.Duration != nil {
			timed = append(timed, r)
			total += int64(r.Weight * 65536)
		}
	}
	slices.SortFunc(timed, func(a, b *Row) int { return cmp.Compare(*a.Duration, *b.Duration) })
	for _, r := range timed {
		if below += int64(r.Weight * 65536); below*100 >= total*p {
			x := float64(*r.Duration) / 1e9
			return &x
		}
	}
	return nil
}

func totals(rows []*Row) dashboard.Totals {
	clients := map[string]bool{}
	for _, r := range rows {
		clients[r.Values["client"]] = true
	}
	delete(clients, "")
	known := func(r *Row) bool { return r.Values["client"] != "" }
	return dashboard.Totals{
		Requests: requests(rows), Clients: int64(len(clients)),
		Failures: number(rows, failed), Errors: number(rows, func(r *Row) bool { return r.status() >= 500 }),
		Bytes:    sum(rows, func(r *Row) float64 { return float64(r.Bytes) }),
		Robots:   number(rows, func(r *Row) bool { return r.Robot }),
		Resolved: number(rows, known), Vouched: number(rows, func(r *Row) bool { return known(r) && r.Vouched }),
		NLB: number(rows, func(r *Row) bool { return r.NLB }), Faults: number(rows, func(r *Row) bool { return r.Fault }),
		P50: percentile(rows, 50), P90: percentile(rows, 90), P99: percentile(rows, 99),
	}
}

// times counts by bucket.
func (c *count) times(rows []*Row, before bool) []dashboard.Time {
	all := []dashboard.Time{}
	for i, start := range c.starts {
		n := totals(c.inBucket(rows, i, before))
		if before {
			start = start.Add(-c.until.Sub(c.since))
		}
		all = append(all, dashboard.Time{
			At: start, Requests: n.Requests, Failures: n.Failures, Errors: n.Errors, Robots: n.Robots,
			NLB: n.NLB, Faults: n.Faults, P50: n.P50, P90: n.P90, P99: n.P99,
		})
	}
	return all
}

func (c *count) inBucket(rows []*Row, i int, before bool) []*Row {
	var in []*Row
	for _, r := range rows {
		if c.place(r, before) == i {
			in = append(in, r)
		}
	}
	return in
}

// Explore counts what a source answers, one panel after the other.
func Explore(rows []Row, s dashboard.State) *dashboard.Answer {
	c := newCount(rows, s)
	now := c.of(rows, false, "")
	a := &dashboard.Answer{
		Since: c.since, Until: c.until, Bucket: int64(c.bucket / time.Second),
		Total: totals(now), Times: c.times(now, false),
		Heat:   dashboard.Heat{Edges: dashboard.HeatEdges[:], Counts: [][]int64{}},
		Boards: []dashboard.Board{}, Countries: []dashboard.Country{},
	}
	if c.compare {
		before := c.of(rows, true, "")
		n := totals(before)
		a.Before, a.TimesBefore = &n, c.times(before, true)
		if len(c.starts) == 0 {
			a.TimesBefore = nil
		}
	}
	for i := range c.starts {
		in, counts := c.inBucket(now, i, false), []int64{}
		for k, from := range dashboard.HeatEdges {
			to := math.Inf(1)
			if k+1 < len(dashboard.HeatEdges) {
				to = dashboard.HeatEdges[k+1]
			}
			counts = append(counts, number(in, func(r *Row) bool {
				return r.Duration != nil && float64(*r.Duration) >= math.Round(from*1e9) && float64(*r.Duration) < to*1e9
			}))
		}
		a.Heat.Counts = append(a.Heat.Counts, counts)
	}
	for _, d := range analytics.Dimensions() {
		if !d.Board {
			continue
		}
		b := c.board(rows, d.ID, dashboard.BoardRows, "")
		a.Boards = append(a.Boards, *b)
		if d.ID == "country" {
			for _, r := range c.board(rows, d.ID, len(rows), "").Rows {
				if r.Value != "" {
					a.Countries = append(a.Countries, dashboard.Country{Code: r.Value, Requests: r.Requests, Failures: r.Failures})
				}
			}
		}
	}
	return a
}

// Board counts one board.
func Board(rows []Row, q dashboard.BoardQuery) *dashboard.Board {
	return newCount(rows, q.State).board(rows, q.Dimension, q.Limit, q.Find)
}

func (c *count) board(rows []Row, dimension string, limit int, find string) *dashboard.Board {
	now, before := c.of(rows, false, dimension), c.of(rows, true, dimension)
	groups, earlier := map[string][]*Row{}, map[string][]*Row{}
	for _, r := range before {
		earlier[r.Values[dimension]] = append(earlier[r.Values[dimension]], r)
	}
	for _, r := range now {
		groups[r.Values[dimension]] = append(groups[r.Values[dimension]], r)
	}
	b := &dashboard.Board{Dimension: dimension, Requests: requests(now), Rows: []dashboard.Row{}}
	var all []dashboard.Row
	for value, group := range groups {
		if !contains(value, find) {
			continue
		}
		row := dashboard.Row{Value: value, Requests: requests(group), Failures: number(group, failed), Trend: []int64{}}
		for _, r := range group {
			row.Label = max(row.Label, r.Labels[dimension])
		}
		if c.compare {
			n := requests(earlier[value])
			row.Before = &n
		}
		byBucket := make([][]*Row, len(c.starts))
		for _, r := range group {
			byBucket[c.place(r, false)] = append(byBucket[c.place(r, false)], r)
		}
		for _, in := range byBucket {
			row.Trend = append(row.Trend, requests(in))
		}
		all = append(all, row)
	}
	slices.SortFunc(all, func(a, b dashboard.Row) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Value, b.Value))
	})
	b.Values = int64(len(all))
	for i, row := range all {
		chosen := slices.ContainsFunc(c.state.Filters, func(f dashboard.Filter) bool {
			return f.Dimension == dimension && slices.Contains(f.Values, row.Value)
		})
		if i < limit || chosen {
			b.Rows = append(b.Rows, row)
		}
	}
	return b
}

// Hops counts the hops of a Chain.
func Hops(rows []Row, s dashboard.State) []dashboard.Hop {
	s.Compare = false
	c := newCount(rows, s)
	var parts [2][]*Row // edge, web
	all := c.of(rows, false, "")
	for _, r := range all {
		k := 0
		if r.Values["hop"] == "web" {
			k = 1
		}
		parts[k] = append(parts[k], r)
	}
	edge, web := parts[0], parts[1]
	return []dashboard.Hop{
		c.hop("client", all, "client", nil),
		c.hop("nlb", edge, "node", nil),
		c.hop("edge", web, "node", edge),
		c.hop("web", edge, "upstream", web),
	}
}

// hop counts one hop: the values of a dimension show its addresses, and logged are the
// requests that it logged.
func (c *count) hop(id string, seen []*Row, dimension string, logged []*Row) dashboard.Hop {
	h := dashboard.Hop{ID: id, Addresses: []string{}, Requests: requests(logged)}
	groups := map[string][]*Row{}
	for _, r := range seen {
		if address := r.Values[dimension]; address != "" {
			groups[address] = append(groups[address], r)
		}
	}
	for address := range groups {
		h.Addresses = append(h.Addresses, address)
	}
	slices.SortFunc(h.Addresses, func(a, b string) int {
		return cmp.Or(cmp.Compare(requests(groups[b]), requests(groups[a])), cmp.Compare(a, b))
	})
	const most = 8
	if len(h.Addresses) > most {
		h.More = int64(len(h.Addresses) - most)
		h.Addresses = h.Addresses[:most]
	}
	var broken, before, after []*Row
	for _, r := range logged {
		if r.Fault {
			broken = append(broken, r)
		}
	}
	if h.Broken = requests(broken); len(broken) == 0 {
		return h
	}
	first, last := bounds(values(broken))
	h.Since = &first
	from, to := c.place(broken[0], false), c.place(broken[0], false)
	for _, r := range broken {
		from, to = min(from, c.place(r, false)), max(to, c.place(r, false))
	}
	for _, r := range logged {
		switch place := c.place(r, false); {
		case place < from:
			before = append(before, r)
		case place > to:
			after = append(after, r)
		}
	}
	if requests(after)*h.Broken >= dashboard.EndedMin*(h.Requests-requests(before)-requests(after)) {
		h.Until = &last
	}
	return h
}

func values(rows []*Row) []Row {
	var all []Row
	for _, r := range rows {
		all = append(all, *r)
	}
	return all
}
