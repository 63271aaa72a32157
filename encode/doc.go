// Package encode turns records into events: one JSON object on one line.
//
//	enc, err := encode.New(encode.Options{Labels: map[string]string{"service": "web"}})
//	dst = enc.Append(dst, rec)
//
// The event's fields are defined in one table (see Fields). The encoder, the
// JSON Schema (docs/event.schema.json) and the table in docs/event.md all come
// from it, so they cannot drift apart.
//
// # What an event is like
//
// Keys stand in a fixed order. A value that is absent is left out; there is no
// null. The line is valid UTF-8 whatever the log held: each byte that is not
// part of valid UTF-8 becomes U+FFFD, as encoding/json does it. Control
// characters, DEL and the C1 range included, are escaped, so an event can be
// shown on a terminal. The same record always gives the same bytes.
//
// An Encoder is immutable and safe for concurrent use. Append allocates only
// to make dst grow.
package encode
