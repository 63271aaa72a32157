package clientip

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"clearhop/internal/setting"
	"clearhop/verdict"
)

// Settings are what the operator writes about the chain of proxies. The command
// reads them from flags, the functions from the environment; package pipeline
// has their help.
type Settings struct {
	NLB          []string      `name:"nlb" env:"CLEARHOP_NLB" placeholder:"CIDR"`
	NLBRefresh   time.Duration `name:"nlb-refresh" env:"CLEARHOP_NLB_REFRESH" default:"5m" placeholder:"DURATION"`
	Trusted      []string      `name:"trusted" env:"CLEARHOP_TRUSTED" placeholder:"CIDR"`
	Internal     []string      `name:"internal" env:"CLEARHOP_INTERNAL" placeholder:"CIDR"`
	Strict       bool          `name:"strict" env:"CLEARHOP_STRICT"`
	HealthPath   []string      `name:"health-path" env:"CLEARHOP_HEALTH_PATH" placeholder:"PATH"`
	ClientFields []string      `name:"client-fields" env:"CLEARHOP_CLIENT_FIELDS" default:"proxy_protocol_addr,http_x_forwarded_for,http_x_real_ip" placeholder:"FIELD"`
}

// A Discovery says which NLBs' nodes are to be looked up, and how often.
type Discovery struct {
	// Wanted is false where the settings give all addresses themselves.
	Wanted bool
	// Names are those of the NLBs. None means all NLBs of the region.
	Names []string
	// Refresh is the longest time until the nodes are looked up again; 0 means
	// that one successful look is enough.
	Refresh time.Duration
}

// Read reads the texts of s. Where chain is set, the addresses are its own, and
// those in s are not read. The Config holds no discovered nodes but the chain's.
// The error joins one for each text that is wrong, with the name of its setting;
// what could be read is returned all the same.
func (s *Settings) Read(chain *Chain) (Config, Discovery, error) {
	var errs []error
	if chain == nil {
		read, err := s.ReadChain()
		chain, errs = &read, append(errs, err)
	}
	c := chain.Config()
	c.Strict, c.HealthPaths = s.Strict, s.HealthPath
	for _, name := range s.ClientFields {
		name = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(name), "$"))
		c.Fields = append(c.Fields, verdict.Field(name))
	}
	_, discovery := s.splitNLB()
	if discovery.Wanted && discovery.Refresh < 0 {
		errs = append(errs, setting.Error("nlb-refresh", fmt.Errorf("%v is negative", discovery.Refresh)))
	}
	return c, discovery, errors.Join(errs...)
}

// ReadChain reads the addresses in the settings nlb, trusted and internal. Where
// nlb names NLBs whose nodes are to be discovered, the chain is Inferred. The
// error joins one for each text that is wrong, with the name of its setting.
func (s *Settings) ReadChain() (Chain, error) {
	var errs []error
	set := func(name string, items []string, check func(Addresses) error) Addresses {
		addresses, err := ParseAddresses(items...)
		errs = append(errs, setting.Error(name, err), setting.Error(name, check(addresses)))
		return addresses
	}
	nlb, discovery := s.splitNLB()
	c := Chain{NLB: set("nlb", nlb, refuseVisitors)}
	c.Trusted = set("trusted", s.Trusted, func(trusted Addresses) error {
		return errors.Join(refuseVisitors(trusted), refuseBoth(c.NLB, trusted))
	})
	c.Internal = set("internal", s.Internal, func(Addresses) error { return nil })
	c.Inferred = discovery.Wanted || c.NLB.Empty() && c.Trusted.Empty()
	return c, errors.Join(errs...)
}

// The widest public networks that a set of proxies may hold, as the bits of
// their prefixes. No CDN has a wider one.
const (
	widestIPv4 = 8
	widestIPv6 = 16
)

// refuseVisitors refuses a set of proxies that holds a large part of the public
// addresses. It is no warning: the functions have nobody to warn, and every
// visitor in such a set could name any client.
func refuseVisitors(set Addresses) error {
	var errs []error
	for _, p := range set.Prefixes {
		widest := widestIPv6
		if p.Addr().Is4() {
			widest = widestIPv4
		}
		if p.Bits() < widest && !isPrivateNetwork(p) {
			errs = append(errs, fmt.Errorf("%s holds visitors' addresses too, and one that counts as a proxy's is never the client, and privacy does not hide it: give the proxies' own networks", p))
		}
	}
	return errors.Join(errs...)
}

// isPrivateNetwork reports whether every address of p is private.
func isPrivateNetwork(p netip.Prefix) bool {
	return slices.ContainsFunc(privateNetworks, func(private netip.Prefix) bool {
		return private.Bits() <= p.Bits() && private.Contains(p.Addr())
	})
}

// refuseBoth refuses a network that both sets hold: an NLB writes no header and
// the other proxies do, so that nobody can know what its hosts are. A network
// inside one of the other set is fine.
func refuseBoth(nlb, trusted Addresses) error {
	var errs []error
	for _, p := range trusted.Prefixes {
		if slices.Contains(nlb.Prefixes, p) {
			errs = append(errs, fmt.Errorf("%s is in nlb too, and a node of the NLB is no other proxy: give the nodes as single addresses, and the rest here", Addresses{Prefixes: []netip.Prefix{p}}.Texts()[0]))
		}
	}
	return errors.Join(errs...)
}

// splitNLB separates the addresses of the setting nlb from the NLBs whose nodes
// are to be discovered. "discover" alone asks for all NLBs, whatever names stand
// beside it.
func (s *Settings) splitNLB() (addresses []string, d Discovery) {
	const word = "discover"
	all := false
	for _, item := range s.NLB {
		for text := range strings.SplitSeq(item, ",") {
			text = strings.TrimSpace(text)
			if name, ok := strings.CutPrefix(text, word+":"); ok {
				d.Names = append(d.Names, name)
			} else if text == word {
				all = true
			} else {
				addresses = append(addresses, text)
			}
		}
	}
	d.Wanted = all || len(d.Names) > 0
	d.Refresh = s.NLBRefresh
	if all {
		d.Names = nil
	}
	return addresses, d
}
