package clientip_test

import (
	"strings"
	"testing"

	"clearhop/enrich/clientip"
	"clearhop/verdict"
)

// Rule 1: the NLB stands behind the PROXY protocol if the peer is a proxy.
func TestRuleProxyProtocol(t *testing.T) {
	f := checker(t, chain())
	f(`R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10 XFF=- XRI=-`,
		`direct ok 210.227.0.10 proxy_protocol_addr via 10.16.1.11`)
	f(`R=2001:db8:210::10 RR=10.16.1.11 PP=2001:db8:210::10 XFF=- XRI=-`,
		`direct ok 2001:db8:210::10 proxy_protocol_addr via 10.16.1.11`)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 XFF=- XRI=-`,
		`forwarded realip_not_applied@edge 210.227.0.10 proxy_protocol_addr nlb via 10.16.1.11`)
	f(`R=10.16.1.11 PP=210.227.0.10`,
		`forwarded realip_not_applied@edge 210.227.0.10 proxy_protocol_addr nlb via 10.16.1.11`)
	// nginx asks set_real_ip_from before it takes the address over.
	f(`R=210.227.0.10 PP=210.227.0.10`,
		`direct ok 210.227.0.10 proxy_protocol_addr`)
	// The peer is unknown, and nothing shows that it is the NLB.
	f(`R=9.9.9.9 PP=210.227.0.10`,
		`disputed fields_disagree@edge 210.227.0.10 proxy_protocol_addr unvouched`)
	// A peer that is no proxy can send any PROXY protocol header.
	f(`R=9.9.9.9 RR=9.9.9.9 PP=6.6.6.6 XFF=-`,
		`direct client_sent_forwarded_for 9.9.9.9 remote_addr said 6.6.6.6`)
	f(`R=6.6.6.6 RR=9.9.9.9 PP=6.6.6.6`,
		`disputed trusts_too_much 9.9.9.9 realip_remote_addr said 6.6.6.6`)
}

// Rule 2: $remote_addr that is no proxy is the client, unless nginx believed
// too much.
func TestRuleRemoteAddr(t *testing.T) {
	f := checker(t, chain())
	f(`R=210.227.0.10`,
		`direct ok 210.227.0.10 remote_addr`)
	f(`R=210.227.0.10 RR=210.227.0.10 PP=- XFF=- XRI=-`,
		`direct ok 210.227.0.10 remote_addr`)
	f(`R=210.227.0.10 RR=10.16.1.13 XFF="210.227.0.10" XRI="210.227.0.10"`,
		`direct ok 210.227.0.10 remote_addr via 10.16.1.13`)
	f(`R=210.227.0.10 RR=10.16.1.14 XFF="6.6.6.6, 210.227.0.10, 10.16.1.13" XRI=-`,
		`direct client_sent_forwarded_for 210.227.0.10 remote_addr via 10.16.1.13 10.16.1.14 said 6.6.6.6`)
	f(`R=::ffff:210.227.0.10 RR=::ffff:10.16.1.13 XFF=::ffff:210.227.0.10`,
		`direct ok 210.227.0.10 remote_addr via 10.16.1.13`)
	// Only X-Real-IP decided.
	f(`R=210.227.0.10 RR=10.16.1.13 XFF=- XRI=210.227.0.10`,
		`direct ok 210.227.0.10 remote_addr via 10.16.1.13`)
	// The visitor sent the same address in both headers, and the edge put the
	// NLB's behind it: one claim does not vouch for the other.
	f(`R=6.6.6.6 RR=10.16.1.13 PP=- XFF="6.6.6.6, 10.16.1.11" XRI=6.6.6.6`,
		`disputed trusts_too_much@web 6.6.6.6 remote_addr unvouched via 10.16.1.11 10.16.1.13 also edge_handed_on_proxy`)
	f(`R=10.16.1.13 RR=10.16.1.13 PP=- XFF="6.6.6.6, 10.16.1.11" XRI=6.6.6.6`,
		`forwarded edge_handed_on_proxy@edge 6.6.6.6 http_x_real_ip unvouched via 10.16.1.11 10.16.1.13 also proxy_protocol_off`)
	// A private address outside the sets is a client inside.
	f(`R=10.16.2.7 RR=10.16.1.11 PP=10.16.2.7`,
		`internal ok 10.16.2.7 proxy_protocol_addr via 10.16.1.11`)
	f(`R=192.168.7.7`,
		`internal ok 192.168.7.7 remote_addr`)
}

// Rule 3: where $remote_addr is a proxy, the headers are asked in their order.
func TestRuleHeaders(t *testing.T) {
	f := checker(t, chain())
	f(`R=10.16.1.13 RR=10.16.1.13 XFF=210.227.0.10 XRI=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for via 10.16.1.13`)
	f(`R=10.16.1.13 XFF=210.227.0.10 XRI=-`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for via 10.16.1.13`)
	f(`R=10.16.1.13 XFF=- XRI=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_real_ip via 10.16.1.13`)
	f(`R=10.16.1.13 XFF="10.16.1.11" XRI=210.227.0.10`,
		`forwarded edge_handed_on_proxy@edge 210.227.0.10 http_x_real_ip via 10.16.1.11 10.16.1.13 also proxy_protocol_off`)
	f(`R=10.16.1.13 XFF="unknown" XRI=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_real_ip via 10.16.1.13 said unknown`)
	f(`R=10.16.1.13 XFF=210.227.0.10:4711`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for via 10.16.1.13`)
	f(`R=10.16.1.13 XFF=[2001:db8:210::10]:4711`,
		`forwarded realip_not_applied@web 2001:db8:210::10 http_x_forwarded_for via 10.16.1.13`)
	// X-Real-IP may hold a list: nginx takes the last.
	f(`R=10.16.1.13 XRI="6.6.6.6, 210.227.0.10"`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_real_ip via 10.16.1.13`)
	// Two proxies and real_ip_recursive off.
	f(`R=10.16.1.13 RR=10.16.1.14 XFF="210.227.0.10, 10.16.1.13"`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for via 10.16.1.13 10.16.1.14`)
	f(`R=10.16.1.14 RR=10.16.1.14 XFF="6.6.6.6, 210.227.0.10, 10.16.1.13"`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for via 10.16.1.13 10.16.1.14 said 6.6.6.6`)
}

func TestReasonNotAnAddress(t *testing.T) {
	f := checker(t, chain())
	f(`R=***`,
		`unreadable not_an_address address ***`)
	f(`R=- XFF=- XRI=-`,
		`unreadable not_an_address`)
	f(`R=*** XFF=junk`,
		`unreadable not_an_address address *** said junk`)
	f(`XFF=-`,
		`unreadable not_an_address`)
	// Another field gives the client.
	f(`R=*** RR=10.16.1.13 XFF=210.227.0.10`,
		`forwarded ok 210.227.0.10 http_x_forwarded_for via 10.16.1.13`)
	f(`R=*** XFF=210.227.0.10`,
		`forwarded ok 210.227.0.10 http_x_forwarded_for unvouched`)
	f(`XFF=- XRI=210.227.0.10`,
		`forwarded ok 210.227.0.10 http_x_real_ip unvouched`)
	f(`R=*** RR=10.16.1.11 PP=210.227.0.10`,
		`forwarded ok 210.227.0.10 proxy_protocol_addr via 10.16.1.11`)
	f(`R=*** PP=210.227.0.10`,
		`forwarded ok 210.227.0.10 proxy_protocol_addr unvouched`)
	f(`R=*** RR=210.227.0.10 XFF=6.6.6.6`,
		`forwarded client_sent_forwarded_for 210.227.0.10 realip_remote_addr said 6.6.6.6`)
	// Or a proxy only.
	f(`R=*** XFF=10.16.1.11`,
		`lost not_an_address address *** via 10.16.1.11`)
	f(`R=*** XRI=10.16.1.11`,
		`lost not_an_address address ***`)
	f(`R=*** PP=10.16.1.11`,
		`lost not_an_address address *** via 10.16.1.11`)
	// A masked address is an address.
	f(`R=210.227.0.0`,
		`direct ok 210.227.0.0 remote_addr`)
	f(`R=10.16.1.0 XFF=210.227.0.0`,
		`internal client_sent_forwarded_for 10.16.1.0 remote_addr said 210.227.0.0`)
	// A log that masks addresses does not hide the fault.
	f(`R=*** st=400 req="\x00"`,
		`unreadable proxy_protocol_not_listened@edge address ***`)
}

