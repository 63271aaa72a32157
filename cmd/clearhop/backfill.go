package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"clearhop/aws/loggroup"
	"clearhop/aws/nlb"
	"clearhop/aws/object"
	"clearhop/backfill"
	"clearhop/delivery"
	"clearhop/internal/setting"
	"clearhop/internal/terminal"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/rule"

	"github.com/alecthomas/kong"
)

// backfillCommand delivers lines of the past as the functions deliver new ones.
type backfillCommand struct {
	URL string `arg:"" optional:"" name:"s3-url" help:"Read the objects below this prefix, such as s3://bucket/exports/: an export of CloudWatch Logs, payloads, or log files."`

	LogGroup        string     `name:"log-group" placeholder:"NAME" help:"Read this log group of CloudWatch Logs."`
	Prefix          string     `placeholder:"PREFIX" help:"Read all log groups whose names begin with this, but for those of functions and of Firehose."`
	LogStreamPrefix string     `name:"log-stream-prefix" placeholder:"PREFIX" help:"Read only the log streams whose names begin with it."`
	Since           string     `placeholder:"TIME" help:"Begin with lines of this time: RFC 3339, such as 2026-11-20T14:05:00Z, or a duration before now, such as 7d."`
	Until           string     `placeholder:"TIME" help:"End before this time, written as for --since. The default is now."`
	State           string     `default:"clearhop-backfill.json" placeholder:"FILE" help:"Keep in this file how far the backfill is (${default}). The same command goes on from there."`
	DryRun          bool       `help:"Read and count all lines, deliver nothing, keep nothing, and say what the backfill would cost."`
	Quiet           bool       `short:"q" help:"Print no progress and no count."`
	Config          configFlag `name:"config" placeholder:"FILE" help:"Read settings from a YAML file whose keys are the names of these flags."`

	Delivery delivery.Settings `embed:"" group:"Where the events go"`
	Settings pipeline.Config   `embed:"" group:"The log and the chain"`
}

// Help is what --help prints below the usage.
func (c *backfillCommand) Help() string {
	return `The lines go through the same pipeline to the same sinks as those that the functions
get. Give the settings of the function, as flags or by its environment variables. As
there, they can refer to a secret (--privacy-key @arn:…) or a list in S3 (--trusted @s3://…).

Examples:
  clearhop backfill --dry-run --log-group /ecs/web --since 7d
  clearhop backfill --log-group /ecs/web --since 7d --sink s3 --s3 s3://events/nginx/
  clearhop backfill --prefix /ecs/ --since 2026-11-01T00:00:00Z --until 2026-11-20T00:00:00Z
  clearhop backfill s3://exports/web/ --sink s3 --s3 s3://events/nginx/ --s3-format parquet

The sink s3 files each event under the hour in which it happened. A Firehose stream files
it under the hour in which it arrives, so prefer s3 for events in S3 (docs/backfill.md).

If the command ends early, give it again: it goes on behind the last window of time, or
the last object, that was delivered whole. What is delivered a second time has the same
ids. The end of the time is kept too, so a --since of 7d means what it meant at first.

It needs the permissions logs:DescribeLogGroups and logs:FilterLogEvents, or
s3:ListBucket and s3:GetObject, and those of the function to deliver.

Exit codes: 0 all was delivered, or kept as dead letters; 1 something could not be read
or delivered; 2 the command line or the configuration is wrong, or the file of --state
is of another command; 130 interrupted.`
}

// checkSettings implements checker.
func (c *backfillCommand) checkSettings() error {
	_, err := c.check(time.Now())
	return errors.Join(err, checkPipeline(c.Settings))
}

// check reads the flags.
func (c *backfillCommand) check(now time.Time) (window, error) {
	w, err := readWindow(c.Since, c.Until, now)
	errs := []error{err, c.checkInput()}
	if isGroup := c.LogGroup+c.Prefix != ""; isGroup && err == nil && c.Since != "" {
		if w.until.IsZero() || w.until.After(now) {
			w.until = now
		}
		if !w.since.Before(w.until) {
			errs = append(errs, setting.Error("since", errors.New("it is not in the past")))
		}
	}
	if !c.DryRun {
		errs = append(errs, c.Delivery.Check())
	}
	return w, errors.Join(errs...)
}

// checkInput reports what is wrong with the input that is named.
func (c *backfillCommand) checkInput() error {
	inputs := 0
	for _, given := range []string{c.URL, c.LogGroup, c.Prefix} {
		if given != "" {
			inputs++
		}
	}
	isGroup := c.LogGroup != "" || c.Prefix != ""
	switch {
	case inputs != 1:
		return errors.New("give one of --log-group NAME, --prefix PREFIX and s3://bucket/prefix")
	case isGroup && c.Since == "":
		return setting.Error("since", errors.New("is needed with a log group: it is the time from which on it is read, such as 7d"))
	case !isGroup && c.LogStreamPrefix != "":
		return setting.Error("log-stream-prefix", errors.New("goes with --log-group and --prefix"))
	case isGroup:
		return nil
	}
	if _, _, ok := object.SplitURL(c.URL); !ok {
		return fmt.Errorf("%q is not of the form s3://bucket/prefix", c.URL)
	}
	return nil
}

