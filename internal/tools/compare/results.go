//go:build unix

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"clearhop/internal/measure"
)

// results is what was measured, as measured.json has it. Each part was measured in a run of
// its own, or in the same one; a part that is nil was never measured.
type results struct {
	Programs   *programPart   `json:"programs,omitempty"`
	Growth     *growthPart    `json:"growth,omitempty"`
	Benchmarks *benchmarkPart `json:"benchmarks,omitempty"`
	Function   *functionPart  `json:"function,omitempty"`
	Profile    *profilePart   `json:"profile,omitempty"`
}

// A setting is where and when a part was measured.
type setting struct {
	Date       string `json:"date"`
	Commit     string `json:"commit"`
	Processor  string `json:"processor"`
	CPUs       int    `json:"cpus"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	LoadBefore string `json:"load_before"` // of the last minute
	LoadAfter  string `json:"load_after"`
	Rounds     int    `json:"rounds"`
}

func (r *runner) newSetting(rounds int) setting {
	return setting{
		Date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), Commit: r.commit, Processor: measure.Processor(), CPUs: runtime.NumCPU(),
		Kernel: measure.Kernel(), Go: strings.TrimPrefix(runtime.Version(), "go"), LoadBefore: measure.Load(), Rounds: rounds,
	}
}

// commit names the commit of the checkout, and says if anything was changed since, but for
// what this command writes.
func commit(repository string) string {
	git := func(args ...string) (string, error) {
		text, err := exec.Command("git", append([]string{"-C", repository}, args...)...).Output()
		return strings.TrimSpace(string(text)), err
	}
	name, err := git("rev-parse", "--short=10", "HEAD")
	if err != nil {
		return "unknown"
	}
	changed, err := git("status", "--porcelain", "--", ".", ":(exclude)"+resultsFile, ":(exclude)"+pageFile, ":(exclude)"+plotFile)
	if err != nil || changed != "" {
		name += " with changes"
	}
	return name
}

// A programPart is what programs took on the same lines, in rounds.
type programPart struct {
	setting
	Floor    int64     `json:"floor"` // bytes: a smaller peak of memory cannot be seen
	Versions []version `json:"versions"`
	Inputs   []reading `json:"inputs"`
}

type version struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// A reading is what programs took on one input.
type reading struct {
	ID     string `json:"id"`
	Counts counts `json:"counts"`
	Rows   []row  `json:"rows"`
}

// counts says how many lines there are, and how many different values they have.
type counts struct {
	Lines   int   `json:"lines"`
	Bytes   int64 `json:"bytes"`
	Clients int   `json:"clients"`
	Agents  int   `json:"agents"`
	Paths   int   `json:"paths"`
}

// A row is what one program took in each round, or why it was not run.
type row struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Missing string   `json:"missing,omitempty"`
	Samples []sample `json:"samples,omitempty"`
}

// A sample is the cost of one run: seconds, seconds and bytes.
type sample struct {
	CPU     float64 `json:"cpu"`
	Elapsed float64 `json:"elapsed"`
	Peak    int64   `json:"peak"`
}

func samplesOf(costs []measure.Cost) []sample {
	var all []sample
	for _, c := range costs {
		all = append(all, sample{CPU: c.CPU.Seconds(), Elapsed: c.Elapsed.Round(time.Microsecond).Seconds(), Peak: c.Peak})
	}
	return all
}

func (r *row) costs() []measure.Cost {
	var all []measure.Cost
	for _, s := range r.Samples {
		all = append(all, measure.Cost{CPU: measure.Seconds(s.CPU), Elapsed: measure.Seconds(s.Elapsed), Peak: s.Peak})
	}
	return all
}

// row returns a row by the input and the program; nil if there is none.
func (p *programPart) row(input, id string) *row {
	if p == nil {
		return nil
	}
	for _, in := range p.Inputs {
		for i := range in.Rows {
			if in.ID == input && in.Rows[i].ID == id {
				return &in.Rows[i]
			}
		}
	}
	return nil
}

// A growthPart is what programs took on more and more lines of the payload.
type growthPart struct {
	setting
	Points []point `json:"points"`
}

// A point is one number of lines. A program that was not run there has no row.
type point struct {
	Lines int   `json:"lines"`
	Rows  []row `json:"rows"`
}

// A benchmarkPart is what the Go benchmarks said, floors and wholes in turn.
type benchmarkPart struct {
	setting
	Missing string      `json:"missing,omitempty"`
	Results []benchmark `json:"results"`
}

// A benchmark has a value for each round.
type benchmark struct {
	Name    string    `json:"name"` // without Benchmark and the number of CPUs: "Payload/floor"
	NsPerOp []float64 `json:"ns_per_op"`
	Allocs  []float64 `json:"allocs_per_op,omitempty"`
	PerLine []float64 `json:"ns_per_line,omitempty"`
	// LineAllocs are the allocations that one more line costs: those of a payload of twice
	// as many lines less those of the payload, when all has been seen before.
	LineAllocs []float64 `json:"allocs_per_line,omitempty"`
}

// A functionPart is what a process of the function took.
type functionPart struct {
	setting
	Missing string    `json:"missing,omitempty"`
	Ready   []float64 `json:"ready,omitempty"` // milliseconds from its start to its first request for work
	Peaks   []float64 `json:"peaks,omitempty"` // bytes of memory of the process at the peak, after some payloads
	Heaps   []float64 `json:"heaps,omitempty"` // megabytes of its heap at the peak
	Lines   int       `json:"lines,omitempty"` // of each payload
}

// readResults reads what was measured before. A file that is not there holds nothing.
func readResults(name string) (*results, error) {
	var r results
	if err := readJSON(name, &r); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return &r, nil
}

func (r *results) write(name string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}
