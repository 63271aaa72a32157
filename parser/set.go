package parser

import (
	"errors"
	"fmt"
	"strings"

	"clearhop/record"
)

// A Set reads lines that may be in any of several formats, as they are in the
// log group of more than one service. It tries the format that matched last
// first. A Set is not safe for concurrent use; Clone gives another one.
type Set struct {
	formats []LineFormat
	// lastResort reads what no other format does, and lines of most others
	// too: it is tried when all have failed, whatever matched before.
	lastResort LineFormat
	last       int
}

// Auto is the name that stands for all built-in formats, JSON and CombinedExtra
// among them. The others do not shadow each other: each one asks for the end of
// the line at another place.
const Auto = "auto"

// A SetConfig says what formats a Set has.
type SetConfig struct {
	// Formats are texts as Compile takes them, Auto, JSON, CombinedExtra, or
	// "@nginx.conf" for the log_formats of that file. A line is tried in their
	// order.
	Formats []string
	// JSONKeys are as NewJSON takes them.
	JSONKeys map[string]string
	// ReadConf reads the file behind the "@"; nil refuses such formats.
	ReadConf func(name string) (*Conf, error)
}

// NewSet compiles the formats of c. All errors come joined.
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

// combined is the format that nginx brings along.
const combined = "combined"

func (s *Set) addConf(name string, c SetConfig) error {
	if c.ReadConf == nil {
		return errors.New("no file can be read here")
	}
	conf, err := c.ReadConf(name)
	if err != nil {
		return err
	}
	for _, f := range conf.Formats {
		s.formats = append(s.formats, f)
	}
	for _, log := range conf.Logs {
		if log.Format == combined {
			// nginx has this one without a log_format.
			return s.add(combined, combined, c)
		}
	}
	if len(conf.Formats) == 0 {
		return fmt.Errorf("%s has no log_format", name)
	}
	return nil
}

// Clone returns a Set of the same formats for another goroutine or stream.
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

// Parse reads line into r with the first format that matches. If none does,
// the error is that of the format that got furthest, a *record.ParseError.
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

func column(err error) int {
	var parse *record.ParseError
	if errors.As(err, &parse) {
		return parse.Column
	}
	return 0
}
