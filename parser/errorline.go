package parser

import (
	"bytes"
	"time"

	"clearhop/record"
)

// MaxErrorLine is the largest number of bytes that nginx writes for one error
// record. With its line break these are 2,048.
const MaxErrorLine = 2047

// ParseErrorLine reads a line of nginx's error log into r.Error:
//
//	2026/11/22 11:00:25 [error] 10129#10129: *1 open() "/x" failed (2: No such file
//	or directory) while sending response, client: 10.0.0.1, server: _, request:
//	"GET /x HTTP/1.1", subrequest: "/y", upstream: "http://10.0.0.2/", host: "h",
//	referrer: "http://h/"
//
// Only the text before the message is required. A record of several lines must be
// joined by "\n", which an ErrorJoin does. nginx cuts long records: parts can be
// missing, and the last part can be incomplete.
//
// nginx escapes nothing, so a part can contain text that looks like the start of
// another one. Parts are found in this order:
//
//   - Client: the first ", client: " that an address follows, and that nginx can have
//     written. If the line continues, ", server: " and a name without quotes must be
//     next. nginx writes it behind its message, and most of what a client sends behind
//     it. But some messages quote what a client sent, such as a user's name or a path
//     with its percent-encoding removed. So the message before it must be whole: behind
//     `user "`, it has `" was not found in "`. If a later one follows whose request has
//     the encoded text of a client, the first one stood in the path. If both can be,
//     there is no Client. After `broken header: "`, nothing that the client sent
//     follows the true address, so the last one wins. If nginx cut that record, there
//     is no Client.
//   - Server: up to the next ", ".
//   - The quoted parts: in nginx's order. Each ends at the first quote that the
//     end of the line or a later part follows.
//   - Action: the text between the last " while " and the client. It has only
//     letters, digits, spaces and "/", as all actions of nginx.
//   - Errno: the parentheses before the action, with a number and a colon. Those
//     of OpenSSL, "(SSL: error:…)", have a text and no number.
//
// Parts of other modules that follow, such as ", bytes from/to client:" of a
// stream, are skipped. ", resolver: " and similar parts belong to the action.
//
// nginx writes the local time without a zone. zone is the zone of nginx; nil means
// UTC. When clocks are set back, some times occur twice: the earlier one is used.
// When clocks are set forward, some times are skipped: they are read with the old
// offset.
//
// r.Dataset becomes ErrorLogLine. It becomes OtherLine for a notice without a
// client, such as "signal process started". The error is a *record.ParseError.
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
	if len(line) >= MaxErrorLine && bytes.HasPrefix(e.Message, []byte(brokenHeader)) {
		// nginx may have cut off its own end, so that the last client stands in what a
		// visitor sent.
		e.Client, e.Server = nil, nil
	}
	r.Dataset = record.ErrorLogLine
	if e.Client == nil && string(e.Level) == "notice" {
		r.Dataset = record.OtherLine
	}
	return nil
}

// IsErrorLine reports whether line begins like a record of nginx's error log, with a
// time, a level and a process. No useful log_format looks like that.
func IsErrorLine(line []byte) bool {
	_, _, reason := readErrorHead(bytes.TrimRight(line, "\r\n"))
	return reason == ""
}

// An errorHead is the text before the message.
type errorHead struct {
	level                []byte
	pid, tid, connection record.Int
	end                  int // the index of the message
}

// errorTimeShape is the shape of a time. Each "0" stands for any digit.
const errorTimeShape = "0000/00/00 00:00:00"

// The reasons why a line does not begin like an error line. Events show them, so
// their texts must stay as they are.
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

