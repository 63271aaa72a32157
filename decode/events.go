package decode

import (
	"bytes"
	"io"
	"time"

	"clearhop/internal/jsonscan"
	"clearhop/record"
)

// An eventReader reads the log events of documents and tables that the AWS CLI, Logs
// Insights and OpenTelemetry's collector write. It holds one event at a time, so a
// document may be of any size.
type eventReader struct {
	open      [maxOpen]place // the brackets around the next bytes, the outermost first
	depth     int            // of open
	count     int64
	first     uint64 // of the text of the first event, as record.Line.First
	header    header // of CSV
	headerRow []byte
	resource  []byte // of OpenTelemetry: the object of the records that follow
	text      []byte // of a line that does not stand in the window as it is
	origins   map[string]*record.Origin
	key       []byte // scratch
	plain     *record.Origin
	failed    bool // the rest is not read
}

// A place is where in a document the next bytes stand.
type place uint8

const (
	betweenDocuments place = iota
	inDocument             // in an object, before a member
	inGroups               // in an array of objects that hold events, before one of them
	inEvents               // in an array, before an event
)

// maxOpen is enough for the deepest document: a log record of OpenTelemetry stands in
// six brackets.
const maxOpen = 8

// place returns the innermost place.
func (e *eventReader) place() place {
	if e.depth == 0 {
		return betweenDocuments
	}
	return e.open[e.depth-1]
}

// step steps over a bracket into a place.
func (r *Reader) step(into place) error {
	e := r.events
	if e.depth == maxOpen {
		return jsonError(jsonscan.ErrDepth)
	}
	r.lines.drop(1)
	e.open[e.depth] = into
	e.depth++
	return nil
}

// leave steps over the bracket that closes the innermost place.
func (r *Reader) leave() {
	r.lines.drop(1)
	r.events.depth--
}

// A logEvent is what a document says about an event.
type logEvent struct {
	id, time, message, stream, log jsonscan.Value

	query bool // the message is called @message
	whole bool // the object is the line, or has it inside an envelope
}

func newEvents(r *Reader) *eventReader {
	return &eventReader{
		plain:   &record.Origin{Source: r.name, Name: r.line.Origin.Name},
		origins: map[string]*record.Origin{},
		header:  header{message: -1, time: -1, stream: -1, log: -1},
	}
}

// maxEvent is how many bytes one event of a document has at most: each byte of a
// message may be written as an escape of six.
func (r *Reader) maxEvent() int { return min(r.opts.MaxPayload, 6*r.opts.MaxLine+(64<<10)) }

// nextLogEvent returns the next log event of documents or of a table. After an error
// in them, nothing more is read: where the next event begins is not known.
func (r *Reader) nextLogEvent() (*record.Line, error) {
	if r.events.failed {
		return nil, r.failure(r.err)
	}
	r.line = record.Line{Offset: r.events.count}
	var found bool
	var err error
	switch r.kind {
	case csvRows:
		found, err = r.nextCSV()
	case eventRows:
		found, err = r.nextRow()
	case fieldRows:
		found, err = r.nextFields()
	default:
		found, err = r.nextItem()
	}
	if err != nil {
		err = r.failure(err)
		r.events.failed = true
		if r.err == nil {
			r.err = io.EOF
		}
		return nil, err
	}
	if !found {
		return nil, r.failure(r.err)
	}
	if r.events.count++; r.events.count == 1 {
		r.events.first = hashOfFirst(r.line.Text)
	}
	r.line.First = r.events.first
	return &r.line, nil
}

// nextItem steps through documents to the next event.
func (r *Reader) nextItem() (found bool, err error) {
	e := r.events
	for {
		c, ok := r.peek()
		if !ok {
			if e.depth > 0 && r.err == io.EOF {
				e.depth = 0
				return false, jsonError(errCutOff)
			}
			return false, nil
		}
		switch place := e.place(); {
		case place == betweenDocuments:
			found, err = r.enter(c)
		case c == ',':
			r.lines.drop(1)
		case place == inDocument:
			found, err = r.member(c)
		case c == ']':
			r.leave()
		case place == inGroups && c == '{':
			err = r.step(inDocument)
		default:
			found, err = r.item(c)
		}
		if found || err != nil {
			return found, err
		}
	}
}

