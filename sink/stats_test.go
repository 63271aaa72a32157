package sink_test

import (
	"sync"
	"testing"

	"clearhop/sink"
)

// TestMeterGivesEachCountOnce: goroutines that count and take at the same time
// take together what was counted.
func TestMeterGivesEachCountOnce(t *testing.T) {
	var m sink.Meter
	var wg sync.WaitGroup
	taken := make([]sink.Stats, 8)
	for i := range taken {
		wg.Go(func() {
			for range 1000 {
				m.Count(sink.Stats{Documents: 2, Calls: 1})
				taken[i] = taken[i].Add(m.TakeStats())
			}
		})
	}
	wg.Wait()
	sum := m.TakeStats()
	for _, stats := range taken {
		sum = sum.Add(stats)
	}
	if want := (sink.Stats{Documents: 16_000, Calls: 8_000}); sum != want {
		t.Errorf("got %+v, want %+v", sum, want)
	}
}

// TestAddAddsEveryCount: a field that Add forgets would stay 0 in all metrics.
func TestAddAddsEveryCount(t *testing.T) {
	one := sink.Stats{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	if got, want := one.Add(one), (sink.Stats{2, 2, 2, 2, 2, 2, 2, 2, 2, 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
