package feed

import (
	"context"
	"errors"
	"slices"
	"time"

	"clearhop/decode"
	"clearhop/pipeline"
)

const (
	// tickEvery is how long events wait at most to be written when the input is
	// slow.
	tickEvery = 200 * time.Millisecond

	// settleEvery is how many bytes of lines a followed file is read on at most before
	// its place is settled. So many come again after a kill.
	settleEvery = 4 << 20
)

// A drive takes the batches of all readers through the pipeline. It belongs to the
// goroutine of Run, and so do its worker and the calls of Yield: there are no locks.
type drive struct {
	Config
	worker *pipeline.Worker
	alone  task   // what the worker processes itself; its batch is not used
	pool   *pool  // nil where the worker is alone
	stop   func() // ends the reading

	sampling sampling
	held     []*batch      // lines of messages that may go on, one batch for each stream
	used     chan<- *batch // batches that can be filled again
	read     int64         // bytes

	yielded   []decode.Position // of each followed file: the last line that was yielded and not settled
	unsettled int               // bytes of lines

	err error // of the Collector or of Flush; nothing is processed after it
}

func newDrive(c Config, stop func(), used chan<- *batch) *drive {
	d := &drive{Config: c, worker: c.Pipeline.NewWorker(), stop: stop, used: used}
	if c.Workers > 1 {
		d.pool = newPool(c.Workers, c.Pipeline)
	} else {
		d.alone.collector = c.NewCollector()
	}
	return d
}

// run works until the readers have ended, also after a failure: no reader must wait
// for ever to send its batch.
func (d *drive) run(ctx context.Context, batches <-chan *batch, warnings <-chan error) {
	clock := time.NewTicker(tickEvery)
	defer clock.Stop()
	for {
		select {
		case b, more := <-batches:
			if !more {
				d.release(ctx)
				d.finishAll(ctx)
				d.pool.end()
				d.flush(ctx)
				return
			}
			d.take(ctx, b)
		case <-d.pool.oldest():
			d.finish(ctx)
		case err := <-warnings:
			d.warn(err)
		case <-d.sampling.ended():
			d.sampleWaited(ctx)
		case <-clock.C:
			d.tick(ctx)
		}
	}
}

// take takes over a batch that a reader sent.
func (d *drive) take(ctx context.Context, b *batch) {
	if d.Progress != nil {
		d.read += b.read
		d.Progress(d.read)
	}
	switch {
	case !d.hold(b):
		d.admit(ctx, b)
	case d.sampling.isEnough():
		d.release(ctx)
	}
}

// admit processes a batch, and holds the lines that may go on. A batch of a stream
// whose lines are held joins these, and waits with them.
func (d *drive) admit(ctx context.Context, b *batch) {
	var held *batch
	if i := slices.IndexFunc(d.held, func(h *batch) bool { return h.origin == b.origin }); i >= 0 {
		held = d.held[i]
		d.held = slices.Delete(d.held, i, i+1)
		b = d.join(ctx, held, b)
	}
	if b != held || b.last {
		d.process(ctx, b, b.last)
	}
	if b.isEmpty() {
		d.giveBack(b)
		return
	}
	d.held = append(d.held, b)
}

// join moves lines of a batch behind those that are held, and processes these
// whenever they fill a batch. It returns the one of the two that has lines left, and
// the batch if none has.
func (d *drive) join(ctx context.Context, held, b *batch) *batch {
	held.waits, held.last = b.waits, b.last
	for !held.isEmpty() && !b.isEmpty() {
		b.moveTo(held)
		if held.isFull() {
			d.process(ctx, held, false)
		}
	}
	if held.isEmpty() {
		d.giveBack(held)
		return b
	}
	d.giveBack(b)
	return held
}

// giveBack lets a reader fill the batch again.
func (d *drive) giveBack(b *batch) {
	b.reset()
	select {
	case d.used <- b:
	default:
	}
}

// process takes a batch through the pipeline and passes on the results. Where last
// is false, the lines of a message that may go on are left in the batch.
func (d *drive) process(ctx context.Context, b *batch, last bool) {
	if b.isEmpty() {
		return
	}
	if d.err == nil {
		d.refresh(ctx)
	}
	if d.err != nil {
		b.drop(len(b.lines))
		return
	}
	if d.pool != nil {
		d.handOver(ctx, b, last)
	} else {
		done := takeLines(b, last, func(last bool) int {
			done, _ := d.worker.ProcessBatch(b.lines, last, d.alone.add) // the error is that of add, which has none
			return done
		})
		d.note(b, done)
		b.drop(done)
		d.yield(ctx, d.alone.collector)
	}
	b.ticked = false
}

// takeLines has the lines of a batch processed or assembled. It returns how many were.
func takeLines(b *batch, last bool, take func(last bool) int) (done int) {
	done = take(last)
	if done == 0 && !last && b.isFull() {
		// A message without an end: no more of it is waited for.
		done = take(true)
	}
	return done
}

// yield passes on what a Collector has of a batch.
func (d *drive) yield(ctx context.Context, c Collector) {
	if err := c.Yield(context.WithoutCancel(ctx)); err != nil {
		d.fail(err)
	}
	if d.unsettled >= settleEvery {
		d.flush(ctx)
	}
}

// note remembers how far a followed file is read when the next Flush has succeeded.
func (d *drive) note(b *batch, done int) {
	if done == 0 || len(b.places) == 0 {
		return
	}
	at := b.places[done-1]
	for i := range b.lines[:done] {
		d.unsettled += len(b.lines[i].Text)
	}
	i := slices.IndexFunc(d.yielded, func(p decode.Position) bool { return p.File.Log == at.File.Log })
	if i < 0 {
		d.yielded = append(d.yielded, at)
	} else {
		d.yielded[i] = at
	}
}

// tick processes the lines that are held of streams that wait for input, and writes
// what was yielded. A message that may go on is held for one more tick.
func (d *drive) tick(ctx context.Context) {
	processed := false
	for _, b := range d.held {
		if b.waits {
			last := b.ticked
			d.process(ctx, b, last)
			b.ticked, processed = true, true
		}
	}
	if processed {
		d.finishAll(ctx) // these lines have waited long enough
	}
	d.held = slices.DeleteFunc(d.held, func(b *batch) bool {
		if !b.isEmpty() {
			return false
		}
		d.giveBack(b)
		return true
	})
	if d.err == nil {
		d.flush(ctx)
	}
}

// flush writes what was yielded. At the end it does so whatever happened before: one
// of several outputs may work although another one has failed.
func (d *drive) flush(ctx context.Context) {
	if d.Flush != nil {
		if err := d.Flush(context.WithoutCancel(ctx)); err != nil {
			d.fail(err)
		}
	}
	if d.err != nil || len(d.yielded) == 0 {
		return
	}
	if err := d.Settled(d.yielded); err != nil {
		d.fail(err)
	}
	d.yielded, d.unsettled = d.yielded[:0], 0
}

// fail ends the reading.
func (d *drive) fail(err error) {
	d.err = errors.Join(d.err, err)
	d.stop()
}

// refresh keeps the NLB's nodes and the GeoIP databases up to date in a long run. Batches
// that workers have are judged by what held before.
func (d *drive) refresh(ctx context.Context) {
	if !d.Pipeline.NeedsRefresh() {
		return
	}
	d.finishAll(ctx)
	if err := d.Pipeline.Refresh(ctx); err != nil && ctx.Err() == nil {
		d.warn(err)
	}
}

func (d *drive) warn(err error) {
	if d.Warn != nil {
		d.Warn(err)
	}
}
