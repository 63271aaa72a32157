// Package picture draws what a command printed to a terminal as an SVG image, for
// the documentation.
//
// In goes the text with its escape sequences for colours (SGR). Out comes an image of
// a terminal window, with a title and a description for people who cannot see it:
//
//	svg := picture.Draw(picture.Terminal{
//		Title:       "clearhop doctor",
//		Description: "The report names the broken hop.",
//		Columns:     96,
//	}, output)
//
// The window brings its own dark background, so that it can be read on light and on
// dark pages. The same text always gives the same bytes. Draw keeps no state and is
// safe for concurrent use.
package picture

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Terminal is the window that is drawn.
type Terminal struct {
	Title       string // on the window, and for screen readers
	Description string // for screen readers: what the text says
	Columns     int    // characters in a line; longer lines are wrapped, as a terminal does
}

// The sizes of the drawing, in pixels.
const (
	fontSize   = 14
	charWidth  = 8.4
	lineHeight = 20
	margin     = 20 // between the window's border and the text
	titleBar   = 36
)

// The colours: those of the window, and those of the text by their SGR codes.
const (
	background = "#1b1f27"
	bar        = "#2a303b"
	border     = "#4a5261"
	foreground = "#e6e9ef"
)

var colours = map[string]string{
	"31": "#ff7b72", "32": "#7ee787", "33": "#f2cc60", "34": "#79c0ff", "35": "#d2a8ff", "36": "#76e3ea",
	"90": "#9aa4b2", "91": "#ff7b72", "92": "#7ee787", "93": "#f2cc60", "94": "#79c0ff", "95": "#d2a8ff", "96": "#76e3ea",
}

// A style is how a piece of text looks.
type style struct {
	colour string // "" for that of the window
	bold   bool
	dim    bool
}

// A run is a piece of text of one style.
type run struct {
	text  string
	style style
}

// Draw returns the SVG of a terminal that shows text.
func Draw(t Terminal, text string) []byte {
	lines := layOut(strings.TrimRight(text, "\n"), t.Columns)
	width := int(float64(t.Columns)*charWidth) + 2*margin
	height := titleBar + len(lines)*lineHeight + 2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="title desc">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, "<title id=\"title\">%s</title>\n<desc id=\"desc\">%s</desc>\n", escape(t.Title), escape(t.Description))
	fmt.Fprintf(&b, "<rect x=\"0.5\" y=\"0.5\" width=\"%d\" height=\"%d\" rx=\"10\" fill=\"%s\" stroke=\"%s\"/>\n", width-1, height-1, background, border)
	fmt.Fprintf(&b, "<path d=\"M1 %d V10.5 A9.5 9.5 0 0 1 10.5 1 H%d.5 A9.5 9.5 0 0 1 %d 10.5 V%d Z\" fill=\"%s\"/>\n", titleBar, width-11, width-1, titleBar, bar)
	for i, colour := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		fmt.Fprintf(&b, "<circle cx=\"%d\" cy=\"%d\" r=\"6\" fill=\"%s\"/>\n", margin+i*20, titleBar/2, colour)
	}
	fmt.Fprintf(&b, "<g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace\" font-size=\"%d\" fill=\"%s\">\n", fontSize, foreground)
	fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", width/2, titleBar/2+5, escape(t.Title))
	for i, line := range lines {
		drawLine(&b, titleBar+margin+i*lineHeight+fontSize, line)
	}
	b.WriteString("</g>\n</svg>\n")
	return []byte(b.String())
}

// drawLine draws each piece of text in its columns, whatever monospaced font there
// is. Several spaces end a piece, because SVG shows them as one.
func drawLine(b *strings.Builder, y int, line []run) {
	column := 0
	for _, r := range line {
		for text := r.text; text != ""; {
			words := strings.TrimLeft(text, " ")
			column += len(text) - len(words)
			piece, _, _ := strings.Cut(words, "  ")
			text = words[len(piece):]
			if piece = strings.TrimRight(piece, " "); piece == "" {
				continue
			}
			n := utf8.RuneCountInString(piece)
			fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%d\" textLength=\"%.1f\"%s>%s</text>\n",
				margin+float64(column)*charWidth, y, float64(n)*charWidth, r.style.attributes(), escape(piece))
			column += utf8.RuneCountInString(words) - utf8.RuneCountInString(text)
		}
	}
}

// attributes are those of the element text.
func (s style) attributes() string {
	var b strings.Builder
	if s.colour != "" {
		fmt.Fprintf(&b, " fill=\"%s\"", s.colour)
	}
	if s.bold {
		b.WriteString(` font-weight="bold"`)
	}
	if s.dim {
		b.WriteString(` opacity="0.75"`)
	}
	return b.String()
}

// layOut reads the escape sequences of a text and wraps its lines. A style holds
// until another one is set, also over the end of a line.
func layOut(text string, columns int) [][]run {
	var lines [][]run
	var line []run
	var now style
	room := columns
	for text != "" {
		if sequence, rest, ok := cutSequence(text); ok {
			now = now.with(sequence)
			text = rest
			continue
		}
		if rest, ok := strings.CutPrefix(text, "\n"); ok {
			lines = append(lines, line)
			line, room, text = nil, columns, rest
			continue
		}
		end := strings.IndexAny(text[1:], "\x1b\n") + 1
		if end == 0 {
			end = len(text)
		}
		piece := []rune(text[:end])
		text = text[end:]
		for len(piece) > room {
			line = append(line, run{string(piece[:room]), now})
			lines = append(lines, line)
			piece, line, room = piece[room:], nil, columns
		}
		line = append(line, run{string(piece), now})
		room -= len(piece)
	}
	return append(lines, line)
}

// cutSequence takes an SGR sequence off the beginning of a text and returns its
// codes.
func cutSequence(text string) (codes, rest string, ok bool) {
	after, ok := strings.CutPrefix(text, "\x1b[")
	if !ok {
		return "", text, false
	}
	return strings.Cut(after, "m")
}

// with returns the style after a sequence.
func (s style) with(codes string) style {
	for code := range strings.SplitSeq(codes, ";") {
		switch code {
		case "", "0":
			s = style{}
		case "1":
			s.bold = true
		case "2":
			s.dim = true
		case "22":
			s.bold, s.dim = false, false
		case "39":
			s.colour = ""
		default:
			if colour, known := colours[code]; known {
				s.colour = colour
			}
		}
	}
	return s
}

// escape makes text fit for XML. XML has no control characters.
func escape(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return '?'
		}
		return r
	}, text)
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(text)
}
