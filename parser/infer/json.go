package infer

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"clearhop/parser"
)

// A KeyProposal says what keys of JSON lines may mean.
type KeyProposal struct {
	// Unknown are the keys that mean nothing, in the order of the lines.
	Unknown []string
	// Means are those of them whose values look like a variable's that no other key
	// of the lines has.
	Means []KeyMeaning
}

// A KeyMeaning says which variable a key may be.
type KeyMeaning struct{ Key, Variable string }

// Setting returns the value of --json-key.
func (p *KeyProposal) Setting() string {
	var texts []string
	for _, m := range p.Means {
		texts = append(texts, m.Key+"="+m.Variable)
	}
	return strings.Join(texts, ",")
}

// maxKeys bounds the keys that are looked at.
const maxKeys = 200

// Keys looks at the keys of the lines that are JSON objects. It returns nil if set
// knows all of them, or if there are no such lines.
func Keys(set *parser.Set, lines []string) *KeyProposal {
	k := keyValues{values: map[string]*column{}}
	for _, line := range lines {
		k.addLine(line)
	}
	p := &KeyProposal{}
	used := map[string]bool{}
	for _, name := range k.names {
		if variable, ok := set.Key(name); ok {
			used[variable] = true
		} else {
			p.Unknown = append(p.Unknown, name)
		}
	}
	for _, shape := range keyShapes {
		for _, name := range p.Unknown {
			if !used[shape.variable] && shape.fits(name, k.values[name], k.lines) {
				used[shape.variable] = true
				p.Means = append(p.Means, KeyMeaning{name, shape.variable})
			}
		}
	}
	if len(p.Unknown) == 0 {
		return nil
	}
	slices.SortStableFunc(p.Means, func(a, b KeyMeaning) int {
		return slices.Index(p.Unknown, a.Key) - slices.Index(p.Unknown, b.Key)
	})
	return p
}

// keyValues are the values of each key.
type keyValues struct {
	names  []string
	values map[string]*column
	lines  int
}

// addLine adds the members of a line, if it is a JSON object.
func (k *keyValues) addLine(line string) {
	var object map[string]any
	if strings.HasPrefix(line, "{") && len(line) <= maxLine && json.Unmarshal([]byte(line), &object) == nil {
		k.lines++
		k.add("", object)
	}
}

// add adds the members of an object under their dotted names, in the order of the
// alphabet.
func (k *keyValues) add(prefix string, object map[string]any) {
	var names []string
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		path := prefix + name
		text := ""
		switch v := object[name].(type) {
		case map[string]any:
			k.add(path+".", v)
			continue
		case string:
			text = v
		default:
			b, _ := json.Marshal(v) // of a value that was JSON
			text = strings.Trim(string(b), `"`)
		}
		c := k.values[path]
		if c == nil {
			if len(k.names) >= maxKeys || !plainKey.MatchString(path) {
				continue
			}
			c = &column{}
			k.names, k.values[path] = append(k.names, path), c
		}
		c.values = append(c.values, text)
	}
}

// plainKey are names of keys that can stand in a command.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9_.@-]{1,64}$`)

var (
	clientKey  = regexp.MustCompile(`(?i)client|remote|visitor|src|source|user_?ip|^c_?ip$|^ip$|address$`)
	forwardKey = regexp.MustCompile(`(?i)forward|fwd|xff|real_?ip`)
)

// keyShapes say by which values, and in one case by which names, a key may be a
// variable.
var keyShapes = []struct {
	variable string
	fits     func(name string, c *column, lines int) bool
}{
	{"http_x_forwarded_for", func(name string, c *column, _ int) bool {
		return c.most(95, isForwardedFor) && (forwardKey.MatchString(name) || c.some(func(v string) bool { return strings.Contains(v, ",") }))
	}},
	{"remote_addr", func(name string, c *column, _ int) bool { return c.all(isAddress) && clientKey.MatchString(name) }},
	{"remote_addr", func(_ string, c *column, lines int) bool { return c.all(isAddress) && len(c.values) == lines }},
	{"time_local", func(_ string, c *column, _ int) bool {
		return c.all(func(v string) bool { return timeLocal.FindString(v) == v })
	}},
	{"time_iso8601", func(_ string, c *column, _ int) bool {
		return c.all(func(v string) bool { return timeISO.FindString(v) == v })
	}},
	{"msec", func(_ string, c *column, _ int) bool { return c.all(msec.MatchString) }},
	{"request", func(_ string, c *column, _ int) bool { return c.most(50, request.MatchString) }},
	{"request_method", func(_ string, c *column, _ int) bool { return c.all(method.MatchString) }},
	{"request_uri", func(_ string, c *column, _ int) bool { return c.most(90, target.MatchString) }},
	{"status", func(_ string, c *column, lines int) bool { return c.all(status.MatchString) && len(c.values) == lines }},
	{"http_user_agent", func(_ string, c *column, _ int) bool { return c.most(30, agent.MatchString) }},
	{"server_protocol", func(_ string, c *column, _ int) bool { return c.all(protocol.MatchString) }},
}
