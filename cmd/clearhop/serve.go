package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"clearhop/analytics"
	"clearhop/analytics/store"
	"clearhop/aws/athena"
	"clearhop/aws/nlb"
	"clearhop/dashboard"
	"clearhop/feed"
	"clearhop/internal/setting"
	"clearhop/internal/terminal"
	"clearhop/pipeline"
)

// serveCommand serves the dashboard.
type serveCommand struct {
	Files []string `arg:"" optional:"" name:"file" help:"Log files as enrich reads them, or events: NDJSON, gzip, zstd, Parquet and folders of them; - for standard input."`

	loadFlags
	athenaFlags
	Config configFlag `name:"config" placeholder:"FILE" help:"Read settings from a YAML file whose keys are the names of these flags."`
	Listen string     `placeholder:"ADDRESS" default:"127.0.0.1:8070" help:"The address and port of the dashboard. Port 0 takes a free one. The default can be reached from this machine only."`
	Follow bool       `short:"f" help:"Go on reading as the files grow, through rotation and truncation, and tell open pages; plain log lines only."`
	Quiet  bool       `short:"q" help:"Print no count and no progress."`

	Settings pipeline.Config `embed:"" group:"The log and the chain"`
}

// Help is what --help prints below the usage.
func (c *serveCommand) Help() string {
	return `The dashboard shows the chain first, then traffic, errors, latency, and who asked for
what. Click a value to filter everything by it. The address of the page holds what it
shows, so that it can be handed on. Ctrl-C ends the command.

Examples:
  clearhop serve access.log
  clearhop serve --nlb 10.16.1.11 --trusted 10.16.1.0/24 --follow /var/log/nginx/access.log
  clearhop serve --log-group /ecs/web --since 2h
  clearhop serve --db shop.db
  clearhop serve --athena clearhop --since 24h
  ssh -L 8070:localhost:8070 host clearhop serve --follow /var/log/nginx/access.log

There is no password: whoever reaches the address sees what was read. Without --listen
these are the people on this machine. To look at another machine, use a tunnel as in the
last example. The page loads nothing from elsewhere, and other sites cannot ask it.

` + groupsHelp + `

With --athena each filter is a new query, which Athena bills: give --since. An answer that
was given once is kept while the command runs.

Exit codes: 0 ended by Ctrl-C; 1 some input could not be read, or the port is in use;
2 the command line or the configuration is wrong, or this clearhop was built without
DuckDB; 130 interrupted before the dashboard was there.`
}

// checkSettings implements checker.
func (c *serveCommand) checkSettings() error {
	_, err := c.check(time.Now())
	return errors.Join(err, checkPipeline(c.Settings))
}

// check reads the flags.
func (c *serveCommand) check(now time.Time) (analytics.Window, error) {
	window, err := c.window(now)
	errs := []error{err, c.athenaFlags.check(c.Files, c.DB), c.checkGroup(c.Files, c.Athena, c.Follow)}
	if _, port, err := net.SplitHostPort(c.Listen); err != nil {
		errs = append(errs, setting.Error("listen", fmt.Errorf("%q is no address and port, such as 127.0.0.1:8070", c.Listen)))
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		errs = append(errs, setting.Error("listen", fmt.Errorf("%q is no port from 0 to 65535", port)))
	}
	switch {
	case c.Follow && len(c.Files) == 0 && c.LogGroup == "":
		errs = append(errs, errors.New("--follow needs files"))
	case c.Follow && slices.Contains(c.Files, "-"):
		errs = append(errs, errors.New("--follow cannot follow standard input"))
	}
	return window, errors.Join(errs...)
}

// Run loads the files and serves until it is interrupted.
func (c *serveCommand) Run(ctx context.Context, s streams) error {
	window, err := c.check(time.Now())
	if err != nil {
		return &usageError{err}
	}
	listener, err := listen(ctx, c.Listen) // first: loading may take minutes
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // the server has closed it, unless loading failed
	d := &served{streams: s, command: c, config: dashboard.Config{
		Window: window, Where: c.Where, Version: versionText(), Source: c.sourceName(c.Files, c.Athena), Live: c.Follow}}
	err = d.open(ctx)
	if d.config.Engine == nil {
		return errors.Join(err, d.close())
	}
	if ctx.Err() != nil {
		return errors.Join(errInterrupted, d.close())
	}
	return errors.Join(err, d.serve(ctx, listener), d.close())
}

