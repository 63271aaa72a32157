package decode

import (
	"bytes"

	"clearhop/internal/jsonscan"
)

// A content is what a stream holds.
type content uint8

const (
	undecided content = iota // more of the stream has to be seen
	logLines
	payloads
)

// sniffSize bounds how much of a stream is looked at to tell its content.
const sniffSize = 64 << 10

// sniff tells the content of a stream from its first bytes. An access log may
// be JSON as well, so an object is a payload only if it has one of the
// top-level members of one, with a value of the right kind.
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

// sniffBase64 tells whether a line is the base64 text of gzip: it begins like
// one, and for as long as it goes on it has no byte that is not base64.
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
