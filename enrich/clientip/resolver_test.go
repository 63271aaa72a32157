package clientip_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clearhop/enrich/clientip"
	"clearhop/verdict"
)

func TestParseAddresses(t *testing.T) {
	f := func(want string, items ...string) {
		t.Helper()
		a, err := clientip.ParseAddresses(items...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range a.Prefixes {
			got = append(got, p.String())
		}
		if a.Unix {
			got = append(got, "unix:")
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q: got %s, want %s", items, s, want)
		}
		if a.Empty() != (want == "") {
			t.Errorf("%q: Empty is %t", items, a.Empty())
		}
	}
	f("")
	f("", "", " , ")
	f("10.16.1.11/32", "10.16.1.11")
	f("10.0.0.0/8 2001:db8::/32 unix:", "10.0.0.0/8, 2001:db8::/32", "unix:")
	f("10.16.1.0/24", "10.16.1.11/24") // nginx masks too
	f("10.16.1.11/32 10.16.0.0/16 0.0.0.0/0", "::ffff:10.16.1.11", "::ffff:10.16.0.0/112", "::ffff:0:0/96")
	f("2001:db8::1/128", "2001:DB8::1")
}

func TestParseAddressesNamesAllErrors(t *testing.T) {
	a, err := clientip.ParseAddresses("10.0.0.1, nlb.example", "fe80::1%eth0", "10.0.0.0/33", "::ffff:0:0/95", "10.0.0.0/08", "10.0.0.2")
	const want = `"nlb.example" is no address, CIDR or "unix:"
"fe80::1%eth0" is no address, CIDR or "unix:"
"10.0.0.0/33" is no address, CIDR or "unix:"
"::ffff:0:0/95" is wider than the IPv4-mapped addresses
"10.0.0.0/08" is no address, CIDR or "unix:"`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if len(a.Prefixes) != 2 {
		t.Errorf("read %v", a.Prefixes)
	}
}

func TestNewNamesAllErrors(t *testing.T) {
	_, err := clientip.New(clientip.Config{
		NLB:      clientip.Addresses{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.16.1.11/32"), {}}},
		Trusted:  clientip.Addresses{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::ffff:10.0.0.0/104")}},
		Internal: set("10.0.0.0/8,10.16.1.11,unix:"),
		Fields: []verdict.Field{
			verdict.XForwardedFor, verdict.RemoteAddr, verdict.RealipRemoteAddr, verdict.XForwardedFor, "cf_connecting_ip", "http_", verdict.ProxyProtocolAddr,
		},
		HealthPaths: []string{"/healthz", "ping", ""},
	})
	const want = `10.0.0.0/8 is given as a proxy and as internal
prefix ::ffff:10.0.0.0/104 cannot match: see ParseAddresses
10.16.1.11/32 is given as a proxy and as internal
prefix invalid Prefix cannot match: see ParseAddresses
"unix:" cannot be internal: it names no client
field "remote_addr" cannot name the client: give "proxy_protocol_addr" or $http_ variables
field "realip_remote_addr" cannot name the client: give "proxy_protocol_addr" or $http_ variables
field "http_x_forwarded_for" is named twice
field "cf_connecting_ip" cannot name the client: give "proxy_protocol_addr" or $http_ variables
field "http_" cannot name the client: give "proxy_protocol_addr" or $http_ variables
health check path "ping" does not start with a slash
health check path "" does not start with a slash`
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNewKeepsNothingOfItsConfig(t *testing.T) {
	c := chain()
	c.HealthPaths = []string{"/healthz"}
	c.Fields = clientip.DefaultFields()
	r := resolver(t, c)
	c.HealthPaths[0], c.Fields[0], c.NLB.Prefixes[0] = "/", verdict.XRealIP, netip.MustParsePrefix("9.9.9.9/32")
	var a clientip.Answer
	r.Resolve(evidence(t, "R=10.16.1.11 path=/healthz"), &a)
	if a.Verdict != verdict.HealthCheck || !a.NLBPrivateIP {
		t.Errorf("got %s", answer(&a))
	}
}

func TestSetsAreKnown(t *testing.T) {
	r := resolver(t, clientip.Config{NLB: set("10.16.1.0/24"), Trusted: set("2001:db8:16::/64"), Internal: set("10.16.1.99")})
	f := func(addr string, want bool) {
		t.Helper()
		if got := r.IsProxy(netip.MustParseAddr(addr)); got != want {
			t.Errorf("IsProxy(%s) = %t", addr, got)
		}
	}
	f("10.16.1.11", true)
	f("::ffff:10.16.1.11", true)
	f("2001:db8:16::1", true)
	f("10.16.1.99", false)
	f("210.227.0.10", false)
	if r.IsProxy(netip.Addr{}) {
		t.Error("no address is a proxy")
	}
	if r.Inferred() || !resolver(t, clientip.Config{Internal: set("10.0.0.0/8")}).Inferred() {
		t.Error("Inferred is wrong")
	}
	if resolver(t, clientip.Config{Trusted: set("unix:")}).Inferred() {
		t.Error("a set of unix: alone is a set")
	}
}

func TestWalk(t *testing.T) {
	r := resolver(t, clientip.Config{Trusted: set("10.0.0.0/8,unix:")})
	f := func(peer, header, off, on string) {
		t.Helper()
		var addr netip.Addr
		if peer != "unix:" {
			addr = netip.MustParseAddr(peer)
		}
		for i, want := range []string{off, on} {
			if got := r.Walk(addr, []byte(header), i == 1).String(); got != want {
				t.Errorf("Walk(%s, %q, %t) = %s, want %s", peer, header, i == 1, got, want)
			}
		}
	}
	f("10.0.0.1", "", "10.0.0.1", "10.0.0.1")
	f("9.9.9.9", "1.1.1.1", "9.9.9.9", "9.9.9.9")
	f("10.0.0.1", "1.1.1.1, 2.2.2.2, 10.0.0.5", "10.0.0.5", "2.2.2.2")
	f("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.3", "10.0.0.2")
	f("10.0.0.1", "unknown, 10.0.0.3", "10.0.0.3", "10.0.0.3")
	f("10.0.0.1", "unknown", "10.0.0.1", "10.0.0.1")
	f("10.0.0.1", "1.1.1.1, ,10.0.0.3,", "10.0.0.3", "1.1.1.1")
	f("10.0.0.1", "1.1.1.1:443, 10.0.0.3:80", "10.0.0.3", "1.1.1.1")
	f("10.0.0.1", "1.1.1.1\t", "10.0.0.1", "10.0.0.1")
	f("10.0.0.1", ",1.1.1.1", "10.0.0.1", "10.0.0.1")
	f("::ffff:10.0.0.1", "::ffff:1.2.3.4", "1.2.3.4", "1.2.3.4")
	f("unix:", "1.1.1.1, 10.0.0.5", "10.0.0.5", "1.1.1.1")
	f("unix:", "junk", "invalid IP", "invalid IP")
}

func TestListsAreBounded(t *testing.T) {
	r := resolver(t, clientip.Config{NLB: set("10.16.1.11"), Trusted: set("10.0.0.0/8")})
	var claims, proxies []string
	for i := range 100 {
		claims = append(claims, "6.6.6."+strings.Repeat("0", i)+"6")
		proxies = append(proxies, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}).String())
	}
	e := evidence(t, "R=10.16.1.13 RR=10.16.1.13")
	e.XForwardedFor = value(strings.Join(slices.Concat(claims, []string{"210.227.0.10"}, proxies), ", "))
	var a clientip.Answer
	r.Resolve(e, &a)
	if a.Client.String() != "210.227.0.10" || len(a.Hops) != clientip.MaxHops || a.HopCount != 102 ||
		len(a.Claimed) != clientip.MaxClaimed || a.ClaimedCount != 100 {
		t.Errorf("got %d of %d hops, %d of %d claims: %s", len(a.Hops), a.HopCount, len(a.Claimed), a.ClaimedCount, answer(&a))
	}
	e.XForwardedFor = value(strings.Repeat("x", 1000) + ", 210.227.0.10")
	r.Resolve(e, &a)
	if len(a.Claimed) != 1 || len(a.Claimed[0]) != clientip.MaxToken {
		t.Errorf("claimed %q", a.Claimed)
	}
}

// TestIsPrivateKnowsTheNetworks holds IsPrivate to the networks that inferred
// sets are made of: the first and the last address of each are in, and their
// neighbours are out.
func TestIsPrivateKnowsTheNetworks(t *testing.T) {
	for _, text := range clientip.PrivateNetworks() {
		p := netip.MustParsePrefix(text)
		first, last := p.Masked().Addr(), lastAddr(p)
		for addr, want := range map[netip.Addr]bool{first: true, last: true, first.Prev(): false, last.Next(): false} {
			if addr.IsValid() && clientip.IsPrivate(addr) != want {
				t.Errorf("%s of %s: private is %t, want %t", addr, p, !want, want)
			}
		}
	}
}

func lastAddr(p netip.Prefix) netip.Addr {
	bytes := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(bytes); bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	addr, _ := netip.AddrFromSlice(bytes)
	return addr
}
