package geoip

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Config names the databases. The zero Config has none, and every look-up of a
// public address then gives StateMissing.
type Config struct {
	// CityPath is a database of places: City, Country or Enterprise. Empty: none.
	CityPath string
	// ASNPath is a database of autonomous systems: ASN or ISP. Empty: none.
	ASNPath string
	// MaxAge is the greatest age of a database, counted from its build. The answers
	// of an older one have StateStale. Zero or less means no limit.
	MaxAge time.Duration
	// Now is the clock for MaxAge. Nil means time.Now.
	Now func() time.Time
}

// Databases are the open databases of a Config. Only Replace changes them.
type Databases struct {
	current atomic.Pointer[pair] // never nil
	maxAge  time.Duration
	now     func() time.Time

	mu sync.Mutex // held while one database is replaced
}

// A pair is the databases that answer at one time. It does not change.
type pair struct{ city, asn *database }

// Open opens every database that is configured. If one cannot be opened, no database
// stays open, and the error names each one that failed. It wraps fs.ErrNotExist for a
// missing file and a *TypeError for one of the wrong kind. Open does not read
// the databases through; damage inside shows at a look-up.
func Open(config Config) (*Databases, error) {
	databases, cityErr, asnErr := openEach(config)
	return databases, errors.Join(cityErr, asnErr)
}

// openEach is Open with an error for each of the two databases. It returns no
// Databases if there is one.
func openEach(config Config) (databases *Databases, cityErr, asnErr error) {
	city, cityErr := open(Places, config.CityPath, config.CityPath)
	asn, asnErr := open(Systems, config.ASNPath, config.ASNPath)
	databases = &Databases{maxAge: config.MaxAge, now: config.Now}
	databases.current.Store(&pair{city: city, asn: asn})
	if databases.now == nil {
		databases.now = time.Now
	}
	if cityErr != nil || asnErr != nil {
		_ = databases.Close() // it was only read
		return nil, cityErr, asnErr
	}
	return databases, nil, nil
}

// Replace opens the file at path and uses it in place of the database of that kind, if
// there is one. Readers use it from their next look-up on. Info and errors show name as
// its path.
//
// If it returns an error, the old database stays in use. The errors are those of Open
// and *LookupError: Replace first looks up about 1,000 addresses from the whole
// internet. This takes milliseconds and finds heavy damage, but not all damage.
//
// The file may be removed when Replace returns. The old database stays mapped as long
// as a Reader uses it; then the garbage collector unmaps it.
// Replace may overlap look-ups and itself, but not Close.
func (d *Databases) Replace(kind Kind, name, path string) error {
	next, err := open(kind, name, path)
	if err != nil {
		return err
	}
	if err := next.probe(kind); err != nil {
		return errors.Join(err, next.Close())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	pair := *d.current.Load()
	if kind == Places {
		pair.city = next
	} else {
		pair.asn = next
	}
	d.current.Store(&pair)
	return nil
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
	Path        string    // or the name that Replace was given
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
		info := database.info()
		info.Stale = d.isStale(database)
		infos = append(infos, info)
	}
	return infos
}

// Built returns when the database of a kind was built, or the zero time if there is no
// such database.
func (d *Databases) Built(kind Kind) time.Time {
	pair := d.current.Load()
	database := pair.city
	if kind == Systems {
		database = pair.asn
	}
	if database == nil {
		return time.Time{}
	}
	return database.built
}

// isStale reports whether a database is too old by now.
func (d *Databases) isStale(database *database) bool {
	return d.maxAge > 0 && d.isStaleAt(database, d.now())
}

// isStaleAt reports whether a database is too old at a time, if there is a greatest age.
func (d *Databases) isStaleAt(database *database, now time.Time) bool {
	return now.After(database.built.Add(d.maxAge))
}

func (d *Databases) opened() []*database {
	var opened []*database
	pair := d.current.Load()
	for _, database := range []*database{pair.city, pair.asn} {
		if database != nil {
			opened = append(opened, database)
		}
	}
	return opened
}
