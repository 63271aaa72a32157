package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"clearhop/analytics"
	"clearhop/analytics/store"
	"clearhop/aws/athena"
	"clearhop/diagnose"
	"clearhop/feed"
	"clearhop/internal/terminal"
	"clearhop/internal/terminal/progress"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/verdict"
)

// loadFlags are the flags of the commands that load files and ask questions about them.
type loadFlags struct {
	logGroupFlags
	DB    string `name:"db" placeholder:"FILE" help:"Keep the events in this database file. What is in it already is not loaded again. Without it they are kept in memory, or in a temporary file if they are many."`
	Since string `placeholder:"TIME" help:"Only requests logged at this time or later: RFC 3339, such as 2026-11-20T14:05:00Z, or a duration before now, such as 2h."`
	Until string `placeholder:"TIME" help:"Only requests logged before this time, written as for --since."`
	Where string `placeholder:"SQL" help:"Only requests that this condition holds for, such as status >= 500 AND client_country = 'JP'."`
}

// window returns the time that is asked for. now is what durations are subtracted from.
func (f *loadFlags) window(now time.Time) (analytics.Window, error) {
	w, err := readWindow(f.Since, f.Until, now)
	return analytics.Window{Since: w.since, Until: w.until}, err
}

// openGroup looks for the log group, if one is to be read.
func (f *loadFlags) openGroup(ctx context.Context, s streams, quiet bool) (*groupReading, error) {
	now := time.Now()
	return f.logGroupFlags.open(ctx, s, f.linesAsked(now), now, quiet)
}

// checkGroup reports flags that do not go with a log group.
func (f *loadFlags) checkGroup(files []string, workGroup string, follow bool) error {
	var others []string
	if workGroup != "" {
		others = append(others, "--athena")
	}
	if follow {
		others = append(others, "--follow")
	}
	return f.logGroupFlags.check(files, f.Since, others...)
}

// linesAsked is the same time, for the lines of a log. A wrong flag was reported before.
func (f *loadFlags) linesAsked(now time.Time) window {
	w, _ := readWindow(f.Since, f.Until, now)
	return w
}

// checkSQL reports what is wrong with a condition or with SQL, either of which may be
// empty, before anything is loaded: a typo must not wait for the end of a long load. A
// database without events knows the columns as well.
func checkSQL(ctx context.Context, where, sql string) error {
	if where == "" && sql == "" {
		return nil
	}
	if !store.HasEngine {
		return &usageError{store.ErrNoEngine}
	}
	s, err := store.Open(ctx, store.Options{})
	if err != nil {
		return err
	}
	if where != "" {
		err = whereError(s.CheckCondition(ctx, where))
	}
	if sql != "" && err == nil {
		err = wrongSQL(s.CheckQuery(ctx, sql))
	}
	return errors.Join(err, s.Close())
}

// whereError names the flag in an error of its condition.
func whereError(err error) error {
	if _, ok := errors.AsType[*store.QueryError](err); ok {
		return &usageError{fmt.Errorf("--where: %w", err)}
	}
	return err
}

// questionError returns the error of a named question. What DuckDB refuses in it can only
// be the condition, and the place is in SQL that nobody sees.
func questionError(err error, where string) error {
	if wrong, ok := errors.AsType[*store.QueryError](err); ok && where != "" {
		return whereError(&store.QueryError{Reason: wrong.Reason})
	}
	return err
}

// wrongSQL makes SQL that an engine refuses a wrong command line, so that the exit code
// is the same for all engines: whoever asked has to change the question.
func wrongSQL(err error) error {
	if _, ok := errors.AsType[*store.QueryError](err); ok {
		return &usageError{err}
	}
	if refused, ok := errors.AsType[*athena.QueryError](err); ok && refused.IsWrong {
		return &usageError{err}
	}
	return err
}

// A loading opens a database and loads files into it.
type loading struct {
	streams
	settings pipeline.Config
	window   window // of the lines by which the chain is judged
	quiet    bool
	group    *groupReading // is loaded too; nil if there is none

	bad   int // rows that were reported
	tally pipeline.Tally

	examined examinedLogs
	notes    []string // what whoever reads an answer has to know about it
}

// examinedLogs is what is known of the chain by the log files of a loading.
type examinedLogs struct {
	*examination                    // nil where there are no logs
	roles        diagnose.Roles     // inferred, which the records were made with
	passes       int                // how often all lines were read
	again        bool               // all lines show other addresses, so they have to be read again
	counters     *diagnose.Counters // of the last pass
	isAll        bool               // the database holds nothing else
	isKept       bool               // the database is kept in a file
}

// config is what is known of the chain that the events were made with.
func (e *examinedLogs) config() diagnose.Config {
	switch {
	case e.examination != nil:
		return e.examination.config(e.roles)
	case e.isKept:
		return diagnose.Config{} // an earlier run may have inferred them
	}
	// enrich infers no addresses of the chain: it judges by the sets that it is given.
	return diagnose.Config{GivenNLB: true, GivenTrusted: true}
}

