// Command geoupdate is the Lambda function that keeps the GeoIP databases in S3 up
// to date. It runs on a schedule and ignores its event. The table of its settings is in
// docs/settings.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"clearhop/functions/delivery"
	"clearhop/functions/environment"
	"clearhop/functions/geoupdate/update"
)

func main() {
	log := delivery.NewLogger(os.Stderr)
	h, err := newHandler(context.Background(), os.Environ(), log)
	if err != nil {
		log.Error("the function cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(h.invoke)
}

type handler struct {
	log     *slog.Logger
	updater *update.Updater
}

func newHandler(ctx context.Context, environ []string, log *slog.Logger) (*handler, error) {
	var settings update.Settings
	if err := errors.Join(environment.Load(environ, &settings), settings.Check()); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("aws configuration: %w", err)
	}
	updater, err := update.New(settings, aws)
	if err != nil {
		return nil, err
	}
	return &handler{log: log, updater: updater}, nil
}

// reserve is the time before the function's deadline at which the work is cancelled,
// so that there is time to log how far it got.
const reserve = 2 * time.Second

// invoke updates the databases. After an error, Lambda invokes the function again.
func (h *handler) invoke(ctx context.Context) (update.Summary, error) {
	work := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		work, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
		defer cancel()
	}
	summary, err := h.updater.Run(work)
	if err != nil {
		h.log.ErrorContext(ctx, "not updated", "databases", summary.Databases, "error", err)
		return summary, err
	}
	h.log.InfoContext(ctx, "updated", "databases", summary.Databases)
	return summary, nil
}
