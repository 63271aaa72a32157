package store

import (
	"regexp"
	"strconv"
	"strings"
)

// place finds where in the SQL an error of DuckDB is. It shows the line, and a mark below
// the place:
//
//	LINE 1: SELECT statu FROM requests
//	               ^
var place = regexp.MustCompile(`(?s)\n\nLINE (\d+): ([^\n]*)\n( *)\^`)

// newQueryError makes an error of one line from what DuckDB says of some SQL.
func newQueryError(text, sql string) *QueryError {
	e := &QueryError{}
	if m := place.FindStringSubmatchIndex(text); m != nil {
		e.Line, _ = strconv.Atoi(text[m[2]:m[3]])
		shown, mark := text[m[4]:m[5]], m[7]-m[6]-len("LINE : ")-(m[3]-m[2])
		e.Column = columnOf(shown, mark, sql, e.Line)
		text = text[:m[0]]
	}
	kind, rest, ok := strings.Cut(text, ": ")
	if e.kind = kind; ok && strings.HasSuffix(kind, "Error") {
		text = rest
	}
	e.Reason = oneLine(text)
	return e
}

// oneLine joins the lines of a text, each of which is a sentence.
func oneLine(text string) string {
	var sentences []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(strings.Join(strings.Fields(line), " "), "!")
		if line != "" {
			sentences = append(sentences, line)
		}
	}
	return strings.Join(sentences, "; ")
}

// columnOf returns the column in the SQL of a mark below a line as DuckDB shows it: of a
// long line it shows a part, between dots.
func columnOf(shown string, mark int, sql string, line int) int {
	lines := strings.Split(sql, "\n")
	if line < 1 || line > len(lines) || mark < 0 {
		return 0
	}
	part, cut := strings.CutPrefix(shown, "...")
	if !cut {
		return mark + 1
	}
	part = strings.TrimSuffix(part, "...")
	if i := strings.Index(lines[line-1], part); i >= 0 {
		return len([]rune(lines[line-1][:i])) + mark - len("...") + 1
	}
	return 0
}

// startsAsSelect reports whether SQL begins with a word that a query begins with, behind
// comments and parentheses. DuckDB takes others for a SELECT too: PRAGMA, CALL, DESCRIBE
// and SHOW among them.
func startsAsSelect(sql string) bool {
	for {
		sql = strings.TrimLeft(sql, " \t\r\n\f\v\u00a0\ufeff(;")
		switch {
		case strings.HasPrefix(sql, "--"):
			_, rest, ok := strings.Cut(sql, "\n")
			if !ok {
				return false
			}
			sql = rest
		case strings.HasPrefix(sql, "/*"):
			_, rest, ok := strings.Cut(sql[2:], "*/")
			if !ok {
				return false
			}
			sql = rest
		default:
			word := strings.ToLower(sql)
			if i := strings.IndexFunc(word, func(r rune) bool { return r < 'a' || r > 'z' }); i >= 0 {
				word = word[:i]
			}
			switch word {
			case "select", "with", "from", "values":
				return true
			}
			return false
		}
	}
}
