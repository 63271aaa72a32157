// Package privacy takes out of a record what tells who a visitor was: addresses
// wherever they stand, names of users, and the values of chosen query-string
// keys.
//
//	g, err := privacy.New(privacy.Config{Mode: privacy.Hash, Key: key, Stays: isOurs})
//	w := g.NewWorker() // one for each goroutine
//	w.Apply(rec)       // after the steps that need the address, before encoding
//
// In goes a record that is parsed and enriched. Out comes the same one, with
// each address truncated or replaced by a pseudonym, in fields of their own and
// inside texts alike. Equal addresses give equal results everywhere, an
// IPv4-mapped one that of the IPv4 address.
//
// Texts are searched for what looks like an address, by itself or escaped, and
// in doubt it is hidden. See docs/privacy.md for what is found and what not.
//
// A Guard is immutable and safe for concurrent use. A Worker belongs to one
// goroutine; in the steady state it allocates nothing.
package privacy

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// A Mode is what becomes of an address.
type Mode uint8

const (
	// None leaves addresses as they are.
	None Mode = iota
	// Truncate keeps the network: /24 of IPv4, /48 of IPv6.
	Truncate
	// Hash puts a pseudonym in the address's place.
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
	// Stays reports whether an address is no visitor's and stays as it is: a
	// proxy's. It is called by all Workers; nil lets none stay.
	Stays func(netip.Addr) bool
	// Key keys the pseudonyms of Hash, see CheckKey. Who has it can tell whose
	// a pseudonym is.
	Key []byte
	// RedactQuery are the keys of a query string whose values are taken out,
	// whatever the Mode. Case does not matter.
	RedactQuery []string
}

// A Guard is a Config made ready.
type Guard struct {
	mode  Mode
	stays func(netip.Addr) bool
	key   []byte
	query []string // in lower case
}

// New makes a Guard. All that is wrong with c comes in one error, which never
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

// Bounds of a key. The second keeps out what a person typed to fill it up; a
// random text has more.
const (
	MinKey       = 16 // bytes
	minDifferent = 5  // bytes
)

// CheckKey says what is wrong with a key for Hash: it is shorter than MinKey
// bytes, or plainly no random text. There are but four thousand million IPv4
// addresses, so who guesses the key knows them all.
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
		return fmt.Errorf("the key holds only %d different bytes; take a random one", different)
	}
	return nil
}

// CheckQueryKeys says which of the keys cannot be one of a query string.
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
		return fmt.Errorf("%q is no key of a query string: %q in column %d", key, key[i], i+1)
	}
	return nil
}

// Active reports whether there is anything to hide.
func (g *Guard) Active() bool { return g.mode != None || len(g.query) > 0 }