// listen opens the port.
func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program: end that, or choose another port with --listen; --listen 127.0.0.1:0 takes a free one", address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user may not listen at %s: choose a port from 1024", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s is no address of this machine", address)
	case err != nil:
		return nil, fmt.Errorf("--listen: %w", err)
	}
	return l, nil
}

// sourceName says what was read, without the folders.
func (f *loadFlags) sourceName(files []string, workGroup string) string {
	db := f.DB
	switch {
	case f.LogGroup != "":
		return "log group " + f.LogGroup
	case workGroup != "":
		return "Athena, work group " + workGroup
	case len(files) == 0 && db != "":
		return filepath.Base(db)
	}
	const few = 3
	var names []string
	for _, name := range files[:min(few, len(files))] {
		if name == "-" {
			name = "standard input"
		}
		names = append(names, filepath.Base(name))
	}
	text := strings.Join(names, ", ")
	if more := len(files) - few; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// A served is the engine behind the dashboard, and what loads into it.
type served struct {
	streams
	command *serveCommand
	config  dashboard.Config

	stores []*store.Store // to be closed, the first one first
	db     *store.Store   // that is loaded into while it is asked
}

// open opens the engine and loads the files into it. The engine is nil if nothing can be
// asked.
func (d *served) open(ctx context.Context) error {
	c := d.command
	if c.Athena != "" {
		e, err := c.athenaFlags.open(ctx)
		if err != nil {
			return err
		}
		if c.Since == "" {
			d.warn(errors.New("without --since each question reads all events of the table, which Athena bills"))
		}
		d.config.Engine, d.config.Dialect = e, analytics.Athena
		return nil
	}
	group, err := c.openGroup(ctx, d.streams, c.Quiet)
	if err != nil {
		return err
	}
	defer group.close()
	if len(c.Files) == 0 && c.DB == "" && group == nil {
		c.Files = d.orStdin(nil)
		d.config.Source = c.sourceName(c.Files, c.Athena)
	}
	if c.Follow {
		return d.openFollowed(ctx)
	}
	l := &loading{streams: d.streams, settings: c.Settings, quiet: c.Quiet, group: group}
	db, stats, err := l.open(ctx, c.DB, c.Files)
	if db == nil {
		return err
	}
	d.stores = append(d.stores, db)
	if err != nil && c.DB == "" && stats.Events == 0 {
		return err // nothing was read
	}
	if wrong := d.checkWhere(ctx, db); wrong != nil {
		return errors.Join(err, wrong)
	}
	d.config.Engine, d.config.Doctor = db, l.examined.config()
	return err
}

// openFollowed opens a database that can be asked while it is loaded into.
func (d *served) openFollowed(ctx context.Context) error {
	c := d.command
	if !store.HasEngine {
		return &usageError{store.ErrNoEngine}
	}
	for _, name := range c.Files {
		kind, err := store.Sniff(name)
		switch {
		case err != nil:
			return err
		case kind != store.Logs && kind != store.Empty:
			return &usageError{fmt.Errorf("--follow reads plain log lines, and %s is none of these: leave --follow out", name)}
		}
	}
	db, err := store.Open(ctx, store.Options{Path: c.DB, Temporary: areLarge(c.Files)})
	if err != nil {
		return err
	}
	d.stores = append(d.stores, db)
	reader, err := db.Reader(ctx)
	if err != nil {
		return err
	}
	d.stores = append([]*store.Store{reader}, d.stores...)
	if err := d.checkWhere(ctx, reader); err != nil {
		return err
	}
	d.db, d.config.Engine = db, reader
	return nil
}

func (d *served) checkWhere(ctx context.Context, db *store.Store) error {
	if d.command.Where == "" {
		return nil
	}
	if err := db.CheckCondition(ctx, d.command.Where); err != nil {
		return &usageError{fmt.Errorf("--where: %w", err)}
	}
	return nil
}

func (d *served) close() error {
	var errs []error
	for _, db := range d.stores {
		errs = append(errs, db.Close())
	}
	d.command.printScanned(d.streams, d.command.Quiet)
	return errors.Join(errs...)
}

// serve serves until ctx ends, and loads what is added meanwhile.
func (d *served) serve(ctx context.Context, l net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	explorer := dashboard.NewExplorer(d.config)
	host, _, _ := net.SplitHostPort(d.command.Listen) // check has read it
	config := dashboard.ServerConfig{Source: explorer, Name: host, Failed: d.failed}
	if d.command.Athena != "" {
		config.Patience = 10 * time.Minute
	}
	followed := make(chan error, 1)
	if d.db != nil {
		live := dashboard.NewLive()
		config.Live = live
		go func() {
			followed <- d.follow(ctx, func() { explorer.Forget(); live.Changed() })
			stop() // nothing comes any more, because of the error
		}()
	} else {
		followed <- nil
	}
	d.announce(l)
	// The requests in memory are long lists of numbers, which cost a collection next to
	// nothing. So garbage is collected when it is half as large as what is held, unless the
	// operator has set something else. Athena's requests are not in memory.
	if os.Getenv("GOGC") == "" && d.command.Athena == "" {
		debug.SetGCPercent(50)
	}
	server := dashboard.NewServer(config)
	if d.command.Athena == "" {
		go server.Warm(ctx)
	}
	err := server.Serve(ctx, l)
	stop()
	err = errors.Join(err, <-followed)
	explorer.End() // the stores are closed next
	return err
}

// announce prints where the dashboard is.
func (d *served) announce(l net.Listener) {
	at, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return
	}
	host := at.IP.String()
	if at.IP.IsUnspecified() {
		host = "localhost"
	}
	fmt.Fprintf(d.out, "The dashboard is at http://%s/ (Ctrl-C ends it)\n", net.JoinHostPort(host, strconv.Itoa(at.Port)))
	if !at.IP.IsLoopback() {
		d.warn(errors.New("other machines can reach this address too, and there is no password: whoever reaches it sees what was read"))
	}
}

