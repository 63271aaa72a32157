// Package privacy hides who a visitor was: addresses, the names of users, and the
// values of chosen query-string keys.
//
//	g, err := privacy.New(privacy.Config{Mode: privacy.Hash, Key: key, Stays: isOurs})
//	w := g.NewWorker() // one for each goroutine
//	w.Apply(rec)       // after the steps that need the address, before encoding
//
// In goes a record that was parsed and enriched. Out comes the same record, in
// which each address is truncated or replaced by a pseudonym: 203.0.113.9 becomes
// 203.0.113.0, or 32 hexadecimal digits. This covers the fields for addresses and
// the texts that contain one. Equal addresses give equal results everywhere. An
// IPv4-mapped address gives the result of the IPv4 address.
//
// In texts, whatever looks like an address is hidden, also if it is escaped. In
// doubt it is hidden too. See docs/privacy.md for what is found and what is not.
//
// # Lifetime and concurrency
//
// A Guard is immutable and safe for concurrent use. A Worker is for one goroutine.
// What it changes in a record is valid until its next Apply. In the steady state
// it allocates nothing.
package privacy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// A Mode says how addresses are hidden.
type Mode uint8

const (
	// None leaves addresses as they are.
	None Mode = iota
	// Truncate keeps the network: /24 for IPv4, /48 for IPv6.
	Truncate
	// Hash replaces an address by a pseudonym.
	Hash
)

// modes are the names of the modes.
var modes = [...]string{None: "none", Truncate: "truncate", Hash: "hash"}

// Modes returns the names that ParseMode reads.
func Modes() []string { return slices.Clone(modes[:]) }

// ParseMode reads none, truncate or hash. An empty text means none.
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
	// Stays reports whether an address is not hidden, because it is a proxy's and
	// not a visitor's. All Workers call it, so it must be safe for concurrent use.
	// If it is nil, all addresses are hidden.
	Stays func(netip.Addr) bool
	// Secret reports whether a variable that is no field of its own holds a secret,
	// such as http_cookie. Its value is then replaced, in every Mode, if the Config
	// hides anything at all. Nil means that none does.
	Secret func(name string) bool
	// Key is the secret key of the pseudonyms, for Hash; see CheckKey. Whoever has
	// it can find the address of a pseudonym by trying all addresses.
	Key []byte
	// RedactQuery are the query-string keys whose values are replaced, in every
	// Mode. Case does not matter.
	RedactQuery []string
}

// A Guard holds what a Config says, ready for use. It makes Workers.
type Guard struct {
	mode   Mode
	stays  func(netip.Addr) bool
	secret func(name string) bool
	key    []byte
	query  []string // in lower case
}

// New returns a Guard. Its error lists everything that is wrong with c and never
// contains the key.
func New(c Config) (*Guard, error) {
	g := &Guard{mode: c.Mode, stays: c.Stays, secret: c.Secret, key: c.Key}
	if g.stays == nil {
		g.stays = func(netip.Addr) bool { return false }
	}
	if g.secret == nil {
		g.secret = func(string) bool { return false }
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

// The bounds of a key.
const (
	MinKey       = 16 // bytes
	minDifferent = 5  // different bytes; a random key has more
)

// CheckKey returns an error if a key for Hash is shorter than MinKey bytes, or
// clearly not random. There are only about four thousand million IPv4 addresses:
// whoever guesses the key can find the address of every pseudonym.
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

// CheckQueryKeys returns an error that lists the keys that a query string cannot
// have.
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

// Active reports whether the Guard hides anything.
func (g *Guard) Active() bool { return g.mode != None || len(g.query) > 0 }
