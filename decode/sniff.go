package decode

import (
	"bytes"

	"clearhop/internal/jsonscan"
)

// A content is what a stream holds.
type content uint8

const (
	undecided content = iota // more of the stream is needed
	logLines
	payloads
)

// sniffSize is the number of bytes of a stream that are examined at most to find
// out what it holds.
const sniffSize = 64 << 10

// sniff returns the content of a stream by its first bytes. An access log can be
// JSON too, so an object is a payload only if it has a top-level member of a
// payload with a value of the right kind.
func sniff(head []byte) content {
	s := scanner{jsonscan.Scanner{B: head}}
	switch s.Peek() {
	case 0:
		if s.I == len(head) {
			return undecided
		}
	case '{':
		return s.sniffObject()
	case '"':
		return sniffBase64(head[s.I+1:])
	case gzipBase64[0]:
		return sniffBase64(head[s.I:])
	}
	return logLines
}

func (s *scanner) sniffObject() content {
	s.Enter('{')
	for first := true; ; first = false {
		key, more := s.Key(first)
		if !more {
			break
		}
		c := s.Peek()
		switch rest := s.B[s.I:]; string(key) {
		case "awslogs":
			if c == '{' {
				return payloads
			}
		case "logEvents":
			if c == '[' {
				return payloads
			}
		case "messageType":
			for _, word := range []string{`"DATA_MESSAGE"`, `"CONTROL_MESSAGE"`} {
				if bytes.HasPrefix(rest, []byte(word)) {
					return payloads
				}
			}
		}
		if _, ok := s.Value(); !ok {
			break
		}
	}
	if s.Err == jsonscan.ErrEnd {
		return undecided
	}
	return logLines
}

// gzipBase64 is how the base64 text of any gzip stream begins.
const gzipBase64 = "H4sI"

// sniffBase64 decides whether a line is the base64 text of gzip: it begins like
// one, and up to its end it has no byte that is not base64.
func sniffBase64(line []byte) content {
	if n := min(len(line), len(gzipBase64)); string(line[:n]) != gzipBase64[:n] {
		return logLines
	}
	for _, c := range line {
		switch {
		case isBase64(c):
		case c == '=', c == '"', c == '\r', c == '\n', c == '\\':
			return payloads
		default:
			return logLines
		}
	}
	if len(line) < sniffSize/2 {
		return undecided
	}
	return payloads
}
