package sink

import "sync"

// Stats count what a sink did. Something counts as delivered when the service
// confirms it. A call that was cut off may have been written all the same: it
// costs money, and only the bill shows it. Each sink says what its records are,
// and what is billed.
type Stats struct {
	Documents       int64 // delivered
	DocumentsFailed int64 // listed in a PutError
	Truncated       int64 // delivered after they were shortened to fit
	Records         int64 // delivered: records, objects or messages
	Bytes           int64 // of the records delivered, before base64
	BytesBilled     int64 // Bytes, rounded up as the service bills them
	BytesSent       int64 // of all records sent, including those that failed
	Calls           int64 // all calls, including Retries
	Retries         int64 // calls that sent again what had failed
	Throttles       int64 // calls that the service throttled, wholly or in part
}

// Add returns the sum of s and t.
func (s Stats) Add(t Stats) Stats {
	s.Documents += t.Documents
	s.DocumentsFailed += t.DocumentsFailed
	s.Truncated += t.Truncated
	s.Records += t.Records
	s.Bytes += t.Bytes
	s.BytesBilled += t.BytesBilled
	s.BytesSent += t.BytesSent
	s.Calls += t.Calls
	s.Retries += t.Retries
	s.Throttles += t.Throttles
	return s
}

// A Metered sink counts what it does.
type Metered interface {
	// TakeStats returns the counts since the last TakeStats, or since the sink
	// was made. It returns each count once: invocations that share a sink and
	// run at the same time report numbers whose sum is right. It is safe for
	// concurrent use.
	TakeStats() Stats
}

// A Meter keeps the Stats of a sink. The zero value is ready for use. A Meter is
// safe for concurrent use.
type Meter struct {
	mu      sync.Mutex
	counted Stats // since the last TakeStats
}

var _ Metered = (*Meter)(nil)

// Count adds to all counts at once.
func (m *Meter) Count(seen Stats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counted = m.counted.Add(seen)
}

// TakeStats implements Metered.
func (m *Meter) TakeStats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.counted
	m.counted = Stats{}
	return taken
}
