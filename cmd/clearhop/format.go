package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"clearhop/encode"
	"clearhop/enrich/clientip"
	"clearhop/internal/terminal"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/record"
)

// formatCommand explains log_formats.
type formatCommand struct {
	Format string   `arg:"" help:"A log_format directive as in nginx.conf, a bare format string, the path of an nginx.conf, or the name of a known format."`
	Line   []string `placeholder:"LINE" sep:"none" help:"A line to read; without one the format makes up its own. Repeatable."`
}

// Help is what --help prints below the usage.
func (c *formatCommand) Help() string {
	return `Prints of each log_format the event's fields that its variables feed, what it
costs that variables are missing, and what is read in a line.

Examples:
  clearhop format main
  clearhop format 'log_format short "$remote_addr [$time_local] $status";'
  clearhop format /etc/nginx/nginx.conf
  clearhop format main --line "$(head -n 1 access.log)"

Exit codes: 0 the formats were explained; 1 a line does not match the format;
2 a format cannot be read.`
}

// Run explains all formats that the argument stands for.
func (c *formatCommand) Run(s streams) error {
	formats, text, err := c.formats()
	if err != nil {
		return &usageError{err}
	}
	p, err := pipeline.New(pipeline.Config{Parser: parser.Settings{Format: []string{text}, ErrorZone: "UTC"}})
	if err != nil {
		return &usageError{err}
	}
	var errs []error
	for i, f := range formats {
		if i > 0 {
			fmt.Fprintln(s.out)
		}
		explainFormat(s.out, f)
		if len(c.Line) == 0 {
			errs = append(errs, explainLine(s.out, p, "A line that it would write, made up", string(f.Sample())))
		}
	}
	for _, line := range c.Line {
		errs = append(errs, explainLine(s.out, p, "The line", line))
	}
	return errors.Join(append(errs, p.Close())...)
}

// formats reads the argument, and returns it as the pipeline takes it too. What
// is no file and no name is a format.
func (c *formatCommand) formats() (formats []*parser.Format, text string, err error) {
	name, isConf := strings.CutPrefix(c.Format, "@")
	if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() || strings.HasSuffix(name, ".conf") {
		isConf = true
	}
	if isConf {
		conf, err := parser.ReadConf(name)
		if err != nil {
			return nil, "", err
		}
		if len(conf.Formats) == 0 {
			return nil, "", fmt.Errorf("%s has no log_format: nginx then logs in the format combined", name)
		}
		return conf.Formats, "@" + name, nil
	}
	if c.Format == parser.JSON || c.Format == parser.Auto {
		return nil, "", fmt.Errorf("%q stands for no single log_format: see docs/formats.md", c.Format)
	}
	f, err := parser.Compile(c.Format)
	return []*parser.Format{f}, c.Format, err
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
	for _, v := range f.Variables() {
		fields := fed[v]
		if fields == nil {
			fields = []string{"nginx.access.extra." + v}
		}
		fmt.Fprintf(w, "  %-*s  %s\n", width, "$"+v, strings.Join(fields, ", "))
	}
	explainMissing(w, f)
}

// explainMissing says what the variables cost that are not there.
func explainMissing(w io.Writer, f *parser.Format) {
	has := map[string]bool{}
	for _, v := range f.Variables() {
		has[v] = true
	}
	title := "\nWhat is missing, and what that costs\n"
	for _, v := range clientip.Variables() {
		if !has[string(v.Field)] {
			fmt.Fprintf(w, "%s  $%s: %s\n", title, v.Field, plain(v.Without))
			title = ""
		}
	}
	if title == "" {
		fmt.Fprintf(w, "  The format %s has them all: clearhop format %s\n", parser.Recommended, parser.Recommended)
	} else {
		fmt.Fprintln(w, "\nNothing is missing that tells of the chain.")
	}
}

// explainLine prints what is read in a line. Of the chain nothing is known but
// the line, so that every private address counts as an NLB's.
func explainLine(w io.Writer, p *pipeline.Pipeline, title, text string) error {
	fmt.Fprintf(w, "\n%s\n  %s\n", title, terminal.Printable(text))
	out := p.NewWorker().Process(&record.Line{Text: []byte(text), Origin: &record.Origin{}})
	if out.Err != nil {
		return out.Err
	}
	fmt.Fprintln(w, "\nWhat is read in it")
	return printFields(w, out.Data)
}

// fedBy lists the fields of the event by the variables that feed them, as the
// event's own documentation has it.
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
	return fed
}

// printFields prints an event with one field a line, but for what each one has.
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
