package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"clearhop/aws/nlb"
	"clearhop/decode"
	"clearhop/enrich/geoip"
	"clearhop/pipeline"
	"clearhop/record"
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
	if c.FromEnd && !c.Follow {
		return &usageError{errors.New("--from-end goes with --follow")}
	}
	c.Settings.NodeFinder = nlb.Nodes
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
	e := &enriching{
		streams:  s,
		pipeline: p,
		worker:   p.NewWorker(),
		lines:    map[*record.Origin]*lineBatch{},
		mixed:    c.Follow,
		out:      out,
		summary:  newSummary(c.Summary),
	}
	e.opener = func(ctx context.Context, name string) (io.ReadCloser, error) { return openInput(ctx, s.in, name) }
	e.handle = func(ctx context.Context, o *pipeline.Outcome) error {
		e.summary.add(o)
		return e.out.add(ctx, o)
	}
	// When events cannot be written any more, reading ends.
	reading, stop := context.WithCancel(ctx)
	defer stop()
	flushing := e.flushRegularly(reading, stop)
	if c.Follow {
		err = c.follow(reading, e, stop)
	} else {
		err = c.readAll(reading, e)
	}
	// What is in hand is written even after an interrupt.
	last := context.WithoutCancel(ctx)
	err = errors.Join(err, flushing(), e.flush(last, true), e.out.flush(last), out.close(last), p.Close())
	if c.Summary {
		e.summary.print(s.err, p)
	} else if !c.Quiet {
		e.summary.printCount(s.err)
	}
	if ctx.Err() != nil && !c.Follow && err == nil {
		return errInterrupted
	}
	return err
}

// firstLook bounds the first look for the NLB's nodes, which may have to wait for
// a person's credentials.
const firstLook = 30 * time.Second

// discoverFirst looks up the NLB's nodes if the settings ask for that. Without
// them the whole run would be wrong, so a failure ends it.
func discoverFirst(ctx context.Context, s streams, p *pipeline.Pipeline) error {
	look, cancel := context.WithTimeout(ctx, firstLook)
	defer cancel()
	err := p.Refresh(look)
	var nodes *pipeline.DiscoveryError
	switch {
	case err != nil && ctx.Err() != nil:
		return errInterrupted
	case errors.As(err, &nodes):
		return &usageError{nodes}
	}
	printRefresh(s.err, err)
	return nil
}

// refresh keeps the NLB's nodes and the GeoIP databases up to date in a long run.
// The caller has e.mu.
func (e *enriching) refresh(ctx context.Context) {
	if err := e.pipeline.Refresh(ctx); ctx.Err() == nil {
		printRefresh(e.err, err)
	}
}

// printRefresh prints what could not be refreshed, and what holds until it can.
func printRefresh(w io.Writer, err error) {
	var nodes *pipeline.DiscoveryError
	if errors.As(err, &nodes) {
		printErrors(w, fmt.Errorf("%w; %s", nodes, nodes.Holds()))
	}
	var databases geoip.ReloadErrors
	if errors.As(err, &databases) {
		printErrors(w, databases)
	}
}

// isInput reports whether a file is one of the inputs. One that cannot be
// emptied does not matter.
func (c *enrichCommand) isInput(output string) bool {
	written, err := os.Stat(output)
	if err != nil || !written.Mode().IsRegular() {
		return false
	}
	return slices.ContainsFunc(c.Files, func(name string) bool {
		read, err := os.Stat(name)
		return err == nil && os.SameFile(read, written)
	})
}

// An enriching is one run of the command over its inputs. Several followers
// share it.
type enriching struct {
	streams
	mu       sync.Mutex
	pipeline *pipeline.Pipeline
	worker   *pipeline.Worker
	// lines are what was gathered of each stream. Only followed files come
	// mixed; of all others the one before has ended when the next one begins.
	lines   map[*record.Origin]*lineBatch
	mixed   bool
	out     *outputs
	summary *summary
	// handle takes the outcome of a line.
	handle func(context.Context, *pipeline.Outcome) error
	// opener opens an input by its name.
	opener func(context.Context, string) (io.ReadCloser, error)
}

// add takes one line over and processes a batch when there are enough of them.
// The error is that of the sink.
func (e *enriching) add(ctx context.Context, line *record.Line) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := e.lines[line.Origin]
	if b == nil {
		if !e.mixed {
			if err := e.processAll(ctx, true); err != nil {
				return err
			}
			clear(e.lines)
		}
		b = &lineBatch{}
		e.lines[line.Origin] = b
	}
	b.add(line)
	if !b.full() {
		return nil
	}
	return e.process(ctx, b, false)
}

