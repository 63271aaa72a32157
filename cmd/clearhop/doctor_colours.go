package main

import (
	"io"

	"clearhop/internal/terminal"

	"clearhop/diagnose"
)

// colours are the SGR escape sequences of the doctor's report.
var colours = diagnose.Paint{
	Title: "\x1b[1m", Broken: "\x1b[1;31m", Healthy: "\x1b[1;32m", Unknown: "\x1b[33m",
	Config: "\x1b[1;32m", Minor: "\x1b[2m",
	Off: "\x1b[0m",
}

// style returns how to write the report to w.
func (c *doctorCommand) style(w io.Writer) diagnose.Style {
	style := diagnose.Style{Width: terminal.Width(w)}
	if terminal.Colours(c.Color, w) {
		style.Paint = colours
	}
	return style
}
