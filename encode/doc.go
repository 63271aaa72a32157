// Package encode turns records into events: one JSON object on one line.
//
//	enc, err := encode.New(encode.Options{Labels: map[string]string{"service": "web"}})
//	dst = enc.Append(dst, rec)
//
// The event's fields are defined in one table (see [Fields]). The encoder, the
// columns of tables, the JSON Schema (docs/event.schema.json) and the table in
// docs/event.md are all made from it, so they always agree.
//
// # What an event is like
//
// Keys stand in a fixed order. An absent value is left out; there is no null. The
// line is valid UTF-8 whatever the log held: each byte that is not part of valid
// UTF-8 becomes U+FFFD, as encoding/json does it. Control characters are escaped,
// DEL and the C1 range too, so an event can be shown on a terminal. The same record
// always gives the same bytes.
//
// An Encoder never changes and is safe for concurrent use. Append allocates only
// if dst must grow. [Truncate] shortens an event that is too long for a sink.
package encode
