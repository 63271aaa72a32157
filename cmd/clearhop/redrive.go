package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"clearhop/aws/account"
	"clearhop/aws/nlb"
	"clearhop/aws/object"
	"clearhop/delivery"
	"clearhop/internal/setting"
	"clearhop/internal/terminal"
	"clearhop/pipeline"
	"clearhop/redrive"
	"clearhop/rule"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// redriveCommand sends again what could not be delivered.
type redriveCommand struct {
	From []string `arg:"" name:"from" help:"Where the dead letters are: s3://bucket/prefix/, the URL of an SQS queue, files or folders."`

	Reason string     `placeholder:"TEXT" help:"Send only what failed for a reason that holds this text."`
	Since  string     `placeholder:"TIME" help:"Send only what failed at this time or later: RFC 3339, such as 2026-11-20T14:05:00Z, or a duration before now, such as 2h."`
	Until  string     `placeholder:"TIME" help:"Send only what failed before this time, written as for --since."`
	Rate   float64    `placeholder:"N" help:"Send at most this many events a second. The default is no limit."`
	DryRun bool       `help:"Send nothing. Count what is there, by reason and age."`
	Quiet  bool       `short:"q" help:"Print no progress and no count."`
	Config configFlag `name:"config" placeholder:"FILE" help:"Read settings from a YAML file whose keys are the names of these flags."`

	Delivery delivery.Settings `embed:"" group:"Where the events go"`
	Settings pipeline.Config   `embed:"" group:"The log and the chain"`
}

// Help is what --help prints below the usage.
func (c *redriveCommand) Help() string {
	return `Events go straight to the sink. Lines of payloads go through the pipeline first, so
give the settings of the function, as flags or by its environment variables.

Examples:
  clearhop redrive --dry-run s3://LETTERS/letters/
  clearhop redrive s3://LETTERS/letters/ --firehose-stream clearhop-events
  clearhop redrive s3://LETTERS/aws/lambda/ --firehose-stream clearhop-events
  clearhop redrive s3://EVENTS/errors/ --firehose-stream clearhop-events --rate 500
  clearhop redrive https://sqs.eu-central-1.amazonaws.com/123456789012/letters --sink stdout

It reads dead letters of Clearhop, what Firehose could not transform or convert
(processing-failed, format-conversion-failed), what Lambda gave up, events and payloads.

When the sink has taken all events of an object, the object moves to the folder redriven
beside it: letters/redriven/. A message is deleted, and a file gets the suffix .redriven.
What the sink did not take stays. So if the command ends early, give it again. What is
sent twice has the same event.id. With --reason, --since and --until an object stays if
something in it was left out.

It needs s3:ListBucket, GetObject, PutObject and DeleteObject, or sqs:ReceiveMessage,
DeleteMessage and ChangeMessageVisibility, and the permissions to deliver. With
sqs:GetQueueAttributes it also shows how much of a queue is left. A dry run hides the
messages of a queue from others until it ends.

A setting can refer to a secret (--privacy-key @arn:…) or a list in S3
(--trusted @s3://…), as those of the functions do.

Exit codes: 0 all was sent; in a dry run: counted; 1 something stays or could not be
read; 2 the command line or the configuration is wrong; 130 interrupted.`
}

// checkSettings implements checker.
func (c *redriveCommand) checkSettings() error {
	_, err := c.check(time.Now())
	return errors.Join(err, checkPipeline(c.Settings))
}

// check reads the flags.
func (c *redriveCommand) check(now time.Time) (window, error) {
	w, err := readWindow(c.Since, c.Until, now)
	errs := []error{err}
	if c.Rate < 0 {
		errs = append(errs, setting.Error("rate", fmt.Errorf("%g is no rate: give the number of events a second", c.Rate)))
	}
	for _, from := range c.From {
		if strings.HasPrefix(from, object.Scheme) {
			if _, _, ok := object.SplitURL(from); !ok {
				errs = append(errs, fmt.Errorf("%q is not of the form s3://bucket/prefix/", from))
			}
		}
	}
	c.Delivery.DeadLetters = "" // what is lost stays where it is
	if !c.DryRun {
		errs = append(errs, c.Delivery.Check())
	}
	return w, errors.Join(errs...)
}