// maxBadRows is how many rows that are no events are reported one by one.
const maxBadRows = 5

// open opens the database and loads the files into it. The Store is nil only if nothing
// can be asked. Otherwise the error says which files could not be loaded, and what was
// loaded can be asked all the same.
func (l *loading) open(ctx context.Context, db string, files []string) (*store.Store, store.Stats, error) {
	if !store.HasEngine {
		return nil, store.Stats{}, &usageError{store.ErrNoEngine}
	}
	_, err := os.Stat(db)
	l.examined.isAll, l.examined.isKept = db == "" || errors.Is(err, fs.ErrNotExist), db != ""
	for {
		nothing := len(files) == 0 && l.group == nil
		s, err := store.Open(ctx, store.Options{Path: db, ReadOnly: nothing, Temporary: l.group != nil || areLarge(files)})
		if err != nil {
			return nil, store.Stats{}, err
		}
		if nothing {
			return s, store.Stats{}, nil
		}
		stats, err := l.load(ctx, s, files)
		var usage *usageError
		if errors.As(err, &usage) {
			return nil, stats, errors.Join(err, s.Close())
		}
		if l.examined.again && ctx.Err() == nil {
			if err := s.Close(); err != nil {
				return nil, stats, err
			}
			l.bad, l.tally = 0, pipeline.Tally{}
			continue
		}
		// Beside an error that says why nothing was loaded, a zero helps nobody.
		if empty := err != nil && stats.Rows() == 0 && stats.Known == 0; !l.quiet && !empty {
			l.print(stats)
		}
		return s, stats, err
	}
}

// maxInMemory is how many bytes of files are loaded into memory, where there is no
// database file. Some 2 million lines have so many bytes.
const maxInMemory = 400 << 20

// areLarge reports whether files may hold more events than should be kept in memory. Of
// standard input and folders the size is not known; compressed files are taken for ten
// times as large as they are.
func areLarge(files []string) bool {
	total := int64(0)
	for _, name := range files {
		info, err := os.Stat(name)
		switch {
		case name == "-", err == nil && !info.Mode().IsRegular():
			return true
		case err != nil: // is reported when it is opened
		default:
			switch filepath.Ext(name) {
			case ".gz", ".zst", ".parquet":
				total += 10 * info.Size()
			default:
				total += info.Size()
			}
		}
	}
	return total > maxInMemory
}

// load loads files: events as they are, and everything else through the pipeline.
func (l *loading) load(ctx context.Context, s *store.Store, files []string) (store.Stats, error) {
	var bar *progress.Bar
	report := func(int64) {}
	if !l.quiet {
		bar = progress.New(l.err, files)
		defer bar.Finish()
		report = bar.Update
	}
	load, err := s.Load(ctx)
	if err != nil {
		return store.Stats{}, err
	}
	events, logs, errs := l.sort(ctx, load, files)
	done := int64(0)
	errs = append(errs, load.Files(events, store.Reading{
		Progress: func(bytes int64) { done = bytes; report(bytes) },
		Warn:     l.warnRow,
	}))
	if len(logs) > 0 || l.group != nil {
		err := l.logs(ctx, s, load, logs, func(bytes int64) { report(done + bytes) })
		errs = append(errs, err)
	}
	stats, err := load.Finish()
	if err != nil && !errors.Is(errors.Join(errs...), err) {
		errs = append(errs, err)
	}
	if ctx.Err() != nil {
		errs = append(errs, errInterrupted)
	}
	return stats, errors.Join(errs...)
}

// sort tells files of events from logs, and loads the events of standard input.
func (l *loading) sort(ctx context.Context, load *store.Load, files []string) (events, logs []string, errs []error) {
	in := l.in
	for _, name := range files {
		kind, err := store.Logs, error(nil)
		if name == "-" {
			kind, in, err = store.SniffReader(interruptible(ctx, l.in))
		} else {
			kind, err = store.Sniff(name)
		}
		switch {
		case err != nil:
			errs = append(errs, err)
		case kind == store.Logs, kind == store.Empty:
			logs = append(logs, name)
			continue
		case name == "-":
			errs = append(errs, load.Lines(in, name, store.Reading{Warn: l.warnRow}))
		default:
			events = append(events, name)
		}
		l.examined.isAll = false
	}
	l.in = in
	return events, logs, errs
}

// interruptible returns a reader of standard input that ends with ctx.
func interruptible(ctx context.Context, in io.Reader) io.Reader {
	r, err := feed.Open(ctx, in, "-")
	if err != nil {
		return in
	}
	return r
}