// A probe has nobody behind the load balancer; a visitor can send the same user
// agent.
func TestReasonHealthCheck(t *testing.T) {
	f := checker(t, func() clientip.Config { c := chain(); c.HealthPaths = []string{"/healthz"}; return c }())
	f(`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=- XRI=- ua=ELB-HealthChecker/2.0 st=200`,
		`health_check health_check nlb via 10.16.1.11`)
	f(`R=10.16.1.11 ua=ELB-HealthChecker/2.0`,
		`health_check health_check nlb via 10.16.1.11`)
	f(`R=10.16.1.11 path=/healthz`,
		`health_check health_check nlb via 10.16.1.11`)
	f(`R=10.16.1.13 path=/healthz XFF=10.16.1.11`,
		`health_check health_check via 10.16.1.11 10.16.1.13`)
	f(`R=10.16.1.11 path=/healthz/x PP=-`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 also private_link`)
	f(`R=10.16.1.11 ua=Mozilla/5.0 PP=-`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 also private_link`)
	// A browser asks for the path as well, and must not hide the fault.
	f(`R=10.16.1.11 path=/healthz PP=- ua=Mozilla/5.0`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 also private_link`)
	f(`R=10.16.1.11 path=/healthz PP=- ua=curl/8`,
		`health_check health_check nlb via 10.16.1.11`)
	// It has a client.
	f(`R=10.16.1.11 PP=210.227.0.10 ua=ELB-HealthChecker/2.0`,
		`forwarded realip_not_applied@edge 210.227.0.10 proxy_protocol_addr nlb via 10.16.1.11`)
	f(`R=10.16.1.13 XFF=210.227.0.10 ua=ELB-HealthChecker/2.0`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for via 10.16.1.13`)
	f(`R=10.16.1.13 XRI=210.227.0.10 path=/healthz`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_real_ip via 10.16.1.13`)
	f(`R=210.227.0.10 RR=10.16.1.11 ua=ELB-HealthChecker/2.0`,
		`direct ok 210.227.0.10 remote_addr via 10.16.1.11`)
	f(`R=210.227.0.10 RR=10.16.1.11 path=/healthz`,
		`direct ok 210.227.0.10 remote_addr via 10.16.1.11`)
	f(`R=210.227.0.10 RR=210.227.0.10 ua=ELB-HealthChecker/2.0`,
		`direct ok 210.227.0.10 remote_addr`)
	f(`R=210.227.0.10 path=/healthz`,
		`direct ok 210.227.0.10 remote_addr`)
}

func TestReasonProxyProtocolNotListened(t *testing.T) {
	f := checker(t, chain())
	f(`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=- XRI=- st=400 req="\x00"`,
		`lost proxy_protocol_not_listened@edge nlb via 10.16.1.11 also rejected_before_realip`)
	f(`R=10.16.1.11 st=400 req="\x00"`,
		`lost proxy_protocol_not_listened@edge nlb via 10.16.1.11 also rejected_before_realip`)
	f(`R=10.16.1.11 st=400 req="PROXY TCP4 210.227.0.10 10.16.1.11 53054 80"`,
		`lost proxy_protocol_not_listened@edge nlb via 10.16.1.11 said 210.227.0.10 also rejected_before_realip`)
	f(`R=10.16.1.11 st=400 req="PROXY TCP6 2001:db8:210::10 ::1 53054 80"`,
		`lost proxy_protocol_not_listened@edge nlb via 10.16.1.11 said 2001:db8:210::10 also rejected_before_realip`)
	f(`R=10.16.1.11 st=400 req="PROXY TCP4"`,
		`lost proxy_protocol_not_listened@edge nlb via 10.16.1.11 also rejected_before_realip`)
	// Client IP preservation and PROXY protocol at once.
	f(`R=210.227.0.10 RR=210.227.0.10 st=400 req="\x00"`,
		`direct ok 210.227.0.10 remote_addr also proxy_protocol_not_listened`)
	// None.
	f(`R=10.16.1.11 PP=210.227.0.10 st=400 req="\x00"`,
		`forwarded rejected_before_realip 210.227.0.10 proxy_protocol_addr nlb via 10.16.1.11 also realip_not_applied`)
	f(`R=10.16.1.11 st=400 req="\x00\x00"`,
		`lost rejected_before_realip nlb via 10.16.1.11 also proxy_protocol_off`)
	f(`R=10.16.1.11 st=400 req="\x16\x03\x01"`,
		`lost rejected_before_realip nlb via 10.16.1.11 also proxy_protocol_off`)
	f(`R=10.16.1.11 st=200 req="\x00"`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 also realip_not_applied private_link health_check`)
}

func TestReasonRejectedBeforeRealip(t *testing.T) {
	f := checker(t, chain())
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 st=400`,
		`forwarded rejected_before_realip 210.227.0.10 proxy_protocol_addr nlb via 10.16.1.11 also realip_not_applied`)
	f(`R=10.16.1.11 PP=210.227.0.10 st=408`,
		`forwarded rejected_before_realip 210.227.0.10 proxy_protocol_addr nlb via 10.16.1.11 also realip_not_applied`)
	f(`R=10.16.1.11 PP=- st=414`,
		`lost rejected_before_realip nlb via 10.16.1.11 also proxy_protocol_off`)
	f(`R=10.16.1.13 XFF=210.227.0.10 st=494`,
		`forwarded rejected_before_realip 210.227.0.10 http_x_forwarded_for via 10.16.1.13 also realip_not_applied`)
	f(`R=10.16.1.13 st=505`,
		`lost rejected_before_realip via 10.16.1.13`)
	f(`R=10.16.1.11 PP=- XFF=6.6.6.6 st=400`,
		`forwarded rejected_before_realip 6.6.6.6 http_x_forwarded_for unvouched nlb via 10.16.1.11 also proxy_protocol_off`)
	// No such status; or no proxy shows.
	f(`R=10.16.1.11 PP=- st=404`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 also private_link health_check`)
	f(`R=10.16.1.11 PP=210.227.0.10 st=413`,
		`forwarded realip_not_applied@edge 210.227.0.10 proxy_protocol_addr nlb via 10.16.1.11`)
	f(`R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10 st=400`,
		`direct ok 210.227.0.10 proxy_protocol_addr via 10.16.1.11`)
	// realip did run: the status is another one's.
	f(`R=10.16.1.11 RR=10.16.1.13 XFF=10.16.1.11 XRI=10.16.1.11 st=400`,
		`lost edge_handed_on_proxy@edge nlb via 10.16.1.11 10.16.1.13 also proxy_protocol_off`)
}

// More that nginx refuses while it reads the request; and what an application
// refuses, which nginx has asked after its realip module.
func TestRejectedBeforeRealipOrByTheApplication(t *testing.T) {
	f := checker(t, chain())
	const early = `forwarded rejected_before_realip 210.227.0.10 proxy_protocol_addr nlb via 10.16.1.11 also realip_not_applied`
	const broken = `forwarded realip_not_applied@edge 210.227.0.10 proxy_protocol_addr nlb via 10.16.1.11`
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 st=501 method=GET`, early)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 st=495 method=GET`, early)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 st=496 method=GET`, early)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 st=497 method=GET`, early)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 st=405 method=TRACE`, early)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 st=405 method=CONNECT`, early)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 st=405 method=POST`, broken)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 st=405`, broken)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 st=502 method=GET`, broken)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 st=400 upstream=asked`, broken)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 st=501 upstream=asked`, broken)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 st=405 method=TRACE upstream=asked`, broken)
}

// Where only the NLB is given, a private peer that nginx believed is likely the
// edge, which the sets lack.
func TestReasonUnlistedProxy(t *testing.T) {
	f := checker(t, clientip.Config{NLB: set("10.16.1.11")})
	f(`R=210.227.0.10 RR=10.16.1.13 PP=- XFF=210.227.0.10 XRI=210.227.0.10`,
		`direct unlisted_proxy 210.227.0.10 remote_addr unvouched via 10.16.1.13 also trusts_too_much`)
	f(`R=210.227.0.10 RR=10.16.1.13 PP=- XFF="6.6.6.6, 210.227.0.10" XRI=-`,
		`direct unlisted_proxy 210.227.0.10 remote_addr unvouched via 10.16.1.13 said 6.6.6.6 also trusts_too_much`)
	f(`R=210.227.0.10 RR=10.16.1.13 PP=- XFF=- XRI=210.227.0.10`,
		`direct unlisted_proxy 210.227.0.10 remote_addr unvouched via 10.16.1.13 also trusts_too_much`)
	// A node that the set lacks.
	f(`R=210.227.0.10 RR=10.16.1.12 PP=210.227.0.10 XFF=6.6.6.6`,
		`direct unlisted_node 210.227.0.10 proxy_protocol_addr unvouched via 10.16.1.12 said 6.6.6.6 also past_the_nlb`)
	f(`R=210.227.0.10 RR=10.16.1.12 PP=9.9.9.9 XFF=6.6.6.6`,
		`forwarded unlisted_node 9.9.9.9 proxy_protocol_addr unvouched via 10.16.1.12 said 6.6.6.6 also trusts_too_much past_the_nlb`)
	// nginx did not believe it; it is public; it is a client by name; a proxy shows.
	f(`R=10.16.1.13 RR=10.16.1.13 XFF=210.227.0.10`,
		`internal client_sent_forwarded_for 10.16.1.13 remote_addr said 210.227.0.10`)
	f(`R=6.6.6.6 RR=9.9.9.9 XFF=6.6.6.6`,
		`disputed trusts_too_much 9.9.9.9 realip_remote_addr said 6.6.6.6`)
	f(`R=10.16.1.11 RR=10.16.1.13 XFF=10.16.1.11`,
		`internal trusts_too_much 10.16.1.13 realip_remote_addr unvouched nlb via 10.16.1.11 said 10.16.1.11 also unlisted_proxy`)
	f = checker(t, clientip.Config{NLB: set("10.16.1.11"), Internal: set("10.16.2.0/24")})
	f(`R=6.6.6.6 RR=10.16.2.7 XFF=6.6.6.6`,
		`disputed trusts_too_much 10.16.2.7 realip_remote_addr said 6.6.6.6`)
	f = checker(t, clientip.Config{NLB: set("10.16.1.11"), Strict: true})
	f(`R=210.227.0.10 RR=10.16.1.13 PP=- XFF=210.227.0.10 XRI=210.227.0.10`,
		`lost unlisted_proxy via 10.16.1.13 said 210.227.0.10 also trusts_too_much`)
	// Where other proxies are named, one that is not is a stranger.
	f = checker(t, clientip.Config{NLB: set("10.16.1.11"), Trusted: set("10.16.1.14")})
	f(`R=210.227.0.10 RR=10.16.1.13 PP=- XFF=210.227.0.10 XRI=210.227.0.10`,
		`disputed trusts_too_much 10.16.1.13 realip_remote_addr unvouched said 210.227.0.10 210.227.0.10 also unlisted_proxy`)
}