// failed reports why a question was not answered, and returns what the page may show.
func (d *served) failed(err error) string {
	d.warn(err)
	var scan *athena.ScanError
	var query *athena.QueryError
	if errors.As(err, &scan) || errors.As(err, &query) {
		return terminal.Printable(err.Error())
	}
	return ""
}

// livePace is how often what was added can be asked for.
const livePace = time.Second

// follow loads the lines of files as they come, until ctx ends.
func (d *served) follow(ctx context.Context, changed func()) error {
	load, err := d.db.Load(ctx)
	if err != nil {
		return err
	}
	settings := d.command.Settings
	settings.NodeFinder, settings.Infer, settings.NoEvents = nlb.Nodes, true, true
	p, err := pipeline.New(settings)
	if err != nil {
		return &usageError{err}
	}
	d.warnLeftOut(p)
	if err := discoverFirst(ctx, d.streams, p); err != nil {
		return errors.Join(err, p.Close())
	}
	readAs := readings{private: p.Private()}
	collected := &liveLoader{loader: loader{load: load, tally: &pipeline.Tally{}}, changed: changed}
	_, err = feed.Run(ctx, feed.Follow(d.command.Files, false), feed.Config{
		Pipeline:     p,
		NewCollector: func() feed.Collector { return collected },
		Together:     true,
		Flush:        collected.flush,
		Decided:      readAs.add,
		Warn:         d.warn,
	})
	if !d.command.Quiet {
		readAs.print(d.err)
	}
	stats, finishErr := load.Finish()
	if !d.command.Quiet {
		(&loading{streams: d.streams}).print(stats)
	}
	return errors.Join(err, finishErr, p.Close())
}

// A liveLoader makes what was loaded visible once in a while.
type liveLoader struct {
	loader
	err     error // of the Load
	changed func()
	lines   int64 // when it was made visible last
	at      time.Time
}

// Add loads the event of a line. The error is that of the Load.
func (l *liveLoader) Add(o *pipeline.Outcome) {
	if l.err == nil {
		l.err = l.take(o)
	}
}

// Yield returns the error of the Load, which ends the reading.
func (l *liveLoader) Yield(context.Context) error { return l.err }

// flush is called every 200 ms and at the end.
func (l *liveLoader) flush(context.Context) error {
	if l.tally.Lines == l.lines || time.Since(l.at) < livePace {
		return nil
	}
	if err := l.load.Commit(); err != nil {
		return err
	}
	l.lines, l.at = l.tally.Lines, time.Now()
	l.changed()
	return nil
}