// logs loads files of log lines.
func (l *loading) logs(ctx context.Context, s *store.Store, load *store.Load, names []string, progress func(int64)) error {
	read, err := l.newLogs(ctx, s, load, names)
	if err != nil || len(read) == 0 && l.group == nil {
		return err
	}
	e := &l.examined
	if e.examination == nil {
		var inputs []logFile
		for _, known := range read {
			inputs = append(inputs, logFile{known.path, known.Name})
		}
		e.examination = newExamination(l.streams, inputs, l.settings)
		e.examination.group = l.group
		// What is in a database that is kept is not loaded again with other addresses, so
		// all lines are surveyed before, also those of another time.
		limit := 0
		if !e.isKept {
			e.window, limit = l.window, surveyed
		}
		if e.roles, err = e.survey(ctx, limit); err != nil {
			return err
		}
		e.bar = func() (func(int64), func()) { return progress, func() {} }
	}
	e.passes++
	var found diagnose.Roles
	e.counters, found, err = e.count(ctx, e.roles, (&loader{load: load, tally: &l.tally, infers: len(l.settings.Client.Trusted) == 0}).take)
	load.Count(e.counts.Inputs)
	if e.counters == nil {
		return err
	}
	if e.again = !e.isKept && !e.isSettled(&e.roles, &found, e.passes); e.again {
		e.roles = found
		return err
	}
	if e.isUnsettled(&e.roles, &found) {
		l.notes = append(l.notes, unsettled)
	}
	if !l.quiet {
		e.readAs.print(l.err)
	}
	if err == nil && ctx.Err() == nil {
		for _, known := range read {
			load.Done(known.Known)
		}
	}
	return err
}

// A knownFile is a log file and what the database knows of it.
type knownFile struct {
	path string
	store.Known
}

// newLogs returns the logs that have to be read: those that the database does not have,
// each once.
func (l *loading) newLogs(ctx context.Context, s *store.Store, load *store.Load, names []string) ([]knownFile, error) {
	kept, copies := withoutCopies(ctx, names)
	if l.examined.examination == nil { // it is the first time
		l.notes = append(l.notes, copyNotes(copies)...)
	}
	var read []knownFile
	for _, name := range kept {
		known, err := s.Recall(ctx, name)
		if err != nil {
			return nil, err
		}
		if known.Whole {
			load.Skip()
			continue
		}
		read = append(read, knownFile{name, known})
	}
	return read, nil
}

// warnRow reports a row that is no event, and what else costs little.
func (l *loading) warnRow(err error) {
	if _, ok := errors.AsType[*store.RowError](err); ok {
		if l.bad++; l.bad > maxBadRows {
			return
		}
	}
	l.warn(err)
}

// print says in one line what was loaded.
func (l *loading) print(n store.Stats) {
	text := counted(n.Events, "event") + " loaded"
	add := func(n int64, what string) {
		if n > 0 {
			text += fmt.Sprintf("; %s %s", grouped(n), what)
		}
	}
	add(n.Unparsed, "of them unparsed lines")
	add(n.Duplicates, "there already")
	add(n.Bad, "rows are no events")
	if n.Known > 0 {
		text += "; " + counted(int64(n.Known), "file") + " unchanged since the last time"
	}
	fmt.Fprintf(l.err, "clearhop: %s\n", text)
}

// A loader loads the events of lines.
type loader struct {
	load  *store.Load
	tally *pipeline.Tally
	// infers says that nobody gave the addresses of the proxies that hand clients on.
	infers bool
}

// take loads an event, which the Load does not keep. Its error is that of the Load, which
// ends the reading.
func (c *loader) take(o *pipeline.Outcome) error {
	c.tally.Add(o)
	if o.Dropped {
		return nil
	}
	if c.infers && isFromHeader(o.Record) {
		o.Record.Provenance.Vouched = false // what was inferred may be what visitors made it look like
	}
	err := c.load.AddRecord(o.Record)
	if _, ok := errors.AsType[*store.EventError](err); ok {
		return nil // it is counted
	}
	return err
}

// isFromHeader reports whether the client of a line stands in a header that visitors can
// send too, or in $remote_addr because nginx took it from one.
func isFromHeader(r *record.Record) bool {
	a := &r.Access
	switch r.Provenance.Field {
	case verdict.XForwardedFor, verdict.XRealIP:
		return true
	case verdict.RemoteAddr:
		isReplaced := len(a.RealipRemoteAddr) > 0 && !bytes.Equal(a.RealipRemoteAddr, a.RemoteAddr)
		return isReplaced && !bytes.Equal(a.ProxyProtocolAddr, a.RemoteAddr)
	}
	return false
}

// printNotes says what whoever reads an answer has to know about what was read.
func (s streams) printNotes(notes []string) {
	for _, note := range notes {
		fmt.Fprintf(s.err, "clearhop: %s\n", terminal.Printable(note))
	}
}
