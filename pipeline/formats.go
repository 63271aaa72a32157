package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"clearhop/parser"
	"clearhop/record"
)

// groupFormats are the formats of the log groups, or files, whose names match a
// pattern.
type groupFormats struct {
	pattern string // as path.Match has it
	formats *parser.Set
}

// formats compiles the formats of c. All that is wrong comes in one error.
func (c *Config) formats() (*parser.Set, []groupFormats, error) {
	var errs []error
	compile := func(name string, texts []string) *parser.Set {
		set, err := parser.NewSet(parser.SetConfig{Formats: texts, JSONKeys: c.JSONKey, ReadConf: ReadConf})
		if err != nil {
			errs = append(errs, setting(name, err))
		}
		return set
	}
	texts := c.Format
	if len(texts) == 0 {
		texts = []string{parser.Auto}
	}
	all := compile("format", texts)
	var perGroup []groupFormats
	patterns := slices.SortedFunc(maps.Keys(c.FormatFor), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) // the longest says most
	})
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil {
			errs = append(errs, setting("format-for", fmt.Errorf("pattern %q: %w", pattern, err)))
			continue
		}
		perGroup = append(perGroup, groupFormats{pattern, compile("format-for", []string{c.FormatFor[pattern]})})
	}
	return all, perGroup, errors.Join(errs...)
}

// ReadConf reads an nginx.conf with what it includes. A file that is not here
// is left out, since mime.types and modules seldom are; a log_format that
// cannot be read back is an error.
func ReadConf(name string) (*parser.Conf, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	conf, err := parser.ParseConf(text, name, func(include string) ([]parser.ConfFile, error) {
		return readIncluded(filepath.Dir(name), include)
	})
	return conf, withoutIncludes(err)
}

// readIncluded reads the files that an include directive names; a relative name
// starts at the main file's folder.
func readIncluded(dir, pattern string) ([]parser.ConfFile, error) {
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(dir, pattern)
	}
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	var files []parser.ConfFile
	for _, name := range names {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, parser.ConfFile{Name: name, Text: text})
	}
	return files, nil
}

// withoutIncludes drops the errors that say that a file was not included.
func withoutIncludes(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		if !errors.Is(e, parser.ErrInclude) {
			errs = append(errs, e)
		}
	}
	return errors.Join(errs...)
}

// formatsFor returns the formats of the stream that origin names. Each stream
// has a Set of its own, which remembers what matched there last.
func (w *Worker) formatsFor(origin *record.Origin) *parser.Set {
	if origin == w.currentOrigin && w.current != nil {
		return w.current
	}
	name := origin.LogGroup
	if name == "" {
		name = filepath.ToSlash(origin.Source)
	}
	set := w.formats[name]
	if set == nil {
		if len(w.formats) >= maxStreams {
			clear(w.formats)
		}
		set = w.p.formatsOf(name).Clone()
		w.formats[name] = set
	}
	w.current, w.currentOrigin = set, origin
	return set
}

// maxStreams bounds the streams whose last format is remembered.
const maxStreams = 1000

func (p *Pipeline) formatsOf(name string) *parser.Set {
	for _, g := range p.perGroup {
		if ok, err := path.Match(g.pattern, name); ok && err == nil {
			return g.formats
		}
	}
	return p.formats
}
