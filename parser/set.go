package parser

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"clearhop/record"
)

// A Set reads lines that may have any of several formats, such as those of a log
// group that several services share. It tries them in their order. Of those of Auto,
// which no line has two of, it first tries the one that matched last. A Set is for one
// goroutine; Clone returns another one.
type Set struct {
	formats []LineFormat
	auto    span // which of the formats are those of Auto
	// lastResort is CombinedExtra or nil. It reads the lines of most other
	// formats too, so it is tried only after all of them.
	lastResort LineFormat
	last       int // the index of the format of Auto that matched last
	fault      fault
	trial      record.ParseError // of the format that was tried last
	leftOut    []error
	isAuto     bool // Auto is among the formats
	doubtful   []string
}

// A span is the indices from one to before another.
type span struct{ from, to int }

// Auto is the name of all built-in formats together, with JSON and CombinedExtra. A
// line fits one of them at most, apart from CombinedExtra.
const Auto = "auto"

// A SetConfig says which formats a Set has.
type SetConfig struct {
	// Formats are texts for Compile, Auto, JSON, CombinedExtra, "@nginx.conf" for
	// the formats of that file, or "@nginx.conf#main" for one of them. They are
	// tried in this order.
	Formats []string
	// JSONKeys are the keys for NewJSON.
	JSONKeys map[string]string
	// ReadConf reads the file after the "@". If it is nil, such formats are
	// refused.
	ReadConf func(name string) (*Conf, error)
}

