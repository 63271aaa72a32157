package parser

import (
	"bytes"
	"time"

	"clearhop/record"
)

// MaxErrorLine is how many bytes nginx writes of one error record at most; its
// line break makes them 2,048.
const MaxErrorLine = 2047

// ParseErrorLine reads a line of nginx's error log into r.Error:
//
//	2026/11/22 11:00:25 [error] 10129#10129: *1 open() "/x" failed (2: No such file
//	or directory) while sending response, client: 10.0.0.1, server: _, request:
//	"GET /x HTTP/1.1", subrequest: "/y", upstream: "http://10.0.0.2/", host: "h",
//	referrer: "http://h/"
//
// Only what stands before the message must be there. A record of several lines
// comes joined by "\n"; an ErrorJoin puts it together. What nginx cut off is
// missing, and the part that was cut holds what is left of it.
//
// nginx escapes nothing, so a part may hold what looks like the start of
// another. Parts are found in this order:
//
//   - Client: the first ", client: " that an address follows and then, if the
//     line goes on, ", server: " and a name without quotes. What a client sends
//     mostly stands behind it. It stands in front, in the message, where nginx
//     quotes a path, percent-encoding undone: there a client can forge all parts.
//     Behind `broken header: "` stands what the client sent and nothing behind
//     the true address, so that the last one is taken.
//   - Server: up to the next ", ".
//   - The quoted parts: in nginx's order. Each ends at the first quote behind
//     which the line ends or a later part begins.
//   - Action: what follows the last " while " in front of the client, of letters,
//     digits, spaces and "/", as all actions are.
//   - Errno: the parentheses in front of the action, in which a number and a
//     colon stand. Those of OpenSSL, "(SSL: error:…)", have a text and no number.
//
// Parts of other modules behind these, such as a stream's ", bytes from/to
// client:", are left out; ", resolver: " and the like stay with the action.
//
// nginx writes local time and no zone; zone says which, nil is UTC. Of a time
// that comes twice, when clocks are set back, it is the earlier one. A time that
// is skipped when they are set forward is read as if they had not been yet.
//
// r.Dataset is ErrorLogLine; a notice without a client, such as "signal process
// started", is an OtherLine. The error is a *record.ParseError.
func ParseErrorLine(line []byte, zone *time.Location, r *record.Record) error {
	line = bytes.TrimRight(line, "\r\n")
	head, at, reason := readErrorHead(line)
	if reason != "" {
		return &record.ParseError{Column: at + 1, Reason: reason}
	}
	ms, ok := errorTime(line[:len(errorTimeShape)], zone)
	if !ok {
		return &record.ParseError{Column: 1, Reason: notTime}
	}
	r.Timestamp, r.HasTimestamp = ms, true
	e := &r.Error
	*e = record.ErrorLine{Level: head.level, PID: head.pid, TID: head.tid, Connection: head.connection}
	readErrorBody(line[head.end:], e)
	r.Dataset = record.ErrorLogLine
	if e.Client == nil && string(e.Level) == "notice" {
		r.Dataset = record.OtherLine
	}
	return nil
}

// IsErrorLine reports whether line begins as a record of nginx's error log
// does, with a time, a level and a process. No log_format that anybody would
// use looks like it.
func IsErrorLine(line []byte) bool {
	_, _, reason := readErrorHead(bytes.TrimRight(line, "\r\n"))
	return reason == ""
}

// An errorHead is what stands in front of the message.
type errorHead struct {
	level                []byte
	pid, tid, connection record.Int
	end                  int // where the message starts
}

// The shape of a time; a "0" stands for any digit.
const errorTimeShape = "0000/00/00 00:00:00"

// What can be wrong with the start of an error line.
const (
	notErrorTime  = "no time as an error line has it"
	notErrorLevel = "not a level of nginx"
	notProcess    = "no process and thread number"
)

// readErrorHead reads the start of a line. If it is not that of an error line,
// reason says why, and at says where.
func readErrorHead(line []byte) (h errorHead, at int, reason string) {
	r := headReader{line: line}
	switch {
	case !r.time():
		return h, r.at, notErrorTime
	case !r.level(&h):
		return h, r.at, notErrorLevel
	case !r.process(&h):
		return h, r.at, notProcess
	}
	h.end = r.at
	r.connection(&h)
	return h, 0, ""
}

// A headReader reads the start of an error line from left to right. Where a step
// fails, at is the place of the fault.
type headReader struct {
	line []byte
	at   int
}

// time steps over something of the shape of a time.
func (r *headReader) time() bool {
	for r.at < len(errorTimeShape) {
		if r.at == len(r.line) || !fitsShape(r.line[r.at], errorTimeShape[r.at]) {
			return false
		}
		r.at++
	}
	return true
}

