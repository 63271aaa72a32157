package decode

import (
	"bytes"
	"io"

	"clearhop/internal/jsonscan"
)

// A header says which columns of CSV hold what. -1 stands for a column that is not
// there.
type header struct{ message, time, stream, log int }

// maxHeader is how many bytes the first line of a table has at most.
const maxHeader = 4 << 10

// readHeader reads the first line of CSV. Its message is -1 if the line is no header
// of Logs Insights ("@timestamp,@message") or of the console ("timestamp,message").
func readHeader(line []byte) header {
	h := header{-1, -1, -1, -1}
	line = bytes.TrimSuffix(line, []byte("\r"))
	n := 0
	for name := range bytes.SplitSeq(line, []byte(",")) {
		name = bytes.TrimSuffix(bytes.TrimPrefix(name, []byte(`"`)), []byte(`"`))
		switch string(name) {
		case "@message", "message":
			h.message = n
		case "@timestamp", "timestamp":
			h.time = n
		case "@logStream", "logStreamName":
			h.stream = n
		case "@log":
			h.log = n
		}
		n++
	}
	if h.time < 0 && !bytes.Contains(line, []byte("@message")) {
		h.message = -1
	}
	return h
}

// nextCSV reads the next row of CSV.
func (r *Reader) nextCSV() (found bool, err error) {
	e := r.events
	for {
		if _, ok := r.peek(); !ok {
			return false, nil
		}
		n, size, ok, err := r.csvRow()
		if err != nil || !ok {
			return false, err
		}
		row := r.lines.bytes()[:n]
		if e.header.message < 0 || bytes.Equal(row, e.headerRow) {
			// Several exports may follow each other, each with its header.
			if e.header.message < 0 {
				e.header, e.headerRow = readHeader(row), bytes.Clone(row)
			}
			r.lines.drop(size)
			continue
		}
		r.setCSV(row)
		r.lines.drop(size)
		return true, nil
	}
}

// csvRow finds the end of the row at the start of the window: n bytes, and size with
// its line ending. Newlines may stand in quoted fields.
func (r *Reader) csvRow() (n, size int, ok bool, err error) {
	seen, quoted := 0, false
	for {
		held := r.lines.bytes()
		for ; seen < len(held); seen++ {
			switch c := held[seen]; {
			case c == '"':
				quoted = !quoted // a doubled quote changes it twice
			case c == '\n' && !quoted:
				return len(bytes.TrimSuffix(held[:seen], []byte("\r"))), seen + 1, true, nil
			}
		}
		if len(held) > r.maxEvent() {
			return 0, 0, false, &PayloadError{Stage: StageSize, Err: ErrTooLarge}
		}
		if r.err == nil {
			r.err = r.lines.read(r.stream)
		}
		if r.err == io.EOF && !quoted {
			return len(held), len(held), true, nil
		}
		if r.err != nil {
			return 0, 0, false, &PayloadError{Stage: StageForm, Err: errCutOff}
		}
	}
}

// setCSV makes the line of a row. It removes the quotes in place.
func (r *Reader) setCSV(row []byte) {
	h := r.events.header
	var ev logEvent
	rest := row
	for n := 0; rest != nil; n++ {
		var field []byte
		field, rest = cutField(rest)
		v := jsonscan.Value{Kind: jsonscan.Text, Raw: field}
		switch n {
		case h.message:
			ev.message = v
		case h.time:
			ev.time = v
		case h.stream:
			ev.stream = v
		case h.log:
			ev.log = v
		}
	}
	r.setEvent(&ev, row)
}

// cutField cuts the first field of a row, without its quotes. rest is nil behind the
// last field.
func cutField(row []byte) (field, rest []byte) {
	if len(row) == 0 || row[0] != '"' {
		field, rest, more := bytes.Cut(row, []byte(","))
		if !more {
			rest = nil
		}
		return field, rest
	}
	to, at := 0, 1
	for ; at < len(row); at++ {
		if row[at] == '"' {
			if at+1 == len(row) || row[at+1] != '"' {
				break
			}
			at++
		}
		row[to] = row[at]
		to++
	}
	_, rest, more := bytes.Cut(row[min(at, len(row)):], []byte(","))
	if !more {
		rest = nil
	}
	return row[:to], rest
}

// eventsTag begins each event in the text of the AWS CLI.
const eventsTag = "EVENTS\t"

