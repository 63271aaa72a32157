package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"clearhop/analytics"
)

// Two ways lead to a board. In DuckDB a dimension of few values is counted by value and
// bucket in one pass, and the first rows are chosen here. Otherwise the first rows are
// chosen in SQL, and a second pass counts their trends: all rows of a dimension with a
// million values must not come out of the engine. Athena counts all boards with the same
// filters at once: each query costs seconds, and each column that it reads money.

// fewCells is how many values times buckets count as few.
const fewCells = 20_000

// maxCountries bounds the rows of the map: an event of somebody else's may have any text
// as its country.
const maxCountries = 1000

// A boardPlan is one board that is asked for.
type boardPlan struct {
	dimension analytics.Dimension
	limit     int
	find      string
	selected  []string // are among the rows whatever their place
}

// allBoards makes the boards, and the countries of the map.
func (e *Explorer) allBoards(ctx context.Context, p *plan, a *Answer) error {
	var shared, own []boardPlan // by whether the State filters the dimension itself
	for _, d := range analytics.Dimensions() {
		if !d.Board {
			continue
		}
		b := boardPlan{dimension: d, limit: BoardRows, selected: p.state.selected(d.ID)}
		if d.ID == "country" {
			b.limit = maxCountries
		}
		if b.selected == nil {
			shared = append(shared, b)
		} else {
			own = append(own, b)
		}
	}
	boards, err := e.boards(ctx, p, shared, "")
	if err != nil {
		return err
	}
	for _, b := range own {
		more, err := e.boards(ctx, p, []boardPlan{b}, b.dimension.ID)
		if err != nil {
			return err
		}
		boards = append(boards, more...)
	}
	slices.SortFunc(boards, func(a, b Board) int { return cmp.Compare(rank(a.Dimension), rank(b.Dimension)) })
	for i := range boards {
		if boards[i].Dimension == "country" {
			a.Countries = countriesOf(boards[i].Rows)
			boards[i].Rows = firstRows(boards[i].Rows, BoardRows, p.state.selected("country"))
		}
	}
	a.Boards = boards
	return nil
}

func countriesOf(rows []Row) []Country {
	all := []Country{}
	for _, r := range rows {
		if r.Value != "" {
			all = append(all, Country{Code: r.Value, Requests: r.Requests, Failures: r.Failures})
		}
	}
	return all
}

// firstRows keeps the first rows, and those of the selected values.
func firstRows(rows []Row, limit int, selected []string) []Row {
	kept := []Row{}
	for i, r := range rows {
		if i < limit || slices.Contains(selected, r.Value) {
			kept = append(kept, r)
		}
	}
	return kept
}

// Board implements Source.
func (e *Explorer) Board(ctx context.Context, q BoardQuery) (*Board, error) {
	d, ok := analytics.FindDimension(q.Dimension)
	switch {
	case !ok || !d.Board:
		return nil, problem("dimension", "there is no board of that name")
	case q.Limit < 1 || q.Limit > MaxRows:
		return nil, problem("limit", "limit is a number from 1 to %d", MaxRows)
	}
	endCounting, err := e.counting.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer endCounting()
	if c, p := e.ready(q.State); c != nil {
		return newSelection(c, p, nil).board(&c.dims[rank(d.ID)], q.Limit, q.Find), nil
	}
	endAsking, err := e.asking.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer endAsking()
	p, err := e.plan(ctx, q.State)
	if err != nil {
		return nil, err
	}
	c, found, err := e.inMemory(ctx, q.State.Search)
	if err != nil {
		return nil, err
	}
	if c != nil {
		return newSelection(c, p, found).board(&c.dims[rank(d.ID)], q.Limit, q.Find), nil
	}
	b := boardPlan{dimension: d, limit: q.Limit, find: q.Find, selected: p.state.selected(d.ID)}
	boards, err := e.boards(ctx, p, []boardPlan{b}, d.ID)
	if err != nil {
		return nil, err
	}
	board := &boards[0]
	if q.Find != "" && len(board.Rows) == 0 {
		// No row came that could have brought the sum of all along.
		all, err := e.boards(ctx, p, []boardPlan{{dimension: d, limit: 1}}, d.ID)
		if err != nil {
			return nil, err
		}
		board.Requests = all[0].Requests
	}
	return board, nil
}

