// Package dashboardtest holds every dashboard.Source to the same answers.
//
//	rows := dashboardtest.Rows()
//	dashboardtest.Run(t, sourceOf(rows))
//
// In goes a source that was made of Rows. Its answers are compared with what Explore, Board
// and Hops count in plain Go: loops over the rows, one after the other, with no SQL and no
// index. The same rows, states and answers are in dashboard/testdata/vectors.json for the
// source that is written in TypeScript.
package dashboardtest

import (
	"cmp"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"clearhop/analytics"
	"clearhop/dashboard"
	"clearhop/internal/traffic"
	"clearhop/verdict"
)

// A Row is one request.
type Row struct {
	At     time.Time         `json:"at"` // milliseconds
	Weight float64           `json:"weight"`
	Values map[string]string `json:"values"` // by dimension; those that are missing are the empty one
	Labels map[string]string `json:"labels,omitempty"`

	Bytes    int64  `json:"bytes"`
	Duration *int64 `json:"duration_ns"`

	Robot       bool `json:"robot,omitempty"`
	HealthCheck bool `json:"health_check,omitempty"`
	Vouched     bool `json:"vouched,omitempty"`
	NLB         bool `json:"nlb_private_ip,omitempty"`
	Fault       bool `json:"fault,omitempty"`

	Event []byte `json:"-"` // the event, as a line of NDJSON
}

func (r *Row) status() int64 {
	n, _ := strconv.ParseInt(r.Values["status"], 10, 64)
	return n
}

// Rows returns the requests of some 50 hours, in no order. Their count is small enough for
// a file, and their values are those that are counted wrong most easily: weights that are
// no whole numbers, equal counts, quotes, names in other scripts, values that are missing.
func Rows() []Row {
	const n, hours = 900, 50
	lines := traffic.Month(7, n)
	begin := lines[0].Time
	span := lines[n-1].Time.Sub(begin)
	var rows []Row
	for i := range lines {
		l := &lines[i]
		if !l.IsRequest() {
			continue
		}
		share := float64(l.Time.Sub(begin)) / float64(span)
		l.Time = time.Date(2026, 11, 20, 7, 13, 21, 0, time.UTC).Add(time.Duration(share * float64(hours*time.Hour))).Truncate(time.Millisecond)
		if i%3 == 0 {
			l.Path = "/item/" + strconv.Itoa(i%61)
		}
		throughWeb(l, i, share)
		rows = append(rows, rowOf(l))
	}
	// An order that is not that of time.
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.At.UnixMilli()%1009, b.At.UnixMilli()%1009), a.At.Compare(b.At))
	})
	return rows
}

// throughWeb lets some requests be logged by the hop behind the edge. Its chain breaks in
// the second quarter of the time, and is mended.
func throughWeb(l *traffic.Line, i int, share float64) {
	if i%5 != 2 || l.Reason != verdict.OK {
		return
	}
	l.Hop = verdict.Web
	if i%2 == 0 && share > 0.25 && share < 0.5 {
		l.Reason, l.Verdict, l.Vouched = verdict.EdgeHandedOnProxy, verdict.Disputed, false
	}
}

func rowOf(l *traffic.Line) Row {
	r := Row{
		At: l.Time, Weight: math.Round(65536*l.Weight()) / 65536, Values: map[string]string{},
		Bytes: max(l.BodyBytes, 0), Robot: l.IsRobot(), HealthCheck: l.IsHealthCheck(),
		Vouched: l.Vouched, NLB: l.NLBPrivateIP, Fault: l.Reason.IsFault(), Event: l.Event(nil),
	}
	if l.Bytes >= 0 {
		r.Bytes = l.Bytes
	}
	if l.Duration >= 0 {
		ns := int64(l.Duration)
		r.Duration = &ns
	}
	set := func(dimension, value string) {
		if value != "" {
			r.Values[dimension] = value
		}
	}
	if c := l.Country; c != nil {
		set("country", c.Code)
		set("network", c.Org)
		r.Labels = map[string]string{"country": c.Name}
	}
	if a := l.Agent; a != nil {
		set("agent", a.Name)
		set("system", a.System)
	}
	if n := len(l.Upstream); n > 0 {
		set("upstream", l.Upstream[n-1].Address)
	}
	if u, err := url.Parse(l.Referrer); err == nil {
		set("referrer", u.Host)
	}
	set("client", l.Name())
	set("path", l.Path)
	set("status", strconv.FormatInt(l.Status, 10))
	set("host", l.Host)
	set("method", l.Method)
	set("verdict", l.Verdict.String())
	set("reason", l.Reason.String())
	set("hop", l.Hop.String())
	set("node", l.Source.String())
	set("log_group", l.LogGroup)
	set("stream", l.LogStream)
	return r
}

