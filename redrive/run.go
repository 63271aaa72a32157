package redrive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"clearhop/decode"
	"clearhop/delivery"
	"clearhop/pipeline"
	"clearhop/sink"

	"golang.org/x/time/rate"
)

// A Unit is what is settled as a whole: an object, a message or a file.
type Unit struct {
	Name string
	Data []byte // as it was stored, so perhaps compressed

	// Settle moves or deletes the unit: all of its events are delivered.
	Settle func(context.Context) error
	// Release gives the unit back as it is. nil if there is nothing to do.
	Release func(context.Context) error

	open   int  // items that are not acknowledged, and one more while it is read
	stays  bool // something of it was not delivered
	failed error
}

// A Source gives units. It is for one goroutine.
type Source interface {
	// Next returns the next unit, and io.EOF if there is none.
	Next(context.Context) (*Unit, error)
}

// A Counter is a Source that can say how many units it has, without reading them. The
// number need not be exact: others may take or add units meanwhile.
type Counter interface {
	Count(context.Context) (int, error)
}

// Config says where to send, and what.
type Config struct {
	// Outlets take the events. They must have no place for dead letters, because what is
	// lost stays where it is. nil for a dry run, in which all is only counted.
	Outlets *delivery.Outlets
	// Pipeline reads the lines of payloads.
	Pipeline *pipeline.Pipeline
	// Wants reports whether an item is to be sent. nil if all are.
	Wants func(*Item) bool
	// Rate is how many events are sent in a second at most; 0 for no limit.
	Rate float64
	// Seen is called after each unit. nil if nobody is to know.
	Seen func(*Counts)
	// Warn reports what does not end the Run. nil if nobody is to know.
	Warn func(error)
}

// Counts are what a Run has done.
type Counts struct {
	Units     int // that were read
	Settled   int // of them, those that were moved or deleted
	Events    int // items, by their kind
	Payloads  int
	Unread    int // of them, those that cannot be read: their units stay
	Others    int // items that cannot be sent
	LeftOut   int // items that Config.Wants does not want
	Lines     int // of payloads
	Dropped   int // of them, those that a rule drops
	Delivered int // events that a sink took
	Lost      int // events that no sink took: their units stay
	// Groups are the items that are wanted, by their cause.
	Groups map[Cause]*Group
}

// A Cause is what items have in common.
type Cause struct {
	Kind   Kind
	Reason string // its first 100 bytes
}

// A Group is how many items have a Cause, and from when to when they failed.
type Group struct {
	Items         int
	First, Latest time.Time
}

// Bounds of a Run.
const (
	maxGathered = 4 << 20         // bytes of events that wait for their sink
	maxWaiting  = 1000            // units that wait for their sink
	maxDelay    = 2 * time.Second // until what was read is sent, so that a kill repeats little
	maxGroups   = 1000            // reasons that are told apart
	maxReason   = 100             // bytes of a reason that tell it from others
	maxUnpacked = 1 << 30         // bytes of a unit
	maxFailures = 3               // puts in a row of which the sink took nothing
)

// A StoppedError says that the sink takes nothing. What was not delivered is where it was.
type StoppedError struct{ Err error }

