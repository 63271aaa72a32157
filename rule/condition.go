package rule

import (
	"clearhop/record"
)

// A condition is FIELD=VALUE or FIELD!=VALUE. On a record without the field
// neither holds.
type condition struct {
	field     field
	not       bool
	text      string // what the value is, or begins with
	prefix    bool
	low, high int64 // of a status
	flag      bool  // of bot
}

type field uint8

const (
	dataset field = iota
	verdict
	reason
	path
	method
	status
	bot
	level
)

// fields are the names of the fields.
var fields = [...]string{
	dataset: "dataset", verdict: "verdict", reason: "reason", path: "path",
	method: "method", status: "status", bot: "bot", level: "level",
}

func (c *condition) holds(r *record.Record) bool {
	is, there := c.is(r)
	return there && is != c.not
}

// is reports whether the record has the value, and the field at all.
func (c *condition) is(r *record.Record) (is, there bool) {
	switch c.field {
	case dataset:
		return r.Dataset.String() == c.text, true
	case verdict:
		return r.Provenance.Verdict == c.text, r.Provenance.Verdict != ""
	case reason:
		return r.Provenance.Reason == c.text, r.Provenance.Reason != ""
	case path:
		if c.prefix {
			return len(r.URL.Path) >= len(c.text) && string(r.URL.Path[:len(c.text)]) == c.text, r.URL.Path != nil
		}
		return string(r.URL.Path) == c.text, r.URL.Path != nil
	case method:
		return string(r.Access.Method) == c.text, r.Access.Method != nil
	case status:
		n := r.Access.Status
		return c.low <= n.N && n.N <= c.high, n.Valid
	case bot:
		return r.UserAgent.Bot == c.flag, r.UserAgent.Valid
	case level:
		return string(r.Error.Level) == c.text, r.Error.Level != nil
	}
	return false, false
}
