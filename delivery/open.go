package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"clearhop/sink"
)

// Options are what a program adds to the settings.
type Options struct {
	// Source names the program in each dead letter. It is needed where there is
	// a place for dead letters.
	Source string

	// WithholdPayloads leaves the bytes of payloads out of their dead letters.
	// It is for programs that hide visitors' addresses: a payload that could not
	// be read still holds them.
	WithholdPayloads bool

	// Resends says that the source of the events sends lost ones again, as a
	// Kinesis stream does. Then only what would fail again becomes a dead letter.
	Resends bool

	// SinkReserve is the time that is left until the deadline of a Put's context
	// when sinks give up, for the dead letters. 0 means the default of
	// retry.Policy.
	SinkReserve time.Duration

	// LetterReserve is the time that is left when dead letters give up, for the
	// caller's answer. A Put that begins with less time does not try its sink.
	// 0 means the default of retry.Policy, and that a Put always tries its sink
	// before the deadline.
	LetterReserve time.Duration

	// RequestID returns the id of the request that a context belongs to, which
	// dead letters name; empty if there is none. Nil means that there is never one.
	RequestID func(context.Context) string

	// Log receives a record for each sink that panics. Nil means none.
	Log *slog.Logger

	// Stdout is what the sink stdout writes to.
	Stdout io.Writer

	// Opener opens the sinks. Nil means an Opener with Stdout.
	Opener *Opener
}

// opener returns what opens the sinks.
func (o *Options) opener() *Opener {
	if o.Opener != nil {
		return o.Opener
	}
	return &Opener{Stdout: o.Stdout}
}

// Open opens the sinks that s names. Its error names every setting that is wrong,
// or the first sink that cannot be opened; then nothing stays open. Open makes no
// call to AWS.
func Open(ctx context.Context, s Settings, o Options) (*Outlets, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	sinks, err := s.open(ctx, o.opener(), o)
	if err != nil {
		return nil, errors.Join(err, sinks.close(ctx))
	}
	outlets, err := New(sinks, o)
	if err != nil {
		return nil, errors.Join(err, sinks.close(ctx))
	}
	return outlets, nil
}

// open opens the sinks one after the other. With an error it returns those that
// are open.
func (s Settings) open(ctx context.Context, opener *Opener, o Options) (sinks Sinks, err error) {
	if sinks.Events, err = opener.Open(ctx, s.target(o.SinkReserve)); err != nil {
		return Sinks{}, err
	}
	sinks.Routes = map[string]sink.Sink{}
	for _, route := range slices.Sorted(maps.Keys(s.Routes)) {
		t, err := s.routeTarget(route, o.SinkReserve)
		if err != nil {
			return sinks, err
		}
		to, err := opener.Open(ctx, t)
		if err != nil {
			return sinks, fmt.Errorf("route %s: %w", route, err)
		}
		sinks.Routes[route] = to
	}
	letters, err := s.LetterSettings.open(ctx, opener, o)
	if err != nil {
		return sinks, err
	}
	sinks.Letters = letters
	return sinks, nil
}

// OpenLetters opens the place that s names. Its error is that of New or says what
// is wrong with the setting.
func OpenLetters(ctx context.Context, s LetterSettings, o Options) (*Letters, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	to, err := s.open(ctx, o.opener(), o)
	if err != nil {
		return nil, err
	}
	return NewLetters(to, o)
}

// open opens the sink of dead letters. It returns nil if there is no place.
func (s LetterSettings) open(ctx context.Context, opener *Opener, o Options) (sink.Sink, error) {
	t, ok := s.target(o.LetterReserve)
	if !ok {
		return nil, nil
	}
	to, err := opener.Open(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("dead letters: %w", err)
	}
	return to, nil
}
