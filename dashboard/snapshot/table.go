package snapshot

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"clearhop/analytics"
	"clearhop/dashboard"
)

// A table gathers rows column by column.
type table struct {
	rows    int
	times   []int64 // milliseconds since 1970
	columns []raw
}

// The kinds of a raw column.
type kind uint8

const (
	text   kind = iota
	number      // whole and not negative
	weight      // in units of 1/65536
	truth       // 0 or 1
)

// A raw column is the values in the order in which they came, and which of them each row
// has.
type raw struct {
	name    string
	sql     string
	kind    kind
	parents []string // columns that may predict it, which stand before it

	texts   map[string]uint32
	numbers map[int64]uint32 // -1 for none
	order   []string
	sizes   []int64
	held    int // bytes of texts
	codes   []uint32
}

// leaders are the columns that others depend on: they are encoded first.
var leaders = []string{"client", "path", "user_agent", "reason"}

// otherColumns are what a dashboard.Request and the counts need beside the dimensions.
var otherColumns = []struct {
	name, sql string
	kind      kind
}{
	{"user_agent", "user_agent", text},
	{"referrer_url", "referrer", text},
	{"field", "field", text},
	{"nlb", "nlb", text},
	{"alternatives", "alternatives", text},
	{"weight", "weight", weight},
	{"bytes", "bytes", number},
	{"duration_ns", "duration_ns", number},
	{"robot", "robot", truth},
	{"vouched", "vouched", truth},
	{"nlb_private_ip", "nlb_private_ip", truth},
}

func newTable(rows int64) *table {
	t := &table{times: make([]int64, 0, rows)}
	add := func(name, sql string, k kind) {
		t.columns = append(t.columns, raw{name: name, sql: sql, kind: k, codes: make([]uint32, 0, rows),
			texts: map[string]uint32{}, numbers: map[int64]uint32{}})
	}
	for _, d := range analytics.Dimensions() {
		add(d.ID, d.SQL, text)
		if d.Label != "" {
			add(d.ID+".label", d.Label, text)
		}
	}
	for _, c := range otherColumns {
		add(c.name, c.sql, c.kind)
	}
	place := func(c raw) int {
		if i := slices.Index(leaders, c.name); i >= 0 {
			return i
		}
		return len(leaders)
	}
	slices.SortStableFunc(t.columns, func(a, b raw) int { return cmp.Compare(place(a), place(b)) })
	for i := range t.columns {
		c := &t.columns[i]
		for _, before := range t.columns[:i] {
			if slices.Contains(leaders, before.name) || before.name+".label" == c.name || before.name == "referrer" && c.name == "referrer_url" || before.name == "agent" {
				c.parents = append(c.parents, before.name)
			}
		}
	}
	return t
}

// selects are the columns of the SELECT: the time, then the columns.
func (t *table) selects() string {
	all := []string{"ts"}
	for _, c := range t.columns {
		all = append(all, c.sql)
	}
	return strings.Join(all, ", ")
}

// add adds a row.
func (t *table) add(row []any) {
	at, _ := row[0].(time.Time)
	t.times = append(t.times, at.UnixMilli())
	t.rows++
	for i := range t.columns {
		t.columns[i].add(row[i+1])
	}
}

func (c *raw) add(v any) {
	switch c.kind {
	case text:
		s, _ := v.(string)
		c.addText(s)
	case number:
		n, ok := v.(int64)
		if !ok {
			n = none
		} else {
			n = min(max(n, 0), maxNumber)
		}
		c.addNumber(n)
	case weight:
		w, _ := v.(float64)
		c.addNumber(int64(math.Round(w * units)))
	case truth:
		n := int64(0)
		if b, _ := v.(bool); b {
			n = 1
		}
		c.addNumber(n)
	}
}

const (
	none      = -1
	maxNumber = 1<<53 - 1 // JavaScript counts exactly up to here
	units     = 65536     // weights are multiples of 1/units
)