// Run sends all that it finds.
func (c *redriveCommand) Run(ctx context.Context, s streams) error {
	w, err := c.check(time.Now())
	if err != nil {
		return &usageError{err}
	}
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
	err = c.send(ctx, s, w, redrive.Config{Outlets: outlets, Pipeline: p, Rate: c.Rate})
	if outlets != nil {
		err = errors.Join(err, outlets.Close(context.WithoutCancel(ctx)))
	}
	return errors.Join(err, p.Close())
}

// openOutlets opens the sinks. They are nil in a dry run.
func (c *redriveCommand) openOutlets(ctx context.Context, s streams, p *pipeline.Pipeline) (*delivery.Outlets, error) {
	if c.DryRun {
		return nil, nil
	}
	outlets, err := delivery.Open(ctx, c.Delivery, delivery.Options{Stdout: s.out})
	if err != nil {
		return nil, &usageError{err}
	}
	missing, _ := rule.MatchRoutes(p.Routes(), outlets.Routes())
	var errs []error
	for _, name := range missing {
		errs = append(errs, setting.Error("rule", fmt.Errorf("route:%s leads nowhere: --routes does not name it", name)))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, &usageError{errors.Join(err, outlets.Close(ctx))}
	}
	return outlets, nil
}

// maxWarnings is how many units are named that stay. They mostly have the same cause.
const maxWarnings = 10

// send runs the redrive and says what it has done.
func (c *redriveCommand) send(ctx context.Context, s streams, w window, config redrive.Config) error {
	status := terminal.NewStatus(s.err)
	if c.Quiet {
		status = &terminal.Status{}
	}
	warnings := 0
	config.Warn = func(err error) {
		if warnings++; warnings <= maxWarnings {
			status.Clear()
			s.warn(err)
		}
	}
	config.Wants = func(it *redrive.Item) bool {
		if c.Reason != "" && !strings.Contains(strings.ToLower(it.Reason), strings.ToLower(c.Reason)) {
			return false
		}
		bounded := !w.since.IsZero() || !w.until.IsZero()
		return !bounded || !it.Time.IsZero() && !it.Time.Before(w.since) && (w.until.IsZero() || it.Time.Before(w.until))
	}
	counts := &redrive.Counts{}
	sources, err := c.openSources(ctx)
	progress := redriveProgress{start: time.Now()}
	if status.IsShown() {
		progress.total = countUnits(ctx, sources)
	}
	for _, from := range sources {
		progress.before = counts.Units
		config.Seen = func(n *redrive.Counts) {
			status.Show(func() string { return progress.text(n.Units, counts.Delivered+n.Delivered, time.Since(progress.start)) })
		}
		var n *redrive.Counts
		n, err = redrive.Run(ctx, from, config)
		counts.Add(n)
		if err != nil || ctx.Err() != nil {
			break
		}
	}
	status.Clear()
	if more := warnings - maxWarnings; more > 0 {
		s.warn(fmt.Errorf("and %d more", more))
	}
	if !c.Quiet || c.DryRun {
		c.say(s, counts)
	}
	switch {
	case ctx.Err() != nil:
		return errors.Join(err, errInterrupted)
	case err != nil:
		return err
	case !c.DryRun && counts.Settled < counts.Units:
		return exitCode{code: exitFailed}
	}
	return nil
}

// openSources opens all places. With an error it returns none.
func (c *redriveCommand) openSources(ctx context.Context) ([]redrive.Source, error) {
	var all []redrive.Source
	for _, open := range c.sources() {
		source, err := open(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, source)
	}
	return all, nil
}

// countUnits returns how many objects, messages and files the sources have; 0 if one of
// them cannot say it.
func countUnits(ctx context.Context, sources []redrive.Source) int {
	total := 0
	for _, source := range sources {
		counter, ok := source.(redrive.Counter)
		if !ok {
			return 0
		}
		n, err := counter.Count(ctx)
		if err != nil {
			return 0 // the bar is left out: a permission to count is not needed to send
		}
		total += n
	}
	return total
}

// A redriveProgress is what a person at a terminal sees of a redrive.
type redriveProgress struct {
	start  time.Time
	total  int // units of all sources; 0 if that is not known
	before int // units of the sources that are done
}

