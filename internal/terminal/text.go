// Package terminal makes what the command prints fit for a person at a terminal:
// text, numbers, colours and progress.
//
//	terminal.Plural(2, "line")        // 2 lines
//	terminal.Printable("a\x1b[2Jb")   // a�[2Jb
//
// Its functions are safe for concurrent use; a Progress belongs to one goroutine.
package terminal

import (
	"strconv"
	"strings"
	"unicode"
)

// Printable returns text of a log, or the name of a file, without control
// characters: a terminal would obey them.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// Percent returns which share n is of a number, such as "12.5%". It returns
// nothing of 0.
func Percent(n, of int64) string {
	if of == 0 {
		return ""
	}
	return strconv.FormatFloat(100*float64(n)/float64(of), 'f', 1, 64) + "%"
}

// Plural returns a number with its noun, which forms the plural with an s.
func Plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatInt(n, 10) + " " + noun + "s"
}
