package analytics_test

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"clearhop/analytics"
	"clearhop/internal/traffic"
	"clearhop/record"
	"clearhop/verdict"
)

// This file answers questions from what the generator knows, in plain Go: a loop over
// the lines, each of them once. No SQL and no Parquet is in it.

type lines []*traffic.Line

// weight is the weight of the line as the views have it.
func weight(l *traffic.Line) float64 { return math.Round(65536*l.Weight()) / 65536 }

func (ls lines) where(keep func(*traffic.Line) bool) lines {
	var kept lines
	for _, l := range ls {
		if keep(l) {
			kept = append(kept, l)
		}
	}
	return kept
}

// requests are those of lines that fit, health checks left out.
func (ls lines) requests(keep func(*traffic.Line) bool) lines {
	return ls.where(func(l *traffic.Line) bool { return l.IsRequest() && !l.IsHealthCheck() && keep(l) })
}

func every(*traffic.Line) bool       { return true }
func failed(l *traffic.Line) bool    { return l.Status >= 400 }
func isPerson(l *traffic.Line) bool  { return !l.IsRobot() }
func isVisitor(l *traffic.Line) bool { return !l.IsRobot() && !l.IsHealthCheck() }

// count adds up the weights of the lines that fit.
func (ls lines) count(fits func(*traffic.Line) bool) int64 {
	sum := 0.0
	for _, l := range ls.where(fits) {
		sum += weight(l)
	}
	return int64(math.Round(sum))
}

func sent(l *traffic.Line) int64 {
	if l.Bytes >= 0 {
		return l.Bytes
	}
	return max(l.BodyBytes, 0)
}

func (ls lines) bytes() int64 {
	sum := 0.0
	for _, l := range ls {
		sum += weight(l) * float64(sent(l))
	}
	return int64(math.Round(sum))
}

// distinct counts the different texts, the empty one left out.
func (ls lines) distinct(of func(*traffic.Line) string) int64 {
	seen := map[string]bool{}
	for _, l := range ls {
		if text := of(l); text != "" {
			seen[text] = true
		}
	}
	return int64(len(seen))
}

func (ls lines) clients() int64 { return ls.distinct((*traffic.Line).Name) }

func (ls lines) first() time.Time { return ls[0].Time } // they are in the order of time
func (ls lines) last() time.Time  { return ls[len(ls)-1].Time }

// groups are the lines by a key, the largest group first.
func groups[K cmp.Ordered](ls lines, key func(*traffic.Line) K) (keys []K, of map[K]lines) {
	of = map[K]lines{}
	for _, l := range ls {
		of[key(l)] = append(of[key(l)], l)
	}
	for k := range of {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b K) int {
		return cmp.Or(cmp.Compare(of[b].count(every), of[a].count(every)), nullsLast(a, b))
	})
	return keys, of
}

// nullsLast compares keys; the zero key stands for NULL.
func nullsLast[K cmp.Ordered](a, b K) int {
	var none K
	if (a == none) != (b == none) {
		return map[bool]int{true: 1, false: -1}[a == none]
	}
	return cmp.Compare(a, b)
}

// null is a value, or nil if it is zero.
func null[T comparable](v T) any {
	var none T
	if v == none {
		return nil
	}
	return v
}

// percentile is the nearest rank, from the definition: the requests written out in order
// in units of 1/65536.
func (ls lines) percentile(p int64) float64 {
	sorted := slices.Clone(ls)
	slices.SortFunc(sorted, func(a, b *traffic.Line) int { return cmp.Compare(a.Duration, b.Duration) })
	total, below := int64(0), int64(0)
	for _, l := range sorted {
		total += int64(weight(l) * 65536)
	}
	for _, l := range sorted {
		if below += int64(weight(l) * 65536); below*100 >= total*p {
			return float64(l.Duration) / 1e9
		}
	}
	return math.NaN()
}

