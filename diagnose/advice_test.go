package diagnose

import (
	"net/netip"
	"testing"

	"clearhop/enrich/clientip"
	"clearhop/record"
	"clearhop/verdict"

	"github.com/google/go-cmp/cmp"
)

func TestAdvice(t *testing.T) {
	var chain clientip.Chain
	chain.NLB.Add(node1)
	cdn := []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
	f := func(name string, c Config, read Read, want ...string) {
		t.Helper()
		counters := NewCounters(c)
		counters.read = read
		if diff := cmp.Diff(want, counters.advice()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	all := Read{Lines: 100, Access: 100}
	f("nothing was read", Config{Roles: &Roles{CDN: cdn}}, Read{})
	f("all is well", Config{Roles: &Roles{NLB: []Peer{{Address: node1}}}, Chain: chain, GivenNLB: true}, all)

	f("a node was not given", Config{Roles: &Roles{NLB: []Peer{{Address: node2, Why: "it speaks"}}}, Chain: chain, GivenNLB: true}, all,
		"10.16.2.11 looks like a node of the NLB (it speaks) and is not among the addresses given with --nlb: it counts as a client.")
	f("a task was not given", Config{Roles: &Roles{Edge: []Peer{{Address: edge1, Why: "it writes"}}}, Chain: chain, GivenTrusted: true}, all,
		"10.16.1.13 looks like a task of the edge (it writes) and is not among the addresses given with --trusted: it counts as a client.")
	const aCDN = "A CDN, or another proxy, seems to stand before the NLB: give its networks with --trusted. If there is none, visitors forge X-Forwarded-For."
	f("a CDN was inferred", Config{Roles: &Roles{CDN: cdn}}, all, aCDN)
	f("the other proxies were given", Config{Roles: &Roles{CDN: cdn}, GivenTrusted: true}, all)

	f("a tenth is masked", Config{}, Read{Lines: 100, Access: 100, Masked: 10},
		"In 10 of 100 access lines $remote_addr is no address: masked logs cannot be judged.")
	f("less than a tenth is masked", Config{}, Read{Lines: 100, Access: 100, Masked: 9})
	f("a tenth was refused", Config{}, Read{Lines: 100, Access: 100, Refused: 10},
		"10 of 100 requests were refused before nginx could know the client. For the log: "+verdict.RejectedBeforeRealip.Info().Fix[len("for the log: "):]+".")
	f("a small sample was refused", Config{}, Read{Lines: 9, Access: 9, Refused: 9})
	f("a tenth was not parsed", Config{}, Read{Lines: 100, Access: 90, Unparsed: 10},
		"10 of 100 lines could not be read: give the log_format with --format.")

	f("a target group does both", Config{TargetGroups: []record.TargetGroup{
		{Name: "one", ProxyProtocolV2: true}, {Name: "two", PreserveClientIP: true}, {Name: "three", ProxyProtocolV2: true, PreserveClientIP: true},
	}}, all,
		"Target group three has both proxy_protocol_v2.enabled and preserve_client_ip.enabled: turn preserve_client_ip.enabled off, because with it set_real_ip_from must hold the clients too.")
}

// TestMissing: a variable is missing where half of the lines of a source lack it.
func TestMissing(t *testing.T) {
	const all = variables
	f := func(name string, logged map[string][]record.Logged, want ...string) {
		t.Helper()
		c := NewCounters(Config{})
		for _, source := range []string{"a", "b"} {
			for _, l := range logged[source] {
				c.source(source).logged[l]++
			}
		}
		var got []string
		for _, m := range c.missing() {
			text := m.Variable
			for _, source := range m.Sources {
				text += " " + source
			}
			if m.Cost == "" {
				t.Errorf("%s: %s costs nothing", name, m.Variable)
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	type logged = map[string][]record.Logged
	f("nothing was read", nil)
	f("all is logged", logged{"a": {all}})
	f("one is not", logged{"a": {all &^ record.LoggedRealipRemoteAddr}}, "$realip_remote_addr")
	f("one is not in half of the lines", logged{"a": {all, all &^ record.LoggedXRealIP}}, "$http_x_real_ip")
	f("one is not in a third of the lines", logged{"a": {all, all, all &^ record.LoggedXRealIP}})
	f("one source lacks it", logged{"a": {all}, "b": {all &^ record.LoggedXForwardedFor}}, "$http_x_forwarded_for b")
	f("both sources lack it", logged{"a": {all &^ record.LoggedRemoteAddr}, "b": {all &^ record.LoggedRemoteAddr}}, "$remote_addr")
	f("several", logged{"a": {0}},
		"$remote_addr", "$realip_remote_addr", "$proxy_protocol_addr", "$http_x_forwarded_for", "$http_x_real_ip")
}
