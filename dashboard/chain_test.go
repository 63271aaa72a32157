package dashboard_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clearhop/analytics"
	"clearhop/dashboard"
	"clearhop/dashboard/dashboardtest"
	"clearhop/diagnose"
	"clearhop/internal/traffic"
)

// TestChain: each hop has the addresses and the faults that the lines show, and the
// findings are those of the report.
func TestChain(t *testing.T) {
	lines := traffic.Month(5, 5000)
	var rows []dashboardtest.Row
	for i := range lines {
		rows = append(rows, dashboardtest.Row{Event: lines[i].Event(nil)})
	}
	s := openStore(t, rows)
	e := dashboard.NewExplorer(dashboard.Config{Engine: s})
	c, err := e.Chain(t.Context(), dashboard.State{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := analytics.NewReport(t.Context(), s, analytics.Query{}, dashboard.MaxTimes, false)
	if err != nil {
		t.Fatal(err)
	}
	tallies, err := analytics.Ask(t.Context(), s, "tallies", report.Asked)
	if err != nil {
		t.Fatal(err)
	}
	want, err := dashboard.Diagnose(tallies, diagnose.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Findings, c.Report.Findings); diff != "" || len(want.Findings) == 0 {
		t.Errorf("findings (-report +page):\n%s", diff)
	}
	unparsed, errors, broken := int64(0), int64(0), 0.0
	var since time.Time
	for i := range lines {
		l := &lines[i]
		switch {
		case l.Dataset.String() == "nginx.unparsed":
			unparsed++
		case !l.IsRequest():
			errors++
		case l.Reason.IsFault() && !l.IsHealthCheck():
			broken += l.Weight()
			if since.IsZero() {
				since = l.Time
			}
		}
	}
	edge := c.Hops[2]
	if c.Unparsed != unparsed || c.Errors != errors || edge.ID != "edge" || edge.Broken < int64(broken)-1 || edge.Broken > int64(broken)+1 || edge.Since == nil || !edge.Since.Equal(since) {
		t.Errorf("%d unparsed and %d error lines (want %d, %d), edge %+v (want %f since %v)", c.Unparsed, c.Errors, unparsed, errors, edge, broken, since)
	}
	var shown []string
	for _, h := range c.Hops[1:] {
		shown = append(shown, h.ID+": "+strings.Join(h.Addresses, " "))
	}
	if diff := cmp.Diff([]string{"nlb: 10.16.1.11 10.16.2.11", "edge: ", "web: 10.16.1.20:8080 10.16.1.21:8080 unix:/run/app.sock"}, sorted(shown)); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	if client := c.Hops[0]; len(client.Addresses) != 8 || client.More < 100 {
		t.Errorf("clients: %+v", client)
	}
}

// sorted sorts the words of each line.
func sorted(lines []string) []string {
	for i, line := range lines {
		id, words, _ := strings.Cut(line, ": ")
		all := strings.Fields(words)
		slices.Sort(all)
		lines[i] = id + ": " + strings.Join(all, " ")
	}
	return lines
}

// TestPageNamesDimensions: the documentation lists each dimension.
func TestPageNamesDimensions(t *testing.T) {
	page, err := os.ReadFile("../docs/dashboard.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range analytics.Dimensions() {
		if !strings.Contains(string(page), "`"+d.ID+"`") {
			t.Errorf("docs/dashboard.md does not name the dimension %s", d.ID)
		}
	}
}
