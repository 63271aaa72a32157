package infer

import (
	"encoding/json"
	"errors"
	"math/bits"
	"slices"
	"strings"

	"clearhop/parser"
	"clearhop/record"
)

// A Proposal is a log_format that was inferred from lines.
type Proposal struct {
	// Text is the string of the log_format, as --format takes it.
	Text string
	// Format is Text, compiled.
	Format *parser.Format
	// Guessed are the variables whose columns are only supposed to be theirs.
	Guessed record.Logged
	// Lines is how many lines of access logs there were, Read how many of them
	// Format reads: at least 90 percent.
	Lines, Read int
	// Unnamed are the names in Text that are no variables.
	Unnamed []string

	hasText bool // some column is only what the known ones leave
}

// LineFormat returns the format, which marks what is guessed in each record.
func (p *Proposal) LineFormat() parser.LineFormat {
	return parser.Guess(p.Format, p.Guessed).Believed()
}

// combinedHead is how combined begins. Lines that begin so are read in auto without
// any inference, and the peer is then no guess.
const combinedHead = `$remote_addr - $remote_user [$time_local] "$request" $status $`

// all are the variables that show the client.
const all = record.LoggedRemoteAddr | record.LoggedRealipRemoteAddr | record.LoggedProxyProtocolAddr |
	record.LoggedXForwardedFor | record.LoggedXRealIP

// maxLine bounds the lines that are looked at: a longer one tells nothing more.
const maxLine = 16 << 10

// LogFormat infers the log_format of lines. It returns nil if the lines are none of
// an access log, or if no log_format reads most of them. nodes are those of the NLB.
func LogFormat(lines []string, nodes Nodes) *Proposal {
	lines = slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !IsAccess(line) })
	if len(lines) == 0 {
		return nil
	}
	a := align(lines)
	if a == nil || len(a.columns) == 0 {
		return nil
	}
	n := a.name(nodes)
	for range len(n.columns) {
		p, wrong := n.propose(lines)
		if p == nil || p.Read == len(lines) || wrong < 0 {
			return accept(p)
		}
		if p.Read*100 >= len(lines)*98 {
			return accept(p)
		}
		n.unname(wrong)
	}
	return nil
}

// accept returns p if it reads enough lines.
func accept(p *Proposal) *Proposal {
	if p == nil || p.Read*100 < p.Lines*share {
		return nil
	}
	return p
}

// propose compiles the columns and reads the lines with them. wrong is the column at
// which most other lines fail and that has the name of a variable; -1 for none.
func (n *namer) propose(lines []string) (p *Proposal, wrong int) {
	p = &Proposal{Text: n.text(), Lines: len(lines)}
	var err error
	if p.Format, err = parser.Compile(p.Directive()); err != nil {
		return nil, -1
	}
	fails := map[string]int{}
	var r record.Record
	for _, line := range lines {
		r.Reset()
		err := p.Format.Parse([]byte(line), &r)
		var parse *record.ParseError
		switch {
		case err == nil:
			p.Read++
		case errors.As(err, &parse):
			fails[parse.Variable]++
		}
	}
	p.Guessed = all
	if strings.HasPrefix(p.Text, combinedHead) {
		p.Guessed &^= record.LoggedRemoteAddr
	}
	if n.peerIsChosen {
		p.Guessed |= record.LoggedOtherPeer
	}
	for i := range n.columns {
		p.hasText = p.hasText || n.columns[i].text
	}
	wrong = -1
	for i, name := range n.names {
		if strings.HasPrefix(name, parser.Unnamed) {
			p.Unnamed = append(p.Unnamed, "$"+name)
		} else if fails[name] > 0 && (wrong < 0 || fails[name] > fails[n.names[wrong]]) {
			wrong = i
		}
	}
	return p, wrong
}

// text returns the string of the log_format.
func (n *namer) text() string {
	var b strings.Builder
	for i, name := range n.names {
		b.WriteString(n.columns[i].sep)
		next := n.tail
		if i+1 < len(n.columns) {
			next = n.columns[i+1].sep
		}
		switch {
		case name == literalDash:
			b.WriteString(literalDash)
			continue
		case name == "remote_addr" && n.columns[i].always() && !n.columns[i].some(isAddress):
			b.WriteString("$remote_addr:$remote_port")
			continue
		case name == "host" && n.hostHasPort(i):
			b.WriteString("$host:$server_port")
			continue
		}
		if next != "" && (isLetter(next[0]) || isDigit(next[0]) || next[0] == '_') {
			name = "{" + name + "}"
		}
		b.WriteString("$" + name)
	}
	b.WriteString(n.tail)
	return b.String()
}

// IsAccess reports whether a line looks like one of an access log: it has at least two
// of a time, a request or its method, a status and an address.
func IsAccess(line string) bool {
	if line == "" || len(line) > maxLine || line[0] == '{' || isJSON(line) || parser.IsErrorLine([]byte(line)) {
		return false
	}
	var r record.Record
	// The rest of an error record of several lines is a visitor's: he must not choose
	// what is announced as the log_format.
	if parser.ParseChatter([]byte(line), &r) || parser.EndsOpenRecord([]byte(line)) {
		return false
	}
	has := evidenceOf(line, "") | evidenceOf(line, delimiterOf([]string{line}))
	return bits.OnesCount8(uint8(has)) >= 2 && has&(hasRequest|hasStatus) != 0
}

// isJSON reports whether a line is a list or a text of JSON: its values have names or
// places of their own, and are no columns of text.
func isJSON(line string) bool {
	return (line[0] == '[' || line[0] == '"') && json.Valid([]byte(line)) || strings.HasPrefix(line, `[{`)
}

// An evidence is a set of things that a line of an access log has.
type evidence uint8

const (
	hasTime evidence = 1 << iota
	hasRequest
	hasStatus
	hasAddress
)

// evidenceOf returns what the fields of a line are.
func evidenceOf(line, delimiter string) (has evidence) {
	c := cutLine(line, delimiter)
	for _, f := range c.fields {
		switch v := line[f.start:f.end]; {
		case isTime(v), msec.MatchString(v):
			has |= hasTime
		case request.MatchString(v), method.MatchString(v):
			has |= hasRequest
		case status.MatchString(v):
			has |= hasStatus
		case isAddress(v), isAddressPort(v):
			has |= hasAddress
		}
	}
	return has
}

// Argument returns the log_format as an argument of --format: Text, or a directive if
// Text has what a shell or a terminal would change.
func (p *Proposal) Argument() string {
	if !strings.ContainsAny(p.Text, "\t'\\") {
		return p.Text
	}
	return p.Directive()
}

// Directive returns the log_format as it may stand in nginx.conf.
func (p *Proposal) Directive() string {
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`).Replace(p.Text)
	if !strings.ContainsAny(p.Text, "\t'\\") {
		return "log_format inferred '" + p.Text + "';"
	}
	return `log_format inferred "` + escaped + `";`
}
