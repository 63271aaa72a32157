package nginxconf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A File is a file of a configuration.
type File struct {
	Name string // as it was opened, for messages
	Text []byte
}

// A Directive is one directive as it is written.
type Directive struct {
	Name  string
	Args  []string // without quotes, and with their escapes undone
	Block []*Directive
	// IsBlock says that the directive has a block, which may be empty.
	IsBlock bool

	File *File
	Line int // of its name, from 1
	// Text[Start:End] is the directive up to its semicolon or opening brace, and
	// Close the index after the brace that closes its block.
	Start, End, Close int
	// ArgEnds has, for each of Args, the index in Text after it.
	ArgEnds []int
}

// At returns the place of the directive: "edge.conf:42".
func (d *Directive) At() string { return d.File.Name + ":" + strconv.Itoa(d.Line) }

// Raw returns the directive as it is written, up to its semicolon or opening brace.
func (d *Directive) Raw() string { return string(d.File.Text[d.Start:d.End]) }

// Arg returns the argument with that index, or "".
func (d *Directive) Arg(i int) string {
	if i >= len(d.Args) {
		return ""
	}
	return d.Args[i]
}

// Causes of an Error.
var (
	// ErrSyntax: nginx cannot read the text.
	ErrSyntax = errors.New("nginx cannot read this")
	// ErrInclude: an included file was not read.
	ErrInclude = errors.New("not included")
)

// An Error says where a configuration cannot be read.
type Error struct {
	File   string
	Line   int // from 1
	Column int // in bytes, from 1
	Reason string
	Err    error // ErrSyntax, ErrInclude, or the error of open
}

// Error returns place and reason in one line.
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %v: %s", e.File, e.Line, e.Column, e.Err, e.Reason)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// An Unknown is something that decides about the log and that the configuration does not
// say. It is named instead of guessed.
type Unknown struct {
	At   string `json:"at"` // "edge.conf:42"
	What string `json:"what"`
}

// The bounds of a configuration with all included files.
const (
	maxIncludeDepth = 16
	maxBlockDepth   = 64
	maxFiles        = 1000
	maxBytes        = 16 << 20
)

// Open reads the files of an include directive. It gets the path as it is written, which
// may be a pattern that matches any number of files, or none.
type Open func(path string) ([]*File, error)

// Read reads an nginx.conf and the files that it includes. Their names are relative to
// the folder of the main file, as they are for nginx. An included file that is missing is
// an Unknown of the Config and no error.
func Read(name string) (*Config, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return Parse(&File{Name: name, Text: text}, Folder(filepath.Dir(name)))
}

// Folder opens included files below a folder.
func Folder(dir string) Open {
	return func(pattern string) ([]*File, error) {
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(dir, pattern)
		}
		names := []string{pattern}
		if strings.ContainsAny(pattern, "*?[") {
			var err error
			if names, err = filepath.Glob(pattern); err != nil {
				return nil, err
			}
		}
		var files []*File
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			files = append(files, &File{Name: name, Text: text})
		}
		return files, nil
	}
}

// Parse reads a configuration. If open is nil, includes are skipped.
//
// The error joins an *Error for each place that nginx cannot read. The Config has
// everything else and is never nil. After an error of syntax, the rest of that file is
// missing.
func Parse(file *File, open Open) (*Config, error) {
	r := &reader{config: &Config{opened: map[string][]string{}}, open: open}
	r.config.Root = r.read(file, nil, 0, 0)
	r.config.note()
	return r.config, errors.Join(r.errs...)
}

// With returns the configuration with other texts of its files, which have the names of
// c.Files. What was included is included again, and nothing else is opened.
func (c *Config) With(files []*File) (*Config, error) {
	if len(files) == 0 {
		return nil, errors.New("no file is given")
	}
	byName := map[string]*File{}
	for _, f := range files {
		byName[f.Name] = f
	}
	return Parse(files[0], func(path string) ([]*File, error) {
		var all []*File
		for _, name := range c.opened[path] {
			if f := byName[name]; f != nil {
				all = append(all, f)
			}
		}
		if len(all) == 0 && c.opened[path] == nil {
			return nil, os.ErrNotExist
		}
		return all, nil
	})
}

// A reader reads a configuration with all that it includes.
type reader struct {
	config *Config
	open   Open
	errs   []error
	files  int // that were read, each as often as it was
	bytes  int
}

