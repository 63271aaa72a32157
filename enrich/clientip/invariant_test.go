package clientip_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"clearhop/enrich/clientip"
	"clearhop/verdict"
)

// What holds for every answer, whatever the fields say. None of this asks the
// rules again: it is what a user may build on.

// configs are the chains that the invariants are held on.
func configs() []clientip.Config {
	strict := func(c clientip.Config) clientip.Config { c.Strict = true; return c }
	fields := func(c clientip.Config, f ...verdict.Field) clientip.Config { c.Fields = f; return c }
	mixed := clientip.Config{NLB: set("10.16.1.0/24"), Trusted: set("10.16.1.13,unix:"), Internal: set("10.16.1.99")}
	alone := clientip.Config{NLB: set("10.16.1.11")}
	return []clientip.Config{
		{}, strict(clientip.Config{}), chain(), strict(chain()), withCDN(), strict(withCDN()), subnet(), mixed, strict(mixed),
		alone, strict(alone),
		fields(withCDN(), "http_cf_connecting_ip", verdict.ProxyProtocolAddr, verdict.XForwardedFor),
		fields(strict(chain()), "http_cf_connecting_ip", verdict.ProxyProtocolAddr, verdict.XForwardedFor, verdict.XRealIP),
		fields(chain(), verdict.XRealIP, verdict.XForwardedFor),
		fields(strict(chain()), verdict.XForwardedFor, verdict.ProxyProtocolAddr, "http_cf_connecting_ip"),
		discovered(withCDN()), strict(discovered(chain())), notDiscovered(), strict(notDiscovered()),
	}
}

