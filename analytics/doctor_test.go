package analytics_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clearhop/analytics"
	"clearhop/chain"
	"clearhop/diagnose"
	"clearhop/internal/chaintest"
	"clearhop/pipeline"
)

// TestReportAndDoctorAgree: in every scenario of the chain the doctor comes to the same
// findings by the rows of the question "tallies" as by the lines themselves. Only the
// number of lines that could show a finding differs: the rows do not say which hop wrote
// a log.
func TestReportAndDoctorAgree(t *testing.T) {
	e := openDuckDB(t, writtenChain(t))
	q, _ := analytics.Find("tallies")
	scenarios, err := fs.ReadDir(chain.Recorded(), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenarios {
		byLines, byTallies := diagnose.NewCounters(doctorConfig(t)), diagnose.NewCounters(doctorConfig(t))
		w := openPipeline(t, chainConfig(t))
		for _, kind := range []string{"clearhop", "error"} {
			for _, name := range chaintest.Names(t, "*/*."+kind+".log") {
				if strings.HasPrefix(name, s.Name()+"/") {
					readLog(t, w, name, func(out pipeline.Outcome) { byLines.Add(out.Record) })
				}
			}
		}
		rows := e.run(t, q.SQL(analytics.Query{Where: "file LIKE '" + s.Name() + "/%'"}))
		tallies, err := analytics.Answer{Columns: q.Columns, Rows: rows}.Tallies()
		if err != nil {
			t.Fatal(err)
		}
		for _, tally := range tallies {
			byTallies.AddTally(diagnose.Tally(tally))
		}
		if diff := cmp.Diff(judged(byLines), judged(byTallies)); diff != "" {
			t.Errorf("%s (-lines +tallies):\n%s", s.Name(), diff)
		}
	}
}

// doctorConfig is chainConfig for the doctor.
func doctorConfig(t *testing.T) diagnose.Config {
	t.Helper()
	c := chainConfig(t)
	chain, err := c.Client.ReadChain()
	if err != nil {
		t.Fatal(err)
	}
	return diagnose.Config{Chain: chain, GivenNLB: true, GivenTrusted: true}
}

// judged is the state and the findings of a report.
func judged(c *diagnose.Counters) []string {
	r := c.Report()
	all := []string{fmt.Sprint(r.State)}
	for _, f := range r.Findings {
		all = append(all, fmt.Sprintf("%v at %v in %d lines, certain: %t", f.Code, f.Hop, f.Lines, f.Certain))
	}
	return all
}
