package backfill

import (
	"fmt"
	"strings"
	"testing"

	"clearhop/internal/golden"
	"clearhop/internal/price"
)

// TestCosts: what a dry run reckons with stands in docs/backfill.md.
func TestCosts(t *testing.T) {
	var prices strings.Builder
	fmt.Fprintf(&prices, "List prices of %s, in dollars, as they were written down on %s\n(`internal/price/prices.yaml`):\n\n", price.Region(), price.Written())
	prices.WriteString("| what | price | checked |\n| --- | --- | --- |\n| calls of FilterLogEvents | AWS's price list has none | not checked |\n")
	for _, row := range []struct {
		name price.Name
		what string
	}{
		{price.Out, "data that leaves AWS, if you run the command elsewhere | %s a GB, after the first 100 GB of a month"},
		{price.Firehose, "Firehose | %s a GB"},
		{price.Kinesis, "Kinesis on demand | %s a GB"},
		{price.S3Put, "objects put into S3 | %s for 1,000"},
	} {
		p := price.Of(row.name)
		shown := p
		if row.name == price.S3Put {
			shown.Dollars *= 1000
		}
		checked := p.Checked
		if p.By != "" {
			checked += ", with " + p.By
		}
		fmt.Fprintf(&prices, "| "+row.what+" | %s |\n", shown, checked)
	}
	golden.Sections(t, "../docs/backfill.md", map[string]string{"prices": prices.String()})
	n := Counts{Bytes: 10e9, Events: 30e6, EventBytes: 36e9}
	for sink, want := range map[string]string{
		"firehose": "$1.04  Firehose: 36.00 GB",
		"kinesis":  "$2.88  Kinesis on demand: 36.00 GB",
		"s3":       "$0.01  S3: 2146 objects or more, one at least for each hour",
	} {
		costs := Costs(sink, n)
		if got := costs[len(costs)-1].String(); got != want || costs[1].String() != "$0.90  if this machine is outside of AWS: the lines leave it" {
			t.Errorf("%s: %v, want %s", sink, costs, want)
		}
	}
}
