//go:build cgo && (linux || darwin) && (amd64 || arm64)

// Command measure measures clearhop report beside GoAccess, and beside DuckDB that
// reads the same requests as raw JSON events. It writes made-up lines, runs all of them
// in turn on the same lines, and prints a table in Markdown: that of docs/statistics.md.
//
//	make compare-report
//	make compare-report LINES=10000000
//
// Each program runs as a process of its own, whose CPU time and memory the system counts.
// The CPU time counts, because it says what a machine with other work notices; the ratio
// is that of the medians of the rounds. Then each question is asked about the loaded
// events, in this process. GoAccess writes its report as HTML: that of the terminal is
// interactive.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"clearhop/analytics"
	"clearhop/analytics/store"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("measure: ")
	c := comparison{}
	flag.IntVar(&c.lines, "lines", 1_000_000, "how many lines")
	flag.IntVar(&c.rounds, "rounds", 3, "how many rounds")
	flag.StringVar(&c.clearhop, "clearhop", "build/clearhop", "the command")
	flag.StringVar(&c.country, "country-db", "build/geoip/country.mmdb", "the database of countries")
	flag.StringVar(&c.dir, "dir", "build/compare", "the folder for what is written; it is removed at the end")
	flag.IntVar(&c.maxEvents, "max-events", 2_000_000, "up to how many lines DuckDB reads the JSON events too, which take 1.2 KB each")
	asDuckDB := flag.String("duckdb", "", "count the JSON events of this file with DuckDB, and nothing else")
	flag.Parse()
	run := c.run
	if *asDuckDB != "" {
		run = func() error { return countWithDuckDB(*asDuckDB) }
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

type comparison struct {
	lines, rounds, maxEvents       int
	clearhop, country, dir         string
	logFile, eventFile, reportFile string
}

// A contender is a program that is measured.
type contender struct {
	name string
	args []string
	why  string // it is not measured; empty if it is

	cpu, elapsed []time.Duration
	memory       []int64 // bytes at the peak
}

func (c *comparison) run() error {
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(c.dir) }()
	c.logFile, c.eventFile, c.reportFile = filepath.Join(c.dir, "access.log"), filepath.Join(c.dir, "events.ndjson"), filepath.Join(c.dir, "report.html")
	if err := writeLines(c.logFile, c.lines); err != nil {
		return err
	}
	contenders, err := c.contenders()
	if err != nil {
		return err
	}
	for round := range c.rounds {
		for i := range contenders {
			p := &contenders[i]
			if p.why != "" {
				continue
			}
			if err := p.measure(); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			last := len(p.cpu) - 1
			log.Printf("round %d: %s: %.1f s of CPU, %.1f s, %d MB", round+1, p.name, p.cpu[last].Seconds(), p.elapsed[last].Seconds(), p.memory[last]>>20)
		}
	}
	c.print(contenders)
	return c.questions()
}

// contenders returns what is measured. The first one is what the others are compared with.
func (c *comparison) contenders() ([]contender, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	goaccess := contender{name: "GoAccess, " + version("goaccess", "--version"),
		args: []string{"goaccess", c.logFile, "--no-global-config", "--log-format=COMBINED", "--no-progress", "--geoip-database=" + c.country, "-o", c.reportFile}}
	if _, err := exec.LookPath("goaccess"); err != nil {
		goaccess.name, goaccess.why = "GoAccess", "not on the PATH"
	}
	duck := contender{name: "DuckDB, `read_json` of the events", args: []string{self, "-duckdb", c.eventFile}}
	if c.lines > c.maxEvents {
		duck.why = "the JSON events would take too much room"
	} else {
		out, err := os.Create(c.eventFile)
		if err != nil {
			return nil, err
		}
		defer func() { _ = out.Close() }()
		enrich := exec.Command(c.clearhop, "enrich", "-q", "--city-db", c.country, c.logFile)
		enrich.Stdout, enrich.Stderr = out, os.Stderr
		if err := enrich.Run(); err != nil {
			return nil, fmt.Errorf("write the events: %w", err)
		}
	}
	return []contender{goaccess,
		{name: "`clearhop report` of the log", args: []string{c.clearhop, "report", "-q", "--city-db", c.country, c.logFile}},
		duck}, nil
}

