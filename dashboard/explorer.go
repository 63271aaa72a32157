package dashboard

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"clearhop/analytics"
	"clearhop/diagnose"
	"clearhop/verdict"
)

// Config says what an Explorer asks.
type Config struct {
	Engine  analytics.Engine
	Dialect analytics.Dialect
	// Window and Where narrow all that can be asked for. Where is the operator's own SQL
	// over the columns of the view requests, and must have been checked.
	Window analytics.Window
	Where  string

	// NoColumns has SQL answer everything. Otherwise an Engine that is an
	// analytics.Scanner is read once, and the requests are counted in memory.
	NoColumns bool

	// Doctor says what is known of the addresses of the chain.
	Doctor diagnose.Config

	Version string
	Source  string // what was read, in a few words
	Live    bool
}

// maxInMemory is how many requests are counted in memory, at some 60 bytes each, and the
// garbage of answers that is not collected yet.
const maxInMemory = 12_000_000

// An Explorer answers from an analytics.Engine, with SQL over the views. It asks the engine
// one question at a time. What is counted in memory waits for no other question to the
// engine, but for a search, and for the first question after more lines came: these ask the
// engine themselves. It implements Source.
type Explorer struct {
	Config
	// Who counts requests has the turn counting, and who asks the engine has the turn asking.
	// Who needs both waits for counting first.
	counting, asking turn

	columns *columns // nil: not read yet; only who has the turn counting uses it
	tooMany bool     // there are more requests than columns may have

	mu      sync.Mutex
	bounds  *bounds          // nil: not known
	sizes   map[string]int64 // how many values a dimension had at most, by its ID
	judged  []judged         // the last ones, the newest last
	changes int              // how often Forget was called
}

