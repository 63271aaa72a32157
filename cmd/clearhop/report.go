package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"clearhop/analytics"
	"clearhop/dashboard"
	"clearhop/diagnose"
	"clearhop/internal/setting"
	"clearhop/pipeline"
)

// reportCommand prints who the clients are and what is wrong with the chain.
type reportCommand struct {
	Files []string `arg:"" optional:"" name:"file" help:"Log files as enrich reads them, or events: NDJSON, gzip, zstd, Parquet and folders of them; - or none for standard input."`

	loadFlags
	athenaFlags
	Config  configFlag `name:"config" placeholder:"FILE" help:"Read settings from a YAML file whose keys are the names of these flags."`
	Compare string     `placeholder:"DURATION" help:"Report this much time before --until, such as 7d, and compare it with as much time before it. Without --until, the time ends with the last request."`
	Color   string     `enum:"auto,always,never" default:"auto" help:"Colours: auto for those of a terminal, unless NO_COLOR is set; always; never."`
	htmlFlags
	Quiet bool `short:"q" help:"Print no count and no progress."`
	profileFlags

	Settings pipeline.Config `embed:"" group:"The log and the chain"`

	loading *loading `kong:"-"` // nil where Athena is asked
}

// Help is what --help prints below the usage.
func (c *reportCommand) Help() string {
	return `The report begins with the chain: how many requests have a client, how many show an
NLB's address, what is broken and since when. Then come the traffic over time, visitors
and robots, statuses and latency, and who asked for what. "clearhop query" gives each
of these answers in full.

Examples:
  clearhop report access.log
  clearhop report --nlb 10.16.1.11 --trusted 10.16.1.0/24 --db shop.db access.log*.gz
  clearhop report --log-group /ecs/web --since 2h
  clearhop report --db shop.db --since 24h --where 'status >= 500'
  clearhop report --db shop.db --compare 7d
  clearhop report --athena clearhop --database clearhop --since 24h
  clearhop report --db shop.db --since 7d --html week.html

With --html the report is the dashboard of "clearhop serve" as one file that can be handed
on. It holds the addresses, paths and user agents of the requests: see --privacy before you
give it to others.

With --db the events stay in the file, and the next run loads only what is new. With
--athena the same questions are asked of the events in S3: give --since, because Athena
bills the bytes that it reads.

` + groupsHelp + `

Exit codes, with DuckDB and with Athena: 0 the report was made; 1 some input could not be
read, the answer not be written, or the engine gave none; 2 what was asked is wrong (the
command line, the configuration or the SQL), or this clearhop was built without DuckDB;
130 interrupted.`
}

// Run loads the files, asks all questions and prints the answers.
func (c *reportCommand) Run(ctx context.Context, s streams) error {
	ask, err := c.check(time.Now())
	if err != nil {
		return &usageError{err}
	}
	engine, close, loadErr := c.open(ctx, s)
	if engine == nil {
		return loadErr
	}
	if errors.Is(loadErr, errInterrupted) {
		return errors.Join(loadErr, close())
	}
	err = wrongSQL(questionError(c.report(ctx, s, engine, ask, loadErr != nil), c.Where))
	switch {
	case ctx.Err() != nil:
		err = errInterrupted
	case err == nil:
		err = loadErr
	}
	return errors.Join(err, close())
}

// checkSettings implements checker.
func (c *reportCommand) checkSettings() error {
	_, err := c.check(time.Now())
	return errors.Join(err, checkPipeline(c.Settings))
}

// check reads the flags.
func (c *reportCommand) check(now time.Time) (analytics.Query, error) {
	window, err := c.window(now)
	errs := []error{err, c.athenaFlags.check(c.Files, c.DB), c.checkGroup(c.Files, c.Athena, false), c.htmlFlags.check(c.Compare)}
	if c.Compare != "" {
		length, err := parseDuration(c.Compare)
		switch {
		case err != nil || length < time.Second:
			errs = append(errs, setting.Error("compare", fmt.Errorf("%q is no duration: give one as 7d, 24h or 30m", c.Compare)))
		case c.Since != "":
			errs = append(errs, setting.Error("compare", errors.New("does not go with --since: it is the time before --until")))
		}
	}
	return analytics.Query{Window: window, Where: c.Where}, errors.Join(errs...)
}

