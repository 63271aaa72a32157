package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"clearhop/enrich"
	"clearhop/enrich/clientip"
	"clearhop/privacy"
)

// newGuard makes the guard of the settings. The addresses that e knows for
// proxies stay; e may be nil if client was wrong.
func (c *Config) newGuard(client clientip.Config, e *enrich.Enricher) (*privacy.Guard, error) {
	var errs []error
	fail := func(name string, err error) {
		if err != nil {
			errs = append(errs, setting(name, err))
		}
	}
	var out privacy.Config
	if e != nil {
		out.Stays = e.IsNamedProxy
	}
	var err error
	out.Mode, err = privacy.ParseMode(c.Privacy)
	fail("privacy", err)
	known := err == nil
	switch {
	case !known: // so nobody can say what the key is for
	case out.Mode == privacy.Hash && c.PrivacyKey == "":
		fail("privacy-key", errors.New("privacy hash needs it"))
	case out.Mode == privacy.Hash:
		out.Key, err = readKey(c.PrivacyKey)
		if err == nil {
			err = privacy.CheckKey(out.Key)
		}
		fail("privacy-key", err)
	case c.PrivacyKey != "":
		fail("privacy-key", errors.New("is given, but privacy is not hash"))
	}
	if out.Mode != privacy.None {
		fail("nlb", refuseEverybody(client.NLB))
		fail("trusted", refuseEverybody(client.Trusted))
	}
	for _, item := range c.RedactQuery {
		for key := range strings.SplitSeq(item, ",") {
			out.RedactQuery = append(out.RedactQuery, strings.TrimSpace(key))
		}
	}
	fail("redact-query", privacy.CheckQueryKeys(out.RedactQuery))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return privacy.New(out)
}

// readKey reads a key, which @FILE has in a file: a line ending there does not
// belong to it.
func readKey(text string) ([]byte, error) {
	name, inFile := strings.CutPrefix(text, "@")
	if !inFile {
		return []byte(text), nil
	}
	key, err := os.ReadFile(name)
	return bytes.TrimRight(key, "\r\n"), err
}

// refuseEverybody refuses a set of proxies that holds every visitor.
func refuseEverybody(set clientip.Addresses) error {
	for _, p := range set.Prefixes {
		if p.Bits() == 0 {
			return fmt.Errorf("%s holds every address, and with privacy those of proxies stay as they are", p)
		}
	}
	return nil
}

// Private reports whether the settings ask to hide something. Lines as they
// were read, and payloads of them, must then not be kept anywhere.
func (p *Pipeline) Private() bool { return p.guard.Active() }
