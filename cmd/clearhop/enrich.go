package main

import (
	"context"
	"errors"
	"io"
	"slices"

	"clearhop/aws/nlb"
	"clearhop/feed"
	"clearhop/internal/terminal"
	"clearhop/pipeline"
	"clearhop/sink"

	"github.com/alecthomas/kong"
)

// enrichCommand reads log lines and writes events.
type enrichCommand struct {
	Files []string `arg:"" optional:"" name:"file" help:"Log files, plain, gzip or zstd, or saved CloudWatch payloads; - or none for standard input."`

	Config  kong.ConfigFlag   `name:"config" placeholder:"FILE" help:"Read settings from a YAML file whose keys are the names of these flags."`
	Output  string            `short:"o" placeholder:"FILE" help:"Write the events to a file, emptied first, instead of standard output."`
	Route   map[string]string `placeholder:"NAME=FILE" help:"Write the events that a rule sends to route:NAME to a file, emptied first."`
	Follow  bool              `short:"f" help:"Go on reading as the files grow, through rotation and truncation; plain log lines only."`
	FromEnd bool              `help:"With --follow: leave out the lines that are there already."`
	Summary bool              `help:"Print a summary to standard error at the end."`
	Quiet   bool              `short:"q" help:"Print no count and no progress."`

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
  clearhop enrich --follow /var/log/nginx/access.log
  clearhop enrich --nlb discover:shop-edge --trusted 10.16.1.0/24 access.log
  clearhop enrich --rule 'drop verdict=health_check' --privacy truncate access.log

Each setting can be given as a flag, as the environment variable behind it, or in
the file of --config; a flag comes before a variable, and that before the file.

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
	c.Settings.NodeFinder, c.Settings.Infer = nlb.Nodes, true
	p, err := pipeline.New(c.Settings)
	if err != nil {
		return &usageError{err}
	}
	if err := discoverFirst(ctx, s, p); err != nil {
		return errors.Join(err, p.Close())
	}
	out, err := c.openOutputs(s, p.Routes())
	if err != nil {
		return errors.Join(err, p.Close())
	}
	sum := newSummary(c.Summary)
	read := readings{private: p.Private()}
	counts, err := c.read(ctx, s, feed.Config{
		Pipeline:     p,
		NewCollector: func() feed.Collector { return newCollector(sum, out) },
		Flush:        out.flush,
		Decided:      read.add,
		Warn:         s.warn,
	})
	sum.inputs, sum.empty = counts.Inputs, counts.Empty
	err = errors.Join(err, out.close(context.WithoutCancel(ctx)), p.Close())
	if c.Summary {
		sum.print(s.err, p)
	} else if !c.Quiet {
		sum.printCount(s.err)
	}
	if c.Summary || !c.Quiet {
		read.print(s.err)
	}
	if ctx.Err() != nil && !c.Follow && err == nil {
		return errInterrupted
	}
	return err
}

// check reports flags and files that do not go together.
func (c *enrichCommand) check() error {
	switch {
	case c.FromEnd && !c.Follow:
		return errors.New("--from-end goes with --follow")
	case c.Follow && len(c.Files) == 0:
		return errors.New("--follow needs files; standard input is read as it comes without it")
	case c.Follow && slices.Contains(c.Files, "-"):
		return errors.New("--follow cannot follow standard input")
	}
	return nil
}

// read takes the inputs through the pipeline.
func (c *enrichCommand) read(ctx context.Context, s streams, config feed.Config) (feed.Counts, error) {
	if c.Follow {
		config.Together = true
		return feed.Run(ctx, feed.Follow(c.Files, c.FromEnd), config)
	}
	files := orStdin(c.Files)
	if !c.Quiet {
		bar := terminal.NewProgress(s.err, files)
		defer bar.Finish()
		config.Progress = bar.Update
	}
	open := func(ctx context.Context, name string) (io.ReadCloser, error) { return feed.Open(ctx, s.in, name) }
	return feed.Run(ctx, feed.Files(files, open), config)
}

// orStdin returns the inputs to read: standard input if there are no files.
func orStdin(files []string) []string {
	if len(files) == 0 {
		return []string{"-"}
	}
	return files
}

// A collector is the feed.Collector of enrich: it counts outcomes and keeps the
// events of a batch until it is their turn to be written.
type collector struct {
	summary *summary
	out     *outputs
	events  []sink.Batch // by output
}

func newCollector(s *summary, out *outputs) *collector {
	return &collector{summary: s, out: out, events: make([]sink.Batch, len(out.all))}
}

// Add counts an outcome and copies its event, unless that is dropped.
func (c *collector) Add(o *pipeline.Outcome) {
	c.summary.add(o)
	if !o.Dropped {
		c.events[c.out.indexOf(o.Route)].Add(o.ID, o.Data)
	}
}

// Yield passes the events on.
func (c *collector) Yield(ctx context.Context) error {
	var errs []error
	for i := range c.events {
		errs = append(errs, c.out.all[i].take(ctx, &c.events[i]))
	}
	return errors.Join(errs...)
}
