package encode

import (
	"math/bits"

	"clearhop/record"
)

// This file is what event_generated.go calls. There each member of an object begins with a
// comma, its key and, for a string, the quote that opens it: all of that is one constant.

// closeObject ends an object that begins with its key at start, and with its members at
// inside. The comma of the first member becomes the opening bracket. An object without
// members is taken back.
func closeObject(dst []byte, start, inside int) []byte {
	if len(dst) == inside {
		return dst[:start]
	}
	dst[inside] = '{'
	return append(dst, '}')
}

// appendItems appends a list or a map, of which key holds the opening bracket too, unless
// it is empty.
func appendItems(dst []byte, key string, r *record.Record, items func([]byte, *record.Record) []byte) []byte {
	start := len(dst)
	dst = append(dst, key...)
	inside := len(dst)
	if dst = items(dst, r); len(dst) == inside {
		return dst[:start]
	}
	return append(dst, key[len(key)-1]+2) // in ASCII a bracket closes two places behind
}

// appendText appends what follows the opening quote of a JSON string. Most strings need no
// escape: they are looked through eight bytes at a time and copied as a whole.
func appendText[T ~[]byte | ~string](dst []byte, s T) []byte {
	i := plainPrefix(s)
	if i < len(s) {
		return appendEscaped(dst, s, i)
	}
	dst = append(dst, s...)
	return append(dst, '"')
}

// plainPrefix returns how many bytes of s, from its beginning, surely stand for themselves
// in a JSON string. It can be fewer than there are.
func plainPrefix[T ~[]byte | ~string](s T) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if x := unplain(load(s[i : i+8])); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for ; i < len(s) && plain[s[i]]; i++ {
	}
	return i
}

// unplain returns a word that has the highest bit of a byte set where x holds a byte that
// does not stand for itself: below 0x20, `"`, `\`, DEL, and all beyond ASCII. The lowest
// such bit is right; those above it may be set too much.
func unplain(x uint64) uint64 {
	const each = 0x0101010101010101
	quote, backslash := x^'"'*each, x^'\\'*each
	return (x | (x + each) | (x - 0x20*each) | (quote - each) | (backslash - each)) & (0x80 * each)
}

// load returns the first eight bytes of s, the first one lowest. The compiler makes one
// instruction of it.
func load[T ~[]byte | ~string](s T) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
