package pipeline

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// A schedule knows when the next look is due.
//
// isDue is safe for concurrent use. The caller of failed and done makes sure that
// only one goroutine calls them at a time.
type schedule struct {
	every time.Duration // 0: one look that succeeds is enough
	now   func() time.Time

	// due is when the next look is due, in nanoseconds since the Unix epoch: that
	// clock goes on while Lambda freezes the process.
	due      atomic.Int64
	failures int // since the last success
}

// After a failed look the next one waits for firstWait. The wait doubles with
// each failure, up to maxWait.
const (
	firstWait = 10 * time.Second
	maxWait   = 5 * time.Minute
)

func (s *schedule) isDue() bool { return s.now().UnixNano() >= s.due.Load() }

// done sets the time of the look after one that succeeded.
func (s *schedule) done() {
	s.failures = 0
	if s.every == 0 {
		s.due.Store(math.MaxInt64)
		return
	}
	s.wait(s.every)
}

// failed sets the time of the look after one that failed.
func (s *schedule) failed() {
	longest := maxWait
	if 0 < s.every && s.every < longest {
		longest = s.every
	}
	s.wait(min(firstWait<<min(s.failures, 10), longest))
	s.failures++
}

// wait waits for a random time between half of t and all of it, so that functions
// that started together do not ask together.
func (s *schedule) wait(t time.Duration) {
	t -= rand.N(t/2 + 1)
	s.due.Store(s.now().Add(t).UnixNano())
}
