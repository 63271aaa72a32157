//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"clearhop/analytics"
	"clearhop/encode"
)

// Most values of a line repeat in other lines. So the table of lines holds only what is
// the line's own: its time, its id, its sizes and its duration. All other values are in
// groups. The values of a group stand once in the table of values, under a number, and a
// line has the number. See docs/decisions/statistics.md.

// A group is a set of fields whose values repeat together.
type group struct {
	name   string
	fields []string // paths of fields, or of objects of them
}

// key is the name of the column with the numbers of a group, in both tables.
func (g group) key() string { return g.name + "_key" }

// groups are all groups. A field that is in none of them, and is not the line's own,
// belongs to the last one.
var groups = [...]group{
	{"client", []string{"client", "source.ip", "provenance.vouched", "provenance.geo_state"}},
	{"path", []string{"url.path"}},
	{"agent", []string{"user_agent"}},
	{"referrer", []string{"http.request.referrer"}},
	{"upstream", []string{"nginx.access.upstream"}},
	{"other", nil},
}

// own are the fields whose values are a line's own, with the columns of the views that
// show them.
var own = map[string]string{
	"@timestamp":               "ts",
	"event.id":                 "event_id",
	"event.duration":           "duration_ns",
	"http.request.bytes":       "request_bytes",
	"http.request.id":          "request_id",
	"http.response.body.bytes": "body_bytes",
	"http.response.bytes":      "response_bytes",
	"url.query":                "query",
}

// groupOf returns the place in groups of the field with a path; -1 if its values are a
// line's own.
func groupOf(path string) int {
	if own[path] != "" {
		return -1
	}
	for i, g := range groups {
		for _, of := range g.fields {
			if path == of || strings.HasPrefix(path, of+".") {
				return i
			}
		}
	}
	return len(groups) - 1
}

// A columnPlace says where a column of the views is stored.
type columnPlace struct {
	analytics.ViewColumn
	group int    // -1: in the table of lines
	sql   string // of a column in the table of lines
}

// isText reports whether the column holds texts.
func (p columnPlace) isText() bool { return p.Type == encode.String || p.Type == encode.IP }

// places returns where the columns of the view all_lines are stored, in the order of the
// view.
var places = sync.OnceValue(func() []columnPlace {
	fields := map[string]string{} // from the name in SQL to the path
	for _, f := range encode.Fields() {
		fields[strings.TrimPrefix(f.Path, "@")] = f.Path
	}
	var all []columnPlace
	for _, c := range analytics.View(analytics.AllLines) {
		p := columnPlace{ViewColumn: c, group: -2}
		expression := strings.ReplaceAll(c.Expression(analytics.DuckDB), `"`, "")
		for _, word := range strings.FieldsFunc(expression, func(r rune) bool {
			return r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
		}) {
			path := fields[word]
			if path == "" && !isPartition(word) {
				continue
			}
			g := groupOf(path)
			if p.group != -2 && p.group != g {
				panic(fmt.Sprintf("store: the column %s is made of fields of several groups", c.Name)) // a test reads all columns
			}
			p.group = g
			if g < 0 {
				expression = strings.ReplaceAll(expression, word, own[path])
			}
		}
		switch {
		case p.group == -2:
			panic("store: the column " + c.Name + " is made of no field")
		case c.Field != "" && p.group == -1:
			p.sql = own[c.Field]
		default:
			p.sql = expression
		}
		all = append(all, p)
	}
	return all
})

// inGroup returns the columns of the views that are in a group.
func inGroup(g int) []columnPlace {
	return slices.DeleteFunc(slices.Clone(places()), func(p columnPlace) bool { return p.group != g })
}
