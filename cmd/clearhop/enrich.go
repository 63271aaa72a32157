package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"clearhop/aws/nlb"
	"clearhop/feed"
	"clearhop/feed/position"
	"clearhop/internal/lock"
	"clearhop/internal/terminal"
	"clearhop/internal/terminal/progress"
	"clearhop/pipeline"
	"clearhop/sink"
)

// enrichCommand reads log lines and writes events.
type enrichCommand struct {
	Files []string `arg:"" optional:"" name:"file" help:"Log files, plain, gzip or zstd, or saved CloudWatch payloads; - or none for standard input."`

	logGroupFlags
	Since   string            `placeholder:"TIME" help:"With --log-group: read from this time on: RFC 3339, such as 2026-11-20T14:05:00Z, or a duration before now, such as 2h or 7d."`
	Until   string            `placeholder:"TIME" help:"With --log-group: read until this time, written as for --since. The default is now."`
	Config  configFlag        `name:"config" placeholder:"FILE" help:"Read settings from a YAML file whose keys are the names of these flags."`
	Output  string            `short:"o" placeholder:"FILE" help:"Write the events to a file, emptied first unless --state is given, instead of standard output."`
	Route   map[string]string `placeholder:"NAME=FILE" help:"Write the events that a rule sends to route:NAME to a file, emptied first unless --state is given."`
	As      relogFlags        `embed:"" group:"Lines of an access log in the place of events"`
	Follow  bool              `short:"f" help:"Go on reading as the files grow, through rotation and truncation; plain log lines only."`
	FromEnd bool              `help:"With --follow: leave out the lines that are there already. With --state: only of files that it does not know."`
	State   string            `placeholder:"FILE" help:"With --follow: keep in a file how far the logs are read, and go on there the next time, also after a kill and a rotation."`
	Summary bool              `help:"Print a summary to standard error at the end: clients, times, paths, how the input was read, and whether the chain is broken."`
	Color   string            `enum:"auto,always,never" default:"auto" help:"Colours of the summary: auto for those of a terminal, unless NO_COLOR is set; always; never."`
	Quiet   bool              `short:"q" help:"Print no count and no progress. With --as: a line if nothing was written."`
	profileFlags

	Settings pipeline.Config `embed:"" group:"The log and the chain"`
}

// Help is what --help prints below the usage.
func (c *enrichCommand) Help() string {
	return `Events go to standard output as NDJSON, and nothing else does. A line that no
format reads becomes an event too (nginx.unparsed) and is counted.

Examples:
  clearhop enrich access.log
  clearhop enrich --nlb 10.16.1.11 --trusted 10.16.1.0/24 access.log*.gz > events.ndjson
  docker logs -f web 2>/dev/null | clearhop enrich --summary -
  clearhop enrich --format '$remote_addr [$time_local] "$request" $status' access.log
  clearhop enrich --log-group /ecs/web --since 2h
  clearhop enrich --follow --state /var/lib/clearhop.state -o events.ndjson /var/log/nginx/access.log
  clearhop enrich --nlb discover:shop-edge --trusted 10.16.1.0/24 access.log
  clearhop enrich --rule 'drop verdict=health_check' --privacy truncate access.log
  clearhop enrich --as combined --known-only --nlb 10.16.1.11 --trusted 10.16.1.13 access.log | goaccess --log-format=COMBINED -

It works on all cores, at most 8. The events stay in the order of the lines. With
--summary it works on one core. GOMAXPROCS=1 in the environment keeps it to one.

With --as, access lines are written in the place of events. The client is written only
if a trusted hop vouches for it, because a visitor can make up any other address, and
fail2ban would ban whomever it names. docs/tools.md has commands for other programs.

` + groupsHelp + `

Each setting can be given as a flag, as the environment variable in parentheses, or
in the file of --config. A flag overrides a variable, and a variable the file.

Exit codes: 0 all input was read; 1 some input could not be read or events not
written; 2 the command line or the configuration is wrong, or the NLB's nodes
cannot be discovered; 130 interrupted.`
}

