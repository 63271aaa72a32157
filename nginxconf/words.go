package nginxconf

import (
	"fmt"
	"strings"
)

// A syntaxError is what nginx does not accept in a text, and the index where it stands.
type syntaxError struct {
	at     int
	reason string
}

// A scanned is the place of a directive: text[start:end], with its terminator.
type scanned struct {
	words      []word
	start, end int
	terminator byte // ";", "{", "}" without a directive, or 0 at the end of the file
}

// A word is an argument, or the name, of a directive.
type word struct {
	text       string // without quotes, and with its escapes undone
	start, end int    // with the quotes
}

// scan finds the next directive, as ngx_conf_read_token does. A directive has words. A
// word in quotes may contain anything. A word without quotes ends at a space, a
// semicolon, or an opening brace that does not follow "$".
func scan(text string, at int) (scanned, *syntaxError) {
	d := scanned{start: skipBlank(text, at)}
	i := d.start
	for {
		i = skipBlank(text, i)
		if i == len(text) {
			d.end = i
			if len(d.words) > 0 {
				return d, &syntaxError{i, `the file ends before ";" or "}"`}
			}
			return d, nil
		}
		switch c := text[i]; {
		case (c == ';' || c == '{') && len(d.words) > 0, c == '}' && len(d.words) == 0:
			d.terminator, d.end = c, i+1
			return d, nil
		case c == ';' || c == '{' || c == '}':
			return d, &syntaxError{i, fmt.Sprintf("unexpected %q", string(c))}
		}
		w, err := readWord(text, i)
		if err != nil {
			return d, err
		}
		d.words = append(d.words, w)
		i = w.end
	}
}

// readWord reads the word at i.
func readWord(text string, i int) (word, *syntaxError) {
	w := word{start: i}
	quote := byte(0)
	if text[i] == '"' || text[i] == '\'' {
		quote = text[i]
		i++
	}
	var b strings.Builder
	afterDollar := false
	for ; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '{' && afterDollar:
			b.WriteByte(c)
			continue
		case c == '\\':
			afterDollar = false
			b.WriteString(unescape(text[i:min(i+2, len(text))]))
			i++
			continue
		case quote != 0 && c == quote:
			w.text, w.end = b.String(), i+1
			if w.end < len(text) && strings.IndexByte(" \t\r\n;{)", text[w.end]) < 0 {
				return w, &syntaxError{w.end, "a space must follow the closing quote"}
			}
			return w, nil
		case quote == 0 && strings.IndexByte(" \t\r\n;{", c) >= 0:
			w.text, w.end = b.String(), i
			return w, nil
		}
		afterDollar = c == '$'
		b.WriteByte(c)
	}
	if quote != 0 {
		return w, &syntaxError{w.start, "the closing quote is missing"}
	}
	w.text, w.end = b.String(), len(text)
	return w, nil
}

// unescape returns what a backslash and the byte after it stand for. nginx keeps the
// backslash before most bytes.
func unescape(pair string) string {
	if len(pair) < 2 {
		return pair
	}
	switch c := pair[1]; c {
	case '"', '\'', '\\':
		return pair[1:]
	case 't':
		return "\t"
	case 'r':
		return "\r"
	case 'n':
		return "\n"
	}
	return pair
}

// skipBlank returns the index of the next byte that is neither blank nor a comment's.
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

// lineLength returns the length of the first line with its end.
func lineLength(text string) int {
	if n := strings.IndexByte(text, '\n'); n >= 0 {
		return n + 1
	}
	return len(text)
}

// isLua reports whether a block holds Lua code instead of directives.
func isLua(name string) bool { return strings.HasSuffix(name, "_by_lua_block") }

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
