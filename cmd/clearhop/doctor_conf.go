package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"clearhop/check"
	"clearhop/diagnose"
	"clearhop/internal/terminal"
	"clearhop/nginxconf"
	"clearhop/parser"
)

// readConfs reads the files of --nginx-conf.
func (c *doctorCommand) readConfs() ([]*nginxconf.Config, error) {
	if c.Diff && len(c.NginxConf) == 0 {
		return nil, errors.New("--diff: give the configuration to change with --nginx-conf")
	}
	if c.Diff && c.Output == "json" {
		return nil, errDiffOutput
	}
	var confs []*nginxconf.Config
	var errs []error
	for _, name := range c.NginxConf {
		conf, err := nginxconf.Read(name)
		errs = append(errs, err)
		confs = append(confs, conf)
	}
	return confs, errors.Join(errs...)
}

// readInFormats has the lines read in the log formats of the files of --nginx-conf, unless
// the formats are given.
func (c *doctorCommand) readInFormats() {
	given := c.Settings.Parser.Format
	if len(given) > 1 || len(given) == 1 && given[0] != parser.Auto {
		return
	}
	var formats []string
	for _, name := range c.NginxConf {
		if conf, _ := parser.ReadConf(name); conf != nil && len(conf.Formats) > 0 {
			formats = append(formats, "@"+name)
		}
	}
	c.Settings.Parser.Format = append(formats, parser.Auto)
}

// A heldReport is a report with what configurations say of the log.
type heldReport struct {
	*diagnose.Report
	Comparison *check.Comparison `json:"nginx_conf,omitempty"`
}

// write prints the report, and what the configurations say of the log.
func (c *doctorCommand) write(s streams, report *diagnose.Report, confs []*nginxconf.Config) error {
	held := heldReport{Report: report}
	if len(confs) > 0 {
		var err error
		if held.Comparison, err = check.Compare(&check.Chain{Confs: confs}, report); err != nil {
			return &usageError{fmt.Errorf("--nginx-conf: %w", err)}
		}
	}
	switch {
	case c.Diff:
		return c.writeDiff(s, held.Comparison)
	case c.Output == "json":
		e := json.NewEncoder(s.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(held)
	}
	style := c.style(s.out)
	if err := report.WriteText(s.out, style); err != nil || held.Comparison == nil {
		return err
	}
	return held.Comparison.WriteText(s.out, style.Width)
}

// writeDiff prints the change of the files, and on standard error why there is none or
// what else is to do.
func (c *doctorCommand) writeDiff(s streams, held *check.Comparison) error {
	if len(held.Changes)+len(held.TargetGroup) > 0 {
		return printDiff(s, held.Diff, held.TargetGroup, held.Fixed)
	}
	for _, says := range held.Says {
		fmt.Fprintf(s.err, "clearhop: %s\n", terminal.Printable(says))
	}
	return nil
}
