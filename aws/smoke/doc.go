// Package smoke sends one made-up access line through a stack of Clearhop, and waits until
// it is a row of the stack's table.
//
//	calls, err := smoke.Connect(ctx, "")
//	s, err := smoke.New(smoke.Config{Calls: calls, Stack: stack, Say: say})
//	arrival, err := s.Run(ctx) // a *StoppedError says at which stage the line stopped
//
// In goes what CloudFormation says of the stack. The line is put into a log group that the
// stack watches, as nginx's log driver would put it there. From there it goes the way of all
// lines: subscription, function, Firehose, S3, table.
//
// # What marks the event
//
// The line is in a log stream of its own, clearhop-smoke/ID, which no visitor can write
// into. It asks for the path /clearhop-smoke/ID, from 192.0.2.1, an address for
// documentation, and its user agent says that it is a robot. So statistics of visitors and
// countries leave it out, and this leaves it out of anything else:
//
//	WHERE log_stream IS NULL OR log_stream NOT LIKE 'clearhop-smoke/%'
//
// # Concurrency
//
// A Smoke is for one goroutine.
package smoke
