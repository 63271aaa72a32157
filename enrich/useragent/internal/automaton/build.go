package automaton

import (
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
	texts   uint // c.texts when it was used last
	states  []state
	places  []uint16 // of all states
	// slots are a hash table of the states: their numbers, and notBuilt where there is
	// none. It is at most half full, and its length is a power of two.
	slots []uint16
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
// and its slots.
const stateBytes = 32

// minSlots is the length of slots of an empty table.
const minSlots = 16

// A state is what the text read so far can have led to.
type state struct {
	// The instructions that come next are table.places[start:end], in ascending order.
	// Those that look at the text's surroundings (\b, $) are not yet followed: they
	// depend on the next character, too.
	start, end uint32
	// previous is a character like the last one: 'a' for letters, digits and
	// underscores, ' ' for others, '\n', or -1 at the start of the text.
	previous int8
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

// hashOf returns a hash of a state with these places.
func hashOf(s *state, places []uint16) uint32 {
	const prime = 0x9E3779B1 // Fibonacci hashing
	h := uint32(uint8(s.previous)) | uint32(s.matched)<<8
	if s.restart {
		h |= 1 << 31
	}
	h *= prime
	for _, place := range places {
		h = (h ^ h>>15 ^ uint32(place)) * prime
	}
	return h ^ h>>15
}

// reset empties a table. It gives up its memory, since what an empty table holds is not
// counted.
func (c *Cache) reset(t *table) {
	c.bytes -= t.bytes
	*t = table{program: t.program, texts: t.texts, slots: emptySlots(minSlots), others: make([][10]Digits, 1)}
	t.first = c.number(t, state{previous: -1, restart: true, matched: unmatched}, nil)
}

func emptySlots(n int) []uint16 {
	slots := make([]uint16, n)
	for i := range slots {
		slots[i] = notBuilt
	}
	return slots
}

// number returns the number of a state with these places. It keeps a copy of a state
// that is new. The table must not be full.
func (c *Cache) number(t *table, s state, places []uint16) uint16 {
	slot := t.slot(&s, places)
	if number := t.slots[slot]; number != notBuilt {
		return number
	}
	size := 2*len(places) + 2*t.program.nClasses + stateBytes
	t.bytes += size
	c.bytes += size
	number := uint16(len(t.states))
	s.start = uint32(len(t.places))
	t.places = append(t.places, places...)
	s.end = uint32(len(t.places))
	t.states = append(t.states, s)
	for range t.program.nClasses {
		t.next = append(t.next, notBuilt)
	}
	t.slots[slot] = number
	if 2*len(t.states) > len(t.slots) {
		t.slots = emptySlots(2 * len(t.slots))
		for i := range t.states {
			t.slots[t.slot(&t.states[i], t.placesOf(&t.states[i]))] = uint16(i)
		}
	}
	return number
}

// slot returns the slot of a state with these places, or the one that it can take.
func (t *table) slot(s *state, places []uint16) int {
	mask := len(t.slots) - 1
	for slot := int(hashOf(s, places)) & mask; ; slot = (slot + 1) & mask {
		number := t.slots[slot]
		if number == notBuilt {
			return slot
		}
		other := &t.states[number]
		if other.previous == s.previous && other.restart == s.restart && other.matched == s.matched &&
			slices.Equal(t.placesOf(other), places) {
			return slot
		}
	}
}

func (t *table) placesOf(s *state) []uint16 { return t.places[s.start:s.end] }

// A builder has the memory that building needs.
type builder struct {
	stack  []uint16
	closed []uint16 // the instructions that were reached
	seen   []uint32 // seen[i] is mark if instruction i was reached
	mark   uint32
	places []uint16
}

// build finds what stands behind a state and the character i of the text, and writes
// it into the table. It returns notBuilt if the text has built enough, unless package
// regexp would be slower.
func (c *Cache) build(t *table, at uint16, i int) uint16 {
	p := t.program
	if c.steps == 0 && len(p.insts) <= backtracked {
		return notBuilt
	}
	c.steps = max(c.steps-1, 0)
	from := &t.states[at]
	symbol := c.symbol(i)
	next := runeOf(symbol)
	matched := c.follow(t, from, syntax.EmptyOpContext(rune(from.previous), next))
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
			c.places = append(c.places, uint16(inst.Out))
		}
	}
	slices.Sort(c.places)
	c.places = slices.Compact(c.places)
	to := state{previous: like(next), restart: from.restart, matched: matched}
	if p.limit >= 0 && next == '\n' {
		to.restart = false // the dot of ^.{0,100} is no line break
	}
	if len(c.places) == 0 && !to.restart && matched == unmatched {
		return t.set(at, symbol, dead)
	}
	if len(t.states) == MaxStates {
		c.reset(t) // and with it the place where this step would be written
		return c.number(t, to, c.places)
	}
	return t.set(at, symbol, c.number(t, to, c.places))
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

func (t *table) set(at uint16, symbol byte, to uint16) uint16 {
	t.next[int(at)*t.program.nClasses+int(t.program.classes[symbol])] = to
	return to
}

// withoutRestart returns the state in which no further match may begin.
func (c *Cache) withoutRestart(t *table, at uint16) uint16 {
	to := state{previous: t.states[at].previous, matched: unmatched}
	c.places = append(c.places[:0], t.placesOf(&t.states[at])...)
	if len(t.states) == MaxStates {
		c.reset(t)
	}
	return c.number(t, to, c.places)
}

// begin returns the state in which a match may begin behind so many characters, and
// nowhere else. It returns notBuilt if the table is full.
func (c *Cache) begin(t *table, characters int) uint16 {
	previous, kind := int8(-1), 0
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
		t.begins[kind] = c.number(t, state{previous: previous, matched: unmatched}, t.program.starts)
	}
	return t.begins[kind]
}

// follow collects in closed all instructions that a state leads to without reading
// a character. It returns the first expression that ends there, or unmatched.
func (c *Cache) follow(t *table, s *state, flags syntax.EmptyOp) uint16 {
	p, matched := t.program, unmatched
	if len(c.seen) < len(p.insts) {
		c.seen = make([]uint32, len(p.insts))
	}
	c.mark++
	if c.mark == 0 { // after four billion steps
		clear(c.seen)
		c.mark = 1
	}
	c.closed = c.closed[:0]
	c.stack = append(c.stack[:0], t.placesOf(s)...)
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
			c.stack = append(c.stack, uint16(inst.Out), uint16(inst.Arg))
		case syntax.InstCapture, syntax.InstNop:
			c.stack = append(c.stack, uint16(inst.Out))
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(inst.Arg)&^flags == 0 {
				c.stack = append(c.stack, uint16(inst.Out))
			}
		case syntax.InstFail:
		default:
			c.closed = append(c.closed, place)
		}
	}
	return matched
}

// like returns a character that syntax.EmptyOpContext treats like r.
func like(r rune) int8 {
	switch {
	case r == '\n':
		return '\n'
	case isWord(r):
		return 'a'
	}
	return ' '
}
