// Package diagnose finds which hop of the proxy chain is broken, from the lines
// of its logs, and says how to fix it.
//
// Enriched records go in. A Report comes out: the findings, the lines that show
// each of them, and the lines of nginx.conf or the attribute of the target group
// to change.
//
//	c := diagnose.NewCounters(diagnose.Config{Chain: chain})
//	c.Add(rec) // for each line
//	err := c.Report().WriteText(os.Stdout, diagnose.Style{})
//
// A caller that has counts already, from a metric or from a query over stored
// events, passes them to AddTally, and they are judged in the same way. Only Add
// sees the lines themselves. Without it a report has no lines as evidence, knows
// health checks only by their reason, and does not join the lines that two hops
// wrote about one request.
//
// Where the addresses of the chain are not known, a Survey of the first lines
// infers them. The records are then made again with what it found:
//
//	s := diagnose.NewSurvey()
//	s.Add(rec) // for each line
//	config = config.WithRoles(s.Roles())
//
// # How a report is made
//
// Report decides in four steps, each in a file of its own:
//
//	threshold.go  which causes do enough lines show? These are the faults.
//	fault.go      which other causes do the same lines allow?
//	decide.go     which of them is it, by AWS, the other hop or an earlier fault?
//	finding.go    what does the report say about it?
//
// The texts and the configuration to paste stand in fix.go and advice.go.
//
// Memory is bounded whatever the log holds: what is counted by address, path or
// request id is kept for the most frequent ones, or for a fair sample.
//
// Neither Counters nor a Survey is safe for concurrent use. They keep nothing of
// the records that they are given.
package diagnose
