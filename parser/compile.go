package parser

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"clearhop/record"
)

// An Escape is how nginx escapes values, the escape= of a log_format.
type Escape uint8

const (
	// EscapeDefault writes control bytes, quotes, backslashes and all bytes
	// from 0x7F as \xHH.
	EscapeDefault Escape = iota
	// EscapeJSON writes JSON string escapes.
	EscapeJSON
	// EscapeNone writes values as they are.
	EscapeNone
)

// String returns the word as it is written in nginx.conf.
func (e Escape) String() string {
	switch e {
	case EscapeDefault:
		return "default"
	case EscapeJSON:
		return "json"
	case EscapeNone:
		return "none"
	}
	return "unknown"
}

// The causes of a CompileError.
var (
	// ErrSyntax: nginx would not accept the text either.
	ErrSyntax = errors.New("not a log_format")
	// ErrAmbiguous: nginx would write lines whose values cannot be told apart.
	ErrAmbiguous = errors.New("log_format cannot be read back")
)

// A CompileError says where and why a log_format was refused.
type CompileError struct {
	// Column is a place in the text given to Compile, in bytes from 1.
	Column int
	// Reason says what is wrong there.
	Reason string
	// Err is ErrSyntax or ErrAmbiguous.
	Err error
}

// Error returns the place and the reason in one line.
func (e *CompileError) Error() string {
	return fmt.Sprintf("%v: column %d: %s", e.Err, e.Column, e.Reason)
}

// Unwrap returns the cause.
func (e *CompileError) Unwrap() error { return e.Err }

// Compile compiles text, which is one of these: a log_format directive as it is
// written in nginx.conf, the name of a built-in format (see Builtin), or a format
// string on its own. An error is a *CompileError.
func Compile(text string) (*Format, error) {
	trimmed := strings.TrimSpace(text)
	if directive, ok := Builtin(trimmed); ok {
		text, trimmed = directive, directive
	}
	if isDirective(trimmed) {
		d, err := parseDirective(text)
		if err != nil {
			return nil, err
		}
		return compile(d.name, d.escape, d.parts)
	}
	if trimmed == "" {
		return nil, &CompileError{Column: 1, Reason: "the format is empty", Err: ErrSyntax}
	}
	if isName(trimmed) {
		return nil, &CompileError{Column: 1, Err: ErrSyntax,
			Reason: fmt.Sprintf("no format is called %q; known: %s", trimmed, strings.Join(append(BuiltinNames(), CombinedExtra), ", "))}
	}
	// The text of a file ends with a line break.
	text = strings.TrimRight(text, "\r\n")
	return compile("", EscapeDefault, []part{{text: text, columns: identity(text)}})
}

// isName reports whether text is a name. A format string has a "$".
func isName(text string) bool {
	for i := range len(text) {
		c := text[i]
		if !isNameByte(c) && c != '-' {
			return false
		}
	}
	return true
}

// A part is one argument of a directive without its escapes. columns has the column
// in the directive, from 1, of each byte of text and of its end.
type part struct {
	text    string
	columns []int
}

// identity returns the columns of a text that had no escapes.
func identity(text string) []int {
	columns := make([]int, len(text)+1)
	for i := range columns {
		columns[i] = i + 1
	}
	return columns
}

// A token is fixed text or a variable.
type token struct {
	text       string
	isVariable bool
	column     int
}

// compile makes a Format of the strings of a log_format.
func compile(name string, escape Escape, parts []part) (*Format, error) {
	var tokens []token
	for _, p := range parts {
		// nginx reads each string on its own: a variable's name does not
		// continue in the next string.
		ts, err := tokenize(p)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, ts...)
	}
	f := &Format{name: name, escape: escape}
	for _, t := range tokens {
		last := len(f.steps) - 1
		switch {
		case t.isVariable:
			v := lookup(t.text)
			if last >= 0 && len(f.steps[last].literal) == 0 {
				if reason := inseparable(&f.steps[last].variable, &v); reason != "" {
					return nil, &CompileError{Column: t.column, Err: ErrAmbiguous, Reason: reason}
				}
			}
			f.steps = append(f.steps, step{variable: v})
		case strings.Contains(t.text, "\n"):
			return nil, &CompileError{Column: t.column, Reason: "the fixed text has a line break, so nginx would write several lines", Err: ErrAmbiguous}
		case last < 0:
			f.prefix = append(f.prefix, t.text...)
		default:
			st := &f.steps[last]
			st.literal = append(st.literal, t.text...)
			f.planEnd(st)
			if reason := f.ambiguous(st); reason != "" {
				return nil, &CompileError{Column: t.column, Err: ErrAmbiguous, Reason: reason}
			}
		}
	}
	if len(f.steps) == 0 {
		return nil, &CompileError{Column: 1, Reason: "the format has no variable", Err: ErrSyntax}
	}
	f.planRuns()
	f.plan()
	return f, nil
}

