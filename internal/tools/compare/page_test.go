//go:build unix

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clearhop/internal/golden"
	"clearhop/internal/measure"
)

func committed(t *testing.T) *results {
	t.Helper()
	r, err := readResults("measured.json")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPage holds the tables and the plot of docs/performance.md to measured.json. Run with
// -update after a change of their form: it measures nothing.
func TestPage(t *testing.T) {
	r := committed(t)
	golden.Sections(t, filepath.Join(repository, pageFile), sections(r))
	golden.Check(t, filepath.Join(repository, plotFile), plot(r.Growth))
}

// TestTargetsAreTold: each target has a number or the reason why there is none, with
// everything measured, with nothing, and with what is committed.
func TestTargetsAreTold(t *testing.T) {
	for name, r := range map[string]*results{
		"committed": committed(t),
		"nothing":   {},
		"empty":     {Programs: &programPart{}, Growth: &growthPart{}, Benchmarks: &benchmarkPart{}, Function: &functionPart{}},
	} {
		for _, target := range targets {
			m := target.measured(r)
			if (m.N == 0) == (m.reason == "") {
				t.Errorf("%s: %s: %d values, and the reason %q", name, target.what, m.N, m.reason)
			}
			if name != "committed" && !strings.HasPrefix(m.String(), "not measured: ") {
				t.Errorf("%s: %s: %s", name, target.what, m)
			}
		}
		if got, want := strings.Count(targetTable(r), "\n"), len(targets)+2; got != want {
			t.Errorf("%s: the table has %d lines, want %d", name, got, want)
		}
	}
}

// TestTargetStates: a value without a bound has no target, and is not said to miss one.
func TestTargetStates(t *testing.T) {
	f := func(required, wanted bound, value float64, want string) {
		t.Helper()
		m := measurement{Spread: measure.SpreadOf([]float64{value})}
		if got := (target{required: required, wanted: wanted}).state(m); got != want {
			t.Errorf("%g: %s, want %s", value, got, want)
		}
	}
	f(bound{}, bound{}, 9, "no target")
	f(atMost(3), bound{}, 9, "**not met**")
	f(atMost(3), bound{}, 2, "met")
	f(atMost(3), atMost(2), 2, "met, wanted too")
	f(atLeast(3), atLeast(5), 4, "met")
}

// TestMissingPrograms: what was not run has a row with the reason.
func TestMissingPrograms(t *testing.T) {
	part := &programPart{Inputs: []reading{{ID: "payload", Counts: counts{Lines: 1000}, Rows: []row{
		{ID: "enrich", Name: "Clearhop", Samples: []sample{{CPU: 2, Elapsed: 3, Peak: 50e6}, {CPU: 4, Elapsed: 3, Peak: 50e6}}},
		{ID: "gonx", Name: "gonx", Missing: "it | is\nnot here"},
		{ID: "enrich-hash", Name: "hash", Samples: []sample{{CPU: 3, Elapsed: 3, Peak: 50e6}, {CPU: 6, Elapsed: 3, Peak: 50e6}}},
	}}}}
	table := programTables(part)
	for _, want := range []string{
		"| Clearhop | 3.00 s | 330 | 1 | 3.00 s | 50 MB |\n",
		`| gonx | not measured: it \| is not here | | | | |` + "\n",
		"| hash | 4.50 s | 220 | 1.50 (1.50–1.50) | 3.00 s | 50 MB |\n",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("there is no %s in\n%s", want, table)
		}
	}
	r := &results{Programs: part}
	states := map[string]string{}
	for _, target := range targets {
		m := target.measured(r)
		states[target.what] = target.state(m) + ": " + m.String()
	}
	for what, want := range map[string]string{
		"the same on made lines":                    "not measured: not measured: it | is\nnot here",
		"CPU, `enrich --privacy hash` : without it": "**not met**: 1.50 (1.50–1.50), 2",
	} {
		if states[what] != want {
			t.Errorf("%s is %q, want %q", what, states[what], want)
		}
	}
}

