//go:build unix

package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strings"

	"clearhop/internal/measure"
)

// Sizes of the plot, in pixels.
const (
	plotWidth  = 860
	plotHeight = 400
	panelWidth = 330
	panelTop   = 50
	panelTall  = 260
	panelLeft  = 70 // of the first panel
	panelGap   = 90 // between the panels: the numbers of the second one stand there
)

// A panel is one of the two plots: both axes are logarithmic, by powers of ten.
type panel struct {
	left   float64
	title  string
	value  func(measure.Cost) float64
	lowest int // the power of ten at the bottom
	powers int // how many powers of ten there are above it
}

// The lines run from ten thousand, the first point, to a hundred million.
const lowestLines, linePowers = 4, 4

// x and y are where a number of lines and a value are drawn.
func (p panel) x(lines float64) float64 {
	return p.left + (math.Log10(lines)-lowestLines)/linePowers*panelWidth
}

func (p panel) y(value float64) float64 {
	share := (math.Log10(value) - float64(p.lowest)) / float64(p.powers)
	return panelTop + panelTall*(1-min(max(share, 0), 1))
}

// plot draws the growth as an SVG. It says with colours of its own for light and for dark
// pages what the table says; the marks of the programs differ in their form too. A point that
// was not measured is not drawn.
func plot(g *growthPart) []byte {
	var b bytes.Buffer
	description := describePlot(g)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="title desc">`+"\n",
		plotWidth, plotHeight, plotWidth, plotHeight)
	fmt.Fprintf(&b, "<title id=\"title\">Time of CPU and memory by the number of lines</title>\n<desc id=\"desc\">%s</desc>\n", escape(description))
	b.WriteString(`<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: bold; font-size: 13px }
.page { fill: #ffffff }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.line { fill: none; stroke-width: 2 }
.p0 { stroke: #0550ae; fill: #0550ae } .p1 { stroke: #a40e26; fill: #a40e26 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.page { fill: #0d1117 }
.grid { stroke: #3d444d }
.p0 { stroke: #79c0ff; fill: #79c0ff } .p1 { stroke: #ff9c94; fill: #ff9c94 }
}
.line.p0, .line.p1 { fill: none }
</style>
`)
	fmt.Fprintf(&b, `<rect class="page" width="%d" height="%d" rx="6"/>`+"\n", plotWidth, plotHeight)
	for _, p := range []panel{
		{panelLeft, "seconds of CPU", measure.CPU, -2, 6},
		{panelLeft + panelWidth + panelGap, "peak of memory in MB", func(c measure.Cost) float64 { return float64(c.Peak) / 1e6 }, 0, 4},
	} {
		p.drawAxes(&b)
		if g != nil {
			for i, name := range g.names() {
				p.drawProgram(&b, g, name, i)
			}
		}
	}
	if g != nil {
		for i, name := range g.names() {
			y := float64(plotHeight - 34 + i*20)
			drawMark(&b, i, panelLeft+6, y-4)
			fmt.Fprintf(&b, `<text x="%d" y="%.0f">%s</text>`+"\n", panelLeft+18, y, escape(plain(name)))
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// drawAxes draws the grid, and the numbers and the names of the axes.
func (p panel) drawAxes(b *bytes.Buffer) {
	fmt.Fprintf(b, `<text class="title" x="%.0f" y="%d">%s</text>`+"\n", p.left, panelTop-16, escape(p.title))
	bottom := float64(panelTop + panelTall)
	for i := range p.powers + 1 {
		y := p.y(math.Pow10(p.lowest + i))
		fmt.Fprintf(b, `<path class="grid" d="M%.1f %.1fH%.1f"/><text x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n",
			p.left, y, p.left+panelWidth, p.left-8, y+4, power(p.lowest+i))
	}
	for i := range linePowers + 1 {
		x := p.x(math.Pow10(lowestLines + i))
		fmt.Fprintf(b, `<path class="grid" d="M%.1f %dV%.1f"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n",
			x, panelTop, bottom, x, bottom+18, power(lowestLines+i))
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle">lines</text>`+"\n", p.left+panelWidth/2, bottom+36)
}

// drawProgram draws a line through the measured points of a program, and a mark at each.
func (p panel) drawProgram(b *bytes.Buffer, g *growthPart, name string, number int) {
	var path strings.Builder
	for _, at := range g.Points {
		for _, r := range at.Rows {
			value := measure.Of(r.costs(), p.value)
			if r.Name != name || value.N == 0 || value.Median <= 0 {
				continue
			}
			x, y := p.x(float64(at.Lines)), p.y(value.Median)
			command := "L"
			if path.Len() == 0 {
				command = "M"
			}
			fmt.Fprintf(&path, "%s%.1f %.1f", command, x, y)
			drawMark(b, number, x, y)
		}
	}
	if path.Len() > 0 {
		fmt.Fprintf(b, `<path class="line p%d" d="%s"/>`+"\n", number%2, path.String())
	}
}

// drawMark draws a disc for the first program, and a square for the second.
func drawMark(b *bytes.Buffer, number int, x, y float64) {
	if number%2 == 0 {
		fmt.Fprintf(b, `<circle class="p0" cx="%.1f" cy="%.1f" r="4"/>`+"\n", x, y)
	} else {
		fmt.Fprintf(b, `<rect class="p1" x="%.1f" y="%.1f" width="8" height="8"/>`+"\n", x-4, y-4)
	}
}

// describePlot says in words what the plot shows.
func describePlot(g *growthPart) string {
	if g == nil || len(g.Points) == 0 {
		return "Nothing was measured yet."
	}
	var b strings.Builder
	b.WriteString("Two plots with logarithmic axes.")
	for _, name := range g.names() {
		fmt.Fprintf(&b, " %s:", plain(name))
		separator := " "
		for _, at := range g.Points {
			for _, r := range at.Rows {
				if r.Name == name && len(r.Samples) > 0 {
					costs := r.costs()
					fmt.Fprintf(&b, "%s%s lines take %s of CPU and %.0f MB", separator, measure.Thousands(at.Lines), seconds(measure.Of(costs, measure.CPU)), measure.Of(costs, measure.Peak).Median/1e6)
					separator = ", "
				}
			}
		}
		b.WriteString(".")
	}
	return b.String()
}

// power writes a power of ten: 0.01, 1, 10 thousand, 1 million.
func power(n int) string {
	switch {
	case n < 0:
		return fmt.Sprintf("%.*f", -n, math.Pow10(n))
	case n < 3:
		return fmt.Sprintf("%.0f", math.Pow10(n))
	case n < 6:
		return fmt.Sprintf("%.0fk", math.Pow10(n-3))
	}
	return fmt.Sprintf("%.0fM", math.Pow10(n-6))
}

// plain is a text of Markdown without its marks.
func plain(text string) string { return strings.NewReplacer("`", "", "*", "").Replace(text) }

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes everything
	return b.String()
}
