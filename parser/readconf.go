package parser

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ReadConf reads an nginx.conf and the files that it includes. It skips included
// files that do not exist on this machine, because mime.types and the files of
// modules often do not. The error joins everything else that is wrong, apart from
// the formats of LeftOut.
func ReadConf(name string) (*Conf, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	conf, err := ParseConf(text, name, func(include string) ([]ConfFile, error) {
		return readIncluded(filepath.Dir(name), include)
	})
	return conf, withoutLeftOut(err, conf.LeftOut)
}

// SplitConf takes FILE#FORMAT apart: an nginx.conf, and the name of one of its
// formats. The name is empty if it is not given, as in FILE or in FILE#, by which a
// file can be meant whose name has a # in it.
func SplitConf(text string) (file, format string) {
	i := strings.LastIndexByte(text, '#')
	if i < 0 {
		return text, ""
	}
	return text[:i], text[i+1:]
}

// FormatOf returns the format of that name in a file. readConf reads the file, as
// ReadConf does. That other formats of the file cannot be read does not matter.
// Every configuration has combined, which is built into nginx.
func FormatOf(file, name string, readConf func(file string) (*Conf, error)) (*Format, error) {
	conf, err := readConf(file)
	if conf == nil {
		return nil, err
	}
	var known []string
	for _, f := range conf.Formats {
		if f.Name() == name {
			return f, nil
		}
		known = append(known, f.Name())
	}
	if name == combined {
		return Compile(combined)
	}
	for _, e := range conf.LeftOut {
		if e.Format == name {
			return nil, e
		}
	}
	switch {
	case err != nil:
		return nil, err
	case len(known) == 0:
		return nil, fmt.Errorf("%s has no log_format", file)
	}
	return nil, fmt.Errorf("%s has no log_format %s; it has %s", file, name, strings.Join(known, ", "))
}

// readIncluded reads the files that an include directive names. A relative name is
// relative to the folder of the main file.
func readIncluded(dir, pattern string) ([]ConfFile, error) {
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(dir, pattern)
	}
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	var files []ConfFile
	for _, name := range names {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, ConfFile{Name: name, Text: text})
	}
	return files, nil
}

// withoutLeftOut removes the errors about files that were not included, and about formats
// that were left out.
func withoutLeftOut(err error, leftOut []*ConfError) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		format, ok := e.(*ConfError)
		if errors.Is(e, ErrInclude) || ok && slices.Contains(leftOut, format) {
			continue
		}
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}
