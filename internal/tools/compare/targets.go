//go:build unix

package main

import (
	"fmt"
	"strings"

	"clearhop/internal/measure"
)

// A target is what a measured value has to be. Without bounds it is only told.
type target struct {
	what             string
	required, wanted bound // wanted is the zero value if there is none
	measured         func(r *results) measurement
}

// A bound is what a value may be at most, or must be at least; the zero value is none.
type bound struct {
	sign  string // "≤" or "≥"
	limit float64
}

func atMost(limit float64) bound  { return bound{"≤", limit} }
func atLeast(limit float64) bound { return bound{"≥", limit} }

// met reports whether a value is within the bound; none is never met.
func (b bound) met(value float64) bool {
	return b.sign == "≤" && value <= b.limit || b.sign == "≥" && value >= b.limit
}

// A measurement is a value, or why there is none.
type measurement struct {
	measure.Spread
	unit   string // behind the value: "" for a ratio, " ms"
	digits int    // behind the point
	reason string // empty if there is a value
}

func missing(reason string) measurement { return measurement{reason: reason} }

// ratio is the measurement of a ratio, unless nothing was measured.
func ratio(s measure.Spread) measurement {
	if s.N == 0 {
		return missing("nothing was measured")
	}
	return measurement{Spread: s, digits: 2}
}

// targets are those that the project has set itself, in the order of the page.
var targets = []target{
	{"CPU, `enrich --format combined` : gonx, which parses only; lines of real nginx", atMost(1.3), atMost(0.4),
		programs("real", "enrich", "real", "gonx", measure.CPU)},
	{"the same on made lines", atMost(1.3), atMost(0.4),
		programs("payload", "enrich", "payload", "gonx", measure.CPU)},
	{"CPU, GoAccess with country : `enrich` with country and network, one core", atLeast(4), atLeast(10),
		programs("payload", "goaccess-geo", "payload", "enrich-geo", measure.CPU)},
	{"wall, GoAccess with country : `enrich` with country and network, two cores", atLeast(7), atLeast(20), goaccessOnTwo},
	{"wall, `enrich` on two cores : on one", atMost(0.6), atMost(0.52),
		programs("payload", "enrich-2", "payload", "enrich", measure.Elapsed)},
	{"CPU, `enrich` with a version of a common user agent for each line : with one user agent", atMost(3), atMost(1.5),
		programs("versions", "enrich", "few", "enrich", measure.CPU)},
	{"CPU, `enrich` with all user agents of the tests in turn, each with a build of its own : with one user agent", bound{}, bound{},
		programs("agents", "enrich", "few", "enrich", measure.CPU)},
	{"CPU, the most expensive hostile user agent : the median real one, at first sight", atMost(2), bound{},
		benchmarked(func(p *benchmarkPart) measurement { return ratio(p.hostile()) })},
	{"CPU, `enrich` with country and network, a client for each line : 200 clients", atMost(1.15), bound{},
		programs("clients", "enrich-geo", "few", "enrich-geo", measure.CPU)},
	{"Lambda, payload to events : the floor (base64, gunzip, one scan of the JSON)", atMost(2.2), atMost(1.6), wholeToFloor("Payload")},
	{"Lambda, payload to packed records : the floor", atMost(2.2), atMost(1.6), wholeToFloor("Invoke")},
	{"allocations for a line, payload to events", atMost(0), bound{}, allocations("Payload")},
	{"allocations for a line, payload to packed records", atMost(0), bound{}, allocations("Invoke")},
	{"CPU, `doctor` : `enrich`", atMost(1), atMost(0.6),
		programs("payload", "doctor", "payload", "enrich", measure.CPU)},
	{"CPU, `enrich --privacy hash` : without it", atMost(1.15), bound{},
		programs("payload", "enrich-hash", "payload", "enrich", measure.CPU)},
	{"peak of memory, `enrich` of 10 million lines : of 1 million", atMost(1.1), bound{}, memoryGrowth},
	{"function: from the start of the process to its first request for work", atMost(30), bound{},
		ofFunction(func(p *functionPart) measurement {
			return measurement{Spread: measure.SpreadOf(p.Ready), unit: " ms", digits: 0}
		})},
	{"function: heap at the peak, after payloads of 5,000 lines", atMost(64), bound{},
		ofFunction(func(p *functionPart) measurement {
			return measurement{Spread: measure.SpreadOf(p.Heaps), unit: " MB", digits: 0}
		})},
	{"CPU, GoAccess with country : `report` with country, from the lines", atLeast(4), atLeast(10),
		programs("payload", "goaccess-geo", "payload", "report", measure.CPU)},
}

const notYet = "not measured yet: make compare PARTS="

