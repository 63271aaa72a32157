package parser

import (
	"bytes"

	"clearhop/record"
)

// A Format is a compiled log_format. It is immutable and safe for concurrent use.
type Format struct {
	name   string
	escape Escape
	prefix []byte // fixed text before the first variable
	steps  []step
	logged record.Logged
	// forgeable are the columns of addresses that a visitor can write.
	forgeable record.Logged
}

// A step reads one variable and the fixed text after it.
type step struct {
	variable variable
	literal  []byte // the fixed text; empty in the last step and if the next variable follows directly
	// marked reports that the literal has, at mark, a byte that nginx escapes in
	// all values: the first such byte ends the value.
	marked bool
	// mark is the index in the literal of the first byte that the value cannot
	// contain.
	mark int
	// open reports that the value may contain the literal: the value ends at the
	// first place from which the rest of the line fits.
	open bool
	// adjacent reports that the next variable follows directly. Then the value ends
	// where the next one can begin.
	adjacent bool
	// edge is a byte, if hasEdge is set, that no value of a run of adjacent
	// variables contains and that stands in the literal after the run.
	edge    byte
	hasEdge bool
	// first and isArgs are of the variable, if it directly follows another one:
	// the bytes with which its values begin, and whether it is $args.
	first  *byteSet
	isArgs bool
	// back is the open step to go back to if this one fails, or -1.
	back  int
	store bool // false for a time if the format has a more precise one
	// repeated says that the format has the variable again: its last value is stored.
	// No name stands twice in Access.Extra.
	repeated bool
}

// A place is where a value is in a line: line[start:end]. In an open step, end is
// also the last place that was tried. No place is tried twice, because whether the
// rest of the line fits does not depend on where the value starts. Together with
// bound, which saves searching for the same byte again, this makes splitting
// linear in the length of the line.
type place struct {
	start, end int
	bound      int // one past the last place where the value can end; 0 before the first try
}

// Name returns the name of the log_format, or "" if it has none.
func (f *Format) Name() string { return f.name }

// Escape returns how nginx escapes values in the format.
func (f *Format) Escape() Escape { return f.escape }

// Logged returns which of the variables that help to find the client the format
// has.
func (f *Format) Logged() record.Logged { return f.logged }

// Variables returns the names of the format's variables in order, without "$".
func (f *Format) Variables() []string {
	names := make([]string, len(f.steps))
	for i := range f.steps {
		names[i] = f.steps[i].variable.name
	}
	return names
}

// Dropped returns the names of the format's variables that no event shows: times, if
// the format has a more precise one.
func (f *Format) Dropped() []string {
	var names []string
	for i := range f.steps {
		if !f.steps[i].store {
			names = append(names, f.steps[i].variable.name)
		}
	}
	return names
}

// Extra returns the names of the format's variables whose values go to Access.Extra,
// where some of them also have a field of their own.
func (f *Format) Extra() []string {
	var names []string
	for i := range f.steps {
		if v := &f.steps[i].variable; (v.kept || !v.hasField()) && !f.steps[i].repeated {
			names = append(names, v.name)
		}
	}
	return names
}

// usualVariables is the number of variables up to which splitting a line allocates
// nothing.
const usualVariables = 48

// Parse reads line into r, whose Access must be in the state after Reset. Blanks and
// tabs around the line do no harm. If the line does not match, the error is a *record.ParseError, and r.Access may be
// partly filled.
func (f *Format) Parse(line []byte, r *record.Record) error {
	var e record.ParseError
	if f.try(line, r, &e) {
		return nil
	}
	err := e // e itself takes no memory
	return &err
}

