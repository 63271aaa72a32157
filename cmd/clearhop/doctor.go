package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/netip"
	"slices"
	"time"

	"clearhop/aws/nlb"
	"clearhop/diagnose"
	"clearhop/enrich/clientip"
	"clearhop/feed"
	"clearhop/internal/terminal"
	"clearhop/pipeline"
	"clearhop/record"
)

// doctorCommand reads log lines and prints which hop is broken.
type doctorCommand struct {
	Files []string `arg:"" optional:"" name:"file" help:"Log files of one hop or of both, plain, gzip or zstd, or saved CloudWatch payloads; - or none for standard input."`

	Config configFlag `name:"config" placeholder:"FILE" help:"Read settings from a YAML file whose keys are the names of these flags."`
	Output string     `short:"o" enum:"text,json" default:"text" help:"How to print the report: text or json."`
	AWS    bool       `name:"aws" help:"Ask AWS too: the NLB's addresses, unless --nlb gives them, and its target groups' attributes."`
	Color  string     `enum:"auto,always,never" default:"auto" help:"Colours: auto for those of a terminal, unless NO_COLOR is set; always; never."`

	Since    string  `placeholder:"TIME" help:"Judge only lines logged at this time or later: RFC 3339, such as 2026-11-20T14:05:00Z, or a duration before now, such as 2h."`
	Until    string  `placeholder:"TIME" help:"Judge only lines logged before this time, written as for --since."`
	MinShare float64 `name:"min-share" default:"0" placeholder:"SHARE" help:"Exit with 1 only if at least this share of the lines shows a finding: 0.01 for one in a hundred."`

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

Examples:
  clearhop doctor access.log
  clearhop doctor --nlb 10.16.1.11,10.16.2.11 edge.log web.log
  aws logs filter-log-events --log-group-name /ecs/web --output text --query 'events[].[message]' | clearhop doctor
  clearhop doctor --aws edge.log web.log
  clearhop doctor --since 2h --min-share 0.01 access.log
  clearhop doctor --output json access.log | jq .findings

Lines without a time are left out where --since or --until is given.

Exit codes: 0 no fault can be seen, also where variables are missing; 1 there are
findings, also where one of the causes named is that nothing is broken; 2 nothing
could be judged, or not which column is the peer's, some input could not be read, or
the command line is wrong; 130 interrupted.`
}

// Run reads the inputs and prints the report.
func (c *doctorCommand) Run(ctx context.Context, s streams) error {
	c.Settings.GeoIP.CityDB, c.Settings.GeoIP.ASNDB = "", "" // a place says nothing about the chain
	c.Files = s.orStdin(c.Files)
	x := &examination{streams: s, command: c, settings: c.Settings}
	x.settings.Infer = true
	var err error
	if x.window, err = c.window(time.Now()); err != nil {
		return &usageError{err}
	}
	report, err := x.run(ctx)
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return err
	case ctx.Err() != nil:
		return errInterrupted
	case report == nil:
		return err
	}
	write := func() error { return report.WriteText(s.out, c.style(s.out)) }
	if c.Output == "json" {
		write = func() error { return report.WriteJSON(s.out) }
	}
	if err := write(); err != nil {
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

// checkSettings implements checker.
func (c *doctorCommand) checkSettings() error {
	_, err := c.window(time.Now())
	return errors.Join(err, checkPipeline(c.Settings))
}

// An examination reads the inputs, and reads them again where the chain's
// addresses have to be inferred first.
type examination struct {
	streams
	command  *doctorCommand
	settings pipeline.Config
	window   window
	given    clientip.Chain // of the settings; empty sets where they give none
	spools   map[string]*spool
	readAs   readings
}

const (
	// surveyed is how many lines of each input the addresses are inferred from.
	surveyed = 50_000
	// maxPasses is how often files are read at most, after the survey of their
	// first lines: again where all lines show other addresses.
	maxPasses = 3
)

func (x *examination) run(ctx context.Context) (*diagnose.Report, error) {
	if x.command.AWS && len(x.settings.Client.NLB) == 0 {
		x.settings.Client.NLB = []string{"discover"}
	}
	roles, err := x.survey(ctx)
	if err != nil {
		return nil, err
	}
	config := diagnose.Config{Chain: x.given, GivenNLB: len(x.settings.Client.NLB) > 0, GivenTrusted: len(x.settings.Client.Trusted) > 0}
	for pass := 1; ; pass++ {
		counters, found, err := x.count(ctx, config.WithRoles(roles))
		if counters == nil {
			return nil, err
		}
		if sameChain(&roles, &found) || pass == maxPasses || x.hasSpools() || ctx.Err() != nil {
			report := counters.Report()
			report.ReadAs = x.readAs.list
			return report, err
		}
		roles = found
	}
}

// survey reads the addresses that the settings give, and infers the chain from
// the first lines of each input.
func (x *examination) survey(ctx context.Context) (diagnose.Roles, error) {
	var chainErr error
	x.given, chainErr = x.settings.Client.ReadChain()
	settings := x.settings
	settings.Client.NLB, settings.Chain = nil, &clientip.Chain{Internal: x.given.Internal, Inferred: true}
	p, err := pipeline.New(settings)
	if err := errors.Join(err, chainErr); err != nil {
		return diagnose.Roles{}, &usageError{err}
	}
	x.warnLeftOut(p)
	survey := diagnose.NewSurvey()
	// An error is reported when all lines are read.
	limit := surveyed
	if !x.window.since.IsZero() {
		limit = 0 // the first lines may all be of another time
	}
	_ = x.read(ctx, p, limit, func(r *record.Record) {
		if x.window.holds(r) {
			survey.Add(r)
		}
	})
	return x.roles(survey), errors.Join(p.Close(), ctx.Err())
}

// roles returns what a survey found, without what the settings contradict.
func (x *examination) roles(s *diagnose.Survey) diagnose.Roles {
	roles := s.Roles()
	roles.Drop(x.given)
	return roles
}

// count reads all lines into counters, and surveys all of them. It returns no
// counters if nothing could be read, and the error says why.
func (x *examination) count(ctx context.Context, config diagnose.Config) (*diagnose.Counters, diagnose.Roles, error) {
	settings := x.settings
	settings.Chain = &config.Chain
	settings.NodeFinder = nlb.Nodes
	p, err := pipeline.New(settings)
	if err != nil {
		return nil, diagnose.Roles{}, &usageError{err}
	}
	if err := discoverFirst(ctx, x.streams, p); err != nil {
		return nil, diagnose.Roles{}, errors.Join(err, p.Close())
	}
	config.Chain.Nodes = p.Client().Nodes
	counters, survey := diagnose.NewCounters(config), diagnose.NewSurvey()
	shown := map[string]bool{} // the NLBs whose nodes the log shows
	err = x.read(ctx, p, 0, func(r *record.Record) {
		if !x.window.holds(r) {
			counters.LeaveOut()
			return
		}
		survey.Add(r)
		counters.Add(r)
		if name := config.Chain.Nodes[r.Client.SourceIP]; name != "" {
			shown[name] = true
		}
	})
	if x.command.AWS && ctx.Err() == nil {
		groups, awsErr := targetGroups(ctx, slices.Sorted(maps.Keys(shown)))
		counters.SetTargetGroups(groups)
		err = errors.Join(err, awsErr)
	}
	return counters, x.roles(survey), errors.Join(err, p.Close())
}

// targetGroups asks AWS for the target groups of NLBs; of all, where the log
// does not show which.
func targetGroups(ctx context.Context, names []string) ([]record.TargetGroup, error) {
	ctx, cancel := context.WithTimeout(ctx, firstLook)
	defer cancel()
	balancing, err := nlb.NewBalancing(ctx)
	if err != nil {
		return nil, err
	}
	return balancing.FindTargetGroups(ctx, names...)
}

// sameChain reports whether two surveys found the same addresses.
func sameChain(a, b *diagnose.Roles) bool {
	addresses := func(peers []diagnose.Peer) []netip.Addr {
		var list []netip.Addr
		for _, p := range peers {
			list = append(list, p.Address)
		}
		slices.SortFunc(list, netip.Addr.Compare)
		return list
	}
	return slices.Equal(addresses(a.NLB), addresses(b.NLB)) && slices.Equal(addresses(a.Edge), addresses(b.Edge)) &&
		slices.Equal(a.CDN, b.CDN) && len(a.Probes) == len(b.Probes)
}

// read takes the inputs through the pipeline, at most limit lines of each; 0 for
// all of them. add gets the record of each line.
func (x *examination) read(ctx context.Context, p *pipeline.Pipeline, limit int, add func(*record.Record)) error {
	files := x.command.Files
	x.readAs = readings{private: p.Private()}
	// An input that is read twice must outlive this reading, so it ends with ctx only.
	inputs := feed.Files(files, func(_ context.Context, name string) (io.ReadCloser, error) { return x.open(ctx, name) })
	if limit > 0 {
		for i := range inputs {
			inputs[i] = firstLines(inputs[i], limit)
		}
	}
	bar := terminal.NewProgress(x.err, files)
	defer bar.Finish()
	_, err := feed.Run(ctx, inputs, feed.Config{
		Pipeline:     p,
		NewCollector: func() feed.Collector { return examiner{add} },
		Decided:      x.readAs.add,
		Warn:         x.warn,
		Progress:     bar.Update,
	})
	return err
}

// An examiner is the feed.Collector of doctor. It passes nothing on: the report
// comes at the end.
type examiner struct{ add func(*record.Record) }

func (e examiner) Add(o *pipeline.Outcome) { e.add(o.Record) }

func (examiner) Yield(context.Context) error { return nil }
