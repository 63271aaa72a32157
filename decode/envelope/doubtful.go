package envelope

import (
	"bytes"

	"clearhop/record"
)

// OpenDoubtful opens a line behind a prefix that a log_format could have written as
// well: two names, a name in brackets, a name and a bar, nginx's own form of a time.
//
//	web-6f5d-x2v8q nginx line          stern, with or without a namespace before it
//	[web-6f5d-x2v8q] line              kubetail
//	/ecs/web web/nginx/0f9d line       awslogs get
//	nginx  | line                      docker compose, with container_name
//	2026-11-22T11:00:25+00:00 line     viewers of logs that store whole seconds
//	access.log:12:line                 grep
//	web line                           podman logs of several containers
//	tail.0: [1795345225.123, {…}]      the output file of Fluent Bit
//	line	1795345225123              --query of the AWS CLI, with other orders too
//
// The prefix counts only if it is followed at once by the beginning of a line that
// bears a time itself: the first four values of nginx's combined, an error line, an
// object of JSON, or the messages of the image's entrypoint. A caller that knows
// formats asks them first: what one of them reads as it is, is not in an envelope.
//
// OpenDoubtful is for lines that [Open] does not open. What it returns is like that
// of Open, and ok reports whether the line was opened.
func OpenDoubtful(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte, ok bool) {
	plain, longer := withoutColours(text, scratch)
	inner, ok = openDoubtful(plain, e)
	if !ok {
		return text, scratch, false
	}
	inner, longer = openRest(inner, longer, e)
	return inner, longer, true
}

func openDoubtful(text []byte, e *record.Envelope) (inner []byte, ok bool) {
	if len(text) == 0 {
		return text, false
	}
	var found record.Envelope
	switch c := text[0]; {
	case isDigit(c):
		inner, ok = openDigits(text, &found)
	case c == '[':
		inner, ok = openBracketed(text, &found)
	case isLetter(c) || c == '/' || c == '.' || c == '_' || c == '(':
		inner, ok = openName(text, &found)
	}
	if !ok || !beginsLine(inner) {
		if inner, ok = openTimeBehind(text, &found); !ok || !beginsLine(inner) {
			return text, false
		}
	}
	*e = found
	return inner, true
}

// openDigits opens a line behind a time that nginx could have written, a number of grep
// or the id of a container.
func openDigits(text []byte, e *record.Envelope) (inner []byte, ok bool) {
	if s, rest, isStamp := cutStamp(text); isStamp && s.own {
		return s.open(rest, e)
	}
	if inner, ok = openGrep(text, e); ok {
		return inner, true
	}
	return openPodmanID(text, e)
}

// openName opens a line behind one name or more.
func openName(text []byte, e *record.Envelope) (inner []byte, ok bool) {
	if inner, ok = openContainerName(text, e); ok {
		return inner, true
	}
	if inner, ok = openStreamName(text, e); ok {
		return inner, true
	}
	if inner, ok = openGrep(text, e); ok {
		return inner, true
	}
	if inner, ok = openFluentBitFile(text, e); ok {
		return inner, true
	}
	if inner, ok = openNames(text, e); ok {
		return inner, true
	}
	return openPodman(text, e)
}

// openStreamName opens what --query 'events[].[logStreamName,timestamp,message]' of the
// AWS CLI prints as text: the log stream, the time in milliseconds and the message, with
// tabs between them.
func openStreamName(text []byte, e *record.Envelope) ([]byte, bool) {
	stream, _, ok := bytes.Cut(text[:min(len(text), maxNames)], []byte("\t"))
	if !ok || !isStreamName(stream) {
		return text, false
	}
	inner, ok := openEpoch(text[len(stream)+1:], e)
	if !ok {
		return text, false
	}
	set(&e.LogStream, stream)
	return inner, true
}

