package geoip

// Limit bounds what is remembered to n answers of each kind.
func (r *Reader) Limit(n int) { r.limit = n }

// Known is how many places and autonomous systems are remembered.
func (r *Reader) Known() (places, systems int) { return len(r.places), len(r.systems) }

// SpecialNetworks are the networks without a place.
var SpecialNetworks = specialNetworks[:]
