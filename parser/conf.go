package parser

import (
	"errors"
	"fmt"
	"strings"
)

// A Conf is what an nginx.conf says of access logs.
type Conf struct {
	// Formats are the formats of the log_format directives of http, in their
	// order. One that cannot be read back is missing; ParseConf's error names
	// it.
	Formats []*Format
	// Logs are the access_log directives of http, in their order.
	Logs []AccessLog
}

// An AccessLog is an access_log directive that writes something.
type AccessLog struct {
	Path   string // as it stands there: a file, or syslog:server=…
	Format string // combined where none is named
	File   string
	Line   int
}

// A ConfFile is a file of a configuration.
type ConfFile struct {
	Name string // for errors
	Text []byte
}

// Causes of a ConfError besides ErrSyntax and ErrAmbiguous.
var (
	// ErrInclude: a file that is included was not read.
	ErrInclude = errors.New("not included")
	// ErrDuplicate: nginx would refuse the second log_format of a name.
	ErrDuplicate = errors.New("log_format defined twice")
)

// A ConfError says where something is wrong in a configuration.
type ConfError struct {
	File   string
	Line   int // from 1
	Column int // in bytes, from 1
	// Format is the log_format that it is about; empty where it is about none.
	Format string
	Reason string
	// Err is ErrSyntax, ErrAmbiguous, ErrInclude, ErrDuplicate, or what open
	// returned.
	Err error
}

// Error gives place, format and reason in one line.
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

// Bounds of a configuration with all that it includes.
const (
	maxIncludeDepth = 16
	maxConfFiles    = 1000
	maxConfBytes    = 16 << 20
)

// ParseConf finds the log_format and access_log directives of the nginx
// configuration text, at any depth, those of stream and mail left out: their
// lines are of no request. name is the file's, for errors.
//
// open reads what an include names, which is a path as it stands there or a
// pattern that matches any number of files, none included. If open is nil,
// includes are left out.
//
// The error joins a *ConfError for each format that cannot be read back and for
// each include that was not read; the Conf holds all the others and is never nil.
// Where a file is not the configuration's syntax, the rest of that file is
// missing too.
func ParseConf(text []byte, name string, open func(path string) ([]ConfFile, error)) (*Conf, error) {
	c := &confReader{conf: &Conf{}, open: open}
	c.file(ConfFile{Name: name, Text: text}, nil, 0)
	return c.conf, errors.Join(c.errs...)
}

type confReader struct {
	conf  *Conf
	open  func(path string) ([]ConfFile, error)
	errs  []error
	files int
	bytes int
}

// file reads one file that is included depth files deep, into the blocks around
// it.
func (c *confReader) file(f ConfFile, blocks []string, depth int) {
	c.files++
	c.bytes += len(f.Text)
	text := string(f.Text)
	around := len(blocks)
	blocks = append([]string(nil), blocks...)
	fail := func(at int, reason string) { c.fail(f.Name, text, at, "", reason, ErrSyntax) }
	for at := 0; ; {
		d, err := nextDirective(text, at)
		if err != nil {
			fail(err.Column-1, err.Reason)
			return
		}
		at = d.end
		switch d.terminator {
		case 0:
			if len(blocks) > around {
				fail(len(text), fmt.Sprintf("the block %s is not closed", blocks[len(blocks)-1]))
			}
			return
		case '}':
			if len(blocks) == around {
				fail(d.start, `a "}" without a block`)
				return
			}
			blocks = blocks[:len(blocks)-1]
		case '{':
			if strings.HasSuffix(d.name, "_by_lua_block") {
				if at = skipLua(text, at); at < 0 {
					fail(d.start, fmt.Sprintf("the block %s is not closed", d.name))
					return
				}
				continue
			}
			blocks = append(blocks, d.name)
		case ';':
			if ofNoRequest(blocks) {
				continue
			}
			switch d.name {
			case directiveName:
				c.format(f.Name, text, d)
			case "access_log":
				c.accessLog(f.Name, text, d)
			case "include":
				if c.open != nil {
					c.include(f.Name, text, d, blocks, depth)
				}
			}
		}
	}
}