// Run reads all that is there and delivers it.
func (c *backfillCommand) Run(ctx context.Context, s streams, line *kong.Context) error {
	w, err := c.check(time.Now())
	if err != nil {
		return &usageError{err}
	}
	command := commandOf(line, c.URL) // with references as they are given
	if err := fillStored(ctx, &c.Settings); err != nil {
		return err
	}
	c.Settings.NodeFinder, c.Settings.OpenObject = nlb.Nodes, object.Fetches(object.Lazy())
	p, err := pipeline.New(c.Settings)
	if err != nil {
		return &usageError{err}
	}
	s.warnLeftOut(p)
	if err := discoverFirst(ctx, s, p); err != nil {
		return errors.Join(err, p.Close())
	}
	outlets, err := c.openOutlets(ctx, s, p)
	if err != nil {
		return errors.Join(err, p.Close())
	}
	err = c.locked(func() error { return c.run(ctx, s, p, outlets, w, command) })
	if outlets != nil {
		err = errors.Join(err, outlets.Close(context.WithoutCancel(ctx)))
	}
	return errors.Join(err, p.Close())
}

// openOutlets opens the sinks. They are nil in a dry run.
func (c *backfillCommand) openOutlets(ctx context.Context, s streams, p *pipeline.Pipeline) (*delivery.Outlets, error) {
	if c.DryRun {
		return nil, nil
	}
	outlets, err := delivery.Open(ctx, c.Delivery, delivery.Options{
		Source: "backfill", Resends: true, WithholdPayloads: p.Private(), Stdout: s.out,
	})
	if err != nil {
		return nil, &usageError{err}
	}
	var errs []error
	missing, unused := rule.MatchRoutes(p.Routes(), outlets.Routes())
	for _, name := range missing {
		errs = append(errs, setting.Error("rule", fmt.Errorf("route:%s leads nowhere: --routes does not name it", name)))
	}
	for _, name := range unused {
		errs = append(errs, setting.Error("routes", fmt.Errorf("no rule routes to %q", name)))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, &usageError{errors.Join(err, outlets.Close(ctx))}
	}
	return outlets, nil
}

// locked runs what works with the file of --state. A dry run keeps nothing.
func (c *backfillCommand) locked(work func() error) error {
	if c.DryRun {
		return work()
	}
	held, err := lockState(c.State)
	if err != nil {
		return err
	}
	return errors.Join(work(), held.Release())
}

// run opens the state and the walk, and does the work.
func (c *backfillCommand) run(ctx context.Context, s streams, p *pipeline.Pipeline, outlets *delivery.Outlets, w window, command map[string]string) error {
	state, isNew, err := c.openState(w, command)
	if err != nil {
		return &usageError{err}
	}
	if state.Done {
		return c.sayDone(s, state)
	}
	f := &filling{streams: s, command: c, state: state, isNew: isNew,
		before: state.Counts.Lines, lines: state.Counts.Lines, window: window{state.Since, state.Until}, status: terminal.NewStatus(s.err), start: time.Now()}
	if c.Quiet {
		f.status = &terminal.Status{}
	}
	walk, err := f.walk(ctx)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	f.sayStart()
	config := backfill.Config{Walk: walk, Pipeline: p, Workers: workers(), From: state.Progress, Seen: f.seen,
		Warn: func(err error) { f.status.Clear(); s.warn(err) }}
	if outlets != nil {
		config.Outlets, config.Keep = outlets.All(), state.Keep
	}
	if c.URL != "" && (!f.window.since.IsZero() || !f.window.until.IsZero()) {
		config.Holds = func(r *record.Record) bool { return f.window.holds(r) }
	}
	progress, err := backfill.Run(ctx, config)
	f.status.Clear()
	return f.finish(ctx, progress, err)
}

// openState reads how far the backfill is. A dry run begins anew and keeps nothing.
func (c *backfillCommand) openState(w window, command map[string]string) (*backfill.State, bool, error) {
	if c.DryRun {
		return &backfill.State{Since: w.since, Until: w.until}, true, nil
	}
	state, isNew, err := backfill.OpenState(c.State, command)
	if err == nil && isNew {
		state.Since, state.Until = w.since.UTC(), w.until.UTC()
	}
	return state, isNew, err
}

// sayDone says that nothing is left to be done.
func (c *backfillCommand) sayDone(s streams, state *backfill.State) error {
	fmt.Fprintf(s.err, "clearhop: this backfill was done at %s: %s; remove %s to do it again\n",
		atSecond(state.Written), delivered(state.Counts), terminal.Printable(c.State))
	return nil
}

// notOfCommand are the flags that do not change what a backfill does.
var notOfCommand = []string{"state", "dry-run", "quiet", "config", "help"}

