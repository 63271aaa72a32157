package geoip

import (
	"net/netip"

	"clearhop/record"

	"github.com/gaissmai/bart"
)

// specialNetworks are those whose addresses are not routed on the internet by
// their kind, after the IANA special-purpose address registries of IPv4 and
// IPv6. An address in them has no place, whatever a database says.
var specialNetworks = [...]string{
	"0.0.0.0/8",       // this network (RFC 791)
	"10.0.0.0/8",      // private (RFC 1918)
	"100.64.0.0/10",   // shared by carrier-grade NAT (RFC 6598)
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local (RFC 3927)
	"172.16.0.0/12",   // private (RFC 1918)
	"192.0.0.0/24",    // protocol assignments (RFC 6890)
	"192.0.2.0/24",    // documentation (RFC 5737)
	"192.168.0.0/16",  // private (RFC 1918)
	"198.18.0.0/15",   // benchmarks (RFC 2544)
	"198.51.100.0/24", // documentation (RFC 5737)
	"203.0.113.0/24",  // documentation (RFC 5737)
	"224.0.0.0/3",     // multicast (RFC 1112), reserved, broadcast

	// Everything outside 2000::/3, the one block out of which addresses for
	// single hosts on the internet are given: unspecified, loopback, unique
	// local, link-local, multicast, NAT64's prefixes and the undefined rest.
	"::/3", "4000::/2", "8000::/1",
	"2001:2::/48",   // benchmarks (RFC 5180)
	"2001:10::/28",  // ORCHID (RFC 4843)
	"2001:db8::/32", // documentation (RFC 3849)
	"3fff::/20",     // documentation (RFC 9637)
}

// private is the answer for an address in a special network.
var private = Result{
	Place: record.Geo{State: record.GeoPrivate},
	AS:    record.AS{State: record.GeoPrivate},
}

// specialTable holds the special networks.
func specialTable() *bart.Lite {
	table := new(bart.Lite)
	for _, network := range specialNetworks {
		table.Insert(netip.MustParsePrefix(network))
	}
	return table
}