// ofNoRequest reports whether what stands in these blocks says nothing of
// access logs: they are of other protocols, or hold data.
func ofNoRequest(blocks []string) bool {
	for _, b := range blocks {
		switch b {
		case "stream", "mail", "map", "geo", "types", "split_clients", "charset_map", "match":
			return true
		}
	}
	return false
}

// fail notes what is wrong at the index at of a file.
func (c *confReader) fail(file, text string, at int, format, reason string, cause error) {
	line, column := position(text, at)
	c.errs = append(c.errs, &ConfError{File: file, Line: line, Column: column, Format: format, Reason: reason, Err: cause})
}

func (c *confReader) format(file, text string, d confDirective) {
	parsed, err := parseDirective(text[d.start:d.end])
	var f *Format
	if err == nil {
		for _, other := range c.conf.Formats {
			if other.name == parsed.name {
				c.fail(file, text, d.start, parsed.name, "", ErrDuplicate)
				return
			}
		}
		f, err = compile(parsed.name, parsed.escape, parsed.parts)
	}
	var compileError *CompileError
	switch {
	case err == nil:
		c.conf.Formats = append(c.conf.Formats, f)
	case errors.As(err, &compileError):
		name := parsed.name
		if name == "" {
			if args, err := arguments(text[d.start:d.end]); err == nil && len(args) > 1 {
				name = args[1].text
			}
		}
		c.fail(file, text, d.start+compileError.Column-1, name, compileError.Reason, compileError.Err)
	default:
		c.fail(file, text, d.start, parsed.name, "", err)
	}
}

func (c *confReader) accessLog(file, text string, d confDirective) {
	args, err := arguments(text[d.start:d.end])
	if err != nil || len(args) < 2 || args[1].text == "off" {
		return // nginx says more of an access_log that is wrong
	}
	line, _ := position(text, d.start)
	log := AccessLog{Path: args[1].text, Format: "combined", File: file, Line: line}
	if len(args) > 2 {
		log.Format = args[2].text
	}
	c.conf.Logs = append(c.conf.Logs, log)
}

func (c *confReader) include(file, text string, d confDirective, blocks []string, depth int) {
	fail := func(reason string, cause error) { c.fail(file, text, d.start, "", reason, cause) }
	args, err := arguments(text[d.start:d.end])
	if err != nil || len(args) != 2 {
		fail("include takes one path", ErrSyntax)
		return
	}
	if depth == maxIncludeDepth {
		fail(fmt.Sprintf("files include each other more than %d deep", maxIncludeDepth), ErrInclude)
		return
	}
	files, err := c.open(args[1].text)
	if err != nil {
		fail("include "+args[1].text, err)
		return
	}
	for _, f := range files {
		if c.files >= maxConfFiles || c.bytes+len(f.Text) > maxConfBytes {
			fail(fmt.Sprintf("the configuration has more than %d files or %d MiB", maxConfFiles, maxConfBytes>>20), ErrInclude)
			return
		}
		c.file(f, blocks, depth+1)
	}
}

// position returns the line and the byte column of the index at, both from 1.
func position(text string, at int) (line, column int) {
	before := text[:min(at, len(text))]
	return 1 + strings.Count(before, "\n"), len(before) - strings.LastIndexByte(before, '\n')
}

// A confDirective is a directive's place, from its first word to the byte behind
// its terminator.
type confDirective struct {
	name       string
	start, end int
	terminator byte // ";", "{", "}" on its own, or 0 at the end of the file
}

// nextDirective finds the directive that follows, as ngx_conf_read_token reads
// it: words, of which one in quotes may hold anything and one without ends at a
// space, a semicolon or an opening brace that does not follow "$".
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
			return d, &CompileError{Column: i + 1, Err: ErrSyntax, Reason: fmt.Sprintf("an unexpected %q", string(c))}
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

// wordEnd returns where the word ends that starts at i.
func wordEnd(text string, i int) (int, *CompileError) {
	start := i
	quote := text[i]
	if quote != '"' && quote != '\'' {
		quote = 0
	} else {
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

// skipLua returns the index behind the brace that closes the block of Lua code
// that starts at i, or -1. Braces in Lua's strings and comments close nothing.
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

// longBracketEnd returns the index behind the text in [[ ]] or [==[ ]==] that
// starts at i; 0 if none does.
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
