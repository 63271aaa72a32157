package parser

import (
	"errors"
	"fmt"
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
		for _, builtin := range append(BuiltinNames(), JSON, CombinedExtra) {
			if err := s.add(builtin, builtin, c); err != nil {
				return err
			}
		}
		return nil
	case name == JSON:
		f, err := NewJSON(c.JSONKeys)
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
	for _, log := range conf.Logs {
		if log.Format == combined {
			// This format needs no log_format.
			return s.add(combined, combined, c)
		}
	}
	if len(conf.Formats) == 0 {
		return fmt.Errorf("%s has no log_format", file)
	}
	return nil
}

// Clone returns a Set with the same formats, for another goroutine or stream.
func (s *Set) Clone() *Set { return &Set{formats: s.formats, lastResort: s.lastResort} }

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
		if column(err) > column(furthest) {
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

// parse reads line with one format and stores the name of the format in r.
func (s *Set) parse(f LineFormat, line []byte, r *record.Record) error {
	if err := f.Parse(line, r); err != nil {
		return err
	}
	r.Format = f.Name()
	if r.Format == "" {
		r.Format = "(unnamed)"
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
