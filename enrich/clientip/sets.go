package clientip

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/gaissmai/bart"
)

// A class is what the configuration says of an address.
type class uint8

const (
	outside       class = iota // in no set: a client
	internal                   // a private client inside a wider set
	strangerProxy              // a Unix-domain or loopback peer that no set names: a proxy, but nobody vouches for it
	trusted                    // a proxy that writes forwarded headers
	cdn                        // one with a public address, which may stand before the NLB
	supposedNLB                // private, where the NLB's addresses are not known
	nlb                        // inside a network that holds NLB nodes and perhaps the edge's tasks
	nlbNode                    // an NLB node
)

// isProxy reports whether an address of the class can never be the client.
func (c class) isProxy() bool { return c >= strangerProxy }

// isTrusted reports whether an address of the class is a proxy's that writes
// forwarded headers.
func (c class) isTrusted() bool { return c == trusted || c == cdn }

// isNLB reports whether an address of the class is an NLB's.
func (c class) isNLB() bool { return c >= supposedNLB }

// Addresses is a set of addresses as nginx's set_real_ip_from takes them. The
// zero value is the empty set.
type Addresses struct {
	Prefixes []netip.Prefix
	// Unix is the word "unix:": peers on Unix-domain sockets.
	Unix bool
}

// unixPeer is how nginx writes the address of a peer on a Unix-domain socket.
const unixPeer = "unix:"

// ParseAddresses reads addresses, CIDRs and the word "unix:". Each item may
// hold several, separated by commas. All items that are none of these are
// named in the error.
func ParseAddresses(items ...string) (Addresses, error) {
	var set Addresses
	var errs []error
	for _, item := range items {
		for text := range strings.SplitSeq(item, ",") {
			text = strings.TrimSpace(text)
			switch {
			case text == "":
			case text == unixPeer:
				set.Unix = true
			default:
				prefix, err := parsePrefix(text)
				if err != nil {
					errs = append(errs, err)
					continue
				}
				set.Prefixes = append(set.Prefixes, prefix)
			}
		}
	}
	return set, errors.Join(errs...)
}

func parsePrefix(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q is no address, CIDR or %q", text, unixPeer)
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no address, CIDR or %q", text, unixPeer)
	}
	if addr := prefix.Addr(); addr.Is4In6() {
		if prefix.Bits() < 96 {
			return netip.Prefix{}, fmt.Errorf("%q is wider than the IPv4-mapped addresses", text)
		}
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), nil
}

// Empty reports whether nothing is in the set.
func (a Addresses) Empty() bool { return len(a.Prefixes) == 0 && !a.Unix }

// privateNetworks count as NLB addresses where no set is given, but for
// loopback: RFC 1918, RFC 6598, RFC 4193, link-local and loopback, in both
// families.
var privateNetworks = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("fc00::/7"),
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("::1/128"),
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// shared is the address space of RFC 6598, which no method of netip.Addr knows.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// IsPrivate reports whether addr, which must be unmapped, lies in a private
// network: RFC 1918, RFC 6598, RFC 4193, link-local or loopback.
func IsPrivate(addr netip.Addr) bool {
	return addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || shared.Contains(addr)
}

// sets holds the three address sets as one table: the longest prefix decides.
type sets struct {
	table    bart.Table[class]
	nodes    map[netip.Addr]string // discovered NLB nodes, with the names of their NLBs
	unix     bool                  // peers on Unix-domain sockets are trusted
	inferred bool                  // the NLB's are not known; private addresses count as such
	cdn      bool                  // a CDN's network is trusted: one may stand before the NLB

	nlbGiven, trustedGiven bool // the set was given, or discovered
}

