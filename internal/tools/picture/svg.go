package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The colours are those of a dark terminal. The window brings its own background
// and border, so that it can be read on a light page and on a dark one. All texts
// have a contrast of at least 4.5 to 1, as WCAG 2 asks for.
const (
	background = "#0d1117"
	frame      = "#8b949e"
	foreground = "#e6edf3"
	faint      = "#9da7b3"
)

// palette has the colours of SGR by their number.
var palette = map[int]string{
	31: "#ff7b72", 32: "#56d364", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#56d4dd", 37: foreground,
}

// Sizes in pixels. Where a page shows the picture smaller, all of it shrinks alike.
const (
	charWidth  = 8.4
	rowHeight  = 20
	fontSize   = 14
	margin     = 18 // between the border and the text
	titleBar   = 36
	buttonSize = 6
)

// A window is what the picture shows.
type window struct {
	Name        string // in its title bar
	Title       string // for who cannot see the picture
	Description string // the same, longer
	Columns     int
	Rows        []row
}

// draw returns the SVG of a window.
//
// Each span has its place and its length, so that the columns stay in line whichever
// fixed-width font the viewer has.
func draw(w window) []byte {
	width := 2*margin + float64(w.Columns)*charWidth
	height := titleBar + 2*margin + len(w.Rows)*rowHeight
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" width="%.0f" height="%d" role="img" aria-labelledby="title desc">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&b, "<title id=\"title\">%s</title>\n<desc id=\"desc\">%s</desc>\n", escape(w.Title), escape(w.Description))
	fmt.Fprintf(&b, `<style>
text { font: %dpx ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: %s; white-space: pre }
.b { font-weight: bold } .d { fill: %s }`, fontSize, foreground, faint)
	for n := 30; n <= 37; n++ {
		if colour := palette[n]; colour != "" {
			fmt.Fprintf(&b, " .c%d { fill: %s }", n, colour)
		}
	}
	b.WriteString("\n</style>\n")
	fmt.Fprintf(&b, `<rect x="0.5" y="0.5" width="%.0f" height="%d" rx="8" fill="%s" stroke="%s"/>`+"\n",
		width-1, height-1, background, frame)
	for i, colour := range []string{palette[31], palette[33], palette[32]} {
		fmt.Fprintf(&b, `<circle cx="%d" cy="%d" r="%d" fill="%s"/>`+"\n", margin+buttonSize+i*20, titleBar/2, buttonSize, colour)
	}
	fmt.Fprintf(&b, `<text x="%.0f" y="%d" text-anchor="middle" class="d">%s</text>`+"\n", width/2, titleBar/2+5, escape(w.Name))
	for i, row := range w.Rows {
		baseline := titleBar + margin + i*rowHeight + fontSize
		for _, s := range row {
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" textLength="%.1f"%s>%s</text>`+"\n",
				margin+float64(s.Column)*charWidth, baseline,
				float64(utf8.RuneCountInString(s.Text))*charWidth, s.Style.class(), escape(s.Text))
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// class returns the attribute that gives a text its style.
func (s style) class() string {
	var classes []string
	if s.Bold {
		classes = append(classes, "b")
	}
	if s.Dim {
		classes = append(classes, "d")
	}
	if s.Colour != 0 {
		classes = append(classes, fmt.Sprintf("c%d", s.Colour))
	}
	if len(classes) == 0 {
		return ""
	}
	return fmt.Sprintf(` class="%s"`, strings.Join(classes, " "))
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes everything
	return b.String()
}
