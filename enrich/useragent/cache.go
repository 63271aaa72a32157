package useragent

import "hash/maphash"

const (
	cacheSets = 512
	cacheWays = 4 // entries per set
)

// A cache is a table of fixed size. The hash of a user agent gives its set, and it
// can be in any of the ways (entries) of that set.
//
// A new user agent replaces the last way, and each hit moves an entry one way to
// the front. So a flood of user agents that are seen only once replaces the last
// ways only, and what is in use stays.
type cache struct {
	seed    maphash.Seed // random, so that no sender can aim at one set
	entries []entry      // nil until the first put
}

type entry struct {
	hash   uint64
	key    string // at most MaxInput bytes, which bounds the whole
	result Result
}

func newCache() cache { return cache{seed: maphash.MakeSeed()} }

func (c *cache) hash(key []byte) uint64 { return maphash.Bytes(c.seed, key) }

func (c *cache) set(hash uint64) []entry {
	at := hash % cacheSets * cacheWays
	return c.entries[at : at+cacheWays]
}

func (c *cache) get(hash uint64, key []byte) (Result, bool) {
	if c.entries == nil {
		return Result{}, false
	}
	set := c.set(hash)
	for i := range set {
		if set[i].hash != hash || set[i].key != string(key) {
			continue
		}
		result := set[i].result
		if i > 0 {
			set[i-1], set[i] = set[i], set[i-1]
		}
		return result, true
	}
	return Result{}, false
}

func (c *cache) put(hash uint64, key string, result Result) {
	if c.entries == nil {
		c.entries = make([]entry, cacheSets*cacheWays)
	}
	set := c.set(hash)
	at := len(set) - 1
	for i := range set {
		if set[i].key == "" { // Parse never asks for the empty user agent
			at = i
			break
		}
	}
	set[at] = entry{hash: hash, key: key, result: result}
}
