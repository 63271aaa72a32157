package sink

import "sync"

// Stats count what a sink did. What was delivered counts when the service
// confirms it: a call that was cut off and yet written costs money that shows
// only on the bill. What a record is, and what is billed, is for each sink to say.
type Stats struct {
	Documents       int64 // delivered
	DocumentsFailed int64 // listed in a PutError
	Truncated       int64 // of Documents: those shortened to fit
	Records         int64 // delivered: records, objects or messages
	Bytes           int64 // of the records delivered, before base64
	BytesBilled     int64 // Bytes, rounded up as the service bills them
	BytesSent       int64 // of all records sent, those that failed included
	Calls           int64 // made, Retries included
	Retries         int64 // calls that sent again what had failed
	Throttles       int64 // calls refused, in whole or part, as too much or unavailable
}

// Add returns what s and t counted together.
func (s Stats) Add(t Stats) Stats { return s.plus(t, 1) }

// Sub returns what was counted between earlier and s.
func (s Stats) Sub(earlier Stats) Stats { return s.plus(earlier, -1) }

func (s Stats) plus(t Stats, sign int64) Stats {
	s.Documents += sign * t.Documents
	s.DocumentsFailed += sign * t.DocumentsFailed
	s.Truncated += sign * t.Truncated
	s.Records += sign * t.Records
	s.Bytes += sign * t.Bytes
	s.BytesBilled += sign * t.BytesBilled
	s.BytesSent += sign * t.BytesSent
	s.Calls += sign * t.Calls
	s.Retries += sign * t.Retries
	s.Throttles += sign * t.Throttles
	return s
}

// A Metered sink counts what it does. Both methods are safe for concurrent use.
type Metered interface {
	// Stats returns the counts since the sink was made.
	Stats() Stats

	// TakeStats returns the counts since the last TakeStats. Each count is
	// handed out once, so that invocations that share a sink, and run at the
	// same time, report sums that are right together.
	TakeStats() Stats
}

// A Meter keeps the Stats of a sink. The zero value is ready for use; it is safe
// for concurrent use.
type Meter struct {
	mu           sync.Mutex
	total, taken Stats
}

var _ Metered = (*Meter)(nil)

// Count adds to the counts, all at once.
func (m *Meter) Count(seen Stats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total = m.total.Add(seen)
}

// Stats implements Metered.
func (m *Meter) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total
}

// TakeStats implements Metered.
func (m *Meter) TakeStats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := m.total.Sub(m.taken)
	m.taken = m.total
	return seen
}
