//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

// #include <stdlib.h>
import "C"

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"clearhop/encode"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// liveValues are the values that the views of a Reader look up while a Load adds to them.
// They are added before the lines that have their numbers are committed, so a question
// finds the values of all lines that it sees. Texts are of the type VARCHAR here: the
// values of an ENUM cannot become more.
type liveValues struct {
	groups [len(groups)]*liveGroup
	texts  cTexts
}

// A liveGroup is the values of a group. The Load writes under the lock, and the threads of
// the engine read under it.
type liveGroup struct {
	mu      sync.RWMutex
	columns []*liveColumn
	next    uint32 // the number behind those that are known
	rows    int
	size    int // bytes of texts

	// tooMany says that there are more values than may be held. The Reader then has them
	// joined to the lines, and says isJoined: nothing needs to be held any more.
	tooMany, isJoined atomic.Bool
}

// A liveColumn is what the numbers of a group stand for in one column.
type liveColumn struct {
	columnPlace
	valid []bool            // by number
	wide  []uint64          // by number: a value's bits; of a text its place in texts
	texts []text            // in memory of C, because vectors of the engine point to them
	codes map[string]uint64 // the places of texts

	function *function
}

// newLiveValues makes the functions of the engine that look values up, with those that the
// tables have.
func newLiveValues(ctx context.Context, e *engine) (*liveValues, error) {
	v := &liveValues{}
	for g := range groups {
		group := &liveGroup{}
		for _, p := range inGroup(g) {
			group.columns = append(group.columns, &liveColumn{columnPlace: p, codes: map[string]uint64{}})
		}
		v.groups[g] = group
	}
	next, err := nextNumbers(ctx, e)
	if err == nil {
		err = v.publish(ctx, e, next)
	}
	for _, group := range v.groups {
		for _, c := range group.columns {
			if err == nil {
				result := c.resultType(nil)
				c.function, err = register(e, c.columnPlace, result, c.filler(&group.mu))
				mapping.DestroyLogicalType(&result)
			}
		}
	}
	if err != nil {
		v.release()
		return nil, err
	}
	return v, nil
}

// release gives back the memory. The engine must be closed, or know no function.
func (v *liveValues) release() {
	if v == nil {
		return
	}
	for _, group := range v.groups {
		for _, c := range group.columns {
			c.function.release()
		}
	}
	v.texts.free()
}

// restart forgets which values are known behind some numbers: a Load that failed has
// published values that were not committed, and their numbers are given again.
func (v *liveValues) restart(next [len(groups)]uint32) {
	for g, group := range v.groups {
		group.next = min(group.next, next[g])
	}
}

// publish reads the values of the tables that are new, up to the numbers in next. The
// engine is that of the Load, whose transaction has them.
func (v *liveValues) publish(ctx context.Context, e *engine, next [len(groups)]uint32) error {
	for g, group := range v.groups {
		if group.isJoined.Load() {
			group.forget()
			continue
		}
		if next[g] == group.next {
			continue
		}
		if err := group.read(ctx, e, g, &v.texts); err != nil {
			return err
		}
		group.next = next[g]
		if group.rows > maxHeldRows || group.size > maxHeldText {
			group.tooMany.Store(true)
		}
	}
	return nil
}

// forget frees what the Reader does not look up any more. Texts stay: an answer in hand
// may point to them.
func (group *liveGroup) forget() {
	group.mu.Lock()
	defer group.mu.Unlock()
	for _, c := range group.columns {
		c.valid, c.wide, c.texts, c.codes = nil, nil, nil, nil
	}
}

// read reads the values with numbers that are not known.
func (group *liveGroup) read(ctx context.Context, e *engine, g int, memory *cTexts) error {
	sql := selectValues(g) + " AND " + groups[g].key() + " >= " + strconv.FormatUint(uint64(group.next), 10)
	return e.query(ctx, sql, nil, func(chunk mapping.DataChunk) error {
		n := int(mapping.DataChunkGetSize(chunk))
		numbers := vectorOf[uint64](mapping.DataChunkGetVector(chunk, 0), n)
		group.mu.Lock()
		defer group.mu.Unlock()
		group.rows += n
		for i, c := range group.columns {
			group.size += c.read(mapping.DataChunkGetVector(chunk, mapping.IdxT(i+1)), numbers, memory)
		}
		return nil
	})
}

