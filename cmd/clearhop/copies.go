package main

import (
	"bytes"
	"context"
	"io"
	"os"

	"clearhop/decode"
	"clearhop/internal/terminal"
)

// A fileCopy is a file that is left out because another one holds all of it.
type fileCopy struct{ name, of string }

// String says so.
func (c fileCopy) String() string {
	if c.name == c.of {
		return c.name + " is given twice: its lines count once"
	}
	return c.name + " is a copy of " + c.of + ", or of its beginning: its lines count once"
}

// copyNotes says which files are copies. Of many the first are named.
func copyNotes(copies []fileCopy) []string {
	const few = 5
	var notes []string
	for _, c := range copies[:min(few, len(copies))] {
		notes = append(notes, c.String())
	}
	if n := len(copies) - few; n > 0 {
		notes = append(notes, terminal.Plural(int64(n), "more file")+" hold nothing else than others do: their lines count once")
	}
	return notes
}

const (
	// headBytes is how much of a file is kept to be compared with others.
	headBytes = 4 << 10
	// keyBytes is how much of it finds the files that it is compared with.
	keyBytes = 64
)

// withoutCopies returns the names of the files without those that hold nothing but the
// beginning of another one, which may be all of it: a log and its compressed copy, one
// log under two names, a log that was copied before it grew. How they are compressed does
// not matter. Each line would count twice otherwise. What is no regular file, and what
// cannot be read, is not compared.
func withoutCopies(ctx context.Context, names []string) (kept []string, copies []fileCopy) {
	s := &copySearch{names: names, of: make([]int, len(names)), heads: make([][]byte, len(names)), alike: map[string][]int{}}
	for i := range names {
		s.of[i] = i
		if s.heads[i] = beginningOf(names[i]); len(s.heads[i]) > 0 {
			s.add(ctx, i)
		}
	}
	for i, name := range names {
		of := i
		for s.of[of] != of {
			of = s.of[of]
		}
		if of == i {
			kept = append(kept, name)
		} else {
			copies = append(copies, fileCopy{name, names[of]})
		}
	}
	return kept, copies
}

// A copySearch finds which files are copies of others.
type copySearch struct {
	names []string
	of    []int    // the file that a file is a copy of; its own index if it is none
	heads [][]byte // the beginnings of the files
	alike map[string][]int
}

// add compares a file with those before it that begin as it does.
func (s *copySearch) add(ctx context.Context, i int) {
	key := string(s.heads[i][:min(keyBytes, len(s.heads[i]))])
	for at, other := range s.alike[key] {
		n := min(len(s.heads[i]), len(s.heads[other]))
		if !bytes.Equal(s.heads[i][:n], s.heads[other][:n]) {
			continue
		}
		switch isCopy, isOriginal := compareFiles(ctx, s.names[i], s.names[other]); {
		case isCopy:
			s.of[i] = other
			return
		case isOriginal:
			s.of[other] = i
			s.alike[key][at] = i
			return
		}
	}
	s.alike[key] = append(s.alike[key], i)
}

// beginningOf returns the first bytes of a file as they are without compression. There are
// none of what is no regular file and of what cannot be read.
func beginningOf(name string) []byte {
	in, unpacked := openUnpacked(name)
	if in == nil {
		return nil
	}
	defer in.Close()
	head := make([]byte, headBytes)
	n, _ := io.ReadFull(unpacked, head)
	return head[:n]
}

// openUnpacked opens a regular file. The reader gives it without compression. Both are nil
// if there is none.
func openUnpacked(name string) (*os.File, io.Reader) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	in, err := os.Open(name)
	if err != nil {
		return nil, nil
	}
	unpacked, err := decode.Unpack(in)
	if err != nil {
		_ = in.Close() // it was only read
		return nil, nil
	}
	return in, unpacked
}

// compareFiles reports whether a holds nothing but the beginning of b, which may be all of
// it, and whether b holds nothing but the beginning of a. A file that cannot be read to
// its end is neither.
func compareFiles(ctx context.Context, a, b string) (aInB, bInA bool) {
	inA, unpackedA := openUnpacked(a)
	if inA == nil {
		return false, false
	}
	defer inA.Close()
	inB, unpackedB := openUnpacked(b)
	if inB == nil {
		return false, false
	}
	defer inB.Close()
	const step = 256 << 10
	bufferA, bufferB := make([]byte, step), make([]byte, step)
	for ctx.Err() == nil {
		n, errA := io.ReadFull(unpackedA, bufferA)
		m, errB := io.ReadFull(unpackedB, bufferB)
		if !bytes.Equal(bufferA[:min(n, m)], bufferB[:min(n, m)]) || isBroken(errA) || isBroken(errB) {
			return false, false
		}
		if n < step || m < step {
			return n <= m, m <= n
		}
	}
	return false, false
}

// isBroken reports whether an error of io.ReadFull is more than the end of the file. A
// compressed file that was cut off ends with io.ErrUnexpectedEOF too; what it lacks is not
// compared, so it counts as the beginning.
func isBroken(err error) bool {
	return err != nil && err != io.EOF && err != io.ErrUnexpectedEOF
}
