package chain_test

import "net/netip"

// The addresses are those of the seed, as far as it names them. The IPv6 addresses
// are from the documentation prefix, because those of a VPC are public too.
var (
	visitor4   = addr("210.227.0.10")
	neighbour4 = addr("210.227.0.11") // another visitor
	visitor6   = addr("2001:db8:210::10")
	cdn4       = addr("130.176.1.5")
	inside4    = addr("10.16.2.20") // a caller inside the VPC

	nlbPublic4 = addr("203.0.113.80")
	nlbPublic6 = addr("2001:db8:a::80")
	nlb4       = addr("10.16.1.11")
	nlb6       = addr("2001:db8:16:1::11")
	edge4      = addr("10.16.1.13")
	edge6      = addr("2001:db8:16:1::13")
	mid4       = addr("10.16.1.15") // a proxy between edge and web
	web4       = addr("10.16.1.14")
	web6       = addr("2001:db8:16:1::14")
)

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }
