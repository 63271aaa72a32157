package delivery

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"clearhop/pipeline"
)

// lookTime bounds a look for the NLB's nodes, which an invocation waits for.
const lookTime = 3 * time.Second

// RefreshNLB keeps the discovered nodes of NLBs up to date, where the settings
// ask for them: it is for the start of the function and of each invocation. A
// look that fails is logged and fails nothing: what was found before holds, and
// what was never found is inferred.
func RefreshNLB(ctx context.Context, p *pipeline.Pipeline, log *slog.Logger) {
	look, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	var failed *pipeline.DiscoveryError
	if err := p.Refresh(look); errors.As(err, &failed) {
		log.WarnContext(ctx, "the NLB's nodes could not be looked up", "error", err, "holds", failed.Holds(), "nodes", failed.Nodes)
	}
}
