package rule

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"clearhop/record"
	"clearhop/verdict"
)

// A SyntaxError says where a rule is wrong.
type SyntaxError struct {
	Rule   int    // counted from 1, over all texts
	Text   string // of the rule
	Column int    // in bytes, from 1
	Reason string
}

// Error gives the rule, the place and the reason in one line.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("rule %d %q: column %d: %s", e.Rule, e.Text, e.Column, e.Reason)
}

// Compile compiles rules. A text may hold several, separated by ";" or line
// feeds. The error joins a *SyntaxError for each mistake.
func Compile(texts []string) (*Set, error) {
	s := &Set{}
	var errs []error
	n := 0
	for _, several := range texts {
		for text := range strings.FieldsFuncSeq(several, func(c rune) bool { return c == ';' || c == '\n' }) {
			text = strings.TrimSpace(text)
			if text == "" {
				continue
			}
			n++
			p := parsing{n: n, text: text}
			s.rules = append(s.rules, p.rule())
			errs = append(errs, p.errs...)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// A parsing is the state of reading one rule.
type parsing struct {
	n    int
	text string
	errs []error
}

func (p *parsing) fail(at int, format string, args ...any) {
	p.errs = append(p.errs, &SyntaxError{Rule: p.n, Text: p.text, Column: at + 1, Reason: fmt.Sprintf(format, args...)})
}

// rule reads the whole text: "ACTION CONDITION,CONDITION…".
func (p *parsing) rule() rule {
	r := rule{text: p.text}
	word, rest, _ := strings.Cut(p.text, " ")
	p.action(&r, word)
	at := len(p.text) - len(strings.TrimLeft(rest, " "))
	if at == len(p.text) {
		p.fail(at, "a condition is missing, such as %q", "verdict=health_check")
		return r
	}
	for item := range strings.SplitSeq(p.text[at:], ",") {
		start := at + len(item) - len(strings.TrimLeft(item, " "))
		at += len(item) + len(",")
		if c, ok := p.condition(start, strings.TrimSpace(item)); ok {
			r.conditions = append(r.conditions, c)
			r.faults = r.faults || !c.not && (c.field == byVerdict || c.field == byReason)
		}
	}
	return r
}

// action reads keep, drop, sample:RATE or route:NAME.
func (p *parsing) action(r *rule, word string) {
	name, arg, colon := strings.Cut(word, ":")
	at := len(name) + len(":")
	switch {
	case name == "keep" && !colon:
		r.action = keep
	case name == "drop" && !colon:
		r.action = drop
	case name == "sample" && colon:
		r.action = sample
		rate, err := strconv.ParseFloat(arg, 64)
		if err != nil || !(0 < rate && rate < 1) {
			p.fail(at, "%q is not a rate: give a number between 0 and 1, such as 0.1", arg)
		}
		r.rate = rate
	case name == "route" && colon:
		r.action, r.route = route, arg
		if !isRoute(arg) {
			p.fail(at, `%q is not a name: it may hold letters, digits, "_" and "-"`, arg)
		}
	default:
		p.fail(0, "there is no action %q; known: keep, drop, sample:RATE, route:NAME", word)
	}
}

func isRoute(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return name != ""
}

// condition reads "FIELD=VALUE" or "FIELD!=VALUE", which stands at column at.
func (p *parsing) condition(at int, text string) (c condition, ok bool) {
	name, value, found := strings.Cut(text, "=")
	if !found {
		p.fail(at, `%q is not a condition: it has no "="`, text)
		return c, false
	}
	valueAt := at + len(name) + len("=")
	name, c.not = strings.CutSuffix(name, "!")
	i := slices.Index(fields[:], name)
	if i < 0 {
		p.fail(at, "there is no field %q; known: %s", name, strings.Join(fields[:], ", "))
		return c, false
	}
	c.field, c.text = field(i), value
	if why := c.setValue(value); why != "" {
		p.fail(valueAt, "%s", why)
		return c, false
	}
	return c, true
}

// setValue reads the value. why says what is wrong with it; empty for nothing.
func (c *condition) setValue(value string) (why string) {
	switch c.field {
	case byDataset:
		return oneOf("dataset", value, datasets())
	case byVerdict:
		var ok bool
		c.verdict, ok = verdict.ParseVerdict(value)
		return known(ok && value != "", "verdict", value, codes(verdict.Verdicts()))
	case byReason:
		var ok bool
		c.reason, ok = verdict.ParseReason(value)
		return known(ok && value != "", "reason", value, codes(verdict.Reasons()))
	case byLevel:
		return oneOf("level", value, []string{"debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"})
	case byBot:
		c.flag = value == "true"
		return oneOf("value of bot", value, []string{"true", "false"})
	case byPath:
		if !strings.HasPrefix(value, "/") {
			return fmt.Sprintf("%q is not a path: it does not start with a slash", value)
		}
		c.text, c.prefix = strings.CutSuffix(value, "*")
		if strings.Contains(c.text, "*") {
			return fmt.Sprintf("%q: only the end can be a star", value)
		}
	case byMethod:
		if value == "" || value != strings.ToUpper(value) {
			return fmt.Sprintf("%q is not a method, such as GET", value)
		}
	case byStatus:
		var ok bool
		if c.low, c.high, ok = statusRange(value); !ok {
			return fmt.Sprintf("%q is not a status: give 404, 2xx or 400-499", value)
		}
	}
	return ""
}

// statusRange reads "404", "2xx" or "400-499".
func statusRange(text string) (low, high int64, ok bool) {
	if class, found := strings.CutSuffix(text, "xx"); found {
		n, err := strconv.ParseInt(class, 10, 64)
		return 100 * n, 100*n + 99, err == nil && 1 <= n && n <= 9
	}
	from, to, found := strings.Cut(text, "-")
	if !found {
		to = from
	}
	low, errLow := strconv.ParseInt(from, 10, 64)
	high, errHigh := strconv.ParseInt(to, 10, 64)
	return low, high, errLow == nil && errHigh == nil && 0 <= low && low <= high && high <= 999
}

func oneOf(what, value string, values []string) (why string) {
	return known(slices.Contains(values, value), what, value, values)
}

// known returns an error text for a value that is none of values.
func known(ok bool, what, value string, values []string) (why string) {
	if ok {
		return ""
	}
	return fmt.Sprintf("there is no %s %q; known: %s", what, value, strings.Join(values, ", "))
}

func datasets() []string {
	var names []string
	for _, d := range []record.Dataset{record.AccessLine, record.ErrorLogLine, record.OtherLine, record.Unparsed} {
		names = append(names, d.String())
	}
	return names
}

// codes returns the values of a vocabulary as events write them.
func codes[T fmt.Stringer](values []T) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.String()
	}
	return texts
}
