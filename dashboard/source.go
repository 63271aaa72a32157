package dashboard

import "context"

// A Source answers what the page asks. An error is a *Problem if what was asked for cannot
// be, else that of the engine or of ctx. A Source is safe for concurrent use.
type Source interface {
	Manifest(ctx context.Context) (*Manifest, error)
	Explore(ctx context.Context, s State) (*Answer, error)
	Board(ctx context.Context, q BoardQuery) (*Board, error)
	// Requests returns at most limit requests, from 1 to MaxRequests. before is the Next of
	// an earlier answer, or empty.
	Requests(ctx context.Context, s State, before string, limit int) (*Requests, error)
	Chain(ctx context.Context, s State) (*Chain, error)
}

// MaxRequests is the most requests that a Source returns at a time, MaxRows the most rows
// of a board.
const (
	MaxRequests = 1000
	MaxRows     = 1000
)
