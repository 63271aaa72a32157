package diagnose

import (
	"fmt"
	"net/netip"
	"testing"

	"clearhop/record"
	"clearhop/verdict"

	"github.com/google/go-cmp/cmp"
)

// TestJoin: what the lines of both hops say together.
func TestJoin(t *testing.T) {
	client, other := netip.MustParseAddr("210.227.0.10"), netip.MustParseAddr("210.227.0.11")
	isProxy := func(addr netip.Addr) bool { return addr == node1 || addr == edge1 }
	f := func(name string, edge, web hopLine, want Joined) {
		t.Helper()
		edge.source, web.source = 0, 1
		want.Requests = 1
		for _, lines := range [][2]hopLine{{edge, web}, {web, edge}} { // in either order
			var j joiner
			j.join(lines[0], lines[1], isProxy)
			if diff := cmp.Diff(want, j.result); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
	edge := hopLine{hop: verdict.Edge, remote: client, client: client}
	atNode := hopLine{hop: verdict.Edge, remote: node1}
	web := hopLine{hop: verdict.Web, remote: client, handed: client}

	f("right", edge, web, Joined{Right: 1})
	f("the edge logs the NLB and passes the client on", atNode, web, Joined{EdgeOwnLog: 1})
	f("the web hop does not take the client", edge, hopLine{hop: verdict.Web, remote: edge1, handed: client}, Joined{Web: 1})
	f("the edge passes the NLB on", edge, hopLine{hop: verdict.Web, remote: node1, handed: node1}, Joined{EdgeHandsOn: 1})
	f("the edge passes nothing on", edge, hopLine{hop: verdict.Web, remote: edge1}, Joined{EdgeHandsOn: 1})
	f("the edge passes another client on", edge, hopLine{hop: verdict.Web, remote: other, handed: other}, Joined{EdgeHandsOn: 1})
	f("the edge knows nobody", atNode, hopLine{hop: verdict.Web, remote: node1, handed: node1}, Joined{BeforeEdge: 1})
	f("only one line names its hop", edge, hopLine{remote: client, handed: client}, Joined{Right: 1})
	f("neither line names its hop, and one has a header", hopLine{remote: client, client: client},
		hopLine{remote: client, handed: client, header: true}, Joined{Right: 1})
}

// TestNotJoined: two lines of one hop say nothing together.
func TestNotJoined(t *testing.T) {
	f := func(name string, a, b hopLine) {
		t.Helper()
		if _, _, ok := inOrder(a, b); ok {
			t.Errorf("%s: joined", name)
		}
	}
	f("two edges", hopLine{hop: verdict.Edge}, hopLine{hop: verdict.Edge})
	f("two web hops", hopLine{hop: verdict.Web}, hopLine{hop: verdict.Web})
	f("two unknown hops without a header", hopLine{}, hopLine{})
	f("two unknown hops with a header", hopLine{header: true}, hopLine{header: true})
}

// withID makes a record of a request with an id.
func withID(own, passedOn string) *record.Record {
	r := accessRecord("/")
	r.Access.RequestID = []byte(own)
	if passedOn != "" {
		r.Access.Extra = []record.Pair{{Name: "http_x_request_id", Value: []byte(passedOn)}}
	}
	return r
}

// TestJoinedByID: lines belong together if one id is the same, of two sources.
func TestJoinedByID(t *testing.T) {
	edge := hopLine{source: 0, hop: verdict.Edge}
	f := func(name string, a, b *record.Record, source uint32, want int64) {
		t.Helper()
		j := joiner{waiting: map[uint64]hopLine{}}
		noProxy := func(netip.Addr) bool { return false }
		j.add(a, edge, noProxy)
		j.add(b, hopLine{source: source, hop: verdict.Web}, noProxy)
		if j.result.Requests != want {
			t.Errorf("%s: %d requests", name, j.result.Requests)
		}
	}
	f("the same id", withID("0123456789", ""), withID("0123456789", ""), 1, 1)
	f("passed on", withID("0123456789", ""), withID("abcdefghij", "0123456789"), 1, 1)
	f("another id", withID("0123456789", ""), withID("abcdefghij", ""), 1, 0)
	f("one source", withID("0123456789", ""), withID("0123456789", ""), 0, 0)
	f("too short for an id", withID("0123456", ""), withID("0123456", ""), 1, 0)
	f("no id", withID("", ""), withID("", ""), 1, 0)
}

// TestJoinerSamples: of too many requests both sources keep the same ones.
func TestJoinerSamples(t *testing.T) {
	j := joiner{waiting: map[uint64]hopLine{}}
	noProxy := func(netip.Addr) bool { return false }
	const n = maxWaiting * 3
	for i := range n {
		j.add(withID(fmt.Sprintf("request-%08d", i), ""), hopLine{source: 0, hop: verdict.Edge}, noProxy)
	}
	if len(j.waiting) > maxWaiting || !j.result.Sampled {
		t.Fatalf("%d requests wait, sampled is %t", len(j.waiting), j.result.Sampled)
	}
	waiting := int64(len(j.waiting))
	for i := range n {
		j.add(withID(fmt.Sprintf("request-%08d", i), ""), hopLine{source: 1, hop: verdict.Web}, noProxy)
	}
	if j.result.Requests != waiting {
		t.Errorf("%d requests were joined, %d waited", j.result.Requests, waiting)
	}
}
