// Package filtered finds the first of many regular expressions that matches a
// text, without trying them all.
//
// Most expressions cannot match a text that lacks certain pieces: `Firefox/(\d+)`
// needs "firefox/". The pieces of all expressions, which are called atoms here,
// are found in one pass over the text. Only the expressions whose atoms are there
// are tried, in their order, and each is compiled when it is tried for the first
// time. RE2 has the same idea under the name FilteredRE2.
//
// In go rules, as [Load] describes them, and a text. Out come the first rule of a
// list that matches and where its groups are:
//
//	rules, err := filtered.Load(file)
//	browsers := rules.List("user_agent")
//
//	var atoms filtered.Atoms
//	rules.Find(filtered.Fold(text), &atoms)
//	rule, groups := browsers.First(text, &atoms) // nil if no rule matches
//	name := rule.Fill(0, text, groups)
//
// Rules and lists are safe for concurrent use. They keep the expressions that were
// compiled.
package filtered

import (
	"math/bits"
	"regexp"
	"strings"
	"sync/atomic"
)

const (
	maxRules = 1024 // in one list
	maxAtoms = 4096 // in one file
)

// Rules are the rules of one file.
type Rules struct {
	atoms []string // lower case
	// buckets are the numbers of the atoms by a hash of their first three bytes.
	// No atom is shorter.
	buckets [1 << hashBits][]uint16
	lists   map[string]*List
}

// A List holds the rules that answer one question. The first rule that matches
// is the answer.
type List struct {
	rules []Rule
	// compiled holds the expression of each rule after its first use. To compile
	// all of them at the start would take longer than everything else that a
	// Lambda function does there, and most are never used.
	compiled []atomic.Pointer[regexp.Regexp]
	// byAtom lists for each atom the rules that it makes worth a try.
	byAtom [][]uint16
	always [maxRules / 64]uint64 // the rules without atoms
}

// A Rule is an expression and what its match means.
type Rule struct {
	Expr string
	// Templates build the answer. $1 to $9 stand for the groups of the match.
	Templates []string
	// fixed says that no template uses a group.
	fixed bool
	// needs are sets of atoms. A text that lacks all atoms of one set cannot
	// match.
	needs [][]uint16
}

// Atoms are the atoms that were found in a text. The zero value holds none.
type Atoms [maxAtoms / 64]uint64

// List returns the list of that name, nil if there is none.
func (r *Rules) List(name string) *List { return r.lists[name] }

// Rules returns the list's rules in their order. They must not be changed.
func (l *List) Rules() []Rule { return l.rules }

const (
	hashBits     = 12
	minAtomBytes = 3
)

func hash(s string) uint32 {
	key := uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16
	return key * 0x9E3779B1 >> (32 - hashBits) // Fibonacci hashing
}

// Find adds the atoms of a text, which [Fold] has made lower case.
func (r *Rules) Find(folded string, atoms *Atoms) {
	for i := 0; i+minAtomBytes <= len(folded); i++ {
		for _, a := range r.buckets[hash(folded[i:])] {
			if strings.HasPrefix(folded[i:], r.atoms[a]) {
				atoms[a/64] |= 1 << (a % 64)
			}
		}
	}
}

func (a *Atoms) hasAny(list []uint16) bool {
	for _, i := range list {
		if a[i/64]>>(i%64)&1 == 1 {
			return true
		}
	}
	return false
}

// First returns the first rule that matches the text and whose first template is
// not empty then, and the bounds of its groups, as package regexp has them. The
// rule is nil if there is none. atoms are those that Find found in the text. The
// bounds are nil for a rule whose templates use no group.
func (l *List) First(text string, atoms *Atoms) (*Rule, []int) {
	candidates := l.always
	for i, word := range atoms {
		for ; word != 0; word &= word - 1 {
			for _, rule := range l.byAtom[i*64+bits.TrailingZeros64(word)] {
				candidates[rule/64] |= 1 << (rule % 64)
			}
		}
	}
	for i, word := range candidates {
		for ; word != 0; word &= word - 1 {
			at := i*64 + bits.TrailingZeros64(word)
			if rule, groups := l.try(at, text, atoms); rule != nil {
				return rule, groups
			}
		}
	}
	return nil, nil
}

// try returns the rule if it matches, else nil.
func (l *List) try(at int, text string, atoms *Atoms) (*Rule, []int) {
	rule := &l.rules[at]
	for i := 1; i < len(rule.needs); i++ { // the first made the rule a candidate
		if !atoms.hasAny(rule.needs[i]) {
			return nil, nil
		}
	}
	re := l.expression(at)
	if rule.fixed {
		// To learn whether there is a match is several times cheaper than to learn
		// where, and the longest expressions are of this kind.
		if re.MatchString(text) {
			return rule, nil
		}
		return nil, nil
	}
	groups := re.FindStringSubmatchIndex(text)
	if groups == nil || rule.Fill(0, text, groups) == "" {
		return nil, nil
	}
	return rule, groups
}

// expression compiles the expression of a rule unless that was done before. Two
// goroutines may do so at the same time, and either result serves.
func (l *List) expression(at int) *regexp.Regexp {
	if re := l.compiled[at].Load(); re != nil {
		return re
	}
	re := regexp.MustCompile(l.rules[at].Expr) // whoever makes the file compiles them all
	l.compiled[at].Store(re)
	return re
}

// Fill returns template i with the groups of a match in it, without white space
// around it; "" if the rule has no such template.
func (r *Rule) Fill(i int, text string, groups []int) string {
	if i >= len(r.Templates) {
		return ""
	}
	template := r.Templates[i]
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

// group returns the text of group n, "" if it took no part in the match.
func group(n int, text string, groups []int) string {
	if n < 0 || 2*n+1 >= len(groups) || groups[2*n] < 0 {
		return ""
	}
	return text[groups[2*n]:groups[2*n+1]]
}

const kelvin = "\u212a" // looks like a K

// Fold makes a text lower case as far as expressions that ignore case do so for
// ASCII letters. Two signs beyond ASCII count as letters then: the long s and the
// Kelvin sign.
func Fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		case c < 0x80:
			b.WriteByte(c)
		case strings.HasPrefix(s[i:], "ſ"):
			b.WriteByte('s')
			i += len("ſ") - 1
		case strings.HasPrefix(s[i:], kelvin):
			b.WriteByte('k')
			i += len(kelvin) - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
