package accesslog

import (
	"bytes"
	"strconv"

	"clearhop/parser"
	"clearhop/record"
	"clearhop/verdict"
)

// A step writes one part of a log_format.
type step struct {
	parser.TemplatePart
	op op
	// absent is what stands in the place of a variable without a value.
	absent string
}

// An op is how a step is written. It is a number and no function, because what a
// function of a table gets would be allocated for each line.
type op uint8

const (
	opFixed op = iota
	opClient
	opPort
	opRequest
	opTarget
	opTime
	opEndpoint
	opText
	opNumber
	opList
	opExtra
)

// A line is what the steps write.
type line struct {
	*record.Record
	escape parser.Escape
	known  bool // the client
}

// steps makes the steps of a log_format.
func steps(t *parser.Template) []step {
	all := make([]step, 0, len(t.Parts))
	before := byte(0)
	for _, part := range t.Parts {
		s := step{TemplatePart: part}
		if part.Variable.Name == "" {
			before = part.Text[len(part.Text)-1]
			all = append(all, s)
			continue
		}
		s.op = opOf(&part.Variable)
		switch {
		case t.Escape == parser.EscapeDefault:
			s.absent = "-"
		case t.Escape == parser.EscapeJSON && before != '"' && alwaysThere(part.Variable.Name):
			s.absent = "null" // nginx always has a number here, and so writes no quotes around it
		}
		before = 0
		all = append(all, s)
	}
	return all
}

// alwaysThere reports whether nginx has a number in the variable of every request.
func alwaysThere(name string) bool {
	switch name {
	case "status", "bytes_sent", "body_bytes_sent", "request_length", "request_time", "msec", "connection", "connection_requests":
		return true
	}
	return false
}

// opOf returns how a variable is written.
func opOf(v *parser.Variable) op {
	switch v.Name {
	case "remote_addr":
		return opClient
	case "remote_port":
		return opPort
	case "request":
		return opRequest
	case "request_uri":
		return opTarget
	case "time_local", "time_iso8601", "msec":
		return opTime
	case "proxy_protocol_tlv_0xea":
		return opEndpoint
	}
	switch {
	case v.Text != nil:
		return opText
	case v.Number != nil:
		return opNumber
	case v.List != nil || v.ListNumber != nil:
		return opList
	}
	return opExtra
}

// write appends the variable of the step. ok is false if the record does not hold it;
// then nothing was appended.
func (s *step) write(dst []byte, l *line) (_ []byte, ok bool) {
	switch s.op {
	case opClient:
		return writeClient(dst, l)
	case opPort:
		return writePort(dst, l)
	case opRequest:
		return writeRequest(dst, l)
	case opTarget:
		return writeTarget(dst, l)
	case opTime:
		return writeTime(dst, s, l)
	case opEndpoint:
		return writeEndpoint(dst, l)
	case opText:
		return writeText(dst, s, l)
	case opNumber:
		return writeNumber(dst, s, l)
	case opList:
		return writeList(dst, s, l)
	default:
		return writeExtra(dst, s, l)
	}
}

// appendLine appends the line of r. known says whether its client is written.
func (w *Writer) appendLine(dst []byte, r *record.Record, known bool) []byte {
	l := line{r, w.escape, known}
	for i := range w.steps {
		s := &w.steps[i]
		if s.op == opFixed {
			dst = append(dst, s.Text...)
			continue
		}
		written, ok := s.write(dst, &l)
		if !ok {
			written = append(written, s.absent...)
		}
		dst = written
	}
	return dst
}

// text appends a value that the client or the configuration may have written.
func (l *line) text(dst, value []byte) ([]byte, bool) {
	return appendEscaped(dst, value, l.escape), value != nil
}

func writeClient(dst []byte, l *line) ([]byte, bool) {
	if !l.known {
		return dst, false
	}
	if l.Client.IP.IsValid() {
		return l.Client.IP.AppendTo(dst), true
	}
	return l.text(dst, l.Client.Address)
}

// writePort writes the port that belongs to the address of writeClient.
func writePort(dst []byte, l *line) ([]byte, bool) {
	var port record.Int
	if l.known {
		switch l.Provenance.Field {
		case verdict.RemoteAddr:
			port = l.Access.RemotePort
		case verdict.ProxyProtocolAddr:
			port = l.Access.ProxyProtocolPort
		case verdict.RealipRemoteAddr:
			port = l.Access.RealipRemotePort
		}
	}
	return appendInt(dst, port)
}

func appendInt(dst []byte, n record.Int) ([]byte, bool) {
	if !n.Valid {
		return dst, false
	}
	return strconv.AppendInt(dst, n.N, 10), true
}

// http09 is the protocol of a request line that names none.
const http09 = "HTTP/0.9"

// writeRequest writes the request line. If the log had only its parts, or if
// something in it is hidden, it is put together again.
func writeRequest(dst []byte, l *line) ([]byte, bool) {
	a := &l.Access
	switch target := requestTarget(l); {
	case a.Request != nil:
		return l.text(dst, a.Request)
	case a.BadRequest != nil:
		return l.text(dst, a.BadRequest)
	case a.Method == nil || target == nil:
		return dst, false
	default:
		dst, _ = l.text(dst, a.Method)
		dst, _ = l.text(append(dst, ' '), target)
	}
	if a.Protocol != nil && string(a.Protocol) != http09 {
		dst, _ = l.text(append(dst, ' '), a.Protocol)
	}
	return dst, true
}

