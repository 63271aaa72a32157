package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"clearhop/decode"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/sink"
	"clearhop/sink/file"

	"github.com/alecthomas/kong"
)

// enrichCommand reads log lines and writes events.
type enrichCommand struct {
	Files []string `arg:"" optional:"" name:"file" help:"Log files, plain, gzip or zstd, or saved CloudWatch payloads; - or none for standard input."`

	Config  kong.ConfigFlag `name:"config" placeholder:"FILE" help:"Read settings from a YAML file whose keys are the names of these flags."`
	Output  string          `short:"o" placeholder:"FILE" help:"Write the events to a file, emptied first, instead of standard output."`
	Follow  bool            `short:"f" help:"Go on reading as the files grow, through rotation and truncation."`
	FromEnd bool            `help:"With --follow: leave out the lines that are there already."`
	Summary bool            `help:"Print a summary to standard error at the end."`
	Quiet   bool            `short:"q" help:"Print no count and no progress."`

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

Each setting can be given as a flag, as the environment variable behind it, or in
the file of --config; a flag comes before a variable, and that before the file.

Exit codes: 0 all input was read; 1 some input could not be read or events not
written; 2 the command line or the configuration is wrong; 130 interrupted.`
}

// Run reads all inputs. Events that were made are delivered whatever happens
// to the rest.
func (c *enrichCommand) Run(ctx context.Context, s streams) error {
	if c.FromEnd && !c.Follow {
		return &usageError{errors.New("--from-end goes with --follow")}
	}
	p, err := pipeline.New(c.Settings)
	if err != nil {
		return &usageError{err}
	}
	out := file.New(s.out)
	if c.Output != "" {
		if out, err = file.Create(c.Output); err != nil {
			return errors.Join(err, p.Close())
		}
	}
	e := &enriching{
		streams: s,
		worker:  p.NewWorker(),
		out:     newBatch(out),
		summary: newSummary(),
	}
	flushing := e.out.flushRegularly(ctx)
	if c.Follow {
		err = c.follow(ctx, e)
	} else {
		err = c.readAll(ctx, e)
	}
	flushing()
	// What is in hand is written even after an interrupt.
	last := context.WithoutCancel(ctx)
	err = errors.Join(err, e.out.flush(last), out.Close(last), p.Close())
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

// An enriching is one run of the command over its inputs. Several followers
// share it.
type enriching struct {
	streams
	mu      sync.Mutex
	worker  *pipeline.Worker
	out     *batch
	summary *summary
}

// process takes one line all the way. The error is that of the sink.
func (e *enriching) process(ctx context.Context, line *record.Line) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	outcome := e.worker.Process(line)
	e.summary.add(&outcome)
	return e.out.add(ctx, &outcome)
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
	in := io.Reader(&interruptible{ctx: ctx, r: e.in})
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
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
			return errors.Join(errs...)
		case err != nil:
			return errors.Join(append(errs, err)...)
		}
		if err := e.process(ctx, line); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	e.summary.empty += r.Empty()
	return errors.Join(errs...)
}

// maxErrors is how many broken payloads of one file are reported before the
// file is given up.
const maxErrors = 20

// follow reads all files at once until ctx ends.
func (c *enrichCommand) follow(ctx context.Context, e *enriching) error {
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
		wg.Go(func() { errs[i] = e.followOne(ctx, name, c.FromEnd) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (e *enriching) followOne(ctx context.Context, name string, fromEnd bool) error {
	f := decode.Follow(ctx, name, decode.Options{FromEnd: fromEnd})
	for {
		line, err := f.Next()
		if errors.Is(err, io.EOF) {
			return f.Close()
		}
		if err != nil {
			// The file may come back, so this is a notice, not the end.
			e.mu.Lock()
			fmt.Fprintf(e.err, "clearhop: %v\n", err)
			e.mu.Unlock()
			continue
		}
		if err := e.process(context.WithoutCancel(ctx), line); err != nil {
			return errors.Join(err, f.Close())
		}
	}
}