// A Case is a State, as the keys of an address.
type Case struct {
	Name  string `json:"name"`
	Query string `json:"query"`
}

// Cases are what every source is asked.
func Cases() []Case {
	return []Case{
		{"everything", ""},
		{"people", "kind=people"},
		{"robots", "kind=robots"},
		{"health checks", "kind=health_checks"},
		{"everything and health checks", "kind=all"},
		{"one value: its board shows the others too", "f.country=JP"},
		{"two values of one dimension", "f.country=JP&f.country=FR"},
		{"two dimensions", "f.country=JP&f.country=DE&f.method=GET"},
		{"not a value", "x.status=200&x.status=204"},
		{"no value", "f.country="},
		{"some value", "x.referrer="},
		{"no value or one", "f.host=&f.host=api.example.com"},
		{"quotes", "f.path=" + url.QueryEscape(`/it's "quoted"`)},
		{"another script", "f.path=" + url.QueryEscape("/日本")},
		{"a value that no request has", "f.client=" + url.QueryEscape("' OR 1=1 --")},
		{"a value that is not among the first rows", "f.path=/item/7&kind=people"},
		{"a dimension without a board", "f.upstream=" + url.QueryEscape("10.16.1.20:8080")},
		{"a time that begins within a bucket", "since=2026-11-21T03:04:05.678Z&until=2026-11-21T21:00:00.001Z"},
		{"only a beginning", "since=2026-11-21T12:00:00Z"},
		{"only an end", "until=2026-11-21T00:00:00Z"},
		{"compared", "since=2026-11-21T07:00:00Z&until=2026-11-22T07:00:00Z&compare=1"},
		{"compared, and the buckets do not fit", "since=2026-11-21T07:20:00.5Z&until=2026-11-22T01:47:11Z&compare=1&kind=people&f.method=GET"},
		{"compared without a beginning", "compare=1"},
		{"after all requests", "since=2027-01-01T00:00:00Z"},
		{"before all requests", "until=2026-01-01T00:00:00Z"},
		{"nothing in the time", "since=2025-01-01T00:00:00Z&until=2025-02-01T00:00:00Z"},
		{"decades", "since=1980-01-01T00:00:00Z"},
		{"search", "q=API"},
		{"search in a client", "q=2001:DB8"},
		{"search for what SQL would read", "q=" + url.QueryEscape(`%'_`)},
		{"one hop, whose chain was mended", "f.hop=web"},
		{"one hop, whose chain is broken up to the end", "until=2026-11-21T01:00:00Z&f.hop=web"},
		{"all at once", "kind=all&f.country=JP&x.status=500&f.stream=edge/nginx/1&f.stream=edge/nginx/2&q=/i&since=2026-11-20T09:00:00Z&until=2026-11-22T00:00:00Z&compare=1"},
	}
}

// A BoardCase is a BoardQuery.
type BoardCase struct {
	Name      string `json:"name"`
	Query     string `json:"query"`
	Dimension string `json:"dimension"`
	Limit     int    `json:"limit"`
	Find      string `json:"find"`
}