// Where the proxies have a set of their own, a subnet of the NLB holds nodes
// only, and they write no headers.
func TestSubnetOfNodes(t *testing.T) {
	f := checker(t, clientip.Config{NLB: set("10.16.1.0/24"), Trusted: set("10.16.1.13")})
	f(`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=6.6.6.6 ua=x`,
		`forwarded proxy_protocol_off@edge 6.6.6.6 http_x_forwarded_for unvouched nlb via 10.16.1.11 also private_link`)
	f(`R=6.6.6.6 RR=10.16.1.11 PP=- XFF=6.6.6.6`,
		`disputed trusts_too_much@edge 6.6.6.6 remote_addr unvouched via 10.16.1.11 said 6.6.6.6`)
	f(`R=10.16.1.13 RR=10.16.1.13 XFF=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for via 10.16.1.13`)
	f(`R=10.16.1.13 RR=10.16.1.13 XFF="6.6.6.6, 10.16.1.11"`,
		`forwarded edge_handed_on_proxy@edge 6.6.6.6 http_x_forwarded_for unvouched via 10.16.1.11 10.16.1.13 also proxy_protocol_off`)
	f(`R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10 XFF=6.6.6.6`,
		`direct client_sent_forwarded_for 210.227.0.10 proxy_protocol_addr via 10.16.1.11 said 6.6.6.6`)
}

// nginx took what a visitor can write.
func TestReasonTrustsTooMuch(t *testing.T) {
	f := checker(t, chain())
	// The peer is no proxy, yet it was replaced.
	f(`R=6.6.6.6 RR=210.227.0.10 XFF=6.6.6.6`,
		`disputed trusts_too_much 210.227.0.10 realip_remote_addr said 6.6.6.6`)
	f(`R=6.6.6.6 RR=210.227.0.10`,
		`disputed trusts_too_much 210.227.0.10 realip_remote_addr`)
	f(`R=6.6.6.6 RR=10.16.2.7 XFF=6.6.6.6 XRI=9.9.9.9`,
		`disputed trusts_too_much 10.16.2.7 realip_remote_addr unvouched said 6.6.6.6 9.9.9.9 also unlisted_proxy`)
	// Even by the address of a proxy.
	f(`R=10.16.1.11 RR=210.227.0.10 XFF=10.16.1.11`,
		`forwarded trusts_too_much 210.227.0.10 realip_remote_addr nlb via 10.16.1.11 said 10.16.1.11`)
	f(`R=10.16.1.13 RR=210.227.0.10 XRI=10.16.1.13 XFF=9.9.9.9`,
		`forwarded trusts_too_much 210.227.0.10 realip_remote_addr via 10.16.1.13 said 9.9.9.9`)
	// It stands to the left of a client.
	f(`R=6.6.6.6 RR=10.16.1.13 XFF="6.6.6.6, 210.227.0.10"`,
		`disputed trusts_too_much@web 210.227.0.10 http_x_forwarded_for via 10.16.1.13 said 6.6.6.6`)
	f(`R=6.6.6.6 XFF="6.6.6.6, 210.227.0.10"`,
		`disputed trusts_too_much 210.227.0.10 http_x_forwarded_for unvouched said 6.6.6.6`)
	f(`R=6.6.6.6 XFF="9.9.9.9, 6.6.6.6:80, 1.1.1.1, 210.227.0.10, 10.16.1.13"`,
		`disputed trusts_too_much 210.227.0.10 http_x_forwarded_for unvouched via 10.16.1.13 said 9.9.9.9 6.6.6.6:80 1.1.1.1`)
	// A forged proxy.
	f(`R=10.16.1.11 RR=10.16.1.13 XFF="10.16.1.11, 210.227.0.10"`,
		`forwarded trusts_too_much@web 210.227.0.10 http_x_forwarded_for nlb via 10.16.1.11 10.16.1.13 said 10.16.1.11`)
	f(`R=10.16.1.13 XFF="10.16.1.13, 210.227.0.10"`,
		`forwarded trusts_too_much 210.227.0.10 http_x_forwarded_for unvouched via 10.16.1.13 said 10.16.1.13 also realip_not_applied`)
	// real_ip_header X-Forwarded-For, or the default X-Real-IP, behind an NLB that speaks no PROXY protocol.
	f(`R=6.6.6.6 RR=10.16.1.11 PP=- XFF=6.6.6.6`,
		`disputed trusts_too_much@edge 6.6.6.6 remote_addr unvouched via 10.16.1.11 said 6.6.6.6`)
	f(`R=6.6.6.6 RR=10.16.1.11 PP=- XRI=6.6.6.6`,
		`disputed trusts_too_much@edge 6.6.6.6 remote_addr unvouched via 10.16.1.11`)
	f(`R=6.6.6.6 RR=10.16.1.11 PP=-`,
		`disputed trusts_too_much@edge 6.6.6.6 remote_addr unvouched via 10.16.1.11`)
	// With the address of a proxy nobody vouches for the rest either.
	f(`R=10.16.1.13 RR=10.16.1.11 PP=- XFF=10.16.1.13 XRI=6.6.6.6`,
		`forwarded trusts_too_much@edge 6.6.6.6 http_x_real_ip unvouched via 10.16.1.13 10.16.1.11 said 10.16.1.13`)
	f(`R=10.16.1.13 RR=10.16.1.11 PP=- XFF=6.6.6.6 XRI=10.16.1.13`,
		`forwarded trusts_too_much@edge 6.6.6.6 http_x_forwarded_for unvouched via 10.16.1.13 10.16.1.11`)
	// Perhaps: the PROXY protocol is not logged.
	f(`R=6.6.6.6 RR=10.16.1.11 XFF="6.6.6.6, 210.227.0.10"`,
		`direct client_sent_forwarded_for 6.6.6.6 remote_addr unvouched via 10.16.1.11 said 6.6.6.6 210.227.0.10 also trusts_too_much`)
	// nginx took nothing over: the visitor guessed the address.
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 XFF="10.16.1.11, 9.9.9.9"`,
		`forwarded realip_not_applied@edge 210.227.0.10 proxy_protocol_addr nlb via 10.16.1.11 said 10.16.1.11 9.9.9.9`)
	f(`R=10.16.1.13 RR=10.16.1.13 XFF="10.16.1.13, 210.227.0.10"`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for via 10.16.1.13 said 10.16.1.13`)
	// The walk ends elsewhere, but nginx did not read X-Forwarded-For.
	f(`R=210.227.0.10 RR=10.16.1.13 XFF=9.9.9.9`,
		`direct client_sent_forwarded_for 210.227.0.10 remote_addr via 10.16.1.13 said 9.9.9.9`)
	f = checker(t, withCDN())
	f(`R=6.6.6.6 RR=10.16.1.11 PP=203.0.113.5 XFF="6.6.6.6, 210.227.0.10"`,
		`disputed trusts_too_much@edge 210.227.0.10 http_x_forwarded_for via 203.0.113.5 10.16.1.11 said 6.6.6.6`)
	// The visitor guessed the CDN's address, which nginx has by the PROXY protocol.
	f(`R=203.0.113.5 RR=10.16.1.11 PP=203.0.113.5 XFF="203.0.113.5, 210.227.0.10"`,
		`forwarded cdn_in_front 210.227.0.10 http_x_forwarded_for via 203.0.113.5 10.16.1.11 said 203.0.113.5`)
	// With a CDN the header behind an NLB node is the CDN's.
	f(`R=6.6.6.6 RR=10.16.1.11 XFF="6.6.6.6, 210.227.0.10"`,
		`direct client_sent_forwarded_for 6.6.6.6 remote_addr unvouched via 10.16.1.11 said 6.6.6.6 210.227.0.10 also trusts_too_much`)
	// A network holds the NLB and the edge. Where the PROXY protocol is not
	// logged, it may have told nginx the client, and the header be the visitor's.
	f = checker(t, subnet())
	f(`R=210.227.0.10 RR=10.16.1.11 XFF="210.227.0.10, 6.6.6.6"`,
		`disputed trusts_too_much@edge 6.6.6.6 http_x_forwarded_for unvouched via 10.16.1.11 said 210.227.0.10`)
	f(`R=210.227.0.10 RR=10.16.1.13 PP=- XFF="210.227.0.10, 6.6.6.6"`,
		`disputed trusts_too_much@edge 6.6.6.6 http_x_forwarded_for via 10.16.1.13 said 210.227.0.10`)
	f(`RR=10.16.1.11 XFF=6.6.6.6`,
		`forwarded ok 6.6.6.6 http_x_forwarded_for unvouched via 10.16.1.11`)
}

