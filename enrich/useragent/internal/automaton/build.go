package automaton

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
)

// Places in table.next that are no states.
const (
	notBuilt = ^uint16(iota)
	dead     // no continuation of the text can match
	match    // the text matches, whatever follows
)

// A table is the part of a program's automaton that was built.
type table struct {
	program *Program
	states  []state
	numbers map[string]uint16 // of states, by state.key
	// next is the state behind each state and class.
	next []uint16
	// first is the state at the start of a text.
	first uint16
	// begins are the states in which a match begins right there, by what stands
	// before it; 0 for those that were not built.
	begins [4]uint16
	// others are for a digit that is read the digits that are told apart from it, in
	// the states whose others is the place here. The first are those that are none.
	others [][10]Digits
	bytes  int // about what the table takes
}

// stateBytes is what a state takes beside its places and its part of next: itself,
// and its entry in numbers.
const stateBytes = 96

// A state is what the text read so far can have led to.
type state struct {
	// places are the instructions that come next, in ascending order. Those that
	// look at the text's surroundings (\b, $) are not yet followed: they depend on
	// the next character, too.
	places []uint32
	// previous is a character like the last one: 'a' for letters, digits and
	// underscores, ' ' for others, '\n', or -1 at the start of the text.
	previous rune
	// restart says that a match may also begin here.
	restart bool
	// matched is the first of several expressions that ended before the last
	// character, or unmatched.
	matched uint16
	// others is the place in table.others of what is told apart in this state; 0 if
	// digits are not told apart, or if no step for a digit was built.
	others uint16
}

const unmatched = ^uint16(0)

func (s *state) appendKey(key []byte) []byte {
	flag := byte(0)
	if s.restart {
		flag = 1
	}
	key = append(key, flag, byte(s.previous), byte(s.matched), byte(s.matched>>8))
	for _, place := range s.places {
		key = binary.LittleEndian.AppendUint32(key, place)
	}
	return key
}

// reset empties a table.
func (c *Cache) reset(t *table) {
	c.bytes -= t.bytes
	*t = table{program: t.program, numbers: map[string]uint16{}, states: t.states[:0], next: t.next[:0], others: append(t.others[:0], [10]Digits{})}
	t.first = c.number(t, &state{previous: -1, restart: true, matched: unmatched})
}

// number returns the number of a state. It keeps a copy of a state that is new.
// The table must not be full.
func (c *Cache) number(t *table, s *state) uint16 {
	c.key = s.appendKey(c.key[:0])
	if number, known := t.numbers[string(c.key)]; known {
		return number
	}
	size := 2*len(c.key) + 2*t.program.nClasses + stateBytes
	t.bytes += size
	c.bytes += size
	number := uint16(len(t.states))
	t.states = append(t.states, state{places: slices.Clone(s.places), previous: s.previous, restart: s.restart, matched: s.matched})
	t.numbers[string(c.key)] = number
	for range t.program.nClasses {
		t.next = append(t.next, notBuilt)
	}
	return number
}

// A builder has the memory that building needs.
type builder struct {
	stack  []uint32
	closed []uint32 // the instructions that were reached
	seen   []uint32 // seen[i] is mark if instruction i was reached
	mark   uint32
	places []uint32
	key    []byte
}

// build finds what stands behind a state and the character i of the text, and writes
// it into the table. It returns notBuilt if the text has built enough.
func (c *Cache) build(t *table, at uint16, i int) uint16 {
	if c.steps == 0 {
		return notBuilt
	}
	c.steps--
	p := t.program
	from := &t.states[at]
	symbol := c.symbol(i)
	next := runeOf(symbol)
	matched := c.follow(p, from, syntax.EmptyOpContext(from.previous, next))
	if isDigit(symbol) && p.digits != nil {
		c.tellDigits(t, from)
		c.digits[i] |= t.others[from.others][symbol-'0']
	}
	if !p.readsAll && matched != unmatched {
		return t.set(at, symbol, match)
	}
	if symbol == end && matched == unmatched {
		return t.set(at, symbol, dead)
	}
	c.places = c.places[:0]
	for _, place := range c.closed {
		if inst := &p.insts[place]; isRune(inst.Op) && inst.MatchRune(next) {
			c.places = append(c.places, inst.Out)
		}
	}
	slices.Sort(c.places)
	to := state{places: slices.Compact(c.places), previous: like(next), restart: from.restart, matched: matched}
	if p.limit >= 0 && next == '\n' {
		to.restart = false // the dot of ^.{0,100} is no line break
	}
	if len(to.places) == 0 && !to.restart && matched == unmatched {
		return t.set(at, symbol, dead)
	}
	if len(t.states) == MaxStates {
		c.reset(t) // and with it the place where this step would be written
		return c.number(t, &to)
	}
	return t.set(at, symbol, c.number(t, &to))
}

