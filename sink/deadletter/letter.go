// Package deadletter keeps what could not be delivered or decoded, with the reason,
// and returns it byte for byte.
//
//	box, err := deadletter.New(deadletter.Config{Sink: s, Source: "subscriber"})
//	err = s.Put(ctx, docs)
//	err = box.Put(ctx, deadletter.Undelivered(docs, err))
//
//	var r deadletter.Reader
//	for letter, err := range r.All(object) { // NDJSON, without its compression
//		…
//	}
//
// A letter is one line of JSON. A letter that is too long for its sink is several
// lines. Any sink that keeps documents as they are can take letters, such as sink/s3
// with a format of NDJSON, or sink/sqs.
//
// # Privacy
//
// An event in a letter went through the pipeline, which has hidden what the settings
// ask for. A payload that could not be decoded is as it came. With
// Config.WithholdPayloads its letter holds only its length and its hash. Reasons are
// the texts of errors, which hold nothing of what failed.
//
// A Box is safe for concurrent use. A Reader belongs to one goroutine.
package deadletter

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"clearhop/sink"
)

// A Kind is what a letter holds.
type Kind string

// The kinds.
const (
	Event   Kind = "event"   // a document that a sink did not take
	Payload Kind = "payload" // an input that could not be decoded, as it came
)

// A Letter is one thing that failed.
type Letter struct {
	Time      time.Time // when it failed, to the millisecond; zero means now
	Kind      Kind
	Reason    string // at most MaxReason bytes of it are kept
	RequestID string // of the invocation; empty if there is none
	EventID   []byte // of an Event
	Route     string // of an Event that a rule has sent elsewhere; empty for the others
	Data      []byte // nil if it was withheld

	// A Reader also sets these: which program gave up, the length and hash of the
	// data, and whether the data was withheld.
	Source   string
	Size     int
	SHA256   string // in hex
	Withheld bool
}

// MaxReason is how many bytes of a reason a letter keeps.
const MaxReason = 1 << 10

// Undelivered returns letters of the documents that a Put with the error err did
// not deliver. It returns none if err is nil. The letters point into docs.
func Undelivered(docs []sink.Document, err error) []Letter {
	if err == nil {
		return nil
	}
	var failed *sink.PutError
	if !errors.As(err, &failed) {
		failed = sink.FailFrom(0, len(docs), err)
	}
	letters := make([]Letter, len(failed.Failures))
	for i, f := range failed.Failures {
		letters[i] = Letter{Kind: Event, Reason: f.Err.Error(), EventID: docs[f.Index].ID, Data: docs[f.Index].Data}
	}
	return letters
}

// A line is a letter, or a part of one, as it is written.
type line struct {
	Timestamp string `json:"@timestamp"`
	Version   int    `json:"dead_letter_version"`
	ID        string `json:"id"` // the same for all parts
	Part      int    `json:"part"`
	Parts     int    `json:"parts"`
	Kind      Kind   `json:"kind"`
	Source    string `json:"source"`
	RequestID string `json:"request_id,omitempty"`
	Reason    string `json:"reason"`
	EventID   []byte `json:"event_id,omitempty"` // as base64, because it may be any bytes
	Route     string `json:"route,omitempty"`
	Size      int    `json:"size"`
	SHA256    string `json:"sha256"`
	Withheld  bool   `json:"withheld,omitempty"`

	// One of these holds the data, unless it was withheld. Event is the document as
	// it is, without its newline, so that a query can look into it. It is the last
	// member, so that its bytes can be appended as they are.
	Base64 []byte          `json:"base64,omitempty"`
	Event  json.RawMessage `json:"event,omitempty"`
}

// version changes when a reader of old letters would misread new ones.
const version = 1

const layout = "2006-01-02T15:04:05.000Z"

// newLine returns the line of a letter, without its data.
func newLine(l *Letter, source string) line {
	sum := sha256.Sum256(l.Data)
	stamp := l.Time.UTC().Format(layout)
	id := sha256.New()
	id.Write([]byte(string(l.Kind) + stamp))
	id.Write(sum[:])
	return line{
		Timestamp: stamp,
		Version:   version,
		ID:        hex.EncodeToString(id.Sum(nil)[:16]),
		Part:      1,
		Parts:     1,
		Kind:      l.Kind,
		Source:    source,
		RequestID: l.RequestID,
		Reason:    strings.ToValidUTF8(l.Reason[:min(len(l.Reason), MaxReason)], "�"),
		EventID:   l.EventID,
		Route:     l.Route,
		Size:      len(l.Data),
		SHA256:    hex.EncodeToString(sum[:]),
	}
}

// document encodes a line, with event as its last member. Nil means no event.
func (l *line) document(event []byte) (sink.Document, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(l); err != nil {
		return sink.Document{}, err
	}
	data := b.Bytes()
	if event != nil {
		data = append(data[:len(data)-len("}\n")], `,"event":`...)
		data = append(append(data, event...), '}', '\n')
	}
	return sink.Document{ID: fmt.Appendf(nil, "%s/%d", l.ID, l.Part), Data: data}, nil
}

// plain returns a document without its newline if it can be part of a line as it is
// and be read back unchanged. Otherwise it returns nil.
func plain(data []byte) []byte {
	object, ok := bytes.CutSuffix(data, []byte("\n"))
	if !ok || !bytes.HasPrefix(object, []byte("{")) || !bytes.HasSuffix(object, []byte("}")) ||
		bytes.ContainsAny(object, "\r\n") || !json.Valid(object) {
		return nil
	}
	return object
}

// minRoom is how many bytes of data a line holds at least, so that a letter does not
// have more parts than a Reader accepts.
const minRoom = 512

// documents returns the lines of a letter. None is longer than limit; 0 means no
// limit.
func (l *Letter) documents(source string, withhold bool, limit int) ([]sink.Document, error) {
	first := newLine(l, source)
	if withhold {
		first.Withheld = true
		d, err := first.document(nil)
		return []sink.Document{d}, err
	}
	if object := plain(l.Data); l.Kind == Event && object != nil {
		d, err := first.document(object)
		if err != nil || limit == 0 || len(d.Data) <= limit {
			return []sink.Document{d}, err
		}
	}
	first.Parts = len(l.Data) + 1 // a number with as many digits as it can have
	first.Part = first.Parts
	bare, err := first.document(nil)
	if err != nil {
		return nil, err
	}
	room := len(l.Data)
	if limit > 0 {
		room = base64.StdEncoding.DecodedLen(limit-len(bare.Data)-len(`,"base64":""`)) / 3 * 3
	}
	if room < min(minRoom, len(l.Data)) {
		return nil, fmt.Errorf("letter needs lines of more than %d bytes", limit)
	}
	first.Parts = max(1, (len(l.Data)+room-1)/max(room, 1))
	docs := make([]sink.Document, first.Parts)
	for i := range docs {
		part := first
		part.Part = i + 1
		part.Base64 = l.Data[min(i*room, len(l.Data)):min((i+1)*room, len(l.Data))]
		if docs[i], err = part.document(nil); err != nil {
			return nil, err
		}
	}
	return docs, nil
}
