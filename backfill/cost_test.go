package backfill

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestCosts: what a dry run reckons with stands in the documentation.
func TestCosts(t *testing.T) {
	page, err := os.ReadFile("../docs/backfill.md")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	if row := fmt.Sprintf("| Firehose: each million lines | $%g a GB", priceFirehose); !strings.Contains(string(guide), row) {
		t.Errorf("docs/aws.md lacks %s", row)
	}
	for _, row := range []string{
		"written down on " + pricesOf,
		fmt.Sprintf("| $%g a GB, after the first 100 GB of a month |", priceOut),
		fmt.Sprintf("| Firehose | $%g a GB |", priceFirehose),
		fmt.Sprintf("| Kinesis on demand | $%g a GB |", priceKinesis),
		fmt.Sprintf("| objects put into S3 | $%g for 1,000 |", pricePut*1000),
	} {
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/backfill.md lacks %s", row)
		}
	}
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