func TestReasonFieldsDisagree(t *testing.T) {
	f := checker(t, chain())
	// One of the headers is the visitor's, and nobody can tell which.
	f(`R=10.16.1.13 RR=10.16.1.13 XFF=210.227.0.10 XRI=6.6.6.6`,
		`disputed fields_disagree@edge 210.227.0.10 http_x_forwarded_for unvouched via 10.16.1.13`)
	f(`R=210.227.0.10 RR=10.16.1.13 XFF=210.227.0.10 XRI=6.6.6.6`,
		`disputed fields_disagree@edge 210.227.0.10 remote_addr unvouched via 10.16.1.13`)
	f(`R=6.6.6.6 RR=10.16.1.13 XFF=210.227.0.10 XRI=6.6.6.6`,
		`disputed fields_disagree@edge 6.6.6.6 remote_addr unvouched via 10.16.1.13 said 210.227.0.10`)
	f(`R=210.227.0.10 XFF=210.227.0.10 XRI=6.6.6.6`,
		`disputed fields_disagree@edge 210.227.0.10 remote_addr unvouched`)
	f(`R=6.6.6.6 RR=10.16.1.11 PP=210.227.0.10 XFF=6.6.6.6`,
		`disputed fields_disagree@edge 210.227.0.10 proxy_protocol_addr via 10.16.1.11 said 6.6.6.6`)
	f(`R=6.6.6.6 PP=210.227.0.10`,
		`disputed fields_disagree@edge 210.227.0.10 proxy_protocol_addr unvouched`)
	// No header decided $remote_addr.
	f(`R=210.227.0.10 XFF=6.6.6.6 XRI=9.9.9.9`,
		`direct client_sent_forwarded_for 210.227.0.10 remote_addr said 6.6.6.6 9.9.9.9`)
	// One of them names a proxy.
	f(`R=210.227.0.10 RR=10.16.1.13 XFF=210.227.0.10 XRI=10.16.1.11`,
		`direct ok 210.227.0.10 remote_addr via 10.16.1.13`)
	// X-Real-IP from a CDN can be the visitor's: it disputes nothing.
	f = checker(t, withCDN())
	f(`R=203.0.113.5 RR=10.16.1.11 PP=203.0.113.5 XFF=210.227.0.10 XRI=6.6.6.6`,
		`forwarded cdn_in_front 210.227.0.10 http_x_forwarded_for via 203.0.113.5 10.16.1.11 said 6.6.6.6`)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=210.227.0.10 XRI=6.6.6.6`,
		`forwarded realip_not_applied@edge 210.227.0.10 http_x_forwarded_for nlb via 10.16.1.11 said 6.6.6.6`)
	f(`R=210.227.0.10 RR=10.16.1.11 XFF=6.6.6.6 XRI=9.9.9.9`,
		`direct client_sent_forwarded_for 210.227.0.10 remote_addr via 10.16.1.11 said 6.6.6.6 9.9.9.9`)
	// But nginx must not read it.
	f(`R=6.6.6.6 RR=10.16.1.11 PP=203.0.113.5 XFF=210.227.0.10 XRI=6.6.6.6`,
		`disputed fields_disagree@edge 210.227.0.10 http_x_forwarded_for via 203.0.113.5 10.16.1.11`)
}

// nginx reads one source only: PROXY protocol or header.
func TestReasonCDNInFront(t *testing.T) {
	f := checker(t, withCDN())
	f(`R=203.0.113.5 RR=10.16.1.11 PP=203.0.113.5 XFF=210.227.0.10`,
		`forwarded cdn_in_front 210.227.0.10 http_x_forwarded_for via 203.0.113.5 10.16.1.11`)
	f(`R=203.0.113.5 RR=10.16.1.11 PP=203.0.113.5 XFF="6.6.6.6, 210.227.0.10, 203.0.113.9" XRI=-`,
		`forwarded cdn_in_front 210.227.0.10 http_x_forwarded_for via 203.0.113.9 203.0.113.5 10.16.1.11 said 6.6.6.6`)
	f(`R=203.0.113.5 RR=10.16.1.11 PP=203.0.113.5 XFF=- XRI=210.227.0.10`,
		`forwarded cdn_in_front 210.227.0.10 http_x_real_ip via 203.0.113.5 10.16.1.11`)
	f(`R=203.0.113.5 RR=10.16.1.11 PP=203.0.113.5 XFF=- XRI=-`,
		`lost cdn_in_front via 203.0.113.5 10.16.1.11`)
	f(`R=210.227.0.10 RR=10.16.1.11 PP=203.0.113.5 XFF=210.227.0.10`,
		`direct cdn_in_front 210.227.0.10 http_x_forwarded_for via 203.0.113.5 10.16.1.11`)
	f(`R=2001:db8:cd::5 RR=10.16.1.11 PP=2001:db8:cd::5 XFF=2001:db8:210::10`,
		`forwarded cdn_in_front 2001:db8:210::10 http_x_forwarded_for via 2001:db8:cd::5 10.16.1.11`)
	// The PROXY protocol is not logged, but nothing else can have told nginx.
	f(`R=203.0.113.5 RR=10.16.1.11 XFF=210.227.0.10`,
		`forwarded cdn_in_front 210.227.0.10 http_x_forwarded_for via 203.0.113.5 10.16.1.11`)
	f(`R=203.0.113.5 RR=10.16.1.11`,
		`lost cdn_in_front via 203.0.113.5 10.16.1.11`)
	// Neither is logged: a public proxy that the header does not name is one
	// that only the PROXY protocol can have named, behind an NLB.
	f(`R=203.0.113.5 XFF="6.6.6.6, 210.227.0.10"`,
		`forwarded cdn_in_front 210.227.0.10 http_x_forwarded_for via 203.0.113.5 said 6.6.6.6 also realip_not_applied`)
	f(`R=203.0.113.5 XFF="210.227.0.10, 203.0.113.5"`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for unvouched via 203.0.113.5`)
	// X-Real-IP may be the visitor's where a CDN writes X-Forwarded-For.
	f(`R=203.0.113.5 RR=10.16.1.11 PP=203.0.113.5 XRI=6.6.6.6`,
		`forwarded cdn_in_front 6.6.6.6 http_x_real_ip unvouched via 203.0.113.5 10.16.1.11`)
	// Whoever passes by the CDN forges nothing.
	f(`R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10 XFF=6.6.6.6`,
		`direct client_sent_forwarded_for 210.227.0.10 proxy_protocol_addr via 10.16.1.11 said 6.6.6.6`)
	// The edge does not even read the PROXY protocol.
	f(`R=10.16.1.11 RR=10.16.1.11 PP=203.0.113.5 XFF=210.227.0.10`,
		`forwarded realip_not_applied@edge 210.227.0.10 http_x_forwarded_for nlb via 203.0.113.5 10.16.1.11`)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=203.0.113.5 XFF=-`,
		`lost realip_not_applied@edge nlb via 203.0.113.5 10.16.1.11`)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=203.0.113.5 XFF=203.0.113.9`,
		`lost realip_not_applied@edge nlb via 203.0.113.9 203.0.113.5 10.16.1.11`)
}

