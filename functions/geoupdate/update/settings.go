package update

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"clearhop/enrich/geoip"
)

// Settings say which databases to fetch and where to put them. They are read
// from the environment.
type Settings struct {
	Databases map[string]string `env:"CLEARHOP_GEO_DATABASES" default:"city=GeoLite2-City,asn=GeoLite2-ASN" envKeyValSeparator:"=" help:"The databases city and asn: each an edition of MaxMind's, or the https URL of a file (.mmdb, also in gzip or tar.gz; {month} stands for the current month, such as 2026-11, or the one before where that is not out yet)."`
	Secret    string            `env:"CLEARHOP_GEO_SECRET" help:"ARN or name of the secret that holds the MaxMind account, for editions: {\"account_id\": \"…\", \"license_key\": \"…\"}."`
	Endpoint  string            `env:"CLEARHOP_GEO_ENDPOINT" default:"https://updates.maxmind.com" help:"Where MaxMind's editions come from."`
	Bucket    string            `env:"CLEARHOP_GEO_BUCKET" help:"Bucket that the databases are put into."`
	Prefix    string            `env:"CLEARHOP_GEO_PREFIX" default:"geoip/" help:"What the names of their objects start with, before city.mmdb and asn.mmdb."`
}

// kinds are the names of databases.
var kinds = map[string]geoip.Kind{"city": geoip.Places, "asn": geoip.Systems}

// Check returns everything that is wrong with s.
func (s Settings) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(s.Databases) == 0 {
		bad("CLEARHOP_GEO_DATABASES: names none")
	}
	editions := false
	for _, name := range slices.Sorted(maps.Keys(s.Databases)) {
		if _, known := kinds[name]; !known {
			bad("CLEARHOP_GEO_DATABASES: there is no database %.40q; known: asn, city", name)
		}
		from := s.Databases[name]
		switch {
		case isURL(from):
			if err := checkURL(from); err != nil {
				bad("CLEARHOP_GEO_DATABASES: %s: %w", name, err)
			}
		case isEdition(from):
			editions = true
		default:
			bad("CLEARHOP_GEO_DATABASES: %s: neither a URL nor the name of an edition", name)
		}
	}
	if editions && s.Secret == "" {
		bad("CLEARHOP_GEO_SECRET: MaxMind's editions need it")
	}
	if !editions && s.Secret != "" {
		bad("CLEARHOP_GEO_SECRET: is given, but no edition of MaxMind's")
	}
	if err := checkURL(s.Endpoint); err != nil {
		bad("CLEARHOP_GEO_ENDPOINT: %w", err)
	}
	if s.Bucket == "" {
		bad("CLEARHOP_GEO_BUCKET: there is none to put databases into")
	}
	return errors.Join(errs...)
}

func isURL(from string) bool { return strings.Contains(from, "://") }

func isEdition(from string) bool {
	for _, c := range []byte(from) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return from != ""
}

// checkURL wants https, so that nobody on the way changes what is fetched; on
// the machine itself http will do. Its errors leave the URL out.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return errors.New("not a URL")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http":
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil && addr.IsLoopback() {
			return nil
		}
	}
	return errors.New("not an https URL")
}
