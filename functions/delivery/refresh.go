package delivery

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"clearhop/enrich/geoip"
	"clearhop/pipeline"
)

// Bounds of a refresh, which an invocation waits for. At its start the function
// has ten seconds for everything.
const (
	startRefreshTime = 6 * time.Second
	refreshTime      = 20 * time.Second
)

// refresh keeps the nodes of NLBs and the GeoIP databases up to date. Call it at
// the start of the function and of each invocation. It takes at most half of the
// time that the invocation has left.
//
// A failure is logged and fails nothing. Nodes and databases that were found
// before still hold. Without any nodes the NLB's addresses are inferred, and
// without a database events have no places.
func refresh(ctx context.Context, p *pipeline.Pipeline, log *slog.Logger) {
	limit := startRefreshTime
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(refreshTime, time.Until(deadline)/2)
	}
	looks, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := p.Refresh(looks)
	var nodes *pipeline.DiscoveryError
	if errors.As(err, &nodes) {
		log.WarnContext(ctx, "the NLB's nodes could not be looked up", "error", nodes, "holds", nodes.Holds(), "nodes", nodes.Nodes)
	}
	var databases geoip.ReloadErrors
	if errors.As(err, &databases) {
		log.WarnContext(ctx, "a GeoIP database could not be loaded", "error", databases)
	}
}
