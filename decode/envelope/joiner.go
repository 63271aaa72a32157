package envelope

import (
	"bytes"

	"clearhop/record"
)

// The bounds of a joined line. A fragment that would exceed them begins a line of
// its own.
const (
	MaxJoined    = 1 << 20 // bytes
	MaxFragments = 64
)

// maxOpen is the largest number of unfinished lines, each from a container and
// stream of its own. When there are more, the oldest stays unfinished.
const maxOpen = 64

// A Joiner joins the lines that a container runtime cut into fragments, within
// one batch of lines. The caller passes through a batch twice:
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
// stream. Lines from other containers and streams may come between them. Open
// returns the joined line for the first fragment; for the other fragments it
// returns the number of the first. A line whose end is not in the batch is
// returned as far as it goes, and Envelope.Partial stays set.
//
// If the envelopes do not name a container, a batch should hold the lines of one
// source only. The zero value is ready for use.
type Joiner struct {
	lines   []fragment // one for each line of the batch
	chains  []chain
	open    []int32 // indexes of the chains that wait for a fragment, the oldest first
	held    []byte  // the text of all fragments
	keys    []byte  // the keys of all chains
	key     []byte  // the key of the newest fragment
	scratch []byte  // the scratch space of Add
}

// A fragment is a line of the batch, as part of a chain.
type fragment struct {
	chain      int32 // index of the chain plus 1; 0 for a line that is whole
	next       int32 // index of the line that continues this one; 0 for none
	level      int32 // the number of envelopes around the fragment
	start, end int   // where held has its text
}

// A chain is the fragments of one line.
type chain struct {
	first, last int32 // indexes of lines
	count, size int   // the number of fragments, and their bytes
	done        bool  // the last fragment was found
	key, keyEnd int   // where keys has its key
}

// keepBytes and keepLines bound the memory that is kept from batch to batch.
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
	if cap(j.scratch) > keepBytes {
		j.scratch = nil
	}
	j.lines, j.chains, j.open = j.lines[:0], j.chains[:0], j.open[:0]
	j.held, j.keys = j.held[:0], j.keys[:0]
}

// Add adds the next line of the batch, with its envelopes. It copies the text of
// fragments and keeps nothing else of the line.
func (j *Joiner) Add(line []byte) {
	j.lines = append(j.lines, fragment{})
	var e record.Envelope
	text, scratch := line, j.scratch[:0]
	for e.Count < record.MaxEnvelopes {
		var ok bool
		if text, scratch, ok = openOne(text, scratch, &e); !ok {
			break
		}
		// The last fragment of a line is not marked as partial. It begins in
		// the middle of the line, where no envelope can begin.
		if e.Partial || len(j.open) > 0 && fragments(e.Kinds[e.Count-1]) {
			j.setKey(&e)
			if j.extend(text, &e) {
				break
			}
		}
	}
	j.scratch = scratch
}

// fragments reports whether lines in a kind of envelope may be fragments.
func fragments(kind record.EnvelopeKind) bool {
	switch kind {
	case record.FireLens, record.Kubernetes, record.DockerJSON, record.CRI, record.TransformedLog:
		return true
	}
	return false
}

// setKey sets the key of the fragment's source: the kinds of its envelopes and
// what they say about the container. A NUL separates the parts: routers do not
// write it into them.
func (j *Joiner) setKey(e *record.Envelope) {
	j.key = j.key[:0]
	for _, kind := range e.Kinds[:e.Count] {
		j.key = append(j.key, byte(kind))
	}
	for _, part := range [...][]byte{e.Stream, e.ID, e.Name, e.Space, e.Resource} {
		j.key = append(append(j.key, 0), part...)
	}
}

// extend adds the newest line to the chain that waits for it, or begins a chain
// with it. It reports false for a whole line that no chain waits for.
func (j *Joiner) extend(text []byte, e *record.Envelope) bool {
	at := j.waiting(len(text))
	if at < 0 && !e.Partial {
		return false
	}
	n := int32(len(j.lines) - 1)
	if at < 0 {
		at = j.begin(n)
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
		j.close(at)
	}
	return true
}

// waiting returns where open has the chain that waits for the newest fragment, or
// -1. A chain with no room for size more bytes is closed.
func (j *Joiner) waiting(size int) int {
	for at, number := range j.open {
		c := &j.chains[number]
		if !bytes.Equal(j.keys[c.key:c.keyEnd], j.key) {
			continue
		}
		if c.count < MaxFragments && c.size+size <= MaxJoined {
			return at
		}
		j.close(at)
		break
	}
	return -1
}

// begin begins a chain with line n and returns where open has it.
func (j *Joiner) begin(n int32) int {
	if len(j.open) == maxOpen {
		j.close(0)
	}
	j.open = append(j.open, int32(len(j.chains)))
	key := len(j.keys)
	j.keys = append(j.keys, j.key...)
	j.chains = append(j.chains, chain{first: n, last: n, key: key, keyEnd: len(j.keys)})
	return len(j.open) - 1
}

// close removes a chain from those that wait for a fragment.
func (j *Joiner) close(at int) {
	j.open = append(j.open[:at], j.open[at+1:]...)
}

// Open opens line i of the batch, counted from 0. line is what Add got as line i.
// Open does what the function Open does, except for fragments:
//
//   - For the first fragment of a line, inner is the inner line of the joined
//     fragments, which are joined in scratch.
//   - For the other fragments, inner is the fragment's own text, and first is the
//     number of the line with the first fragment.
//
// For all other lines, first is i.
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
		from := len(scratch)
		for n := c.first; ; {
			f := &j.lines[n]
			scratch = append(scratch, j.held[f.start:f.end]...)
			if n = f.next; n == 0 {
				break
			}
		}
		line = scratch[from:]
	}
	e.Partial = !c.done
	inner, newScratch = openRest(line, scratch, e)
	return inner, newScratch, i
}
