package infer_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"clearhop/parser"
	"clearhop/parser/infer"
	"clearhop/record"
)

// traffic makes lines of many visitors with several user agents behind two nodes of an
// NLB. In a template {c} is the visitor, {n} the node, {a} the agent and {i} a number.
func traffic(n int, template string) []string {
	agents := []string{"Mozilla/5.0 (X11; Linux)", "curl/8.5.0", "okhttp/4.12", "Mozilla/5.0 (iPhone)"}
	var lines []string
	for i := range n {
		lines = append(lines, strings.NewReplacer(
			"{c}", fmt.Sprintf("203.0.113.%d", 1+i%200), "{n}", []string{"10.16.1.11", "10.16.2.11"}[i%2],
			"{a}", agents[i%len(agents)], "{i}", fmt.Sprint(20000+i),
			"{r}", `[22/Nov/2026:11:00:24 +0000] "GET /a`+fmt.Sprint(i)+` HTTP/1.1" 200 17 "-" "`+agents[i%len(agents)]+`"`,
		).Replace(template))
	}
	return lines
}

var twoNodes = infer.Nodes{Given: true, Contains: func(a netip.Addr) bool { return a == netip.MustParseAddr("10.16.1.11") }}

// TestDoubts: where another column than the one that is read as $remote_addr behaves as
// the peer, the plan says so, and its Set marks the lines.
func TestDoubts(t *testing.T) {
	f := func(column, template string) {
		t.Helper()
		for _, n := range []int{1, 3, 40} {
			for _, nodes := range []infer.Nodes{{}, twoNodes} {
				lines := traffic(n, template)
				plan := infer.Decide(set(t, parser.Auto), lines, nodes)
				got := ""
				if len(plan.Doubts) > 0 {
					got = plan.Doubts[0].Column
				}
				if got != column {
					t.Errorf("%d lines of %s: doubt %q, want %q", n, template, got, column)
					continue
				}
				var r record.Record
				if err := plan.Set.Clone().Parse([]byte(lines[0]), &r); err != nil {
					t.Fatal(err)
				}
				if a := &r.Access; a.Logged.Has(record.LoggedOtherPeer) != (column != "") || column != "" && !a.Guessed.Has(record.LoggedRemoteAddr) {
					t.Errorf("%d lines of %s: logged %b, guessed %b", n, template, a.Logged, a.Guessed)
				}
			}
		}
	}
	const request = `"request":"GET /a HTTP/1.1","status":200,"http_user_agent":"{a}"`
	// What could acquit a broken chain.
	f("http_x_forwarded_for", `{c} - - {r} "{n}"`)
	f("http_x_real_ip", `{c} - - {r} "{c}" "{n}"`)
	f("unnamed_10", `{c} - - {r} {n}`)
	f("unnamed_11", `{c} - - {r} 0.012 {n}`)
	f("unnamed_peer", `{c} - - {r} peer={n} rt=0.012`)
	f("peer", `{"client_ip":"{c}","peer":"{n}",`+request+`}`)
	f("clientAddr", `{"client_ip":"{c}","clientAddr":"{n}",`+request+`}`)
	f("net.peer.ip", `{"clientip":"{c}","net":{"peer":{"ip":"{n}"}},`+request+`}`)
	f("peer", `{"client_ip":"{c}","peer":"{n}:{i}",`+request+`}`)
	f("host", `{"client_ip":"{c}","host":"{n}","vhost":"www.example.com",`+request+`}`)
	f("peer", "host:{c}\tpeer:{n}\treq:GET / HTTP/1.1\tstatus:200")
	// What proves nothing against the first address.
	f("", `{c} - - {r}`)
	f("", `{c} - - {r} "-"`)
	f("", `{c} - - {r} "{c}"`)
	f("", `{c} - - {r} "{c}, 10.16.1.13"`)
	f("", `{c} - - {r} "10.16.1.14:8080" "0.012"`)
	f("", `{c} - - {r} "www.example.com"`)
	f("", `{"client_ip":"{c}","server_addr":"10.16.1.14",`+request+`}`)
	f("", `{"remote_addr":"{c}","peer":"{n}",`+request+`}`)
	f("", `{"client_ip":"{c}","realip_remote_addr":"{n}",`+request+`}`)
	// The lines show the NLB already.
	f("", `{n} - - {r} "{c}"`)
	f("", `{n} - - {r} 10.16.1.14`)
}

// TestDoubtOfSome: what visitors send in some lines casts no doubt on all.
func TestDoubtOfSome(t *testing.T) {
	lines := append(traffic(90, `{c} - - {r} "-"`), traffic(10, `{c} - - {r} "10.1.2.3"`)...)
	if plan := infer.Decide(set(t, parser.Auto), lines, infer.Nodes{}); len(plan.Doubts) > 0 {
		t.Errorf("%+v", plan.Doubts)
	}
}

// TestLikeliestPeer: of several columns of addresses the one that behaves as the peer is
// $remote_addr, and the visitors' one before it a header.
func TestLikeliestPeer(t *testing.T) {
	f := func(want, template string) {
		t.Helper()
		for _, nodes := range []infer.Nodes{{}, {Given: true, Contains: func(a netip.Addr) bool { return a.String() == "10.16.1.11" || a.String() == "10.16.2.11" }}} {
			p := infer.LogFormat(traffic(40, template), nodes)
			if p == nil || !strings.Contains(p.Text, want) {
				t.Errorf("%s is read as %+v, want %s", template, p, want)
				continue
			}
			if isChosen := want[0] != '!'; p.Guessed.Has(record.LoggedOtherPeer) != isChosen {
				t.Errorf("%s: guessed %b", template, p.Guessed)
			}
		}
	}
	f("$http_x_forwarded_for|$remote_addr", `2026-11-22T11:00:24+00:00|{c}|{n}|GET /a HTTP/1.1|200|{a}`)
	f("$http_x_forwarded_for\t$remote_addr", "2026-11-22T11:00:24+00:00\t{c}\t{n}\tGET\t/a\t200\t{a}")
	f(`"$http_x_forwarded_for","$remote_addr"`, `"2026-11-22T11:00:24+00:00","{c}","{n}","GET /a HTTP/1.1","200","{a}"`)
	f("] $http_x_forwarded_for $remote_addr", `[22/Nov/2026:11:00:24 +0000] {c} {n} "GET /a HTTP/1.1" 200 17 "-" "{a}"`)
	f(" $remote_addr - ", `10.16.1.14 {n} - - {r}`)
}

// TestServersAddress: a column that is the same over many user agents is no header.
func TestServersAddress(t *testing.T) {
	for _, value := range []string{`"10.16.1.14"`, `"52.1.2.3"`, `"52.1.2.3:8080"`} {
		lines := traffic(40, `{n} - - {r} `+value)
		plan := infer.Decide(set(t, parser.Auto), lines, infer.Nodes{})
		var r record.Record
		if err := plan.Set.Clone().Parse([]byte(lines[0]), &r); err != nil || r.Access.XForwardedFor != nil {
			t.Errorf("%s is read as X-Forwarded-For %q (%v), %v", value, r.Access.XForwardedFor, plan.Formats, err)
		}
	}
}
