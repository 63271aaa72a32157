package terminal

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Colours reports whether to write colours to w. when is always, never or auto,
// which stands for a terminal where neither NO_COLOR nor TERM=dumb is set.
func Colours(when string, w io.Writer) bool {
	switch when {
	case "always":
		return true
	case "never":
		return false
	}
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, isFile := w.(*os.File)
	return isFile && term.IsTerminal(int(f.Fd()))
}
