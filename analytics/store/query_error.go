package store

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clearhop/analytics"
	"clearhop/internal/setting"
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
	if m := unknownColumn.FindStringSubmatch(e.Reason); m != nil {
		e.Reason = "there is no column " + m[1] + ifUnknown(m[1], m[2], sql)
	}
	return e
}

// unknownColumn finds the name in what DuckDB says of a column that is not there, and the
// names that DuckDB proposes, some of which resemble it from afar.
var unknownColumn = regexp.MustCompile(`^Referenced column "(.*?)" not found in FROM clause(?:; Candidate bindings: (.*)|$)`)

// ifUnknown says what may be meant by a name that is no column. In SQL double quotes are
// for names, which many people do not expect.
func ifUnknown(name, proposed, sql string) string {
	near := nearColumns(name, strings.Split(strings.ReplaceAll(proposed, `"`, ""), ", "))
	isQuoted := strings.Contains(sql, `"`+name+`"`)
	const inQuotes = "what stands in double quotes is the name of a column, and a text stands in single quotes: "
	switch {
	case isQuoted && near != "":
		return "; did you mean " + near + "? Note that " + inQuotes + literal(name)
	case isQuoted:
		return "; " + inQuotes + literal(name)
	case near != "":
		return "; did you mean " + near + "?"
	}
	return "; docs/statistics.md lists the columns"
}

// nearColumns names the columns that a name most likely means: the nearest of those that
// DuckDB proposes and of the views, or else those of which it is one of the words, as
// country is of client_country, or the beginning. It returns "" if there is none.
func nearColumns(name string, proposed []string) string {
	name = strings.ToLower(name)
	all := proposed
	var related []string
	for _, c := range analytics.View(analytics.AllLines) {
		all = append(all, c.Name)
		words := strings.Split(c.Name, "_")
		switch {
		case strings.Join(words, "") == strings.ReplaceAll(name, "_", ""):
			return c.Name
		case slices.Contains(strings.Split(name, "_"), c.Name), slices.Contains(words, name), len(name) > 2 && strings.HasPrefix(c.Name, name):
			related = append(related, c.Name)
		}
	}
	if near := setting.Nearest(name, all); near != "" {
		return near
	}
	const few = 4
	return strings.Join(related[:min(few, len(related))], ", ")
}

// literal writes text as a string in SQL.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

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
