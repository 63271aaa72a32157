package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"clearhop/aws/object"
	"clearhop/enrich/geoip"
)

// A reload keeps the GeoIP databases up to date.
type reload struct {
	databases *geoip.Databases
	schedule  schedule

	mu    sync.Mutex // held while somebody looks
	files []*databaseFile
}

// A databaseFile is where one of the databases comes from.
type databaseFile struct {
	setting string // its name
	kind    geoip.Kind
	source  string // a path, or the URL of an object

	object *object.Object // nil for a file
	seen   os.FileInfo    // of the version of a file that was tried last; nil before
}

// A ReloadError says that a GeoIP database could not be looked at again, or that
// its new version is of no use. The one before it goes on answering.
type ReloadError struct {
	Setting string // city-db or asn-db
	Source  string // what it is set to
	Err     error  // of the geoip or the s3object package
	// Built is the time of the database that goes on answering; zero if there
	// is none.
	Built time.Time
}

// Error gives the cause and what answers now.
func (e *ReloadError) Error() string {
	holds := "there is none until then"
	if !e.Built.IsZero() {
		holds = "the one built at " + e.Built.UTC().Format(time.RFC3339) + " still holds"
	}
	return fmt.Sprintf("%s: %v; %s", e.Setting, e.Err, holds)
}

// Unwrap returns the cause.
func (e *ReloadError) Unwrap() error { return e.Err }

// openDatabases opens the databases that are files, and makes the reload of
// all; it is nil where there is nothing to load. An object in S3 is only named
// here.
func (c *Config) openDatabases(now func() time.Time) (*geoip.Databases, *reload, error) {
	var errs []error
	if c.GeoRefresh < 0 {
		errs = append(errs, setting("geo-refresh", fmt.Errorf("%v is negative", c.GeoRefresh)))
	}
	city := &databaseFile{setting: "city-db", kind: geoip.Places, source: c.CityDB}
	asn := &databaseFile{setting: "asn-db", kind: geoip.Systems, source: c.ASNDB}
	r := &reload{schedule: schedule{every: c.GeoRefresh, now: now}}
	paths := geoip.Config{MaxAge: c.GeoMaxAge, Now: c.Now}
	for _, f := range []*databaseFile{city, asn} {
		path, err := f.open(c.GetObject)
		if err != nil {
			errs = append(errs, setting(f.setting, err))
		}
		if f.kind == geoip.Places {
			paths.CityPath = path
		} else {
			paths.ASNPath = path
		}
		if f.source != "" && (f.object != nil || c.GeoRefresh > 0) {
			r.files = append(r.files, f)
		}
	}
	databases, err := geoip.Open(paths)
	if err != nil {
		errs = append(errs, setting("city-db, asn-db", err))
	}
	if len(r.files) == 0 {
		r = nil
	} else {
		r.databases = databases
	}
	return databases, r, errors.Join(errs...)
}

// open returns the path of a database that is a file, and remembers which
// version it is.
func (f *databaseFile) open(get object.Get) (path string, err error) {
	if !strings.HasPrefix(f.source, object.Scheme) {
		f.seen, _ = os.Stat(f.source) // what is wrong is seen when it is opened
		return f.source, nil
	}
	if get == nil {
		return "", fmt.Errorf("%.200q: objects in S3 are for the functions: download it, for example with aws s3 cp", f.source)
	}
	f.object, err = object.New(object.Config{URL: f.source, Get: get})
	return "", err
}

// Reload looks for new versions of the GeoIP databases, if geo-refresh has
// passed since the last look, and has the workers go by them from their next
// line on. Databases in S3 are loaded by the first call. It is for the start of
// each batch, like Refresh, and costs as little where nothing is to be done; of
// concurrent calls one looks, and the others return at once.
//
// ctx bounds the look. The error joins a *ReloadError for each database that is
// not as it should be: one that cannot be got at is told of at each look, which
// comes sooner then, and a new version of no use once. In either case the one
// before it stays.
func (p *Pipeline) Reload(ctx context.Context) error {
	r := p.reload
	if r == nil || !r.schedule.isDue() || !r.mu.TryLock() {
		return nil
	}
	defer r.mu.Unlock()
	if !r.schedule.isDue() {
		return nil
	}
	var errs []error
	again := false
	for _, f := range r.files {
		refused, err := f.load(ctx, r.databases)
		if err != nil {
			again = again || !refused
			errs = append(errs, &ReloadError{Setting: f.setting, Source: f.source, Err: err, Built: r.databases.Built(f.kind)})
		}
	}
	if again {
		r.schedule.failed()
	} else {
		r.schedule.done()
	}
	return errors.Join(errs...)
}

// load takes a new version in, if there is one. refused says that the error is
// the version's and will not go away by itself.
func (f *databaseFile) load(ctx context.Context, to *geoip.Databases) (refused bool, err error) {
	if f.object == nil {
		info, err := os.Stat(f.source)
		if err != nil || f.isSeen(info) {
			return false, err
		}
		f.seen = info
		return true, to.Replace(f.kind, f.source, f.source)
	}
	path, err := f.object.Fetch(ctx)
	if _, ok := errors.AsType[*object.SizeError](err); ok {
		return true, fmt.Errorf("%s: %w", f.source, err)
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", f.source, err)
	}
	if path == "" {
		return false, nil
	}
	// It stays mapped without its name, and nothing is left behind in /tmp
	// when the process ends.
	return true, errors.Join(to.Replace(f.kind, f.source, path), os.Remove(path))
}

// isSeen reports whether info is of the version that was tried last.
func (f *databaseFile) isSeen(info os.FileInfo) bool {
	return f.seen != nil && os.SameFile(info, f.seen) && info.Size() == f.seen.Size() && info.ModTime().Equal(f.seen.ModTime())
}
