package firehose

// Stats counts what a Sink did. What was delivered counts when the service
// confirms it: a call that was cut off and yet written costs money that shows
// only on the bill.
type Stats struct {
	Documents       int64 // delivered
	DocumentsFailed int64 // listed in a PutError
	Records         int64 // delivered
	Bytes           int64 // of the records delivered, before base64
	BytesBilled     int64 // Bytes, each record rounded up to BillingStep
	BytesSent       int64 // of all records sent, those that failed included
	Calls           int64 // made, Retries included
	Retries         int64 // calls that sent again what had failed
	Throttles       int64 // calls refused, in whole or part, as too much or unavailable
}

// Stats returns the counts since New.
func (s *Sink) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Sub returns what was counted between earlier and s.
func (s Stats) Sub(earlier Stats) Stats {
	return s.plus(earlier, -1)
}

func (s Stats) plus(t Stats, sign int64) Stats {
	s.Documents += sign * t.Documents
	s.DocumentsFailed += sign * t.DocumentsFailed
	s.Records += sign * t.Records
	s.Bytes += sign * t.Bytes
	s.BytesBilled += sign * t.BytesBilled
	s.BytesSent += sign * t.BytesSent
	s.Calls += sign * t.Calls
	s.Retries += sign * t.Retries
	s.Throttles += sign * t.Throttles
	return s
}

// count adds to the Sink's counts, all at once.
func (s *Sink) count(seen Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats = s.stats.plus(seen, 1)
}

// billed is the length a record is charged for.
func billed(size int) int {
	return (size + BillingStep - 1) / BillingStep * BillingStep
}
