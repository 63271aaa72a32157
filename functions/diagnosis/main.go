// Command diagnosis is the Lambda function that tells people when a hop of the proxy chain
// breaks, and when it is right again. It runs on a schedule and ignores its event. The table
// of its settings is in docs/settings.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"clearhop/aws/nlb"
	"clearhop/aws/stored"
	"clearhop/functions/delivery"
	"clearhop/functions/diagnosis/watch"
	"clearhop/functions/environment"
)

func main() {
	h, err := newHandler(context.Background(), os.Environ(), os.Stderr)
	if err != nil {
		delivery.Fail(os.Stderr, err)
	}
	lambda.Start(h.invoke)
}

type handler struct {
	log   *slog.Logger
	watch *watch.Watch
}

func newHandler(ctx context.Context, environ []string, log io.Writer) (*handler, error) {
	var c watch.Config
	environ, errStored := stored.Lazy().Fill(ctx, environ)
	if err := errors.Join(errStored, environment.Load(environ, &c.Settings, &c.Pipeline)); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("aws configuration: %w", err)
	}
	c.Pipeline.NodeFinder, c.Calls = nlb.Nodes, watch.NewCalls(aws)
	w, err := watch.New(c)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	return &handler{log: delivery.NewLogger(log), watch: w}, nil
}

// reserve is the time before the function's deadline at which the work is cancelled,
// so that there is time to log how far it got.
const reserve = 2 * time.Second

// invoke diagnoses the last minutes.
func (h *handler) invoke(ctx context.Context) (watch.Summary, error) {
	work := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		work, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
		defer cancel()
	}
	summary, err := h.watch.Run(work)
	if err != nil {
		h.log.ErrorContext(ctx, "not diagnosed", "summary", summary, "error", err)
		return summary, err
	}
	if summary.Failed != "" {
		h.log.WarnContext(ctx, "diagnosed without some log groups", "summary", summary)
		return summary, nil
	}
	h.log.InfoContext(ctx, "diagnosed", "summary", summary)
	return summary, nil
}