// TestRunTable: a run that says little is marked.
func TestRunTable(t *testing.T) {
	quiet := setting{Rounds: 5, CPUs: 2, LoadBefore: "0.5", LoadAfter: "2.9"}
	busy := quiet
	busy.LoadAfter = "3.1"
	short := quiet
	short.Rounds = 2
	enough := []reading{{ID: "payload", Counts: counts{Lines: 300_000}}}
	for _, c := range []struct {
		r    *results
		want []string // in bold
	}{
		{&results{}, nil},
		{&results{Programs: &programPart{setting: quiet, Inputs: enough}, Profile: &profilePart{setting: setting{Rounds: 1}}}, nil},
		{&results{Programs: &programPart{setting: busy, Inputs: []reading{{ID: "payload", Counts: counts{Lines: 20_000}}}}}, []string{"The machine was busy", "Fewer than 300,000 lines"}},
		{&results{Growth: &growthPart{setting: short}}, []string{"Fewer than 5 rounds"}},
	} {
		table := runTable(c.r)
		for _, want := range c.want {
			if !strings.Contains(table, "**"+want+"**") {
				t.Errorf("there is no %q in %s", want, table)
			}
		}
		if got := strings.Count(table, "**") / 2; got != len(c.want) {
			t.Errorf("%d warnings, want %d: %s", got, len(c.want), table)
		}
	}
}

func TestStates(t *testing.T) {
	for _, c := range []struct {
		required, wanted bound
		value            float64
		want             string
	}{
		{atMost(2), atMost(1), 1, "met, wanted too"},
		{atMost(2), atMost(1), 1.5, "met"},
		{atMost(2), bound{}, 0.1, "met"},
		{atMost(2), atMost(1), 2.01, "**not met**"},
		{atLeast(4), atLeast(10), 10, "met, wanted too"},
		{atLeast(4), atLeast(10), 4, "met"},
		{atLeast(4), atLeast(10), 3.99, "**not met**"},
	} {
		m := measurement{}
		m.Median, m.N = c.value, 1
		if got := (target{required: c.required, wanted: c.wanted}).state(m); got != c.want {
			t.Errorf("%v of %v and %v is %q, want %q", c.value, c.required, c.wanted, got, c.want)
		}
	}
}

// TestBenchmarks reads what go test prints.
func TestBenchmarks(t *testing.T) {
	p := &benchmarkPart{}
	const printed = `goos: linux
pkg: clearhop/pipeline
BenchmarkPayload/floor-2         	     370	   3000000 ns/op	      3000 ns/line	    333333 lines/s	      66 B/op	       1 allocs/op
BenchmarkPayload/whole           	     120	   9000000 ns/op	      9000 ns/line	    111111 lines/s	  450000 B/op	     500 allocs/op
BenchmarkPayload/whole_with_GeoIP-2	--- SKIP: BenchmarkPayload/whole_with_GeoIP-2
BenchmarkParse/miss/curl-7-2     	  100	   10000 ns/op	       0 B/op	       0 allocs/op
BenchmarkParse/miss/chrome-2     	  100	   30000 ns/op	       0 B/op	       0 allocs/op
BenchmarkParse/miss/hostile-2    	  100	  100000 ns/op	       0 B/op	       0 allocs/op
BenchmarkParse/miss/hostile_digits-2	  100	   90000 ns/op	       0 B/op	       0 allocs/op
PASS
`
	p.add([]byte(printed))
	p.add([]byte(strings.ReplaceAll(printed, "9000000 ns/op	      9000 ns/line", "6000000 ns/op	      6000 ns/line")))
	times, allocs := p.whole("Payload")
	if times.Median != 2.5 || times.Min != 2 || times.Max != 3 || times.N != 2 {
		t.Errorf("whole : floor is %+v", times)
	}
	if allocs.Median != 0.5 {
		t.Errorf("allocations for a line: %+v", allocs)
	}
	p.add([]byte("BenchmarkPayload/whole  120  9000000 ns/op  0.01 allocs/line  9000 ns/line  500 allocs/op\n"))
	if _, allocs := p.whole("Payload"); allocs.Median != 0.01 || allocs.N != 1 {
		t.Errorf("allocations for one more line: %+v", allocs)
	}
	if hostile := p.hostile(); hostile.Median != 5 || hostile.N != 2 {
		t.Errorf("hostile : real is %+v", hostile)
	}
	if times, _ := p.whole("Other"); times.N != 0 {
		t.Errorf("a benchmark that was not run: %+v", times)
	}
}

