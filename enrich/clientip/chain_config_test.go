package clientip_test

import (
	"encoding/json"
	"net/netip"
	"testing"

	"clearhop/enrich/clientip"
	"clearhop/verdict"

	"github.com/google/go-cmp/cmp"
)

// TestChainConfig: an empty chain has no proxy, and only an inferred one takes
// private addresses for the NLB's.
func TestChainConfig(t *testing.T) {
	node := map[netip.Addr]string{netip.MustParseAddr("10.16.1.11"): "shop-edge"}
	f := func(name string, chain clientip.Chain, inferred, peerIsProxy bool) {
		t.Helper()
		r, err := clientip.New(chain.Config())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		peer := netip.MustParseAddr("10.16.1.11")
		if r.Inferred() != inferred || r.IsProxy(peer) != peerIsProxy {
			t.Errorf("%s: inferred %t, %s is a proxy %t", name, r.Inferred(), peer, r.IsProxy(peer))
		}
		if !inferred && chain.IsProxy(peer) != peerIsProxy {
			t.Errorf("%s: the chain and the Resolver disagree about %s", name, peer)
		}
	}
	f("nothing is known", clientip.Chain{Inferred: true}, true, true)
	f("there is no proxy", clientip.Chain{}, false, false)
	f("only a client is known", clientip.Chain{Internal: set("10.16.1.11")}, false, false)
	f("another node is known", clientip.Chain{NLB: set("10.16.1.12")}, false, false)
	f("the node is known", clientip.Chain{NLB: set("10.16.1.11")}, false, true)
	f("the node was discovered", clientip.Chain{Nodes: node}, false, true)
	f("it is the edge's task", clientip.Chain{Trusted: set("10.16.1.0/24")}, false, true)
	f("nodes are still to be discovered", clientip.Chain{Trusted: set("10.16.1.13"), Inferred: true}, true, true)
}

// TestEmptyChainKeepsClients: with no proxy in the chain, a private peer is a
// client like any other.
func TestEmptyChainKeepsClients(t *testing.T) {
	chain := clientip.Chain{}
	r, err := clientip.New(chain.Config())
	if err != nil {
		t.Fatal(err)
	}
	var a clientip.Answer
	r.Resolve(&clientip.Evidence{RemoteAddr: clientip.Value{Text: []byte("10.16.1.11"), Logged: true}}, &a)
	if a.Client != netip.MustParseAddr("10.16.1.11") || a.Reason != verdict.OK {
		t.Errorf("the client is %v, %v", a.Client, a.Reason)
	}
}

func TestChainAllNLB(t *testing.T) {
	chain := clientip.Chain{
		NLB:   set("10.16.9.0/24"),
		Nodes: map[netip.Addr]string{netip.MustParseAddr("10.16.2.11"): "shop", netip.MustParseAddr("10.16.1.11"): "shop"},
	}
	if diff := cmp.Diff([]string{"10.16.9.0/24", "10.16.1.11", "10.16.2.11"}, chain.AllNLB().Texts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(chain.NLB.Prefixes); n != 1 {
		t.Errorf("the set NLB now has %d prefixes", n)
	}
}

func TestAddressesContains(t *testing.T) {
	f := func(items, addr string, want bool) {
		t.Helper()
		var a netip.Addr
		if addr != "" {
			a = netip.MustParseAddr(addr)
		}
		if got := set(items).Contains(a); got != want {
			t.Errorf("%q contains %q: %t", items, addr, got)
		}
	}
	f("", "10.0.0.1", false)
	f("10.0.0.1", "10.0.0.1", true)
	f("10.0.0.1", "10.0.0.2", false)
	f("10.0.0.0/30", "10.0.0.2", true)
	f("2001:db8::/32", "2001:db8::1", true)
	f("0.0.0.0/0,::/0", "", false)
	f("unix:", "10.0.0.1", false)
}

func TestAddressesJSON(t *testing.T) {
	f := func(in clientip.Addresses, want string) {
		t.Helper()
		type report struct {
			NLB clientip.Addresses `json:"nlb,omitzero"`
		}
		text, err := json.Marshal(report{in})
		if err != nil || string(text) != want {
			t.Errorf("got %s, %v; want %s", text, err, want)
		}
		var back report
		if err := json.Unmarshal(text, &back); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(in.Texts(), back.NLB.Texts()); diff != "" {
			t.Errorf("%s reads back as (-want +got):\n%s", text, diff)
		}
	}
	f(clientip.Addresses{}, `{}`)
	f(clientip.Addresses{Prefixes: []netip.Prefix{}}, `{}`)
	f(set("10.16.1.11,10.0.0.0/8,2001:db8::/48,unix:"), `{"nlb":["10.16.1.11","10.0.0.0/8","2001:db8::/48","unix:"]}`)

	var a clientip.Addresses
	for _, bad := range []string{`"10.0.0.1"`, `["ten"]`, `[1]`} {
		if err := json.Unmarshal([]byte(bad), &a); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}
