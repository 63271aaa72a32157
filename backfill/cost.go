package backfill

import (
	"fmt"

	"clearhop/internal/price"
)

// PriceNote returns what is to be said beside Costs.
func PriceNote() string {
	return "List prices of " + price.Region() + ", written down on " + price.Written() + " (docs/backfill.md); no storage, no queries."
}

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
	if out := float64(n.Bytes) / gigabyte * price.Of(price.Out).Dollars; out > 0 {
		costs = append(costs, Cost{"if this machine is outside of AWS: the lines leave it", out})
	}
	size := float64(n.EventBytes) / gigabyte
	switch sink {
	case "firehose":
		costs = append(costs, Cost{fmt.Sprintf("Firehose: %.2f GB", size), size * price.Of(price.Firehose).Dollars})
	case "kinesis":
		costs = append(costs, Cost{fmt.Sprintf("Kinesis on demand: %.2f GB", size), size * price.Of(price.Kinesis).Dollars})
	case "s3":
		objects := n.Events/eventsInObject + 1
		costs = append(costs, Cost{fmt.Sprintf("S3: %d objects or more, one at least for each hour", objects), float64(objects) * price.Of(price.S3Put).Dollars})
	}
	return costs
}