func TestReasonEdgeHandedOnProxy(t *testing.T) {
	f := checker(t, chain())
	f(`R=10.16.1.11 RR=10.16.1.13 XFF=10.16.1.11 XRI=10.16.1.11`,
		`lost edge_handed_on_proxy@edge nlb via 10.16.1.11 10.16.1.13 also proxy_protocol_off`)
	f(`R=10.16.1.11 XFF=10.16.1.11 XRI=10.16.1.11`,
		`lost edge_handed_on_proxy@edge nlb via 10.16.1.11 also proxy_protocol_off`)
	f(`R=10.16.1.13 RR=10.16.1.13 XFF=10.16.1.11 XRI=10.16.1.11`,
		`lost edge_handed_on_proxy@edge via 10.16.1.11 10.16.1.13 also proxy_protocol_off`)
	f(`R=10.16.1.13 XFF=- XRI=10.16.1.11`,
		`lost edge_handed_on_proxy@edge via 10.16.1.13 also proxy_protocol_off`)
	f(`R=10.16.1.11 XFF=10.16.1.11 XRI=2001:db8:210::10`,
		`forwarded edge_handed_on_proxy@edge 2001:db8:210::10 http_x_real_ip unvouched nlb via 10.16.1.11 also proxy_protocol_off`)
	f(`R=10.16.1.11 RR=10.16.1.13 PP=- XFF=10.16.1.11 XRI=2001:db8:210::10`,
		`forwarded edge_handed_on_proxy@edge 2001:db8:210::10 http_x_real_ip nlb via 10.16.1.11 10.16.1.13 also proxy_protocol_off`)
	// The header itself is not logged.
	f(`R=10.16.1.11 RR=10.16.1.13`,
		`lost edge_handed_on_proxy@edge nlb via 10.16.1.11 10.16.1.13 also proxy_protocol_off`)
	// Left of the NLB's address stand the visitor's own words ($proxy_add_x_forwarded_for).
	f(`R=10.16.1.13 RR=10.16.1.13 XFF="6.6.6.6, 10.16.1.11"`,
		`forwarded edge_handed_on_proxy@edge 6.6.6.6 http_x_forwarded_for unvouched via 10.16.1.11 10.16.1.13 also proxy_protocol_off`)
	f(`R=10.16.1.11 RR=10.16.1.13 XFF="6.6.6.6, 10.16.1.11" XRI=210.227.0.10`,
		`forwarded edge_handed_on_proxy@edge 210.227.0.10 http_x_real_ip nlb via 10.16.1.11 10.16.1.13 said 6.6.6.6 also proxy_protocol_off`)
	f(`R=6.6.6.6 RR=10.16.1.13 XFF="6.6.6.6, 10.16.1.11"`,
		`disputed trusts_too_much@web 6.6.6.6 remote_addr unvouched via 10.16.1.11 10.16.1.13 also edge_handed_on_proxy`)
	f(`R=6.6.6.6 XFF="6.6.6.6, 10.16.1.11"`,
		`direct ok 6.6.6.6 remote_addr unvouched via 10.16.1.11`)
}

func TestReasonRealipNotApplied(t *testing.T) {
	f := checker(t, chain())
	f(`R=10.16.1.11 RR=10.16.1.11 PP=2001:db8:210::10 XFF=- XRI=-`,
		`forwarded realip_not_applied@edge 2001:db8:210::10 proxy_protocol_addr nlb via 10.16.1.11`)
	f(`R=10.16.1.13 RR=10.16.1.13 XFF=2001:db8:210::10`,
		`forwarded realip_not_applied@web 2001:db8:210::10 http_x_forwarded_for via 10.16.1.13`)
	f = checker(t, clientip.Config{NLB: set("10.16.1.11"), Trusted: set("unix:")})
	f(`R=unix: RR=unix: XFF=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for`)
	f(`R=210.227.0.10 RR=unix: XFF=210.227.0.10`,
		`direct ok 210.227.0.10 remote_addr`)
	f = checker(t, chain())
	// A Unix-domain peer is a proxy also where no set names it; nobody vouches.
	f(`R=unix: RR=unix: XFF=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for unvouched`)
	f(`R=210.227.0.10 RR=unix: XFF=210.227.0.10`,
		`direct ok 210.227.0.10 remote_addr unvouched`)
	f(`R=unix: XFF=-`,
		`lost edge_handed_on_nothing@edge address unix: also health_check`)
	f = checker(t, subnet())
	// A network that holds both the NLB and the edge.
	f(`R=10.16.1.13 XFF=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for nlb via 10.16.1.13`)
	f(`R=10.16.1.11 PP=210.227.0.10`,
		`forwarded realip_not_applied@edge 210.227.0.10 proxy_protocol_addr nlb via 10.16.1.11`)
}

func TestReasonEdgeHandedOnNothing(t *testing.T) {
	f := checker(t, chain())
	f(`R=10.16.1.13 RR=10.16.1.13 PP=- XFF=- XRI=-`,
		`lost edge_handed_on_nothing@edge via 10.16.1.13 also health_check`)
	f(`R=10.16.1.13`,
		`lost edge_handed_on_nothing@edge via 10.16.1.13 also realip_not_applied health_check`)
}

func TestReasonProxyProtocolOff(t *testing.T) {
	f := checker(t, chain())
	f(`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=- XRI=- ua=curl/8`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 also private_link`)
	f(`R=10.16.1.11 XFF=- XRI=- ua=curl/8`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 also realip_not_applied private_link`)
	f(`R=10.16.1.11`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 also realip_not_applied private_link health_check`)
	f = checker(t, subnet())
	f(`R=10.16.1.11 XFF=- XRI=- ua=curl/8`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 also realip_not_applied edge_handed_on_nothing private_link`)
}

