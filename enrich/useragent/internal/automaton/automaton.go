// Package automaton says whether a regular expression matches a text, in one pass
// that looks each character up in a table.
//
// Package regexp gives the places of groups as well, and takes 10 to 100 times as
// long for a long list of alternatives. A caller with many expressions asks here
// which one matches, and then asks package regexp for the groups of that one.
//
// In go an expression of package regexp, or several that are asked as one, and a
// text. Out comes yes, no or [Unknown], and where the match starts, or the first of
// the expressions that matches:
//
//	program, err := automaton.Compile(`(Chrome|Firefox)/\d`)
//	cache := automaton.NewCache() // for each goroutine
//	cache.SetText(agent)          // once for each text
//	answer := cache.Match(program)
//	start, answer := cache.Start(program)
//	index, answer := cache.First(several)
//
// The table is a deterministic automaton that is built while it is used (Ken
// Thompson, "Regular Expression Search Algorithm", 1968; Russ Cox, "Regular
// Expression Matching in the Wild", 2010, calls it a lazy DFA). A state stands for
// the places in the expression that the text read so far can have led to.
//
// # Bounds
//
// To build a part of the table takes about 100 times as long as to use it, and a
// hostile text can ask for new parts all the time. So each text may build [Steps]
// parts, and what the texts before it left, at most [MaxSteps] in all. Beyond that
// the answer is Unknown, and package regexp has to be asked. Programs of more than 500
// instructions are the exception: package regexp is slow for them, so their tables are
// still built, at most one part for each character that is read. A table has at most
// [MaxStates] states. When it is full, it is emptied. When all tables of a cache take
// more than [MaxBytes], those that were not used for the longest time are dropped before
// the next text, until they take half of it.
//
// Programs are safe for concurrent use. A cache belongs to one goroutine.
package automaton

import (
	"cmp"
	"fmt"
	"maps"
	"regexp/syntax"
	"slices"
	"unicode"
	"unicode/utf8"
)

// An Answer says whether an expression matches a text.
type Answer uint8

const (
	Unknown Answer = iota // the text asked for too many new parts of the table
	No
	Yes
)

// The characters of a text as one byte each. Every expression here treats all
// characters beyond ASCII alike, but for the two that are letters of ASCII in
// another case.
const (
	longS    = 0x80 + iota // ſ, which (?i) takes for s
	kelvin                 // the Kelvin sign, which (?i) takes for k
	foreign                // any other
	end                    // behind the last character
	nSymbols               // how many there are
)

// runes are characters that stand for the symbols beyond ASCII.
var runes = [...]rune{longS: 'ſ', kelvin: '\u212a', foreign: utf8.RuneError, end: -1}

func runeOf(symbol byte) rune {
	if symbol < utf8.RuneSelf {
		return rune(symbol)
	}
	return runes[symbol]
}

// appendText appends the characters of a text to symbols.
func appendText(symbols []byte, text string) []byte {
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf:
			symbols = append(symbols, byte(r))
		case r == 'ſ':
			symbols = append(symbols, longS)
		case r == '\u212a':
			symbols = append(symbols, kelvin)
		default:
			symbols = append(symbols, foreign)
		}
	}
	return symbols
}

// A Program is an expression, or several, that was compiled. It is not changed
// later.
type Program struct {
	insts  []syntax.Inst
	starts []uint16 // of each expression
	ends   []uint16 // the instructions at which each expression matches
	// A match may begin behind at most limit characters; below 0 there is no bound.
	// 0 comes from ^ at the start of an expression, and 100 from ^.{0,100}, which
	// would need a state for each of the hundred characters.
	limit int
	// classes are the symbols that the expression cannot tell apart.
	classes  [nSymbols]uint8
	nClasses int
	// digits are those that each instruction takes, as bits; nil if each instruction
	// takes all or none. Without them, an answer depends on where a text has digits, and
	// not on which ones.
	digits []Digits
	// readsAll says that a text is read to its end where the expression matches before
	// that: there are several expressions, or digits count, and those behind the place
	// where the answer is known can decide which groups package regexp finds.
	readsAll bool
}

// Digits are some of the ten digits: bit 0 is set for the digit 0.
type Digits uint16