// requestTarget returns the target of the request. The privacy settings leave it only
// in the parts of the URL.
func requestTarget(l *line) []byte {
	if l.Access.RequestTarget != nil {
		return l.Access.RequestTarget
	}
	return l.URL.Original
}

// writeTarget writes $request_uri: the target without the scheme and the host that it
// may begin with.
func writeTarget(dst []byte, l *line) ([]byte, bool) {
	target := requestTarget(l)
	i := bytes.Index(target, schemeEnd)
	if i < 0 || bytes.IndexByte(target[:i], '/') >= 0 {
		return l.text(dst, target)
	}
	rest := target[i+len(schemeEnd):]
	path := bytes.IndexAny(rest, "/?")
	if path < 0 {
		return append(dst, '/'), true
	}
	if rest[path] == '?' {
		dst = append(dst, '/')
	}
	return l.text(dst, rest[path:])
}

var schemeEnd = []byte("://")

// writeTime writes the time of the line, in the zone of the line. A line that has no
// time at all, and only got that of reading, has none here either.
func writeTime(dst []byte, s *step, l *line) ([]byte, bool) {
	if l.TimestampFrom == record.FromClock {
		return dst, false
	}
	if s.Variable.Name == "msec" {
		return appendMillis(dst, l.Timestamp), true
	}
	m := split(l.Timestamp, l.Zone)
	if s.Variable.Name == "time_local" {
		return m.appendLocal(dst), true
	}
	return m.appendISO(dst), true
}

// writeEndpoint writes the id of a VPC endpoint after the byte that says what it is;
// parser takes that byte off.
func writeEndpoint(dst []byte, l *line) ([]byte, bool) {
	if l.Access.VPCEndpoint == nil {
		return dst, false
	}
	const isEndpoint = "\x01"
	dst = appendEscaped(dst, []byte(isEndpoint), l.escape)
	return l.text(dst, l.Access.VPCEndpoint)
}

// writeText writes a variable that is a text. Some are derived from others if the log
// did not have them.
func writeText(dst []byte, s *step, l *line) ([]byte, bool) {
	if value := *s.Variable.Text(&l.Access); value != nil {
		return l.text(dst, value)
	}
	switch s.Variable.Name {
	case "args", "query_string":
		return l.text(dst, l.URL.Query)
	case "host":
		return l.text(dst, l.URL.Domain)
	case "scheme":
		return l.text(dst, l.URL.Scheme)
	}
	return dst, false
}

// writeNumber writes a number.
func writeNumber(dst []byte, s *step, l *line) ([]byte, bool) {
	n := *s.Variable.Number(&l.Access)
	switch {
	case !n.Valid:
		return dst, false
	case s.Variable.Name == "status":
		return appendPadded(dst, n.N, 3), true
	}
	return appendNumber(dst, s, n), true
}

func appendNumber(dst []byte, s *step, n record.Int) []byte {
	if s.Variable.Seconds {
		return appendMillis(dst, n.N/nanosPerMilli)
	}
	return strconv.AppendInt(dst, n.N, 10)
}

// writeList writes one of the $upstream_* lists: one item for each try. nginx writes
// "-" for a number that a try does not have, and nothing for an address. If an internal
// redirect was the last thing that happened, the list ends with " : ".
func writeList(dst []byte, s *step, l *line) ([]byte, bool) {
	tries := l.Access.Upstream
	if len(tries) == 0 || s.Variable.List != nil && !anyText(tries, s.Variable.List) {
		return dst, false
	}
	for i := range tries {
		try := &tries[i]
		switch {
		case i == 0:
		case try.Redirected:
			dst = append(dst, " : "...)
		default:
			dst = append(dst, ", "...)
		}
		switch {
		case s.Variable.List != nil:
			dst, _ = l.text(dst, *s.Variable.List(try))
		case s.Variable.ListNumber(try).Valid:
			dst = appendNumber(dst, s, *s.Variable.ListNumber(try))
		case i < len(tries)-1 || !neverTried(try):
			dst = append(dst, none)
		}
	}
	return dst, true
}

func anyText(tries []record.Upstream, text func(*record.Upstream) *[]byte) bool {
	for i := range tries {
		if *text(&tries[i]) != nil {
			return true
		}
	}
	return false
}

// neverTried reports whether nothing came after the internal redirect to a try.
func neverTried(u *record.Upstream) bool {
	return u.Redirected && u.Address == nil && !u.Status.Valid && !u.ConnectTime.Valid && !u.HeaderTime.Valid &&
		!u.ResponseTime.Valid && !u.ResponseBytes.Valid
}

// writeExtra writes a variable that has no field of its own.
func writeExtra(dst []byte, s *step, l *line) ([]byte, bool) {
	for i := range l.Access.Extra {
		if p := &l.Access.Extra[i]; p.Name == s.Variable.Name {
			return l.text(dst, p.Value)
		}
	}
	return dst, false
}
