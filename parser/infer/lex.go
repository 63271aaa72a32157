package infer

import (
	"slices"
	"strings"
)

// A field is a value in a line, with the fixed text before it.
type field struct {
	sep        string
	start, end int // of the value in the line
}

// A cut is a line cut into fields.
type cut struct {
	line   string
	fields []field
	tail   string // the text behind the last value
}

// seps returns the fixed texts of the line, the tail last.
func (c *cut) seps() []string {
	seps := make([]string, 0, len(c.fields)+1)
	for _, f := range c.fields {
		seps = append(seps, f.sep)
	}
	return append(seps, c.tail)
}

// delimiters are what separates columns that may hold blanks, in the order in which
// they are looked for.
var delimiters = []string{"\t", "|", ";", ", ", ","}

// delimiterOf returns what separates the columns of most lines, or "" if it is a
// blank.
func delimiterOf(lines []string) string {
	const fewest = 3 // delimiters in a line
	some := ""       // one that each line has often enough, if not equally often
	for _, d := range delimiters {
		counts, enough := map[int]int{}, 0
		for _, line := range lines {
			n := len(splitOutside(line, d)) - 1
			counts[n]++
			if n >= fewest {
				enough++
			}
		}
		for n, times := range counts {
			if n >= fewest && times*100 >= len(lines)*share {
				return d
			}
		}
		if some == "" && d != ", " && enough*100 >= len(lines)*share {
			some = d
		}
	}
	return some
}

// splitOutside returns the indexes of the parts of a line between delimiters that
// stand outside of quotes: start and end of each.
func splitOutside(line, delimiter string) [][2]int {
	var parts [][2]int
	from, quoted := 0, false
	for i := 0; i < len(line); {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case !quoted && strings.HasPrefix(line[i:], delimiter):
			parts = append(parts, [2]int{from, i})
			i += len(delimiter)
			from = i
			continue
		}
		i++
	}
	return append(parts, [2]int{from, len(line)})
}

// cutLine cuts a line into fields. delimiter is "" for columns between blanks.
func cutLine(line, delimiter string) cut {
	c := cutter{line: line}
	if delimiter == "" {
		c.words(0, len(line))
	} else {
		for _, part := range splitOutside(line, delimiter) {
			c.part(part[0], part[1])
		}
	}
	return cut{line: line, fields: c.fields, tail: line[c.from:]}
}

// A cutter cuts one line.
type cutter struct {
	line   string
	fields []field
	from   int // where the fixed text before the next value starts
}

// value adds the value line[start:end].
func (c *cutter) value(start, end int) {
	c.fields = append(c.fields, field{sep: c.line[c.from:start], start: start, end: end})
	c.from = end
}

// part cuts what stands between two delimiters: one value, or several between blanks.
func (c *cutter) part(start, end int) {
	for start < end && c.line[start] == ' ' {
		start++
	}
	for end > start && c.line[end-1] == ' ' {
		end--
	}
	text := c.line[start:end]
	key := keyLen(text)
	if key == 0 {
		key = labelLen(text)
	}
	switch {
	case text == "":
		c.value(start, start)
	case key > 0 && key < len(text) && text[key] != '"' && text[key] != '[':
		c.value(start+key, end)
	case strings.ContainsAny(text, `"[`) || allTyped(text):
		c.words(start, end)
	default:
		c.value(start, end)
	}
}

// allTyped reports whether text is several words, each of which is a number, an
// address or a dash.
func allTyped(text string) bool {
	words := strings.Fields(text)
	return len(words) > 1 && !slices.ContainsFunc(words, func(w string) bool {
		return !isItem(w) || strings.HasSuffix(w, ",")
	})
}

// words cuts line[i:end] into values between blanks and brackets.
func (c *cutter) words(i, end int) {
	for i < end {
		b := c.line[i]
		switch {
		case b == '"' || b == '\'':
			if n := closing(c.line[i+1:end], b); n >= 0 {
				c.value(i+1, i+1+n)
				i += n + 2
				continue
			}
			i++
		case b == '[':
			if n := strings.IndexByte(c.line[i:end], ']'); n > 0 && isBracketed(c.line[i+1:i+n]) {
				c.value(i+1, i+n)
				i += n + 1
				continue
			}
			i++
		case isSeparator(b):
			i++
		default:
			i = c.word(i, end)
		}
	}
}

// closing returns where a quote ends a value: a single quote only before a blank or
// at the end, because nginx does not escape it.
func closing(text string, quote byte) int {
	for i := range len(text) {
		if text[i] == quote && (quote == '"' || i+1 == len(text) || isSeparator(text[i+1])) {
			return i
		}
	}
	return -1
}