// AllDigits are all ten.
const AllDigits Digits = 1<<10 - 1

// maxInsts is how many instructions a program may have: their numbers have 16 bits.
const maxInsts = 1 << 16

// Compile compiles expressions. It fails if one is not valid, or tells characters
// beyond ASCII apart.
func Compile(exprs ...string) (*Program, error) {
	p := &Program{limit: -1}
	for _, expr := range exprs {
		re, err := syntax.Parse(expr, syntax.Perl)
		if err != nil {
			return nil, fmt.Errorf("automaton: %w", err)
		}
		if len(exprs) == 1 {
			re, p.limit = cutPrefix(re)
		}
		prog, err := syntax.Compile(re.Simplify())
		if err != nil {
			return nil, fmt.Errorf("automaton: %w", err)
		}
		if len(exprs) == 1 {
			if prog.StartCond()&syntax.EmptyBeginText != 0 {
				p.limit = 0
			}
		}
		p.add(prog)
		if len(p.insts) > maxInsts {
			return nil, fmt.Errorf("automaton: an expression takes too many instructions: %.40q", expr)
		}
	}
	p.findDigits()
	if !p.classify() {
		return nil, fmt.Errorf("automaton: an expression tells characters beyond ASCII apart: %.40q", exprs[0])
	}
	return p, nil
}

// add appends an expression.
func (p *Program) add(prog *syntax.Prog) {
	offset := uint32(len(p.insts))
	p.starts = append(p.starts, uint16(offset)+uint16(prog.Start))
	for i, inst := range prog.Inst {
		switch inst.Op {
		case syntax.InstMatch:
			p.ends = append(p.ends, uint16(offset)+uint16(i))
		case syntax.InstAlt, syntax.InstAltMatch:
			inst.Arg += offset
		}
		inst.Out += offset
		p.insts = append(p.insts, inst)
	}
}

// findDigits finds the instructions that tell digits apart.
func (p *Program) findDigits() {
	digits, apart := make([]Digits, len(p.insts)), false
	for i := range p.insts {
		inst := &p.insts[i]
		for digit := range rune(10) {
			if isRune(inst.Op) && inst.MatchRune('0'+digit) {
				digits[i] |= 1 << digit
			}
		}
		apart = apart || digits[i] != 0 && digits[i] != AllDigits
	}
	if apart {
		p.digits = digits
	}
	p.readsAll = apart || len(p.starts) > 1
}

// cutPrefix takes ^.{0,n} off an expression. It returns the rest and n, or the
// expression and -1.
func cutPrefix(re *syntax.Regexp) (*syntax.Regexp, int) {
	if re.Op != syntax.OpConcat || len(re.Sub) < 3 || re.Sub[0].Op != syntax.OpBeginText {
		return re, -1
	}
	skip := re.Sub[1]
	if skip.Op != syntax.OpRepeat || skip.Min != 0 || skip.Max < 0 || skip.Sub[0].Op != syntax.OpAnyCharNotNL {
		return re, -1
	}
	rest := *re
	rest.Sub = re.Sub[2:]
	return &rest, skip.Max
}

// classify finds the classes. It reports whether they are enough for all texts.
func (p *Program) classify() bool {
	var borders [nSymbols + 1]bool // a class begins here
	mark := func(r rune) {
		if 0 <= r && r <= utf8.RuneSelf {
			borders[r] = true
		}
	}
	for r := range rune(utf8.RuneSelf) {
		if isWord(r) != isWord(r-1) || r == '\n' || r == '\n'+1 {
			mark(r)
		}
	}
	for symbol := range byte(nSymbols - utf8.RuneSelf) {
		borders[utf8.RuneSelf+symbol] = true
	}
	for i := range p.insts {
		inst := &p.insts[i]
		if !isRune(inst.Op) {
			continue
		}
		if !sameBeyondASCII(inst) {
			return false
		}
		markBorders(inst, mark)
	}
	class := -1
	for symbol := range p.classes {
		if borders[symbol] || symbol == 0 {
			class++
		}
		p.classes[symbol] = uint8(class)
	}
	p.nClasses = class + 1
	return true
}