// open opens the engine that is asked, and loads the files into it. The engine is nil if
// nothing can be asked.
func (c *reportCommand) open(ctx context.Context, s streams) (analytics.Engine, func() error, error) {
	if c.Athena != "" {
		e, err := c.athenaFlags.open(ctx)
		if err != nil {
			return nil, nil, err
		}
		return e, func() error { c.printScanned(s, c.Quiet); return nil }, nil
	}
	if err := checkSQL(ctx, c.Where, ""); err != nil {
		return nil, nil, err
	}
	group, err := c.openGroup(ctx, s, c.Quiet)
	if err != nil {
		return nil, nil, err
	}
	defer group.close()
	if len(c.Files) == 0 && c.DB == "" && group == nil {
		c.Files = s.orStdin(nil)
	}
	c.loading = &loading{streams: s, settings: c.Settings, window: c.linesAsked(time.Now()), quiet: c.Quiet, group: group}
	db, _, err := c.loading.open(ctx, c.DB, c.Files)
	if db == nil {
		return nil, nil, err
	}
	return db, db.Close, err
}

// report asks and prints. Where loading failed and there is no line, the error says all.
func (c *reportCommand) report(ctx context.Context, s streams, engine analytics.Engine, ask analytics.Query, loadFailed bool) error {
	if c.Athena != "" {
		ask.Dialect = analytics.Athena
	}
	if c.HTML != "" {
		return c.writeHTML(ctx, s, engine, ask, loadFailed)
	}
	compare := c.Compare != ""
	if compare {
		length, _ := parseDuration(c.Compare) // check has read it
		if ask.Window.Until.IsZero() {
			last, err := analytics.LastSeen(ctx, engine, ask)
			if err != nil {
				return err
			}
			ask.Window.Until = last.Add(time.Second).Truncate(time.Second)
		}
		ask.Window.Since = ask.Window.Until.Add(-length)
	}
	r, err := analytics.NewReport(ctx, engine, ask, reportTimes, compare)
	if err != nil {
		return err
	}
	if loadFailed && number(r.Answers["chain"], 0, "lines") == 0 {
		return nil
	}
	p := &reportPage{page: newPage(s.out, c.Color), Report: r}
	if p.diagnosis = c.counted(); p.diagnosis == nil {
		tallies, err := analytics.Ask(ctx, engine, "tallies", r.Asked)
		if err != nil {
			return err
		}
		if p.diagnosis, err = c.diagnose(tallies); err != nil {
			s.warn(fmt.Errorf("the chain is not judged: %w; use the version of clearhop that wrote the events", err))
		}
	}
	if l := c.loading; l != nil {
		p.notes = l.notes
		if l.tally.Lines > 0 && c.DB == "" && c.Where == "" {
			p.doctor = strings.TrimSpace("clearhop doctor " + c.groupWords() + c.timeFlags() + doctorFlags(&c.Settings) + fileWords(c.Files))
		}
	}
	failed := &writeFailure{w: s.out}
	p.w = failed
	p.print()
	if failed.err != nil {
		return fmt.Errorf("write the report: %w", cause(failed.err))
	}
	return nil
}

// counted judges the chain by the lines themselves, as the doctor does, where the report
// is about all that was read; else it returns nil.
func (c *reportCommand) counted() *diagnose.Report {
	if c.loading == nil {
		return nil
	}
	if e := &c.loading.examined; e.isAll && e.counters != nil && c.Where == "" && c.Compare == "" {
		return e.counters.Report()
	}
	return nil
}

// diagnose judges the chain by what the events say.
func (c *reportCommand) diagnose(tallies analytics.Answer) (*diagnose.Report, error) {
	if c.loading == nil {
		return dashboard.Diagnose(tallies, (&examinedLogs{}).config())
	}
	return dashboard.Diagnose(tallies, c.loading.examined.config())
}

// groupWords returns the flags of the log group as words of a shell.
func (f *logGroupFlags) groupWords() string {
	words := ""
	if f.LogGroup != "" {
		words += "--log-group " + shellWord(f.LogGroup) + " "
	}
	if f.LogStreamPrefix != "" {
		words += "--log-stream-prefix " + shellWord(f.LogStreamPrefix) + " "
	}
	return words
}

// timeFlags returns the flags of the time that is asked for as words of a shell.
func (c *reportCommand) timeFlags() string {
	words := ""
	if c.Since != "" {
		words += "--since " + shellWord(c.Since) + " "
	}
	if c.Until != "" {
		words += "--until " + shellWord(c.Until) + " "
	}
	return words
}

// fileWords returns a few files as words of a shell.
func fileWords(files []string) string {
	const few = 3
	var words []string
	for _, name := range files {
		if name == "-" || len(files) > few {
			return "FILE"
		}
		words = append(words, shellWord(name))
	}
	return strings.Join(words, " ")
}