// An NLB writes no header: what a visitor sends through it never changes what is
// said of the chain.
func TestVisitorsHeadersBehindAnNLBNode(t *testing.T) {
	f := checker(t, chain())
	f(`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=6.6.6.6 ua=x`,
		`forwarded proxy_protocol_off@edge 6.6.6.6 http_x_forwarded_for unvouched nlb via 10.16.1.11 also private_link`)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=10.16.1.13 ua=x`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 said 10.16.1.13 also private_link`)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=junk ua=x`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 said junk also private_link`)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=- XFF="6.6.6.6, 9.9.9.9" XRI=8.8.8.8 ua=x`,
		`forwarded proxy_protocol_off@edge 9.9.9.9 http_x_forwarded_for unvouched nlb via 10.16.1.11 said 6.6.6.6 also private_link`)
	f(`R=10.16.1.11 RR=10.16.1.11 XFF=6.6.6.6 ua=x`,
		`forwarded proxy_protocol_off@edge 6.6.6.6 http_x_forwarded_for unvouched nlb via 10.16.1.11 also realip_not_applied private_link`)
	f(`R=10.16.1.11 XFF=6.6.6.6 ua=x`,
		`forwarded proxy_protocol_off@edge 6.6.6.6 http_x_forwarded_for unvouched nlb via 10.16.1.11 also realip_not_applied private_link`)
	// At a healthy edge.
	f(`R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10 XFF=6.6.6.6`,
		`direct client_sent_forwarded_for 210.227.0.10 proxy_protocol_addr via 10.16.1.11 said 6.6.6.6`)
	f(`R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10 XFF="6.6.6.6, 9.9.9.9" XRI=8.8.8.8`,
		`direct client_sent_forwarded_for 210.227.0.10 proxy_protocol_addr via 10.16.1.11 said 6.6.6.6 9.9.9.9 8.8.8.8`)
	f(`R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10 XFF=10.16.1.13 XRI=10.16.1.11`,
		`direct client_sent_forwarded_for 210.227.0.10 proxy_protocol_addr via 10.16.1.11 said 10.16.1.13`)
	f(`R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10 XFF=junk`,
		`direct client_sent_forwarded_for 210.227.0.10 proxy_protocol_addr via 10.16.1.11 said junk`)
	f(`R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10 XFF="210.227.0.10, 9.9.9.9"`,
		`direct client_sent_forwarded_for 210.227.0.10 proxy_protocol_addr via 10.16.1.11 said 210.227.0.10 9.9.9.9`)
	f(`R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10 XFF=- XRI=6.6.6.6`,
		`direct client_sent_forwarded_for 210.227.0.10 proxy_protocol_addr via 10.16.1.11 said 6.6.6.6`)
	// And where the PROXY protocol is not logged.
	f(`R=210.227.0.10 RR=10.16.1.11 XFF=6.6.6.6`,
		`direct client_sent_forwarded_for 210.227.0.10 remote_addr via 10.16.1.11 said 6.6.6.6`)
	f(`R=210.227.0.10 RR=10.16.1.11 XFF=6.6.6.6 XRI=9.9.9.9`,
		`direct client_sent_forwarded_for 210.227.0.10 remote_addr via 10.16.1.11 said 6.6.6.6 9.9.9.9`)
	f(`R=210.227.0.10 RR=10.16.1.11 XFF="210.227.0.10, 10.16.1.13"`,
		`direct client_sent_forwarded_for 210.227.0.10 remote_addr unvouched via 10.16.1.11 said 210.227.0.10 10.16.1.13`)
}

func TestPrivateLink(t *testing.T) {
	f := checker(t, chain())
	f(`R=10.9.9.9 RR=10.16.1.11 PP=10.9.9.9 vpce=vpce-1`,
		`internal private_link 10.9.9.9 proxy_protocol_addr via 10.16.1.11`)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=10.9.9.9 vpce=vpce-1`,
		`internal realip_not_applied@edge 10.9.9.9 proxy_protocol_addr nlb via 10.16.1.11`)
	// A consumer chooses the addresses of his VPC: that of a proxy of this chain
	// too. It is never the client, and nobody vouches for his headers.
	f(`R=10.16.1.13 RR=10.16.1.11 PP=10.16.1.13 XFF=1.1.1.1 vpce=vpce-1`,
		`lost private_link via 10.16.1.13 10.16.1.11 said 1.1.1.1`)
	f(`R=10.16.1.13 RR=10.16.1.11 PP=10.16.1.13 XFF="1.1.1.1, 10.16.1.13" XRI=1.1.1.1 vpce=vpce-1`,
		`lost private_link via 10.16.1.13 10.16.1.11 said 1.1.1.1 10.16.1.13 1.1.1.1`)
	f(`R=10.16.1.13 RR=10.16.1.11 XFF=1.1.1.1 vpce=vpce-1`,
		`lost private_link via 10.16.1.13 10.16.1.11 said 1.1.1.1`)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=10.16.1.13 XFF=1.1.1.1 vpce=vpce-1`,
		`lost realip_not_applied@edge nlb via 10.16.1.13 10.16.1.11 said 1.1.1.1`)
	f(`R=10.16.1.11 RR=10.16.1.11 XFF=1.1.1.1 vpce=vpce-1`,
		`lost realip_not_applied@edge nlb via 10.16.1.11 said 1.1.1.1`)
	f(`R=1.1.1.1 RR=10.16.1.11 PP=10.16.1.13 XFF=1.1.1.1 vpce=vpce-1`,
		`disputed trusts_too_much@edge via 10.16.1.13 10.16.1.11 said 1.1.1.1`)
	// The id is not logged.
	f(`R=10.16.1.13 RR=10.16.1.11 PP=10.16.1.13 XFF=1.1.1.1`,
		`forwarded cdn_in_front 1.1.1.1 http_x_forwarded_for unvouched via 10.16.1.13 10.16.1.11 also private_link`)
	f(`R=10.16.1.13 RR=10.16.1.11 XFF=1.1.1.1`,
		`forwarded cdn_in_front 1.1.1.1 http_x_forwarded_for unvouched via 10.16.1.13 10.16.1.11 also private_link`)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=10.16.1.11 XFF=1.1.1.1`,
		`forwarded ok 1.1.1.1 http_x_forwarded_for unvouched nlb via 10.16.1.11 also private_link`)
	// With no header: he, or an edge task that calls by the NLB.
	f(`R=10.16.1.13 RR=10.16.1.11 PP=10.16.1.13 XFF=- XRI=-`,
		`lost ok via 10.16.1.13 10.16.1.11 also private_link`)
	f(`R=10.16.1.13 RR=10.16.1.11 XFF=- XRI=-`,
		`lost ok via 10.16.1.13 10.16.1.11 also private_link`)
	// A peer that is no proxy can make up the id as well.
	f(`R=9.9.9.9 RR=9.9.9.9 PP=10.16.1.13 XFF=1.1.1.1 vpce=vpce-1`,
		`direct private_link 9.9.9.9 remote_addr said 1.1.1.1 10.16.1.13`)
	f = checker(t, func() clientip.Config { c := chain(); c.Strict = true; return c }())
	f(`R=10.16.1.13 RR=10.16.1.11 PP=10.16.1.13 XFF=1.1.1.1`,
		`lost cdn_in_front via 10.16.1.13 10.16.1.11 said 1.1.1.1 also private_link`)
	// Of a CDN the endpoint says the same.
	f = checker(t, withCDN())
	f(`R=203.0.113.5 RR=10.16.1.11 PP=203.0.113.5 XFF=1.1.1.1 vpce=vpce-1`,
		`lost private_link via 203.0.113.5 10.16.1.11 said 1.1.1.1`)
	f = checker(t, clientip.Config{})
	// The endpoint shows that the private address is a client's.
	f(`R=10.9.9.9 RR=10.16.1.11 PP=10.9.9.9 vpce=vpce-1`,
		`internal private_link 10.9.9.9 proxy_protocol_addr via 10.16.1.11`)
	f(`R=10.9.9.9 PP=10.9.9.9 vpce=vpce-1`,
		`internal private_link 10.9.9.9 proxy_protocol_addr`)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=10.9.9.9 vpce=vpce-1`,
		`internal realip_not_applied@edge 10.9.9.9 proxy_protocol_addr nlb? via 10.16.1.11`)
	f(`R=10.9.9.9 RR=10.16.1.11 PP=10.9.9.9`,
		`lost ok nlb? via 10.9.9.9 10.16.1.11 also private_link`)
	// Forged from outside.
	f(`R=10.9.9.9 RR=9.9.9.9 PP=10.9.9.9 vpce=vpce-1`,
		`forwarded trusts_too_much 9.9.9.9 realip_remote_addr nlb? via 10.9.9.9 said 10.9.9.9`)
}

func TestReasonUnreadableHop(t *testing.T) {
	f := checker(t, chain())
	f(`R=10.16.1.13 RR=10.16.1.13 XFF="210.227.0.10, unknown"`,
		`lost unreadable_hop via 10.16.1.13 said 210.227.0.10 unknown`)
	f(`R=10.16.1.13 RR=10.16.1.14 XFF="210.227.0.10, unknown, 10.16.1.13"`,
		`lost unreadable_hop via 10.16.1.13 10.16.1.14 said 210.227.0.10 unknown`)
	f(`R=10.16.1.11 XFF=unknown`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 said unknown also realip_not_applied private_link health_check`)
	f(`R=210.227.0.10 RR=10.16.1.13 XFF="_hidden"`,
		`direct unreadable_hop 210.227.0.10 remote_addr via 10.16.1.13 said _hidden`)
	f = checker(t, subnet())
	f(`R=10.16.1.11 PP=- XFF=unknown`,
		`lost unreadable_hop nlb via 10.16.1.11 said unknown also proxy_protocol_off`)
}

// resolves returns what says the answer to a line.
func resolves(t *testing.T, c clientip.Config) func(line string) string {
	r := resolver(t, c)
	return func(line string) string {
		var a clientip.Answer
		r.Resolve(evidence(t, line), &a)
		return answer(&a)
	}
}

// A header that cannot be read behind an address that counts as the NLB's is the
// visitor's: with it he cannot take his line out of the count of faults.
func TestUnreadableHeaderBehindTheNLB(t *testing.T) {
	const want = `lost proxy_protocol_off@edge `
	for _, c := range []struct {
		config clientip.Config
		nlb    string
	}{{clientip.Config{}, "nlb?"}, {chain(), "nlb"}, {subnet(), "nlb"}} {
		config := c.config
		r := resolves(t, config)
		for _, e := range []string{
			`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=- XRI=-`,
			`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=- XRI=garbage`,
			`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=- XRI="a, b"`,
			`R=10.16.1.11 PP=- XRI=garbage`,
			`R=10.16.1.11 XRI=garbage`,
		} {
			if got := r(e); !strings.HasPrefix(got, want+c.nlb) {
				t.Errorf("%s: %s, want %s", e, got, want+c.nlb)
			}
		}
	}
	r := resolves(t, clientip.Config{})
	for _, e := range []string{
		`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=garbage XRI=-`,
		`R=10.16.1.11 RR=10.16.1.11 PP=- XFF="8.8.8.8, garbage" XRI=garbage`,
	} {
		if got := r(e); !strings.HasPrefix(got, want+"nlb?") {
			t.Errorf("%s: %s", e, got)
		}
	}
}

func TestReasonClientSentForwardedFor(t *testing.T) {
	f := checker(t, chain())
	f(`R=210.227.0.10 RR=10.16.1.13 XFF="6.6.6.6, 210.227.0.10"`,
		`direct client_sent_forwarded_for 210.227.0.10 remote_addr via 10.16.1.13 said 6.6.6.6`)
	f(`R=210.227.0.10 RR=210.227.0.10 XFF=6.6.6.6`,
		`direct client_sent_forwarded_for 210.227.0.10 remote_addr said 6.6.6.6`)
	f(`R=210.227.0.10 RR=210.227.0.10 XRI=6.6.6.6`,
		`direct client_sent_forwarded_for 210.227.0.10 remote_addr said 6.6.6.6`)
	f(`R=9.9.9.9 RR=9.9.9.9 PP=6.6.6.6`,
		`direct client_sent_forwarded_for 9.9.9.9 remote_addr said 6.6.6.6`)
	f(`R=210.227.0.10 XFF=6.6.6.6`,
		`direct client_sent_forwarded_for 210.227.0.10 remote_addr said 6.6.6.6`)
}

// The addresses of edge tasks are public in IPv6, and no CDN's: behind the NLB
// the header is still the visitor's.
func TestEdgeOfIPv6IsNoCDN(t *testing.T) {
	f := checker(t, clientip.Config{NLB: set("10.16.1.11"), Trusted: set("2001:db8:16:1::13,2001:db8:16:2::/64")})
	f(`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=6.6.6.6 ua=x`,
		`forwarded proxy_protocol_off@edge 6.6.6.6 http_x_forwarded_for unvouched nlb via 10.16.1.11 also private_link`)
	f(`R=2001:db8:16:1::13 XFF=2001:db8:210::10`,
		`forwarded realip_not_applied@web 2001:db8:210::10 http_x_forwarded_for via 2001:db8:16:1::13`)
}

