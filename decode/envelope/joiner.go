package envelope

import (
	"bytes"

	"clearhop/record"
)

// The bounds of a joined line. What would go beyond them begins a line of its
// own.
const (
	MaxJoined    = 1 << 20 // bytes
	MaxFragments = 64
)

// maxOpen bounds how many unfinished lines are waited for at a time, each of a
// container and stream of its own. The oldest one is given up first.
const maxOpen = 64

// A Joiner puts together, within a batch of lines, the lines that a container
// runtime cut into fragments. A batch is gone through twice:
//
//	j.Reset()
//	for _, line := range lines {
//		j.Add(line)
//	}
//	for i, line := range lines {
//		inner, scratch, first = j.Open(i, line, scratch[:0], &e)
//	}
//
// Fragments belong together if they follow each other in one container and
// stream, whatever comes between them from others. The first one has the
// joined whole; the others name it. A line whose end is not in the batch is
// given as far as it goes, with Envelope.Partial left set.
//
// Where the envelopes do not name a container, a batch should hold the lines
// of one source only. The zero value is ready for use.
type Joiner struct {
	lines  []fragment // one for each line of the batch
	chains []chain
	open   []int32 // of chains: those that wait for more, the oldest first
	held   []byte  // the text of all fragments
	keys   []byte  // of the chains
	key    []byte
	// scratch holds what Add opens, and joined what Open put together last.
	scratch []byte
	joined  []byte
}

// A fragment is a line of the batch, as part of a chain.
type fragment struct {
	chain      int32 // plus one: 0 is a line that stands alone
	next       int32 // the line that goes on; 0 is none, since line 0 goes on nothing
	level      int32 // how many envelopes stand around the fragment
	start, end int   // in held
}

// A chain is the fragments of one line.
type chain struct {
	first, last int32
	count, size int
	done        bool
	key, keyEnd int // in keys
}

// keepBytes and keepLines bound what is kept from batch to batch.
const (
	keepBytes = 4 << 20
	keepLines = 1 << 16
)

// Reset begins a new batch.
func (j *Joiner) Reset() {
	if cap(j.lines) > keepLines {
		*j = Joiner{}
	}
	if cap(j.held) > keepBytes {
		j.held = nil
	}
	if cap(j.joined) > keepBytes {
		j.joined = nil
	}
	if cap(j.scratch) > keepBytes {
		j.scratch = nil
	}
	j.lines, j.chains, j.open = j.lines[:0], j.chains[:0], j.open[:0]
	j.held, j.keys = j.held[:0], j.keys[:0]
}

// Add takes in the batch's next line, as it came, of which it keeps nothing
// but the text of fragments.
func (j *Joiner) Add(line []byte) {
	j.lines = append(j.lines, fragment{})
	var e record.Envelope
	text, scratch := line, j.scratch[:0]
	for e.Count < record.MaxEnvelopes {
		var ok bool
		if text, scratch, ok = openOne(text, scratch, &e); !ok {
			break
		}
		// Not only what is marked as partial: the last fragment is not, and
		// its front is the middle of a line and no place to look for more
		// envelopes.
		if e.Partial || len(j.open) > 0 && fragments(e.Kinds[e.Count-1]) {
			j.setKey(&e)
			if j.extend(text, &e) {
				break
			}
		}
	}
	j.scratch = scratch
}

// fragments tells whether the lines of a kind may be fragments.
func fragments(kind record.EnvelopeKind) bool {
	return kind != record.Syslog && kind != record.Compose
}

// setKey names what a fragment comes from: the envelopes around it and what
// they say of the container. NUL stands in none of the parts, unless a router
// was made to write it there.
func (j *Joiner) setKey(e *record.Envelope) {
	j.key = j.key[:0]
	for _, kind := range e.Kinds[:e.Count] {
		j.key = append(j.key, byte(kind))
	}
	for _, part := range [...][]byte{e.Stream, e.ID, e.Name, e.Space, e.Resource} {
		j.key = append(append(j.key, 0), part...)
	}
}

// extend makes the newest line a fragment, of the chain that waits for it or
// of a new one. It reports false for a line that is whole and that no chain
// waits for.
func (j *Joiner) extend(text []byte, e *record.Envelope) bool {
	at := -1 // in open
	for i, c := range j.open {
		if c := &j.chains[c]; bytes.Equal(j.keys[c.key:c.keyEnd], j.key) {
			at = i
			break
		}
	}
	if at >= 0 {
		c := &j.chains[j.open[at]]
		if c.count == MaxFragments || c.size+len(text) > MaxJoined {
			j.giveUp(at)
			at = -1
		}
	}
	if at < 0 && !e.Partial {
		return false
	}
	n := int32(len(j.lines) - 1)
	if at < 0 {
		if len(j.open) == maxOpen {
			j.giveUp(0)
		}
		at = len(j.open)
		j.open = append(j.open, int32(len(j.chains)))
		key := len(j.keys)
		j.keys = append(j.keys, j.key...)
		j.chains = append(j.chains, chain{first: n, last: n, key: key, keyEnd: len(j.keys)})
	}
	number := j.open[at]
	c := &j.chains[number]
	if c.count > 0 {
		j.lines[c.last].next = n
	}
	c.last = n
	c.count++
	c.size += len(text)
	start := len(j.held)
	j.held = append(j.held, text...)
	j.lines[n] = fragment{chain: number + 1, level: int32(e.Count), start: start, end: len(j.held)}
	if !e.Partial {
		c.done = true
		j.giveUp(at)
	}
	return true
}

// giveUp no longer waits for more of a chain.
func (j *Joiner) giveUp(at int) {
	j.open = append(j.open[:at], j.open[at+1:]...)
}

// Open opens line i of the batch, counted from 0; line is what Add was given
// then. It does what the function Open does, with two differences. For the
// first fragment of a line, inner is what is in the joined whole; it holds
// until the next call. For each other fragment inner is its own text, and
// first is the number of the line that it goes on; for all other lines, first
// is i.
func (j *Joiner) Open(i int, line, scratch []byte, e *record.Envelope) (inner, newScratch []byte, first int) {
	f := &j.lines[i]
	if f.chain == 0 {
		inner, newScratch = Open(line, scratch, e)
		return inner, newScratch, i
	}
	*e = record.Envelope{}
	for ok := true; ok && e.Count < int(f.level); {
		line, scratch, ok = openOne(line, scratch, e)
	}
	c := &j.chains[f.chain-1]
	if int(c.first) != i {
		return line, scratch, int(c.first)
	}
	if c.count > 1 {
		j.joined = j.joined[:0]
		for n := c.first; ; {
			f := &j.lines[n]
			j.joined = append(j.joined, j.held[f.start:f.end]...)
			if n = f.next; n == 0 {
				break
			}
		}
		line = j.joined
	}
	e.Partial = !c.done
	inner, newScratch = openRest(line, scratch, e)
	return inner, newScratch, i
}
