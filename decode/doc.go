// Package decode turns payloads and files into raw log lines, each with the
// identity that its event will carry.
//
// # Payloads
//
// What CloudWatch Logs sends to a subscription is a JSON document, and the
// ways it travels are told apart by content:
//
//	{"awslogs":{"data":"H4sIAAAA..."}}         the event that a Lambda gets
//	H4sIAAAA...                                its base64 text, quoted or not
//	1f 8b 08 ...                               gzip: a Kinesis or Firehose record
//	{"messageType":"DATA_MESSAGE","logEvents":[{"id":"..","timestamp":..,"message":".."}]}
//
// [Decoder.Decode] reads any of them, all or nothing:
//
//	p, err := d.Decode(event)
//	if err != nil {
//		return err // a *PayloadError: which stage, at which byte
//	}
//	for i := range p.Lines {
//		use(&p.Lines[i])
//	}
//
// Every log event becomes one [record.Line], whose ID is the event's id and
// whose Offset is its index. Origin.Source is "logGroup:logStream"; neither
// name can hold a colon. An event that has no message is not lost: its line
// has the defect [record.Malformed].
//
// # Files and streams
//
// [NewReader] reads log lines, or payloads one behind the other, plain or
// compressed with gzip or zstd, from any [io.Reader]; all of that is told by
// content too. Whether a payload comes from a file or from a Lambda event, its
// lines are the same, so that their events are.
//
// [Follow] reads a plain file that is being written, as tail -F does.
//
// # Line endings
//
// A line ends with "\n", and one "\r" at its end is cut off as well; the same
// holds for a message. Other bytes, NUL and broken UTF-8 among them, are
// passed on as they are.
//
// # Bounds
//
// Input is not trusted. A line or message longer than Options.MaxLine is cut
// to its head and has the defect [record.TooLong]. A payload that unpacks to
// more than Options.MaxPayload, or that holds more than one event for each 64
// bytes of it, is an error. Memory is bounded by small multiples of these,
// plus the window of the decompressor: 32 KiB for gzip, at most 128 MiB for
// zstd. Text is never quoted in errors.
//
// # Lifetime and concurrency
//
// A Decoder, Reader or Follower is for one goroutine, and what it returns
// holds until its next call; an Origin is never changed and may be kept. In
// the steady state none of them allocates per line.
package decode
