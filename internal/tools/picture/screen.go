package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The SGR escape sequences that the tool itself writes.
const (
	bold = "\x1b[1m"
	dim  = "\x1b[2m"
	off  = "\x1b[0m"
)

// A style is how characters look.
type style struct {
	Bold, Dim bool
	Colour    int // 30 to 37 as in SGR; 0 is that of the terminal
}

// A span is text of one style in a row.
type span struct {
	Column int // of its first character, from 0
	Text   string
	Style  style
}

// A row is a row of the terminal, from left to right. Spans of blanks are left out.
type row []span

// screen returns the rows that a terminal of so many columns shows of a text. It
// knows the styles that clearhop writes. Any other escape sequence or control
// character is an error, because the picture would not show what a terminal does.
//
// A character counts as one column.
func screen(text string, columns int) ([]row, error) {
	s := &writer{columns: columns, rows: []row{nil}}
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == '\n':
			s.newRow()
		case r == '\x1b':
			sequence, parameters, err := sgr(text)
			if err != nil {
				return nil, err
			}
			if err := s.setStyle(parameters); err != nil {
				return nil, err
			}
			size = len(sequence)
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return nil, fmt.Errorf("the character %U in row %d cannot be drawn", r, len(s.rows))
		default:
			s.put(text[:size])
		}
		text = text[size:]
	}
	s.endSpan()
	if len(s.rows[len(s.rows)-1]) == 0 { // a text ends with a line feed
		s.rows = s.rows[:len(s.rows)-1]
	}
	return s.rows, nil
}

// sgr reads the escape sequence that a text starts with.
func sgr(text string) (sequence string, parameters []string, err error) {
	rest, isCSI := strings.CutPrefix(text, "\x1b[")
	end := strings.IndexFunc(rest, func(r rune) bool { return r != ';' && (r < '0' || r > '9') })
	if !isCSI || end < 0 || rest[end] != 'm' {
		return "", nil, fmt.Errorf("the escape sequence at %.10q cannot be drawn", text)
	}
	return text[:len("\x1b[")+end+1], strings.Split(rest[:end], ";"), nil
}

// A writer puts characters into rows.
type writer struct {
	columns int
	rows    []row
	style   style
	span    span // what comes next goes to its end
	column  int
}

func (s *writer) setStyle(parameters []string) error {
	s.endSpan()
	for _, parameter := range parameters {
		switch n, err := strconv.Atoi(parameter); {
		case parameter == "" || parameter == "0":
			s.style = style{}
		case parameter == "1":
			s.style.Bold = true
		case parameter == "2":
			s.style.Dim = true
		case parameter == "22":
			s.style.Bold, s.style.Dim = false, false
		case parameter == "39":
			s.style.Colour = 0
		case err == nil && palette[n] != "":
			s.style.Colour = n
		default:
			return fmt.Errorf("the style %q cannot be drawn", parameter)
		}
	}
	return nil
}

// put writes one character. Like a terminal, it goes to a new row only when there is
// a character for it.
func (s *writer) put(character string) {
	if s.column == s.columns {
		s.newRow()
	}
	if s.span.Text == "" {
		s.span = span{Column: s.column, Style: s.style}
	}
	s.span.Text += character
	s.column++
}

// endSpan adds the span to the row, without the blanks around it.
func (s *writer) endSpan() {
	text := strings.TrimLeft(s.span.Text, " ")
	s.span.Column += len(s.span.Text) - len(text)
	s.span.Text = strings.TrimRight(text, " ")
	if s.span.Text != "" {
		last := len(s.rows) - 1
		s.rows[last] = append(s.rows[last], s.span)
	}
	s.span = span{}
}

func (s *writer) newRow() {
	s.endSpan()
	s.rows = append(s.rows, nil)
	s.column = 0
}

// shorten keeps so many rows. If there are more, the last row says how many are left
// out.
func shorten(rows []row, most int) []row {
	if len(rows) <= most {
		return rows
	}
	kept := rows[:most-1]
	for len(kept) > 0 && len(kept[len(kept)-1]) == 0 {
		kept = kept[:len(kept)-1] // no empty row before the last
	}
	note := fmt.Sprintf("… %d more lines", len(rows)-len(kept))
	return append(kept[:len(kept):len(kept)], row{{Text: note, Style: style{Dim: true}}})
}