// level reads " [error]".
func (r *headReader) level(h *errorHead) bool {
	rest, ok := bytes.CutPrefix(r.line[r.at:], []byte(" ["))
	if !ok {
		return false
	}
	r.at += len(" [")
	n := bytes.IndexByte(rest[:min(len(rest), len("notice]"))], ']')
	if n < 0 || !isErrorLevel(rest[:n]) {
		return false
	}
	h.level = rest[:n]
	r.at += n + len("]")
	return true
}

// process reads " 10129#10129: ". The last space may be missing if the message is
// empty, because something may have trimmed the line.
func (r *headReader) process(h *errorHead) bool {
	return r.byte(' ') && r.number(&h.pid, '#') && r.number(&h.tid, ':') &&
		(r.at == len(r.line) || r.byte(' '))
}

// byte steps over c.
func (r *headReader) byte(c byte) bool {
	if r.at == len(r.line) || r.line[r.at] != c {
		return false
	}
	r.at++
	return true
}

// number reads a number and the byte after it.
func (r *headReader) number(number *record.Int, after byte) bool {
	end := r.at + leadingDigits(r.line[r.at:])
	n, ok := parseInt(r.line[r.at:end])
	if !ok || end == len(r.line) || r.line[end] != after {
		return false
	}
	*number = record.Int{N: n, Valid: true}
	r.at = end + 1
	return true
}

// connection reads "*1 ", which may be absent.
func (r *headReader) connection(h *errorHead) {
	if r.at == len(r.line) || r.line[r.at] != '*' {
		return
	}
	start := r.at + 1
	end := start + leadingDigits(r.line[start:])
	n, ok := parseInt(r.line[start:end])
	if ok && (end == len(r.line) || r.line[end] == ' ') {
		h.connection = record.Int{N: n, Valid: true}
		h.end = min(end+1, len(r.line))
	}
}

func fitsShape(c, shape byte) bool {
	if shape == '0' {
		return c >= '0' && c <= '9'
	}
	return c == shape
}

func isErrorLevel(b []byte) bool {
	switch string(b) {
	case "debug", "info", "notice", "warn", "error", "crit", "alert", "emerg", "stderr":
		return true
	}
	return false
}

func leadingDigits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}

// errorTime reads a local time in zone, as ParseErrorLine says.
func errorTime(b []byte, zone *time.Location) (ms int64, ok bool) {
	month, _ := digits(b[5:7])
	ms, ok = unixMilli(b[:4], month, b[8:10], b[11:13], b[14:16], b[17:19], 0)
	if !ok || zone == nil || zone == time.UTC {
		return ms, ok
	}
	// The offsets well before and well after the time: no zone is further than
	// a day from UTC, and none changes its clocks twice in two days.
	local := ms / 1000
	before, after := offsetAt(local-86400, zone), offsetAt(local+86400, zone)
	if before == after || offsetAt(local-before, zone) == before {
		return (local - before) * 1000, true
	}
	if offsetAt(local-after, zone) == after {
		return (local - after) * 1000, true
	}
	return (local - before) * 1000, true
}

// offsetAt returns how many seconds zone is east of UTC at a Unix time.
func offsetAt(seconds int64, zone *time.Location) int64 {
	_, offset := time.Unix(seconds, 0).In(zone).Zone()
	return int64(offset)
}

const (
	clientKey    = ", client: "
	udpClientKey = ", udp client: " // of a stream over UDP
	serverKey    = ", server: "
	whileKey     = " while "

	brokenHeader    = `broken header: "`
	brokenHeaderEnd = `" while reading PROXY protocol`
)

// The quoted parts in nginx's order, and behind them what other modules add.
var quotedKeys = [...]string{
	`, request: "`, `, subrequest: "`, `, upstream: "`, `, host: "`, `, referrer: "`,
	`, request_id: "`, // Kong
	`, bytes from/to client:`,
}

const quotedParts = 5

// readErrorBody takes apart what follows the connection.
func readErrorBody(body []byte, e *record.ErrorLine) {
	front := body
	if c, ok := findClient(body); ok {
		front = body[:c.at]
		e.Client, e.Server = c.client, c.server
		e.Request, e.Subrequest, e.Upstream, e.Host, e.Referrer = readQuoted(body[c.end:])
	}
	front, e.Action = cutAction(front)
	e.Message, e.Errno, e.ErrnoText = cutErrno(front)
}

// A clientPart is where the client stands in an error line, and the server
// behind it.
type clientPart struct {
	at             int // of the ", "
	client, server []byte
	end            int // behind the server
}

