package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"clearhop/analytics"
	"clearhop/dashboard"
	"clearhop/dashboard/snapshot"
	"clearhop/diagnose"
	"clearhop/internal/setting"
)

// htmlFlags are the flags of a report that is one file.
type htmlFlags struct {
	HTML     string `name:"html" placeholder:"FILE" help:"Write the dashboard with the requests inside to this one file, instead of a report to the terminal. It opens in any browser, without a server or a network."`
	HTMLRows int    `name:"html-rows" placeholder:"N" help:"The most requests in the file of --html, 1 to 5000000. Of more it holds a sample, and says so. The default is 1000000, about 14 MB."`
}

// check reports flags that do not go together.
func (f *htmlFlags) check(compare string) error {
	switch {
	case f.HTML == "" && f.HTMLRows != 0:
		return setting.Error("html-rows", errors.New("goes with --html"))
	case f.HTML == "":
		return nil
	case compare != "":
		return setting.Error("compare", errors.New("does not go with --html: the page itself compares any time with the one before"))
	case f.HTMLRows < 0 || f.HTMLRows > snapshot.MaxRows:
		return setting.Error("html-rows", fmt.Errorf("%d is no number from 1 to %d", f.HTMLRows, snapshot.MaxRows))
	}
	if info, err := os.Stat(f.HTML); err == nil && !info.Mode().IsRegular() {
		return setting.Error("html", fmt.Errorf("%s is no file that can be replaced", f.HTML))
	}
	return nil
}

// writeHTML writes the file of --html and says what is in it.
func (c *reportCommand) writeHTML(ctx context.Context, s streams, engine analytics.Engine, ask analytics.Query, loadFailed bool) error {
	var doctor diagnose.Config
	if c.loading != nil {
		doctor = c.loading.examined.config()
	}
	explorer := dashboard.NewExplorer(dashboard.Config{
		Doctor: doctor, Engine: engine, Dialect: ask.Dialect, Window: ask.Window, Where: ask.Where,
		Version: versionText(), Source: c.sourceName(c.Files, c.Athena),
	})
	taken, err := snapshot.Take(ctx, snapshot.Config{Engine: engine, Explorer: explorer, Rows: c.HTMLRows})
	if err != nil {
		return err
	}
	if loadFailed && taken.Header.Rows == 0 {
		return nil // the error of the input says all
	}
	size, err := replaceFile(c.HTML, taken.WriteHTML)
	if err != nil {
		return fmt.Errorf("--html: %w", cause(err))
	}
	if c.Quiet {
		return nil
	}
	m := taken.Header.Manifest
	fmt.Fprintf(s.out, "%s: %s, %s. Open it in a browser.\n", c.HTML, counted(m.Requests, "request"), byteSize(size))
	if m.Sampled < 1 {
		fmt.Fprintf(s.out, "  They are a sample of %s%% of all requests. The page multiplies its counts. For more, see --html-rows.\n", strconv.FormatFloat(100*m.Sampled, 'g', 3, 64))
	}
	for _, f := range m.Folded {
		fmt.Fprintf(s.out, "  The rarest %s of the dimension %s stand together as %s.\n", counted(f.Values, "value"), f.Dimension, snapshot.Other)
	}
	return nil
}

// replaceFile writes a file beside the one of the name, and then gives it the name: who
// reads the old file meanwhile, or after a failure, reads all of it.
func replaceFile(name string, write func(io.Writer) error) (size int64, err error) {
	unfinished := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+"."+strconv.Itoa(os.Getpid())+".unfinished")
	f, err := os.OpenFile(unfinished, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) { // a process of the same number left it
		_ = os.Remove(unfinished)
		f, err = os.OpenFile(unfinished, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	}
	if err != nil {
		return 0, err
	}
	err = write(f)
	if info, statErr := f.Stat(); statErr == nil {
		size = info.Size()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(unfinished, name)
	}
	if err != nil {
		_ = os.Remove(unfinished)
	}
	return size, err
}
