package geoip_test

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"clearhop/enrich/geoip"
)

// nested are networks around the sizes at which a Reader remembers answers: networks that
// are larger and smaller than a block of IPv4, one inside the other, down to one address.
var nested = fixture{databaseType: "GeoLite2-ASN", networks: `
44.0.0.0/8         {"autonomous_system_number":1}
44.7.0.0/16        {"autonomous_system_number":2}
44.8.0.0/15        {"autonomous_system_number":3}
44.10.0.0/17       {"autonomous_system_number":4}
44.11.12.0/24      {"autonomous_system_number":5}
44.11.13.0/25      {"autonomous_system_number":6}
44.11.13.7/32      {"autonomous_system_number":7}
192.0.1.0/24       {"autonomous_system_number":8}
2001:218::/32      {"autonomous_system_number":9}
2001:218:1::/48    {"autonomous_system_number":10}
2001:218:2:3::/64  {"autonomous_system_number":11}
2001:218:2:4::5/128 {"autonomous_system_number":12}`}

// edges are the first and last addresses of the networks of a fixture, and those beside
// them.
func edges(f *fixture) []netip.Addr {
	var addrs []netip.Addr
	for line := range strings.Lines(f.networks) {
		text, _, ok := strings.Cut(line, " ")
		if !ok {
			continue
		}
		network := netip.MustParsePrefix(text)
		first, last := network.Addr(), network.Addr().AsSlice()
		for bit := network.Bits(); bit < len(last)*8; bit++ {
			last[bit/8] |= 0x80 >> (bit % 8)
		}
		end, _ := netip.AddrFromSlice(last)
		for _, addr := range []netip.Addr{first, first.Prev(), first.Next(), end, end.Prev(), end.Next()} {
			addrs = append(addrs, addr)
			if addr.Is4() {
				addrs = append(addrs, netip.AddrFrom16(addr.As16())) // mapped to IPv6
			}
		}
	}
	return addrs
}

// mustAgree looks addr up with what a Reader remembers and without it.
func mustAgree(t *testing.T, reader *geoip.Reader, addr netip.Addr) {
	t.Helper()
	got, err := reader.Lookup(addr)
	want, wantErr := reader.LookupSlowly(addr)
	if got != want || (err == nil) != (wantErr == nil) {
		t.Fatalf("%s: got %+v, %v; the library says %+v, %v", addr, got, err, want, wantErr)
	}
}

// TestRememberedIsWhatTheLibrarySays looks up addresses at the edges of networks, and
// addresses near them, in an order that makes answers replace one another.
func TestRememberedIsWhatTheLibrarySays(t *testing.T) {
	onlyIPv4 := asnFixture
	onlyIPv4.ipVersion = 4
	onlyIPv4.networks = "8.8.8.0/24 " + `{"autonomous_system_number":15169}`
	onlyIPv6 := asnFixture
	onlyIPv6.networks = `2001:218::/32 {"autonomous_system_number":2914}`

	for _, asn := range []*fixture{&nested, &asnFixture, &onlyIPv4, &onlyIPv6} {
		for _, limit := range []int{0, 3, 100} {
			reader := open(t, geoip.Config{CityPath: cityFixture.write(t), ASNPath: asn.write(t), MaxAge: time.Hour}).NewReader()
			reader.Limit(limit)
			addrs := append(edges(asn), edges(&nested)...)
			addrs = append(addrs, edges(&cityFixture)...)
			random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same addresses in each run
			for range 20 {
				random.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
				for _, addr := range addrs {
					if !addr.IsValid() {
						continue // before the first address, or behind the last
					}
					mustAgree(t, reader, addr)
				}
			}
		}
	}
}

// TestForgottenWithTheOldDatabase replaces a database by one with other networks.
func TestForgottenWithTheOldDatabase(t *testing.T) {
	databases := open(t, geoip.Config{ASNPath: asnFixture.write(t)})
	reader := databases.NewReader()
	addrs := append(edges(&nested), edges(&asnFixture)...)
	for _, next := range []*fixture{&asnFixture, &nested, &asnFixture} {
		path := next.write(t)
		if err := databases.Replace(geoip.Systems, path, path); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for _, addr := range addrs {
				if addr.IsValid() {
					mustAgree(t, reader, addr)
				}
			}
		}
	}
}

// FuzzRememberedIsWhatTheLibrarySays looks up the addresses of data, each of them four
// bytes that replace the beginning or the end of an address of a fixture.
func FuzzRememberedIsWhatTheLibrarySays(f *testing.F) {
	databases := open(f, geoip.Config{CityPath: cityFixture.write(f), ASNPath: nested.write(f)})
	f.Add([]byte("\x2c\x0b\x0d\x07\x2c\x0b\x0d\x08\x2c\x07\x00\x01\x20\x01\x02\x18"))
	f.Add([]byte("\x0a\x00\x00\x01\xc0\x00\x01\x01\xc0\x00\x02\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		reader := databases.NewReader()
		reader.Limit(4)
		for ; len(data) >= 4; data = data[4:] {
			four := [4]byte(data)
			begins := [16]byte{0: four[0], 1: four[1], 5: four[2], 15: four[3]}
			ends := [16]byte{0: 0x20, 1: 0x01, 2: 0x02, 3: 0x18, 5: four[0], 7: four[1], 14: four[2], 15: four[3]}
			for _, addr := range []netip.Addr{netip.AddrFrom4(four), netip.AddrFrom16(begins), netip.AddrFrom16(ends)} {
				mustAgree(t, reader, addr)
			}
		}
	})
}