// findClient finds the client in what follows the connection, by the rule that
// ParseErrorLine documents.
func findClient(body []byte) (clientPart, bool) {
	if bytes.HasPrefix(body, []byte(brokenHeader)) {
		for end := len(body); ; {
			i := bytes.LastIndex(body[:end], []byte(brokenHeaderEnd+clientKey))
			if i < len(brokenHeader) {
				return clientPart{}, false
			}
			if c, ok := readClient(body, i+len(brokenHeaderEnd), len(clientKey)); ok {
				return c, true
			}
			end = i
		}
	}
	const word = "client: "
	for from := 0; ; {
		i := bytes.Index(body[from:], []byte(word))
		if i < 0 {
			return clientPart{}, false
		}
		from += i + len(word)
		for _, key := range [...]string{clientKey, udpClientKey} {
			if !bytes.HasSuffix(body[:from], []byte(key)) {
				continue
			}
			if c, ok := readClient(body, from-len(key), len(key)); ok {
				return c, true
			}
		}
	}
}

// readClient reads the address behind the key that stands at at, and the
// server.
func readClient(body []byte, at, key int) (clientPart, bool) {
	c := clientPart{at: at}
	value := body[at+key:]
	n := bytes.IndexByte(value, ',')
	if n < 0 {
		n = len(value)
	}
	c.client = value[:n]
	c.end = at + key + n
	rest := value[n:]
	// What looks like no address is none; an empty one was cut off.
	if !isAddressText(c.client) && (n > 0 || len(rest) > 0) {
		return c, false
	}
	server, ok := bytes.CutPrefix(rest, []byte(serverKey))
	if !ok {
		return c, bytes.HasPrefix([]byte(serverKey), rest) // the line ends here, or was cut
	}
	n = bytes.Index(server, []byte(", "))
	if n < 0 {
		n = len(bytes.TrimSuffix(server, []byte(","))) // cut off between the parts
	}
	c.server = server[:n]
	c.end += len(serverKey) + n
	return c, bytes.IndexByte(c.server, '"') < 0 && bytes.IndexByte(c.server, '\n') < 0
}

// isAddressText reports whether b is made of what addresses are made of. It
// need not be whole.
func isAddressText(b []byte) bool {
	if bytes.HasPrefix(b, []byte("unix:")) {
		return true
	}
	for _, c := range b {
		if _, hex := fromHex(c); !hex && c != '.' && c != ':' && c != '[' && c != ']' {
			return false
		}
	}
	return len(b) > 0
}

// readQuoted reads the quoted parts from the start of text.
func readQuoted(text []byte) (request, subrequest, upstream, host, referrer []byte) {
	var parts [quotedParts][]byte
	for i, key := range quotedKeys[:quotedParts] {
		value, ok := bytes.CutPrefix(text, []byte(key))
		if !ok {
			continue
		}
		n := quotedEnd(value, quotedKeys[i+1:])
		parts[i] = value[:n]
		text = value[min(n+1, len(value)):]
	}
	return parts[0], parts[1], parts[2], parts[3], parts[4]
}

// quotedEnd returns where a quoted value ends that one of the keys may follow;
// if it was cut off, that is the end of the text.
func quotedEnd(text []byte, later []string) int {
	for from := 0; ; {
		i := bytes.IndexByte(text[from:], '"')
		if i < 0 {
			return len(text)
		}
		end := from + i
		from = end + 1
		rest := text[from:]
		if len(rest) == 0 {
			return end
		}
		if rest[0] != ',' {
			continue
		}
		for _, key := range later {
			if n := min(len(key), len(rest)); string(rest[:n]) == key[:n] {
				return end // n is the shorter one if the key was cut off
			}
		}
	}
}

// cutAction takes the action off the end of text.
func cutAction(text []byte) (front, action []byte) {
	i := bytes.LastIndex(text, []byte(whileKey))
	if i < 0 {
		return text, nil
	}
	action = text[i+len(whileKey):]
	for j, c := range action {
		if c == ',' {
			for _, key := range [...]string{", resolver: ", ", responder: ", ", context: "} {
				if bytes.HasPrefix(action[j:], []byte(key)) {
					return text[:i], action
				}
			}
		}
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != ' ' && c != '/' {
			return text, nil
		}
	}
	return text[:i], action
}

// cutErrno takes "(2: No such file or directory)" off the end of text.
func cutErrno(text []byte) (message []byte, number record.Int, reason []byte) {
	inner, ok := bytes.CutSuffix(text, []byte(")"))
	if !ok {
		return text, number, nil
	}
	if i := bytes.LastIndex(inner, []byte(" (")); i >= 0 {
		digits, rest, ok := bytes.Cut(inner[i+len(" ("):], []byte(": "))
		if n, isInt := parseInt(digits); ok && isInt {
			return text[:i], record.Int{N: n, Valid: true}, rest
		}
	}
	if i := bytes.LastIndex(inner, []byte(" (SSL:")); i >= 0 {
		return text[:i], number, inner[i+len(" ("):]
	}
	return text, number, nil
}