func TestLargestHeap(t *testing.T) {
	const logs = `gc 1 @0.006s 1%: 0.039+0.45+0.003 ms clock, 0.079+0.2/0.3/0+0.006 ms cpu, 3->4->1 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P
{"level":"info","msg":"gc 9->9->9 MB,"}
gc 2 @0.016s 2%: 0.02+0.4+0.01 ms clock, 0.04+0/0.2/0.3+0.02 ms cpu, 21->22->12 MB, 25 MB goal, 0 MB stacks, 0 MB globals, 2 P
`
	if got := largestHeap(logs); got != 22 {
		t.Errorf("%v MB", got)
	}
}

// TestShares: the time of a stack belongs to the innermost package of the project.
func TestShares(t *testing.T) {
	const printed = `File: clearhop
Type: cpu
Duration: 4.85s, Total samples = 1s (97.88%)
-----------+-------------------------------------------------------
     600ms   runtime.memmove
             clearhop/encode.(*node[go.shape.struct { clearhop/record.x }]).append
             clearhop/pipeline.(*Worker).Process
-----------+-------------------------------------------------------
     250ms   clearhop/enrich/useragent/internal/automaton.(*Cache).follow (inline)
             clearhop/encode.append
-----------+-------------------------------------------------------
     150ms   runtime.gcDrain
             runtime.goexit
-----------+-------------------------------------------------------
`
	seconds, shares := sharesOf([]byte(printed))
	want := []share{{"encode", 0.6}, {"enrich/useragent/internal/automaton", 0.25}, {"Go itself", 0.15}}
	if seconds != 1 || !slices.Equal(shares, want) {
		t.Errorf("%v s: %v, want %v", seconds, shares, want)
	}
}

// TestPlot: the plot is an XML document with a title and a description, and draws the points
// that were measured and no others.
func TestPlot(t *testing.T) {
	r := func(name string, cpu float64) row {
		return row{ID: name, Name: name, Samples: []sample{{CPU: cpu, Peak: 50e6}}}
	}
	svg := plot(&growthPart{Points: []point{
		{10_000, []row{r("`a` & b", 0.1), r("c", 0.2)}},
		{100_000, []row{r("`a` & b", 1), {ID: "c", Name: "c", Missing: "not here"}}},
		{1_000_000, []row{r("`a` & b", 10)}},
	}})
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	seen := map[string]int{}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok {
			seen[start.Name.Local]++
		}
	}
	// Each of three points and one has a mark in two panels, and the legend has one.
	if seen["circle"] != 2*3+1 || seen["rect"] != 2*1+1+1 || seen["title"] != 1 || seen["desc"] != 1 {
		t.Errorf("%v", seen)
	}
	for _, want := range []string{"prefers-color-scheme: dark", "a &amp; b: 10,000 lines take 0.10 s of CPU and 50 MB, 100,000 lines"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("there is no %q in %s", want, svg)
		}
	}
	if err := xml.Unmarshal(plot(nil), new(struct{})); err != nil {
		t.Errorf("the plot of nothing: %v", err)
	}
}

// TestWritePage: the generated parts are replaced, and a page without a mark is refused.
func TestWritePage(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "docs"), 0o755); err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(folder, filepath.FromSlash(pageFile))
	text := "# Title\n"
	for name := range sections(&results{}) {
		text += "before\n<!-- generated: " + name + " -->\nold\n<!-- end -->\nbehind\n"
	}
	if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writePage(folder, &results{}); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(page)
	if err != nil || strings.Contains(string(written), "old") || strings.Count(string(written), "behind\n") != len(sections(&results{})) {
		t.Errorf("%v\n%s", err, written)
	}
	if err := os.WriteFile(page, []byte("# Title\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writePage(folder, &results{}); err == nil || !strings.Contains(err.Error(), "<!-- generated: ") {
		t.Errorf("a page without marks: %v", err)
	}
}
