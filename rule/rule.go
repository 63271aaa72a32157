// Package rule decides which events are kept, and where events go.
//
//	rules, err := rule.Compile([]string{
//		"drop verdict=health_check",
//		"sample:0.1 status=2xx,bot=false",
//	})
//	j := rules.Judge(rec)
//
// In goes an enriched record, out comes a Judgement. The first rule that matches
// decides. A record that no rule matches is kept. docs/rules.md has the language.
//
// A Set is immutable and safe for concurrent use. Judge allocates nothing.
package rule

import (
	"crypto/sha256"
	"encoding/binary"

	"clearhop/record"
)

// A Set holds rules in the order in which they are tried. The zero value keeps
// every record.
type Set struct {
	rules []rule
}

// A Judgement is what becomes of a record.
type Judgement struct {
	// Rule is the text of the rule that decided; empty if none matches.
	Rule string
	// Dropped says that the event is left out.
	Dropped bool
	// SampleRate is the share of such events that a sample rule keeps, above 0 and
	// below 1. It is 0 for an event that no sample rule keeps.
	SampleRate float64
	// Route names where the event goes; empty for the usual output.
	Route string
}

type rule struct {
	text       string
	action     action
	rate       float64 // of sample
	route      string  // of route
	conditions []condition
	// faults says that the rule names a verdict or a reason. Only such a sample
	// rule may drop a record that shows a fault of the chain.
	faults bool
}

type action uint8

const (
	keep action = iota
	drop
	sample
	route
)

// Judge decides on a record, which must have its ID.
func (s *Set) Judge(rec *record.Record) Judgement {
	for i := range s.rules {
		if r := &s.rules[i]; r.matches(rec) {
			return r.apply(rec)
		}
	}
	return Judgement{}
}

func (r *rule) matches(rec *record.Record) bool {
	if r.action == sample && !r.faults && rec.Provenance.Reason.IsFault() {
		return false
	}
	for i := range r.conditions {
		if !r.conditions[i].holds(rec) {
			return false
		}
	}
	return true
}

func (r *rule) apply(rec *record.Record) Judgement {
	j := Judgement{Rule: r.text}
	switch r.action {
	case keep:
	case drop:
		j.Dropped = true
	case sample:
		if share(rec.ID) < r.rate {
			j.SampleRate = r.rate
		} else {
			j.Dropped = true
		}
	case route:
		j.Route = r.route
	}
	return j
}

// share maps an event's id to a number from 0 to 1: the first 53 bits of its
// SHA-256. So every process decides on the same event in the same way, and a
// higher rate keeps all events that a lower rate keeps.
func share(id []byte) float64 {
	const bits = 53 // of a float64's mantissa
	sum := sha256.Sum256(id)
	return float64(binary.BigEndian.Uint64(sum[:8])>>(64-bits)) / (1 << bits)
}

// Routes returns the names of all routes, each once, in the order of the rules.
func (s *Set) Routes() []string {
	var names []string
	seen := map[string]bool{}
	for i := range s.rules {
		if name := s.rules[i].route; name != "" && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}