// isEventRow reports whether a line begins an event in the text of the AWS CLI. The CLI
// writes the values of an event in the order of their names:
//
//	EVENTS	eventId	ingestionTime	logStreamName	message	timestamp     filter-log-events
//	EVENTS	ingestionTime	message	timestamp                             get-log-events
func isEventRow(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte(eventsTag))
	if !ok {
		return false
	}
	first, _, ok := bytes.Cut(rest, []byte("\t"))
	return ok && isDecimal(first)
}

// isTokenRow reports whether a line holds the two tokens that get-log-events writes
// before the events.
func isTokenRow(line []byte) bool {
	back, forward, ok := bytes.Cut(line, []byte("\t"))
	return ok && bytes.HasPrefix(back, []byte("b/")) && bytes.HasPrefix(forward, []byte("f/"))
}

func isDecimal(b []byte) bool {
	for _, c := range b {
		if c-'0' > 9 {
			return false
		}
	}
	return len(b) > 0
}

// nextRow reads the next event of the text of the AWS CLI. Other rows, such as those of
// searched log streams, are skipped.
func (r *Reader) nextRow() (found bool, err error) {
	for {
		if len(r.lines.bytes()) == 0 {
			if r.err == nil {
				r.err = r.lines.read(r.stream)
			}
			if r.err != nil {
				return false, nil //nolint:nilerr // Next returns r.err after the last row
			}
			continue
		}
		n, size, err := r.eventRow()
		if err != nil || size == 0 {
			return false, err
		}
		row := r.lines.bytes()[:n]
		found := isEventRow(row)
		if found {
			r.setRow(row)
		}
		r.lines.drop(size)
		if found {
			return true, nil
		}
	}
}

// eventRow finds the end of the row at the start of the window. A message may have
// newlines: the row of an event ends at the first line that ends with a tab and a time,
// or before the next event.
func (r *Reader) eventRow() (n, size int, err error) {
	from := 0 // the start of the line in hand
	for {
		held := r.lines.bytes()
		for {
			end := bytes.IndexByte(held[from:], '\n')
			if end < 0 {
				break
			}
			line := held[from : from+end]
			if from > 0 && isEventRow(line) {
				return from - 1, from, nil
			}
			if !isEventRow(held) || endsWithTime(line) {
				return from + end, from + end + 1, nil
			}
			from += end + 1
		}
		if len(held) > r.maxEvent() {
			return 0, 0, &PayloadError{Stage: StageSize, Err: ErrTooLarge}
		}
		if r.err == nil {
			r.err = r.lines.read(r.stream)
		}
		if r.err == io.EOF {
			return len(held), len(held), nil
		}
		if r.err != nil {
			return 0, 0, nil //nolint:nilerr // Next returns r.err after the last row
		}
	}
}

// endsWithTime reports whether a line ends with a tab and a time in milliseconds.
func endsWithTime(line []byte) bool {
	line = bytes.TrimSuffix(line, []byte("\r"))
	n := bytes.LastIndexByte(line, '\t')
	return n >= 0 && len(line)-n > 10 && len(line)-n <= 15 && isDecimal(line[n+1:])
}

// setRow makes the line of an event's row.
func (r *Reader) setRow(row []byte) {
	row = bytes.TrimSuffix(row, []byte("\r"))
	text := func(b []byte) jsonscan.Value { return jsonscan.Value{Kind: jsonscan.Text, Raw: b} }
	var ev logEvent
	rest := row[len(eventsTag):]
	first, rest, _ := bytes.Cut(rest, []byte("\t"))
	if second, behind, ok := bytes.Cut(rest, []byte("\t")); ok && isDecimal(second) && len(first) > len("1754733601000") {
		ev.id = text(first)
		var stream []byte
		stream, rest, _ = bytes.Cut(behind, []byte("\t"))
		ev.stream = text(stream)
	}
	if n := bytes.LastIndexByte(rest, '\t'); n >= 0 && endsWithTime(rest) {
		ev.time = text(rest[n+1:])
		rest = rest[:n]
	}
	ev.message = text(rest)
	r.setEvent(&ev, row)
}

// The beginnings of rows in the text of get-query-results.
var (
	resultsTag    = []byte("RESULTS\t")
	statisticsTag = []byte("STATISTICS\t")
)

