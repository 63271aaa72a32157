package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"clearhop/analytics"
	"clearhop/analytics/store"
	"clearhop/internal/setting"
	"clearhop/pipeline"
)

// queryCommand answers one question about logs or events.
type queryCommand struct {
	Question string   `arg:"" optional:"" name:"name|sql" help:"The name of a question, or one SELECT over the views. Without it the questions are listed."`
	Files    []string `arg:"" optional:"" name:"file" help:"Log files as enrich reads them, or events: NDJSON, gzip, zstd, Parquet and folders of them; - for standard input."`

	loadFlags
	athenaFlags
	Config configFlag `name:"config" placeholder:"FILE" help:"Read settings from a YAML file whose keys are the names of these flags."`
	Output string     `short:"o" enum:"table,csv,json,ndjson,markdown,parquet" default:"table" help:"How to print the answer: table, csv, json, ndjson, markdown or parquet."`
	Limit  int        `placeholder:"N" help:"Print at most so many rows. The default is the question's own limit; of SQL it is none."`
	Bucket string     `placeholder:"DURATION" help:"The length of the times that a question over time counts by, such as 15m or 1d. The default is 1h."`
	Client string     `placeholder:"ADDRESS" help:"The client that the question client is about."`
	Color  string     `enum:"auto,always,never" default:"auto" help:"Colours of the table: auto for those of a terminal, unless NO_COLOR is set; always; never."`
	Quiet  bool       `short:"q" help:"Print no count and no progress."`

	Settings pipeline.Config `embed:"" group:"The log and the chain"`
}

// Help is what --help prints below the usage.
func (c *queryCommand) Help() string {
	return `The answer goes to standard output, and nothing else does. "clearhop query" alone
lists the questions. SQL is DuckDB's, over the views requests (each access line once)
and lines (each line of any kind once); docs/statistics.md has their columns.

Examples:
  clearhop query
  clearhop query paths access.log
  clearhop query --nlb 10.16.1.11 --trusted 10.16.1.0/24 --db shop.db clients access.log*.gz
  clearhop query --db shop.db --since 24h --where 'status >= 500' paths
  clearhop query "SELECT status, count(*) AS n FROM requests GROUP BY status ORDER BY n DESC" events/
  clearhop query --output csv clients events.ndjson > clients.csv
  clearhop query --athena clearhop --since 24h slow_paths

With --db the events stay in the file, and the next run loads only what is new. An
event that is there already stays as it is: to read a log with other settings, use
another file. A log that was rotated or compressed counts once all the same.

With --athena the events in S3 are asked: give --since, because Athena bills the bytes
that it reads. Your own SQL is Athena's then. It is asked as it is, with the rights that
your AWS account gives it.

Without --athena the SQL, and that of --where, can only read the views: it reaches no file, no network
and no setting, and one SELECT is run. In CSV a text that begins with = + - @ or a tab
gets a ' in front, because a spreadsheet would run it as a formula. Numbers do not.

Exit codes, with DuckDB and with Athena: 0 the question was answered; 1 some input could not be
read, the answer not be written, or the engine gave none; 2 what was asked is wrong (the
command line, the configuration or the SQL), or this clearhop was built without DuckDB;
130 interrupted.`
}

// Run loads the files, asks and prints the answer.
func (c *queryCommand) Run(ctx context.Context, s streams) error {
	if c.Question == "" {
		return c.list(s)
	}
	window, err := c.check()
	if err != nil {
		return &usageError{err}
	}
	if c.Athena != "" {
		return c.askAthena(ctx, s, window)
	}
	if err := checkSQL(ctx, c.Where, c.ownSQL()); err != nil {
		return err
	}
	l, err := c.newLoading(ctx, s)
	if err != nil {
		return err
	}
	defer l.group.close()
	db, stats, loadErr := l.open(ctx, c.DB, c.Files)
	if db == nil {
		return loadErr
	}
	l.printNotes(l.notes)
	nothing := loadErr != nil && c.DB == "" && stats.Events == 0
	if nothing || errors.Is(loadErr, errInterrupted) {
		return errors.Join(loadErr, db.Close())
	}
	err = c.ask(ctx, s, db, window)
	if ctx.Err() != nil {
		err = errInterrupted
	}
	if err == nil {
		err = loadErr
	}
	return errors.Join(err, db.Close())
}