// latency is the part of a row that all questions about latency have.
func (ls lines) latency() []any {
	spent, total, longest := 0.0, 0.0, time.Duration(0)
	for _, l := range ls {
		spent, total, longest = spent+weight(l)*float64(l.Duration), total+weight(l), max(longest, l.Duration)
	}
	return []any{ls.count(every), math.Round(spent/total) / 1e9, ls.percentile(50), ls.percentile(90), ls.percentile(99), float64(longest) / 1e9}
}

// byText answers the questions that count requests by one text: share, clients,
// failures and bytes follow.
func byText(ls lines, text func(*traffic.Line) string) [][]any {
	keys, of := groups(ls, text)
	total := int64(0)
	for _, k := range keys {
		total += of[k].count(every)
	}
	var rows [][]any
	for _, k := range keys {
		g := of[k]
		rows = append(rows, []any{null(k), g.count(every), float64(g.count(every)) / float64(total), g.clients(), g.count(failed), g.bytes()})
	}
	return rows
}

// truth has the answers that the generator knows.
var truth = map[string]func(lines) [][]any{
	"chain": func(ls lines) [][]any {
		requests := ls.requests(every)
		resolved := requests.where(func(l *traffic.Line) bool { return l.Name() != "" })
		shown := requests.where(func(l *traffic.Line) bool { return l.NLBPrivateIP })
		of := func(d record.Dataset) int64 {
			return ls.count(func(l *traffic.Line) bool { return l.Dataset == d })
		}
		copies := int64(0)
		for _, l := range ls {
			copies += int64(l.Copies - 1)
		}
		n := float64(of(record.AccessLine) - ls.count((*traffic.Line).IsHealthCheck))
		vouched := resolved.count(func(l *traffic.Line) bool { return l.Vouched })
		return [][]any{{
			ls.count(every), of(record.AccessLine), of(record.Unparsed), of(record.ErrorLogLine), copies,
			ls.count((*traffic.Line).IsHealthCheck), resolved.count(every), float64(resolved.count(every)) / n, float64(vouched) / n,
			shown.count(every), float64(shown.count(every)) / n, shown.first(), shown.last(),
			ls.count(func(l *traffic.Line) bool { return l.Reason.IsFault() }),
			requests.count(func(l *traffic.Line) bool { return l.Country != nil }), ls.first(), ls.last(),
		}}
	},
	"faults": func(ls lines) [][]any {
		judged := ls.where(func(l *traffic.Line) bool { return l.Reason != verdict.NoReason })
		keys, of := groups(judged, func(l *traffic.Line) string { return l.Reason.String() })
		total := int64(0)
		for _, k := range keys {
			total += of[k].count(every)
		}
		var rows [][]any
		for _, k := range keys {
			if g := of[k]; g[0].Reason.IsFault() {
				rows = append(rows, []any{null(g[0].Hop.String()), k, g.count(every), float64(g.count(every)) / float64(total),
					g.count(func(l *traffic.Line) bool { return l.NLBPrivateIP }), g.first(), g.last(), g.distinct(func(l *traffic.Line) string { return l.Source.String() })})
			}
		}
		return rows
	},
	"traffic": func(ls lines) [][]any {
		requests := ls.where((*traffic.Line).IsRequest)
		_, of := groups(requests, func(l *traffic.Line) int { return l.Time.Day() })
		var rows [][]any
		for day := 1; day <= 30; day++ {
			g := of[day]
			people, visitors := g.requests(every), g.where(isVisitor)
			rows = append(rows, []any{time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC), people.count(every), visitors.clients(), people.count((*traffic.Line).IsRobot),
				g.count((*traffic.Line).IsHealthCheck), people.count(func(l *traffic.Line) bool { return l.Status >= 500 }), people.bytes()})
		}
		return rows
	},
	"visitors": func(ls lines) [][]any {
		return byText(ls.where((*traffic.Line).IsRequest), func(l *traffic.Line) string {
			switch {
			case l.IsHealthCheck():
				return "health checks"
			case l.IsRobot():
				return "robots"
			}
			return "visitors"
		})
	},
	"statuses": func(ls lines) [][]any {
		requests := ls.requests(every)
		keys, of := groups(requests, func(l *traffic.Line) int64 { return l.Status })
		total := int64(0)
		for _, k := range keys {
			total += of[k].count(every)
		}
		var rows [][]any
		for _, k := range keys {
			g := of[k]
			rows = append(rows, []any{k, g.count(every), float64(g.count(every)) / float64(total), g.clients(), g.bytes(), g.first(), g.last()})
		}
		return rows
	},
	"countries": func(ls lines) [][]any {
		rows := byText(ls.requests(isPerson), func(l *traffic.Line) string {
			switch {
			case l.Country != nil:
				return l.Country.Name + "\x00" + l.Country.Code
			case l.GeoState != "":
				return "(" + string(l.GeoState) + ")\x00"
			}
			return "(no client)\x00"
		})
		for i, row := range rows { // the key is two columns
			name, code, _ := strings.Cut(row[0].(string), "\x00")
			rows[i] = append([]any{name, null(code)}, row[1:]...)
		}
		return rows
	},
	"paths": func(ls lines) [][]any {
		return byText(ls.requests(every), func(l *traffic.Line) string { return l.Path })
	},
	"hosts": func(ls lines) [][]any {
		return byText(ls.requests(every), func(l *traffic.Line) string { return l.Host })
	},
	"methods": func(ls lines) [][]any {
		return byText(ls.requests(every), func(l *traffic.Line) string { return l.Method })
	},
	"clients": func(ls lines) [][]any {
		known := ls.requests(func(l *traffic.Line) bool { return l.Name() != "" })
		keys, of := groups(known, (*traffic.Line).Name)
		total := int64(0)
		for _, k := range keys {
			total += of[k].count(every)
		}
		var rows [][]any
		for _, k := range keys[:100] {
			g := of[k]
			var country, network any
			if c := g[0].Country; c != nil {
				country, network = null(c.Code), null(c.Org)
			}
			rows = append(rows, []any{k, country, network, g.count(every), float64(g.count(every)) / float64(total), g.count(failed), g.bytes(),
				g.distinct(func(l *traffic.Line) string { return l.Path }), slices.ContainsFunc(g, (*traffic.Line).IsRobot), g.first(), g.last()})
		}
		return rows
	},
	"latency": func(ls lines) [][]any {
		return [][]any{ls.requests(func(l *traffic.Line) bool { return l.Duration >= 0 }).latency()}
	},
	"slow_paths": func(ls lines) [][]any {
		keys, of := groups(ls.requests(func(l *traffic.Line) bool { return l.Duration >= 0 }), func(l *traffic.Line) string { return l.Method + "\x00" + l.Path })
		var rows [][]any
		for _, k := range keys {
			if g := of[k]; g.count(every) >= 10 {
				rows = append(rows, append([]any{g[0].Method, null(g[0].Path)}, g.latency()...))
			}
		}
		const requests, p90 = 2, 5
		slices.SortStableFunc(rows, func(a, b []any) int {
			return cmp.Or(cmp.Compare(b[p90].(float64), a[p90].(float64)), cmp.Compare(b[requests].(int64), a[requests].(int64)))
		})
		return rows
	},
}

// TestAnswersAreTrue holds answers about the generated month to what the generator knows:
// each line counts once, whatever copies of it there are, and a sampled one for all that
// it stands for.
func TestAnswersAreTrue(t *testing.T) {
	folder := t.TempDir()
	month := writeMonth(t, folder)
	e := openDuckDB(t, folder)
	var all lines
	for i := range month {
		all = append(all, &month[i])
	}
	for name, of := range truth {
		q, ok := analytics.Find(name)
		if !ok {
			t.Errorf("there is no question %s", name)
			continue
		}
		var want []string
		for _, row := range of(all) {
			want = append(want, plain(t, q.Columns, row))
		}
		if diff := gocmp.Diff(want, answer(t, e, q, asked)); diff != "" {
			t.Errorf("%s (-truth +answer):\n%s", name, diff)
		}
	}
}
