package geoip

import (
	"errors"
	"net/netip"

	"clearhop/record"

	"github.com/gaissmai/bart"
)

// cacheNetworks bounds how many networks a Reader remembers: about 5 MB.
const cacheNetworks = 1 << 14

// Reader looks addresses up and remembers the answers by network. It serves one
// goroutine at a time.
type Reader struct {
	databases *Databases
	limit     int // networks to remember

	// current are the databases that known was read from. They stay mapped as
	// long as it points to them.
	current *pair
	// known holds the special networks and what was read so far. Its networks
	// of the databases never overlap: each is the smaller of the two that the
	// databases answered for, and those of one database are disjoint.
	known *bart.Table[*Result]
}

// NewReader gives a Reader with an empty cache.
func (d *Databases) NewReader() *Reader {
	return &Reader{databases: d, limit: cacheNetworks, current: d.current.Load(), known: specialTable()}
}

// Lookup returns what the databases know about addr. An IPv4-mapped IPv6 address is
// looked up as IPv4, and a zone is ignored.
//
// The error, if any, joins a *LookupError for each damaged database. The Result is
// still valid: the damaged part has StateError, and the other part is not affected.
//
// If the network is known from an earlier look-up, Lookup allocates nothing.
// When a database was replaced, all that is known is forgotten first.
func (r *Reader) Lookup(addr netip.Addr) (Result, error) {
	if !addr.IsValid() {
		return Result{}, nil
	}
	if current := r.databases.current.Load(); current != r.current {
		r.current, r.known = current, specialTable()
	}
	addr = addr.Unmap().WithZone("")
	if known, ok := r.known.Lookup(addr); ok {
		return r.aged(*known), nil
	}
	return r.read(addr)
}

// read asks the databases and remembers the answer, unless one of them failed:
// a cache of failures would hide from the caller how many there are.
func (r *Reader) read(addr netip.Addr) (Result, error) {
	place, placeNetwork, placeErr := r.current.city.place(addr)
	as, asNetwork, asErr := r.current.asn.as(addr)
	result := Result{Place: place, AS: as}
	if err := errors.Join(placeErr, asErr); err != nil {
		return r.aged(result), err
	}
	network := placeNetwork
	if asNetwork.Bits() > network.Bits() {
		network = asNetwork
	}
	r.remember(network, &result)
	return r.aged(result), nil
}

// remember stores an answer. If the cache is full, remember empties it first: it costs
// a few microseconds to read a network again, which is less than to count its uses.
func (r *Reader) remember(network netip.Prefix, result *Result) {
	if r.known.Size() >= r.limit+len(specialNetworks) {
		r.known = specialTable()
	}
	r.known.Insert(network, result)
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
