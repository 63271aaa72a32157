package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"clearhop/internal/terminal"
	"clearhop/rule"
	"clearhop/sink"
	"clearhop/sink/file"
)

// outputs are where events go: one output for all, and one for each route of a
// rule.
type outputs struct {
	all    []*output      // the one for all first
	routes map[string]int // where the output of a route stands in all
	goesOn bool           // files are not emptied: an earlier run has written to them
}

// openOutputs opens the files of --output and --route. routes are the names
// that the rules send events to.
func (c *enrichCommand) openOutputs(s streams, routes []string) (*outputs, error) {
	if err := c.checkOutputs(routes); err != nil {
		return nil, &usageError{err}
	}
	o := &outputs{routes: map[string]int{}, goesOn: c.State != ""}
	if c.Output == "" {
		to, err := file.New(s.out), error(nil)
		if o.goesOn {
			to, err = file.ContinueTo(s.out)
		}
		if err != nil {
			return nil, err
		}
		o.all = append(o.all, &output{name: "events", to: to})
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
	open := file.Create
	if o.goesOn {
		open = file.Continue
	}
	to, err := open(name)
	if err != nil {
		return err
	}
	o.all = append(o.all, &output{name: "events to " + name, to: to})
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

// sync returns when all that was flushed is on the disk.
func (o *outputs) sync() error {
	var errs []error
	for _, out := range o.all {
		errs = append(errs, out.to.Sync())
	}
	return errors.Join(errs...)
}

// settle returns the error of the reading, with one error for each output that
// failed in the place of all that it returned meanwhile.
func (o *outputs) settle(err error) error {
	var errs []error
	if err != nil {
		for _, e := range flatten(err) {
			if _, ok := e.(*writeError); !ok { //nolint:errorlint // put returns it as it is
				errs = append(errs, e)
			}
		}
	}
	for _, out := range o.all {
		if out.failed != nil {
			errs = append(errs, out.failed)
		}
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
	name     string // for messages
	to       *file.Sink
	gathered sink.Batch

	events int         // that were put
	failed *writeError // nil while all were written
}

// A writeError says what could not be written to an output. Its counts grow until all
// is read.
type writeError struct {
	out  *output
	lost int // events
	err  error
}

// Error gives the first cause and how many events are lost.
func (e *writeError) Error() string {
	verb := "are"
	if e.lost == 1 {
		verb = "is"
	}
	return fmt.Sprintf("write %s: %v; %d of %s %s lost, and reading ended there",
		e.out.name, e.err, e.lost, terminal.Plural(int64(e.out.events), "event"), verb)
}

// Unwrap returns the cause.
func (e *writeError) Unwrap() error { return e.err }

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
	events := o.gathered.Documents()
	o.events += len(events)
	err := o.to.Put(ctx, events)
	if err == nil {
		return nil
	}
	lost := len(events)
	if some, ok := errors.AsType[*sink.PutError](err); ok {
		lost = len(some.Failures)
	}
	if o.failed == nil {
		o.failed = &writeError{out: o, err: cause(err)}
	}
	o.failed.lost += lost
	return o.failed
}

// cause returns what the system says about a write that failed, without the path,
// which the message has already.
func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	if some, ok := errors.AsType[*sink.PutError](err); ok {
		return some.Failures[0].Err
	}
	return err
}
