package main

import (
	"io"
	"os"

	"clearhop/diagnose"

	"golang.org/x/term"
)

// colours are the SGR escape sequences of the doctor's report.
var colours = diagnose.Paint{
	Title: "\x1b[1m", Broken: "\x1b[1;31m", Healthy: "\x1b[1;32m", Unknown: "\x1b[33m",
	Config: "\x1b[1;32m", Minor: "\x1b[2m",
	Off: "\x1b[0m",
}

// style returns how to write the report to w.
func (c *doctorCommand) style(w io.Writer) diagnose.Style {
	if c.hasColours(w) {
		return diagnose.Style{Paint: colours}
	}
	return diagnose.Style{}
}

func (c *doctorCommand) hasColours(w io.Writer) bool {
	switch c.Color {
	case "always":
		return true
	case "never":
		return false
	}
	out, isFile := w.(*os.File)
	return isFile && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(out.Fd()))
}