// peek returns the next byte that is no white space. It reports false at the end.
func (r *Reader) peek() (byte, bool) {
	for {
		r.lines.drop(blank(r.lines.bytes()))
		if held := r.lines.bytes(); len(held) > 0 {
			return held[0], true
		}
		if r.err == nil {
			r.err = r.lines.read(r.stream)
		}
		if r.err != nil {
			return 0, false
		}
	}
}

func jsonError(cause error) error { return &PayloadError{Stage: StageJSON, Err: cause} }

// enter steps into the next document. An object that is an event itself is one.
func (r *Reader) enter(c byte) (found bool, err error) {
	switch c {
	case '[':
		if r.isListOfOne() {
			return r.item(c)
		}
		return false, r.step(inEvents)
	case '{':
		if isEventKey(r.firstKey()) {
			return r.item(c)
		}
		return false, r.step(inDocument)
	}
	return false, jsonError(jsonscan.ErrValue)
}

// isListOfOne reports whether the array at the start of the window is one event, and not
// an array of events: its first item is a number, the time.
func (r *Reader) isListOfOne() bool {
	for {
		rest := r.lines.bytes()[1:]
		if n := blank(rest); n < len(rest) {
			return rest[n]-'0' < 10
		}
		if r.err != nil || len(rest) > r.maxEvent() {
			return false
		}
		r.err = r.lines.read(r.stream)
	}
}

// firstKey returns the first key of the object at the start of the window; nil if it
// has none.
func (r *Reader) firstKey() []byte {
	for {
		s := jsonscan.Scanner{B: r.lines.bytes()}
		s.Enter('{')
		key, _ := s.Key(true)
		if s.Err != jsonscan.ErrEnd || r.err != nil || len(s.B) > r.maxEvent() {
			return bytes.Clone(key)
		}
		r.err = r.lines.read(r.stream)
	}
}

// isEventKey reports whether a log event has a key, and a document has not.
func isEventKey(key []byte) bool {
	switch string(key) {
	case "logStreamName", "timestamp", "message", "ingestionTime", "eventId", "@timestamp", "@message", "@ptr", "@log", "@logStream":
		return true
	}
	return false
}

// member steps over a member of a document, or into it if it holds the events. It
// reports whether the member is an event itself.
func (r *Reader) member(c byte) (found bool, err error) {
	if c == '}' {
		r.leave()
		return false, nil
	}
	if c != '"' {
		return false, jsonError(jsonscan.ErrKey)
	}
	key, err := r.value(c)
	if err != nil {
		return false, err
	}
	kind := memberOf(key[1 : len(key)-1])
	r.lines.drop(len(key))
	if c, ok := r.peek(); !ok || c != ':' {
		return false, jsonError(jsonscan.ErrColon)
	}
	r.lines.drop(1)
	c, _ = r.peek()
	switch {
	case kind == holdsEvents && c == '[':
		return false, r.step(inEvents)
	case kind == holdsGroups && c == '[':
		return false, r.step(inGroups)
	case kind == isEvent && c == '{':
		return r.item(c)
	}
	value, err := r.value(c)
	if err == nil && kind == isResource {
		r.events.resource = append(r.events.resource[:0], value...)
	}
	r.lines.drop(len(value))
	return false, err
}

// A memberKind is what a member of a document holds.
type memberKind uint8

const (
	holdsOther memberKind = iota
	holdsEvents
	holdsGroups // objects that hold events
	isEvent
	isResource // of OpenTelemetry
)

// memberOf returns what a member holds, if its value is a list or an object.
func memberOf(key []byte) memberKind {
	switch string(key) {
	case "events", "results", "logRecords":
		return holdsEvents
	case "resourceLogs", "scopeLogs", "instrumentationLibraryLogs":
		return holdsGroups
	case "logRecord": // of get-log-record
		return isEvent
	case "resource":
		return isResource
	}
	return holdsOther
}

