package feed

import (
	"context"
	"time"

	"clearhop/pipeline"
)

// sampleWait is how long a sample waits at most for more lines of an input that keeps
// the reader waiting.
const sampleWait = 200 * time.Millisecond

// A sampling holds batches back until there are enough lines to decide how their
// streams are read. All batches that come meanwhile wait too, so that the order stays.
type sampling struct {
	held         []*batch
	lines, bytes int
	wait         *time.Timer // nil while nothing is held
	overdue      bool        // wait has ended, and lines were still at hand
}

// ended returns the channel on which the end of the wait comes; nil while nothing is
// held.
func (s *sampling) ended() <-chan time.Time {
	if s.wait == nil {
		return nil
	}
	return s.wait.C
}

// isEnough reports whether the streams can be decided on.
func (s *sampling) isEnough() bool {
	return s.lines >= pipeline.MaxSampleLines || s.bytes >= pipeline.MaxSampleBytes || s.overdue && s.held[len(s.held)-1].waits
}

// hold holds a batch back if its stream is to be sampled first, or if other batches
// are held. It reports whether it did.
func (d *drive) hold(b *batch) bool {
	s := &d.sampling
	wants := !b.isEmpty() && d.worker.WantsSample(b.origin)
	if d.err != nil || len(s.held) == 0 && !wants {
		return false
	}
	if wants {
		d.worker.Sample(b.lines)
	}
	if s.wait == nil {
		s.wait = time.NewTimer(sampleWait)
	}
	s.held = append(s.held, b)
	s.lines += len(b.lines)
	s.bytes += len(b.text)
	return true
}

// sampleWaited is called when the wait has ended. If the input keeps the reader
// waiting, the lines that are there must do.
func (d *drive) sampleWaited(ctx context.Context) {
	d.sampling.overdue = true
	if d.sampling.isEnough() {
		d.release(ctx)
	}
}

// release decides on the streams that were sampled, and processes what was held.
func (d *drive) release(ctx context.Context) {
	if d.sampling.wait == nil {
		return
	}
	d.sampling.wait.Stop()
	held := d.sampling.held
	d.sampling = sampling{}
	readings := d.worker.Decide()
	if d.Decided != nil {
		d.Decided(readings)
	}
	for _, b := range held {
		d.admit(ctx, b)
	}
}
