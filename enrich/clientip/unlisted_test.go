package clientip_test

import (
	"testing"

	"clearhop/enrich/clientip"
)

// TestUnlistedNode: an address that does what only a node of the NLB does, and
// that the sets given do not hold. It is never a client, and never vouched for.
func TestUnlistedNode(t *testing.T) {
	f := checker(t, chain())
	// The PROXY protocol names a client: nginx believed the node, or did not.
	f(`R=210.227.0.10 RR=10.77.2.11 PP=210.227.0.10 XFF=- XRI=-`,
		`direct unlisted_node 210.227.0.10 proxy_protocol_addr unvouched via 10.77.2.11 also past_the_nlb`)
	f(`R=10.77.2.11 RR=10.77.2.11 PP=210.227.0.10 XFF=- XRI=-`,
		`forwarded unlisted_node 210.227.0.10 proxy_protocol_addr unvouched nlb via 10.77.2.11 also realip_not_applied past_the_nlb`)
	f(`R=10.77.2.11 RR=10.77.2.11 PP=210.227.0.10 XFF=6.6.6.6 XRI=- ua=ELB-HealthChecker/2.0`,
		`forwarded unlisted_node 210.227.0.10 proxy_protocol_addr unvouched nlb via 10.77.2.11 said 6.6.6.6 also realip_not_applied past_the_nlb`)
	f(`R=fd00::2:11 RR=fd00::2:11 PP=2001:db8:210::10`,
		`forwarded unlisted_node 2001:db8:210::10 proxy_protocol_addr unvouched nlb via fd00::2:11 also realip_not_applied past_the_nlb`)
	// nginx reads a header behind it.
	f(`R=6.6.6.6 RR=10.77.2.11 PP=210.227.0.10 XFF=6.6.6.6`,
		`forwarded unlisted_node 210.227.0.10 proxy_protocol_addr unvouched via 10.77.2.11 said 6.6.6.6 also trusts_too_much past_the_nlb`)
	// Where the peer is not logged, $remote_addr is the peer, unless a header
	// holds it.
	f(`R=10.77.2.11 PP=210.227.0.10 XFF=-`,
		`forwarded unlisted_node 210.227.0.10 proxy_protocol_addr unvouched nlb via 10.77.2.11 also realip_not_applied past_the_nlb`)
	f(`R=10.77.2.11 PP=210.227.0.10`,
		`forwarded unlisted_node 210.227.0.10 proxy_protocol_addr unvouched nlb via 10.77.2.11 also fields_disagree realip_not_applied past_the_nlb`)
	f(`R=10.77.2.11 PP=210.227.0.10 XFF=10.77.2.11`,
		`disputed fields_disagree@edge 210.227.0.10 proxy_protocol_addr unvouched said 10.77.2.11`)
	// Its health checks are no clients.
	f(`R=10.77.2.11 RR=10.77.2.11 PP=- XFF=- XRI=- ua=ELB-HealthChecker/2.0`,
		`health_check unlisted_node nlb via 10.77.2.11 also past_the_nlb`)
	f(`R=10.77.2.11 ua=ELB-HealthChecker/2.0`,
		`health_check unlisted_node nlb via 10.77.2.11 also past_the_nlb`)
	// Its PROXY protocol header is a request for an nginx that does not listen.
	f(`R=10.77.2.11 st=400 req="\x00"`,
		`lost unlisted_node nlb via 10.77.2.11 also proxy_protocol_not_listened past_the_nlb`)

	// Whoever is in a set is not unlisted, and neither is an ordinary client.
	f(`R=10.77.2.7 RR=10.16.1.11 PP=10.77.2.7 ua=ELB-HealthChecker/2.0`,
		`internal ok 10.77.2.7 proxy_protocol_addr via 10.16.1.11`)
	f(`R=10.77.2.11 RR=10.77.2.11 PP=- XFF=- XRI=- ua=curl/8.5.0`,
		`internal ok 10.77.2.11 remote_addr`)
	// Anybody outside can send the same.
	f(`R=9.9.9.9 RR=9.9.9.9 PP=- ua=ELB-HealthChecker/2.0`,
		`direct ok 9.9.9.9 remote_addr`)
	// nginx believed a private stranger: it may be a proxy that trusted lacks.
	f(`R=210.227.0.10 RR=10.16.1.99 PP=- XFF=210.227.0.10 XRI=-`,
		`disputed trusts_too_much 10.16.1.99 realip_remote_addr unvouched said 210.227.0.10 also unlisted_proxy`)
}