// contains reports whether a set holds addr.
func contains(a clientip.Addresses, addr netip.Addr) bool {
	return slices.ContainsFunc(a.Prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// mayWrite reports whether the sets allow that a hop writes forwarded headers:
// a trusted one does, a whole network of the NLB may if nothing else is given,
// an NLB node does if a CDN may stand before it.
func mayWrite(c clientip.Config, hop string) bool {
	if strings.HasPrefix(hop, "unix:") {
		return c.Trusted.Unix
	}
	addr, ok := clientip.ParseAddrPort(hop)
	if !ok {
		return false
	}
	wide := c.Trusted.Empty() && slices.ContainsFunc(c.NLB.Prefixes, func(p netip.Prefix) bool { return p.Contains(addr) && !p.IsSingleIP() })
	_, node := c.Nodes[addr]
	return contains(c.Trusted, addr) || wide || (contains(c.NLB, addr) || node) && slices.ContainsFunc(c.Trusted.Prefixes, isCDN)
}

func isCDN(trusted netip.Prefix) bool {
	return !trusted.Addr().IsPrivate() && (trusted.Addr().Is4() || trusted.Bits() < 64)
}

// mayBeCDN reports whether the sets allow that a hop that the PROXY protocol
// names writes forwarded headers: whoever comes by PrivateLink can have any
// private address.
func mayBeCDN(c clientip.Config, hop string) bool {
	addr, ok := clientip.ParseAddrPort(hop)
	return ok && slices.ContainsFunc(c.Trusted.Prefixes, func(p netip.Prefix) bool { return isCDN(p) && p.Contains(addr) })
}

func holdInvariants(t *testing.T, c clientip.Config, r *clientip.Resolver, e *clientip.Evidence, used *clientip.Answer) {
	t.Helper()
	before := printEvidence(e)
	var a clientip.Answer
	r.Resolve(e, &a)
	r.Resolve(e, used)
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s\nwith %+v\nanswered %s", fmt.Sprintf(format, args...), c, answer(&a))
		t.Logf("evidence %s", before)
	}
	if answer(&a) != answer(used) || a.HopCount != used.HopCount || a.ClaimedCount != used.ClaimedCount || a.Peer != used.Peer {
		fail("an Answer used again says %s", answer(used))
	}
	if printEvidence(e) != before {
		fail("the evidence was changed to %s", printEvidence(e))
	}

	// The exceptions: inferred sets hold private clients by PrivateLink, and
	// loopback, too.
	inferredClient := r.Inferred() && (len(e.VPCEndpoint) > 0 || a.Client.IsLoopback())
	if a.Client.IsValid() && r.IsProxy(a.Client) && !inferredClient {
		fail("a proxy is the client")
	}
	if a.Client.Is4In6() || a.Client.Zone() != "" {
		fail("the client %v is not canonical", a.Client)
	}
	if a.Client.IsValid() != (a.Field != "") || a.Vouched && !a.Client.IsValid() {
		fail("field %q and vouched %t with client %v", a.Field, a.Vouched, a.Client)
	}
	if a.Client.IsValid() && (len(a.Hops) == 0 || a.Hops[0] != a.Client) {
		fail("the first hop is not the client: %v", a.Hops)
	}
	if len(a.Hops) > clientip.MaxHops || len(a.Claimed) > clientip.MaxClaimed || len(a.Hops) > a.HopCount || len(a.Claimed) > a.ClaimedCount {
		fail("lists out of bounds: %d of %d hops, %d of %d claims", len(a.Hops), a.HopCount, len(a.Claimed), a.ClaimedCount)
	}
	for _, claim := range a.Claimed {
		if len(claim) == 0 || len(claim) > clientip.MaxToken {
			fail("claim %q", claim)
		}
	}

	if !slices.Contains(verdict.Verdicts(), a.Verdict) || !slices.Contains(verdict.Reasons(), a.Reason) {
		fail("an undocumented answer")
	}
	for i, also := range a.Alternatives {
		if !slices.Contains(verdict.Reasons(), also) || also == a.Reason || slices.Contains(a.Alternatives[:i], also) {
			fail("alternative %q", also)
		}
	}
	switch a.Verdict {
	case verdict.Lost, verdict.Unreadable, verdict.HealthCheck:
		if a.Client.IsValid() {
			fail("there is a client")
		}
	case verdict.Direct:
		if !names(string(e.RemoteAddr.Text), a.Client) {
			fail("the client is not $remote_addr")
		}
	case verdict.Forwarded, verdict.Internal:
		if !a.Client.IsValid() {
			fail("there is no client")
		}
	}
	if a.Verdict == verdict.Lost && a.NLBPrivateIP && a.Reason == verdict.OK && len(e.ProxyProtocolAddr.Text) == 0 {
		fail("an NLB's address stands in the client's place, and that is no fault")
	}
	if a.Hop != verdict.NoHop && !a.Reason.IsFault() {
		fail("a faulty hop without a fault")
	}
	if a.NLB != "" && c.Nodes[a.Peer] != a.NLB && !slices.ContainsFunc(slices.Collect(maps.Keys(c.Nodes)), func(node netip.Addr) bool {
		return c.Nodes[node] == a.NLB && names(string(e.RemoteAddr.Text), node)
	}) {
		fail("the NLB %q is neither the peer nor $remote_addr", a.NLB)
	}
	if a.NLBInferred && !a.NLBPrivateIP {
		fail("inferred, but nothing shows")
	}

	if c.Strict && a.Client.IsValid() && (!a.Vouched || a.Verdict == verdict.Disputed) {
		fail("strict mode gives a claim")
	}
	if a.Vouched {
		holdVouched(c, e, &a, fail)
	}
	if a.Client.IsValid() && len(e.VPCEndpoint) > 0 && names(string(e.RealipRemoteAddr.Text), node) &&
		a.Field != verdict.ProxyProtocolAddr && a.Field != verdict.RemoteAddr {
		fail("the client stands in a header that came by an endpoint")
	}
	holdVisitorsPower(t, r, e, &a)
	holdGuess(r, e, &a, fail)
}

// holdGuess: with guessed columns the same client is found, and nobody vouches for it.
// A guess of another column changes nothing.
func holdGuess(r *clientip.Resolver, e *clientip.Evidence, a *clientip.Answer, fail func(string, ...any)) {
	guessed := *e
	for _, v := range []*clientip.Value{&guessed.RemoteAddr, &guessed.RealipRemoteAddr, &guessed.ProxyProtocolAddr, &guessed.XForwardedFor, &guessed.XRealIP} {
		v.Guessed = true
	}
	var b clientip.Answer
	r.Resolve(&guessed, &b)
	switch {
	case r.Config().Strict:
		if b.Vouched && !strings.HasPrefix(string(b.Field), "http_cf") {
			fail("a guess is vouched for in strict mode: %s", answer(&b))
		}
	case b.Client != a.Client || b.Reason != a.Reason || b.Field != a.Field:
		fail("with guessed columns: %s", answer(&b))
	case b.Vouched && !strings.HasPrefix(string(b.Field), "http_cf"):
		fail("a guess is vouched for: %s", answer(&b))
	}
}

// names reports whether a text is the address.
func names(text string, addr netip.Addr) bool {
	got, ok := clientip.ParseAddrPort(text)
	return ok && got == addr
}

func isAddress(text string) bool {
	_, ok := clientip.ParseAddr(text)
	return ok || strings.HasPrefix(text, "unix:")
}

// holdVouched: never vouched when no trusted hop wrote it.
func holdVouched(c clientip.Config, e *clientip.Evidence, a *clientip.Answer, fail func(string, ...any)) {
	remote, realip, proxy := string(e.RemoteAddr.Text), string(e.RealipRemoteAddr.Text), string(e.ProxyProtocolAddr.Text)
	front := mayWrite(c, realip)
	switch {
	case isAddress(proxy) && !strings.HasPrefix(proxy, "unix:"):
		front = mayBeCDN(c, proxy)
	case !isAddress(realip) || isAddress(remote) && mayWrite(c, remote):
		front = mayWrite(c, remote)
	}
	anyWrites := front || !isAddress(proxy) && mayWrite(c, realip)
	inHeader := slices.ContainsFunc(append(tokens(e.XForwardedFor.Text), tokens(e.XRealIP.Text)...),
		func(s string) bool { return names(s, a.Client) })
	peer := isAddress(realip)
	switch a.Field {
	case verdict.ProxyProtocolAddr:
		// The NLB, or nginx's own set_real_ip_from, stands behind it.
		if peer && !names(realip, a.Client) && !isProxyText(c, realip) {
			fail("vouched, but the peer is no proxy")
		}
	case verdict.RealipRemoteAddr:
		if !names(realip, a.Client) {
			fail("vouched, but not the peer")
		}
	case verdict.RemoteAddr:
		// nginx saw it itself, or nobody can say otherwise, or the PROXY
		// protocol told it, or a proxy that writes headers.
		if peer && !names(realip, a.Client) && inHeader && !anyWrites {
			fail("vouched, but a header of the visitor's holds it")
		}
	default:
		if !front {
			fail("vouched, but who handed the header on writes none")
		}
		if last := lastOf(e.XForwardedFor.Text); a.Field != verdict.XForwardedFor && a.Field != verdict.XRealIP &&
			isAddress(last) && !isProxyText(c, last) && !names(last, a.Client) {
			fail("vouched, but X-Forwarded-For names another")
		}
	}
	fromWalk := a.Field == verdict.RemoteAddr && peer && !names(realip, a.Client) && inHeader &&
		!names(string(e.XRealIP.Text), a.Client) && !isAddress(proxy)
	if a.Field == verdict.XForwardedFor || fromWalk {
		all := tokens(e.XForwardedFor.Text)
		for i := len(all) - 1; i >= 0 && isProxyText(c, all[i]); i-- {
			if !mayWrite(c, all[i]) {
				fail("vouched, but %s on the way writes no headers", all[i])
			}
		}
	}
}

func isProxyText(c clientip.Config, text string) bool {
	r, err := clientip.New(c)
	addr, ok := clientip.ParseAddrPort(text)
	return strings.HasPrefix(text, "unix:") || err == nil && ok && r.IsProxy(addr)
}

// holdVisitorsPower: behind an NLB node that nginx shows, a visitor's headers
// change nothing of what is said of the chain, and never become a vouched
// client.
func holdVisitorsPower(t *testing.T, r *clientip.Resolver, e *clientip.Evidence, a *clientip.Answer) {
	t.Helper()
	const node = "10.16.1.11"
	if string(e.RealipRemoteAddr.Text) != node || string(e.RemoteAddr.Text) != node || e.ProxyProtocolAddr.Text != nil ||
		len(e.UserAgent.Text) > 0 || len(e.Path) > 0 || r.Inferred() || r.IsProxy(netip.MustParseAddr("10.16.1.12")) ||
		r.IsProxy(netip.MustParseAddr("203.0.113.5")) {
		return
	}
	if a.Vouched {
		t.Errorf("a visitor's header is vouched for: %s\n%s", answer(a), printEvidence(e))
	}
	silent := *e
	silent.XForwardedFor.Text, silent.XRealIP.Text, silent.Header = nil, nil, nil
	var b clientip.Answer
	r.Resolve(&silent, &b)
	if a.Reason != b.Reason || a.Hop != b.Hop || !slices.Equal(a.Alternatives, b.Alternatives) || a.NLBPrivateIP != b.NLBPrivateIP {
		t.Errorf("a visitor's header changes what is said of the chain\nfrom %s\n  to %s\n%s", answer(&b), answer(a), printEvidence(e))
	}
}

func lastOf(header []byte) string {
	if all := tokens(header); len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

func tokens(header []byte) []string {
	all := strings.FieldsFunc(string(header), func(r rune) bool { return r == ' ' || r == ',' })
	if len(all) > 0 && strings.HasPrefix(string(header), ","+all[0]) {
		all[0] = "," + all[0] // the first byte never separates
	}
	return all
}

func printEvidence(e *clientip.Evidence) string {
	var b strings.Builder
	for _, v := range []clientip.Value{e.RemoteAddr, e.RealipRemoteAddr, e.ProxyProtocolAddr, e.XForwardedFor, e.XRealIP, e.UserAgent} {
		fmt.Fprintf(&b, "%q %t, ", v.Text, v.Logged)
	}
	fmt.Fprintf(&b, "%q %q %q %q %d %t", e.BadRequest, e.Method, e.Path, e.VPCEndpoint, e.Status, e.Upstream)
	return b.String()
}

// What fields hold, mostly; "!" is a variable that was not logged.
var (
	addresses = []string{"10.16.1.11", "210.227.0.10", "10.16.1.13", "!", "", "203.0.113.5", "6.6.6.6", "unix:", "junk", "10.16.1.99", "10.9.9.9", "2001:db8:cd::1", "::ffff:10.16.1.11", "127.0.0.1"}
	headers   = []string{
		"", "!", "210.227.0.10", "6.6.6.6, 210.227.0.10", "10.16.1.11", "10.16.1.13, 210.227.0.10", "210.227.0.10, 10.16.1.13", "junk", "6.6.6.6, junk, 10.16.1.13",
		"6.6.6.6", "10.16.1.11, 6.6.6.6", "203.0.113.5", "6.6.6.6,210.227.0.10,203.0.113.5", ",10.16.1.13", "10.9.9.9", "unix:",
	}
)

func value(text string) clientip.Value {
	switch text {
	case "!":
		return clientip.Value{}
	case "":
		return clientip.Value{Logged: true}
	}
	return clientip.Value{Text: []byte(text), Logged: true}
}

// TestInvariants holds them on combinations of what fields hold, one of every
// few: the stride is prime, so that all fields turn.
func TestInvariants(t *testing.T) {
	stride := 41 // all of them would take half a minute
	if testing.Short() {
		stride = 401
	}
	var used clientip.Answer
	n := 0
	for _, c := range configs() {
		r := resolver(t, c)
		for _, remote := range addresses {
			for _, realip := range addresses {
				for _, proxy := range addresses {
					for _, xff := range headers {
						for i, xri := range []string{"", "210.227.0.10", "6.6.6.6", "10.16.1.11"} {
							n++
							if n%stride != 0 {
								continue
							}
							e := clientip.Evidence{
								RemoteAddr: value(remote), RealipRemoteAddr: value(realip), ProxyProtocolAddr: value(proxy),
								XForwardedFor: value(xff), XRealIP: value(xri),
							}
							switch (n/stride + i) % 7 {
							case 3:
								e.UserAgent = value("ELB-HealthChecker/2.0")
							case 4:
								e.VPCEndpoint = []byte("vpce-1")
							case 5:
								e.Status = 400
							case 6:
								e.Header = func(verdict.Field) clientip.Value { return value("6.6.6.6") }
							}
							holdInvariants(t, c, r, &e, &used)
							if t.Failed() {
								return
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d records of %d", n/stride, n)
}

func FuzzResolve(f *testing.F) {
	for i := range configs() {
		for j, h := range headers {
			f.Add(uint8(i), addresses[j%len(addresses)], "10.16.1.11", "210.227.0.10", h, "6.6.6.6", "6.6.6.6", "", []byte("\x00"), 400, uint8(j))
			f.Add(uint8(i), "10.16.1.13", "!", "", h+", 10.16.1.13", "!", "", "ELB-HealthChecker/2.0", []byte("PROXY TCP4 6.6.6.6 1.1.1.1 1 2"), 200, uint8(j))
		}
	}
	all := configs()
	resolvers := make([]*clientip.Resolver, len(all))
	for i, c := range all {
		resolvers[i] = resolver(f, c)
	}
	var dirty clientip.Evidence
	dirty.RemoteAddr, dirty.XForwardedFor = value("10.16.1.13"), value("9.9.9.9, 8.8.8.8, junk, 210.227.0.10, 10.16.1.13")
	f.Fuzz(func(t *testing.T, config uint8, remote, realip, proxy, xff, xri, provider, agent string, request []byte, status int, more uint8) {
		i := int(config) % len(all)
		e := clientip.Evidence{
			RemoteAddr: value(remote), RealipRemoteAddr: value(realip), ProxyProtocolAddr: value(proxy),
			XForwardedFor: value(xff), XRealIP: value(xri), UserAgent: value(agent), Status: status,
		}
		if more&1 != 0 {
			e.VPCEndpoint = []byte("vpce-1")
		}
		if more&2 != 0 {
			e.BadRequest = bytes.Clone(request)
		}
		e.Upstream = more&8 != 0
		if more&16 != 0 {
			e.Method = []byte("TRACE")
		}
		if more&4 != 0 {
			e.Header = func(verdict.Field) clientip.Value { return value(provider) }
		}
		var used clientip.Answer
		resolvers[i].Resolve(&dirty, &used)
		holdInvariants(t, all[i], resolvers[i], &e, &used)
	})
}