// tellDigits writes into a state which digits the instructions that follow found tell
// apart. The instructions are looked at, and not what comes behind the ten digits: two
// ways through an expression can lead to one state and give other groups.
func (c *Cache) tellDigits(t *table, s *state) {
	if s.others != 0 {
		return
	}
	var others [10]Digits
	for _, place := range c.closed {
		taken := t.program.digits[place]
		for digit := range others {
			if taken>>digit&1 == 1 {
				others[digit] |= AllDigits &^ taken
			} else {
				others[digit] |= taken
			}
		}
	}
	at := slices.Index(t.others, others)
	if at < 0 {
		at = len(t.others)
		t.others = append(t.others, others)
	}
	s.others = uint16(at)
}

// tellsApart returns the digits that are told apart in a state from the one that is read.
func (t *table) tellsApart(at uint16, digit byte) Digits {
	return t.others[t.states[at].others][digit-'0']
}

func (t *table) set(at uint16, symbol byte, to uint16) uint16 {
	t.next[int(at)*t.program.nClasses+int(t.program.classes[symbol])] = to
	return to
}

// withoutRestart returns the state in which no further match may begin.
func (c *Cache) withoutRestart(t *table, at uint16) uint16 {
	to := state{places: t.states[at].places, previous: t.states[at].previous, matched: unmatched}
	if len(t.states) == MaxStates {
		c.reset(t)
	}
	return c.number(t, &to)
}

// begin returns the state in which a match may begin behind so many characters, and
// nowhere else. It returns notBuilt if the table is full.
func (c *Cache) begin(t *table, characters int) uint16 {
	previous, kind := rune(-1), 0
	if characters > 0 {
		previous = like(runeOf(c.text[characters-1]))
		switch previous {
		case 'a':
			kind = 1
		case ' ':
			kind = 2
		default:
			kind = 3
		}
	}
	if t.begins[kind] == 0 {
		if len(t.states) == MaxStates {
			return notBuilt
		}
		// It is not the first state, whose number is 0, since that one has restart.
		t.begins[kind] = c.number(t, &state{places: t.program.starts, previous: previous, matched: unmatched})
	}
	return t.begins[kind]
}

// follow collects in closed all instructions that a state leads to without reading
// a character. It returns the first expression that ends there, or unmatched.
func (c *Cache) follow(p *Program, s *state, flags syntax.EmptyOp) uint16 {
	matched := unmatched
	if len(c.seen) < len(p.insts) {
		c.seen = make([]uint32, len(p.insts))
	}
	c.mark++
	if c.mark == 0 { // after four billion steps
		clear(c.seen)
		c.mark = 1
	}
	c.closed = c.closed[:0]
	c.stack = append(c.stack[:0], s.places...)
	if s.restart {
		c.stack = append(c.stack, p.starts...)
	}
	for len(c.stack) > 0 {
		place := c.stack[len(c.stack)-1]
		c.stack = c.stack[:len(c.stack)-1]
		if c.seen[place] == c.mark {
			continue
		}
		c.seen[place] = c.mark
		switch inst := &p.insts[place]; inst.Op {
		case syntax.InstMatch:
			which, _ := slices.BinarySearch(p.ends, place)
			matched = min(matched, uint16(which))
		case syntax.InstAlt, syntax.InstAltMatch:
			c.stack = append(c.stack, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			c.stack = append(c.stack, inst.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(inst.Arg)&^flags == 0 {
				c.stack = append(c.stack, inst.Out)
			}
		case syntax.InstFail:
		default:
			c.closed = append(c.closed, place)
		}
	}
	return matched
}

// like returns a character that syntax.EmptyOpContext treats like r.
func like(r rune) rune {
	switch {
	case r == '\n':
		return '\n'
	case isWord(r):
		return 'a'
	}
	return ' '
}
