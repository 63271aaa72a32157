package parser

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Conf is what an nginx.conf says about access logs.
type Conf struct {
	// Formats are the formats of the log_format directives of http and stream, in
	// their order.
	Formats []*Format
	// LeftOut has an error for each log_format that Formats lacks, because it
	// cannot be read back or is not written as nginx wants it.
	LeftOut []*ConfError
	// Logs are the access_log directives of http and stream, in their order.
	Logs []AccessLog
}

// An AccessLog is an access_log directive that writes something.
type AccessLog struct {
	Path   string // as it is written: a file, or syslog:server=…
	Format string // the name of the log_format; combined if the directive has none
	File   string // the configuration file
	Line   int    // its line, from 1
}

// A ConfFile is a file of a configuration.
type ConfFile struct {
	Name string // for errors
	Text []byte
}

// Causes of a ConfError besides ErrSyntax and ErrAmbiguous.
var (
	// ErrInclude: an included file was not read.
	ErrInclude = errors.New("not included")
	// ErrDuplicate: nginx does not accept two formats of the same name.
	ErrDuplicate = errors.New("log_format defined twice")
)

// A ConfError says where something is wrong in a configuration.
type ConfError struct {
	File   string
	Line   int // from 1
	Column int // in bytes, from 1
	// Format is the name of the log_format that has the fault, or "".
	Format string
	Reason string
	// Err is ErrSyntax, ErrAmbiguous, ErrInclude, ErrDuplicate, or the error of
	// open.
	Err error
}

// Error returns place, format and reason in one line.
func (e *ConfError) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %v", e.File, e.Line, e.Column, e.Err)
	if e.Format != "" {
		s += fmt.Sprintf(": log_format %s", e.Format)
	}
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

// Unwrap returns the cause.
func (e *ConfError) Unwrap() error { return e.Err }

// The bounds of a configuration with all included files.
const (
	maxIncludeDepth = 16
	maxConfFiles    = 1000
	maxConfBytes    = 16 << 20
)

// ParseConf finds the log_format and access_log directives in the text of an nginx
// configuration, in blocks of any depth. name is the name of the file, for errors.
//
// open reads the files of an include directive. It gets the path as it is written,
// which may be a pattern that matches any number of files, or none. If open is
// nil, includes are skipped.
//
// The error joins a *ConfError for each format of LeftOut and for each include that
// was not read. The Conf has everything else and is never nil. After an error of
// syntax, the rest of that file is missing too.
func ParseConf(text []byte, name string, open func(path string) ([]ConfFile, error)) (*Conf, error) {
	c := &confReader{conf: &Conf{}, open: open}
	c.read(ConfFile{Name: name, Text: text}, nil, 0)
	return c.conf, errors.Join(c.errs...)
}

// A confReader reads a configuration with all that it includes.
type confReader struct {
	conf  *Conf
	open  func(path string) ([]ConfFile, error)
	errs  []error
	names []string // of the formats; those of stream begin with "stream "
	files int
	bytes int
}

// read reads one file. blocks are the blocks around the include directive, and
// depth is the number of files that include each other.
func (c *confReader) read(file ConfFile, blocks []string, depth int) {
	c.files++
	c.bytes += len(file.Text)
	f := &confFile{
		confReader: c, name: file.Name, text: string(file.Text),
		blocks: slices.Clone(blocks), outside: len(blocks), depth: depth,
	}
	for at, more := 0, true; more; {
		at, more = f.directive(at)
	}
}

// A confFile is a file while it is read.
type confFile struct {
	*confReader
	name, text string
	blocks     []string // the names of the open blocks, the outermost first
	outside    int      // how many of them were opened in another file
	depth      int
}

// directive reads the directive at index at. It returns where the next one starts,
// and whether to read on.
func (f *confFile) directive(at int) (next int, more bool) {
	d, err := nextDirective(f.text, at)
	if err != nil {
		f.failSyntax(err.Column-1, err.Reason)
		return 0, false
	}
	switch d.terminator {
	case '{':
		return f.openBlock(d)
	case '}':
		if len(f.blocks) == f.outside {
			f.failSyntax(d.start, `"}" closes no block`)
			return 0, false
		}
		f.blocks = f.blocks[:len(f.blocks)-1]
	case ';':
		if !notOfLogs(f.blocks) {
			f.simple(d)
		}
	default: // the end of the file
		if len(f.blocks) > f.outside {
			f.failSyntax(len(f.text), fmt.Sprintf("the block %s is not closed", f.blocks[len(f.blocks)-1]))
		}
		return 0, false
	}
	return d.end, true
}