func (c *raw) addText(s string) {
	code, ok := c.texts[s]
	if !ok {
		s = strings.ToValidUTF8(s, "\uFFFD")
		if c.held+len(s) > maxHeld {
			s = Other
		}
		if code, ok = c.texts[s]; !ok {
			s = strings.Clone(s)
			code = uint32(len(c.order))
			c.texts[s] = code
			c.order = append(c.order, s)
			c.held += len(s)
		}
	}
	c.codes = append(c.codes, code)
}

func (c *raw) addNumber(n int64) {
	code, ok := c.numbers[n]
	if !ok {
		code = uint32(len(c.sizes))
		c.numbers[n] = code
		c.sizes = append(c.sizes, n)
	}
	c.codes = append(c.codes, code)
}

// scaleWeights multiplies the weights of a sample, so that its sums are about those of
// all. The weights stay multiples of 1/units.
func (t *table) scaleWeights(by float64) {
	for i := range t.columns {
		if c := &t.columns[i]; c.kind == weight {
			for k, n := range c.sizes {
				c.sizes[k] = int64(math.Round(float64(n) * by))
			}
		}
	}
}

// dictionary sorts the values, and folds the rarest texts where they are too many.
func (c *raw) dictionary() (*coded, *dashboard.Fold, error) {
	if uint64(len(c.codes)) > math.MaxUint32 {
		return nil, nil, errTooLarge
	}
	if c.kind != text {
		return c.numberDictionary(), nil, nil
	}
	folded := c.fold()
	sorted := slices.Clone(c.order)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	places := make([]uint32, len(c.order))
	for code, s := range c.order {
		place, _ := slices.BinarySearch(sorted, s)
		places[code] = uint32(place)
	}
	c.texts = nil
	return &coded{name: c.name, kind: "text", size: len(sorted), values: packTexts(sorted), codes: mapped(c.codes, places)}, folded, nil
}

func (c *raw) numberDictionary() *coded {
	sorted := slices.Clone(c.sizes)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted) // scaled weights may have become equal
	places := make([]uint32, len(c.sizes))
	for code, n := range c.sizes {
		place, _ := slices.BinarySearch(sorted, n)
		places[code] = uint32(place)
	}
	null := len(sorted) > 0 && sorted[0] == none
	written := sorted
	if null {
		written = sorted[1:]
	}
	c.numbers = nil
	return &coded{name: c.name, kind: "number", size: len(sorted), null: null, values: packNumbers(written), codes: mapped(c.codes, places)}
}

func mapped(codes, places []uint32) []uint32 {
	for i, code := range codes {
		codes[i] = places[code]
	}
	return codes
}

// fold gives the rarest values the name Other, so that the others fit the limits. What is
// told of a dimension is nil if all fit, or if the column is none.
func (c *raw) fold() *dashboard.Fold {
	most := MaxValues
	if c.name == "client" {
		most = MaxRows
	}
	if len(c.order) <= most && c.held <= MaxText {
		return nil
	}
	counts := make([]int64, len(c.order))
	for _, code := range c.codes {
		counts[code]++
	}
	byCount := make([]int, len(c.order))
	for i := range byCount {
		byCount[i] = i
	}
	slices.SortFunc(byCount, func(a, b int) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(len(c.order[a]), len(c.order[b])), cmp.Compare(c.order[a], c.order[b]))
	})
	f := &dashboard.Fold{Dimension: c.name}
	text, kept := len(Other), 1
	for _, i := range byCount {
		if c.order[i] == "" {
			continue // requests without a value stay such
		}
		if text+len(c.order[i]) <= MaxText && kept < most {
			text, kept = text+len(c.order[i]), kept+1
			continue
		}
		f.Values, f.Requests = f.Values+1, f.Requests+counts[i]
		c.order[i] = Other
	}
	if _, ok := analytics.FindDimension(c.name); !ok {
		return nil
	}
	return f
}