// boards makes boards that have the same filters: all of the State's but that of one
// dimension, or all.
func (e *Explorer) boards(ctx context.Context, p *plan, plans []boardPlan, without string) ([]Board, error) {
	if e.Dialect == analytics.Athena {
		return e.boardsBySQL(ctx, p, plans, without)
	}
	var boards []Board
	for _, b := range plans {
		size, known := e.sizes[b.dimension.ID]
		if known && b.find == "" && size*int64(len(p.times())) <= fewCells {
			board, err := e.smallBoard(ctx, p, b, without)
			if err != nil {
				return nil, err
			}
			boards = append(boards, *board)
			continue
		}
		more, err := e.boardsBySQL(ctx, p, []boardPlan{b}, without)
		if err != nil {
			return nil, err
		}
		if b.find == "" {
			e.sizes[b.dimension.ID] = max(size, more[0].Values)
		}
		boards = append(boards, more...)
	}
	return boards, nil
}

// boardsBySQL chooses the rows and counts the trends in two queries.
func (e *Explorer) boardsBySQL(ctx context.Context, p *plan, plans []boardPlan, without string) ([]Board, error) {
	boards := make([]Board, len(plans))
	for i, b := range plans {
		boards[i] = Board{Dimension: b.dimension.ID, Rows: []Row{}}
	}
	if len(plans) == 0 {
		return boards, nil
	}
	rows, err := e.ask(ctx, "boards", rowsSQL(p, plans, without))
	if err != nil {
		return nil, err
	}
	any := false
	for _, row := range rows {
		i := integer(row[0])
		r := Row{Value: text(row[1]), Label: text(row[2]), Requests: rounded(number(row[3])), Failures: rounded(number(row[4])), Trend: make([]int64, len(p.times()))}
		if p.compare {
			before := rounded(number(row[5]))
			r.Before = &before
		}
		boards[i].Values, boards[i].Requests = integer(row[6]), rounded(number(row[7]))
		boards[i].Rows = append(boards[i].Rows, r)
		any = true
	}
	for i := range boards {
		sortRows(boards[i].Rows)
	}
	if !any {
		return boards, nil
	}
	return boards, e.trends(ctx, p, plans, boards, without)
}

// rowsSQL chooses the first rows of boards, and those of the selected values. Each row has
// the place of its board in plans, the value, its label, three sums, how many values the
// board has, and the sum of all of them.
func rowsSQL(p *plan, plans []boardPlan, without string) string {
	inner, board, value, label := []string{}, "CASE", []string{}, "CASE"
	sets, keep, fits := []string{}, "", "true"
	for i, b := range plans {
		c := fmt.Sprintf("c%d", i)
		inner = append(inner, valueSQL(b.dimension)+" AS "+c)
		board += fmt.Sprintf(" WHEN %s IS NOT NULL THEN %d", c, i)
		value = append(value, c)
		sets = append(sets, "("+c+")")
		if b.dimension.Label != "" {
			inner = append(inner, b.dimension.Label+" AS l"+c)
			label += " WHEN " + c + " IS NOT NULL THEN max(l" + c + ")"
		}
		keep += fmt.Sprintf("\n   OR board = %d AND (place <= %d", i, b.limit)
		if len(b.selected) > 0 {
			keep += " OR value IN (" + literals(b.selected) + ")"
		}
		keep += ")"
		if b.find != "" {
			fits = "coalesce(strpos(lower(value), lower(" + analytics.Literal(b.find) + ")), 0) > 0"
		}
	}
	if label == "CASE" {
		label = "cast(NULL AS varchar)"
	} else {
		label += " END"
	}
	return `SELECT board, value, label, requests, failures, before, n, total
FROM (
  SELECT board, value, label, requests, failures, before, fits,
         count(*) OVER (PARTITION BY board, fits) AS n,
         sum(requests) OVER (PARTITION BY board) AS total,
         row_number() OVER (PARTITION BY board, fits ORDER BY round(requests) DESC, value) AS place
  FROM (
    SELECT *, ` + fits + ` AS fits
    FROM (
      SELECT ` + board + ` END AS board, coalesce(` + strings.Join(append(value, "''"), ", ") + `) AS value, ` + label + ` AS label,
             ` + sumOf(p.now()) + ` AS requests, ` + sumOf(p.now()+" AND status >= 400") + ` AS failures, ` + sumOf("NOT ("+p.now()+")") + ` AS before
      FROM (SELECT ts, status, weight, ` + strings.Join(inner, ", ") + ` FROM (
` + p.query(analytics.Requests, without) + `
      ))
      GROUP BY GROUPING SETS (` + strings.Join(sets, ", ") + `)
    )
    WHERE requests > 0
  )
)
WHERE fits AND (false` + keep + ")"
}

