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
	documents // JSON of the AWS CLI, of Logs Insights or of OpenTelemetry; any array of objects
	csvRows   // CSV of Logs Insights or of the console
	eventRows // text of the AWS CLI: a row for each event
	fieldRows // text of the AWS CLI: a row for each field of get-query-results
)

// sniffSize is the number of bytes of a stream that are examined at most to find
// out what it holds.
const sniffSize = 64 << 10

// sniff returns the content of a stream by its first bytes. An access log can be
// JSON too, so an object is a payload or a document only if it has a top-level member
// of one, with a value of the right kind. Visitors cannot write what decides: the
// first line of a table, or the names of the first members.
func sniff(head []byte) content {
	s := scanner{jsonscan.Scanner{B: head}}
	switch s.Peek() {
	case 0:
		if s.I == len(head) {
			return undecided
		}
	case '{':
		return s.sniffObject()
	case '[':
		return s.sniffArray()
	case '"':
		if kind := sniffBase64(head[s.I+1:]); kind != logLines {
			return kind
		}
		return sniffTable(head)
	case gzipBase64[0]:
		return sniffBase64(head[s.I:])
	case '@', 't', 'm', 'E', 'b', 'R', 'S', 'C', 'P', 'F', 'U', 'T':
		return sniffTable(head[s.I:])
	}
	return logLines
}

func (s *scanner) sniffObject() content {
	s.Enter('{')
	event := eventMembers{}
	for first := true; ; first = false {
		key, more := s.Key(first)
		if !more {
			break
		}
		c := s.Peek()
		rest := s.B[s.I:]
		if kind := sniffMember(key, c, rest); kind != logLines {
			return kind
		}
		v, ok := s.Value()
		if !ok {
			break
		}
		if event.add(key, v) {
			return documents
		}
	}
	if s.Err == jsonscan.ErrEnd {
		return undecided
	}
	return logLines
}

// sniffMember decides by a member whose value begins with c, which rest begins with.
func sniffMember(key []byte, c byte, rest []byte) content {
	switch string(key) {
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
	case "events", "results", "resourceLogs":
		if c == '[' {
			inner := scanner{jsonscan.Scanner{B: rest}}
			return inner.sniffItems()
		}
	case "logRecord":
		if c == '{' {
			return documents
		}
	}
	return sniffFailed(key, c, rest)
}

// sniffItems decides by the first item of a member of a document.
func (s *scanner) sniffItems() content {
	s.Enter('[')
	switch c := s.Peek(); c {
	case 0:
		return undecided
	case '{', '[', ']':
		return documents
	}
	return logLines
}

// sniffArray decides whether an array is one of log events or of log lines: objects, or
// texts and arrays with a line in them. A line of a log_format may be an array too, but
// then its first value is none that holds a whole line.
func (s *scanner) sniffArray() content {
	s.Enter('[')
	from := s.I
	c := s.Peek()
	onLines := bytes.IndexByte(s.B[from:s.I], '\n') >= 0
	switch {
	case c == 0 && len(s.B) < sniffSize:
		return undecided
	case onLines && c-'0' < 10:
		return s.sniffTime()
	case c != '{' && c != '"' && c != '[':
		return logLines
	case onLines && c != '{':
		return documents
	}
	return s.sniffFirst()
}

// sniffTime decides by a number that is the first item of an array. If it is a time in
// milliseconds, the array is one event, and others may follow: "jq '.events[] |
// [.timestamp,.message]'" writes them over several lines.
func (s *scanner) sniffTime() content {
	v, ok := s.Value()
	switch {
	case s.I == len(s.B):
		return undecided
	case ok && len(v.Raw) == len("1754733600123"):
		return documents
	}
	return logLines
}

// sniffFirst decides by the first item of an array, which is no number.
func (s *scanner) sniffFirst() content {
	isObject := s.Peek() == '{'
	first, ok := s.Value()
	switch next := s.Peek(); {
	case s.Err == jsonscan.ErrEnd || ok && next == 0:
		return undecided
	case !ok || next != ',' && next != ']':
		return logLines
	case !isObject && bytes.Count(first.Raw, []byte(" ")) < fewestBlanks:
		return logLines
	case next == ']' && !s.endsArray():
		return logLines
	}
	return documents
}

// fewestBlanks is how many blanks a text has at least that is taken for a whole line.
const fewestBlanks = 5

// endsArray reports whether nothing but another document follows the array that ends
// here.
func (s *scanner) endsArray() bool {
	s.I++
	c := s.Peek()
	return c == 0 || c == '[' || c == '{'
}

// eventMembers are the members of an object that only a log event of the API of
// CloudWatch Logs has together.
type eventMembers struct{ message, time, api bool }

// add takes a member, and reports whether the object is a log event.
func (m *eventMembers) add(key []byte, v jsonscan.Value) bool {
	switch string(key) {
	case "message":
		m.message = v.Kind == jsonscan.Text
	case "timestamp":
		_, ok := millis(v)
		m.time = ok && v.Kind == jsonscan.Number
	case "ingestionTime":
		m.api = m.api || v.Kind == jsonscan.Number
	case "eventId", "logStreamName":
		m.api = m.api || v.Kind == jsonscan.Text
	}
	return m.message && m.time && m.api
}

// sniffTable decides by the first line whether a stream is CSV or text of events.
func sniffTable(head []byte) content {
	line, rest, whole := bytes.Cut(head, []byte("\n"))
	if !whole {
		if len(head) >= maxHeader {
			return logLines
		}
		return undecided
	}
	switch {
	case isEventRow(line):
		return eventRows
	case isFieldRow(line) || bytes.HasPrefix(line, statisticsTag):
		return fieldRows
	case isStatusRow(line):
		if n := len(statisticsTag); len(rest) < n {
			return undecided
		}
		if bytes.HasPrefix(rest, resultsTag) || bytes.HasPrefix(rest, statisticsTag) {
			return fieldRows
		}
	case isTokenRow(line):
		if len(rest) < len(eventsTag) && bytes.HasPrefix([]byte(eventsTag), rest) {
			return undecided
		}
		if bytes.HasPrefix(rest, []byte(eventsTag)) {
			return eventRows
		}
	case readHeader(line).message >= 0:
		return csvRows
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