// Error gives the cause.
func (e *StoppedError) Error() string { return "the sink takes nothing: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *StoppedError) Unwrap() error { return e.Err }

// Run sends all units of a source again. It returns what it has done, also with an error.
// When ctx ends, what was read is still sent and settled.
func Run(ctx context.Context, source Source, c Config) (*Counts, error) {
	r := &run{Config: c, ctx: context.WithoutCancel(ctx), counts: &Counts{Groups: map[Cause]*Group{}}, waiting: map[string][]*Unit{},
		decoder: decode.NewDecoder(decode.Options{}), flushed: time.Now()}
	if c.Outlets != nil {
		r.worker = c.Pipeline.NewWorker()
		for _, o := range c.Outlets.All() {
			r.outboxes = append(r.outboxes, outbox{outlet: o})
		}
	}
	if c.Rate > 0 {
		r.pace = rate.NewLimiter(rate.Limit(c.Rate), max(int(c.Rate), 1))
	}
	err := r.all(ctx, source)
	if stopped := (*StoppedError)(nil); !errors.As(err, &stopped) {
		err = errors.Join(err, r.flush())
	}
	for _, units := range r.waiting { // of their letters a part is missing
		for _, u := range units {
			u.stays = true
		}
	}
	for _, u := range append(r.left, r.unsettled...) {
		r.leave(u)
	}
	return r.counts, err
}

// A run is the work of Run.
type run struct {
	Config
	ctx       context.Context
	counts    *Counts
	reader    reader
	decoder   *decode.Decoder
	worker    *pipeline.Worker
	outboxes  []outbox
	pace      *rate.Limiter
	unsettled []*Unit            // whose events wait for their sink
	waiting   map[string][]*Unit // by the key of a letter of which a part is missing
	left      []*Unit            // that stay as they are
	flushed   time.Time          // when all was sent last
	failures  int                // puts in a row of which the sink took nothing
}

// An outbox holds the events that wait for their outlet.
type outbox struct {
	outlet *delivery.Outlet
	docs   sink.Batch
	units  [][]*Unit // of each of docs: several, if a letter's parts came in several
}

func (r *run) all(ctx context.Context, source Source) error {
	for ctx.Err() == nil {
		u, err := source.Next(ctx)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.unit(ctx, u); err != nil {
			return err
		}
		if r.Seen != nil {
			r.Seen(r.counts)
		}
	}
	return nil
}

// unit reads one unit.
func (r *run) unit(ctx context.Context, u *Unit) error {
	r.counts.Units++
	u.open = 1
	r.unsettled = append(r.unsettled, u)
	text, err := unpacked(u.Data)
	if err != nil {
		r.warn(fmt.Errorf("%s: %w", u.Name, err))
		u.stays = true
	}
	for text, rest := next(text); text != nil; text, rest = next(rest) {
		items, waits := r.reader.read(text)
		if waits != "" {
			u.open++
			r.waiting[waits] = append(r.waiting[waits], u)
		}
		for i := range items {
			if err := r.item(ctx, u, &items[i]); err != nil {
				return err
			}
		}
	}
	u.Data = nil
	u.open--
	if len(r.unsettled) > maxWaiting || time.Since(r.flushed) > maxDelay {
		return r.flush()
	}
	return nil
}

// unpacked returns the text of a unit without its compression.
func unpacked(data []byte) ([]byte, error) {
	in, err := decode.Unpack(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(in, maxUnpacked+1))
	if len(text) > maxUnpacked {
		return nil, fmt.Errorf("it holds more than %d bytes", maxUnpacked)
	}
	return text, err
}

// next cuts the first document off text: one of JSON, or else a line. It is nil at the end.
func next(text []byte) (document, rest []byte) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil, nil
	}
	if text[0] == '{' {
		d := json.NewDecoder(bytes.NewReader(text))
		var raw json.RawMessage
		if d.Decode(&raw) == nil {
			return raw, text[d.InputOffset():]
		}
	}
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	return line, rest
}

