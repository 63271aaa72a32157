//go:build unix

// Command compare measures Clearhop beside the programs that it competes with, and writes
// docs/performance.md: make compare runs it. All programs read the same made lines, one
// after the other in each round, and each is a process of its own, whose time and memory the
// system counts.
//
//	make compare                        300,000 lines, 5 rounds
//	make compare LINES=20000 ROUNDS=2   a quick look
//	make compare LOG=access.log         your own log, in combined, in the place of the real lines
//	make compare PARTS=growth GROWTH=100000000
//	make compare OTEL=yes               with the OpenTelemetry collector, which takes minutes to build
//
// PARTS names what is measured:
//
//	programs    all programs on the inputs, and the extremes of clients and user agents
//	growth      enrich and GoAccess on 10,000 lines to GROWTH, without storing the lines
//	benchmarks  the Go benchmarks that targets are about, floors and wholes in turn
//	function    the start and the memory of the built subscriber function
//	profile     in which packages enrich, doctor and report spend their time
//
// measured.json keeps what was measured; parts that are not measured again stay in it. The
// tables of the page and the plot are written from that file, and a test holds them to it.
// Each part says when and where it was measured.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("compare: ")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

// The files that are written, below the repository.
const (
	resultsFile = "internal/tools/compare/measured.json"
	pageFile    = "docs/performance.md"
	plotFile    = "docs/performance.svg"
)

var partNames = []string{"programs", "growth", "benchmarks", "function", "profile"}

// options are the flags.
type options struct {
	runner
	lines, rounds, growth, goaccessMost int
	log, bootstrap, parts               string
	write, count                        string // what a process does that this one starts
}

func run(ctx context.Context, args []string) error {
	o := options{}
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.IntVar(&o.lines, "lines", 300_000, "how many lines each program reads")
	flags.IntVar(&o.rounds, "rounds", 5, "how many rounds")
	flags.IntVar(&o.growth, "growth", 1_000_000, "the most lines of the growth, from 10000 on, ten times as many each time")
	flags.IntVar(&o.goaccessMost, "growth-goaccess", 10_000_000, "the most lines of it that GoAccess reads")
	flags.StringVar(&o.log, "log", "", "a log in combined, read in the place of the real lines")
	flags.StringVar(&o.parts, "parts", strings.Join(partNames, ","), "what is measured, with commas")
	flags.StringVar(&o.repository, "repository", ".", "the folder of go.mod")
	flags.StringVar(&o.clearhop, "clearhop", "build/clearhop", "the built command")
	flags.StringVar(&o.bootstrap, "bootstrap", "build/subscriber/bootstrap", "the built subscriber function")
	flags.StringVar(&o.gonx, "gonx", "build/gonx", "the built internal/tools/compare/gonx")
	flags.StringVar(&o.duckdb, "duckdb", "build/duckdb", "the built internal/tools/duckdb")
	flags.StringVar(&o.collector, "collector", "", "the built OpenTelemetry collector; none without it")
	flags.StringVar(&o.country, "country-db", "build/geoip/country.mmdb", "the database of countries")
	flags.StringVar(&o.asn, "asn-db", "build/geoip/asn.mmdb", "the database of networks")
	flags.StringVar(&o.dir, "dir", "build/compare", "the folder for what is written; it is removed at the end")
	flags.StringVar(&o.write, "write", "", "write -lines lines of this input to standard output, and do nothing else")
	flags.StringVar(&o.count, "count", "", "count the lines of this file, and do nothing else")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("%q is not expected: all settings are flags", flags.Arg(0))
	case o.lines < 1 || o.rounds < 1:
		return errors.New("there is at least one line and one round")
	case o.write != "":
		in, err := inputNamed(o.write)
		if err != nil {
			return err
		}
		return in.write(os.Stdout, o.repository, o.lines)
	case o.count != "":
		return printCounts(o.count)
	}
	return o.measureAll(ctx)
}

// measureAll measures the parts that are asked for. What was measured is written after each
// part: an interrupt loses one part only.
func (o *options) measureAll(ctx context.Context) error {
	asked := strings.Split(o.parts, ",")
	for _, name := range asked {
		if !slices.Contains(partNames, name) {
			return fmt.Errorf("there is no part %q: the parts are %s", name, strings.Join(partNames, ", "))
		}
	}
	if err := o.prepare(); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(o.dir) }()
	file := filepath.Join(o.repository, resultsFile)
	r, err := readResults(file)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		name    string
		measure func() error
	}{
		{"programs", func() (err error) {
			r.Programs, err = o.measurePrograms(ctx, o.lines, o.rounds, o.log)
			return err
		}},
		{"benchmarks", func() (err error) { r.Benchmarks, err = o.measureBenchmarks(ctx, o.rounds); return err }},
		{"function", func() (err error) {
			r.Function, err = o.measureFunction(ctx, o.bootstrap, o.rounds)
			return err
		}},
		{"profile", func() (err error) { r.Profile, err = o.measureProfiles(ctx, o.lines); return err }},
		{"growth", func() (err error) {
			r.Growth, err = o.measureGrowth(ctx, o.growth, o.goaccessMost, o.rounds)
			return err
		}},
	} {
		if !slices.Contains(asked, part.name) {
			continue
		}
		if err := part.measure(); ctx.Err() != nil {
			return fmt.Errorf("interrupted in the part %s: nothing of it is kept", part.name)
		} else if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		if err := errors.Join(r.write(file), writePage(o.repository, r)); err != nil {
			return err
		}
	}
	fmt.Fprint(os.Stdout, targetTable(r))
	log.Printf("wrote %s, %s and %s", resultsFile, pageFile, plotFile)
	return nil
}

// prepare makes the folder, and the paths of what is run absolute.
func (o *options) prepare() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	o.self = self
	for _, path := range []*string{&o.clearhop, &o.gonx, &o.duckdb, &o.collector, &o.country, &o.asn, &o.dir, &o.repository, &o.bootstrap, &o.log} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	if o.log != "" {
		if _, err := os.Stat(o.log); err != nil {
			return err
		}
	}
	o.commit = commit(o.repository) // before this command writes anything
	return os.MkdirAll(o.dir, 0o755)
}

func printCounts(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	c, err := countLines(f)
	if err != nil {
		return err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}
