package parser

import (
	"bytes"

	"clearhop/record"
)

// A Format is a compiled log_format. It is immutable.
type Format struct {
	name   string
	escape Escape
	prefix []byte // fixed text before the first variable
	steps  []step
	logged record.Logged
}

// A step reads one variable and the fixed text behind it.
type step struct {
	variable variable
	literal  []byte // fixed text after the value; empty only in the last step and after a fixed width
	// marked is set when the literal holds, at mark, a byte that the escape
	// lets through in no value: the first such byte ends the value.
	marked bool
	// mark is the place in the literal of the first byte that the value cannot
	// hold.
	mark int
	// open is set when the value may hold the literal: it ends at the first
	// place from which the rest of the line fits.
	open bool
	// back is the open step to go back to when this one fails, or -1.
	back  int
	store bool // false for a time when the format carries a better one
}

// A place is where a value stands in a line, from start up to but not
// including end. In an open step, end is also the last place tried, and no
// place is tried twice: what follows a place fits or not, wherever the value
// before it starts. Together with bound, which saves looking for the same byte
// again, that keeps splitting linear in the length of the line.
type place struct {
	start, end int
	bound      int // one past the last place where the value can end; 0 before the first try
}

// Name returns the name of the log_format, empty if it was given without one.
func (f *Format) Name() string { return f.name }

// Escape returns how nginx escapes values in the format.
func (f *Format) Escape() Escape { return f.escape }

// Logged returns which of the variables that lead to the client the format
// carries.
func (f *Format) Logged() record.Logged { return f.logged }

// Variables returns the names of the format's variables in order, without "$".
func (f *Format) Variables() []string {
	names := make([]string, len(f.steps))
	for i := range f.steps {
		names[i] = f.steps[i].variable.name
	}
	return names
}

// usualVariables is how many variables a line may have before splitting it
// costs an allocation.
const usualVariables = 48

// Parse reads line into r, whose Access must be as Reset leaves it. If the line
// does not match, the error is a *record.ParseError, and r.Access may be
// partly filled.
func (f *Format) Parse(line []byte, r *record.Record) error {
	if line == nil {
		line = []byte{} // else its empty values would pass for absent ones
	}
	var usual [usualVariables]place
	places := usual[:]
	if len(f.steps) > len(usual) {
		places = make([]place, len(f.steps))
	}
	if err := f.split(line, places); err != nil {
		return err
	}
	r.Dataset = record.AccessLine
	r.Access.Logged = f.logged
	for i := range f.steps {
		st := &f.steps[i]
		if !st.store {
			continue
		}
		p := &places[i]
		value := f.value(line[p.start:p.end], r)
		if reason := st.variable.set(r, value); reason != "" {
			return f.mismatch(i, p.start, reason)
		}
	}
	finishUpstream(&r.Access)
	return nil
}

// absent reports whether raw is what nginx writes for a variable that has no
// value.
func (f *Format) absent(raw []byte) bool {
	if f.escape == EscapeDefault {
		return len(raw) == 1 && raw[0] == '-'
	}
	return len(raw) == 0
}

// value undoes the escapes of raw and tells absent from empty.
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

// What can be wrong with the shape of a line.
const (
	noPrefix = "the fixed text is not there"
	noEnd    = "the text that ends the value is not there"
	goesOn   = "the line goes on after the end of the format"
)

// split finds the place of each value, one per step; places must be zero. Of
// several ways to read the line it takes the one whose earliest open value is
// the shortest.
func (f *Format) split(line []byte, places []place) error {
	if !bytes.HasPrefix(line, f.prefix) {
		return &record.ParseError{Format: f.name, Column: 1 + common(line, f.prefix), Reason: noPrefix}
	}
	at := len(f.prefix)
	var furthest failure
	for i := 0; i < len(f.steps); {
		st, p := &f.steps[i], &places[i]
		p.start = at
		found := f.end(line, st, p)
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
			return f.mismatch(furthest.step, furthest.at, furthest.reason)
		}
		at = places[i].start
	}
	return nil
}

// A failure is the place in a line that the splitting has not got past. Of several,
// the furthest counts.
type failure struct {
	step, at int
	reason   string
}

func (f *failure) note(step, at int, reason string) {
	if f.reason == "" || at > f.at {
		f.step, f.at, f.reason = step, at, reason
	}
}

// check returns why the value of step i cannot be the one at p, and where that
// shows. The reason is empty if it can.
func (f *Format) check(line []byte, i int, p *place) (reason string, at int) {
	st, last := &f.steps[i], i == len(f.steps)-1
	// Where there is no other way to read the line, set finds what is wrong.
	if st.open || st.back >= 0 || last {
		if reason = f.misfit(st, line[p.start:p.end]); reason != "" {
			return reason, p.start
		}
	}
	if next := p.end + len(st.literal); last && next != len(line) {
		return goesOn, next
	}
	return "", 0
}

// end sets p.end to where the value ends that starts at p.start, or in an open
// step to the next place where it can end. It reports whether there is one.
func (f *Format) end(line []byte, st *step, p *place) bool {
	if width := st.variable.width; width > 0 {
		p.end = p.start + width
		return p.end <= len(line) && bytes.HasPrefix(line[p.end:], st.literal)
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
		return p.end >= p.start && bytes.HasPrefix(line[p.end:], st.literal)
	}
	from := max(p.start, p.end+1)
	if from < bound {
		n := bytes.Index(line[from:min(bound-1+len(st.literal), len(line))], st.literal)
		if n >= 0 {
			p.end = from + n
			return true
		}
		p.end = bound - 1 // nothing is left to be tried
	}
	return false
}

// reach returns how many of the first bytes of rest the value may hold.
func (f *Format) reach(rest []byte, st *step) int {
	k := st.variable.kind
	switch {
	case st.marked:
		return f.markIndex(rest, st.literal[st.mark])
	case k.isList():
		return listEnd(rest, k)
	case k.isNumeric() && f.escape == EscapeDefault && len(rest) > 0 && rest[0] == '-':
		return 1
	}
	return k.run(rest)
}

// standsApart reports whether a value that starts at may reach elsewhere than
// one that started before it and held that place. If so, how far it reaches is
// found in a few bytes.
func (f *Format) standsApart(line []byte, at int, st *step) bool {
	k := st.variable.kind
	switch {
	case at == 0 || at == len(line):
		return false
	case st.marked:
		return f.escape == EscapeJSON && line[at-1] == '\\'
	case k.isList():
		// No item starts so, but a separator has such bytes.
		return line[at] == ':' || line[at] == ' ' && !bytes.HasPrefix(line[at:], nextGroup)
	}
	return k.isNumeric()
}

// misfit says why raw has not the shape of a value of the step; nothing if it
// has. It decides only which of the places is the end of a value: set has the
// last word.
func (f *Format) misfit(st *step, raw []byte) string {
	if f.absent(raw) && st.variable.width == 0 {
		return ""
	}
	return st.variable.kind.misfit(raw)
}

// markIndex returns the index of the first mark in b that stands for itself,
// or len(b).
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

// escaped reports whether an odd number of backslashes ends b.
func escaped(b []byte) bool {
	n := len(b)
	for n > 0 && b[n-1] == '\\' {
		n--
	}
	return (len(b)-n)%2 == 1
}

func (f *Format) mismatch(i, at int, reason string) error {
	err := &record.ParseError{Format: f.name, Column: at + 1, Reason: reason}
	if reason != goesOn {
		err.Variable = f.steps[i].variable.name
	}
	return err
}

// common returns the length of the longest common prefix.
func common(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
