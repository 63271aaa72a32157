package analytics

import (
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"clearhop/encode"
)

// Each question is one file. Its first lines are comments with what is not SQL:
//
//	-- title: Paths
//	-- description: Which paths are asked for most.
//	-- limit: 100
//	-- column: path      string   -         Path
//	-- column: requests  integer  requests  Requests
//	SELECT …
//
// A column has a name, a type of package encode, a unit and a title. The SQL reads
// from chosen, or from chosen_lines, once: those are the requests, or the lines, that
// the Query asks for. {bucket} is the beginning of the time that a row counts in, and
// {client} the client. The last ORDER BY is a total order. A file without a limit
// returns all rows.
//
//go:embed queries/*.sql
var files embed.FS

// Questions returns all questions in the order of the report: first the chain, then
// traffic, then who asked for what.
func Questions() []Question { return slices.Clone(questions()) }

// Find returns the question of a name.
func Find(name string) (Question, bool) {
	all := questions()
	i := slices.IndexFunc(all, func(q Question) bool { return q.Name == name })
	if i < 0 {
		return Question{}, false
	}
	return all[i], true
}

// order is the order of the questions. A test holds it to the files.
var order = []string{
	"chain", "faults", "nlb_addresses", "data_quality", "verdicts", "geo_states", "traffic",
	"visitors", "robots", "hours", "statuses", "statuses_over_time", "errors", "latency",
	"latency_over_time", "latency_paths", "slow_paths", "upstreams", "clients", "client",
	"countries", "cities", "networks", "paths", "bytes", "referrers", "agents", "hosts",
	"methods", "protocols", "log_groups", "nlb_nodes", "health_checks", "tallies",
}

var questions = sync.OnceValue(func() []Question {
	var all []Question
	for _, name := range order {
		text, err := files.ReadFile("queries/" + name + ".sql")
		if err != nil {
			panic("analytics: " + err.Error()) // embedded files can always be read
		}
		q, err := parse(name, string(text))
		if err != nil {
			panic(fmt.Sprintf("analytics: queries/%s.sql: %v", name, err)) // a test reads all files
		}
		all = append(all, q)
	}
	return all
})

// parse reads the file of a question.
func parse(name, text string) (Question, error) {
	q := Question{Name: name}
	for {
		line, rest, _ := strings.Cut(text, "\n")
		head, isHead := strings.CutPrefix(line, "-- ")
		if !isHead {
			break
		}
		text = rest
		key, value, _ := strings.Cut(head, ": ")
		var err error
		switch key {
		case "title":
			q.Title = value
		case "description":
			q.Description = value
		case "limit":
			q.Limit, err = strconv.Atoi(value)
		case "column":
			var c Column
			c, err = parseColumn(value)
			q.Columns = append(q.Columns, c)
		default:
			err = fmt.Errorf("there is no key %q", key)
		}
		if err != nil {
			return Question{}, err
		}
	}
	q.body = strings.TrimSpace(text)
	if q.Title == "" || q.Description == "" || len(q.Columns) == 0 || q.body == "" {
		return Question{}, fmt.Errorf("has no title, description, column or SQL")
	}
	return q, nil
}

// parseColumn reads a name, a type, a unit and a title.
func parseColumn(text string) (Column, error) {
	words := strings.Fields(text)
	if len(words) < 4 {
		return Column{}, fmt.Errorf("column %q: needs a name, a type, a unit or -, and a title", text)
	}
	c := Column{Name: words[0], Type: encode.Type(words[1]), Unit: words[2], Title: strings.Join(words[3:], " ")}
	if c.Unit == "-" {
		c.Unit = ""
	}
	switch c.Type {
	case encode.String, encode.IP, encode.Integer, encode.Decimal, encode.Boolean, encode.Timestamp:
		return c, nil
	}
	return Column{}, fmt.Errorf("column %s: an answer has no column of type %s", c.Name, c.Type)
}
