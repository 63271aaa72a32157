package rule

import (
	"clearhop/record"
	"clearhop/verdict"
)

// A condition is FIELD=VALUE or FIELD!=VALUE. Neither holds for a record that
// does not have the field.
type condition struct {
	field     field
	not       bool
	text      string // the value, or with prefix its beginning
	prefix    bool
	verdict   verdict.Verdict
	reason    verdict.Reason
	low, high int64 // of a status
	flag      bool  // of bot
}

type field uint8

const (
	byDataset field = iota
	byVerdict
	byReason
	byPath
	byMethod
	byStatus
	byBot
	byLevel
)

// fields are the names of the fields.
var fields = [...]string{
	byDataset: "dataset", byVerdict: "verdict", byReason: "reason", byPath: "path",
	byMethod: "method", byStatus: "status", byBot: "bot", byLevel: "level",
}

func (c *condition) holds(r *record.Record) bool {
	is, there := c.is(r)
	return there && is != c.not
}

// is reports whether the record has the value; there reports whether it has the
// field.
func (c *condition) is(r *record.Record) (is, there bool) {
	switch c.field {
	case byDataset:
		return r.Dataset.String() == c.text, true
	case byVerdict:
		return r.Provenance.Verdict == c.verdict, r.Provenance.Verdict != verdict.NoVerdict
	case byReason:
		return r.Provenance.Reason == c.reason, r.Provenance.Reason != verdict.NoReason
	case byPath:
		if c.prefix {
			return len(r.URL.Path) >= len(c.text) && string(r.URL.Path[:len(c.text)]) == c.text, r.URL.Path != nil
		}
		return string(r.URL.Path) == c.text, r.URL.Path != nil
	case byMethod:
		return string(r.Access.Method) == c.text, r.Access.Method != nil
	case byStatus:
		n := r.Access.Status
		return c.low <= n.N && n.N <= c.high, n.Valid
	case byBot:
		return r.UserAgent.Bot == c.flag, r.UserAgent.Valid
	case byLevel:
		return string(r.Error.Level) == c.text, r.Error.Level != nil
	}
	return false, false
}
