package diagnose

import (
	"net/netip"
	"slices"
	"testing"

	"clearhop/enrich/clientip"
)

// TestUnlisted: what a survey finds and the sets given leave out. It joins the sets,
// unless it may be a client of your own.
func TestUnlisted(t *testing.T) {
	vpn := netip.MustParseAddr("10.16.9.9")
	roles := Roles{
		NLB: []Peer{
			{Address: node1, asPeer: 90}, {Address: node2, asPeer: 9}, {Address: vpn, asPeer: 80, byTraffic: true, UserAgents: 9},
			{Address: netip.MustParseAddr("10.16.9.1"), asPeer: 1},
			{Address: netip.MustParseAddr("10.16.9.3"), asPeer: 80, byTraffic: true, UserAgents: 4},
		},
		Edge: []Peer{{Address: edge1, asPeer: 50}, {Address: netip.MustParseAddr("10.16.9.2")}},
	}
	var given clientip.Chain
	given.NLB.Add(node1)
	given.Trusted.Add(netip.MustParseAddr("10.16.1.14"))
	f := func(name string, c Config, nlb, edge, chain []string) {
		t.Helper()
		texts := func(peers []Peer) (list []string) {
			for _, p := range peers {
				list = append(list, p.Address.String())
			}
			return list
		}
		before := c.Chain.NLB.Texts()
		got := c.WithRoles(roles)
		if !slices.Equal(texts(got.Unlisted.NLB), nlb) || !slices.Equal(texts(got.Unlisted.Edge), edge) || !slices.Equal(got.Chain.NLB.Texts(), chain) {
			t.Errorf("%s: unlisted %v %v, the NLB is %v", name, texts(got.Unlisted.NLB), texts(got.Unlisted.Edge), got.Chain.NLB.Texts())
		}
		if !slices.Equal(c.Chain.NLB.Texts(), before) {
			t.Errorf("%s: the sets given are %v now", name, c.Chain.NLB.Texts())
		}
	}
	f("the NLB was given", Config{Chain: given, GivenNLB: true}, []string{"10.16.2.11", "10.16.9.9"}, nil, []string{"10.16.1.11", "10.16.2.11", "10.16.9.9"})
	f("both were given", Config{Chain: given, GivenNLB: true, GivenTrusted: true}, []string{"10.16.2.11", "10.16.9.9"}, []string{"10.16.1.13"}, []string{"10.16.1.11", "10.16.2.11", "10.16.9.9"})
	f("nothing was given", Config{}, nil, nil, []string{"10.16.1.11", "10.16.2.11", "10.16.9.9", "10.16.9.1", "10.16.9.3"})
	f("the nodes are to be discovered", Config{Chain: clientip.Chain{Inferred: true}, GivenNLB: true}, nil, nil, nil)
	inside := given
	inside.Internal.Prefixes = append(inside.Internal.Prefixes, netip.MustParsePrefix("10.16.9.0/24"))
	both := given
	both.NLB.Add(node2)
	f("only the number of requests shows it", Config{Chain: both, GivenNLB: true}, []string{"10.16.9.9"}, nil, []string{"10.16.1.11", "10.16.2.11"})
	f("the VPN is named", Config{Chain: inside, GivenNLB: true}, []string{"10.16.2.11"}, nil, []string{"10.16.1.11", "10.16.2.11"})
}
