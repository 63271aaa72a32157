package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"clearhop/rule"
	"clearhop/sink"
	"clearhop/sink/file"
)

// outputs are where events go: one output for all, and one for each route of a
// rule.
type outputs struct {
	all    []*output      // the one for all first
	routes map[string]int // where the output of a route stands in all
}

// openOutputs opens the files of --output and --route. routes are the names
// that the rules send events to.
func (c *enrichCommand) openOutputs(s streams, routes []string) (*outputs, error) {
	if err := c.checkOutputs(routes); err != nil {
		return nil, &usageError{err}
	}
	o := &outputs{routes: map[string]int{}}
	if c.Output == "" {
		o.all = append(o.all, &output{to: file.New(s.out)})
	} else if err := o.create(c.Output); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Route)) {
		o.routes[name] = len(o.all)
		if err := o.create(c.Route[name]); err != nil {
			return nil, errors.Join(err, o.close(context.Background()))
		}
	}
	return o, nil
}

// create opens a file for one more output.
func (o *outputs) create(name string) error {
	to, err := file.Create(name)
	if err != nil {
		return err
	}
	o.all = append(o.all, &output{to: to})
	return nil
}

// checkOutputs reports what is wrong with the files to write: an input would be
// emptied, two kinds of events would go to one file, a route has no file or no
// rule.
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

// isInput reports whether a file is one of the inputs. What is no regular file
// cannot be emptied, so it does not matter.
func (c *enrichCommand) isInput(output string) bool {
	written, err := os.Stat(output)
	if err != nil || !written.Mode().IsRegular() {
		return false
	}
	return slices.ContainsFunc(c.Files, func(name string) bool {
		read, err := os.Stat(name)
		return err == nil && os.SameFile(read, written)
	})
}

// indexOf returns where the output of a route stands in all; "" is no route.
func (o *outputs) indexOf(route string) int {
	if route == "" {
		return 0
	}
	return o.routes[route]
}

// flush writes what all outputs have gathered.
func (o *outputs) flush(ctx context.Context) error {
	var errs []error
	for _, out := range o.all {
		errs = append(errs, out.put(ctx))
	}
	return errors.Join(errs...)
}

// close closes all outputs.
func (o *outputs) close(ctx context.Context) error {
	var errs []error
	for _, out := range o.all {
		errs = append(errs, out.to.Close(ctx))
	}
	return errors.Join(errs...)
}

// An output gathers events and puts many at a time into a sink.
type output struct {
	to       sink.Sink
	gathered sink.Batch
}

// putBytes is how many bytes of events are gathered before they are put.
const putBytes = 256 << 10

// take takes events over, and leaves their batch empty. The error is the sink's; it
// may be of events that were taken before.
func (o *output) take(ctx context.Context, events *sink.Batch) error {
	if o.gathered.Size() == 0 {
		o.gathered, *events = *events, o.gathered // nothing is copied
	} else {
		for _, event := range events.Documents() {
			o.gathered.Add(event.ID, event.Data)
		}
		events.Reset()
	}
	if o.gathered.Size() < putBytes {
		return nil
	}
	return o.put(ctx)
}

// put writes what was gathered. What cannot be written is not tried again.
func (o *output) put(ctx context.Context) error {
	defer o.gathered.Reset()
	return o.to.Put(ctx, o.gathered.Documents())
}
