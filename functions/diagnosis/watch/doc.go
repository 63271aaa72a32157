// Package watch tells people when a hop of the proxy chain breaks, and when it is right
// again. It reads a sample of the lines of the last minutes from CloudWatch Logs, judges
// them as clearhop doctor does, and publishes each finding to a topic of SNS: once when
// it begins, with its evidence and its fix, and once when it has ended.
//
//	w, err := watch.New(watch.Config{Settings: settings, Pipeline: config, Calls: calls})
//	summary, err := w.Run(ctx) // on a schedule
//
// In go the lines of the log groups and the state that the last Run left in S3. Out come
// messages and the new state.
//
// # When a message is sent
//
// A finding begins in the first period that shows it. It has ended after three periods
// in a row without it, in which so many lines were right that ten of them would show it
// if it were still there. If it begins again within a day, the number of periods
// doubles each time, so that a fault that comes and goes sends a few messages a day. A
// period without lines says nothing.
//
// The state is written before a message is sent, with the message in it, and again
// afterwards without it. So a message that could not be sent is sent by the next Run. Each
// writing holds only if nobody else has written meanwhile, so of two Runs at the same time
// one sends. A message is sent twice only if a Run ends between sending and writing.
//
// # What it costs
//
// A Run makes at most 60 calls of FilterLogEvents and reads at most Settings.MaxMB. The
// lines come from several parts of the period, so that a sample shows all of it.
//
// A Watch is for one goroutine at a time.
package watch
