package parser

import (
	"bytes"

	"clearhop/record"
)

// An exclusive is a format of Auto that leaves some of the lines that it could read
// to another format. So a line fits one format at most, whatever the lines before it
// were.
type exclusive struct {
	LineFormat
	// exclude reports whether the record of a line shows that the line has another
	// format.
	exclude func(a *record.Access) bool
}

// excluded are the formats of Auto that are exclusive.
var excluded = map[string]func(a *record.Access) bool{
	"ingress":      hasBracketedUser,
	"ingress_2017": hasBracketInUser,
	"ingress_2018": hasBracketedUpstream,
	"ingress_2019": hasBracketInUser,
	"basic":        hasNoTransport,
	"proxy":        hasNoTransport,
}

// Parse reads line into r, unless the line has another format.
func (f exclusive) Parse(line []byte, r *record.Record) error {
	e := new(record.ParseError)
	if f.try(line, r, e) {
		return nil
	}
	return e
}

func (f exclusive) try(line []byte, r *record.Record, e *record.ParseError) bool {
	if !f.LineFormat.try(line, r, e) {
		return false
	}
	if f.exclude(&r.Access) {
		*e = record.ParseError{Format: f.Name(), Column: 1, Reason: otherFormat}
		return false
	}
	return true
}

const otherFormat = "the line has another format"

// hasBracketedUser reports whether the name of the user is "[address] - name": what
// stands there in the formats that ingress-nginx had until 2019.
func hasBracketedUser(a *record.Access) bool {
	return bytes.HasPrefix(a.RemoteUser, openBracket) && bytes.Contains(a.RemoteUser, closeBracket)
}

// hasBracketInUser reports whether a visitor wrote the end of the brackets, in a
// header or as the name of a user. Then nobody can tell where they end.
func hasBracketInUser(a *record.Access) bool { return bytes.Contains(a.RemoteUser, closeBracket) }

// hasBracketedUpstream also reports whether the address of the upstream is the name
// of an alternative upstream, which came in 2019.
func hasBracketedUpstream(a *record.Access) bool {
	return hasBracketInUser(a) || len(a.Upstream) > 0 && bytes.HasPrefix(a.Upstream[0].Address, openBracket) && bytes.HasSuffix(a.Upstream[0].Address, []byte("]"))
}

var openBracket, closeBracket = []byte("["), []byte("] - ")

// hasNoTransport reports whether the line is none of a stream block.
func hasNoTransport(a *record.Access) bool {
	for _, p := range a.Extra {
		if p.Name == "protocol" {
			return string(p.Value) != "TCP" && string(p.Value) != "UDP"
		}
	}
	return true
}
