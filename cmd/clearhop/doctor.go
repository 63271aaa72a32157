package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"clearhop/diagnose"
	"clearhop/internal/terminal/progress"
	"clearhop/pipeline"
)

// doctorCommand reads log lines and prints which hop is broken.
type doctorCommand struct {
	Files []string `arg:"" optional:"" name:"file" help:"Log files of one hop or of both, plain, gzip or zstd, or saved CloudWatch payloads; - or none for standard input."`

	Config configFlag `name:"config" placeholder:"FILE" help:"Read settings from a YAML file whose keys are the names of these flags."`
	Output string     `short:"o" enum:"text,json" default:"text" help:"How to print the report: text or json."`
	AWS    bool       `name:"aws" help:"Ask AWS too: the NLB's addresses, unless --nlb gives them, and its target groups' attributes."`
	Color  string     `enum:"auto,always,never" default:"auto" help:"Colours: auto for those of a terminal, unless NO_COLOR is set; always; never."`

	NginxConf []string `name:"nginx-conf" placeholder:"FILE" help:"Hold the log against this nginx.conf too, and name the line at fault. Give it once for each hop, in the order of a request."`
	Diff      bool     `help:"Print only the change that puts the files of --nginx-conf right, as a unified diff for patch -p0."`

	logGroupFlags
	Since    string  `placeholder:"TIME" help:"Judge only lines logged at this time or later: RFC 3339, such as 2026-11-20T14:05:00Z, or a duration before now, such as 2h."`
	Until    string  `placeholder:"TIME" help:"Judge only lines logged before this time, written as for --since."`
	MinShare float64 `name:"min-share" default:"0" placeholder:"SHARE" help:"Exit with 1 only if at least this share of the lines shows a finding: 0.01 for one in a hundred."`
	profileFlags

	Settings pipeline.Config `embed:"" group:"The log and the chain"`
}

// The exit codes of doctor.
const (
	exitFindings = 1 // a hop is broken
	exitUnjudged = 2 // nothing could be judged, or not all of it, or some input not be read
)

// Help is what --help prints below the usage.
func (c *doctorCommand) Help() string {
	return `The report names each broken hop. It says how many lines show the fault, and since
when, and it shows two of them without anything that identifies a visitor. Then it
gives the lines of nginx.conf, or the attribute of the target group, that fix it.
Give the logs of both hops if you have them: the lines of one request are joined by
$request_id.

Give the chain's addresses with --nlb and --trusted. Sets that are not given are
inferred from the log, and the report says so. With --aws the NLB's addresses come
from EC2, and the attributes of its target groups are read too. This takes the
permissions ec2:DescribeNetworkInterfaces and
elasticloadbalancing:DescribeLoadBalancers, DescribeTargetGroups and
DescribeTargetGroupAttributes.

With --nginx-conf the report also says which line of the configuration is at fault, or
that the running nginx cannot run that file. docs/check.md says what is known of a
configuration.

Examples:
  clearhop doctor access.log
  clearhop doctor --nlb 10.16.1.11,10.16.2.11 edge.log web.log
  clearhop doctor --log-group /ecs/web --since 2h
  clearhop doctor --aws edge.log web.log
  clearhop doctor --nginx-conf edge.conf --nginx-conf web.conf edge.log web.log
  clearhop doctor --nginx-conf edge.conf --diff edge.log | patch -p0
  clearhop doctor --since 2h --min-share 0.01 access.log
  clearhop doctor --output json access.log | jq .findings

` + groupsHelp + `

Lines without a time are left out where --since or --until is given.

Exit codes: 0 no fault can be seen, also where variables are missing; 1 there are
findings, also where one of the causes named is that nothing is broken; 2 nothing
could be judged, or not which column is the peer's, some input could not be read, or
the command line is wrong; 130 interrupted.`
}

// Run reads the inputs and prints the report.
func (c *doctorCommand) Run(ctx context.Context, s streams) error {
	c.Settings.GeoIP.CityDB, c.Settings.GeoIP.ASNDB = "", "" // a place says nothing about the chain
	now := time.Now()
	window, err := c.window(now)
	if err != nil {
		return &usageError{err}
	}
	confs, err := c.readConfs()
	if err != nil {
		return &usageError{err}
	}
	c.readInFormats()
	group, err := c.logGroupFlags.open(ctx, s, window, now, false)
	if err != nil {
		return unjudged(err)
	}
	defer group.close()
	report, err := c.examine(ctx, s, group, window)
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return err
	case ctx.Err() != nil:
		return errInterrupted
	case report == nil:
		return err
	case err != nil && report.Read.Lines+report.Read.LeftOut == 0 && c.Output != "json":
		return unjudged(err) // the error says all there is to say
	}
	if err := c.write(s, report, confs); err != nil {
		return err
	}
	switch {
	case slices.ContainsFunc(report.Findings, func(f diagnose.Finding) bool { return f.Share >= c.MinShare }):
		return exitCode{exitFindings, err}
	case report.State == diagnose.Unknown || err != nil:
		return exitCode{exitUnjudged, err}
	}
	return nil
}

// unjudged gives an error the exit code of a doctor that could judge nothing.
func unjudged(err error) error {
	if _, wrong := errors.AsType[*usageError](err); wrong || errors.Is(err, errInterrupted) {
		return err
	}
	return exitCode{exitUnjudged, err}
}

// examine reads the files, or the log group if it is not nil.
func (c *doctorCommand) examine(ctx context.Context, s streams, group *groupReading, w window) (*diagnose.Report, error) {
	var files []string
	if group == nil {
		var copies []fileCopy
		files, copies = withoutCopies(ctx, s.orStdin(c.Files))
		s.printNotes(copyNotes(copies))
	}
	x := newExamination(s, logFiles(files), c.Settings)
	x.window, x.aws, x.group = w, c.AWS, group
	x.bar = func() (func(int64), func()) {
		bar := progress.New(s.err, files)
		return bar.Update, bar.Finish
	}
	return x.run(ctx)
}

// checkSettings implements checker.
func (c *doctorCommand) checkSettings() error {
	_, err := c.window(time.Now())
	return errors.Join(err, checkPipeline(c.Settings))
}
