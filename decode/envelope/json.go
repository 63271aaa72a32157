package envelope

import (
	"bytes"

	"clearhop/internal/jsonscan"
	"clearhop/record"
)

// An object is the known members of a JSON object that may be an envelope.
type object struct {
	values [slotCount]jsonscan.Value // of kind None where the member is absent
	routed bool                      // it has a member that only a log router writes
	ecs    bool                      // it has a member that only a log router on ECS writes
	others bool                      // it has a member that Docker does not write
	access bool                      // it has a key of an access log
}

// dockerCut is where Docker cuts lines, in bytes. A shorter line without a
// newline is not a fragment: something removed its newline. If it counted as a
// fragment, the lines after it would be joined to it.
const dockerCut = 16 << 10

// openJSON opens an envelope of JSON. The package documentation says which
// objects are envelopes.
func openJSON(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte, ok bool) {
	var o object
	if !o.read(text) {
		return text, scratch, false
	}
	if !o.access && o.values[slotLog].Kind != jsonscan.Text && o.isOTLP() {
		return o.openOTLP(text, scratch, e)
	}
	line, inLog, ok := o.line()
	if !ok {
		return o.openParsed(text, scratch, e)
	}
	if line.Kind == jsonscan.Object && hostIsPeer(line.Raw) {
		inner, scratch = withoutRouter(line.Raw, scratch)
	} else {
		inner, scratch = unescaped(line, scratch)
	}
	kind := o.kind(inLog)
	add(e, kind)
	e.Partial = o.isFragment(kind, inner)
	if !e.Partial {
		inner = withoutNewline(inner)
	}
	return inner, o.describe(scratch, e), true
}

// read reads the members of an object. It reports false if text is not an
// object with nothing after it, or is known not to be an envelope. If a key
// repeats, the last value wins.
func (o *object) read(text []byte) bool {
	s := jsonscan.Scanner{B: text}
	s.Enter('{')
	for key, v, ok := s.Member(true); ok; key, v, ok = s.Member(false) {
		if known := lookUpKey(key); known != nil {
			o.set(known, v)
			continue
		}
		o.others = true
		if o.access || !isAccessKey(key, v) {
			continue
		}
		o.access = true
		// The object can still be an envelope only if it has text in log, or a
		// member that only a log router writes. Access logs in JSON have none of
		// them: the rest of the object is not read for nothing.
		if o.values[slotLog].Kind == jsonscan.None && !o.routed && !mayBeRouted(text[s.I:]) {
			return false
		}
	}
	if s.Err == nil {
		s.End()
	}
	return s.Err == nil
}

// mayBeRouted reports whether the rest of an object may hold the member log, or the
// name of a container or the object kubernetes, which log routers add, or the user agent
// under the name that the parsers of Fluent Bit give it.
func mayBeRouted(rest []byte) bool {
	return bytes.Contains(rest, []byte(`container_`)) || bytes.Contains(rest, []byte(`log"`)) ||
		bytes.Contains(rest, []byte(`"kubernetes"`)) || bytes.Contains(rest, []byte(`"agent"`))
}

// set keeps the value of a known key.
func (o *object) set(k *knownKey, v jsonscan.Value) {
	if k.writer != byDocker {
		o.others = true
	}
	switch k.slot {
	case slotSource:
		// With Docker's fluentd log driver, source is the stream. Others use the
		// key for other things.
		if o.values[slotStream].Kind == jsonscan.None && isStream(v.Raw) {
			o.values[slotStream] = v
		}
		return
	case slotKubernetes:
		if v.Kind != jsonscan.Object {
			return
		}
	}
	o.values[k.slot] = v
	switch k.writer {
	case byRouter:
		o.routed = true
	case byECSRouter:
		o.routed, o.ecs = true, true
	}
}

// isStream reports whether name is that of a container's output.
func isStream(name []byte) bool { return string(name) == "stdout" || string(name) == "stderr" }

// line returns the value that holds the line, and whether that is the member
// log. It reports false if the object is not an envelope.
func (o *object) line() (line jsonscan.Value, inLog, ok bool) {
	log := o.values[slotLog]
	if log.Kind == jsonscan.Text && (o.routed || !o.access) {
		return log, true, true
	}
	if o.access {
		return line, false, false
	}
	if o.isOpenTelemetry() {
		return o.values[slotBody], false, true
	}
	if message := firstText(o.values[slotMessage0 : slotMessage3+1]); message.Kind == jsonscan.Text {
		return message, false, true
	}
	if message := o.values[slotMessage1]; message.Kind == jsonscan.Object {
		return message, false, true // a row of Logs Insights
	}
	if message := o.values[slotMessage0]; message.Kind == jsonscan.Object && o.isStern() {
		return message, false, true
	}
	if processed := o.values[slotProcessed]; processed.Kind == jsonscan.Object {
		return processed, true, true
	}
	return log, true, log.Kind == jsonscan.Object && o.routed
}