// markBorders marks the characters at which the answer of an instruction changes.
func markBorders(inst *syntax.Inst, mark func(rune)) {
	if len(inst.Rune) != 1 {
		for i, r := range inst.Rune { // pairs of first and last
			mark(r + rune(i%2))
		}
		return
	}
	r := inst.Rune[0]
	for next := r; ; {
		mark(next)
		mark(next + 1)
		if next = unicode.SimpleFold(next); next == r || syntax.Flags(inst.Arg)&syntax.FoldCase == 0 {
			return
		}
	}
}

func isRune(op syntax.InstOp) bool {
	switch op {
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		return true
	}
	return false
}

// sameBeyondASCII reports whether an instruction treats all characters beyond
// ASCII as it treats U+FFFD, but for the two that have symbols of their own.
func sameBeyondASCII(inst *syntax.Inst) bool {
	if len(inst.Rune) > 0 && inst.Rune[len(inst.Rune)-1] < utf8.RuneSelf {
		return true // and no letter of ASCII has other forms than those two
	}
	want := inst.MatchRune(utf8.RuneError)
	for _, bound := range inst.Rune {
		for _, r := range [...]rune{bound - 1, bound, bound + 1} {
			if r < utf8.RuneSelf || r > unicode.MaxRune || r == 'ſ' || r == '\u212a' {
				continue
			}
			if inst.MatchRune(r) != want {
				return false
			}
		}
	}
	return inst.MatchRune(utf8.RuneSelf) == want && inst.MatchRune(unicode.MaxRune) == want
}

func isWord(r rune) bool { return r >= 0 && syntax.IsWordChar(r) }

const (
	// Steps is how many parts of tables a text may build, in all programs.
	Steps = 128
	// MaxSteps is how many there may be with those that texts before it left. The
	// first text has so many: all tables are empty then.
	MaxSteps = 2048
	// MaxStates is how many states the table of one program may have.
	MaxStates = 4096
	// MaxBytes is how large the tables of a cache may be at the start of a text.
	// One text adds at most MaxSteps states to those of programs of up to backtracked
	// instructions, and to others at most one for each character that is read.
	MaxBytes = 4 << 20
	// backtracked is how many instructions an expression may have for package regexp to
	// backtrack in it. For more it uses its NFA, which follows all alternatives at each
	// character, and takes longer than to build the table. So the table of such a program
	// is built even if the text has used up its steps.
	backtracked = 500
)

// A Cache holds the tables that were built. One goroutine at a time may use it.
type Cache struct {
	tables map[*Program]*table
	bytes  int  // about what the tables take
	texts  uint // how many there were
	steps  int  // that may still be built
	text   []byte
	digits []Digits // for each character: see Digits
	builder
}

// NewCache returns a cache without tables.
func NewCache() *Cache { return &Cache{tables: map[*Program]*table{}, steps: MaxSteps} }

// SetText makes a text the one that Match reads.
func (c *Cache) SetText(text string) {
	c.text = appendText(c.text[:0], text)
	c.digits = append(c.digits[:0], make([]Digits, len(c.text))...)
	c.steps = min(c.steps+Steps, MaxSteps)
	c.texts++
	if c.bytes > MaxBytes {
		c.evict()
	}
}

// evict drops the tables that were not used for the longest time, until half is free.
func (c *Cache) evict() {
	all := slices.SortedFunc(maps.Values(c.tables), func(a, b *table) int { return cmp.Compare(a.texts, b.texts) })
	for _, t := range all {
		if c.bytes <= MaxBytes/2 {
			return
		}
		c.bytes -= t.bytes
		delete(c.tables, t.program)
	}
}

// Digits has, for each character of the text that is a digit, the digits that were told
// apart from it where Match or First read it. A text that has other digits, but none of
// those, has the same answers, and package regexp finds the same groups in it. Unknown
// is no answer. Digits is valid up to the next SetText.
func (c *Cache) Digits() []Digits { return c.digits }

func isDigit(symbol byte) bool { return symbol-'0' < 10 }

