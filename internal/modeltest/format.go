package modeltest

import (
	"fmt"
	"regexp"
	"strings"
)

// A Format is a log_format with which the model writes lines.
type Format struct {
	// Directive is the format as nginx.conf has it.
	Directive string
	escape    string // default, json or none
	parts     []part
}

// A part is text, or the name of a variable.
type part struct {
	text       string
	isVariable bool
}

var (
	escapeParameter = regexp.MustCompile(`escape=(\w+)`)
	quoted          = regexp.MustCompile(`'([^']*)'`)
	variable        = regexp.MustCompile(`\$(?:(\w+)|\{(\w+)\})`)
)

// NewFormat reads a log_format directive whose strings are all in single quotes.
func NewFormat(directive string) *Format {
	f := &Format{Directive: directive, escape: "default"}
	if m := escapeParameter.FindStringSubmatch(directive); m != nil {
		f.escape = m[1]
	}
	var text strings.Builder
	for _, m := range quoted.FindAllStringSubmatch(directive, -1) {
		text.WriteString(m[1])
	}
	whole, at := text.String(), 0
	for _, m := range variable.FindAllStringSubmatchIndex(whole, -1) {
		name := whole[m[0]:m[1]]
		f.parts = append(f.parts, part{whole[at:m[0]], false}, part{strings.Trim(name, "${}"), true})
		at = m[1]
	}
	f.parts = append(f.parts, part{whole[at:], false})
	return f
}

// Logs reports whether the format has all of the variables.
func (f *Format) Logs(names ...string) bool {
	for _, name := range names {
		found := false
		for _, p := range f.parts {
			found = found || p.isVariable && p.text == name
		}
		if !found {
			return false
		}
	}
	return true
}

// AppendLine appends what nginx writes for the values of the variables, without a
// line break. A variable without a value is absent.
func (f *Format) AppendLine(dst []byte, values map[string]string) []byte {
	for _, p := range f.parts {
		value := p.text
		switch {
		case !p.isVariable:
			dst = append(dst, value...)
			continue
		case values[p.text] != "":
			value = values[p.text]
		case f.escape == "default":
			value = "-"
		default:
			value = ""
		}
		dst = f.appendEscaped(dst, value)
	}
	return dst
}

// appendEscaped escapes a value as nginx's ngx_http_log_escape and ngx_escape_json do.
func (f *Format) appendEscaped(dst []byte, value string) []byte {
	for i := range len(value) {
		c := value[i]
		short := strings.IndexByte("\"\\\n\r\t\b\f", c)
		switch {
		case f.escape == "default" && (c < ' ' || c > '~' || c == '"' || c == '\\'):
			dst = fmt.Appendf(dst, `\x%02X`, c)
		case f.escape == "json" && short >= 0:
			dst = append(dst, '\\', `"\nrtbf`[short])
		case f.escape == "json" && c < ' ':
			dst = fmt.Appendf(dst, `\u%04X`, c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
