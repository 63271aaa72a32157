package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"clearhop/aws/nlb"
	"clearhop/diagnose"
	"clearhop/enrich/clientip"
	"clearhop/feed"
	"clearhop/pipeline"
	"clearhop/record"
)

// An examination reads log files and judges the chain by their lines. It infers the
// addresses of the chain that the settings do not give, so it reads the files again
// where all lines show other addresses than the first ones. The doctor prints its
// report. report and query load the records of its last reading, so that they say the
// same.
type examination struct {
	streams
	inputs   []logFile
	group    *groupReading // is read too; nil if there is none
	settings pipeline.Config
	window   window
	aws      bool // AWS is asked too
	// bar shows how much was read: it returns the function that is called with the
	// bytes so far, and the one that takes the bar away.
	bar func() (update func(bytes int64), finish func())

	given  clientip.Chain // of the settings; empty sets where they give none
	spools map[string]*spool
	readAs readings
	counts feed.Counts // of the last reading
}

// A logFile is a file and the name that its lines are read under.
type logFile struct{ path, name string }

func logFiles(paths []string) []logFile {
	var all []logFile
	for _, path := range paths {
		all = append(all, logFile{path, path})
	}
	return all
}

func newExamination(s streams, inputs []logFile, settings pipeline.Config) *examination {
	settings.Infer, settings.NoEvents = true, true
	return &examination{streams: s, inputs: inputs, settings: settings, bar: func() (func(int64), func()) {
		return func(int64) {}, func() {}
	}}
}

const (
	// surveyed is how many lines of each input the addresses are inferred from.
	surveyed = 50_000
	// maxPasses is how often files are read at most, after the survey of their
	// first lines: again where all lines show other addresses.
	maxPasses = 3
)

// run reads the files as often as it takes, and judges the chain.
func (x *examination) run(ctx context.Context) (*diagnose.Report, error) {
	roles, err := x.survey(ctx, surveyed)
	if err != nil {
		return nil, err
	}
	for pass := 1; ; pass++ {
		counters, found, err := x.count(ctx, roles, nil)
		if counters == nil {
			return nil, err
		}
		if ctx.Err() != nil || x.isSettled(&roles, &found, pass) {
			x.sayUnsettled(&roles, &found)
			report := counters.Report()
			report.ReadAs = x.readAs.list
			return report, err
		}
		roles = found
	}
}

// isSettled reports whether reading the files again would change nothing, or cannot be
// done.
func (x *examination) isSettled(roles, found *diagnose.Roles, pass int) bool {
	return roles.SameChain(found) || pass >= maxPasses || x.hasSpools()
}

// isUnsettled reports whether the lines of what can be read once only show another chain
// than their beginning does.
func (x *examination) isUnsettled(roles, found *diagnose.Roles) bool {
	return x.hasSpools() && (len(x.settings.Client.NLB) == 0 || len(x.settings.Client.Trusted) == 0) && !roles.SameChain(found)
}

// unsettled is what is to be said then.
const unsettled = "the later lines show other addresses of the chain than the first ones, from which they were inferred, and this input can be read only once; give --nlb and --trusted, or a file"

func (x *examination) sayUnsettled(roles, found *diagnose.Roles) {
	if x.isUnsettled(roles, found) {
		fmt.Fprintln(x.err, "clearhop: "+unsettled)
	}
}

