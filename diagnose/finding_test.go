package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"clearhop/enrich/clientip"
	"clearhop/verdict"

	"github.com/google/go-cmp/cmp"
)

// TestFindings: what is a finding of its own is no alternative of another one.
func TestFindings(t *testing.T) {
	f := func(name string, faults []string, want ...string) {
		t.Helper()
		var list []fault
		for _, text := range faults {
			list = append(list, faultOf(text))
		}
		c := NewCounters(Config{})
		var got []string
		for _, finding := range c.findings((&facts{}).decide(list)) {
			text := fmt.Sprintf("%s@%s", finding.Code, finding.Hop)
			for _, a := range finding.Alternatives {
				text += " or " + a.Code.String()
			}
			if finding.Certain != (len(finding.Alternatives) == 0) {
				t.Errorf("%s: %s: certain is %t", name, text, finding.Certain)
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	f("none", nil)
	f("two causes", []string{"proxy_protocol_off or realip_not_applied"}, "proxy_protocol_off@edge or realip_not_applied")
	f("the other cause is a finding", []string{"proxy_protocol_off or trusts_too_much", "trusts_too_much"},
		"proxy_protocol_off@edge", "trusts_too_much@edge")
	f("the other cause of the web hop's lines is a finding at the edge", []string{"trusts_too_much", "realip_not_applied@web or trusts_too_much"},
		"trusts_too_much@edge", "realip_not_applied@web")
	f("the other cause is a finding at another hop", []string{"proxy_protocol_off or realip_not_applied", "realip_not_applied@web"},
		"proxy_protocol_off@edge or realip_not_applied", "realip_not_applied@web")
}

// TestFindingThatPROXYProtocolContradicts: only the edge logs a client by the
// PROXY protocol, so that it is the edge that takes another one.
func TestFindingThatPROXYProtocolContradicts(t *testing.T) {
	f := func(named int64, want string) {
		t.Helper()
		d := faultOf("fields_disagree")
		d.tally.lines, d.tally.named = 10, named
		if got := NewCounters(Config{}).findings((&facts{}).decide([]fault{d}))[0].Title; got != want {
			t.Errorf("%d of 10: %s", named, got)
		}
	}
	f(5, remedyOf(cause{verdict.FieldsDisagree, verdict.Edge}).title)
	f(6, proxyProtocolDisagrees.title)
}

func TestJoinedOf(t *testing.T) {
	j := &Joined{Right: 1, BeforeEdge: 2, EdgeHandsOn: 4, EdgeOwnLog: 8, Web: 16, WebOther: 32}
	f := func(reason verdict.Reason, hop verdict.Hop, want int64) {
		t.Helper()
		if got := joinedOf(cause{reason, hop}, j); got != want {
			t.Errorf("%s@%s: %d, want %d", reason, hop, got, want)
		}
	}
	f(verdict.ProxyProtocolOff, verdict.Edge, 2)
	f(verdict.RealipNotApplied, verdict.Edge, 4+8)
	f(verdict.EdgeHandedOnProxy, verdict.Edge, 2+4)
	f(verdict.EdgeHandedOnNothing, verdict.Edge, 2+4)
	f(verdict.RealipNotApplied, verdict.Web, 16)
	f(verdict.TrustsTooMuch, verdict.Web, 32)
	f(verdict.TrustsTooMuch, verdict.Edge, 0)
}

// TestPeerParts: the peers without a fault are listed only where the peer is
// known for all lines, and only those of the same hop.
func TestPeerParts(t *testing.T) {
	var chain clientip.Chain
	chain.NLB.Add(node1, node2)
	chain.Trusted.Add(edge1)
	show := func(parts []Part) (list []string) {
		for _, p := range parts {
			list = append(list, fmt.Sprintf("%s %d of %d", p.Name, p.Lines, p.Of))
		}
		return list
	}
	f := func(name string, lines Tally, want ...string) {
		t.Helper()
		c := counted(Config{Chain: chain}, right("log", node1, 5), right("log", node2, 7), right("log", edge1, 9), lines)
		k := cause{lines.Reason, lines.Hop}
		if diff := cmp.Diff(want, show(c.peerParts(k, c.causes[k]))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	f("the peer is logged", wrong("log", node1, verdict.RealipNotApplied, 3), "10.16.1.11 3 of 8", "10.16.2.11 0 of 7")
	hidden := wrong("log", node1, verdict.RealipNotApplied, 3)
	hidden.PeerAlways = false
	f("the peer is not logged", hidden, "10.16.1.11 3 of 0")
	f("the hop behind shows it", wrong("log", edge1, verdict.EdgeHandedOnProxy, 3), "10.16.1.13 3 of 12")
	f("either hop can show it", wrong("log", node1, verdict.FieldsDisagree, 3), "10.16.1.11 3 of 8")
	f("a public peer is redacted", wrong("log", netip.MustParseAddr("210.227.0.10"), verdict.TrustsTooMuch, 3),
		"210.227.0.x 3 of 3", "10.16.2.11 0 of 7", "10.16.1.11 0 of 5")
	web := wrong("log", edge1, verdict.RealipNotApplied, 3)
	web.Hop = verdict.Web
	f("the web hop", web, "10.16.1.13 3 of 12")
}

// TestFixValues: steps name the addresses of the chain, or else the peers that
// show the fault.
func TestFixValues(t *testing.T) {
	var given clientip.Chain
	given.NLB.Add(node1)
	given.Trusted.Add(edge1, netip.MustParseAddr("203.0.113.9"))
	f := func(name string, chain clientip.Chain, hop verdict.Hop, nlb, edge []string) {
		t.Helper()
		lines := wrong("log", node2, verdict.RealipNotApplied, 3)
		lines.Hop = hop
		c := counted(Config{Chain: chain}, lines)
		k := cause{lines.Reason, hop}
		v := c.fixValues(&fault{cause: k, tally: c.causes[k]}, nil)
		if diff := cmp.Diff([][]string{nlb, edge}, [][]string{v.nlb, v.edge}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	f("given; a public proxy is no task of the edge", given, verdict.Edge, []string{"10.16.1.11"}, []string{"10.16.1.13"})
	f("not given, at the edge", clientip.Chain{}, verdict.Edge, []string{"10.16.2.11"}, nil)
	f("not given, at the web hop", clientip.Chain{}, verdict.Web, nil, []string{"10.16.2.11"})
	discovered := clientip.Chain{Nodes: map[netip.Addr]string{node1: "shop"}}
	f("discovered", discovered, verdict.Edge, []string{"10.16.1.11"}, nil)

	// An address that may be a client of your own is never one to trust.
	c := counted(Config{Chain: given}, wrong("log", node1, verdict.RealipNotApplied, 3))
	k := cause{verdict.RealipNotApplied, verdict.Edge}
	v := c.fixValues(&fault{cause: k, tally: c.causes[k]}, []verdict.Reason{verdict.OwnClient})
	if step := v.edgeReads(); slices.Contains(step.Lines, "set_real_ip_from 10.16.1.11;") || !strings.Contains(step.Note, "10.16.1.11 is left out") {
		t.Errorf("%+v", step)
	}
}

// TestLocalHop: what only requests from nginx's own host show is fixed at the hop
// that runs there.
func TestLocalHop(t *testing.T) {
	f := func(peer string, want bool) {
		t.Helper()
		d := faultOf("edge_handed_on_nothing or proxy_protocol_off")
		d.tally.peers.at(netip.MustParseAddr(peer), 3)
		got := NewCounters(Config{}).findings((&facts{}).decide([]fault{d}))[0]
		if (got.Title == localHop.title) != want || got.Certain != want {
			t.Errorf("%s: %s, %+v", peer, got.Title, got.Alternatives)
		}
	}
	f("127.0.0.1", true)
	f("::1", true)
	f("10.16.1.13", false)
}
