package delivery

import (
	"context"
	"errors"
	"maps"
	"slices"

	"clearhop/sink"
	"clearhop/sink/retry"
)

// Outlets are where the events of a program go: one outlet for the events that no
// rule routes, one for each route, and a place for dead letters.
type Outlets struct {
	outlets []*Outlet // the one without a route first
	letters *Letters
}

// An Outlet is one sink, and the place for what it does not take.
type Outlet struct {
	route   string
	sink    sink.Sink
	letters *Letters
}

// Sinks are the sinks behind Outlets.
type Sinks struct {
	Events  sink.Sink            // for the events that no rule routes
	Routes  map[string]sink.Sink // by the name of the route
	Letters sink.Sink            // for dead letters; nil if there is no place for them
}

// New returns Outlets of sinks that are open. Closing the Outlets closes them.
func New(s Sinks, o Options) (*Outlets, error) {
	if s.Events == nil {
		return nil, errors.New("delivery: no sink for events")
	}
	letters, err := NewLetters(s.Letters, o)
	if err != nil {
		return nil, err
	}
	outlets := &Outlets{letters: letters, outlets: []*Outlet{{sink: s.Events, letters: letters}}}
	for _, route := range slices.Sorted(maps.Keys(s.Routes)) {
		outlets.outlets = append(outlets.outlets, &Outlet{route: route, sink: s.Routes[route], letters: letters})
	}
	return outlets, nil
}

// close closes the sinks.
func (s Sinks) close(ctx context.Context) error {
	var errs []error
	for _, to := range s.list() {
		errs = append(errs, to.Close(ctx))
	}
	return errors.Join(errs...)
}

func (s Sinks) list() []sink.Sink {
	return slices.DeleteFunc(append(slices.Collect(maps.Values(s.Routes)), s.Events, s.Letters), func(to sink.Sink) bool { return to == nil })
}

// All returns the outlets: the one for events without a route first, then those
// of the routes in the order of their names.
func (o *Outlets) All() []*Outlet { return slices.Clone(o.outlets) }

// Routes returns the names of the routes, in order.
func (o *Outlets) Routes() []string {
	var names []string
	for _, outlet := range o.outlets[1:] {
		names = append(names, outlet.route)
	}
	return names
}

// Letters returns the place for dead letters.
func (o *Outlets) Letters() *Letters { return o.letters }

// TakeStats returns what the sinks counted since the last TakeStats, including
// that of dead letters.
func (o *Outlets) TakeStats() sink.Stats {
	sum := o.letters.TakeStats()
	for _, outlet := range o.outlets {
		sum = sum.Add(takeStats(outlet.sink))
	}
	return sum
}

func takeStats(s sink.Sink) sink.Stats {
	if metered, ok := s.(sink.Metered); ok {
		return metered.TakeStats()
	}
	return sink.Stats{}
}

// Close closes the sinks, and that of dead letters last.
func (o *Outlets) Close(ctx context.Context) error {
	var errs []error
	for _, outlet := range o.outlets {
		errs = append(errs, outlet.sink.Close(ctx))
	}
	return errors.Join(append(errs, o.letters.Close(ctx))...)
}

// Route returns the name of the outlet's route. It is empty for the outlet of the
// events that no rule routes.
func (o *Outlet) Route() string { return o.route }

// Put delivers events, and keeps as dead letters what the sink does not take. It
// returns when the fate of each event is known, and keeps and changes nothing of
// events.
//
// A Put that begins with less than Options.LetterReserve until the deadline of
// ctx does not try the sink: its events fail with retry.ErrOutOfTime.
func (o *Outlet) Put(ctx context.Context, events []sink.Document) Receipt {
	if len(events) == 0 {
		return Receipt{}
	}
	err := retry.ErrOutOfTime
	if o.letters.hasTime(ctx) {
		err = o.letters.try(ctx, func() error { return o.sink.Put(ctx, events) })
	}
	failures := failuresOf(err, len(events))
	r := Receipt{Delivered: len(events) - len(failures)}
	if len(failures) > 0 {
		o.letters.keepEvents(ctx, o.route, events, failures, &r)
	}
	return r
}
