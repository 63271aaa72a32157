package main

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// A clause is a set of lower-case texts of which every match holds at least
// one. An expression needs all its clauses; so a text that fails one of them
// need not be shown to the expression at all.
type clause []string

const (
	maxExact   = 160 // texts that a part may stand for and still be spelled out
	maxClause  = 256 // texts in one clause
	minText    = 3   // bytes; shorter texts stand in nearly every user agent
	maxClauses = 3   // kept for each expression
)

// clausesOf returns what every match of re must hold, the most telling clause
// first. No clause at all means that re must always be tried.
func clausesOf(re *syntax.Regexp) []clause {
	p := partOf(re)
	found := append(p.clauses, clauseOf(p.exact)...)
	slices.SortStableFunc(found, func(a, b clause) int { return cost(a) - cost(b) })
	var kept []clause
	for _, c := range found {
		if len(kept) == maxClauses {
			break
		}
		if !slices.ContainsFunc(kept, func(k clause) bool { return slices.Equal(k, c) }) {
			kept = append(kept, c)
		}
	}
	return kept
}

// A part is what is known of a sub-expression: either all the texts that it
// matches (exact is not nil), or clauses that hold for each of them.
type part struct {
	exact   []string
	clauses []clause
}

func partOf(re *syntax.Regexp) part {
	switch re.Op {
	case syntax.OpLiteral:
		return part{exact: []string{lower(string(re.Rune))}}
	case syntax.OpCharClass:
		return classPart(re.Rune)
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText,
		syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return part{exact: []string{""}}
	case syntax.OpCapture:
		return partOf(re.Sub[0])
	case syntax.OpConcat:
		return concatPart(re.Sub)
	case syntax.OpAlternate:
		return alternatePart(re.Sub)
	case syntax.OpQuest:
		if sub := partOf(re.Sub[0]); sub.exact != nil {
			return part{exact: set(append(sub.exact, ""))}
		}
	case syntax.OpPlus:
		return atLeastOne(partOf(re.Sub[0]))
	case syntax.OpRepeat:
		if re.Min > 0 {
			return atLeastOne(partOf(re.Sub[0]))
		}
	}
	return part{} // anything
}

func atLeastOne(p part) part {
	return part{clauses: append(p.clauses, clauseOf(p.exact)...)}
}

func classPart(ranges []rune) part {
	var texts []string
	for i := 0; i < len(ranges); i += 2 {
		if ranges[i+1]-ranges[i] > 8 {
			return part{}
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			texts = append(texts, lower(string(r)))
		}
	}
	if texts = set(texts); len(texts) > 8 {
		return part{}
	}
	return part{exact: texts}
}

// concatPart glues neighbours that can be spelled out into longer texts.
func concatPart(subs []*syntax.Regexp) part {
	var all part
	run := []string{""}
	flush := func() {
		all.clauses = append(all.clauses, clauseOf(run)...)
		run = []string{""}
	}
	exact := true
	for _, sub := range subs {
		p := partOf(sub)
		if p.exact == nil {
			exact = false
			flush()
			all.clauses = append(all.clauses, p.clauses...)
			continue
		}
		if len(run)*len(p.exact) > maxExact {
			exact = false
			flush()
		}
		var longer []string
		for _, a := range run {
			for _, b := range p.exact {
				longer = append(longer, a+b)
			}
		}
		run = set(longer)
	}
	if exact {
		return part{exact: run}
	}
	flush()
	return all
}

func alternatePart(subs []*syntax.Regexp) part {
	var texts, best []string
	exact, known := true, true
	for _, sub := range subs {
		p := partOf(sub)
		if p.exact == nil {
			exact = false
		}
		texts = append(texts, p.exact...)
		options := append(p.clauses, clauseOf(p.exact)...)
		if len(options) == 0 {
			known = false
			continue
		}
		best = append(best, slices.MinFunc(options, func(a, b clause) int { return cost(a) - cost(b) })...)
	}
	if texts = set(texts); exact && len(texts) <= maxExact {
		return part{exact: texts}
	}
	if best = shortest(best); known && len(best) <= maxClause {
		return part{clauses: []clause{best}}
	}
	return part{}
}

// clauseOf turns texts into a clause, or into none if one of them is too
// short to tell anything.
func clauseOf(texts []string) []clause {
	if len(texts) == 0 || len(texts) > maxClause {
		return nil
	}
	for _, t := range texts {
		if len(t) < minText {
			return nil
		}
	}
	return []clause{shortest(texts)}
}

// shortest drops the texts that hold another one of the set.
func shortest(texts []string) []string {
	texts = set(texts)
	return slices.DeleteFunc(slices.Clone(texts), func(t string) bool {
		return slices.ContainsFunc(texts, func(other string) bool { return other != t && strings.Contains(t, other) })
	})
}

func set(texts []string) []string {
	slices.Sort(texts)
	return slices.Compact(texts)
}

// common are pieces of nearly all browsers' user agents: a clause that one of
// them meets lets almost everything through.
var common = []string{
	"mozilla/5.0", "applewebkit/537.36 (khtml, like gecko)", "mobile safari/", "version/", "chrome/",
	"gecko/", "firefox/", "linux; android ", "windows nt ", "macintosh; intel mac os x", "iphone os", "build/", "mobile/15",
	"; u; ", "cpu os", "x11; ", "en-us",
}

// cost orders clauses: the lower, the fewer user agents meet the clause.
func cost(c clause) int {
	cost := 0
	for _, t := range c {
		switch {
		case slices.ContainsFunc(common, func(s string) bool { return strings.Contains(s, t) }):
			cost += 1000
		case len(t) == minText:
			cost += 8
		case len(t) == minText+1:
			cost += 4
		default:
			cost += 2
		}
	}
	return cost
}

// lower folds as the regexp package does for ASCII letters: two signs beyond
// ASCII are equal to a letter when case is ignored.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case 'ſ':
			return 's'
		case '\u212a': // the Kelvin sign
			return 'k'
		}
		if r <= unicode.MaxASCII {
			return unicode.ToLower(r)
		}
		return r
	}, s)
}
