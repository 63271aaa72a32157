package batchput

import (
	"context"
	"errors"
	"fmt"

	"clearhop/sink"
	"clearhop/sink/retry"
)

// deliver sends the records of b, and sends again those that fail, until none is
// pending or there is a reason to give up. Each record that is still pending then
// holds that reason. deliver returns the error that the rest of the Put would
// meet as well, if there is one.
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
			// The service is slow rather than down: some of the rest may pass.
			return nil
		}
		return stop
	}
	return p.giveUp(b, reason, attempts)
}

// giveUp gives each pending record the error that its documents fail with, and
// returns that of the first record. reason is nil if the last answer is reason
// enough.
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

// send makes one call with the pending records, in the time of timed. Those that
// the service did not confirm stay pending. The error is that of the whole call.
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
		p.readReply(b, &reply, &seen)
	}
	p.meter.Count(seen)
	return err
}

// fail gives all pending records the error of their call. An error that only says
// that the time of the Put is over does not replace what the service said before.
func (b *batch) fail(ctx context.Context, err error) {
	for _, i := range b.pending {
		r := &b.records[i]
		if r.err == nil || ctx.Err() == nil {
			r.err = err
		}
	}
}

// readReply removes the confirmed records from those pending, and moves those
// that would fail again to the refused ones.
//
// A record is confirmed if its own answer says so and has no error. This holds
// only if there is an answer for each record, and the service counts no more
// failures than the answers show: otherwise nobody knows which records failed,
// and none is confirmed.
func (p *Putter) readReply(b *batch, reply *Reply, seen *sink.Stats) {
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

// err returns why an answer does not confirm its record, and nil if it does.
func (a *Answer) err() error {
	if a.Code != "" {
		return &sink.RecordError{Code: a.Code}
	}
	if !a.Confirmed {
		return sink.ErrUnconfirmed
	}
	return nil
}
