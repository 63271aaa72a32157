package geoip

import (
	"math"

	"github.com/oschwald/geoip2-golang/v2"
)

// State says how a look-up in one database went.
type State string

const (
	// StateFound: the database tells something about the address.
	StateFound State = "found"
	// StateNotFound: the database has nothing to tell about the address.
	StateNotFound State = "not_found"
	// StatePrivate: the address is by its kind not routed on the internet
	// (private, shared, loopback, link-local, multicast, documentation and so
	// on). No database was asked.
	StatePrivate State = "private"
	// StateMissing: no database is configured.
	StateMissing State = "db_missing"
	// StateStale: found, but the database was built longer ago than
	// Config.MaxAge allows.
	StateStale State = "db_stale"
	// StateError: the database is damaged where the address is. Lookup returned
	// a LookupError.
	StateError State = "db_error"
)

// Result is what the databases tell about an address. The zero Result, with
// empty states, answers the zero netip.Addr: there was nothing to look up.
//
// A Result is a value and stays valid, also after Close. Its texts are shared
// with the cache and cost nothing to copy.
type Result struct {
	Place Place
	AS    AS
}

// Place is where a network is used. Empty texts are unknown.
type Place struct {
	State State

	ContinentCode  string // two letters: EU
	CountryISOCode string // ISO 3166-1 alpha-2: DE
	CountryName    string // English
	// RegionISOCode and RegionName are of the largest subdivision: for Oxford
	// England, not Oxfordshire.
	RegionISOCode string // ISO 3166-2: GB-ENG
	RegionName    string // English
	CityName      string // English
	PostalCode    string
	TimeZone      string // IANA: Europe/Berlin
	// Latitude and Longitude are degrees, and mean something only if
	// HasLocation is set: 0, 0 is a place.
	Latitude, Longitude float64
	HasLocation         bool
}

// AS is the autonomous system that announces a network.
type AS struct {
	State State

	Number       uint32 // 0: unknown
	Organization string // the name of its owner; empty: unknown
}

// placeOf picks what we use of a record. A record with nothing of it, such as
// one that only knows the registered country, counts as not found.
func placeOf(record *geoip2.City) Place {
	place := Place{
		ContinentCode:  record.Continent.Code,
		CountryISOCode: record.Country.ISOCode,
		CountryName:    record.Country.Names.English,
		CityName:       record.City.Names.English,
		PostalCode:     record.Postal.Code,
		TimeZone:       record.Location.TimeZone,
	}
	if len(record.Subdivisions) > 0 {
		region := record.Subdivisions[0]
		place.RegionName = region.Names.English
		if region.ISOCode != "" && place.CountryISOCode != "" {
			place.RegionISOCode = place.CountryISOCode + "-" + region.ISOCode
		}
	}
	if record.Location.HasCoordinates() {
		latitude, longitude := *record.Location.Latitude, *record.Location.Longitude
		// No map and no JSON encoder can take a damaged number. The comparison
		// is false for NaN.
		if math.Abs(latitude) <= 90 && math.Abs(longitude) <= 180 {
			place.Latitude, place.Longitude, place.HasLocation = latitude, longitude, true
		}
	}
	if place == (Place{}) {
		return Place{State: StateNotFound}
	}
	place.State = StateFound
	return place
}

func asOf(record *geoip2.ASN) AS {
	if !record.HasData() {
		return AS{State: StateNotFound}
	}
	return AS{
		State:        StateFound,
		Number:       uint32(record.AutonomousSystemNumber), //nolint:gosec // AS numbers have 32 bits (RFC 6793)
		Organization: record.AutonomousSystemOrganization,
	}
}
