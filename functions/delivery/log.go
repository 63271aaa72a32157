package delivery

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// NewLogger returns a logger that writes each record as one line of JSON, with the
// names that Lambda uses in its own log, and with the id of the invocation that a
// record's context belongs to. A function logs to standard error: standard output
// may be its sink.
func NewLogger(w io.Writer) *slog.Logger {
	return slog.New(withRequestID{slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: lambdacontext.ReplaceAttr})})
}

// withRequestID adds the invocation's id to each record.
type withRequestID struct{ slog.Handler }

// Handle implements slog.Handler.
func (h withRequestID) Handle(ctx context.Context, r slog.Record) error {
	if id := requestID(ctx); id != "" {
		r.AddAttrs(slog.String("requestId", id))
	}
	return h.Handler.Handle(ctx, r)
}

// requestID returns the id of the invocation that ctx belongs to. It is empty
// outside of Lambda.
func requestID(ctx context.Context) string {
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		return invocation.AwsRequestID
	}
	return ""
}

// WithAttrs implements slog.Handler.
func (h withRequestID) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withRequestID{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h withRequestID) WithGroup(name string) slog.Handler {
	return withRequestID{h.Handler.WithGroup(name)}
}

// accountOf returns the account of the function that ctx is an invocation of. It is
// empty outside of Lambda.
func accountOf(ctx context.Context) string {
	invocation, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return ""
	}
	// arn:aws:lambda:REGION:ACCOUNT:function:NAME
	parts := strings.SplitN(invocation.InvokedFunctionArn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}
