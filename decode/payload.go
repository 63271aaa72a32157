package decode

import (
	"errors"
	"math"
	"strconv"

	"clearhop/internal/jsonscan"
	"clearhop/record"
)

var (
	errNoEvents = errors.New("not a payload of CloudWatch Logs: it has neither messageType nor logEvents")
	errEvents   = errors.New("logEvents is not an array")
	errType     = errors.New("unknown messageType")
)

// minEvent is the number of bytes of MaxPayload that each event counts for at
// least, so that the lines of a payload of tiny events do not need many times
// its size. A real event has an id of 56 digits.
const minEvent = 64

// A document is the members of a payload that Payload.Lines and Payload.Filters
// do not hold.
type document struct {
	messageType, owner, group, stream jsonscan.Value

	hasEvents bool // logEvents is an array
}

// parse reads the JSON of a payload. It may change b: it removes the escapes of
// strings in place.
func (d *Decoder) parse(b []byte) (*Payload, error) {
	var doc document
	s := scanner{jsonscan.Scanner{B: b}}
	d.members(&s, &doc)
	switch {
	case s.Err == ErrTooLarge:
		return nil, tooLarge(s.I)
	case s.Err != nil:
		return nil, s.payloadError()
	}
	p := &d.payload
	var err error
	if p.Type, err = doc.payloadType(); err != nil {
		return nil, err
	}
	if p.Type == Control {
		d.lines = d.lines[:0]
	}
	p.setOrigin(doc.owner.Name(), doc.group.Name(), doc.stream.Name())
	for i := range d.lines {
		d.lines[i].Origin = p.Origin
	}
	p.Lines = d.lines
	return p, nil
}

// members reads the object of a payload. Keys may come in any order. If a key
// repeats, the last value wins. Unknown keys, such as extractedFields, are
// skipped.
func (d *Decoder) members(s *scanner, doc *document) {
	d.payload.Filters, d.lines = d.payload.Filters[:0], d.lines[:0]
	s.Enter('{')
	for first := true; s.Err == nil; first = false {
		key, more := s.Key(first)
		if !more {
			break
		}
		switch string(key) {
		case "messageType":
			doc.messageType, _ = s.Value()
		case "owner":
			doc.owner, _ = s.Value()
		case "logGroup":
			doc.group, _ = s.Value()
		case "logStream":
			doc.stream, _ = s.Value()
		case "subscriptionFilters":
			d.payload.Filters = s.names(d.payload.Filters[:0])
		case "logEvents":
			doc.hasEvents = d.logEvents(s)
		default:
			s.Value()
		}
	}
	if s.Err == nil {
		s.End()
	}
}

// payloadType returns what the payload is for.
func (doc *document) payloadType() (Type, error) {
	kind := doc.messageType.Kind
	absent := kind == jsonscan.None || kind == jsonscan.Null
	switch name := doc.messageType.Name(); {
	case absent && !doc.hasEvents:
		return Data, &PayloadError{Stage: StageType, Err: errNoEvents}
	case absent, string(name) == "DATA_MESSAGE":
		return Data, nil
	case string(name) == "CONTROL_MESSAGE":
		return Control, nil
	}
	return Data, &PayloadError{Stage: StageType, Err: errType}
}

// setOrigin sets the Origin. It keeps the old one if that is equal, and never
// changes one, because lines that were returned earlier point to it.
func (p *Payload) setOrigin(owner, group, stream []byte) {
	if o := p.Origin; o != nil && string(owner) == o.AccountID && string(group) == o.LogGroup && string(stream) == o.LogStream {
		return
	}
	o := &record.Origin{
		AccountID: string(owner),
		LogGroup:  string(group),
		LogStream: string(stream),
		InOrder:   true,
	}
	o.Source = o.LogGroup + ":" + o.LogStream
	p.Origin = o
}

