package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"clearhop/encode"
	"clearhop/enrich/clientip"
	"clearhop/internal/terminal"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/verdict"
)

// formatCommand explains log_formats.
type formatCommand struct {
	Format string   `arg:"" optional:"" help:"A log_format directive as in nginx.conf, a bare format string, the path of an nginx.conf (FILE#NAME for one of its formats), or the name of a known format."`
	From   string   `placeholder:"FILE" help:"Propose the log_format of a log, or the meaning of its JSON keys, from its first lines; - for standard input."`
	Line   []string `placeholder:"LINE" sep:"none" help:"A log line to read. The default is an example line of the format. Repeatable."`
}

// Help is what --help prints below the usage.
func (c *formatCommand) Help() string {
	return `Prints, for each log_format: which fields of the event its variables feed, what
the missing variables cost, and what Clearhop reads in a line.

Examples:
  clearhop format main
  clearhop format 'log_format short "$remote_addr [$time_local] $status";'
  clearhop format /etc/nginx/nginx.conf
  clearhop format /etc/nginx/nginx.conf#main --line "$(head -n 1 access.log)"
  clearhop format main --line "$(head -n 1 access.log)"
  clearhop format --from access.log

Exit codes: 0 the formats were explained, or one was proposed; 1 a line does not
match the format, or no format could be proposed; 2 a format cannot be read.`
}

// Run explains all formats that the argument names.
func (c *formatCommand) Run(ctx context.Context, s streams) error {
	switch {
	case c.From != "" && c.Format != "":
		return &usageError{errors.New("give a format to explain, or --from FILE")}
	case c.From != "":
		return c.propose(ctx, s)
	case c.Format == "":
		return &usageError{errors.New("give a format to explain, or --from FILE to find one")}
	}
	formats, text, err := c.formats()
	if err != nil {
		return &usageError{err}
	}
	p, err := pipeline.New(pipeline.Config{Parser: parser.Settings{Format: []string{text}, ErrorZone: "UTC"}})
	if err != nil {
		return &usageError{err}
	}
	s.warnLeftOut(p)
	var errs []error
	for i, f := range formats {
		if i > 0 {
			fmt.Fprintln(s.out)
		}
		explainFormat(s.out, f)
		if len(c.Line) == 0 {
			errs = append(errs, explainLine(s.out, p, "An example line of this format", string(f.Sample())))
		}
	}
	for _, line := range c.Line {
		errs = append(errs, explainLine(s.out, p, "The line", line))
	}
	return errors.Join(append(errs, p.Close())...)
}

// formats returns the formats that the argument names, and the argument as the
// pipeline takes it. An argument that is neither a file nor a name is a format.
func (c *formatCommand) formats() (formats []*parser.Format, text string, err error) {
	if conf := c.conf(); conf != "" {
		formats, err := formatsOf(conf)
		return formats, "@" + conf, err
	}
	if c.Format == parser.JSON || c.Format == parser.LTSV || c.Format == parser.Auto {
		return nil, "", fmt.Errorf("%q is not a single log_format: see docs/formats.md", c.Format)
	}
	f, err := parser.Compile(c.Format)
	return []*parser.Format{f}, c.Format, err
}

// conf returns the nginx.conf that the argument names, as FILE or FILE#FORMAT; "" if
// it names none.
func (c *formatCommand) conf() string {
	name, marked := strings.CutPrefix(c.Format, "@")
	file, _ := parser.SplitConf(name)
	for _, file := range []string{name, file} {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() || strings.HasSuffix(file, ".conf") {
			marked = true
		}
	}
	if !marked {
		return ""
	}
	return name
}

// formatsOf returns the formats of an nginx.conf, or the one that is named.
func formatsOf(name string) ([]*parser.Format, error) {
	file, format := parser.SplitConf(name)
	conf, err := parser.ReadConf(file)
	switch {
	case looksLikeLog(file):
		return nil, fmt.Errorf("%s looks like a log, not like an nginx.conf; try: clearhop format --from %s", file, shellWord(file))
	case format != "":
		f, err := parser.FormatOf(file, format, parser.ReadConf)
		return []*parser.Format{f}, err
	case err != nil:
		return nil, err
	case len(conf.Formats) == 0 && len(conf.LeftOut) == 0:
		return nil, fmt.Errorf("%s has no log_format: nginx then logs in the format combined", file)
	}
	return conf.Formats, nil
}

