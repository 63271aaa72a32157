package backfill

import "fmt"

// pricesOf is the day on which the prices were written down.
const pricesOf = "2026-11-29"

// The list prices of us-east-1, in dollars. They stand nowhere else in the code; a test
// compares docs/backfill.md, which has the sources, and docs/aws.md with these.
const (
	priceOut      = 0.09     // a GB that leaves AWS for the internet, behind the first 100 GB of a month
	priceFirehose = 0.029    // a GB that a Firehose stream takes
	priceKinesis  = 0.08     // a GB that a data stream on demand takes
	pricePut      = 0.005e-3 // an object that is put into S3
)

// PriceNote is what is to be said beside Costs.
const PriceNote = "List prices of us-east-1, written down on " + pricesOf + " (docs/backfill.md); no storage, no queries."

const gigabyte = 1e9

// eventsInObject is how many events an object of the sink s3 has on average, where hours
// are busy.
const eventsInObject = maxGathered / 1200

// A Cost is one part of what a backfill costs.
type Cost struct {
	What    string
	Dollars float64
}

// String writes a Cost for a person.
func (c Cost) String() string {
	if c.Dollars > 0 && c.Dollars < 0.01 {
		return "less than $0.01  " + c.What
	}
	return fmt.Sprintf("$%.2f  %s", c.Dollars, c.What)
}

// Costs returns what a backfill of so many lines costs with a sink of a kind. It is what
// AWS's price lists say, and not a bill.
func Costs(sink string, n Counts) []Cost {
	costs := []Cost{{"reading: no call of FilterLogEvents has a price", 0}}
	if out := float64(n.Bytes) / gigabyte * priceOut; out > 0 {
		costs = append(costs, Cost{"if this machine is outside of AWS: the lines leave it", out})
	}
	size := float64(n.EventBytes) / gigabyte
	switch sink {
	case "firehose":
		costs = append(costs, Cost{fmt.Sprintf("Firehose: %.2f GB", size), size * priceFirehose})
	case "kinesis":
		costs = append(costs, Cost{fmt.Sprintf("Kinesis on demand: %.2f GB", size), size * priceKinesis})
	case "s3":
		objects := n.Events/eventsInObject + 1
		costs = append(costs, Cost{fmt.Sprintf("S3: %d objects or more, one at least for each hour", objects), float64(objects) * pricePut})
	}
	return costs
}