// item reads the event at the start of the window.
func (r *Reader) item(c byte) (found bool, err error) {
	raw, err := r.value(c)
	if err != nil {
		return false, err
	}
	s := scanner{jsonscan.Scanner{B: raw}}
	var ev logEvent
	switch c {
	case '{':
		ev.readObject(&s)
		ev.whole = r.isWhole(&ev)
	case '[':
		ev.readList(&s)
	case '"':
		ev.message, _ = s.Value()
	default:
		s.Value()
	}
	if s.Err == nil {
		s.End()
	}
	if s.Err != nil {
		return false, jsonError(s.Err)
	}
	r.setEvent(&ev, raw)
	r.lines.drop(len(raw))
	return true, nil
}

// value returns the JSON value at the start of the window, which begins with c. It
// reads on until the value is whole.
func (r *Reader) value(c byte) ([]byte, error) {
	var find cut
	for {
		held := r.lines.bytes()
		var n int
		var whole bool
		switch c {
		case '{', '[', '"':
			n, whole = find.json(held)
		default:
			n, whole = find.scalar(held)
		}
		switch {
		case whole && n == 0:
			return nil, jsonError(jsonscan.ErrValue)
		case whole:
			return held[:n], nil
		case len(held) > r.maxEvent():
			return nil, &PayloadError{Stage: StageSize, Err: ErrTooLarge}
		}
		if r.err == nil {
			r.err = r.lines.read(r.stream)
		}
		if r.err != nil {
			return nil, jsonError(errCutOff)
		}
	}
}

// readObject reads an event of the API, or a row of Logs Insights.
func (ev *logEvent) readObject(s *scanner) {
	s.Enter('{')
	for key, v, ok := s.Member(true); ok; key, v, ok = s.Member(false) {
		if slot := ev.slot(key); slot != nil {
			*slot = v
		}
	}
}

// slot returns where the value of a key belongs; nil for one that is not needed.
// @ptr is none of them: it is no eventId, and so no other reading of the event would
// have it as its id.
func (ev *logEvent) slot(key []byte) *jsonscan.Value {
	switch string(key) {
	case "eventId", "id":
		return &ev.id
	case "timestamp", "@timestamp":
		return &ev.time
	case "@message":
		ev.query = true
		return &ev.message
	case "message":
		return &ev.message
	case "logStreamName", "@logStream":
		return &ev.stream
	case "@log":
		return &ev.log
	}
	return nil
}

// readList reads a row of get-query-results, which is a list of fields and their
// values, or what --query made of an event: a list of some of its values, of which the
// longest text is the message. A shorter one is the id or the log stream.
func (ev *logEvent) readList(s *scanner) {
	s.Enter('[')
	for first := true; s.Sibling(']', first); first = false {
		if s.Peek() == '{' {
			ev.readField(s)
			continue
		}
		v, ok := s.Value()
		if !ok {
			return
		}
		switch {
		case v.Kind == jsonscan.Number:
			ev.time = v
		case v.Kind != jsonscan.Text || ev.setID(v):
		case ev.message.Kind == jsonscan.None:
			ev.message = v
		case len(v.Raw) > len(ev.message.Raw):
			ev.setName(ev.message)
			ev.message = v
		default:
			ev.setName(v)
		}
	}
}

// setID takes an eventId, which is a longer number than any time.
func (ev *logEvent) setID(v jsonscan.Value) bool {
	const longTime = len("1754733600123456789")
	if len(v.Raw) <= longTime || !isDecimal(v.Raw) {
		return false
	}
	ev.id = v
	return true
}

// setName takes a text beside the message, which is the name of a log stream if it has
// no blank.
func (ev *logEvent) setName(v jsonscan.Value) {
	if len(v.Raw) > 0 && !isDecimal(v.Raw) && !bytes.ContainsAny(v.Raw, " :*\"") {
		ev.stream = v
	}
}

// readField reads {"field":"@message","value":"…"}.
func (ev *logEvent) readField(s *scanner) {
	var slot *jsonscan.Value
	var value jsonscan.Value
	s.Enter('{')
	for key, v, ok := s.Member(true); ok; key, v, ok = s.Member(false) {
		switch string(key) {
		case "field":
			slot = ev.slot(v.Raw)
		case "value":
			value = v
		}
	}
	if s.Err == nil && slot != nil {
		*slot = value
	}
}