// newLoading looks for what is to be loaded.
func (c *queryCommand) newLoading(ctx context.Context, s streams) (*loading, error) {
	group, err := c.openGroup(ctx, s, c.Quiet)
	if err != nil {
		return nil, err
	}
	if len(c.Files) == 0 && c.DB == "" && group == nil {
		c.Files = s.orStdin(nil)
	}
	return &loading{streams: s, settings: c.Settings, window: c.linesAsked(time.Now()), quiet: c.Quiet, group: group}, nil
}

// ask asks the database and prints the answer.
func (c *queryCommand) ask(ctx context.Context, s streams, db *store.Store, window analytics.Window) error {
	isOwn := c.ownSQL() != ""
	if isOwn {
		if err := db.Narrow(ctx, window, c.Where); err != nil {
			return whereError(err)
		}
	}
	err := c.answer(ctx, s, db.Each, analytics.Query{Window: window})
	if isOwn {
		return wrongSQL(err)
	}
	return questionError(err, c.Where)
}

// ownSQL returns the SQL that is asked; "" if it is a named question.
func (c *queryCommand) ownSQL() string {
	if _, named := analytics.Find(c.Question); named {
		return ""
	}
	return c.Question
}

// askAthena asks Athena and prints the answer. SQL that is no named question is asked as
// it is.
func (c *queryCommand) askAthena(ctx context.Context, s streams, window analytics.Window) error {
	engine, err := c.athenaFlags.open(ctx)
	if err != nil {
		return err
	}
	each := func(ctx context.Context, sql string, begin func([]analytics.Column) error, row func([]any) error) error {
		answer, err := engine.Ask(ctx, sql)
		if err != nil {
			return err
		}
		if err := begin(answer.Columns); err != nil {
			return err
		}
		for _, values := range answer.Rows {
			switch err := row(values); {
			case errors.Is(err, store.ErrEnough):
				return nil
			case err != nil:
				return err
			}
		}
		return nil
	}
	err = c.answer(ctx, s, each, analytics.Query{Dialect: analytics.Athena, Window: window})
	c.printScanned(s, c.Quiet)
	if ctx.Err() != nil {
		return errInterrupted
	}
	return wrongSQL(err)
}

// checkSettings implements checker.
func (c *queryCommand) checkSettings() error {
	_, err := c.check()
	return errors.Join(err, checkPipeline(c.Settings))
}

// check reports what is wrong with the command line, as far as no database is needed.
func (c *queryCommand) check() (analytics.Window, error) {
	window, err := c.window(time.Now())
	errs := []error{err, c.athenaFlags.check(c.Files, c.DB), c.checkGroup(c.Files, c.Athena, false)}
	q, named := analytics.Find(c.Question)
	if !named && !looksLikeSQL(c.Question) {
		errs = append(errs, c.unknown())
	}
	errs = append(errs, c.checkValues(q))
	if !named && c.Athena != "" && (c.Since != "" || c.Until != "" || c.Where != "") {
		errs = append(errs, errors.New("--since, --until and --where do not go with --athena and your own SQL: write the condition into the SQL, such as WHERE dt >= '2026-11-22' AND status >= 500"))
	}
	if c.Limit < 0 {
		errs = append(errs, setting.Error("limit", fmt.Errorf("%d is no number of rows", c.Limit)))
	}
	return window, errors.Join(errs...)
}