// With no set given every private address counts as an NLB's, and nobody vouches
// for headers.
func TestSetsInferred(t *testing.T) {
	f := checker(t, clientip.Config{})
	f(`R=10.16.1.11 RR=10.16.1.11 PP=- XFF=- XRI=- ua=x`,
		`lost proxy_protocol_off@edge nlb? via 10.16.1.11 also edge_handed_on_nothing private_link`)
	f(`R=10.16.1.11 XFF=- XRI=- ua=x`,
		`lost proxy_protocol_off@edge nlb? via 10.16.1.11 also realip_not_applied edge_handed_on_nothing private_link`)
	f(`R=10.16.1.13 XFF=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for unvouched nlb? via 10.16.1.13`)
	f(`R=210.227.0.10 XFF=210.227.0.10`,
		`direct ok 210.227.0.10 remote_addr`)
	f(`R=210.227.0.10 RR=10.16.1.13 XFF=210.227.0.10`,
		`direct ok 210.227.0.10 remote_addr unvouched via 10.16.1.13`)
	f(`R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10`,
		`direct ok 210.227.0.10 proxy_protocol_addr via 10.16.1.11`)
	f(`R=10.16.1.11 PP=210.227.0.10`,
		`forwarded realip_not_applied@edge 210.227.0.10 proxy_protocol_addr nlb? via 10.16.1.11`)
	// An NLB of IPv6 targets has a public address. That nginx believed it shows
	// what it is; nobody vouches for that.
	f(`R=210.227.0.10 RR=2001:db8:16:1::11 PP=210.227.0.10 XFF=-`,
		`direct ok 210.227.0.10 proxy_protocol_addr unvouched via 2001:db8:16:1::11`)
	f(`R=172.31.0.1`,
		`lost proxy_protocol_off@edge nlb? via 172.31.0.1 also realip_not_applied edge_handed_on_nothing private_link health_check`)
	f(`R=100.64.0.1`,
		`lost proxy_protocol_off@edge nlb? via 100.64.0.1 also realip_not_applied edge_handed_on_nothing private_link health_check`)
	f(`R=fd00::1`,
		`lost proxy_protocol_off@edge nlb? via fd00::1 also realip_not_applied edge_handed_on_nothing private_link health_check`)
	f(`R=fe80::1`,
		`lost proxy_protocol_off@edge nlb? via fe80::1 also realip_not_applied edge_handed_on_nothing private_link health_check`)
	f(`R=169.254.7.7`,
		`lost proxy_protocol_off@edge nlb? via 169.254.7.7 also realip_not_applied edge_handed_on_nothing private_link health_check`)
	f(`R=::ffff:10.0.0.1`,
		`lost proxy_protocol_off@edge nlb? via 10.0.0.1 also realip_not_applied edge_handed_on_nothing private_link health_check`)
	f(`R=unix: XFF=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for unvouched`)
	f(`R=172.32.0.1`,
		`direct ok 172.32.0.1 remote_addr`)
	f(`R=100.128.0.1`,
		`direct ok 100.128.0.1 remote_addr`)
	f(`R=2001:db8::1`,
		`direct ok 2001:db8::1 remote_addr`)
	f(`R=198.51.100.7`,
		`direct ok 198.51.100.7 remote_addr`)
	f = checker(t, clientip.Config{Internal: set("10.50.0.0/16,127.0.0.0/8")})
	f(`R=10.50.1.1`,
		`internal ok 10.50.1.1 remote_addr`)
	f(`R=10.51.1.1 ua=x`,
		`lost proxy_protocol_off@edge nlb? via 10.51.1.1 also realip_not_applied edge_handed_on_nothing private_link`)
	f(`R=127.0.0.1`,
		`internal ok 127.0.0.1 remote_addr`)
	f(`R=10.16.1.11 PP=10.50.1.1`,
		`internal realip_not_applied@edge 10.50.1.1 proxy_protocol_addr nlb? via 10.16.1.11`)
}

// No NLB connects from loopback: with no set given, such a peer is the machine
// itself, or a proxy on it.
func TestSetsInferredLoopback(t *testing.T) {
	f := checker(t, clientip.Config{HealthPaths: []string{"/healthz"}})
	f(`R=127.0.0.1 RR=127.0.0.1 PP=- XFF=- XRI=- ua=curl/8 path=/`,
		`internal ok 127.0.0.1 remote_addr`)
	f(`R=127.0.0.1`,
		`internal ok 127.0.0.1 remote_addr`)
	f(`R=::1`,
		`internal ok ::1 remote_addr`)
	f(`R=127.0.0.1 RR=127.0.0.1 PP=- XFF=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for unvouched via 127.0.0.1`)
	f(`R=127.0.0.1 PP=210.227.0.10`,
		`forwarded realip_not_applied@edge 210.227.0.10 proxy_protocol_addr via 127.0.0.1`)
	f(`R=210.227.0.10 RR=127.0.0.1 PP=- XFF=210.227.0.10`,
		`direct ok 210.227.0.10 remote_addr unvouched via 127.0.0.1`)
	f(`R=127.0.0.1 st=400 req="PROXY TCP4 210.227.0.10 10.16.1.11 53054 80"`,
		`lost proxy_protocol_not_listened@edge via 127.0.0.1 said 210.227.0.10 also rejected_before_realip`)
	f(`R=127.0.0.1 path=/healthz ua=curl/8`,
		`health_check health_check via 127.0.0.1`)
	f = checker(t, func() clientip.Config {
		return clientip.Config{Fields: []verdict.Field{"http_true_client_ip", verdict.ProxyProtocolAddr}}
	}())
	f(`R=127.0.0.1 http_true_client_ip=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_true_client_ip unvouched via 127.0.0.1`)
}

func TestSetLongestPrefix(t *testing.T) {
	f := checker(t, clientip.Config{NLB: set("10.16.1.0/24"), Trusted: set("10.0.0.0/8,10.16.1.13"), Internal: set("10.16.0.0/16,10.16.1.99")})
	f(`R=10.16.1.11 ua=x`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 also realip_not_applied private_link`)
	f(`R=10.16.1.13 ua=x`,
		`lost edge_handed_on_nothing@edge via 10.16.1.13 also realip_not_applied health_check`)
	f(`R=10.16.2.1`,
		`internal ok 10.16.2.1 remote_addr`)
	f(`R=10.16.1.99`,
		`internal ok 10.16.1.99 remote_addr`)
	f(`R=10.1.1.1 ua=x`,
		`lost edge_handed_on_nothing@edge via 10.1.1.1 also realip_not_applied health_check`)
	f(`R=10.1.1.1 XFF=10.16.1.99`,
		`internal realip_not_applied@web 10.16.1.99 http_x_forwarded_for via 10.1.1.1`)
	f = checker(t, clientip.Config{NLB: set("10.0.0.0/8"), Trusted: set("10.0.0.0/8")})
	f(`R=10.16.1.11 ua=x`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 also realip_not_applied private_link`)
	f = checker(t, clientip.Config{NLB: set("::ffff:10.16.1.11"), Trusted: set("::ffff:10.16.2.0/120,2001:db8:16::/64")})
	f(`R=10.16.1.11 ua=x`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 also realip_not_applied private_link`)
	f(`R=10.16.2.9 XFF=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for via 10.16.2.9`)
	f(`R=2001:db8:16::9 XFF=2001:db8:210::10`,
		`forwarded realip_not_applied@web 2001:db8:210::10 http_x_forwarded_for via 2001:db8:16::9`)
}

// Strict mode gives no client that nobody vouches for, nor one that is disputed.
func TestStrict(t *testing.T) {
	f := checker(t, func() clientip.Config { c := chain(); c.Strict = true; return c }())
	f(`R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10 XFF=6.6.6.6`,
		`direct client_sent_forwarded_for 210.227.0.10 proxy_protocol_addr via 10.16.1.11 said 6.6.6.6`)
	f(`R=10.16.1.11 PP=210.227.0.10`,
		`forwarded realip_not_applied@edge 210.227.0.10 proxy_protocol_addr nlb via 10.16.1.11`)
	f(`R=10.16.1.13 RR=10.16.1.13 XFF="6.6.6.6, 210.227.0.10"`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for via 10.16.1.13 said 6.6.6.6`)
	f(`R=210.227.0.10 RR=10.16.1.13 XFF=210.227.0.10`,
		`direct ok 210.227.0.10 remote_addr via 10.16.1.13`)
	f(`R=210.227.0.10`,
		`direct ok 210.227.0.10 remote_addr`)
	f(`R=10.16.1.11 PP=- XFF="9.9.9.9, 6.6.6.6" ua=x`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 said 9.9.9.9 6.6.6.6 also private_link`)
	f(`R=10.16.1.11 PP=- XRI=6.6.6.6 ua=x`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 said 6.6.6.6 also private_link`)
	f(`R=6.6.6.6 RR=10.16.1.11 XFF=6.6.6.6`,
		`lost client_sent_forwarded_for via 10.16.1.11 said 6.6.6.6`)
	f(`R=6.6.6.6 RR=10.16.1.11 XRI=6.6.6.6`,
		`lost ok via 10.16.1.11 said 6.6.6.6`)
	f(`R=6.6.6.6 RR=10.16.1.11 PP=-`,
		`disputed trusts_too_much@edge via 10.16.1.11 said 6.6.6.6`)
	f(`R=6.6.6.6 RR=10.16.1.13 XFF="6.6.6.6, 210.227.0.10"`,
		`disputed trusts_too_much@web via 10.16.1.13 said 6.6.6.6`)
	f(`R=6.6.6.6 RR=10.16.1.11 PP=210.227.0.10`,
		`disputed fields_disagree@edge via 10.16.1.11`)
	f(`R=6.6.6.6 PP=210.227.0.10`,
		`disputed fields_disagree@edge said 210.227.0.10`)
	f(`R=10.16.1.13 RR=10.16.1.13 XFF=210.227.0.10 XRI=6.6.6.6`,
		`disputed fields_disagree@edge via 10.16.1.13 said 210.227.0.10`)
	f(`R=*** XFF=6.6.6.6`,
		`lost ok said 6.6.6.6`)
	// A visitor cannot vouch for itself with the address of a proxy.
	f(`R=10.16.1.11 RR=10.16.1.11 PP=- XFF="6.6.6.6, 10.16.1.13" ua=x`,
		`lost proxy_protocol_off@edge nlb via 10.16.1.11 said 6.6.6.6 also private_link`)
	f(`R=10.16.1.13 RR=10.16.1.13 XFF="6.6.6.6, 10.16.1.11"`,
		`lost edge_handed_on_proxy@edge via 10.16.1.11 10.16.1.13 said 6.6.6.6 also proxy_protocol_off`)
	f = checker(t, clientip.Config{Strict: true})
	f(`R=10.16.1.13 RR=10.16.1.13 XFF=6.6.6.6`,
		`lost realip_not_applied@web nlb? via 10.16.1.13 said 6.6.6.6`)
	f(`R=10.16.1.11 PP=210.227.0.10`,
		`forwarded realip_not_applied@edge 210.227.0.10 proxy_protocol_addr nlb? via 10.16.1.11`)
	f(`R=210.227.0.10 RR=10.16.1.11`,
		`direct ok 210.227.0.10 remote_addr via 10.16.1.11`)
}

