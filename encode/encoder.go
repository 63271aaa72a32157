package encode

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"clearhop/record"
)

// Options of an Encoder. The zero value is ready for use.
type Options struct {
	// Labels are the values of labels in each event. Keys may hold letters, digits,
	// "_", "-" and ".".
	Labels map[string]string
}

// An Encoder writes events. It never changes.
type Encoder struct {
	tail []byte // what every event ends with: labels, the bracket, the newline
}

// labelsField documents labels, which are the same for all events of an Encoder
// and so are not in the Record.
var labelsField = Field{Path: "labels", Type: StringMap, Doc: "The same for every event.", From: "the configuration"}

// always are the paths of the fields that every event has.
var always = []string{"@timestamp", "schema_version", "event.id", "event.kind", "event.dataset"}

// New makes an Encoder. The error names all labels that cannot be used.
func New(o Options) (*Encoder, error) {
	e := &Encoder{}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(o.Labels)) {
		if !isLabel(key) {
			errs = append(errs, fmt.Errorf(`label %q: a key holds letters, digits, "_", "-" and "." only`, key))
			continue
		}
		if e.tail == nil {
			e.tail = append(e.tail, `,"labels":{`...)
		}
		e.tail = appendString(appendComma(e.tail), key)
		e.tail = appendString(append(e.tail, ':'), o.Labels[key])
	}
	if e.tail != nil {
		e.tail = append(e.tail, '}')
	}
	e.tail = append(e.tail, '}', '\n')
	return e, errors.Join(errs...)
}

func isLabel(key string) bool {
	for i := range len(key) {
		c := key[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return key != ""
}

// Append appends the event of r and a newline to dst. r's Timestamp must lie
// between MinTime and MaxTime, and its Line must have an Origin.
func (e *Encoder) Append(dst []byte, r *record.Record) []byte {
	start := len(dst)
	dst = appendRecord(dst, r)
	dst[start] = '{' // was the comma of the first member
	return append(dst, e.tail...)
}

// Fields returns the event's fields in their order.
func Fields() []Field {
	all := make([]Field, 0, len(fields)+1)
	for _, f := range fields {
		f.Always = slices.Contains(always, f.Path)
		all = append(all, f.Field)
	}
	return append(all, labelsField)
}
