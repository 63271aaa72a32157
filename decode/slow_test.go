package decode

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"clearhop/record"
)

// A slowPayload is read in the obvious way, with encoding/json. It is the oracle of
// the decoder. All text is as encoding/json returns it, with U+FFFD for each byte
// that is not UTF-8.
type slowPayload struct {
	Known  bool // messageType
	Type   Type
	Origin record.Origin
	Lines  []slowLine
}

type slowLine struct {
	ID, Text string
	Time     int64
	HasTime  bool
	Defect   record.Defect
}

func slowDecode(data []byte) (p slowPayload, err error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil {
		return p, err
	}
	var events []json.RawMessage
	if raw, ok := top["logEvents"]; ok {
		if err := json.Unmarshal(raw, &events); err != nil {
			return p, err
		}
	}
	switch slowName(top["messageType"]) {
	case "DATA_MESSAGE":
		p.Known = true
	case "CONTROL_MESSAGE":
		p.Known, p.Type, events = true, Control, nil
	case "":
		raw := strings.TrimSpace(string(top["messageType"]))
		p.Known = (raw == "" || raw == "null") && events != nil
	}
	p.Origin.AccountID = slowName(top["owner"])
	p.Origin.LogGroup = slowName(top["logGroup"])
	p.Origin.LogStream = slowName(top["logStream"])
	p.Origin.Source = p.Origin.LogGroup + ":" + p.Origin.LogStream
	p.Origin.InOrder = true
	for _, raw := range events {
		var event map[string]json.RawMessage
		_ = json.Unmarshal(raw, &event)
		line := slowLine{ID: slowName(event["id"])}
		line.Time, line.HasTime = slowTime(slowName(event["timestamp"]))
		var message *string
		if err := json.Unmarshal(event["message"], &message); err == nil && message != nil {
			line.Text = strings.TrimSuffix(strings.TrimSuffix(*message, "\n"), "\r")
		} else {
			line.Text = valid(raw)
			line.Defect = record.Malformed
		}
		p.Lines = append(p.Lines, line)
	}
	return p, nil
}

// slowName returns a string or the digits of a number.
func slowName(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	return ""
}

var isNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

func slowTime(s string) (int64, bool) {
	if !isNumber.MatchString(s) {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < minMillis || f > maxMillis {
		return 0, false
	}
	return int64(f), true
}

// valid replaces each byte that is not UTF-8, as encoding/json does.
func valid(b []byte) string { return string([]rune(string(b))) }

func slowly(p *Payload) slowPayload {
	s := slowPayload{Known: true, Type: p.Type, Origin: *p.Origin}
	for _, field := range []*string{&s.Origin.AccountID, &s.Origin.LogGroup, &s.Origin.LogStream, &s.Origin.Source} {
		*field = valid([]byte(*field))
	}
	for _, l := range p.Lines {
		time := l.Time
		if !l.HasTime {
			time = 0
		}
		s.Lines = append(s.Lines, slowLine{valid(l.ID), valid(l.Text), time, l.HasTime, l.Defect})
	}
	return s
}