// isStatusRow reports whether a line may be what get-query-results writes first: the
// status of the query, with the query's language and key before it.
func isStatusRow(line []byte) bool {
	line = bytes.TrimSuffix(line, []byte("\r"))
	switch string(line[bytes.LastIndexByte(line, '\t')+1:]) {
	case "Complete", "Running", "Scheduled", "Cancelled", "Failed", "Timeout", "Unknown":
		return true
	}
	return false
}

// isFieldRow reports whether a line is the row of a field that Logs Insights itself
// names. With --query 'results' the AWS CLI leaves the tag out:
//
//	RESULTS	@timestamp	2026-11-22 11:00:25.123
//	@message	203.0.113.9 - - …
func isFieldRow(line []byte) bool {
	name, _, ok := cutFieldRow(line)
	return ok && name[0] == '@'
}

// cutFieldRow cuts the row of a field. It reports false for all other lines.
func cutFieldRow(line []byte) (name, value []byte, ok bool) {
	const maxName = 128
	line = bytes.TrimPrefix(line, resultsTag)
	name, value, ok = bytes.Cut(line, []byte("\t"))
	if !ok || len(name) == 0 || len(name) > maxName {
		return nil, nil, false
	}
	for _, c := range name {
		if c <= ' ' || c == '"' || c == '=' {
			return nil, nil, false
		}
	}
	return name, value, true
}

// nextFields reads the next event of the text of get-query-results: rows of fields, of
// which @ptr is the last. Other rows are skipped.
func (r *Reader) nextFields() (found bool, err error) {
	for {
		n, size, err := r.fieldRows()
		if err != nil || size == 0 {
			return false, err
		}
		var ev logEvent
		if found = ev.readRows(r.lines.bytes()[:n]); found {
			r.setEvent(&ev, r.lines.bytes()[:n])
		}
		r.lines.drop(size)
		if found {
			return true, nil
		}
	}
}

// fieldRows finds the end of the rows of the event at the start of the window: behind
// @ptr, or before the field with which the event began. A row that is none of an event
// ends on its line.
func (r *Reader) fieldRows() (n, size int, err error) {
	from := 0 // the start of the line in hand
	for {
		held := r.lines.bytes()
		for from < len(held) {
			end := bytes.IndexByte(held[from:], '\n')
			if end < 0 && r.err != io.EOF {
				break
			}
			next := from + end + 1
			if end < 0 {
				next = len(held)
			}
			line := bytes.TrimSuffix(held[from:next], []byte("\n"))
			switch endsFields(held, from, line) {
			case beforeLine:
				return from, from, nil
			case behindLine:
				return from + len(line), next, nil
			}
			from = next
		}
		switch {
		case r.err == io.EOF:
			return len(held), len(held), nil
		case r.err != nil:
			return 0, 0, nil //nolint:nilerr // Next returns r.err after the last row
		case len(held) > r.maxEvent():
			return 0, 0, &PayloadError{Stage: StageSize, Err: ErrTooLarge}
		}
		r.err = r.lines.read(r.stream)
	}
}

// An ending is where the rows of an event end.
type ending uint8

const (
	notYet ending = iota
	beforeLine
	behindLine
)

// endsFields reports whether the rows of the event that rows begins with end at a line,
// which stands at from.
func endsFields(rows []byte, from int, line []byte) ending {
	name, _, isRow := cutFieldRow(line)
	other := !isRow || bytes.HasPrefix(line, statisticsTag)
	switch {
	case from == 0 && other || isRow && string(name) == "@ptr":
		return behindLine
	case from == 0:
		return notYet
	}
	first, _, _ := cutFieldRow(rows)
	if isRow && (other || bytes.Equal(name, first)) {
		return beforeLine
	}
	return notYet
}

// readRows reads the rows of an event, and reports whether one is its message. A line
// that is no row continues the value before it.
func (ev *logEvent) readRows(rows []byte) (found bool) {
	var value *jsonscan.Value // of the row before
	start := 0                // of that value in rows
	for at := 0; at < len(rows); {
		end := at + bytes.IndexByte(rows[at:], '\n')
		if end < at {
			end = len(rows)
		}
		if name, text, ok := cutFieldRow(rows[at:end]); ok {
			start = end - len(text)
			if value = ev.slot(name); value != nil {
				value.Kind = jsonscan.Text
			}
		}
		if value != nil {
			value.Raw = bytes.TrimSuffix(rows[start:end], []byte("\r"))
		}
		at = end + 1
	}
	return ev.message.Kind == jsonscan.Text
}
