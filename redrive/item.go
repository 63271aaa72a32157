package redrive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"clearhop/decode"
	"clearhop/encode"
	"clearhop/sink/deadletter"
)

// A Kind is what an Item holds.
type Kind string

// The kinds.
const (
	Event      Kind = "event"
	Payload    Kind = "payload"
	Withheld   Kind = "withheld"   // a letter without its payload, because something is hidden
	Numbers    Kind = "numbers"    // only where a batch of a stream stood
	Unreadable Kind = "unreadable" // nothing that can be sent
)

// An Item is one thing to send again.
type Item struct {
	Kind   Kind
	Reason string    // why it was not delivered
	Time   time.Time // when that was; zero if it is not known

	id    []byte // of an Event
	route string // of an Event, if a rule had sent it elsewhere
	data  []byte
	key   string // of a letter in parts that is now whole
}

// A document is what the members of a document tell about its kind.
type document struct {
	Letter *int `json:"dead_letter_version"`
	ID     string
	Parts  int `json:"parts"`

	MessageType string          `json:"messageType"`
	Logs        json.RawMessage `json:"awslogs"`
	At          string          `json:"@timestamp"`
	Event       json.RawMessage `json:"event"`
}

// A reader reads the items of documents.
type reader struct {
	letters deadletter.Reader
}

// read returns the items of a document. A part of a letter that is not whole yet gives
// none, and its key.
func (r *reader) read(text []byte) (items []Item, waits string) {
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return []Item{{Kind: Payload, Reason: "not known", data: text}}, "" // a quoted or packed payload; decode says so
	}
	switch {
	case d.Letter != nil:
		return r.letter(&d, text)
	case d.MessageType != "" || d.Logs != nil:
		return []Item{{Kind: Payload, Reason: "not known", data: text}}, ""
	}
	failed, err := decode.OpenFailed(text)
	if !errors.Is(err, decode.ErrNotFailed) {
		return failedItems(failed, err), ""
	}
	if item, ok := eventItem(text, "not known", time.Time{}); ok {
		return []Item{item}, ""
	}
	return []Item{{Kind: Unreadable, Reason: "not known"}}, ""
}

// letter reads a letter of ours, or a part of one.
func (r *reader) letter(d *document, text []byte) (items []Item, waits string) {
	key := fmt.Sprintf("%s/%d", d.ID, d.Parts)
	l, err := r.letters.Read(text)
	switch {
	case err != nil:
		return []Item{{Kind: Unreadable, Reason: err.Error()}}, ""
	case l == nil:
		return nil, key
	}
	item := Item{Kind: Kind(l.Kind), Reason: l.Reason, Time: l.Time, id: l.EventID, route: l.Route, data: l.Data}
	if d.Parts > 1 {
		item.key = key
	}
	if l.Withheld {
		item.Kind = Withheld
	}
	return []Item{item}, ""
}

// failedItems returns what Lambda or Firehose gave up. err is the error of
// decode.OpenFailed.
func failedItems(failed decode.Failed, err error) []Item {
	reason := "not known"
	if failed.By != "" {
		reason = failed.By + ": " + failed.Cause
	}
	switch {
	case errors.Is(err, decode.ErrOnlyNumbers):
		return []Item{{Kind: Numbers, Reason: reason, Time: failed.Time}}
	case err != nil:
		return []Item{{Kind: Unreadable, Reason: reason, Time: failed.Time}}
	}
	var items []Item
	for _, record := range failed.Records {
		items = append(items, rawItems(record, reason, failed.Time)...)
	}
	return items
}

// rawItems reads a record of a stream: events one behind the other, rows of them, or
// payloads.
func rawItems(data []byte, reason string, at time.Time) []Item {
	var items []Item
	for line := range bytes.Lines(data) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		item, ok := eventItem(line, reason, at)
		if !ok {
			return []Item{{Kind: Payload, Reason: reason, Time: at, data: data}}
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return []Item{{Kind: Unreadable, Reason: reason, Time: at}}
	}
	return items
}

// eventItem reads an event, or a row of one.
func eventItem(text []byte, reason string, at time.Time) (Item, bool) {
	text = bytes.TrimSpace(text)
	event, err := encode.EventOfRow(nil, text)
	if err != nil {
		event = append(bytes.Clone(text), '\n')
	}
	id, ok := encode.EventID(event)
	if !ok || !json.Valid(event) {
		return Item{}, false
	}
	return Item{Kind: Event, Reason: reason, Time: at, id: id, data: event}, true
}
