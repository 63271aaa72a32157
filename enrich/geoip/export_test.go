package geoip

// Limit bounds the cache to n networks.
func (r *Reader) Limit(n int) { r.limit = n }

// Known is the number of networks of databases in the cache.
func (r *Reader) Known() int { return r.known.Size() - len(specialNetworks) }

// SpecialNetworks are the networks without a place.
var SpecialNetworks = specialNetworks[:]