func newSets(c Config) (*sets, error) {
	none := c.NLB.Empty() && c.Trusted.Empty() && len(c.Nodes) == 0
	s := &sets{
		unix:     c.Trusted.Unix || c.NLB.Unix,
		inferred: c.NLBUnknown || none && !c.Complete,
		nodes:    make(map[netip.Addr]string, len(c.Nodes)),

		nlbGiven:     !c.NLB.Empty() || len(c.Nodes) > 0,
		trustedGiven: !c.Trusted.Empty() || none && c.Complete, // that there is no proxy is an answer too
	}
	if s.inferred {
		for _, p := range privateNetworks {
			s.table.Insert(p, supposedNLB)
		}
		for _, p := range loopback {
			s.table.Insert(p, strangerProxy) // no NLB connects from there
		}
	}
	return s, errors.Join(s.addGiven(c), s.addNodes(c.Nodes))
}

// addGiven adds the three sets of the configuration. An internal network may be
// one of the inferred ones as a whole.
func (s *sets) addGiven(c Config) error {
	var errs []error
	given := map[netip.Prefix]class{}
	add := func(p netip.Prefix, as class) {
		if !p.IsValid() || p.Addr().Is4In6() {
			errs = append(errs, fmt.Errorf("prefix %v cannot match: see ParseAddresses", p))
			return
		}
		p = p.Masked()
		if was, ok := given[p]; ok && was.isProxy() != as.isProxy() {
			errs = append(errs, fmt.Errorf("%s is given as a proxy and as internal", p))
		}
		given[p] = as
		s.table.Insert(p, as)
	}
	for _, p := range c.Internal.Prefixes {
		add(p, internal)
	}
	for _, p := range c.Trusted.Prefixes {
		if mayBeCDN(p) {
			s.cdn = true
			add(p, cdn)
			continue
		}
		add(p, trusted)
	}
	// NLB comes last: a network that is in both sets is the NLB's.
	for _, p := range c.NLB.Prefixes {
		if p.IsSingleIP() || s.trustedGiven {
			add(p, nlbNode) // the edge's tasks are in the other set
			continue
		}
		add(p, nlb)
	}
	return errors.Join(errs...)
}

// addNodes adds discovered nodes of the NLB. Nobody wrote them down, so they
// contradict no setting: they decide.
func (s *sets) addNodes(nodes map[netip.Addr]string) error {
	var errs []error
	for addr, name := range nodes {
		addr = addr.Unmap()
		if !addr.IsValid() || addr.Zone() != "" {
			errs = append(errs, fmt.Errorf("a node of the NLB %q has no address", name))
			continue
		}
		s.nodes[addr] = name
		s.table.Insert(netip.PrefixFrom(addr, addr.BitLen()), nlbNode)
	}
	return errors.Join(errs...)
}

// mayBeCDN reports whether a trusted prefix is one that a CDN can have: a
// public one. Of IPv6 the addresses inside a VPC are public as well, but its
// subnets are /64, and CDNs announce wider networks.
func mayBeCDN(p netip.Prefix) bool {
	const subnetOfVPC = 64
	return p.IsValid() && !IsPrivate(p.Addr()) && (p.Addr().Is4() || p.Bits() < subnetOfVPC)
}

// writesHeaders reports whether a hop of the class vouches for the forwarded
// headers that came from it. An NLB node does not write any: behind one, and
// with no CDN configured in front, they are the visitor's own. Of a whole
// subnet that alone was given this cannot be said, since it may hold the edge's
// tasks too. A supposed NLB vouches for nothing.
func (s *sets) writesHeaders(c class) bool {
	switch c {
	case trusted, cdn, nlb:
		return true
	case nlbNode:
		return s.cdn
	}
	return false
}

// classOf returns the class of addr, which must be unmapped.
func (s *sets) classOf(addr netip.Addr) class {
	c, _ := s.table.Lookup(addr)
	return c
}

// nlbName returns the name of the NLB that h is a discovered node of; empty if
// it is none.
func (s *sets) nlbName(h hop) string {
	if h.class != nlbNode {
		return ""
	}
	return s.nodes[h.addr]
}
