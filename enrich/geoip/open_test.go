package geoip_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clearhop/enrich/geoip"
	"clearhop/record"
)

func TestInfo(t *testing.T) {
	city, asn := cityFixture.write(t), asnFixture.write(t)
	got := open(t, geoip.Config{CityPath: city, ASNPath: asn}).Info()
	want := []geoip.Info{
		{Path: city, Type: "GeoLite2-City", Built: built, IPVersion: 6, Languages: []string{"en"}, Description: "a fixture"},
		{Path: asn, Type: "GeoLite2-ASN", Built: built, IPVersion: 6, Languages: []string{"en"}, Description: "a fixture"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := open(t, geoip.Config{ASNPath: asn}).Info(); len(got) != 1 || got[0].Path != asn {
		t.Errorf("with one database, got %+v", got)
	}
}

// TestOpenErrors gives Open files that are no database. DIR in the wanted text
// is where they are.
func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	city := cityFixture.bytes(t)
	noise := make([]byte, 1<<16)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	asnPath := file("asn.mmdb", asnFixture.bytes(t))
	cityPath := file("city.mmdb", city)
	flatPath := file("flat.mmdb", fixture{databaseType: "country ipvAll", networks: `8.8.8.0/24 {"country_code":"US"}`}.bytes(t))

	f := func(why string, config geoip.Config, want string) error {
		t.Helper()
		databases, err := geoip.Open(config)
		if err == nil {
			databases.Close()
			t.Errorf("%s: no error", why)
			return nil
		}
		if got := strings.ReplaceAll(err.Error(), dir, "DIR"); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", why, got, want)
		}
		return err
	}
	err := f("missing", geoip.Config{CityPath: filepath.Join(dir, "none.mmdb")},
		"database DIR/none.mmdb: no such file or directory")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("a missing file is not fs.ErrNotExist")
	}
	f("a directory", geoip.Config{CityPath: dir}, "database DIR: not a regular file")
	f("empty", geoip.Config{ASNPath: file("empty.mmdb", nil)}, "database DIR/empty.mmdb: file is empty")
	f("noise", geoip.Config{CityPath: file("noise.mmdb", noise)},
		"database DIR/noise.mmdb: error opening database: invalid MaxMind DB file")
	f("cut off", geoip.Config{CityPath: file("cut.mmdb", city[:len(city)/2])},
		"database DIR/cut.mmdb: error opening database: invalid MaxMind DB file")
	f("only the end", geoip.Config{CityPath: file("end.mmdb", city[bytes.Index(city, []byte("MaxMind.com"))-3:])},
		"database DIR/end.mmdb: the MaxMind DB contains invalid metadata")

	err = f("an ASN file for places", geoip.Config{CityPath: asnPath},
		`database DIR/asn.mmdb is of type "GeoLite2-ASN", want one of type City, Country or Enterprise`)
	want := &geoip.TypeError{Path: asnPath, Type: "GeoLite2-ASN", Want: "City, Country or Enterprise"}
	if got, ok := errors.AsType[*geoip.TypeError](err); !ok || *got != *want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	f("a type that geoip2-golang does not know", geoip.Config{ASNPath: flatPath},
		`database DIR/flat.mmdb is of type "country ipvAll", want one of type ASN or ISP`)
	f("both wrong, both told", geoip.Config{CityPath: asnPath, ASNPath: cityPath},
		`database DIR/asn.mmdb is of type "GeoLite2-ASN", want one of type City, Country or Enterprise`+"\n"+
			`database DIR/city.mmdb is of type "GeoLite2-City", want one of type ASN or ISP`)
	f("one wrong", geoip.Config{CityPath: cityPath, ASNPath: dir}, "database DIR: not a regular file")
}

// TestDamagedRecord breaks the record of one network: its look-up fails, every
// other one and the other database go on.
func TestDamagedRecord(t *testing.T) {
	path := cityFixture.write(t)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// 0x47 says that a text of seven bytes follows; 0x00 0xff says that a value
	// of type 262 does, which is none.
	at := bytes.Index(content, []byte("\x47Boxford"))
	if at < 0 {
		t.Fatal("the fixture holds no Boxford")
	}
	content[at] = 0x00
	content[at+1] = 0xff
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	reader := open(t, geoip.Config{CityPath: path, ASNPath: asnFixture.write(t)}).NewReader()

	for range 2 { // a failure is not remembered as an answer
		got, err := reader.Lookup(netip.MustParseAddr("2.125.160.217"))
		lookupErr, ok := errors.AsType[*geoip.LookupError](err)
		if !ok || lookupErr.Path != path {
			t.Fatalf("got error %v, want a LookupError of %s", err, path)
		}
		if strings.Contains(err.Error(), "2.125") {
			t.Errorf("the error tells the address: %v", err)
		}
		want := geoip.Result{
			Place: record.Geo{State: record.GeoError},
			AS:    record.AS{State: record.GeoFound, Number: 5607, Organization: "Sky UK Limited"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		got, err = reader.Lookup(netip.MustParseAddr("2001:218::1"))
		if err != nil || got.Place.CountryISOCode != "JP" {
			t.Errorf("after the failure: got %+v, %v", got, err)
		}
	}
}

// FuzzDamage overwrites bytes of a database. Whatever they are, a look-up gives
// an answer or an error, the answer of a Reader that has it cached is the same,
// and a location stays on the globe.
func FuzzDamage(f *testing.F) {
	content := cityFixture.bytes(f)
	addrs := []netip.Addr{
		netip.MustParseAddr("2.125.160.217"), netip.MustParseAddr("1.1.1.1"),
		netip.MustParseAddr("44.0.0.1"), netip.MustParseAddr("2001:218::1"),
	}
	for seed := range 100 {
		f.Add(uint32(seed*len(content)/100), []byte{byte(seed * 7), 0xff})
	}
	f.Fuzz(func(t *testing.T, at uint32, noise []byte) {
		damaged := bytes.Clone(content)
		copy(damaged[int(at)%len(damaged):], noise)
		path := filepath.Join(t.TempDir(), "damaged.mmdb")
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		databases, err := geoip.Open(geoip.Config{CityPath: path})
		if err != nil {
			return
		}
		defer databases.Close()
		reader := databases.NewReader()
		for _, addr := range addrs {
			first, err := reader.Lookup(addr)
			second, again := reader.Lookup(addr)
			if first != second || (err == nil) != (again == nil) {
				t.Errorf("%s: %+v, %v, then %+v, %v", addr, first, err, second, again)
			}
			if (err != nil) != (first.Place.State == record.GeoError) {
				t.Errorf("%s: state %s with error %v", addr, first.Place.State, err)
			}
			if lat, lon := first.Place.Latitude, first.Place.Longitude; !(lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180) {
				t.Errorf("%s is at %v, %v", addr, lat, lon)
			}
		}
	})
}