// Match reports whether the expression of a program matches the text. The answer of
// a nil program is Unknown.
func (c *Cache) Match(p *Program) Answer {
	if p == nil {
		return Unknown
	}
	if p.readsAll {
		_, answer := c.First(p)
		return answer
	}
	t := c.table(p)
	at := t.first
	for i, symbol := range c.text {
		if i == p.limit+1 && p.limit >= 0 {
			at = c.withoutRestart(t, at)
		}
		next := t.next[int(at)*p.nClasses+int(p.classes[symbol])]
		if next == notBuilt {
			if next = c.build(t, at, i); next == notBuilt {
				return Unknown
			}
		}
		switch next {
		case dead:
			return No
		case match:
			return Yes
		}
		at = next
	}
	if len(c.text) == p.limit+1 && p.limit >= 0 {
		at = c.withoutRestart(t, at)
	}
	return c.matchesEnd(t, at)
}

// matchesEnd is Match behind the last character.
func (c *Cache) matchesEnd(t *table, at uint16) Answer {
	p := t.program
	next := t.next[int(at)*p.nClasses+int(p.classes[end])]
	if next == notBuilt {
		next = c.build(t, at, len(c.text))
	}
	switch {
	case next == notBuilt:
		return Unknown
	case next == dead:
		return No
	}
	return Yes // other states behind the end are of programs that read all
}

// Start returns how many characters stand before the first match of a program of
// one expression, for which Match said Yes. The answer is Unknown if it takes long,
// or if the expression starts with ^ and the match at the start of the text.
func (c *Cache) Start(p *Program) (int, Answer) {
	if p.limit >= 0 {
		return 0, Unknown
	}
	t := c.table(p)
	effort := 4 * len(c.text)
	for start := range len(c.text) {
		at := c.begin(t, start)
		if at == notBuilt {
			return 0, Unknown
		}
		for i, symbol := range c.text[start:] {
			next := t.next[int(at)*p.nClasses+int(p.classes[symbol])]
			if next == notBuilt {
				next = c.build(t, at, start+i)
			}
			if effort--; effort == 0 || next == notBuilt {
				return 0, Unknown
			}
			if at = next; next == dead || next == match {
				break
			}
			if p.readsAll && t.states[at].matched != unmatched {
				at = match
				break
			}
		}
		if at == match || at != dead && c.matchesEnd(t, at) == Yes {
			return start, Yes
		}
	}
	return 0, Unknown
}

// First returns the index of the first expression of a program that matches the
// text. The answer of a nil program is Unknown.
func (c *Cache) First(p *Program) (int, Answer) {
	if p == nil {
		return 0, Unknown
	}
	if !p.readsAll {
		return 0, c.Match(p)
	}
	t := c.table(p)
	at, first := t.first, unmatched
	for i, symbol := range c.text {
		if i == p.limit+1 && p.limit >= 0 {
			at = c.withoutRestart(t, at)
		}
		next := t.next[int(at)*p.nClasses+int(p.classes[symbol])]
		if next == notBuilt {
			if next = c.build(t, at, i); next == notBuilt {
				return 0, Unknown
			}
		} else if isDigit(symbol) && t.states[at].others != 0 {
			c.digits[i] |= t.others[t.states[at].others][symbol-'0']
		}
		if next == dead {
			return found(first)
		}
		at = next
		first = min(first, t.states[at].matched)
	}
	if len(c.text) == p.limit+1 && p.limit >= 0 {
		at = c.withoutRestart(t, at)
	}
	next := t.next[int(at)*p.nClasses+int(p.classes[end])]
	if next == notBuilt {
		if next = c.build(t, at, len(c.text)); next == notBuilt {
			return 0, Unknown
		}
	}
	if next != dead {
		first = min(first, t.states[next].matched)
	}
	return found(first)
}

// found is what First returns for the first expression that matched.
func found(first uint16) (int, Answer) {
	if first == unmatched {
		return 0, No
	}
	return int(first), Yes
}

// symbol returns the character i of the text, or end behind the last one.
func (c *Cache) symbol(i int) byte {
	if i == len(c.text) {
		return end
	}
	return c.text[i]
}

func (c *Cache) table(p *Program) *table {
	t := c.tables[p]
	if t == nil {
		t = &table{program: p}
		c.reset(t)
		c.tables[p] = t
	}
	t.texts = c.texts
	return t
}
