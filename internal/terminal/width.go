package terminal

import (
	"io"
	"os"
	"strconv"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

const defaultColumns = 80

// Width returns how many columns what is written to w may have: the value of the
// variable COLUMNS if that is a number, or else the width of the terminal; 80 if w
// is none.
func Width(w io.Writer) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if f, isFile := w.(*os.File); isFile {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return defaultColumns
}

// Columns returns how many columns a terminal needs for text. East Asian
// characters and emoji take two.
func Columns(text string) int { return uniseg.StringWidth(text) }
