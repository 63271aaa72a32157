package pipeline

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"time"

	"clearhop/record"
)

// hashBytes are those of a digest that event.hash holds. They only have to tell apart
// log events of one group, and 96 bits do.
const hashBytes = 12

// addHash gives a record its event.hash: a hash of the time of the log event and the
// first line of its message. A subscription, FilterLogEvents and an export to S3 all have
// these two, and the same ones. text is what identify has it for.
//
// The line as it was read counts, with its envelopes: how they are opened can depend on
// the lines before.
func (w *Worker) addHash(r *record.Record, text []byte) {
	if w.p.noHash || r.Continues != nil || r.Line.Defect != record.Sound {
		return
	}
	at, message, ok := logEvent(&r.Line)
	if !ok {
		return
	}
	if cap(w.hashed) > maxKept {
		w.hashed = nil
	}
	w.hashed = binary.BigEndian.AppendUint64(w.hashed[:0], uint64(at))
	if w.hidden != nil {
		w.hash = w.appendHiddenHash(w.hash[:0], r, text, message)
	} else {
		w.hashed = append(w.hashed, message...)
		w.digest.Reset()
		w.digest.Write(w.hashed)
		w.hashed = w.digest.Sum(w.hashed[:0])
		w.hash = hex.AppendEncode(w.hash[:0], w.hashed[:hashBytes])
	}
	r.Hash = w.hash
}

// appendHiddenHash appends a hash that gives nothing hidden back.
func (w *Worker) appendHiddenHash(dst []byte, r *record.Record, text, message []byte) []byte {
	if _, rest, ok := cutExported(text); ok {
		text = rest
	}
	return w.hidden.AppendHash(dst, r, w.hashed, message, w.textOfID(text))[:len(dst)+2*hashBytes]
}

// logEvent returns the time of the log event that a line is, in milliseconds since the
// Unix epoch, and the first line of its message. ok is false where the line is no event of
// CloudWatch Logs, or its time is not known.
func logEvent(line *record.Line) (at int64, message []byte, ok bool) {
	message = line.Text
	switch {
	case !line.HasTime:
		at, message, ok = cutExported(message)
	case len(line.ID) > 0 || line.Origin.LogGroup != "" || line.Origin.LogStream != "":
		at, ok = line.Time, true
	}
	message, _, _ = bytes.Cut(message, []byte("\n"))
	return at, bytes.TrimSuffix(message, []byte("\r")), ok
}

// exportedTime is how an export of CloudWatch Logs to S3 writes the time before a message.
const exportedTime = "2006-01-02T15:04:05.000Z "

// cutExported returns the time that an export has written before a message, and the
// message.
func cutExported(line []byte) (at int64, message []byte, ok bool) {
	const n = len(exportedTime)
	if len(line) < n || line[10] != 'T' || line[19] != '.' || line[n-2] != 'Z' || line[n-1] != ' ' {
		return 0, line, false
	}
	t, err := time.Parse(exportedTime, string(line[:n]))
	if err != nil {
		return 0, line, false
	}
	return t.UnixMilli(), line[n:], true
}
