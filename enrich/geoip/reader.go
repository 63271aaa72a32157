package geoip

import (
	"errors"
	"net/netip"

	"clearhop/record"

	"github.com/gaissmai/bart"
	"github.com/oschwald/geoip2-golang/v2"
)

// cacheAnswers bounds how many places and how many autonomous systems a Reader
// remembers: about 5 MB.
const cacheAnswers = 1 << 14

// Reader looks addresses up and remembers the answers by where they stand in the database:
// there are a thousand times as many networks as countries. It serves one goroutine at a
// time.
type Reader struct {
	databases *Databases
	limit     int // answers to remember, of each kind
	special   *bart.Lite

	// current are the databases that the answers were read from. They stay mapped as
	// long as it points to them.
	current *pair
	places  map[uintptr]record.Geo
	systems map[uintptr]record.AS
}

// NewReader gives a Reader that remembers nothing yet.
func (d *Databases) NewReader() *Reader {
	return &Reader{
		databases: d, limit: cacheAnswers, special: specialTable(), current: d.current.Load(),
		places: map[uintptr]record.Geo{}, systems: map[uintptr]record.AS{},
	}
}

// Lookup returns what the databases know about addr. An IPv4-mapped IPv6 address is
// looked up as IPv4, and a zone is ignored.
//
// The error, if any, joins a *LookupError for each damaged database. The Result is
// still valid: the damaged part has StateError, and the other part is not affected.
//
// If the answers are known from an earlier look-up, Lookup allocates nothing.
// When a database was replaced, all that is known is forgotten first.
func (r *Reader) Lookup(addr netip.Addr) (Result, error) {
	if !addr.IsValid() {
		return Result{}, nil
	}
	if current := r.databases.current.Load(); current != r.current {
		r.current = current
		clear(r.places)
		clear(r.systems)
	}
	addr = addr.Unmap().WithZone("")
	if r.special.Contains(addr) {
		return private, nil
	}
	place, placeErr := r.place(addr)
	as, asErr := r.as(addr)
	result := r.aged(Result{Place: place, AS: as})
	if placeErr != nil || asErr != nil {
		return result, errors.Join(placeErr, asErr)
	}
	return result, nil
}

// place returns the place of addr. A failure is not remembered, since the caller would
// not learn how many there are.
func (r *Reader) place(addr netip.Addr) (record.Geo, error) {
	d := r.current.city
	if d == nil {
		return record.Geo{State: record.GeoMissing}, nil
	}
	found, ok, err := d.find(addr)
	if err != nil {
		return record.Geo{State: record.GeoError}, err
	}
	if !ok {
		return record.Geo{State: record.GeoNotFound}, nil
	}
	place, known := r.places[found.Offset()]
	if known {
		return place, nil
	}
	var city geoip2.City
	if err := found.Decode(&city); err != nil {
		return record.Geo{State: record.GeoError}, &LookupError{d.name, err}
	}
	place = placeOf(&city)
	remember(r.places, found.Offset(), place, r.limit)
	return place, nil
}

// as returns the autonomous system of addr.
func (r *Reader) as(addr netip.Addr) (record.AS, error) {
	d := r.current.asn
	if d == nil {
		return record.AS{State: record.GeoMissing}, nil
	}
	found, ok, err := d.find(addr)
	if err != nil {
		return record.AS{State: record.GeoError}, err
	}
	if !ok {
		return record.AS{State: record.GeoNotFound}, nil
	}
	as, known := r.systems[found.Offset()]
	if known {
		return as, nil
	}
	var system geoip2.ASN
	if err := found.Decode(&system); err != nil {
		return record.AS{State: record.GeoError}, &LookupError{d.name, err}
	}
	as = asOf(&system)
	remember(r.systems, found.Offset(), as, r.limit)
	return as, nil
}

// remember stores an answer. If the cache is full, remember empties it first: it costs
// a few microseconds to read an answer again, which is less than to count its uses.
func remember[T any](known map[uintptr]T, offset uintptr, answer T, limit int) {
	if len(known) >= limit {
		clear(known)
	}
	known[offset] = answer
}

// aged turns found into stale if a database is too old now. It changes only the copy
// for the caller, because a database can become too old while a Reader is in use.
func (r *Reader) aged(result Result) Result {
	d := r.databases
	if d.maxAge <= 0 {
		return result
	}
	place, as := result.Place.State == record.GeoFound, result.AS.State == record.GeoFound
	if !place && !as {
		return result
	}
	if place && d.isStale(r.current.city) {
		result.Place.State = record.GeoStale
	}
	if as && d.isStale(r.current.asn) {
		result.AS.State = record.GeoStale
	}
	return result
}
