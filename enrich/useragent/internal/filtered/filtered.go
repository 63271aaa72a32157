// Package filtered finds the first of many regular expressions that matches a
// text, without trying them all.
//
// Most expressions cannot match a text that lacks certain pieces: `Firefox/(\d+)`
// needs "firefox/". The pieces of all expressions, which are called atoms here,
// are found in one pass over the text. Only the expressions whose atoms are there
// are tried, in their order, and each is compiled when it is tried for the first
// time. RE2 has the same idea under the name FilteredRE2.
//
// A text may have expressions tried on [MaxTried] bytes in all: a hostile one holds the
// pieces of as many expressions as fit. Beyond that no rule matches it. What is tried
// depends on the text alone, so that the same text always has the same answer.
//
// To try an expression means to ask an automaton (internal/automaton), which is one
// for all expressions with the same atoms. Package regexp then gives the groups of
// the one that matches.
//
// In go rules, as [Load] describes them, and a text. Out come the first rule of a
// list that matches and where its groups are:
//
//	rules, err := filtered.Load(file)
//	browsers := rules.List("user_agent")
//
//	matcher := rules.NewMatcher() // in each goroutine
//	matcher.SetText(text, filtered.Fold(text))
//	rule, groups := matcher.First(browsers) // nil if no rule matches
//	name := rule.Fill(0, text, groups)
//
// Rules and lists are safe for concurrent use. They keep the expressions that were
// compiled. A matcher belongs to one goroutine.
package filtered

import (
	"math/bits"
	"regexp"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"clearhop/enrich/useragent/internal/automaton"
)

const (
	maxRules = 1024 // in one list
	maxAtoms = 4096 // in one file
)

// MaxTried is how many bytes of a text the automata read at most, each byte counted as
// often as it is read. Of the user agents in the tests, which are real ones, half have
// at most 500 bytes read and the one that takes longest has 3,224. With " build/1234"
// behind them, which many rules look for, one has 4,128.
const MaxTried = 5 << 10

// Rules are the rules of one file.
type Rules struct {
	atoms []string // lower case
	// buckets are the numbers of the atoms by a hash of their first three bytes.
	// No atom is shorter.
	buckets [1 << hashBits][]uint16
	lists   map[string]*List
	numbers []string            // the atoms of digits alone
	masked  func() *maskedAtoms // of the other atoms with digits
}

// A List holds the rules that answer one question. The first rule that matches
// is the answer.
//
// Expressions are compiled when they are first needed. To compile all of them at
// the start would take longer than everything else that a Lambda function does
// there, and most are never used.
type List struct {
	rules []Rule
	// families are in the order of their first rules.
	families []family
	// byAtom lists for each atom the families that it makes worth a try.
	byAtom [][]uint16
	always familySet // the family without atoms

	// The expression of each rule: as it is, for the start of a text only, and for
	// a match behind one character, which \b looks at.
	whole, atStart, behindOne []atomic.Pointer[regexp.Regexp]
}

// A family holds the rules that need the same atoms.
type family struct {
	needs     [][]uint16 // of each of its rules
	rules     []uint16   // ascending
	automaton atomic.Pointer[compiled]
}

// compiled is an automaton. The program is nil if there is none for a family.
type compiled struct {
	program *automaton.Program
}

// A familySet has a bit for each family of a list.
type familySet [maxRules / 64]uint64

// A Matcher finds the rules that match one text after the other. One goroutine at
// a time may use it.
type Matcher struct {
	rules        *Rules
	cache        *automaton.Cache
	text, folded string
	masked       []byte // the memory of Digits
	atoms        Atoms
	left         int // bytes that may still be read
	// uncertain says that an answer for the text may depend on digits that are not
	// known: an automaton did not have it. It also says that MaxTried was not enough: such
	// a text is made up, and to find out its digits would make it cost more.
	uncertain bool
}

// NewMatcher returns a matcher for lists of these rules.
func (r *Rules) NewMatcher() *Matcher {
	return &Matcher{rules: r, cache: automaton.NewCache()}
}

// SetText makes a text the one that First reads. folded is what [Fold] makes of it.
func (m *Matcher) SetText(text, folded string) {
	m.text, m.folded, m.left, m.uncertain = text, folded, MaxTried, false
	m.atoms.clear()
	m.rules.Find(folded, &m.atoms)
	m.cache.SetText(text)
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
	needs  [][]uint16
	family uint16
}

// Atoms are the atoms that were found in a text. The zero value holds none.
type Atoms struct {
	set  [maxAtoms / 64]uint64
	list []uint16 // each once
}

func (a *Atoms) clear() {
	for _, i := range a.list {
		a.set[i/64] = 0
	}
	a.list = a.list[:0]
}

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
			// The last byte differs where most of an atom is alike: nokia6, nokia7.
			atom, rest := r.atoms[a], folded[i:]
			if end := len(atom) - 1; end < len(rest) && rest[end] == atom[end] && rest[:end] == atom[:end] {
				if bit := uint64(1) << (a % 64); atoms.set[a/64]&bit == 0 {
					atoms.set[a/64] |= bit
					atoms.list = append(atoms.list, a)
				}
			}
		}
	}
}

func (a *Atoms) hasAny(list []uint16) bool {
	for _, i := range list {
		if a.set[i/64]>>(i%64)&1 == 1 {
			return true
		}
	}
	return false
}