// NewSet compiles the formats of c. The error joins one for each format that is
// wrong.
func NewSet(c SetConfig) (*Set, error) {
	s := &Set{}
	var errs []error
	for i, text := range c.Formats {
		if err := s.add(strings.TrimSpace(text), text, c); err != nil {
			errs = append(errs, fmt.Errorf("format %d: %w", i+1, err))
		}
	}
	if len(errs) == 0 && len(s.formats) == 0 {
		if s.lastResort == nil {
			errs = append(errs, errors.New("no format"))
		} else {
			s.formats, s.lastResort = []LineFormat{s.lastResort}, nil
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// add adds the format in text. name is text without spaces around it.
func (s *Set) add(name, text string, c SetConfig) error {
	switch {
	case name == Auto:
		return s.addAuto(c)
	case name == JSON:
		f, err := NewJSON(c.JSONKeys)
		if err != nil {
			return err
		}
		s.formats = append(s.formats, f)
		return nil
	case name == LTSV:
		f, err := NewLTSV(c.JSONKeys)
		if err != nil {
			return err
		}
		s.formats = append(s.formats, f)
		return nil
	case strings.HasPrefix(name, "@"):
		return s.addConf(name[1:], c)
	}
	f, err := Compile(text)
	switch {
	case err != nil:
		return err
	case name == CombinedExtra:
		s.lastResort = f
	default:
		s.formats = append(s.formats, f)
	}
	return nil
}

// addAuto adds the formats of Auto. Nobody has named these, so that a column with a
// forwarded header is a guess. Recommended has so many columns of fixed kinds that no
// other format has its shape.
func (s *Set) addAuto(c SetConfig) error {
	s.isAuto = true
	s.auto.from = len(s.formats)
	s.last = s.auto.from
	defer func() { s.auto.to = len(s.formats) }()
	for _, name := range append(BuiltinNames(), JSON, LTSV, CombinedExtra) {
		if err := s.add(name, name, c); err != nil {
			return err
		}
		if name == CombinedExtra {
			s.lastResort = extraFormat{s.lastResort}
			continue
		}
		last := &s.formats[len(s.formats)-1]
		exclude := excluded[name]
		if f, ok := (*last).(*Format); ok && name != Recommended && f.logged&headers != 0 {
			g := Guess(f, headers)
			if exclude != nil {
				g = g.Believed() // the shape of the line has more to tell than this column
			}
			*last = g
		}
		if exclude != nil {
			*last = exclusive{*last, exclude}
		}
	}
	return nil
}

// combined is the name of the format that is built into nginx.
const combined = "combined"

// addConf adds the formats of an nginx.conf.
func (s *Set) addConf(name string, c SetConfig) error {
	if c.ReadConf == nil {
		return errors.New("formats cannot be read from a file here: write the log_format itself")
	}
	file, format := SplitConf(name)
	if format != "" {
		f, err := FormatOf(file, format, c.ReadConf)
		if err != nil {
			return err
		}
		s.formats = append(s.formats, f)
		return nil
	}
	conf, err := c.ReadConf(file)
	if err != nil {
		return err
	}
	for _, f := range conf.Formats {
		s.formats = append(s.formats, f)
	}
	var leftOut []error
	for _, e := range conf.LeftOut {
		leftOut = append(leftOut, e)
	}
	s.leftOut = append(s.leftOut, leftOut...)
	for _, log := range conf.Logs {
		if log.Format == combined {
			// This format needs no log_format.
			return s.add(combined, combined, c)
		}
	}
	switch {
	case len(conf.Formats) > 0:
		return nil
	case len(leftOut) > 0:
		return errors.Join(leftOut...)
	default:
		return fmt.Errorf("%s has no log_format", file)
	}
}

// Clone returns a Set with the same formats, for another goroutine or stream.
func (s *Set) Clone() *Set {
	return &Set{formats: s.formats, auto: s.auto, last: s.auto.from, lastResort: s.lastResort, isAuto: s.isAuto, doubtful: s.doubtful}
}

// IsAuto reports whether the Set has the formats of Auto: nobody has named the format
// of every line.
func (s *Set) IsAuto() bool { return s.isAuto }

// Guesses returns the formats of the Set that have guessed columns.
func (s *Set) Guesses() []*GuessedFormat {
	var guesses []*GuessedFormat
	for _, f := range s.formats {
		if g, ok := f.(*GuessedFormat); ok {
			guesses = append(guesses, g)
		}
	}
	return guesses
}

// Revise returns a Set for a stream of which more is known: guess says what becomes
// of each format of Guesses, where nil leaves it out, and more formats come before the
// others or after them.
func (s *Set) Revise(guess func(*GuessedFormat) *GuessedFormat, before bool, more ...LineFormat) *Set {
	revised := &Set{lastResort: s.lastResort, isAuto: s.isAuto, doubtful: s.doubtful}
	if before {
		revised.formats = append(revised.formats, more...)
		more = nil
	}
	for i, f := range s.formats {
		if i == s.auto.from {
			revised.auto.from = len(revised.formats)
		}
		g, ok := f.(*GuessedFormat)
		if !ok {
			revised.formats = append(revised.formats, f)
		} else if g = guess(g); g != nil {
			revised.formats = append(revised.formats, g)
		}
		if i < s.auto.to {
			revised.auto.to = len(revised.formats)
		}
	}
	revised.last = revised.auto.from
	revised.formats = append(revised.formats, more...)
	return revised
}

// Doubt returns a Set for a stream whose lines show, in the formats of those names,
// another address that may be the peer's. It marks their records with
// record.LoggedOtherPeer.
func (s *Set) Doubt(formats []string) *Set {
	doubting := s.Clone()
	doubting.doubtful, doubting.leftOut = formats, s.leftOut
	return doubting
}

// LeftOut returns an error for each log_format that an nginx.conf has and the Set has
// not, because nobody can read back what nginx writes in it.
func (s *Set) LeftOut() []error { return s.leftOut }

// Names returns the names of the formats in the order in which they are tried.
func (s *Set) Names() []string {
	var names []string
	for _, f := range s.formats {
		names = append(names, f.Name())
	}
	if s.lastResort != nil {
		names = append(names, s.lastResort.Name())
	}
	return names
}

// Parse reads line into r with the first format that matches. If none does, the
// error is the *record.ParseError of the format that got furthest, and of the first
// one of these. The lines before make no difference.
func (s *Set) Parse(line []byte, r *record.Record) error {
	s.fault = fault{}
	for i := 0; i < len(s.formats); i++ {
		if s.auto.from <= i && i < s.auto.to {
			if s.parseAuto(line, r) {
				return nil
			}
			i = s.auto.to - 1
		} else if s.try(i, line, r) {
			return nil
		}
	}
	if s.lastResort != nil {
		if s.lastResort.try(line, r, &s.trial) {
			s.name(s.lastResort, r)
			return nil
		}
		r.ResetAccess()
	}
	err := s.fault.ParseError
	return &err
}

// parseAuto tries the formats of Auto. A line fits one of them at most, so any order
// gives the same record: the one that matched last comes first.
func (s *Set) parseAuto(line []byte, r *record.Record) bool {
	last := s.last
	if s.try(last, line, r) {
		return true
	}
	for i := s.auto.from; i < s.auto.to; i++ {
		if i != last && s.try(i, line, r) {
			s.last = i
			return true
		}
	}
	return false
}

// try reads line with one format and stores the name of the format in r. If it cannot,
// it keeps the reason if that says more than those before.
func (s *Set) try(i int, line []byte, r *record.Record) bool {
	f := s.formats[i]
	if f.try(line, r, &s.trial) {
		s.name(f, r)
		return true
	}
	r.ResetAccess()
	found := fault{s.trial, i, isObject(line, f)}
	if s.fault.Column == 0 || found.saysMoreThan(&s.fault) {
		s.fault = found
	}
	return false
}

// unnamed stands for the name of a log_format that has none.
const unnamed = "(unnamed)"

// name stores the name of the format that read a line in r, and what is in doubt about
// all lines of that format.
func (s *Set) name(f LineFormat, r *record.Record) {
	r.Format = f.Name()
	if r.Format == "" {
		r.Format = unnamed
	}
	if len(s.doubtful) > 0 && slices.Contains(s.doubtful, r.Format) {
		r.Access.Guessed |= record.LoggedRemoteAddr & r.Access.Logged
		r.Access.Logged |= record.LoggedOtherPeer
	}
}

// A fault is why no format reads a line.
type fault struct {
	record.ParseError
	format   int  // the index of the format that says so
	isObject bool // a JSON format says so of an object: no other format can say more
}

func (f *fault) saysMoreThan(other *fault) bool {
	if f.isObject != other.isObject {
		return f.isObject
	}
	return f.Column > other.Column || f.Column == other.Column && f.format < other.format
}

// isObject reports whether line is meant to be a JSON object and f reads these: no
// other format can say what is wrong with it.
func isObject(line []byte, f LineFormat) bool {
	_, ok := f.(*JSONFormat)
	return ok && len(line) > 0 && line[0] == '{'
}
