//go:build cgo && (linux || darwin) && (amd64 || arm64)

// Command report measures clearhop report beside GoAccess, and beside DuckDB that
// reads the same requests as raw JSON events. It writes made-up lines, runs all of them
// in turn on the same lines, and prints a table in Markdown: that of docs/statistics.md.
//
//	make compare-report
//	make compare-report LINES=10000000
//
// Each program runs as a process of its own, whose CPU time and memory the system counts.
// The CPU time counts, because it says what a machine with other work notices; a ratio
// is taken within a round, and its median is printed. Then each question is asked about the loaded
// events, in this process. GoAccess writes its report as HTML: that of the terminal is
// interactive.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"clearhop/analytics"
	"clearhop/analytics/store"
	"clearhop/internal/measure"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("report: ")
	c := comparison{out: os.Stdout}
	flag.IntVar(&c.lines, "lines", 1_000_000, "how many lines")
	flag.IntVar(&c.rounds, "rounds", 3, "how many rounds")
	flag.StringVar(&c.clearhop, "clearhop", "build/clearhop", "the command")
	flag.StringVar(&c.country, "country-db", "build/geoip/country.mmdb", "the database of countries")
	flag.StringVar(&c.dir, "dir", "build/compare", "the folder for what is written; it is removed at the end")
	flag.IntVar(&c.maxEvents, "max-events", 2_000_000, "up to how many lines DuckDB reads the JSON events too, which take 1.2 KB each")
	flag.StringVar(&c.duckdb, "duckdb", "build/duckdb", "the built internal/tools/duckdb")
	flag.Parse()
	if err := c.run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

type comparison struct {
	lines, rounds, maxEvents       int
	clearhop, duckdb, country, dir string
	logFile, eventFile, reportFile string
	out                            io.Writer // for the tables
}

func (c *comparison) run(ctx context.Context) error {
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
	err = measure.Rounds(ctx, contenders, c.rounds, func(round int, p *measure.Program) {
		if p.Missing != "" {
			log.Printf("round %d: %s: %s", round+1, p.Name, p.Missing)
			return
		}
		cost := p.Costs[len(p.Costs)-1]
		log.Printf("round %d: %s: %.1f s of CPU, %.1f s, %d MB", round+1, p.Name, cost.CPU.Seconds(), cost.Elapsed.Seconds(), cost.Peak>>20)
	})
	if err != nil {
		return err
	}
	c.print(contenders)
	return c.questions(ctx)
}

// contenders returns what is measured. The first one is what the others are compared with.
func (c *comparison) contenders() ([]*measure.Program, error) {
	goaccess := &measure.Program{Name: strings.Replace(measure.Version("goaccess", "--version"), " - ", " ", 1),
		Args: []string{"goaccess", c.logFile, "--no-global-config", "--log-format=COMBINED", "--no-progress", "--geoip-database=" + c.country, "-o", c.reportFile}}
	if _, err := exec.LookPath("goaccess"); err != nil {
		goaccess.Name, goaccess.Missing = "GoAccess", "not on the PATH"
	}
	duck := &measure.Program{Name: "DuckDB, `read_json` of the events", Args: []string{c.duckdb, "events", c.eventFile}}
	if c.lines > c.maxEvents {
		duck.Missing = "the JSON events would take too much room"
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
	return []*measure.Program{goaccess,
		{Name: "`clearhop report` of the log", Args: []string{c.clearhop, "report", "-q", "--city-db", c.country, c.logFile}},
		duck}, nil
}

func (c *comparison) print(all []*measure.Program) {
	size := int64(0)
	if info, err := os.Stat(c.logFile); err == nil {
		size = info.Size()
	}
	fmt.Fprintf(c.out, "%s, %d CPUs (%s); %s; %s lines in combined (%d MB), medians of %d rounds in turn.\n\n", time.Now().UTC().Format("2 January 2006"), runtime.NumCPU(), measure.Processor(),
		measure.Version(c.clearhop, "version"), measure.Thousands(c.lines), size/1_000_000, c.rounds)
	fmt.Fprintln(c.out, "| | CPU | lines per second of CPU | times GoAccess | elapsed | peak of memory |\n| --- | ---: | ---: | ---: | ---: | ---: |")
	for _, p := range all {
		if p.Missing != "" {
			fmt.Fprintf(c.out, "| %s | not measured: %s | | | | |\n", p.Name, p.Missing)
			continue
		}
		cpu, ratio := measure.Of(p.Costs, measure.CPU).Median, "not measured"
		if times := measure.RatioOf(all[0].Costs, p.Costs, measure.CPU); times.N > 0 {
			ratio = fmt.Sprintf("%.2f", times.Median)
		}
		fmt.Fprintf(c.out, "| %s | %.1f s | %s | %s | %.1f s | %.0f MB |\n", p.Name, cpu, measure.Thousands(int(float64(c.lines)/cpu)), ratio,
			measure.Of(p.Costs, measure.Elapsed).Median, measure.Of(p.Costs, measure.Peak).Median/1e6)
	}
}

// questions asks each question three times about the loaded events, and prints how long
// they took.
func (c *comparison) questions(ctx context.Context) error {
	db := filepath.Join(c.dir, "events.db")
	load := exec.Command(c.clearhop, "query", "-q", "--db", db, "--city-db", c.country, "SELECT count(*) FROM lines", c.logFile)
	load.Stderr = os.Stderr
	if err := load.Run(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
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
			began, used := time.Now(), measure.OwnCPU()
			if _, err := s.Ask(ctx, sql); err != nil {
				return fmt.Errorf("%s: %w", q.Name, err)
			}
			times, cpu = append(times, time.Since(began)), append(cpu, measure.OwnCPU()-used)
		}
		all = append(all, asked{q.Name, measure.Median(times), measure.Median(cpu)})
	}
	slices.SortFunc(all, func(a, b asked) int { return cmp.Compare(a.time, b.time) })
	fmt.Fprintf(c.out, "\n%d questions about %s loaded lines: the median takes %d ms. The first one needs %d ms more, to read the values that repeat.\n\n",
		len(all), measure.Thousands(c.lines), all[len(all)/2].time.Milliseconds(), opened.Milliseconds())
	fmt.Fprintln(c.out, "| question | elapsed | CPU |\n| --- | ---: | ---: |")
	for _, q := range all {
		fmt.Fprintf(c.out, "| `%s` | %d ms | %d ms |\n", q.name, q.time.Milliseconds(), q.cpu.Milliseconds())
	}
	return nil
}