// openTimeBehind opens what --query 'events[].[message,timestamp]' and
// 'events[].{message:message,timestamp:timestamp}' of the AWS CLI print as text: the
// message, a tab and the time in milliseconds.
func openTimeBehind(text []byte, e *record.Envelope) ([]byte, bool) {
	const digits = len("1795345225123")
	n := len(text) - digits - 1
	if n <= 0 || text[n] != '\t' {
		return text, false
	}
	ms, ok := millis(text[n+1:])
	if !ok {
		return text, false
	}
	*e = record.Envelope{}
	add(e, record.Timestamped)
	setTime(e, ms, true)
	return text[:n], true
}

// digitsOfID is how many digits of the id of a container podman writes.
const digitsOfID = 12

// openPodmanID opens the id of a container that begins with a digit.
func openPodmanID(text []byte, e *record.Envelope) ([]byte, bool) {
	if len(text) <= digitsOfID || text[digitsOfID] != ' ' || !isHex(text[:digitsOfID]) {
		return text, false
	}
	return openPodman(text, e)
}

// openPodman opens what podman logs writes for several containers: the name of the
// container, with --names, or the first twelve digits of its id. $host and $hostname look
// like names too, so the caller needs other evidence in front of an access line.
func openPodman(text []byte, e *record.Envelope) ([]byte, bool) {
	name, _, ok := word(text[:min(len(text), maxPrefix)])
	if !ok || !isContainerName(name) || bytes.IndexByte(name, '.') >= 0 {
		return text, false
	}
	add(e, record.Podman)
	if len(name) == digitsOfID && isHex(name) {
		set(&e.ID, name)
	} else {
		set(&e.Name, name)
	}
	return text[len(name)+1:], true
}

// openBracketed opens what kubetail writes: "[pod] line" or "[pod container] line".
func openBracketed(text []byte, e *record.Envelope) ([]byte, bool) {
	head := text[:min(len(text), 2*maxPrefix)]
	end := bytes.Index(head, []byte("] "))
	if end < 0 {
		return text, false
	}
	pod, container, both := bytes.Cut(text[1:end], []byte(" "))
	if !isPod(pod) || both && !isLabel(container) {
		return text, false
	}
	add(e, record.Kubectl)
	describePod(e, nil, pod, container)
	return text[end+2:], true
}

// openContainerName opens what docker compose writes for a container that was given
// a name.
func openContainerName(text []byte, e *record.Envelope) ([]byte, bool) {
	name, rest, ok := word(text[:min(len(text), maxPrefix)])
	if !ok || len(rest) == 0 || rest[0] != ' ' && rest[0] != '|' || !isContainerName(name) {
		return text, false
	}
	bar := len(text[:min(len(text), maxPrefix)]) - len(bytes.TrimLeft(rest, " "))
	if !bytes.HasPrefix(text[bar:], []byte("| ")) {
		return text, false
	}
	add(e, record.Compose)
	set(&e.Name, name)
	return text[bar+2:], true
}

// isContainerName reports whether name is one that Docker accepts.
func isContainerName(name []byte) bool {
	for i, c := range name {
		if !isDigit(c) && !isLetter(c) && (i == 0 || c != '-' && c != '_' && c != '.') {
			return false
		}
	}
	return len(name) > 1
}

// openNames opens the names that stern and awslogs write. Names of CloudWatch Logs
// have a slash in one of them at least; pods and containers never have one.
func openNames(text []byte, e *record.Envelope) ([]byte, bool) {
	head := text[:min(len(text), maxNames)]
	first, rest, ok := word(head)
	if !ok {
		return text, false
	}
	// awslogs aligns the names.
	second, rest, ok := word(bytes.TrimLeft(rest, " "))
	if !ok {
		return text, false
	}
	if isGroup(first, second) {
		add(e, record.AWSLogs)
		set(&e.LogGroup, first)
		set(&e.LogStream, second)
		return bytes.TrimLeft(text[len(head)-len(rest):], " "), true
	}
	if isPod(first) && isLabel(second) {
		if pod, container, ok := threeNames(second, rest); ok {
			_, rest, _ = word(rest)
			add(e, record.Stern)
			describePod(e, first, pod, container)
			return withoutShortTime(text[len(head)-len(rest):]), true
		}
		add(e, record.Stern)
		describePod(e, nil, first, second)
		return withoutShortTime(text[len(head)-len(rest):]), true
	}
	if pod, container, ok := threeNames(second, rest); ok && isLabel(first) {
		_, rest, _ = word(rest)
		add(e, record.Stern)
		describePod(e, first, pod, container)
		return withoutShortTime(text[len(head)-len(rest):]), true
	}
	return text, false
}

