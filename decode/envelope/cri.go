package envelope

import (
	"bytes"

	"clearhop/record"
)

// openCRI opens the log format of container runtimes in Kubernetes:
//
//	2016-10-06T00:17:09.669794202Z stdout F line
//
// The tag is F for a full line or P for a part of one. More tags may follow it
// after colons; none is defined yet.
func openCRI(text []byte, e *record.Envelope) ([]byte, bool) {
	const shortest = "2016-10-06T00:17:09Z stdout F"
	if len(text) < len(shortest) || text[4] != '-' || text[10] != 'T' {
		return text, false
	}
	stamp, rest, ok := word(text)
	if !ok {
		return text, false
	}
	ms, ok := parseTime(stamp)
	if !ok {
		return text, false
	}
	stream, rest, ok := word(rest)
	if !ok || !isStream(stream) {
		return text, false
	}
	tag, inner, ok := word(rest)
	if !ok {
		tag, inner = rest, rest[len(rest):] // an empty line whose space was removed
	}
	if len(tag) == 0 || tag[0] != 'F' && tag[0] != 'P' || len(tag) > 1 && tag[1] != ':' {
		return text, false
	}
	add(e, record.CRI)
	setTime(e, ms, true)
	set(&e.Stream, stream)
	e.Partial = tag[0] == 'P'
	return inner, true
}

// maxPrefix is how many bytes of a line are searched for the bar of Compose. A
// container's name has at most 128 bytes.
const maxPrefix = 192

// openCompose removes what docker compose prints in front of a line, with or
// without colours:
//
//	web-1  | line
//	ESC[36mweb-1  | ESC[0mline
//	shop_web.1.x2v8q@node-1    | line    docker service logs
func openCompose(text []byte, e *record.Envelope) ([]byte, bool) {
	head := text[:min(len(text), maxPrefix)]
	if text[0] != 0x1b && !hasName(head) {
		return text, false
	}
	bar := bytes.IndexByte(head, '|')
	if bar < 2 {
		return text, false
	}
	prefix := skipColours(head[:bar])
	name := bytes.TrimRight(prefix, " ")
	spaces := len(prefix) - len(name)
	if n := bytes.IndexByte(name, 0x1b); n > 0 {
		// The colour may end between the name and the bar.
		if len(skipColours(name[n:])) > 0 {
			return text, false
		}
		name = name[:n]
		trimmed := bytes.TrimRight(name, " ")
		spaces += len(name) - len(trimmed)
		name = trimmed
	}
	if spaces == 0 || !isComposeName(name) && !isTaskName(name) {
		return text, false
	}
	inner := skipColours(text[bar+1:])
	if len(inner) > 0 {
		if inner[0] != ' ' {
			return text, false
		}
		inner = skipColours(inner[1:])
	}
	if spaces == 1 && isBarred(inner) {
		return text, false
	}
	add(e, record.Compose)
	set(&e.Name, name)
	return inner, true
}

// hasName reports whether a line without colours may begin with the name of a
// container and a bar. It is a cheap check that fails for most lines.
func hasName(head []byte) bool {
	n := bytes.IndexByte(head, ' ')
	if n > 2 && bytes.IndexByte(head[:n], '@') > 0 {
		return true // docker service logs
	}
	return n > 2 && n+1 < len(head) && isDigit(head[n-1]) && (head[n+1] == ' ' || head[n+1] == '|')
}

// skipColours returns what follows escape sequences such as ESC[1;36m.
func skipColours(text []byte) []byte {
	for len(text) > 2 && text[0] == 0x1b && text[1] == '[' {
		i := 2
		for i < len(text) && (isDigit(text[i]) || text[i] == ';') {
			i++
		}
		if i == len(text) || text[i] != 'm' {
			break
		}
		text = text[i+1:]
	}
	return text
}

// isComposeName reports whether name is one that Compose gives to a container:
// the project (optional), the service and a number.
func isComposeName(name []byte) bool {
	i := len(name)
	for i > 0 && isDigit(name[i-1]) {
		i--
	}
	if i == len(name) || i < 2 || name[i-1] != '-' && name[i-1] != '_' {
		return false
	}
	letters := false
	for j, c := range name[:i] {
		switch {
		case isLetter(c):
			letters = true
		case isDigit(c):
		case j > 0 && (c == '-' || c == '_' || c == '.'):
		default:
			return false
		}
	}
	return letters
}

// isTaskName reports whether name is one that docker service logs writes: the service,
// a number and an id, and the node.
func isTaskName(name []byte) bool {
	task, node, ok := bytes.Cut(name, []byte("@"))
	return ok && len(node) > 0 && isHost(node) && bytes.Count(task, []byte(".")) >= 2 && isContainerName(task)
}

// isBarred reports whether bars separate the parts of text, as in the lines of
// some log formats.
func isBarred(text []byte) bool {
	if n := bytes.IndexByte(text, '"'); n >= 0 {
		text = text[:n]
	}
	return bytes.Contains(text, []byte(" | "))
}