// errorTime reads a local time in zone. ParseErrorLine says what happens to times
// that occur twice or not at all.
func errorTime(b []byte, zone *time.Location) (ms int64, ok bool) {
	month, _ := digits(b[5:7])
	ms, ok = unixMilli(b[:4], month, b[8:10], b[11:13], b[14:16], b[17:19], 0)
	if !ok || zone == nil || zone == time.UTC {
		return ms, ok
	}
	// Compare the offsets a day before and a day after the time. No zone is more
	// than a day from UTC, and none changes its clocks twice in two days.
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

// offsetAt returns the offset of zone at a Unix time, in seconds east of UTC.
func offsetAt(seconds int64, zone *time.Location) int64 {
	_, offset := time.Unix(seconds, 0).In(zone).Zone()
	return int64(offset)
}

const (
	clientKey    = ", client: "
	udpClientKey = ", udp client: " // in a stream over UDP
	serverKey    = ", server: "
	whileKey     = " while "

	brokenHeader    = `broken header: "`
	brokenHeaderEnd = `" while reading PROXY protocol`
)

// quotedKeys begin the quoted parts in nginx's order, and after them the parts that
// other modules add.
var quotedKeys = [...]string{
	`, request: "`, `, subrequest: "`, `, upstream: "`, `, host: "`, `, referrer: "`,
	`, request_id: "`, // Kong
	`, bytes from/to client:`,
}

const quotedParts = 5

// readErrorBody reads what follows the connection.
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

// A clientPart is the client in an error line, and the server after it.
type clientPart struct {
	at             int // the index of the ", " before the client
	client, server []byte
	end            int // the index after the server
}

// findClient finds the client in what follows the connection, by the rules of
// ParseErrorLine.
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
	var found clientPart
	for from := 0; ; {
		c, ok := nextClient(body, from)
		if !ok {
			return found, found.end > 0
		}
		if len(body) > MaxErrorLine {
			return c, true // not as nginx wrote it, and too long to be read several times
		}
		from = c.end
		switch {
		case found.end == 0 || !isWholeMessage(body[:found.at]):
			found = c
		case !holdsClient(body[c.end:]):
			// A request, a host or a referrer holds it.
		case bytes.Contains(body[found.end:c.at], []byte(quotedKeys[quotedParts-1])):
			return clientPart{}, false // the path may hold the first, or the referrer the second
		default:
			found = c
		}
	}
}

// nextClient finds the first client from an index on.
func nextClient(body []byte, from int) (clientPart, bool) {
	const word = "client: "
	for {
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

// wholeMessages are messages of nginx that quote what a visitor sent: how they begin,
// and what nginx writes behind the quoted text.
var wholeMessages = [...]struct{ begin, end string }{
	{`user "`, `" was not found in "`},
	{`user "`, `": password mismatch`},
	{`open() "`, `" failed (`},
	{`stat() "`, `" failed (`},
	{`lstat() "`, `" failed (`},
	{`opendir() "`, `" failed (`},
	{`mkdir() "`, `" failed (`},
	{`unlink() "`, `" failed (`},
	{`rename() "`, `" failed (`},
	{`directory index of "`, `" is forbidden`},
	{`FastCGI sent in stderr: "`, `" while `},
}

// isWholeMessage reports whether nginx can have written its own parts behind message.
// Otherwise what follows is text that the message quotes.
func isWholeMessage(message []byte) bool {
	known := false
	for i := range wholeMessages {
		if m := &wholeMessages[i]; bytes.HasPrefix(message, []byte(m.begin)) {
			known = true
			if bytes.Contains(message, []byte(m.end)) {
				return true
			}
		}
	}
	return !known && bytes.Count(message, []byte{'"'})%2 == 0
}

// holdsClient reports whether the request in text, which is behind a client, has a
// client in its path: nginx undoes the encoding of a path that it quotes in a message.
func holdsClient(text []byte) bool {
	_, request, ok := bytes.Cut(text, []byte(quotedKeys[0]))
	return ok && containsEncoded(request, "client: ")
}

// containsEncoded reports whether text holds word, each byte of which may be
// percent-encoded.
func containsEncoded(text []byte, word string) bool {
	for i := range text {
		at, n := i, 0
		for n < len(word) && at < len(text) {
			c, width := text[at], 1
			if c == '%' && at+2 < len(text) {
				high, ok1 := fromHex(text[at+1])
				low, ok2 := fromHex(text[at+2])
				if ok1 && ok2 {
					c, width = high<<4|low, 3
				}
			}
			if c != word[n] {
				break
			}
			at, n = at+width, n+1
		}
		if n == len(word) {
			return true
		}
	}
	return false
}

// readClient reads the address after the key at index at, and the server. key is
// the length of the key.
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
	// An empty address at the end of the line was cut off.
	if !isAddressText(c.client) && (n > 0 || len(rest) > 0) {
		return c, false
	}
	server, ok := bytes.CutPrefix(rest, []byte(serverKey))
	if !ok {
		return c, bytes.HasPrefix([]byte(serverKey), rest) // the line ends or was cut here
	}
	n = bytes.Index(server, []byte(", "))
	if n < 0 {
		n = len(bytes.TrimSuffix(server, []byte(","))) // the line was cut after the comma
	}
	c.server = server[:n]
	c.end += len(serverKey) + n
	return c, bytes.IndexByte(c.server, '"') < 0 && bytes.IndexByte(c.server, '\n') < 0
}

// isAddressText reports whether b has only bytes of addresses. The address may be
// cut off.
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

// quotedEnd returns the end of a quoted value that one of the later keys may
// follow. If the value was cut off, that is the end of the text.
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
				return end // also if the key was cut off
			}
		}
	}
}