// item sends one item.
func (r *run) item(ctx context.Context, u *Unit, it *Item) error {
	units := append(r.waiting[it.key], u)
	if it.key == "" {
		units = []*Unit{u}
	}
	delete(r.waiting, it.key)
	defer closeAll(units[:len(units)-1]) // they have waited for this letter
	stay := func() {
		for _, w := range units {
			w.stays = true
		}
	}
	if r.Wants != nil && !r.Wants(it) {
		r.counts.LeftOut++
		stay()
		return nil
	}
	r.count(it)
	switch {
	case it.Kind != Event && it.Kind != Payload:
		stay()
		return nil
	case r.Outlets == nil:
		return nil
	case it.Kind == Event:
		if !r.leads(it.route) {
			it.route = ""
		}
		return r.add(ctx, units, it.route, it.id, it.data)
	}
	payloads, err := r.decoder.DecodeAll(it.data)
	if err != nil {
		r.counts.Unread++
		r.warn(fmt.Errorf("%s: a payload cannot be read: %w", u.Name, err))
		stay()
		return nil
	}
	for _, p := range payloads {
		_, err := r.worker.ProcessBatch(p.Lines, true, func(out *pipeline.Outcome) error {
			r.counts.Lines++
			if out.Dropped {
				r.counts.Dropped++
				return nil
			}
			return r.add(ctx, units, out.Route, out.ID, out.Data)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// leads reports whether there is an outlet for a route.
func (r *run) leads(route string) bool {
	return slices.ContainsFunc(r.outboxes, func(o outbox) bool { return o.outlet.Route() == route })
}

func (r *run) count(it *Item) {
	switch it.Kind {
	case Event:
		r.counts.Events++
	case Payload:
		r.counts.Payloads++
	default:
		r.counts.Others++
	}
	key := Cause{it.Kind, string(bytes.ToValidUTF8([]byte(it.Reason[:min(len(it.Reason), maxReason)]), nil))}
	g := r.counts.Groups[key]
	if g == nil && len(r.counts.Groups) >= maxGroups {
		key.Reason = "other reasons"
		g = r.counts.Groups[key]
	}
	if g == nil {
		g = &Group{}
		r.counts.Groups[key] = g
	}
	g.Items++
	g.see(it.Time)
}

// add lets an event wait for its outlet. All units wait for it.
func (r *run) add(ctx context.Context, units []*Unit, route string, id, data []byte) error {
	if r.pace != nil {
		if err := r.pace.Wait(ctx); err != nil {
			for _, u := range units {
				u.stays = true // interrupted: it is sent by the next Run
			}
			return nil
		}
	}
	for i := range r.outboxes {
		o := &r.outboxes[i]
		if o.outlet.Route() != route {
			continue
		}
		o.docs.Add(id, data)
		o.units = append(o.units, units)
		for _, u := range units {
			u.open++
		}
		if o.docs.Size() >= maxGathered {
			return r.flush()
		}
		return nil
	}
	return fmt.Errorf("no sink is given for the route %s", route)
}

// flush delivers what waits, and settles the units of which nothing waits any more.
func (r *run) flush() error {
	var stopped error
	for i := range r.outboxes {
		if err := r.put(&r.outboxes[i]); err != nil {
			stopped = err
		}
	}
	var left []*Unit
	for _, u := range r.unsettled {
		switch {
		case u.open > 0:
			left = append(left, u)
		case u.stays:
			r.left = append(r.left, u) // a message that is given back now would come again
		default:
			r.settle(u)
		}
	}
	r.unsettled, r.flushed = left, time.Now()
	return stopped
}

// put delivers what waits for one outlet.
func (r *run) put(o *outbox) error {
	if len(o.units) == 0 {
		return nil
	}
	receipt := o.outlet.Put(r.ctx, o.docs.Documents())
	for _, lost := range receipt.Lost {
		for _, u := range o.units[lost.Index] {
			u.stays = true
			if u.failed == nil {
				u.failed = lost.Err
				r.warn(fmt.Errorf("%s: %w", u.Name, lost.Err))
			}
		}
	}
	for _, units := range o.units {
		closeAll(units)
	}
	r.counts.Delivered += receipt.Delivered
	r.counts.Lost += len(receipt.Lost)
	o.docs.Reset()
	o.units = o.units[:0]
	if receipt.Delivered > 0 {
		r.failures = 0
		return nil
	}
	if r.failures++; r.failures < maxFailures {
		return nil
	}
	return &StoppedError{receipt.Lost[0].Err}
}

// closeAll says that one thing less of each unit is open.
func closeAll(units []*Unit) {
	for _, u := range units {
		u.open--
	}
}

// settle moves or deletes a unit. If that fails, it is only sent once more.
func (r *run) settle(u *Unit) {
	if r.Outlets == nil {
		r.left = append(r.left, u)
		return
	}
	if err := u.Settle(r.ctx); err != nil {
		r.warn(fmt.Errorf("%s was sent, and stays where it is: %w", u.Name, err))
		return
	}
	r.counts.Settled++
}

func (r *run) leave(u *Unit) {
	if u.Release == nil {
		return
	}
	if err := u.Release(r.ctx); err != nil {
		r.warn(fmt.Errorf("%s: %w", u.Name, err))
	}
}

func (r *run) warn(err error) {
	if r.Warn != nil {
		r.Warn(err)
	}
}

// Add adds what another Run has done.
func (n *Counts) Add(more *Counts) {
	n.Units += more.Units
	n.Settled += more.Settled
	n.Events += more.Events
	n.Payloads += more.Payloads
	n.Unread += more.Unread
	n.Others += more.Others
	n.LeftOut += more.LeftOut
	n.Lines += more.Lines
	n.Dropped += more.Dropped
	n.Delivered += more.Delivered
	n.Lost += more.Lost
	if n.Groups == nil {
		n.Groups = map[Cause]*Group{}
	}
	for cause, group := range more.Groups {
		if n.Groups[cause] == nil {
			n.Groups[cause] = &Group{}
		}
		n.Groups[cause].Items += group.Items
		n.Groups[cause].see(group.First)
		n.Groups[cause].see(group.Latest)
	}
}

// see takes a time into account.
func (g *Group) see(at time.Time) {
	if at.IsZero() {
		return
	}
	if g.First.IsZero() || at.Before(g.First) {
		g.First = at
	}
	if at.After(g.Latest) {
		g.Latest = at
	}
}