// withoutShortTime removes the time that stern writes with -t short, which has no year.
func withoutShortTime(text []byte) []byte {
	const form = "11-22 11:00:25 "
	if hasForm(text, form) {
		return text[len(form):]
	}
	return text
}

// threeNames reads a pod and the container at the start of rest, which follow a
// namespace.
func threeNames(second, rest []byte) (pod, container []byte, ok bool) {
	third, _, ok := word(rest)
	return second, third, ok && isPod(second) && isLabel(third)
}

// maxNames is how many bytes of a line are searched for the names of openNames. A
// log group and a log stream have at most 512 bytes each.
const maxNames = 1026

// isGroup reports whether two words may be a log group and a log stream.
func isGroup(group, stream []byte) bool {
	for _, c := range group {
		if !isDigit(c) && !isLetter(c) && bytes.IndexByte([]byte("_-/.#"), c) < 0 {
			return false
		}
	}
	return bytes.IndexByte(group, '/') >= 0 && bytes.IndexByte(stream, ':') < 0 && bytes.IndexByte(stream, '*') < 0
}

// isPod reports whether w may be the name of a pod that a controller made: it has a
// hyphen. A dot, which a pod may have, would make it the name of a host.
func isPod(w []byte) bool { return bytes.IndexByte(w, '-') > 0 && isLabel(w) }

// isLabel reports whether w is a label of DNS in lower case, as the names of
// namespaces and containers are, and those of most pods.
func isLabel(w []byte) bool {
	const maxLabel = 253
	if len(w) == 0 || len(w) > maxLabel || w[0] == '-' || w[len(w)-1] == '-' {
		return false
	}
	letters := false
	for _, c := range w {
		switch {
		case 'a' <= c && c <= 'z':
			letters = true
		case isDigit(c) || c == '-':
		default:
			return false
		}
	}
	return letters
}

// describePod puts names of Kubernetes into e.
func describePod(e *record.Envelope, space, pod, container []byte) {
	set(&e.Type, typeKubernetes)
	set(&e.Space, space)
	set(&e.Resource, pod)
	set(&e.Name, container)
}

// openKubectl opens what kubectl logs --prefix writes: "[pod/web-0/nginx] line". No
// log_format begins like that.
func openKubectl(text []byte, e *record.Envelope) ([]byte, bool) {
	const begin = "[pod/"
	head := text[:min(len(text), 2*maxPrefix)]
	if !bytes.HasPrefix(head, []byte(begin)) {
		return text, false
	}
	end := bytes.IndexByte(head, ']')
	if end < 0 {
		return text, false
	}
	pod, container, ok := bytes.Cut(head[len(begin):end], []byte("/"))
	if !ok || !isHost(pod) || !isLabel(container) {
		return text, false
	}
	inner := text[end+1:]
	if len(inner) > 0 && inner[0] != ' ' {
		return text, false
	}
	add(e, record.Kubectl)
	describePod(e, nil, pod, container)
	return bytes.TrimPrefix(inner, []byte(" ")), true
}