// First returns the first rule of a list that matches the text and whose first
// template is not empty then, and the bounds of its groups, as package regexp has
// them. The rule is nil if there is none, and if it would take more than [MaxTried] to
// find it. The bounds are nil for a rule whose templates use no group.
func (m *Matcher) First(l *List) (*Rule, []int) {
	families := m.families(l)
	for from := 0; from < len(l.rules); {
		at, answer := m.firstMatch(l, &families, from)
		if at == len(l.rules) || m.left < 0 {
			break
		}
		rule := &l.rules[at]
		if rule.fixed {
			return rule, nil
		}
		if groups := m.groups(l, at, answer); rule.Fill(0, m.text, groups) != "" {
			return rule, groups
		}
		from = at + 1 // it matches and gives no name
	}
	return nil, nil
}

// families returns the families whose atoms are in the text.
func (m *Matcher) families(l *List) familySet {
	found := l.always
	for _, a := range m.atoms.list {
		for _, f := range l.byAtom[a] {
			found[f/64] |= 1 << (f % 64)
		}
	}
	for i, word := range found {
		for ; word != 0; word &= word - 1 {
			f := i*64 + bits.TrailingZeros64(word)
			if !m.hasNeeds(&l.families[f]) {
				found[i] &^= 1 << (f % 64)
			}
		}
	}
	return found
}

func (m *Matcher) hasNeeds(f *family) bool {
	for _, set := range f.needs {
		if !m.atoms.hasAny(set) {
			return false
		}
	}
	return true
}

// firstMatch returns the number of the first rule of the families that matches and
// is not before from, or the number of all rules. The answer is Unknown if it was
// package regexp that found the match.
func (m *Matcher) firstMatch(l *List, families *familySet, from int) (int, automaton.Answer) {
	first, how := len(l.rules), automaton.No
	for i, word := range families {
		for ; word != 0; word &= word - 1 {
			f := &l.families[i*64+bits.TrailingZeros64(word)]
			if int(f.rules[0]) > first {
				return first, how // as are those of all later families
			}
			if m.left -= len(m.text); m.left < 0 {
				m.uncertain = true
				return len(l.rules), automaton.No
			}
			if at, answer := m.firstOf(l, f, from); at < first {
				first, how = at, answer
			}
		}
	}
	return first, how
}

// firstOf is firstMatch for one family.
func (m *Matcher) firstOf(l *List, f *family, from int) (int, automaton.Answer) {
	which, answer := m.cache.First(f.program(l))
	if answer == automaton.No {
		return len(l.rules), answer
	}
	m.uncertain = m.uncertain || answer == automaton.Unknown
	if answer == automaton.Yes && int(f.rules[which]) >= from {
		return int(f.rules[which]), answer
	}
	for _, at := range f.rules {
		if int(at) >= from && expression(&l.whole[at], l.rules[at].Expr).MatchString(m.text) {
			return int(at), automaton.Unknown
		}
	}
	return len(l.rules), automaton.No
}

// groups returns the bounds of the groups of the first match of a rule, which
// matches. answer is Yes if an automaton said so.
func (m *Matcher) groups(l *List, at int, answer automaton.Answer) []int {
	if f := &l.families[l.rules[at].family]; answer == automaton.Yes && len(f.rules) == 1 {
		if start, answer := m.cache.Start(f.program(l)); answer == automaton.Yes {
			// package regexp need not look for a start in the whole text.
			return m.groupsFrom(l, at, start)
		}
	}
	return expression(&l.whole[at], l.rules[at].Expr).FindStringSubmatchIndex(m.text)
}

// groupsFrom is groups for a match behind so many characters.
func (m *Matcher) groupsFrom(l *List, at, characters int) []int {
	expr := l.rules[at].Expr
	if characters == 0 {
		return expression(&l.atStart[at], `^(?:`+expr+`)`).FindStringSubmatchIndex(m.text)
	}
	offset := 0
	for ; characters > 1; characters-- {
		_, size := utf8.DecodeRuneInString(m.text[offset:])
		offset += size
	}
	groups := expression(&l.behindOne[at], `^(?s:.)(?:`+expr+`)`).FindStringSubmatchIndex(m.text[offset:])
	for i := range groups {
		if groups[i] >= 0 {
			groups[i] += offset
		}
	}
	if groups != nil {
		_, size := utf8.DecodeRuneInString(m.text[offset:])
		groups[0] += size
	}
	return groups
}

// Matches asks an automaton about the text.
func (m *Matcher) Matches(p *automaton.Program) automaton.Answer {
	answer := m.cache.Match(p)
	m.uncertain = m.uncertain || answer == automaton.Unknown
	return answer
}

// program returns the automaton of a family, nil if it has none. Two goroutines may
// compile it at the same time, and either result serves.
func (f *family) program(l *List) *automaton.Program {
	if c := f.automaton.Load(); c != nil {
		return c.program
	}
	exprs := make([]string, len(f.rules))
	for i, at := range f.rules {
		exprs[i] = l.rules[at].Expr
	}
	program, err := automaton.Compile(exprs...)
	if err != nil {
		program = nil // one of them tells characters beyond ASCII apart
	}
	f.automaton.Store(&compiled{program})
	return program
}

// expression compiles an expression unless that was done before. Two goroutines may
// do so at the same time, and either result serves.
func expression(at *atomic.Pointer[regexp.Regexp], expr string) *regexp.Regexp {
	if re := at.Load(); re != nil {
		return re
	}
	re := regexp.MustCompile(expr) // whoever makes the file compiles them all
	at.Store(re)
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
