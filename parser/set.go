package parser

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"clearhop/record"
)

// A Set reads lines that may have any of several formats, such as those of a log
// group that several services share. It first tries the format that matched last. A
// Set is for one goroutine; Clone returns another one.
type Set struct {
	formats []LineFormat
	// lastResort is CombinedExtra or nil. It reads the lines of most other
	// formats too, so it is tried only after all of them.
	lastResort LineFormat
	last       int // the index of the format that matched last
	leftOut    []error
	isAuto     bool // Auto is among the formats
	doubtful   []string
}

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
	return &Set{formats: s.formats, lastResort: s.lastResort, isAuto: s.isAuto, doubtful: s.doubtful}
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
	for _, f := range s.formats {
		g, ok := f.(*GuessedFormat)
		if !ok {
			revised.formats = append(revised.formats, f)
		} else if g = guess(g); g != nil {
			revised.formats = append(revised.formats, g)
		}
	}
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
// error is the *record.ParseError of the format that got furthest.
func (s *Set) Parse(line []byte, r *record.Record) error {
	furthest := s.parse(s.formats[s.last], line, r)
	if furthest == nil {
		return nil
	}
	for i, f := range s.formats {
		if i == s.last {
			continue
		}
		r.ResetAccess()
		err := s.parse(f, line, r)
		if err == nil {
			s.last = i
			return nil
		}
		switch {
		case isObject(line, s.formats[s.last]):
		case column(err) > column(furthest) || isObject(line, f):
			furthest = err
		}
	}
	r.ResetAccess()
	if s.lastResort != nil {
		if s.parse(s.lastResort, line, r) == nil {
			return nil
		}
		r.ResetAccess()
	}
	return furthest
}

// isObject reports whether line is meant to be a JSON object and f reads these: no
// other format can say what is wrong with it.
func isObject(line []byte, f LineFormat) bool {
	_, ok := f.(*JSONFormat)
	return ok && len(line) > 0 && line[0] == '{'
}

// parse reads line with one format and stores the name of the format in r.
func (s *Set) parse(f LineFormat, line []byte, r *record.Record) error {
	if err := f.Parse(line, r); err != nil {
		return err
	}
	r.Format = f.Name()
	if r.Format == "" {
		r.Format = "(unnamed)"
	}
	if len(s.doubtful) > 0 && slices.Contains(s.doubtful, r.Format) {
		r.Access.Guessed |= record.LoggedRemoteAddr & r.Access.Logged
		r.Access.Logged |= record.LoggedOtherPeer
	}
	return nil
}

// column returns the column of a *record.ParseError, or 0 for another error.
func column(err error) int {
	var parse *record.ParseError
	if errors.As(err, &parse) {
		return parse.Column
	}
	return 0
}
