package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"

	"clearhop/delivery"
	"clearhop/pipeline"
)

// An Answerer is a function that returns events in its answer.
type Answerer struct{ *function }

// OpenAnswerer makes an Answerer by its environment: it opens the databases and
// the place for dead letters. Its error names everything that is wrong. Logs and
// metrics go to log.
func OpenAnswerer(ctx context.Context, name string, environ []string, log io.Writer) (*Answerer, error) {
	var to delivery.LetterSettings
	c, errRead := read(ctx, Shape{Name: name}, environ, log, &to)
	f, err := NewAnswerer(c, func(o delivery.Options) (*delivery.Letters, error) {
		letters, err := delivery.OpenLetters(ctx, to, o)
		return letters, errors.Join(errRead, err)
	})
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	refresh(ctx, f.pipeline, f.log)
	return f, nil
}

// NewAnswerer makes an Answerer. open opens its place for dead letters with the options
// that it is given; the Answerer closes it. The error names everything that is wrong.
func NewAnswerer(c Config, open func(delivery.Options) (*delivery.Letters, error)) (*Answerer, error) {
	p, errPipeline := pipeline.New(c.Pipeline)
	letters, errLetters := open(c.options(p))
	if err := errors.Join(errLetters, errPipeline); err != nil {
		return nil, closeFailed(err, p, letters)
	}
	f := newFunction(c, p)
	f.to, f.letters = letters, letters
	f.idle <- f.newWorker()
	return &Answerer{f}, nil
}

// An Answer is one invocation of an Answerer. The function decides what becomes of
// its records, and tells the Answer what to count.
type Answer struct{ invocation }

// Begin starts an invocation. The caller must call End.
func (f *Answerer) Begin(ctx context.Context) *Answer { return &Answer{f.begin(ctx)} }

// KeepUnread counts a record that cannot be read, and makes a dead letter of it.
// It reports whether the record is kept.
func (a *Answer) KeepUnread(data []byte, why error) (kept bool) {
	a.counts.PayloadsUnread++
	if err := a.keepPayload(data, why); err != nil {
		a.errs = append(a.errs, err)
		return false
	}
	return true
}

// IsPayload reports whether data is a payload of CloudWatch Logs, or several. It counts
// nothing. What the last Decode returned is no longer valid.
func (a *Answer) IsPayload(data []byte) bool {
	_, err := a.decoder.DecodeAll(data)
	return err == nil
}

// CountAnswered counts events that the answer holds.
func (a *Answer) CountAnswered(events int) { a.counts.Delivered += events }

// CountSentBack counts a record, or a piece of one, that was sent back to its
// stream because the answer was full.
func (a *Answer) CountSentBack() { a.counts.Reingested++ }

// CountFailed counts something that has no place, and keeps the cause for the log.
// The answer reports it as failed.
func (a *Answer) CountFailed(err error) {
	a.counts.Failed++
	a.errs = append(a.errs, err)
}

// End logs and measures the invocation. The answer says what became of each
// record, so that End has no error.
func (a *Answer) End() { _ = a.end() }
