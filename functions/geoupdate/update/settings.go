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

// Settings say which databases to download and where to put them. They are read from
// the environment.
type Settings struct {
	Databases map[string]string `env:"CLEARHOP_GEO_DATABASES" default:"city=GeoLite2-City,asn=GeoLite2-ASN" envKeyValSeparator:"=" help:"The databases to download, city and asn. Each is the name of a MaxMind edition or the https URL of a file: .mmdb, plain or in gzip or tar.gz. In a URL, {month} stands for the current month, such as 2026-11, or for the month before if there is no file for the current month yet."`
	Secret    string            `env:"CLEARHOP_GEO_SECRET" help:"ARN or name of the secret with the MaxMind account, which editions need: {\"account_id\": \"…\", \"license_key\": \"…\"}."`
	Endpoint  string            `env:"CLEARHOP_GEO_ENDPOINT" default:"https://updates.maxmind.com" help:"URL of the server that MaxMind's editions are downloaded from."`
	Bucket    string            `env:"CLEARHOP_GEO_BUCKET" help:"Bucket to put the databases into."`
	Prefix    string            `env:"CLEARHOP_GEO_PREFIX" default:"geoip/" help:"Prefix of the keys of their objects, before city.mmdb and asn.mmdb."`
}

// kinds are the kinds of the databases by their names.
var kinds = map[string]geoip.Kind{"city": geoip.Places, "asn": geoip.Systems}

// Check returns an error that lists everything that is wrong with s.
func (s Settings) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(s.Databases) == 0 {
		bad("CLEARHOP_GEO_DATABASES: names no database")
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
			bad("CLEARHOP_GEO_DATABASES: %s: neither an https URL nor the name of a MaxMind edition", name)
		}
	}
	if editions && s.Secret == "" {
		bad("CLEARHOP_GEO_SECRET: MaxMind's editions need it")
	}
	if !editions && s.Secret != "" {
		bad("CLEARHOP_GEO_SECRET: is set, but no database is a MaxMind edition")
	}
	if err := checkURL(s.Endpoint); err != nil {
		bad("CLEARHOP_GEO_ENDPOINT: %w", err)
	}
	if s.Bucket == "" {
		bad("CLEARHOP_GEO_BUCKET: is not set; name the bucket to put the databases into")
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

// checkURL returns an error if text is not an https URL: with http, somebody on the
// way could change the database. It accepts http to the machine itself. Its errors
// do not contain the URL.
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
