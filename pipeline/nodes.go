package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"clearhop/enrich"
	"clearhop/enrich/clientip"
	"clearhop/internal/setting"
)

// lookLimit bounds a look for nodes after the first one, which may have to wait
// for a person's credentials: meanwhile lines wait.
const lookLimit = 3 * time.Second

// nodes are those of the NLBs that the setting nlb asks for. They serve one
// goroutine at a time.
type nodes struct {
	find     FindNodes
	client   clientip.Config // everything but the nodes
	enricher *enrich.Enricher
	now      func() time.Time

	known map[netip.Addr]string // what was found last
	found time.Time             // when
}

// newNodes returns the refresher of the nodes that d asks for.
func (c *Config) newNodes(client clientip.Config, d clientip.Discovery, e *enrich.Enricher, now func() time.Time) (*refresher, error) {
	if c.NodeFinder == nil {
		return nil, setting.Error("nlb", errors.New("discover: this program cannot look up NLBs"))
	}
	find, err := c.NodeFinder(d.Names)
	if err != nil {
		return nil, setting.Error("nlb", err)
	}
	client.NLBUnknown = false
	n := &nodes{find: find, client: client, enricher: e, now: now}
	return &refresher{look: n.look, limit: lookLimit, schedule: schedule{every: d.Refresh, now: now}}, nil
}

// look finds the nodes and hands them to the workers if they have changed.
func (n *nodes) look(ctx context.Context) (retry bool, err error) {
	found, err := n.find(ctx)
	if err == nil && !maps.Equal(found, n.known) {
		client := n.client
		client.Nodes = found
		err = n.enricher.SetClient(client)
	}
	if err != nil {
		return true, &DiscoveryError{Err: err, Nodes: len(n.known), Found: n.found}
	}
	n.known, n.found = found, n.now()
	return false, nil
}

// A DiscoveryError says that the nodes of NLBs could not be looked up, and what
// holds until they can.
type DiscoveryError struct {
	Err error // of Config.NodeFinder's function: that of aws/nlb or of AWS
	// Nodes is how many addresses were found before, at the time Found. They
	// still hold.
	Nodes int
	Found time.Time
}

// Error gives the cause.
func (e *DiscoveryError) Error() string { return "nlb: discover: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *DiscoveryError) Unwrap() error { return e.Err }

// Holds says in words which addresses count as the NLB's until the next look.
func (e *DiscoveryError) Holds() string {
	if e.Nodes == 0 {
		return "every private address that no setting names counts as an NLB's"
	}
	return fmt.Sprintf("what was found at %s still holds", e.Found.UTC().Format(time.RFC3339))
}