// A provider's header is believed before the PROXY protocol only where a proxy
// stands in front of the NLB.
func TestProviderHeaders(t *testing.T) {
	f := checker(t, func() clientip.Config {
		c := withCDN()
		c.Fields = []verdict.Field{"http_cf_connecting_ip", verdict.ProxyProtocolAddr, verdict.XForwardedFor}
		return c
	}())
	f(`R=203.0.113.5 RR=10.16.1.11 PP=203.0.113.5 http_cf_connecting_ip=210.227.0.10 XFF=9.9.9.9`,
		`forwarded cdn_in_front 210.227.0.10 http_cf_connecting_ip unvouched via 203.0.113.5 10.16.1.11 said 9.9.9.9`)
	f(`R=203.0.113.5 RR=10.16.1.11 PP=203.0.113.5 http_cf_connecting_ip=210.227.0.10 XFF="9.9.9.9, 210.227.0.10"`,
		`forwarded cdn_in_front 210.227.0.10 http_cf_connecting_ip via 203.0.113.5 10.16.1.11 said 9.9.9.9`)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=203.0.113.5 http_cf_connecting_ip=210.227.0.10`,
		`forwarded realip_not_applied@edge 210.227.0.10 http_cf_connecting_ip nlb via 203.0.113.5 10.16.1.11`)
	f(`R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10 http_cf_connecting_ip=6.6.6.6`,
		`direct ok 210.227.0.10 proxy_protocol_addr via 10.16.1.11`)
	f(`R=10.16.1.11 RR=10.16.1.11 PP=210.227.0.10 http_cf_connecting_ip=6.6.6.6`,
		`forwarded realip_not_applied@edge 210.227.0.10 proxy_protocol_addr nlb via 10.16.1.11`)
	f(`R=10.16.1.13 RR=10.16.1.13 http_cf_connecting_ip=210.227.0.10 XFF=203.0.113.5`,
		`forwarded edge_handed_on_proxy@edge 210.227.0.10 http_cf_connecting_ip via 203.0.113.5 10.16.1.13 also proxy_protocol_off`)
	f(`R=210.227.0.10 RR=210.227.0.10 http_cf_connecting_ip=6.6.6.6`,
		`direct ok 210.227.0.10 remote_addr`)
	f(`R=10.16.1.11 RR=9.9.9.9 http_cf_connecting_ip=6.6.6.6`,
		`forwarded trusts_too_much 9.9.9.9 realip_remote_addr nlb via 10.16.1.11`)
	f(`R=203.0.113.5 RR=10.16.1.11 PP=203.0.113.5 http_cf_connecting_ip=203.0.113.7 XFF=210.227.0.10`,
		`forwarded cdn_in_front 210.227.0.10 http_x_forwarded_for via 203.0.113.5 10.16.1.11`)
	f = checker(t, func() clientip.Config {
		c := withCDN()
		c.Fields = []verdict.Field{verdict.ProxyProtocolAddr, "http_cloudfront_viewer_address", verdict.XForwardedFor}
		return c
	}())
	f(`R=203.0.113.5 RR=10.16.1.11 PP=203.0.113.5 http_cloudfront_viewer_address=9.9.9.9:443 XFF=210.227.0.10`,
		`forwarded cdn_in_front 210.227.0.10 http_x_forwarded_for via 203.0.113.5 10.16.1.11`)
	f(`R=10.16.1.13 http_cloudfront_viewer_address=2001:db8:210::10:46532`,
		`forwarded realip_not_applied@web 2001:db8:210::10 http_cloudfront_viewer_address via 10.16.1.13`)
	f(`R=10.16.1.13 http_cloudfront_viewer_address=[2001:db8:210::10]:46532`,
		`forwarded realip_not_applied@web 2001:db8:210::10 http_cloudfront_viewer_address via 10.16.1.13`)
	f(`R=10.16.1.13 http_cloudfront_viewer_address=210.227.0.10:46532`,
		`forwarded realip_not_applied@web 210.227.0.10 http_cloudfront_viewer_address via 10.16.1.13`)
	f(`R=10.16.1.13 http_cloudfront_viewer_address=junk XFF=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_x_forwarded_for via 10.16.1.13`)
	// The edge overwrites X-Forwarded-For, and hands this one on from the visitor.
	f = checker(t, func() clientip.Config {
		c := chain()
		c.Strict = true
		c.Fields = []verdict.Field{"http_cf_connecting_ip", verdict.ProxyProtocolAddr, verdict.XForwardedFor}
		return c
	}())
	f(`R=10.16.1.13 RR=10.16.1.13 http_cf_connecting_ip=9.9.9.9 XFF=210.227.0.10 XRI=210.227.0.10`,
		`lost realip_not_applied@web via 10.16.1.13 said 210.227.0.10 9.9.9.9`)
	f(`R=10.16.1.13 RR=10.16.1.13 http_cf_connecting_ip=9.9.9.9 XFF=- XRI=210.227.0.10`,
		`lost realip_not_applied@web via 10.16.1.13 said 9.9.9.9`)
	f(`R=10.16.1.13 RR=10.16.1.13 http_cf_connecting_ip=210.227.0.10 XFF=210.227.0.10 XRI=210.227.0.10`,
		`forwarded realip_not_applied@web 210.227.0.10 http_cf_connecting_ip via 10.16.1.13`)
	f = checker(t, func() clientip.Config { c := chain(); c.Fields = []verdict.Field{"http_true_client_ip"}; return c }())
	// Without the PROXY protocol, and without X-Forwarded-For.
	f(`R=10.16.1.13 RR=10.16.1.13 http_true_client_ip=210.227.0.10 XFF=6.6.6.6`,
		`forwarded realip_not_applied@web 210.227.0.10 http_true_client_ip unvouched via 10.16.1.13 said 6.6.6.6`)
	f(`R=10.16.1.13 RR=10.16.1.13 http_true_client_ip=210.227.0.10 XFF="6.6.6.6, 210.227.0.10"`,
		`forwarded realip_not_applied@web 210.227.0.10 http_true_client_ip via 10.16.1.13 said 6.6.6.6`)
	f(`R=10.16.1.11 PP=210.227.0.10 XFF=6.6.6.6 ua=x`,
		`lost realip_not_applied@edge nlb via 10.16.1.11 said 6.6.6.6`)
	f(`R=210.227.0.10 http_true_client_ip=6.6.6.6`,
		`direct ok 210.227.0.10 remote_addr`)
}
