package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Refresh looks up again what the settings name outside of the process: the
// nodes of NLBs, after nlb-refresh, and new versions of the GeoIP databases,
// after geo-refresh. The first call looks up the nodes and loads databases from
// S3, since New does neither. The workers use what is found from their next line
// on.
//
// Call Refresh before each batch of lines: where nothing is due, it costs next to
// nothing. It is safe for concurrent use. Of concurrent calls one looks, and the
// others return at once.
//
// ctx bounds the call; each look for nodes after the first one takes at most 3
// seconds. What is due at the same time is looked up at the same time.
//
// The error joins a *DiscoveryError and a geoip.ReloadErrors, or one of them.
// What was known before still holds. A look that failed is made again sooner. An
// unreachable source is reported on every attempt; an invalid new version of a
// database is reported once.
func (p *Pipeline) Refresh(ctx context.Context) error {
	var due []*refresher
	for _, r := range p.refreshers {
		if r.begin() {
			due = append(due, r)
		}
	}
	if len(due) == 0 {
		return nil
	}
	errs := make([]error, len(due))
	var looks sync.WaitGroup
	for i, r := range due {
		looks.Go(func() { errs[i] = r.refresh(ctx) })
	}
	looks.Wait()
	return errors.Join(errs...)
}

// NeedsRefresh reports whether Refresh has something to look up. Whoever has several Workers
// lets them come to an end of their batches first, so that all lines of a batch are judged
// by the same addresses.
func (p *Pipeline) NeedsRefresh() bool {
	for _, r := range p.refreshers {
		if r.schedule.isDue() {
			return true
		}
	}
	return false
}

// A refresher looks from time to time at something outside that changes. It has
// no goroutine of its own between looks: Lambda freezes those between
// invocations.
type refresher struct {
	// look looks once. retry says that it failed, and that the next look should
	// come sooner.
	look func(context.Context) (retry bool, err error)
	// limit bounds each look but the first; 0 means that only ctx does.
	limit    time.Duration
	schedule schedule

	mu     sync.Mutex // held from begin to the end of refresh
	looked bool
}

// begin reports whether the caller is the one to look: a look is due, and nobody
// else looks at this moment. If so, the caller must call refresh.
func (r *refresher) begin() bool {
	if !r.schedule.isDue() || !r.mu.TryLock() {
		return false
	}
	if r.schedule.isDue() {
		return true
	}
	r.mu.Unlock() // somebody else has just looked
	return false
}

// refresh looks, and sets the time of the next look.
func (r *refresher) refresh(ctx context.Context) error {
	defer r.mu.Unlock()
	if r.looked && r.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.limit)
		defer cancel()
	}
	r.looked = true
	retry, err := r.look(ctx)
	if retry {
		r.schedule.failed()
	} else {
		r.schedule.done()
	}
	return err
}
