package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/sink"
)

// A batch puts events into a sink many at a time. It is safe for concurrent use.
type batch struct {
	mu   sync.Mutex
	to   sink.Sink
	docs sink.Batch
}

const (
	// batchBytes is how much is gathered before it is put.
	batchBytes = 256 << 10
	// flushEvery is how long an event waits at most when the input is slow.
	flushEvery = 200 * time.Millisecond
)

func newBatch(to sink.Sink) *batch { return &batch{to: to} }

// add takes the event over. An error is the sink's, of this or of earlier events.
func (b *batch) add(ctx context.Context, out *pipeline.Outcome) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.docs.Add(out.ID, out.Data)
	if b.docs.Size() < batchBytes {
		return nil
	}
	// An interrupt must not lose what is gathered.
	return b.put(context.WithoutCancel(ctx))
}

// flush puts what is gathered.
func (b *batch) flush(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.put(ctx)
}

func (b *batch) put(ctx context.Context) error {
	defer b.docs.Reset()
	return b.to.Put(ctx, b.docs.Documents())
}

// A lineBatch holds copies of lines, since a reader uses its buffers again.
type lineBatch struct {
	lines []record.Line
	text  []byte
}

// Bounds of a lineBatch. A message of several lines is joined within one.
const (
	maxLines     = 512
	maxLineBytes = 256 << 10
)

func (b *lineBatch) add(line *record.Line) {
	if len(b.lines) == 0 {
		b.text = b.text[:0]
		if cap(b.text) > 4*maxLineBytes {
			b.text = nil
		}
	}
	kept := *line
	kept.Text = b.keep(line.Text)
	if line.ID != nil {
		kept.ID = b.keep(line.ID)
	}
	b.lines = append(b.lines, kept)
}

// keep copies text. Where the buffer grows, what was kept before stays in the
// old one.
func (b *lineBatch) keep(text []byte) []byte {
	from := len(b.text)
	b.text = append(b.text, text...)
	return b.text[from:len(b.text):len(b.text)]
}

func (b *lineBatch) full() bool {
	return len(b.lines) >= maxLines || len(b.lines) > 0 && len(b.text) >= maxLineBytes
}

// drop forgets the first n lines.
func (b *lineBatch) drop(n int) {
	rest := b.lines[n:]
	if len(rest) > 0 {
		text := make([]byte, 0, maxLineBytes)
		for i := range rest {
			from := len(text)
			text = append(text, rest[i].Text...)
			rest[i].Text = text[from:len(text):len(text)]
			if rest[i].ID != nil {
				from = len(text)
				text = append(text, rest[i].ID...)
				rest[i].ID = text[from:len(text):len(text)]
			}
		}
		b.text = text
	}
	b.lines = append(b.lines[:0], rest...)
}

// flushRegularly processes and writes in the background what was gathered, so
// that the lines of a slow input do not wait for more of them. A message that
// may go on is held back for one more turn. When writing fails, it calls dead.
// The returned function ends it and returns the failure.
func (e *enriching) flushRegularly(ctx context.Context, dead func()) (stop func() error) {
	ctx = context.WithoutCancel(ctx)
	done := make(chan struct{})
	var wg sync.WaitGroup
	var failed error
	wg.Go(func() {
		tick := time.NewTicker(flushEvery)
		defer tick.Stop()
		held := false
		for failed == nil {
			select {
			case <-done:
				return
			case <-tick.C:
				failed = errors.Join(e.flush(ctx, held), e.out.flush(ctx))
				if failed != nil {
					dead()
				}
				e.mu.Lock()
				held = e.holds()
				e.mu.Unlock()
			}
		}
	})
	return func() error {
		close(done)
		wg.Wait()
		return failed
	}
}