// programs compares a part of the costs of two programs.
func programs(inputA, a, inputB, b string, part func(measure.Cost) float64) func(*results) measurement {
	return func(r *results) measurement {
		if r.Programs == nil {
			return missing(notYet + "programs")
		}
		costs := [2][]measure.Cost{}
		for i, which := range [][2]string{{inputA, a}, {inputB, b}} {
			row := r.Programs.row(which[0], which[1])
			if row == nil && which[0] == "real" {
				row = r.Programs.row("own", which[1])
			}
			switch {
			case row == nil:
				return missing("this version of make compare did not run " + which[1])
			case row.Missing != "":
				return missing(row.Missing)
			}
			costs[i] = row.costs()
		}
		return ratio(measure.RatioOf(costs[0], costs[1], part))
	}
}

// goaccessOnTwo takes GoAccess with two threads, if it has them.
func goaccessOnTwo(r *results) measurement {
	m := programs("payload", "goaccess-geo-2", "payload", "enrich-geo-2", measure.Elapsed)(r)
	if m.reason != "" {
		m = programs("payload", "goaccess-geo", "payload", "enrich-geo-2", measure.Elapsed)(r)
	}
	return m
}

func benchmarked(value func(*benchmarkPart) measurement) func(*results) measurement {
	return func(r *results) measurement {
		switch {
		case r.Benchmarks == nil:
			return missing(notYet + "benchmarks")
		case r.Benchmarks.Missing != "":
			return missing(r.Benchmarks.Missing)
		}
		return value(r.Benchmarks)
	}
}

func wholeToFloor(name string) func(*results) measurement {
	return benchmarked(func(p *benchmarkPart) measurement {
		times, _ := p.whole(name)
		return ratio(times)
	})
}

func allocations(name string) func(*results) measurement {
	return benchmarked(func(p *benchmarkPart) measurement {
		_, allocs := p.whole(name)
		m := ratio(allocs)
		m.Median = rounded(m.Median) // a payload of twice the lines needs more calls
		return m
	})
}

// rounded is a value with two digits behind the point.
func rounded(value float64) float64 { return float64(int(value*100+0.5)) / 100 }

// memoryGrowth compares the peaks of enrich at ten million lines and at one million.
func memoryGrowth(r *results) measurement {
	if r.Growth == nil {
		return missing(notYet + "growth GROWTH=10000000")
	}
	fewer, more := r.Growth.peak(1_000_000), r.Growth.peak(10_000_000)
	if fewer.N == 0 || more.N == 0 {
		return missing("only with make compare PARTS=growth GROWTH=10000000")
	}
	return measurement{Spread: measure.Spread{Median: more.Median / fewer.Median, Min: more.Min / fewer.Max, Max: more.Max / fewer.Min, N: more.N}, digits: 2}
}

// peak is the peak of memory of enrich on so many lines.
func (g *growthPart) peak(lines int) measure.Spread {
	for _, p := range g.Points {
		for _, r := range p.Rows {
			if p.Lines == lines && r.ID == "enrich-geo" {
				return measure.Of(r.costs(), measure.Peak)
			}
		}
	}
	return measure.Spread{}
}

func ofFunction(value func(*functionPart) measurement) func(*results) measurement {
	return func(r *results) measurement {
		switch {
		case r.Function == nil:
			return missing(notYet + "function")
		case r.Function.Missing != "":
			return missing(r.Function.Missing)
		}
		m := value(r.Function)
		if m.N == 0 {
			return missing("this system does not say it")
		}
		return m
	}
}

// String is the value with its spread: "2.10 (1.98–2.30), 5".
func (m measurement) String() string {
	if m.reason != "" {
		return "not measured: " + strings.TrimPrefix(m.reason, "not measured yet: ")
	}
	return fmt.Sprintf("%s (%s–%s), %d", m.format(m.Median), m.format(m.Min), m.format(m.Max), m.N)
}

func (m measurement) format(value float64) string {
	return fmt.Sprintf("%.*f%s", m.digits, value, m.unit)
}

// format writes a bound as the measurement writes its value.
func (b bound) format(m measurement) string {
	if b.sign == "" {
		return ""
	}
	return fmt.Sprintf("%s %g%s", b.sign, b.limit, m.unit)
}

// state says in words whether a target is met.
func (t target) state(m measurement) string {
	switch {
	case m.reason != "":
		return "not measured"
	case t.required == bound{} && t.wanted == bound{}:
		return "no target"
	case t.wanted.met(m.Median):
		return "met, wanted too"
	case t.required.met(m.Median):
		return "met"
	}
	return "**not met**"
}

// targetTable is the table of all targets.
func targetTable(r *results) string {
	var b strings.Builder
	b.WriteString("| target | measured: median (min–max), rounds | required | wanted | |\n| --- | --- | --- | --- | --- |\n")
	for _, t := range targets {
		m := t.measured(r)
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", t.what, cell(m.String()), t.required.format(m), t.wanted.format(m), t.state(m))
	}
	return b.String()
}

// cell makes a text fit into a cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}
