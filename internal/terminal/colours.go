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
	return IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// IsTerminal reports whether a reader or writer is a terminal.
func IsTerminal(stream any) bool {
	f, isFile := stream.(*os.File)
	return isFile && term.IsTerminal(int(f.Fd()))
}