// beginsLine reports whether text begins like a line that bears a time itself.
func beginsLine(text []byte) bool {
	text = withoutTimes(text)
	if len(text) == 0 {
		return false
	}
	return text[0] == '{' && text[len(text)-1] == '}' ||
		isErrorHead(text) || isCombinedHead(text) ||
		bytes.HasPrefix(text, []byte("/docker-entrypoint.sh: "))
}

// withoutTimes removes the times that awslogs and stern may write, and what a syslog
// daemon does.
func withoutTimes(text []byte) []byte {
	for range 2 {
		s, rest, ok := cutStamp(text)
		if !ok || s.own {
			break
		}
		if text = rest; !s.noZone {
			if rest, ok = cutHostAndTag(text); ok {
				return rest
			}
		}
	}
	var e record.Envelope
	rest, _ := openSyslog(text, &e)
	return rest
}

// isErrorHead reports whether text begins like a line of an error log:
// "2026/11/22 11:00:25 [".
func isErrorHead(text []byte) bool { return hasForm(text, "2006/01/02 15:04:05 [") }

// isCombinedHead reports whether text begins like a line in combined, and in many
// formats that begin like it:
//
//	203.0.113.9 - frank [22/Nov/2026:11:00:24 +0000] "
//
// A name of a user with a space in it is not accepted, because there a visitor could
// write the rest of such a beginning.
func isCombinedHead(text []byte) bool {
	text = text[:min(len(text), maxNames)]
	address, rest, ok := word(text)
	if !ok || !isAddress(address) {
		return false
	}
	if rest, ok = bytes.CutPrefix(rest, []byte("- ")); !ok {
		return false
	}
	user, rest, ok := word(rest)
	if ok && len(user) > 1 && user[0] == '[' && user[len(user)-1] == ']' {
		// ingress-nginx wrote an address in brackets until 2019.
		if rest, ok = bytes.CutPrefix(rest, []byte("- ")); ok {
			_, rest, ok = word(rest)
		}
	}
	return ok && hasForm(rest, `[02/Xxx/2006:15:04:05 +0000] "`)
}

// hasForm reports whether text begins like form. A digit of form stands for any
// digit, a letter for any letter, and "+" for a sign.
func hasForm(text []byte, form string) bool {
	if len(text) < len(form) {
		return false
	}
	for i := range len(form) {
		want, c := form[i], text[i]
		switch {
		case isDigit(want):
			if !isDigit(c) {
				return false
			}
		case isLetter(want):
			if !isLetter(c) {
				return false
			}
		case want == '+':
			if c != '+' && c != '-' {
				return false
			}
		case c != want:
			return false
		}
	}
	return true
}

// isAddress reports whether w looks like what nginx writes for $remote_addr: an IP
// address or "unix:".
func isAddress(w []byte) bool {
	if string(w) == "unix:" {
		return true
	}
	marks := 0
	for _, c := range w {
		switch {
		case c == '.' || c == ':':
			marks++
		case !isDigit(c) && ((c|0x20) < 'a' || (c|0x20) > 'f'):
			return false
		}
	}
	return marks >= 2 && len(w) <= len("2001:0db8:0000:0000:0000:0000:203.000.113.009")
}

// withoutColours returns text without the escape sequences in its head, if it begins
// with one: programs that colour their output write them. The result is then in the
// scratch space, because the line itself is never changed.
func withoutColours(text, scratch []byte) (plain, newScratch []byte) {
	const maxHead = 512
	if len(text) == 0 || text[0] != 0x1b {
		return text, scratch
	}
	head := text[:min(len(text), maxHead)]
	start := len(scratch)
	for len(head) > 0 {
		if rest := skipColours(head); len(rest) < len(head) {
			head = rest
			continue
		}
		n := 1 + bytes.IndexByte(head[1:], 0x1b)
		if n == 0 {
			n = len(head)
		}
		scratch = append(scratch, head[:n]...)
		head = head[n:]
	}
	scratch = append(scratch, text[min(len(text), maxHead):]...)
	end := len(scratch)
	return scratch[start:end:end], scratch
}
