package parser

import "strings"

const directiveName = "log_format"

// isDirective reports whether text starts with the word log_format. Comments may
// precede it.
func isDirective(text string) bool {
	rest, ok := strings.CutPrefix(text[skipBlank(text, 0):], directiveName)
	return ok && rest != "" && strings.IndexByte(" \t\r\n", rest[0]) >= 0
}

// A directive is the parts of a log_format directive.
type directive struct {
	name   string
	escape Escape
	parts  []part
}

// parseDirective reads `log_format name [escape=…] 'string' …;` by the rules of
// nginx's configuration files: there are two kinds of quotes, a backslash escapes
// a quote, a backslash, t, r and n, and a comment ends with its line.
func parseDirective(text string) (directive, error) {
	var d directive
	args, err := arguments(text)
	if err != nil {
		return d, err
	}
	args = args[1:] // the word log_format
	if len(args) < 2 {
		return d, &CompileError{Column: len(text) + 1, Reason: "a name and at least one string must follow log_format", Err: ErrSyntax}
	}
	d.name, args = args[0].text, args[1:]
	if value, ok := strings.CutPrefix(args[0].text, "escape="); ok {
		switch value {
		case "default":
			d.escape = EscapeDefault
		case "json":
			d.escape = EscapeJSON
		case "none":
			d.escape = EscapeNone
		default:
			return d, &CompileError{Column: args[0].columns[0], Reason: "escape must be default, json or none", Err: ErrSyntax}
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return d, &CompileError{Column: len(text) + 1, Reason: "the format's string is missing", Err: ErrSyntax}
	}
	d.parts = args
	return d, nil
}

// arguments splits a directive into its words.
func arguments(text string) ([]part, error) {
	var args []part
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case ' ', '\t', '\r', '\n':
			i++
		case '#':
			i += lineLength(text[i:])
		case ';':
			if rest := skipBlank(text, i+1); rest < len(text) {
				return nil, &CompileError{Column: rest + 1, Reason: `there is text after the ";"`, Err: ErrSyntax}
			}
			return args, nil
		case '{', '}':
			return nil, &CompileError{Column: i + 1, Reason: "a bracket must be in quotes", Err: ErrSyntax}
		default:
			arg, next, err := argument(text, i)
			if err != nil {
				return nil, err
			}
			if next < len(text) && strings.IndexByte(" \t\r\n;", text[next]) < 0 {
				return nil, &CompileError{Column: next + 1, Reason: "a space must follow the closing quote", Err: ErrSyntax}
			}
			args = append(args, arg)
			i = next
		}
	}
	// A directive without its semicolon is accepted.
	return args, nil
}

// argument reads the word at i and returns where it ends.
func argument(text string, i int) (part, int, error) {
	start := i
	quote := byte(0)
	if isQuote(text[i]) {
		quote = text[i]
		i++
	}
	var p part
	var b strings.Builder
	for ; i < len(text) && !endsArgument(text[i], quote); i++ {
		c := text[i]
		if quote == 0 && c == '{' && text[i-1] != '$' {
			return p, i, &CompileError{Column: i + 1, Reason: "a bracket must be in quotes", Err: ErrSyntax}
		}
		p.columns = append(p.columns, i+1)
		if c == '\\' && i+1 < len(text) {
			i++
			plain, ok := confEscape(text[i])
			if !ok { // keep the backslash; the byte after it does not end the argument
				b.WriteByte(c)
				p.columns = append(p.columns, i+1)
				plain = text[i]
			}
			c = plain
		}
		b.WriteByte(c)
	}
	p.text = b.String()
	p.columns = append(p.columns, i+1)
	if quote == 0 {
		return p, i, nil
	}
	if i == len(text) {
		return p, i, &CompileError{Column: start + 1, Reason: "the closing quote is missing", Err: ErrSyntax}
	}
	return p, i + 1, nil
}

func isQuote(c byte) bool { return c == '"' || c == '\'' }

// endsArgument reports whether c ends an argument that began with quote, or with
// none if that is 0.
func endsArgument(c, quote byte) bool {
	if quote != 0 {
		return c == quote
	}
	return strings.IndexByte(" \t\r\n;", c) >= 0
}

// confEscape returns what a backslash and c mean in nginx.conf, as
// ngx_conf_read_token reads them. It reports false if the backslash is an ordinary
// byte.
func confEscape(c byte) (byte, bool) {
	switch c {
	case '"', '\'', '\\':
		return c, true
	case 't':
		return '\t', true
	case 'r':
		return '\r', true
	case 'n':
		return '\n', true
	}
	return 0, false
}

// skipBlank returns the index of the first byte from i on that is neither a space
// nor part of a comment.
func skipBlank(text string, i int) int {
	for i < len(text) {
		switch text[i] {
		case ' ', '\t', '\r', '\n':
			i++
		case '#':
			i += lineLength(text[i:])
		default:
			return i
		}
	}
	return i
}

// lineLength returns the length of the first line of text, without its line break.
func lineLength(text string) int {
	if n := strings.IndexByte(text, '\n'); n >= 0 {
		return n
	}
	return len(text)
}
