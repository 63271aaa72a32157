package parser

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	pathpkg "path"
	"slices"
	"time"
	_ "time/tzdata" // for error-zone on systems that have no time zones

	"clearhop/internal/setting"
)

// Settings are what the operator says about the format of lines. The command reads
// them from flags, the functions from the environment. Package pipeline has their
// help.
type Settings struct {
	Format    []string          `name:"format" env:"CLEARHOP_FORMAT" default:"auto" sep:"none" envSeparator:"\x1e" placeholder:"FORMAT"`
	FormatFor map[string]string `name:"format-for" env:"CLEARHOP_FORMAT_FOR" mapsep:"\n" envSeparator:"\n" envKeyValSeparator:"=" placeholder:"PATTERN=FORMAT"`
	JSONKey   map[string]string `name:"json-key" env:"CLEARHOP_JSON_KEYS" mapsep:"," envKeyValSeparator:"=" placeholder:"KEY=VARIABLE"`
	ErrorZone string            `name:"error-zone" env:"CLEARHOP_ERROR_ZONE" default:"UTC" placeholder:"ZONE"`
}

// Zone returns the time zone of error lines.
func (s *Settings) Zone() (*time.Location, error) {
	var local error
	if s.ErrorZone == "Local" {
		local = errors.New(`"Local" is the zone of this machine: name the zone that nginx runs in`)
	}
	zone, err := time.LoadLocation(s.ErrorZone)
	if err := errors.Join(local, err); err != nil {
		return nil, setting.Error("error-zone", err)
	}
	return zone, nil
}

// Formats are the compiled formats of Settings: those for all streams, and those for
// streams whose names match a pattern. They are immutable and safe for concurrent
// use.
type Formats struct {
	all      *Set
	patterns []patternFormats // the longest pattern first
	leftOut  []error
}

// LeftOut returns an error for each log_format of an nginx.conf that cannot be read
// back. Its lines will be unparsed unless another format reads them.
func (f *Formats) LeftOut() []error { return f.leftOut }

type patternFormats struct {
	pattern string // in the syntax of path.Match
	formats *Set
}

// Compile compiles all formats and reads the files that they name. The error joins
// one for each format and each pattern that is wrong.
func (s *Settings) Compile() (*Formats, error) {
	var errs, leftOut []error
	compile := func(name string, texts ...string) *Set {
		set, err := NewSet(SetConfig{Formats: texts, JSONKeys: s.JSONKey, ReadConf: ReadConf})
		if err != nil {
			errs = append(errs, setting.Error(name, err))
			return nil
		}
		leftOut = append(leftOut, set.LeftOut()...)
		return set
	}
	texts := s.Format
	if len(texts) == 0 {
		texts = []string{Auto}
	}
	f := &Formats{all: compile("format", texts...)}
	patterns := slices.SortedFunc(maps.Keys(s.FormatFor), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	for _, pattern := range patterns {
		if _, err := pathpkg.Match(pattern, ""); err != nil {
			errs = append(errs, setting.Error("format-for", fmt.Errorf("pattern %q: %w", pattern, err)))
			continue
		}
		f.patterns = append(f.patterns, patternFormats{pattern, compile("format-for", s.FormatFor[pattern])})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	f.leftOut = leftOut
	return f, nil
}

// For returns a new Set of the formats of one stream. stream is the name of its log
// group or file. The longest pattern that matches the name wins.
func (f *Formats) For(stream string) *Set {
	for _, p := range f.patterns {
		if ok, err := pathpkg.Match(p.pattern, stream); ok && err == nil {
			return p.formats.Clone()
		}
	}
	return f.all.Clone()
}