// read reads the values behind numbers, and returns how many bytes of new texts they have.
func (c *liveColumn) read(vector mapping.Vector, numbers []uint64, memory *cTexts) int {
	if len(numbers) == 0 {
		return 0
	}
	n, added, most := len(numbers), 0, int(slices.Max(numbers))
	c.valid, c.wide = grown(c.valid, most), grown(c.wide, most)
	for i, number := range numbers {
		if c.valid[number] = isValid(vector, i); !c.valid[number] {
			continue
		}
		if !c.isText() {
			c.wide[number] = vectorOf[uint64](vector, n)[i]
			continue
		}
		value := vectorOf[text](vector, n)[i].bytes()
		code, known := c.codes[string(value)]
		if !known {
			code = uint64(len(c.texts))
			c.codes[string(value)] = code
			c.texts = append(c.texts, memory.text(value))
			added += len(value)
		}
		c.wide[number] = code
	}
	return added
}

// filler returns what the engine calls for the column.
func (c *liveColumn) filler(mu *sync.RWMutex) filler {
	fill := func(to mapping.Vector, numbers []uint32) {
		fillLive(to, numbers, c.valid, c.wide, func(w uint64) uint64 { return w })
	}
	switch {
	case c.isText():
		fill = func(to mapping.Vector, numbers []uint32) {
			fillLive(to, numbers, c.valid, c.wide, func(w uint64) text { return c.texts[w] })
		}
	case c.Type == encode.Boolean:
		fill = func(to mapping.Vector, numbers []uint32) {
			fillLive(to, numbers, c.valid, c.wide, func(w uint64) uint8 { return uint8(w) })
		}
	}
	return func(to mapping.Vector, numbers []uint32) {
		mu.RLock()
		defer mu.RUnlock()
		fill(to, numbers)
	}
}

func fillLive[T any](to mapping.Vector, numbers []uint32, valid []bool, wide []uint64, value func(uint64) T) {
	out := vectorOf[T](to, len(numbers))
	var mask nulls
	for i, number := range numbers {
		if uint(number) < uint(len(valid)) && valid[number] {
			out[i] = value(wide[number])
		} else {
			mask.set(to, i, len(numbers))
		}
	}
}

// followGroups has the views of a Reader join the groups that have become too large to be
// looked up. It is called before each question.
func (s *Store) followGroups(ctx context.Context) error {
	if s.live == nil || !s.shared {
		return nil
	}
	changed := false
	for _, group := range s.live.groups {
		changed = changed || group.tooMany.Load() && !group.isJoined.Load()
	}
	if !changed {
		return nil
	}
	was := s.joined
	for g, group := range s.live.groups {
		s.joined[g] = group.tooMany.Load()
	}
	if err := s.defineViews(ctx, true); err != nil {
		s.joined = was
		return err
	}
	for g, group := range s.live.groups {
		if s.joined[g] {
			group.isJoined.Store(true)
		}
	}
	return nil
}

// cTexts keep texts in memory of C, which does not move.
type cTexts struct {
	blocks []unsafe.Pointer
	last   []byte // what is used of the last block
}

const textBlock = 1 << 20

// text keeps a text as the engine has it in vectors.
func (m *cTexts) text(value []byte) text {
	if len(value) > cap(m.last)-len(m.last) {
		size := max(len(value), textBlock)
		block := C.malloc(C.size_t(size))
		m.blocks = append(m.blocks, block)
		m.last = unsafe.Slice((*byte)(block), size)[:0]
	}
	var t text
	if t, m.last = newText(value, m.last); t.size > 12 {
		t.at += uint64(uintptr(unsafe.Pointer(unsafe.SliceData(m.last))))
	}
	return t
}

func (m *cTexts) free() {
	for _, block := range m.blocks {
		C.free(block)
	}
	*m = cTexts{}
}

// selectValues is the SQL of the values of a group, each with its number as a UBIGINT
// before it, in columns as wide as a word where they are no texts.
func selectValues(g int) string {
	names := []string{"CAST(" + groups[g].key() + " AS UBIGINT)"}
	for _, p := range inGroup(g) {
		name := p.Name
		if p.Type == encode.Boolean {
			name = "CAST(" + name + " AS BIGINT)"
		}
		names = append(names, name)
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM " + storedValues + " WHERE " + groups[g].key() + " IS NOT NULL"
}