// BoardCases are what every source is asked for boards.
func BoardCases() []BoardCase {
	return []BoardCase{
		{"all", "", "client", 1000, ""},
		{"first", "", "client", 3, ""},
		{"found", "kind=people", "path", 200, "ITEM/1"},
		{"one is found", "", "path", 1, "日"},
		{"none is found", "", "path", 10, "' OR '"},
		{"its own filter is left out", "f.path=/item/7", "path", 2, ""},
		{"chosen and not found", "f.path=/item/7", "path", 2, "slow"},
		{"compared", "since=2026-11-21T07:00:00Z&until=2026-11-22T07:00:00Z&compare=1&f.country=JP", "network", 5, ""},
	}
}

// ReadState reads the Query of a Case.
func ReadState(t testing.TB, query string) dashboard.State {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	s, err := dashboard.ParseState(values)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Run compares the answers of a source that was made of Rows with those of Explore and
// Board.
func Run(t *testing.T, source dashboard.Source) {
	rows := Rows()
	for i, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			s := ReadState(t, c.Query)
			got, err := source.Explore(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(Explore(rows, s), got); diff != "" {
				t.Errorf("%s (-counted +answered):\n%s", c.Query, diff)
			}
			if i%5 > 0 && !strings.HasPrefix(c.Name, "one hop") {
				return // in SQL a chain takes as long as all other answers
			}
			chain, err := source.Chain(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(Hops(rows, s), chain.Hops); diff != "" {
				t.Errorf("the hops of %s (-counted +answered):\n%s", c.Query, diff)
			}
		})
	}
	for _, c := range BoardCases() {
		t.Run("board "+c.Name, func(t *testing.T) {
			q := dashboard.BoardQuery{State: ReadState(t, c.Query), Dimension: c.Dimension, Limit: c.Limit, Find: c.Find}
			got, err := source.Board(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(Board(rows, q), got); diff != "" {
				t.Errorf("%s of %s (-counted +answered):\n%s", c.Query, c.Dimension, diff)
			}
		})
	}
	t.Run("requests", func(t *testing.T) { runRequests(t, source, rows) })
	t.Run("manifest", func(t *testing.T) {
		m, err := source.Manifest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		first, last := bounds(rows)
		if m.Requests != int64(len(rows)) || m.First == nil || !m.First.Equal(first) || !m.Last.Equal(last) || len(m.Dimensions) != len(analytics.Dimensions()) {
			t.Errorf("the manifest has %d requests from %v to %v", m.Requests, m.First, m.Last)
		}
	})
}

// runRequests turns the pages of some states. Every request comes once, the newest first.
func runRequests(t *testing.T, source dashboard.Source, rows []Row) {
	for _, query := range []string{"", "kind=all", "f.country=JP&since=2026-11-21T00:00:00Z", "q=no such text"} {
		s := ReadState(t, query)
		var want []string
		for i := range rows {
			if keeps(&rows[i], s, "") && inTime(&rows[i], s.Since, s.Until) {
				want = append(want, shown(rows[i].At, rows[i].Values["path"], rows[i].Values["client"], rows[i].status()))
			}
		}
		slices.Sort(want)
		var got []string
		last := time.Time{}
		for next, pages := "", 0; ; pages++ {
			page, err := source.Requests(t.Context(), s, next, 37)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.Rows {
				if !last.IsZero() && r.At.After(last) {
					t.Errorf("%s: %v stands after %v", query, r.At, last)
				}
				last = r.At
				got = append(got, shown(r.At, r.Path, r.Client, r.Status))
			}
			if next = page.Next; next == "" {
				break
			}
			if len(page.Rows) != 37 || pages > len(rows) {
				t.Fatalf("%s: page %d has %d requests and a next one", query, pages, len(page.Rows))
			}
		}
		slices.Sort(got)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-counted +answered):\n%s", query, diff)
		}
	}
}

func shown(at time.Time, path, client string, status int64) string {
	return strings.Join([]string{at.UTC().Format(time.RFC3339Nano), path, client, strconv.FormatInt(status, 10)}, " ")
}