func (f *Format) try(line []byte, r *record.Record, e *record.ParseError) bool {
	if line == nil {
		line = []byte{} // slices of nil are nil, which means absent
	}
	var usual [usualVariables]place
	places := usual[:]
	if len(f.steps) > len(usual) {
		places = make([]place, len(f.steps))
	}
	if !f.split(line, places, e) {
		// A viewer or a router can leave blanks around a line.
		trimmed := bytes.Trim(line, " \t")
		if len(trimmed) == len(line) {
			return false
		}
		clear(places)
		first := *e
		if !f.split(trimmed, places, e) {
			*e = first
			return false
		}
		line = trimmed
	}
	r.Dataset = record.AccessLine
	r.Access.Logged, r.Access.Guessed = f.logged, f.forgeable
	var coarse []byte
	for i := range f.steps {
		st := &f.steps[i]
		p := &places[i]
		if !st.store {
			coarse = line[p.start:p.end] // a time that is less precise than another
			setZone(r, coarse)
			continue
		}
		if st.repeated {
			continue
		}
		value := f.value(line[p.start:p.end], r)
		if reason := st.variable.set(r, value); reason != "" {
			f.mismatch(e, i, p.start, reason)
			return false
		}
	}
	if coarse != nil {
		correctTime(r, coarse)
	}
	finishUpstream(&r.Access)
	finishForwarded(&r.Access)
	return true
}

// absent reports whether raw is what nginx writes for a variable without a value.
func (f *Format) absent(raw []byte) bool {
	if f.escape == EscapeDefault {
		return len(raw) == 1 && raw[0] == '-'
	}
	return len(raw) == 0
}

// value returns raw without its escapes, or nil for an absent variable.
func (f *Format) value(raw []byte, r *record.Record) []byte {
	if f.absent(raw) {
		return nil
	}
	if f.escape == EscapeNone || bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	scratch := r.Scratch()
	from := len(scratch)
	if f.escape == EscapeJSON {
		scratch = appendUnescapedJSON(scratch, raw)
	} else {
		scratch = appendUnescaped(scratch, raw)
	}
	r.SetScratch(scratch)
	return scratch[from:len(scratch):len(scratch)]
}

// The reasons why a line has not the shape of a format. Events show them, so their
// texts must stay as they are.
const (
	noPrefix = "the fixed text is not there"
	noEnd    = "the text that ends the value is not there"
	goesOn   = "the line goes on after the end of the format"
)

// split finds the place of each value, one for each step; places must be zero. If
// there are several ways to read the line, it chooses the one whose first open
// value is the shortest. If there is none, e says why.
func (f *Format) split(line []byte, places []place, e *record.ParseError) bool {
	if !bytes.HasPrefix(line, f.prefix) {
		*e = record.ParseError{Format: f.name, Column: 1 + common(line, f.prefix), Reason: noPrefix}
		return false
	}
	at := len(f.prefix)
	var furthest failure
	for i := 0; i < len(f.steps); {
		st, p := &f.steps[i], &places[i]
		p.start = at
		found := f.end(line, i, p)
		reason, where := noEnd, at
		if found {
			if reason, where = f.check(line, i, p); reason == "" {
				at = p.end + len(st.literal)
				i++
				continue
			}
		}
		furthest.note(i, where, reason)
		if !found || !st.open {
			i = st.back
		}
		if i < 0 {
			f.mismatch(e, furthest.step, furthest.at, furthest.reason)
			return false
		}
		at = places[i].start
	}
	return true
}

// A failure is the furthest place in a line at which a step failed.
type failure struct {
	step, at int
	reason   string
}

// note adds a failed step.
func (f *failure) note(step, at int, reason string) {
	if f.reason == "" || at > f.at {
		f.step, f.at, f.reason = step, at, reason
	}
}

// check returns why p cannot be the place of step i's value, and where the fault
// is. It returns an empty reason if p fits.
func (f *Format) check(line []byte, i int, p *place) (reason string, at int) {
	st, last := &f.steps[i], i == len(f.steps)-1
	// If there is only one way to read the line, set finds the fault later.
	if st.open || st.back >= 0 || last || st.variable.kind == kindScheme {
		if reason = f.misfit(st, line[p.start:p.end]); reason != "" {
			return reason, p.start
		}
	}
	if next := p.end + len(st.literal); last && next != len(line) {
		return goesOn, next
	}
	return "", 0
}

