package clientip

import (
	"errors"
	"fmt"
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
	set := func(name string, items []string) Addresses {
		addresses, err := ParseAddresses(items...)
		errs = append(errs, setting.Error(name, err))
		return addresses
	}
	nlb, discovery := s.splitNLB()
	c := Chain{NLB: set("nlb", nlb), Trusted: set("trusted", s.Trusted), Internal: set("internal", s.Internal)}
	c.Inferred = discovery.Wanted || c.NLB.Empty() && c.Trusted.Empty()
	return c, errors.Join(errs...)
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
