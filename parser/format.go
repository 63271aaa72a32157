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
	literal  []byte // fixed text after the value; empty only in the last step
	quoted   bool   // the literal starts with a quote that values cannot hold
	spaced   bool   // the value may hold the literal: look ahead before ending it
	store    bool   // false for a time when the format carries a better one
}

// A span is the place of a value in a line, from start up to but not
// including end.
type span struct{ start, end int }

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
const usualVariables = 64

// Parse reads line into r, whose Access must be as Reset leaves it. If the line
// does not match, the error is a *record.ParseError, and r.Access may be
// partly filled.
func (f *Format) Parse(line []byte, r *record.Record) error {
	var usual [usualVariables]span
	spans, err := f.split(line, usual[:0])
	if err != nil {
		return err
	}
	r.Dataset = record.AccessLine
	r.Access.Logged = f.logged
	for i := range f.steps {
		st := &f.steps[i]
		raw := line[spans[i].start:spans[i].end]
		value := f.value(raw, r)
		if !st.store && value != nil {
			continue
		}
		if reason := st.variable.set(r, value); reason != "" {
			return f.mismatch(st, spans[i].start, reason)
		}
	}
	finishUpstream(&r.Access)
	return nil
}

// value undoes the escapes of raw and tells absent from empty.
func (f *Format) value(raw []byte, r *record.Record) []byte {
	if f.escape == EscapeDefault {
		if len(raw) == 1 && raw[0] == '-' {
			return nil
		}
	} else if len(raw) == 0 {
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

// split finds the place of each value. It appends one span per step.
func (f *Format) split(line []byte, spans []span) ([]span, error) {
	if !bytes.HasPrefix(line, f.prefix) {
		return spans, &record.ParseError{Format: f.name, Column: 1 + common(line, f.prefix), Reason: "the fixed text is not there"}
	}
	at := len(f.prefix)
	for i := range f.steps {
		st := &f.steps[i]
		end := f.end(line, at, i)
		if end < 0 {
			return spans, f.mismatch(st, at, "the text that ends the value is not there")
		}
		spans = append(spans, span{at, end})
		at = end + len(st.literal)
	}
	if at != len(line) {
		return spans, &record.ParseError{Format: f.name, Column: at + 1, Reason: "the line goes on after the end of the format"}
	}
	return spans, nil
}

// end returns where the value of step i ends that starts at from, or -1.
func (f *Format) end(line []byte, from, i int) int {
	st := &f.steps[i]
	rest := line[from:]
	switch {
	case st.variable.width > 0:
		return f.fixedEnd(line, from, st)
	case st.variable.kind.isList() && !st.quoted:
		n := listEnd(rest, st.literal)
		if !bytes.HasPrefix(rest[n:], st.literal) {
			return -1
		}
		return from + n
	case len(st.literal) == 0:
		return len(line)
	case st.quoted:
		n := f.quote(rest, st.literal[0])
		if n < 0 || !bytes.HasPrefix(rest[n:], st.literal) {
			return -1
		}
		return from + n
	}
	for n := 0; ; n++ {
		next := bytes.Index(rest[n:], st.literal)
		if next < 0 {
			return -1
		}
		n += next
		if !st.spaced || f.plausible(line, from+n+len(st.literal), i+1) {
			return from + n
		}
	}
}

// fixedEnd is end for a value that is always as long, or "-".
func (f *Format) fixedEnd(line []byte, from int, st *step) int {
	rest := line[from:]
	for _, width := range [2]int{st.variable.width, 1} {
		if len(rest) >= width && bytes.HasPrefix(rest[width:], st.literal) {
			return from + width
		}
	}
	return -1
}

// plausible reports whether the value of step i can start at from. It looks at
// that one step only, so splitting stays linear in practice.
func (f *Format) plausible(line []byte, from, i int) bool {
	if i == len(f.steps) {
		return from == len(line)
	}
	st := &f.steps[i]
	if st.spaced {
		return true
	}
	end := f.end(line, from, i)
	if end < 0 || (i == len(f.steps)-1 && end+len(st.literal) != len(line)) {
		return false
	}
	return st.variable.kind.fits(line[from:end])
}

// quote returns the index of the quote that ends a value, or -1. nginx escapes
// quotes in values, so with escape=default the first one is it.
func (f *Format) quote(rest []byte, quote byte) int {
	n := 0
	for {
		next := bytes.IndexByte(rest[n:], quote)
		if next < 0 {
			return -1
		}
		n += next
		if f.escape != EscapeJSON || !escaped(rest[:n]) {
			return n
		}
		n++
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

func (f *Format) mismatch(st *step, at int, reason string) error {
	return &record.ParseError{Format: f.name, Variable: st.variable.name, Column: at + 1, Reason: reason}
}

// common returns the length of the longest common prefix.
func common(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