// Run reads all inputs. Events that were made are delivered whatever happens
// to the rest.
func (c *enrichCommand) Run(ctx context.Context, s streams) error {
	if err := c.check(); err != nil {
		return &usageError{err}
	}
	var err error
	if c.Settings.Lines, err = c.As.writer(); err != nil {
		return &usageError{err}
	}
	c.Settings.NodeFinder, c.Settings.Infer = nlb.Nodes, true
	p, err := pipeline.New(c.Settings)
	if err != nil {
		return &usageError{err}
	}
	s.warnLeftOut(p)
	if err := discoverFirst(ctx, s, p); err != nil {
		return errors.Join(err, p.Close())
	}
	held, err := c.lockState()
	if err != nil {
		return errors.Join(err, p.Close())
	}
	defer func() { _ = held.Release() }() // the end of the process ends it too
	state, err := c.openState()
	if err != nil {
		return errors.Join(err, p.Close())
	}
	group, out, err := c.openBoth(ctx, s, p)
	if err != nil {
		return errors.Join(err, p.Close())
	}
	sum := newSummary(c.Summary, &c.Settings)
	read := readings{private: p.Private()}
	sum.lines = c.As.As != ""
	counts, err := c.read(ctx, s, group, state, out.sync, feed.Config{
		Pipeline:     p,
		NewCollector: func() feed.Collector { return newCollector(sum, out) },
		Workers:      c.workers(),
		Flush:        out.flush,
		Decided:      read.add,
		Warn:         s.warn,
	})
	sum.inputs, sum.empty = counts.Inputs, counts.Empty
	err = errors.Join(out.settle(err), out.close(context.WithoutCancel(ctx)), p.Close())
	if c.Summary || !c.Quiet {
		read.print(s.err) // first: the verdict stays on the screen
	}
	switch {
	case err != nil && sum.tally.Lines == 0: // only the error matters
	case c.Summary:
		sum.print(newPage(s.err, c.Color), p)
	case !c.Quiet:
		sum.printCount(s.err)
	case sum.wroteNothing(): // the program that reads the lines would wait for nothing
		fmt.Fprintf(s.err, "clearhop: %s\n", sum.countWritten())
	}
	if ctx.Err() != nil && !c.Follow && err == nil {
		return errInterrupted
	}
	return err
}

// checkSettings implements checker.
func (c *enrichCommand) checkSettings() error {
	_, err := c.As.writer()
	return errors.Join(c.check(), err, checkPipeline(c.Settings))
}

// checkPipeline returns what is wrong with settings of the pipeline.
func checkPipeline(settings pipeline.Config) error {
	settings.NodeFinder = nlb.Nodes
	p, err := pipeline.New(settings)
	if err != nil {
		return err
	}
	return p.Close()
}

// openBoth looks for the log group, if one is to be read, and then opens the outputs: a
// file is not emptied for a group that is not there.
func (c *enrichCommand) openBoth(ctx context.Context, s streams, p *pipeline.Pipeline) (*groupReading, *outputs, error) {
	now := time.Now()
	w, err := readWindow(c.Since, c.Until, now)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	group, err := c.logGroupFlags.open(ctx, s, w, now, c.Quiet)
	if err != nil {
		return nil, nil, err
	}
	out, err := c.openOutputs(s, p.Routes())
	return group, out, err
}

// check reports flags and files that do not go together.
func (c *enrichCommand) check() error {
	var errs []error
	for _, wrong := range []struct {
		is   bool
		text string
	}{
		{c.As.As == "" && (c.As.KnownOnly || c.As.Unvouched), "--known-only and --unvouched go with --as"},
		{c.LogGroup == "" && (c.Since != "" || c.Until != ""), "--since and --until go with --log-group: enrich reads all lines of files"},
		{c.FromEnd && !c.Follow, "--from-end goes with --follow"},
		{c.State != "" && !c.Follow, "--state goes with --follow"},
		{c.Follow && len(c.Files) == 0 && c.LogGroup == "", "--follow needs files; standard input is read as it comes without it"},
		{c.Follow && slices.Contains(c.Files, "-"), "--follow cannot follow standard input"},
	} {
		if wrong.is {
			errs = append(errs, errors.New(wrong.text))
		}
	}
	if _, err := readWindow(c.Since, c.Until, time.Now()); err != nil {
		errs = append(errs, err)
	}
	var follow []string
	if c.Follow {
		follow = []string{"--follow"}
	}
	return errors.Join(append(errs, c.logGroupFlags.check(c.Files, c.Since, follow...))...)
}

