package clientip

import "net/netip"

// ParseAddr reads an address as nginx does, for tests outside the package.
func ParseAddr(text string) (netip.Addr, bool) { return parseAddr([]byte(text)) }

// ParseAddrPort reads a token of a forwarded header as nginx does.
func ParseAddrPort(text string) (netip.Addr, bool) { return parseAddrPort([]byte(text)) }

// PrivateNetworks lists the networks that inferred sets are made of.
func PrivateNetworks() []string {
	var all []string
	for _, p := range privateNetworks {
		all = append(all, p.String())
	}
	return all
}
