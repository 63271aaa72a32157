// Package privacy removes from a record what identifies a visitor: addresses
// wherever they stand, names of users, and the values of chosen query-string
// keys.
//
//	g, err := privacy.New(privacy.Config{Mode: privacy.Hash, Key: key, Stays: isOurs})
//	w := g.NewWorker() // one for each goroutine
//	w.Apply(rec)       // after the steps that need the address, before encoding
//
// In goes a record that is parsed and enriched. Out comes the same record. Each
// address in it is truncated or replaced by a pseudonym, both in fields of their
// own and inside texts. Equal addresses give equal results everywhere; an
// IPv4-mapped address counts as the IPv4 address.
//
// Texts are searched for anything that looks like an address, plain or escaped.
// In doubt it is hidden. docs/privacy.md says what is found and what is not.
//
// A Guard is immutable and safe for concurrent use. A Worker belongs to one
// goroutine. In the steady state it allocates nothing.
package privacy

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// A Mode says how addresses are hidden.
type Mode uint8

const (
	// None leaves addresses as they are.
	None Mode = iota
	// Truncate keeps the network: /24 of IPv4, /48 of IPv6.
	Truncate
	// Hash replaces the address with a pseudonym.
	Hash
)

// modes are the words for the modes.
var modes = [...]string{None: "none", Truncate: "truncate", Hash: "hash"}

// ParseMode reads none, truncate or hash; an empty text is none.
func ParseMode(text string) (Mode, error) {
	if text == "" {
		return None, nil
	}
	for m, word := range modes {
		if text == word {
			return Mode(m), nil
		}
	}
	return None, fmt.Errorf("there is no mode %q; known: %s", text, strings.Join(modes[:], ", "))
}

// Config says what to hide. The zero value hides nothing.
type Config struct {
	Mode Mode
	// Stays reports whether an address stays as it is, because it is a proxy's
	// and not a visitor's. All Workers call it. Nil means that none stays.
	Stays func(netip.Addr) bool
	// Key is the secret of the pseudonyms of Hash, see CheckKey. Anybody who has
	// it can find out whose a pseudonym is.
	Key []byte
	// RedactQuery are the keys of query strings whose values are removed, in
	// every Mode. Case does not matter.
	RedactQuery []string
}

// A Guard is a Config made ready.
type Guard struct {
	mode  Mode
	stays func(netip.Addr) bool
	key   []byte
	query []string // in lower case
}

// New makes a Guard. One error names everything that is wrong with c. It never
// holds the key.
func New(c Config) (*Guard, error) {
	g := &Guard{mode: c.Mode, stays: c.Stays, key: c.Key}
	if g.stays == nil {
		g.stays = func(netip.Addr) bool { return false }
	}
	var errs []error
	if c.Mode == Hash {
		if err := CheckKey(c.Key); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, CheckQueryKeys(c.RedactQuery))
	for _, key := range c.RedactQuery {
		g.query = append(g.query, strings.ToLower(key))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return g, nil
}

// Bounds of a key. A random key has far more different bytes than minDifferent. The
// bound refuses keys that a person filled up by typing one letter.
const (
	MinKey       = 16 // bytes
	minDifferent = 5  // bytes
)

// CheckKey returns an error for a key of Hash that is shorter than MinKey bytes or
// plainly not random. There are only four thousand million IPv4 addresses, so
// anybody who guesses the key can find them all.
func CheckKey(key []byte) error {
	if len(key) < MinKey {
		return fmt.Errorf("the key has %d bytes; it needs %d or more", len(key), MinKey)
	}
	var seen [256]bool
	different := 0
	for _, c := range key {
		if !seen[c] {
			seen[c] = true
			different++
		}
	}
	if different < minDifferent {
		return fmt.Errorf("the key holds only %d different bytes; use a random one", different)
	}
	return nil
}

// CheckQueryKeys returns an error that joins one for each key that no query string
// can have.
func CheckQueryKeys(keys []string) error {
	var errs []error
	for _, key := range keys {
		errs = append(errs, checkQueryKey(key))
	}
	return errors.Join(errs...)
}

func checkQueryKey(key string) error {
	if key == "" {
		return errors.New("a key of a query string is empty")
	}
	if i := strings.IndexFunc(key, func(c rune) bool { return c <= ' ' || strings.ContainsRune("?&=;#%[]", c) }); i >= 0 {
		return fmt.Errorf("%q is not a key of a query string: it has %q in column %d", key, key[i], i+1)
	}
	return nil
}

// Active reports whether there is anything to hide.
func (g *Guard) Active() bool { return g.mode != None || len(g.query) > 0 }
