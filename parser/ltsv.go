package parser

import (
	"bytes"

	"clearhop/record"
)

// LTSV is the name of the format that NewLTSV makes.
const LTSV = "ltsv"

// An LTSVFormat reads lines of labelled values between tabs (ltsv.org):
//
//	time:22/Nov/2026:11:00:24 +0000	host:203.0.113.9	req:GET / HTTP/1.1	status:200
//
// Labels mean what keys mean in a JSONFormat, and host is $remote_addr. Values have
// the escapes of escape=default or escape=json. An LTSVFormat is immutable and safe for
// concurrent use.
type LTSVFormat struct{ json JSONFormat }

var _ LineFormat = (*LTSVFormat)(nil)

// NewLTSV makes the format. keys is as for NewJSON.
func NewLTSV(keys map[string]string) (*LTSVFormat, error) {
	table, err := newKeyTable(keys)
	if err != nil {
		return nil, err
	}
	return &LTSVFormat{JSONFormat{name: LTSV, keys: table, hostIsClient: true}}, nil
}

// Name returns "ltsv".
func (f *LTSVFormat) Name() string { return f.json.name }

// minLabels is the number of labels that a line must have at least.
const minLabels = 3

const noLabels = "no labels with values between tabs"

var tab = []byte("\t")

// Parse reads line into r. The line must have as much of a request as one of a
// JSONFormat. The error is a *record.ParseError; then r.Access may be partly filled.
func (f *LTSVFormat) Parse(line []byte, r *record.Record) error {
	s := scanner{line: line, r: r, keys: f.json.keys}
	for at, more := 0, true; more; {
		var field []byte
		field, _, more = bytes.Cut(line[at:], tab)
		if label := labelLength(field); label > 0 {
			m := member{name: field[:label], raw: field[label+1:], at: at + label + 1, shape: quoted}
			var p path
			p.add(m.name)
			m.key = s.keys.find(&p)
			if m.key != nil && m.key.variable.kind == kindMsec && len(m.raw) > 1 && m.raw[0] == '[' && m.raw[len(m.raw)-1] == ']' {
				m.raw = m.raw[1 : len(m.raw)-1] // Apache's time
			}
			if err := s.add(m); err != nil {
				return f.json.mismatch(nil, err.at, err.reason)
			}
		} else if len(field) > 0 {
			return f.json.mismatch(nil, 0, noLabels)
		}
		at += len(field) + 1
	}
	if s.count < minLabels {
		return f.json.mismatch(nil, 0, noLabels)
	}
	return f.json.assign(r, &s)
}

func (f *LTSVFormat) try(line []byte, r *record.Record, e *record.ParseError) bool {
	if bytes.Count(line, tab) < minLabels-1 {
		*e = record.ParseError{Format: f.Name(), Column: 1, Reason: noLabels}
		return false
	}
	return tryWith(f, line, r, e)
}

// labelLength returns the length of the label at the start of field, or 0.
func labelLength(field []byte) int {
	n := 0
	for n < len(field) && (isNameByte(field[n]) || field[n] == '.' || field[n] == '-') {
		n++
	}
	if n == len(field) || field[n] != ':' || n > maxFolded {
		return 0
	}
	return n
}
