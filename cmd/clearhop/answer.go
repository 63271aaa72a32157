package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"clearhop/analytics"
	"clearhop/encode"
	"clearhop/internal/terminal"
)

// An answerWriter prints the rows of an answer in one of the forms of --output.
type answerWriter interface {
	begin(columns []analytics.Column) error
	row(values []any) error
	end() error
}

// newAnswerWriter makes the writer of a form.
func newAnswerWriter(form string, w io.Writer, color string) (answerWriter, error) {
	switch form {
	case "csv":
		return newCSVAnswer(w), nil
	case "json", "ndjson":
		return &jsonAnswer{w: bufio.NewWriter(w), isArray: form == "json"}, nil
	case "markdown":
		return &markdownAnswer{w: bufio.NewWriter(w)}, nil
	case "parquet":
		if terminal.IsTerminal(w) {
			return nil, errors.New("--output parquet is not for a terminal; send it to a file: > answer.parquet")
		}
		return &parquetAnswer{w: w}, nil
	}
	return &tableAnswer{page: newPage(w, color), isWhole: os.Getenv("COLUMNS") == "" && !terminal.IsTerminal(w)}, nil
}

// plainText returns a value as text for a machine; "" for NULL.
func plainText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.Format("2006-01-02T15:04:05.000Z")
	}
	return fmt.Sprint(v)
}

// A csvAnswer is CSV as RFC 4180 has it, with a head.
type csvAnswer struct {
	w         *csv.Writer
	printable bool // for a terminal: no control characters
}

func newCSVAnswer(w io.Writer) *csvAnswer {
	return &csvAnswer{w: csv.NewWriter(w), printable: terminal.IsTerminal(w)}
}

func (a *csvAnswer) begin(columns []analytics.Column) error {
	head := make([]string, len(columns))
	for i, c := range columns {
		head[i] = a.cell(c.Name)
	}
	return a.w.Write(head)
}

func (a *csvAnswer) row(values []any) error {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = plainText(v)
		if _, isText := v.(string); isText {
			cells[i] = a.cell(cells[i])
		}
	}
	return a.w.Write(cells)
}

// cell returns a text that no spreadsheet takes for a formula.
func (a *csvAnswer) cell(text string) string {
	text = analytics.CSVText(text)
	if a.printable {
		text = terminal.Printable(text)
	}
	return text
}

func (a *csvAnswer) end() error {
	a.w.Flush()
	return a.w.Error()
}

// A jsonAnswer is one object for each row: a list of them, or one on each line.
type jsonAnswer struct {
	w       *bufio.Writer
	isArray bool
	keys    []string // with their colons
	rows    int
}

func (a *jsonAnswer) begin(columns []analytics.Column) error {
	seen := map[string]int{}
	for _, c := range columns {
		name := c.Name
		if seen[c.Name]++; seen[c.Name] > 1 { // SQL may give two columns one name
			name += "_" + strconv.Itoa(seen[c.Name])
		}
		a.keys = append(a.keys, jsonText(name)+":")
	}
	if a.isArray {
		_, err := a.w.WriteString("[")
		return err
	}
	return nil
}

func (a *jsonAnswer) row(values []any) error {
	if a.isArray {
		if a.rows > 0 {
			_ = a.w.WriteByte(',')
		}
		_ = a.w.WriteByte('\n')
	}
	a.rows++
	_ = a.w.WriteByte('{')
	for i, v := range values {
		if i > 0 {
			_ = a.w.WriteByte(',')
		}
		_, _ = a.w.WriteString(a.keys[i])
		_, _ = a.w.WriteString(jsonValue(v))
	}
	err := a.w.WriteByte('}') // a bufio.Writer keeps its first error
	if !a.isArray {
		err = a.w.WriteByte('\n')
	}
	return err
}

func jsonValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return jsonText(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "null"
		}
	case time.Time:
		return `"` + plainText(v) + `"`
	}
	return plainText(v)
}

// jsonText returns a text in quotes. What a terminal might obey is escaped, so that the
// text is the same and does no harm.
func jsonText(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		return `""` // a string can always be written
	}
	return escapeUnprintable(string(b))
}

func escapeUnprintable(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func (a *jsonAnswer) end() error {
	if a.isArray {
		if a.rows > 0 {
			_ = a.w.WriteByte('\n')
		}
		_, _ = a.w.WriteString("]\n")
	}
	return a.w.Flush()
}

// A markdownAnswer is a table for an issue or a wiki.
type markdownAnswer struct{ w *bufio.Writer }

func (a *markdownAnswer) begin(columns []analytics.Column) error {
	heads, rule := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		heads[i], rule[i] = markdownText(headOf(c)), "---"
		if isNumber(c.Type) {
			rule[i] = "---:"
		}
	}
	_, err := fmt.Fprintf(a.w, "| %s |\n| %s |\n", strings.Join(heads, " | "), strings.Join(rule, " | "))
	return err
}

