// Package delivery takes encoded events to where the settings say, and keeps as
// dead letters what could not be delivered.
//
// In go Settings, which say where events go, and then events. Out come the events
// at their sinks: Firehose, Kinesis, S3, a file or standard output. For each Put
// there is a Receipt, which says what became of its events.
//
//	outlets, err := delivery.Open(ctx, settings, delivery.Options{Source: "subscriber"})
//	for _, outlet := range outlets.All() {
//		receipt := outlet.Put(ctx, events) // outlet.Route() names the events that go there
//		for _, lost := range receipt.Lost {
//			// events[lost.Index] is neither delivered nor kept, because of lost.Err
//		}
//	}
//	err = outlets.Close(ctx)
//
// # What is promised
//
//   - Every event of a Put is either delivered, or kept as a dead letter, or listed
//     as lost. It is never two of these, also when a sink panics.
//   - Retried: a sink sends again what its service did not confirm, with growing
//     pauses, until the attempts or the time of the context are used up. It ends
//     Options.SinkReserve before the deadline, so that dead letters have time.
//   - Kept as a dead letter: an event that the sink did not take in that time, with
//     the reason. With Options.Resends only an event that would fail again: it is
//     too large, or the service refused what it holds, or the sink panicked.
//   - Lost: an event that could not be kept either, or for which there is no place
//     for dead letters. With Options.Resends also every event that may pass when it
//     is sent again. The caller must not report the inputs of lost events as done.
//   - Delivery is at least once: an event that was written and not confirmed is sent
//     again, or kept, with the same id.
//
// Package deadletter says what a dead letter holds, and its Reader returns the
// events again, byte for byte.
//
// Outlets, Letters and Opener are safe for concurrent use.
package delivery
