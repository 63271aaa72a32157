package main

import (
	"math"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"clearhop/internal/golden"
	"clearhop/internal/price"
)

func figures(t *testing.T) measured {
	t.Helper()
	var m measured
	if err := yaml.Unmarshal(file, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestOperatingPage compares the tables of docs/operating.md with what the command says.
func TestOperatingPage(t *testing.T) {
	golden.Sections(t, "../../../docs/operating.md", map[string]string{"cost": page(figures(t))})
}

// TestDefaultMemory: the model's default is the template's.
func TestDefaultMemory(t *testing.T) {
	text, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Parameters struct {
			MemorySize struct {
				Default int `yaml:"Default"`
			} `yaml:"MemorySize"`
		} `yaml:"Parameters"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	if got := template.Parameters.MemorySize.Default; got != defaultMemory {
		t.Errorf("the template's default is %d MB, the model's %d", got, defaultMemory)
	}
	if m := figures(t); m.LargestMB <= 128 || m.LargestMB >= defaultMemory {
		t.Errorf("docs/operating.md says why the default of %d MB stays: the largest payload needs %v MB", defaultMemory, m.LargestMB)
	}
}

// TestModel checks the arithmetic with figures that can be done by hand.
func TestModel(t *testing.T) {
	m := measured{CPUPerLine: 10, CPUPerInvocation: 5000, PayloadBytes: 100, EventBytes: 1000, LinesInInvocation: 500}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	near("seconds of one vCPU", m.seconds(wholeCPU), 0.060)
	near("seconds beyond it", m.seconds(2*wholeCPU), 0.060)
	near("seconds of half of one", m.seconds(wholeCPU/2), 0.010*wholeCPU/(wholeCPU/2)+waiting)
	const gb = 1769.0 / 1024
	near("Lambda", m.lambda(wholeCPU), 2000*(0.060*gb*price.Of(price.LambdaArm).Dollars+price.Of(price.LambdaRequest).Dollars))
	firehose, parquet, kinesis := price.Of(price.Firehose).Dollars, price.Of(price.FirehoseParquet).Dollars, price.Of(price.Kinesis).Dollars
	near("packed events", m.streams("subscription", "ndjson"), 98*5120*2000/1e9*firehose)
	near("Parquet", m.streams("subscription", "parquet"), 98*5120*2000/1e9*(firehose+parquet))
	near("rows", m.streams("subscription", "iceberg"), 5.12*firehose)
	near("Kinesis", m.streams("kinesis", "ndjson"), 98*5120*2000/1e9*firehose+49*1024*2000/1e9*kinesis)
	near("payloads", m.streams("firehose", "ndjson"), 10*5120*2000/1e9*firehose)
	if got := m.cheapest(); got != 128 {
		t.Errorf("the cheapest is %d", got)
	}
}

// TestSumsOfMonths: the sums for a month that stand in the texts follow from the prices and
// from what was measured. A month has 30 days. CloudWatch Logs is reckoned with lines of
// 272 bytes, as the page says.
func TestSumsOfMonths(t *testing.T) {
	m := figures(t)
	firehose := m.streams("subscription", "parquet")
	logs := 272 * million / gigabyte * price.Of(price.Logs).Dollars
	for _, c := range []struct {
		page, text        string
		said, linesOfADay []float64
		perMillion        float64
	}{
		{"aws.md", "| Firehose a month, list price | about $20 | about $1,700 | about $17,000 |", []float64{20, 1700, 17000}, []float64{1e7, 1e9, 1e10}, firehose},
		{"aws.md", "| about $45 | about $4,100 | about $41,000: drop", []float64{45, 4100, 41000}, []float64{1e7, 1e9, 1e10}, logs},
		{"operating.md", "| 100 billion | none of these as they are | CloudWatch Logs alone would cost more than $400,000 a month |", []float64{400_000}, []float64{1e11}, logs},
	} {
		text, err := os.ReadFile("../../../docs/" + c.page)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), c.text) {
			t.Errorf("docs/%s lacks %s", c.page, c.text)
		}
		for i, said := range c.said {
			if sum := c.linesOfADay[i] / million * 30 * c.perMillion; math.Abs(said-sum)/sum > 0.2 {
				t.Errorf("docs/%s says $%v, and it makes $%.0f: %s", c.page, said, sum, c.text)
			}
		}
	}
}
