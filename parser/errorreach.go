package parser

import "bytes"

// An ErrorReach finds out how far an error record may go on behind its first line.
// nginx undoes the percent-encoding of a path before it writes the path into its error
// log. So a visitor who asks for a path with %0A writes whole lines of his own: access
// lines, error lines, lines in an envelope.
//
// In go an error line and the lines behind it, in their order. Out comes for each of
// them whether the record can end there. What stands between the first line and the
// end can be the visitor's:
//
//	2026/11/28 09:37:50 [error] 7#7: *3 open() "/usr/share/nginx/html/"
//	203.0.113.66 - admin [28/Nov/2026:09:40:00 +0000] "POST / HTTP/1.1" 200 3 "-" "-"
//	"y" failed (2: No such file or directory), client: 198.51.100.77, server: …
//
// The first line can look complete, because the visitor can write all that nginx
// writes at the end of a record. But nginx writes that end once more behind the path,
// and the request in it has the %0A. Only where nginx cuts the record at MaxErrorLine
// bytes there is no such end.
//
//	if r.Start(line) {
//		for … {
//			switch r.Add(next, bytes, most) {
//			case parser.ReachOver: // no line from here on can belong to the record
//			case parser.ReachOn: // the record may go on
//			case parser.ReachEnd, parser.ReachTail, parser.ReachCut: // it may end here
//			}
//		}
//	}
//
// The zero value is ready for use. An ErrorReach is for one goroutine.
type ErrorReach struct {
	kind  reachKind
	open  bool
	ended bool // a line behind the first one has an end
	// other says that another record of several lines began behind an end, so that the
	// next end is that one's.
	other bool
}

// A reachKind says which text of a visitor a record holds, and so how it ends.
type reachKind uint8

const (
	// reachPath: a path, a header or the like. If it has a line break, the request has
	// a %0A.
	reachPath reachKind = iota
	// reachText: what an application wrote, or the name of a user. The request does
	// not show where a line break came from.
	reachText
	// reachHeader: `broken header: "…"`. There is no request.
	reachHeader
	// reachDebug: nginx writes no client behind it.
	reachDebug
)

// A ReachStep says what a line can be to an error record before it.
type ReachStep uint8

const (
	// ReachOver: the record ended before this line.
	ReachOver ReachStep = iota
	// ReachOn: the line can stand inside the record, which does not end with it.
	ReachOn
	// ReachEnd: the line has what only the end of a record with a line break has. A
	// visitor has sent a line break.
	ReachEnd
	// ReachTail: the line is the rest of a record of several lines, such as one that
	// holds what an application wrote.
	ReachTail
	// ReachCut: the bytes up to here are as many as nginx writes at most.
	ReachCut
)

// maxReach is how far behind its beginning the end of a record is looked for. Lines of
// another process output can come between its own lines: as many bytes are allowed
// for these as for the record.
const maxReach = 2 * (MaxErrorLine + 1)

// Start reports whether line begins an error record that may go on in the next lines:
// it is of a connection and holds text in quotes, as all text of a visitor is.
func (r *ErrorReach) Start(line []byte) bool {
	head, _, reason := readErrorHead(line)
	if reason != "" || !head.connection.Valid || len(line) >= MaxErrorLine {
		return false
	}
	body := line[head.end:]
	*r = ErrorReach{kind: kindOfReach(head.level, body), open: !hasErrorEnd(body)}
	message, _, _ := bytes.Cut(body, []byte(clientKey))
	return bytes.IndexByte(message, '"') >= 0 || r.kind == reachText
}

// textMessages begin messages that hold what somebody else wrote: an application, a
// module, or a visitor in a header of HTTP/2 or in the name of a user.
var textMessages = [...]string{
	"FastCGI sent in stderr: ", "[lua] ", "lua ", "js: ", "ModSecurity: ", "client sent ", `user "`,
}

func kindOfReach(level, body []byte) reachKind {
	switch {
	case string(level) == "debug":
		return reachDebug
	case bytes.HasPrefix(body, []byte(brokenHeader)):
		return reachHeader
	}
	for _, start := range textMessages {
		if bytes.HasPrefix(body, []byte(start)) {
			return reachText
		}
	}
	return reachPath
}