// text is what is shown after some units of the source in hand. sent are the events of all
// sources, and took is the time since the start.
func (p *redriveProgress) text(units, sent int, took time.Duration) string {
	units += p.before
	text := fmt.Sprintf("%s read", counted(int64(units), "object"))
	share := 0.0
	if p.total > 0 {
		share = min(1, float64(units)/float64(p.total))
		text = fmt.Sprintf("%s %3.0f%%  %s of %s", barOf(share, 10), 100*share, grouped(int64(units)), counted(int64(p.total), "object"))
	}
	text += fmt.Sprintf("  %s sent", counted(int64(sent), "event"))
	if seconds := took.Seconds(); seconds >= 1 {
		text += fmt.Sprintf("  %s/s", grouped(int64(float64(sent)/seconds)))
		if share > 0.005 && share < 1 {
			text += "  " + timeLeft(time.Duration(float64(took)*(1-share)/share))
		}
	}
	return text
}

// sources returns what opens each of the places, files together.
func (c *redriveCommand) sources() []func(context.Context) (redrive.Source, error) {
	var all []func(context.Context) (redrive.Source, error)
	var paths []string
	for _, from := range c.From {
		switch {
		case strings.HasPrefix(from, object.Scheme):
			all = append(all, func(ctx context.Context) (redrive.Source, error) {
				a, err := account.Load(ctx)
				if err != nil {
					return nil, err
				}
				bucket, prefix, _ := object.SplitURL(from)
				return redrive.Objects(s3.NewFromConfig(a, func(o *s3.Options) {
					o.UsePathStyle = o.BaseEndpoint != nil
					o.DisableLogOutputChecksumValidationSkipped = true
				}), bucket, prefix), nil
			})
		case strings.HasPrefix(from, "https://") || strings.HasPrefix(from, "http://"):
			all = append(all, func(ctx context.Context) (redrive.Source, error) {
				a, err := account.Load(ctx)
				if err != nil {
					return nil, err
				}
				return redrive.Queue(sqs.NewFromConfig(a), from), nil
			})
		default:
			paths = append(paths, from)
		}
	}
	if len(paths) > 0 {
		all = append(all, func(context.Context) (redrive.Source, error) { return redrive.Files(paths) })
	}
	return all
}

// say prints what was done: to standard output in a dry run, which has no other answer.
func (c *redriveCommand) say(s streams, n *redrive.Counts) {
	out := s.err
	if c.DryRun {
		out = s.out
	}
	fmt.Fprintf(out, "Read: %s, %s, %d that cannot be sent, %d left out.\n",
		terminal.Plural(int64(n.Events), "event"), terminal.Plural(int64(n.Payloads), "payload"), n.Others, n.LeftOut)
	c.sayGroups(out, n, time.Now())
	if c.DryRun {
		fmt.Fprintln(out, "Nothing was sent.")
		return
	}
	fmt.Fprintf(out, "Sent: %s; %d not taken; of %s of payloads, rules dropped %d.\n",
		terminal.Plural(int64(n.Delivered), "event"), n.Lost, terminal.Plural(int64(n.Lines), "line"), n.Dropped)
	if n.Unread > 0 {
		fmt.Fprintf(out, "Still unreadable: %s, kept where they are.\n", terminal.Plural(int64(n.Unread), "payload"))
	}
	fmt.Fprintf(out, "Objects, messages and files: %d done, %d stay where they are.\n", n.Settled, n.Units-n.Settled)
}

// sayGroups lists the reasons, the most frequent one first, with the age of what failed.
func (c *redriveCommand) sayGroups(out io.Writer, n *redrive.Counts, now time.Time) {
	type row struct {
		redrive.Cause
		*redrive.Group
	}
	var rows []row
	for cause, group := range n.Groups {
		rows = append(rows, row{cause, group})
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.Items, a.Items), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Kind, b.Kind))
	})
	const shown = 20
	for _, r := range rows[:min(len(rows), shown)] {
		age := "of unknown age"
		if !r.First.IsZero() {
			age = ageOf(now.Sub(r.Latest)) + " to " + ageOf(now.Sub(r.First)) + " old"
		}
		fmt.Fprintf(out, "  %8d %-10s %-17s %s\n", r.Items, r.Kind, age, terminal.Printable(r.Reason))
	}
	if more := len(rows) - shown; more > 0 {
		fmt.Fprintf(out, "  and %s\n", terminal.Plural(int64(more), "more reason"))
	}
}

// ageOf returns an age in its largest unit, such as 3h.
func ageOf(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "0m"
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
