// Package rule decides which events are kept, and where they go.
//
//	rules, err := rule.Compile([]string{
//		"drop verdict=health_check",
//		"sample:0.1 status=2xx,bot=false",
//	})
//	j := rules.Judge(rec)
//
// In goes an enriched record, out comes a Judgement. The first rule that fits
// decides; a record that none fits is kept. The language is in docs/rules.md.
//
// A Set is immutable and safe for concurrent use. Judge allocates nothing.
package rule

import (
	"crypto/sha256"
	"encoding/binary"

	"clearhop/record"
)

// A Set holds rules in the order in which they are asked. The zero value keeps
// everything.
type Set struct {
	rules []rule
}

// A Judgement is what becomes of a record.
type Judgement struct {
	// Rule is the text of the rule that decided; empty if none fits.
	Rule string
	// Dropped says that the event is to be left out.
	Dropped bool
	// SampleRate is the share of such events that are kept, where this one is
	// kept by a sample; else 0.
	SampleRate float64
	// Route names where the event goes; empty for where all go.
	Route string
}

type rule struct {
	text       string
	action     action
	rate       float64 // of sample
	route      string  // of route
	conditions []condition
	// faults says that the rule names a verdict or a reason: only then a sample
	// leaves out what shows a fault of the chain.
	faults bool
}

type action uint8

const (
	keep action = iota
	drop
	sample
	route
)

// Judge decides on r, which must bear its ID.
func (s *Set) Judge(r *record.Record) Judgement {
	for i := range s.rules {
		if rule := &s.rules[i]; rule.fits(r) {
			return rule.apply(r)
		}
	}
	return Judgement{}
}

func (u *rule) fits(r *record.Record) bool {
	if u.action == sample && !u.faults && r.Provenance.Reason.IsFault() {
		return false
	}
	for i := range u.conditions {
		if !u.conditions[i].holds(r) {
			return false
		}
	}
	return true
}

func (u *rule) apply(r *record.Record) Judgement {
	j := Judgement{Rule: u.text}
	switch u.action {
	case keep:
	case drop:
		j.Dropped = true
	case sample:
		if share(r.ID) < u.rate {
			j.SampleRate = u.rate
		} else {
			j.Dropped = true
		}
	case route:
		j.Route = u.route
	}
	return j
}

// share places an event's id between 0 and 1: the first 53 bits of its SHA-256.
// So the same event is always kept or always left out, whoever asks, and what a
// low rate keeps a higher one keeps too.
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
