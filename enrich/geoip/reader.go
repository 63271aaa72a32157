package geoip

import (
	"errors"
	"net/netip"

	"clearhop/record"

	"github.com/gaissmai/bart"
	"github.com/oschwald/geoip2-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2"
)

// Reader looks addresses up and remembers the answers. It serves one goroutine at a time.
type Reader struct {
	databases *Databases
	special   *bart.Lite

	// current are the databases that the answers were read from. They stay mapped as
	// long as it points to them.
	current *pair
	places  answers[record.Geo]
	systems answers[record.AS]
}

// NewReader gives a Reader that remembers nothing yet.
func (d *Databases) NewReader() *Reader {
	r := &Reader{databases: d, special: specialTable()}
	r.places.limit, r.systems.limit = maxAnswers, maxAnswers
	r.use(d.current.Load())
	return r
}

// use takes databases in the place of those before, and forgets what they said.
func (r *Reader) use(current *pair) {
	r.current = current
	r.places.forget(record.Geo{State: stateWithout(current.city)})
	r.systems.forget(record.AS{State: stateWithout(current.asn)})
}

// stateWithout is the state of an address of which a database knows nothing.
func stateWithout(d *database) record.GeoState {
	if d == nil {
		return record.GeoMissing
	}
	return record.GeoNotFound
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
		r.use(current)
	}
	addr = addr.Unmap().WithZone("")
	if r.special.Contains(addr) {
		return private, nil
	}
	var placeErr, asErr error
	place, as := r.places.find(addr), r.systems.find(addr)
	if place == nil {
		place, placeErr = ask(r.current.city, &r.places, addr, readPlace)
	}
	if as == nil {
		as, asErr = ask(r.current.asn, &r.systems, addr, readAS)
	}
	result := Result{Place: *place, AS: *as}
	r.age(&result)
	if placeErr != nil || asErr != nil {
		return result, errors.Join(placeErr, asErr)
	}
	return result, nil
}

// ask looks addr up in a database and remembers the answer. A failure is not remembered,
// since the caller would not learn how many there are.
func ask[T any](d *database, known *answers[T], addr netip.Addr, read func(maxminddb.Result) (T, error)) (*T, error) {
	if d == nil || d.lacksFamily(addr) {
		return &known.list[0], nil
	}
	known.makeRoom()
	found := d.Lookup(addr)
	if found.Err() != nil {
		answer, err := read(found)
		return &answer, &LookupError{d.name, err}
	}
	var index uint16
	if found.Found() {
		var ok bool
		if index, ok = known.known[found.Offset()]; !ok {
			answer, err := read(found)
			if err != nil {
				return &answer, &LookupError{d.name, err}
			}
			index = known.add(found.Offset(), answer)
		}
	}
	known.addNetwork(addr, bitsOf(found, addr), index)
	return &known.list[index], nil
}

// bitsOf returns the length of the network in which addr was found, or in which nothing was
// found.
func bitsOf(found maxminddb.Result, addr netip.Addr) int {
	network := found.Prefix()
	if addr.Is4() && !network.Addr().Is4() {
		return 0 // one answer for all of IPv4
	}
	return network.Bits()
}

// readPlace reads what a database of places says.
func readPlace(found maxminddb.Result) (record.Geo, error) {
	var city geoip2.City
	if err := found.Decode(&city); err != nil {
		return record.Geo{State: record.GeoError}, err
	}
	return placeOf(&city), nil
}

// readAS reads what a database of autonomous systems says.
func readAS(found maxminddb.Result) (record.AS, error) {
	var system geoip2.ASN
	if err := found.Decode(&system); err != nil {
		return record.AS{State: record.GeoError}, err
	}
	return asOf(&system), nil
}

// age turns found into stale if a database is too old now. It changes only the result for
// the caller, because a database can become too old while a Reader is in use.
func (r *Reader) age(result *Result) {
	place, as := result.Place.State == record.GeoFound, result.AS.State == record.GeoFound
	if r.databases.maxAge <= 0 || !place && !as {
		return
	}
	now := r.databases.now()
	if place && r.databases.isStaleAt(r.current.city, now) {
		result.Place.State = record.GeoStale
	}
	if as && r.databases.isStaleAt(r.current.asn, now) {
		result.AS.State = record.GeoStale
	}
}
