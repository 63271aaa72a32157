package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// A PanicError stands for a panic. It names the type of the panic's value, and
// not the value, which may hold what a visitor sent.
type PanicError struct {
	Type string // as %T writes it
}

// Error names the type.
func (e *PanicError) Error() string { return "panic: " + e.Type }

// ReportPanic logs a panic with its stack and without its value, and returns an
// error for it. It must be called by the deferred function that recovered value.
func ReportPanic(ctx context.Context, log *slog.Logger, value any) *PanicError {
	e := &PanicError{Type: fmt.Sprintf("%T", value)}
	log.ErrorContext(ctx, "panic", "type", e.Type, "stack", string(debug.Stack()))
	return e
}
