package geoip

import (
	"errors"
	"net/netip"

	"clearhop/record"
)

// Limit bounds what is remembered to n answers of each kind.
func (r *Reader) Limit(n int) { r.places.limit, r.systems.limit = n, n }

// Known is how many places and autonomous systems are remembered.
func (r *Reader) Known() (places, systems int) { return len(r.places.known), len(r.systems.known) }

// SpecialNetworks are the networks without a place.
var SpecialNetworks = specialNetworks[:]

// LookupSlowly is Lookup without anything that is remembered: the library reads both
// databases.
func (r *Reader) LookupSlowly(addr netip.Addr) (Result, error) {
	addr = addr.Unmap().WithZone("")
	if r.special.Contains(addr) {
		return private, nil
	}
	current := r.databases.current.Load()
	result := Result{
		Place: record.Geo{State: stateWithout(current.city)},
		AS:    record.AS{State: stateWithout(current.asn)},
	}
	var placeErr, asErr error
	if d := current.city; d != nil && !d.lacksFamily(addr) {
		if found := d.Lookup(addr); found.Found() || found.Err() != nil {
			result.Place, placeErr = readPlace(found)
		}
	}
	if d := current.asn; d != nil && !d.lacksFamily(addr) {
		if found := d.Lookup(addr); found.Found() || found.Err() != nil {
			result.AS, asErr = readAS(found)
		}
	}
	r.age(&result)
	return result, errors.Join(placeErr, asErr)
}