// TestUnlistedNodeWithoutTrusted: where no other proxy is given, a peer that
// passes on a health check may be the edge. One that speaks the PROXY protocol
// is none.
func TestUnlistedNodeWithoutTrusted(t *testing.T) {
	f := checker(t, clientip.Config{NLB: set("10.77.1.11")})
	f(`R=210.227.0.10 RR=10.77.2.11 PP=210.227.0.10 XFF=-`,
		`direct unlisted_node 210.227.0.10 proxy_protocol_addr unvouched via 10.77.2.11 also past_the_nlb`)
	f(`R=10.77.2.11 RR=10.77.2.11 PP=210.227.0.10`,
		`forwarded unlisted_node 210.227.0.10 proxy_protocol_addr unvouched nlb via 10.77.2.11 also realip_not_applied past_the_nlb`)
	f(`R=10.77.2.11 RR=10.77.2.11 PP=- ua=ELB-HealthChecker/2.0`,
		`health_check health_check via 10.77.2.11 also unlisted_node`)
	f(`R=210.227.0.10 RR=10.16.1.13 XFF=210.227.0.10`,
		`direct unlisted_proxy 210.227.0.10 remote_addr unvouched via 10.16.1.13 also trusts_too_much`)

	// Nobody said which the NLB's addresses are.
	f = checker(t, clientip.Config{Trusted: set("10.16.1.13")})
	f(`R=10.77.2.11 RR=10.77.2.11 PP=- ua=ELB-HealthChecker/2.0`,
		`internal ok 10.77.2.11 remote_addr`)
}

