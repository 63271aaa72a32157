// Package decode turns payloads and files into raw log lines. In go the bytes of a
// payload of CloudWatch Logs, a file or a stream; out come lines of type
// [record.Line], each with the identity that its event will have.
//
// # Payloads
//
// CloudWatch Logs sends a JSON document to a subscription. It arrives in several
// forms, which the package recognizes by their content:
//
//	{"awslogs":{"data":"H4sIAAAA..."}}         the event of a Lambda function
//	H4sIAAAA...                                its base64 text, with or without quotes
//	1f 8b 08 ...                               gzip: a Kinesis or Firehose record
//	{"messageType":"DATA_MESSAGE","logEvents":[{"id":"..","timestamp":..,"message":".."}]}
//
// [Decoder.Decode] decodes each of them, completely or not at all:
//
//	p, err := d.Decode(event)
//	if err != nil {
//		return err // a *PayloadError: which stage, at which byte
//	}
//	for i := range p.Lines {
//		use(&p.Lines[i])
//	}
//
// [Decoder.DecodeAll] decodes a record of a stream that may hold several of them. It and
// a Reader also open the documents in which Lambda and Firehose keep the records that they
// gave up, see [OpenFailed].
//
// Every log event becomes one [record.Line]. Its ID is the event's id, and its
// Offset is the event's index. Origin.Source is "logGroup:logStream"; neither name
// can contain a colon. An event without a message becomes a line too: it has the
// defect [record.Malformed].
//
// # Files and streams
//
// [NewReader] reads log lines, or a sequence of payloads, from any [io.Reader]. The
// stream may be plain, gzip, zstd or bzip2. The Reader recognizes all this by content
// too. A payload gives the same lines, and so the same events, whether it comes
// from a file or from a Lambda event.
//
// [Follow] reads a plain file while it is being written, as tail -F does.
//
// # Documents and tables
//
// A Reader also reads what the AWS CLI, Logs Insights, the console and OpenTelemetry's
// collector write around log events:
//
//	{"events":[{"message":"..","timestamp":..,"eventId":"..","logStreamName":".."}],"nextToken":".."}
//	{"results":[[{"field":"@message","value":".."}]],"status":"Complete"}
//	[{"@timestamp":"2026-11-22 11:00:25.123","@message":".."}]
//	@timestamp,@message                                  CSV; or timestamp,message
//	EVENTS	eventId	ingestionTime	logStreamName	message	timestamp
//	RESULTS	@message	..                            rows of fields, of get-query-results
//	[{"message":".."}]                            what --query made of events
//	{"logRecord":{"@message":"..","@timestamp":".."}}
//	{"resourceLogs":[{"resource":{..},"scopeLogs":[{"logRecords":[{"body":{..}}]}]}]}
//
// Every event becomes one [record.Line], as an event of a payload does. Its ID is the
// eventId; where there is none, the ID is empty and Offset is the event's index in the
// stream. Origin.Source is the stream's name. One event is held at a time. The text of
// an event is its message. Where that is an object, or where an array of objects has no
// messages, the text is the object. A log record of OTLP has its resource as a member.
//
// An object of JSON that stands on several lines is one line: it begins with a line that
// holds only "{" and ends with one that holds only "}".
//
// A stream that holds no lines as it is, such as an archive or binary data, gives an
// [*UnreadableError].
//
// # Line endings
//
// A line ends with "\n" or "\r\n". A message may end with one of them too. The
// package removes the line ending. It passes on all other bytes unchanged, also
// NUL and broken UTF-8.
//
// # Bounds
//
// Input is not trusted. A line or message that is longer than Options.MaxLine is
// cut to that length and has the defect [record.TooLong]. A payload is an error if
// it decompresses to more than Options.MaxPayload, or if it holds more than one
// event for each 64 bytes of that bound. Memory is bounded by small multiples of
// these, plus the window of the decompressor: 32 KiB for gzip, at most 128 MiB for
// zstd. Errors never quote the input.
//
// # Lifetime and concurrency
//
// A Decoder, Reader or Follower is for one goroutine. What it returns is valid
// until its next call, except an Origin, which never changes and may be kept. In
// the steady state none of them allocates per line.
package decode