// openBlock enters a block. It skips blocks of Lua code.
func (f *confFile) openBlock(d confDirective) (next int, more bool) {
	if !strings.HasSuffix(d.name, "_by_lua_block") {
		f.blocks = append(f.blocks, d.name)
		return d.end, true
	}
	end := skipLua(f.text, d.end)
	if end < 0 {
		f.failSyntax(d.start, fmt.Sprintf("the block %s is not closed", d.name))
	}
	return end, end >= 0
}

// simple reads a directive that opens no block.
func (f *confFile) simple(d confDirective) {
	switch d.name {
	case directiveName:
		f.logFormat(d)
	case "access_log":
		f.accessLog(d)
	case "include":
		if f.open != nil {
			f.include(d)
		}
	}
}

// notOfLogs reports whether directives in these blocks do not concern access logs:
// the blocks are of mail, or they hold data.
func notOfLogs(blocks []string) bool {
	for _, b := range blocks {
		switch b {
		case "mail", "map", "geo", "types", "split_clients", "charset_map", "match":
			return true
		}
	}
	return false
}

// fail adds an error for what is at index at of the file, and returns it.
func (f *confFile) fail(at int, format, reason string, cause error) *ConfError {
	line, column := position(f.text, at)
	err := &ConfError{File: f.name, Line: line, Column: column, Format: format, Reason: reason, Err: cause}
	f.errs = append(f.errs, err)
	return err
}

func (f *confFile) failSyntax(at int, reason string) { f.fail(at, "", reason, ErrSyntax) }

// logFormat reads a log_format directive.
func (f *confFile) logFormat(d confDirective) {
	text := f.text[d.start:d.end]
	parsed, err := parseDirective(text)
	var format *Format
	if err == nil {
		if !f.define(parsed.name) {
			f.fail(d.start, parsed.name, "", ErrDuplicate)
			return
		}
		format, err = compile(parsed.name, parsed.escape, parsed.parts)
	}
	var compileError *CompileError
	switch {
	case err == nil:
		f.conf.Formats = append(f.conf.Formats, format)
	case errors.As(err, &compileError):
		name := cmp.Or(parsed.name, formatName(text))
		f.conf.LeftOut = append(f.conf.LeftOut, f.fail(d.start+compileError.Column-1, name, compileError.Reason, compileError.Err))
	default:
		f.conf.LeftOut = append(f.conf.LeftOut, f.fail(d.start, parsed.name, "", err))
	}
}

// define notes the name of a format. It reports false if the name is taken: http and
// stream have names of their own.
func (f *confFile) define(name string) bool {
	if slices.Contains(f.blocks, "stream") {
		name = "stream " + name
	}
	if slices.Contains(f.names, name) {
		return false
	}
	f.names = append(f.names, name)
	return true
}

// formatName returns the name in a log_format directive whose other arguments are
// wrong.
func formatName(directive string) string {
	args, err := arguments(directive)
	if err != nil || len(args) < 2 {
		return ""
	}
	return args[1].text
}

// accessLog reads an access_log directive. It skips a directive with errors, which
// nginx itself reports.
func (f *confFile) accessLog(d confDirective) {
	args, err := arguments(f.text[d.start:d.end])
	if err != nil || len(args) < 2 || args[1].text == "off" {
		return
	}
	line, _ := position(f.text, d.start)
	log := AccessLog{Path: args[1].text, Format: combined, File: f.name, Line: line}
	if len(args) > 2 {
		log.Format = args[2].text
	}
	f.conf.Logs = append(f.conf.Logs, log)
}

// include reads the files that an include directive names.
func (f *confFile) include(d confDirective) {
	args, err := arguments(f.text[d.start:d.end])
	if err != nil || len(args) != 2 {
		f.failSyntax(d.start, "include takes one path")
		return
	}
	if f.depth == maxIncludeDepth {
		f.fail(d.start, "", fmt.Sprintf("files include each other more than %d deep", maxIncludeDepth), ErrInclude)
		return
	}
	files, err := f.open(args[1].text)
	if err != nil {
		f.fail(d.start, "", "include "+args[1].text, err)
		return
	}
	for _, file := range files {
		if f.files >= maxConfFiles || f.bytes+len(file.Text) > maxConfBytes {
			f.fail(d.start, "", fmt.Sprintf("the configuration has more than %d files or %d MiB", maxConfFiles, maxConfBytes>>20), ErrInclude)
			return
		}
		f.read(file, f.blocks, f.depth+1)
	}
}

