package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"clearhop/decode"
	"clearhop/functions/delivery"
	"clearhop/functions/environment"
	"clearhop/pipeline"
	"clearhop/sink"
)

// lambdaSettings are the parts of Lambda's own environment that matter here.
type lambdaSettings struct {
	FunctionName   string `env:"AWS_LAMBDA_FUNCTION_NAME"`
	LogGroup       string `env:"AWS_LAMBDA_LOG_GROUP_NAME"`
	MaxConcurrency int    `env:"AWS_LAMBDA_MAX_CONCURRENCY" default:"1"`
}

// A handler answers invocations. It is safe for concurrent use.
type handler struct {
	log       *slog.Logger
	pipeline  *pipeline.Pipeline
	sink      sink.Sink
	ownGroups []string
	refuse    sync.Once
	idle      chan *worker
}

// A worker is what one invocation needs for itself. It is kept for the next
// one, with its caches.
type worker struct {
	decoder *decode.Decoder
	courier *delivery.Courier
	counts  delivery.Counts
}

// newHandler reads the settings, opens the databases and the sink. Everything
// that is wrong comes in one error.
func newHandler(ctx context.Context, environ []string, stdout io.Writer, log *slog.Logger) (*handler, error) {
	var own lambdaSettings
	var to delivery.Settings
	var config pipeline.Config
	errs := []error{environment.Load(environ, &own, &to, &config), to.Check()}
	p, err := pipeline.New(config)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		if p != nil {
			err = errors.Join(err, p.Close())
		}
		return nil, fmt.Errorf("settings: %w", err)
	}
	s, err := to.Open(ctx, stdout)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	h := &handler{log: log, pipeline: p, sink: s, idle: make(chan *worker, max(own.MaxConcurrency, 1))}
	if own.LogGroup != "" {
		h.ownGroups = append(h.ownGroups, own.LogGroup)
	}
	if own.FunctionName != "" {
		h.ownGroups = append(h.ownGroups, "/aws/lambda/"+own.FunctionName)
	}
	delivery.RefreshNLB(ctx, p, log)
	h.idle <- h.newWorker()
	return h, nil
}

func (h *handler) newWorker() *worker {
	return &worker{
		decoder: decode.NewDecoder(decode.Options{}),
		courier: delivery.NewCourier(h.pipeline, h.sink),
	}
}

// borrow takes an idle worker, or makes one when all are busy.
func (h *handler) borrow() *worker {
	select {
	case w := <-h.idle:
		return w
	default:
		return h.newWorker()
	}
}

func (h *handler) giveBack(w *worker) {
	w.counts.Reset()
	select {
	case h.idle <- w:
	default:
	}
}

// Invoke answers one invocation, whose payload is the subscription's event. It
// implements lambda.Handler, so that the payload is read once, by our decoder.
//
// An error makes Lambda invoke again; events that were delivered then come
// twice, with the same ids.
func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	start := time.Now()
	w := h.borrow()
	defer h.giveBack(w)
	p, err := w.decoder.Decode(payload)
	if err != nil {
		h.log.ErrorContext(ctx, "payload not read", "error", err, "payload_bytes", len(payload))
		return nil, err
	}
	if p.Type == decode.Control {
		h.log.InfoContext(ctx, "control message", "owner", p.Origin.AccountID)
		return answer, nil
	}
	if h.isOwn(p.Origin.LogGroup) {
		// Each line of log would be another event to refuse, so it is one.
		h.refuse.Do(func() {
			h.log.ErrorContext(ctx, "refused: the subscription is on this function's own log group", "log_group", p.Origin.LogGroup)
		})
		return answer, nil
	}
	delivery.RefreshNLB(ctx, h.pipeline, h.log)
	err = w.courier.Deliver(ctx, p.Lines, &w.counts)
	attrs := []any{
		"log_group", p.Origin.LogGroup,
		"payload_bytes", len(payload),
		"counts", &w.counts,
		"milliseconds", time.Since(start).Milliseconds(),
	}
	if err != nil {
		h.log.ErrorContext(ctx, "not delivered", append(attrs, "error", err)...)
		return nil, fmt.Errorf("deliver: %w", err)
	}
	h.log.InfoContext(ctx, "delivered", attrs...)
	return answer, nil
}

// answer is the function's result, which nobody reads: the invocation is
// asynchronous.
var answer = []byte("null")

func (h *handler) isOwn(group string) bool {
	for _, own := range h.ownGroups {
		if group == own {
			return true
		}
	}
	return false
}

// close delivers what the sink may still hold. Lambda calls it when it shuts
// the environment down. The databases stay open: an invocation may still be
// reading them, and the process ends anyway.
func (h *handler) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := h.sink.Close(ctx); err != nil {
		h.log.Error("closing", "error", err)
		return
	}
	h.log.Info("closed")
}
