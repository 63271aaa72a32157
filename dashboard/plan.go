package dashboard

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"clearhop/analytics"
)

// A plan is a State with its time resolved, and makes the SQL for it.
type plan struct {
	state   State
	dialect analytics.Dialect
	within  analytics.Window // that the operator allows; may be open
	where   string           // the operator's condition
	since   time.Time
	until   time.Time
	bucket  time.Duration
	compare bool
}

// newPlan resolves the time of a State. first and last are those of the data, the zero
// Time if there is none.
func newPlan(s State, first, last time.Time) *plan {
	p := &plan{state: s, since: s.Since, until: s.Until, compare: s.Compare && !s.Since.IsZero()}
	if !first.IsZero() {
		if p.since.IsZero() {
			p.since = first
		}
		if p.until.IsZero() {
			p.until = last.Add(time.Millisecond)
		}
	}
	switch {
	case p.since.IsZero() && p.until.IsZero():
		p.since = time.Unix(0, 0).UTC()
		p.until = p.since
	case p.since.IsZero():
		p.since = p.until
	case p.until.Before(p.since) && s.Until.IsZero():
		p.until = p.since
	case p.until.Before(p.since):
		p.since = p.until
	}
	p.bucket = analytics.BucketFor(p.until.Sub(p.since), MaxTimes)
	return p
}

func (p *plan) length() time.Duration { return p.until.Sub(p.since) }

// monday is where buckets are counted from.
var monday = time.Date(1970, 1, 5, 0, 0, 0, 0, time.UTC)

// times returns the beginnings of all buckets.
func (p *plan) times() []time.Time {
	times := []time.Time{}
	passed := p.since.Sub(monday)
	begin := passed - passed%p.bucket
	if begin > passed {
		begin -= p.bucket
	}
	for at := monday.Add(begin); at.Before(p.until); at = at.Add(p.bucket) {
		times = append(times, at)
	}
	return times
}

// place returns the place of a bucket in times, by its beginning in milliseconds since
// monday.
func (p *plan) place(milliseconds int64) int {
	passed := p.since.Sub(monday).Milliseconds()
	n := p.bucket.Milliseconds()
	begin := passed - passed%n
	if begin > passed {
		begin -= n
	}
	return int((milliseconds - begin) / n)
}

// query is the SELECT of the rows of a view that the State asks for, with those of the
// time before if it compares. The filter of one dimension may be left out.
func (p *plan) query(view, without string) string {
	return analytics.Query{Dialect: p.dialect, Window: p.window(), Where: p.conditions(view, without)}.From(view)
}

// window is the time that is read.
func (p *plan) window() analytics.Window {
	w := analytics.Window{Since: p.state.Since, Until: p.state.Until}
	if p.compare {
		w.Since, w.Until = p.since.Add(-p.length()), p.until
	}
	if w.Since.Before(p.within.Since) {
		w.Since = p.within.Since
	}
	if !p.within.Until.IsZero() && (w.Until.IsZero() || p.within.Until.Before(w.Until)) {
		w.Until = p.within.Until
	}
	return w
}

// conditions returns the State's conditions in SQL.
func (p *plan) conditions(view, without string) string {
	var all []string
	if strings.TrimSpace(p.where) != "" {
		all = append(all, "(\n"+p.where+"\n)")
	}
	if view == analytics.Requests {
		if text := kindSQL(p.state.Kind); text != "" {
			all = append(all, text)
		}
		if p.state.Search != "" {
			all = append(all, searchSQL(p.state.Search))
		}
		for _, f := range p.state.Filters {
			if f.Dimension != without {
				all = append(all, filterSQL(f))
			}
		}
	}
	return strings.Join(all, "\n  AND ")
}

func kindSQL(k Kind) string {
	switch k {
	case People:
		return "NOT robot AND NOT health_check"
	case Robots:
		return "robot AND NOT health_check"
	case HealthChecks:
		return "health_check"
	case All:
		return ""
	}
	return "NOT health_check"
}

// searchedColumns are what Search looks into, by the words of Manifest.Searched.
var searchedColumns = []struct{ column, word string }{
	{"path", "path"}, {"client", "client"}, {"agent_name", "agent"},
	{"query", "query"}, {"user_agent", "user agent"}, {"request_id", "request id"},
}

func searchSQL(text string) string {
	var all []string
	for _, c := range searchedColumns {
		all = append(all, "coalesce(strpos(lower("+c.column+"), lower("+analytics.Literal(text)+")), 0) > 0")
	}
	return "(" + strings.Join(all, " OR ") + ")"
}

// filterSQL never is NULL: a value that is missing is the empty one.
func filterSQL(f Filter) string {
	d, _ := analytics.FindDimension(f.Dimension)
	return "(" + valueSQL(d) + map[bool]string{true: " NOT IN (", false: " IN ("}[f.Exclude] + literals(f.Values) + "))"
}

// valueSQL is the value of a dimension, which is never NULL.
func valueSQL(d analytics.Dimension) string { return "coalesce(" + d.SQL + ", '')" }

func literals(values []string) string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = analytics.Literal(v)
	}
	return strings.Join(all, ", ")
}

// now is a condition that tells the time that is asked for from that before.
func (p *plan) now() string {
	if !p.compare {
		return "true"
	}
	return "ts >= " + timeSQL(p.since)
}

func timeSQL(t time.Time) string {
	return "timestamp '" + t.UTC().Format("2006-01-02 15:04:05.000") + "'"
}

// bucketSQL is the beginning of the bucket that a request counts in, in milliseconds since
// monday. Those of the time before count where they would stand if they came later by the
// length of the time.
func (p *plan) bucketSQL() string {
	ms := "date_diff('millisecond', timestamp '1970-01-05 00:00:00', ts)"
	if p.compare {
		ms = "(" + ms + " + CASE WHEN " + p.now() + " THEN 0 ELSE " + strconv.FormatInt(p.length().Milliseconds(), 10) + " END)"
	}
	return fmt.Sprintf("(%s - %s %% %d)", ms, ms, p.bucket.Milliseconds())
}

// sumOf is the sum of the weights of the rows that a condition holds for.
func sumOf(condition string) string {
	if condition == "true" {
		return "sum(weight)"
	}
	return "sum(CASE WHEN " + condition + " THEN weight ELSE 0e0 END)"
}
