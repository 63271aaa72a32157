package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/netip"
	"slices"

	"clearhop/aws/nlb"
	"clearhop/diagnose"
	"clearhop/enrich/clientip"
	"clearhop/feed"
	"clearhop/internal/terminal"
	"clearhop/pipeline"
	"clearhop/record"

	"github.com/alecthomas/kong"
)

// doctorCommand reads log lines and prints which hop is broken.
type doctorCommand struct {
	Files []string `arg:"" optional:"" name:"file" help:"Log files of one hop or of both, plain, gzip or zstd, or saved CloudWatch payloads; - or none for standard input."`

	Config kong.ConfigFlag `name:"config" placeholder:"FILE" help:"Read settings from a YAML file whose keys are the names of these flags."`
	Output string          `short:"o" enum:"text,json" default:"text" help:"How to print the report: text or json."`
	AWS    bool            `name:"aws" help:"Ask AWS too: the NLB's addresses, unless --nlb gives them, and its target groups' attributes."`
	Color  string          `enum:"auto,always,never" default:"auto" help:"Colours: auto for those of a terminal, unless NO_COLOR is set; always; never."`

	Settings pipeline.Config `embed:"" group:"The log and the chain"`
}

// The exit codes of doctor.
const (
	exitFindings = 1 // a hop is broken
	exitUnjudged = 2 // nothing could be judged, or some input not be read
)

// Help is what --help prints below the usage.
func (c *doctorCommand) Help() string {
	return `The report names each broken hop, shows how many lines say so, since when, and two
of them without what names visitors, and gives the lines of nginx.conf or the
target-group attribute that mend it. Give the logs of both hops where you have
them: lines of one request are joined by $request_id.

Give the chain's addresses with --nlb and --trusted. What is not given is inferred
from the log, and the report says so. With --aws the NLB's addresses come from EC2,
and the target groups of the NLBs that the log shows are held against it; that
takes the permissions ec2:DescribeNetworkInterfaces and
elasticloadbalancing:DescribeLoadBalancers, DescribeTargetGroups and
DescribeTargetGroupAttributes.

Examples:
  clearhop doctor access.log
  clearhop doctor --nlb 10.16.1.11,10.16.2.11 edge.log web.log
  aws logs filter-log-events --log-group-name /ecs/web --output text --query 'events[].[message]' | clearhop doctor
  clearhop doctor --aws edge.log web.log
  clearhop doctor --output json access.log | jq .findings

Exit codes: 0 no fault can be seen, also where variables are missing; 1 there are
findings; 2 nothing could be judged, some input could not be read, or the command
line is wrong; 130 interrupted.`
}

// Run reads the inputs and prints the report.
func (c *doctorCommand) Run(ctx context.Context, s streams) error {
	c.Settings.CityDB, c.Settings.ASNDB = "", "" // a place tells nothing of the chain
	x := &examination{streams: s, command: c, settings: c.Settings}
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
	var out bytes.Buffer
	if c.Output == "json" {
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(report); err != nil {
			return err
		}
	} else {
		writeReport(&out, report, terminal.Colours(c.Color, s.out))
	}
	if _, err := s.out.Write(out.Bytes()); err != nil {
		return err
	}
	switch {
	case report.State == diagnose.Broken:
		return exitCode{exitFindings, err}
	case report.State == diagnose.Unknown || err != nil:
		return exitCode{exitUnjudged, err}
	}
	return nil
}

// An examination reads the inputs, more than once where the chain's addresses
// are to be inferred first.
type examination struct {
	streams
	command  *doctorCommand
	settings pipeline.Config
	spools   map[string]*spool
}

const (
	// surveyed is how many lines of each input the addresses are inferred from.
	surveyed = 50_000
	// maxPasses bounds how often files are read: the survey of the first lines,
	// and again when all lines tell more.
	maxPasses = 3
)

func (x *examination) run(ctx context.Context) (*diagnose.Report, error) {
	if x.command.AWS && len(x.settings.NLB) == 0 {
		x.settings.NLB = []string{"discover"}
	}
	config := diagnose.Config{GivenNLB: len(x.settings.NLB) > 0, GivenTrusted: len(x.settings.Trusted) > 0}
	roles, err := x.survey(ctx)
	if err != nil {
		return nil, err
	}
	config.Roles, config.Probes = &roles, roles.Probes
	for pass := 1; ; pass++ {
		counters, found, err := x.count(ctx, config)
		if counters == nil {
			return nil, err
		}
		if sameChain(&roles, &found) || pass == maxPasses || x.hasSpools() || ctx.Err() != nil {
			return counters.Report(), err
		}
		roles = found
		config.Roles, config.Probes = &roles, roles.Probes
	}
}

