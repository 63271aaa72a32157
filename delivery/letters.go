package delivery

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"clearhop/sink"
	"clearhop/sink/deadletter"
	"clearhop/sink/retry"
	"clearhop/sink/s3"
)

// Letters are a place for dead letters, or none. A program whose events do not go
// to Outlets has Letters alone.
type Letters struct {
	sink    sink.Sink // nil if there is no place
	box     *deadletter.Box
	options Options
}

// NewLetters returns Letters that go to a sink, or nowhere if it is nil. Closing
// the Letters closes the sink.
func NewLetters(to sink.Sink, o Options) (*Letters, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &Letters{sink: to, options: o}
	if to == nil {
		return l, nil
	}
	var err error
	l.box, err = deadletter.New(deadletter.Config{Sink: to, Source: o.Source, WithholdPayloads: o.WithholdPayloads})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// KeepPayload keeps an input that could not be read, because of why. The Receipt
// is that of one event: the payload is kept, or it is lost.
func (l *Letters) KeepPayload(ctx context.Context, data []byte, why error) Receipt {
	if l.box == nil {
		return Receipt{Lost: []sink.Failure{{Err: why}}}
	}
	failures := l.put(ctx, []deadletter.Letter{{Kind: deadletter.Payload, Reason: why.Error(), Data: data}})
	if len(failures) > 0 {
		return Receipt{DeadLettersLost: 1, Lost: []sink.Failure{{Err: errors.Join(why, failures[0].Err)}}}
	}
	return Receipt{DeadLetters: 1}
}

// keepEvents keeps the events that a sink did not take, and adds to the Receipt
// of their Put what became of them. route is that of their outlet.
func (l *Letters) keepEvents(ctx context.Context, route string, events []sink.Document, failures []sink.Failure, r *Receipt) {
	var kept []sink.Failure
	for _, f := range failures {
		if l.keeps(f.Err) {
			kept = append(kept, f)
		} else {
			r.Lost = append(r.Lost, f)
		}
	}
	if len(kept) == 0 {
		return
	}
	letters := deadletter.Undelivered(events, &sink.PutError{Failures: kept})
	for i := range letters {
		letters[i].Route = route
	}
	lost := l.put(ctx, letters)
	r.DeadLetters = len(kept) - len(lost)
	r.DeadLettersLost = len(lost)
	for _, letter := range lost {
		f := kept[letter.Index]
		r.Lost = append(r.Lost, sink.Failure{Index: f.Index, Err: errors.Join(f.Err, letter.Err)})
	}
	slices.SortFunc(r.Lost, func(a, b sink.Failure) int { return cmp.Compare(a.Index, b.Index) })
}

// keeps reports whether an event that failed with err becomes a dead letter.
func (l *Letters) keeps(err error) bool {
	return l.box != nil && (!l.options.Resends || failsAgain(err))
}

// failsAgain reports whether a sink would refuse the same event again. An event
// may pass later if the sink lacks a permission, or if its stream is gone: an
// operator fixes that while the events wait at their source.
func failsAgain(err error) bool {
	var panicked *PanicError
	return retry.AboutCall(err) || errors.As(err, &panicked) || errors.Is(err, sink.ErrTooLarge) || errors.Is(err, s3.ErrDocument)
}

// put writes letters and returns those that are lost.
func (l *Letters) put(ctx context.Context, letters []deadletter.Letter) []sink.Failure {
	if l.options.RequestID != nil {
		id := l.options.RequestID(ctx)
		for i := range letters {
			letters[i].RequestID = id
		}
	}
	err := l.try(ctx, func() error { return l.box.Put(ctx, letters) })
	return failuresOf(err, len(letters))
}

// try calls put. A panic is logged and becomes an error, so that all documents of
// the put are accounted for.
func (l *Letters) try(ctx context.Context, put func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = ReportPanic(ctx, l.options.Log, r)
		}
	}()
	return put()
}

// hasTime reports whether a sink is tried: after it there must be time for dead
// letters.
func (l *Letters) hasTime(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > l.options.LetterReserve
}

// TakeStats returns what the sink of the letters counted since the last TakeStats.
func (l *Letters) TakeStats() sink.Stats { return takeStats(l.sink) }

// Close closes the sink of the letters.
func (l *Letters) Close(ctx context.Context) error {
	if l.sink == nil {
		return nil
	}
	return l.sink.Close(ctx)
}
