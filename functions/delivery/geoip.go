package delivery

import (
	"context"
	"log/slog"
	"time"

	"clearhop/pipeline"
)

// Bounds of a load of GeoIP databases, which an invocation waits for. At its
// start the function has ten seconds for all.
const (
	startLoadTime = 6 * time.Second
	loadTime      = 20 * time.Second
)

// reloadGeoIP loads the GeoIP databases that are new: it is for the start of the
// function and of each invocation, of which it takes half of the time left at
// most. One that cannot be loaded is logged and fails nothing: the one before it
// goes on answering, and without one events have no places.
func reloadGeoIP(ctx context.Context, p *pipeline.Pipeline, log *slog.Logger) {
	limit := startLoadTime
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(loadTime, time.Until(deadline)/2)
	}
	load, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := p.Reload(load); err != nil {
		log.WarnContext(ctx, "a GeoIP database could not be loaded", "error", err)
	}
}
