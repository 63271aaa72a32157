package useragent

import (
	"hash/maphash"

	"clearhop/enrich/useragent/internal/filtered"
)

const (
	shapeSets = 512
	shapeWays = 8 // entries per set
)

// shapes is a second cache, for user agents that are new only in their digits. Most new
// ones are a known one with another version.
//
// A shape is a text with a 0 for each of its digits. An entry has the rules that match
// one text, and says which of its digits they depend on. For another text of that
// shape which has those digits, the same rules match with groups in the same places,
// so only the names and versions are still to be cut out of it.
//
// Entries replace each other as those of the first cache do. Several of one shape, with
// other digits where they count, are in the same set.
type shapes struct {
	rules   *filtered.Rules
	seed    maphash.Seed // random, so that no sender can aim at one set
	entries []shape      // nil until the first put
	masked  []byte       // the memory of hash
}

type shape struct {
	hash    uint64
	text    string // at most MaxInput bytes, which bounds the whole
	digits  filtered.Digits
	matches matches
}

func newShapes(rules *filtered.Rules) shapes {
	return shapes{rules: rules, seed: maphash.MakeSeed()}
}

// hash returns the hash of a text's shape. ok is false for a text that is not to be
// looked up or put: an empty one, and one that is not ASCII.
func (c *shapes) hash(text string) (hash uint64, ok bool) {
	c.masked, ok = filtered.Mask(c.masked[:0], text)
	return maphash.Bytes(c.seed, c.masked), ok && text != ""
}

func (c *shapes) set(hash uint64) []shape {
	at := hash % shapeSets * shapeWays
	return c.entries[at : at+shapeWays]
}

// get returns what matches a text whose shape was hashed last, nil if that is not known.
func (c *shapes) get(hash uint64, text string) *matches {
	if c.entries == nil {
		return nil
	}
	set := c.set(hash)
	for i := range set {
		if set[i].hash != hash || !sameShape(set[i].text, text) || !c.rules.Same(&set[i].digits, set[i].text, text) {
			continue
		}
		if i > 0 {
			set[i-1], set[i] = set[i], set[i-1]
			i--
		}
		return &set[i].matches
	}
	return nil
}

// sameShape compares the texts, since two shapes can have one hash.
func sameShape(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && !(isDigit(a[i]) && isDigit(b[i])) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (c *shapes) put(hash uint64, s shape) {
	if c.entries == nil {
		c.entries = make([]shape, shapeSets*shapeWays)
	}
	s.hash = hash
	set := c.set(hash)
	at := len(set) - 1
	for i := range set {
		if set[i].text == "" {
			at = i
			break
		}
	}
	set[at] = s
}
