package parser

import (
	"errors"
	"fmt"

	"clearhop/record"
)

// A Set reads lines that may be in any of several formats, as they are in the
// log group of more than one service. It tries the format that matched last
// first. A Set is not safe for concurrent use; Clone gives another one.
type Set struct {
	formats []*Format
	last    int
}

// Auto is the name that stands for all built-in formats. They do not shadow
// each other: each one asks for the end of the line at another place.
const Auto = "auto"

// NewSet compiles each of texts, which are as Compile takes them, or Auto. The
// order is the order in which a line is tried. All errors come joined.
func NewSet(texts ...string) (*Set, error) {
	s := &Set{}
	var errs []error
	for i, text := range texts {
		if text == Auto {
			for _, name := range BuiltinNames() {
				f, err := Compile(name)
				if err != nil {
					errs = append(errs, fmt.Errorf("format %q: %w", name, err))
					continue
				}
				s.formats = append(s.formats, f)
			}
			continue
		}
		f, err := Compile(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("format %d: %w", i+1, err))
			continue
		}
		s.formats = append(s.formats, f)
	}
	if len(errs) == 0 && len(s.formats) == 0 {
		errs = append(errs, errors.New("no format"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// Clone returns a Set of the same formats for another goroutine.
func (s *Set) Clone() *Set { return &Set{formats: s.formats} }

// Formats returns the formats in the order in which they are tried. The caller
// must not change the slice.
func (s *Set) Formats() []*Format { return s.formats }

// Parse reads line into r with the first format that matches. If none does,
// the error is that of the format that got furthest, a *record.ParseError.
func (s *Set) Parse(line []byte, r *record.Record) error {
	err := s.formats[s.last].Parse(line, r)
	if err == nil {
		return nil
	}
	furthest := err
	for i, f := range s.formats {
		if i == s.last {
			continue
		}
		r.ResetAccess()
		err := f.Parse(line, r)
		if err == nil {
			s.last = i
			return nil
		}
		if column(err) > column(furthest) {
			furthest = err
		}
	}
	r.ResetAccess()
	return furthest
}

func column(err error) int {
	var parse *record.ParseError
	if errors.As(err, &parse) {
		return parse.Column
	}
	return 0
}