// checkValues reports values that the question does not read, and one that is missing.
// Own SQL, whose Question is the zero one, reads none.
func (c *queryCommand) checkValues(q analytics.Question) error {
	reads := func(ask analytics.Query) bool { return q.SQL(ask) != q.SQL(analytics.Query{}) }
	var errs []error
	switch isRead := reads(analytics.Query{Client: "192.0.2.1"}); {
	case c.Client != "" && !isRead:
		errs = append(errs, setting.Error("client", errors.New("goes with the question client")))
	case c.Client == "" && isRead && c.Question != "":
		errs = append(errs, errors.New("the question client needs the client that it is about: --client ADDRESS"))
	}
	if c.Bucket != "" {
		length, err := parseDuration(c.Bucket)
		switch {
		case err != nil || length < time.Second:
			errs = append(errs, setting.Error("bucket", fmt.Errorf("%q is no duration of a second or more: give one as 15m, 6h or 1d", c.Bucket)))
		case !reads(analytics.Query{Bucket: 2 * time.Hour}):
			errs = append(errs, setting.Error("bucket", errors.New("goes with a question over time, such as traffic")))
		}
	}
	return errors.Join(errs...)
}

// looksLikeSQL reports whether text is meant as SQL and not as the name of a question.
func looksLikeSQL(text string) bool {
	return strings.ContainsAny(strings.TrimSpace(text), " \t\r\n();*")
}

// unknown is the error of a name that no question has. The first argument may be a file:
// the question was forgotten.
func (c *queryCommand) unknown() error {
	if strings.ContainsAny(c.Question, "./") {
		return fmt.Errorf("there is no question %q; the question comes first: clearhop query NAME %s", c.Question, shellWord(c.Question))
	}
	hint := didYouMean(c.Question, questionNames())
	if hint == "" {
		hint = `; "clearhop query" lists the questions`
	}
	return fmt.Errorf("there is no question %q%s", c.Question, hint)
}

func questionNames() []string {
	var names []string
	for _, q := range analytics.Questions() {
		names = append(names, q.Name)
	}
	return names
}

// list prints the questions.
func (c *queryCommand) list(s streams) error {
	p := newPage(s.out, c.Color)
	width := 0
	for _, name := range questionNames() {
		width = max(width, len(name))
	}
	for _, q := range analytics.Questions() {
		indent := fmt.Sprintf("%-*s  ", width, q.Name)
		p.hanging(indent, q.Description)
	}
	p.line("\nAsk one of them with %sclearhop query NAME FILE%s, or with --db FILE. Your own SQL", p.Config, p.Off)
	p.line("can stand in the place of NAME.")
	return nil
}

// An eachRow runs SQL and calls begin with the columns, and then row with each row.
type eachRow func(ctx context.Context, sql string, begin func([]analytics.Column) error, row func([]any) error) error

// answer asks and prints. The query has the engine's dialect and the time that is asked
// for.
func (c *queryCommand) answer(ctx context.Context, s streams, each eachRow, ask analytics.Query) error {
	w, err := newAnswerWriter(c.Output, s.out, c.Color)
	if err != nil {
		return &usageError{err}
	}
	q, named := analytics.Find(c.Question)
	sql := c.Question
	if named {
		ask.Where, ask.Limit, ask.Client = c.Where, c.Limit, c.Client
		ask.Bucket, _ = parseDuration(c.Bucket) // check has read it; without it, it is 0
		sql = q.SQL(ask)
	}
	rows := 0
	err = each(ctx, sql, func(columns []analytics.Column) error {
		if named && len(columns) == len(q.Columns) {
			columns = q.Columns
		}
		return w.begin(columns)
	}, func(row []any) error {
		if !named && c.Limit > 0 && rows == c.Limit {
			return store.ErrEnough
		}
		rows++
		return w.row(row)
	})
	if err != nil {
		return err
	}
	if err := w.end(); err != nil {
		return fmt.Errorf("write the answer: %w", cause(err))
	}
	if table, ok := w.(*tableAnswer); ok && table.note() != "" && !c.Quiet {
		newPage(s.err, "never").wrapped("", "clearhop: "+table.note())
	}
	if rows == 0 && c.Output == "table" && !c.Quiet {
		fmt.Fprintln(s.err, "clearhop: no row answers the question"+terminalHint(c))
	}
	return nil
}

// terminalHint says what may be the reason of an empty answer.
func terminalHint(c *queryCommand) string {
	if c.Since != "" || c.Until != "" || c.Where != "" {
		return "; --since, --until or --where may leave out all requests"
	}
	return ""
}