// isWhole reports whether an object is a line as it stands, and no event of the API or
// of Logs Insights with a message. Such objects are what --query of the AWS CLI, jq and
// log routers write, and log records of OpenTelemetry.
func (r *Reader) isWhole(ev *logEvent) bool {
	e := r.events
	switch {
	case len(e.resource) > 0 && e.depth > 2:
		return true
	case e.depth != 1 || e.open[0] != inEvents:
		return false
	}
	return !ev.query && (ev.message.Kind != jsonscan.Text || ev.time.Kind != jsonscan.Number && ev.id.Kind != jsonscan.Text)
}

// setWhole makes the line of an object that is a line as it stands. The resource of
// OpenTelemetry becomes its first member.
func (r *Reader) setWhole(ev *logEvent, raw []byte) {
	e, line := r.events, &r.line
	line.Origin = e.plain
	if !ev.time.Escaped {
		line.Time, line.HasTime = eventTime(ev.time)
	}
	if e.depth > 2 {
		e.text = append(append(append(e.text[:0], `{"resource":`...), e.resource...), ',')
		if rest := raw[1:]; rest[blank(rest)] == '}' {
			e.text[len(e.text)-1] = '}'
		} else {
			e.text = append(e.text, rest...)
		}
		raw = e.text
	}
	setText(line, raw, r.opts.MaxLine)
}

// setEvent makes the line of an event, which raw holds. Text and ID are in the window.
func (r *Reader) setEvent(ev *logEvent, raw []byte) {
	if ev.whole {
		r.setWhole(ev, raw)
		return
	}
	line := &r.line
	line.Time, line.HasTime = eventTime(ev.time)
	line.Origin = r.originOf(ev.log.Name(), ev.stream.Name())
	switch ev.message.Kind {
	case jsonscan.Text:
		setText(line, ev.message.Name(), r.opts.MaxLine)
		line.ID = ev.id.Name()
		return
	case jsonscan.Object:
		// Logs Insights exports a message of JSON as the object itself.
		setText(line, ev.message.Raw, r.opts.MaxLine)
		line.ID = ev.id.Name()
		return
	}
	setText(line, bytes.Clone(raw), r.opts.MaxLine)
	line.Defect = record.Malformed
	line.ID = ev.id.Name()
}

// eventTime reads the time of an event: milliseconds since the Unix epoch, or the
// time in UTC that Logs Insights writes.
func eventTime(v jsonscan.Value) (int64, bool) {
	if ms, ok := millis(v); ok {
		return ms, true
	}
	const form = "2006-01-02 15:04:05"
	b := v.Raw // millis has removed the escapes, if there were any
	if len(b) < len(form) || len(b) > len(form)+10 {
		return 0, false
	}
	if b[10] == 'T' {
		t, err := time.Parse(time.RFC3339, string(b))
		return t.UnixMilli(), err == nil
	}
	t, err := time.Parse(form, string(b))
	return t.UnixMilli(), err == nil
}

// maxOrigins bounds the log streams whose Origin is kept.
const maxOrigins = 1000

// originOf returns the Origin of an event. log is the account and the group as Logs
// Insights has them, "123456789012:/ecs/web"; both may be empty. Events of one stream
// have the same Origin, whatever comes between them.
func (r *Reader) originOf(log, stream []byte) *record.Origin {
	e := r.events
	if len(log) == 0 && len(stream) == 0 {
		return e.plain
	}
	e.key = append(append(append(e.key[:0], log...), 0), stream...)
	if o := e.origins[string(e.key)]; o != nil {
		return o
	}
	if len(e.origins) >= maxOrigins {
		clear(e.origins)
	}
	o := &record.Origin{Source: r.name, Name: e.plain.Name, LogStream: string(stream)}
	if account, group, ok := bytes.Cut(log, []byte(":")); ok {
		o.AccountID, o.LogGroup = string(account), string(group)
	}
	e.origins[string(e.key)] = o
	return o
}
