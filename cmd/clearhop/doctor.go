package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/netip"
	"os"
	"slices"

	"clearhop/aws/nlb"
	"clearhop/diagnose"
	"clearhop/enrich/clientip"
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
  clearhop doctor --output json access.log | jq .findings

Exit codes: 0 no fault can be seen, also where variables are missing; 1 there are
findings; 2 nothing could be judged, some input could not be read, or the command
line is wrong; 130 interrupted.`
}

// Run reads the inputs and prints the report.
func (c *doctorCommand) Run(ctx context.Context, s streams) error {
	c.Settings.GeoIP.CityDB, c.Settings.GeoIP.ASNDB = "", "" // a place says nothing about the chain
	x := &examination{streams: s, command: c, settings: c.Settings}
	report, err := x.run(ctx)
	var usage *usageError
	if errors.As(err, &usage) || report == nil {
		return err
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	write := func() error { return report.WriteText(s.out, c.style(s.out)) }
	if c.Output == "json" {
		write = func() error { return report.WriteJSON(s.out) }
	}
	if err := write(); err != nil {
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

// An examination reads the inputs, and reads them again where the chain's
// addresses have to be inferred first.
type examination struct {
	streams
	command  *doctorCommand
	settings pipeline.Config
	given    clientip.Chain // of the settings; empty sets where they give none
	spools   map[string]*spool
}

const (
	// surveyed is how many lines of each input the addresses are inferred from.
	surveyed = 50_000
	// maxPasses is how often files are read at most, after the survey of their
	// first lines: again where all lines show other addresses.
	maxPasses = 3
)

// errEnough ends the reading of an input of which a sample is enough.
var errEnough = errors.New("enough was read")

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
			return counters.Report(), err
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
	survey := diagnose.NewSurvey()
	// An error is reported when all lines are read.
	_ = x.read(ctx, p, surveyed, survey.Add)
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
// all of them.
func (x *examination) read(ctx context.Context, p *pipeline.Pipeline, limit int, add func(*record.Record)) error {
	lines := 0
	e := &enriching{
		streams:  x.streams,
		pipeline: p,
		worker:   p.NewWorker(),
		lines:    map[*record.Origin]*lineBatch{},
		summary:  newSummary(false),
		opener:   x.open,
	}
	e.handle = func(_ context.Context, o *pipeline.Outcome) error {
		add(o.Record)
		if lines++; limit > 0 && lines >= limit {
			return errEnough
		}
		return nil
	}
	inputs := x.command.Files
	if len(inputs) == 0 {
		inputs = []string{"-"}
	}
	bar := newProgress(x.err, inputs, false)
	defer bar.finish()
	var errs []error
	for _, name := range inputs {
		if ctx.Err() != nil {
			break
		}
		lines = 0
		err := e.read(ctx, name, bar)
		if errors.Is(err, errEnough) {
			clear(e.lines)
			err = nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// open opens an input. What can be read once only is kept as far as a sample
// of it was read, and read again from there.
func (x *examination) open(ctx context.Context, name string) (io.ReadCloser, error) {
	if s := x.spools[name]; s != nil {
		return s.again(), nil
	}
	in, err := openInput(ctx, x.in, name)
	if err != nil {
		return nil, err
	}
	if _, isFile := in.(*os.File); isFile {
		return in, nil
	}
	if x.spools == nil {
		x.spools = map[string]*spool{}
	}
	s := &spool{in: in}
	x.spools[name] = s
	return s, nil
}

func (x *examination) hasSpools() bool { return len(x.spools) > 0 }

// A spool keeps what was read of an input, so that it can be read twice.
type spool struct {
	in   io.ReadCloser
	kept bytes.Buffer
}

// maxSpooled bounds what is kept. A survey of so much is enough.
const maxSpooled = 64 << 20

// Read reads on, and ends when enough is kept.
func (s *spool) Read(b []byte) (int, error) {
	if s.kept.Len() >= maxSpooled {
		return 0, io.EOF
	}
	n, err := s.in.Read(b)
	s.kept.Write(b[:n])
	return n, err
}

// Close leaves the input open for the second reading.
func (s *spool) Close() error { return nil }

// again returns all of the input: what is kept, and the rest as it comes.
func (s *spool) again() io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(&s.kept, s.in), s.in}
}
