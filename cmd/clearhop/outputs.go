package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"clearhop/pipeline"
	"clearhop/rule"
	"clearhop/sink"
	"clearhop/sink/file"
)

// outputs are where events go: one for all, and one for each route of a rule.
type outputs struct {
	main   *batch
	routes map[string]*batch
	sinks  []sink.Sink
}

// openOutputs opens the files of --output and --route. routes are the names
// that the rules send events to.
func (c *enrichCommand) openOutputs(s streams, routes []string) (*outputs, error) {
	if err := c.checkOutputs(routes); err != nil {
		return nil, &usageError{err}
	}
	o := &outputs{routes: map[string]*batch{}}
	open := func(name string) (*batch, error) {
		to, err := file.Create(name)
		if err != nil {
			return nil, err
		}
		o.sinks = append(o.sinks, to)
		return newBatch(to), nil
	}
	var err error
	if c.Output != "" {
		o.main, err = open(c.Output)
	} else {
		to := file.New(s.out)
		o.sinks = append(o.sinks, to)
		o.main = newBatch(to)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Route)) {
		if err == nil {
			o.routes[name], err = open(c.Route[name])
		}
	}
	if err != nil {
		return nil, errors.Join(err, o.close(context.Background()))
	}
	return o, nil
}

// checkOutputs says what is wrong with the files to write: an input would be
// emptied, one file would hold two kinds of events, a route leads nowhere or
// nothing goes there.
func (c *enrichCommand) checkOutputs(routes []string) error {
	var errs []error
	seen := map[string]bool{}
	check := func(flag, name string) {
		if seen[name] {
			errs = append(errs, fmt.Errorf("%s: %s is written already", flag, name))
		}
		seen[name] = true
		if c.isInput(name) {
			errs = append(errs, fmt.Errorf("%s %s is one of the files to read", flag, name))
		}
	}
	if c.Output != "" {
		check("--output", c.Output)
	}
	given := slices.Sorted(maps.Keys(c.Route))
	for _, name := range given {
		check("--route "+name, c.Route[name])
	}
	missing, unused := rule.MatchRoutes(routes, given)
	for _, name := range unused {
		errs = append(errs, fmt.Errorf("--route %s: no rule sends events there", name))
	}
	for _, name := range missing {
		errs = append(errs, fmt.Errorf("rule: route:%s: --route %s=FILE is missing", name, name))
	}
	return errors.Join(errs...)
}

// add takes an event over, unless it is dropped. An error is the sink's, of
// this or of earlier events.
func (o *outputs) add(ctx context.Context, out *pipeline.Outcome) error {
	switch {
	case out.Dropped:
		return nil
	case out.Route != "":
		return o.routes[out.Route].add(ctx, out)
	}
	return o.main.add(ctx, out)
}

// flush puts what is gathered.
func (o *outputs) flush(ctx context.Context) error {
	errs := []error{o.main.flush(ctx)}
	for _, name := range slices.Sorted(maps.Keys(o.routes)) {
		errs = append(errs, o.routes[name].flush(ctx))
	}
	return errors.Join(errs...)
}

// close closes the sinks.
func (o *outputs) close(ctx context.Context) error {
	var errs []error
	for _, s := range o.sinks {
		errs = append(errs, s.Close(ctx))
	}
	return errors.Join(errs...)
}
