package geoip_test

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clearhop/enrich/geoip"
	"clearhop/record"
)

var notFound = geoip.Result{
	Place: record.Geo{State: record.GeoNotFound},
	AS:    record.AS{State: record.GeoNotFound},
}

func private() geoip.Result {
	return geoip.Result{
		Place: record.Geo{State: record.GeoPrivate},
		AS:    record.AS{State: record.GeoPrivate},
	}
}

func TestLookup(t *testing.T) {
	boxford := geoip.Result{
		Place: record.Geo{
			State:         record.GeoFound,
			ContinentCode: "EU", CountryISOCode: "GB", CountryName: "United Kingdom",
			RegionISOCode: "GB-ENG", RegionName: "England", CityName: "Boxford",
			PostalCode: "OX1", TimeZone: "Europe/London",
			Latitude: 51.75, Longitude: -1.25, HasLocation: true,
		},
		AS: record.AS{State: record.GeoFound, Number: 5607, Organization: "Sky UK Limited"},
	}
	tests := []struct {
		why  string
		addr string
		want geoip.Result
	}{
		{"everything known", "2.125.160.217", boxford},
		{"the network's other end", "2.125.160.223", boxford},
		{"IPv4-mapped is IPv4", "::ffff:2.125.160.217", boxford},
		{"beside the place, inside the AS", "2.125.160.224", geoip.Result{
			Place: notFound.Place,
			AS:    boxford.AS,
		}},
		{"the AS alone", "8.8.8.8", geoip.Result{
			Place: notFound.Place,
			AS:    record.AS{State: record.GeoFound, Number: 15169, Organization: "GOOGLE"},
		}},
		{"neither", "9.9.9.9", notFound},
		{"the registered country is no place", "1.1.1.1", notFound},
		{"0, 0 is a place, and an AS may have 32 bits and no name", "41.0.0.1", geoip.Result{
			Place: record.Geo{State: record.GeoFound, CountryISOCode: "GH", CountryName: "Ghana", HasLocation: true},
			AS:    record.AS{State: record.GeoFound, Number: 4200000001},
		}},
		{"half a location is none", "42.0.0.1", geoip.Result{
			Place: record.Geo{State: record.GeoFound, CountryISOCode: "JP"},
			AS:    notFound.AS,
		}},
		{"a location off the globe is none", "43.0.0.1", geoip.Result{
			Place: record.Geo{State: record.GeoFound, CountryISOCode: "JP"},
			AS:    notFound.AS,
		}},
		{"English names only; a region without a code", "44.0.0.1", geoip.Result{
			Place: record.Geo{State: record.GeoFound, CountryISOCode: "JP", RegionName: "Tokyo"},
			AS:    notFound.AS,
		}},
		{"IPv6", "2001:218::1", geoip.Result{
			Place: record.Geo{State: record.GeoFound, ContinentCode: "AS", CountryISOCode: "JP", CountryName: "Japan"},
			AS:    record.AS{State: record.GeoFound, Number: 2914, Organization: "NTT"},
		}},
		{"the smaller network decides", "2001:218:8000::1", geoip.Result{
			Place: record.Geo{State: record.GeoFound, ContinentCode: "AS", CountryISOCode: "JP", CountryName: "Japan"},
			AS:    notFound.AS,
		}},
		{"a zone changes nothing", "fe80::1%eth0", private()},
		{"private", "10.0.5.4", private()},
	}
	reader := open(t, geoip.Config{CityPath: cityFixture.write(t), ASNPath: asnFixture.write(t)}).NewReader()
	// The second turn is answered by the cache, whatever the first left in it.
	for _, turn := range []string{"read", "cached"} {
		for _, test := range tests {
			got, err := reader.Lookup(netip.MustParseAddr(test.addr))
			if err != nil {
				t.Errorf("%s: %s (%s): %v", turn, test.why, test.addr, err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s: %s (%s): -want +got\n%s", turn, test.why, test.addr, diff)
			}
		}
	}

	t.Run("no address", func(t *testing.T) {
		got, err := reader.Lookup(netip.Addr{})
		if got != (geoip.Result{}) || err != nil {
			t.Errorf("got %+v, %v; want nothing", got, err)
		}
	})
}

// TestKinds looks one address up in each kind of database that a setting takes.
func TestKinds(t *testing.T) {
	japan := record.Geo{State: record.GeoFound, CountryISOCode: "JP", CountryName: "Japan"}
	inAsia := japan
	inAsia.ContinentCode = "AS"
	google := record.AS{State: record.GeoFound, Number: 15169, Organization: "GOOGLE"}

	f := func(why string, config geoip.Config, addr string, want geoip.Result) {
		t.Helper()
		got, err := open(t, config).NewReader().Lookup(netip.MustParseAddr(addr))
		if err != nil {
			t.Errorf("%s: %v", why, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", why, diff)
		}
	}
	missing := geoip.Result{
		Place: record.Geo{State: record.GeoMissing},
		AS:    record.AS{State: record.GeoMissing},
	}
	f("country", geoip.Config{CityPath: countryFixture.write(t)}, "210.227.0.10",
		geoip.Result{Place: inAsia, AS: missing.AS})
	f("enterprise", geoip.Config{CityPath: enterpriseFixture.write(t)}, "210.227.0.10",
		geoip.Result{Place: japan, AS: missing.AS})
	f("isp", geoip.Config{ASNPath: ispFixture.write(t)}, "8.8.8.8",
		geoip.Result{Place: missing.Place, AS: google})
	f("none", geoip.Config{}, "8.8.8.8", missing)
	f("none, IPv6", geoip.Config{}, "2001:218::1", missing)
	f("none, private", geoip.Config{}, "192.168.1.1", private())

	onlyIPv4 := asnFixture
	onlyIPv4.ipVersion = 4
	onlyIPv4.networks = "8.8.8.0/24 " + `{"autonomous_system_number":15169,"autonomous_system_organization":"GOOGLE"}`
	f("IPv4 in a database of IPv4", geoip.Config{ASNPath: onlyIPv4.write(t)}, "8.8.8.8",
		geoip.Result{Place: missing.Place, AS: google})
	f("IPv6 in a database of IPv4", geoip.Config{ASNPath: onlyIPv4.write(t)}, "2001:218::1",
		geoip.Result{Place: missing.Place, AS: notFound.AS})

	// Two databases that answer one address with networks of two families.
	onlyIPv6 := countryFixture
	onlyIPv6.networks = `2001:218::/32 {"country":{"iso_code":"JP","names":{"en":"Japan"}}}`
	both := geoip.Config{CityPath: onlyIPv6.write(t), ASNPath: onlyIPv4.write(t)}
	f("IPv4, the place only has IPv6", both, "8.8.8.8", geoip.Result{Place: notFound.Place, AS: google})
	f("IPv6, the AS only has IPv4", both, "2001:218::1", geoip.Result{Place: japan, AS: notFound.AS})
}

func TestSpecialNetworksArePrivate(t *testing.T) {
	// A database that has an answer for the whole internet.
	everywhere := fixture{databaseType: "GeoLite2-ASN", networks: `
0.0.0.0/0        {"autonomous_system_number":64500}
2000::/3         {"autonomous_system_number":64500}`}
	reader := open(t, geoip.Config{ASNPath: everywhere.write(t)}).NewReader()

	state := func(addr netip.Addr) record.GeoState {
		result, err := reader.Lookup(addr)
		if err != nil {
			t.Fatal(err)
		}
		return result.AS.State
	}
	for _, text := range geoip.SpecialNetworks {
		network := netip.MustParsePrefix(text)
		if network != network.Masked() {
			t.Errorf("%s has bits set beyond its length", network)
		}
		if got := state(network.Addr()); got != record.GeoPrivate {
			t.Errorf("%s: got %s, want private", network.Addr(), got)
		}
	}
	public := strings.Fields(`
		1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 192.0.1.0
		192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
		2000:: 2001:1:ffff::1 2001:2:1:: 2001:f:ffff::1 2001:20:: 2001:db7:: 2001:db9:: 3fff:1000::`)
	for _, addr := range public {
		if got := state(netip.MustParseAddr(addr)); got == record.GeoPrivate {
			t.Errorf("%s is public, got private", addr)
		}
	}
}

func TestStale(t *testing.T) {
	now := built.Add(30 * 24 * time.Hour)
	databases := open(t, geoip.Config{
		CityPath: cityFixture.write(t),
		ASNPath:  asnFixture.write(t),
		MaxAge:   30 * 24 * time.Hour,
		Now:      func() time.Time { return now },
	})
	reader := databases.NewReader()

	f := func(addr string, place, as record.GeoState) {
		t.Helper()
		got, err := reader.Lookup(netip.MustParseAddr(addr))
		if err != nil {
			t.Fatal(err)
		}
		if got.Place.State != place || got.AS.State != as {
			t.Errorf("%s: got %s and %s, want %s and %s", addr, got.Place.State, got.AS.State, place, as)
		}
		if as == record.GeoStale && got.AS.Number == 0 {
			t.Errorf("%s: a stale answer is an answer, got none", addr)
		}
	}
	f("2.125.160.217", record.GeoFound, record.GeoFound)
	if databases.Info()[0].Stale {
		t.Error("stale on its last day")
	}

	now = now.Add(time.Second)
	f("2.125.160.217", record.GeoStale, record.GeoStale) // cached while fresh
	f("2001:218::1", record.GeoStale, record.GeoStale)
	f("8.8.8.8", record.GeoNotFound, record.GeoStale)
	f("10.0.0.1", record.GeoPrivate, record.GeoPrivate)
	if !databases.Info()[0].Stale {
		t.Error("not stale after its last day")
	}
}

// TestCacheBounded looks up more places than the cache may hold.
func TestCacheBounded(t *testing.T) {
	databases := open(t, geoip.Config{CityPath: cityFixture.write(t), ASNPath: asnFixture.write(t)})
	small, large := databases.NewReader(), databases.NewReader()
	small.Limit(3)
	for range 3 {
		for _, addr := range strings.Fields("2.125.160.217 8.8.8.8 41.0.0.1 42.0.0.1 43.0.0.1 2001:218::1 10.0.0.1") {
			got, err := small.Lookup(netip.MustParseAddr(addr))
			if err != nil {
				t.Fatal(err)
			}
			want, _ := large.Lookup(netip.MustParseAddr(addr))
			if got != want {
				t.Errorf("%s: got %+v, want %+v", addr, got, want)
			}
			if places, systems := small.Known(); places > 3 || systems > 3 {
				t.Fatalf("%d places and %d systems are remembered, want at most 3 of each", places, systems)
			}
		}
	}
	if places, systems := large.Known(); places != 5 || systems != 4 {
		t.Errorf("%d places and %d systems are remembered, want 5 and 4", places, systems)
	}
}

func TestLookupOfKnownNetworkAllocatesNothing(t *testing.T) {
	reader := open(t, geoip.Config{
		CityPath: cityFixture.write(t),
		ASNPath:  asnFixture.write(t),
		MaxAge:   time.Hour,
	}).NewReader()
	for _, text := range []string{"2.125.160.217", "::ffff:8.8.8.8", "9.9.9.9", "10.0.0.1", "2001:218::1"} {
		addr := netip.MustParseAddr(text)
		if _, err := reader.Lookup(addr); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { _, _ = reader.Lookup(addr) }); n != 0 {
			t.Errorf("%s: %v allocations, want none", addr, n)
		}
	}
}

// TestReadersShareDatabases is for the race detector.
func TestReadersShareDatabases(t *testing.T) {
	databases := open(t, geoip.Config{CityPath: cityFixture.write(t), ASNPath: asnFixture.write(t), MaxAge: time.Hour})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			reader := databases.NewReader()
			for _, addr := range strings.Fields("2.125.160.217 8.8.8.8 41.0.0.1 2001:218::1 2.125.160.217") {
				if _, err := reader.Lookup(netip.MustParseAddr(addr)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	readers.Wait()
}

// TestResultOutlivesClose reads a Result after its file is unmapped.
func TestResultOutlivesClose(t *testing.T) {
	databases, err := geoip.Open(geoip.Config{CityPath: cityFixture.write(t)})
	if err != nil {
		t.Fatal(err)
	}
	result, err := databases.NewReader().Lookup(netip.MustParseAddr("2.125.160.217"))
	if err != nil {
		t.Fatal(err)
	}
	if err := databases.Close(); err != nil {
		t.Fatal(err)
	}
	if result.Place.CityName != "Boxford" {
		t.Errorf("got %q, want Boxford", result.Place.CityName)
	}
}
