package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"clearhop/discover"
	"clearhop/enrich"
	"clearhop/enrich/clientip"
)

// A discovery keeps the nodes of NLBs that the setting nlb asks for, and knows
// when to look for them again. It has no goroutine of its own: Lambda freezes
// those between invocations.
type discovery struct {
	finder   *discover.Finder
	client   clientip.Config // all but the nodes
	enricher *enrich.Enricher
	every    time.Duration // 0: what was found once holds for good
	now      func() time.Time

	// due is when to look next, in nanoseconds of the Unix epoch: a clock that
	// goes on while Lambda freezes the process.
	due atomic.Int64

	mu       sync.Mutex            // held while somebody looks
	nodes    map[netip.Addr]string // what was found last
	found    time.Time             // when
	failures int                   // since then
}

// Bounds of the wait after a failed look: it doubles from one to the next.
const (
	firstWait = 10 * time.Second
	maxWait   = 5 * time.Minute
)

// newDiscovery makes the discovery that c asks for; nil if it asks for none.
func (c *Config) newDiscovery(client clientip.Config, e *enrich.Enricher, now func() time.Time) (*discovery, error) {
	_, names, discovered := c.splitNLB()
	if !discovered {
		return nil, nil
	}
	var errs []error
	if c.NLBRefresh < 0 {
		errs = append(errs, setting("nlb-refresh", fmt.Errorf("%v is negative", c.NLBRefresh)))
	}
	finder, err := discover.New(discover.Config{Names: names})
	if err != nil {
		errs = append(errs, setting("nlb", err))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	client.NLBUnknown = false
	return &discovery{finder: finder, client: client, enricher: e, every: c.NLBRefresh, now: now}, nil
}

// A DiscoveryError says that the nodes of NLBs could not be looked up, and what
// holds until they can.
type DiscoveryError struct {
	Err error // of the discover package, or of the SDK
	// Nodes is how many addresses were found before, at the time Found. They
	// still hold.
	Nodes int
	Found time.Time
}

// Error gives the cause.
func (e *DiscoveryError) Error() string { return "nlb: discover: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *DiscoveryError) Unwrap() error { return e.Err }

// Holds says in words which addresses count as the NLB's until the next try.
func (e *DiscoveryError) Holds() string {
	if e.Nodes == 0 {
		return "every private address that no setting names counts as an NLB's"
	}
	return fmt.Sprintf("what was found at %s still holds", e.Found.UTC().Format(time.RFC3339))
}

// Refresh looks up the nodes of the NLBs that the setting nlb names, if they are
// not known yet or nlb-refresh has passed since. It is for the start of each
// batch, and costs next to nothing where nothing is to be done; of concurrent
// calls one looks, and the others return at once. The workers go by what is
// found from their next line on.
//
// ctx bounds the look. The error is a *DiscoveryError, once for each failed
// look; the one after it waits a while.
func (p *Pipeline) Refresh(ctx context.Context) error {
	d := p.discovery
	if d == nil || !d.isDue() || !d.mu.TryLock() {
		return nil
	}
	defer d.mu.Unlock()
	if !d.isDue() {
		return nil
	}
	nodes, err := d.finder.Find(ctx)
	if err == nil {
		err = d.take(nodes)
	}
	if err != nil {
		d.failures++
		d.wait(d.pause())
		return &DiscoveryError{Err: err, Nodes: len(d.nodes), Found: d.found}
	}
	d.found, d.failures = d.now(), 0
	d.wait(d.every)
	return nil
}

func (d *discovery) isDue() bool { return d.now().UnixNano() >= d.due.Load() }

// take hands nodes to the workers if they are others than before.
func (d *discovery) take(nodes map[netip.Addr]string) error {
	if maps.Equal(nodes, d.nodes) {
		return nil
	}
	client := d.client
	client.Nodes = nodes
	if err := d.enricher.SetClient(client); err != nil {
		return err
	}
	d.nodes = nodes
	return nil
}

// wait sets the time of the next look. Between half of the time and all of it
// are drawn: many functions that started together must not ask together.
func (d *discovery) wait(t time.Duration) {
	if t == 0 {
		d.due.Store(math.MaxInt64)
		return
	}
	t -= rand.N(t/2 + 1)
	d.due.Store(d.now().Add(t).UnixNano())
}

// pause is the time to wait after so many failures.
func (d *discovery) pause() time.Duration {
	longest := maxWait
	if 0 < d.every && d.every < longest {
		longest = d.every
	}
	return min(firstWait<<min(d.failures-1, 10), longest)
}
