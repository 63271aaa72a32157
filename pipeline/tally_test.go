package pipeline_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"clearhop/encode/accesslog"
	"clearhop/enrich/geoip"
	"clearhop/internal/chaintest"
	"clearhop/internal/mmdbtest"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/verdict"

	"github.com/google/go-cmp/cmp"
)

// counts are what a Tally counted, in one table of texts.
func counts(t *pipeline.Tally) map[string]int64 {
	all := map[string]int64{}
	put := func(n int64, kind string, name any) {
		if n > 0 {
			all[fmt.Sprint(kind, " ", name)] += n
		}
	}
	put(t.Lines, "lines", "")
	put(t.Dropped, "dropped", "")
	put(t.NLBPrivate, "nlb", "")
	put(t.NLBInferred, "inferred", "")
	put(t.NLBChecks, "nlb checks", "")
	put(t.LookupErrors, "errors", "")
	put(t.Faults(), "faults", "")
	put(t.Newest, "newest", "")
	for kind, names := range map[string]pipeline.Names{"rule": t.DroppedBy, "route": t.Routes, "level": t.Levels, "format": t.Formats, "geo": t.Geo} {
		for _, c := range names {
			put(names.Of(c.Name), kind, c.Name)
		}
	}
	for cause, n := range t.Causes {
		put(n, "cause", cause)
	}
	for fate, n := range t.Fates[1:] {
		put(n, "fate", fate+1)
	}
	for d, n := range t.Datasets {
		put(n, "dataset", record.Dataset(d))
	}
	for k, n := range t.Envelopes {
		put(n, "envelope", record.EnvelopeKind(k))
	}
	for v, n := range t.Verdicts {
		put(n, "verdict", verdict.Verdict(v))
	}
	for r, n := range t.Reasons {
		put(n, "reason", verdict.Reason(r))
		put(t.NLBReasons[r], "nlb reason", verdict.Reason(r))
		for h, n := range t.Hops[r] {
			put(n, fmt.Sprint("hop of ", verdict.Reason(r)), verdict.Hop(h))
		}
	}
	return all
}

// slowCounts counts one outcome in the plainest way.
func slowCounts(all map[string]int64, out *pipeline.Outcome) {
	r, p := out.Record, &out.Record.Provenance
	access := r.Dataset == record.AccessLine
	for name, is := range map[string]bool{
		"lines ":                          true,
		fmt.Sprint("fate ", out.Line):     out.Line != accesslog.NoLine,
		"dropped ":                        out.Dropped,
		"rule " + out.Rule:                out.Dropped,
		"route " + out.Route:              out.Route != "",
		"dataset " + r.Dataset.String():   true,
		"level " + string(r.Error.Level):  r.Dataset == record.ErrorLogLine,
		"reason " + p.Reason.String():     p.Reason.String() != "",
		"faults ":                         p.Reason.IsFault(),
		"format " + r.Format:              access,
		"verdict " + p.Verdict.String():   access,
		"geo " + string(r.Geo.State):      access && r.Geo.State != "",
		"errors ":                         access && out.Err != nil,
		"nlb ":                            access && p.NLBPrivateIP,
		"nlb reason " + p.Reason.String(): access && p.NLBPrivateIP,
		"inferred ":                       access && p.NLBPrivateIP && p.NLBInferred,
		"nlb checks ":                     access && p.NLBPrivateIP && p.Verdict == verdict.HealthCheck,
		fmt.Sprint("hop of ", p.Reason, " ", p.Hop): p.Hop.String() != "",
	} {
		if is {
			all[name]++
		}
	}
	for _, kind := range r.Envelope.Kinds[:r.Envelope.Count] {
		all["envelope "+kind.String()]++
	}
	if e := r.ParseError; e != nil {
		variable := ""
		if e.Variable != "" {
			variable = "$" + e.Variable + ": "
		}
		all["cause "+variable+e.Reason]++
	}
	if r.TimestampFrom != record.FromClock && r.Timestamp > all["newest "] {
		all["newest "] = r.Timestamp
	}
}

// TestTally holds the counts against a plain count of the same outcomes, over
// lines of every kind.
func TestTally(t *testing.T) {
	city := filepath.Join(t.TempDir(), "city.mmdb")
	replaceFile(t, city, mmdbtest.City(t, built(1), "JP"))
	c := chain()
	c.GeoIP = geoip.Settings{CityDB: city}
	c.Rules.Rule = []string{"drop verdict=health_check", "drop level=notice", "route:faults verdict=lost"}
	template, err := parser.ParseTemplate("combined", nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Lines = accesslog.New(accesslog.Config{Template: template})
	w := open(t, c)
	var tally, merged, one pipeline.Tally
	want := map[string]int64{}
	add := func(source string, lines [][]byte) {
		one.Reset()
		_, err := w.ProcessBatch(linesOf(&record.Origin{Source: source}, lines...), true, func(out *pipeline.Outcome) error {
			tally.Add(out)
			one.Add(out)
			slowCounts(want, out)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		merged.Merge(&one)
	}
	for _, name := range chaintest.Names(t, "*/*.log") {
		add(name, chaintest.Lines(t, name))
	}
	for _, pattern := range []string{"testdata/*.log", "../decode/envelope/testdata/*.log"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no samples match %s: %v", pattern, err)
		}
		for _, path := range paths {
			add(path, read(t, path))
		}
	}
	if diff := cmp.Diff(want, counts(&tally)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(tally, merged); diff != "" {
		t.Errorf("merged from the tallies of the streams: %s", diff)
	}
	if len(want) < 50 {
		t.Errorf("the samples are of too few kinds: %v", want)
	}
	tally.Reset()
	if diff := cmp.Diff(map[string]int64{}, counts(&tally)); diff != "" {
		t.Errorf("after a reset: %s", diff)
	}
}

// TestTallyAllocatesNothing once it has seen the names of a stream.
func TestTallyAllocatesNothing(t *testing.T) {
	c := chain()
	c.Rules.Rule = []string{"drop verdict=health_check", "route:faults verdict=lost"}
	var tally pipeline.Tally
	for _, text := range append(chaintest.Lines(t, "health-http/edge.json.log"), stray, access, []byte("junk")) {
		out := open(t, c).Process(&record.Line{Text: text, Origin: &record.Origin{Source: "log"}})
		tally.Add(&out)
		if n := testing.AllocsPerRun(100, func() { tally.Add(&out) }); n != 0 {
			t.Errorf("%v allocations for %.40q, want none", n, text)
		}
		if n := testing.AllocsPerRun(100, func() { tally.Reset(); tally.Add(&out) }); n > 1 {
			t.Errorf("after a reset: %v allocations for %.40q, want none but the copy of an error's level", n, text)
		}
	}
}

// TestNamesAreBounded: beyond a number of names, the rest counts as one.
func TestNamesAreBounded(t *testing.T) {
	var tally pipeline.Tally
	const formats = 1000
	for i := range formats {
		tally.Add(&pipeline.Outcome{Record: &record.Record{Dataset: record.AccessLine, Format: fmt.Sprint("format ", i)}})
	}
	if n := len(tally.Formats); n > 201 {
		t.Errorf("%d names are kept", n)
	}
	if got := tally.Formats.Of("(others)"); got != formats-200 {
		t.Errorf("%d lines have other formats", got)
	}
}
