// Package redrive sends again what could not be delivered: our dead letters, the records
// that Firehose put below its error prefix, and the invocations that Lambda gave up.
//
//	source := redrive.Objects(calls, "bucket", "letters/")
//	counts, err := redrive.Run(ctx, source, redrive.Config{Outlets: outlets, Pipeline: p})
//
// In go units, which are objects in S3, messages of a queue or files. Each holds documents
// of JSON. Out go events: those in the documents as they are, and those of the lines of
// payloads, which are taken through the pipeline. Each event has the id that it had, or
// would have had, so whoever reads events can leave out what comes twice.
//
// A unit is settled, which moves or deletes it, when the sink has taken all of its events.
// Otherwise it stays as it is: no event is lost if Run ends anywhere, and the next Run
// sends again at most what was on its way. A unit of which Config.Wants leaves something
// out stays too.
//
// What is recognized, by its content:
//
//	{"dead_letter_version":1,"kind":"event",…}        a letter of package deadletter; also in parts
//	{"errorCode":"…","rawData":"…"}                   a record that Firehose could not transform or convert
//	{"requestContext":…,"requestPayload":{…}}         an asynchronous invocation that was given up
//	{"requestContext":…,"payload":"…"}                a batch of a Kinesis stream that was given up
//	{"@timestamp":"…","event":{"id":"…"…              an event
//	{"messageType":"DATA_MESSAGE",…                   a payload of CloudWatch Logs, in each of its forms
//
// Run uses one goroutine. Memory is bounded by the largest unit, and by the units of which
// a part of a letter has come and another has not.
package redrive
