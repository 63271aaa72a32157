package dashboard

import (
	"context"
	"slices"

	"clearhop/analytics"
)

// columns are the requests as numbers, in memory: each value of a dimension is a place in
// the dictionary of its dimension. Loops over them answer in a tenth of the time that SQL
// takes, for some 60 bytes a request.
type columns struct {
	n        int
	at       []int64   // ms since monday
	weight   []float64 // nil as long as each request counts once
	bytes    []int64
	duration []int64 // ns; -1: not known
	flags    []flag
	dims     []dictionary // in the order of the Dimensions

	byDuration []uint32 // the places of requests with a duration, the fastest first
	sorted     int      // of how many requests these are
}

// A flag says one thing of a request.
type flag uint8

const (
	isRobot flag = 1 << iota
	isHealthCheck
	hasClient
	isVouched
	showsNLB
	isFault
	isFailure
	isError
)

// A dictionary has the different values of a dimension, and which of them each request
// has.
type dictionary struct {
	analytics.Dimension
	values []string
	labels []string // "" where there is none
	ids    ids
	find   map[string]uint32
	// ofPlace is the id that a place in the list of the engine has, and 1; 0 if no request
	// had it. nil before the first rows of a Scan.
	ofPlace []uint32
}

func newColumns() *columns {
	c := &columns{}
	for _, d := range analytics.Dimensions() {
		c.dims = append(c.dims, dictionary{Dimension: d, ids: newIDs(), find: map[string]uint32{}})
	}
	return c
}

// scanSQL reads what columns hold. The dimensions follow, and after them their labels.
func scanSQL(from string) string {
	sql := "SELECT date_diff('millisecond', timestamp '1970-01-05 00:00:00', ts), weight, coalesce(bytes, 0), coalesce(duration_ns, -1), " +
		"coalesce(robot, false), coalesce(health_check, false), client IS NOT NULL, coalesce(vouched, false), coalesce(nlb_private_ip, false), coalesce(fault, false), " +
		"coalesce(status >= 400, false), coalesce(status >= 500, false)"
	labels := ""
	for _, d := range analytics.Dimensions() {
		sql += ", " + d.SQL
		if d.Label != "" {
			labels += ", " + d.Label
		}
	}
	return sql + labels + "\nFROM (\n" + from + "\n)"
}

const fixedColumns = 12

// read adds the rows of a SELECT of requests. After an error it has the first of them.
func (c *columns) read(ctx context.Context, e analytics.Scanner, from string) error {
	for k := range c.dims {
		c.dims[k].ofPlace = nil
	}
	return e.Scan(ctx, scanSQL(from), func(v analytics.Vectors) error {
		c.add(v)
		return ctx.Err()
	})
}

// grow makes room for more requests.
func (c *columns) grow(n int) {
	c.at, c.bytes, c.duration, c.flags = slices.Grow(c.at, n), slices.Grow(c.bytes, n), slices.Grow(c.duration, n), slices.Grow(c.flags, n)
	for k := range c.dims {
		c.dims[k].ids.grow(n)
	}
}

func (c *columns) add(v analytics.Vectors) {
	rows := v.Len()
	for i := range rows {
		c.at = append(c.at, v.Integer(0, i))
		c.bytes = append(c.bytes, v.Integer(2, i))
		c.duration = append(c.duration, v.Integer(3, i))
		w := v.Decimal(1, i)
		if w != 1 && c.weight == nil {
			c.weight = slices.Repeat([]float64{1}, c.n+i)
		}
		if c.weight != nil {
			c.weight = append(c.weight, w)
		}
		var f flag
		for bit := range 8 {
			if v.Boolean(4+bit, i) {
				f |= 1 << bit
			}
		}
		c.flags = append(c.flags, f)
	}
	label := fixedColumns + len(c.dims)
	for k := range c.dims {
		d := &c.dims[k]
		labels := -1
		if d.Label != "" {
			labels = label
			label++
		}
		d.add(v, fixedColumns+k, labels)
	}
	c.n += rows
}

// add adds the values of a column, with the labels of another one.
func (d *dictionary) add(v analytics.Vectors, column, labels int) {
	if d.ofPlace == nil {
		d.ofPlace = make([]uint32, len(v.Texts(column)))
	}
	for i := range v.Len() {
		id := d.idOf(v, column, i)
		d.ids.append(id)
		if labels < 0 || v.IsNull(labels, i) {
			continue
		}
		if label := v.Text(labels, i); string(label) > d.labels[id] {
			d.labels[id] = string(label)
		}
	}
}

// idOf returns the id of the value in a row. Requests without a value have the empty one.
func (d *dictionary) idOf(v analytics.Vectors, column, row int) uint32 {
	if v.IsNull(column, row) {
		return d.id(nil)
	}
	if len(d.ofPlace) == 0 {
		return d.id(v.Text(column, row))
	}
	known := &d.ofPlace[v.Place(column, row)]
	if *known == 0 {
		*known = d.id(v.Text(column, row)) + 1
	}
	return *known - 1
}

// id returns the id of a value.
func (d *dictionary) id(value []byte) uint32 {
	// Neighbours are often alike, and a comparison costs less than a look into the map.
	if n := d.ids.len(); n > 0 {
		if before := d.ids.at(n - 1); d.values[before] == string(value) {
			return before
		}
	}
	id, known := d.find[string(value)]
	if !known {
		id = uint32(len(d.values))
		d.values, d.labels = append(d.values, string(value)), append(d.labels, "")
		d.find[d.values[id]] = id
	}
	return id
}

// sortDurations sorts the requests that are new, and merges them with the others.
func (c *columns) sortDurations() {
	var fresh []uint32
	for i := c.sorted; i < c.n; i++ {
		if c.duration[i] >= 0 {
			fresh = append(fresh, uint32(i))
		}
	}
	c.sorted = c.n
	slices.SortFunc(fresh, func(a, b uint32) int { return int(min(max(c.duration[a]-c.duration[b], -1), 1)) })
	if len(c.byDuration) == 0 {
		c.byDuration = fresh
		return
	}
	merged := make([]uint32, 0, len(c.byDuration)+len(fresh))
	old := c.byDuration
	for len(old) > 0 && len(fresh) > 0 {
		if c.duration[fresh[0]] < c.duration[old[0]] {
			merged, fresh = append(merged, fresh[0]), fresh[1:]
		} else {
			merged, old = append(merged, old[0]), old[1:]
		}
	}
	c.byDuration = append(append(merged, old...), fresh...)
}

func (c *columns) weightOf(i uint32) float64 {
	if c.weight == nil {
		return 1
	}
	return c.weight[i]
}
