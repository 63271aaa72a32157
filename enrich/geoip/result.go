package geoip

import (
	"math"

	"clearhop/record"

	"github.com/oschwald/geoip2-golang/v2"
)

// Result is what the databases tell about an address. The zero Result, with
// empty states, answers the zero netip.Addr: there was nothing to look up.
//
// A Result is a value and stays valid, also after Close. Its texts are shared
// with the cache and cost nothing to copy.
type Result struct {
	Place record.Geo
	AS    record.AS
}

// placeOf picks what we use of a record. A record with nothing of it, such as
// one that only knows the registered country, counts as not found.
func placeOf(city *geoip2.City) record.Geo {
	place := record.Geo{
		ContinentCode:  city.Continent.Code,
		CountryISOCode: city.Country.ISOCode,
		CountryName:    city.Country.Names.English,
		CityName:       city.City.Names.English,
		PostalCode:     city.Postal.Code,
		TimeZone:       city.Location.TimeZone,
	}
	if len(city.Subdivisions) > 0 {
		region := city.Subdivisions[0]
		place.RegionName = region.Names.English
		if region.ISOCode != "" && place.CountryISOCode != "" {
			place.RegionISOCode = place.CountryISOCode + "-" + region.ISOCode
		}
	}
	if city.Location.HasCoordinates() {
		latitude, longitude := *city.Location.Latitude, *city.Location.Longitude
		// No map and no JSON encoder can take a damaged number. The comparison
		// is false for NaN.
		if math.Abs(latitude) <= 90 && math.Abs(longitude) <= 180 {
			place.Latitude, place.Longitude, place.HasLocation = latitude, longitude, true
		}
	}
	if place == (record.Geo{}) {
		return record.Geo{State: record.GeoNotFound}
	}
	place.State = record.GeoFound
	return place
}

func asOf(network *geoip2.ASN) record.AS {
	if !network.HasData() {
		return record.AS{State: record.GeoNotFound}
	}
	return record.AS{
		State:        record.GeoFound,
		Number:       uint32(network.AutonomousSystemNumber), //nolint:gosec // AS numbers have 32 bits (RFC 6793)
		Organization: network.AutonomousSystemOrganization,
	}
}
