package clientip_test

import (
	"net/netip"
	"testing"

	"clearhop/enrich/clientip"
)

// discovered is c with its NLB addresses discovered, not given.
func discovered(c clientip.Config) clientip.Config {
	c.Nodes = map[netip.Addr]string{}
	for _, p := range c.NLB.Prefixes {
		c.Nodes[p.Addr()] = "shop-edge"
	}
	c.NLB = clientip.Addresses{}
	return c
}

// notDiscovered is a chain whose NLB was to be discovered and was not.
func notDiscovered() clientip.Config {
	return clientip.Config{Trusted: set("10.16.1.13"), Internal: set("10.16.1.99"), NLBUnknown: true}
}

// TestDiscoveredIsAsGood: a node that was discovered says as much as a single
// address that was given.
func TestDiscoveredIsAsGood(t *testing.T) {
	for _, c := range []clientip.Config{chain(), withCDN()} {
		given, found := resolver(t, c), resolver(t, discovered(c))
		var want, got clientip.Answer
		n := 0
		for _, remote := range addresses {
			for _, realip := range addresses {
				for _, proxy := range addresses {
					for _, xff := range headers {
						n++
						if n%7 != 0 {
							continue
						}
						e := clientip.Evidence{RemoteAddr: value(remote), RealipRemoteAddr: value(realip), ProxyProtocolAddr: value(proxy), XForwardedFor: value(xff)}
						given.Resolve(&e, &want)
						found.Resolve(&e, &got)
						if answer(&got) != answer(&want) || want.NLB != "" {
							t.Fatalf("%s: discovered %s, given %s", printEvidence(&e), answer(&got), answer(&want))
						}
					}
				}
			}
		}
	}
}

// TestNLB: the name is that of the peer, or else of $remote_addr.
func TestNLB(t *testing.T) {
	r := resolver(t, clientip.Config{
		NLB: set("10.16.1.0/28"), Trusted: set("10.16.1.13,10.16.1.31"), Internal: set("10.16.1.41"),
		Nodes: map[netip.Addr]string{
			netip.MustParseAddr("10.16.1.11"):        "shop",
			netip.MustParseAddr("::ffff:10.16.1.21"): "pay",
			netip.MustParseAddr("2001:db8::11"):      "shop",
			netip.MustParseAddr("10.16.1.31"):        "", // of two NLBs
			netip.MustParseAddr("10.16.1.41"):        "old",
		},
	})
	var a clientip.Answer
	f := func(fields, want string) {
		t.Helper()
		r.Resolve(evidence(t, fields), &a)
		if a.NLB != want {
			t.Errorf("%s: %q, want %q (%s)", fields, a.NLB, want, answer(&a))
		}
	}
	f(`R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10`, "shop")
	f(`R=10.16.1.11 RR=10.16.1.11 PP=-`, "shop")
	f(`R=10.16.1.11`, "shop")
	f(`R=::ffff:10.16.1.11`, "shop")
	f(`R=2001:db8::11 RR=2001:db8::11`, "shop")
	f(`R=10.16.1.21 RR=10.16.1.13 XFF=10.16.1.21`, "pay") // the edge handed the NLB on
	f(`R=10.16.1.21 RR=10.16.1.11 XFF=10.16.1.21`, "shop")
	f(`R=10.16.1.12 RR=10.16.1.12`, "") // of the given subnet
	f(`R=10.16.1.13 RR=10.16.1.13 XFF=10.16.1.11`, "")
	f(`R=210.227.0.10`, "")
	f(`R=210.227.0.10 RR=9.9.9.9 PP=10.16.1.11`, "")
	f(`R=junk`, "")
	f(`R=10.16.1.31`, "") // a node all the same
	if a.Client.IsValid() || !a.NLBPrivateIP {
		t.Errorf("a node without a name is no proxy: %s", answer(&a))
	}
	f(`R=10.16.1.41`, "old") // although it was given as internal
	if a.Client.IsValid() || a.NLBInferred {
		t.Errorf("a node is a client: %s", answer(&a))
	}
	if r.Inferred() {
		t.Error("what was discovered counts as inferred")
	}
	if _, err := clientip.New(clientip.Config{Nodes: map[netip.Addr]string{{}: "shop"}}); err == nil {
		t.Error("a node without an address is none")
	}
}

// TestRuleNLBUnknown: until the nodes are known, no address that may be one of
// theirs is the client; what is given holds.
func TestRuleNLBUnknown(t *testing.T) {
	c := notDiscovered()
	c.NLB = set("10.16.1.12,10.16.2.0/28")
	f := checker(t, c)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=- XRI=-`,
		`lost proxy_protocol_off@edge nlb? via 10.16.1.11 also edge_handed_on_nothing private_link health_check`)
	f(`R=10.16.1.12 RR=10.16.1.12 PP=- XFF=- XRI=-`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.12 also private_link health_check`)
	f(`R=10.16.2.1 RR=10.16.2.1 PP=- XFF=210.227.0.10`,
		`forwarded proxy_protocol_off@edge 210.227.0.10 http_x_forwarded_for unvouched nlb via 10.16.2.1 also private_link health_check`)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for unvouched nlb? via 10.16.1.11`)
	f(`R=10.16.1.13 RR=10.16.1.13 XFF=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for via 10.16.1.13`)
	f(`R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10`,
		`direct ok 210.227.0.10 proxy_protocol_addr via 10.16.1.11`)
	f(`R=10.16.1.99`,
		`internal ok 10.16.1.99 remote_addr`)
	// By PrivateLink a private client is none of the supposed nodes, but a
	// proxy that was given stays one.
	f(`R=10.7.7.7 RR=10.16.1.11 PP=10.7.7.7 vpce=vpce-1`,
		`internal private_link 10.7.7.7 proxy_protocol_addr via 10.16.1.11`)
	r := resolver(t, c)
	var a clientip.Answer
	r.Resolve(evidence(t, `R=10.16.1.12 RR=10.16.1.11 PP=10.16.1.12 vpce=vpce-1`), &a)
	if a.Client.IsValid() {
		t.Errorf("a given node is the client: %s", answer(&a))
	}
	if !r.Inferred() {
		t.Error("nothing says that the NLB is not known")
	}
}

// TestNodesInErrorLines: the peer of an error line is judged by the same nodes.
func TestNodesInErrorLines(t *testing.T) {
	f := func(c clientip.Config, want, nlb string) {
		t.Helper()
		e := clientip.ErrorEvidence{Client: []byte("10.16.1.11"), Message: []byte(`broken header: "GET / HTTP/1.1`), Action: []byte("reading PROXY protocol")}
		var a clientip.Answer
		if !resolver(t, c).ResolveError(&e, &a) || answer(&a) != want || a.NLB != nlb {
			t.Errorf("got %s of %q, want %s of %q", answer(&a), a.NLB, want, nlb)
		}
	}
	f(discovered(chain()), "lost proxy_protocol_not_sent@edge nlb via 10.16.1.11", "shop-edge")
	f(notDiscovered(), "lost proxy_protocol_not_sent@edge nlb? via 10.16.1.11", "")
	given := notDiscovered()
	given.NLB = set("10.16.1.11")
	f(given, "lost proxy_protocol_not_sent@edge nlb via 10.16.1.11", "")
}