// isBracketed reports whether text between brackets is one value.
func isBracketed(text string) bool {
	return isTime(text) || !strings.ContainsAny(text, ` "`) || len(listLen(text)) == len(text)
}

func isSeparator(b byte) bool { return strings.IndexByte(" \t|,;<>(){}[]", b) >= 0 }

// word cuts a value without quotes, and the key before it. It returns where it ends.
func (c *cutter) word(i, end int) int {
	rest := c.line[i:end]
	if n := keyLen(rest); n > 0 {
		i += n
		if i == end || isSeparator(c.line[i]) && c.line[i] != '[' {
			if c.line[i-1] == '=' {
				c.value(i, i)
			}
			return i
		}
		if c.line[i] == '"' || c.line[i] == '\'' || c.line[i] == '[' {
			return i
		}
		rest = c.line[i:end]
	}
	n := len(timeLen(rest))
	if n == 0 {
		n = len(requestLen(rest))
	}
	if n == 0 {
		n = len(listLen(rest))
	}
	if n == 0 {
		n = wordLen(rest)
	}
	c.value(i, i+n)
	return i + n
}

// wordLen returns the length of the word at the start of text. A path may hold what
// separates other values.
func wordLen(text string) int {
	path := text[0] == '/' || strings.Contains(text[:min(len(text), 12)], "://")
	for i := range len(text) {
		b := text[i]
		if b == ' ' || b == '\t' || b == '"' || b == '|' || i > 0 && !path && isSeparator(b) {
			return max(i, 1)
		}
	}
	return len(text)
}

// maxKey is the length of the longest key.
const maxKey = 40

// keyLen returns the length of a key at the start of text, with the "=" or ":" behind
// it, and the blanks behind a colon; 0 if there is none.
func keyLen(text string) int {
	n := 0
	for n < len(text) && (isLetter(text[n]) || n > 0 && isInKey(text[n])) {
		n++
	}
	if n == 0 || n == len(text) || n > maxKey {
		return 0
	}
	switch text[n] {
	case '=':
		return n + 1
	case ':':
		return colonKeyLen(text, n+1)
	}
	return 0
}

func isInKey(b byte) bool { return isDigit(b) || strings.IndexByte("_-.", b) >= 0 }

// colonKeyLen returns the length of a key whose colon ends at n. A host has a colon
// before its port too, so something else than a whole number must follow.
func colonKeyLen(text string, n int) int {
	rest := text[n:]
	blanks := len(rest) - len(strings.TrimLeft(rest, " "))
	switch {
	case blanks > 0:
		if strings.IndexByte(text[:n], '.') >= 0 {
			return 0
		}
		return n + blanks
	case rest == "":
		return 0
	case strings.IndexByte(`"[-`, rest[0]) >= 0, strings.Contains(numberLen(rest), "."):
		return n
	}
	return 0
}

// labelLen returns the length of a label before a value between delimiters, as in
// "status:200", with its colon; 0 if there is none.
func labelLen(text string) int {
	n := 0
	for n < len(text) && (isLetter(text[n]) || text[n] == '_') {
		n++
	}
	if n == 0 || n == len(text) || text[n] != ':' || strings.HasPrefix(text[n:], "://") {
		return 0
	}
	return n + 1
}

func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// listLen returns the list of numbers and addresses at the start of text, as
// $upstream_* variables and X-Forwarded-For have them; "" if there is none.
func listLen(text string) string {
	end := 0
	for {
		n := itemLen(text[end:])
		if n == 0 {
			break
		}
		end += n
		next := ""
		for _, between := range []string{", ", " : "} {
			if strings.HasPrefix(text[end:], between) && itemLen(text[end+len(between):]) > 0 {
				next = between
			}
		}
		if next == "" {
			return text[:end]
		}
		end += len(next)
	}
	return ""
}

// itemLen returns the length of the item of a list at the start of text; 0 if the
// word there is none.
func itemLen(text string) int {
	n := strings.IndexAny(text, " \t,;|\"<>(){}]")
	if n < 0 {
		n = len(text)
	}
	if n == 0 || !isItem(text[:n]) {
		return 0
	}
	return n
}

func isItem(word string) bool {
	return word == "-" || numberLen(word) == word && word != "" || isAddress(word) || isAddressPort(word)
}

// numberLen returns the number at the start of text, with its fraction.
func numberLen(text string) string {
	n := 0
	for n < len(text) && isDigit(text[n]) {
		n++
	}
	if n > 0 && n+1 < len(text) && text[n] == '.' && isDigit(text[n+1]) {
		n++
		for n < len(text) && isDigit(text[n]) {
			n++
		}
	}
	return text[:n]
}