// An ErrorJoin puts together the lines of one error record that holds line
// breaks. nginx before 1.23.2 prints the whole head of a request as `broken
// header: "…"`, and every nginx prints paths with their %0A undone and what a
// FastCGI application wrote to its standard error.
//
//	if j.Start(line) { // hold the line
//		switch j.Add(next, read) {
//		case parser.JoinMore: // hold that one too
//		case parser.JoinDone: // j.Text is the record
//		case parser.JoinBetween: // next is a line of its own; go on
//		case parser.JoinBroken: // so are all lines held; next has not been looked at
//		}
//	}
//
// It holds on to nothing that it is not sure of. Only if the record comes to its
// end within the bytes that nginx writes does a line belong to it; until then the
// caller keeps the lines, and lets them go as they are when the join breaks or
// the input ends. So a healthy stream loses no line, and a line with a stray
// quote costs a delay.
//
// nginx writes a record in one go. So two error records do not mix, and one that
// starts ends the open one. But a container's two outputs are read apart, so
// that access lines and the entrypoint's come to stand between: those pass by, up
// to MaxBetween of them. Streams that are known to be different, such as those of
// two containers, need an ErrorJoin each.
//
// The zero value is ready for use.
type ErrorJoin struct {
	text    []byte
	between int
}

// MaxBetween bounds how many lines may pass by while a record is open.
const MaxBetween = 256

// A JoinStep is what became of a line that was handed to an ErrorJoin.
type JoinStep uint8

const (
	// JoinBroken: the record does not go on in the line; the lines before it
	// are no record. The line may start one.
	JoinBroken JoinStep = iota
	// JoinBetween: the line stands for itself, and the record may go on behind
	// it.
	JoinBetween
	// JoinMore: the line belongs to the record if that comes to its end.
	JoinMore
	// JoinDone: the record ends in this line.
	JoinDone
)

// Start reports whether line is the first of several of an error record. If it
// is, j holds a copy.
func (j *ErrorJoin) Start(line []byte) bool {
	j.Reset()
	if !ErrorLineOpen(line) {
		return false
	}
	j.text = append(j.text, line...)
	return true
}

// Add takes the line after the last. access says that it is an access line in a
// format that the stream is known to have; one that begins with an address is
// taken for one in any case.
func (j *ErrorJoin) Add(line []byte, access bool) JoinStep {
	if len(j.text) == 0 || IsErrorLine(line) {
		j.Reset()
		return JoinBroken
	}
	if access || startsWithAddress(line) || IsChatter(line) {
		j.between++
		if j.between > MaxBetween {
			j.Reset()
			return JoinBroken
		}
		return JoinBetween
	}
	if len(j.text)+len("\n")+len(line) > MaxErrorLine {
		j.Reset()
		return JoinBroken
	}
	j.text = append(j.text, '\n')
	j.text = append(j.text, line...)
	// The client tells the end, and it stands in one line with it; looking for
	// it in that one only keeps many short lines cheap.
	if bytes.Contains(line, []byte("client: ")) && !ErrorLineOpen(j.text) || len(j.text) == MaxErrorLine {
		return JoinDone
	}
	return JoinMore
}

// Open reports whether a record has begun and not come to its end.
func (j *ErrorJoin) Open() bool { return len(j.text) > 0 && ErrorLineOpen(j.text) }

// Text returns the record so far, its lines joined by "\n". It holds until the
// next Start, Reset or broken Add.
func (j *ErrorJoin) Text() []byte { return j.text }

// Reset forgets the record.
func (j *ErrorJoin) Reset() { j.text, j.between = j.text[:0], 0 }

// ErrorLineOpen reports whether the record goes on in the next line: one that
// has begun, whether in one line or in several joined by "\n", that has no
// client yet and that nginx did not cut, and that either quotes something
// without an end or has the first line of a Lua traceback.
func ErrorLineOpen(text []byte) bool {
	head, _, reason := readErrorHead(text)
	if reason != "" || len(text) >= MaxErrorLine {
		return false
	}
	body := text[head.end:]
	if _, ok := findClient(body); ok {
		return false
	}
	return bytes.HasPrefix(body, []byte(brokenHeader)) ||
		bytes.HasPrefix(body, []byte("lua entry thread aborted: ")) ||
		bytes.IndexByte(body, '\n') >= 0 || // it was open before
		bytes.Count(body, []byte{'"'})%2 == 1
}

// startsWithAddress reports whether line begins with an IP address and a space,
// as access lines mostly do. No header does: "fed:" has one colon only.
func startsWithAddress(line []byte) bool {
	i := bytes.IndexByte(line, ' ')
	if i < 0 || !isAddressText(line[:i]) {
		return false
	}
	return bytes.Count(line[:i], []byte{'.'}) == 3 || bytes.Count(line[:i], []byte{':'}) >= 2
}
