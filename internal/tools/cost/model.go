package main

import (
	"fmt"
	"math"
	"strings"

	"clearhop/internal/price"
)

const (
	million       = 1e6
	gigabyte      = 1e9
	wholeCPU      = 1769 // MB of memory with which a function has one vCPU
	defaultMemory = 512  // the default of MemorySize in template.yaml, which a test compares
	waiting       = 0.05 // seconds that an invocation waits for Firehose's answer: assumed
	firehoseStep  = 5120 // bytes: Firehose bills each record in steps of 5 KB
	kinesisStep   = 1024 // bytes: Kinesis bills each record in steps of 1 KB
)

// memories are the settings of MemorySize that the table has.
var memories = []int{128, 256, 512, 1024, wholeCPU, 3008}

// seconds is how long an invocation takes. Work on one payload is counted as work of one
// thread, so more than one vCPU makes nothing faster.
func (m measured) seconds(memory int) float64 {
	cpu := (m.CPUPerInvocation + m.CPUPerLine*float64(m.LinesInInvocation)) / million
	return cpu/min(1, float64(memory)/wholeCPU) + waiting
}

// lambda is the dollars for Lambda, for a million lines. It is the same for each road.
func (m measured) lambda(memory int) float64 {
	invocations := million / float64(m.LinesInInvocation)
	gbSeconds := m.seconds(memory) * float64(memory) / 1024
	return invocations * (gbSeconds*price.Of(price.LambdaArm).Dollars + price.Of(price.LambdaRequest).Dollars)
}

// stepped is the bytes that are billed for a million lines that go in records of so many
// bytes, with so many lines in each.
func stepped(bytes, lines, step float64) float64 {
	return math.Ceil(bytes/step) * step * million / lines
}

// streams is the dollars for Firehose and Kinesis, for a million lines.
func (m measured) streams(road, form string) float64 {
	lines := float64(m.LinesInInvocation)
	payload := m.PayloadBytes * lines
	taken := stepped(m.EventBytes*lines, lines, firehoseStep) // many events are packed into a record
	switch {
	case road == "firehose":
		taken = stepped(payload, lines, firehoseStep) // the payload itself; the function only changes it
	case form == "iceberg":
		taken = stepped(m.EventBytes, 1, firehoseStep) // a record is one row
	}
	dollars := taken / gigabyte * price.Of(price.Firehose).Dollars
	if form == "parquet" {
		dollars += taken / gigabyte * price.Of(price.FirehoseParquet).Dollars
	}
	if road == "kinesis" {
		dollars += stepped(payload, lines, kinesisStep) / gigabyte * price.Of(price.Kinesis).Dollars
	}
	return dollars
}

// cheapest is the setting of memories that costs least.
func (m measured) cheapest() int {
	best := memories[0]
	for _, memory := range memories {
		if m.lambda(memory) < m.lambda(best) {
			best = memory
		}
	}
	return best
}

// page writes the generated part of docs/operating.md.
func page(m measured) string {
	var b strings.Builder
	fmt.Fprintf(&b, "With `MemorySize` %d, in US dollars for a million lines, Lambda and streams together:\n\n", defaultMemory)
	b.WriteString("| `Road` | `EventFormat=ndjson` | `parquet` | `iceberg` |\n| --- | --- | --- | --- |\n")
	for _, road := range []string{"subscription", "kinesis", "firehose"} {
		fmt.Fprintf(&b, "| %s |", road)
		for _, form := range []string{"ndjson", "parquet", "iceberg"} {
			if !offered(road, form) {
				b.WriteString(" not offered |")
				continue
			}
			fmt.Fprintf(&b, " $%.3f |", m.streams(road, form)+m.lambda(defaultMemory))
		}
		b.WriteString("\n")
	}
	b.WriteString("\nThe part of Lambda in that, by memory, the same for each road:\n\n")
	b.WriteString("| `MemorySize` | an invocation takes | Lambda, a million lines | more than with the default |\n| --- | --- | --- | --- |\n")
	for _, memory := range memories {
		fmt.Fprintf(&b, "| %d | %.0f ms | $%.4f | %s |\n", memory, m.seconds(memory)*1000, m.lambda(memory), signed(m.lambda(memory)-m.lambda(defaultMemory)))
	}
	fmt.Fprintf(&b, "\nMeasured on %s (%s): %.2f µs of CPU a line and %.0f µs an invocation, once warm; lines of %.0f bytes,\n"+
		"payloads of %.0f bytes a line (gzip), events of %.0f bytes; %.0f MB of memory with the\n"+
		"databases of countries and networks, and %.0f MB with a payload of the largest size.\n"+
		"The cheapest memory of the table is %d MB.\n",
		m.Date, m.Machine, m.CPUPerLine, m.CPUPerInvocation, m.LineBytes, m.PayloadBytes, m.EventBytes, m.MemoryMB, m.LargestMB, m.cheapest())
	b.WriteString("\nThe prices, of " + price.Region() + ", as they were written down on " + price.Written() + ":\n\n| price | for | checked |\n| --- | --- | --- |\n")
	for _, name := range []price.Name{price.LambdaArm, price.LambdaRequest, price.Firehose, price.FirehoseParquet, price.Kinesis} {
		p := price.Of(name)
		checked := p.Checked
		if p.By != "" {
			checked += ", with " + p.By
		}
		fmt.Fprintf(&b, "| %s | [%s](%s) | %s |\n", p, p.Unit, p.Source, checked)
	}
	return b.String()
}

// signed writes a difference of dollars with its sign.
func signed(dollars float64) string {
	sign := "+"
	switch {
	case dollars == 0:
		sign = ""
	case dollars < 0:
		sign = "-"
	}
	return fmt.Sprintf("%s$%.4f", sign, math.Abs(dollars))
}

// offered reports whether template.yaml has the road with the form.
func offered(road, form string) bool { return road != "firehose" || form != "iceberg" }
