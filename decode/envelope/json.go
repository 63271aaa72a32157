package envelope

import (
	"bytes"

	"clearhop/internal/jsonscan"
	"clearhop/record"
)

// An object is what the members of a JSON object say that may be an envelope.
// The first block holds their values, those not there of kind None.
type object struct {
	log, stream        jsonscan.Value
	messages           [4]jsonscan.Value // message, @message, msg, MESSAGE
	times              [3]jsonscan.Value // time, @timestamp, timestamp
	journal            jsonscan.Value
	id, name           jsonscan.Value
	cluster, task      jsonscan.Value
	kubernetes         jsonscan.Value
	partial, last, tag jsonscan.Value
	routed, ecs        bool // has a member that only a router writes; one of ECS
	others             bool // has a member that Docker does not write
	access             bool // has a key of an access log
}

// dockerCut is where Docker cuts lines. A shorter one without a newline lost it
// on the way: taken for a piece it would swallow the lines behind it.
const dockerCut = 16 << 10

// openJSON reads an object. See the package documentation for what makes it an
// envelope.
func openJSON(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte, ok bool) {
	var o object
	if !o.read(text) {
		return text, scratch, false
	}
	hasLog := o.log.Kind == jsonscan.Text
	line, message := o.log, firstText(o.messages[:])
	switch {
	case hasLog && (o.routed || !o.access):
	case o.access:
		return text, scratch, false
	case message.Kind == jsonscan.Text:
		line = message
	case o.log.Kind == jsonscan.Object && o.routed:
		hasLog = true
	default:
		return text, scratch, false
	}

	if line.Kind == jsonscan.Text {
		inner, scratch = plain(line, scratch)
	} else {
		inner = line.Raw
	}
	kind := o.kind(hasLog)
	newline := bytes.HasSuffix(inner, []byte("\n"))
	partial := isTrue(o.partial) && !isTrue(o.last) || string(o.tag.Raw) == "P" ||
		kind == record.DockerJSON && !newline && !o.others && len(inner) >= dockerCut
	if !partial {
		inner = bytes.TrimSuffix(inner, []byte("\n"))
		inner = bytes.TrimSuffix(inner, []byte("\r"))
	}
	add(e, kind)
	e.Partial = partial
	return inner, o.tell(scratch, e), true
}

// read reads the members of an object and reports whether text is one, with
// nothing behind it, that may be an envelope. Of equal keys the last counts.
func (o *object) read(text []byte) bool {
	s := jsonscan.Scanner{B: text}
	s.Enter('{')
	for first := true; ; first = false {
		key, more := s.Key(first)
		if !more {
			break
		}
		at := s.I
		v, ok := s.Value()
		if !ok {
			return false
		}
		if o.member(key, v) {
			continue
		}
		if !o.access && isAccessKey(key, v) {
			o.access = true
			// Only the text of log can still make it an envelope. Access logs
			// in JSON have none, and are not read to their end for nothing.
			if o.log.Kind == jsonscan.None && !bytes.Contains(text[at:], []byte(`log"`)) {
				return false
			}
		}
	}
	if s.Err == nil {
		s.End()
	}
	return s.Err == nil
}

// member takes in a member and reports whether its key is known.
func (o *object) member(key []byte, v jsonscan.Value) bool {
	// Docker writes these and no others; attrs are labels and variables of the
	// container.
	switch string(key) {
	case "log":
		o.log = v
		return true
	case "stream":
		o.stream = v
		return true
	case "time":
		o.times[0] = v
		return true
	case "attrs":
		return true
	}
	o.others = true

	switch string(key) {
	case "source":
		// The stream, with fluentd's driver; much else elsewhere.
		if o.stream.Kind == jsonscan.None && (string(v.Raw) == "stdout" || string(v.Raw) == "stderr") {
			o.stream = v
		}
	case "message":
		o.messages[0] = v
	case "@message":
		o.messages[1] = v
	case "msg":
		o.messages[2] = v
	case "MESSAGE":
		o.messages[3] = v
	case "@timestamp":
		o.times[1] = v
	case "timestamp":
		o.times[2] = v
	case "__REALTIME_TIMESTAMP":
		o.journal = v
	case "container_id":
		o.id, o.routed = v, true
	case "container_name":
		o.name, o.routed = v, true
	case "CONTAINER_ID_FULL":
		o.id = v
	case "CONTAINER_NAME":
		o.name = v
	case "ecs_cluster":
		o.cluster, o.routed, o.ecs = v, true, true
	case "ecs_task_arn":
		o.task, o.routed, o.ecs = v, true, true
	case "ecs_task_definition":
		o.routed, o.ecs = true, true
	case "kubernetes":
		if v.Kind == jsonscan.Object {
			o.kubernetes, o.routed = v, true
		}
	case "partial_message", "CONTAINER_PARTIAL_MESSAGE":
		o.partial = v
	case "partial_last":
		o.last = v
	case "logtag", "_p":
		o.tag = v
	default:
		return false
	}
	return true
}

// firstText returns the first of values that is text, or none.
func firstText(values []jsonscan.Value) jsonscan.Value {
	for _, v := range values {
		if v.Kind == jsonscan.Text {
			return v
		}
	}
	return jsonscan.Value{}
}

func (o *object) kind(hasLog bool) record.EnvelopeKind {
	switch {
	case o.kubernetes.Kind == jsonscan.Object:
		return record.Kubernetes
	case o.ecs, o.routed && hasLog:
		return record.FireLens
	case hasLog && (o.stream.Kind == jsonscan.Text || firstText(o.times[:]).Kind == jsonscan.Text):
		return record.DockerJSON
	}
	return record.TransformedLog
}

