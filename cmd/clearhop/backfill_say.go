package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"clearhop/backfill"
	"clearhop/delivery"
	"clearhop/internal/terminal"
)

// reach keeps how far the reading is, and shows it: where there are no lines, nothing else
// does.
func (f *filling) reach(share float64, text string) {
	f.mu.Lock()
	if !f.begun {
		f.begun, f.from = true, share
		if f.command.URL != "" {
			f.from = 0
		}
	}
	f.share, f.text = share, text
	f.mu.Unlock()
	f.show()
}

// seen takes how many lines were read, and shows how far the backfill is.
func (f *filling) seen(lines int64) {
	f.mu.Lock()
	f.lines = lines
	f.mu.Unlock()
	f.show()
}

func (f *filling) show() {
	f.status.Show(func() string {
		f.mu.Lock()
		defer f.mu.Unlock()
		return fillingText(f.share, f.from, f.text, f.lines, f.lines-f.before, time.Since(f.start), f.slowed)
	})
}

// fillingText is what is shown while a backfill works. lines are those of all runs, and
// now those of this one.
func fillingText(share, from float64, where string, lines, now int64, took time.Duration, slowed float64) string {
	text := fmt.Sprintf("%s %3.0f%%  %s", barOf(share, 10), 100*share, counted(lines, "line"))
	if seconds := took.Seconds(); seconds >= 1 {
		text += fmt.Sprintf("  %s/s", grouped(int64(float64(now)/seconds)))
		if done := share - from; done > 0.005 && share < 1 {
			text += "  " + timeLeft(time.Duration(float64(took)*(1-share)/done))
		}
	}
	if slowed > 0 {
		text += fmt.Sprintf("  throttled: %.1f calls/s", slowed)
	}
	return text + "  " + where
}

// barOf draws a share as a bar.
func barOf(share float64, width int) string {
	full := "#"
	if inUTF8() {
		full = "█"
	}
	n := int(share*float64(width) + 0.5)
	return "[" + strings.Repeat(full, n) + strings.Repeat(" ", width-n) + "]"
}

// sayStart says what is read, and what a person should know before it is delivered.
func (f *filling) sayStart() {
	c := f.command
	if c.Quiet {
		return
	}
	what := fmt.Sprintf("%s (%s)", counted(int64(f.objects), "object"), byteSize(f.total))
	if c.URL == "" {
		what = fmt.Sprintf("%s from %s until %s", f.groupNames(), atSecond(f.window.since), atSecond(f.window.until))
	}
	switch {
	case c.DryRun:
		what = "counting " + what + "; nothing is delivered"
	case f.isNew:
		what = "reading " + what + "; how far it is stands in " + c.State
	default:
		what = fmt.Sprintf("going on with %s, behind %s (%s)", what, placeOf(f.state.Position), counted(f.state.Counts.Lines, "line"))
	}
	f.print(what)
	if !c.DryRun && delivery.Kind(c.Delivery.Sink) == delivery.Firehose && c.Delivery.FirehoseFormat != "row" {
		f.print("Firehose files these events under the hour in which they arrive; --sink s3 files each under its own hour")
	}
}

// groupNames names the log groups, if they are few.
func (f *filling) groupNames() string {
	if n := len(f.groups); n > 1 {
		return counted(int64(n), "log group")
	}
	return f.groups[0].Name
}

// placeOf says where a position is.
func placeOf(p backfill.Position) string {
	switch {
	case p.Key != "":
		return p.Key
	case p.LogGroup != "":
		return p.LogGroup + " at " + atSecond(p.Time)
	}
	return "its beginning"
}

// delivered says what became of the lines.
func delivered(n backfill.Counts) string {
	text := fmt.Sprintf("%s: %s delivered", counted(n.Lines, "line"), counted(n.Delivered, "event"))
	for _, more := range []struct {
		n    int64
		what string
	}{{n.DeadLetters, "kept as dead letters"}, {n.Dropped, "left out"}, {n.Unparsed, "of lines that no format reads"}, {n.Unread, "payloads or objects not read"}} {
		if more.n > 0 {
			text += fmt.Sprintf("; %s %s", grouped(more.n), more.what)
		}
	}
	return text
}

// finish says what was done, and returns what the exit code is made of.
func (f *filling) finish(ctx context.Context, p backfill.Progress, err error) error {
	c := f.command
	interrupted := ctx.Err() != nil
	switch {
	case c.DryRun:
		f.printDryRun(p.Counts, err != nil || interrupted)
	case err == nil && !interrupted:
		if err := f.state.Finish(p); err != nil {
			return err
		}
		if !c.Quiet {
			f.print("done: " + delivered(p.Counts))
		}
	case f.state.Counts.Lines > 0 || p.Position != (backfill.Position{}):
		f.print(fmt.Sprintf("so far %s; the same command goes on behind %s", delivered(p.Counts), placeOf(p.Position)))
	}
	switch {
	case err != nil:
		return err
	case interrupted:
		return errInterrupted
	case p.Counts.Unread > 0:
		return exitCode{code: exitFailed}
	}
	return nil
}

func (f *filling) print(text string) {
	f.status.Clear()
	fmt.Fprintf(f.err, "clearhop: %s\n", terminal.Printable(text))
}

// printDryRun prints what was counted, and what a backfill would cost.
func (f *filling) printDryRun(n backfill.Counts, isPart bool) {
	share := f.share
	if f.command.URL == "" && !isPart || share == 0 {
		share = 1
	}
	row := func(name, text string) { fmt.Fprintf(f.out, "%-10s %s\n", name, text) }
	row("lines", fmt.Sprintf("%s, %s", grouped(n.Lines), byteSize(n.Bytes)))
	row("events", fmt.Sprintf("%s, %s of JSON; %s unparsed; %s left out", grouped(n.Events), byteSize(n.EventBytes), grouped(n.Unparsed), grouped(n.Dropped)))
	if seconds := time.Since(f.start).Seconds(); seconds >= 1 {
		row("reading", fmt.Sprintf("%s lines/s, through the pipeline and without a sink", grouped(int64(float64(n.Lines)/seconds))))
	}
	for _, g := range f.groups {
		row("stored", fmt.Sprintf("%s: %s kept now, as AWS bills them", terminal.Printable(g.Name), byteSize(g.Stored)))
	}
	for _, cost := range backfill.Costs(f.command.Delivery.Sink, n) {
		row("cost", cost.String())
	}
	row("", backfill.PriceNote())
	if isPart {
		row("", fmt.Sprintf("The reading was ended after %.0f%%; all of it would be some %s lines.", 100*share, grouped(int64(float64(n.Lines)/share))))
	}
}