// survey infers the chain from the first lines of each input.
func (x *examination) survey(ctx context.Context) (diagnose.Roles, error) {
	settings := x.settings
	settings.NLB, settings.Trusted = nil, nil
	p, err := pipeline.New(settings)
	if err != nil {
		return diagnose.Roles{}, &usageError{err}
	}
	survey := diagnose.NewSurvey()
	// What cannot be read is reported when all is read.
	_ = x.read(ctx, p, surveyed, survey.Add)
	return x.roles(survey), errors.Join(p.Close(), ctx.Err())
}

// roles are those that a survey found, but for what the settings know better.
func (x *examination) roles(s *diagnose.Survey) diagnose.Roles {
	roles := s.Roles()
	set := func(items []string) clientip.Addresses {
		addresses, _ := clientip.ParseAddresses(items...) // what is no address is told when the pipeline is made
		return addresses
	}
	roles.Drop(set(x.settings.NLB), set(x.settings.Trusted), set(x.settings.Internal))
	return roles
}

// count reads all lines into counters, and surveys all of them. Without counters
// there was nothing to go by, and the error says why.
func (x *examination) count(ctx context.Context, config diagnose.Config) (*diagnose.Counters, diagnose.Roles, error) {
	settings := x.settings
	fillIn(&settings, &config)
	p, err := pipeline.New(settings)
	if err != nil {
		return nil, diagnose.Roles{}, &usageError{err}
	}
	if err := discoverFirst(ctx, p); err != nil {
		return nil, diagnose.Roles{}, errors.Join(err, p.Close())
	}
	client := p.Client()
	config.NLB, config.Trusted = client.NLB, client.Trusted
	for _, node := range slices.SortedFunc(maps.Keys(client.Nodes), netip.Addr.Compare) {
		config.NLB.Prefixes = append(slices.Clip(config.NLB.Prefixes), netip.PrefixFrom(node, node.BitLen()))
	}
	counters, survey := diagnose.NewCounters(config), diagnose.NewSurvey()
	shown := map[string]bool{} // the NLBs whose nodes the log shows
	err = x.read(ctx, p, 0, func(r *record.Record) {
		survey.Add(r)
		counters.Add(r)
		if name := client.Nodes[r.Client.SourceIP]; name != "" {
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
func targetGroups(ctx context.Context, names []string) ([]diagnose.TargetGroup, error) {
	ctx, cancel := context.WithTimeout(ctx, firstLook)
	defer cancel()
	balancing, err := nlb.NewBalancing(ctx)
	if err != nil {
		return nil, err
	}
	found, err := balancing.FindTargetGroups(ctx, names...)
	var groups []diagnose.TargetGroup
	for _, g := range found {
		groups = append(groups, diagnose.TargetGroup{
			Name: g.Name, ARN: g.ARN, LoadBalancer: g.LoadBalancer, TargetType: g.TargetType, Protocol: g.Protocol, Port: g.Port,
			ProxyProtocolV2: g.ProxyProtocolV2, PreserveClientIP: g.PreserveClientIP,
		})
	}
	return groups, err
}

// fillIn puts what was inferred into the settings that were not given.
func fillIn(settings *pipeline.Config, config *diagnose.Config) {
	roles := config.Roles
	texts := func(peers []diagnose.Peer) (list []string) {
		for _, p := range peers {
			list = append(list, p.Address.String())
		}
		return list
	}
	if !config.GivenNLB {
		settings.NLB = texts(roles.NLB)
	}
	if !config.GivenTrusted {
		settings.Trusted = texts(roles.Edge)
		for _, network := range roles.CDN {
			settings.Trusted = append(settings.Trusted, network.String())
		}
	}
	if len(settings.NLB)+len(settings.Trusted) == 0 {
		// No proxy shows. An empty set would make one of every private address.
		settings.Trusted = []string{"unix:"}
	}
}

// sameChain reports whether two surveys come to the same addresses.
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
	files := orStdin(x.command.Files)
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
