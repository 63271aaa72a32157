package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"time"

	"clearhop/aws/nlb"
	"clearhop/enrich"
	"clearhop/enrich/clientip"
)

// A discovery keeps the nodes of NLBs that the setting nlb asks for, and knows
// when to look for them again. It has no goroutine of its own: Lambda freezes
// those between invocations.
type discovery struct {
	finder   *nlb.Finder
	client   clientip.Config // all but the nodes
	enricher *enrich.Enricher
	schedule schedule

	mu    sync.Mutex            // held while somebody looks
	nodes map[netip.Addr]string // what was found last
	found time.Time             // when
}

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
	finder, err := nlb.New(nlb.Config{Names: names})
	if err != nil {
		errs = append(errs, setting("nlb", err))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	client.NLBUnknown = false
	return &discovery{finder: finder, client: client, enricher: e, schedule: schedule{every: c.NLBRefresh, now: now}}, nil
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
	if d == nil || !d.schedule.isDue() || !d.mu.TryLock() {
		return nil
	}
	defer d.mu.Unlock()
	if !d.schedule.isDue() {
		return nil
	}
	nodes, err := d.finder.Find(ctx)
	if err == nil {
		err = d.take(nodes)
	}
	if err != nil {
		d.schedule.failed()
		return &DiscoveryError{Err: err, Nodes: len(d.nodes), Found: d.found}
	}
	d.found = d.schedule.now()
	d.schedule.done()
	return nil
}

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