// plan sets what depends on all steps: where a step goes back to, which time is
// stored, and which variables are logged.
func (f *Format) plan() {
	best := noTime
	for i := range f.steps {
		best = max(best, f.steps[i].variable.kind.timeRank())
	}
	back := -1
	for i := range f.steps {
		st := &f.steps[i]
		st.back = back
		switch {
		case st.marked:
			// The first mark ends the value, wherever it starts. So going back
			// to a step before this one changes nothing for the steps after it.
			back = -1
		case st.open:
			back = i
		}
		rank := st.variable.kind.timeRank()
		st.store = rank == noTime || rank == best
		st.repeated = st.variable.mayBeExtra() && slices.ContainsFunc(f.steps[i+1:], func(later step) bool { return later.variable.name == st.variable.name })
		f.logged |= st.variable.logged
	}
	if f.logged.Has(loggedMethodAndTarget) {
		f.logged |= record.LoggedRequest
	}
	f.forgeable = f.forgeableColumns()
}

// planEnd sets what ends the value of st, according to its literal.
func (f *Format) planEnd(st *step) {
	st.marked, st.mark, st.open = false, 0, false
	for i, c := range st.literal {
		// With escape=json, a quote after a backslash can also be part of a value.
		likeValue := f.escape == EscapeJSON && c == '"' && i > 0 && st.literal[i-1] == '\\'
		if f.escape.hides(c) && !likeValue {
			st.marked, st.mark = true, i
			return
		}
	}
	if st.variable.width > 0 || st.variable.kind.isNumeric() || st.variable.kind == kindMark {
		return
	}
	for i, c := range st.literal {
		if !st.variable.kind.holds(c) {
			st.mark = i
			return
		}
	}
	st.open = len(st.literal) > 0
}

// ambiguous returns why the end of st's value cannot be found, or "" if it can.
func (f *Format) ambiguous(st *step) string {
	v, next := &st.variable, st.literal[0]
	switch {
	case v.kind == kindMark && next == '?':
		return fmt.Sprintf("a question mark follows $%s, which can be empty", v.name)
	case st.marked || v.width > 0:
		return ""
	case v.kind.isNumeric() && '0' <= next && next <= '9':
		return fmt.Sprintf("a digit follows the number $%s", v.name)
	case v.kind.isList() && goesOnAsList(st.literal, v.kind),
		v.kind.isList() && v.kind.isNumeric() && next == '-' && f.escape != EscapeDefault:
		return fmt.Sprintf("the text after $%s could be one more item of the list", v.name)
	}
	return ""
}

// hides reports whether nginx never writes c in a value, or only after a backslash.
func (e Escape) hides(c byte) bool {
	switch e {
	case EscapeDefault:
		return c < ' ' || c == '"' || c >= 0x7F
	case EscapeJSON:
		return c < ' ' || c == '"'
	default:
		return false
	}
}

// tokenize splits one string in the way of ngx_http_log_compile_format.
func tokenize(p part) ([]token, error) {
	var tokens []token
	text := p.text
	for i := 0; i < len(text); {
		if text[i] != '$' {
			end := strings.IndexByte(text[i:], '$')
			if end < 0 {
				end = len(text) - i
			}
			tokens = append(tokens, token{text: text[i : i+end], column: p.columns[i]})
			i += end
			continue
		}
		start := i
		i++
		bracket := i < len(text) && text[i] == '{'
		if bracket {
			i++
		}
		nameStart := i
		for i < len(text) && isNameByte(text[i]) {
			i++
		}
		name := text[nameStart:i]
		if bracket {
			if i == len(text) || text[i] != '}' {
				return nil, &CompileError{Column: p.columns[start], Reason: "the closing bracket of the variable is missing", Err: ErrSyntax}
			}
			i++
		}
		if name == "" {
			return nil, &CompileError{Column: p.columns[start], Reason: `a variable's name must follow "$"`, Err: ErrSyntax}
		}
		tokens = append(tokens, token{text: name, isVariable: true, column: p.columns[start]})
	}
	return tokens, nil
}

func isNameByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