func explainFormat(w io.Writer, f *parser.Format) {
	name := f.Name()
	if name == "" {
		name = "(unnamed)"
	}
	fmt.Fprintf(w, "log_format %s, escape=%s\n\n", name, f.Escape())
	fmt.Fprintln(w, "What each variable feeds")
	fed := fedBy()
	width := 0
	for _, v := range f.Variables() {
		width = max(width, len(v)+1)
	}
	dropped, extra := f.Dropped(), f.Extra()
	for _, v := range f.Variables() {
		fields := fed[v]
		switch {
		case slices.Contains(dropped, v):
			fields = []string{"nothing: the format has a more precise time"}
		case slices.Contains(extra, v):
			fields = append(slices.Clone(fields), "nginx.access.extra."+v)
		}
		fmt.Fprintf(w, "  %-*s  %s\n", width, "$"+v, strings.Join(fields, ", "))
	}
	explainMissing(w, f)
}

// containers are the variables that hold X-Forwarded-For. The first one holds
// $remote_addr too.
var containers = []string{"proxy_add_x_forwarded_for", "the_real_ip"}

// explainMissing prints what the missing variables cost.
func explainMissing(w io.Writer, f *parser.Format) {
	has := map[string]bool{}
	for _, v := range f.Variables() {
		has[v] = true
	}
	has[string(verdict.RemoteAddr)] = has[string(verdict.RemoteAddr)] || has[containers[0]]
	for _, v := range containers {
		has[string(verdict.XForwardedFor)] = has[string(verdict.XForwardedFor)] || has[v]
	}
	title := "\nWhat is missing, and what that costs\n"
	for _, v := range clientip.Variables() {
		if !has[string(v.Field)] {
			fmt.Fprintf(w, "%s  $%s: %s\n", title, v.Field, plain(v.Without))
			title = ""
		}
	}
	if title == "" {
		fmt.Fprintf(w, "  The format %s has all of them: clearhop format %s\n", parser.Recommended, parser.Recommended)
	} else {
		fmt.Fprintln(w, "\nThe format has every variable that shows the chain.")
	}
}

// explainLine prints what is read in a line. The sets of addresses are inferred:
// every private address counts as an NLB's.
func explainLine(w io.Writer, p *pipeline.Pipeline, title, text string) error {
	fmt.Fprintf(w, "\n%s\n  %s\n", title, terminal.Printable(text))
	out := p.NewWorker().Process(&record.Line{Text: []byte(text), Origin: &record.Origin{}})
	if out.Err != nil {
		return out.Err
	}
	fmt.Fprintln(w, "\nWhat Clearhop reads in it")
	return printFields(w, out.Data)
}

// fedBy lists the fields of the event by the variables that feed them. It takes
// both from the documentation of the event.
func fedBy() map[string][]string {
	fed := map[string][]string{}
	var walk func(prefix string, fields []encode.Field)
	walk = func(prefix string, fields []encode.Field) {
		for _, f := range fields {
			for i, part := range strings.Split(f.From, "`") {
				if name, ok := strings.CutPrefix(part, "$"); ok && i%2 == 1 {
					fed[name] = append(fed[name], prefix+f.Path)
				}
			}
			walk(prefix+f.Path+".", f.Items)
		}
	}
	walk("", encode.Fields())
	for _, v := range clientip.Variables() {
		fed[string(v.Field)] = append([]string{"client.ip", "provenance"}, fed[string(v.Field)]...)
	}
	for _, v := range containers {
		fed[v] = fed[string(verdict.XForwardedFor)]
	}
	return fed
}

// printFields prints an event with one field a line. It leaves out the fields
// that each event has.
func printFields(w io.Writer, event []byte) error {
	d := json.NewDecoder(bytes.NewReader(event))
	d.UseNumber()
	var field func(prefix string) error
	field = func(prefix string) error {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'):
			for d.More() {
				key, err := d.Token()
				if err != nil {
					return err
				}
				name := fmt.Sprint(key)
				if prefix != "" {
					name = prefix + "." + name
				}
				if err := field(name); err != nil {
					return err
				}
			}
			_, err = d.Token()
			return err
		case json.Delim('['):
			for d.More() {
				if err := field(prefix); err != nil {
					return err
				}
			}
			_, err = d.Token()
			return err
		}
		switch {
		case prefix == "schema_version", prefix != "event.duration" && strings.HasPrefix(prefix, "event."):
		case strings.HasPrefix(prefix, "provenance.geo_state"):
		default:
			fmt.Fprintf(w, "  %s: %s\n", prefix, terminal.Printable(fmt.Sprint(token)))
		}
		return nil
	}
	return field("")
}

// plain returns text without the quotes of Markdown.
func plain(text string) string { return strings.ReplaceAll(text, "`", "") }
