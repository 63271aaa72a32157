package diagnose

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"clearhop/record"
	"clearhop/verdict"
)

// requestOf is an access line of a client at a time in minutes.
func requestOf(client string, minute int64) *record.Record {
	r := &record.Record{Dataset: record.AccessLine, Timestamp: minute * aMinute}
	r.Line.Origin = &record.Origin{Source: "a.log"}
	if client != "" {
		r.Client.IP = netip.MustParseAddr(client)
		r.Provenance.Vouched = true
	}
	r.URL.Path = []byte("/")
	return r
}

// TestVisitors: health checks are no visitors, robots are apart, and what a visitor only
// claims is marked.
func TestVisitors(t *testing.T) {
	v := NewVisitors(false)
	for range 3 {
		v.Add(requestOf("203.0.113.9", 1))
	}
	claimed := requestOf("203.0.113.10", 1)
	claimed.Provenance.Vouched = false
	v.Add(claimed)
	robot := requestOf("203.0.113.9", 1)
	robot.UserAgent = record.UserAgent{Name: "curl", Bot: true, Valid: true}
	robot.Access.Status = record.Int{N: 404, Valid: true}
	robot.Access.BodyBytesSent = record.Int{N: 7, Valid: true}
	v.Add(robot)
	for _, name := range []string{"curl", "wget"} {
		robot := requestOf("203.0.113.11", 1)
		robot.UserAgent = record.UserAgent{Name: name, Bot: true, Valid: true}
		v.Add(robot)
	}
	v.Add(requestOf("", 1))
	hidden := requestOf("", 1)
	hidden.Client.Address, hidden.Provenance.Vouched = []byte("c0ffee"), true
	v.Add(hidden)
	check := requestOf("10.0.0.1", 1)
	check.Provenance.Verdict = verdict.HealthCheck
	v.Add(check)
	failed := &record.Record{Dataset: record.ErrorLogLine}
	failed.Line.Origin = &record.Origin{Source: "error.log"}
	failed.Provenance.Reason = verdict.ProxyProtocolNotSent
	v.Add(failed)

	want := []Visitor{{Name: "203.0.113.9", Requests: 4, Robots: 1, Agent: "curl"}, {Name: "203.0.113.10", Requests: 1, Unvouched: 1}, {Name: "c0ffee", Requests: 1}}
	if got, more := v.Clients(5); !slices.Equal(got, want) || more != 0 {
		t.Errorf("clients %v and %d more, want %v", got, more, want)
	}
	if _, more := v.Clients(1); more != 2 {
		t.Errorf("%d more clients", more)
	}
	if got, _ := v.Programs(5); !slices.Equal(got, []Visitor{{Name: "203.0.113.11", Agent: "curl", Others: true, Requests: 2, Robots: 2}}) {
		t.Errorf("programs %v", got)
	}
	if v.Requests != 9 || v.HealthChecks != 1 || v.Robots != 3 || v.Unknown != 1 || v.Unvouched != 1 || v.Bytes != 7 || v.Status[4] != 1 {
		t.Errorf("%+v", v)
	}
	if got, _ := v.Paths(1); !slices.Equal(got, []Counted{{"/", 9}}) {
		t.Errorf("paths %v", got)
	}
	if got := v.Faulty(2); !slices.Equal(got, []string{"error.log"}) {
		t.Errorf("streams with faults %v", got)
	}
}

// TestVisitorsAreBounded: a scanner that asks for any number of paths from any number
// of addresses does not fill the memory, and the most frequent ones stay right.
func TestVisitorsAreBounded(t *testing.T) {
	v := NewVisitors(false)
	for i := range 3 * maxVisitors {
		r := requestOf(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), int64(i))
		r.URL.Path = fmt.Appendf(nil, "/%d", i)
		v.Add(r)
		if i%10 == 0 {
			v.Add(requestOf("203.0.113.9", int64(i)))
		}
	}
	if n := len(v.clients.slots) + len(v.paths.slots); n > 2*maxVisitors {
		t.Errorf("%d entries are kept", n)
	}
	if got, _ := v.Clients(1); got[0].Name != "203.0.113.9" || got[0].Requests != 3*maxVisitors/10 {
		t.Errorf("the most frequent is %v", got)
	}
	if len(v.times.minutes.slots) > maxTimes {
		t.Errorf("%d minutes are kept", len(v.times.minutes.slots))
	}
}

// TestClock: steps are whole minutes or hours, every request is in one of them, and a
// few that are far away do not stretch the rest.
func TestClock(t *testing.T) {
	minute := time.Date(2026, 11, 22, 17, 3, 0, 0, time.UTC).UnixMilli()
	f := func(want Times, at ...int64) {
		t.Helper()
		c := newClock()
		for _, ms := range at {
			c.add(ms)
		}
		got := c.in(4)
		if got.Start != want.Start || got.Step != want.Step || got.Outside != want.Outside || !slices.Equal(got.Requests, want.Requests) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	f(Times{Start: minute, Step: aMinute, Requests: []int64{2}}, minute, minute+59_999)
	f(Times{Start: minute, Step: aMinute, Requests: []int64{1, 0, 0, 1}}, minute+3*aMinute, minute)
	f(Times{Start: minute - aMinute, Step: 2 * aMinute, Requests: []int64{1, 0, 1}}, minute, minute+4*aMinute)
	f(Times{Start: minute - 3*aMinute, Step: anHour, Requests: []int64{1, 0, 1}}, minute, minute+2*anHour)
	many := slices.Repeat([]int64{minute}, 100)
	f(Times{Start: minute, Step: aMinute, Requests: []int64{100}, Outside: 1}, append(many, minute-7*364*aDay)...)
	f(Times{Start: minute, Step: aMinute, Requests: []int64{100}, Outside: 2}, append(many, minute+aDay, minute-aDay)...)

	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		c := newClock()
		n := 1 + random.IntN(50)
		span := int64(1) << (17 + random.IntN(26))
		for range n {
			c.add(minute + random.Int64N(span))
		}
		got := c.in(7)
		sum := got.Outside
		for _, k := range got.Requests {
			sum += k
		}
		if sum != int64(n) || len(got.Requests) > 7 || got.Start%min(got.Step, anHour) != 0 {
			t.Fatalf("%d requests within %d ms: %+v", n, span, got)
		}
	}
}

// TestHistory: a fault that began and ended in the middle of the log has both times.
func TestHistory(t *testing.T) {
	v := NewVisitors(false)
	for minute := range int64(90) {
		for range 3 {
			r := requestOf("203.0.113.9", 1000+minute)
			r.TimestampFrom, r.Provenance.Reason = record.FromLine, verdict.OK
			if 30 <= minute && minute < 60 {
				r.Provenance.Reason = verdict.RealipNotApplied
			}
			v.Add(r)
		}
	}
	since, until := v.History(verdict.RealipNotApplied)
	if since != timeOf(1030*aMinute) || until != timeOf(1059*aMinute) {
		t.Errorf("from %v until %v", since, until)
	}
	if since, until := v.History(verdict.ProxyProtocolOff); !since.IsZero() || !until.IsZero() {
		t.Errorf("a fault that never was, from %v until %v", since, until)
	}
}
