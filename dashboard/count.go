package dashboard

import (
	"context"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// A selection is the requests of a plan among all columns.
type selection struct {
	*columns
	p       *plan
	buckets int
	// fails says of each request: 0 it is selected; i+1 only the filter i keeps it out;
	// out it is not asked for.
	fails []uint8
	// place is the bucket of each request that is not out, and -1 - the bucket for those
	// of the time before.
	place []int32
	rows  []uint32 // that are selected
}

const out = math.MaxUint8

// inParts calls f for parts of n items, as many at a time as there are CPUs.
func inParts(n int, f func(part, from, to int)) (parts int) {
	parts = min(runtime.GOMAXPROCS(0), n/10_000+1)
	var all sync.WaitGroup
	for i := range parts {
		all.Go(func() { f(i, n*i/parts, n*(i+1)/parts) })
	}
	all.Wait()
	return parts
}

// newSelection finds the requests of a plan. found says which requests hold the text that
// is searched; nil if there is none.
func newSelection(c *columns, p *plan, found []bool) *selection {
	s := &selection{columns: c, p: p, buckets: len(p.times()), fails: make([]uint8, c.n), place: make([]int32, c.n)}
	since, until := p.since.Sub(monday).Milliseconds(), p.until.Sub(monday).Milliseconds()
	length := until - since
	bucket := p.bucket.Milliseconds()
	first := since - mod(since, bucket)
	must, mustNot := flagsOf(p.state.Kind)
	filters := s.filters()
	parts := make([][]uint32, runtime.GOMAXPROCS(0))
	inParts(c.n, func(part, from, to int) {
		for i := from; i < to; i++ {
			at, before := c.at[i], false
			if p.compare && at < since {
				at, before = at+length, true
			}
			if at < since || at >= until || c.flags[i]&must != must || c.flags[i]&mustNot != 0 || found != nil && !found[i] {
				s.fails[i] = out
				continue
			}
			s.place[i] = int32((at - first) / bucket)
			if before {
				s.place[i] = -1 - s.place[i]
			}
			for k, f := range filters {
				if f.keeps[f.ids.at(i)] {
					continue
				}
				if s.fails[i] != 0 {
					s.fails[i] = out
					break
				}
				s.fails[i] = uint8(k + 1)
			}
			if s.fails[i] == 0 {
				parts[part] = append(parts[part], uint32(i))
			}
		}
	})
	s.rows = slices.Concat(parts...)
	return s
}

func mod(a, b int64) int64 { return (a%b + b) % b }

// flagsOf are the flags that requests of a kind have, and those that they do not have.
func flagsOf(k Kind) (must, mustNot flag) {
	switch k {
	case People:
		return 0, isRobot | isHealthCheck
	case Robots:
		return isRobot, isHealthCheck
	case HealthChecks:
		return isHealthCheck, 0
	case All:
		return 0, 0
	}
	return 0, isHealthCheck
}

// A columnFilter says of each value of a dimension whether it is kept.
type columnFilter struct {
	ids   *ids
	keeps []bool
}

func (s *selection) filters() []columnFilter {
	var all []columnFilter
	for _, f := range s.p.state.Filters {
		d := &s.dims[rank(f.Dimension)]
		keeps := slices.Repeat([]bool{f.Exclude}, len(d.values))
		for _, v := range f.Values {
			if id, ok := d.find[v]; ok {
				keeps[id] = !f.Exclude
			}
		}
		all = append(all, columnFilter{&d.ids, keeps})
	}
	return all
}

// without returns the requests that a State selects without its filter of a dimension.
func (s *selection) without(dimension string) []uint32 {
	k := slices.IndexFunc(s.p.state.Filters, func(f Filter) bool { return f.Dimension == dimension })
	if k < 0 {
		return s.rows
	}
	rows := slices.Clone(s.rows)
	for i, fails := range s.fails {
		if fails == uint8(k+1) {
			rows = append(rows, uint32(i))
		}
	}
	return rows
}

// explore counts all panels.
func (c *columns) explore(ctx context.Context, p *plan, found []bool) (*Answer, error) {
	s, a := newSelection(c, p, found), newAnswer(p)
	steps := []func(){func() { s.count(a) }, func() { s.measure(a) }}
	for i := range c.dims {
		d := &c.dims[i]
		if !d.Board {
			continue
		}
		a.Boards = append(a.Boards, Board{})
		at := len(a.Boards) - 1
		steps = append(steps, func() {
			limit := BoardRows
			if d.ID == "country" {
				limit = maxCountries
			}
			b := s.board(d, limit, "")
			if d.ID == "country" {
				a.Countries = countriesOf(b.Rows)
				b.Rows = firstRows(b.Rows, BoardRows, p.state.selected(d.ID))
			}
			a.Boards[at] = *b
		})
	}
	var next sync.Mutex
	inParts(10_000*len(steps), func(int, int, int) {
		for ctx.Err() == nil {
			next.Lock()
			if len(steps) == 0 {
				next.Unlock()
				return
			}
			step := steps[0]
			steps = steps[1:]
			next.Unlock()
			step()
		}
	})
	return a, ctx.Err()
}

// sums are those of measures, by bucket.
type sums [9]float64

// count counts the totals and the requests over time.
func (s *selection) count(a *Answer) {
	clients := &s.dims[rank("client")]
	type period struct {
		times []sums
		seen  []bool
	}
	var periods [2]period // now, before
	for i := range periods {
		periods[i] = period{make([]sums, s.buckets), make([]bool, len(clients.values))}
	}
	for _, i := range s.rows {
		to, at := &periods[0], s.place[i]
		if at < 0 {
			to, at = &periods[1], -1-at
		}
		n, w, f := &to.times[at], s.weightOf(i), s.flags[i]
		n[0] += w
		n[3] += w * float64(s.bytes[i])
		for k, has := range [9]flag{1: isFailure, 2: isError, 4: isRobot, 5: hasClient, 6: hasClient | isVouched, 7: showsNLB, 8: isFault} {
			if has != 0 && f&has == has {
				n[k] += w
			}
		}
		if f&hasClient != 0 {
			to.seen[clients.ids.at(int(i))] = true
		}
	}
	fill := func(t *Totals, times []Time, from *period) {
		var all sums
		for i, n := range from.times {
			for k := range n {
				all[k] += n[k]
			}
			fillTime(&times[i], n)
		}
		fillTotals(t, all)
		for id, seen := range from.seen {
			if seen && clients.values[id] != "" {
				t.Clients++
			}
		}
	}
	fill(&a.Total, a.Times, &periods[0])
	if a.Before != nil {
		fill(a.Before, a.TimesBefore, &periods[1])
	}
}

// measure finds the percentiles and counts the heat map. It goes through the requests from
// the fastest to the slowest: a percentile is where enough of them have passed.
func (s *selection) measure(a *Answer) {
	shares := [...]float64{0.5, 0.9, 0.99}
	// next is how much must have passed for the percentile p.
	type part struct {
		total, below, next float64
		p                  int
	}
	all := s.buckets // the part of all buckets
	parts := make([]part, 2*(all+1))
	heat := make([][len(HeatEdges)]float64, s.buckets)
	place := func(i uint32) (first, at int) {
		if p := s.place[i]; p < 0 {
			return all + 1, int(-1 - p)
		}
		return 0, int(s.place[i])
	}
	for _, i := range s.rows {
		if s.duration[i] >= 0 {
			first, at := place(i)
			parts[first+at].total += s.weightOf(i)
			parts[first+all].total += s.weightOf(i)
		}
	}
	for i := range parts {
		parts[i].next = shares[0]*parts[i].total - 1e-6
	}
	edge, longer := 0, nanoseconds(HeatEdges[1])
	for _, i := range s.byDuration {
		if s.fails[i] != 0 {
			continue
		}
		for s.duration[i] >= longer {
			edge, longer = edge+1, math.MaxInt64
			if edge+1 < len(HeatEdges) {
				longer = nanoseconds(HeatEdges[edge+1])
			}
		}
		first, at := place(i)
		w := s.weightOf(i)
		if first == 0 {
			heat[at][edge] += w
		}
		for _, k := range [...]int{at, all} {
			n := &parts[first+k]
			for n.below += w; n.below >= n.next; {
				x := float64(s.duration[i]) / 1e9
				*percentile(a, first > 0, k, all, n.p) = &x
				n.p++
				n.next = math.Inf(1)
				if n.p < len(shares) {
					n.next = shares[n.p]*n.total - 1e-6
				}
			}
		}
	}
	for i := range heat {
		for k, n := range heat[i] {
			a.Heat.Counts[i][k] = rounded(n)
		}
	}
}

// percentile is where a percentile of a bucket, or of all, stands in an Answer.
func percentile(a *Answer, before bool, at, all, p int) **float64 {
	if at == all {
		t := &a.Total
		if before {
			t = a.Before
		}
		return [...]**float64{&t.P50, &t.P90, &t.P99}[p]
	}
	times := a.Times
	if before {
		times = a.TimesBefore
	}
	t := &times[at]
	return [...]**float64{&t.P50, &t.P90, &t.P99}[p]
}

// board counts a board: first all values, then the trends of those that are shown.
func (s *selection) board(d *dictionary, limit int, find string) *Board {
	type sum struct{ requests, failures, before float64 }
	rows := s.without(d.ID)
	all := make([]sum, len(d.values))
	var cells []float64 // by value and bucket, where these are few
	if len(d.values)*s.buckets <= fewCells {
		cells = make([]float64, len(d.values)*s.buckets)
	}
	for _, i := range rows {
		id := d.ids.at(int(i))
		n, w := &all[id], s.weightOf(i)
		if s.place[i] < 0 {
			n.before += w
			continue
		}
		n.requests += w
		if cells != nil {
			cells[int(id)*s.buckets+int(s.place[i])] += w
		}
		if s.flags[i]&isFailure != 0 {
			n.failures += w
		}
	}
	b := &Board{Dimension: d.ID, Rows: []Row{}}
	total := 0.0
	find = strings.ToLower(find)
	selected := s.p.state.selected(d.ID)
	var first firstValues
	first.limit = limit
	for id, n := range all {
		total += n.requests
		if n.requests <= 0 || find != "" && !strings.Contains(strings.ToLower(d.values[id]), find) {
			continue
		}
		b.Values++
		first.add(Row{Value: d.values[id], Label: d.labels[id], Requests: rounded(n.requests)}, selected)
	}
	b.Requests = rounded(total)
	b.Rows = first.rows()
	for k := range b.Rows {
		r := &b.Rows[k]
		id := d.find[r.Value]
		r.Failures = rounded(all[id].failures)
		if s.p.compare {
			before := rounded(all[id].before)
			r.Before = &before
		}
	}
	s.trends(d, b, rows, cells)
	return b
}

// trends counts the requests of a board's rows over time, or takes them from cells.
func (s *selection) trends(d *dictionary, b *Board, rows []uint32, cells []float64) {
	shown := make([]int32, len(d.values)) // the place in Rows, counted from 1
	trends := make([][]float64, len(b.Rows))
	for k, r := range b.Rows {
		id := d.find[r.Value]
		if cells != nil {
			trends[k] = cells[int(id)*s.buckets : int(id+1)*s.buckets]
		} else {
			shown[id], trends[k] = int32(k+1), make([]float64, s.buckets)
		}
	}
	if cells != nil {
		rows = nil // they are counted
	}
	for _, i := range rows {
		if k := shown[d.ids.at(int(i))]; k > 0 && s.place[i] >= 0 {
			trends[k-1][s.place[i]] += s.weightOf(i)
		}
	}
	for k := range b.Rows {
		b.Rows[k].Trend = make([]int64, s.buckets)
		for i, n := range trends[k] {
			b.Rows[k].Trend[i] = rounded(n)
		}
	}
}

// firstValues keeps the first rows of many, and those that are selected.
type firstValues struct {
	limit    int
	kept     []Row
	selected []Row
}

func (f *firstValues) add(r Row, selected []string) {
	if slices.Contains(selected, r.Value) {
		f.selected = append(f.selected, r)
	}
	f.kept = append(f.kept, r)
	if len(f.kept) >= 4*f.limit+100 {
		sortRows(f.kept)
		f.kept = f.kept[:f.limit]
	}
}

func (f *firstValues) rows() []Row {
	sortRows(f.kept)
	rows := append([]Row{}, f.kept[:min(f.limit, len(f.kept))]...)
	for _, r := range f.selected {
		if !slices.ContainsFunc(rows, func(other Row) bool { return other.Value == r.Value }) {
			rows = append(rows, r)
		}
	}
	sortRows(rows)
	return rows
}

func fillTime(t *Time, n sums) {
	t.Requests, t.Failures, t.Errors = rounded(n[0]), rounded(n[1]), rounded(n[2])
	t.Robots, t.NLB, t.Faults = rounded(n[4]), rounded(n[7]), rounded(n[8])
}

func fillTotals(t *Totals, n sums) {
	t.Requests, t.Failures, t.Errors, t.Bytes, t.Robots = rounded(n[0]), rounded(n[1]), rounded(n[2]), rounded(n[3]), rounded(n[4])
	t.Resolved, t.Vouched, t.NLB, t.Faults = rounded(n[5]), rounded(n[6]), rounded(n[7]), rounded(n[8])
}
