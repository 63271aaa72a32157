package filtered

import (
	"bytes"
	"slices"
	"strings"

	"clearhop/enrich/useragent/internal/automaton"
)

// Most texts that are new are a known one with other digits: the next version of a
// browser, the number of a build. This file says which digits of a text its answers
// depend on. A text that differs in other digits only has the same rules, with groups in
// the same places.

const (
	// maxBytes is how long a text can be for which Digits knows them.
	maxBytes = 512
	// maxKept is how many digits a text can have for which Digits knows them: they are
	// kept in memory for long. User agents have fewer.
	maxKept = 128
	// maxNumbers is how many atoms can consist of digits alone.
	maxNumbers = 64
)

// Digits are the digits of a text that its answers depend on.
type Digits struct {
	// others are for each digit of the text, in their order, those that could give
	// another answer in its place.
	others  []automaton.Digits
	numbers uint64 // see Rules.findNumbers
}

// Mask appends a text to dst with a 0 for each of its digits. ok says whether the text
// is one for which Digits can be known: of ASCII alone, and not too long.
func Mask(dst []byte, text string) (masked []byte, ok bool) {
	if len(text) > maxBytes {
		return dst, false
	}
	dst = append(dst, text...)
	for i, c := range dst[len(dst)-len(text):] {
		switch {
		case isDigit(c):
			dst[len(dst)-len(text)+i] = '0'
		case c >= 0x80:
			return dst, false
		}
	}
	return dst, true
}

// Digits returns the digits that the answers of all calls of First and Matches since
// SetText depend on. known is false if they are not known, or if the text is one that
// [Mask] refuses.
func (m *Matcher) Digits() (digits Digits, known bool) {
	masked, ok := Mask(m.masked[:0], m.folded)
	m.masked = masked
	if !ok || bytes.Count(masked, []byte("0")) > maxKept || len(m.folded) != len(m.text) || m.uncertain {
		return Digits{}, false
	}
	others := m.cache.Digits()
	m.rules.masked().mark(string(masked), others)
	n := 0
	for i, c := range masked {
		if c == '0' {
			others[n] = others[i]
			n++
		}
	}
	digits.others = slices.Clone(others[:n])
	digits.numbers = m.rules.findNumbers(m.text)
	return digits, true
}

// Same reports whether two texts that [Mask] makes equal have the same answers, where
// d are the digits that those of the first depend on.
func (r *Rules) Same(d *Digits, text, other string) bool {
	n := 0
	for i := range len(text) {
		if !isDigit(text[i]) {
			continue
		}
		if text[i] != other[i] && d.others[n]>>(other[i]-'0')&1 == 1 {
			return false
		}
		n++
	}
	return r.findNumbers(other) == d.numbers
}

// findNumbers returns a bit for each atom of digits alone that is in a text. Such an
// atom could stand wherever a text has as many digits. If all these digits were ones
// that count, the number of a build would be one of them.
func (r *Rules) findNumbers(text string) uint64 {
	found := uint64(0)
	for i, number := range r.numbers {
		if strings.Contains(text, number) {
			found |= 1 << i
		}
	}
	return found
}

// maskedAtoms are the atoms that have digits and not only digits, as [Mask] makes them.
type maskedAtoms struct {
	atoms   []maskedAtom
	buckets [][]uint16 // as those of Rules
}

type maskedAtom struct {
	text   string
	digits []uint8 // where its digits are
}

func maskAtoms(atoms []string) *maskedAtoms {
	m := &maskedAtoms{}
	known := map[string]bool{}
	var pairs []pair
	for _, atom := range atoms {
		masked, _ := Mask(nil, atom)
		text := string(masked)
		if isNumber(atom) || !strings.Contains(text, "0") || known[text] {
			continue
		}
		known[text] = true
		var digits []uint8
		for i := range len(text) {
			if text[i] == '0' {
				digits = append(digits, uint8(i))
			}
		}
		pairs = append(pairs, pair{hash(text), uint16(len(m.atoms))})
		m.atoms = append(m.atoms, maskedAtom{text, digits})
	}
	m.buckets = grouped(1<<hashBits, pairs)
	return m
}

// mark marks the digits that decide whether an atom is in a text.
func (m *maskedAtoms) mark(masked string, others []automaton.Digits) {
	for i := 0; i+minAtomBytes <= len(masked); i++ {
		for _, a := range m.buckets[hash(masked[i:])] {
			atom := &m.atoms[a]
			if !strings.HasPrefix(masked[i:], atom.text) {
				continue
			}
			for _, at := range atom.digits {
				others[i+int(at)] = automaton.AllDigits
			}
		}
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNumber(text string) bool { return strings.Trim(text, "0123456789") == "" }
