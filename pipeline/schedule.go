package pipeline

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// A schedule knows when to look again for something outside that changes. It
// has no goroutine of its own: Lambda freezes those between invocations.
//
// isDue is safe for concurrent use; who calls failed and done sees to it that
// only one does.
type schedule struct {
	every time.Duration // 0: one look that succeeds is enough
	now   func() time.Time

	// due is when to look next, in nanoseconds of the Unix epoch: a clock that
	// goes on while Lambda freezes the process.
	due      atomic.Int64
	failures int // since the last success
}

// Bounds of the wait after a failed look: it doubles from one to the next.
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

// wait draws between half of the time and all of it: many functions that
// started together must not ask together.
func (s *schedule) wait(t time.Duration) {
	t -= rand.N(t/2 + 1)
	s.due.Store(s.now().Add(t).UnixNano())
}
