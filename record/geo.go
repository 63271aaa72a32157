package record

// A GeoState says how a look-up in a GeoIP database went. It is empty where
// there was no address to look up, so that a proxy is never put on a map.
type GeoState string

// The states of a look-up.
const (
	// GeoFound: the database holds something about the address.
	GeoFound GeoState = "found"
	// GeoNotFound: the database holds nothing about the address.
	GeoNotFound GeoState = "not_found"
	// GeoPrivate: the address is of a kind that is not routed on the internet
	// (private, shared, loopback, link-local, multicast, documentation and so
	// on). No database was asked.
	GeoPrivate GeoState = "private"
	// GeoMissing: no database is configured.
	GeoMissing GeoState = "db_missing"
	// GeoStale: found, but the database is older than the settings allow.
	GeoStale GeoState = "db_stale"
	// GeoError: the database is damaged where the address is.
	GeoError GeoState = "db_error"
)

// Geo is where the network of the client's address is used. Empty texts are
// unknown.
type Geo struct {
	State GeoState

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

// AS is the autonomous system that announces the network of the client's
// address.
type AS struct {
	State GeoState

	Number       uint32 // 0: unknown
	Organization string // the name of its owner; empty: unknown
}
