package watch

import (
	"context"
	"errors"
	"fmt"

	"clearhop/diagnose"
	"clearhop/enrich/clientip"
	"clearhop/pipeline"
	"clearhop/privacy"
)

// maxPasses is how often the lines are read at most: again where all of them show other
// addresses of the chain than those that they were read with.
const maxPasses = 3

// judge judges a sample as the doctor does: sets of the chain that the settings do not
// give are inferred from the lines.
func judge(ctx context.Context, c pipeline.Config, s *sample) (*diagnose.Report, error) {
	c.Only = pipeline.Judged
	given, err := c.Client.ReadChain()
	if err != nil {
		return nil, err
	}
	found, err := survey(c, given, s)
	if err != nil {
		return nil, err
	}
	for pass := 1; ; pass++ {
		counters, again, err := count(ctx, c, given, found, s)
		if err != nil {
			return nil, err
		}
		if pass == maxPasses || found.SameChain(again) {
			return counters.Report(), nil
		}
		found = again
	}
}

// survey infers the chain from the lines alone. Nothing is hidden from it, because it
// needs addresses; it keeps none but those of the chain.
func survey(c pipeline.Config, given clientip.Chain, s *sample) (*diagnose.Roles, error) {
	c.Client.NLB, c.Chain = nil, &clientip.Chain{Internal: given.Internal, Inferred: true}
	c.Privacy, c.Only = privacy.Settings{}, pipeline.Parsed
	p, err := pipeline.New(c)
	if err != nil {
		return nil, err
	}
	found := diagnose.NewSurvey()
	err = process(p, s, func(o *pipeline.Outcome) error { found.Add(o.Record); return nil })
	return rolesOf(found, given), errors.Join(err, p.Close())
}

// rolesOf returns what a survey found, without what the settings contradict.
func rolesOf(s *diagnose.Survey, given clientip.Chain) *diagnose.Roles {
	roles := s.Roles()
	roles.Drop(given)
	return &roles
}

// count counts the lines, read with the chain that a survey found.
func count(ctx context.Context, c pipeline.Config, given clientip.Chain, found *diagnose.Roles, s *sample) (*diagnose.Counters, *diagnose.Roles, error) {
	config := diagnose.Config{Chain: given, GivenNLB: len(c.Client.NLB) > 0, GivenTrusted: len(c.Client.Trusted) > 0}.WithRoles(*found)
	c.Chain = &config.Chain
	p, err := pipeline.New(c)
	if err != nil {
		return nil, nil, err
	}
	if err := p.Refresh(ctx); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("look up the NLB's nodes: %w", err), p.Close())
	}
	config.Chain.Nodes = p.Client().Nodes
	counters, all := diagnose.NewCounters(config), diagnose.NewSurvey()
	err = process(p, s, func(o *pipeline.Outcome) error {
		counters.Add(o.Record)
		all.Add(o.Record)
		return nil
	})
	again := found
	if !p.Private() { // or the addresses are hidden
		again = rolesOf(all, given)
	}
	return counters, again, errors.Join(err, p.Close())
}

// process takes the lines of a sample through a pipeline.
func process(p *pipeline.Pipeline, s *sample, take pipeline.Yield) error {
	w := p.NewWorker()
	for i := range s.streams {
		if _, err := w.ProcessBatch(s.streams[i].lines, true, take); err != nil {
			return err
		}
	}
	return nil
}
