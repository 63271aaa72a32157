package encode

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"time"
)

// RowColumns are the columns of a table of rows, which AppendRow writes: those of Columns,
// and behind the first one, the time, three that a row has besides.
func RowColumns() []Column {
	columns := Columns()
	return slices.Concat(columns[:1], []Column{
		{Name: "dt", Key: "dt", Type: "string", Kind: String},
		{Name: "hour", Key: "hour", Type: "string", Kind: String},
		{Name: "event_id", Key: "event_id", Type: "string", Kind: String},
	}, columns[1:])
}

// RowOverhead is how many bytes a row is longer than its event, at most, besides the id.
const RowOverhead = 80

// ErrNoRow reports that something is no event, and so cannot be a row.
var ErrNoRow = errors.New("no event: it does not begin with @timestamp, schema_version and event.id")

// The beginning of each event. Nothing that a visitor writes stands before event.id.
const (
	beforeTime    = `{"@timestamp":"`
	timeLayout    = "2006-01-02T15:04:05.000Z"
	afterTime     = `",`
	beforeVersion = `"schema_version":`
	beforeID      = `"event":{"id":"`
)

// AppendRow appends event, which is a JSON object and a newline, as a row of an Iceberg
// table that Firehose writes:
//
//	{"timestamp":1795345224007000,"dt":"2026-11-22","hour":"11","event_id":"…","schema_version":1,"event":{"id":"…", …}, …}
//
// Firehose takes the keys of the first level as columns, and times as microseconds since
// 1970. dt and hour are those of the timestamp, in UTC. event_id is event.id, for what can
// compare columns only. The rest is the event's own bytes. The error is ErrNoRow; dst is
// returned unchanged then. AppendRow allocates only to grow dst.
func AppendRow(dst, event []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(event, []byte(beforeTime))
	if !ok || len(rest) < len(timeLayout)+len(afterTime) || !bytes.HasPrefix(rest[len(timeLayout):], []byte(afterTime)) {
		return dst, ErrNoRow
	}
	at, err := time.Parse(timeLayout, string(rest[:len(timeLayout)]))
	stamp, rest := rest[:len(timeLayout)], rest[len(timeLayout)+len(afterTime):]
	// time.Parse takes a comma for the point, which no Encoder writes.
	if err != nil || stamp[len("2006-01-02T15:04:05")] != '.' {
		return dst, ErrNoRow
	}
	object := rest
	if bytes.HasPrefix(rest, []byte(beforeVersion)) {
		_, object, _ = bytes.Cut(rest, []byte(","))
	}
	id, found := bytes.CutPrefix(object, []byte(beforeID))
	end := bytes.IndexByte(id, '"')
	if !found || end < 0 || bytes.IndexByte(id[:end], '\\') >= 0 {
		return dst, ErrNoRow
	}
	dst = append(dst, `{"timestamp":`...)
	dst = strconv.AppendInt(dst, at.UnixMicro(), 10)
	dst = append(dst, `,"dt":"`...)
	dst = append(dst, stamp[:len("2006-01-02")]...)
	dst = append(dst, `","hour":"`...)
	dst = append(dst, stamp[len("2006-01-02T"):len("2006-01-02T15")]...)
	dst = append(dst, `","event_id":"`...)
	dst = append(dst, id[:end]...)
	dst = append(dst, `",`...)
	return append(dst, rest...), nil
}

// EventID returns event.id of an event as an Encoder writes it; ok is false for anything
// else. The id points into event.
func EventID(event []byte) (id []byte, ok bool) {
	rest, ok := bytes.CutPrefix(event, []byte(beforeTime))
	if !ok || len(rest) < len(timeLayout)+len(afterTime) {
		return nil, false
	}
	rest = rest[len(timeLayout)+len(afterTime):]
	if bytes.HasPrefix(rest, []byte(beforeVersion)) {
		_, rest, _ = bytes.Cut(rest, []byte(","))
	}
	id, found := bytes.CutPrefix(rest, []byte(beforeID))
	end := bytes.IndexByte(id, '"')
	if !found || end <= 0 {
		return nil, false
	}
	return id[:end], true
}

// EventOfRow appends the event that AppendRow made a row of, with a newline at its end. The
// error is ErrNoRow; dst is returned unchanged then.
func EventOfRow(dst, row []byte) ([]byte, error) {
	text, ok := bytes.CutPrefix(bytes.TrimSpace(row), []byte(`{"timestamp":`))
	stamp, rest, found := bytes.Cut(text, []byte(`,"dt":"`))
	_, rest, hasID := bytes.Cut(rest, []byte(`","event_id":"`))
	_, rest, ends := bytes.Cut(rest, []byte(`",`))
	micro, err := strconv.ParseInt(string(stamp), 10, 64)
	if !ok || !found || !hasID || !ends || err != nil {
		return dst, ErrNoRow
	}
	dst = append(dst, beforeTime...)
	dst = time.UnixMicro(micro).UTC().AppendFormat(dst, timeLayout)
	dst = append(dst, afterTime...)
	return append(append(dst, rest...), '\n'), nil
}