// isOpenTelemetry reports whether a collector wrote the object: beside the body, it
// has an object of attributes or of the resource.
func (o *object) isOpenTelemetry() bool {
	body := o.values[slotBody].Kind
	return (body == jsonscan.Text || body == jsonscan.Object) &&
		(o.values[slotAttributes].Kind == jsonscan.Object || o.values[slotResource].Kind == jsonscan.Object)
}

// isStern reports whether the object names a pod and a container as stern does.
func (o *object) isStern() bool {
	return o.values[slotPod].Kind == jsonscan.Text && o.values[slotContainer].Kind == jsonscan.Text
}

// firstText returns the first of values that is text, or a value of kind None.
func firstText(values []jsonscan.Value) jsonscan.Value {
	for i := range values {
		if values[i].Kind == jsonscan.Text {
			return values[i]
		}
	}
	return jsonscan.Value{}
}

// kind returns the kind of the envelope. inLog reports that the line is the
// member log.
func (o *object) kind(inLog bool) record.EnvelopeKind {
	switch {
	case o.values[slotKubernetes].Kind == jsonscan.Object:
		return record.Kubernetes
	case o.ecs, o.routed && inLog:
		return record.FireLens
	case o.isOpenTelemetry():
		return record.OpenTelemetry
	case o.isStern():
		return record.Stern
	case inLog && (o.values[slotStream].Kind == jsonscan.Text || o.time().Kind == jsonscan.Text):
		return record.DockerJSON
	}
	return record.TransformedLog
}

// time returns the member that holds the time as text.
func (o *object) time() jsonscan.Value { return firstText(o.values[slotTime0 : slotTime2+1]) }

// isFragment reports whether the line continues in another envelope.
func (o *object) isFragment(kind record.EnvelopeKind, line []byte) bool {
	if isTrue(o.values[slotPartial]) && !isTrue(o.values[slotPartialLast]) || string(o.values[slotTag].Raw) == "P" {
		return true
	}
	return kind == record.DockerJSON && !o.others && len(line) >= dockerCut && !bytes.HasSuffix(line, []byte("\n"))
}

// The types of container platforms that an envelope reveals without naming
// them.
var (
	typeECS        = []byte("ecs")
	typeKubernetes = []byte("kubernetes")
)

var utc = []byte("UTC")

// describe puts into e what the members say about the line's source and time.
func (o *object) describe(scratch []byte, e *record.Envelope) []byte {
	scratch = setText(&e.Stream, o.values[slotStream], scratch)
	ms, ok := parseTime(o.time().Raw)
	if !ok {
		ms, ok = micros(o.values[slotJournalTime].Raw)
	}
	if at := o.values[slotTime2]; !ok && at.Kind == jsonscan.Number {
		ms, ok = millis(at.Raw) // of CloudWatch Logs
	}
	if !ok {
		ms, ok = nanos(o.values[slotNanos].Raw)
	}
	if !ok { // of Logs Insights
		ms, ok = parseSpaced(o.values[slotTime1].Raw, utc)
	}
	if !ok {
		ms, ok = seconds(o.values[slotSeconds].Raw)
	}
	setTime(e, ms, ok)
	scratch = setText(&e.LogStream, o.values[slotLogStream], scratch)
	switch e.Kinds[e.Count-1] {
	case record.OpenTelemetry:
		for _, slot := range [...]slot{slotResource, slotAttributes} {
			scratch = describeAttributes(o.values[slot].Raw, scratch, e)
		}
	case record.Stern:
		set(&e.Type, typeKubernetes)
		scratch = setText(&e.Space, o.values[slotNamespace], scratch)
		scratch = setText(&e.Resource, o.values[slotPod], scratch)
		scratch = setText(&e.Name, o.values[slotContainer], scratch)
	}
	if o.values[slotKubernetes].Kind == jsonscan.Object {
		set(&e.Type, typeKubernetes)
		scratch = describeKubernetes(o.values[slotKubernetes].Raw, scratch, e)
	}
	scratch = setID(o.values[slotID], scratch, e)
	scratch = setName(o.values[slotName], scratch, e)
	if o.ecs {
		set(&e.Type, typeECS)
		scratch = setText(&e.Cluster, o.values[slotCluster], scratch)
		scratch = setText(&e.Resource, o.values[slotTask], scratch)
	}
	return scratch
}