// survey reads the addresses that the settings give, and infers the chain from the first
// lines of each input; from all of them if limit is 0.
func (x *examination) survey(ctx context.Context, limit int) (diagnose.Roles, error) {
	if x.aws && len(x.settings.Client.NLB) == 0 {
		x.settings.Client.NLB = []string{"discover"}
	}
	var chainErr error
	x.given, chainErr = x.settings.Client.ReadChain()
	settings := x.settings
	settings.Client.NLB, settings.Chain = nil, &clientip.Chain{Internal: x.given.Internal, Inferred: true}
	settings.Only = pipeline.Parsed
	p, err := pipeline.New(settings)
	if err := errors.Join(err, chainErr); err != nil {
		return diagnose.Roles{}, &usageError{err}
	}
	x.warnLeftOut(p)
	survey := diagnose.NewSurvey()
	if !x.window.since.IsZero() || x.group != nil {
		limit = 0 // the first lines may all be of another time
	}
	// An error is reported when all lines are read.
	_ = x.read(ctx, p, limit, func(o *pipeline.Outcome) error {
		if x.window.holds(o.Record) {
			survey.Add(o.Record)
		}
		return nil
	})
	return x.roles(survey), errors.Join(p.Close(), ctx.Err())
}

// roles returns what a survey found, without what the settings contradict.
func (x *examination) roles(s *diagnose.Survey) diagnose.Roles {
	roles := s.Roles()
	roles.Drop(x.given)
	return roles
}

// config is what the settings and a survey say about the chain.
func (x *examination) config(roles diagnose.Roles) diagnose.Config {
	c := diagnose.Config{Chain: x.given, GivenNLB: len(x.settings.Client.NLB) > 0, GivenTrusted: len(x.settings.Client.Trusted) > 0}
	return c.WithRoles(roles)
}

// count reads all lines into counters, and surveys all of them. take, if it is not nil,
// gets what became of each line; its error ends the reading. count returns no counters if
// nothing could be read, and the error says why.
func (x *examination) count(ctx context.Context, roles diagnose.Roles, take func(*pipeline.Outcome) error) (*diagnose.Counters, diagnose.Roles, error) {
	config := x.config(roles)
	settings := x.settings
	settings.Chain = &config.Chain
	settings.NodeFinder = nlb.Nodes
	if take == nil {
		settings.Only = pipeline.Judged
	}
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
	err = x.read(ctx, p, 0, func(o *pipeline.Outcome) error {
		r := o.Record
		if x.window.holds(r) {
			survey.Add(r)
			counters.Add(r)
			if name := config.Chain.Nodes[r.Client.SourceIP]; name != "" {
				shown[name] = true
			}
		} else {
			counters.LeaveOut()
		}
		if take == nil {
			return nil
		}
		return take(o)
	})
	if x.aws && ctx.Err() == nil {
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

// read takes the inputs through the pipeline, at most limit lines of each; 0 for all of
// them. take gets what became of each line; its error ends the reading.
func (x *examination) read(ctx context.Context, p *pipeline.Pipeline, limit int, take func(*pipeline.Outcome) error) error {
	x.readAs = readings{private: p.Private()}
	var inputs []feed.Input
	for _, in := range x.inputs {
		// An input that is read twice must outlive this reading, so it ends with ctx only.
		open := func(context.Context, string) (io.ReadCloser, error) { return x.open(ctx, in.path) }
		input := feed.Files([]string{in.name}, open)[0]
		if limit > 0 {
			input = firstLines(input, limit)
		}
		inputs = append(inputs, input)
	}
	if x.group != nil {
		inputs = append(inputs, x.group.again)
	}
	update, finish := x.bar()
	if limit > 0 {
		update = nil // that takes a moment
	}
	defer finish()
	var err error
	x.counts, err = feed.Run(ctx, inputs, feed.Config{
		Pipeline:     p,
		NewCollector: func() feed.Collector { return &examiner{take: take} },
		Decided:      x.readAs.add,
		Warn:         x.warn,
		Progress:     update,
	})
	return err
}

// An examiner is the feed.Collector of an examination. It passes nothing on: what the
// lines say comes at the end.
type examiner struct {
	take func(*pipeline.Outcome) error
	err  error
}

func (e *examiner) Add(o *pipeline.Outcome) {
	if e.err == nil {
		e.err = e.take(o)
	}
}

// Yield returns the error of take.
func (e *examiner) Yield(context.Context) error { return e.err }
