package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"clearhop/diagnose"
	"clearhop/feed"
	"clearhop/internal/terminal"
	"clearhop/parser"
	"clearhop/parser/infer"
	"clearhop/pipeline"
)

// propose finds the log_format of a log, or the meaning of its JSON keys.
func (c *formatCommand) propose(ctx context.Context, s streams) error {
	p, err := pipeline.New(pipeline.Config{Parser: parser.Settings{ErrorZone: "UTC"}, Infer: true})
	if err != nil {
		return err
	}
	var found []pipeline.Reading
	inputs := feed.Files([]string{c.From}, func(ctx context.Context, name string) (io.ReadCloser, error) { return feed.Open(ctx, s.in, name) })
	inputs[0] = firstLines(inputs[0], pipeline.MaxSampleLines)
	_, err = feed.Run(ctx, inputs, feed.Config{
		Pipeline:     p,
		NewCollector: func() feed.Collector { return ignored{} },
		Decided:      func(more []pipeline.Reading) { found = append(found, more...) },
		Warn:         s.warn,
	})
	if err := errors.Join(err, p.Close()); err != nil {
		return err
	}
	proposed := false
	for i := range found {
		if i > 0 {
			fmt.Fprintln(s.out)
		}
		proposed = c.printProposal(s.out, &found[i]) || proposed
	}
	if !proposed {
		return fmt.Errorf("%s: no format can be proposed: give lines of an access log, or read nginx.conf with --format @nginx.conf", c.From)
	}
	return nil
}

// printProposal prints what a sample of a stream shows. It reports whether there is a
// format to use.
func (c *formatCommand) printProposal(w io.Writer, r *pipeline.Reading) bool {
	lines := terminal.Plural(int64(r.Lines), "line")
	if len(r.Doubts) > 0 {
		if settings := choices(r, &r.Doubts[0]); len(settings) > 0 {
			c.printChoices(w, r, settings)
			return true
		}
	}
	switch keys := r.Keys; {
	case r.Inferred != nil:
		fmt.Fprintf(w, "%s: this log_format reads %d of the %d lines that no known format reads:\n\n  %s\n\n",
			r.Stream, r.Inferred.Read, r.Inferred.Lines, terminal.Printable(r.Inferred.Directive()))
		for _, text := range unproven(r.Inferred) {
			fmt.Fprintln(w, text)
		}
		fmt.Fprintln(w, "Compare it with the log_format in nginx.conf, and correct the names. Then use it:")
		c.printCommands(w, "--format "+shellWord(r.Inferred.Argument()))
	case keys != nil && len(keys.Means) > 0:
		fmt.Fprintf(w, "%s: %s of JSON. These keys are not known, and their values look like nginx variables:\n\n", r.Stream, lines)
		width := 0
		for _, m := range keys.Means {
			width = max(width, len(m.Key))
		}
		for _, m := range keys.Means {
			fmt.Fprintf(w, "  %-*s  $%s\n", width, m.Key, m.Variable)
		}
		fmt.Fprintln(w, "\nIf that is right, use it:")
		c.printCommands(w, "--json-key "+shellWord(keys.Setting()))
	case len(r.Formats) > 0 && r.Unparsed*2 < r.Lines:
		fmt.Fprintf(w, "%s: %s. They are read without a setting:\n\n", r.Stream, lines)
		for _, f := range r.Formats {
			fmt.Fprintf(w, "  %s  %s\n", f.Name, terminal.Plural(int64(f.Lines), "line"))
		}
		fmt.Fprintln(w, "\nNobody named the format, so a forwarded header in it is not vouched for. If it is right:")
		c.printCommands(w, "--format "+shellWord(r.Formats[0].Name))
	default:
		return false
	}
	return true
}

// printChoices prints the settings of which one is right, where two columns may be the
// peer's address.
func (c *formatCommand) printChoices(w io.Writer, r *pipeline.Reading, settings []diagnose.Choice) {
	a := readAs(r, false)
	fmt.Fprintf(w, "%s: %s. %s\n", r.Stream, terminal.Plural(int64(r.Lines), "line"), strings.Join(a.Unproven, " "))
	for _, choice := range settings {
		fmt.Fprintf(w, "\nIf %s:\n\n  clearhop doctor %s %s\n", choice.If, choice.Try, shellWord(c.From))
	}
}

func (c *formatCommand) printCommands(w io.Writer, setting string) {
	file := shellWord(c.From)
	fmt.Fprintf(w, "\n  clearhop doctor %s %s\n  clearhop enrich %s %s\n", setting, file, setting, file)
}

// ignored is a feed.Collector that keeps nothing.
type ignored struct{}

func (ignored) Add(*pipeline.Outcome)       {}
func (ignored) Yield(context.Context) error { return nil }

// looksLikeLog reports whether the first lines of a file are those of a log.
func looksLikeLog(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	const looked = 64 << 10
	lines := bufio.NewScanner(io.LimitReader(f, looked))
	lines.Buffer(nil, looked)
	for n := 0; n < 10 && lines.Scan(); n++ {
		line := lines.Text()
		if infer.IsAccess(line) || parser.IsErrorLine([]byte(line)) || strings.HasPrefix(line, `{"`) {
			return true
		}
	}
	return false
}
