package deadletter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clearhop/sink"
)

// Config is what a Box is made of. Sink and Source have no default.
type Config struct {
	// Sink is where letters go.
	Sink sink.Sink

	// Source names in each letter the program that gave up, such as a function.
	Source string

	// WithholdPayloads leaves the bytes of payloads out of their letters.
	WithholdPayloads bool

	// Now returns the time of letters that have none. Nil means time.Now.
	Now func() time.Time
}

// A Box puts letters into a sink. It is safe for concurrent use.
type Box struct {
	config Config
	limit  int // of the length of a line, in bytes; 0 is none
}

// New returns a Box. It does not close the sink.
func New(c Config) (*Box, error) {
	var errs []error
	if c.Sink == nil {
		errs = append(errs, errors.New("no sink"))
	}
	if c.Source == "" {
		errs = append(errs, errors.New("no source"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("dead letters: %w", err)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	b := &Box{config: c}
	if limited, ok := c.Sink.(sink.Limited); ok {
		b.limit = limited.MaxDocument()
	}
	return b, nil
}

// Put writes letters and returns when the fate of each is known. It does not keep
// or change them.
//
// A *sink.PutError lists the letters that are lost, by their index. A letter of
// which only some parts were written is lost. With any other error all letters are
// lost.
func (b *Box) Put(ctx context.Context, letters []Letter) error {
	var docs []sink.Document
	var of []int // the letter of each document
	lost := make([]error, len(letters))
	for i := range letters {
		letter := letters[i]
		if letter.Time.IsZero() {
			letter.Time = b.config.Now()
		}
		lines, err := letter.documents(b.config.Source, letter.Kind == Payload && b.config.WithholdPayloads, b.limit)
		if err != nil {
			lost[i] = err
			continue
		}
		for range lines {
			of = append(of, i)
		}
		docs = append(docs, lines...)
	}
	err := b.config.Sink.Put(ctx, docs)
	var failed *sink.PutError
	switch {
	case errors.As(err, &failed):
		for _, f := range failed.Failures {
			lost[of[f.Index]] = f.Err
		}
	case err != nil:
		return fmt.Errorf("dead letters: %w", err)
	}
	failed = &sink.PutError{}
	for i, err := range lost {
		if err != nil {
			failed.Failures = append(failed.Failures, sink.Failure{Index: i, Err: err})
		}
	}
	if len(failed.Failures) > 0 {
		return fmt.Errorf("dead letters: %w", failed)
	}
	return nil
}
