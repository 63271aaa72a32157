// Package diagnose says from the lines of a log which hop of the proxy chain is
// broken, and what mends it.
//
// In go enriched records, out comes a Report: the findings, the evidence for
// each, and the lines of nginx.conf or the attribute of the target group to
// change.
//
//	c := diagnose.NewCounters(diagnose.Config{NLB: nlb, Trusted: edges})
//	c.Add(rec) // for each line
//	report := c.Report()
//
// Whoever has counts already, as a metric or a query over stored events has,
// hands them in with AddTally: the judgement is the same. Only Add sees the
// lines themselves, so that only then there is evidence to show, health checks
// are told by their regularity, and the lines that two hops wrote of one request
// are joined.
//
// Where the addresses of the chain are not known, a Survey of the first lines
// infers them; the records are then made with what it found:
//
//	s := diagnose.NewSurvey()
//	s.Add(rec)
//	roles := s.Roles()
//
// Memory is bounded whatever the log holds: all that counts by address, path or
// request id keeps the most frequent, or a fair sample.
//
// Neither Counters nor a Survey is safe for concurrent use. They keep nothing of
// the records they are given.
package diagnose
