//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import "clearhop/encode"

// A leaf is a field of the event in the columns of a chunk.
type leaf struct {
	path    string // of the field
	column  *column
	objects []*column // that the column is in, the outermost first

	line  *lineColumn // where its values go if they are a line's own
	group int         // else
}

// leavesOf returns the fields in the columns of a chunk, without the partitions and the
// numbers.
func leavesOf(columns []*column, lines *lines) []leaf {
	var all []leaf
	var walk func(columns []*column, prefix string, objects []*column)
	walk = func(columns []*column, prefix string, objects []*column) {
		for _, c := range columns {
			path := prefix + c.Key
			switch {
			case c.Kind == "":
				walk(c.members, path+".", append(objects[:len(objects):len(objects)], c))
			case c.Key == "" || prefix == "" && isPartition(c.Name):
			default:
				l := leaf{path: path, column: c, objects: objects, group: groupOf(path)}
				if l.group < 0 {
					l.line = lines.column(own[path])
					if own[path] == "event_id" {
						l.line = lines.id
					}
				}
				all = append(all, l)
			}
		}
	}
	walk(columns, "", nil)
	return all
}

// readRow takes the last row of the chunk, an event, to where its values are stored.
func (l *Load) readRow() {
	row := l.rows.rows - 1
	for i := range l.leaves {
		leaf := &l.leaves[i]
		c := leaf.column
		switch {
		case !c.has(row):
		case leaf.line == nil:
			l.sets[leaf.group] = c.appendValue(l.sets[leaf.group], byte(i+1), row, l.rows.arena)
		case leaf.line == l.lines.id || leaf.line.kind == encode.String:
			l.lines.setText(leaf.line, l.rows.textAt(c, row))
		default:
			l.lines.setNumber(leaf.line, int64(c.words[row]))
		}
	}
	if l.dataset.has(row) {
		l.datasetIs = append(l.datasetIs[:0], l.rows.textAt(l.dataset, row)...)
	}
}

// appendValue adds the value at i to a set of values.
func (c *column) appendValue(to set, field byte, i int, arena []byte) set {
	switch {
	case !c.has(i):
		return append(to, 0)
	case i < len(c.spans):
		list := c.spans[i]
		to.addWord(field, list.size)
		for k := list.from; k < list.from+list.size; k++ {
			to = c.members[0].appendValue(to, field, int(k), arena)
		}
	case i < len(c.texts):
		to.add(field, textIn(arena, &c.texts[i]))
	case i < len(c.words):
		to.addWord(field, c.words[i])
	default:
		to = append(to, field)
		for _, m := range c.members {
			to = m.appendValue(to, field, i, arena)
		}
	}
	return to
}