// What an envelope of its kind says without a word.
var (
	typeECS        = []byte("ecs")
	typeKubernetes = []byte("kubernetes")
)

// tell puts into e what the members say.
func (o *object) tell(scratch []byte, e *record.Envelope) []byte {
	scratch = tell(&e.Stream, o.stream, scratch)
	if ms, ok := parseTime(firstText(o.times[:]).Raw); ok {
		setTime(e, ms, true)
	} else {
		ms, ok := micros(o.journal)
		setTime(e, ms, ok)
	}
	if o.kubernetes.Kind == jsonscan.Object {
		set(&e.Type, typeKubernetes)
		scratch = tellKubernetes(o.kubernetes.Raw, scratch, e)
	}
	scratch = tellID(o.id, scratch, e)
	hadName := e.Name != nil
	scratch = tell(&e.Name, o.name, scratch)
	if !hadName {
		named := bytes.HasPrefix(e.Name, []byte("/ecs-"))
		e.Name = bytes.TrimPrefix(e.Name, []byte("/"))
		if named {
			set(&e.Type, typeECS) // the task's metadata is switched off
		}
	}
	if o.ecs {
		set(&e.Type, typeECS)
		scratch = tell(&e.Cluster, o.cluster, scratch)
		scratch = tell(&e.Resource, o.task, scratch)
	}
	return scratch
}

// tellKubernetes reads the object kubernetes, in the words of Fluent Bit and
// Fluentd or those of Vector.
func tellKubernetes(raw, scratch []byte, e *record.Envelope) []byte {
	s := jsonscan.Scanner{B: raw}
	s.Enter('{')
	for first := true; ; first = false {
		key, more := s.Key(first)
		if !more {
			return scratch
		}
		v, ok := s.Value()
		if !ok {
			return scratch
		}
		switch string(key) {
		case "namespace_name", "pod_namespace":
			scratch = tell(&e.Space, v, scratch)
		case "pod_name":
			scratch = tell(&e.Resource, v, scratch)
		case "container_name":
			scratch = tell(&e.Name, v, scratch)
		case "docker_id", "container_id":
			scratch = tellID(v, scratch, e)
		case "cluster_name", "cluster":
			scratch = tell(&e.Cluster, v, scratch)
		}
	}
}

// tell sets a part to a text, unless an envelope further out has it.
func tell(part *[]byte, v jsonscan.Value, scratch []byte) []byte {
	if *part != nil || v.Kind != jsonscan.Text {
		return scratch
	}
	value, scratch := plain(v, scratch)
	set(part, value)
	return scratch
}

// tellID sets the container's id, without the runtime's name before it:
// containerd://43….
func tellID(v jsonscan.Value, scratch []byte, e *record.Envelope) []byte {
	if e.ID != nil {
		return scratch
	}
	scratch = tell(&e.ID, v, scratch)
	if n := bytes.Index(e.ID, []byte("://")); n >= 0 {
		e.ID = e.ID[n+3:]
	}
	return scratch
}

// plain returns a text without its escapes, which takes scratch space if it
// has any: the line itself is never changed.
func plain(v jsonscan.Value, scratch []byte) (value, newScratch []byte) {
	if !v.Escaped {
		return v.Raw, scratch
	}
	start := len(scratch)
	scratch = append(scratch, v.Raw...)
	value = jsonscan.Unescape(scratch[start:])
	end := start + len(value)
	return scratch[start:end:end], scratch[:end]
}

// isTrue reads true, or the text "true" that fluentd's driver writes.
func isTrue(v jsonscan.Value) bool {
	return string(v.Raw) == "true"
}

// micros reads journald's time, microseconds in decimal, as milliseconds.
func micros(v jsonscan.Value) (int64, bool) {
	const mostDigits = 17 // up to the year 5138
	if len(v.Raw) == 0 || len(v.Raw) > mostDigits {
		return 0, false
	}
	n := int64(0)
	for _, c := range v.Raw {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n / 1000, true
}

// isAccessKey tells whether a member is one of an access log.
func isAccessKey(key []byte, v jsonscan.Value) bool {
	// Enough for the longest word below; of a longer key the rest means nothing.
	var space [16]byte
	word := space[:0]
	for _, c := range key {
		switch {
		case c == '_' || c == '-' || c == '.' || c == '$' || c == '@':
			continue
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		}
		if word = append(word, c); len(word) == len(space) {
			break
		}
	}
	switch string(word) {
	case "args", "bytes", "bytessent", "ip", "method", "msec", "query", "querystring",
		"req", "res", "serverprotocol", "timeiso8601", "timelocal", "verb", "xff":
		return true
	case "agent":
		return v.Kind == jsonscan.Text // an object is the shipper's own
	case "status", "statuscode":
		return len(v.Raw) == 3 && isDigit(v.Raw[0]) && isDigit(v.Raw[1]) && isDigit(v.Raw[2])
	}
	for _, prefix := range accessPrefixes {
		if len(word) >= len(prefix) && string(word[:len(prefix)]) == prefix {
			return true
		}
	}
	return false
}

// accessPrefixes are how keys of access logs begin, most of them after nginx's
// variables.
var accessPrefixes = [...]string{
	"bodybytes", "client", "http", "nginx", "proxyprotocol", "realip", "referer", "referrer",
	"remote", "request", "response", "ssl", "upstream", "uri", "url", "useragent", "xforwardedfor",
}