// commandOf returns what a command line, the environment and a file of settings give, by
// the name of the flag.
func commandOf(line *kong.Context, url string) map[string]string {
	command := map[string]string{}
	if url != "" {
		command["s3-url"] = url
	}
	for _, flag := range line.Selected().Flags {
		value := fmt.Sprint(flag.Target.Interface())
		if slices.Contains(notOfCommand, flag.Name) || flag.Target.IsZero() || value == flag.Default {
			continue
		}
		switch {
		case isSecret(flag):
			// Two digits of a hash tell another key with some certainty, and say nothing
			// of this one.
			value = backfill.Digest(value, 2)
		case len(value) > 80:
			value = backfill.Digest(value, 16)
		}
		command["--"+flag.Name] = value
	}
	return command
}

// A filling is a backfill at work, with what a person sees of it.
type filling struct {
	streams
	command *backfillCommand
	state   *backfill.State
	isNew   bool
	window  window
	status  *terminal.Status
	start   time.Time

	groups  []loggroup.Group
	objects int   // in S3, that are to be read
	total   int64 // their bytes

	mu     sync.Mutex // guards what follows: the reader sets it
	begun  bool
	before int64 // lines of earlier runs
	lines  int64 // of all runs, so far
	text   string
	share  float64 // of the input, that was read
	from   float64 // the share at the start
	slowed float64 // calls a second, if something was throttled
}

// walk opens the input.
func (f *filling) walk(ctx context.Context) (backfill.Walk, error) {
	c := f.command
	if c.URL != "" {
		return f.objectWalk(ctx)
	}
	logs, err := loggroup.Connect(ctx, loggroup.Options{Throttled: f.throttled})
	if err != nil {
		return nil, &usageError{err}
	}
	waiting := f.sayWhatIsAwaited("an answer of CloudWatch Logs in " + logs.Region)
	found, err := logs.Find(ctx, c.LogGroup+c.Prefix, c.Prefix != "")
	waiting.Stop()
	if _, none := errors.AsType[*loggroup.NotFoundError](err); none {
		return nil, &usageError{err}
	}
	if err != nil {
		return nil, err
	}
	if f.isNew {
		for _, g := range found {
			if c.Prefix == "" || !isOfService(g.Name, c.Prefix) {
				f.state.LogGroups = append(f.state.LogGroups, g.Name)
			}
		}
		if len(f.state.LogGroups) == 0 {
			return nil, &usageError{fmt.Errorf("%s: only log groups of functions and of Firehose begin with it; give the name of one with --log-group", c.Prefix)}
		}
	}
	for _, g := range found {
		if slices.Contains(f.state.LogGroups, g.Name) {
			f.groups = append(f.groups, g)
		}
	}
	return &backfill.GroupWalk{Logs: logs, Groups: f.groups, StreamPrefix: c.LogStreamPrefix,
		Since: f.window.since, Until: f.window.until, Reached: f.reachedTime}, nil
}

// throttled is called when AWS has throttled a call.
func (f *filling) throttled(perSecond float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slowed = perSecond
}

// isOfService reports whether a log group that a prefix finds is that of a function or of
// Firehose, whose lines nginx has not written.
func isOfService(name, prefix string) bool {
	for _, service := range []string{"/aws/lambda/", "/aws/kinesisfirehose/"} {
		if strings.HasPrefix(name, service) && !strings.HasPrefix(prefix, service) {
			return true
		}
	}
	return false
}

// objectWalk lists the objects, so that it is known how many there are.
func (f *filling) objectWalk(ctx context.Context) (backfill.Walk, error) {
	bucket, prefix, _ := object.SplitURL(f.command.URL) // check has read it
	w := &backfill.ObjectWalk{Bucket: bucket, Prefix: prefix, Get: object.Lazy(), List: object.LazyList(), Reached: f.reachedObject}
	waiting := f.sayWhatIsAwaited("the list of the objects")
	defer waiting.Stop()
	var err error
	f.objects, f.total, err = w.Left(ctx, f.state.Position)
	if err == nil && f.objects == 0 && f.isNew {
		err = fmt.Errorf("%s: there is no object", f.command.URL)
	}
	return w, err
}

// reachedTime is called after each page of a log group.
func (f *filling) reachedTime(group int, at time.Time) {
	of := float64(at.Sub(f.window.since)) / float64(f.window.until.Sub(f.window.since))
	f.reach((float64(group)+min(max(of, 0), 1))/float64(len(f.groups)), f.groups[group].Name+" "+at.UTC().Format("2006-01-02 15:04"))
}

// reachedObject is called with each object.
func (f *filling) reachedObject(_ string, objects int, bytes int64) {
	share := 1.0
	if f.total > 0 {
		share = min(1, float64(bytes)/float64(f.total))
	}
	f.reach(share, fmt.Sprintf("object %s of %s", grouped(int64(objects)), grouped(int64(f.objects))))
}
