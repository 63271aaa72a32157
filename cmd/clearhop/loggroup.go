package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"clearhop/aws/loggroup"
	"clearhop/feed"
	"clearhop/internal/setting"
	"clearhop/internal/terminal"
	"clearhop/record"
)

// logGroupFlags are the flags of the commands that read a log group in the place of files.
type logGroupFlags struct {
	LogGroup        string `name:"log-group" placeholder:"NAME" help:"Read this log group of CloudWatch Logs in the place of files: what happened from --since on, until --until or now."`
	LogStreamPrefix string `name:"log-stream-prefix" placeholder:"PREFIX" help:"With --log-group: read only the log streams whose names begin with it."`
}

// groupsHelp is what the help of these commands says about log groups.
const groupsHelp = `With --log-group the lines come from AWS: region and credentials are those of the AWS
CLI, and the permissions logs:FilterLogEvents and logs:DescribeLogGroups are needed.
AWS allows 5 to 25 calls a second for an account and a region. One call gives at most
1 MB, some 4,000 lines: for months of lines, see docs/backfill.md.`

// check reports flags that do not go with a log group. others are flags that are given.
func (f *logGroupFlags) check(files []string, since string, others ...string) error {
	if f.LogGroup == "" {
		if f.LogStreamPrefix != "" {
			return setting.Error("log-stream-prefix", errors.New("goes with --log-group"))
		}
		return nil
	}
	var errs []error
	if len(files) > 0 {
		errs = append(errs, setting.Error("log-group", errors.New("reads a log group in the place of files: give one of both")))
	}
	if since == "" {
		errs = append(errs, setting.Error("log-group", errors.New("needs --since, such as --since 2h: it is the time from which on the group is read")))
	}
	for _, other := range others {
		errs = append(errs, setting.Error("log-group", fmt.Errorf("does not go with %s", other)))
	}
	return errors.Join(errs...)
}

// A groupReading reads a log group, once, however often its lines are needed.
type groupReading struct {
	streams
	group    loggroup.Group
	logs     *loggroup.Logs
	query    loggroup.Query
	spool    *feed.Spool
	progress *windowProgress
	lines    int64
}

// open looks for the group. now is the end where the flags give none: what comes later
// is not read. It returns nil without a log group.
func (f *logGroupFlags) open(ctx context.Context, s streams, w window, now time.Time, quiet bool) (*groupReading, error) {
	if f.LogGroup == "" {
		return nil, nil
	}
	if w.until.IsZero() || w.until.After(now) {
		w.until = now
	}
	if !w.since.Before(w.until) {
		return nil, &usageError{setting.Error("since", errors.New("it is not in the past"))}
	}
	progress := newWindowProgress(s.err, w, quiet)
	logs, err := loggroup.Connect(ctx, loggroup.Options{Throttled: progress.throttled})
	if err != nil {
		return nil, &usageError{err}
	}
	waiting := s.sayWhatIsAwaited("an answer of CloudWatch Logs in " + logs.Region)
	groups, err := logs.Find(ctx, f.LogGroup, false)
	waiting.Stop()
	var none *loggroup.NotFoundError
	switch {
	case ctx.Err() != nil:
		return nil, errInterrupted
	case errors.As(err, &none):
		return nil, &usageError{err}
	case err != nil:
		return nil, err
	}
	g := &groupReading{streams: s, group: groups[0], logs: logs, progress: progress,
		query: loggroup.Query{Group: groups[0], StreamPrefix: f.LogStreamPrefix, Since: w.since, Until: w.until}}
	g.spool = feed.NewSpool(g.read)
	return g, nil
}

// read is the Input that asks AWS.
func (g *groupReading) read(ctx context.Context) (feed.Source, error) {
	return feed.Paged(func(context.Context) (feed.Pages, error) {
		g.progress.begin()
		return &groupPages{g: g, reader: g.logs.Read(g.query)}, nil
	})(ctx)
}

// again is the Input for lines that are needed several times.
func (g *groupReading) again(ctx context.Context) (feed.Source, error) { return g.spool.Input(ctx) }