// read takes the inputs through the pipeline. state is nil where no place is kept; sync has
// what was written be on the disk.
func (c *enrichCommand) read(ctx context.Context, s streams, group *groupReading, state *position.File, sync func() error, config feed.Config) (feed.Counts, error) {
	if group != nil {
		return feed.Run(ctx, []feed.Input{group.read}, config) // once, so nothing is kept
	}
	switch {
	case state != nil:
		return feed.FollowKept(ctx, c.Files, c.FromEnd, state, sync, config)
	case c.Follow:
		config.Together = true
		return feed.Run(ctx, feed.Follow(c.Files, c.FromEnd), config)
	}
	files := s.orStdin(c.Files)
	if !c.Quiet {
		bar := progress.New(s.err, files)
		defer bar.Finish()
		config.Progress = bar.Update
	}
	open := func(ctx context.Context, name string) (io.ReadCloser, error) { return feed.Open(ctx, s.in, name) }
	return feed.Run(ctx, feed.Files(files, open), config)
}

// lockState keeps another process from working with the file of --state; nil if there is
// none.
func (c *enrichCommand) lockState() (*lock.Lock, error) {
	if c.State == "" {
		return nil, nil //nolint:nilnil // there is no state
	}
	return lockState(c.State)
}

// openState opens the file of --state; nil if there is none.
func (c *enrichCommand) openState() (*position.File, error) {
	if c.State == "" {
		return nil, nil //nolint:nilnil // there is no state
	}
	for _, name := range append(slices.Collect(maps.Values(c.Route)), append(c.Files, c.Output)...) {
		if name != "" && filepath.Clean(name) == filepath.Clean(c.State) {
			return nil, &usageError{fmt.Errorf("--state %s is read or written as something else too", c.State)}
		}
	}
	state, err := position.Open(c.State, c.Files)
	if err != nil {
		return nil, &usageError{err}
	}
	return state, nil
}

// orStdin returns the inputs to read: standard input if there are no files. A person
// who waits at a terminal is told what the command waits for.
func (s streams) orStdin(files []string) []string {
	if len(files) == 0 {
		files = []string{"-"}
	}
	if slices.Contains(files, "-") && terminal.IsTerminal(s.in) {
		fmt.Fprintln(s.err, "clearhop: reading standard input (Ctrl-D ends it)")
	}
	return files
}

// workers returns how many workers there are. The visitors of a summary are counted in the
// order of the lines, by the only worker.
func (c *enrichCommand) workers() int {
	if c.Summary {
		return 1
	}
	return workers()
}

// maxWorkers is how many workers there are at most. What cannot be done by several of them
// takes about a tenth of the time, so that more would wait for it.
const maxWorkers = 8

// workers returns how many workers there can be: as many as the process may use cores,
// which GOMAXPROCS sets.
func workers() int { return min(runtime.GOMAXPROCS(0), maxWorkers) }

// A collector is the feed.Collector of enrich: it counts the outcomes of a batch and keeps
// its events until it is their turn to be written.
type collector struct {
	summary *summary // of the whole run
	out     *outputs
	counted counts
	events  []sink.Batch // by output
}

func newCollector(s *summary, out *outputs) *collector {
	return &collector{summary: s, out: out, events: make([]sink.Batch, len(out.all))}
}

// Add counts an outcome and copies its event or line, unless there is none.
func (c *collector) Add(o *pipeline.Outcome) {
	c.counted.add(o)
	if v := c.summary.visitors; v != nil {
		v.Add(o.Record) // there is one worker
	}
	if len(o.Data) > 0 {
		c.events[c.out.indexOf(o.Route)].Add(o.ID, o.Data)
	}
}

// Yield passes the counts and the events on.
func (c *collector) Yield(ctx context.Context) error {
	c.summary.merge(&c.counted)
	c.counted.reset()
	var errs []error
	for i := range c.events {
		errs = append(errs, c.out.all[i].take(ctx, &c.events[i]))
	}
	return errors.Join(errs...)
}
