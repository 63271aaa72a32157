package useragent

import (
	"regexp"
	"strings"
	"sync/atomic"
)

//go:generate go run ./internal/gen

// A rule is one entry of uap-core: an expression, and what its match means.
type rule struct {
	expr string
	// templates build the results; "$1" stands for the first group.
	templates []string
	// fixed says that no template takes anything from the match.
	fixed bool
	// needs are sets of atoms: a text that lacks all atoms of one set cannot
	// match. Without a set the expression must be tried on every text.
	needs [][]uint16
}

// A ruleSet answers one question (which browser, which system, which device)
// with the first of its rules that matches. It is safe for concurrent use.
type ruleSet struct {
	rules []rule
	// compiled holds each rule's expression from its first use on. Compiling
	// all of them ahead takes a Lambda longer than everything else it does at
	// its start, and most are of devices that never come.
	compiled []atomic.Pointer[regexp.Regexp]
	// byAtom names the rules whose first need holds the atom.
	byAtom [][]uint16
	always bitset
}

func newRuleSet(rules []rule) *ruleSet {
	s := &ruleSet{
		rules:    rules,
		compiled: make([]atomic.Pointer[regexp.Regexp], len(rules)),
		byAtom:   make([][]uint16, len(atoms)),
		always:   newBitset(len(rules)),
	}
	for i, r := range rules {
		if len(r.needs) == 0 {
			s.always.set(uint16(i))
			continue
		}
		for _, a := range r.needs[0] {
			s.byAtom[a] = append(s.byAtom[a], uint16(i))
		}
	}
	return s
}

// match returns the first rule that matches text, and the bounds of its
// groups; nil if there is none. found are the atoms of text, and seen are the
// same ones as a set.
func (s *ruleSet) match(text string, found []uint16, seen bitset) (*rule, []int) {
	var space [16]uint64 // for 1024 rules, without an allocation
	candidates := bitset(space[:0])
	candidates = append(candidates, s.always...)
	for _, a := range found {
		for _, r := range s.byAtom[a] {
			candidates.set(r)
		}
	}
	for i := range candidates.all() {
		if !s.rules[i].mayMatch(seen) {
			continue
		}
		r, re := &s.rules[i], s.expression(i)
		if r.fixed {
			// Whether there is a match is several times cheaper to learn than
			// where, and the longest expressions are of this kind.
			if re.MatchString(text) {
				return r, nil
			}
			continue
		}
		// A rule that matches without a name has nothing to say.
		if groups := re.FindStringSubmatchIndex(text); groups != nil && r.expand(0, text, groups) != "" {
			return r, groups
		}
	}
	return nil, nil
}

// expression compiles rule i if nobody has yet. Two goroutines may do so at
// once; either result serves.
func (s *ruleSet) expression(i int) *regexp.Regexp {
	if re := s.compiled[i].Load(); re != nil {
		return re
	}
	re := regexp.MustCompile(s.rules[i].expr) // TestRulesCompile has tried them all
	s.compiled[i].Store(re)
	return re
}

func (r *rule) mayMatch(seen bitset) bool {
	// The first need is met: it made the rule a candidate.
	for i := 1; i < len(r.needs); i++ {
		if !seen.hasAny(r.needs[i]) {
			return false
		}
	}
	return true
}

// expand fills template i; "" if the rule has no such template.
func (r *rule) expand(i int, text string, groups []int) string {
	if i >= len(r.templates) {
		return ""
	}
	template := r.templates[i]
	if len(template) == 2 && template[0] == '$' {
		return strings.TrimSpace(group(int(template[1]-'0'), text, groups))
	}
	if !strings.Contains(template, "$") {
		return template
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(template, "$")
		b.WriteString(before)
		if !found {
			return strings.TrimSpace(b.String())
		}
		if after == "" || after[0] < '1' || after[0] > '9' {
			b.WriteByte('$')
			template = after
			continue
		}
		b.WriteString(group(int(after[0]-'0'), text, groups))
		template = after[1:]
	}
}

func group(n int, text string, groups []int) string {
	if n < 0 || 2*n+1 >= len(groups) || groups[2*n] < 0 {
		return ""
	}
	return text[groups[2*n]:groups[2*n+1]]
}

// version joins the templates after the first as far as they say something:
// 120, 120.0 or 120.0.6099.
func (r *rule) version(text string, groups []int) string {
	var b strings.Builder
	for i := 1; i < len(r.templates); i++ {
		part := r.expand(i, text, groups)
		if part == "" {
			break
		}
		if i > 1 {
			b.WriteByte('.')
		}
		b.WriteString(part)
	}
	return b.String()
}
