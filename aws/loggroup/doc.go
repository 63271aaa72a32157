// Package loggroup reads the log events that CloudWatch Logs keeps of a log group: all
// that happened between two times.
//
// In go a client and a Query. Out come pages of lines, the oldest first, each with the
// account, the log group and the log stream that it is of, its time, and its event id:
//
//	logs, err := loggroup.Connect(ctx, loggroup.Options{})
//	groups, err := logs.Find(ctx, "/ecs/web", false)
//	r := logs.Read(loggroup.Query{Group: groups[0], Since: since, Until: until})
//	for {
//		lines, err := r.Next(ctx) // they hold until the next call
//		if err == io.EOF {
//			break
//		}
//		…
//	}
//
// # Windows of time
//
// A Reader asks for one window of time after the other. A window becomes longer where
// few events are, and shorter where many are: it is to hold some 50,000 events, and has
// at least a second and at most a day. So no token of a page becomes old: CloudWatch Logs
// forgets one after 24 hours.
//
// # Order and ids
//
// CloudWatch Logs documents that FilterLogEvents sorts events by their time, then by the
// time at which they were taken in. Lines of several streams stand one between the other.
//
// The id of a line is the eventId. The API's reference calls it the id of the event, and
// the guide for subscriptions calls the id of an event in a payload the unique identifier
// of the log event. That both are the same number for the same event is what one sees;
// no page of AWS promises it.
//
// # Throttling
//
// FilterLogEvents may be called 5, 10 or 25 times a second in an account and a region,
// together with everybody else there. A client begins with 5 calls a second, makes more
// while nothing is throttled, and fewer as soon as something is. A call that is throttled,
// that fails inside AWS or that gets no answer is made again, up to 12 times.
//
// # Permissions
//
// Reading takes logs:FilterLogEvents and logs:DescribeLogGroups. Where nothing was found,
// logs:DescribeLogStreams tells when the last event was; without it that is left out.
//
// Logs is safe for concurrent use. A Reader is for one goroutine.
package loggroup