// fileNamed returns the file of that name, if it was read.
func (r *reader) fileNamed(name string) *File {
	for _, f := range r.config.Files {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// read reads one file. depth is the number of files that include each other.
func (r *reader) read(file *File, blocks []string, depth, nested int) []*Directive {
	if r.fileNamed(file.Name) == nil {
		r.config.Files = append(r.config.Files, file)
	}
	r.files++
	r.bytes += len(file.Text)
	f := &fileReader{reader: r, file: file, text: string(file.Text), depth: depth}
	return f.block(blocks, nested, nil)
}

// A fileReader is a file while it is read.
type fileReader struct {
	*reader
	file  *File
	text  string
	at    int
	depth int
	ended bool // by an error of syntax

	line, lineAt int // the lines before the index lineAt, so that no text is counted twice
}

// lineOf returns the line of an index that is not before that of the last call.
func (f *fileReader) lineOf(at int) int {
	f.line += strings.Count(f.text[f.lineAt:at], "\n")
	f.lineAt = at
	return 1 + f.line
}

// block reads directives up to the brace that closes the block of owner, or up to the
// end of the file if owner is nil.
func (f *fileReader) block(blocks []string, nested int, owner *Directive) []*Directive {
	all := []*Directive{}
	for !f.ended {
		d, err := scan(f.text, f.at)
		if err != nil {
			f.fail(err.at, err.reason, ErrSyntax)
			break
		}
		f.at = d.end
		switch d.terminator {
		case '}':
			if owner != nil {
				owner.Close = d.end
				return all
			}
			f.fail(d.start, `"}" closes no block`, ErrSyntax)
		case 0:
			if owner != nil {
				f.fail(len(f.text), fmt.Sprintf("the block %s is not closed", owner.Name), ErrSyntax)
			}
			f.ended = true
		case '{':
			all = append(all, f.openBlock(&d, blocks, nested))
		default:
			one := f.directive(&d)
			if one.Name == "include" && f.open != nil {
				all = append(all, f.include(one, blocks, nested)...)
				continue
			}
			all = append(all, one)
		}
	}
	return all
}

func (f *fileReader) directive(d *scanned) *Directive {
	one := &Directive{Name: d.words[0].text, File: f.file, Line: f.lineOf(d.start), Start: d.start, End: d.end}
	for _, w := range d.words[1:] {
		one.Args = append(one.Args, w.text)
		one.ArgEnds = append(one.ArgEnds, w.end)
	}
	return one
}

// openBlock reads a block. It skips Lua code.
func (f *fileReader) openBlock(d *scanned, blocks []string, nested int) *Directive {
	one := f.directive(d)
	one.IsBlock = true
	switch {
	case isLua(one.Name):
		if one.Close = skipLua(f.text, d.end); one.Close < 0 {
			f.fail(d.start, fmt.Sprintf("the block %s is not closed", one.Name), ErrSyntax)
			one.Close = len(f.text)
		}
		f.at = one.Close
	case nested == maxBlockDepth:
		f.fail(d.start, fmt.Sprintf("blocks are more than %d deep", maxBlockDepth), ErrSyntax)
	default:
		one.Block = f.block(append(blocks[:len(blocks):len(blocks)], one.Name), nested+1, one)
	}
	return one
}

// include reads the files that an include directive names. A file that is missing is
// noted.
func (f *fileReader) include(d *Directive, blocks []string, nested int) []*Directive {
	if len(d.Args) != 1 {
		f.fail(d.Start, "include takes one path", ErrSyntax)
		return nil
	}
	if f.depth == maxIncludeDepth {
		f.failAt(d.Start, fmt.Sprintf("files include each other more than %d deep", maxIncludeDepth), ErrInclude)
		return nil
	}
	files, err := f.open(d.Args[0])
	if err == nil {
		names := []string{}
		for _, file := range files {
			names = append(names, file.Name)
		}
		f.config.opened[d.Args[0]] = names
	}
	switch {
	case errors.Is(err, os.ErrNotExist):
		if !holdsData(blocks) && !isHarmless(d.Args[0]) {
			f.config.missing = append(f.config.missing, Unknown{d.At(), fmt.Sprintf("the file %s, which is included here, is missing", d.Args[0])})
		}
		return nil
	case err != nil:
		f.failAt(d.Start, "include "+d.Args[0], err)
		return nil
	}
	var all []*Directive
	for _, file := range files {
		if f.files >= maxFiles || f.bytes+len(file.Text) > maxBytes {
			f.failAt(d.Start, fmt.Sprintf("the configuration has more than %d files or %d MiB", maxFiles, maxBytes>>20), ErrInclude)
			break
		}
		if known := f.fileNamed(file.Name); known != nil {
			file = known // it is included twice
		}
		all = append(all, f.read(file, blocks, f.depth+1, nested)...)
	}
	return all
}

// isHarmless reports whether a file of that name holds nothing that decides about
// addresses: types of files, and parameters of other protocols.
func isHarmless(path string) bool {
	switch filepath.Base(path) {
	case "mime.types", "fastcgi_params", "fastcgi.conf", "uwsgi_params", "scgi_params":
		return true
	}
	return false
}

// holdsData reports whether the innermost of these blocks holds data and no directives.
func holdsData(blocks []string) bool {
	if len(blocks) == 0 {
		return false
	}
	switch blocks[len(blocks)-1] {
	case "map", "geo", "types", "split_clients", "charset_map", "match":
		return true
	}
	return false
}

// fail adds an error for what is at index at of the file, and ends its reading.
func (f *fileReader) fail(at int, reason string, cause error) {
	f.failAt(at, reason, cause)
	f.ended = true
}

func (f *fileReader) failAt(at int, reason string, cause error) {
	line, column := position(f.text, at)
	f.errs = append(f.errs, &Error{File: f.file.Name, Line: line, Column: column, Reason: reason, Err: cause})
}

// position returns the line and the column, in bytes, of the index at. Both count
// from 1.
func position(text string, at int) (line, column int) {
	before := text[:min(at, len(text))]
	return 1 + strings.Count(before, "\n"), len(before) - strings.LastIndexByte(before, '\n')
}
