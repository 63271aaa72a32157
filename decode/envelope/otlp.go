package envelope

import (
	"clearhop/internal/jsonscan"
	"clearhop/record"
)

// In the JSON of OTLP, the protocol of OpenTelemetry, a value is an object that names
// its type, and attributes are a list:
//
//	{"timeUnixNano":"1795345225123000000","body":{"stringValue":"203.0.113.9 - - …"},
//	 "attributes":[{"key":"log.iostream","value":{"stringValue":"stdout"}}],
//	 "resource":{"attributes":[{"key":"k8s.pod.name","value":{"stringValue":"web-0"}}]}}
//
// Package decode takes such records out of the documents of the collector, and puts
// the resource into each of them.

// maxAnyValue is how many values inside each other are read.
const maxAnyValue = 4

// anyValue returns what a value of OTLP holds: a text, number or boolean, or the object
// of its members. A value without a type is of kind None.
func anyValue(raw []byte) (v jsonscan.Value, isList bool) {
	s := jsonscan.Scanner{B: raw}
	s.Enter('{')
	for key, value, ok := s.Member(true); ok; key, value, ok = s.Member(false) {
		switch string(key) {
		case "stringValue", "intValue", "doubleValue", "boolValue":
			return value, false
		case "kvlistValue":
			return value, value.Kind == jsonscan.Object
		}
	}
	return jsonscan.Value{}, false
}

// isOTLP reports whether an object is a log record of OTLP: beside a body with a typed
// value it has a time, attributes or a resource.
func (o *object) isOTLP() bool {
	body := o.values[slotBody]
	if body.Kind != jsonscan.Object {
		return false
	}
	if o.values[slotNanos].Kind == jsonscan.None && o.values[slotAttributes].Kind == jsonscan.None && o.values[slotResource].Kind == jsonscan.None {
		return false
	}
	v, isList := anyValue(body.Raw)
	return isList || v.Kind == jsonscan.Text
}

// openOTLP opens a log record. The inner line is the text of its body, or its members as
// an object of JSON.
func (o *object) openOTLP(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte, ok bool) {
	v, isList := anyValue(o.values[slotBody].Raw)
	if isList {
		start := len(scratch)
		scratch = appendPairs(scratch, v.Raw, 0)
		inner = scratch[start:len(scratch):len(scratch)]
		if len(inner) > len(text) {
			return text, scratch[:start], false
		}
	} else {
		inner, scratch = unescaped(v, scratch)
		inner = withoutNewline(inner)
	}
	add(e, record.OpenTelemetry)
	return inner, o.describe(scratch, e), true
}

// appendPairs appends {"values":[{"key":…,"value":{…}}]} as an object of JSON.
func appendPairs(dst, raw []byte, depth int) []byte {
	dst = append(dst, '{')
	for list := newPairs(raw, "values"); list.next(); {
		v, isList := anyValue(list.value)
		if v.Kind == jsonscan.None || isList && depth == maxAnyValue {
			continue
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), list.key.Raw...), '"', ':')
		switch {
		case isList:
			dst = appendPairs(dst, v.Raw, depth+1)
		case v.Kind == jsonscan.Text:
			dst = append(append(append(dst, '"'), v.Raw...), '"')
		default:
			dst = append(dst, v.Raw...)
		}
	}
	return append(dst, '}')
}

// pairs are the items of a list of keys and values.
type pairs struct {
	s     jsonscan.Scanner
	first bool
	key   jsonscan.Value
	value []byte
}

// newPairs returns the pairs in a list, or in the member of an object that is one. They
// are empty if there is none.
func newPairs(raw []byte, member string) (p pairs) {
	p.first = true
	if len(raw) > 0 && raw[0] == '{' {
		s := jsonscan.Scanner{B: raw}
		raw = nil
		s.Enter('{')
		for key, v, ok := s.Member(true); ok; key, v, ok = s.Member(false) {
			if string(key) == member && v.Kind == jsonscan.Array {
				raw = v.Raw
				break
			}
		}
	}
	p.s = jsonscan.Scanner{B: raw}
	p.s.Enter('[')
	return p
}

// next steps to the next pair.
func (p *pairs) next() bool {
	for p.s.Err == nil && p.s.Sibling(']', p.first) {
		p.first = false
		item, ok := p.s.Value()
		if !ok {
			return false
		}
		if item.Kind == jsonscan.Object && p.read(item.Raw) {
			return true
		}
	}
	return false
}

func (p *pairs) read(raw []byte) bool {
	p.key, p.value = jsonscan.Value{}, nil
	s := jsonscan.Scanner{B: raw}
	s.Enter('{')
	for key, v, ok := s.Member(true); ok; key, v, ok = s.Member(false) {
		switch string(key) {
		case "key":
			p.key = v
		case "value":
			if v.Kind == jsonscan.Object {
				p.value = v.Raw
			}
		}
	}
	return p.key.Kind == jsonscan.Text && p.value != nil
}

// nanos reads a time in nanoseconds since the Unix epoch, as milliseconds.
func nanos(raw []byte) (int64, bool) {
	const digits = len("1795345225123000000")
	if len(raw) != digits {
		return 0, false
	}
	return millis(raw[:digits-6])
}
