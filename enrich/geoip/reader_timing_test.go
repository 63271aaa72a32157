package geoip_test

import (
	"net/netip"
	"testing"
	"time"

	"clearhop/enrich/geoip"
)

func BenchmarkLookup(b *testing.B) {
	databases := open(b, geoip.Config{
		CityPath: cityFixture.write(b),
		ASNPath:  asnFixture.write(b),
		MaxAge:   24 * time.Hour,
	})
	found, private := netip.MustParseAddr("2.125.160.217"), netip.MustParseAddr("10.0.5.4")

	b.Run("cached", func(b *testing.B) {
		reader := databases.NewReader()
		b.ReportAllocs()
		for b.Loop() {
			_, _ = reader.Lookup(found)
		}
	})
	b.Run("private", func(b *testing.B) {
		reader := databases.NewReader()
		b.ReportAllocs()
		for b.Loop() {
			_, _ = reader.Lookup(private)
		}
	})
	b.Run("read", func(b *testing.B) {
		reader := databases.NewReader()
		reader.Limit(0) // forgets everything at once
		others := [2]netip.Addr{found, netip.MustParseAddr("44.0.0.1")}
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			_, _ = reader.Lookup(others[i&1])
			i++
		}
	})
}
