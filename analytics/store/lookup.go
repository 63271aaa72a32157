//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

/*
void clearhop_look_up(void *, void *, void *);
*/
import "C"

import (
	"bytes"
	"context"
	"errors"
	"math"
	"runtime"
	"runtime/cgo"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"clearhop/encode"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// What may be held in memory of the values of a group, so that questions look them up.
// Those of a larger group are joined to the lines by the engine, which costs more time.
const (
	maxHeldRows = 1 << 20
	maxHeldText = 64 << 20 // bytes
)

// A lookup is what the numbers of a group stand for in one column. The engine calls it as
// a function, with many numbers at a time and from several threads, while it answers a
// question. Texts are values of an ENUM, whose order is that of the texts: a question
// then groups by small numbers and not by texts.
type lookup struct {
	columnPlace
	texts []string // in the order in which they come, until sort sorts them
	wide  []uint64 // by number: a value's bits; of a text its place in texts
	valid []bool   // by number

	// twin is an earlier column of the group with the same texts at the same numbers, as
	// client and client_ip mostly are. What it has is used for this one too.
	twin   *lookup
	result mapping.LogicalType // of the function
	fill   filler

	// same says that all lines have one value. If it is no text, constant is the value in
	// SQL, and the engine calls no function for it. A text of a log never becomes SQL.
	same     bool
	constant string

	*function
}

// functionName is the name of the function that looks a column up.
func (p columnPlace) functionName() string { return "clearhop_" + p.Name }

// A heldGroup is a group whose values are in memory.
type heldGroup []*lookup // by column of the group; nil where all values are NULL

// errNotHeld says that the values of a group cannot be held in memory.
var errNotHeld = errors.New("too many values")

// hold reads the values of a group.
func (s *Store) hold(ctx context.Context, g int) (heldGroup, error) {
	columns := inGroup(g)
	held := make(heldGroup, len(columns))
	codes := make([]map[string]uint64, len(columns))
	for i, p := range columns {
		held[i], codes[i] = &lookup{columnPlace: p}, map[string]uint64{}
	}
	rows, size := 0, 0
	err := s.query(ctx, selectValues(g), nil, func(c mapping.DataChunk) error {
		n := int(mapping.DataChunkGetSize(c))
		if rows += n; rows > maxHeldRows {
			return errNotHeld
		}
		numbers := vectorOf[uint64](mapping.DataChunkGetVector(c, 0), n)
		if most := slices.Max(numbers); most > 2*maxHeldRows {
			return errNotHeld // many values were left behind by failures
		}
		for i, l := range held {
			added, err := l.read(mapping.DataChunkGetVector(c, mapping.IdxT(i+1)), numbers, codes[i])
			if size += added; err != nil || size > maxHeldText {
				return errNotHeld
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, l := range held {
		if !slices.Contains(l.valid, true) {
			held[i] = nil
			continue
		}
		l.findTwin(held[:i])
		l.findSame(rows)
	}
	for _, l := range held {
		if l != nil && l.isText() && l.twin == nil {
			l.sort()
		}
	}
	for _, l := range held {
		if l != nil && l.twin != nil {
			l.texts, l.wide, l.valid = l.twin.texts, nil, nil
		}
	}
	return held, nil
}

// findTwin finds the twin of a column of texts that are not sorted yet.
func (l *lookup) findTwin(before heldGroup) {
	if !l.isText() {
		return
	}
	for _, b := range before {
		if b != nil && b.isText() && b.twin == nil &&
			slices.Equal(b.wide, l.wide) && slices.Equal(b.valid, l.valid) && slices.Equal(b.texts, l.texts) {
			l.twin = b
			return
		}
	}
}

// read reads the values behind numbers, and returns how many bytes of new texts they have.
// The places of texts are those of codes.
func (l *lookup) read(vector mapping.Vector, numbers []uint64, codes map[string]uint64) (int, error) {
	n, added := len(numbers), 0
	for i, number := range numbers {
		if !isValid(vector, i) {
			continue
		}
		l.wide, l.valid = grown(l.wide, int(number)), grown(l.valid, int(number))
		l.valid[number] = true
		if !l.isText() {
			l.wide[number] = vectorOf[uint64](vector, n)[i]
			continue
		}
		value := vectorOf[text](vector, n)[i].bytes()
		code, known := codes[string(value)]
		if !known {
			if bytes.IndexByte(value, 0) >= 0 {
				return added, errNotHeld // the names of an ENUM end there
			}
			code = uint64(len(codes))
			l.texts = append(l.texts, string(value))
			codes[l.texts[code]] = code
			added += len(value)
		}
		l.wide[number] = code
	}
	return added, nil
}

// findSame finds out whether all of so many sets have one value.
func (l *lookup) findSame(sets int) {
	first := slices.Index(l.valid, true)
	for number, word := range l.wide {
		if l.valid[number] {
			sets--
			if word != l.wide[first] {
				return
			}
		}
	}
	if l.same = sets == 0; !l.same {
		return
	}
	switch word := l.wide[first]; l.Type {
	case encode.Boolean:
		l.constant = strconv.FormatBool(word != 0)
	case encode.Integer:
		l.constant = "CAST(" + strconv.FormatInt(int64(word), 10) + " AS BIGINT)"
	case encode.Decimal:
		if x := math.Float64frombits(word); !math.IsInf(x, 0) && !math.IsNaN(x) {
			l.constant = "CAST(" + strconv.FormatFloat(x, 'g', -1, 64) + " AS DOUBLE)"
		}
	}
}

// isAll reports whether all lines have a text as their value.
func (l *lookup) isAll(text string) bool {
	return l != nil && l.same && slices.Equal(l.texts, []string{text})
}

// sort sorts the texts and gives the numbers the places that the texts have then.
func (l *lookup) sort() {
	type place struct {
		text string
		code int
	}
	places := make([]place, len(l.texts))
	for code, text := range l.texts {
		places[code] = place{text, code}
	}
	slices.SortFunc(places, func(a, b place) int { return strings.Compare(a.text, b.text) })
	placeOf := make([]uint64, len(places))
	for i, p := range places {
		l.texts[i], placeOf[p.code] = p.text, uint64(i)
	}
	for number, code := range l.wide {
		if l.valid[number] {
			l.wide[number] = placeOf[code]
		}
	}
}

// A function is one of the engine that looks a column up.
type function struct {
	handle *cgo.Handle // of the filler; by itself, because C must not see other memory of Go
	pin    runtime.Pinner
}

// register makes a filler a function of the engine for a column, with values of a type.
func register(e *engine, p columnPlace, result mapping.LogicalType, fill filler) (*function, error) {
	number := mapping.CreateLogicalType(mapping.TypeUInteger)
	defer mapping.DestroyLogicalType(&number)
	f := mapping.CreateScalarFunction()
	defer mapping.DestroyScalarFunction(&f)
	mapping.ScalarFunctionSetName(f, p.functionName())
	mapping.ScalarFunctionAddParameter(f, number)
	mapping.ScalarFunctionSetReturnType(f, result)
	mapping.ScalarFunctionSetSpecialHandling(f)
	mapping.ScalarFunctionSetFunction(f, C.clearhop_look_up)
	made := &function{handle: new(cgo.Handle)}
	*made.handle = cgo.NewHandle(fill)
	made.pin.Pin(made.handle)
	mapping.ScalarFunctionSetExtraInfo(f, unsafe.Pointer(made.handle), nil)
	if mapping.RegisterScalarFunction(e.conn, f) != mapping.StateSuccess {
		made.release()
		return nil, errors.New("DuckDB refuses the function " + p.functionName())
	}
	return made, nil
}

// release gives back the memory. The engine must be closed.
func (f *function) release() {
	if f != nil {
		f.handle.Delete()
		f.pin.Unpin()
	}
}

// register makes the lookup a function of the engine. A twin must be one before.
func (l *lookup) register(e *engine) (err error) {
	if l.twin != nil {
		l.function, err = register(e, l.columnPlace, l.twin.result, l.twin.fill)
		return err
	}
	l.result = l.resultType(l.texts)
	size := 8
	switch {
	case l.Type == encode.Boolean:
		size = 1
	case l.isText():
		size = sizes[mapping.EnumInternalType(l.result)]
	}
	l.fill = l.filler(size)
	l.function, err = register(e, l.columnPlace, l.result, l.fill)
	return err
}

// sizes are the bytes of the types that an ENUM is made of.
var sizes = map[mapping.Type]int{mapping.TypeUTinyInt: 1, mapping.TypeUSmallInt: 2, mapping.TypeUInteger: 4}

// resultType is the type of a function that looks the column up. Texts are of an ENUM,
// or of the type VARCHAR if there are none.
func (p columnPlace) resultType(texts []string) mapping.LogicalType {
	switch {
	case p.Type == encode.Boolean:
		return mapping.CreateLogicalType(mapping.TypeBoolean)
	case p.Type == encode.Integer:
		return mapping.CreateLogicalType(mapping.TypeBigInt)
	case p.Type == encode.Decimal:
		return mapping.CreateLogicalType(mapping.TypeDouble)
	case texts == nil:
		return mapping.CreateLogicalType(mapping.TypeVarchar)
	}
	return mapping.CreateEnumType(texts)
}

func (l *lookup) release() {
	if l != nil {
		l.function.release()
		l.function = nil
		mapping.DestroyLogicalType(&l.result)
	}
}

// A filler fills a vector with what numbers stand for.
type filler func(to mapping.Vector, numbers []uint32)

// filler returns the filler for values of so many bytes. It takes over the values.
func (l *lookup) filler(size int) filler {
	allValid := !slices.Contains(l.valid, false)
	defer func() { l.wide, l.valid = nil, nil }()
	valid := l.valid
	switch size {
	case 1:
		return fillerOf(narrowed[uint8](l.wide), valid, allValid)
	case 2:
		return fillerOf(narrowed[uint16](l.wide), valid, allValid)
	case 4:
		return fillerOf(narrowed[uint32](l.wide), valid, allValid)
	}
	return fillerOf(l.wide, valid, allValid)
}

func narrowed[T uint8 | uint16 | uint32](wide []uint64) []T {
	all := make([]T, len(wide))
	for i, w := range wide {
		all[i] = T(w)
	}
	return all
}

func fillerOf[T any](values []T, valid []bool, allValid bool) filler {
	return func(to mapping.Vector, numbers []uint32) {
		out := vectorOf[T](to, len(numbers))
		var mask nulls
		for i, number := range numbers {
			if uint(number) < uint(len(values)) && (allValid || valid[number]) {
				out[i] = values[number]
				continue
			}
			mask.set(to, i, len(numbers))
		}
	}
}

// nulls says which values of a vector there are. The zero value says all.
type nulls []uint64

// set says that the value at i of n is NULL.
func (m *nulls) set(to mapping.Vector, i, n int) {
	if *m == nil {
		mapping.VectorEnsureValidityWritable(to)
		*m = unsafe.Slice((*uint64)(mapping.VectorGetValidity(to)), (n+63)/64)
	}
	(*m)[i/64] &^= 1 << (i % 64)
}

// lookUp is what the engine calls. A number is never NULL where a view calls it; where a
// query of somebody else does, what stands in the place of the NULL is looked up.
//
//export clearhop_look_up
func clearhop_look_up(info, input, output unsafe.Pointer) {
	handle := *(*cgo.Handle)(mapping.ScalarFunctionGetExtraInfo(mapping.FunctionInfo{Ptr: info}))
	chunk := mapping.DataChunk{Ptr: input}
	n := int(mapping.DataChunkGetSize(chunk))
	if n == 0 {
		return
	}
	numbers := vectorOf[uint32](mapping.DataChunkGetVector(chunk, 0), n)
	handle.Value().(filler)(mapping.Vector{Ptr: output}, numbers)
}
