// Package price holds AWS's list prices, in US dollars, from one dated file.
//
// In goes the name of a price, out comes the price with its unit, the page of AWS that
// has it, and when and by what it was checked:
//
//	cost := gigabytes * price.Of(price.Firehose).Dollars
//
// A GB is 1e9 bytes here; AWS bills some services by 2^30 bytes, which are 7 % more, so
// the sums are a little high.
//
// # Concurrency
//
// All functions are safe for concurrent use.
package price

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed prices.yaml
var file []byte

// A Name says which price is meant, as prices.yaml has it.
type Name string

// The names of all prices.
const (
	LambdaArm       Name = "lambda-arm-gb-second"
	LambdaRequest   Name = "lambda-request"
	Firehose        Name = "firehose-gb"
	FirehoseParquet Name = "firehose-parquet-gb"
	Kinesis         Name = "kinesis-gb"
	KinesisHour     Name = "kinesis-hour"
	KinesisShard    Name = "kinesis-shard-hour"
	Metric          Name = "metric-month"
	Alarm           Name = "alarm-month"
	Dashboard       Name = "dashboard-month"
	Logs            Name = "logs-gb"
	S3Store         Name = "s3-gb-month"
	S3Put           Name = "s3-put"
	Athena          Name = "athena-tb"
	Out             Name = "out-gb"
)

// Names returns the names of all prices, in the order of prices.yaml.
func Names() []Name {
	return []Name{LambdaArm, LambdaRequest, Firehose, FirehoseParquet, Kinesis, KinesisHour, KinesisShard,
		Metric, Alarm, Dashboard, Logs, S3Store, S3Put, Athena, Out}
}

// NotChecked is Checked of a price that was compared with nothing.
const NotChecked = "not checked"

// A Price is one price of the list.
type Price struct {
	Dollars float64 `yaml:"dollars"`
	Unit    string  `yaml:"unit"`    // what costs that much, such as "a GB that a Firehose stream takes"
	Source  string  `yaml:"source"`  // the page of AWS that has the price
	Checked string  `yaml:"checked"` // a day or a month, such as 2026-06, or NotChecked
	By      string  `yaml:"by"`      // what it was compared with; empty for NotChecked
}

// String writes the dollars as a list price is written: "$0.029", "$0.50", "$3".
func (p Price) String() string {
	digits := strings.TrimRight(fmt.Sprintf("%.10f", p.Dollars), "0")
	whole, cents, _ := strings.Cut(digits, ".")
	if cents == "" {
		return "$" + whole
	}
	if len(cents) == 1 {
		cents += "0"
	}
	return "$" + whole + "." + cents
}

type list struct {
	Written string         `yaml:"written"`
	Region  string         `yaml:"region"`
	Prices  map[Name]Price `yaml:"prices"`
}

// loaded is the list of the file. The file is part of the program, so a file that cannot
// be read is a mistake of ours, which the tests find.
var loaded = sync.OnceValue(func() list {
	var l list
	d := yaml.NewDecoder(bytes.NewReader(file))
	d.KnownFields(true)
	if err := d.Decode(&l); err != nil {
		panic(fmt.Sprintf("prices.yaml: %v", err))
	}
	return l
})

// Of returns the price of a name. A name that the file lacks is a mistake of the caller,
// and panics.
func Of(name Name) Price {
	p, known := loaded().Prices[name]
	if !known {
		panic(fmt.Sprintf("prices.yaml has no price %q", name))
	}
	return p
}

// Written returns the day on which the prices were written down, such as 2026-11-29.
func Written() string { return loaded().Written }

// Region returns the region of all prices, such as us-east-1.
func Region() string { return loaded().Region }
