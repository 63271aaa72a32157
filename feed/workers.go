package feed

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"clearhop/pipeline"
)

// A pool is the workers of a drive that has more than one. Each is a goroutine with a
// pipeline.Worker of its own, which takes whatever batch comes next. The drive assembles
// the batches in the order of the input, and finishes them in the same order.
//
// Its methods are for the goroutine of the drive. A nil pool has nothing to finish.
type pool struct {
	pipeline *pipeline.Pipeline
	max      int        // workers
	work     chan *task // has room for all tasks
	running  sync.WaitGroup
	started  int // workers

	pending []*task // in the order of the input
	idle    []*task
	made    int // tasks
}

// spare is how many batches more than workers are on their way at most: the oldest may
// take its time, and another one waits for the first worker that is free.
const spare = 2

// A task is a batch on its way through a worker. A Collector belongs to one task, so that
// a worker need not wait until its last batch was yielded.
type task struct {
	batch     batch
	draft     pipeline.Draft
	collector Collector
	done      chan struct{} // has room for one: the draft is processed, or is left to the drive
	failed    *workerPanic  // of the worker
}

// add adds an outcome to the Collector. It is a pipeline.Yield without errors.
func (t *task) add(out *pipeline.Outcome) error {
	if !out.Record.Line.Seen {
		t.collector.Add(out)
	}
	return nil
}

func newPool(size int, p *pipeline.Pipeline) *pool {
	return &pool{pipeline: p, max: size, work: make(chan *task, size+spare)}
}

// oldest returns the channel that says that the oldest batch can be finished; nil if there
// is none.
func (p *pool) oldest() <-chan struct{} {
	if p == nil || len(p.pending) == 0 {
		return nil
	}
	return p.pending[0].done
}

// free returns a task that can be used; nil if all are on their way.
func (p *pool) free() *task {
	if n := len(p.idle); n > 0 {
		t := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return t
	}
	if p.made == p.max+spare {
		return nil
	}
	p.made++
	return &task{done: make(chan struct{}, 1)}
}

// send gives a task to the workers. A worker is started if more of them can have work.
func (p *pool) send(t *task) {
	p.pending = append(p.pending, t)
	p.work <- t
	if p.started < min(len(p.pending), p.max) {
		p.started++
		p.running.Go(func() {
			w := p.pipeline.NewWorker()
			for t := range p.work {
				t.process(w)
			}
		})
	}
}

// keep lets a task wait for its turn. Then the drive processes it.
func (p *pool) keep(t *task) {
	p.pending = append(p.pending, t)
	t.done <- struct{}{}
}

// end ends the workers when they have done what was sent.
func (p *pool) end() {
	if p != nil {
		close(p.work)
		p.running.Wait()
	}
}

// process is the work of a worker.
func (t *task) process(w *pipeline.Worker) {
	defer func() {
		if r := recover(); r != nil {
			t.failed = &workerPanic{r, debug.Stack()}
		}
		t.done <- struct{}{}
	}()
	_ = w.ProcessDraft(&t.draft, t.add) // the error is that of add, which has none
}

// A workerPanic is a panic of a worker, with which the goroutine of Run goes on: whoever
// called Run can recover it.
type workerPanic struct {
	value any
	stack []byte
}

// Error returns the value of the panic and the stack of the worker.
func (p *workerPanic) Error() string { return fmt.Sprintf("%v\n\n%s", p.value, p.stack) }

// handOver assembles a batch and hands it to a worker. Where all tasks are on their way,
// the oldest is waited for. The lines of a message that may go on are left in the batch.
func (d *drive) handOver(ctx context.Context, b *batch, last bool) {
	t := d.pool.free()
	for t == nil {
		<-d.pool.oldest()
		d.finish(ctx)
		t = d.pool.free()
	}
	if d.err != nil {
		b.drop(len(b.lines))
		return
	}
	done := takeLines(b, last, func(last bool) int { return d.worker.Assemble(b.lines, last, &t.draft) })
	if done == 0 {
		d.pool.idle = append(d.pool.idle, t)
		return
	}
	b.leave(done, &t.batch)
	if t.collector == nil {
		t.collector = d.NewCollector()
	}
	if d.worker.InDoubt(b.origin) {
		d.pool.keep(t)
	} else {
		d.pool.send(t)
	}
}

// finish passes on the results of the oldest batch, which was received from oldest. After
// a failure they are lost, as those of the batches behind it.
func (d *drive) finish(ctx context.Context) {
	c := d.pool
	t := c.pending[0]
	c.pending = append(c.pending[:0], c.pending[1:]...)
	if t.failed != nil {
		panic(t.failed)
	}
	if d.err != nil {
		t.draft.GiveUp() // a worker may wait for its last time
	} else {
		if !d.worker.Settle(&t.draft) {
			t.collector = d.NewCollector()
			_ = d.worker.ProcessInOrder(&t.draft, t.add) // add has no error
		}
		d.note(&t.batch, len(t.batch.lines))
		d.yield(ctx, t.collector)
	}
	t.batch.reset()
	c.idle = append(c.idle, t)
}

// finishAll passes on the results of all batches.
func (d *drive) finishAll(ctx context.Context) {
	for d.pool.oldest() != nil {
		<-d.pool.oldest()
		d.finish(ctx)
	}
}