// position returns the line and the column, in bytes, of the index at. Both count
// from 1.
func position(text string, at int) (line, column int) {
	before := text[:min(at, len(text))]
	return 1 + strings.Count(before, "\n"), len(before) - strings.LastIndexByte(before, '\n')
}

// A confDirective is the place of a directive: text[start:end], with its
// terminator.
type confDirective struct {
	name       string
	start, end int
	terminator byte // ";", "{", "}" without a directive, or 0 at the end of the file
}

// nextDirective finds the next directive, as ngx_conf_read_token does. A directive
// has words. A word in quotes may contain anything. A word without quotes ends at
// a space, a semicolon, or an opening brace that does not follow "$".
func nextDirective(text string, at int) (confDirective, *CompileError) {
	d := confDirective{start: skipBlank(text, at)}
	i := d.start
	for words := 0; ; words++ {
		i = skipBlank(text, i)
		if i == len(text) {
			d.end = i
			if words > 0 {
				return d, &CompileError{Column: i + 1, Err: ErrSyntax, Reason: `the file ends before ";" or "}"`}
			}
			return d, nil
		}
		switch c := text[i]; {
		case (c == ';' || c == '{') && words > 0, c == '}' && words == 0:
			d.terminator, d.end = c, i+1
			return d, nil
		case c == ';' || c == '{' || c == '}':
			return d, &CompileError{Column: i + 1, Err: ErrSyntax, Reason: fmt.Sprintf("unexpected %q", string(c))}
		}
		end, err := wordEnd(text, i)
		if err != nil {
			return d, err
		}
		if words == 0 {
			d.name = strings.Trim(text[i:end], `"'`)
		}
		i = end
	}
}

// wordEnd returns the end of the word at i.
func wordEnd(text string, i int) (int, *CompileError) {
	start := i
	quote := byte(0)
	if isQuote(text[i]) {
		quote = text[i]
		i++
	}
	afterDollar := false
	for ; i < len(text); i++ {
		c := text[i]
		if c == '{' && afterDollar {
			continue
		}
		afterDollar = c == '$'
		switch {
		case c == '\\':
			i++
		case quote != 0:
			if c != quote {
				continue
			}
			i++
			if i < len(text) && strings.IndexByte(" \t\r\n;{)", text[i]) < 0 {
				return i, &CompileError{Column: i + 1, Err: ErrSyntax, Reason: "a space must follow the closing quote"}
			}
			return i, nil
		case strings.IndexByte(" \t\r\n;{", c) >= 0:
			return i, nil
		}
	}
	if quote != 0 {
		return i, &CompileError{Column: start + 1, Err: ErrSyntax, Reason: "the closing quote is missing"}
	}
	return len(text), nil
}

// skipLua returns the index after the brace that closes the block of Lua code at i,
// or -1. Braces in Lua's strings and comments do not count.
func skipLua(text string, i int) int {
	for depth := 1; i < len(text); {
		switch c := text[i]; {
		case c == '{':
			depth++
			i++
		case c == '}':
			i++
			if depth--; depth == 0 {
				return i
			}
		case c == '"' || c == '\'':
			i = skipLuaString(text, i)
		case strings.HasPrefix(text[i:], "--"):
			if end := longBracketEnd(text, i+2); end > 0 {
				i = end
			} else {
				i += lineLength(text[i:])
			}
		case c == '[':
			if end := longBracketEnd(text, i); end > 0 {
				i = end
			} else {
				i++
			}
		default:
			i++
		}
	}
	return -1
}

// skipLuaString returns the index after the string in quotes at i.
func skipLuaString(text string, i int) int {
	quote := text[i]
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case quote, '\n':
			return i + 1
		}
	}
	return len(text)
}

// longBracketEnd returns the index after the text in [[ ]] or [==[ ]==] at i, or 0
// if there is none.
func longBracketEnd(text string, i int) int {
	rest, ok := strings.CutPrefix(text[min(i, len(text)):], "[")
	if !ok {
		return 0
	}
	level := len(rest) - len(strings.TrimLeft(rest, "="))
	if level == len(rest) || rest[level] != '[' {
		return 0
	}
	closing := "]" + rest[:level] + "]"
	n := strings.Index(rest[level+1:], closing)
	if n < 0 {
		return len(text)
	}
	return i + 1 + level + 1 + n + len(closing)
}
