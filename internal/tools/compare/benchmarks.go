//go:build unix

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clearhop/internal/measure"
)

// The Go benchmarks that targets are about, by the folder of their package.
var benchmarks = []struct{ folder, run string }{
	{"pipeline", "^BenchmarkPayload$"},
	{"functions/subscriber", "^BenchmarkInvoke$"},
	{"enrich/useragent", "^BenchmarkParse$/^miss$"},
}

// measureBenchmarks builds the benchmarks once, and runs all of them in each round: so a floor
// and the whole beside it alternate.
func (r *runner) measureBenchmarks(ctx context.Context, rounds int) (*benchmarkPart, error) {
	part := &benchmarkPart{setting: r.newSetting(rounds)}
	for _, b := range benchmarks {
		if text, err := r.command(ctx, r.repository, "go", "test", "-c", "-o", r.binary(b.folder), "./"+b.folder); err != nil {
			part.Missing = fmt.Sprintf("the benchmarks of %s cannot be built: %v", b.folder, err)
			log.Printf("%s: %s", part.Missing, text)
			return part, ctx.Err()
		}
	}
	for round := range rounds {
		for _, b := range benchmarks {
			text, err := r.command(ctx, filepath.Join(r.repository, b.folder), r.binary(b.folder), "-test.run", "^$", "-test.bench", b.run, "-test.benchmem", "-test.cpu", "1")
			if err != nil {
				part.Missing = fmt.Sprintf("the benchmarks of %s failed: %v", b.folder, err)
				log.Printf("%s: %s", part.Missing, text)
				return part, ctx.Err()
			}
			part.add(text)
			log.Printf("round %d: benchmarks of %s", round+1, b.folder)
		}
	}
	part.LoadAfter = measure.Load()
	return part, nil
}

func (r *runner) binary(folder string) string {
	return filepath.Join(r.dir, strings.ReplaceAll(folder, "/", "-")+".test")
}

// command runs a program in a folder, and returns what it wrote. The binaries have absolute
// paths, because they run in the folder of their package.
func (r *runner) command(ctx context.Context, folder, name string, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = folder
	command.Env = append(os.Environ(), oneCPU...)
	return command.CombinedOutput()
}

// add takes the values out of what benchmarks have printed, such as
//
//	BenchmarkPayload/floor-2   	     100	  3197000 ns/op	 3197 ns/line	 312000 lines/s	 12 B/op	 3 allocs/op
func (p *benchmarkPart) add(text []byte) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		name, ok := strings.CutPrefix(cmp.Or(slices.Concat(fields, []string{""})...), "Benchmark")
		if !ok || len(fields) < 4 {
			continue
		}
		if dash := strings.LastIndexByte(name, '-'); dash > 0 {
			if _, err := strconv.Atoi(name[dash+1:]); err == nil {
				name = name[:dash]
			}
		}
		b := p.named(name)
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				break
			}
			switch fields[i+1] {
			case "ns/op":
				b.NsPerOp = append(b.NsPerOp, value)
			case "allocs/op":
				b.Allocs = append(b.Allocs, value)
			case "ns/line":
				b.PerLine = append(b.PerLine, value)
			case "allocs/line":
				b.LineAllocs = append(b.LineAllocs, value)
			}
		}
	}
}

// named returns the benchmark of that name, which it makes if there is none.
func (p *benchmarkPart) named(name string) *benchmark {
	i := slices.IndexFunc(p.Results, func(b benchmark) bool { return b.Name == name })
	if i < 0 {
		p.Results = append(p.Results, benchmark{Name: name})
		i = len(p.Results) - 1
	}
	return &p.Results[i]
}

// whole is the ratio of the whole to its floor, and the allocations of the whole for a line.
// Results of earlier versions have only those of the whole run, first sights and all.
func (p *benchmarkPart) whole(name string) (ratio, allocs measure.Spread) {
	floor, whole := p.named(name+"/floor"), p.named(name+"/whole")
	var ratios, perLine []float64
	for i := range min(len(floor.NsPerOp), len(whole.NsPerOp)) {
		ratios = append(ratios, whole.NsPerOp[i]/floor.NsPerOp[i])
	}
	if len(whole.LineAllocs) > 0 {
		return measure.SpreadOf(ratios), measure.SpreadOf(whole.LineAllocs)
	}
	for i := range min(len(whole.PerLine), len(whole.Allocs)) {
		lines := whole.NsPerOp[i] / whole.PerLine[i]
		perLine = append(perLine, whole.Allocs[i]/lines)
	}
	return measure.SpreadOf(ratios), measure.SpreadOf(perLine)
}

// hostile is the ratio of the most expensive hostile user agent to the median one of people and
// robots, at first sight.
func (p *benchmarkPart) hostile() measure.Spread {
	var ratios []float64
	for round := 0; ; round++ {
		var usual []float64
		hostile := 0.0
		for _, b := range p.Results {
			name, ok := strings.CutPrefix(b.Name, "Parse/miss/")
			switch {
			case !ok || round >= len(b.NsPerOp):
			case strings.HasPrefix(name, "hostile"):
				hostile = max(hostile, b.NsPerOp[round])
			default:
				usual = append(usual, b.NsPerOp[round])
			}
		}
		if len(usual) == 0 || hostile == 0 {
			return measure.SpreadOf(ratios)
		}
		ratios = append(ratios, hostile/measure.SpreadOf(usual).Median)
	}
}
