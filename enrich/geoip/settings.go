package geoip

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"clearhop/internal/setting"
)

// Settings are what the operator writes about the databases. The command reads
// them from flags, the functions from the environment; package pipeline has
// their help.
type Settings struct {
	CityDB  string        `name:"city-db" env:"CLEARHOP_CITY_DB" placeholder:"FILE"`
	ASNDB   string        `name:"asn-db" env:"CLEARHOP_ASN_DB" placeholder:"FILE"`
	Refresh time.Duration `name:"geo-refresh" env:"CLEARHOP_GEO_REFRESH" default:"15m" placeholder:"DURATION"`
	MaxAge  time.Duration `name:"geo-max-age" env:"CLEARHOP_GEO_MAX_AGE" default:"2160h" placeholder:"DURATION"`
}

// A Fetch downloads the newest version of an object into a new file, which is
// the caller's, and returns its path. The path is empty if there is no version
// newer than the one that it downloaded last.
//
// Where an error has a method Permanent that returns true, this version can never
// be downloaded, and Fetch does not report it again. Any other error may pass.
type Fetch = func(context.Context) (path string, err error)

// objectScheme starts the URL of an object in S3.
const objectScheme = "s3://"

// Open opens the databases that are files. An object in S3 is opened by the
// first Reloader.Look. openObject makes the Fetch of an object's URL; it is nil
// where objects cannot be read. now is the clock that MaxAge is held against; nil
// means time.Now.
//
// The Reloader is nil where there is nothing to load later. The error joins one
// for each text that is wrong, with the name of its setting.
func (s *Settings) Open(openObject func(url string) (Fetch, error), now func() time.Time) (*Databases, *Reloader, error) {
	var errs []error
	if s.Refresh < 0 {
		errs = append(errs, setting.Error("geo-refresh", fmt.Errorf("%v is negative", s.Refresh)))
	}
	r := &Reloader{}
	paths := map[Kind]string{}
	for _, f := range []*databaseSource{{setting: "city-db", kind: Places, name: s.CityDB}, {setting: "asn-db", kind: Systems, name: s.ASNDB}} {
		if strings.HasPrefix(f.name, objectScheme) {
			errs = append(errs, setting.Error(f.setting, f.open(openObject)))
			r.sources = append(r.sources, f)
			continue
		}
		paths[f.kind] = f.name
		if f.name != "" && s.Refresh > 0 {
			f.remember()
			r.sources = append(r.sources, f)
		}
	}
	databases, cityErr, asnErr := openEach(Config{CityPath: paths[Places], ASNPath: paths[Systems], MaxAge: s.MaxAge, Now: now})
	errs = append(errs, setting.Error("city-db", cityErr), setting.Error("asn-db", asnErr))
	r.databases = databases
	if len(r.sources) == 0 {
		r = nil
	}
	return databases, r, errors.Join(errs...)
}