func (a *markdownAnswer) row(values []any) error {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = markdownText(plainText(v))
	}
	_, err := fmt.Fprintf(a.w, "| %s |\n", strings.Join(cells, " | "))
	return err
}

func (a *markdownAnswer) end() error { return a.w.Flush() }

// markdownText returns a text that is nothing but text in Markdown: no link, no picture,
// no HTML and no end of a cell.
func markdownText(text string) string {
	var b strings.Builder
	for _, r := range terminal.Printable(text) {
		switch r {
		case '<':
			b.WriteString("&lt;")
			continue
		case '&':
			b.WriteString("&amp;")
			continue
		case '\\', '`', '*', '_', '[', ']', '|', '!', '~', '#', '>', '$':
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// headOf returns the head of a column: its title with its unit.
func headOf(c analytics.Column) string {
	title := c.Title
	if title == "" {
		title = c.Name
	}
	if c.Unit == "" || strings.Contains(strings.ToLower(title), strings.ToLower(c.Unit)) {
		return title
	}
	return title + " (" + c.Unit + ")"
}

func isNumber(t encode.Type) bool { return t == encode.Integer || t == encode.Decimal }

// A tableAnswer is a table for a person. It keeps all rows, because their longest cells
// say how wide a column is.
type tableAnswer struct {
	*page
	isWhole bool // nothing is cut: a program reads the table
	columns []analytics.Column
	cells   [][]string
	leftOut []string // heads of columns that do not fit
}

// noValue stands in a table for NULL.
const noValue = "-"

func (a *tableAnswer) begin(columns []analytics.Column) error {
	a.columns = columns
	return nil
}

func (a *tableAnswer) row(values []any) error {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = a.text(a.columns[i], v)
	}
	a.cells = append(a.cells, cells)
	return nil
}

// text returns a value as a person reads it.
func (a *tableAnswer) text(c analytics.Column, v any) string {
	switch v := v.(type) {
	case nil:
		return noValue
	case int64:
		if c.Unit == "" { // a status, a port or the number of a network is no amount
			return strconv.FormatInt(v, 10)
		}
		return grouped(v)
	case float64:
		if c.Unit == "share" {
			return strconv.FormatFloat(100*v, 'f', 1, 64) + "%"
		}
		return decimalText(v)
	case time.Time:
		return v.Format(time.DateTime)
	}
	return terminal.Printable(plainText(v))
}

// decimalText returns a number with as many digits behind the point as a person needs.
func decimalText(x float64) string {
	switch size := math.Abs(x); {
	case x == math.Trunc(x) && size < 1e15:
		return grouped(int64(x))
	case size >= 1000:
		return grouped(int64(math.Round(x)))
	case size >= 1:
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// end prints the table. Columns of text that do not fit are cut, the widest first;
// numbers never are. If that is not enough, columns of a question are left out, since
// whoever asked a question by its name did not ask for each of them. One row, and SQL of
// one's own, have a line for each value then.
func (a *tableAnswer) end() error {
	failed := &writeFailure{w: a.w}
	a.w = failed
	all := make([]int, len(a.columns))
	for i := range all {
		all[i] = i
	}
	widths, fits := a.fit(all)
	if !fits && len(a.cells) > 1 && a.columns[0].Title != "" {
		all, widths, fits = a.fitWithout(all)
	}
	if !fits && len(a.cells) > 0 {
		a.records()
		return failed.err
	}
	heads := make([][]string, len(all)) // the words of each
	for at, i := range all {
		heads[at] = strings.Fields(a.head(i))
	}
	for _, line := range headLines(heads, widths) {
		a.line("%s%s%s", a.page.Title, a.tableRow(all, line, widths), a.Off)
	}
	cells := make([]string, len(all))
	for _, row := range a.cells {
		for at, i := range all {
			cells[at] = row[i]
		}
		a.line("%s", a.tableRow(all, cells, widths))
	}
	return failed.err
}

func (a *tableAnswer) head(i int) string { return terminal.Printable(headOf(a.columns[i])) }

func (a *tableAnswer) isText(i int) bool {
	return !isNumber(a.columns[i].Type) && a.columns[i].Type != encode.Timestamp
}

// fit returns the widths of some columns, and whether they fit the page.
func (a *tableAnswer) fit(columns []int) (widths []int, fits bool) {
	const gap = 2
	widths = make([]int, len(columns))
	var texts []int
	total := -gap
	for at, i := range columns {
		for _, word := range strings.Fields(a.head(i)) {
			widths[at] = max(widths[at], terminal.Columns(word))
		}
		for _, row := range a.cells {
			widths[at] = max(widths[at], terminal.Columns(row[i]))
		}
		if a.isText(i) {
			texts = append(texts, at)
		}
		total += widths[at] + gap
	}
	if a.isWhole {
		return widths, true
	}
	const least = len("255.255.255.255") // columns of a text that is cut
	for total > a.width && len(texts) > 0 {
		widest := slices.MaxFunc(texts, func(i, k int) int { return widths[i] - widths[k] })
		if widths[widest] <= least {
			break
		}
		widths[widest]--
		total--
	}
	return widths, total <= a.width
}

// fitWithout leaves out columns until the others fit: first those without any value, then
// the times, and then the last ones. The first two always stay.
func (a *tableAnswer) fitWithout(columns []int) (rest, widths []int, fits bool) {
	const kept = 2
	rest = slices.Clone(columns)
	isEmpty := func(i int) bool {
		return !slices.ContainsFunc(a.cells, func(row []string) bool { return row[i] != noValue })
	}
	isTime := func(i int) bool { return a.columns[i].Type == encode.Timestamp }
	for _, mayGo := range []func(int) bool{isEmpty, isTime, func(int) bool { return true }} {
		for at := len(rest) - 1; at > 0; at-- {
			if widths, fits = a.fit(rest); fits || len(rest) == kept {
				break
			}
			if mayGo(rest[at]) {
				rest = slices.Delete(rest, at, at+1)
			}
		}
	}
	if widths, fits = a.fit(rest); !fits {
		return columns, nil, false
	}
	for _, i := range columns {
		if !slices.Contains(rest, i) {
			a.leftOut = append(a.leftOut, a.head(i))
		}
	}
	return rest, widths, true
}

// note says which columns are left out; "" if all are there.
func (a *tableAnswer) note() string {
	if len(a.leftOut) == 0 {
		return ""
	}
	return "left out, because the table would be wider than " + strconv.Itoa(a.width) + " columns: " + strings.Join(a.leftOut, ", ") + "; --output csv has all"
}

// records prints each value in a line of its own, behind its head.
func (a *tableAnswer) records() {
	heads, width := make([]string, len(a.columns)), 0
	for i, c := range a.columns {
		heads[i] = terminal.Printable(headOf(c))
		width = max(width, terminal.Columns(heads[i]))
	}
	for n, row := range a.cells {
		if n > 0 {
			a.line("")
		}
		for i, cell := range row {
			pad := strings.Repeat(" ", width-terminal.Columns(heads[i]))
			a.line("%s%s%s%s  %s", a.page.Title, heads[i], a.Off, pad, cell)
		}
	}
}

// headLines returns the lines of the heads, whose words go on in further lines. All end
// in the last one.
func headLines(heads [][]string, widths []int) [][]string {
	wrapped, most := make([][]string, len(heads)), 0
	for i, words := range heads {
		var lines []string
		for _, word := range words {
			last := len(lines) - 1
			if last >= 0 && terminal.Columns(lines[last])+1+terminal.Columns(word) <= widths[i] {
				lines[last] += " " + word
				continue
			}
			lines = append(lines, word)
		}
		wrapped[i], most = lines, max(most, len(lines))
	}
	rows := make([][]string, most)
	for n := range rows {
		rows[n] = make([]string, len(heads))
		for i, lines := range wrapped {
			if at := n - (most - len(lines)); at >= 0 {
				rows[n][i] = lines[at]
			}
		}
	}
	return rows
}

// tableRow returns a row of some columns, whose cells have these widths.
func (a *tableAnswer) tableRow(columns []int, cells []string, widths []int) string {
	var b strings.Builder
	for i, cell := range cells {
		cell = a.cut(cell, widths[i])
		pad := strings.Repeat(" ", widths[i]-terminal.Columns(cell))
		if i > 0 {
			b.WriteString("  ")
		}
		if isNumber(a.columns[columns[i]].Type) {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// A writeFailure keeps the first error of a writer.
type writeFailure struct {
	w   io.Writer
	err error
}

// Write passes on what it gets, until a write fails.
func (f *writeFailure) Write(b []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.w.Write(b)
	f.err = err
	return n, err
}