// holds reports whether lines are gathered that were not processed. The caller
// has e.mu.
func (e *enriching) holds() bool {
	for _, b := range e.lines {
		if len(b.lines) > 0 {
			return true
		}
	}
	return false
}

// flush processes the lines that were gathered. Where last is false, lines that
// may go on in the next ones are kept.
func (e *enriching) flush(ctx context.Context, last bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.processAll(ctx, last)
}

func (e *enriching) processAll(ctx context.Context, last bool) error {
	var errs []error
	for _, b := range e.lines {
		errs = append(errs, e.process(ctx, b, last))
	}
	return errors.Join(errs...)
}

func (e *enriching) process(ctx context.Context, b *lineBatch, last bool) error {
	if len(b.lines) == 0 {
		return nil
	}
	e.refresh(ctx)
	done, err := e.worker.ProcessBatch(b.lines, last, func(out *pipeline.Outcome) error {
		return e.handle(ctx, out)
	})
	if err == nil && done == 0 && !last && b.full() {
		// A message that does not end: no more of it is waited for.
		return e.process(ctx, b, true)
	}
	b.drop(done)
	return err
}

// readAll reads the files one after the other. One that cannot be read does
// not keep the others from being read.
func (c *enrichCommand) readAll(ctx context.Context, e *enriching) error {
	inputs := c.Files
	if len(inputs) == 0 {
		inputs = []string{"-"}
	}
	bar := newProgress(e.err, inputs, c.Quiet)
	defer bar.finish()
	var errs []error
	for _, name := range inputs {
		if ctx.Err() != nil {
			break
		}
		err := e.read(ctx, name, bar)
		if err != nil {
			errs = append(errs, err)
		}
		var failed *sink.PutError
		if errors.As(err, &failed) {
			break // the disk is full, or the reader of the pipe has gone
		}
	}
	return errors.Join(errs...)
}

func (e *enriching) read(ctx context.Context, name string, bar *progress) error {
	in, err := e.opener(ctx, name)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // read only
	r := decode.NewReader(in, decode.Options{Name: name})
	e.summary.inputs++
	var errs []error
	for ctx.Err() == nil {
		line, err := r.Next()
		bar.update(r.BytesRead())
		if errors.Is(err, io.EOF) {
			break
		}
		var payload *decode.PayloadError
		switch {
		case errors.As(err, &payload) && len(errs) < maxErrors:
			// That payload is lost to us; those behind it are not.
			errs = append(errs, err)
			continue
		case err != nil && ctx.Err() != nil:
			return errors.Join(append(errs, e.flush(ctx, true))...)
		case err != nil:
			return errors.Join(append(errs, err, e.flush(ctx, true))...)
		}
		if err := e.add(ctx, line); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	e.summary.empty += r.Empty()
	return errors.Join(append(errs, e.flush(ctx, true))...)
}

// openInput opens an input. Only a regular file never keeps a reader waiting.
func openInput(ctx context.Context, stdin io.Reader, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(&interruptible{ctx: ctx, r: stdin}), nil
	}
	if info, err := os.Stat(name); err != nil || info.Mode().IsRegular() {
		return os.Open(name)
	}
	return &interruptible{ctx: ctx, open: func() (io.ReadCloser, error) { return os.Open(name) }}, nil
}

// maxErrors is how many broken payloads of one file are reported before the
// file is given up.
const maxErrors = 20

// follow reads all files at once until ctx ends.
func (c *enrichCommand) follow(ctx context.Context, e *enriching, stop func()) error {
	if len(c.Files) == 0 {
		return &usageError{errors.New("--follow needs files; standard input is read as it comes without it")}
	}
	errs := make([]error, len(c.Files))
	var wg sync.WaitGroup
	for i, name := range c.Files {
		if name == "-" {
			errs[i] = &usageError{errors.New("--follow cannot follow standard input")}
			continue
		}
		e.summary.inputs++
		wg.Go(func() {
			if errs[i] = e.followOne(ctx, name, c.FromEnd); errs[i] != nil {
				stop() // the sink is dead for all of them
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (e *enriching) followOne(ctx context.Context, name string, fromEnd bool) error {
	f := decode.Follow(ctx, name, decode.Options{FromEnd: fromEnd})
	said := ""
	for {
		line, err := f.Next()
		if errors.Is(err, io.EOF) {
			e.mu.Lock()
			e.summary.empty += f.Empty()
			e.mu.Unlock()
			return f.Close()
		}
		if err != nil {
			// The file may come back, so this is a notice, not the end, and
			// is given once.
			e.mu.Lock()
			if err.Error() != said {
				said = err.Error()
				printErrors(e.err, err)
			}
			e.mu.Unlock()
			continue
		}
		if err := e.add(context.WithoutCancel(ctx), line); err != nil {
			return errors.Join(err, f.Close())
		}
	}
}