// hasErrorEnd reports whether text has what nginx writes at the end of a record. A
// visitor may have written it.
func hasErrorEnd(text []byte) bool {
	if _, ok := findClient(text); ok {
		return true
	}
	return bytes.Contains(text, []byte(", context: "))
}

// Add says what the next line can be to the record. size is how many bytes there are
// from the beginning of the record to the end of this line, without its line break. most
// counts also what a reader leaves out behind the line and what can belong to the record:
// a carriage return, empty lines. It is size if there is nothing.
func (r *ErrorReach) Add(line []byte, size, most int) ReachStep {
	switch {
	case size > maxReach:
		return ReachOver
	case EndsForgedRecord(line):
		return ReachEnd
	case size > MaxErrorLine:
		return ReachOn // only an end as above can belong to the record
	case r.kind == reachDebug:
		return ReachTail
	case r.isTail(line):
		return ReachTail
	case most >= MaxErrorLine:
		return ReachCut
	}
	return ReachOn
}

// isTail reports whether line is the rest of the record. Behind an end, it can be the
// rest of a record that began later.
func (r *ErrorReach) isTail(line []byte) bool {
	if !r.open && r.kind == reachPath {
		return false
	}
	if EndsOpenRecord(line) {
		own := !r.other
		r.other = false
		r.ended = r.ended || own
		return own
	}
	var next ErrorReach
	if (r.ended || !r.open) && next.Start(line) {
		r.other = next.open
	}
	return false
}

// Open reports whether the first line has no end, so that the record goes on.
func (r *ErrorReach) Open() bool { return r.open }

// IsHeader reports whether the record is a `broken header: "…"`. nginx before 1.23.2
// writes several lines for it although no visitor attacks.
func (r *ErrorReach) IsHeader() bool { return r.kind == reachHeader }

// EndsForgedRecord reports whether line has the end of an error record whose request
// has an encoded line break in its path. Where nginx undid the encoding in the same
// record, the line is not the first of the record, whatever it begins with. nginx undoes
// nothing in the query, so a line break there is no evidence.
func EndsForgedRecord(line []byte) bool {
	_, rest, ok := bytes.Cut(line, []byte(clientKey))
	for ok {
		// A visitor can write a request of his own before the one that nginx writes.
		if _, rest, ok = bytes.Cut(rest, []byte(quotedKeys[0])); ok {
			if path, _, _ := bytes.Cut(rest, []byte("?")); HasLineBreak(path) {
				return true
			}
		}
	}
	return false
}

// minFilling is how long a path is at least that fills an error record with its decoded
// text: nginx writes less than the rest of MaxErrorLine before it.
const minFilling = MaxErrorLine / 2

// FillsRecord reports whether a line that is no error line has a path with an encoded line
// break that is long enough for nginx to cut the error record of the same request off. The
// access line of such a request is written behind that record.
func FillsRecord(line []byte) bool {
	if len(line) < minFilling || !HasLineBreak(line) || IsErrorLine(line) {
		return false
	}
	for word := range bytes.SplitSeq(line, []byte(" ")) {
		path, _, _ := bytes.Cut(word, []byte("?"))
		if len(path) >= minFilling && bytes.IndexByte(path, '/') >= 0 && HasLineBreak(path) {
			return true
		}
	}
	return false
}

// HasLineBreak reports whether text has an encoded line break: %0A or %0D.
func HasLineBreak(text []byte) bool {
	for {
		i := bytes.Index(text, []byte("%0"))
		if i < 0 || i+2 >= len(text) {
			return false
		}
		if c := text[i+2] | 0x20; c == 'a' || c == 'd' {
			return true
		}
		text = text[i+2:]
	}
}

// EndsOpenRecord reports whether line has the end of an error record and not its
// beginning, so that the record has several lines.
func EndsOpenRecord(line []byte) bool {
	message, tail, ok := bytes.Cut(line, []byte(clientKey))
	if !ok || IsErrorLine(line) {
		return false
	}
	return bytes.Contains(tail, []byte(quotedKeys[0])) || bytes.Contains(message, []byte(`" while `))
}