// describeKubernetes reads the object kubernetes, with the keys of Fluent Bit
// and Fluentd or those of Vector.
func describeKubernetes(raw, scratch []byte, e *record.Envelope) []byte {
	s := jsonscan.Scanner{B: raw}
	s.Enter('{')
	for key, v, ok := s.Member(true); ok; key, v, ok = s.Member(false) {
		switch string(key) {
		case "namespace_name", "pod_namespace":
			scratch = setText(&e.Space, v, scratch)
		case "pod_name":
			scratch = setText(&e.Resource, v, scratch)
		case "container_name":
			scratch = setText(&e.Name, v, scratch)
		case "docker_id", "container_id":
			scratch = setID(v, scratch, e)
		case "cluster_name", "cluster":
			scratch = setText(&e.Cluster, v, scratch)
		}
	}
	return scratch
}

// describeAttributes reads the attributes of OpenTelemetry, by the names of its
// semantic conventions.
func describeAttributes(raw, scratch []byte, e *record.Envelope) []byte {
	for list := newPairs(raw, "attributes"); list.next(); { // of OTLP
		if v, isList := anyValue(list.value); !isList {
			scratch = describeAttribute(list.key.Raw, v, scratch, e)
		}
	}
	s := jsonscan.Scanner{B: raw}
	s.Enter('{')
	for key, v, ok := s.Member(true); ok; key, v, ok = s.Member(false) {
		scratch = describeAttribute(key, v, scratch, e)
	}
	return scratch
}

func describeAttribute(key []byte, v jsonscan.Value, scratch []byte, e *record.Envelope) []byte {
	switch string(key) {
	case "log.iostream":
		scratch = setText(&e.Stream, v, scratch)
	case "k8s.pod.name":
		set(&e.Type, typeKubernetes)
		scratch = setText(&e.Resource, v, scratch)
	case "k8s.namespace.name":
		scratch = setText(&e.Space, v, scratch)
	case "k8s.cluster.name", "aws.ecs.cluster.arn":
		scratch = setText(&e.Cluster, v, scratch)
	case "k8s.container.name", "container.name":
		scratch = setName(v, scratch, e)
	case "container.id":
		scratch = setID(v, scratch, e)
	case "aws.ecs.task.arn":
		set(&e.Type, typeECS)
		scratch = setText(&e.Resource, v, scratch)
	}
	return scratch
}

// setText sets a part to a text, unless an outer envelope has set it.
func setText(part *[]byte, v jsonscan.Value, scratch []byte) []byte {
	if *part != nil || v.Kind != jsonscan.Text {
		return scratch
	}
	value, scratch := unescaped(v, scratch)
	set(part, value)
	return scratch
}

// setID sets the container's id. It removes the name of the runtime in front of
// it, as in containerd://43….
func setID(v jsonscan.Value, scratch []byte, e *record.Envelope) []byte {
	if e.ID != nil {
		return scratch
	}
	scratch = setText(&e.ID, v, scratch)
	if n := bytes.Index(e.ID, []byte("://")); n >= 0 {
		e.ID = e.ID[n+3:]
	}
	return scratch
}

// setName sets the container's name, without the slash that Docker puts in front
// of it. Names that ECS gives begin with "ecs-", so they reveal the platform even
// where the router does not add the task's metadata.
func setName(v jsonscan.Value, scratch []byte, e *record.Envelope) []byte {
	if e.Name != nil {
		return scratch
	}
	scratch = setText(&e.Name, v, scratch)
	onECS := bytes.HasPrefix(e.Name, []byte("/ecs-"))
	e.Name = bytes.TrimPrefix(e.Name, []byte("/"))
	if onECS {
		set(&e.Type, typeECS)
	}
	return scratch
}

// unescaped returns a value without its escapes. If it has any, the result is
// in the scratch space, because the line itself is never changed.
func unescaped(v jsonscan.Value, scratch []byte) (value, newScratch []byte) {
	if !v.Escaped {
		return v.Raw, scratch
	}
	start := len(scratch)
	scratch = append(scratch, v.Raw...)
	value = jsonscan.Unescape(scratch[start:])
	end := start + len(value)
	return scratch[start:end:end], scratch[:end]
}

// isTrue reports whether v is true, or the text "true" that Docker's fluentd log
// driver writes.
func isTrue(v jsonscan.Value) bool {
	return string(v.Raw) == "true"
}

// micros reads journald's time, a decimal number of microseconds since the Unix
// epoch, as milliseconds.
func micros(raw []byte) (int64, bool) {
	n, ok := decimal(raw)
	return n / 1000, ok
}

// millis reads a time of CloudWatch Logs, a decimal number of milliseconds since the
// Unix epoch. Smaller numbers may be seconds or something else.
func millis(raw []byte) (int64, bool) {
	const smallest = 1e12 // in 2001
	n, ok := decimal(raw)
	return n, ok && smallest <= n && n < 10*smallest
}

func decimal(raw []byte) (int64, bool) {
	const maxDigits = 17
	if len(raw) == 0 || len(raw) > maxDigits {
		return 0, false
	}
	n := int64(0)
	for _, c := range raw {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
