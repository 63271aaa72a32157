package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"clearhop/pipeline"
	"clearhop/sink"
)

// A batch gathers events and puts them into a sink many at a time. It is safe
// for concurrent use.
type batch struct {
	mu   sync.Mutex
	to   sink.Sink
	data []byte
	ends []int // where each document ends in data
	ids  []byte
	idAt []int
	docs []sink.Document
	err  error // of a regular flush, reported by the next add
}

const (
	// batchBytes is how much is gathered before it is put.
	batchBytes = 256 << 10
	// flushEvery is how long an event waits at most when the input is slow.
	flushEvery = 200 * time.Millisecond
)

func newBatch(to sink.Sink) *batch { return &batch{to: to} }

// add takes the event over. An error is the sink's, of this or of earlier
// events.
func (b *batch) add(ctx context.Context, out *pipeline.Outcome) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		err := b.err
		b.err = nil
		return err
	}
	b.data = append(b.data, out.Data...)
	b.ends = append(b.ends, len(b.data))
	b.ids = append(b.ids, out.ID...)
	b.idAt = append(b.idAt, len(b.ids))
	if len(b.data) < batchBytes {
		return nil
	}
	// An interrupt must not lose what is gathered.
	return b.put(context.WithoutCancel(ctx))
}

// flush puts what is gathered. Its error is also that of a regular flush
// before it.
func (b *batch) flush(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := errors.Join(b.err, b.put(ctx))
	b.err = nil
	return err
}

func (b *batch) put(ctx context.Context) error {
	b.docs = b.docs[:0]
	data, id := 0, 0
	for i, end := range b.ends {
		b.docs = append(b.docs, sink.Document{ID: b.ids[id:b.idAt[i]], Data: b.data[data:end]})
		data, id = end, b.idAt[i]
	}
	err := b.to.Put(ctx, b.docs)
	b.data, b.ends, b.ids, b.idAt = b.data[:0], b.ends[:0], b.ids[:0], b.idAt[:0]
	return err
}

// flushRegularly flushes in the background, so that a slow input's events do
// not wait for more of them. The returned function ends it.
func (b *batch) flushRegularly(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(flushEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				b.mu.Lock()
				b.err = errors.Join(b.err, b.put(context.WithoutCancel(ctx)))
				b.mu.Unlock()
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}
