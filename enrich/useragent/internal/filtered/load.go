package filtered

import (
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Load reads a file of rules. Each of its lines is a word and what belongs to it,
// as quoted Go strings:
//
//	# a comment
//	list user_agent
//	rule `(Firefox|Fennec)/(\d+)`
//	gives "$1" "$2"
//	needs "firefox/" "fennec/"
//
// A list starts with list and its name, and a rule with rule and its expression.
// gives are the rule's templates. Each needs names atoms, in lower case, of which
// every match holds at least one. A rule without needs is tried on every text.
//
// The strings of the file are used as they are, so the file stays in memory as
// long as the rules. Load compiles no expression, which would take far longer.
func Load(file string) (*Rules, error) {
	l := loader{
		rules: &Rules{lists: map[string]*List{}, atoms: make([]string, 0, maxAtoms)},
		atoms: make(map[string]uint16, maxAtoms),
	}
	number := 0
	for line := range strings.Lines(file) {
		number++
		if err := l.line(strings.TrimSuffix(line, "\n")); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	l.rules.index()
	return l.rules, nil
}

// A loader has read a part of a file.
//
// Rules have thousands of short slices. They are cut out of a few long ones,
// since to allocate each by itself would take most of the time.
type loader struct {
	rules *Rules
	atoms map[string]uint16 // their numbers
	list  *List             // nil before the first

	templates []string   // of all rules
	numbers   []uint16   // the atoms of all sets
	sets      [][]uint16 // of all rules
}

func (l *loader) line(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "", "#":
		return nil
	case "list":
		return l.newList(rest)
	case "rule":
		return l.newRule(rest)
	case "gives", "needs":
		if l.list == nil || len(l.list.rules) == 0 {
			return fmt.Errorf("%s before the first rule of a list", word)
		}
		rule := &l.list.rules[len(l.list.rules)-1]
		if word == "gives" {
			return l.gives(rule, rest)
		}
		return l.needs(rule, rest)
	}
	return fmt.Errorf("unknown word %.20q", word)
}

func (l *loader) newList(name string) error {
	if l.rules.lists[name] != nil {
		return fmt.Errorf("a second list %.20q", name)
	}
	l.list = &List{rules: make([]Rule, 0, maxRules)}
	l.rules.lists[name] = l.list
	return nil
}

func (l *loader) newRule(quoted string) error {
	expr, err := strconv.Unquote(quoted)
	switch {
	case err != nil:
		return fmt.Errorf("an expression that is not quoted: %.60s", quoted)
	case l.list == nil:
		return errors.New("a rule before the first list")
	case len(l.list.rules) == maxRules:
		return fmt.Errorf("more than %d rules in one list", maxRules)
	}
	l.list.rules = append(l.list.rules, Rule{Expr: expr, fixed: true})
	return nil
}

func (l *loader) gives(rule *Rule, quoted string) error {
	start := len(l.templates)
	for quoted != "" {
		template, rest, err := unquotePrefix(quoted)
		if err != nil {
			return err
		}
		l.templates = append(l.templates, template)
		rule.fixed = rule.fixed && !strings.Contains(template, "$")
		quoted = rest
	}
	rule.Templates = l.templates[start:len(l.templates):len(l.templates)]
	return nil
}

func (l *loader) needs(rule *Rule, quoted string) error {
	if quoted == "" {
		return errors.New("needs without an atom")
	}
	start := len(l.numbers)
	for quoted != "" {
		text, rest, err := unquotePrefix(quoted)
		if err != nil {
			return err
		}
		number, err := l.atom(text)
		if err != nil {
			return err
		}
		l.numbers = append(l.numbers, number)
		quoted = rest
	}
	l.sets = append(l.sets, l.numbers[start:len(l.numbers):len(l.numbers)])
	first := len(l.sets) - len(rule.needs) - 1 // the sets of one rule stand together
	rule.needs = l.sets[first:len(l.sets):len(l.sets)]
	return nil
}

// atom returns the number of an atom, which is a new one the first time.
func (l *loader) atom(text string) (uint16, error) {
	if number, known := l.atoms[text]; known {
		return number, nil
	}
	if len(text) < minAtomBytes {
		return 0, fmt.Errorf("an atom of fewer than %d bytes: %q", minAtomBytes, text)
	}
	if len(l.rules.atoms) == maxAtoms {
		return 0, fmt.Errorf("more than %d atoms", maxAtoms)
	}
	if isNumber(text) {
		if len(l.rules.numbers) == maxNumbers {
			return 0, fmt.Errorf("more than %d atoms of digits alone", maxNumbers)
		}
		l.rules.numbers = append(l.rules.numbers, text)
	}
	number := uint16(len(l.rules.atoms))
	l.atoms[text] = number
	l.rules.atoms = append(l.rules.atoms, text)
	return number, nil
}

// unquotePrefix takes the first quoted string off a line.
func unquotePrefix(line string) (text, rest string, err error) {
	quoted, err := strconv.QuotedPrefix(line)
	if err == nil {
		text, err = strconv.Unquote(quoted)
	}
	if err != nil {
		return "", "", fmt.Errorf("a text that is not quoted: %.60s", line)
	}
	return text, strings.TrimPrefix(line[len(quoted):], " "), nil
}

// index makes what Find looks atoms up in, and First rules.
func (r *Rules) index() {
	pairs := make([]pair, 0, maxAtoms)
	for number, atom := range r.atoms {
		pairs = append(pairs, pair{hash(atom), uint16(number)})
	}
	copy(r.buckets[:], grouped(len(r.buckets), pairs))
	r.masked = sync.OnceValue(func() *maskedAtoms { return maskAtoms(r.atoms) })
	for _, list := range r.lists {
		list.whole = make([]atomic.Pointer[regexp.Regexp], len(list.rules))
		list.atStart = make([]atomic.Pointer[regexp.Regexp], len(list.rules))
		list.behindOne = make([]atomic.Pointer[regexp.Regexp], len(list.rules))
		list.group()
		pairs = pairs[:0]
		for i := range list.families {
			f := &list.families[i]
			if len(f.needs) == 0 {
				list.always[i/64] |= 1 << (i % 64)
				continue
			}
			for _, a := range f.needs[0] {
				pairs = append(pairs, pair{uint32(a), uint16(i)})
			}
		}
		list.byAtom = grouped(len(r.atoms), pairs)
	}
}

// group makes families of the rules.
func (l *List) group() {
	l.families = make([]family, 0, len(l.rules))
	numbers := make(map[string]uint16, len(l.rules))
	rules := make([]uint16, len(l.rules)) // cut into the families of one rule
	var key []byte
	for i := range l.rules {
		rule := &l.rules[i]
		key = appendNeeds(key[:0], rule.needs)
		number, known := numbers[string(key)]
		if !known {
			number = uint16(len(l.families))
			numbers[string(key)] = number
			l.families = append(l.families, family{needs: rule.needs, rules: rules[i : i : i+1]})
		}
		rule.family = number
		l.families[number].rules = append(l.families[number].rules, uint16(i))
	}
}

func appendNeeds(key []byte, needs [][]uint16) []byte {
	for _, set := range needs {
		for _, atom := range set {
			key = binary.LittleEndian.AppendUint16(key, atom)
		}
		key = binary.LittleEndian.AppendUint16(key, maxAtoms) // no atom has this number
	}
	return key
}

type pair struct {
	key   uint32
	value uint16
}

// grouped returns for each key below n the values of its pairs, in their order.
func grouped(n int, pairs []pair) [][]uint16 {
	sizes := make([]int, n)
	for _, p := range pairs {
		sizes[p.key]++
	}
	values := make([]uint16, len(pairs))
	groups := make([][]uint16, n)
	start := 0
	for key, size := range sizes {
		groups[key] = values[start : start : start+size]
		start += size
	}
	for _, p := range pairs {
		groups[p.key] = append(groups[p.key], p.value)
	}
	return groups
}