// trends counts the requests of the boards' rows over time.
func (e *Explorer) trends(ctx context.Context, p *plan, plans []boardPlan, boards []Board, without string) error {
	var inner, board, value, sets, any []string
	places := make([]map[string]int, len(plans))
	for i, b := range plans {
		if len(boards[i].Rows) == 0 {
			continue
		}
		places[i] = map[string]int{}
		shown := make([]string, len(boards[i].Rows))
		for k, r := range boards[i].Rows {
			shown[k], places[i][r.Value] = r.Value, k
		}
		c := fmt.Sprintf("c%d", i)
		in := valueSQL(b.dimension) + " IN (" + literals(shown) + ")"
		any = append(any, in)
		inner = append(inner, "CASE WHEN "+in+" THEN "+valueSQL(b.dimension)+" END AS "+c)
		board = append(board, fmt.Sprintf("WHEN %s IS NOT NULL THEN %d", c, i))
		value = append(value, c)
		sets = append(sets, "(b, "+c+")")
	}
	where := "ts IS NOT NULL"
	if p.compare {
		where = p.now()
	}
	if len(any) == 1 {
		where += " AND " + any[0]
	}
	sql := `SELECT board, value, b, requests
FROM (
  SELECT CASE ` + strings.Join(board, " ") + ` END AS board, coalesce(` + strings.Join(append(value, "NULL"), ", ") + `) AS value, b, sum(weight) AS requests
  FROM (SELECT ` + p.bucketSQL() + ` AS b, weight, ` + strings.Join(inner, ", ") + ` FROM (
` + p.query(analytics.Requests, without) + `
  ) WHERE ` + where + `)
  GROUP BY GROUPING SETS (` + strings.Join(sets, ", ") + `)
)
WHERE value IS NOT NULL`
	rows, err := e.ask(ctx, "trends", sql)
	if err != nil {
		return err
	}
	for _, row := range rows {
		i := integer(row[0])
		k, ok := places[i][text(row[1])]
		if at := p.place(integer(row[2])); ok && at >= 0 && at < len(boards[i].Rows[k].Trend) {
			boards[i].Rows[k].Trend[at] = rounded(number(row[3]))
		}
	}
	return nil
}

// smallBoard counts a dimension of few values in one pass, by the columns that it is made
// of: an expression is computed once for each group and not once for each request.
func (e *Explorer) smallBoard(ctx context.Context, p *plan, b boardPlan, without string) (*Board, error) {
	columns := strings.Join(columnsOf(b.dimension), ", ")
	label := "NULL"
	if b.dimension.Label != "" {
		label = b.dimension.Label
	}
	sql := "SELECT " + valueSQL(b.dimension) + " AS value, max(cast(" + label + " AS varchar)) AS label, b, sum(requests), sum(failures), sum(before)\nFROM (\n" +
		"  SELECT " + columns + ", " + p.bucketSQL() + " AS b, " + sumOf(p.now()) + " AS requests, " + sumOf(p.now()+" AND status >= 400") + " AS failures, " + sumOf("NOT ("+p.now()+")") + " AS before\n  FROM (\n" +
		p.query(analytics.Requests, without) + "\n  )\n  GROUP BY " + columns + ", b\n)\nGROUP BY 1, 3"
	cells, err := e.ask(ctx, "board "+b.dimension.ID, sql)
	if err != nil {
		return nil, err
	}
	type sum struct {
		Row
		requests, failures, before float64
	}
	sums := map[string]*sum{}
	board := &Board{Dimension: b.dimension.ID, Rows: []Row{}}
	total := 0.0
	for _, cell := range cells {
		s := sums[text(cell[0])]
		if s == nil {
			s = &sum{Row: Row{Value: text(cell[0]), Trend: make([]int64, len(p.times()))}}
			sums[s.Value] = s
		}
		if label := text(cell[1]); label > s.Label {
			s.Label = label
		}
		requests := number(cell[3])
		s.requests, s.failures, s.before = s.requests+requests, s.failures+number(cell[4]), s.before+number(cell[5])
		total += requests
		if at := p.place(integer(cell[2])); at >= 0 && at < len(s.Trend) {
			s.Trend[at] = rounded(requests)
		}
	}
	for _, s := range sums {
		if s.requests <= 0 {
			continue
		}
		s.Requests, s.Failures = rounded(s.requests), rounded(s.failures)
		if p.compare {
			before := rounded(s.before)
			s.Before = &before
		}
		board.Rows = append(board.Rows, s.Row)
	}
	sortRows(board.Rows)
	board.Values, board.Requests = int64(len(board.Rows)), rounded(total)
	board.Rows = firstRows(board.Rows, b.limit, b.selected)
	return board, nil
}

func sortRows(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Value, b.Value))
	})
}

var names = regexp.MustCompile(`[a-z_]+`)

// columnsOf returns the columns of the view that a dimension's expressions read.
func columnsOf(d analytics.Dimension) []string {
	var all []string
	for _, c := range analytics.View(analytics.Requests) {
		if slices.Contains(names.FindAllString(d.SQL+" "+d.Label, -1), c.Name) {
			all = append(all, c.Name)
		}
	}
	return all
}
