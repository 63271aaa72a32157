package geoip

import (
	"errors"
	"time"
)

// Config names the databases. The zero Config has none, and every look-up of a
// public address then gives StateMissing.
type Config struct {
	// CityPath is a database of places: City, Country or Enterprise. Empty: none.
	CityPath string
	// ASNPath is a database of autonomous systems: ASN or ISP. Empty: none.
	ASNPath string
	// MaxAge is how long after its build a database is believed; later its
	// finds are StateStale. Zero or less: for ever.
	MaxAge time.Duration
	// Now is the clock that MaxAge is held against. Nil: time.Now.
	Now func() time.Time
}

// Databases are the open databases of a Config.
type Databases struct {
	city, asn *database
	maxAge    time.Duration
	now       func() time.Time
}

// Open opens every database that is configured. If one cannot be opened none
// is, and the error tells of all that cannot: it wraps fs.ErrNotExist for a
// missing file and a *TypeError for one of the wrong kind. Open does not read
// the databases through; damage inside shows at a look-up.
func Open(config Config) (*Databases, error) {
	city, cityErr := open(config.CityPath, placeKind, config.MaxAge)
	asn, asnErr := open(config.ASNPath, asKind, config.MaxAge)
	databases := &Databases{city: city, asn: asn, maxAge: config.MaxAge, now: config.Now}
	if databases.now == nil {
		databases.now = time.Now
	}
	if err := errors.Join(cityErr, asnErr); err != nil {
		return nil, errors.Join(err, databases.Close())
	}
	return databases, nil
}

// Close closes the databases. It may not overlap a look-up.
func (d *Databases) Close() error {
	var errs []error
	for _, database := range d.opened() {
		errs = append(errs, database.Close())
	}
	return errors.Join(errs...)
}

// Info describes an open database.
type Info struct {
	Path        string
	Type        string    // what the file calls itself: GeoLite2-City
	Built       time.Time // UTC
	IPVersion   int       // 4: IPv4 only; 6: both
	Languages   []string  // of the names in it; we use the English ones
	Description string    // English; may be empty. Ours carry the attribution.
	Stale       bool      // older than Config.MaxAge, now
}

// Info describes the open databases, the one of places first.
func (d *Databases) Info() []Info {
	var infos []Info
	for _, database := range d.opened() {
		metadata := database.Metadata()
		infos = append(infos, Info{
			Path:        database.path,
			Type:        metadata.DatabaseType,
			Built:       metadata.BuildTime().UTC(),
			IPVersion:   int(metadata.IPVersion), //nolint:gosec // 4 or 6
			Languages:   metadata.Languages,
			Description: metadata.Description["en"],
			Stale:       d.maxAge > 0 && d.now().After(database.expires),
		})
	}
	return infos
}

func (d *Databases) opened() []*database {
	var opened []*database
	for _, database := range []*database{d.city, d.asn} {
		if database != nil {
			opened = append(opened, database)
		}
	}
	return opened
}