// TestHopOnThisHost: nobody outside connects from loopback. What comes from
// there and looks like a visitor's came through a proxy on nginx's own host.
func TestHopOnThisHost(t *testing.T) {
	const firefox = `ua=Mozilla/5.0`
	for _, c := range []clientip.Config{chain(), {NLB: set("10.16.1.11")}, {}} {
		f := checker(t, c)
		for _, local := range []string{"127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"} {
			shown := local
			if local == "::ffff:127.0.0.1" {
				shown = "127.0.0.1"
			}
			f(`R=`+local+` RR=`+local+` PP=- XFF=- XRI=- `+firefox,
				`lost edge_handed_on_nothing@edge via `+shown+` also proxy_protocol_off health_check`)
			// Who runs on the host itself is a client inside.
			f(`R=`+local+` RR=`+local+` PP=- XFF=- XRI=- ua=curl/8.5.0`, `internal ok `+shown+` remote_addr`)
			f(`R=`+local, `internal ok `+shown+` remote_addr`)
			f(`R=`+local+` RR=`+local+` PP=`+local+` XFF=- XRI=- ua=curl/8.5.0`, `internal ok `+shown+` remote_addr`)
			f(`R=`+local+` RR=`+local+` PP=- ua=ELB-HealthChecker/2.0`, `health_check health_check via `+shown)
		}
		// A hop that speaks TCP and writes no PROXY protocol, by a socket.
		f(`R=unix: RR=unix: PP=- XFF=- XRI=- `+firefox, `lost edge_handed_on_nothing@edge address unix: also health_check`)
	}
	f := checker(t, clientip.Config{NLB: set("10.16.1.11,10.16.1.12")})
	// The hop does not read the PROXY protocol, and names the NLB.
	for _, peer := range []string{"127.0.0.1", "::1", "127.0.0.2"} {
		f(`R=10.16.1.12 RR=`+peer+` PP=10.16.1.12 XFF=- XRI=- `+firefox,
			`lost proxy_protocol_off@edge nlb via 10.16.1.12 `+peer+` also private_link`)
		f(`R=203.0.113.9 RR=`+peer+` PP=203.0.113.9 XFF=- XRI=- `+firefox,
			`direct ok 203.0.113.9 proxy_protocol_addr unvouched via `+peer)
	}
	f(`R=10.16.1.12 RR=unix: PP=10.16.1.12 XFF=- XRI=- ua=curl/8.5.0`, `lost proxy_protocol_off@edge nlb via 10.16.1.12 also private_link`)
	f(`R=10.16.1.12 PP=10.16.1.12 XFF=- XRI=- ua=curl/8.5.0`, `lost proxy_protocol_off@edge nlb via 10.16.1.12 also private_link`)
	// A consumer of PrivateLink, straight from the NLB, may have a node's address.
	f(`R=10.16.1.12 RR=10.16.1.11 PP=10.16.1.12 XFF=- XRI=-`, `lost ok nlb via 10.16.1.12 10.16.1.11 also private_link`)
	// Without any set, the NLB's address is a private one.
	f = checker(t, clientip.Config{})
	f(`R=10.16.1.12 RR=127.0.0.1 PP=10.16.1.12 XFF=- XRI=-`, `lost proxy_protocol_off@edge nlb? via 10.16.1.12 127.0.0.1 also edge_handed_on_nothing private_link health_check`)
	// What the operator says of loopback holds.
	f = checker(t, clientip.Config{NLB: set("10.16.1.11"), Internal: set("127.0.0.0/8")})
	f(`R=127.0.0.1 RR=127.0.0.1 PP=- XFF=- XRI=- `+firefox, `internal ok 127.0.0.1 remote_addr`)
}

// TestSetsThatHoldVisitors: a set of proxies that holds a large part of the
// public addresses is refused, and so is one network in both sets.
func TestSetsThatHoldVisitors(t *testing.T) {
	const wide = " holds visitors' addresses too, and one that counts as a proxy's is never the client, and privacy does not hide it: give the proxies' own networks"
	const both = " is in nlb too, and a node of the NLB is no other proxy: give the nodes as single addresses, and the rest here"
	f := func(nlb, trusted, want string) {
		t.Helper()
		_, err := (&clientip.Settings{NLB: []string{nlb}, Trusted: []string{trusted}}).ReadChain()
		switch {
		case want == "" && err != nil:
			t.Errorf("nlb %s, trusted %s: %v", nlb, trusted, err)
		case want != "" && (err == nil || err.Error() != want):
			t.Errorf("nlb %s, trusted %s: got %v, want %s", nlb, trusted, err, want)
		}
	}
	for _, p := range []string{"0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/2", "10.0.0.0/7", "2000::/3", "2600::/12", "fc00::/6"} {
		f(p, "", "nlb: "+p+wide)
		f("", p, "trusted: "+p+wide)
	}
	f("", "0.0.0.0/0,::/0", "trusted: 0.0.0.0/0"+wide+"\ntrusted: ::/0"+wide)
	f("10.16.1.11", "10.0.0.0/8,fc00::/7,fe80::/10,104.16.0.0/13,2400:cb00::/32,unix:", "")
	f("10.16.1.11,10.16.2.0/24", "10.16.2.0/24,10.16.1.11", "trusted: 10.16.2.0/24"+both+"\ntrusted: 10.16.1.11"+both)
	f("10.16.1.0/24", "10.16.1.13,10.16.0.0/16", "")
	f("10.16.1.11", "::ffff:10.16.1.11", "trusted: 10.16.1.11"+both)
}