// A turn is had by one question at a time.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// begin waits for the turn. The function that it returns gives the turn back.
func (t turn) begin(ctx context.Context) (end func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// bounds say what there is to ask for.
type bounds struct {
	requests    int64
	first, last time.Time // zero if there is no request
}

var _ Source = (*Explorer)(nil)

// NewExplorer makes an Explorer. It asks nothing.
func NewExplorer(c Config) *Explorer {
	return &Explorer{Config: c, counting: newTurn(), asking: newTurn(), sizes: map[string]int64{}}
}

// Forget makes the Explorer look again at what there is to ask for, after more was
// loaded.
func (e *Explorer) Forget() {
	e.mu.Lock()
	e.bounds, e.judged = nil, nil
	e.changes++
	e.mu.Unlock()
}

// End waits for the questions in hand, and lets no other one begin: the engine can be closed
// then. The contexts of all questions should have ended.
func (e *Explorer) End() {
	e.counting <- struct{}{}
	e.asking <- struct{}{}
}

func (e *Explorer) ask(ctx context.Context, what, sql string) ([][]any, error) {
	if e.Dialect == analytics.Athena && len(sql) > 262144 {
		return nil, problem("", "the filters are too long: a query of Athena has 262144 bytes at most")
	}
	a, err := e.Engine.Ask(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return a.Rows, nil
}

// known returns what there is to ask for. The caller has the turn asking.
func (e *Explorer) known(ctx context.Context) (bounds, error) {
	e.mu.Lock()
	b, changes := e.bounds, e.changes
	e.mu.Unlock()
	if b != nil {
		return *b, nil
	}
	p := &plan{dialect: e.Dialect, within: e.Window, where: e.Where, state: State{Kind: All}}
	rows, err := e.ask(ctx, "bounds", "SELECT count(*), min(ts), max(ts) FROM (\n"+p.query(analytics.Requests, "")+"\n)")
	if err != nil {
		return bounds{}, err
	}
	b = &bounds{}
	if len(rows) == 1 {
		b.requests = integer(rows[0][0])
		b.first, _ = rows[0][1].(time.Time)
		b.last, _ = rows[0][2].(time.Time)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if changes == e.changes { // else more lines may have come, and the next question asks again
		e.bounds = b
	}
	return *b, nil
}

// plan resolves the time of a State. The caller has the turn asking.
func (e *Explorer) plan(ctx context.Context, s State) (*plan, error) {
	b, err := e.known(ctx)
	if err != nil {
		return nil, err
	}
	return e.planWithin(b, s), nil
}

func (e *Explorer) planWithin(b bounds, s State) *plan {
	p := newPlan(s, b.first, b.last)
	p.dialect, p.within, p.where = e.Dialect, e.Window, e.Where
	return p
}

// Manifest implements Source.
func (e *Explorer) Manifest(ctx context.Context) (*Manifest, error) {
	end, err := e.asking.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	b, err := e.known(ctx)
	if err != nil {
		return nil, err
	}
	m := NewManifest()
	m.Version, m.Source, m.Live, m.Made = e.Version, e.Source, e.Live, time.Now().UTC().Truncate(time.Second)
	m.Requests, m.Sampled = b.requests, 1
	for _, c := range searchedColumns {
		m.Searched = append(m.Searched, c.word)
	}
	if !b.first.IsZero() {
		m.First, m.Last = &b.first, &b.last
	}
	return m, nil
}

// NewManifest returns a Manifest with what is the same for every source: the dimensions
// and the words for reasons and verdicts.
func NewManifest() *Manifest {
	m := &Manifest{Searched: []string{}}
	for _, d := range analytics.Dimensions() {
		m.Dimensions = append(m.Dimensions, DimensionInfo{ID: d.ID, Title: d.Title, None: d.None, Board: d.Board})
	}
	plain := strings.NewReplacer("`", "")
	for _, r := range verdict.Reasons() {
		info := r.Info()
		m.Reasons = append(m.Reasons, Word{Code: info.Code, Means: plain.Replace(info.Means), Fault: info.Fault})
	}
	for _, v := range verdict.Verdicts() {
		info := v.Info()
		m.Verdicts = append(m.Verdicts, Word{Code: info.Code, Means: plain.Replace(info.Means)})
	}
	return m
}

// Explore implements Source.
func (e *Explorer) Explore(ctx context.Context, s State) (*Answer, error) {
	endCounting, err := e.counting.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer endCounting()
	if c, p := e.ready(s); c != nil {
		return c.explore(ctx, p, nil)
	}
	endAsking, err := e.asking.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer endAsking()
	p, err := e.plan(ctx, s)
	if err != nil {
		return nil, err
	}
	c, found, err := e.inMemory(ctx, s.Search)
	if err != nil {
		return nil, err
	}
	if c != nil {
		return c.explore(ctx, p, found)
	}
	a := newAnswer(p)
	for _, step := range []func(context.Context, *plan, *Answer) error{e.sums, e.clients, e.latencies, e.allBoards} {
		if err := step(ctx, p, a); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// ready returns the columns and the plan of a State, if its answer can be counted without a
// question to the engine; nil if it cannot. The caller has the turn counting.
func (e *Explorer) ready(s State) (*columns, *plan) {
	e.mu.Lock()
	b := e.bounds
	e.mu.Unlock()
	c := e.columns
	if b == nil || c == nil || int64(c.n) != b.requests || c.sorted != c.n || s.Search != "" {
		return nil, nil
	}
	return c, e.planWithin(*b, s)
}

// inMemory returns all requests as columns, where the engine can read them out fast and
// they are not too many; nil if SQL is to answer. What Search looks into is not all in
// columns, so the engine says which requests hold the text. The caller has both turns.
func (e *Explorer) inMemory(ctx context.Context, search string) (*columns, []bool, error) {
	scanner, ok := e.Engine.(analytics.Scanner)
	if !ok || e.NoColumns || e.tooMany {
		return nil, nil, nil
	}
	b, err := e.known(ctx)
	if err != nil {
		return nil, nil, err
	}
	if e.tooMany = b.requests > maxInMemory; e.tooMany {
		e.columns = nil
		return nil, nil, nil
	}
	c := e.columns
	if c == nil {
		c = newColumns()
	}
	e.columns = c
	if more := int(b.requests) - c.n; more > 0 {
		if c.n == 0 {
			c.grow(more)
		}
		// If nobody waits any longer, the next question goes on where this one ended.
		if err := c.read(ctx, scanner, e.part(c.n, more)); err != nil {
			return nil, nil, fmt.Errorf("read the requests: %w", err)
		}
	}
	if c.sorted < c.n {
		c.sortDurations()
	}
	if search == "" {
		return c, nil, nil
	}
	found, err := e.search(ctx, scanner, c.n, search)
	return c, found, err
}

// search says which of the first n requests hold a text.
func (e *Explorer) search(ctx context.Context, scanner analytics.Scanner, n int, search string) ([]bool, error) {
	found := make([]bool, 0, n)
	sql := "SELECT " + searchSQL(search) + "\nFROM (\n" + e.part(0, n) + "\n)"
	err := scanner.Scan(ctx, sql, func(v analytics.Vectors) error {
		for i := range v.Len() {
			found = append(found, v.Boolean(0, i))
		}
		return nil
	})
	if err == nil && len(found) != n {
		err = fmt.Errorf("%d requests of %d were searched", len(found), n)
	}
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return found, nil
}

// part selects some of all requests. DuckDB gives them in the order in which they were
// loaded, and none is ever removed.
func (e *Explorer) part(from, n int) string {
	all := &plan{dialect: e.Dialect, within: e.Window, where: e.Where, state: State{Kind: All}}
	return all.query(analytics.Requests, "") + fmt.Sprintf("\n  LIMIT %d OFFSET %d", n, from)
}

// newAnswer makes an Answer whose counts are 0.
func newAnswer(p *plan) *Answer {
	a := &Answer{
		Since: p.since, Until: p.until, Bucket: int64(p.bucket / time.Second),
		Times: []Time{}, Boards: []Board{}, Countries: []Country{},
		Heat: Heat{Edges: HeatEdges[:], Counts: [][]int64{}},
	}
	if p.compare {
		a.Before = &Totals{}
	}
	for _, at := range p.times() {
		a.Times = append(a.Times, Time{At: at})
		a.Heat.Counts = append(a.Heat.Counts, make([]int64, len(HeatEdges)))
		if p.compare {
			a.TimesBefore = append(a.TimesBefore, Time{At: at.Add(-p.length())})
		}
	}
	return a
}

// measures are the sums of a bucket, in the order in which rows have them.
var measures = []string{
	"sum(weight)", sumOf("status >= 400"), sumOf("status >= 500"), "sum(weight * coalesce(bytes, 0))", sumOf("robot"),
	sumOf("client IS NOT NULL"), sumOf("client IS NOT NULL AND vouched"), sumOf("nlb_private_ip"), sumOf("fault"),
}

// sums counts the totals, and the requests over time.
func (e *Explorer) sums(ctx context.Context, p *plan, a *Answer) error {
	sql := "SELECT " + p.now() + " AS now, " + p.bucketSQL() + " AS b, " + strings.Join(measures, ", ") +
		"\nFROM (\n" + p.query(analytics.Requests, "") + "\n)\nGROUP BY 1, 2"
	rows, err := e.ask(ctx, "totals", sql)
	if err != nil {
		return err
	}
	var totals [2]sums // now, before
	for _, row := range rows {
		period, times := 0, a.Times
		if now, _ := row[0].(bool); !now {
			period, times = 1, a.TimesBefore
		}
		var counts sums
		for i := range counts {
			counts[i] = number(row[2+i])
			totals[period][i] += counts[i]
		}
		if at := p.place(integer(row[1])); at >= 0 && at < len(times) {
			fillTime(&times[at], counts)
		}
	}
	for period, t := range []*Totals{&a.Total, a.Before} {
		if t != nil {
			fillTotals(t, totals[period])
		}
	}
	return nil
}

// clients counts the different clients.
func (e *Explorer) clients(ctx context.Context, p *plan, a *Answer) error {
	columns := "count(DISTINCT client)"
	if p.compare {
		columns = "count(DISTINCT CASE WHEN " + p.now() + " THEN client END), count(DISTINCT CASE WHEN NOT (" + p.now() + ") THEN client END)"
	}
	rows, err := e.ask(ctx, "clients", "SELECT "+columns+"\nFROM (\n"+p.query(analytics.Requests, "")+"\n)")
	if err != nil || len(rows) == 0 {
		return err
	}
	a.Total.Clients = integer(rows[0][0])
	if a.Before != nil {
		a.Before.Clients = integer(rows[0][1])
	}
	return nil
}

// latencies finds the percentiles and counts the heat map. A row without b is of all
// buckets.
func (e *Explorer) latencies(ctx context.Context, p *plan, a *Answer) error {
	columns := []string{"now", "b", analytics.Percentiles}
	for i, edge := range HeatEdges {
		in := fmt.Sprintf("duration_ns >= %d", nanoseconds(edge))
		if i == 0 {
			in = "true" // a duration below 0 cannot be
		}
		if i+1 < len(HeatEdges) {
			in += fmt.Sprintf(" AND duration_ns < %d", nanoseconds(HeatEdges[i+1]))
		}
		columns = append(columns, sumOf(in))
	}
	sql := "SELECT " + strings.Join(columns, ",\n  ") + `
FROM (
  SELECT now, b, duration_ns, weight,
         sum(weight) OVER (PARTITION BY now, b ORDER BY duration_ns ROWS UNBOUNDED PRECEDING) AS below,
         sum(weight) OVER (PARTITION BY now, b) AS total
  FROM (
    SELECT now, b, duration_ns, sum(weight) AS weight
    FROM (SELECT ` + p.now() + " AS now, " + p.bucketSQL() + ` AS b, duration_ns, weight FROM (
` + p.query(analytics.Requests, "") + `
    ))
    WHERE duration_ns IS NOT NULL
    GROUP BY GROUPING SETS ((now, b, duration_ns), (now, duration_ns))
  )
)
GROUP BY now, b`
	rows, err := e.ask(ctx, "latency", sql)
	if err != nil {
		return err
	}
	for _, row := range rows {
		now, _ := row[0].(bool)
		p50, p90, p99 := seconds(row[2]), seconds(row[3]), seconds(row[4])
		if row[1] == nil {
			if t := map[bool]*Totals{true: &a.Total, false: a.Before}[now]; t != nil {
				t.P50, t.P90, t.P99 = p50, p90, p99
			}
			continue
		}
		times := map[bool][]Time{true: a.Times, false: a.TimesBefore}[now]
		at := p.place(integer(row[1]))
		if at < 0 || at >= len(times) {
			continue
		}
		times[at].P50, times[at].P90, times[at].P99 = p50, p90, p99
		for i := range HeatEdges {
			if now {
				a.Heat.Counts[at][i] = rounded(number(row[5+i]))
			}
		}
	}
	return nil
}

func nanoseconds(seconds float64) int64 { return int64(math.Round(seconds * 1e9)) }

// rounded rounds a sum of weights, half away from zero.
func rounded(x float64) int64 { return int64(math.Round(x)) }

func number(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case int64:
		return float64(v)
	}
	return 0
}

func integer(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case float64:
		return rounded(v)
	}
	return 0
}

func seconds(v any) *float64 {
	if x, ok := v.(float64); ok {
		return &x
	}
	return nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// selected returns the values that the State chose of a dimension.
func (s State) selected(dimension string) []string {
	i := slices.IndexFunc(s.Filters, func(f Filter) bool { return f.Dimension == dimension })
	if i < 0 {
		return nil
	}
	return s.Filters[i].Values
}
