package rule_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"clearhop/verdict"

	"clearhop/record"
	"clearhop/rule"
)

func compile(t testing.TB, texts ...string) *rule.Set {
	t.Helper()
	s, err := rule.Compile(texts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func access(v verdict.Verdict, reason verdict.Reason, path string, status int64) *record.Record {
	return &record.Record{
		ID: []byte("1"), Dataset: record.AccessLine,
		Provenance: record.Provenance{Verdict: v, Reason: reason},
		URL:        record.URL{Path: []byte(path)},
		Access:     record.Access{Status: record.Int{N: status, Valid: true}, Method: []byte("GET")},
	}
}

func TestConditions(t *testing.T) {
	healthy := access(verdict.HealthCheck, verdict.HealthCheckProbe, "/healthz", 200)
	lost := access(verdict.Lost, verdict.ProxyProtocolOff, "/shop/item/1", 404)
	bot := access(verdict.Direct, verdict.OK, "/", 301)
	bot.UserAgent = record.UserAgent{Valid: true, Bot: true}
	notice := &record.Record{Dataset: record.ErrorLogLine, Error: record.ErrorLine{Level: []byte("notice")}}
	unparsed := &record.Record{}
	all := map[string]*record.Record{"healthy": healthy, "lost": lost, "bot": bot, "notice": notice, "unparsed": unparsed}
	f := func(conditions, want string) {
		t.Helper()
		s := compile(t, "drop "+conditions)
		got := ""
		for _, name := range []string{"healthy", "lost", "bot", "notice", "unparsed"} {
			if j := s.Judge(all[name]); j.Dropped {
				got += " " + name
				if j.Rule != "drop "+conditions {
					t.Errorf("%s: the rule is %q", conditions, j.Rule)
				}
			}
		}
		if got = strings.TrimPrefix(got, " "); got != want {
			t.Errorf("%s: got %q, want %q", conditions, got, want)
		}
	}
	f("dataset=nginx.access", "healthy lost bot")
	f("dataset!=nginx.access", "notice unparsed")
	f("dataset=nginx.unparsed", "unparsed")
	f("verdict=health_check", "healthy")
	f("verdict!=health_check", "lost bot")
	f("reason=proxy_protocol_off", "lost")
	f("path=/healthz", "healthy")
	f("path=/health", "")
	f("path=/health*", "healthy")
	f("path=/*", "healthy lost bot")
	f("path!=/shop/*", "healthy bot")
	f("status=200", "healthy")
	f("status=2xx", "healthy")
	f("status=300-404", "lost bot")
	f("status!=2xx", "lost bot")
	f("bot=true", "bot")
	f("bot=false", "")
	f("method=GET", "healthy lost bot")
	f("level=notice", "notice")
	f("level!=error", "notice")
	f("status=2xx,path=/healthz,verdict=health_check", "healthy")
	f("status=2xx, path=/other", "")
}

func TestTheFirstRuleThatFitsDecides(t *testing.T) {
	s := compile(t, "keep path=/healthz,status=5xx; drop path=/healthz\nroute:faults verdict=lost", "drop dataset=nginx.access")
	f := func(r *record.Record, want string) {
		t.Helper()
		j := s.Judge(r)
		if got := fmt.Sprintf("%t %s %q", j.Dropped, j.Route, j.Rule); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(access(verdict.Direct, verdict.OK, "/healthz", 503), `false  "keep path=/healthz,status=5xx"`)
	f(access(verdict.Direct, verdict.OK, "/healthz", 200), `true  "drop path=/healthz"`)
	f(access(verdict.Lost, verdict.ProxyProtocolOff, "/", 200), `false faults "route:faults verdict=lost"`)
	f(access(verdict.Direct, verdict.OK, "/", 200), `true  "drop dataset=nginx.access"`)
	f(&record.Record{}, `false  ""`)
	if got := fmt.Sprint(compile(t, "route:a bot=true", "route:b bot=false", "route:a status=1xx").Routes()); got != "[a b]" {
		t.Errorf("routes %s", got)
	}
}

// TestSample: a share of the events is kept, the same ones for everybody, and of
// a higher rate all that a lower one keeps.
func TestSample(t *testing.T) {
	low, high := compile(t, "sample:0.1 status=2xx"), compile(t, "sample:0.5 status=2xx")
	const n = 20_000
	kept := map[float64]int{}
	r := access(verdict.Direct, verdict.OK, "/", 200)
	for i := range n {
		r.ID = fmt.Appendf(nil, "39%054d", i)
		a, b := low.Judge(r), high.Judge(r)
		if again := low.Judge(r); again != a {
			t.Fatalf("event %d: %+v and then %+v", i, a, again)
		}
		if !a.Dropped && b.Dropped {
			t.Fatalf("event %d is kept at 0.1 and not at 0.5", i)
		}
		if a.Dropped != (a.SampleRate == 0) || !a.Dropped && a.SampleRate != 0.1 {
			t.Fatalf("event %d: %+v", i, a)
		}
		kept[a.SampleRate]++
		kept[b.SampleRate]++
	}
	for _, rate := range []float64{0.1, 0.5} {
		if off := math.Abs(float64(kept[rate])/n - rate); off > 0.01 {
			t.Errorf("at %v %d of %d are kept", rate, kept[rate], n)
		}
	}
}

// TestFaultsAreNotSampled, unless the rule names them.
func TestFaultsAreNotSampled(t *testing.T) {
	dropped := func(text string, reason verdict.Reason) (n int) {
		s := compile(t, text)
		r := access(verdict.Forwarded, reason, "/", 200)
		for i := range 100 {
			r.ID = fmt.Append(nil, i)
			if s.Judge(r).Dropped {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		text    string
		reason  verdict.Reason
		sampled bool
	}{
		{"sample:0.1 status=2xx", verdict.OK, true},
		{"sample:0.1 status=2xx", verdict.RealipNotApplied, false},
		{"sample:0.1 verdict!=lost", verdict.RealipNotApplied, false},
		{"sample:0.1 verdict=forwarded", verdict.RealipNotApplied, true},
		{"sample:0.1 reason=realip_not_applied", verdict.RealipNotApplied, true},
		{"drop status=2xx", verdict.RealipNotApplied, true},
	} {
		if got := dropped(c.text, c.reason) > 0; got != c.sampled {
			t.Errorf("%s, %s: left out: %t, want %t", c.text, c.reason, got, c.sampled)
		}
	}
}

func TestEveryMistakeIsNamed(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := rule.Compile([]string{text})
		var syntax *rule.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%q: got %v", text, err)
			return
		}
		if got := err.Error(); got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", text, got, want)
		}
	}
	f("drop", `rule 1 "drop": column 5: a condition is missing, such as "verdict=health_check"`)
	f("lose status=1xx", `rule 1 "lose status=1xx": column 1: there is no action "lose"; known: keep, drop, sample:RATE, route:NAME`)
	f("drop status", `rule 1 "drop status": column 6: "status" is not a condition: it has no "="`)
	f("drop  stats=1xx", `rule 1 "drop  stats=1xx": column 7: there is no field "stats"; known: dataset, verdict, reason, path, method, status, bot, level`)
	f("drop status=2xx,status=20x", `rule 1 "drop status=2xx,status=20x": column 24: "20x" is not a status: give 404, 2xx or 400-499`)
	f("drop status=500-400", `rule 1 "drop status=500-400": column 13: "500-400" is not a status: give 404, 2xx or 400-499`)
	f("drop path=a", `rule 1 "drop path=a": column 11: "a" is not a path: it does not start with a slash`)
	f("drop path=/a*b", `rule 1 "drop path=/a*b": column 11: "/a*b": only the end can be a star`)
	f("drop method=get", `rule 1 "drop method=get": column 13: "get" is not a method, such as GET`)
	f("drop bot=yes", `rule 1 "drop bot=yes": column 10: there is no value of bot "yes"; known: true, false`)
	f("drop verdict=healthy", `rule 1 "drop verdict=healthy": column 14: there is no verdict "healthy"; known: direct, forwarded, internal, health_check, lost, disputed, unreadable`)
	f("drop dataset=x", `rule 1 "drop dataset=x": column 14: there is no dataset "x"; known: nginx.access, nginx.error, nginx.other, nginx.unparsed`)
	f("sample:1 bot=true", `rule 1 "sample:1 bot=true": column 8: "1" is not a rate: give a number between 0 and 1, such as 0.1`)
	f("sample:NaN bot=true", `rule 1 "sample:NaN bot=true": column 8: "NaN" is not a rate: give a number between 0 and 1, such as 0.1`)
	f("sample bot=true", `rule 1 "sample bot=true": column 1: there is no action "sample"; known: keep, drop, sample:RATE, route:NAME`)
	f("route:a/b bot=true", `rule 1 "route:a/b bot=true": column 7: "a/b" is not a name: it may hold letters, digits, "_" and "-"`)
	f("drop bot=true;; keep x=1,y\n", `rule 2 "keep x=1,y": column 6: there is no field "x"; known: dataset, verdict, reason, path, method, status, bot, level
rule 2 "keep x=1,y": column 10: "y" is not a condition: it has no "="`)
}

func TestJudgeAllocatesNothing(t *testing.T) {
	s := compile(t, "drop verdict=health_check,path=/x*", "sample:0.5 status=2xx,method=GET,dataset=nginx.access")
	r := access(verdict.Direct, verdict.OK, "/", 200)
	dropped := 0
	if n := testing.AllocsPerRun(100, func() {
		if s.Judge(r).Dropped {
			dropped++
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