// version is the first line that a program says of itself.
func version(program string, args ...string) string {
	text, err := exec.Command(program, args...).Output()
	if err != nil {
		return "unknown version"
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.Trim(strings.TrimPrefix(line, "GoAccess - "), ". ")
}

// measure runs the program once.
func (p *contender) measure() error {
	command := exec.Command(p.args[0], p.args[1:]...)
	var said strings.Builder
	command.Stderr = &said
	began := time.Now()
	if err := command.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, said.String())
	}
	p.elapsed = append(p.elapsed, time.Since(began))
	state := command.ProcessState
	p.cpu = append(p.cpu, state.UserTime()+state.SystemTime())
	peak := int64(0)
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		peak = usage.Maxrss << 10 // Linux counts kilobytes
	}
	p.memory = append(p.memory, peak)
	return nil
}

func (c *comparison) print(all []contender) {
	size := int64(0)
	if info, err := os.Stat(c.logFile); err == nil {
		size = info.Size()
	}
	fmt.Printf("%s, %d CPUs (%s); %s; %s lines in combined (%d MB), medians of %d rounds in turn.\n\n", time.Now().UTC().Format("2 January 2006"), runtime.NumCPU(), processor(),
		version(c.clearhop, "version"), thousands(c.lines), size/1_000_000, c.rounds)
	fmt.Println("| | CPU | lines per second of CPU | times GoAccess | elapsed | peak of memory |\n| --- | ---: | ---: | ---: | ---: | ---: |")
	for _, p := range all {
		if p.why != "" {
			fmt.Printf("| %s | not measured: %s | | | | |\n", p.name, p.why)
			continue
		}
		cpu, ratio := median(p.cpu), "not measured"
		if first := all[0]; first.why == "" {
			ratio = fmt.Sprintf("%.2f", float64(median(first.cpu))/float64(cpu))
		}
		fmt.Printf("| %s | %.1f s | %s | %s | %.1f s | %d MB |\n", p.name, cpu.Seconds(), thousands(int(float64(c.lines)/cpu.Seconds())), ratio,
			median(p.elapsed).Seconds(), median(p.memory)/1_000_000)
	}
}

// questions asks each question three times about the loaded events, and prints how long
// they took.
func (c *comparison) questions() error {
	db := filepath.Join(c.dir, "events.db")
	load := exec.Command(c.clearhop, "query", "-q", "--db", db, "--city-db", c.country, "SELECT count(*) FROM lines", c.logFile)
	load.Stderr = os.Stderr
	if err := load.Run(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{Path: db, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	began := time.Now()
	if _, err := s.Ask(ctx, "SELECT 1"); err != nil {
		return err
	}
	opened := time.Since(began)
	type asked struct {
		name      string
		time, cpu time.Duration
	}
	var all []asked
	for _, q := range analytics.Questions() {
		sql, times := q.SQL(analytics.Query{Dialect: analytics.DuckDB, Client: "192.0.2.7"}), []time.Duration{}
		var cpu []time.Duration
		for range 3 {
			began, used := time.Now(), cpuTime()
			if _, err := s.Ask(ctx, sql); err != nil {
				return fmt.Errorf("%s: %w", q.Name, err)
			}
			times, cpu = append(times, time.Since(began)), append(cpu, cpuTime()-used)
		}
		all = append(all, asked{q.Name, median(times), median(cpu)})
	}
	slices.SortFunc(all, func(a, b asked) int { return cmp.Compare(a.time, b.time) })
	fmt.Printf("\n%d questions about %s loaded lines: the median takes %d ms. The first one needs %d ms more, to read the values that repeat.\n\n",
		len(all), thousands(c.lines), all[len(all)/2].time.Milliseconds(), opened.Milliseconds())
	fmt.Println("| question | elapsed | CPU |\n| --- | ---: | ---: |")
	for _, q := range all {
		fmt.Printf("| `%s` | %d ms | %d ms |\n", q.name, q.time.Milliseconds(), q.cpu.Milliseconds())
	}
	return nil
}

// cpuTime is the time of CPUs that this process has used.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// thousands writes a number with commas.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return thousands(n/1000) + fmt.Sprintf(",%03d", n%1000)
}

// processor is the name of the CPU, where the system says it in a file.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