// end sets p.end to the end of step i's value, which starts at p.start. In an open step
// it sets p.end to the next place where the value can end. It reports whether there
// is one.
func (f *Format) end(line []byte, i int, p *place) bool {
	st := &f.steps[i]
	if width := st.variable.width; width > 0 {
		p.end = p.start + width
		return p.end <= len(line) && bytes.HasPrefix(line[p.end:], st.literal)
	}
	if st.isArgs && f.withoutMark(line, i, p.start) {
		return f.endAbsent(line, i, p)
	}
	bound := p.bound
	if p.start >= bound {
		p.bound = p.start + f.reach(line[p.start:], st) + 1
		p.end = p.start - 1
		bound = p.bound
	} else if f.standsApart(line, p.start, st) {
		bound = p.start + f.reach(line[p.start:], st) + 1
	}
	if !st.open {
		p.end = bound - 1 - st.mark
		return p.end >= p.start && bytes.HasPrefix(line[p.end:], st.literal) && (!st.adjacent || f.begins(line, i+1, p.end))
	}
	from := max(p.start, p.end+1)
	if st.adjacent {
		if at := f.nextBoundary(line, i, from, bound); at >= 0 {
			p.end = at
			return true
		}
		p.end = bound - 1
		return false
	}
	if from < bound {
		n := bytes.Index(line[from:min(bound-1+len(st.literal), len(line))], st.literal)
		if n >= 0 {
			p.end = from + n
			return true
		}
		p.end = bound - 1 // there is nothing left to try
	}
	return false
}

// reach returns how many bytes at the start of rest the value can have at most.
func (f *Format) reach(rest []byte, st *step) int {
	k := st.variable.kind
	switch {
	case st.marked:
		return f.markIndex(rest, st.literal[st.mark])
	case k.isList():
		return listEnd(rest, k)
	case k.isNumeric() && f.escape == EscapeDefault && len(rest) > 0 && rest[0] == '-':
		return 1
	case st.hasEdge && st.open:
		rest = rest[:f.markIndex(rest, st.edge)]
	}
	return k.run(rest)
}

// standsApart reports whether a value that starts at index at may end elsewhere
// than one that starts before it and contains that index. If so, reach needs to
// read only a few bytes.
func (f *Format) standsApart(line []byte, at int, st *step) bool {
	k := st.variable.kind
	switch {
	case at == 0 || at == len(line):
		return false
	case st.marked || st.hasEdge && st.open:
		return f.escape == EscapeJSON && line[at-1] == '\\'
	case k.isList():
		// No item starts with these bytes, but a separator contains them.
		return line[at] == ':' || line[at] == ' ' && !bytes.HasPrefix(line[at:], nextGroup)
	}
	return k.isNumeric() || k == kindMark
}

// misfit returns why raw does not look like a value of the step, or "" if it does.
// It is only used to choose between places. What it accepts, set may still refuse.
func (f *Format) misfit(st *step, raw []byte) string {
	if f.absent(raw) && st.variable.width == 0 {
		return ""
	}
	return st.variable.kind.misfit(raw)
}

// markIndex returns the index of the first mark in b that is not escaped, or
// len(b).
func (f *Format) markIndex(b []byte, mark byte) int {
	for n := 0; ; n++ {
		next := bytes.IndexByte(b[n:], mark)
		if next < 0 {
			return len(b)
		}
		n += next
		if f.escape != EscapeJSON || mark != '"' || !escaped(b[:n]) {
			return n
		}
	}
}

// escaped reports whether b ends with an odd number of backslashes.
func escaped(b []byte) bool {
	n := len(b)
	for n > 0 && b[n-1] == '\\' {
		n--
	}
	return (len(b)-n)%2 == 1
}

// mismatch sets e to the error of step i, with its fault at index at.
func (f *Format) mismatch(e *record.ParseError, i, at int, reason string) {
	*e = record.ParseError{Format: f.name, Column: at + 1, Reason: reason}
	if reason != goesOn {
		e.Variable = f.steps[i].variable.name
	}
}

// common returns the length of the longest common prefix.
func common(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
