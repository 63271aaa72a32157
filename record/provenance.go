package record

import "net/netip"

// Provenance is how the client is known and what is wrong with the chain that
// should have named it. The texts are codes of docs/verdicts.md.
type Provenance struct {
	Verdict string
	Reason  string
	// Alternatives are other reasons that the same evidence allows.
	Alternatives []string
	// Hop is where the fault sits: "edge" or "web"; empty without a fault.
	Hop string
	// Field is the nginx variable that gave Client.IP, without its "$".
	Field string
	// NLBPrivateIP is set when $remote_addr still shows an NLB's address, and
	// NLBInferred when the set of NLB addresses was inferred, not given.
	NLBPrivateIP bool
	NLBInferred  bool
	// NLB is the name of the NLB that the peer, or else $remote_addr, is a
	// discovered node of.
	NLB string
	// Vouched is set when a trusted hop stands behind Client.IP. It means
	// something only if Client.IP is valid.
	Vouched bool
	// Hops are the addresses known on the way, the client first; HopCount is
	// how many there were, of which Hops may hold fewer.
	Hops     []netip.Addr
	HopCount int
	// Claimed are the tokens that the visitor may have written, as they stood;
	// ClaimedCount is how many there were.
	Claimed      [][]byte
	ClaimedCount int
}

// Geo is where the client's address is registered.
type Geo struct {
	// State says how the look-up went; empty when there was no address to
	// look up, so that a proxy is never put on a map.
	State string

	ContinentCode  string // two letters: EU
	CountryISOCode string // ISO 3166-1 alpha-2: DE
	CountryName    string // English
	RegionISOCode  string // ISO 3166-2: DE-BE
	RegionName     string // English
	CityName       string // English
	PostalCode     string
	TimeZone       string // IANA: Europe/Berlin
	// Latitude and Longitude are degrees, and mean something only if
	// HasLocation is set: 0, 0 is a place.
	Latitude, Longitude float64
	HasLocation         bool
}

// AS is the autonomous system that announces the client's address.
type AS struct {
	Number       uint32 // 0: unknown
	Organization string
}

// UserAgent is what the User-Agent header tells. Empty texts are unknown.
type UserAgent struct {
	Name       string // Firefox
	Version    string // 128.0
	OSName     string // Windows
	OSVersion  string // 10
	DeviceName string // iPhone
	Bot        bool   // says of itself that it is a robot, or is known as one
	// Valid tells a header that was read from one that was not there.
	Valid bool
}