// names reads an array of strings into list. Where the capacity of list still
// holds an equal string at the same place, that one is reused. Elements that are
// not strings are skipped, and so is a value that is not an array.
func (s *scanner) names(list []string) []string {
	if s.Peek() != '[' {
		s.Value()
		return list
	}
	s.Enter('[')
	old := list[:cap(list)]
	for first := true; s.Sibling(']', first); first = false {
		v, ok := s.Value()
		if !ok {
			break
		}
		if v.Kind != jsonscan.Text {
			continue
		}
		name := v.Name()
		if n := len(list); n < len(old) && old[n] == string(name) {
			list = list[:n+1]
		} else {
			list = append(list, string(name))
		}
	}
	return list
}

// logEvents reads the value of logEvents into d.lines and reports whether it is an
// array. A null is the same as no logEvents.
func (d *Decoder) logEvents(s *scanner) bool {
	d.lines = d.lines[:0]
	if s.Peek() != '[' {
		if v, ok := s.Value(); ok && v.Kind != jsonscan.Null {
			s.Fail(errEvents)
		}
		return false
	}
	maxEvents := max(d.opts.MaxPayload/minEvent, 1)
	s.Enter('[')
	for first := true; s.Sibling(']', first); first = false {
		if len(d.lines) == maxEvents {
			s.Fail(ErrTooLarge)
			break
		}
		d.event(s)
		if s.Err != nil {
			break
		}
	}
	return true
}

// event reads one log event and appends its line.
func (d *Decoder) event(s *scanner) {
	var id, timestamp, message jsonscan.Value
	isObject := s.Peek() == '{'
	start := s.I
	if isObject {
		s.Enter('{')
		for key, v, ok := s.Member(true); ok; key, v, ok = s.Member(false) {
			switch string(key) {
			case "id":
				id = v
			case "timestamp":
				timestamp = v
			case "message":
				message = v
			}
		}
	} else {
		s.Value()
	}
	if s.Err != nil {
		return
	}

	d.lines = append(d.lines, record.Line{Offset: int64(len(d.lines))})
	line := &d.lines[len(d.lines)-1]
	line.Time, line.HasTime = millis(timestamp)
	if message.Kind == jsonscan.Text {
		setText(line, message.Name(), d.opts.MaxLine)
	} else {
		setText(line, s.B[start:s.I], d.opts.MaxLine)
		line.Defect = record.Malformed
		if id.Escaped {
			// Name removes the escapes in place, and the line's text is the raw
			// event with the id in it: so the id gets a copy.
			id.Raw = append([]byte(nil), id.Raw...)
		}
	}
	line.ID = id.Name()
}

// SetText sets the text of a line to the message of a log event, as all of this package
// does: without its line ending, and at most DefaultMaxLine bytes of it. The text aliases
// the message.
func SetText(line *record.Line, message []byte) { setText(line, message, DefaultMaxLine) }

// setText sets the line's text, without its line ending and cut to maxLine bytes.
func setText(line *record.Line, text []byte, maxLine int) {
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	}
	if n := len(text); n > 0 && text[n-1] == '\r' {
		text = text[:n-1]
	}
	if len(text) > maxLine {
		text = text[:maxLine]
		line.Defect = record.TooLong
	}
	line.Text = text
}

// The first and the last time that RFC 3339 can express, in milliseconds since the
// Unix epoch: the years 1 to 9999.
const (
	minMillis = -62135596800000
	maxMillis = 253402300799999
)

// millis reads a time in milliseconds since the Unix epoch, given as a number or
// as the text of a number. A fraction is cut off. It reports false for a time
// outside of minMillis and maxMillis.
func millis(v jsonscan.Value) (int64, bool) {
	b := v.Name()
	if n, ok := jsonscan.NumberLen(b); !ok || n != len(b) {
		return 0, false
	}
	var ms int64
	for _, c := range b {
		if c-'0' > 9 || ms > maxMillis {
			// The number has a sign, a fraction or an exponent, or it is far too
			// large.
			f, err := strconv.ParseFloat(string(b), 64)
			if err != nil || !(minMillis <= f && f <= maxMillis) {
				return 0, false
			}
			return int64(math.Trunc(f)), true
		}
		ms = ms*10 + int64(c-'0')
	}
	return ms, ms <= maxMillis
}
