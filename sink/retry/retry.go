// Package retry decides how often, and until when, sinks send again what a service
// did not take, and after which errors.
//
//	policy, err := retry.Policy{MaxAttempts: 4}.Complete()
//	ctx, cancel := policy.WithReserve(ctx)
//	defer cancel()
//	err = policy.Do(ctx, func(ctx context.Context, n int) (done bool, err error) {
//		_, err = client.PutObject(ctx, input, …)
//		return err == nil, err
//	})
//
// The pauses follow exponential back-off with full jitter. A Policy is a value and
// safe for concurrent use.
package retry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A Policy says how often and how long to try. The zero value of each field means
// the default that is named there.
type Policy struct {
	// MaxAttempts is how often one call is made at most, including the first
	// time. The default is 8.
	MaxAttempts int

	// AttemptTimeout bounds one attempt. The default is 10 s. A short timeout makes
	// duplicates, because what was cut off may have been written.
	AttemptTimeout time.Duration

	// BaseDelay bounds the pause before the second attempt. The default is 100 ms.
	// The bound doubles with each further attempt up to MaxDelay, and is never
	// more than half of the time left.
	BaseDelay time.Duration

	// MaxDelay bounds each pause. The default is 5 s.
	MaxDelay time.Duration

	// Reserve is the time that is left until the deadline of a Put's context when
	// Put returns, so that the caller can report what failed. The default is 2 s.
	// It is never more than half of the time that is left when Put begins.
	Reserve time.Duration

	// Sleep pauses for d or until ctx is done. Nil means a real pause.
	Sleep func(ctx context.Context, d time.Duration)

	// Jitter draws a pause between 0 and bound. Nil means that all pauses are
	// equally likely.
	Jitter func(bound time.Duration) time.Duration
}

// These errors say why no further attempt is made.
var (
	// ErrOutOfTime says that the context's deadline, less the reserve, came
	// before the service's confirmation.
	ErrOutOfTime = errors.New("out of time")

	// ErrAttempts says that the call was made MaxAttempts times.
	ErrAttempts = errors.New("attempts used up")

	// ErrFinal says that the same call would fail again.
	ErrFinal = errors.New("final error")
)

// Complete returns p with its defaults filled in, or an error that names every
// field that is wrong.
func (p Policy) Complete() (Policy, error) {
	var errs []error
	if p.MaxAttempts < 0 {
		errs = append(errs, fmt.Errorf("max attempts %d: is negative", p.MaxAttempts))
	}
	p.MaxAttempts = cmp.Or(p.MaxAttempts, 8)
	for _, d := range []struct {
		name  string
		value *time.Duration
		byDef time.Duration
	}{
		{"attempt timeout", &p.AttemptTimeout, 10 * time.Second},
		{"base delay", &p.BaseDelay, 100 * time.Millisecond},
		{"max delay", &p.MaxDelay, 5 * time.Second},
		{"reserve", &p.Reserve, 2 * time.Second},
	} {
		if *d.value < 0 {
			errs = append(errs, fmt.Errorf("%s %v: is negative", d.name, *d.value))
		}
		*d.value = cmp.Or(*d.value, d.byDef)
	}
	if p.Sleep == nil {
		p.Sleep = sleep
	}
	if p.Jitter == nil {
		p.Jitter = func(bound time.Duration) time.Duration { return rand.N(bound + 1) }
	}
	return p, errors.Join(errs...)
}

// WithReserve returns ctx with an earlier deadline, which leaves the caller its
// reserve. The sink has half of the time in any case: a reserve longer than the
// timeout of a function would otherwise keep it from sending anything.
func (p Policy) WithReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	reserve := min(p.Reserve, time.Until(deadline)/2)
	return context.WithDeadline(ctx, deadline.Add(-reserve))
}

// Do calls attempt, numbered from 0, until it reports that it is done. Do gives up
// after an error that is [Final], and when the attempts or the time of ctx are used
// up. It returns nil when attempt was done, and else ErrFinal, ErrAttempts,
// ErrOutOfTime or the error of a ctx that was cancelled. It does not return the
// error of attempt. p must be complete.
//
// The context of each attempt ends after AttemptTimeout.
func (p Policy) Do(ctx context.Context, attempt func(ctx context.Context, n int) (done bool, err error)) error {
	for n := 0; ; n++ {
		if n > 0 {
			p.Sleep(ctx, p.Jitter(p.bound(ctx, n)))
		}
		if ctx.Err() != nil {
			return outOfTime(ctx)
		}
		timed, cancel := context.WithTimeout(ctx, p.AttemptTimeout)
		done, err := attempt(timed, n)
		cancel()
		switch {
		case done:
			return nil
		case ctx.Err() != nil:
			return outOfTime(ctx)
		case Final(err):
			return ErrFinal
		case n+1 == p.MaxAttempts:
			return ErrAttempts
		}
	}
}

// bound returns the longest pause before an attempt, counted from 0. It is at most
// half of the time left: the attempt needs time too, and a long pause must not use
// up the time in which it might succeed.
func (p Policy) bound(ctx context.Context, attempt int) time.Duration {
	bound := p.BaseDelay
	for i := 1; i < attempt && bound < p.MaxDelay; i++ {
		bound *= 2
	}
	bound = min(bound, p.MaxDelay)
	if deadline, ok := ctx.Deadline(); ok {
		bound = min(bound, max(0, time.Until(deadline)/2))
	}
	return bound
}

// outOfTime returns why ctx is done: its cancellation, or ErrOutOfTime for its
// deadline.
func outOfTime(ctx context.Context) error {
	if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return ErrOutOfTime
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
