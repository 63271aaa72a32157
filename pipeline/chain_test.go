package pipeline_test

import (
	"net/netip"
	"strings"
	"testing"

	"clearhop/enrich/clientip"
	"clearhop/pipeline"
	"clearhop/record"

	"github.com/google/go-cmp/cmp"
)

func TestReadChain(t *testing.T) {
	f := func(name string, c clientip.Settings, nlb, trusted, internal []string, inferred bool) {
		t.Helper()
		chain, err := c.ReadChain()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		want := [][]string{nlb, trusted, internal}
		if diff := cmp.Diff(want, [][]string{chain.NLB.Texts(), chain.Trusted.Texts(), chain.Internal.Texts()}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if chain.Inferred != inferred {
			t.Errorf("%s: inferred is %t", name, chain.Inferred)
		}
	}
	f("nothing", clientip.Settings{}, nil, nil, nil, true)
	f("empty texts", clientip.Settings{NLB: []string{""}, Trusted: []string{" , "}}, nil, nil, nil, true)
	f("clients only", clientip.Settings{Internal: []string{"10.0.0.9"}}, nil, nil, []string{"10.0.0.9"}, true)
	f("all", clientip.Settings{NLB: []string{"10.16.1.11,10.16.2.0/24"}, Trusted: []string{"10.16.1.13", "unix:"}, Internal: []string{"10.0.0.9"}},
		[]string{"10.16.1.11", "10.16.2.0/24"}, []string{"10.16.1.13", "unix:"}, []string{"10.0.0.9"}, false)
	f("nodes to be discovered", clientip.Settings{NLB: []string{"discover:shop, 10.16.1.11"}}, []string{"10.16.1.11"}, nil, nil, true)

	_, err := (&clientip.Settings{NLB: []string{"x"}, Trusted: []string{"y"}, Internal: []string{"z"}}).ReadChain()
	for _, want := range []string{`nlb: "x"`, `trusted: "y"`, `internal: "z"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in the error: %v", want, err)
		}
	}
}

// TestChainAsValue: a chain given as a value stands in for the texts, and an
// empty one has no proxy.
func TestChainAsValue(t *testing.T) {
	line := record.Line{Origin: &record.Origin{}, Text: []byte(
		`10.16.1.11 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-" "-"`)}
	f := func(name string, c pipeline.Config, want string) {
		t.Helper()
		out := open(t, c).Process(&line)
		if got := out.Record.Provenance.Verdict.String(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	var node clientip.Chain
	node.NLB.Add(netip.MustParseAddr("10.16.1.11"))
	f("no chain", pipeline.Config{}, "lost")
	f("an inferred chain", pipeline.Config{Chain: &clientip.Chain{Inferred: true}}, "lost")
	f("an empty chain", pipeline.Config{Chain: &clientip.Chain{}}, "internal")
	f("a node", pipeline.Config{Chain: &node}, "lost")
	f("an empty chain instead of texts", pipeline.Config{Chain: &clientip.Chain{}, Client: clientip.Settings{NLB: []string{"10.16.1.11"}}}, "internal")
	f("texts that are not read", pipeline.Config{Chain: &clientip.Chain{}, Client: clientip.Settings{Trusted: []string{"no address"}}}, "internal")
}
