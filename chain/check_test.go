package chain_test

import (
	"net/netip"
	"strings"
	"testing"

	"clearhop/check"
	"clearhop/diagnose"
	"clearhop/enrich/clientip"
	"clearhop/hop"
	"clearhop/nginxconf"
)

// checked returns the scenario's chain as clearhop check takes it.
func (s *scenario) checked(t testing.TB) *check.Chain {
	t.Helper()
	confs := s.confs(t)
	names := []string{"edge", "web"}
	if s.mid {
		names = []string{"edge", "mid", "web"}
		confs["edge"] = strings.Replace(confs["edge"], "server    10.16.1.14:80;", "server    "+mid4.String()+":80;", 1)
	}
	c := &check.Chain{NLB: hop.NLB{Addresses: []netip.Addr{nlb4, nlb6}}}
	if s.ipv6Target {
		c.NLB.Addresses = []netip.Addr{nlb6}
	}
	for _, name := range names {
		conf, err := nginxconf.Parse(&nginxconf.File{Name: name + ".conf", Text: []byte(confs[name])}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Confs = append(c.Confs, conf)
	}
	var err error
	if c.Trusted, err = clientip.ParseAddresses(edge4.String(), edge6.String()); err != nil {
		t.Fatal(err)
	}
	switch s.nlb {
	case proxyProtocol2, proxyProtocol1: // nginx reads both alike
		c.NLB.ProxyProtocolV2 = true
	case sourceKept:
		c.NLB.PreserveClientIP = true
	case keptAndProxied:
		c.NLB.ProxyProtocolV2, c.NLB.PreserveClientIP = true, true
	}
	return c
}

// TestChecked holds the check of a chain that does not serve yet to what the chain logged
// when it did: a broken one is named broken, and the changes put it right.
func TestChecked(t *testing.T) {
	for i := range scenarios {
		s := &scenarios[i]
		if strings.HasPrefix(s.name, "cdn") || s.name == "scanners-no-error-page" {
			continue // neither a CDN nor a scanner is simulated
		}
		t.Run(s.name, func(t *testing.T) {
			r, err := check.Run(s.checked(t))
			if err != nil {
				t.Fatal(err)
			}
			// The proxy between the two hops logs the edge's address. The scenario does not
			// judge its log, and the check does.
			if healthy := s.healthy && !s.mid; healthy != (r.State == diagnose.Healthy) {
				t.Errorf("state %s: %+v", r.State, r.Visitors)
			}
			if r.State == diagnose.Broken && !r.Fixed {
				t.Errorf("the changes do not put it right")
			}
		})
	}
}
