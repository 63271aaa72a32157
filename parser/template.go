package parser

import (
	"errors"
	"strings"

	"clearhop/record"
)

// A Template is a log_format to write lines in; encode/accesslog does that. It may
// be one that Compile refuses because nobody could read its lines back. It is
// immutable and safe for concurrent use.
type Template struct {
	Name   string // empty if it has none
	Escape Escape
	Parts  []TemplatePart
}

// A TemplatePart is fixed text or a variable.
type TemplatePart struct {
	Text     string   // the fixed text; empty for a variable
	Variable Variable // its Name is empty for fixed text
}

// A Variable is an nginx variable and the field of a record that holds it. At most
// one of the functions is set. None is for $request and the times, which the record
// has apart, and for a variable that is among Access.Extra under its name.
type Variable struct {
	Name string // in lower case, without "$"
	// Seconds says that a number is kept in nanoseconds and written in seconds.
	Seconds    bool
	Text       func(*record.Access) *[]byte
	Number     func(*record.Access) *record.Int
	List       func(*record.Upstream) *[]byte
	ListNumber func(*record.Upstream) *record.Int
}

// ParseTemplate reads what Compile takes, or "@nginx.conf#name" for the log_format of
// that name in a configuration file, which readConf reads. If readConf is nil, no
// file is read. An error of the text is a *CompileError.
func ParseTemplate(text string, readConf func(file string) (*Conf, error)) (*Template, error) {
	trimmed := strings.TrimSpace(text)
	if file, ok := strings.CutPrefix(trimmed, "@"); ok {
		return templateOfConf(file, readConf)
	}
	if directive, ok := Builtin(trimmed); ok {
		text, trimmed = directive, directive
	}
	var d directive
	switch {
	case isDirective(trimmed):
		var err error
		if d, err = parseDirective(text); err != nil {
			return nil, err
		}
	case trimmed == "" || isName(trimmed):
		_, err := Compile(text) // says what the names are
		return nil, err
	default:
		text = strings.TrimRight(text, "\r\n")
		d.parts = []part{{text: text, columns: identity(text)}}
	}
	t := &Template{Name: d.name, Escape: d.escape}
	for _, p := range d.parts {
		tokens, err := tokenize(p)
		if err != nil {
			return nil, err
		}
		for _, token := range tokens {
			if !token.isVariable {
				t.Parts = append(t.Parts, TemplatePart{Text: token.text})
				continue
			}
			t.Parts = append(t.Parts, TemplatePart{Variable: exported(lookup(token.text))})
		}
	}
	return t, nil
}

// templateOfConf finds a format in a configuration file. name is FILE#NAME.
func templateOfConf(name string, readConf func(file string) (*Conf, error)) (*Template, error) {
	file, name := SplitConf(name)
	switch {
	case name == "":
		return nil, errors.New("name the log_format of the file: @nginx.conf#NAME")
	case readConf == nil:
		return nil, errors.New("formats cannot be read from a file here: write the log_format itself")
	}
	f, err := FormatOf(file, name, readConf)
	if err != nil {
		return nil, err
	}
	return f.Template(), nil
}

// Template returns the format for writing.
func (f *Format) Template() *Template {
	t := &Template{Name: f.name, Escape: f.escape}
	text := func(b []byte) {
		if len(b) > 0 {
			t.Parts = append(t.Parts, TemplatePart{Text: string(b)})
		}
	}
	text(f.prefix)
	for i := range f.steps {
		t.Parts = append(t.Parts, TemplatePart{Variable: exported(f.steps[i].variable)})
		text(f.steps[i].literal)
	}
	return t
}

// exported returns v for other packages.
func exported(v variable) Variable {
	return Variable{
		Name: strings.ToLower(v.name), Seconds: v.kind == kindSeconds || v.kind == kindSecondsList,
		Text: v.text, Number: v.number, List: v.list, ListNumber: v.listNumber,
	}
}
