package infer

import "slices"

// aligned are the columns that most lines share.
type aligned struct {
	columns []column
	tail    string // the fixed text at the end
	lines   []string
}

// share is the part of the lines, in percent, that must agree.
const share = 90

// align finds the columns of lines. Most lines have the same fixed texts. Where they
// do not, a value without quotes holds blanks: what stands between the fixed texts
// that the lines share at the start and at the end is one column of any text.
func align(lines []string) *aligned {
	delimiter := delimiterOf(lines)
	cuts := make([]cut, len(lines))
	shapes := map[string][]int{}
	best := ""
	for i, line := range lines {
		cuts[i] = cutLine(line, delimiter)
		shape := ""
		for _, sep := range cuts[i].seps() {
			shape += sep + "\x00"
		}
		shapes[shape] = append(shapes[shape], i)
		if n, most := len(shapes[shape]), len(shapes[best]); n > most || n == most && shape < best {
			best = shape
		}
	}
	if len(shapes[best])*100 >= len(lines)*share {
		var same []cut
		for _, i := range shapes[best] {
			same = append(same, cuts[i])
		}
		return equal(same)
	}
	return around(cuts)
}

// equal makes columns of lines with the same fixed texts.
func equal(cuts []cut) *aligned {
	a := &aligned{tail: cuts[0].tail, columns: make([]column, len(cuts[0].fields))}
	for i := range a.columns {
		a.columns[i].sep = cuts[0].fields[i].sep
	}
	for _, c := range cuts {
		a.lines = append(a.lines, c.line)
		for i, f := range c.fields {
			a.columns[i].values = append(a.columns[i].values, c.line[f.start:f.end])
		}
	}
	return a
}

// around makes columns of what the lines share at both ends, and one column of the
// text between. It returns nil if the lines share nothing.
func around(cuts []cut) *aligned {
	enough := (len(cuts)*share + 99) / 100
	seps := make([][]string, len(cuts))
	for i := range cuts {
		seps[i] = cuts[i].seps()
	}
	agree := make([]int, len(cuts))
	for i := range agree {
		agree[i] = i
	}
	// first is the number of fixed texts that the lines share at the start.
	first, agree := common(agree, enough, func(line, n int) (string, bool) {
		if n >= len(seps[line])-1 {
			return "", false
		}
		return seps[line][n], true
	})
	last, agree := common(agree, enough, func(line, n int) (string, bool) {
		at := len(seps[line]) - 1 - n
		if at < first {
			return "", false
		}
		return seps[line][at], true
	})
	if first < 2 || last < 1 {
		return nil
	}
	a := &aligned{columns: make([]column, first+last-1)}
	for _, i := range agree {
		a.add(&cuts[i], first, last)
	}
	return a
}

// common returns how many fixed texts enough of the lines share, and these lines.
func common(lines []int, enough int, text func(line, n int) (string, bool)) (n int, agree []int) {
	for {
		by := map[string][]int{}
		for _, line := range lines {
			if t, ok := text(line, n); ok {
				by[t] = append(by[t], line)
			}
		}
		var most []int
		for _, some := range by {
			if len(some) > len(most) {
				most = some
			}
		}
		if len(most) < enough || len(most) == 0 {
			return n, lines
		}
		lines = most
		n++
	}
}

// add adds the values of a line to the columns: first-1 of its first values, the text
// between, last-1 of its last values.
func (a *aligned) add(c *cut, first, last int) {
	fields := c.fields
	behind := len(fields) - (last - 1)
	for i := range a.columns {
		col := &a.columns[i]
		switch {
		case i < first-1:
			col.sep = fields[i].sep
			col.values = append(col.values, c.line[fields[i].start:fields[i].end])
		case i == first-1:
			end := len(c.line) - len(c.tail)
			if behind < len(fields) {
				end = fields[behind].start - len(fields[behind].sep)
			}
			col.sep, col.text = fields[i].sep, true
			col.values = append(col.values, c.line[fields[i].start:max(end, fields[i].start)])
		default:
			f := fields[behind+i-first]
			col.sep = f.sep
			col.values = append(col.values, c.line[f.start:f.end])
		}
	}
	a.tail = c.tail
	a.lines = append(a.lines, c.line)
}

// index returns the index of the first column that fits, or -1.
func (a *aligned) index(fits func(*column) bool) int {
	return slices.IndexFunc(a.columns, func(c column) bool { return fits(&c) })
}