// close ends the reading.
func (g *groupReading) close() error {
	if g == nil {
		return nil
	}
	return g.spool.Close()
}

// groupPages are the pages of a log group, with what a person at a terminal sees.
type groupPages struct {
	g      *groupReading
	reader *loggroup.Reader
}

// Next returns the next page.
func (p *groupPages) Next(ctx context.Context) ([]record.Line, error) {
	g := p.g
	lines, err := p.reader.Next(ctx)
	switch {
	case err == io.EOF:
		g.progress.end()
		if g.lines == 0 {
			g.sayNothing(ctx)
		}
	case err != nil:
		g.progress.end()
	default:
		g.lines += int64(len(lines))
		at := p.reader.Window().Until
		if n := len(lines); n > 0 && !p.reader.Ended() {
			at = time.UnixMilli(lines[n-1].Time)
		}
		g.progress.reached(at, g.lines)
	}
	return lines, err
}

// sayNothing says that no line is in the window, and when the last one was.
func (g *groupReading) sayNothing(ctx context.Context) {
	text := fmt.Sprintf("%s: 0 lines between %s and %s", g.group.Name, atSecond(g.query.Since), atSecond(g.query.Until))
	if g.query.StreamPrefix != "" {
		text += fmt.Sprintf(" in log streams that begin with %q", g.query.StreamPrefix)
	}
	kept := time.Now().Add(-g.group.Retention)
	switch last := g.logs.LastEvent(ctx, g.group.Name); {
	case !last.IsZero():
		text += "; the group's last event is at " + atSecond(last)
	case g.group.Retention > 0 && g.query.Until.Before(kept):
		text += fmt.Sprintf("; the group keeps events for %d days", int(g.group.Retention.Hours()/24))
	case g.group.Stored == 0:
		text += "; the group has no events"
	}
	g.warn(errors.New(text))
}

// atSecond writes a time as people type it after --since.
func atSecond(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// A windowProgress shows at a terminal how far a window of time was read.
type windowProgress struct {
	status *terminal.Status
	window window
	start  time.Time
	slowed float64 // calls a second, if something was throttled; the reader sets and shows it
}

func newWindowProgress(w io.Writer, over window, quiet bool) *windowProgress {
	if quiet {
		w = io.Discard
	}
	return &windowProgress{status: terminal.NewStatus(w), window: over}
}

func (p *windowProgress) begin() { p.start = time.Now() }

func (p *windowProgress) end() { p.status.Clear() }

// throttled is called when AWS has throttled a call.
func (p *windowProgress) throttled(perSecond float64) { p.slowed = perSecond }

// reached shows the time up to which was read.
func (p *windowProgress) reached(at time.Time, lines int64) {
	p.status.Show(func() string {
		return readingText(p.window, at, lines, time.Since(p.start), p.slowed)
	})
}

// readingText is what is shown while a window is read.
func readingText(w window, at time.Time, lines int64, took time.Duration, slowed float64) string {
	share := float64(at.Sub(w.since)) / float64(w.until.Sub(w.since))
	share = min(max(share, 0), 1)
	text := fmt.Sprintf("%3.0f%% to %s  %s", 100*share, at.UTC().Format("2006-01-02 15:04"), counted(lines, "line"))
	if seconds := took.Seconds(); seconds >= 1 {
		text += fmt.Sprintf("  %s/s", grouped(int64(float64(lines)/seconds)))
		if share > 0.005 && share < 1 {
			text += "  " + timeLeft(time.Duration(float64(took)*(1-share)/share))
		}
	}
	if slowed > 0 {
		text += fmt.Sprintf("  throttled: %.1f calls/s", slowed)
	}
	return text
}

// timeLeft writes how long something takes yet, as exactly as that can be known.
func timeLeft(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds left", int(d.Seconds())+1)
	case d < time.Hour:
		return fmt.Sprintf("%dm left", int(d.Minutes())+1)
	}
	return fmt.Sprintf("%dh%02dm left", int(d.Hours()), int(d.Minutes())%60)
}