// cutAction splits the action from the end of text.
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

// cutErrno splits "(2: No such file or directory)" from the end of text.
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

// An ErrorJoin joins the lines of one error record that contains line breaks. nginx
// before 1.23.2 prints the whole head of a request as `broken header: "…"`. Every
// nginx prints paths with a line break for %0A, and what a FastCGI application
// wrote to its standard error.
//
//	if j.Start(line) { // hold the line
//		switch j.Add(next, read) {
//		case parser.JoinMore: // hold next too
//		case parser.JoinDone: // j.Text is the record
//		case parser.JoinBetween: // next is a line of its own; add the one after it
//		case parser.JoinBroken: // all lines held are lines of their own; next is still to be read
//		}
//	}
//
// A line belongs to the record only if the record ends within the bytes that nginx
// writes at most. Until then the caller holds the lines. When the join breaks or
// the input ends, the caller treats them as separate lines. So no line of a
// healthy stream is lost, and a line with a stray quote only causes a delay.
//
// nginx writes a record in one piece. So two error records do not mix, and the start
// of one ends the record before it. But the two outputs of a container are
// collected separately, so access lines and lines of the entrypoint can come
// between: an ErrorJoin accepts up to MaxBetween of them. Use one ErrorJoin for
// each stream that is known, such as each container.
//
// The zero value is ready for use. An ErrorJoin is for one goroutine.
type ErrorJoin struct {
	text    []byte
	between int
}

// MaxBetween is the largest number of other lines between the lines of a record.
const MaxBetween = 256

// A JoinStep says what an ErrorJoin did with a line.
type JoinStep uint8

const (
	// JoinBroken: the record does not continue in the line, and the lines before
	// it are not a record. The line may start one.
	JoinBroken JoinStep = iota
	// JoinBetween: the line is a line of its own, and the record may continue
	// after it.
	JoinBetween
	// JoinMore: the line belongs to the record if the record ends in a later line.
	JoinMore
	// JoinDone: the record ends in this line.
	JoinDone
)

// Start reports whether line is the first of several lines of an error record. If
// it is, j keeps a copy.
func (j *ErrorJoin) Start(line []byte) bool {
	j.Reset()
	if !ErrorLineOpen(line) {
		return false
	}
	j.text = append(j.text, line...)
	return true
}

// Add adds the next line. access reports that it is an access line in a format that
// the stream has. A line that begins with an address counts as one in any case.
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
	// The record ends in the line with the client. So only a line with a client
	// needs the search through the whole record.
	if bytes.Contains(line, []byte("client: ")) && !ErrorLineOpen(j.text) || len(j.text) == MaxErrorLine {
		return JoinDone
	}
	return JoinMore
}

// Open reports whether a record has begun and not ended.
func (j *ErrorJoin) Open() bool { return len(j.text) > 0 && ErrorLineOpen(j.text) }

// Text returns the record so far, with its lines joined by "\n". It is valid until
// the next Start or Reset, or an Add that returns JoinBroken.
func (j *ErrorJoin) Text() []byte { return j.text }

// Reset forgets the record.
func (j *ErrorJoin) Reset() { j.text, j.between = j.text[:0], 0 }

// ErrorLineOpen reports whether the record in text, which may have several lines
// joined by "\n", can continue in the next line. Such a record has no client yet,
// and nginx did not cut it. It has a quote that is not closed, or it is the first
// line of a Lua traceback.
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

// startsWithAddress reports whether line begins with an IP address and a space, as
// most access lines do. Headers do not: "fed:" has only one colon.
func startsWithAddress(line []byte) bool {
	i := bytes.IndexByte(line, ' ')
	if i < 0 || !isAddressText(line[:i]) {
		return false
	}
	return bytes.Count(line[:i], []byte{'.'}) == 3 || bytes.Count(line[:i], []byte{':'}) >= 2
}
