package decode

import (
	"errors"
	"math"
	"strconv"

	"clearhop/internal/jsonscan"
	"clearhop/record"
)

var (
	errNoEvents = errors.New("neither messageType nor logEvents")
	errEvents   = errors.New("logEvents is no array")
	errType     = errors.New("unknown messageType")
)

// minEvent is how many bytes of MaxPayload each event takes up at least, so
// that a payload of tiny events does not unpack to many times its size in
// lines. A true one has an id of 56 digits.
const minEvent = 64

// parse reads the JSON of a payload, which it may change: strings lose their
// escapes where they stand. Keys may come in any order, and of equal keys the
// last counts; those not known, such as extractedFields, are stepped over.
func (d *Decoder) parse(b []byte) (*Payload, error) {
	var (
		messageType, owner, group, stream jsonscan.Value

		hasEvents bool
		s         = scanner{jsonscan.Scanner{B: b}}
		p         = &d.payload
	)
	p.Filters = p.Filters[:0]
	d.lines = d.lines[:0]

	s.Enter('{')
	for first := true; s.Err == nil; first = false {
		key, more := s.Key(first)
		if !more {
			break
		}
		switch string(key) {
		case "messageType":
			messageType, _ = s.Value()
		case "owner":
			owner, _ = s.Value()
		case "logGroup":
			group, _ = s.Value()
		case "logStream":
			stream, _ = s.Value()
		case "subscriptionFilters":
			p.Filters = s.names(p.Filters[:0])
		case "logEvents":
			d.lines = d.lines[:0]
			hasEvents = s.Peek() == '['
			if hasEvents {
				d.events(&s)
			} else if v, ok := s.Value(); ok && v.Kind != jsonscan.Null {
				s.Fail(errEvents)
			}
		default:
			s.Value()
		}
	}
	if s.Err == nil {
		s.End()
	}
	if s.Err != nil {
		if s.Err == ErrTooLarge {
			return nil, tooLarge(s.I)
		}
		return nil, s.payloadError()
	}

	absent := messageType.Kind == jsonscan.None || messageType.Kind == jsonscan.Null
	switch name := messageType.Name(); {
	case absent && !hasEvents:
		return nil, &PayloadError{Stage: StageType, Err: errNoEvents}
	case absent || string(name) == "DATA_MESSAGE":
		p.Type = Data
	case string(name) == "CONTROL_MESSAGE":
		p.Type = Control
		d.lines = d.lines[:0]
	default:
		return nil, &PayloadError{Stage: StageType, Err: errType}
	}
	p.setOrigin(owner.Name(), group.Name(), stream.Name())
	for i := range d.lines {
		d.lines[i].Origin = p.Origin
	}
	p.Lines = d.lines
	return p, nil
}

// setOrigin keeps the Origin as long as the payloads come from one stream. It
// never changes one: lines that were handed out point to it.
func (p *Payload) setOrigin(owner, group, stream []byte) {
	if o := p.Origin; o != nil && string(owner) == o.AccountID && string(group) == o.LogGroup && string(stream) == o.LogStream {
		return
	}
	o := &record.Origin{
		AccountID: string(owner),
		LogGroup:  string(group),
		LogStream: string(stream),
	}
	o.Source = o.LogGroup + ":" + o.LogStream
	p.Origin = o
}

// names reads an array of strings into list, which keeps the strings that it
// has at the same place. Anything else in the array is left out, and so is
// anything that is no array.
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

// events reads the array logEvents into d.lines.
func (d *Decoder) events(s *scanner) {
	most := max(d.opts.MaxPayload/minEvent, 1)
	s.Enter('[')
	for first := true; s.Sibling(']', first); first = false {
		if len(d.lines) == most {
			s.Fail(ErrTooLarge)
			return
		}
		d.event(s)
		if s.Err != nil {
			return
		}
	}
}

// event reads one log event and appends its line.
func (d *Decoder) event(s *scanner) {
	var id, timestamp, message jsonscan.Value
	isObject := s.Peek() == '{'
	start := s.I
	if isObject {
		s.Enter('{')
		for first := true; ; first = false {
			key, more := s.Key(first)
			if !more {
				break
			}
			var v jsonscan.Value
			if v, more = s.Value(); !more {
				break
			}
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
			// Without its escapes the id would change the raw text that it
			// stands in.
			id.Raw = append([]byte(nil), id.Raw...)
		}
	}
	line.ID = id.Name()
}

// setText sets the line's text, without its line ending and no longer than
// most.
func setText(line *record.Line, text []byte, most int) {
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	}
	if n := len(text); n > 0 && text[n-1] == '\r' {
		text = text[:n-1]
	}
	if len(text) > most {
		text = text[:most]
		line.Defect = record.TooLong
	}
	line.Text = text
}

// The times that RFC 3339 can write, in milliseconds: the years 1 to 9999.
const (
	minMillis = -62135596800000
	maxMillis = 253402300799999
)

// millis reads a time in milliseconds, given as a number or as the text of
// one. A fraction is cut off. A time that no one could write down is none.
func millis(v jsonscan.Value) (int64, bool) {
	b := v.Name()
	if n, ok := jsonscan.NumberLen(b); !ok || n != len(b) {
		return 0, false
	}
	var ms int64
	for _, c := range b {
		if c-'0' > 9 || ms > maxMillis {
			// A sign, a fraction or an exponent, or far too much.
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
