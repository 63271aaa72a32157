package batchput

import (
	"context"
	"errors"
	"fmt"

	"clearhop/sink"
	"clearhop/sink/retry"
)

// deliver sends b's records, and those that fail again, until none is pending
// or there is a reason to give up, which each pending record then carries. It
// returns the error that the rest of the Put would meet as well, if there is one.
func (p *Putter) deliver(ctx context.Context, b *batch) error {
	if len(b.pending) == 0 {
		return nil
	}
	attempts := 0
	var last error
	reason := p.config.Retry.Do(ctx, func(timed context.Context, _ int) (bool, error) {
		last = p.send(ctx, timed, b, attempts)
		attempts++
		return len(b.pending) == 0, last
	})
	switch reason {
	case nil:
		return nil
	case retry.ErrFinal:
		stop := p.giveUp(b, nil, attempts)
		if retry.AboutCall(last) {
			return nil
		}
		return stop
	case retry.ErrAttempts:
		stop := p.giveUp(b, reason, attempts)
		if last == nil {
			// It is slow rather than down: some of the rest may pass.
			return nil
		}
		return stop
	}
	return p.giveUp(b, reason, attempts)
}

// giveUp gives each pending record the error its documents fail with, and
// returns that of the first. reason is nil if the last answer says it all.
func (p *Putter) giveUp(b *batch, reason error, attempts int) error {
	for _, i := range b.pending {
		r := &b.records[i]
		switch {
		case r.err == nil:
			r.err = fmt.Errorf("%s: %w after %d attempts", p.config.Name, reason, attempts)
		case reason == nil:
			r.err = fmt.Errorf("%s: %w", p.config.Name, r.err)
		default:
			r.err = fmt.Errorf("%s: %w after %d attempts: %w", p.config.Name, reason, attempts, r.err)
		}
	}
	return b.records[b.pending[0]].err
}

// send makes one attempt at the pending records, in the time of timed, and
// leaves those pending that the service did not confirm. The error is the whole
// call's.
func (p *Putter) send(ctx, timed context.Context, b *batch, attempt int) error {
	seen := sink.Stats{Calls: 1, Retries: int64(min(attempt, 1))}
	b.sending = b.sending[:0]
	for _, i := range b.pending {
		b.sending = append(b.sending, b.records[i])
		seen.BytesSent += int64(b.records[i].size)
	}
	reply, err := p.config.Send(timed, b.sending)
	if err != nil {
		b.fail(ctx, err)
		if retry.Throttled(err) {
			seen.Throttles = 1
		}
	} else {
		p.settle(b, &reply, &seen)
	}
	p.Count(seen)
	return err
}

// fail gives all pending records the error of their call. The end of the Put's
// own time is no news: it does not replace what the service said before.
func (b *batch) fail(ctx context.Context, err error) {
	for _, i := range b.pending {
		r := &b.records[i]
		if r.err == nil || ctx.Err() == nil {
			r.err = err
		}
	}
}

// settle takes the confirmed records off those pending, and those that would
// fail again. Confirmed means that there is an answer for each record sent, the
// record's own says so without an error, and the reply as a whole does not claim
// more failures than it shows: otherwise nothing tells which ones, and none
// counts.
func (p *Putter) settle(b *batch, reply *Reply, seen *sink.Stats) {
	open := 0
	for i := range reply.Answers {
		if reply.Answers[i].err() != nil {
			open++
		}
	}
	consistent := len(reply.Answers) == len(b.pending) && reply.Failed <= open

	left := b.pending[:0]
	b.sizes = b.sizes[:0]
	for n, i := range b.pending {
		r := &b.records[i]
		if !consistent {
			r.err = sink.ErrUnconfirmed
			left = append(left, i)
			continue
		}
		answer := &reply.Answers[n]
		if r.err = answer.err(); r.err == nil {
			seen.Documents += int64(r.documents)
			seen.Records++
			seen.Bytes += int64(r.size)
			b.sizes = append(b.sizes, r.size)
			continue
		}
		var refused *sink.RecordError
		if errors.As(r.err, &refused) && retry.ThrottleCode(refused.Code) {
			seen.Throttles = 1
		}
		if answer.Final {
			r.err = fmt.Errorf("%s: %w", p.config.Name, r.err)
			b.refused = append(b.refused, i)
			continue
		}
		left = append(left, i)
	}
	b.pending = left
	if len(b.sizes) > 0 {
		seen.BytesBilled += int64(p.config.Bill(b.sizes))
	}
}

// err is why an answer does not confirm its record, and nil if it does.
func (a *Answer) err() error {
	if a.Code != "" {
		return &sink.RecordError{Code: a.Code}
	}
	if !a.Confirmed {
		return sink.ErrUnconfirmed
	}
	return nil
}
